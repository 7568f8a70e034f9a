//! Looking at objects and getting them.

use http::header::CONTENT_RANGE;
use http::{HeaderMap, Method, StatusCode};
use portcullis_domain::{ObjectKey, Timestamp};

use super::backend::S3Backend;
use super::fault::untrue;
use super::headers::{content_length, named, object_meta, version_to};
use super::receiving::{Download, collect};
use super::wire::{Answer, Call, Load};
use crate::{
    BackendError, BackendErrorKind, Body, ByteRange, Etag, EtagCondition, GetOptions, GetOutcome, Object,
    ObjectMeta, RangeRequest, ReadConditions, ReadVerdict, Result, VersionId,
};

/// How often a read begins anew because the object changed between two requests.
const CHANGES: usize = 4;

/// What one request is to bring.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    version: Option<&'a VersionId>,
    range: Option<RangeRequest>,
    /// Only this very object.
    pinned: Option<&'a Etag>,
    conditions: Option<&'a ReadConditions>,
}

impl S3Backend {
    /// What is known of an object or of one version of it.
    pub(super) async fn look(&self, key: &ObjectKey, version: Option<&VersionId>) -> Result<ObjectMeta> {
        let capabilities = self.capabilities_of_remote();
        let mut call = Call::new("head", Method::HEAD, Some(key));
        if capabilities.checksums {
            call = call.with("x-amz-checksum-mode", "ENABLED")?;
        }
        if let Some(version) = version.filter(|_| capabilities.versioning) {
            call = call.ask("versionId", version_to(version));
        }
        let answer = match self.wire.attempt(call, Load::none()).await {
            Ok(answer) => answer,
            // A provider calls a version that cannot be one of its own a bad request, without saying why.
            Err((_, Some(fault))) if version.is_some() && fault.status == StatusCode::BAD_REQUEST => {
                return Err(BackendError::new(BackendErrorKind::NotFound, "head"));
            }
            Err((error, _)) => return Err(error),
        };
        let size = content_length(&answer.headers);
        let meta = size.and_then(|size| {
            object_meta(&answer.headers, size, capabilities.versioning, capabilities.checksums)
        });
        let mut meta = meta.ok_or_else(|| untrue("head", "size, date or entity tag is missing"))?;
        if version.is_some_and(|version| *version != meta.version) {
            return Err(BackendError::new(BackendErrorKind::NotFound, "head"));
        }
        self.add_tags(key, &answer.headers, &mut meta).await?;
        Ok(meta)
    }

