//! Conditional requests (RFC 9110 section 13; S3 reference, "Conditional requests").

use std::time::Duration;

use super::check::{Outcome, Violation, holds, refused, same, same_bytes};
use super::store::{Store, data, key, md5_hex};
use crate::{
    BackendErrorKind, ByteRange, DeleteOptions, Etag, EtagCondition, GetOptions, GetOutcome, IfRange,
    ObjectMeta, PutOptions, RangeRequest, ReadConditions, ReadVerdict, WriteConditions,
};

fn tag(etag: &Etag) -> Option<EtagCondition> {
    Some(EtagCondition::OneOf(vec!["0123456789abcdef".into(), etag.to_string()]))
}

fn other() -> Option<EtagCondition> {
    Some(EtagCondition::OneOf(vec![md5_hex(b"something else")]))
}

/// Conditions of a read with what they have to say about an object.
fn table(meta: &ObjectMeta) -> Vec<(&'static str, ReadConditions, ReadVerdict)> {
    use ReadVerdict::{Failed, NotModified, Proceed};
    let (at, second) = (Some(meta.modified), Duration::from_secs(1));
    let (before, after) = (Some(meta.modified.before(second)), Some(meta.modified.after(second)));
    let none = ReadConditions::default;
    vec![
        ("nothing", none(), Proceed),
        ("If-Match with its tag", ReadConditions { if_match: tag(&meta.etag), ..none() }, Proceed),
        ("If-Match with *", ReadConditions { if_match: Some(EtagCondition::Any), ..none() }, Proceed),
        ("If-Match with another", ReadConditions { if_match: other(), ..none() }, Failed),
        (
            "If-None-Match with its tag",
            ReadConditions { if_none_match: tag(&meta.etag), ..none() },
            NotModified,
        ),
        (
            "If-None-Match with *",
            ReadConditions { if_none_match: Some(EtagCondition::Any), ..none() },
            NotModified,
        ),
        ("If-None-Match with another", ReadConditions { if_none_match: other(), ..none() }, Proceed),
        ("If-Modified-Since before", ReadConditions { if_modified_since: before, ..none() }, Proceed),
        ("If-Modified-Since then", ReadConditions { if_modified_since: at, ..none() }, NotModified),
        ("If-Modified-Since after", ReadConditions { if_modified_since: after, ..none() }, NotModified),
        ("If-Unmodified-Since before", ReadConditions { if_unmodified_since: before, ..none() }, Failed),
        ("If-Unmodified-Since then", ReadConditions { if_unmodified_since: at, ..none() }, Proceed),
        (
            "If-Match holds, If-Unmodified-Since does not",
            ReadConditions { if_match: tag(&meta.etag), if_unmodified_since: before, ..none() },
            Proceed,
        ),
        (
            "If-None-Match does not hold, If-Modified-Since does",
            ReadConditions { if_none_match: tag(&meta.etag), if_modified_since: before, ..none() },
            NotModified,
        ),
        (
            "If-None-Match holds, If-Modified-Since does not",
            ReadConditions { if_none_match: other(), if_modified_since: after, ..none() },
            Proceed,
        ),
        (
            "If-Match fails before If-None-Match",
            ReadConditions { if_match: other(), if_none_match: tag(&meta.etag), ..none() },
            Failed,
        ),
    ]
}

fn verdict<T>(result: crate::Result<GetOutcome<T>>, meta: &ObjectMeta) -> Outcome<ReadVerdict> {
    match result {
        Ok(GetOutcome::Found(_)) => Ok(ReadVerdict::Proceed),
        Ok(GetOutcome::NotModified(told)) if *told == *meta => Ok(ReadVerdict::NotModified),
        Ok(GetOutcome::NotModified(told)) => {
            Err(Violation::new(format!("not modified, but told {told:?} instead of {meta:?}")))
        }
        Err(error) if error.kind == BackendErrorKind::PreconditionFailed => Ok(ReadVerdict::Failed),
        Err(error) => Err(error.into()),
    }
}

/// Reads honour their conditions in the order of RFC 9110 section 13.2.2.
pub(super) async fn reads(store: Store) -> Outcome {
    store.put("k", "some bytes").await?;
    let meta = store.head("k").await?;
    for (what, conditions, expected) in table(&meta) {
        let mut options = GetOptions { conditions, ..GetOptions::default() };
        same(what, &verdict(store.get("k", &options).await, &meta)?, &expected)?;
        same(what, &verdict(store.backend().head(&key("k")?, &options).await, &meta)?, &expected)?;
        options.version = Some(meta.version.clone());
        same(what, &verdict(store.get("k", &options).await, &meta)?, &expected)?;
        refused(what, store.get("missing", &options).await, BackendErrorKind::NotFound)?;
    }
    let impossible = GetOptions {
        range: Some(RangeRequest::From(1000)),
        conditions: ReadConditions { if_none_match: tag(&meta.etag), ..ReadConditions::default() },
        ..GetOptions::default()
    };
    let told = verdict(store.get("k", &impossible).await, &meta)?;
    same("conditions come before ranges", &told, &ReadVerdict::NotModified)
}

