//! `PATCH`: the next bytes of an upload.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_access::{
    AccessError, BackendErrorKind, Body as FileBody, BodyFault, CompleteOptions, PartOptions, Put, PutOptions,
};
use portcullis_control::ResumableState;
use tokio::sync::Mutex;

use super::body::{Kept, Source, piece};
use super::progress::{self, Place, Progress};
use super::{Open, UPLOAD_OFFSET, headers as tus, refused, tell_expiry};
use crate::files::write::Before;
use crate::headers;
use crate::problem::{Problem, Result};

/// Takes the next bytes. The answer says how many of all are durable.
pub(super) async fn patch(open: Open, given: HeaderMap, body: Body) -> Result<Response> {
    if !tus::has_bytes(&given) {
        let detail = "Send bytes as application/offset+octet-stream.";
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            "Unsupported media type",
            detail,
        ));
    }
    let offset = tus::offset(&given)?;
    let progress = Progress::of(&open).await?;
    if offset != progress.offset {
        let detail = format!("The upload goes on at byte {}; ask for that with HEAD.", progress.offset);
        let problem = Problem::new(StatusCode::CONFLICT, "offset", "Another offset", detail);
        return Err(problem.with_header(UPLOAD_OFFSET, HeaderValue::from(progress.offset)));
    }
    let upload = open.upload.clone();
    let reached = if progress.done {
        nothing_more(body).await?;
        offset
    } else {
        receive(open, offset, &given, body).await?
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(UPLOAD_OFFSET, HeaderValue::from(reached));
    if reached < upload.length {
        tell_expiry(&upload, response.headers_mut());
    }
    Ok(response)
}

