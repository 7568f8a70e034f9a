//! Codes on paper, each good for one sign-in on the day the app is gone.
//!
//! A code is 16 characters of Crockford's base32, 80 bits of chance, in four groups: `7hq2-k4vd-m9xe-3tzw`. So much chance needs no
//! slow hash: the SHA-256 that is kept cannot be searched.

use portcullis_domain::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Codes that are given at once.
pub const CODES: usize = 10;
/// Bytes of chance in a code.
const BYTES: usize = 10;
/// Bytes of chance that [`codes`] takes.
pub const ENTROPY: usize = CODES * BYTES;
/// Characters of a code without its hyphens.
const LEN: usize = 16;
const GROUP: usize = 4;
/// No `i`, `l`, `o` or `u`: what is read from paper is not mistaken.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The [`CODES`] codes that these bytes of chance give, as they are shown. The bytes are the caller's to wipe.
#[must_use]
pub fn codes(entropy: &[u8; ENTROPY]) -> Vec<Secret> {
    entropy.chunks(BYTES).map(code).collect()
}

fn code(chance: &[u8]) -> Secret {
    let mut text = String::with_capacity(LEN + LEN / GROUP);
    let mut bits = chance.iter().fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
    for at in 0..LEN {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        let index = usize::try_from(bits & 31).unwrap_or_default();
        bits >>= 5;
        text.push(char::from(LETTERS.get(index).copied().unwrap_or(b'0')));
    }
    Secret::foreign(text)
}

/// What is kept of a code, from what somebody typed: letter case, blanks and hyphens do not matter, and letters that look like
/// digits are those. None if it cannot be a code.
#[must_use]
pub fn hash(typed: &str) -> Option<[u8; 32]> {
    let mut plain = Zeroizing::new(String::with_capacity(LEN));
    for letter in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let letter = match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        if plain.len() == LEN || !u8::try_from(letter).is_ok_and(|byte| LETTERS.contains(&byte)) {
            return None;
        }
        plain.push(letter);
    }
    (plain.len() == LEN).then(|| Sha256::digest(plain.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_different_readable_codes() {
        let mut entropy = [0u8; ENTROPY];
        for (at, byte) in entropy.iter_mut().enumerate() {
            *byte = u8::try_from(at * 37 % 256).unwrap();
        }
        let codes = codes(&entropy);
        assert_eq!(codes.len(), CODES);
        for code in &codes {
            let groups: Vec<&str> = code.reveal().split('-').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4, 4, 4, 4]);
        }
        let hashes: BTreeSet<_> = codes.iter().map(|code| hash(code.reveal()).unwrap()).collect();
        assert_eq!(hashes.len(), CODES);
    }

    #[test]
    fn typed_from_paper() {
        let kept = hash("01ab-cdef-ghjk-mnpq").unwrap();
        for typed in
            ["01abcdefghjkmnpq", " OLAB CDEF GHJK MNPQ ", "oiab-cdef-ghjk-mnpq", "0-1-abcdefghjkmnpq-"]
        {
            assert_eq!(hash(typed), Some(kept), "{typed}");
        }
        assert_ne!(hash("01ab-cdef-ghjk-mnpr"), Some(kept));
        for wrong in [
            "",
            "123456",
            "01ab-cdef-ghjk-mnp",
            "01ab-cdef-ghjk-mnpqr",
            "01ab-cdef-ghjk-mnpu",
            "01ab-cdef-ghjk-mnpé",
        ] {
            assert_eq!(hash(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_bit_of_chance_counts(entropy in prop::collection::vec(any::<u8>(), ENTROPY), bit in 0usize..ENTROPY * 8) {
            let first: [u8; ENTROPY] = entropy.try_into().unwrap();
            let mut second = first;
            second[bit / 8] ^= 1 << (bit % 8);
            let (first, second) = (codes(&first), codes(&second));
            let differ = first.iter().zip(&second).filter(|(one, other)| one != other).count();
            prop_assert_eq!(differ, 1);
        }
    }
}