    /// As [`S3Backend::look`], none if nothing is there.
    pub(super) async fn glance(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>> {
        match self.look(key, None).await {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind == BackendErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn add_tags(&self, key: &ObjectKey, headers: &HeaderMap, meta: &mut ObjectMeta) -> Result<()> {
        let count = named(headers, "x-amz-tagging-count").and_then(|count| count.trim().parse::<u32>().ok());
        if self.capabilities_of_remote().tags && count.unwrap_or(0) > 0 {
            let version = self.capabilities_of_remote().versioning.then_some(&meta.version);
            meta.tags = self.tags(key, version).await?;
        }
        Ok(())
    }

    pub(super) async fn do_head(
        &self,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<GetOutcome<ObjectMeta>> {
        let meta = self.look(key, options.version.as_ref()).await?;
        match options.conditions.check(&meta) {
            ReadVerdict::Failed => Err(BackendError::new(BackendErrorKind::PreconditionFailed, "head")),
            ReadVerdict::NotModified => Ok(GetOutcome::NotModified(Box::new(meta))),
            ReadVerdict::Proceed => {
                if let Some(part) = options.part {
                    self.part_range(key, &meta, part).await?;
                }
                Ok(GetOutcome::Found(meta))
            }
        }
    }

    /// The bytes of a part; none for all of an object that did not come in parts.
    async fn part_range(&self, key: &ObjectKey, meta: &ObjectMeta, part: u16) -> Result<Option<ByteRange>> {
        let none = BackendError::new(BackendErrorKind::InvalidRange { size: meta.size }, "part");
        if matches!(meta.etag, Etag::Md5 { parts: None, .. }) {
            return if part == 1 { Ok(None) } else { Err(none) };
        }
        let mut call = Call::new("part", Method::HEAD, Some(key)).ask("partNumber", part.to_string());
        call = call.with("if-match", &format!("\"{}\"", meta.etag))?;
        if self.capabilities_of_remote().versioning {
            call = call.ask("versionId", version_to(&meta.version));
        }
        let answer = match self.wire.attempt(call, Load::none()).await {
            Ok(answer) => answer,
            Err((_, Some(fault))) if matches!(fault.status.as_u16(), 400 | 416) => return Err(none),
            Err((error, _)) => return Err(error),
        };
        match (content_range(&answer.headers), content_length(&answer.headers)) {
            (Some((range, total)), Some(length)) if total == meta.size && length == range.length() => {
                Ok(Some(range))
            }
            (None, Some(length)) if part == 1 && length == meta.size => Ok(None),
            (None, Some(0)) if meta.size > 0 => Err(none),
            _ => Err(untrue("part", "the part is not part of the object")),
        }
    }

    pub(super) async fn do_get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        let conditions = &options.conditions;
        let versioning = self.capabilities_of_remote().versioning;
        let odd = match options.range {
            Some(RangeRequest::FromTo(first, last)) => first > last,
            Some(RangeRequest::Suffix(length)) => length == 0,
            Some(RangeRequest::From(_)) | None => false,
        };
        // What providers do differently, or answer without saying enough, is decided here on the metadata.
        let two_steps = conditions.if_none_match.is_some()
            || conditions.if_modified_since.is_some()
            || conditions.if_range.is_some()
            || options.part.is_some()
            || odd
            || (options.version.is_some() && !versioning);
        if two_steps {
            return self.get_in_two_steps(key, options).await;
        }
        let wanted = Wanted {
            version: options.version.as_ref(),
            range: options.range,
            pinned: None,
            conditions: Some(conditions),
        };
        let object = self.fetch(key, &wanted).await?;
        match conditions.check(&object.meta) {
            ReadVerdict::Proceed => Ok(GetOutcome::Found(object)),
            ReadVerdict::NotModified => Ok(GetOutcome::NotModified(Box::new(object.meta))),
            ReadVerdict::Failed => Err(BackendError::new(BackendErrorKind::PreconditionFailed, "get")),
        }
    }

    async fn get_in_two_steps(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome<Object>> {
        for _ in 0..CHANGES {
            let meta = self.look(key, options.version.as_ref()).await?;
            match options.conditions.check(&meta) {
                ReadVerdict::Failed => {
                    return Err(BackendError::new(BackendErrorKind::PreconditionFailed, "get"));
                }
                ReadVerdict::NotModified => return Ok(GetOutcome::NotModified(Box::new(meta))),
                ReadVerdict::Proceed => {}
            }
            let range = match (options.part, options.range) {
                (Some(part), _) => self.part_range(key, &meta, part).await?,
                (None, Some(range)) if options.conditions.range_holds(&meta) => {
                    let range = range.resolve(meta.size);
                    Some(range.map_err(|kind| BackendError::new(kind, "get"))?)
                }
                (None, _) => None,
            };
            let version = options.version.as_ref().filter(|_| self.capabilities_of_remote().versioning);
            let range = range.map(|range| RangeRequest::FromTo(range.first, range.last));
            let wanted = Wanted { version, range, pinned: Some(&meta.etag), conditions: None };
            match self.fetch(key, &wanted).await {
                Ok(object) if object.meta.etag == meta.etag => return Ok(GetOutcome::Found(object)),
                Ok(_) => {}
                Err(error) if error.kind == BackendErrorKind::PreconditionFailed => {}
                Err(error) => return Err(error),
            }
        }
        Err(BackendError::with(BackendErrorKind::Unavailable, "get", "the object changes too fast"))
    }

    fn get_call<'a>(&self, key: &'a ObjectKey, wanted: &Wanted<'_>) -> Result<Call<'a>> {
        let mut call = Call::new("get", Method::GET, Some(key));
        if self.capabilities_of_remote().checksums {
            call = call.with("x-amz-checksum-mode", "ENABLED")?;
        }
        if let Some(version) = wanted.version {
            call = call.ask("versionId", version_to(version));
        }
        if let Some(range) = wanted.range {
            call = call.with("range", &range_text(range))?;
        }
        match (wanted.pinned, wanted.conditions.and_then(|conditions| conditions.if_match.as_ref())) {
            (Some(etag), _) => call = call.with("if-match", &format!("\"{etag}\""))?,
            // Lists and stars are checked on the answer: providers differ.
            (None, Some(EtagCondition::OneOf(tags))) if tags.len() == 1 => {
                call = call.with("if-match", &format!("\"{}\"", tags.first().map_or("", String::as_str)))?;
            }
            (None, _) => {}
        }
        Ok(call)
    }

    /// One answer with bytes that are what was asked for.
    async fn fetch(&self, key: &ObjectKey, wanted: &Wanted<'_>) -> Result<Object> {
        let (mut tries, mut wanted) = (0, *wanted);
        loop {
            tries += 1;
            let answer = match self.wire.attempt(self.get_call(key, &wanted)?, Load::none()).await {
                Ok(answer) => answer,
                Err((error, fault)) => {
                    let error = self.refine(key, &wanted, error, fault.as_ref()).await;
                    // Not every provider takes a range that reaches past an end: it gets one that does not.
                    let BackendErrorKind::InvalidRange { size } = error.kind else { return Err(error) };
                    let range = wanted.range.and_then(|range| range.resolve(size).ok());
                    let exact = range.map(|range| RangeRequest::FromTo(range.first, range.last));
                    if exact.is_none() || exact == wanted.range {
                        return Err(error);
                    }
                    wanted.range = exact;
                    continue;
                }
            };
            let (mut meta, range) = self.check_answer(&answer, &wanted)?;
            let length = range.map_or(meta.size, |range| range.length());
            self.add_tags(key, &answer.headers, &mut meta).await?;
            let small = u64::try_from(self.wire.limits.small_body).unwrap_or(u64::MAX);
            if length > small {
                let body = Download::new(answer.body, length, self.wire.timeouts.idle, answer.pass);
                return Ok(Object { meta, range, body: Body::Stream(Box::pin(body)) });
            }
            // A small one is had before anything is said of it, so that it can be asked for again.
            let bytes = collect(answer.body, self.wire.limits.small_body, &self.wire.timeouts).await;
            match bytes {
                Some(bytes) if u64::try_from(bytes.len()) == Ok(length) => {
                    return Ok(Object { meta, range, body: Body::Full(bytes.into()) });
                }
                _ if tries < self.wire.limits.tries && self.wire.gate.may_repeat() => {}
                _ => return Err(untrue("get", "the body broke off")),
            }
        }
    }

    /// A range that cannot be had, of an object whose size was not told: its size is asked for.
    async fn refine(
        &self,
        key: &ObjectKey,
        wanted: &Wanted<'_>,
        error: BackendError,
        fault: Option<&super::fault::Fault>,
    ) -> BackendError {
        let status = fault.map(|fault| fault.status);
        if status == Some(StatusCode::BAD_REQUEST) && wanted.version.is_some() {
            return BackendError::new(BackendErrorKind::NotFound, "get");
        }
        if status != Some(StatusCode::RANGE_NOT_SATISFIABLE) || error.kind != BackendErrorKind::Unavailable {
            return error;
        }
        match self.look(key, wanted.version).await {
            Ok(meta) => BackendError::new(BackendErrorKind::InvalidRange { size: meta.size }, "get"),
            Err(error) => error,
        }
    }

    fn check_answer(&self, answer: &Answer, wanted: &Wanted<'_>) -> Result<(ObjectMeta, Option<ByteRange>)> {
        let capabilities = self.capabilities_of_remote();
        let headers = &answer.headers;
        let length = content_length(headers).ok_or_else(|| untrue("get", "it has no length"))?;
        let (size, range) = match answer.status {
            StatusCode::OK => {
                let asked = wanted.range.map(|range| range.resolve(length));
                match asked {
                    None => (length, None),
                    Some(Ok(range)) if range.length() == length => (length, Some(range)),
                    Some(_) => return Err(untrue("get", "all bytes came instead of a range")),
                }
            }
            StatusCode::PARTIAL_CONTENT => {
                let (range, total) = content_range(headers)
                    .ok_or_else(|| untrue("get", "it does not say which range it is"))?;
                let asked = wanted.range.and_then(|range| range.resolve(total).ok());
                if asked != Some(range) || range.length() != length {
                    return Err(untrue("get", "another range came than was asked for"));
                }
                (total, Some(range))
            }
            _ => return Err(untrue("get", "it is neither an object nor a range of one")),
        };
        let meta = object_meta(headers, size, capabilities.versioning, capabilities.checksums)
            .ok_or_else(|| untrue("get", "date or entity tag is missing"))?;
        if let Some(version) = wanted.version.filter(|_| capabilities.versioning)
            && *version != meta.version
        {
            return Err(untrue("get", "another version came than was asked for"));
        }
        Ok((meta, range))
    }

    /// The moment of an answer; ours if it does not tell.
    pub(super) fn moment(&self, headers: &HeaderMap) -> Timestamp {
        super::headers::date_of(headers).unwrap_or_else(|| self.wire.clock.now())
    }
}

fn range_text(range: RangeRequest) -> String {
    match range {
        RangeRequest::FromTo(first, last) => format!("bytes={first}-{last}"),
        RangeRequest::From(first) => format!("bytes={first}-"),
        RangeRequest::Suffix(length) => format!("bytes=-{length}"),
    }
}

/// `bytes first-last/total`.
fn content_range(headers: &HeaderMap) -> Option<(ByteRange, u64)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, total): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    (first <= last && last < total).then_some((ByteRange { first, last }, total))
}
