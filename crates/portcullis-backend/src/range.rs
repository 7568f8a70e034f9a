//! From the range or part that was asked for to the bytes that are sent.

use crate::{BackendErrorKind, ByteRange, ObjectMeta, RangeRequest};

impl RangeRequest {
    /// The bytes of an object of `size` bytes that this names (RFC 9110 section 14.1.2): the end is clamped, a suffix
    /// longer than the object is all of it.
    ///
    /// # Errors
    /// [`BackendErrorKind::InvalidRange`] if no byte is named: it begins at or after the end, it is an empty suffix, the
    /// object is empty, or it ends before it begins.
    pub(crate) fn resolve(self, size: u64) -> Result<ByteRange, BackendErrorKind> {
        let none = BackendErrorKind::InvalidRange { size };
        let end = size.checked_sub(1).ok_or(none)?;
        let (first, last) = match self {
            Self::FromTo(first, last) => (first, last.min(end)),
            Self::From(first) => (first, end),
            Self::Suffix(length) => (size.saturating_sub(length), end),
        };
        if first > last { Err(none) } else { Ok(ByteRange { first, last }) }
    }
}

impl ByteRange {
    /// How many bytes it holds; never zero.
    #[must_use]
    pub const fn length(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// The bytes that a part number names, none for all of the object.
///
/// Part 1 of an object that did not come in parts is the whole object. Otherwise the number is the one under which the
/// part was completed. A part without bytes can only be read if the object has none either: a range names at least one.
///
/// # Errors
/// [`BackendErrorKind::InvalidRange`] if the object has no such part.
pub(crate) fn part_range(meta: &ObjectMeta, number: u16) -> Result<Option<ByteRange>, BackendErrorKind> {
    let none = BackendErrorKind::InvalidRange { size: meta.size };
    if meta.parts.is_empty() {
        return if number == 1 { Ok(None) } else { Err(none) };
    }
    let mut first = 0u64;
    for part in &meta.parts {
        let end = first.saturating_add(part.size);
        if part.number == number {
            return match end.checked_sub(1) {
                None => Ok(None),
                Some(last) if last < first => Err(none),
                Some(last) => Ok(Some(ByteRange { first, last })),
            };
        }
        first = end;
    }
    Err(none)
}

#[cfg(test)]
mod tests {
    use portcullis_domain::Timestamp;

    use super::*;
    use crate::{ContentHeaders, Etag, Part, VersionId};

    fn range(first: u64, last: u64) -> ByteRange {
        ByteRange { first, last }
    }

    #[test]
    fn what_is_asked_for_becomes_bytes_that_exist() {
        for (asked, size, told) in [
            (RangeRequest::FromTo(0, 0), 10, Some((0, 0))),
            (RangeRequest::FromTo(2, 5), 10, Some((2, 5))),
            (RangeRequest::FromTo(2, 99), 10, Some((2, 9))),
            (RangeRequest::FromTo(9, u64::MAX), 10, Some((9, 9))),
            (RangeRequest::FromTo(10, 12), 10, None),
            (RangeRequest::FromTo(5, 2), 10, None),
            (RangeRequest::From(0), 10, Some((0, 9))),
            (RangeRequest::From(9), 10, Some((9, 9))),
            (RangeRequest::From(10), 10, None),
            (RangeRequest::Suffix(3), 10, Some((7, 9))),
            (RangeRequest::Suffix(10), 10, Some((0, 9))),
            (RangeRequest::Suffix(u64::MAX), 10, Some((0, 9))),
            (RangeRequest::Suffix(0), 10, None),
            (RangeRequest::FromTo(0, 0), 0, None),
            (RangeRequest::From(0), 0, None),
            (RangeRequest::Suffix(1), 0, None),
            (RangeRequest::From(0), u64::MAX, Some((0, u64::MAX - 1))),
        ] {
            let told =
                told.map(|(first, last)| range(first, last)).ok_or(BackendErrorKind::InvalidRange { size });
            assert_eq!(asked.resolve(size), told, "{asked:?} of {size}");
        }
        assert_eq!(range(3, 3).length(), 1);
        assert_eq!(range(0, 9).length(), 10);
    }

    fn with_parts(parts: &[(u16, u64)]) -> ObjectMeta {
        let etag = Etag::Opaque("x".into());
        ObjectMeta {
            size: parts.iter().map(|(_, size)| size).sum(),
            modified: Timestamp::default(),
            etag: etag.clone(),
            version: VersionId("1".into()),
            content: ContentHeaders::default(),
            checksum: None,
            tags: Vec::new(),
            parts: parts
                .iter()
                .map(|&(number, size)| Part {
                    number,
                    size,
                    etag: etag.clone(),
                    modified: Timestamp::default(),
                    checksum: None,
                })
                .collect(),
        }
    }

    #[test]
    fn parts_are_found_by_their_number() {
        let meta = with_parts(&[(2, 10), (5, 20), (9, 3)]);
        let missing = Err(BackendErrorKind::InvalidRange { size: 33 });
        assert_eq!(part_range(&meta, 2), Ok(Some(range(0, 9))));
        assert_eq!(part_range(&meta, 5), Ok(Some(range(10, 29))));
        assert_eq!(part_range(&meta, 9), Ok(Some(range(30, 32))));
        assert_eq!(part_range(&meta, 1), missing);
        assert_eq!(part_range(&meta, 10), missing);
    }

    #[test]
    fn objects_without_parts_and_parts_without_bytes() {
        let whole = with_parts(&[]);
        assert_eq!(part_range(&whole, 1), Ok(None));
        assert_eq!(part_range(&whole, 2), Err(BackendErrorKind::InvalidRange { size: 0 }));
        assert_eq!(part_range(&with_parts(&[(1, 0)]), 1), Ok(None));
        let ends_empty = with_parts(&[(1, 4), (2, 0)]);
        assert_eq!(part_range(&ends_empty, 2), Err(BackendErrorKind::InvalidRange { size: 4 }));
    }
}
