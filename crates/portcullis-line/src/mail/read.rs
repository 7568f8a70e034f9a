//! A file of a message, read from the spool and decoded piece by piece. Everything here blocks.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

use super::charset::Reader;
use super::plan::Planned;
use super::transfer::{Decoder, Transfer};
use super::{Damage, MailFault};

/// What is read at once.
pub(super) const PIECE: usize = 256 * 1024;

/// Why a file of a message cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// For good.
    Fault(MailFault),
    /// Its text is not of the character set that it says.
    Charset,
}

/// Fills a piece from the message: as many bytes as there are before `end`.
pub(super) fn fill(file: &File, at: u64, end: u64, piece: &mut Vec<u8>) -> io::Result<()> {
    let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
    piece.resize(left.min(PIECE), 0);
    file.read_exact_at(piece, at)
}

/// Reads one file of a message.
#[derive(Debug)]
pub(super) struct Reading {
    file: Arc<File>,
    at: u64,
    end: u64,
    part: usize,
    transfer: Transfer,
    decoder: Decoder,
    text: Option<Reader>,
    /// What was read last, and what it means; kept for their room.
    raw: Vec<u8>,
    decoded: Vec<u8>,
    ended: bool,
}

impl Reading {
    pub(super) fn new(file: Arc<File>, planned: &Planned) -> Self {
        Self {
            file,
            at: planned.begin,
            end: planned.end,
            part: planned.part,
            transfer: planned.transfer,
            decoder: Decoder::new(planned.transfer),
            text: planned.text.map(super::charset::Charset::reader),
            raw: Vec::new(),
            decoded: Vec::new(),
            ended: false,
        }
    }

    /// What the next piece of the message means, which may be no bytes; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        if self.ended {
            return Ok(None);
        }
        self.step()?;
        Ok(Some(Bytes::copy_from_slice(&self.decoded)))
    }

    /// Reads a piece; what it means stands in `decoded`.
    fn step(&mut self) -> Result<(), Unread> {
        fill(&self.file, self.at, self.end, &mut self.raw)
            .map_err(|error| Unread::Fault(MailFault::Spool(error)))?;
        self.at = self.at.saturating_add(u64::try_from(self.raw.len()).unwrap_or(u64::MAX));
        self.ended = self.at >= self.end;
        self.decoded.clear();
        let mut decoded = self.decoder.push(&self.raw, &mut self.decoded);
        if self.ended && decoded.is_ok() {
            decoded = self.decoder.end(&mut self.decoded);
        }
        decoded.map_err(|_| Unread::Fault(MailFault::Damaged(self.damage())))?;
        if let Some(text) = &mut self.text {
            let plain = std::mem::take(&mut self.decoded);
            text.push(&plain, self.ended, &mut self.decoded).map_err(|_| Unread::Charset)?;
        }
        Ok(())
    }

    fn damage(&self) -> Damage {
        match self.transfer {
            Transfer::Base64 => Damage::Base64 { part: self.part },
            // Nothing can be wrong with what is not encoded.
            Transfer::QuotedPrintable | Transfer::Identity => Damage::QuotedPrintable { part: self.part },
        }
    }
}
