//! The vectors of the specification, and authenticators made of keys of these tests.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

use super::*;

mod vectors;

const CHALLENGE: Challenge = [7; CHALLENGE_LEN];
const ID: &[u8] = b"a credential";
const USER: &[u8] = b"sixteen bytes 16";

fn party() -> RelyingParty {
    RelyingParty::at("https://gate.example.org").unwrap()
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Key {
    fn es256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Self::Es256(
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap(),
        )
    }

    fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn cose(&self) -> Vec<u8> {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (point[1..33].to_vec(), point[33..].to_vec());
                encoded(&[(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, x.into()), (-3, y.into())])
            }
            Self::EdDsa(pair) => {
                let key = pair.public_key().as_ref().to_vec();
                encoded(&[(1, 1.into()), (3, (-8).into()), (-1, 6.into()), (-2, key.into())])
            }
        }
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(pair) => pair.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(bytes).as_ref().to_vec(),
        }
    }
}

fn encoded(entries: &[(i64, Value)]) -> Vec<u8> {
    let entries = entries.iter().map(|(name, value)| (Value::from(*name), value.clone())).collect();
    cbor_of(&Value::Map(entries))
}

fn cbor_of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn client_data(kind: &str, challenge: &[u8], origin: &str, more: &str) -> Vec<u8> {
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{more}}}"#).into_bytes()
}

