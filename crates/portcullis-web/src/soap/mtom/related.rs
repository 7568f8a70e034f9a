//! Requests: the envelope first, then the part that it names.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use portcullis_multipart::{ContentType, Head, Limits, Multipart, Quoting};
use tokio::fs;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::super::source::read_of_buffer;
use super::fault::RelatedFault;
use super::spool::{self, Spool, Waiting};
use super::{RELATED, XOP};

/// One part is the envelope and one is its content; nobody means more than a few.
const LIMITS: Limits = Limits { head: 8 * 1024, parts: 100 };

const ROOT_FIRST: &str = "Send the part with the envelope first, or authenticate with HTTP Basic: parts before it wait for nobody unknown.";
const NOT_XOP: &str = "Send type=\"application/xop+xml\" with multipart/related: attachments that no xop:Include names are not read.";
const AS_IT_IS: &str =
    "Send parts as they are, with Content-Transfer-Encoding binary, 8bit or 7bit or without it.";

/// A request in parts, opened at its envelope, whose bytes it reads as ([`AsyncBufRead`]); faults come as [`RelatedFault`] in an
/// [`io::Error`]. After the envelope it gives the bytes of one part that it names.
pub(in crate::soap) struct Related {
    parts: Multipart<BoxStream<'static, Result<Bytes, ()>>>,
    waiting: Waiting,
    /// What was read of the envelope and not yet taken.
    piece: Bytes,
    at: At,
    root_type: String,
    action: Option<String>,
}

enum At {
    Root,
    /// Between the envelope and the part that is asked for.
    After,
    Part,
    Kept(fs::File),
}

/// What the content type of a request says.
struct Declared {
    root_type: String,
    action: Option<String>,
    start: Option<String>,
}

impl Related {
    /// Opens a request at its envelope: the part that `start` names, or the first one. Parts that come before it wait in `spool` if
    /// the caller `is_known`; those of strangers do not.
    ///
    /// # Errors
    /// [`RelatedFault`].
    pub(in crate::soap) async fn open(
        content_type: &HeaderValue,
        body: Body,
        spool: &Arc<Spool>,
        is_known: bool,
    ) -> Result<Self, RelatedFault> {
        let content_type = ContentType::new(content_type.to_str().unwrap_or_default());
        let declared = Declared::of(content_type)?;
        let boundary = content_type.boundary(Quoting::Escaped).ok_or(RelatedFault::Malformed(
            "Send multipart/related with a boundary of 1 to 70 ASCII characters.",
        ))?;
        let pieces: BoxStream<'static, _> = Box::pin(body.into_data_stream().map_err(drop));
        let mut opened = Self {
            parts: Multipart::new(pieces, &boundary, LIMITS),
            waiting: Waiting::new(spool),
            piece: Bytes::new(),
            at: At::Root,
            root_type: declared.root_type,
            action: declared.action,
        };
        loop {
            let head = opened.next_part().await?.ok_or(RelatedFault::Malformed(
                "The part that start names is not there; it is the one with the envelope.",
            ))?;
            let id = content_id(&head);
            if declared.start.as_deref().is_none_or(|start| id.as_deref() == Some(start)) {
                opened.enter_root(&head)?;
                return Ok(opened);
            }
            if !is_known {
                return Err(RelatedFault::Malformed(ROOT_FIRST));
            }
            opened.waiting.begin(id.unwrap_or_default()).await?;
            while let Some(piece) = opened.parts.next_piece().await? {
                opened.waiting.write(&piece).await?;
            }
        }
    }

    /// The content type that the envelope would have without parts, such as `text/xml`, in lower case.
    pub(in crate::soap) fn root_type(&self) -> &str {
        &self.root_type
    }

    /// The action, where a content type tells it.
    pub(in crate::soap) fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn enter_root(&mut self, head: &Head) -> Result<(), RelatedFault> {
        let kind = ContentType::new(head.get("content-type").unwrap_or(XOP));
        if !kind.is(XOP) {
            return Err(RelatedFault::Malformed(
                "The part with the envelope has another content type than application/xop+xml.",
            ));
        }
        if let Some(inner) = kind.parameter("type", Quoting::Escaped) {
            let inner = ContentType::new(&inner);
            self.root_type = inner.kind().to_ascii_lowercase();
            self.action = self.action.take().or_else(|| inner.parameter("action", Quoting::Escaped));
        }
        self.action = self.action.take().or_else(|| kind.parameter("action", Quoting::Escaped));
        Ok(())
    }

