//! Bodies that clients send: how long, how framed, what is promised of them, and how they are handed on.

mod chunked;
mod frames;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use portcullis_access::{
    BackendErrorKind, Body, BodyFault, BodyStream, DigestAlgorithm, DigestPlan, Digester,
};
use portcullis_listener::RequestBody as ClientBody;
use portcullis_sigv4::aws_chunked::ChunkMode;
use portcullis_sigv4::{ChunkVerifier, Payload};

use crate::error::{About, Code, S3Error, body_fault};
use crate::headers::{body_digests, number, one};
use chunked::Chunked;
pub(crate) use frames::Frames;

/// Bodies up to this length are collected before they are handed on.
pub(crate) const SMALL: u64 = 64 * 1024;
/// The longest document that an operation takes.
const MAX_DOCUMENT: u64 = 2 * 1024 * 1024;
/// 10,000 parts with a checksum each are longer.
const MAX_LIST_OF_PARTS: u64 = 4 * 1024 * 1024;
/// Work on more bytes than this leaves the thread that serves connections.
const OFF_THREAD: usize = 16 * 1024;

/// A body of which nothing was read yet. As long as that is so, a client that waits for `100 Continue` sends none of it.
#[derive(Debug)]
pub(crate) struct RequestBody {
    client: ClientBody,
    payload: Payload,
    chunks: Option<ChunkVerifier>,
}

/// What the headers say of a body.
#[derive(Debug)]
pub(crate) struct Plan {
    digests: DigestPlan,
    length: u64,
    framing: Option<Framing>,
    payload_hash: bool,
}

/// The `aws-chunked` framing of a body.
#[derive(Debug)]
struct Framing {
    mode: ChunkMode,
    announced: Option<String>,
}

/// A body on its way.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Its bytes, without framing.
    pub(crate) body: Body,
    /// How many it has.
    pub(crate) length: u64,
    /// What they must match.
    pub(crate) digests: DigestPlan,
}

impl RequestBody {
    /// A body as it came; `chunks` goes on from the signature of the request.
    pub(crate) const fn new(client: ClientBody, payload: Payload, chunks: Option<ChunkVerifier>) -> Self {
        Self { client, payload, chunks }
    }

    /// Reads what the headers say of the body, before the body itself.
    ///
    /// # Errors
    /// `MissingContentLength`, `EntityTooLarge`, `InvalidRequest`, `InvalidDigest`.
    pub(crate) fn plan(&self, headers: &HeaderMap, most: u64) -> Result<Plan, S3Error> {
        let framing = self.framing(headers)?;
        let name = if framing.is_some() { "x-amz-decoded-content-length" } else { "content-length" };
        let length = number(headers, name)?.ok_or(Code::MissingContentLength)?;
        if length > most {
            return Err(S3Error::new(Code::EntityTooLarge)
                .element("ProposedSize", length.to_string())
                .element("MaxSizeAllowed", most.to_string()));
        }
        let digests = body_digests(headers, self.payload)?;
        let payload_hash = matches!(self.payload, Payload::Signed(_));
        Ok(Plan { digests, length, framing, payload_hash })
    }

    fn framing(&self, headers: &HeaderMap) -> Result<Option<Framing>, S3Error> {
        let announced = one(headers, "x-amz-trailer")?.map(str::to_owned);
        if let Some(mode) = self.payload.chunk_mode() {
            return Ok(Some(Framing { mode, announced }));
        }
        if !says_chunked(headers) || !headers.contains_key("x-amz-decoded-content-length") {
            return Ok(None);
        }
        match self.payload {
            // What some SDKs send over TLS.
            Payload::Unsigned => Ok(Some(Framing { mode: ChunkMode::Unsigned, announced })),
            Payload::Signed(_)
            | Payload::StreamingSigned
            | Payload::StreamingSignedTrailer
            | Payload::StreamingUnsignedTrailer => Err(S3Error::with(
                Code::InvalidRequest,
                "A body in aws-chunked encoding needs UNSIGNED-PAYLOAD or a STREAMING- value as x-amz-content-sha256.",
            )),
        }
    }

    /// The whole body of an operation that takes a document, checked against what was promised of it.
    ///
    /// # Errors
    /// `MaxMessageLengthExceeded`, and whatever is wrong with the body.
    pub(crate) async fn document(self, headers: &HeaderMap) -> Result<Bytes, S3Error> {
        self.whole_up_to(headers, MAX_DOCUMENT).await
    }

    /// The list of parts that completes an upload. Checksums in the headers are not of this list but of the object.
    ///
    /// # Errors
    /// As [`RequestBody::document`].
    pub(crate) async fn list_of_parts(self, headers: &HeaderMap) -> Result<Bytes, S3Error> {
        let mut own = headers.clone();
        for name in headers.keys() {
            if name.as_str().starts_with("x-amz-checksum-") || name.as_str() == "x-amz-sdk-checksum-algorithm"
            {
                own.remove(name);
            }
        }
        self.whole_up_to(&own, MAX_LIST_OF_PARTS).await
    }

