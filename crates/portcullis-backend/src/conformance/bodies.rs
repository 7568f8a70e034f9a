//! Bodies that are not what was announced, and digests that do not match: nothing of them stays.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::sync::oneshot;

use super::check::{Outcome, body_refused, holds, refused, same, same_bytes};
use super::objects::SIZES;
use super::store::{Store, data, digest, key, md5_hex, pieces};
use crate::{
    BackendErrorKind, Body, BodyFault, BodyStream, Digest, DigestAlgorithm, DigestPlan, LateDigests,
    PartOptions, PutOptions, Result,
};

/// Bytes in pieces of this size.
fn cut(bytes: &Bytes, size: usize) -> Vec<Result<Bytes, BodyFault>> {
    bytes.chunks(size).map(|piece| Ok(bytes.slice_ref(piece))).collect()
}

fn of_length(length: usize) -> PutOptions {
    PutOptions { length: u64::try_from(length).ok(), ..PutOptions::default() }
}

/// A body may come in pieces of any size, its length known or not.
pub(super) async fn in_pieces(store: Store) -> Outcome {
    for (seed, size) in (1u64..).zip(SIZES) {
        let bytes = data(*size, seed);
        for (piece, options) in [(1000, of_length(*size)), (70_000, PutOptions::default())] {
            let body = cut(&bytes, piece);
            let with_gaps = body.into_iter().flat_map(|piece| [Ok(Bytes::new()), piece]).collect();
            let told = store.backend().put(&key("k")?, pieces(with_gaps), options).await?;
            same("ETag", &told.etag.to_string(), &md5_hex(&bytes))?;
            same_bytes(format!("{size} bytes"), &store.read("k").await?.bytes, &bytes)?;
        }
    }
    Ok(())
}

/// What has to be as it was after every write that fails: an object, an upload with a part, and nothing else.
struct Untouched {
    store: Store,
    upload: crate::UploadId,
    usage: portcullis_domain::Usage,
}

impl Untouched {
    async fn new(store: Store) -> Outcome<Self> {
        store.put("old", data(20_000, 9)).await?;
        let upload = store.begin("old").await?;
        store.part("old", &upload, 1, "old part").await?;
        let usage = store.usage().await?;
        Ok(Self { store, upload, usage })
    }

    /// Sends a body that has to be refused: over the object, to a new key, and as a part.
    async fn refuses(
        &self,
        what: &str,
        fault: BodyFault,
        attempt: impl Fn() -> (Body, Option<u64>, DigestPlan),
    ) -> Outcome {
        for at in ["old", "new/key"] {
            let (body, length, digests) = attempt();
            let options = PutOptions { length, digests, ..PutOptions::default() };
            body_refused(what, self.store.backend().put(&key(at)?, body, options).await, fault)?;
        }
        for number in [1, 2] {
            let (body, length, digests) = attempt();
            let options = PartOptions { length, digests, ..PartOptions::default() };
            let told =
                self.store.backend().upload_part(&key("old")?, &self.upload, number, body, options).await;
            body_refused(what, told, fault)?;
        }
        self.holds(what).await
    }

    async fn holds(&self, what: &str) -> Outcome {
        same_bytes(what, &self.store.read("old").await?.bytes, &data(20_000, 9))?;
        refused(what, self.store.head("new/key").await, BackendErrorKind::NotFound)?;
        same(what, &self.store.keys().await?, &vec!["old".to_owned()])?;
        let parts = self.store.backend().list_parts(&key("old")?, &self.upload, 0, 10).await?.parts;
        let sizes: Vec<_> = parts.iter().map(|part| (part.number, part.size)).collect();
        same(what, &sizes, &vec![(1, 8)])?;
        same(what, &self.store.usage().await?, &self.usage)
    }
}

/// The sizes of bodies that are refused: small enough to be kept inline, and not.
const REFUSED: [usize; 2] = [100, 300_000];

/// A body that is shorter or longer than announced is not stored.
pub(super) async fn of_another_length(store: Store) -> Outcome {
    let untouched = Untouched::new(store).await?;
    for size in REFUSED {
        let bytes = data(size, 1);
        let length = u64::try_from(size).unwrap_or(0);
        for (told, fault) in
            [(length + 1, BodyFault::Incomplete), (length - 1, BodyFault::TooLong), (0, BodyFault::TooLong)]
        {
            let whole = || (Body::Full(bytes.clone()), Some(told), DigestPlan::default());
            untouched.refuses("a whole body", fault, whole).await?;
            let streamed = || (pieces(cut(&bytes, 30)), Some(told), DigestPlan::default());
            untouched.refuses("a streamed body", fault, streamed).await?;
        }
    }
    Ok(())
}

