//! Where kept bytes are, and how they go.

use portcullis_backend::{DeleteOptions, GetOptions};
use portcullis_domain::ObjectKey;

use crate::{Place, Store, StoreError, StoreFault};

/// What every reserved key of a side begins with. A [`Store`] takes such keys from the beginning of its storage, not from that of its
/// side's prefix.
pub const RESERVED: &str = ".portcullis/";

/// The reserved key under which a run keeps what a step replaces.
///
/// # Errors
/// [`StoreFault::Unsupported`] if the run's name makes no key.
pub fn kept_key(run: &str, seq: u64) -> Result<ObjectKey, StoreError> {
    ObjectKey::parse(&format!("{RESERVED}kept/{run}/{seq}"))
        .map_err(|_| StoreError::new(StoreFault::Unsupported, "name what is kept"))
}

/// Removes for good what a run had kept of `key`. What is the current object there again, because it was never replaced after
/// all or somebody brought it back, is no longer kept but in use, and stays. Removing what is gone succeeds.
///
/// # Errors
/// Those of the store.
pub async fn purge(store: &dyn Store, place: &Place, key: &ObjectKey) -> Result<(), StoreError> {
    let done = match place {
        Place::Reserved(copy) => store.delete(copy, &DeleteOptions::default()).await,
        Place::Version(_) => {
            let version = place.version();
            match store.head(key, &GetOptions::default()).await {
                Ok(current) if version.as_ref() == Some(&current.version) => return Ok(()),
                Err(error) if error.fault != StoreFault::NotFound => return Err(error),
                Ok(_) | Err(_) => {}
            }
            store.delete(key, &DeleteOptions { version, ..DeleteOptions::default() }).await
        }
    };
    match done {
        Err(error) if error.fault != StoreFault::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
