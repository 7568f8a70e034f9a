//! Public keys as authenticators write them (RFC 9052 and RFC 9053) and their signatures (section 6.5.5).

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::{PasskeyError, cbor};

/// ECDSA on P-256 with SHA-256.
pub(super) const ES256: i64 = -7;
/// Ed25519.
pub(super) const EDDSA: i64 = -8;
/// RSASSA-PKCS1-v1_5 with SHA-256: what Windows Hello makes where there is only an older TPM.
pub(super) const RS256: i64 = -257;

/// The names in a key.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;

/// The shortest and longest RSA modulus in bytes.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

pub(super) enum PublicKey {
    /// A point, uncompressed.
    Es256(Vec<u8>),
    EdDsa(Vec<u8>),
    Rs256 {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl PublicKey {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let mut map = cbor::whole(bytes)?;
        match (map.integer(KEY_TYPE), map.integer(ALGORITHM)) {
            (Some(2), Some(ES256)) => {
                let (curve, x, y) = (map.integer(-1), map.bytes(-2), map.bytes(-3));
                let (Some(1), Some(x), Some(y)) = (curve, x, y) else {
                    return Err(PasskeyError::UnsupportedKey);
                };
                if x.len() != 32 || y.len() != 32 {
                    return Err(PasskeyError::UnsupportedKey);
                }
                Ok(Self::Es256([&[4], x.as_slice(), y.as_slice()].concat()))
            }
            (Some(1), Some(EDDSA)) => match (map.integer(-1), map.bytes(-2)) {
                (Some(6), Some(key)) if key.len() == 32 => Ok(Self::EdDsa(key)),
                _ => Err(PasskeyError::UnsupportedKey),
            },
            (Some(3), Some(RS256)) => {
                let (Some(modulus), Some(exponent)) = (map.bytes(-1), map.bytes(-2)) else {
                    return Err(PasskeyError::UnsupportedKey);
                };
                let (modulus, exponent) = (without_zeros(&modulus), without_zeros(&exponent));
                if !MODULUS.contains(&modulus.len()) {
                    return Err(PasskeyError::UnsupportedKey);
                }
                Ok(Self::Rs256 { modulus, exponent })
            }
            _ => Err(PasskeyError::UnsupportedKey),
        }
    }

    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), PasskeyError> {
        let outcome = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature)
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(signed, signature),
            Self::Rs256 { modulus: n, exponent: e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
        };
        outcome.map_err(|_| PasskeyError::BadSignature)
    }
}

/// Some authenticators write a number with a zero before it.
fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}
