//! The decoder.

use std::ops::Range;

use super::trailer::{TRAILER_SIGNATURE, Trailer};
use super::{ChunkMode, ChunkedError};
use super::{MAX_CHUNK_HEADER, MAX_SIGNED_CHUNK, MAX_TRAILER_COUNT, MAX_TRAILERS, MIN_SIGNED_CHUNK};
use crate::Signature;

const LINE_BREAK: &[u8] = b"\r\n";

/// How many empty lines may stand where none belongs. The reference's own example puts one before the trailer and
/// clients follow it; others end with one too many.
const SPARE_BLANK_LINES: u8 = 2;

/// Takes an `aws-chunked` body apart, piece by piece as it arrives, without copying data.
///
/// ```
/// use portcullis_sigv4::aws_chunked::{ChunkMode, Decoder, Event};
///
/// let mut decoder = Decoder::new(ChunkMode::Unsigned, 5);
/// let mut data = Vec::new();
/// for piece in [b"5\r\nhe".as_slice(), b"llo\r\n0\r\n", b"\r\n"] {
///     let mut rest = piece;
///     loop {
///         let step = decoder.step(rest)?;
///         if let Some(Event::Data(range)) = &step.event {
///             data.extend_from_slice(&rest[range.clone()]);
///         }
///         rest = &rest[step.consumed..];
///         if step.event.is_none() {
///             break;
///         }
///     }
/// }
/// assert_eq!(decoder.finish()?, 5);
/// assert_eq!(data, b"hello");
/// # Ok::<(), portcullis_sigv4::aws_chunked::ChunkedError>(())
/// ```
///
/// Data is handed out before its chunk's signature can be checked, and before the length is known to be right:
/// commit only what [`Decoder::finish`] and the chunk verifier have both accepted.
#[derive(Debug)]
pub struct Decoder {
    mode: ChunkMode,
    declared: u64,
    decoded: u64,
    last_size: Option<u64>,
    state: State,
    /// The line being collected; never longer than the limit of its kind.
    line: Vec<u8>,
    trailers: Vec<Trailer>,
    trailer_bytes: usize,
}

/// What one [`Decoder::step`] did.
#[derive(Debug)]
pub struct Step {
    /// How much of the input is done with.
    pub consumed: usize,
    /// What was found; `None` means that all input is consumed and more is wanted.
    pub event: Option<Event>,
}

