//! Many calls at once: one wins, none is lost, nothing is mixed.

use bytes::Bytes;
use portcullis_domain::Usage;
use tokio::task::JoinSet;

use super::check::{Outcome, Violation, holds, same, same_bytes};
use super::store::{Store, data, md5_hex, name};
use crate::{BackendErrorKind, EtagCondition, PutOptions, WriteConditions};

/// How many callers there are.
const CALLERS: u64 = 16;

/// Bytes of a caller: of another size for each, inline for some and in a file for others.
fn of_caller(number: u64) -> Bytes {
    data(usize::try_from(number).unwrap_or(0) * 3001 + 1, number)
}

/// Of many that write only where nothing is, exactly one does.
pub(super) async fn one_creates(store: Store) -> Outcome {
    for round in 0..4 {
        let at = format!("round/{round}");
        let mut writes = JoinSet::new();
        for number in 0..CALLERS {
            let (store, at) = (store.clone(), at.clone());
            writes.spawn(async move {
                let conditions = WriteConditions { if_absent: true, if_match: None };
                let options = PutOptions { conditions, ..PutOptions::default() };
                (number, store.put_with(&at, of_caller(number), options).await)
            });
        }
        let mut winners = Vec::new();
        while let Some(written) = writes.join_next().await {
            match written? {
                (number, Ok(_)) => winners.push(number),
                (_, Err(error)) => same("the others", &error.kind, &BackendErrorKind::PreconditionFailed)?,
            }
        }
        let [winner] = winners.as_slice() else {
            return Err(Violation::new(format!("{} of {CALLERS} created one key", winners.len())));
        };
        same_bytes("the winner's bytes", &store.read(&at).await?.bytes, &of_caller(*winner))?;
    }
    Ok(())
}

/// Whoever reads, changes and writes back with `If-Match` loses no one's change.
pub(super) async fn no_update_is_lost(store: Store) -> Outcome {
    const EACH: usize = 4;
    store.put("counter", "").await?;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS / 2 {
        let store = store.clone();
        callers.spawn(async move {
            let mut done = 0;
            while done < EACH {
                let got = store.read("counter").await?;
                let longer = Bytes::from([got.bytes.as_ref(), b"+"].concat());
                let tag = EtagCondition::OneOf(vec![got.meta.etag.to_string()]);
                let conditions = WriteConditions { if_absent: false, if_match: Some(tag) };
                let options = PutOptions { conditions, ..PutOptions::default() };
                match store.put_with("counter", longer, options).await {
                    Ok(_) => done += 1,
                    Err(error) if error.kind == BackendErrorKind::PreconditionFailed => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    let counted = u64::try_from(store.read("counter").await?.bytes.len()).unwrap_or(0);
    same("updates", &counted, &(CALLERS / 2 * u64::try_from(EACH).unwrap_or(0)))
}

/// A reader gets one write whole, with its own ETag, or another; never two mixed.
pub(super) async fn reads_are_whole(store: Store) -> Outcome {
    store.put("k", of_caller(0)).await?;
    let mut callers: JoinSet<Outcome> = JoinSet::new();
    for number in 0..4u64 {
        let store = store.clone();
        callers.spawn(async move {
            for round in 0..15 {
                store.put("k", of_caller((number * 5 + round) % 20)).await?;
            }
            Ok(())
        });
    }
    for _ in 0..4 {
        let store = store.clone();
        callers.spawn(async move {
            for _ in 0..40 {
                let got = store.read("k").await?;
                same("ETag of what was read", &md5_hex(&got.bytes), &got.meta.etag.to_string())?;
                let size = u64::try_from(got.bytes.len()).unwrap_or(0);
                same("size of what was read", &size, &got.meta.size)?;
            }
            Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    let size = store.head("k").await?.size;
    let expected = Usage { bytes: size, files: 1, ..Usage::default() };
    same("usage in the end", &store.usage().await?, &expected)
}

/// Counters are exact after many changes at once.
pub(super) async fn counters_add_up(store: Store) -> Outcome {
    let mut callers: JoinSet<Outcome> = JoinSet::new();
    for number in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let (own, shared) = (format!("own/{number}/k"), format!("shared/{}", number % 3));
            for round in 0..6 {
                store.put(&own, of_caller(round)).await?;
                store.put(&shared, of_caller(number)).await?;
                store.delete(if round % 2 == 0 { &own } else { &shared }).await?;
            }
            Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    let page = store.list("", None, None, 1000).await?;
    let keys: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
    let expected = Usage {
        bytes: page.objects.iter().map(|object| object.size).sum(),
        files: u64::try_from(keys.len()).unwrap_or(0),
        folders: super::model::folders(keys.into_iter()),
        ..Usage::default()
    };
    same("usage", &store.usage().await?, &expected)
}

/// Of many that would each fill the rest of the quota, as many succeed as fit.
pub(super) async fn quota_is_not_passed(store: Store) -> Outcome {
    let mut writes = JoinSet::new();
    for number in 0..CALLERS {
        let store = store.clone();
        writes.spawn(async move {
            let options = PutOptions { quota: Some(5000), ..PutOptions::default() };
            store.put_with(&format!("k{number}"), data(1000, number), options).await
        });
    }
    let mut stored = 0;
    while let Some(written) = writes.join_next().await {
        match written? {
            Ok(_) => stored += 1,
            Err(error) => same("the others", &error.kind, &BackendErrorKind::QuotaExceeded)?,
        }
    }
    same("writes that fit", &stored, &5)?;
    same("usage", &store.usage().await?.bytes, &5000)
}

/// An upload that many complete at once becomes one object, and all are told of the same.
pub(super) async fn one_completion(store: Store) -> Outcome {
    let upload = store.begin("k").await?;
    let parts = [name(&store.part("k", &upload, 1, data(50_000, 1)).await?)];
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (store, upload, parts) = (store.clone(), upload.clone(), parts.clone());
        callers.spawn(async move { store.complete("k", &upload, &parts).await });
    }
    let version = callers.join_next().await.transpose()?.transpose()?.map(|told| told.version);
    while let Some(told) = callers.join_next().await {
        same("the answer", &Some(told??.version), &version)?;
    }
    holds("is the object", Some(store.head("k").await?.version) == version)?;
    same("usage", &store.usage().await?.stored_bytes(), &50_000)
}
