//! Storing, tagging and removing objects.

use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::Method;
use portcullis_domain::{ObjectKey, Overwrite};

use super::backend::S3Backend;
use super::fault::untrue;
use super::headers::{add_content, etag_of, tags_text, version_in, version_to};
use super::names::{checksum_header, encode_digest};
use super::sending::{Outgoing, Sending};
use super::usage::Target;
use super::wire::{Call, Load, Repeat};
use super::xml;
use crate::{
    BackendError, BackendErrorKind, Body, BodyFault, BodyStream, Checksum, ChecksumKind, DeleteOptions,
    DeleteOutcome, Digest, DigestAlgorithm, DigestPlan, Digester, EtagCondition, PutOptions, PutOutcome,
    Result, Tags, VersionId, WriteConditions,
};

/// The most bytes of one request (S3 reference, "Uploading objects").
pub(super) const MAX_SINGLE: u64 = 5 << 30;

/// A body that is ready to go.
pub(super) enum Ready {
    /// Whole, and found to be what it should be.
    Whole(Bytes, Vec<Digest>),
    /// A stream of known length, checked while it goes.
    Stream(BodyStream, u64),
    /// The beginning of a stream whose length nobody knows, and the rest.
    Endless(Bytes, BodyStream),
}

impl S3Backend {
    /// The conditions under which a write may go, given what is to become of an object that is there: where no previous
    /// version can be kept, it may only create.
    pub(super) fn write_conditions(
        &self,
        overwrite: Option<Overwrite>,
        conditions: &WriteConditions,
    ) -> WriteConditions {
        let mut all = conditions.clone();
        let versioning = self.capabilities_of_remote().versioning;
        all.if_absent |= match overwrite {
            None | Some(Overwrite::Replace) => false,
            Some(Overwrite::KeepPrevious) => !versioning,
            Some(Overwrite::CreateOnly) => true,
        };
        all
    }

