//! Checksums of single objects and of multipart uploads (S3 reference, "Checking object integrity").

use bytes::Bytes;

use super::check::{Outcome, body_refused, refused, same, some};
use super::store::{MIN_PART, Store, data, digest, key, name};
use crate::{
    BackendErrorKind, Body, BodyFault, Checksum, ChecksumKind, CompleteOptions, CompletedPart, CopyOptions,
    Digest, DigestAlgorithm, DigestPlan, PartOptions, PutOptions, UploadOptions,
};

fn full(algorithm: DigestAlgorithm, bytes: &[u8]) -> Option<Checksum> {
    Some(Checksum { digest: digest(algorithm, bytes), kind: ChecksumKind::FullObject })
}

fn composite(algorithm: DigestAlgorithm, parts: &[Bytes]) -> Option<Checksum> {
    let of_parts: Vec<u8> = parts.iter().flat_map(|part| digest(algorithm, part).value).collect();
    let kind = ChecksumKind::Composite(u16::try_from(parts.len()).unwrap_or(0));
    Some(Checksum { digest: digest(algorithm, &of_parts), kind })
}

/// The algorithms that S3 keeps with an object.
const KEPT: [DigestAlgorithm; 5] = [
    DigestAlgorithm::Crc32,
    DigestAlgorithm::Crc32c,
    DigestAlgorithm::Crc64Nvme,
    DigestAlgorithm::Sha1,
    DigestAlgorithm::Sha256,
];

/// The checksum that was asked for is computed, kept and told everywhere.
pub(super) async fn of_objects(store: Store) -> Outcome {
    for algorithm in KEPT {
        for bytes in [Bytes::new(), data(100, 1), data(100_000, 2)] {
            let expected = full(algorithm, &bytes);
            let digests = DigestPlan { keep: Some(algorithm), ..DigestPlan::default() };
            let told = store.put_with("k", bytes, PutOptions { digests, ..PutOptions::default() }).await?;
            same("put", &told.checksum, &expected)?;
            same("get", &store.read("k").await?.meta.checksum, &expected)?;
            same("head", &store.head("k").await?.checksum, &expected)?;
            let page = store.list("", None, None, 10).await?;
            let listed: Vec<_> = page.objects.iter().map(|object| object.checksum).collect();
            same("list", &listed, &vec![Some(algorithm)])?;
        }
    }
    store.put("k", "x").await?;
    same("a write without", &store.head("k").await?.checksum, &None)
}

/// A copy has its source's checksum, or the one that is asked for.
pub(super) async fn of_copies(store: Store) -> Outcome {
    let bytes = data(30_000, 5);
    let digests = DigestPlan { keep: Some(DigestAlgorithm::Sha1), ..DigestPlan::default() };
    store.put_with("k", bytes.clone(), PutOptions { digests, ..PutOptions::default() }).await?;
    let (from, to) = (key("k")?, key("copy")?);
    let told = store.backend().copy(&from, &to, CopyOptions::default()).await?;
    same("taken over", &told.checksum, &full(DigestAlgorithm::Sha1, &bytes))?;
    same("and kept", &store.head("copy").await?.checksum, &told.checksum)?;
    for algorithm in KEPT {
        let options = CopyOptions { checksum: Some(algorithm), ..CopyOptions::default() };
        let told = store.backend().copy(&from, &to, options).await?;
        same("another", &told.checksum, &full(algorithm, &bytes))?;
        same("and kept", &store.head("copy").await?.checksum, &told.checksum)?;
    }
    Ok(())
}

fn asking(algorithm: DigestAlgorithm, whole: bool) -> UploadOptions {
    UploadOptions { checksum: Some((algorithm, whole)), ..UploadOptions::default() }
}

/// The kinds that S3 has for uploads: SHA only over parts, CRC-64 only over all bytes.
const OF_UPLOADS: [(DigestAlgorithm, bool); 7] = [
    (DigestAlgorithm::Crc32, false),
    (DigestAlgorithm::Crc32c, false),
    (DigestAlgorithm::Sha1, false),
    (DigestAlgorithm::Sha256, false),
    (DigestAlgorithm::Crc32, true),
    (DigestAlgorithm::Crc32c, true),
    (DigestAlgorithm::Crc64Nvme, true),
];

