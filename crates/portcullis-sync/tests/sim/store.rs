//! A side in memory that behaves as its profile says, and fails when it is told to.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use portcullis_backend::{
    Body, ByteRange, CompleteOptions, CompletedPart, CopyOptions, DeleteOptions, DeleteOutcome, Etag,
    GetOptions, ListPage, ListPosition, ListRequest, ListedObject, Object, ObjectMeta, Part, PartOptions,
    PartsPage, PutOptions, PutOutcome, RangeRequest, ReadConditions, UploadId, UploadOptions, VersionId,
    WriteConditions,
};
use portcullis_domain::ObjectKey;
use portcullis_sync::{Abilities, RESERVED, Side, Store, StoreError, StoreFault};

use crate::answer::{all_of, garbled, outcome, promised, refused, torn};
use crate::bugs::Bug;
use crate::fault::{Fault, Kind};
use crate::shelf::{By, Draft, Upload, md5};
use crate::world::{State, World};

#[derive(Clone, Debug)]
pub(crate) struct SimStore {
    pub(crate) world: Arc<World>,
    pub(crate) side: Side,
}

type Done<T> = Result<T, StoreError>;

const fn fail<T>(fault: StoreFault) -> Done<T> {
    Err(StoreError::new(fault, "request"))
}

fn said<T>(of: Result<T, StoreFault>) -> Done<T> {
    of.map_err(|fault| StoreError::new(fault, "request"))
}

impl SimStore {
    async fn turn(&self, what: &str, key: &str, kind: Kind) -> Option<Fault> {
        self.world.turn(what, Some(self.side), key, kind).await
    }

    /// The answer of a request that had its effect.
    async fn answer<T: Send>(&self, fault: Option<Fault>, answer: Done<T>) -> Done<T> {
        match fault {
            Some(Fault::CrashAfter) => {
                self.world.die().await;
                answer
            }
            Some(Fault::Lost) => fail(StoreFault::Unavailable),
            _ => answer,
        }
    }

    /// The conditions that this side looks at.
    fn honoured(&self, state: &State, conditions: WriteConditions) -> WriteConditions {
        let deaf = !state.sides.of(self.side).profile.puts || state.bug == Some(Bug::DropsIfMatch);
        if deaf { WriteConditions::default() } else { conditions }
    }

    /// Stores what a run sends, after the ledger has looked at it.
    fn commit(&self, state: &mut State, key: &str, draft: Draft, decided: bool) -> ObjectMeta {
        state.before_effect(self.side, key, decided);
        let (now, event) = (state.now(), state.counts.events);
        let meta = state.sides.of_mut(self.side).commit(key, draft, now, event);
        state.current(self.side, key);
        meta
    }

    fn receive(
        &self,
        state: &mut State,
        key: &str,
        bytes: &Bytes,
        options: PutOptions,
        tear: bool,
    ) -> Done<PutOutcome> {
        if options.length.is_some_and(|length| length != u64::try_from(bytes.len()).unwrap()) {
            return fail(StoreFault::Unavailable);
        }
        // What the client promised is compared with what came.
        let spoils = tear && state.rng.chance(500);
        let came = if spoils { garbled(state, bytes) } else { bytes.clone() };
        if !promised(&options.digests, &came) {
            return fail(StoreFault::Corrupt);
        }
        // Or it is damaged after that, and the side does not notice.
        let honest = state.sides.of(self.side).profile.odd_tags;
        let stored = if tear && !spoils && !honest { garbled(state, bytes) } else { came };
        let conditions = self.honoured(state, options.conditions);
        let checked = state.sides.of(self.side).may_write(key, &conditions);
        if state.bug == Some(Bug::ClashIsSuccess) && checked.is_err() {
            let meta = state.sides.of(self.side).current(key).map(|stored| stored.meta.clone());
            let etag = Etag::Md5 { digest: md5(&stored), parts: None };
            let size = u64::try_from(stored.len()).unwrap();
            return match meta {
                Some(meta) => Ok(PutOutcome { etag, size, ..outcome(&meta) }),
                None => fail(StoreFault::NotFound),
            };
        }
        said(checked)?;
        let garbled = stored != bytes;
        let claimed = Etag::Md5 { digest: md5(bytes), parts: None };
        let draft = Draft {
            bytes: stored,
            content: options.content,
            tags: options.tags,
            parts: Vec::new(),
            by: By::Run,
        };
        let meta = self.commit(state, key, draft, !conditions.is_empty());
        let mut told = outcome(&meta);
        if state.bug == Some(Bug::DamageUnnoticed) && garbled {
            told.etag = claimed;
        }
        Ok(told)
    }
}