    /// Adds conditions to a request whose provider honours them.
    pub(super) async fn add_conditions<'a>(
        &self,
        mut call: Call<'a>,
        key: &ObjectKey,
        conditions: &WriteConditions,
        honoured: bool,
    ) -> Result<Call<'a>> {
        if conditions.is_empty() {
            return Ok(call);
        }
        let operation = call.operation;
        if !honoured {
            let why = "the provider does not decide conditions of writes";
            return Err(BackendError::with(BackendErrorKind::Unsupported, operation, why));
        }
        if conditions.if_match.is_none() {
            return call.with("if-none-match", "*");
        }
        // Providers take one tag: that of the object that is there, if it is one of those.
        let current = self.glance(key).await?.map(|meta| meta.etag);
        conditions.check(current.as_ref()).map_err(|kind| BackendError::new(kind, operation))?;
        if let Some(etag) = current {
            call = call.with("if-match", &format!("\"{etag}\""))?;
        }
        Ok(call)
    }

    /// Makes a body ready. A small one is read to its end and checked before anything is sent.
    pub(super) async fn ready(
        &self,
        body: Body,
        length: Option<u64>,
        plan: &DigestPlan,
        keep: Keep,
    ) -> Result<Ready> {
        let small = self.wire.limits.small_body;
        let (bytes, stream) = match (body, length) {
            (Body::Full(bytes), _) => (bytes, None),
            (Body::Stream(stream), Some(length)) if length > u64::try_from(small).unwrap_or(u64::MAX) => {
                return Ok(Ready::Stream(stream, length));
            }
            (Body::Stream(stream), Some(_)) => read_some(stream, small).await?,
            (Body::Stream(stream), None) => read_some(stream, self.wire.limits.part_size).await?,
        };
        match stream {
            Some(_) if length.is_some() => Err(BodyFault::TooLong.into()),
            Some(rest) => Ok(Ready::Endless(bytes, rest)),
            None => {
                let digests = check_whole(&bytes, length, plan, keep.0)?;
                Ok(Ready::Whole(bytes, digests))
            }
        }
    }

    /// The load of a body that is not endless, and the headers that its checksum takes.
    pub(super) fn load<'a>(
        &self,
        mut call: Call<'a>,
        ready: Ready,
        plan: DigestPlan,
        keep: Keep,
    ) -> Result<(Call<'a>, Load)> {
        let (stream, length) = match ready {
            Ready::Whole(bytes, digests) => {
                if let Some(digest) = keep.0.and_then(|keep| digests.iter().find(|d| d.algorithm == keep)) {
                    let name = checksum_header(digest.algorithm).unwrap_or_default();
                    call = call.with(name, &encode_digest(digest))?;
                }
                return Ok((call, Load::Full(bytes)));
            }
            Ready::Stream(stream, length) => (stream, length),
            Ready::Endless(..) => {
                let why = "a body of unknown length cannot be sent in one request";
                return Err(BackendError::with(BackendErrorKind::Unsupported, call.operation, why));
            }
        };
        if length > MAX_SINGLE {
            return Err(BackendError::new(BackendErrorKind::TooLarge, call.operation));
        }
        let promised = keep.0.and_then(|keep| plan.expect.iter().find(|digest| digest.algorithm == keep));
        let mut trailer = None;
        match (promised, keep.0) {
            (Some(digest), _) => {
                let name = checksum_header(digest.algorithm).unwrap_or_default();
                call = call.with(name, &encode_digest(digest))?;
            }
            (None, Some(keep)) => {
                trailer = Some(keep);
                call = call
                    .with("x-amz-trailer", checksum_header(keep).unwrap_or_default())?
                    .with("x-amz-decoded-content-length", &length.to_string())?;
                call = add_chunked(call)?;
            }
            (None, None) => {}
        }
        let mut plan = plan;
        plan.keep = keep.0;
        let sending = Sending::new();
        let outgoing = Outgoing::new(stream, length, plan, trailer, Arc::clone(&sending));
        let chunked = trailer.is_some();
        Ok((call, Load::Stream { body: Arc::new(Mutex::new(outgoing)), sending, chunked }))
    }

    /// The checksum that the provider is to keep.
    pub(super) fn keep(&self, algorithm: Option<DigestAlgorithm>) -> Keep {
        let keeps = self.capabilities_of_remote().checksums;
        Keep(algorithm.filter(|algorithm| keeps && checksum_header(*algorithm).is_some()))
    }

    /// Adds tags to a request that stores an object.
    pub(super) fn add_tagging<'a>(&self, call: Call<'a>, tags: &Tags) -> Result<Call<'a>> {
        if tags.is_empty() {
            return Ok(call);
        }
        if !self.capabilities_of_remote().tags {
            let why = "the provider keeps no tags";
            return Err(BackendError::with(BackendErrorKind::Unsupported, call.operation, why));
        }
        call.with("x-amz-tagging", &tags_text(tags))
    }

    pub(super) async fn do_put(
        &self,
        key: &ObjectKey,
        body: Body,
        options: PutOptions,
    ) -> Result<PutOutcome> {
        let conditions = self.write_conditions(options.overwrite, &options.conditions);
        let keep = self.keep(options.digests.keep);
        let mut call = Call::new("put", Method::PUT, Some(key));
        add_content(&mut call.headers, &options.content, "put")?;
        call = self.add_tagging(call, &options.tags)?;
        let honoured = self.capabilities_of_remote().conditional_puts;
        call = self.add_conditions(call, key, &conditions, honoured).await?;
        let ready = self.ready(body, options.length, &options.digests, keep).await?;
        let size = match &ready {
            Ready::Whole(bytes, _) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Ready::Stream(_, length) => *length,
            Ready::Endless(..) => return self.put_in_parts(key, ready, options, &conditions).await,
        };
        let place = self.reserve(options.quota, size, Target::Object(key)).await?;
        let known = match &ready {
            Ready::Whole(_, digests) => digests.clone(),
            Ready::Stream(..) | Ready::Endless(..) => Vec::new(),
        };
        let (call, load) = self.load(call, ready, options.digests, keep)?;
        let answer = self.wire.call(call, load).await?.only_ok()?;
        let etag = etag_of(&answer.headers).ok_or_else(|| untrue("put", "it has no entity tag"))?;
        let version = version_in(&answer.headers, &etag, self.capabilities_of_remote().versioning);
        let modified = self.moment(&answer.headers);
        let digests = answer.sent.as_ref().map_or(known, |sent| sent.digests.clone());
        let size = answer.sent.as_ref().map_or(size, |sent| sent.size);
        answer.finish(&self.wire.timeouts).await;
        place.stored(size);
        let checksum = keep.0.and_then(|keep| digests.into_iter().find(|digest| digest.algorithm == keep));
        let checksum = checksum.map(|digest| Checksum { digest, kind: ChecksumKind::FullObject });
        Ok(PutOutcome { size, etag, version, modified, checksum })
    }

    pub(super) async fn do_delete(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<DeleteOutcome> {
        let capabilities = self.capabilities_of_remote();
        let unsupported = |why: &str| Err(BackendError::with(BackendErrorKind::Unsupported, "delete", why));
        if options.keep_previous && !capabilities.versioning {
            return unsupported("the bucket keeps no previous versions");
        }
        let current = match &options.version {
            Some(version) => Some(self.look(key, Some(version)).await?),
            None => self.glance(key).await?,
        };
        let named = options.version.is_some() && !capabilities.versioning;
        let if_match = match (&options.if_match, &current) {
            (None, Some(meta)) if named => Some(EtagCondition::OneOf(vec![meta.etag.to_string()])),
            (if_match, _) => if_match.clone(),
        };
        let mut call = Call::new("delete", Method::DELETE, Some(key)).repeat(Repeat::Safe);
        if let Some(if_match) = if_match {
            let seen = if options.version.is_some() && capabilities.versioning {
                self.glance(key).await?
            } else {
                current.clone()
            };
            let Some(seen) = seen else {
                return Err(BackendError::new(BackendErrorKind::NotFound, "delete"));
            };
            if !if_match.matches(&seen.etag) {
                return Err(BackendError::new(BackendErrorKind::PreconditionFailed, "delete"));
            }
            if !capabilities.conditional_deletes {
                return unsupported("the provider does not decide conditions of deletes");
            }
            // Done twice, the second would find nothing to match.
            call = call.with("if-match", &format!("\"{}\"", seen.etag))?.repeat(Repeat::Unsent);
        }
        if let Some(version) = options.version.as_ref().filter(|_| capabilities.versioning) {
            call = call.ask("versionId", version_to(version));
        }
        let Some(meta) = current else { return Ok(DeleteOutcome { existed: false }) };
        self.wire.call(call, Load::none()).await?.finish(&self.wire.timeouts).await;
        self.ledger.removed(meta.size, capabilities.versioning && options.version.is_none());
        Ok(DeleteOutcome { existed: true })
    }

    /// The tags of an object.
    pub(super) async fn tags(&self, key: &ObjectKey, version: Option<&VersionId>) -> Result<Tags> {
        let mut call = Call::new("tags", Method::GET, Some(key)).ask("tagging", "");
        if let Some(version) = version {
            call = call.ask("versionId", version_to(version));
        }
        let answer = self.wire.call(call, Load::none()).await?;
        let node = answer.document("Tagging", &self.wire.timeouts).await?;
        let mut tags = Tags::new();
        for tag in node.all("TagSet").flat_map(|set| set.all("Tag")).take(50) {
            let text = |name: &'static str| tag.first(name).unwrap_or_default().to_owned();
            tags.push((text("Key"), text("Value")));
        }
        Ok(tags)
    }

    pub(super) async fn do_set_tags(
        &self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        tags: &Tags,
    ) -> Result<()> {
        let capabilities = self.capabilities_of_remote();
        if !capabilities.tags {
            let why = "the provider keeps no tags";
            return Err(BackendError::with(BackendErrorKind::Unsupported, "set tags", why));
        }
        if version.is_some() {
            self.look(key, version).await?;
        }
        let mut text = "<Tagging><TagSet>".to_owned();
        for (name, value) in tags {
            text.push_str("<Tag>");
            xml::element(&mut text, "Key", name);
            xml::element(&mut text, "Value", value);
            text.push_str("</Tag>");
        }
        text.push_str("</TagSet></Tagging>");
        let mut call = Call::new("set tags", Method::PUT, Some(key)).ask("tagging", "").repeat(Repeat::Safe);
        if let Some(version) = version.filter(|_| capabilities.versioning) {
            call = call.ask("versionId", version_to(version));
        }
        let md5 = digest(DigestAlgorithm::Md5, text.as_bytes());
        let call = call.with("content-md5", &encode_digest(&md5))?;
        self.wire.call(call, Load::Full(text.into())).await?.finish(&self.wire.timeouts).await;
        Ok(())
    }
}

