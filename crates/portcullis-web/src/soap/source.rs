//! Where an envelope comes from: the body of a request, or the first part of one that has several.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream};
use bytes::{Buf as _, Bytes};
use futures_util::Stream as _;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::fault::{Code, Fault, Result};
use super::mtom::{Related, RelatedFault};

/// The bytes of a request, of which the envelope is read first.
pub(super) enum Source {
    /// The body is the envelope.
    Plain(Plain),
    /// The envelope is a part of the body, and others may have bytes that it refers to.
    Related(Box<Related>),
}

/// A body as it comes.
pub(super) struct Plain {
    stream: BodyDataStream,
    piece: Bytes,
}

impl Source {
    pub(super) fn plain(body: Body) -> Self {
        Self::Plain(Plain { stream: body.into_data_stream(), piece: Bytes::new() })
    }

    /// Goes to the bytes that `cid:…` names, once the envelope has been read to its end.
    pub(super) async fn attachment(&mut self, cid: &str) -> Result<()> {
        match self {
            Self::Plain(_) => {
                Err(Fault::invalid("An xop:Include needs a request in several parts (multipart/related)."))
            }
            Self::Related(related) => related.attachment(cid).await.map_err(of_related),
        }
    }

    /// The next of those bytes.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::Plain(_) => Ok(None),
            Self::Related(related) => related.chunk().await.map_err(of_related),
        }
    }

    /// Sees that the request has come as a whole. Of a plain one the reader of the envelope has seen the end.
    pub(super) async fn end(&mut self) -> Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Related(related) => related.end().await.map_err(of_related),
        }
    }
}

/// What is wrong with a body of several parts.
pub(super) fn of_related(fault: RelatedFault) -> Fault {
    match fault {
        RelatedFault::Malformed(why) => Fault::invalid(why),
        RelatedFault::TooLarge(why) => Fault::new(Code::RequestTooLarge, why),
        RelatedFault::Broken => Fault::broken(),
        RelatedFault::Unavailable => portcullis_files::FileError::Unavailable.into(),
    }
}

impl AsyncBufRead for Plain {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.piece.is_empty() {
            match ready!(Pin::new(&mut this.stream).poll_next(cx)) {
                None => break,
                Some(piece) => {
                    this.piece =
                        piece.map_err(|error| io::Error::new(io::ErrorKind::UnexpectedEof, error))?;
                }
            }
        }
        Poll::Ready(Ok(&this.piece))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let piece = &mut self.get_mut().piece;
        piece.advance(amount.min(piece.len()));
    }
}

impl AsyncBufRead for Source {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).poll_fill_buf(cx),
            Self::Related(related) => Pin::new(related.as_mut()).poll_fill_buf(cx),
        }
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        match self.get_mut() {
            Self::Plain(plain) => Pin::new(plain).consume(amount),
            Self::Related(related) => Pin::new(related.as_mut()).consume(amount),
        }
    }
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        read_of_buffer(self, cx, to)
    }
}

impl AsyncRead for Source {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        read_of_buffer(self, cx, to)
    }
}

/// Reads what the buffer of a reader has.
pub(super) fn read_of_buffer<R: AsyncBufRead>(
    mut from: Pin<&mut R>,
    cx: &mut Context<'_>,
    to: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let bytes = ready!(from.as_mut().poll_fill_buf(cx))?;
    let taken = bytes.len().min(to.remaining());
    to.put_slice(bytes.get(..taken).unwrap_or_default());
    from.consume(taken);
    Poll::Ready(Ok(()))
}