#[async_trait]
impl Store for SimStore {
    fn abilities(&self) -> Abilities {
        self.world.state().sides.of(self.side).profile.abilities()
    }

    async fn list(&self, request: &ListRequest) -> Done<ListPage> {
        let fault = self.turn("list", "", Kind::List).await;
        said(refused(fault))?;
        let mut state = self.world.state();
        let mut all: Vec<_> = state
            .sides
            .of(self.side)
            .keys()
            .map(|(key, stored)| ListedObject {
                key: ObjectKey::parse(key).unwrap(),
                size: stored.meta.size,
                modified: stored.meta.modified,
                etag: stored.meta.etag.clone(),
                checksum: None,
                archived: false,
                user_modified: None,
            })
            .collect();
        match fault {
            Some(Fault::Stale) => all.clone_from(state.stale.of(self.side)),
            Some(Fault::Truncated) => {
                let keep = all.len() * 2 / 3;
                all.truncate(keep);
            }
            _ => {}
        }
        let after = match &request.after {
            Some(ListPosition::AfterKey(key) | ListPosition::AfterPrefix(key)) => key.as_str(),
            None => "",
        };
        all.retain(|object| object.key.as_str() > after && request.prefix.holds(&object.key));
        let more = all.len() > request.limit;
        all.truncate(request.limit);
        let next =
            all.last().filter(|_| more).map(|last| ListPosition::AfterKey(last.key.as_str().to_owned()));
        state.mark(&all.len().to_string());
        Ok(ListPage { objects: all, prefixes: Vec::new(), next })
    }

    async fn head(&self, key: &ObjectKey, options: &GetOptions) -> Done<ObjectMeta> {
        let fault = self.turn("head", key.as_str(), Kind::Look).await;
        let mut state = self.world.state();
        if fault == Some(Fault::Refused) && state.bug == Some(Bug::RefusedIsAbsent) {
            return fail(StoreFault::NotFound);
        }
        said(refused(fault))?;
        let event = state.counts.events;
        if options.version.is_none() {
            state.looked.insert((self.side, key.as_str().to_owned()), event);
        }
        if state.bug == Some(Bug::TrustsAbsence) {
            let entry = (self.side.other(), key.as_str().to_owned());
            let deleting = state.running.as_ref().is_some_and(|running| {
                running.planned.get(&entry).is_some_and(|seen| seen.iter().any(Option::is_some))
                    && !running.planned.contains_key(&(self.side, key.as_str().to_owned()))
            });
            if deleting {
                return fail(StoreFault::NotFound);
            }
        }
        let shelf = state.sides.of(self.side);
        if state.bug == Some(Bug::BackupUnchecked) && key.as_str().starts_with(RESERVED) {
            let _unchecked = shelf;
        }
        said(
            shelf
                .read(key.as_str(), options.version.as_ref(), &options.conditions)
                .map(|stored| stored.meta.clone()),
        )
    }

    async fn get(&self, key: &ObjectKey, options: GetOptions) -> Done<Object> {
        let fault = self.turn("get", key.as_str(), Kind::Read).await;
        said(refused(fault))?;
        let mut state = self.world.state();
        let stored = said(state.sides.of(self.side).read(
            key.as_str(),
            options.version.as_ref(),
            &options.conditions,
        ))?
        .clone();
        let range = match options.range {
            Some(RangeRequest::FromTo(first, last)) => {
                Some(ByteRange { first, last: last.min(stored.meta.size.saturating_sub(1)) })
            }
            _ => None,
        };
        let bytes = match &range {
            Some(range) => {
                let (first, last) =
                    (usize::try_from(range.first).unwrap(), usize::try_from(range.last).unwrap());
                stored.bytes.slice(first..=last)
            }
            None => stored.bytes.clone(),
        };
        let honest = state.sides.of(self.side).profile.odd_tags;
        let tells = range.is_none() && stored.meta.parts.is_empty() && !honest;
        let body =
            if fault == Some(Fault::Torn) { torn(&mut state, &bytes, tells) } else { Body::Full(bytes) };
        Ok(Object { meta: stored.meta, range, body })
    }

