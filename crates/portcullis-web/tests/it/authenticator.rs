//! An authenticator and the browser it is plugged into, made of a key of the test; and an app that shows codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use portcullis_domain::Timestamp;
use portcullis_signin::totp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::world::WEB_ADDRESS;

pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    user: String,
    count: u32,
    counts: bool,
    /// The page it thinks it is used on.
    pub(crate) origin: String,
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn cbor(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

impl Authenticator {
    pub(crate) fn new(name: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let (id, user) = (name.as_bytes().to_vec(), String::new());
        Self { key, id, user, count: 0, counts: true, origin: WEB_ADDRESS.to_owned() }
    }

    /// One that says nothing of how often it was used, as those that are kept on several devices.
    pub(crate) fn without_count(name: &str) -> Self {
        Self { counts: false, ..Self::new(name) }
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false})
            .to_string()
    }

    fn data(&self, domain: &Value, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(domain.as_str().unwrap()).to_vec();
        data.push(flags);
        data.extend(self.count.to_be_bytes());
        data
    }

    /// What `navigator.credentials.create` gives, as the fields of a request.
    pub(crate) fn create(&mut self, question: &Value) -> Value {
        let options = &question["options"];
        self.user = options["user"]["id"].as_str().unwrap().to_owned();
        let point = self.key.public_key().as_ref();
        let number = |number: i64| Cbor::from(number);
        let cose = cbor(&Cbor::Map(vec![
            (number(1), number(2)),
            (number(3), number(-7)),
            (number(-1), number(1)),
            (number(-2), point[1..33].to_vec().into()),
            (number(-3), point[33..].to_vec().into()),
        ]));
        let mut data = self.data(&options["rp"]["id"], 0x45);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(cose);
        let attestation = cbor(&Cbor::Map(vec![
            ("fmt".into(), "none".into()),
            ("attStmt".into(), Cbor::Map(vec![])),
            ("authData".into(), data.into()),
        ]));
        json!({
            "state": question["state"],
            "client_data": text(self.client_data("webauthn.create", options).as_bytes()),
            "attestation": text(&attestation),
        })
    }

    /// What `navigator.credentials.get` gives, as the fields of a request.
    pub(crate) fn get(&mut self, question: &Value) -> Value {
        self.count += u32::from(self.counts);
        let options = &question["options"];
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(&options["rpId"], 0x05);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client_data));
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "state": question["state"],
            "credential_id": text(&self.id),
            "client_data": text(client_data.as_bytes()),
            "authenticator_data": text(&data),
            "signature": text(signature.as_ref()),
            "user_handle": self.user,
        })
    }
}

/// The code that an app shows into which this key was typed.
pub(crate) fn code(key: &str, now: Timestamp) -> String {
    let letters = key.chars().filter(|c| !c.is_whitespace());
    let mut bits = letters.flat_map(|letter| {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        (0..5).rev().map(move |bit| value >> bit & 1)
    });
    let mut seed = Vec::new();
    while let Some(first) = bits.next() {
        let byte = (1..8).fold(first, |byte, _| byte << 1 | bits.next().unwrap_or(0));
        seed.push(u8::try_from(byte).unwrap());
    }
    seed.truncate(totp::SEED_LEN);
    totp::code_now(&seed, now).unwrap().to_string()
}
