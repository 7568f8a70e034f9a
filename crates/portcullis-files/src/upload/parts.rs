//! Uploads part by part: what has come is kept if the rest does not come.

use std::collections::VecDeque;

use bytes::Bytes;
use portcullis_access::{
    CompleteOptions, CompletedPart, EtagCondition, Get, GetOptions, Grant, ObjectMeta, Part, PartCopy,
    PartOptions, Put, RangeRequest, ReadConditions, StorageAccess, UploadId,
};
use portcullis_domain::ObjectKey;
use tokio_util::task::TaskTracker;

use super::flow::{Ending, Flow};
use super::kept::Kept;
use super::live::Hold;
use super::target::{Stored, Target};
use crate::place::Spot;
use crate::{FileError, Result};

/// The least bytes of a part that has others behind it (S3 reference, "Amazon S3 multipart upload limits").
pub(super) const LEAST: u64 = 5 << 20;
/// The bytes of the smallest parts that are made here.
pub(super) const SMALLEST: u64 = 8 << 20;
/// The most parts.
const MOST: u16 = 10_000;
/// The most bytes of a part.
const LARGEST: u64 = 4 << 30;
/// What is copied as one part.
const COPIED: u64 = 1 << 30;
/// Parts that have all their bytes and may still be on their way to the disk.
const SETTLING: usize = 2;

/// An upload in parts.
#[derive(Debug)]
pub(crate) struct Parts {
    at: StorageAccess,
    key: ObjectKey,
    tasks: TaskTracker,
    hold: Hold,
    /// Whether it stays when it is dropped; not once it is finished or given up.
    fate: Fate,
    done: Vec<CompletedPart>,
    settling: VecDeque<Ending<Part>>,
    /// Bytes before the part under way.
    before: u64,
    current: Option<Current>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Kept if it holds something.
    Keep,
    /// Given up.
    Drop,
    /// Nothing is left to do.
    Settled,
}

/// The part under way.
#[derive(Debug)]
struct Current {
    flow: Flow<Part>,
    /// Bytes that it will have at most, and has.
    size: u64,
    filled: u64,
}

impl Parts {
    fn new(target: &Target, upload: &UploadId) -> Self {
        Self {
            at: target.spot.at.clone(),
            key: target.key.clone(),
            tasks: target.tasks().clone(),
            hold: Hold::take(upload),
            fate: if target.resumable { Fate::Keep } else { Fate::Drop },
            done: Vec::new(),
            settling: VecDeque::new(),
            before: 0,
            current: None,
        }
    }

    /// Why the part under way ended. Waits until that is so.
    pub(crate) async fn ended(&mut self) -> FileError {
        match &mut self.current {
            Some(current) => current.flow.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Begins a new one. What was kept of others of this file, which nobody goes on with, is given up.
    pub(crate) async fn begin(target: &Target, grant: Grant<Put>) -> Result<Self> {
        if target.resumable {
            target.spot.drop_kept(&target.key).await?;
        }
        let upload = grant.create_upload(target.upload_options()).await?;
        Ok(Self::new(target, &upload))
    }

    /// Goes on with what is kept.
    pub(super) fn go_on(target: &Target, kept: Kept) -> Self {
        let Kept { upload, created: _, parts, size } = kept;
        let mut all = Self::new(target, &upload);
        (all.done, all.before) = (parts, size);
        all
    }

    /// Goes on with the bytes of a file that is there, without their passing through the client.
    pub(crate) async fn copy(&mut self, from: &Spot, key: &ObjectKey, file: &ObjectMeta) -> Result<()> {
        let mut first = 0;
        while first < file.size {
            let rest = file.size - first;
            let length = if rest < COPIED + LEAST { rest } else { COPIED };
            let range = RangeRequest::FromTo(first, first + (length - 1));
            let if_match = Some(EtagCondition::OneOf(vec![file.etag.to_string()]));
            let source = GetOptions {
                range: Some(range),
                conditions: ReadConditions { if_match, ..ReadConditions::default() },
                ..GetOptions::default()
            };
            let number = self.next_number()?;
            let from = from.at.grant::<Get>(key.clone())?;
            let to = self.at.grant::<Put>(self.key.clone())?;
            let copy = PartCopy { upload: self.hold.upload(), number, source };
            self.done.push(completed(from.copy_part_to(to, copy).await?));
            self.before += length;
            first += length;
        }
        Ok(())
    }

    pub(super) fn upload(&self) -> &UploadId {
        self.hold.upload()
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.before.saturating_add(self.current.as_ref().map_or(0, |current| current.filled))
    }

    fn next_number(&self) -> Result<u16> {
        let number = self.done.len().saturating_add(self.settling.len()).saturating_add(1);
        u16::try_from(number).ok().filter(|number| *number <= MOST).ok_or(FileError::TooLarge)
    }

    /// How large the next part will be, and whether it is known that it will be.
    fn next_size(&self, number: u16, length: Option<u64>) -> (u64, bool) {
        if let Some(length) = length {
            let rest = length.saturating_sub(self.before);
            let left = u64::from(MOST.saturating_sub(number)).max(1);
            // In whole MiB, so that all of it fits into the parts that are left.
            let needed = rest.div_ceil(left).div_ceil(1 << 20) << 20;
            return (needed.clamp(SMALLEST, LARGEST).min(rest.max(1)), true);
        }
        // A provider is told how long a part is before it comes, so one of unknown length is held in memory.
        let steps = [(1_000, SMALLEST), (3_000, 16 << 20), (6_000, 64 << 20), (9_000, 512 << 20)];
        if self.at.capabilities().remote {
            return (SMALLEST, false);
        }
        (steps.iter().find(|(until, _)| number <= *until).map_or(LARGEST, |(_, size)| *size), false)
    }

    pub(super) async fn write(&mut self, target: &Target, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => self.next(target)?,
            };
            let room = usize::try_from(current.size - current.filled).unwrap_or(usize::MAX);
            let piece = bytes.split_to(bytes.len().min(room));
            current.filled += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            current.flow.send(piece).await?;
            if current.filled < current.size {
                self.current = Some(current);
            } else {
                self.end(current).await?;
            }
        }
        Ok(())
    }