/// Sees that nothing comes for what is a file already.
async fn nothing_more(body: Body) -> Result<()> {
    let more = Source::new(body, None).has_more().await;
    if more.map_err(|_| broken_off())? { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> Problem {
    let detail = "These are more bytes than the upload was said to have.";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
}

/// Takes the bytes of a request, from `offset` on; says where the upload goes on.
///
/// It goes on when the client is gone: what had come by then is kept.
pub(super) async fn receive(open: Open, offset: u64, given: &HeaderMap, body: Body) -> Result<u64> {
    let length = headers::length(given)?;
    let end = length.map(|length| offset.saturating_add(length));
    if end.is_some_and(|end| end > open.upload.length) {
        return Err(too_many());
    }
    let checksum = tus::checksum(given)?;
    let checked = checksum.is_some();
    if checked && open.upload.held_at.is_none() {
        open.app.control.hold_resumable(&open.upload, offset).await?;
    }
    let counted = checked || open.upload.held_at.is_some();
    let source = Arc::new(Mutex::new(Source::new(body, checksum)));
    let tasks = open.app.tasks.clone();
    let work = Work { open, source, end, checked, counted };
    let done = tasks.spawn(async move { work.run(offset).await });
    done.await.map_err(|error| Problem::internal(error.to_string()))?
}

/// A request whose bytes are stored.
struct Work {
    open: Open,
    source: Arc<Mutex<Source>>,
    /// Where its bytes end, if that was said.
    end: Option<u64>,
    /// Whether they have to have a digest: none of them counts before that was seen.
    checked: bool,
    /// Whether it is written down how many bytes count.
    counted: bool,
}

/// What became of a part.
enum Part {
    Whole,
    /// The bytes ended before it was: because there were no more, or because they broke off.
    Short(BodyFault),
}

impl Work {
    async fn run(self, offset: u64) -> Result<u64> {
        let mut at = offset;
        let mut head = self.head(offset).await?;
        loop {
            let kept = Kept::after(&head, self.open.upload.part_size, &self.open.app.kept_parts);
            let place = Place::of(at, self.open.upload.length, self.open.upload.part_size);
            match self.part(place, at, std::mem::take(&mut head), &kept).await? {
                Part::Whole if place.last => return self.finish().await,
                Part::Whole => at = place.end,
                Part::Short(fault) => return self.stop((offset, at), &kept, fault).await,
            }
            if self.counted && !self.checked {
                self.count(at).await?;
            }
        }
    }

    /// Takes the bytes of one part, as far as they come.
    async fn part(&self, place: Place, at: u64, head: Bytes, kept: &Kept) -> Result<Part> {
        match self.source.lock().await.has_more().await {
            Ok(true) => {}
            Ok(false) => return Ok(Part::Short(BodyFault::Incomplete)),
            Err(fault) => return Ok(Part::Short(fault)),
        }
        if at >= self.open.upload.length {
            return Err(too_many());
        }
        if self.end.is_none_or(|end| end >= place.end) {
            return self.store(place, at, head, kept).await;
        }
        if !kept.has_room() {
            return Err(Problem::unavailable("no room for pieces that complete no part"));
        }
        self.collect(place.end - at, kept).await.map(Part::Short)
    }

    /// The bytes have ended: keeps those that count; says where the upload goes on.
    async fn stop(&self, (offset, at): (u64, u64), kept: &Kept, fault: BodyFault) -> Result<u64> {
        let broken = !matches!(fault, BodyFault::Incomplete);
        if self.checked {
            if broken {
                return Err(broken_off());
            }
            self.source.lock().await.check().map_err(mismatch)?;
        }
        if self.counted && at > offset {
            self.count(at).await?;
        }
        let reached = self.keep(at, kept).await?;
        if broken { Err(broken_off()) } else { Ok(reached) }
    }

    /// What is kept of the part in which the bytes begin.
    async fn head(&self, offset: u64) -> Result<Bytes> {
        let upload = &self.open.upload;
        let place = Place::of(offset, upload.length, upload.part_size);
        let wanted = offset - place.start;
        if wanted == 0 {
            return Ok(Bytes::new());
        }
        let tail = Bytes::from(self.open.app.control.resumable_tail(upload).await?);
        let wanted = usize::try_from(wanted)
            .ok()
            .filter(|wanted| upload.tail_at == place.start && *wanted <= tail.len());
        wanted
            .map(|wanted| tail.slice(..wanted))
            .ok_or_else(|| Problem::internal("the tail of an upload is missing"))
    }

    /// Stores a part that the bytes should complete.
    async fn store(&self, place: Place, at: u64, head: Bytes, kept: &Kept) -> Result<Part> {
        if place.last {
            // Whoever locked the file since the upload began has it for themself.
            Before::of(&self.open.app, &self.open.at, &self.open.key).await?;
        }
        let body = FileBody::Stream(piece(&self.source, head, place.end - at, place.last, kept.clone()));
        let grant = self.open.grant()?;
        let length = Some(place.end - place.start);
        let outcome = match self.open.multipart() {
            Some(multipart) => {
                let options = PartOptions { length, ..PartOptions::default() };
                grant.upload_part(&multipart, place.number, body, options).await.map(drop)
            }
            None => {
                let content = tus::told_text(&self.open.upload.told)?.content;
                let options = PutOptions { length, content, ..PutOptions::default() };
                grant.put(body, options).await.map(drop)
            }
        };
        match outcome {
            Ok(()) => Ok(Part::Whole),
            Err(AccessError::Backend(error)) => {
                let BackendErrorKind::Body(fault) = error.kind else {
                    return Err(refused(AccessError::Backend(error)));
                };
                match fault {
                    BodyFault::Incomplete | BodyFault::Disconnected => Ok(Part::Short(fault)),
                    BodyFault::Digest(_) => Err(mismatch(fault)),
                    BodyFault::TooLong
                    | BodyFault::Signature
                    | BodyFault::Chunk
                    | BodyFault::ChunkSize
                    | BodyFault::Trailer
                    | BodyFault::Cut => Err(refused(AccessError::Backend(error))),
                }
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Takes bytes that complete no part.
    async fn collect(&self, need: u64, kept: &Kept) -> Result<BodyFault> {
        let mut source = self.source.lock().await;
        let mut left = need;
        loop {
            if left == 0 {
                return Err(Problem::malformed("More bytes came than the header Content-Length said."));
            }
            match source.next(left).await {
                Ok(Some(bytes)) => {
                    left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                    kept.push(bytes);
                }
                Ok(None) => return Ok(BodyFault::Incomplete),
                Err(fault) => return Ok(fault),
            }
            // Nothing else sees these bytes before they are kept.
            if !self.open.at.permits::<Put>(&self.open.key) {
                drop(self.open.grant()?);
            }
        }
    }

    async fn count(&self, at: u64) -> Result<()> {
        Ok(self.open.app.control.hold_resumable(&self.open.upload, at).await?)
    }

    /// Keeps what came after the last whole part; says where the upload goes on.
    async fn keep(&self, at: u64, kept: &Kept) -> Result<u64> {
        let upload = &self.open.upload;
        let start = Place::of(at, upload.length, upload.part_size).start;
        let reached = start.saturating_add(kept.length());
        if reached <= at {
            return Ok(at);
        }
        drop(self.open.grant()?);
        if !self.open.app.control.keep_resumable_tail(upload, start, &kept.joined()).await? {
            return Ok(at);
        }
        if self.counted {
            self.count(reached).await?;
        }
        Ok(reached)
    }

    /// Makes a file of what has come.
    async fn finish(&self) -> Result<u64> {
        let upload = &self.open.upload;
        if let Some(multipart) = self.open.multipart() {
            self.open.app.control.settle_resumable(upload, ResumableState::Completing).await?;
            let parts = progress::completed(&self.open).await?;
            let parts = parts.ok_or_else(|| {
                let detail = "Something else changed this upload; ask with HEAD where it goes on.";
                Problem::new(StatusCode::CONFLICT, "offset", "Another offset", detail)
            })?;
            let options = CompleteOptions { size: Some(upload.length), ..CompleteOptions::default() };
            self.open.grant()?.complete_upload(&multipart, &parts, options).await.map_err(refused)?;
        }
        self.open.app.control.settle_resumable(upload, ResumableState::Done).await?;
        Ok(upload.length)
    }
}

fn broken_off() -> Problem {
    Problem::malformed("The body ended too early; ask with HEAD where the upload goes on.")
}

fn mismatch(_: BodyFault) -> Problem {
    let detail = "The bytes are not those of the digest in Upload-Checksum; none of this request counts.";
    let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
    Problem::new(status, "other-bytes", "Other bytes came", detail)
}