/// The algorithm whose value the provider keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep(pub(super) Option<DigestAlgorithm>);

/// `aws-chunked` comes before what the client says of the object.
fn add_chunked(mut call: Call<'_>) -> Result<Call<'_>> {
    let encoding = call.headers.remove(http::header::CONTENT_ENCODING);
    let before = encoding.and_then(|value| value.to_str().ok().map(|text| format!(",{text}")));
    call = call.with("content-encoding", &format!("aws-chunked{}", before.unwrap_or_default()))?;
    Ok(call)
}

/// The digest of these bytes.
pub(super) fn digest(algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
    let mut digester = Digester::new(&[algorithm]);
    digester.update(bytes);
    digester.finish().pop().unwrap_or(Digest { algorithm, value: Vec::new() })
}

/// Compares a whole body with what was promised.
fn check_whole(
    bytes: &Bytes,
    length: Option<u64>,
    plan: &DigestPlan,
    keep: Option<DigestAlgorithm>,
) -> Result<Vec<Digest>> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    match length {
        Some(length) if size < length => return Err(BodyFault::Incomplete.into()),
        Some(length) if size > length => return Err(BodyFault::TooLong.into()),
        _ => {}
    }
    let mut algorithms = plan.algorithms();
    algorithms.extend(keep.filter(|keep| !algorithms.contains(keep)));
    let mut digester = Digester::new(&algorithms);
    digester.update(bytes);
    let digests = digester.finish();
    plan.check(&digests)?;
    Ok(digests)
}

/// Reads a stream until it ends or has given more than `most` bytes; what is left of it, if anything may be.
async fn read_some(mut stream: BodyStream, most: usize) -> Result<(Bytes, Option<BodyStream>)> {
    let mut all = BytesMut::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece?);
        if all.len() > most {
            return Ok((all.freeze(), Some(stream)));
        }
    }
    Ok((all.freeze(), None))
}
