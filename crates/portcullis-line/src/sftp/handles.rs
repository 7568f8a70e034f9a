//! What a client has open.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use portcullis_files::{Entry, FileReader, TreePath};

use super::activity::UnderWay;
use super::reply::{Code, Failed};
use super::writing::Writing;

/// Files and folders that one connection may have open, on all its channels.
pub(super) const MOST_OPEN: usize = 128;
/// Of these, files that are written: each keeps some megabytes of what came.
const MOST_WRITTEN: usize = 32;

/// How much a connection has open.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    open: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
}

/// One place among those that a connection may have.
#[derive(Debug)]
pub(super) struct Place(Vec<Arc<AtomicUsize>>);

impl Counts {
    /// A place for something to be opened.
    pub(super) fn take(&self, written: bool) -> Result<Place, Failed> {
        let mut place = Place(Vec::with_capacity(2));
        for (count, most, asked) in [(&self.open, MOST_OPEN, true), (&self.written, MOST_WRITTEN, written)] {
            if asked {
                place.0.push(Arc::clone(count));
                if count.fetch_add(1, Relaxed) >= most {
                    return Err(Failed::new(Code::Failure, "too many files are open; close some"));
                }
            }
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Relaxed);
        }
    }
}

/// Something that is open.
#[derive(Debug)]
pub(super) enum Open {
    Folder(Folder),
    Reading(Box<FileReader>),
    Writing(Box<Writing>),
}

/// A folder that is listed page by page.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: TreePath,
    /// Read, and not told yet.
    pub(super) entries: VecDeque<Entry>,
    /// Where the next page begins.
    pub(super) after: After,
}

/// What of a folder was read.
#[derive(Debug)]
pub(super) enum After {
    Nothing,
    Some(String),
    All,
}

/// What one channel has open.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: HashMap<u64, Held>,
    next: u64,
}

#[derive(Debug)]
struct Held {
    open: Open,
    _place: Place,
    /// A file keeps the session from ending in the middle of it at a shutdown.
    _under_way: Option<UnderWay>,
}

impl Handles {
    pub(super) fn add(&mut self, open: Open, place: Place, under_way: Option<UnderWay>) -> Bytes {
        let number = self.next;
        self.next += 1;
        self.open.insert(number, Held { open, _place: place, _under_way: under_way });
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    pub(super) fn get(&mut self, handle: &[u8]) -> Result<&mut Open, Failed> {
        let held = number(handle).and_then(|number| self.open.get_mut(&number));
        held.map(|held| &mut held.open).ok_or_else(Failed::no_handle)
    }

    /// The file of this path, if it is written here.
    pub(super) fn written(&mut self, path: &TreePath) -> Option<&mut Writing> {
        self.open.values_mut().find_map(|held| match &mut held.open {
            Open::Writing(writing) if writing.path() == path => Some(&mut **writing),
            Open::Writing(_) | Open::Reading(_) | Open::Folder(_) => None,
        })
    }

    /// Takes it out. Its place is free again when what is returned is dropped.
    pub(super) fn remove(&mut self, handle: &[u8]) -> Result<(Open, impl Sized + use<>), Failed> {
        let held =
            number(handle).and_then(|number| self.open.remove(&number)).ok_or_else(Failed::no_handle)?;
        Ok((held.open, (held._place, held._under_way)))
    }
}

fn number(handle: &[u8]) -> Option<u64> {
    handle.try_into().ok().map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Open {
        Open::Folder(Folder { path: TreePath::top(), entries: VecDeque::new(), after: After::Nothing })
    }

    #[test]
    fn a_connection_has_so_many_and_gets_them_back() {
        let (counts, mut handles) = (Counts::default(), Handles::default());
        let all: Vec<_> =
            (0..MOST_OPEN).map(|_| handles.add(folder(), counts.take(false).unwrap(), None)).collect();
        assert!(counts.take(false).is_err());
        assert!(counts.take(false).is_err(), "a refusal takes nothing");
        drop(handles.remove(&all[7]).unwrap());
        assert!(handles.remove(&all[7]).is_err());
        assert!(handles.get(b"other").is_err());
        let writers: Vec<_> = std::iter::from_fn(|| Counts::default().take(true).ok()).take(3).collect();
        assert_eq!(writers.len(), 3);
        assert!(counts.take(true).is_ok());
    }
}
