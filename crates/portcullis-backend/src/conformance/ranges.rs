//! Ranges (RFC 9110 section 14) and part numbers of objects.

use super::check::{Outcome, refused, same, same_bytes, some};
use super::store::{MIN_PART, Store, data, key};
use crate::{BackendErrorKind, ByteRange, GetOptions, RangeRequest, UploadOptions};

fn of(range: RangeRequest) -> GetOptions {
    GetOptions { range: Some(range), ..GetOptions::default() }
}

fn part(number: u16) -> GetOptions {
    GetOptions { part: Some(number), ..GetOptions::default() }
}

/// The bytes of `all` that a range names.
fn slice(all: &[u8], range: ByteRange) -> Option<&[u8]> {
    all.get(usize::try_from(range.first).ok()?..=usize::try_from(range.last).ok()?)
}

/// Ranges are clamped at the end, suffixes at the beginning, and what names no byte is refused.
pub(super) async fn of_a_small_object(store: Store) -> Outcome {
    let all = b"0123456789";
    store.put("k", all.as_slice()).await?;
    for (asked, expected) in [
        (RangeRequest::FromTo(0, 0), Some((0, 0))),
        (RangeRequest::FromTo(3, 5), Some((3, 5))),
        (RangeRequest::FromTo(0, 9), Some((0, 9))),
        (RangeRequest::FromTo(8, 100), Some((8, 9))),
        (RangeRequest::FromTo(9, u64::MAX), Some((9, 9))),
        (RangeRequest::FromTo(10, 20), None),
        (RangeRequest::From(0), Some((0, 9))),
        (RangeRequest::From(9), Some((9, 9))),
        (RangeRequest::From(10), None),
        (RangeRequest::From(u64::MAX), None),
        (RangeRequest::Suffix(1), Some((9, 9))),
        (RangeRequest::Suffix(10), Some((0, 9))),
        (RangeRequest::Suffix(u64::MAX), Some((0, 9))),
        (RangeRequest::Suffix(0), None),
    ] {
        let what = format!("{asked:?}");
        let got = store.read_with("k", &of(asked)).await;
        let Some((first, last)) = expected else {
            refused(what, got, BackendErrorKind::InvalidRange { size: 10 })?;
            continue;
        };
        let (got, range) = (got?, ByteRange { first, last });
        same(&what, &got.range, &Some(range))?;
        same(&what, &got.meta.size, &10)?;
        same_bytes(&what, &got.bytes, some(&what, slice(all, range))?)?;
    }
    Ok(())
}

/// Ranges of an object that does not fit a buffer.
pub(super) async fn of_a_large_object(store: Store) -> Outcome {
    let all = data((2 << 20) + 17, 3);
    let size = u64::try_from(all.len()).unwrap_or(0);
    store.put("k", all.clone()).await?;
    for (first, last) in [
        (0, 0),
        (0, 65_535),
        (65_535, 65_536),
        (1, size - 2),
        (123_456, 1_234_567),
        (1 << 20, (2 << 20) - 1),
        (size - 1, size - 1),
        (0, size - 1),
    ] {
        let range = ByteRange { first, last };
        let got = store.read_with("k", &of(RangeRequest::FromTo(first, last))).await?;
        let what = format!("{range:?}");
        same(&what, &got.range, &Some(range))?;
        same_bytes(&what, &got.bytes, some(&what, slice(&all, range))?)?;
    }
    Ok(())
}

/// Nothing can be named of an object that has no bytes.
pub(super) async fn of_an_empty_object(store: Store) -> Outcome {
    store.put("k", "").await?;
    for asked in
        [RangeRequest::FromTo(0, 0), RangeRequest::From(0), RangeRequest::Suffix(1), RangeRequest::Suffix(0)]
    {
        let got = store.read_with("k", &of(asked)).await;
        refused(format!("{asked:?}"), got, BackendErrorKind::InvalidRange { size: 0 })?;
    }
    Ok(())
}

/// A head looks at the whole object whatever range is asked for.
pub(super) async fn heads_ignore_ranges(store: Store) -> Outcome {
    store.put("k", "0123456789").await?;
    let meta = store.head("k").await?;
    for asked in [RangeRequest::FromTo(2, 3), RangeRequest::From(10), RangeRequest::Suffix(0)] {
        let got = store.backend().head(&key("k")?, &of(asked)).await?;
        let crate::GetOutcome::Found(got) = got else {
            return same("a head without conditions", &"not modified", &"found");
        };
        same(format!("{asked:?}"), &got, &meta)?;
    }
    Ok(())
}

/// Part 1 of an object that did not come in parts is all of it; it has no other.
pub(super) async fn parts_of_a_plain_object(store: Store) -> Outcome {
    for (at, bytes) in [("k", "0123456789"), ("empty", "")] {
        let size = u64::try_from(bytes.len()).unwrap_or(0);
        store.put(at, bytes).await?;
        let got = store.read_with(at, &part(1)).await?;
        same_bytes("part 1", &got.bytes, bytes.as_bytes())?;
        same("range", &got.range, &None)?;
        let missing = BackendErrorKind::InvalidRange { size };
        refused("part 2", store.read_with(at, &part(2)).await, missing)?;
        refused("head of part 2", store.backend().head(&key(at)?, &part(2)).await, missing)?;
    }
    Ok(())
}

/// Parts and ranges of an object that came in parts, across their borders too.
pub(super) async fn of_an_object_in_parts(store: Store) -> Outcome {
    let pieces = [data(MIN_PART, 1), data(MIN_PART + 5, 2), data(77, 3)];
    let all = pieces.concat();
    let size = u64::try_from(all.len()).unwrap_or(0);
    store.put_in_parts("k", UploadOptions::default(), &pieces).await?;
    let meta = store.head("k").await?;
    let mut first = 0;
    for (number, piece) in (1u16..).zip(&pieces) {
        let got = store.read_with("k", &part(number)).await?;
        let last = first + u64::try_from(piece.len()).unwrap_or(0) - 1;
        same(format!("part {number}"), &got.range, &Some(ByteRange { first, last }))?;
        same_bytes(format!("part {number}"), &got.bytes, piece)?;
        same("metadata of the whole", &got.meta, &meta)?;
        first = last + 1;
    }
    let missing = BackendErrorKind::InvalidRange { size };
    refused("part 4", store.read_with("k", &part(4)).await, missing)?;
    refused("head of part 4", store.backend().head(&key("k")?, &part(4)).await, missing)?;
    let border = u64::try_from(MIN_PART).unwrap_or(0);
    for (first, last) in
        [(border - 3, border + 3), (border, border), (10, size - 2), (0, size - 1), (size - 78, size - 76)]
    {
        let range = ByteRange { first, last };
        let got = store.read_with("k", &of(RangeRequest::FromTo(first, last))).await?;
        let what = format!("{range:?}");
        same_bytes(&what, &got.bytes, some(&what, slice(&all, range))?)?;
    }
    same_bytes("all", &store.read("k").await?.bytes, &all)
}