/// A body that breaks off is not stored, and the fault is told.
pub(super) async fn breaking_off(store: Store) -> Outcome {
    let untouched = Untouched::new(store).await?;
    for fault in [BodyFault::Disconnected, BodyFault::Signature, BodyFault::Cut, BodyFault::Trailer] {
        for size in REFUSED {
            let bytes = data(size, 1);
            let length = u64::try_from(size).ok();
            for length in [None, length, length.map(|length| length + 10)] {
                let broken = || {
                    let mut sent = cut(&bytes, 30_000);
                    sent.push(Err(fault));
                    (pieces(sent), length, DigestPlan::default())
                };
                untouched.refuses("a body that breaks off", fault, broken).await?;
            }
        }
        untouched
            .refuses("at once", fault, || (pieces(vec![Err(fault)]), None, DigestPlan::default()))
            .await?;
    }
    Ok(())
}

/// A caller that gives up while the body comes leaves nothing behind.
pub(super) async fn given_up(store: Store) -> Outcome {
    let untouched = Untouched::new(store).await?;
    for at in ["old", "new/key"] {
        let (reached, told) = oneshot::channel::<()>();
        let sent = stream::iter(cut(&data(300_000, 1), 50_000)).chain(stream::once(async move {
            drop(reached);
            std::future::pending().await
        }));
        let at = key(at)?;
        let put = untouched.store.backend().put(&at, Body::Stream(sent.boxed()), PutOptions::default());
        tokio::select! {
            _ = put => holds("a body without an end is not stored", false)?,
            _ = told => {}
        }
        untouched.holds("given up").await?;
    }
    Ok(())
}

/// A body that does not have the digest that was promised is not stored.
pub(super) async fn with_another_digest(store: Store) -> Outcome {
    let untouched = Untouched::new(store).await?;
    for algorithm in DigestAlgorithm::ALL.iter().copied() {
        for size in REFUSED {
            let bytes = data(size, 1);
            let plan = DigestPlan {
                expect: vec![digest(DigestAlgorithm::Md5, &bytes), digest(algorithm, b"something else")],
                ..DigestPlan::default()
            };
            let attempt = || (pieces(cut(&bytes, 10_000)), None, plan.clone());
            untouched.refuses("a promised digest", BodyFault::Digest(algorithm), attempt).await?;
        }
    }
    let bytes = data(5000, 2);
    let expect = DigestAlgorithm::ALL.iter().map(|algorithm| digest(*algorithm, &bytes)).collect();
    let digests = DigestPlan { expect, ..DigestPlan::default() };
    untouched.store.put_with("new/key", bytes, PutOptions { digests, ..PutOptions::default() }).await?;
    same("all as promised", &untouched.store.head("new/key").await?.size, &5000)
}

/// A body that states its digests when it ends, as a trailer does.
fn with_trailer(bytes: &Bytes, late: LateDigests, told: Option<Vec<Digest>>) -> BodyStream {
    let end = stream::poll_fn(move |_| {
        if let Some(told) = &told {
            late.set(told.clone());
        }
        std::task::Poll::Ready(None)
    });
    stream::iter(cut(bytes, 10_000)).chain(end).boxed()
}

/// Digests that come in the trailer count as those that were known before; they have to come.
pub(super) async fn with_a_trailer(store: Store) -> Outcome {
    let untouched = Untouched::new(store).await?;
    let algorithm = DigestAlgorithm::Crc32c;
    for size in REFUSED {
        let bytes = data(size, 1);
        let length = u64::try_from(size).ok();
        let attempt = |told: Option<Vec<Digest>>| {
            let late = LateDigests::default();
            let plan = DigestPlan {
                late: Some((late.clone(), vec![algorithm])),
                keep: Some(algorithm),
                ..DigestPlan::default()
            };
            (Body::Stream(with_trailer(&bytes, late, told)), length, plan)
        };
        untouched.refuses("no trailer", BodyFault::Trailer, || attempt(None)).await?;
        untouched.refuses("an empty trailer", BodyFault::Trailer, || attempt(Some(vec![]))).await?;
        let other = vec![digest(DigestAlgorithm::Sha1, &bytes)];
        untouched.refuses("another algorithm", BodyFault::Trailer, || attempt(Some(other.clone()))).await?;
        let wrong = vec![digest(algorithm, b"something else")];
        untouched
            .refuses("a wrong value", BodyFault::Digest(algorithm), || attempt(Some(wrong.clone())))
            .await?;

        let (body, length, digests) = attempt(Some(vec![digest(algorithm, &bytes)]));
        let options = PutOptions { length, digests, ..PutOptions::default() };
        untouched.store.backend().put(&key("new/key")?, body, options).await?;
        same_bytes("as promised", &untouched.store.read("new/key").await?.bytes, &bytes)?;
        untouched.store.delete("new/key").await?;
    }
    Ok(())
}
