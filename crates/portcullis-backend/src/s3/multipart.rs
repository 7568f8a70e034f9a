//! Multipart uploads: begin, store parts, complete, give up. Part numbers are the client's own.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::Method;
use portcullis_domain::ObjectKey;

use super::backend::S3Backend;
use super::fault::untrue;
use super::headers::{add_content, etag_of, etag_told, part_digest, version_in};
use super::names::{checksum_element, checksum_header, checksum_word, encode_digest};
use super::uploads::{checksum_of_node, gone, name_upload, no_upload, split_upload};
use super::usage::Target;
use super::wire::{Call, Load, Repeat};
use super::write::Ready;
use super::xml;
use crate::{
    BackendError, BackendErrorKind, Body, BodyFault, BodyStream, CompleteOptions, CompletedPart, DigestPlan,
    Digester, Part, PartOptions, PutOptions, PutOutcome, Result, UploadId, UploadMeta, UploadOptions,
    WriteConditions,
};

const MAX_PARTS: u16 = 10_000;

impl S3Backend {
    pub(super) async fn do_create_upload(
        &self,
        key: &ObjectKey,
        options: &UploadOptions,
    ) -> Result<UploadId> {
        let operation = "create upload";
        let mut call = Call::new(operation, Method::POST, Some(key)).ask("uploads", "");
        add_content(&mut call.headers, &options.content, operation)?;
        call = self.add_tagging(call, &options.tags)?;
        let checksum = options.checksum.filter(|_| self.capabilities_of_remote().checksums);
        if let Some((algorithm, full)) = checksum {
            call = call
                .with("x-amz-checksum-algorithm", checksum_word(algorithm).unwrap_or_default())?
                .with("x-amz-checksum-type", if full { "FULL_OBJECT" } else { "COMPOSITE" })?;
        }
        let answer = self.wire.call(call, Load::none()).await?;
        let created = self.moment(&answer.headers);
        let node = answer.document("InitiateMultipartUploadResult", &self.wire.timeouts).await?;
        let provider = node.first("UploadId").map(str::trim).unwrap_or_default();
        let upload = name_upload(provider, options.owner)
            .ok_or_else(|| untrue(operation, "the upload's name is none"))?;
        self.uploads.put(key, provider, &UploadMeta { owner: options.owner, created, checksum });
        Ok(upload)
    }

