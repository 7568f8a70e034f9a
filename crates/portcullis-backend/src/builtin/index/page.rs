//! Pages: how rows in key order become entries and common prefixes, and where to seek next.

use portcullis_domain::KeyPrefix;

use crate::ListPosition;
use crate::listing::{MAX_PAGE, common_prefix, end_of_prefix};

/// A key that is greater than every key: no UTF-8 begins with this byte.
const AFTER_ALL: &[u8] = &[0xff];

/// What to do after a row.
pub(super) enum Step {
    /// Go to the next row.
    On,
    /// Seek this.
    Seek(Vec<u8>),
    /// The page is done.
    Stop,
}

/// A page that fills up. `M` says where inside a key it goes on.
pub(super) struct Page<'a, T, M> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    room: usize,
    pub(super) entries: Vec<T>,
    pub(super) prefixes: Vec<String>,
    last: Option<(ListPosition, Option<M>)>,
    more: bool,
}

impl<'a, T, M> Page<'a, T, M> {
    pub(super) fn new(prefix: &'a KeyPrefix, delimiter: Option<&'a str>, limit: usize) -> Self {
        let (prefix, room) = (prefix.as_str(), limit.min(MAX_PAGE));
        Self { prefix, delimiter, room, entries: Vec::new(), prefixes: Vec::new(), last: None, more: false }
    }

    /// The first key that may be on the page after this position, if there is one.
    pub(super) fn start(&self, after: Option<&ListPosition>) -> Option<Vec<u8>> {
        if self.room == 0 {
            return None;
        }
        let start = match after {
            None => Vec::new(),
            Some(ListPosition::AfterKey(key)) => after_key(key),
            Some(ListPosition::AfterPrefix(prefix)) => end_of_prefix(prefix)?.into_bytes(),
        };
        Some(start.max(self.prefix.as_bytes().to_vec()))
    }

    /// The first key that is past the prefix.
    pub(super) fn end(&self) -> Vec<u8> {
        end_of_prefix(self.prefix).map_or_else(|| AFTER_ALL.to_vec(), String::into_bytes)
    }

    /// Takes the row of a key: as its common prefix, or as the entry it makes.
    pub(super) fn take<E>(
        &mut self,
        key: &str,
        mark: Option<M>,
        entry: impl FnOnce() -> Result<T, E>,
    ) -> Result<Step, E> {
        if self.entries.len() + self.prefixes.len() >= self.room {
            self.more = true;
            return Ok(Step::Stop);
        }
        if let Some(rolled) = common_prefix(key, self.prefix, self.delimiter) {
            self.prefixes.push(rolled.to_owned());
            self.last = Some((ListPosition::AfterPrefix(rolled.to_owned()), None));
            return Ok(end_of_prefix(rolled).map_or(Step::Stop, |end| Step::Seek(end.into_bytes())));
        }
        self.entries.push(entry()?);
        self.last = Some((ListPosition::AfterKey(key.to_owned()), mark));
        Ok(Step::On)
    }

    /// Where the next page begins, if there is one.
    pub(super) fn next(&mut self) -> Option<(ListPosition, Option<M>)> {
        self.last.take().filter(|_| self.more)
    }
}

/// The smallest text that is greater than a key. A key never holds U+0000.
pub(super) fn after_key(key: &str) -> Vec<u8> {
    let mut next = key.as_bytes().to_vec();
    next.push(0);
    next
}