/// A range is only sent of the object it was meant for.
pub(super) async fn if_range(store: Store) -> Outcome {
    store.put("k", "0123456789").await?;
    let meta = store.head("k").await?;
    let part = Some(ByteRange { first: 2, last: 4 });
    let later = meta.modified.after(Duration::from_secs(1));
    for (what, validator, expected) in [
        ("its tag", IfRange::Etag(meta.etag.to_string()), part),
        ("another tag", IfRange::Etag(md5_hex(b"other")), None),
        ("its time", IfRange::Date(meta.modified), part),
        ("another time", IfRange::Date(later), None),
    ] {
        let options = GetOptions {
            range: Some(RangeRequest::FromTo(2, 4)),
            conditions: ReadConditions { if_range: Some(validator), ..ReadConditions::default() },
            ..GetOptions::default()
        };
        let got = store.read_with("k", &options).await?;
        same(what, &got.range, &expected)?;
        let bytes: &[u8] = if expected.is_some() { b"234" } else { b"0123456789" };
        same_bytes(what, &got.bytes, bytes)?;
    }
    Ok(())
}

fn only(conditions: WriteConditions) -> PutOptions {
    PutOptions { conditions, ..PutOptions::default() }
}

/// `If-None-Match: *` writes only where nothing is.
pub(super) async fn writes_if_absent(store: Store) -> Outcome {
    let absent = || only(WriteConditions { if_absent: true, if_match: None });
    store.put_with("k", "first", absent()).await?;
    let again = store.put_with("k", data(20_000, 1), absent()).await;
    refused("a second time", again, BackendErrorKind::PreconditionFailed)?;
    same_bytes("what was there", &store.read("k").await?.bytes, b"first")?;
    store.put_with("k/", "another key", absent()).await?;
    store.delete("k").await?;
    store.put_with("k", "third", absent()).await?;
    same_bytes("after a delete", &store.read("k").await?.bytes, b"third")
}

/// `If-Match` writes only over what it names; where nothing is, it is not found.
pub(super) async fn writes_if_match(store: Store) -> Outcome {
    let over = |if_match| only(WriteConditions { if_absent: false, if_match });
    let missing = store.put_with("k", "x", over(Some(EtagCondition::Any))).await;
    refused("* on a missing key", missing, BackendErrorKind::NotFound)?;
    refused(
        "a tag on a missing key",
        store.put_with("k", "x", over(other())).await,
        BackendErrorKind::NotFound,
    )?;
    holds("nothing was stored", store.keys().await?.is_empty())?;

    let first = store.put("k", "first").await?;
    let wrong = store.put_with("k", "second", over(other())).await;
    refused("another tag", wrong, BackendErrorKind::PreconditionFailed)?;
    same("unchanged", &store.head("k").await?.version, &first.version)?;
    let second = store.put_with("k", data(20_000, 1), over(tag(&first.etag))).await?;
    let stale = store.put_with("k", "third", over(tag(&first.etag))).await;
    refused("a tag of before", stale, BackendErrorKind::PreconditionFailed)?;
    same("unchanged", &store.head("k").await?.version, &second.version)?;
    store.put_with("k", "fourth", over(Some(EtagCondition::Any))).await?;
    same_bytes("in the end", &store.read("k").await?.bytes, b"fourth")
}

/// `If-Match` deletes only what it names.
pub(super) async fn deletes_if_match(store: Store) -> Outcome {
    let at = key("k")?;
    let only = |if_match| DeleteOptions { if_match, ..DeleteOptions::default() };
    let missing = store.backend().delete(&at, &only(Some(EtagCondition::Any))).await;
    refused("* on a missing key", missing, BackendErrorKind::NotFound)?;
    let told = store.put("k", "x").await?;
    let wrong = store.backend().delete(&at, &only(other())).await;
    refused("another tag", wrong, BackendErrorKind::PreconditionFailed)?;
    same("still there", &store.head("k").await?.version, &told.version)?;
    same("its tag", &store.backend().delete(&at, &only(tag(&told.etag))).await?.existed, &true)?;
    store.put("k", "y").await?;
    same("*", &store.backend().delete(&at, &only(Some(EtagCondition::Any))).await?.existed, &true)?;
    refused("gone", store.head("k").await, BackendErrorKind::NotFound)
}
