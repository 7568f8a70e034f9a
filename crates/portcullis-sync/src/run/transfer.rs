//! An object's way to another key, on the other side or on the same.

use bytes::BytesMut;
use futures_util::StreamExt as _;
use portcullis_backend::{
    Body, ChecksumKind, Digest, DigestAlgorithm, DigestPlan, LateDigests, ObjectMeta, PutOptions, PutOutcome,
    Tags, WriteConditions,
};
use portcullis_domain::ObjectKey;

use super::compare::{Source, md5, plain};
use super::context::mark_of;
use super::meter::metered;
use super::work::Work;
use crate::{Mark, Side, StoreError, StoreFault};

/// Where an object goes.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) side: Side,
    pub(super) key: ObjectKey,
    /// What must still be there at the moment of the write.
    pub(super) before: Before,
}

/// What must be there at the moment of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing.
    Absent,
    /// This.
    This(Mark),
    /// Whatever: the key is the run's own.
    Own,
}

impl Before {
    /// What was looked at.
    pub(super) fn of(meta: Option<&ObjectMeta>) -> Self {
        meta.map_or(Self::Absent, |meta| Self::This(mark_of(meta)))
    }

    /// Whether that is there.
    fn holds(&self, here: Option<&ObjectMeta>) -> bool {
        match self {
            Self::Absent => here.is_none(),
            Self::This(mark) => here.is_some_and(|meta| mark_of(meta) == *mark),
            Self::Own => true,
        }
    }
}

