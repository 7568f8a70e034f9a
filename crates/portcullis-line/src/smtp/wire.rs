//! A connection: lines in, then the bytes of a message; replies out.

use std::io;
use std::sync::Arc;

use portcullis_listener::LineStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::ServerConfig;
use zeroize::{Zeroize as _, Zeroizing};

use super::reply::Reply;
use crate::stream::Stream;

/// The longest line in bytes, its end included: what RFC 4954 section 4 asks for where somebody says who they are.
pub(super) const LONGEST: usize = 12 * 1024;
/// What is held of what came. Never more, so that no copy of a secret is left where it was moved from.
const ROOM: usize = 32 * 1024;

/// One line. What is too long is read and forgotten up to its end.
#[derive(Debug)]
pub(super) enum Line {
    /// Without its end.
    Whole(Zeroizing<Vec<u8>>),
    /// It holds CR or ends with LF alone.
    Bare,
    TooLong,
}

/// A connection of a client.
pub(super) struct Wire {
    /// None while hands are shaken, and for good if that failed.
    stream: Option<Stream>,
    /// What came and was not taken yet.
    buffer: Zeroizing<Vec<u8>>,
    /// How much of it was looked through for an end of line.
    seen: usize,
    /// Whether the rest of a line that was too long is still coming.
    skipping: bool,
}

impl Wire {
    pub(super) fn new(stream: LineStream) -> Self {
        let buffer = Zeroizing::new(Vec::with_capacity(ROOM));
        Self { stream: Some(Stream::Plain(stream)), buffer, seen: 0, skipping: false }
    }

    pub(super) const fn is_secure(&self) -> bool {
        matches!(self.stream, Some(Stream::Tls(_)))
    }

    /// The next line; none at the end. If this is dropped while it waits, nothing is lost.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) async fn line(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = take_line(&mut self.buffer, &mut self.seen, &mut self.skipping) {
                return Ok(Some(line));
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Waits until something is there to take; false at the end. If this is dropped while it waits, nothing is lost.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) async fn wait(&mut self) -> io::Result<bool> {
        Ok(!self.buffer.is_empty() || self.read().await? > 0)
    }

    /// What is there to take.
    pub(super) fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes the first of it.
    pub(super) fn took(&mut self, bytes: usize) {
        forget(&mut self.buffer, bytes);
        self.seen = 0;
    }

    async fn read(&mut self) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        // There is always room: a line is taken, or forgotten, before it fills the buffer.
        stream.read_buf(&mut *self.buffer).await
    }

    pub(super) async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        stream.write_all(&reply.bytes()).await?;
        stream.flush().await
    }

    /// Changes to TLS. What came in clear and was not taken yet is forgotten: an attacker on the path may have said it.
    pub(super) async fn secure(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        self.buffer.zeroize();
        (self.seen, self.skipping) = (0, false);
        let stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        self.stream = Some(stream.secure(config).await?);
        Ok(())
    }

    /// Closes, as [`Stream::close`] does.
    pub(super) async fn close(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.close().await;
        }
    }
}

/// A line that has come whole.
fn take_line(buffer: &mut Vec<u8>, seen: &mut usize, skipping: &mut bool) -> Option<Line> {
    let fresh = buffer.get(*seen..).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', fresh).map(|at| *seen + at) else {
        *seen = buffer.len();
        if *seen >= LONGEST {
            *skipping = true;
            forget(buffer, *seen);
            *seen = 0;
        }
        return None;
    };
    let line = buffer.get(..end).unwrap_or_default();
    let found = if std::mem::take(skipping) || line.len() >= LONGEST {
        Line::TooLong
    } else {
        match line.strip_suffix(b"\r") {
            Some(line) if !line.contains(&b'\r') => Line::Whole(Zeroizing::new(line.to_vec())),
            Some(_) | None => Line::Bare,
        }
    };
    forget(buffer, end + 1);
    *seen = 0;
    Some(found)
}

fn forget(buffer: &mut Vec<u8>, bytes: usize) {
    let bytes = bytes.min(buffer.len());
    let kept = buffer.len() - bytes;
    buffer.copy_within(bytes.., 0);
    if let Some(rest) = buffer.get_mut(kept..) {
        rest.zeroize();
    }
    buffer.truncate(kept);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the lines of these pieces are, and the most that was held.
    fn lines(pieces: &[&[u8]]) -> (Vec<String>, usize) {
        let (mut buffer, mut seen, mut skipping) = (Vec::new(), 0, false);
        let (mut found, mut most) = (Vec::new(), 0);
        for piece in pieces.iter().flat_map(|piece| piece.chunks(ROOM - LONGEST)) {
            buffer.extend_from_slice(piece);
            most = most.max(buffer.len());
            while let Some(line) = take_line(&mut buffer, &mut seen, &mut skipping) {
                found.push(match line {
                    Line::Whole(line) => String::from_utf8_lossy(&line).into_owned(),
                    Line::Bare => "(bare)".to_owned(),
                    Line::TooLong => "(too long)".to_owned(),
                });
            }
        }
        (found, most)
    }

    #[test]
    fn only_both_end_a_line() {
        let (found, _) = lines(&[b"EHLO a\r\nNOOP\nA\rB\r\n\r\nRSET\r", b"\nQU"]);
        assert_eq!(found, ["EHLO a", "(bare)", "(bare)", "", "RSET"]);
        assert_eq!(lines(&[b"A\r\r\n"]).0, ["(bare)"]);
    }

    #[test]
    fn what_is_too_long_is_one_refusal_and_no_memory() {
        let mut bytes = vec![b'x'; 1024 * 1024];
        bytes.extend_from_slice(b"\r\nNOOP\r\n");
        let (found, most) = lines(&[&bytes]);
        assert_eq!(found, ["(too long)", "NOOP"]);
        assert!(most <= ROOM);
        let longest = format!("{}\r\n", "x".repeat(LONGEST - 2));
        assert_eq!(lines(&[longest.as_bytes()]).0.first().unwrap().len(), LONGEST - 2);
    }

    proptest! {
        /// However the bytes are cut into pieces, the lines are the same.
        #[test]
        fn pieces_do_not_matter(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300), cut in 0_usize..300) {
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(lines(&[&bytes]).0, lines(&[first, second]).0);
        }
    }
}