fn expected(algorithm: DigestAlgorithm, whole: bool, parts: &[Bytes]) -> Option<Checksum> {
    if whole { full(algorithm, &parts.concat()) } else { composite(algorithm, parts) }
}

/// An upload gets the checksum that it was begun with, and its parts have theirs.
pub(super) async fn of_uploads(store: Store) -> Outcome {
    let small = [data(20_000, 1)];
    let large = [data(MIN_PART + 1, 1), data(33, 2)];
    for (algorithm, whole) in OF_UPLOADS {
        for parts in [small.as_slice(), large.as_slice()] {
            let told = store.put_in_parts("k", asking(algorithm, whole), parts).await?;
            same("complete", &told.checksum, &expected(algorithm, whole, parts))?;
            let meta = store.head("k").await?;
            same("head", &meta.checksum, &told.checksum)?;
            let of_parts: Vec<_> = meta.parts.into_iter().map(|part| part.checksum).collect();
            let wanted: Vec<_> = parts.iter().map(|part| Some(digest(algorithm, part))).collect();
            same("parts", &of_parts, &wanted)?;
        }
    }
    Ok(())
}

/// A part has to be what was promised; if it is not, the one before stays.
pub(super) async fn of_parts(store: Store) -> Outcome {
    let at = key("k")?;
    let upload = store.backend().create_upload(&at, asking(DigestAlgorithm::Crc32c, true)).await?;
    let good = digest(DigestAlgorithm::Crc32c, b"good");
    let first = store.part("k", &upload, 1, "good").await?;
    same("computed unasked", &first.checksum, &Some(good.clone()))?;
    let promising = |digest: Digest| PartOptions {
        digests: DigestPlan { expect: vec![digest], ..DigestPlan::default() },
        ..PartOptions::default()
    };
    let bad = Body::Full("bad".into());
    let told = store.backend().upload_part(&at, &upload, 1, bad, promising(good.clone())).await;
    body_refused("another part", told, BodyFault::Digest(DigestAlgorithm::Crc32c))?;
    let listed = store.backend().list_parts(&at, &upload, 0, 10).await?;
    same("the one before", &listed.parts, &vec![first])?;
    let body = Body::Full("good".into());
    let told = store.backend().upload_part(&at, &upload, 1, body, promising(good.clone())).await?;
    same("as promised", &told.checksum, &Some(good))
}

/// What the client says of its parts and of the whole has to be so.
pub(super) async fn of_completions(store: Store) -> Outcome {
    let at = key("k")?;
    for (algorithm, whole) in OF_UPLOADS {
        let bytes = data(5000, 3);
        let upload = store.backend().create_upload(&at, asking(algorithm, whole)).await?;
        let part = store.part("k", &upload, 1, bytes.clone()).await?;
        let named = |checksum: Digest| [CompletedPart { checksum: Some(checksum), ..name(&part) }];
        let wrong = digest(algorithm, b"something else");
        let told = store.complete("k", &upload, &named(wrong.clone())).await;
        refused("a part with another checksum", told, BackendErrorKind::InvalidPart)?;

        let right = some("a checksum", expected(algorithm, whole, std::slice::from_ref(&bytes)))?.digest;
        let of_whole = |checksum| CompleteOptions { checksum: Some(checksum), ..CompleteOptions::default() };
        let parts = named(digest(algorithm, &bytes));
        let told = store.backend().complete_upload(&at, &upload, &parts, of_whole(wrong)).await;
        body_refused("another checksum of the whole", told, BodyFault::Digest(algorithm))?;
        refused("nothing is there", store.head("k").await, BackendErrorKind::NotFound)?;
        let told = store.backend().complete_upload(&at, &upload, &parts, of_whole(right.clone())).await?;
        same("as promised", &told.checksum.map(|checksum| checksum.digest), &Some(right))?;
        store.delete("k").await?;
    }
    let upload = store.begin("k").await?;
    let parts = [name(&store.part("k", &upload, 1, "x").await?)];
    let unasked = CompleteOptions {
        checksum: Some(digest(DigestAlgorithm::Crc32, b"x")),
        ..CompleteOptions::default()
    };
    let told = store.backend().complete_upload(&at, &upload, &parts, unasked).await;
    body_refused("a checksum that the upload does not keep", told, BodyFault::Digest(DigestAlgorithm::Crc32))
}