impl Work<'_> {
    /// Sends an object and verifies what arrived; what it is there.
    ///
    /// # Errors
    /// `Changed` or `NotFound` if the source or the target is not as it was, `Corrupt` if other bytes arrived: then they are
    /// [`Work::spoilt`].
    pub(super) async fn send(&mut self, from: &Source, to: &Aim) -> Result<Mark, StoreError> {
        let terms = &self.cx.terms.transfer;
        let atomic = to.before == Before::Own || self.cx.abilities(to.side).conditional_writes;
        let most = if atomic { terms.single } else { terms.buffered };
        if from.mark.size > most {
            return Box::pin(self.send_in_parts(from, to)).await;
        }
        match self.send_whole(from, to, atomic).await {
            // A side that keeps no tags is better than none.
            Err(error) if error.fault == StoreFault::Unsupported && !self.untagged => {
                self.untagged = true;
                self.send_whole(from, to, atomic).await
            }
            other => other,
        }
    }

    async fn send_whole(&mut self, from: &Source, to: &Aim, atomic: bool) -> Result<Mark, StoreError> {
        let object = self.cx.open(from).await?;
        let known = self.known(from);
        let hash = self.tries.damaged > 0 || known.is_none();
        let (body, passed) = metered(self.cx, object.body, from.mark.size, hash);
        let options = self.options(&object.meta, to, known.clone(), passed.late());
        let done = async {
            let body = if atomic { body } else { self.held(body, to).await? };
            self.cx.ask(self.cx.store(to.side).put(&to.key, body, options)).await
        }
        .await;
        self.passed = passed.md5().or_else(|| self.passed.take());
        let outcome = done.inspect_err(|_| self.cx.bytes.in_vain(passed.bytes()))?;
        self.arrived(from, to, &outcome, passed.md5().or(known)).await
    }

    /// What is done with an outcome: it is verified, and remembered if it is wrong.
    pub(super) async fn arrived(
        &mut self,
        from: &Source,
        to: &Aim,
        outcome: &PutOutcome,
        known: Option<Digest>,
    ) -> Result<Mark, StoreError> {
        let mark = Mark { etag: outcome.etag.clone(), size: outcome.size };
        let known = known.and_then(|digest| digest.value.try_into().ok());
        match self.verify((to.side, &to.key), outcome, from, known).await {
            Ok(()) => {
                if self.tries.damaged > 1 && self.passed != plain(&from.mark.etag).map(md5) {
                    self.cx.distrust_tags(from.side);
                }
                if from.side != to.side {
                    self.step.moved = self.step.moved.saturating_add(from.mark.size);
                }
                Ok(mark)
            }
            Err(error) => {
                if error.fault == StoreFault::Corrupt {
                    self.spoil(to, mark);
                }
                Err(error)
            }
        }
    }

    /// Remembers that what was just written is wrong.
    pub(super) fn spoil(&mut self, to: &Aim, mark: Mark) {
        self.spoilt = Some((to.side, to.key.clone(), mark));
    }

    /// Whether this is what this step wrote and found to be wrong: to be replaced, and not worth keeping.
    pub(super) fn is_spoilt(&self, side: Side, key: &ObjectKey, mark: &Mark) -> bool {
        self.spoilt.as_ref().is_some_and(|(at, of, spoilt)| *at == side && of == key && spoilt == mark)
    }

    /// The digest that the bytes must have, as far as the source says. A tag that looks like one may be none: if other bytes came
    /// twice, and the same ones, they are the truth.
    fn known(&self, from: &Source) -> Option<Digest> {
        if self.tries.damaged > 1 && self.passed.is_some() {
            return self.passed.clone();
        }
        plain(&from.mark.etag).filter(|_| self.cx.trusts_tags(from.side)).map(md5)
    }

    /// How the object is written: with all that the client stored with it.
    fn options(
        &self,
        meta: &ObjectMeta,
        to: &Aim,
        known: Option<Digest>,
        late: Option<(LateDigests, Vec<DigestAlgorithm>)>,
    ) -> PutOptions {
        let whole = meta.checksum.as_ref().filter(|checksum| checksum.kind == ChecksumKind::FullObject);
        let mut expect: Vec<_> = known.into_iter().collect();
        expect.extend(whole.map(|checksum| checksum.digest.clone()));
        PutOptions {
            length: Some(meta.size),
            content: meta.content.clone(),
            tags: self.tags(meta),
            digests: DigestPlan { expect, late, keep: whole.map(|checksum| checksum.digest.algorithm) },
            conditions: self.conditions(to),
            overwrite: match to.before {
                Before::Own => None,
                Before::Absent | Before::This(_) => self.cx.overwrite(to.side),
            },
            quota: None,
        }
    }

    /// The tags that travel: none if the side keeps none.
    pub(super) fn tags(&self, meta: &ObjectMeta) -> Tags {
        if self.untagged { Tags::new() } else { meta.tags.clone() }
    }

    /// The conditions of a write.
    pub(super) fn conditions(&self, to: &Aim) -> WriteConditions {
        match &to.before {
            Before::Own => WriteConditions::default(),
            Before::Absent => self.cx.conditions(to.side, None),
            Before::This(mark) => self.cx.conditions(to.side, Some(mark)),
        }
    }

    /// All of a body in memory, and a look at the target after that: for sides that decide no conditions, the nearest
    /// that one comes to it.
    async fn held(&self, body: Body, to: &Aim) -> Result<Body, StoreError> {
        let mut all = BytesMut::new();
        match body {
            Body::Full(bytes) => all.extend_from_slice(&bytes),
            Body::Stream(mut stream) => {
                while let Some(piece) = stream.next().await {
                    all.extend_from_slice(
                        &piece.map_err(|_| StoreError::new(StoreFault::Unavailable, "read"))?,
                    );
                }
            }
        }
        self.still(to).await?;
        Ok(Body::Full(all.freeze()))
    }

    /// Looks whether the target is still as it has to be, on a side that does not decide that itself.
    pub(super) async fn still(&self, to: &Aim) -> Result<(), StoreError> {
        let here = self.cx.look(to.side, &to.key).await?;
        if to.before.holds(here.as_ref()) {
            return Ok(());
        }
        Err(StoreError::new(StoreFault::Changed, "look before a write"))
    }
}
