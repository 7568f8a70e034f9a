//! Memory for pieces.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a piece.
pub(super) const PIECE: usize = 256 * 1024;

/// Buffers for pieces, used again and again: new memory of this size costs more than the copy into it.
#[derive(Debug)]
pub(in super::super) struct Buffers {
    free: Mutex<Vec<Box<[u8]>>>,
    most: usize,
}

impl Buffers {
    /// Keeps at most so many buffers that nobody uses.
    pub(in super::super) const fn new(most: usize) -> Self {
        Self { free: Mutex::new(Vec::new()), most }
    }

    pub(super) fn take(self: &Arc<Self>) -> Buffer {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Buffer {
            bytes: free.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice()),
            length: 0,
            pool: Arc::clone(self),
        }
    }
}

/// A buffer that goes back when the last of its bytes was sent.
pub(super) struct Buffer {
    pub(super) bytes: Box<[u8]>,
    pub(super) length: usize,
    pool: Arc<Buffers>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.pool.most {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}
