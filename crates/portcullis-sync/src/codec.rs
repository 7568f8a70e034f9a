//! How actions and agreements are kept: pages of entries in the order of their keys, each decoded alone.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{StoreError, StoreFault};

/// Keys as text.
pub(crate) mod key {
    use portcullis_domain::ObjectKey;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(key: &ObjectKey, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(key.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectKey, D::Error> {
        ObjectKey::parse(<&str>::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Times as microseconds.
pub(crate) mod time {
    use portcullis_domain::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.micros())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_micros)
    }
}

/// Entries of a full page.
pub const PAGE: usize = 512;

/// The bytes of a page.
///
/// # Errors
/// [`StoreFault::Corrupt`] if it cannot be written, which does not happen to the types of this crate.
pub fn encode<T: Serialize>(entries: &[T]) -> Result<Vec<u8>, StoreError> {
    postcard::to_allocvec(entries).map_err(|_| StoreError::new(StoreFault::Corrupt, "write a page"))
}

/// The entries of a page.
///
/// # Errors
/// [`StoreFault::Corrupt`] if these are not the bytes of one.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::new(StoreFault::Corrupt, "read a page"))
}
