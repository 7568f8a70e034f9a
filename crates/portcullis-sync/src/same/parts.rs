//! Entity tags of objects that came in parts: the MD5 of the parts' MD5s, and their number.

use portcullis_backend::{DigestAlgorithm, Digester};

const MIB: u64 = 1 << 20;

/// Sizes of parts that programs use, in units of a million bytes and of a MiB.
const USUAL: &[u64] = &[5, 6, 7, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1000, 1024];

/// How many sizes are tried at a time.
const MOST: usize = 6;

/// The sizes of equal parts, the last one smaller, that an object of `size` bytes in `count` parts may have come in.
pub(super) fn usual_sizes(size: u64, count: u16) -> Vec<u64> {
    let mut found = Vec::new();
    if count == 1 {
        return vec![size.max(1)];
    }
    for unit in [MIB, 1_000_000] {
        for many in USUAL {
            let part = many.saturating_mul(unit);
            if size.div_ceil(part) == u64::from(count) && !found.contains(&part) {
                found.push(part);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// The MD5 of these bytes.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    let mut running = Md5::default();
    running.update(bytes);
    running.finish()
}

/// An MD5 in the making.
pub(super) struct Md5(Digester);

impl Default for Md5 {
    fn default() -> Self {
        Self(Digester::new(&[DigestAlgorithm::Md5]))
    }
}

impl Md5 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 16] {
        let value = self.0.finish().pop().map(|digest| digest.value);
        value.and_then(|value| value.try_into().ok()).unwrap_or_default()
    }
}

/// Where the parts of an object end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cutting {
    /// After so many bytes each.
    Every(u64),
    /// After these many bytes, one after the other.
    At(Vec<u64>),
}

impl Cutting {
    /// How many bytes the part with this number has, from 0. None if there is no such part.
    fn length(&self, number: usize) -> Option<u64> {
        match self {
            Self::Every(size) => Some(*size),
            Self::At(sizes) => sizes.get(number).copied(),
        }
    }
}

/// The entity tag of parts, computed from the bytes.
pub(super) struct PartsTag {
    cutting: Cutting,
    number: usize,
    left: u64,
    part: Md5,
    whole: Md5,
    /// Whether there were more bytes than the parts have.
    over: bool,
}

impl PartsTag {
    pub(super) fn new(cutting: Cutting) -> Self {
        let left = cutting.length(0).unwrap_or(0);
        Self { cutting, number: 0, left, part: Md5::default(), whole: Md5::default(), over: false }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.next_part();
                if self.left == 0 {
                    self.over = true;
                    return;
                }
            }
            let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            let Some((now, rest)) = bytes.split_at_checked(room) else { return };
            self.part.update(now);
            self.left -= u64::try_from(room).unwrap_or(self.left);
            bytes = rest;
        }
    }

    fn next_part(&mut self) {
        let done = std::mem::take(&mut self.part);
        self.whole.update(&done.finish());
        self.number += 1;
        self.left = self.cutting.length(self.number).unwrap_or(0);
    }

    /// The tag, and of how many parts. None if the bytes were not as many as the parts have.
    pub(super) fn finish(mut self) -> Option<([u8; 16], usize)> {
        let short = match &self.cutting {
            Cutting::Every(_) => false,
            Cutting::At(sizes) => self.left > 0 || self.number + 1 < sizes.len(),
        };
        if self.over || short {
            return None;
        }
        self.next_part();
        Some((self.whole.finish(), self.number))
    }
}
