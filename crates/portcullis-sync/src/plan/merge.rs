//! Three streams in the order of their keys become one of rows.

use std::cmp::Ordering;
use std::vec;

use portcullis_domain::ObjectKey;
use tokio::sync::mpsc;

use super::PlanFault;
use super::row::Row;
use crate::listing::{Listed, Pages};
use crate::{Agreed, Sides};

/// A stream of pages with its next entry in view.
pub(crate) struct Feed<T> {
    pages: Pages<T>,
    page: vec::IntoIter<T>,
    head: Option<T>,
    ended: bool,
}

impl<T> Feed<T> {
    pub(crate) fn new(pages: Pages<T>) -> Self {
        Self { pages, page: Vec::new().into_iter(), head: None, ended: false }
    }

    pub(crate) fn empty() -> Self {
        let (_, pages) = mpsc::channel(1);
        Self::new(pages)
    }

    /// Has the next entry in view, or knows that there is none. Nothing is lost if it is dropped halfway.
    async fn fill(&mut self) -> Result<(), PlanFault> {
        while self.head.is_none() && !self.ended {
            self.head = self.page.next();
            if self.head.is_none() {
                match self.pages.recv().await {
                    Some(page) => self.page = page?.into_iter(),
                    None => self.ended = true,
                }
            }
        }
        Ok(())
    }
}

/// The rows of three streams.
pub(crate) struct Merge {
    sides: Sides<Feed<Listed>>,
    base: Feed<Agreed>,
}

impl Merge {
    pub(crate) const fn new(sides: Sides<Feed<Listed>>, base: Feed<Agreed>) -> Self {
        Self { sides, base }
    }

    async fn fill(&mut self) -> Result<(), PlanFault> {
        self.sides.storage.fill().await?;
        self.sides.bucket.fill().await?;
        self.base.fill().await
    }

    /// The key of the next row.
    pub(crate) async fn peek(&mut self) -> Result<Option<&ObjectKey>, PlanFault> {
        self.fill().await?;
        let storage = self.sides.storage.head.as_ref().map(|(key, _)| key);
        let bucket = self.sides.bucket.head.as_ref().map(|(key, _)| key);
        let base = self.base.head.as_ref().map(|agreed| &agreed.key);
        Ok([storage, bucket, base].into_iter().flatten().min())
    }

    /// The next row, in the order of keys. Nothing is lost if it is dropped halfway.
    pub(crate) async fn next(&mut self) -> Result<Option<Row>, PlanFault> {
        self.fill().await?;
        Ok(self.take())
    }

    fn take(&mut self) -> Option<Row> {
        let storage = &mut self.sides.storage.head;
        let bucket = &mut self.sides.bucket.head;
        let base = &mut self.base.head;
        let first = |one: Option<&ObjectKey>, other: Option<&ObjectKey>| match (one, other) {
            (Some(one), Some(other)) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let sides = first(storage.as_ref().map(|(key, _)| key), bucket.as_ref().map(|(key, _)| key));
        let least = if sides == Ordering::Greater { bucket.as_ref() } else { storage.as_ref() };
        let agreed = first(least.map(|(key, _)| key), base.as_ref().map(|agreed| &agreed.key));
        let (mut from_storage, mut from_bucket, mut from_base) = (None, None, None);
        if agreed != Ordering::Greater {
            if sides != Ordering::Greater {
                from_storage = storage.take();
            }
            if sides != Ordering::Less {
                from_bucket = bucket.take();
            }
        }
        if agreed != Ordering::Less {
            from_base = base.take();
        }
        let (storage_key, storage) = from_storage.unzip();
        let (bucket_key, bucket) = from_bucket.unzip();
        let (base_key, agreed) = from_base.map(|agreed| (agreed.key, agreed.marks)).unzip();
        let key = storage_key.or(bucket_key).or(base_key)?;
        Some(Row { key, seen: Sides { storage, bucket }, agreed })
    }
}