/// What the decoder found.
#[derive(Clone, Debug)]
pub enum Event {
    /// Data of the body: a range of the input of this step.
    Data(Range<usize>),
    /// A chunk is over. The last one has size 0, and its signature is to be checked like every other.
    ChunkEnd {
        /// Its data, in bytes.
        size: u64,
        /// Its signature; always there in the signed modes, never otherwise.
        signature: Option<Signature>,
    },
    /// The trailer; once, after the last chunk, in the modes that can have one. May be empty.
    Trailers {
        /// In the order sent; see [`super::check_trailers`] and [`super::canonical_trailers`].
        trailers: Vec<Trailer>,
        /// Its signature; always there in [`ChunkMode::SignedTrailer`], never otherwise.
        signature: Option<Signature>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Chunk {
    size: u64,
    signature: Option<Signature>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    Data { chunk: Chunk, remaining: u64 },
    DataEnd(Chunk),
    Trailers { spare: u8 },
    FinalBreak,
    Over { spare: u8 },
    Failed(ChunkedError),
}

impl Decoder {
    /// A decoder for one body of `declared` bytes of data (`x-amz-decoded-content-length`).
    #[must_use]
    pub const fn new(mode: ChunkMode, declared: u64) -> Self {
        Self {
            mode,
            declared,
            decoded: 0,
            last_size: None,
            state: State::Header,
            line: Vec::new(),
            trailers: Vec::new(),
            trailer_bytes: 0,
        }
    }

    /// Takes the next input, up to the next event. Call again with what was not consumed until `event` is `None`.
    ///
    /// # Errors
    /// [`ChunkedError`]; every later call answers with the same error.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, ChunkedError> {
        self.advance(input).inspect_err(|error| {
            self.state = State::Failed(*error);
            self.line = Vec::new();
            self.trailers = Vec::new();
        })
    }

    /// To be called at the end of the input: whether the body is whole. Answers with the length of its data, which is
    /// the length declared.
    ///
    /// # Errors
    /// [`ChunkedError::Truncated`], or the error that came before.
    pub fn finish(self) -> Result<u64, ChunkedError> {
        match self.state {
            State::Over { .. } if self.line.is_empty() => Ok(self.decoded),
            State::Failed(error) => Err(error),
            State::Header
            | State::Data { .. }
            | State::DataEnd(_)
            | State::Trailers { .. }
            | State::FinalBreak
            | State::Over { .. } => Err(ChunkedError::Truncated),
        }
    }

    fn advance(&mut self, input: &[u8]) -> Result<Step, ChunkedError> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            if let State::Failed(error) = self.state {
                return Err(error);
            }
            if rest.is_empty() {
                return Ok(Step { consumed, event: None });
            }
            if let State::Data { chunk, remaining } = self.state {
                let start = consumed;
                consumed += self.take_data(rest.len(), chunk, remaining);
                return Ok(Step { consumed, event: Some(Event::Data(start..consumed)) });
            }
            let (taken, whole) = self.take_line(rest)?;
            consumed += taken;
            if whole {
                let event = self.line_event()?;
                self.line.clear();
                if event.is_some() {
                    return Ok(Step { consumed, event });
                }
            }
        }
    }

    /// How much of the available data belongs to the chunk.
    fn take_data(&mut self, available: usize, chunk: Chunk, remaining: u64) -> usize {
        let taken = usize::try_from(remaining).map_or(available, |remaining| remaining.min(available));
        // `taken` is at most `remaining`, so it fits.
        let left = remaining.saturating_sub(u64::try_from(taken).unwrap_or(remaining));
        self.state = if left == 0 { State::DataEnd(chunk) } else { State::Data { chunk, remaining: left } };
        taken
    }

    /// Collects up to the next line feed. Answers how much was taken, and whether the line is whole.
    fn take_line(&mut self, rest: &[u8]) -> Result<(usize, bool), ChunkedError> {
        let (limit, too_long) = match self.state {
            State::Trailers { .. } => {
                (MAX_TRAILERS.saturating_sub(self.trailer_bytes), ChunkedError::Trailer)
            }
            State::DataEnd(_) | State::FinalBreak => (LINE_BREAK.len(), ChunkedError::Malformed),
            State::Over { .. } => (LINE_BREAK.len(), ChunkedError::TrailingBytes),
            State::Header | State::Data { .. } | State::Failed(_) => {
                (MAX_CHUNK_HEADER, ChunkedError::Malformed)
            }
        };
        let room = limit.saturating_sub(self.line.len());
        let window = rest.get(..room).unwrap_or(rest);
        let (taken, whole) = match window.iter().position(|&byte| byte == b'\n') {
            Some(position) => (position.saturating_add(1), true),
            None if window.len() < rest.len() || room == 0 => return Err(too_long),
            None => (window.len(), false),
        };
        self.line.extend_from_slice(rest.get(..taken).unwrap_or_default());
        Ok((taken, whole))
    }

    fn line_event(&mut self) -> Result<Option<Event>, ChunkedError> {
        match self.state {
            State::Header => self.on_header(),
            State::DataEnd(chunk) => {
                self.expect_break(ChunkedError::Malformed)?;
                self.state = State::Header;
                Ok(Some(Event::ChunkEnd { size: chunk.size, signature: chunk.signature }))
            }
            State::Trailers { spare } => self.on_trailer(spare),
            State::FinalBreak => {
                self.expect_break(ChunkedError::Malformed)?;
                self.state = State::Over { spare: 0 };
                Ok(None)
            }
            State::Over { spare } => {
                self.expect_break(ChunkedError::TrailingBytes)?;
                let spare = spare.checked_sub(1).ok_or(ChunkedError::TrailingBytes)?;
                self.state = State::Over { spare };
                Ok(None)
            }
            State::Data { .. } => Ok(None),
            State::Failed(error) => Err(error),
        }
    }

    fn expect_break(&self, otherwise: ChunkedError) -> Result<(), ChunkedError> {
        if self.line == LINE_BREAK { Ok(()) } else { Err(otherwise) }
    }

    fn on_header(&mut self) -> Result<Option<Event>, ChunkedError> {
        let chunk = parse_header(&self.line, self.mode).ok_or(ChunkedError::Malformed)?;
        if chunk.size == 0 {
            if self.decoded != self.declared {
                return Err(ChunkedError::Length);
            }
            self.state = match self.mode {
                ChunkMode::Signed => State::FinalBreak,
                ChunkMode::SignedTrailer | ChunkMode::Unsigned => {
                    State::Trailers { spare: SPARE_BLANK_LINES }
                }
            };
            return Ok(Some(Event::ChunkEnd { size: 0, signature: chunk.signature }));
        }
        if self.mode.is_signed() {
            if chunk.size > MAX_SIGNED_CHUNK {
                return Err(ChunkedError::ChunkTooLarge);
            }
            if self.last_size.is_some_and(|size| size < MIN_SIGNED_CHUNK) {
                return Err(ChunkedError::ChunkTooSmall);
            }
        }
        let decoded = self.decoded.checked_add(chunk.size).filter(|decoded| *decoded <= self.declared);
        self.decoded = decoded.ok_or(ChunkedError::Length)?;
        self.last_size = Some(chunk.size);
        self.state = State::Data { chunk, remaining: chunk.size };
        Ok(None)
    }

    fn on_trailer(&mut self, spare: u8) -> Result<Option<Event>, ChunkedError> {
        self.trailer_bytes = self.trailer_bytes.saturating_add(self.line.len());
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let signed = self.mode.is_signed();
        if line.is_empty() && signed {
            let spare = spare.checked_sub(1).ok_or(ChunkedError::Trailer)?;
            self.state = State::Trailers { spare };
            return Ok(None);
        }
        if line.is_empty() {
            self.state = State::Over { spare: 1 };
            return Ok(Some(Event::Trailers {
                trailers: std::mem::take(&mut self.trailers),
                signature: None,
            }));
        }
        let trailer = Trailer::parse(line).ok_or(ChunkedError::Trailer)?;
        if trailer.name == TRAILER_SIGNATURE {
            let signature = Signature::from_hex(trailer.value.as_bytes()).filter(|_| signed);
            let signature = Some(signature.ok_or(ChunkedError::Trailer)?);
            self.state = State::Over { spare: SPARE_BLANK_LINES };
            return Ok(Some(Event::Trailers { trailers: std::mem::take(&mut self.trailers), signature }));
        }
        let repeated = self.trailers.iter().any(|seen| seen.name == trailer.name);
        if repeated || self.trailers.len() >= MAX_TRAILER_COUNT {
            return Err(ChunkedError::Trailer);
        }
        self.trailers.push(trailer);
        Ok(None)
    }
}

/// Reads `SIZE[;chunk-signature=…]CRLF`: 1 to 16 hex digits; in the signed modes exactly that extension.
fn parse_header(line: &[u8], mode: ChunkMode) -> Option<Chunk> {
    let line = std::str::from_utf8(line.strip_suffix(LINE_BREAK)?).ok()?;
    let (size, extension) = match line.split_once(';') {
        Some((size, extension)) => (size, Some(extension)),
        None => (line, None),
    };
    if size.len() > 16 || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let size = u64::from_str_radix(size, 16).ok()?;
    if !mode.is_signed() {
        return Some(Chunk { size, signature: None });
    }
    let signature = Signature::from_hex(extension?.strip_prefix("chunk-signature=")?.as_bytes())?;
    Some(Chunk { size, signature: Some(signature) })
}
