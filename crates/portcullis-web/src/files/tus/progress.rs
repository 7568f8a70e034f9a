//! How far an upload is, and where its parts lie.

use portcullis_access::{CompletedPart, Part};
use portcullis_control::ResumableState;

use super::{Open, give_up, is_gone, refused};
use crate::problem::{Problem, Result};

/// The most parts that there are.
const MOST_PARTS: u64 = 10_000;
/// The bytes of a part: the smallest of these with which all of the upload has its parts.
const PART_SIZES: [u64; 3] = [8 << 20, 16 << 20, 32 << 20];
/// The largest upload, in bytes.
pub(super) const LARGEST: u64 = MOST_PARTS * (32 << 20);

/// The bytes of each part of an upload of this length; none if it is too large.
pub(super) fn part_size(length: u64) -> Option<u64> {
    PART_SIZES.into_iter().find(|size| length <= size * MOST_PARTS)
}

/// Where one part lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) number: u16,
    /// Its first byte.
    pub(super) start: u64,
    /// The byte after its last.
    pub(super) end: u64,
    /// Whether it is the last.
    pub(super) last: bool,
}

impl Place {
    /// The part that holds the byte at `offset`, of a file of so many bytes in parts of that size.
    pub(super) fn of(offset: u64, length: u64, part_size: u64) -> Self {
        let part_size = part_size.max(1);
        let at = offset / part_size;
        let start = at * part_size;
        let end = start.saturating_add(part_size).min(length);
        Self { number: u16::try_from(at + 1).unwrap_or(u16::MAX), start, end, last: end == length }
    }
}

/// How far an upload is.
#[derive(Debug)]
pub(super) struct Progress {
    /// Where the next byte belongs: what is before it is durable.
    pub(super) offset: u64,
    /// Whether it is a file already.
    pub(super) done: bool,
}

impl Progress {
    /// How far this upload is, from what lies in the storage and what is kept besides.
    ///
    /// # Errors
    /// A problem with status 410 if the upload was given up elsewhere.
    pub(super) async fn of(open: &Open) -> Result<Self> {
        let upload = &open.upload;
        if upload.state == ResumableState::Done {
            return Ok(Self { offset: upload.length, done: true });
        }
        let whole = match open.multipart() {
            None => 0,
            Some(_) => match parts(open).await? {
                Some(parts) => whole_bytes(&parts, upload.length, upload.part_size),
                // It was being made a file, and is no upload any more: that had succeeded.
                None if upload.state == ResumableState::Completing => {
                    open.app.control.settle_resumable(upload, ResumableState::Done).await?;
                    return Ok(Self { offset: upload.length, done: true });
                }
                None => {
                    give_up(open).await?;
                    return Err(Problem::of_status(http::StatusCode::GONE));
                }
            },
        };
        let tail_end = upload.tail_at.saturating_add(upload.tail_length);
        let reached = if upload.tail_at <= whole { whole.max(tail_end) } else { whole };
        // It is no file yet: to be made one, the last part has to come once more.
        let last = Place::of(upload.length.saturating_sub(1), upload.length, upload.part_size);
        let reached = if reached >= upload.length { last.start } else { reached };
        Ok(Self { offset: upload.held_at.map_or(reached, |held| held.min(reached)), done: false })
    }
}

/// The bytes of the parts that lie without a gap from the beginning.
fn whole_bytes(parts: &[Part], length: u64, part_size: u64) -> u64 {
    let mut reached = 0;
    for part in parts {
        let place = Place::of(reached, length, part_size);
        if reached >= length || part.number != place.number || part.size != place.end - place.start {
            break;
        }
        reached = place.end;
    }
    reached
}

/// The parts that lie in the storage, by number; none if it knows of no such upload.
///
/// # Errors
/// As [`portcullis_access::Grant::list_parts`].
async fn parts(open: &Open) -> Result<Option<Vec<Part>>> {
    let Some(multipart) = open.multipart() else { return Ok(Some(Vec::new())) };
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let after = parts.last().map_or(0, |part| part.number);
        let page = match open.grant()?.list_parts(&multipart, after, 1_000).await {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(refused(error)),
        };
        let more = page.more && !page.parts.is_empty();
        parts.extend(page.parts);
        if !more {
            return Ok(Some(parts));
        }
    }
}

/// All parts of a file that has come as a whole, as they are named when it is made; none if one is missing.
///
/// # Errors
/// As [`parts`].
pub(super) async fn completed(open: &Open) -> Result<Option<Vec<CompletedPart>>> {
    let upload = &open.upload;
    let Some(mut parts) = parts(open).await? else { return Ok(None) };
    let last = Place::of(upload.length.saturating_sub(1), upload.length, upload.part_size);
    parts.retain(|part| part.number <= last.number);
    if whole_bytes(&parts, upload.length, upload.part_size) != upload.length {
        return Ok(None);
    }
    let named =
        |part: Part| CompletedPart { number: part.number, etag: part.etag.to_string(), checksum: None };
    Ok(Some(parts.into_iter().map(named).collect()))
}

#[cfg(test)]
mod tests {
    use portcullis_access::Etag;
    use portcullis_domain::Timestamp;

    use super::*;

    #[test]
    fn every_length_has_its_parts() {
        for (length, size) in [(0, 8), (1, 8), (80_000 << 20, 8), ((80_000 << 20) + 1, 16), (LARGEST, 32)] {
            assert_eq!(part_size(length), Some(size << 20), "{length}");
            let last = Place::of(length.saturating_sub(1), length, size << 20);
            assert!(last.last && last.number <= 10_000, "{last:?}");
        }
        assert_eq!(part_size(LARGEST + 1), None);
    }

    #[test]
    fn places() {
        let of = |offset| Place::of(offset, 25, 10);
        assert_eq!(of(0), Place { number: 1, start: 0, end: 10, last: false });
        assert_eq!(of(9), of(0));
        assert_eq!(of(10), Place { number: 2, start: 10, end: 20, last: false });
        assert_eq!(of(24), Place { number: 3, start: 20, end: 25, last: true });
        assert!(!Place::of(0, 20, 10).last);
        assert!(Place::of(10, 20, 10).last);
    }

    #[test]
    fn parts_count_as_far_as_none_is_missing() {
        let part = |number, size| Part {
            number,
            size,
            etag: Etag::Opaque("x".into()),
            modified: Timestamp::default(),
            checksum: None,
        };
        for (parts, reached) in [
            (vec![], 0),
            (vec![part(1, 10)], 10),
            (vec![part(1, 9)], 0),
            (vec![part(2, 10)], 0),
            (vec![part(1, 10), part(3, 5)], 10),
            (vec![part(1, 10), part(2, 10), part(3, 5)], 25),
            (vec![part(1, 10), part(2, 10), part(3, 4)], 20),
            (vec![part(1, 10), part(2, 10), part(3, 5), part(4, 10)], 25),
        ] {
            assert_eq!(whole_bytes(&parts, 25, 10), reached, "{parts:?}");
        }
    }
}
