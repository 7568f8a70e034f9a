//! Finds Portcullis secrets in a stream of bytes, whatever else is in it.
//!
//! A secret has a form and a checksum, so that it is told from any other text without asking anybody. It is found as it stands, in
//! UTF-16 and UTF-32 of either byte order, and in Base64, alone or in the middle of something else. The stream is looked at through
//! a window that overlaps with the one before, so that nothing is lost between two reads and the memory does not grow.

use memchr::memmem::Finder;
use portcullis_domain::{CredentialId, Secret};

use super::forms::{self, Found};

/// How much is looked at before and after a secret for the access key id that belongs to it, in bytes.
const AROUND: usize = 512;
/// Bytes that come after the part that is decided; the longest form of a secret is within it.
const AHEAD: usize = 2 * AROUND;
/// Bytes that are read before the window is looked at.
const WINDOW: usize = 256 * 1024;

/// A secret that was found.
pub struct Finding {
    /// The secret.
    pub secret: Secret,
    /// Where its first byte is, counted from 0.
    pub offset: u64,
    /// The line that it is on, counted from 1; none after a zero byte, which text does not have.
    pub line: Option<u64>,
    /// The access key id that stands beside it.
    pub access_key: Option<CredentialId>,
}

/// Looks for secrets in a stream that is given to it piece by piece.
pub struct Scanner {
    needles: Vec<(Finder<'static>, forms::Needle)>,
    window: Vec<u8>,
    /// Where in the window the part begins that was not decided yet.
    next: usize,
    /// Bytes that went out of the window.
    passed: u64,
    /// Line breaks before `counted`, a place in the window.
    lines: u64,
    counted: usize,
    is_text: bool,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner").field("passed", &self.passed).finish_non_exhaustive()
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            needles: forms::NEEDLES.iter().map(|needle| (Finder::new(needle.bytes), *needle)).collect(),
            window: Vec::new(),
            next: 0,
            passed: 0,
            lines: 0,
            counted: 0,
            is_text: true,
        }
    }
}

impl Scanner {
    /// Takes the next bytes of the stream, and gives what was found so far.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let room = WINDOW.saturating_sub(self.window.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.make_room(now.len());
            self.window.extend_from_slice(now);
            bytes = later;
            if self.window.len() >= WINDOW {
                self.look(self.window.len().saturating_sub(AHEAD), &mut found);
                self.forget();
            }
        }
        found
    }

    /// Ends the stream, gives what was still to be found, and begins anew.
    pub fn end(&mut self) -> Vec<Finding> {
        let mut found = Vec::new();
        self.look(self.window.len(), &mut found);
        wipe(&mut self.window);
        (self.next, self.passed, self.lines, self.counted, self.is_text) = (0, 0, 0, 0, true);
        found
    }

    /// As much as all of a short stream needs, or a whole window: a buffer that grows by itself leaves pieces of secrets behind.
    fn make_room(&mut self, more: usize) {
        let needed = self.window.len().saturating_add(more);
        if needed > self.window.capacity() {
            let capacity = if self.window.is_empty() { needed } else { needed.max(WINDOW) };
            let mut wider = Vec::with_capacity(capacity);
            wider.extend_from_slice(&self.window);
            wipe(&mut self.window);
            self.window = wider;
        }
    }

    /// Finds what begins before `until`.
    fn look(&mut self, until: usize, found: &mut Vec<Finding>) {
        let mut here = Vec::new();
        for (finder, needle) in &self.needles {
            let mut from = self.next;
            while let Some(at) = self.window.get(from..).and_then(|rest| finder.find(rest)) {
                let at = from.saturating_add(at);
                if at >= until {
                    break;
                }
                let read = forms::read(&self.window, at, needle);
                from = read.as_ref().map_or(at, |read| read.end.saturating_sub(1)).max(at).saturating_add(1);
                here.extend(read);
            }
        }
        here.sort_by_key(|read| read.start);
        for read in here {
            let access_key = forms::id_beside(&self.window, &read, AROUND);
            self.count(read.start);
            let Found { secret, start, .. } = read;
            let offset = self.passed.saturating_add(wide(start));
            let line = self.is_text.then(|| self.lines.saturating_add(1));
            found.push(Finding { secret, offset, line, access_key });
        }
        self.count(until);
        self.next = until.max(self.next);
    }

    /// Counts lines up to a place in the window.
    fn count(&mut self, until: usize) {
        let Some(part) = self.window.get(self.counted..until) else { return };
        self.lines = self.lines.saturating_add(wide(memchr::memchr_iter(b'\n', part).count()));
        self.is_text &= memchr::memchr(0, part).is_none();
        self.counted = until;
    }

    /// Lets go of what is decided, but for what stands before the rest.
    fn forget(&mut self) {
        let gone = self.next.saturating_sub(AROUND);
        self.window.drain(..gone);
        self.next = self.next.saturating_sub(gone);
        self.counted = self.counted.saturating_sub(gone);
        self.passed = self.passed.saturating_add(wide(gone));
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        wipe(&mut self.window);
    }
}

fn wipe(window: &mut Vec<u8>) {
    zeroize::Zeroize::zeroize(window);
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