    async fn put(&self, key: &ObjectKey, body: Body, options: PutOptions) -> Done<PutOutcome> {
        let Ok(bytes) = all_of(body).await else { return fail(StoreFault::Unavailable) };
        let fault = self.turn("put", key.as_str(), Kind::Write).await;
        let blind = self.world.state().bug == Some(Bug::BlindRetry);
        let answer = {
            let mut state = self.world.state();
            if fault == Some(Fault::Busy) && blind {
                // Once more, and without looking.
                let again = PutOptions { conditions: WriteConditions::default(), ..options };
                self.receive(&mut state, key.as_str(), &bytes, again, false)
            } else {
                said(refused(fault))?;
                self.receive(&mut state, key.as_str(), &bytes, options, fault == Some(Fault::Torn))
            }
        };
        self.answer(fault, answer).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> Done<PutOutcome> {
        let fault = self.turn("copy", to.as_str(), Kind::Write).await;
        said(refused(fault))?;
        let answer = {
            let mut state = self.world.state();
            let shelf = state.sides.of(self.side);
            let copies = shelf.profile.copies;
            let source = if copies { options.source } else { ReadConditions::default() };
            let stored = said(shelf.read(from.as_str(), options.version.as_ref(), &source))?.clone();
            if stored.meta.size > shelf.profile.abilities().largest_copy {
                return fail(StoreFault::TooLarge);
            }
            let conditions =
                if copies { self.honoured(&state, options.conditions) } else { WriteConditions::default() };
            said(shelf.may_write(to.as_str(), &conditions))?;
            let backup = to.as_str().starts_with(RESERVED);
            // Only where an entity tag gives it away: nothing else could, but reading.
            let tells = stored.meta.parts.is_empty() && !shelf.profile.odd_tags;
            let spoils =
                (tells && fault == Some(Fault::Torn)) || (backup && state.bug == Some(Bug::BackupUnchecked));
            let bytes = if spoils { garbled(&mut state, &stored.bytes) } else { stored.bytes.clone() };
            let draft = Draft {
                bytes,
                content: stored.meta.content.clone(),
                tags: stored.meta.tags.clone(),
                parts: Vec::new(),
                by: By::Run,
            };
            let mut told = outcome(&self.commit(&mut state, to.as_str(), draft, !conditions.is_empty()));
            if backup && state.bug == Some(Bug::BackupUnchecked) {
                // The side says what it should have stored, and again when it is asked.
                let id = state.sides.of(self.side).slots[to.as_str()].current.clone().unwrap();
                let slot = state.sides.of_mut(self.side).slots.get_mut(to.as_str()).unwrap();
                slot.versions.get_mut(&id).unwrap().meta.etag = stored.meta.etag.clone();
                told.etag = stored.meta.etag;
            }
            Ok(told)
        };
        self.answer(fault, answer).await
    }

    async fn delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Done<DeleteOutcome> {
        let fault = self.turn("delete", key.as_str(), Kind::Write).await;
        if fault != Some(Fault::Torn) {
            said(refused(fault))?;
        }
        let answer = {
            let mut state = self.world.state();
            let shelf = state.sides.of(self.side);
            let heard = shelf.profile.deletes && state.bug != Some(Bug::DropsIfMatch);
            let if_match = options.if_match.as_ref().filter(|_| heard);
            said(shelf.may_delete(key.as_str(), if_match))?;
            let existed = shelf.current(key.as_str()).is_some();
            if let Some(VersionId(id)) = options.version.as_ref().filter(|_| shelf.profile.versions) {
                let slot = state.sides.of_mut(self.side).slots.get_mut(key.as_str());
                let Some(slot) = slot else { return fail(StoreFault::NotFound) };
                let gone = slot.versions.remove(id);
                slot.current.take_if(|current| current == id);
                return if gone.is_some() {
                    Ok(DeleteOutcome { existed: true })
                } else {
                    fail(StoreFault::NotFound)
                };
            }
            if existed {
                state.before_delete(self.side, key.as_str());
            }
            state.before_effect(self.side, key.as_str(), if_match.is_some());
            state.sides.of_mut(self.side).leave(key.as_str());
            Ok(DeleteOutcome { existed })
        };
        self.answer(fault, answer).await
    }

    async fn create_upload(&self, key: &ObjectKey, options: UploadOptions) -> Done<UploadId> {
        let fault = self.turn("create upload", key.as_str(), Kind::Write).await;
        said(refused(fault))?;
        let id = {
            let mut state = self.world.state();
            let shelf = state.sides.of_mut(self.side);
            let id = shelf.name();
            let upload = Upload {
                key: key.as_str().to_owned(),
                content: options.content,
                tags: options.tags,
                parts: std::collections::BTreeMap::new(),
            };
            shelf.uploads.insert(id.clone(), upload);
            UploadId(id)
        };
        self.answer(fault, Ok(id)).await
    }

    async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Done<Part> {
        let Ok(bytes) = all_of(body).await else { return fail(StoreFault::Unavailable) };
        let fault = self.turn("upload part", key.as_str(), Kind::Write).await;
        said(refused(fault))?;
        let answer = {
            let mut state = self.world.state();
            let now = state.now();
            let tears = fault == Some(Fault::Torn);
            let on_its_way = tears && state.rng.chance(500);
            let bytes = if tears { garbled(&mut state, &bytes) } else { bytes };
            if on_its_way && !promised(&options.digests, &bytes) {
                return fail(StoreFault::Corrupt);
            }
            let Some(found) = state.sides.of_mut(self.side).uploads.get_mut(&upload.0) else {
                return fail(StoreFault::NotFound);
            };
            let size = u64::try_from(bytes.len()).unwrap();
            if options.length != Some(size) || found.key != key.as_str() {
                return fail(StoreFault::Corrupt);
            }
            let etag = Etag::Md5 { digest: md5(&bytes), parts: None };
            let part = Part { number, size, etag, modified: now, checksum: None };
            found.parts.insert(number, (part.clone(), bytes));
            Ok(part)
        };
        self.answer(fault, answer).await
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Done<PartsPage> {
        let fault = self.turn("list parts", key.as_str(), Kind::Look).await;
        said(refused(fault))?;
        let state = self.world.state();
        let Some(upload) = state.sides.of(self.side).uploads.get(&upload.0) else {
            return fail(StoreFault::NotFound);
        };
        // Small pages, so that there are several.
        let mut parts: Vec<_> =
            upload.parts.values().map(|(part, _)| part.clone()).filter(|part| part.number > after).collect();
        let more = parts.len() > limit.min(2);
        parts.truncate(limit.min(2));
        Ok(PartsPage { parts, more })
    }

    async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Done<PutOutcome> {
        let fault = self.turn("complete upload", key.as_str(), Kind::Write).await;
        if fault != Some(Fault::Torn) {
            said(refused(fault))?;
        }
        let answer = {
            let mut state = self.world.state();
            let Some(found) = state.sides.of(self.side).uploads.get(&upload.0).cloned() else {
                return fail(StoreFault::NotFound);
            };
            let (mut all, mut kept) = (BytesMut::new(), Vec::new());
            for named in parts {
                match found.parts.get(&named.number) {
                    Some((part, bytes)) if part.etag.to_string() == named.etag => {
                        all.extend_from_slice(bytes);
                        kept.push(part.clone());
                    }
                    _ => return fail(StoreFault::Corrupt),
                }
            }
            if options.size != Some(u64::try_from(all.len()).unwrap()) {
                return fail(StoreFault::Corrupt);
            }
            let conditions = self.honoured(&state, options.conditions);
            said(state.sides.of(self.side).may_write(key.as_str(), &conditions))?;
            let draft = Draft {
                bytes: all.freeze(),
                content: found.content,
                tags: found.tags,
                parts: kept,
                by: By::Run,
            };
            let told = outcome(&self.commit(&mut state, key.as_str(), draft, !conditions.is_empty()));
            state.sides.of_mut(self.side).uploads.remove(&upload.0);
            Ok(told)
        };
        self.answer(fault, answer).await
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Done<()> {
        let fault = self.turn("abort upload", key.as_str(), Kind::Write).await;
        said(refused(fault))?;
        let gone = self.world.state().sides.of_mut(self.side).uploads.remove(&upload.0);
        self.answer(fault, if gone.is_some() { Ok(()) } else { fail(StoreFault::NotFound) }).await
    }
}
