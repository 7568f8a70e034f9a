//! Finding out what a provider can do, by trying it on objects that nobody else has.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{Method, StatusCode};
use portcullis_domain::ObjectKey;

use super::backend::S3Backend;
use super::headers::{checksum_in, etag_of, named};
use super::names::{checksum_header, encode_digest};
use super::options::RemoteCapabilities;
use super::wire::{Answer, Call, Load};
use super::write::digest;
use crate::{BackendError, BackendErrorKind, Digest, DigestAlgorithm, Etag, Result};

/// What no object has.
const WRONG_TAG: &str = "\"00000000000000000000000000000000\"";

fn key(text: &str) -> Result<ObjectKey> {
    ObjectKey::parse(text).map_err(|error| BackendError::with(BackendErrorKind::Unsupported, "detect", error))
}

/// Objects of a test, and the way to them. Their keys are new every time, and they are removed again.
pub(super) struct Probe<'a> {
    backend: &'a S3Backend,
    one: ObjectKey,
    two: ObjectKey,
    /// As if the first were a folder.
    inner: ObjectKey,
    wrote_inner: AtomicBool,
    /// The bucket keeps what is removed.
    keeps: AtomicBool,
}

impl S3Backend {
    /// Finds out what the provider can do. Writes three small objects under keys that nobody else has, and removes them.
    /// What a provider does not clearly do, it cannot.
    ///
    /// # Errors
    /// If objects cannot be written, read and removed at all.
    pub async fn detect(&self) -> Result<RemoteCapabilities> {
        let probe = Probe::new(self)?;
        let found = probe.run().await;
        let removed = probe.remove().await;
        let found = found?;
        removed?;
        Ok(found)
    }
}

impl<'a> Probe<'a> {
    fn new(backend: &'a S3Backend) -> Result<Self> {
        let mut chance = [0u8; 16];
        getrandom::fill(&mut chance)
            .map_err(|_| BackendError::new(BackendErrorKind::Unavailable, "detect"))?;
        let key = |end: &str| key(&format!(".portcullis-probe-{}-{end}", hex::encode(chance)));
        let (one, two, inner) = (key("1")?, key("2")?, key("1/\u{e9}")?);
        Ok(Self {
            backend,
            one,
            two,
            inner,
            wrote_inner: AtomicBool::default(),
            keeps: AtomicBool::default(),
        })
    }

    /// Writes an object, reads it and removes it.
    pub(super) async fn write_read_delete(backend: &'a S3Backend) -> Result<()> {
        let probe = Self::new(backend)?;
        let done = async {
            let put = probe.must(probe.put(&probe.one)?, Load::Full(Bytes::from_static(b"probe"))).await?;
            probe.keeps.store(named(&put.headers, "x-amz-version-id").is_some(), Ordering::Relaxed);
            let get = probe.call(Method::GET, &probe.one);
            let answer = probe.must(get, Load::none()).await?;
            match super::headers::content_length(&answer.headers) {
                Some(5) => Ok(()),
                _ => Err(super::fault::untrue("check", "what was written is not what is read")),
            }
        };
        let (done, removed) = (done.await, probe.remove().await);
        done.and(removed)
    }

