//! The first pass: a message is divided, and everything of it that is to be stored is read to its end, so that nothing is begun that damage would
//! end. In steps off the async threads: whoever stops waiting ends it after one of them.

use std::fs::File;
use std::sync::Arc;

use portcullis_domain::MailRules;

use super::plan::{self, Planned};
use super::read::{Reading, Unread, fill};
use super::split::{Parts, Split};
use super::{Damage, MailFault};

/// Pieces in one step: 1 MiB.
const STEP: usize = 4;

/// Runs what blocks where it may. What panics there has met a message that nobody thought of.
pub(super) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, MailFault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| MailFault::Damaged(Damage::Unreadable))
}

/// Divides a message.
pub(super) async fn divide(file: &Arc<File>, length: u64) -> Result<Parts, MailFault> {
    let mut scan = Scan { file: Arc::clone(file), at: 0, length, split: Split::default(), piece: Vec::new() };
    while scan.at < scan.length {
        scan = blocking(move || scan.step()).await??;
    }
    let parts = blocking(move || scan.split.end()).await?;
    Ok(parts?)
}

/// The files of a message, all of them readable to their ends. None is empty text that nobody asked to have kept.
pub(super) async fn planned(
    file: &Arc<File>,
    length: u64,
    parts: Parts,
    rules: &MailRules,
    titled: bool,
) -> Result<Vec<Planned>, MailFault> {
    let mut files = Vec::new();
    for file_of_it in plan::files(&parts, rules, length, titled)? {
        files.extend(checked(file, file_of_it).await?);
    }
    if files.is_empty() { Err(MailFault::Empty) } else { Ok(files) }
}

/// Reads one file to its end; none if it is a body with nothing to read in it.
async fn checked(file: &Arc<File>, mut planned: Planned) -> Result<Option<Planned>, MailFault> {
    let mut check = Check::new(file, &planned);
    loop {
        let (back, ended) = blocking(move || {
            let ended = check.step();
            (check, ended)
        })
        .await?;
        check = back;
        match ended {
            Ok(false) => {}
            Ok(true) => break,
            Err(Unread::Fault(fault)) => return Err(fault),
            Err(Unread::Charset) => {
                planned.keep_as_sent();
                check = Check::new(file, &planned);
            }
        }
    }
    Ok(Some(planned).filter(|planned| !(planned.body && check.blank)))
}

struct Scan {
    file: Arc<File>,
    at: u64,
    length: u64,
    split: Split,
    piece: Vec<u8>,
}

impl Scan {
    fn step(mut self) -> Result<Self, MailFault> {
        for _ in 0..STEP {
            fill(&self.file, self.at, self.length, &mut self.piece).map_err(MailFault::Spool)?;
            self.at = self.at.saturating_add(u64::try_from(self.piece.len()).unwrap_or(u64::MAX));
            self.split.push(&self.piece)?;
        }
        Ok(self)
    }
}

struct Check {
    reading: Reading,
    /// Whether nothing but blanks has come.
    blank: bool,
}

impl Check {
    fn new(file: &Arc<File>, planned: &Planned) -> Self {
        Self { reading: Reading::new(Arc::clone(file), planned), blank: true }
    }

    /// Reads on; whether it has come to the end.
    fn step(&mut self) -> Result<bool, Unread> {
        for _ in 0..STEP {
            let Some(piece) = self.reading.next()? else { return Ok(true) };
            let text = piece.strip_prefix(super::charset::MARK).unwrap_or(&piece);
            self.blank &= text.trim_ascii().is_empty();
        }
        Ok(false)
    }
}
