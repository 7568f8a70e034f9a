//! Names for requests: what a client quotes and the audit trail knows.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

const LEN: usize = 16;

/// 16 characters of `0-9A-F`, different for every request of this process and, by chance, of every other.
/// They are a name, not a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId([u8; LEN]);

impl RequestId {
    /// A name that was not given before.
    pub(crate) fn generate() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // The step is odd and the mixing a bijection, so that 2^64 names pass before one comes again.
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(hex(mix(seed().wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15)))))
    }

    /// The name's text.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// For `x-amz-request-id`.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static("0000000000000000"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names this process, for `x-amz-id-2` and `<HostId>`: made up at start, the same in every answer.
pub(crate) fn host_id() -> &'static HeaderValue {
    static HOST: OnceLock<HeaderValue> = OnceLock::new();
    HOST.get_or_init(|| {
        let text = hex(mix(!seed()));
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("portcullis"))
    })
}

fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    // The standard library seeds its hashers from the system's source of chance.
    *SEED.get_or_init(|| RandomState::new().build_hasher().finish())
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn hex(value: u64) -> [u8; LEN] {
    let mut text = [b'0'; LEN];
    let mut rest = value;
    for place in text.iter_mut().rev() {
        let nibble = u8::try_from(rest & 0xf).unwrap_or(0);
        *place = if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
        rest >>= 4;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_form_and_differ() {
        let names: std::collections::HashSet<String> =
            (0..1_000).map(|_| RequestId::generate().to_string()).collect();
        assert_eq!(names.len(), 1_000);
        for name in names {
            assert_eq!(name.len(), LEN);
            assert!(name.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)), "{name}");
        }
    }

    #[test]
    fn the_host_keeps_its_name() {
        assert_eq!(host_id(), host_id());
    }
}