    /// Begins the next part.
    fn next(&self, target: &Target) -> Result<Current> {
        if !self.hold.is_mine() {
            return Err(FileError::Broken);
        }
        let number = self.next_number()?;
        let (size, known) = self.next_size(number, target.length);
        let grant = self.at.grant::<Put>(self.key.clone())?;
        let options = PartOptions { length: known.then_some(size), ..PartOptions::default() };
        let upload = self.hold.upload().clone();
        let (mut flow, body) = Flow::new();
        flow.run(&self.tasks, async move { grant.upload_part(&upload, number, body, options).await });
        Ok(Current { flow, size, filled: 0 })
    }

    /// Ends a part. The next may begin before this one is on the disk.
    async fn end(&mut self, current: Current) -> Result<()> {
        self.before += current.filled;
        self.settling.push_back(current.flow.end().await);
        self.settle(SETTLING).await
    }

    /// Waits until no more than so many parts are on their way.
    async fn settle(&mut self, most: usize) -> Result<()> {
        while self.settling.len() > most {
            let Some(oldest) = self.settling.pop_front() else { break };
            self.done.push(completed(oldest.wait().await?));
        }
        Ok(())
    }

    /// Makes it a file of so many bytes.
    pub(crate) async fn finish(mut self, target: &Target, size: u64) -> Result<Stored> {
        if let Some(current) = self.current.take() {
            self.end(current).await?;
        }
        self.settle(0).await?;
        if !self.hold.is_mine() {
            return Err(FileError::Broken);
        }
        target.unchanged().await?;
        let options = CompleteOptions {
            conditions: target.conditions.clone(),
            size: Some(size),
            ..CompleteOptions::default()
        };
        let grant = self.at.grant::<Put>(self.key.clone())?;
        let upload = self.hold.upload();
        let (outcome, written) = if target.spot.is_blind(&self.key) {
            grant.complete_written(upload, &self.done, options).await?
        } else {
            (grant.complete_upload(upload, &self.done, options).await?, None)
        };
        self.fate = Fate::Settled;
        Ok(Stored { outcome, written })
    }

    pub(super) async fn abandon(mut self) {
        self.fate = Fate::Settled;
        // The part under way ends first, or it would find nothing to belong to.
        self.current = None;
        give_up(&self.at, self.key.clone(), self.hold.upload()).await;
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let holds = !self.done.is_empty() || !self.settling.is_empty();
        match self.fate {
            Fate::Settled => return,
            Fate::Keep if holds => return,
            Fate::Keep | Fate::Drop if !self.hold.is_mine() => return,
            Fate::Keep | Fate::Drop => {}
        }
        let (at, key, upload) = (self.at.clone(), self.key.clone(), self.hold.upload().clone());
        // Outside of a runtime nothing can be told the storage; then it is left to those who clean up.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.tasks.spawn(async move { give_up(&at, key, &upload).await });
        }
    }
}

async fn give_up(at: &StorageAccess, key: ObjectKey, upload: &UploadId) {
    let outcome = match at.grant::<Put>(key) {
        Ok(grant) => grant.abort_upload(upload).await,
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "an upload that broke off could not be given up");
    }
}

fn completed(part: Part) -> CompletedPart {
    CompletedPart { number: part.number, etag: part.etag.to_string(), checksum: part.checksum }
}
