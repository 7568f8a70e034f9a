//! Uploads under way.

mod begin;
mod flow;
mod kept;
mod live;
mod parts;
mod target;

use bytes::{Bytes, BytesMut};
use portcullis_access::{Body, Grant, Put, PutOutcome, UploadId, VersionId, Written};
use portcullis_domain::Timestamp;

use crate::{Entry, FileError, Result};
use flow::Flow;
pub(crate) use parts::Parts;
pub(crate) use target::{Stored, Target};

/// What is held in memory, to be stored in one step if no more comes.
const HELD: usize = 1024 * 1024;
/// What is stored in one step though it is to be resumable: less than a part would not be kept anyway.
const ONE_STEP: u64 = parts::SMALLEST;
/// The most that is stored in one step.
const MOST_IN_ONE: u64 = 5 << 30;

/// An upload.
#[derive(Debug)]
pub(crate) struct State {
    target: Target,
    position: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is on its way yet.
    Held(Grant<Put>, Held),
    /// One step is under way.
    Whole(Flow<(PutOutcome, Written)>),
    /// Part by part.
    Parts(Box<Parts>),
    /// Something failed; the client was told.
    Failed,
}

/// The first bytes: one piece as it came, or a copy of several.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    One(Bytes),
    More(BytesMut),
}

impl Held {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::More(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, piece: Bytes) {
        *self = match std::mem::take(self) {
            Self::Nothing => Self::One(piece),
            Self::One(first) => {
                // It grows by doubling, so that what is held is never copied more than about twice.
                let mut all =
                    BytesMut::with_capacity(first.len().saturating_add(piece.len()).saturating_mul(2));
                all.extend_from_slice(&first);
                all.extend_from_slice(&piece);
                Self::More(all)
            }
            Self::More(mut all) => {
                all.extend_from_slice(&piece);
                Self::More(all)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::More(bytes) => bytes.freeze(),
        }
    }
}

impl State {
    pub(crate) fn new(target: Target, grant: Grant<Put>) -> Self {
        Self { target, position: 0, stage: Stage::Held(grant, Held::Nothing) }
    }

    fn going_on(target: Target, parts: Parts) -> Self {
        Self { target, position: parts.size(), stage: Stage::Parts(Box::new(parts)) }
    }

    /// The upload in parts that it is, if it is one.
    pub(crate) fn upload(&self) -> Option<&UploadId> {
        match &self.stage {
            Stage::Parts(parts) => Some(parts.upload()),
            Stage::Held(..) | Stage::Whole(_) | Stage::Failed => None,
        }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn set_modified(&mut self, modified: Timestamp) {
        let sent = !matches!(self.stage, Stage::Held(..));
        self.target.set_modified(modified, sent);
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if bytes.is_empty() && !matches!(self.stage, Stage::Failed) {
            return Ok(());
        }
        let position = self.position.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        // Taken, so that an error, or a caller who stops waiting, leaves nothing that could be finished.
        let stage = std::mem::replace(&mut self.stage, Stage::Failed);
        if self.target.length.is_some_and(|length| position > length) {
            return Err(FileError::Mismatch);
        }
        let next = match stage {
            Stage::Failed => return Err(FileError::Broken),
            Stage::Held(grant, held) => self.hold(grant, held, bytes).await,
            Stage::Whole(mut flow) => flow.send(bytes).await.map(|()| Stage::Whole(flow)),
            Stage::Parts(mut parts) => parts.write(&self.target, bytes).await.map(|()| Stage::Parts(parts)),
        };
        self.stage = next.map_err(|error| self.target.told(error))?;
        self.position = position;
        Ok(())
    }

    /// Holds the bytes, or sends what is held on its way with them.
    async fn hold(&self, grant: Grant<Put>, mut held: Held, bytes: Bytes) -> Result<Stage> {
        let known = self.target.length;
        let small = u64::try_from(HELD).unwrap_or(u64::MAX);
        let fits = held.len().saturating_add(bytes.len()) <= HELD;
        if fits && known.is_none_or(|length| length <= small) {
            held.push(bytes);
            return Ok(Stage::Held(grant, held));
        }
        let most = if self.target.resumable { ONE_STEP } else { MOST_IN_ONE };
        let held = held.into_bytes();
        if known.is_some_and(|length| length <= most) {
            let (mut flow, body) = Flow::new();
            let options = self.target.put_options();
            flow.run(self.target.tasks(), async move { grant.put_written(body, options).await });
            flow.send(held).await?;
            flow.send(bytes).await?;
            return Ok(Stage::Whole(flow));
        }
        let mut parts = Box::new(Parts::begin(&self.target, grant).await?);
        parts.write(&self.target, held).await?;
        parts.write(&self.target, bytes).await?;
        Ok(Stage::Parts(parts))
    }

    pub(crate) async fn ended(&mut self) -> FileError {
        let error = match &mut self.stage {
            Stage::Whole(flow) => flow.ended().await,
            Stage::Parts(parts) => parts.ended().await,
            // Nothing is under way that could end.
            Stage::Held(..) => std::future::pending().await,
            Stage::Failed => FileError::Broken,
        };
        self.stage = Stage::Failed;
        self.target.told(error)
    }

    pub(crate) async fn finish(self) -> Result<Entry> {
        self.finish_version().await.map(|(entry, _)| entry)
    }

    /// As [`State::finish`], with the version that was stored.
    pub(crate) async fn finish_version(mut self) -> Result<(Entry, VersionId)> {
        let stage = std::mem::replace(&mut self.stage, Stage::Failed);
        if self.target.length.is_some_and(|length| length != self.position) {
            return Err(FileError::Mismatch);
        }
        let outcome = match stage {
            Stage::Failed => return Err(FileError::Broken),
            Stage::Held(grant, held) => {
                let options = self.target.put_options();
                self.target.unchanged().await?;
                let body = Body::Full(held.into_bytes());
                grant.put_written(body, options).await.map(Stored::from).map_err(FileError::from)
            }
            Stage::Whole(flow) => {
                // Nothing is committed before the flow ends.
                self.target.unchanged().await?;
                flow.finish().await.map(Stored::from)
            }
            Stage::Parts(parts) => parts.finish(&self.target, self.position).await,
        };
        match outcome {
            Ok(stored) => {
                let version = stored.outcome.version.clone();
                Ok((self.target.stored(stored).await?, version))
            }
            Err(error) => Err(self.target.told(error)),
        }
    }

    pub(crate) async fn abandon(mut self) {
        if let Stage::Parts(parts) = std::mem::replace(&mut self.stage, Stage::Failed) {
            parts.abandon().await;
        }
    }
}