    pub(super) async fn do_upload_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u16,
        body: Body,
        options: PartOptions,
    ) -> Result<Part> {
        let operation = "upload part";
        if !(1..=MAX_PARTS).contains(&number) {
            return Err(BackendError::new(BackendErrorKind::InvalidPart, operation));
        }
        let (provider, _) = split_upload(upload).ok_or_else(|| no_upload(operation))?;
        let asked = if self.capabilities_of_remote().checksums {
            self.do_upload(key, upload).await?.checksum.map(|(algorithm, _)| algorithm)
        } else {
            None
        };
        let keep = self.keep(asked.or(options.digests.keep));
        let ready = self.ready(body, options.length, &options.digests, keep).await?;
        let (size, known) = match &ready {
            Ready::Whole(bytes, digests) => (u64::try_from(bytes.len()).unwrap_or(u64::MAX), digests.clone()),
            Ready::Stream(_, length) => (*length, Vec::new()),
            Ready::Endless(..) => (0, Vec::new()),
        };
        let place = self.reserve(options.quota, size, Target::Part(key, upload, number)).await?;
        let call = Call::new(operation, Method::PUT, Some(key))
            .ask("partNumber", number.to_string())
            .ask("uploadId", provider);
        let (call, load) = self.load(call, ready, options.digests, keep)?;
        let answer = match self.wire.call(call, load).await.map_err(gone) {
            Ok(answer) => answer,
            Err(error) => {
                if error.kind == BackendErrorKind::NoSuchUpload {
                    self.uploads.forget(key, provider);
                }
                return Err(error);
            }
        };
        let answer = answer.only_ok()?;
        let etag = etag_of(&answer.headers).ok_or_else(|| untrue(operation, "it has no entity tag"))?;
        let modified = self.moment(&answer.headers);
        let digests = answer.sent.as_ref().map_or(known, |sent| sent.digests.clone());
        let size = answer.sent.as_ref().map_or(size, |sent| sent.size);
        let told = part_digest(&answer.headers);
        answer.finish(&self.wire.timeouts).await;
        place.part_stored(size);
        let checksum = keep.0.and_then(|keep| digests.into_iter().find(|digest| digest.algorithm == keep));
        if let (Some(ours), Some(theirs)) = (&checksum, &told)
            && ours.algorithm == theirs.algorithm
            && ours != theirs
        {
            return Err(untrue(operation, "it has another checksum than the bytes that were sent"));
        }
        Ok(Part { number, size, etag, modified, checksum })
    }

    pub(super) async fn do_complete_upload(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
        options: CompleteOptions,
    ) -> Result<PutOutcome> {
        let operation = "complete upload";
        let (provider, _) = split_upload(upload).ok_or_else(|| no_upload(operation))?;
        match self.uploads.completed(key, provider, parts) {
            Some((told, true)) => return Ok(told),
            Some((_, false)) => return Err(no_upload(operation)),
            None => {}
        }
        check_parts(parts)?;
        let capabilities = self.capabilities_of_remote();
        let conditions = self.write_conditions(options.overwrite, &options.conditions);
        let mut call = Call::new(operation, Method::POST, Some(key)).ask("uploadId", provider).slow();
        if let Some(digest) = &options.checksum {
            if !capabilities.checksums {
                let why = "the provider keeps no checksums";
                return Err(BackendError::with(BackendErrorKind::Unsupported, operation, why));
            }
            call =
                call.with(checksum_header(digest.algorithm).unwrap_or_default(), &encode_digest(digest))?;
        }
        let size = match options.size {
            None => None,
            Some(_) => match self.size_of_parts(key, upload, parts).await {
                Ok(size) => Some(size),
                // Completed before, it may be: the provider knows.
                Err(error) if error.kind == BackendErrorKind::NoSuchUpload => None,
                Err(error) => return Err(error),
            },
        };
        match (options.size, size) {
            (Some(told), Some(is)) if told > is => return Err(BodyFault::Incomplete.into()),
            (Some(told), Some(is)) if told < is => return Err(BodyFault::TooLong.into()),
            _ => {}
        }
        let call = self.add_conditions(call, key, &conditions, capabilities.conditional_completes).await?;
        let text = parts_document(parts, capabilities.checksums);
        let answer =
            self.wire.attempt(call, Load::Full(text.into())).await.map_err(|(mut error, fault)| {
                // With `If-Match`, what is missing is the object.
                if error.kind == BackendErrorKind::NotFound && conditions.if_match.is_none() {
                    error.kind = BackendErrorKind::NoSuchUpload;
                }
                if let (Some(digest), Some("BadDigest" | "InvalidDigest")) =
                    (&options.checksum, fault.as_ref().map(|fault| fault.code.as_str()))
                {
                    error.kind = BackendErrorKind::Body(BodyFault::Digest(digest.algorithm));
                }
                error
            })?;
        let headers = answer.headers.clone();
        let node = answer.document("CompleteMultipartUploadResult", &self.wire.slow_timeouts()).await?;
        let etag = node
            .first("ETag")
            .and_then(|text| etag_told(text, &headers))
            .ok_or_else(|| untrue(operation, "it has no entity tag"))?;
        // The answer tells neither size nor time; the object does, unless it was replaced already.
        let now = self.glance(key).await.ok().flatten().filter(|meta| meta.etag == etag);
        let size = size.or_else(|| now.as_ref().map(|meta| meta.size)).or(options.size);
        let outcome = PutOutcome {
            size: size.ok_or_else(|| untrue(operation, "the object that was made is not there"))?,
            version: now.as_ref().map_or_else(
                || version_in(&headers, &etag, capabilities.versioning),
                |meta| meta.version.clone(),
            ),
            modified: now.as_ref().map_or_else(|| self.moment(&headers), |meta| meta.modified),
            checksum: if capabilities.checksums {
                checksum_of_node(&node).or_else(|| now.and_then(|meta| meta.checksum))
            } else {
                None
            },
            etag,
        };
        self.ledger.completed(outcome.size);
        self.uploads.complete(key, provider, parts, &outcome);
        Ok(outcome)
    }

    /// The bytes of the parts named, as the provider has them.
    async fn size_of_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[CompletedPart],
    ) -> Result<u64> {
        let (mut after, mut size) = (0, 0u64);
        let numbers: Vec<u16> = parts.iter().map(|part| part.number).collect();
        loop {
            let page = self.do_list_parts(key, upload, after, 1000).await?;
            for part in &page.parts {
                if numbers.binary_search(&part.number).is_ok() {
                    size = size.saturating_add(part.size);
                }
                after = part.number;
            }
            if !page.more {
                return Ok(size);
            }
        }
    }

    pub(super) async fn do_abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<()> {
        let operation = "abort upload";
        let (provider, _) = split_upload(upload).ok_or_else(|| no_upload(operation))?;
        let known = self.uploads.get(key, provider).is_some();
        self.uploads.forget(key, provider);
        let call =
            Call::new(operation, Method::DELETE, Some(key)).ask("uploadId", provider).repeat(Repeat::Safe);
        // Some providers thank for giving up what never was.
        if !known {
            self.do_upload(key, upload).await?;
            self.uploads.forget(key, provider);
        }
        self.wire.call(call, Load::none()).await.map_err(gone)?.finish(&self.wire.timeouts).await;
        Ok(())
    }

    /// Stores a body of which nobody knows the length: in parts, each held in memory while it is sent.
    pub(super) async fn put_in_parts(
        &self,
        key: &ObjectKey,
        ready: Ready,
        options: PutOptions,
        conditions: &WriteConditions,
    ) -> Result<PutOutcome> {
        let Ready::Endless(first, rest) = ready else {
            return Err(BackendError::new(BackendErrorKind::Unsupported, "put in parts"));
        };
        if !conditions.is_empty() && !self.capabilities_of_remote().conditional_completes {
            let why = "the provider does not decide conditions of uploads in parts";
            return Err(BackendError::with(BackendErrorKind::Unsupported, "put in parts", why));
        }
        let begin = UploadOptions {
            content: options.content.clone(),
            tags: options.tags.clone(),
            ..UploadOptions::default()
        };
        let upload = self.do_create_upload(key, &begin).await?;
        let done = self.send_parts(key, &upload, (first, rest), &options).await;
        let done = match done {
            Ok(parts) => {
                let complete = CompleteOptions {
                    conditions: conditions.clone(),
                    overwrite: None,
                    ..CompleteOptions::default()
                };
                self.do_complete_upload(key, &upload, &parts, complete).await
            }
            Err(error) => Err(error),
        };
        if done.is_err()
            && let Err(error) = self.do_abort_upload(key, &upload).await
        {
            tracing::warn!(%error, "an upload in parts that failed could not be given up");
        }
        done
    }

    async fn send_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        (first, mut rest): (Bytes, BodyStream),
        options: &PutOptions,
    ) -> Result<Vec<CompletedPart>> {
        let size = self.wire.limits.part_size.max(5 << 20);
        let mut digester = Digester::new(&options.digests.algorithms());
        let (mut buffer, mut parts, mut number) = (BytesMut::from(first), Vec::new(), 0u16);
        let mut ended = false;
        while !ended || !buffer.is_empty() {
            while buffer.len() < size && !ended {
                match rest.next().await {
                    Some(piece) => buffer.extend_from_slice(&piece?),
                    None => ended = true,
                }
            }
            let bytes = buffer.split_to(buffer.len().min(size)).freeze();
            digester.update(&bytes);
            number += 1;
            if number > MAX_PARTS {
                return Err(BackendError::new(BackendErrorKind::TooLarge, "put in parts"));
            }
            if ended && buffer.is_empty() {
                let digests = std::mem::replace(&mut digester, Digester::new(&[])).finish();
                options.digests.check(&digests)?;
            }
            let part = PartOptions { length: None, digests: DigestPlan::default(), quota: options.quota };
            let part = self.do_upload_part(key, upload, number, Body::Full(bytes), part).await?;
            parts.push(CompletedPart { number, etag: part.etag.to_string(), checksum: part.checksum });
        }
        Ok(parts)
    }
}

fn check_parts(parts: &[CompletedPart]) -> Result<()> {
    let fail = |kind| Err(BackendError::new(kind, "complete upload"));
    if parts.is_empty() || parts.len() > usize::from(MAX_PARTS) {
        return fail(BackendErrorKind::InvalidPart);
    }
    if parts.iter().any(|part| !(1..=MAX_PARTS).contains(&part.number)) {
        return fail(BackendErrorKind::InvalidPart);
    }
    if parts.is_sorted_by(|one, other| one.number < other.number) {
        Ok(())
    } else {
        fail(BackendErrorKind::InvalidPartOrder)
    }
}

fn parts_document(parts: &[CompletedPart], checksums: bool) -> String {
    let mut text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
    for part in parts {
        text.push_str("<Part>");
        xml::element(&mut text, "PartNumber", &part.number.to_string());
        xml::element(&mut text, "ETag", &format!("\"{}\"", part.etag));
        if let Some(digest) = part.checksum.as_ref().filter(|_| checksums)
            && let Some(name) = checksum_element(digest.algorithm)
        {
            xml::element(&mut text, name, &encode_digest(digest));
        }
        text.push_str("</Part>");
    }
    text.push_str("</CompleteMultipartUpload>");
    text
}