fn created() -> Vec<u8> {
    client_data("webauthn.create", &CHALLENGE, "https://gate.example.org", r#","crossOrigin":false"#)
}

fn asked() -> Vec<u8> {
    client_data("webauthn.get", &CHALLENGE, "https://gate.example.org", "")
}

fn auth_data(domain: &str, flags: u8, count: u32, rest: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Sha256::digest(domain.as_bytes()).to_vec();
    bytes.push(flags);
    bytes.extend(count.to_be_bytes());
    bytes.extend(rest.concat());
    bytes
}

fn made(cose: &[u8]) -> Vec<u8> {
    let length = u16::try_from(ID.len()).unwrap().to_be_bytes();
    [&[0; 16], length.as_slice(), ID, cose].concat()
}

fn attested(format: &str, statement: Vec<(Value, Value)>, auth_data: Vec<u8>) -> Vec<u8> {
    cbor_of(&Value::Map(vec![
        ("fmt".into(), format.into()),
        ("attStmt".into(), Value::Map(statement)),
        ("authData".into(), auth_data.into()),
    ]))
}

fn registered(attestation: &[u8]) -> Result<NewPasskey, PasskeyError> {
    register(&party(), &CHALLENGE, &CreationAnswer { client_data: &created(), attestation })
}

#[test]
fn made_and_used_with_both_kinds_of_curve() {
    for key in [Key::es256(), Key::ed25519()] {
        let passkey = registered(&attested(
            "none",
            vec![],
            auth_data("gate.example.org", 0x45, 0, &[&made(&key.cose())]),
        ))
        .unwrap();
        assert_eq!((passkey.credential_id(), passkey.sign_count()), (ID, 0));
        assert_eq!(passkey.public_key(), key.cose());

        let data = auth_data("gate.example.org", 0x05, 1, &[]);
        let signature = key.sign(&signed_bytes(&data, &asked()));
        let verified = used(&passkey, &data, &asked(), &signature, 0).unwrap();
        assert_eq!((verified.credential_id(), verified.sign_count()), (ID, 1));
        assert_eq!(verified.public_key(), passkey.public_key());
    }
}

fn used(
    passkey: &NewPasskey,
    data: &[u8],
    client_data: &[u8],
    signature: &[u8],
    sign_count: u32,
) -> Result<VerifiedPasskey, PasskeyError> {
    let answer = RequestAnswer {
        credential_id: ID,
        client_data,
        authenticator_data: data,
        signature,
        user_handle: Some(USER),
    };
    let known =
        KnownPasskey { credential_id: ID, public_key: passkey.public_key(), sign_count, user_handle: USER };
    verify(&party(), &CHALLENGE, &answer, &known)
}

#[test]
fn the_count_of_uses_has_to_grow_unless_there_is_none() {
    let key = Key::ed25519();
    let passkey = NewPasskey { credential_id: ID.to_vec(), public_key: key.cose(), sign_count: 0 };
    for (kept, said, expected) in [
        (0, 0, Ok(0)),
        (0, 5, Ok(5)),
        (5, 6, Ok(6)),
        (5, 5, Err(PasskeyError::CountWentBack)),
        (5, 4, Err(PasskeyError::CountWentBack)),
        (5, 0, Err(PasskeyError::CountWentBack)),
    ] {
        let data = auth_data("gate.example.org", 0x05, said, &[]);
        let signature = key.sign(&signed_bytes(&data, &asked()));
        let outcome = used(&passkey, &data, &asked(), &signature, kept).map(|verified| verified.sign_count());
        assert_eq!(outcome, expected, "{kept} then {said}");
    }
}

#[test]
fn an_answer_to_something_else_is_refused() {
    let key = Key::es256();
    let passkey = NewPasskey { credential_id: ID.to_vec(), public_key: key.cose(), sign_count: 0 };
    let origin = "https://gate.example.org";
    for (client, domain, flags, expected) in [
        (
            client_data("webauthn.create", &CHALLENGE, origin, ""),
            "gate.example.org",
            5,
            PasskeyError::WrongType,
        ),
        (
            client_data("webauthn.get", &[8; 32], origin, ""),
            "gate.example.org",
            5,
            PasskeyError::WrongChallenge,
        ),
        (client_data("webauthn.get", &[], origin, ""), "gate.example.org", 5, PasskeyError::WrongChallenge),
        (
            client_data("webauthn.get", &CHALLENGE, "https://gate.example.org.evil.example", ""),
            "gate.example.org",
            5,
            PasskeyError::WrongOrigin,
        ),
        (
            client_data("webauthn.get", &CHALLENGE, "https://gate.example.org:444", ""),
            "gate.example.org",
            5,
            PasskeyError::WrongOrigin,
        ),
        (
            client_data("webauthn.get", &CHALLENGE, origin, r#","crossOrigin":true"#),
            "gate.example.org",
            5,
            PasskeyError::WrongOrigin,
        ),
        (
            client_data("webauthn.get", &CHALLENGE, origin, r#","topOrigin":"https://evil.example""#),
            "gate.example.org",
            5,
            PasskeyError::WrongOrigin,
        ),
        (asked(), "evil.example", 5, PasskeyError::WrongParty),
        (asked(), "gate.example.org", 4, PasskeyError::NotPresent),
        (asked(), "gate.example.org", 1, PasskeyError::NotVerified),
        (b"{}".to_vec(), "gate.example.org", 5, PasskeyError::Malformed("the client data")),
    ] {
        let data = auth_data(domain, flags, 1, &[]);
        let signature = key.sign(&signed_bytes(&data, &client));
        assert_eq!(used(&passkey, &data, &client, &signature, 0), Err(expected));
    }
}

#[test]
fn another_key_or_person_is_refused() {
    let (key, other) = (Key::es256(), Key::es256());
    let data = auth_data("gate.example.org", 5, 1, &[]);
    let client_data = asked();
    let signature = other.sign(&signed_bytes(&data, &client_data));
    let cose = key.cose();
    let answer = RequestAnswer {
        credential_id: ID,
        client_data: &client_data,
        authenticator_data: &data,
        signature: &signature,
        user_handle: None,
    };
    let known = KnownPasskey { credential_id: ID, public_key: &cose, sign_count: 0, user_handle: USER };
    assert_eq!(verify(&party(), &CHALLENGE, &answer, &known), Err(PasskeyError::BadSignature));
    let stranger = RequestAnswer { user_handle: Some(b"somebody else"), ..answer };
    assert_eq!(verify(&party(), &CHALLENGE, &stranger, &known), Err(PasskeyError::WrongPasskey));
    let elsewhere = KnownPasskey { credential_id: b"another", ..known };
    assert_eq!(verify(&party(), &CHALLENGE, &answer, &elsewhere), Err(PasskeyError::WrongPasskey));
}

#[test]
fn a_key_signs_for_itself_or_not_at_all() {
    let (key, other) = (Key::es256(), Key::es256());
    let data = auth_data("gate.example.org", 0x45, 0, &[&made(&key.cose())]);
    let signed = signed_bytes(&data, &created());
    let statement =
        |signature: Vec<u8>| vec![("alg".into(), Value::from(-7)), ("sig".into(), signature.into())];
    assert!(registered(&attested("packed", statement(key.sign(&signed)), data.clone())).is_ok());
    assert_eq!(
        registered(&attested("packed", statement(other.sign(&signed)), data.clone())),
        Err(PasskeyError::BadSignature)
    );
    let mut certified = statement(key.sign(&signed));
    certified.push(("x5c".into(), Value::Array(vec![])));
    for (format, statement) in [
        ("packed", certified),
        ("packed", vec![]),
        ("none", statement(key.sign(&signed))),
        ("tpm", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(registered(&attested(format, statement, data.clone())), Err(PasskeyError::Attestation));
    }
}

#[test]
fn what_is_made_must_be_whole() {
    let cose = Key::ed25519().cose();
    let extensions = cbor_of(&Value::Map(vec![("credProtect".into(), 2.into())]));
    let with = |flags, rest: &[&[u8]]| {
        registered(&attested("none", vec![], auth_data("gate.example.org", flags, 0, rest)))
    };
    assert!(with(0xc5, &[&made(&cose), &extensions]).is_ok());
    let cut = PasskeyError::Malformed("the authenticator data is cut off");
    let after = PasskeyError::Malformed("bytes after the authenticator data");
    assert_eq!(with(0x45, &[&made(&cose), &extensions]), Err(after));
    assert_eq!(with(0x05, &[&made(&cose)]), Err(after));
    assert_eq!(with(0x05, &[]), Err(PasskeyError::Malformed("no key in the authenticator data")));
    assert_eq!(with(0xc5, &[&made(&cose)]), Err(PasskeyError::Malformed("not CBOR")));
    assert_eq!(with(0x45, &[&made(&cose)[..20]]), Err(cut));
    assert_eq!(with(0x41, &[&made(&cose)]), Err(PasskeyError::NotVerified));
    assert_eq!(with(0x44, &[&made(&cose)]), Err(PasskeyError::NotPresent));
    let no_id = [[0; 18].as_slice(), &cose].concat();
    assert_eq!(with(0x45, &[&no_id]), Err(PasskeyError::Malformed("the length of the credential id")));
}

#[test]
fn keys_that_are_not_taken() {
    let key: Value = vec![7; 32].into();
    let modulus = |length| Value::from(vec![0xb1; length]);
    for cose in [
        // ES384, a curve that does not fit, a short point, one coordinate, Ed448, a short RSA key, no algorithm, twice an algorithm.
        encoded(&[(1, 2.into()), (3, (-35).into()), (-1, 2.into()), (-2, key.clone()), (-3, key.clone())]),
        encoded(&[(1, 2.into()), (3, (-7).into()), (-1, 2.into()), (-2, key.clone()), (-3, key.clone())]),
        encoded(&[
            (1, 2.into()),
            (3, (-7).into()),
            (-1, 1.into()),
            (-2, vec![7; 31].into()),
            (-3, key.clone()),
        ]),
        encoded(&[(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, key.clone())]),
        encoded(&[(1, 1.into()), (3, (-8).into()), (-1, 7.into()), (-2, key.clone())]),
        encoded(&[(1, 3.into()), (3, (-257).into()), (-1, modulus(128)), (-2, vec![1, 0, 1].into())]),
        encoded(&[(1, 1.into()), (-1, 6.into()), (-2, key.clone())]),
        encoded(&[(1, 1.into()), (3, (-8).into()), (3, (-8).into()), (-1, 6.into()), (-2, key)]),
    ] {
        let data = auth_data("gate.example.org", 0x45, 0, &[&made(&cose)]);
        assert_eq!(registered(&attested("none", vec![], data)), Err(PasskeyError::UnsupportedKey));
    }
}

#[test]
fn what_browsers_are_asked() {
    let options = creation_options(&party(), &CHALLENGE, USER, "ann", [ID]);
    assert_eq!(options["rp"]["id"], "gate.example.org");
    assert_eq!(options["user"]["id"], URL_SAFE_NO_PAD.encode(USER));
    assert_eq!(options["challenge"], URL_SAFE_NO_PAD.encode(CHALLENGE));
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["excludeCredentials"][0]["id"], URL_SAFE_NO_PAD.encode(ID));
    let options = request_options(&party(), &CHALLENGE, []);
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"], serde_json::json!([]));
}
