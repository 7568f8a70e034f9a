//! The provider's public keys (RFC 7517, RFC 7518, RFC 8037) and signatures under them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// The most keys that are looked at.
const MOST: usize = 100;

/// The signatures that are taken: those of key pairs only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// By its registered name; there are no others, `none` and those of shared secrets least of all.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unverified {
    /// There is no such key: it may be newer than our copy of the keys.
    UnknownKey,
    /// It is not the key's.
    BadSignature,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Debug)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    public: Public,
}

/// The keys under which tokens may be signed.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a document of keys; keys for something else, or of kinds that are not taken, are left out.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(body).ok()?;
        let keys = document.keys.into_iter().take(MOST);
        Some(Self(keys.filter_map(|key| read(serde_json::from_value(key).ok()?)).collect()))
    }

    /// Checks a signature under the key that the token names; without a name, under the only one of its kind.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Unverified> {
        let fits = |key: &&Key| {
            kid.is_none_or(|kid| key.kid.as_deref() == Some(kid)) && key.public.algorithm() == algorithm
        };
        let mut fitting = self.0.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => key.public.verify(message, signature),
            // Which of several it is must be said.
            (_, _) => Err(Unverified::UnknownKey),
        }
    }
}

fn read(jwk: Jwk) -> Option<Key> {
    let signs = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
        && jwk.key_ops.is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok().filter(|bytes| !bytes.is_empty());
    let coordinate = |text| bytes(text).filter(|bytes| bytes.len() == 32);
    let public = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", None) => Public::Rsa { n: bytes(jwk.n)?, e: bytes(jwk.e)? },
        ("EC", Some("P-256")) => {
            let mut point = vec![4];
            point.extend(coordinate(jwk.x)?);
            point.extend(coordinate(jwk.y)?);
            Public::P256(point)
        }
        ("OKP", Some("Ed25519")) => Public::Ed25519(coordinate(jwk.x)?),
        (_, _) => return None,
    };
    let fits = jwk.alg.is_none_or(|alg| Algorithm::named(&alg) == Some(public.algorithm()));
    (signs && fits).then_some(Key { kid: jwk.kid, public })
}

impl Public {
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Unverified> {
        let verified = match self {
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.map_err(|_| Unverified::BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::json;

    fn pair() -> (Ed25519KeyPair, String) {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        (pair, x)
    }

    fn set(keys: &serde_json::Value) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_key_that_is_named_decides() {
        let ((pair, x), (_, other)) = (pair(), pair());
        let okp = |kid: &str, x: &str| json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x});
        let both = set(&json!([okp("a", &x), okp("b", &other)]));
        let signature = pair.sign(b"m");
        let verify = |keys: &KeySet, kid| keys.verify(Algorithm::EdDsa, kid, b"m", signature.as_ref());
        assert_eq!(verify(&both, Some("a")), Ok(()));
        assert_eq!(verify(&both, Some("b")), Err(Unverified::BadSignature));
        assert_eq!(verify(&both, Some("c")), Err(Unverified::UnknownKey));
        assert_eq!(verify(&both, None), Err(Unverified::UnknownKey), "it could be either");
        assert_eq!(verify(&set(&json!([okp("a", &x)])), None), Ok(()));
        assert_eq!(
            both.verify(Algorithm::Es256, Some("a"), b"m", signature.as_ref()),
            Err(Unverified::UnknownKey),
            "a key has one kind of signature"
        );
        assert_eq!(
            both.verify(Algorithm::EdDsa, Some("a"), b"n", signature.as_ref()),
            Err(Unverified::BadSignature)
        );
    }

    #[test]
    fn keys_for_something_else_are_left_out() {
        let (_, x) = pair();
        let okp = |name: &str, value: serde_json::Value| {
            let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
            key[name] = value;
            key
        };
        for wrong in [
            okp("use", json!("enc")),
            okp("key_ops", json!(["sign"])),
            okp("alg", json!("RS256")),
            okp("x", json!("AAAA")),
            okp("x", json!("not base64!")),
            okp("crv", json!("X25519")),
            json!({"kty": "oct", "k": x}),
            json!({"kty": "EC", "crv": "P-256", "x": x}),
            json!({"kty": "RSA", "n": "", "e": "AQAB"}),
            json!("key"),
        ] {
            assert!(set(&json!([wrong])).0.is_empty(), "{wrong}");
        }
        assert_eq!(set(&json!([okp("use", json!("sig")), okp("alg", json!("EdDSA"))])).0.len(), 2);
        assert_eq!(set(&json!(vec![okp("use", json!("sig")); 1000])).0.len(), MOST);
        assert!(KeySet::parse(b"{}").is_none());
    }
}
