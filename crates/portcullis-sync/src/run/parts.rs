//! Large objects, in parts that are all of the same size but the last. What was uploaded before a crash is not sent again.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use portcullis_backend::{
    ChecksumKind, CompleteOptions, CompletedPart, Digest, DigestAlgorithm, DigestPlan, Digester, Etag,
    GetOptions, ObjectMeta, Part, PartOptions, PutOutcome, RangeRequest, UploadId, UploadOptions,
    WriteConditions,
};

use super::compare::{Source, plain};
use super::context::{Context, mark_of, only};
use super::meter::metered;
use super::transfer::{Aim, Before};
use super::work::Work;
use crate::{Mark, StoreError, StoreFault, Underway};

/// The most parts of an object (S3 reference, "Amazon S3 multipart upload limits").
const MOST: u64 = 10_000;

/// How many parts of one object go at a time.
const AT_A_TIME: usize = 3;

impl Work<'_> {
    /// As [`Work::send`], in parts.
    pub(super) async fn send_in_parts(&mut self, from: &Source, to: &Aim) -> Result<Mark, StoreError> {
        let meta = self.look_at(from).await?;
        let size = self.part_size(from.mark.size);
        let cx = self.cx;
        if self.tries.damaged > 1 {
            // Parts never have the tags that they should: then it is the tags. What arrives will be read.
            cx.distrust_tags(to.side);
        }
        let (id, there) = self.upload(&meta, to, size).await?;
        let proves = !self.is_unproven();
        let numbers = 1..=u16::try_from(from.mark.size.div_ceil(size)).unwrap_or(u16::MAX);
        let parts = stream::iter(numbers.map(|number| {
            let (id, there) = (&id, there.get(&number));
            async move {
                let span = span(number, size, from.mark.size);
                match there {
                    Some(part) if part.size == span.1 - span.0 + 1 => Ok(part.clone()),
                    Some(_) | None => send_part(cx, from, to, (id, number, proves), span).await,
                }
            }
        }))
        .buffered(AT_A_TIME)
        .try_collect::<Vec<_>>()
        .await;
        let parts = parts.map_err(|error| self.without_upload(error))?;
        self.complete(from, to, (&id, &meta), parts).await
    }

    /// The source, if it is still what it has to be.
    async fn look_at(&self, from: &Source) -> Result<ObjectMeta, StoreError> {
        let meta = self.cx.ask(self.cx.store(from.side).head(&from.key, &from.options())).await?;
        if mark_of(&meta) != from.mark {
            return Err(StoreError::new(StoreFault::Changed, "look at the source"));
        }
        Ok(meta)
    }

    /// Bytes of each part but the last.
    fn part_size(&self, size: u64) -> u64 {
        let least = self.cx.terms.transfer.part.max(1);
        let needed = size.div_ceil(MOST);
        // Whole mebibytes, so that others can guess it.
        if needed <= least { least } else { needed.div_ceil(1 << 20) << 20 }
    }

    /// The upload that was begun for this, with its parts, or a new one. It is written down before the first part goes.
    async fn upload(
        &mut self,
        meta: &ObjectMeta,
        to: &Aim,
        part: u64,
    ) -> Result<(UploadId, BTreeMap<u16, Part>), StoreError> {
        let fits = |upload: &Underway| upload.side == to.side && upload.key == to.key && upload.part == part;
        if let Some(begun) = self.step.upload.clone() {
            let id = UploadId(begun.upload.clone());
            match if fits(&begun) { self.parts(to, &id).await } else { Ok(None) } {
                Ok(Some(parts)) => {
                    if !begun.unproven && !self.cx.trusts_tags(to.side) {
                        self.step.upload = Some(Underway { unproven: true, ..begun });
                        self.note().await?;
                    }
                    return Ok((id, parts));
                }
                Ok(None) => self.give_up().await?,
                Err(error) => return Err(error),
            }
        }
        let store = self.cx.store(to.side);
        let mut options = UploadOptions {
            content: meta.content.clone(),
            tags: self.tags(meta),
            checksum: whole(meta).map(|digest| (digest.algorithm, true)),
            owner: None,
        };
        let id = match self.cx.ask(store.create_upload(&to.key, options.clone())).await {
            Err(error) if error.fault == StoreFault::Unsupported && !options.tags.is_empty() => {
                self.untagged = true;
                options.tags.clear();
                self.cx.ask(store.create_upload(&to.key, options)).await?
            }
            other => other?,
        };
        self.step.upload = Some(Underway {
            side: to.side,
            key: to.key.clone(),
            upload: id.0.clone(),
            part,
            expect: None,
            unproven: !self.cx.trusts_tags(to.side),
        });
        self.note().await?;
        Ok((id, BTreeMap::new()))
    }

    /// The parts of an upload that were verified; none if it is gone. Of those that were on their way last it is not known: whoever sent
    /// them may not have lived to compare their tags. They go once more.
    async fn parts(&self, to: &Aim, id: &UploadId) -> Result<Option<BTreeMap<u16, Part>>, StoreError> {
        let (mut found, mut after) = (BTreeMap::new(), 0);
        let store = self.cx.store(to.side);
        loop {
            let page = match self.cx.ask(store.list_parts(&to.key, id, after, 1000)).await {
                Err(error) if error.fault == StoreFault::NotFound => return Ok(None),
                other => other?,
            };
            let last = page.parts.last().map(|part| part.number);
            found.extend(page.parts.into_iter().map(|part| (part.number, part)));
            match last {
                Some(last) if page.more && last > after => after = last,
                Some(_) | None => break,
            }
        }
        let last = found.last_key_value().map_or(0, |(number, _)| usize::from(*number));
        found.retain(|number, _| usize::from(*number) + AT_A_TIME <= last);
        Ok(Some(found))
    }

    /// Makes an object of the parts, after what it will be is written down.
    async fn complete(
        &mut self,
        from: &Source,
        to: &Aim,
        (id, meta): (&UploadId, &ObjectMeta),
        parts: Vec<Part>,
    ) -> Result<Mark, StoreError> {
        // Only of parts whose bytes are known to be right does the tag prove anything.
        let expect = tag_of(&parts).filter(|_| !self.is_unproven());
        if let Some(upload) = self.step.upload.as_mut().filter(|upload| upload.expect != expect) {
            upload.expect.clone_from(&expect);
            self.note().await?;
        }
        let named: Vec<_> = parts
            .into_iter()
            .map(|part| CompletedPart {
                number: part.number,
                etag: part.etag.to_string(),
                checksum: part.checksum,
            })
            .collect();
        let options = |conditions| CompleteOptions {
            conditions,
            overwrite: if to.before == Before::Own { None } else { self.cx.overwrite(to.side) },
            checksum: whole(meta),
            size: Some(from.mark.size),
        };
        let store = self.cx.store(to.side);
        let complete = |options| self.cx.ask(store.complete_upload(&to.key, id, &named, options));
        let conditions = self.conditions(to);
        let bare = conditions.is_empty();
        if bare && to.before != Before::Own {
            self.still(to).await?;
        }
        let outcome = match complete(options(conditions)).await {
            // It decides conditions of writes, and not of these.
            Err(error) if error.fault == StoreFault::Unsupported && !bare => {
                self.still(to).await?;
                complete(options(WriteConditions::default())).await
            }
            other => other,
        };
        let outcome = outcome.map_err(|error| self.without_upload(error))?;
        self.arrived_in_parts(from, to, &outcome, expect).await
    }

    /// Verifies an object that came in parts. Its bytes were compared part by part.
    async fn arrived_in_parts(
        &mut self,
        from: &Source,
        to: &Aim,
        outcome: &PutOutcome,
        expect: Option<Etag>,
    ) -> Result<Mark, StoreError> {
        let trusted = !self.is_unproven();
        if trusted && expect.as_ref() == Some(&outcome.etag) && outcome.size == from.mark.size {
            self.step.moved =
                self.step.moved.saturating_add(if from.side == to.side { 0 } else { outcome.size });
            self.step.upload = None;
            return Ok(Mark { etag: outcome.etag.clone(), size: outcome.size });
        }
        let mark = self.arrived(from, to, outcome, None).await?;
        let there = Source { side: to.side, key: to.key.clone(), version: None, mark: mark.clone() };
        if !trusted && !self.cx.same_bytes(from, &there).await? {
            self.spoil(to, mark);
            return Err(StoreError::new(StoreFault::Corrupt, "verify"));
        }
        self.step.upload = None;
        Ok(mark)
    }

    /// Whether the tags of the parts of the upload under way prove nothing.
    fn is_unproven(&self) -> bool {
        self.step.upload.as_ref().is_some_and(|upload| upload.unproven)
    }

    /// After damage an upload is begun anew: its parts may be what is damaged.
    fn without_upload(&mut self, error: StoreError) -> StoreError {
        if error.fault == StoreFault::Corrupt
            && let Some(upload) = &mut self.step.upload
        {
            upload.part = 0;
        }
        error
    }
}

