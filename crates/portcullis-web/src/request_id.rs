//! Names for requests: what a client quotes and the audit trail knows.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// 16 hexadecimal digits, different for every request of this process and, by chance, of every other. A name, not a secret.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    /// A name that was not given before.
    pub(crate) fn generate() -> Self {
        static START: OnceLock<u64> = OnceLock::new();
        static GIVEN: AtomicU64 = AtomicU64::new(0);
        // The standard library seeds its hashers from the system's source of chance.
        let start = *START.get_or_init(|| RandomState::new().build_hasher().finish());
        // An odd step visits all 2^64 values before one comes again, and neighbours do not look alike.
        let given = GIVEN.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(format!("{:016X}", start.wrapping_add(given)))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn names_differ() {
        let names: std::collections::HashSet<_> = (0..1000).map(|_| RequestId::generate().0).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
