//! Copies within one connection: by the provider where it can do what is asked, streamed where it cannot.

use http::Method;
use portcullis_domain::ObjectKey;
use portcullis_sigv4::encode::encode_path;

use super::backend::S3Backend;
use super::fault::untrue;
use super::headers::{add_content, etag_told, tags_text, version_in, version_to};
use super::iso::parse_iso;
use super::names::checksum_word;
use super::uploads::checksum_of_node;
use super::usage::Target;
use super::wire::{Call, Load};
use super::write::MAX_SINGLE;
use crate::{
    BackendError, BackendErrorKind, Checksum, ChecksumKind, ContentHeaders, CopyOptions, GetOptions,
    GetOutcome, MetadataDirective, ObjectMeta, PutOptions, PutOutcome, ReadConditions, ReadVerdict, Result,
    WriteConditions,
};

/// How often a copy begins anew because its source changed between two requests.
const CHANGES: usize = 4;

impl S3Backend {
    pub(super) async fn do_copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        options: CopyOptions,
    ) -> Result<PutOutcome> {
        let conditions = self.write_conditions(options.overwrite, &options.conditions);
        let free = conditions.is_empty() && options.source == ReadConditions::default();
        let mut tries = 0;
        loop {
            tries += 1;
            let source = self.look(from, options.version.as_ref()).await?;
            if options.source.check(&source) != ReadVerdict::Proceed {
                return Err(BackendError::new(BackendErrorKind::PreconditionFailed, "copy"));
            }
            if source.size > MAX_SINGLE {
                return Err(BackendError::new(BackendErrorKind::TooLarge, "copy"));
            }
            // Conditions that the provider would not look at go with a write that it does.
            if !conditions.is_empty() && !self.capabilities_of_remote().conditional_copies {
                return self.copy_streamed(from, to, &source, options).await;
            }
            match self.copy_there(from, to, &source, &options, &conditions).await {
                // Nobody asked for a condition: it is the source that was replaced after it was looked at.
                Err(error)
                    if error.kind == BackendErrorKind::PreconditionFailed && free && tries < CHANGES => {}
                other => return other,
            }
        }
    }

    /// By the provider, from this very source.
    async fn copy_there(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        source: &ObjectMeta,
        options: &CopyOptions,
        conditions: &WriteConditions,
    ) -> Result<PutOutcome> {
        let capabilities = self.capabilities_of_remote();
        let full = self.wire.full_key(from, "copy")?;
        let mut place = format!("/{}/{}", self.wire.remote.bucket, encode_path(full.as_bytes()));
        if let Some(version) = options.version.as_ref().filter(|_| capabilities.versioning) {
            place.push_str("?versionId=");
            place.push_str(&version_to(version));
        }
        let mut call = Call::new("copy", Method::PUT, Some(to))
            .slow()
            .with("x-amz-copy-source", &place)?
            .with("x-amz-copy-source-if-match", &format!("\"{}\"", source.etag))?;
        // An object may be copied onto itself only if something changes: its headers, to what they were.
        let onto_itself = from == to && options.version.is_none();
        let content: Option<&ContentHeaders> = match &options.metadata {
            MetadataDirective::Replace(content) => Some(content),
            MetadataDirective::Copy if onto_itself => Some(&source.content),
            MetadataDirective::Copy => None,
        };
        call = call.with("x-amz-metadata-directive", if content.is_some() { "REPLACE" } else { "COPY" })?;
        if let Some(content) = content {
            add_content(&mut call.headers, content, "copy")?;
        }
        call = match &options.tags {
            Some(tags) if capabilities.tags => {
                call.with("x-amz-tagging-directive", "REPLACE")?.with("x-amz-tagging", &tags_text(tags))?
            }
            Some(tags) => self.add_tagging(call, tags)?,
            None => call,
        };
        let wanted = options.checksum.filter(|_| capabilities.checksums).and_then(checksum_word);
        if let Some(word) = wanted {
            call = call.with("x-amz-checksum-algorithm", word)?;
        }
        call = self.add_conditions(call, to, conditions, capabilities.conditional_copies).await?;
        let held = self.reserve(options.quota, source.size, Target::Object(to)).await?;
        let answer = self.wire.call(call, Load::none()).await?;
        let headers = answer.headers.clone();
        let node = answer.document("CopyObjectResult", &self.wire.slow_timeouts()).await?;
        let etag = node.first("ETag").and_then(|text| etag_told(text, &headers));
        let etag = etag.ok_or_else(|| untrue("copy", "it has no entity tag"))?;
        held.stored(source.size);
        Ok(PutOutcome {
            size: source.size,
            version: version_in(&headers, &etag, capabilities.versioning),
            etag,
            modified: node.first("LastModified").and_then(parse_iso).unwrap_or_else(|| self.moment(&headers)),
            checksum: if capabilities.checksums { checksum_of_node(&node) } else { None },
        })
    }

    /// Through here, piece by piece.
    async fn copy_streamed(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        source: &ObjectMeta,
        options: CopyOptions,
    ) -> Result<PutOutcome> {
        let read =
            GetOptions { version: options.version, conditions: options.source, ..GetOptions::default() };
        let GetOutcome::Found(object) = self.do_get(from, &read).await? else {
            return Err(BackendError::new(BackendErrorKind::PreconditionFailed, "copy"));
        };
        let meta = object.meta;
        let kept = meta.checksum.as_ref().filter(|checksum| checksum.kind == ChecksumKind::FullObject);
        let keep = options.checksum.or(kept.map(|Checksum { digest, .. }| digest.algorithm));
        let write = PutOptions {
            length: Some(meta.size),
            content: match options.metadata {
                MetadataDirective::Copy => meta.content,
                MetadataDirective::Replace(content) => *content,
            },
            tags: options.tags.unwrap_or_else(|| source.tags.clone()),
            digests: crate::DigestPlan { keep, ..crate::DigestPlan::default() },
            conditions: options.conditions,
            overwrite: options.overwrite,
            quota: options.quota,
        };
        self.do_put(to, object.body, write).await
    }
}