/// First and last byte of a part.
fn span(number: u16, part: u64, size: u64) -> (u64, u64) {
    let first = u64::from(number.saturating_sub(1)).saturating_mul(part);
    (first, first.saturating_add(part).min(size).saturating_sub(1))
}

/// Sends one part, and compares its tag with its bytes.
async fn send_part(
    cx: &Context<'_>,
    from: &Source,
    to: &Aim,
    (id, number, proves): (&UploadId, u16, bool),
    (first, last): (u64, u64),
) -> Result<Part, StoreError> {
    if cx.stopping() {
        return Err(StoreError::new(StoreFault::Stopped, "send a part"));
    }
    let read = GetOptions {
        version: from.version.clone(),
        range: Some(RangeRequest::FromTo(first, last)),
        conditions: only(&from.mark),
        ..GetOptions::default()
    };
    let object = cx.ask(cx.store(from.side).get(&from.key, read)).await?;
    let exact = object.range.is_none_or(|range| (range.first, range.last) == (first, last));
    if mark_of(&object.meta) != from.mark || !exact {
        return Err(StoreError::new(StoreFault::Changed, "read a part"));
    }
    let length = last - first + 1;
    let (body, passed) = metered(cx, object.body, length, true);
    let digests = DigestPlan { late: passed.late(), ..DigestPlan::default() };
    let options = PartOptions { length: Some(length), digests, quota: None };
    let sent = cx.ask(cx.store(to.side).upload_part(&to.key, id, number, body, options)).await;
    let part = sent.inspect_err(|_| cx.bytes.in_vain(passed.bytes()))?;
    let tag = plain(&part.etag);
    let md5 = passed.md5().and_then(|digest| <[u8; 16]>::try_from(digest.value).ok());
    let other = proves && tag.is_some() && md5.is_some() && tag != md5;
    if part.size != length || other {
        return Err(StoreError::new(StoreFault::Corrupt, "send a part"));
    }
    Ok(part)
}

/// The tag of an object of these parts, as most servers make it.
fn tag_of(parts: &[Part]) -> Option<Etag> {
    let mut digester = Digester::new(&[DigestAlgorithm::Md5]);
    for part in parts {
        digester.update(&plain(&part.etag)?);
    }
    let digest = digester.finish().pop()?.value.try_into().ok()?;
    Some(Etag::Md5 { digest, parts: Some(u16::try_from(parts.len()).ok()?) })
}

/// The checksum over all bytes, if the source has one that can be had for an object of parts too.
fn whole(meta: &ObjectMeta) -> Option<Digest> {
    let checksum = meta.checksum.as_ref().filter(|checksum| checksum.kind == ChecksumKind::FullObject)?;
    match checksum.digest.algorithm {
        DigestAlgorithm::Crc32 | DigestAlgorithm::Crc32c | DigestAlgorithm::Crc64Nvme => {
            Some(checksum.digest.clone())
        }
        DigestAlgorithm::Md5 | DigestAlgorithm::Sha1 | DigestAlgorithm::Sha256 => None,
    }
}
