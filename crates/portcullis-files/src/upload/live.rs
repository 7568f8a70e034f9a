//! Which uploads in parts somebody in this process is at, so that none is given up or gone on with under another's hands.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use portcullis_access::UploadId;

static LIVE: LazyLock<Mutex<HashMap<UploadId, u64>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(0);

fn live() -> MutexGuard<'static, HashMap<UploadId, u64>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whoever has it is the one at an upload. Whoever comes later takes it from them: a client that reconnects is not kept
/// waiting until its old connection is found to be dead.
#[derive(Debug)]
pub(super) struct Hold {
    upload: UploadId,
    number: u64,
}

impl Hold {
    pub(super) fn take(upload: &UploadId) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        live().insert(upload.clone(), number);
        Self { upload: upload.clone(), number }
    }

    /// Whether nobody took it.
    pub(super) fn is_mine(&self) -> bool {
        live().get(&self.upload) == Some(&self.number)
    }

    pub(super) fn upload(&self) -> &UploadId {
        &self.upload
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut live = live();
        if live.get(&self.upload) == Some(&self.number) {
            live.remove(&self.upload);
        }
    }
}

/// Whether somebody is at it.
pub(super) fn is_live(upload: &UploadId) -> bool {
    live().contains_key(upload)
}
