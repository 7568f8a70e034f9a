//! Where agreements come from and where pages go.

use async_trait::async_trait;
use portcullis_domain::ObjectKey;

use crate::codec::PAGE;
use crate::{Action, Agreed, StoreError, decode, encode};

/// The pages of what both sides last agreed on, as [`encode`] made them: page 0 first, none after the last.
#[async_trait]
pub trait BasePages: Send + Sync {
    /// The page with this number.
    async fn page(&self, no: u64) -> Result<Option<Vec<u8>>, StoreError>;
}

/// Nothing was agreed on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBase;

#[async_trait]
impl BasePages for NoBase {
    async fn page(&self, _no: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }
}

/// A page to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPage {
    /// Its number, from 0.
    pub no: u64,
    /// The number of its first entry, from 0.
    pub first_seq: u64,
    /// The key of its first entry.
    pub first_key: ObjectKey,
    /// How many entries it has.
    pub entries: usize,
    /// [`encode`]d.
    pub data: Vec<u8>,
}

/// Where pages are kept, in the order of their numbers.
#[async_trait]
pub trait PageSink: Send + Sync {
    /// Takes the next one.
    async fn page(&self, page: NewPage) -> Result<(), StoreError>;
}

/// What can stand in a page.
pub(crate) trait Entry: serde::Serialize {
    fn key(&self) -> &ObjectKey;
}

impl Entry for Action {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Entry for Agreed {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

/// Makes pages of entries and hands them over as they fill.
pub(crate) struct Pager<'a, T> {
    sink: &'a dyn PageSink,
    no: u64,
    written: u64,
    held: Vec<T>,
}

impl<'a, T: Entry> Pager<'a, T> {
    pub(crate) fn new(sink: &'a dyn PageSink) -> Self {
        Self { sink, no: 0, written: 0, held: Vec::with_capacity(PAGE) }
    }

    /// The number that the next entry gets.
    pub(crate) fn next_seq(&self) -> u64 {
        self.written.saturating_add(u64::try_from(self.held.len()).unwrap_or(u64::MAX))
    }

    pub(crate) async fn push(&mut self, entry: T) -> Result<(), StoreError> {
        self.held.push(entry);
        if self.held.len() >= PAGE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let Some(first) = self.held.first() else { return Ok(()) };
        let page = NewPage {
            no: self.no,
            first_seq: self.written,
            first_key: first.key().clone(),
            entries: self.held.len(),
            data: encode(&self.held)?,
        };
        self.sink.page(page).await?;
        self.no += 1;
        self.written = self.next_seq();
        self.held.clear();
        Ok(())
    }

    /// Hands over what is left; how many entries and pages there were.
    pub(crate) async fn end(mut self) -> Result<(u64, u64), StoreError> {
        self.flush().await?;
        Ok((self.written, self.no))
    }
}

/// The actions of a page.
///
/// # Errors
/// [`StoreFault::Corrupt`](crate::StoreFault::Corrupt) if these are not the bytes of one.
pub fn actions_of(page: &[u8]) -> Result<Vec<Action>, StoreError> {
    decode(page)
}
