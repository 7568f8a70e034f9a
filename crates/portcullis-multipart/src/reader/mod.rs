//! Where parts begin and end.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_core::Stream;
use memchr::memmem::{self, Finder};

use crate::content_type::Boundary;
use crate::fault::Fault;
use crate::head::Head;

/// What a body may have besides the bytes of its parts, which whoever reads them bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest head of a part, and the most that may stand before the first boundary and after the last, in bytes.
    pub head: usize,
    /// The most parts, those passed over too.
    pub parts: usize,
}

/// Where in the body the buffer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first boundary; so many bytes have been passed over.
    Before(usize),
    /// Right after a boundary.
    Boundary,
    /// Within the bytes of a part.
    Part,
    /// After the closing boundary.
    End,
}

/// The parts of a body, one after the other. It holds what might be the beginning of a boundary, a head, and one piece of `S`.
#[derive(Debug)]
pub struct Multipart<S> {
    source: S,
    /// A source that has ended is not asked again.
    has_ended: bool,
    buffer: BytesMut,
    delimiter: Finder<'static>,
    limits: Limits,
    parts: usize,
    at: At,
}

impl<S, E> Multipart<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// The body that comes from `source`, with `boundary` between its parts.
    pub fn new(source: S, boundary: &Boundary, limits: Limits) -> Self {
        // The first boundary has no line break before it; with one of our own it looks like the others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = Finder::new(&format!("\r\n--{}", boundary.as_str())).into_owned();
        Self { source, has_ended: false, buffer, delimiter, limits, parts: 0, at: At::Before(0) }
    }

    /// The head of the next part, past whatever is left of the present one; none at the end.
    ///
    /// # Errors
    /// [`Fault`]; the body is of no use afterwards.
    pub async fn next_part(&mut self) -> Result<Option<Head>, Fault<E>> {
        poll_fn(|cx| self.poll_next_part(cx)).await
    }

    /// The next piece of the present part, never an empty one; none at its end, and where there is no part.
    ///
    /// # Errors
    /// [`Fault::Incomplete`] if the boundary never comes, [`Fault::Source`].
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, Fault<E>> {
        poll_fn(|cx| self.poll_next_piece(cx)).await
    }

    /// Reads to the end of the source, past all parts that are left: afterwards nothing is missing.
    ///
    /// # Errors
    /// [`Fault`]; more than [`Limits::head`] bytes after the closing boundary are [`Fault::TooLong`].
    pub async fn finish(&mut self) -> Result<(), Fault<E>> {
        while self.next_part().await?.is_some() {}
        poll_fn(|cx| self.poll_after(cx)).await
    }

    /// [`Self::next_part`] for whoever polls.
    ///
    /// # Errors
    /// As [`Self::next_part`].
    pub fn poll_next_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Head>, Fault<E>>> {
        loop {
            match self.at {
                At::Before(passed) => {
                    if let Some(piece) = ready!(self.poll_piece(cx))? {
                        let passed = passed.saturating_add(piece.len());
                        if passed > self.limits.head {
                            return Poll::Ready(Err(Fault::TooLong));
                        }
                        if self.at != At::Boundary {
                            self.at = At::Before(passed);
                        }
                    }
                }
                At::Part => drop(ready!(self.poll_piece(cx))?),
                At::Boundary => return self.poll_head(cx),
                At::End => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// [`Self::next_piece`] for whoever polls.
    ///
    /// # Errors
    /// As [`Self::next_piece`].
    pub fn poll_next_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault<E>>> {
        match self.at {
            At::Part => self.poll_piece(cx),
            At::Before(_) | At::Boundary | At::End => Poll::Ready(Ok(None)),
        }
    }

    /// The next piece before a boundary; none at the boundary, which is taken too.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault<E>>> {
        loop {
            let length = self.delimiter.needle().len();
            if let Some(at) = self.delimiter.find(&self.buffer) {
                self.at = At::Boundary;
                let piece = self.buffer.split_to(at).freeze();
                self.buffer.advance(length);
                return Poll::Ready(Ok(Some(piece).filter(|piece| !piece.is_empty())));
            }
            // What might be the beginning of the boundary stays.
            let safe = self.buffer.len().saturating_sub(length - 1);
            if safe > 0 {
                return Poll::Ready(Ok(Some(self.buffer.split_to(safe).freeze())));
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    /// What follows a boundary: the end, or a line break and a head.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Head>, Fault<E>>> {
        loop {
            if self.buffer.starts_with(b"--") {
                self.buffer.advance(2);
                self.at = At::End;
                return Poll::Ready(Ok(None));
            }
            // RFC 2046 section 5.1.1: nobody is to write space after a boundary, and everybody is to take it.
            let padding = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let head = self.buffer.get(padding..).unwrap_or_default();
            let begins = [&b"\r\n"[..], if padding == 0 { b"--" } else { b"\r\n" }];
            let start = head.get(..2).unwrap_or(head);
            if !begins.iter().any(|begin| begin.starts_with(start)) {
                return Poll::Ready(Err(Fault::Malformed));
            }
            if let Some(length) = memmem::find(head, b"\r\n\r\n") {
                if length > self.limits.head {
                    return Poll::Ready(Err(Fault::TooLong));
                }
                let fields = head.get(2..length.saturating_add(2)).unwrap_or_default();
                let Some(head) = str::from_utf8(fields).ok().and_then(Head::parse) else {
                    return Poll::Ready(Err(Fault::Malformed));
                };
                if self.parts == self.limits.parts {
                    return Poll::Ready(Err(Fault::TooLong));
                }
                self.parts += 1;
                self.buffer.advance(padding.saturating_add(length).saturating_add(4));
                self.at = At::Part;
                return Poll::Ready(Ok(Some(head)));
            }
            if self.buffer.len() > self.limits.head {
                return Poll::Ready(Err(Fault::TooLong));
            }
            ready!(self.poll_fill(cx))?;
        }
    }

    fn poll_after(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault<E>>> {
        loop {
            if self.buffer.len() > self.limits.head {
                return Poll::Ready(Err(Fault::TooLong));
            }
            match ready!(self.poll_fill(cx)) {
                Ok(()) => {}
                Err(Fault::Incomplete) => return Poll::Ready(Ok(())),
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault<E>>> {
        if self.has_ended {
            return Poll::Ready(Err(Fault::Incomplete));
        }
        match ready!(Pin::new(&mut self.source).poll_next(cx)) {
            Some(Ok(piece)) => self.buffer.extend_from_slice(&piece),
            Some(Err(fault)) => return Poll::Ready(Err(Fault::Source(fault))),
            None => {
                self.has_ended = true;
                return Poll::Ready(Err(Fault::Incomplete));
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
