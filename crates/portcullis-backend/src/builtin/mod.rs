//! The embedded store: objects in a directory of this machine.
//!
//! ```text
//! <root>/lock                       held (flock) by the one process that has the store open
//! <root>/<storage id>/index.db      SQLite: what there is
//! <root>/<storage id>/data/20261121/7f/0193…7f   immutable files: the bytes of what is not small
//! ```
//!
//! **The index is the only truth.** An object exists when its row is committed, and not before. Small bodies lie in the row's
//! extension; larger ones are files that were written under their final, never reused name and made durable *before* the row
//! is committed. A file without a row is an orphan and is removed; a row without its file cannot come to be.
//! `docs/adr/0003-blob-layout-and-index.md` tells the alternatives.
//!
//! **Writes.** All changes of a storage go through one thread (`index::Index::write`), which takes what is queued, up to 512
//! changes, decides conditions and quotas inside one transaction, commits it (fsync) and only then answers. So conditional
//! writes are atomic, counters are exact, and many small writes share one fsync. A queue that is full refuses with
//! [`Unavailable`](crate::BackendErrorKind::Unavailable). Bodies are hashed and written on the blocking pool, one piece while
//! the next one comes in from the network (`ingest`).
//!
//! **Reads** of what is cached never leave the calling thread; others run on the blocking pool with a read-only
//! connection. Why the cache can only give answers that SQLite could have given at that moment is told in the module `cache`. A body
//! that was opened stays readable whatever happens to the object: its file is open, or the collector waits for it (`collect`).
//!
//! **Faults.** Every file and every small body has a CRC-64/NVME that is compared on each complete read; what does not match
//! ends in an error before its last byte is sent. A disk error in the index stops writing to that storage until it is opened
//! again; a full disk refuses single writes and still allows deleting.

mod backend;
mod blob;
mod cache;
mod collect;
mod error;
mod index;
mod ingest;
mod read;
mod scrub;
mod store;
mod stream;
mod uploads;
mod write;

pub use backend::BuiltinBackend;
pub use collect::Housekeeping;
pub use error::StoreError;
pub use scrub::{Damage, ScrubOptions, ScrubReport};
pub use store::{Store, StoreOptions};
