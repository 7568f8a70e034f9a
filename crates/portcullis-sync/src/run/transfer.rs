//! An object's way to another key, on the other side or on the same.

use bytes::BytesMut;
use futures_util::StreamExt as _;
use portcullis_backend::{
    Body, ChecksumKind, Digest, DigestPlan, ObjectMeta, PutOptions, PutOutcome, WriteConditions,
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
        let object = self.cx.open(from).await?;
        let known = self.known(from);
        let mut options = self.options(&object.meta, to, known.clone());
        let (body, passed) = metered(self.cx, object.body, from.mark.size, self.must_hash(from));
        let done = async {
            let body = if atomic { body } else { self.held(body, to).await? };
            let tagged = !options.tags.is_empty();
            let again = tagged.then(|| self.options(&object.meta, to, known.clone()));
            let put = |body, options| self.cx.ask(self.cx.store(to.side).put(&to.key, body, options));
            match put(body, std::mem::take(&mut options)).await {
                // A side that keeps no tags is better than none.
                Err(error) if error.fault == StoreFault::Unsupported => {
                    let Some(mut again) = again else { return Err(error) };
                    self.cx.bytes.in_vain(passed.bytes());
                    again.tags.clear();
                    let object = self.cx.open(from).await?;
                    let (body, _) = metered(self.cx, object.body, from.mark.size, false);
                    let body = if atomic { body } else { self.held(body, to).await? };
                    put(body, again).await
                }
                other => other,
            }
        }
        .await;
        self.passed = passed.md5().or_else(|| self.passed.take());
        let outcome = done.inspect_err(|_| self.cx.bytes.in_vain(passed.bytes()))?;
        let md5 = passed.md5().or(known.filter(|known| known.algorithm == md5([0; 16]).algorithm));
        self.arrived(from, to, &outcome, md5).await
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
                    self.spoilt = Some(mark);
                }
                Err(error)
            }
        }
    }

    /// The digest that the bytes must have, as far as the source says. A tag that looks like one may be none: if other bytes came
    /// twice, and the same ones, they are the truth.
    fn known(&self, from: &Source) -> Option<Digest> {
        if self.tries.damaged > 1 && self.passed.is_some() {
            return self.passed.clone();
        }
        plain(&from.mark.etag).filter(|_| self.cx.trusts_tags(from.side)).map(md5)
    }

    /// Whether the bytes are to be hashed on their way: the target does it if it is told what to expect.
    fn must_hash(&self, from: &Source) -> bool {
        self.tries.damaged > 0 || self.known(from).is_none()
    }

    /// How the object is written: with all that the client stored with it.
    fn options(&self, meta: &ObjectMeta, to: &Aim, known: Option<Digest>) -> PutOptions {
        let whole = meta.checksum.as_ref().filter(|checksum| checksum.kind == ChecksumKind::FullObject);
        let mut expect: Vec<_> = known.into_iter().collect();
        expect.extend(whole.map(|checksum| checksum.digest.clone()));
        PutOptions {
            length: Some(meta.size),
            content: meta.content.clone(),
            tags: meta.tags.clone(),
            digests: DigestPlan { expect, late: None, keep: whole.map(|checksum| checksum.digest.algorithm) },
            conditions: self.conditions(to),
            overwrite: match to.before {
                Before::Own => None,
                Before::Absent | Before::This(_) => self.cx.overwrite(to.side),
            },
            quota: None,
        }
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