    async fn next_part(&mut self) -> Result<Option<Head>, RelatedFault> {
        let Some(head) = self.parts.next_part().await? else { return Ok(None) };
        let is_plain = head.get("content-transfer-encoding").is_none_or(|encoding| {
            ["binary", "8bit", "7bit"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain))
        });
        if is_plain { Ok(Some(head)) } else { Err(RelatedFault::Malformed(AS_IT_IS)) }
    }

    /// Goes to the part that `cid` names: the address in `xop:Include` without its `cid:`, past whatever is left of the envelope.
    ///
    /// # Errors
    /// `Malformed` if there is none.
    pub(in crate::soap) async fn attachment(&mut self, cid: &str) -> Result<(), RelatedFault> {
        let is_wanted = |id: &str| names(cid, id);
        self.piece.clear();
        self.at = At::After;
        if let Some(kept) = self.waiting.part(is_wanted).await? {
            self.at = At::Kept(kept);
            return Ok(());
        }
        while let Some(head) = self.next_part().await? {
            if content_id(&head).as_deref().is_some_and(is_wanted) {
                self.at = At::Part;
                return Ok(());
            }
        }
        Err(RelatedFault::Malformed("No part has the Content-ID that xop:Include names."))
    }

    /// The next bytes of the part that [`Self::attachment`] went to; none at its end.
    ///
    /// # Errors
    /// [`RelatedFault`].
    pub(in crate::soap) async fn chunk(&mut self) -> Result<Option<Bytes>, RelatedFault> {
        match &mut self.at {
            At::Root | At::After => Ok(None),
            At::Part => Ok(self.parts.next_piece().await?),
            At::Kept(file) => spool::next_piece(file).await,
        }
    }

    /// Reads to the end of the request. Until it has returned nobody knows that everything has come.
    ///
    /// # Errors
    /// [`RelatedFault`].
    pub(in crate::soap) async fn end(&mut self) -> Result<(), RelatedFault> {
        self.piece.clear();
        self.at = At::After;
        Ok(self.parts.finish().await?)
    }
}

impl Declared {
    fn of(content_type: ContentType<'_>) -> Result<Self, RelatedFault> {
        let parameter = |name| content_type.parameter(name, Quoting::Escaped);
        let is_xop = parameter("type").is_some_and(|kind| ContentType::new(&kind).is(XOP));
        if !content_type.is(RELATED) || !is_xop {
            return Err(RelatedFault::Malformed(NOT_XOP));
        }
        let info = parameter("start-info").unwrap_or_default();
        let inner = ContentType::new(&info);
        Ok(Self {
            root_type: inner.kind().to_ascii_lowercase(),
            action: parameter("action").or_else(|| inner.parameter("action", Quoting::Escaped)),
            start: parameter("start").map(|start| bare(&start).to_owned()),
        })
    }
}

fn content_id(head: &Head) -> Option<String> {
    head.get("content-id").map(|id| bare(id).to_owned())
}

/// A content id without the brackets, which not everybody writes around it.
fn bare(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

/// Whether the address `cid:…` names this content id. An address is percent-encoded (RFC 2392); some escape more than they must, some
/// nothing, and some the content id too.
fn names(cid: &str, id: &str) -> bool {
    let plain = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    cid == id || plain(cid) == id.as_bytes() || plain(cid) == plain(id)
}

impl AsyncBufRead for Related {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.piece.is_empty() && matches!(this.at, At::Root) {
            match ready!(this.parts.poll_next_piece(cx)).map_err(RelatedFault::from)? {
                Some(piece) => this.piece = piece,
                None => this.at = At::After,
            }
        }
        Poll::Ready(Ok(&this.piece))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.piece.advance(amount.min(this.piece.len()));
    }
}

impl AsyncRead for Related {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        read_of_buffer(self, cx, to)
    }
}
