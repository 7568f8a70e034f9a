//! A signature, and the hex text of 32 bytes.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// The 32 bytes of an HMAC-SHA256 signature. Compared in constant time, never shown by `Debug`.
#[derive(Clone, Copy)]
pub struct Signature([u8; 32]);

impl Signature {
    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hex digits; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        decode_hex(text).map(Self)
    }

    /// 64 lower-case hex digits, as the wire has it. Whoever holds this text can replay the request it belongs to.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.hex().iter().copied().map(char::from).collect()
    }

    pub(crate) fn hex(&self) -> [u8; 64] {
        encode_hex(&self.0)
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// The signature is not the one that the key makes. S3 code: `SignatureDoesNotMatch` (403).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match")]
pub struct SignatureMismatch;

pub(crate) fn decode_hex(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

pub(crate) fn encode_hex(bytes: &[u8; 32]) -> [u8; 64] {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    }
    let mut text = [0; 64];
    let nibbles = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    for (slot, nibble) in text.iter_mut().zip(nibbles) {
        *slot = nibble;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Signature;

    #[test]
    fn hex_both_ways_and_nothing_but_64_digits() {
        let text = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        let signature = Signature::from_hex(text.as_bytes()).unwrap();
        assert_eq!(signature.to_hex(), text);
        for wrong in ["", "f0", text.split_at(1).1, &format!("{text}00"), &text.replace('f', "g")] {
            assert!(Signature::from_hex(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn one_bit_makes_another_signature_and_debug_shows_none() {
        let one = Signature::new([7; 32]);
        for bit in 0..256 {
            let mut bytes = [7; 32];
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!one.matches(&Signature::new(bytes)));
        }
        assert!(one.matches(&Signature::new([7; 32])));
        assert_eq!(format!("{one:?}"), "Signature(..)");
    }
}