    fn call<'k>(&self, method: Method, key: &'k ObjectKey) -> Call<'k> {
        Call::new("detect", method, Some(key))
    }

    fn put<'k>(&self, key: &'k ObjectKey) -> Result<Call<'k>> {
        self.call(Method::PUT, key).with("content-type", "text/plain")
    }

    async fn must(&self, call: Call<'_>, load: Load) -> Result<Answer> {
        self.backend.wire.call(call, load).await
    }

    /// The state of an answer, whatever it is; an error if there is none.
    async fn state(&self, call: Call<'_>, load: Load) -> Result<StatusCode> {
        match self.backend.wire.attempt(call, load).await {
            Ok(answer) => {
                let status = answer.status;
                answer.finish(&self.backend.wire.timeouts).await;
                Ok(status)
            }
            Err((_, Some(fault))) => Ok(fault.status),
            Err((error, None)) => Err(error),
        }
    }

    /// Whether a condition that does not hold is refused as one.
    async fn refused(&self, call: Call<'_>, load: Load) -> Result<bool> {
        Ok(self.state(call, load).await? == StatusCode::PRECONDITION_FAILED)
    }

    async fn run(&self) -> Result<RemoteCapabilities> {
        let body = || Load::Full(Bytes::from_static(b"probe"));
        let first = self.must(self.put(&self.one)?, body()).await?;
        let versioned = named(&first.headers, "x-amz-version-id").is_some_and(|version| version != "null");
        self.keeps.store(versioned, Ordering::Relaxed);
        let etag =
            etag_of(&first.headers).ok_or_else(|| super::fault::untrue("detect", "it has no entity tag"))?;
        let md5 = digest(DigestAlgorithm::Md5, b"probe").value;
        let md5_tags = matches!(etag, Etag::Md5 { digest, parts: None } if digest.as_slice() == md5);
        first.finish(&self.backend.wire.timeouts).await;
        let conditional_puts = self.refused(self.put(&self.one)?.with("if-none-match", "*")?, body()).await?
            && self.refused(self.put(&self.one)?.with("if-match", WRONG_TAG)?, body()).await?
            && self.state(self.put(&self.two)?.with("if-none-match", "*")?, body()).await?.is_success();
        if !conditional_puts {
            self.must(self.put(&self.two)?, body()).await?.finish(&self.backend.wire.timeouts).await;
        }
        Ok(RemoteCapabilities {
            conditional_puts,
            conditional_copies: self.conditional_copies().await?,
            conditional_sources: self.conditional_sources().await?,
            conditional_completes: self.conditional_completes().await?,
            conditional_deletes: self.conditional_deletes().await?,
            versioning: versioned && self.versioning().await?,
            checksums: self.checksums().await?,
            tags: self.tags().await?,
            list_v2: self.list_v2().await?,
            md5_tags,
            folds_case: self.is_there(&key(&self.one.as_str().to_ascii_uppercase())?).await?,
            file_or_folder: !self.file_beside_folder().await?,
            folds_unicode: self.is_there(&key(&format!("{}/e\u{301}", self.one))?).await?,
        })
    }

    async fn is_there(&self, key: &ObjectKey) -> Result<bool> {
        Ok(self.state(self.call(Method::HEAD, key), Load::none()).await?.is_success())
    }

    /// Whether an object stays when another is written as if the first were a folder.
    async fn file_beside_folder(&self) -> Result<bool> {
        let put = self.state(self.put(&self.inner)?, Load::Full(Bytes::from_static(b"probe"))).await?;
        self.wrote_inner.store(put.is_success(), Ordering::Relaxed);
        Ok(put.is_success() && self.is_there(&self.inner).await? && self.is_there(&self.one).await?)
    }

    /// A copy of the first object over the second.
    fn copy(&self) -> Result<Call<'_>> {
        let full = self.backend.wire.full_key(&self.one, "detect")?;
        let bucket = &self.backend.wire.remote.bucket;
        let source = format!("/{bucket}/{}", portcullis_sigv4::encode::encode_path(full.as_bytes()));
        self.call(Method::PUT, &self.two).with("x-amz-copy-source", &source)
    }

    async fn conditional_copies(&self) -> Result<bool> {
        Ok(self.refused(self.copy()?.with("if-none-match", "*")?, Load::none()).await?
            && self.refused(self.copy()?.with("if-match", WRONG_TAG)?, Load::none()).await?)
    }

    async fn conditional_sources(&self) -> Result<bool> {
        let copy = self.copy()?.with("x-amz-copy-source-if-match", WRONG_TAG)?;
        self.refused(copy, Load::none()).await
    }

    async fn conditional_completes(&self) -> Result<bool> {
        let upload = self.backend.do_create_upload(&self.one, &crate::UploadOptions::default()).await;
        let Ok(upload) = upload else { return Ok(false) };
        let body = crate::Body::Full(Bytes::from_static(b"probe"));
        let part =
            self.backend.do_upload_part(&self.one, &upload, 1, body, crate::PartOptions::default()).await;
        let holds = match part {
            Ok(part) => {
                let text = format!(
                    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"{}\"</ETag></Part>\
                     </CompleteMultipartUpload>",
                    part.etag
                );
                let complete = self.call(Method::POST, &self.one).ask("uploadId", &*upload.0);
                self.refused(complete.with("if-none-match", "*")?, Load::Full(text.into())).await
            }
            Err(error) => Err(error),
        };
        // An upload that was completed in spite of the condition is gone.
        drop(self.backend.do_abort_upload(&self.one, &upload).await);
        Ok(holds.unwrap_or(false))
    }

    async fn conditional_deletes(&self) -> Result<bool> {
        let delete = self.call(Method::DELETE, &self.two).with("if-match", WRONG_TAG)?;
        if !self.refused(delete, Load::none()).await? {
            return Ok(false);
        }
        Ok(self.state(self.call(Method::HEAD, &self.two), Load::none()).await?.is_success())
    }

    async fn versioning(&self) -> Result<bool> {
        let call = Call::new("detect", Method::GET, None).ask("versioning", "");
        let Ok(answer) = self.backend.wire.call(call, Load::none()).await else { return Ok(false) };
        let node = answer.document("VersioningConfiguration", &self.backend.wire.timeouts).await;
        Ok(node.is_ok_and(|node| node.first("Status").is_some_and(|status| status.trim() == "Enabled")))
    }

    /// Whether a checksum is kept, and one that does not match refused, both in a header and in a trailer.
    async fn checksums(&self) -> Result<bool> {
        let algorithm = DigestAlgorithm::Crc32c;
        let right = digest(algorithm, b"probe");
        let wrong = Digest { algorithm, value: vec![0; algorithm.length()] };
        let name = checksum_header(algorithm).unwrap_or_default();
        let body = || Load::Full(Bytes::from_static(b"probe"));
        let refused = self.state(self.put(&self.two)?.with(name, &encode_digest(&wrong))?, body()).await?;
        if !refused.is_client_error() {
            return Ok(false);
        }
        if !self.put_with_trailer(algorithm).await?.is_success() {
            return Ok(false);
        }
        let head = self.call(Method::HEAD, &self.two).with("x-amz-checksum-mode", "ENABLED")?;
        let kept = match self.backend.wire.call(head, Load::none()).await {
            Ok(answer) => checksum_in(&answer.headers).is_some_and(|kept| kept.digest == right),
            Err(_) => false,
        };
        let header = self.state(self.put(&self.two)?.with(name, &encode_digest(&right))?, body()).await?;
        Ok(kept && header.is_success())
    }

    async fn put_with_trailer(&self, algorithm: DigestAlgorithm) -> Result<StatusCode> {
        let piece = futures_util::stream::iter([Ok(Bytes::from_static(b"probe"))]);
        let ready = super::write::Ready::Stream(Box::pin(piece), 5);
        let keep = super::write::Keep(Some(algorithm));
        let plan = crate::DigestPlan::default();
        let (call, load) = self.backend.load(self.put(&self.two)?, ready, plan, keep)?;
        self.state(call, load).await
    }

    async fn tags(&self) -> Result<bool> {
        let put = self.put(&self.two)?.with("x-amz-tagging", "probe=yes")?;
        if !self.state(put, Load::Full(Bytes::from_static(b"probe"))).await?.is_success() {
            return Ok(false);
        }
        let tags = self.backend.tags(&self.two, None).await;
        Ok(tags.is_ok_and(|tags| tags == [("probe".to_owned(), "yes".to_owned())]))
    }

    async fn list_v2(&self) -> Result<bool> {
        let full = self.backend.wire.full_key(&self.one, "detect")?;
        let call = Call::new("detect", Method::GET, None).ask("list-type", "2").ask("prefix", full.as_str());
        let Ok(answer) = self.backend.wire.call(call, Load::none()).await else { return Ok(false) };
        let Ok(node) = answer.document("ListBucketResult", &self.backend.wire.timeouts).await else {
            return Ok(false);
        };
        let found = node.all("Contents").any(|item| item.first("Key") == Some(&full));
        Ok(found && node.first("KeyCount").is_some())
    }

    /// Removes what the test wrote, and what a bucket with versions has kept of it.
    async fn remove(&self) -> Result<()> {
        // Where it could not be written, the provider may not even know how to remove it.
        let inner = Some(&self.inner).filter(|_| self.wrote_inner.load(Ordering::Relaxed));
        for key in inner.into_iter().chain([&self.one, &self.two]) {
            let status = self.state(self.call(Method::DELETE, key), Load::none()).await?;
            if !status.is_success() && status != StatusCode::NOT_FOUND {
                let why = format!("the object {key} of the test could not be removed: {}", status.as_u16());
                return Err(BackendError::with(BackendErrorKind::Unavailable, "detect", why));
            }
            if self.keeps.load(Ordering::Relaxed) {
                match self.remove_versions(key).await {
                    // Garage names a version in every answer and keeps none: it has no listing of them.
                    Err(error) if error.kind == BackendErrorKind::Unsupported => {}
                    other => other?,
                }
            }
        }
        Ok(())
    }

    async fn remove_versions(&self, key: &ObjectKey) -> Result<()> {
        let full = self.backend.wire.full_key(key, "detect")?;
        let call = Call::new("detect", Method::GET, None).ask("prefix", full.as_str()).ask("versions", "");
        let answer = self.must(call, Load::none()).await?;
        let node = answer.document("ListVersionsResult", &self.backend.wire.timeouts).await?;
        for item in node.all("Version").chain(node.all("DeleteMarker")) {
            if let (Some(told), Some(version)) = (item.first("Key"), item.first("VersionId"))
                && told == full
            {
                let call = self.call(Method::DELETE, key).ask("versionId", version);
                self.must(call, Load::none()).await?.finish(&self.backend.wire.timeouts).await;
            }
        }
        Ok(())
    }
}