    async fn whole_up_to(self, headers: &HeaderMap, most: u64) -> Result<Bytes, S3Error> {
        let plan = self.plan(headers, most).map_err(|error| match error.code == Code::EntityTooLarge {
            true => Code::MaxMessageLengthExceeded.into(),
            false => error,
        })?;
        plan.whole(self).await
    }

    /// As [`RequestBody::document`], for operations that insist on a digest.
    ///
    /// # Errors
    /// As [`RequestBody::document`], and `InvalidRequest` without `Content-MD5` or a checksum.
    pub(crate) async fn checked_document(self, headers: &HeaderMap) -> Result<Bytes, S3Error> {
        let given = body_digests(headers, self.payload)?;
        if given.keep.is_none() && !given.expect.iter().any(|digest| digest.algorithm == DigestAlgorithm::Md5)
        {
            let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
            return Err(S3Error::with(Code::InvalidRequest, message));
        }
        self.document(headers).await
    }
}

fn says_chunked(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|codings| codings.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked")))
}

impl Plan {
    /// What a failure of this body says.
    pub(crate) const fn about(&self) -> About {
        About { version: false, part: false, payload_hash: self.payload_hash }
    }

    /// Begins to read the body. From here on the client may send it.
    ///
    /// # Errors
    /// For a small body, whatever is wrong with its framing.
    pub(crate) async fn begin(self, body: RequestBody) -> Result<Upload, S3Error> {
        let about = self.about();
        let (length, small) = (self.length, self.length <= SMALL);
        let (mut source, digests) = self.open(body);
        let body = if small {
            Body::Full(source.collect(length).await.map_err(|fault| body_fault(fault, about))?)
        } else {
            Body::Stream(source.into_stream())
        };
        Ok(Upload { body, length, digests })
    }

    fn open(self, body: RequestBody) -> (Source, DigestPlan) {
        let frames = Frames::new(body.client);
        let source = match self.framing {
            None => Source::Plain(frames),
            Some(Framing { mode, announced }) => {
                let late = self.digests.late.as_ref().map(|(late, _)| late.clone());
                let chunked = Chunked::new(frames, mode, self.length)
                    .verified_by(body.chunks)
                    .with_trailer(announced, late);
                Source::Chunked(Box::new(chunked))
            }
        };
        (source, self.digests)
    }

    async fn whole(self, body: RequestBody) -> Result<Bytes, S3Error> {
        let (about, length) = (self.about(), self.length);
        let (mut source, digests) = self.open(body);
        let bytes = source.collect(length).await.map_err(|fault| body_fault(fault, about))?;
        let kept = bytes.clone();
        let checked = if bytes.len() < OFF_THREAD {
            check(&digests, &bytes)
        } else {
            let task = tokio::task::spawn_blocking(move || check(&digests, &bytes));
            task.await.map_err(|error| S3Error::new(Code::InternalError).caused_by(error))?
        };
        checked.map_err(|fault| body_fault(fault, about))?;
        Ok(kept)
    }
}

fn check(digests: &DigestPlan, bytes: &[u8]) -> Result<(), BodyFault> {
    let mut digester = Digester::new(&digests.algorithms());
    digester.update(bytes);
    let checked = digests.check(&digester.finish());
    // It never fails for any other reason.
    checked.map_err(
        |error| if let BackendErrorKind::Body(fault) = error.kind { fault } else { BodyFault::Trailer },
    )
}

/// Where the bytes of an upload come from.
enum Source {
    Plain(Frames),
    Chunked(Box<Chunked>),
}

impl Source {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        match self {
            Self::Plain(frames) => frames.next().await,
            Self::Chunked(chunked) => chunked.next().await,
        }
    }

    /// All of it, which must be `length` bytes.
    async fn collect(&mut self, length: u64) -> Result<Bytes, BodyFault> {
        let expected = usize::try_from(length).map_err(|_| BodyFault::TooLong)?;
        let mut whole = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if joined.is_empty() && whole.is_empty() {
                whole = piece;
            } else {
                if joined.is_empty() {
                    joined.reserve(expected);
                    joined.extend_from_slice(&std::mem::take(&mut whole));
                }
                joined.extend_from_slice(&piece);
            }
            if whole.len().max(joined.len()) > expected {
                return Err(BodyFault::TooLong);
            }
        }
        let bytes = if joined.is_empty() { whole } else { joined.freeze() };
        if bytes.len() == expected { Ok(bytes) } else { Err(BodyFault::Incomplete) }
    }

    fn into_stream(self) -> BodyStream {
        Box::pin(stream::try_unfold(self, |mut source| async move {
            Ok(source.next().await?.map(|piece| (piece, source)))
        }))
    }
}
