//! What listings and metadata decide.

use portcullis_backend::{Checksum, ChecksumKind, Digest, DigestAlgorithm, Etag};

use super::parts::{Cutting, md5, usual_sizes};
use crate::plan::{Equal, Verdict};
use crate::{Evidence, Mark, Seen, Side, Sides};

/// From this size on, three places are looked at before all bytes are.
pub(super) const SAMPLE_FROM: u64 = 1 << 20;

/// Bytes of a place.
pub(super) const SAMPLE: u64 = 64 << 10;

/// What the listings alone decide. `true_tags`: of which side entity tags are known to be MD5s.
pub(crate) fn at_once(storage: &Seen, bucket: &Seen, true_tags: &Sides<bool>) -> Option<Equal> {
    if storage.mark.size != bucket.mark.size {
        return Some(Equal::different(Evidence::Size));
    }
    if storage.mark.size == 0 {
        return Some(Equal::same(Evidence::Empty));
    }
    match (&storage.mark.etag, &bucket.mark.etag) {
        (Etag::Md5 { digest: one, parts: None }, Etag::Md5 { digest: other, parts: None }) => {
            // One true MD5 is enough to prove that they are the same: nothing else gives the other side this very tag.
            if one == other && (true_tags.storage || true_tags.bucket) {
                return Some(Equal::same(Evidence::Etag));
            }
            (one != other && true_tags.storage && true_tags.bucket)
                .then_some(Equal::different(Evidence::Etag))
        }
        (Etag::Md5 { digest: one, parts: Some(few) }, Etag::Md5 { digest: other, parts: Some(many) }) => {
            let same = one == other && few == many && (true_tags.storage || true_tags.bucket);
            same.then_some(Equal::same(Evidence::Etag))
        }
        (Etag::Md5 { digest, parts: None }, Etag::Md5 { digest: tag, parts: Some(1) }) => {
            (true_tags.storage && md5(digest) == *tag).then_some(Equal::same(Evidence::Parts))
        }
        (Etag::Md5 { digest: tag, parts: Some(1) }, Etag::Md5 { digest, parts: None }) => {
            (true_tags.bucket && md5(digest) == *tag).then_some(Equal::same(Evidence::Parts))
        }
        (Etag::Md5 { .. } | Etag::Opaque(_), Etag::Md5 { .. } | Etag::Opaque(_)) => None,
    }
}

/// What is known of one side's object after it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its state, as it was listed.
    pub(crate) mark: Mark,
    /// Its checksum.
    pub(crate) checksum: Option<Checksum>,
    /// The sizes of its parts, if they are known.
    pub(crate) parts: Vec<u64>,
    /// The size of its first part, if only that is known.
    pub(crate) first_part: Option<u64>,
    /// Whether its entity tag is known to be an MD5.
    pub(crate) true_tag: bool,
    /// Whether reading it goes over the network.
    pub(crate) remote: bool,
    /// Whether its bytes lie in an archive.
    pub(crate) archived: bool,
}

/// Something that is known of an object's bytes and can be computed from other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A digest of all of them, by a checksum or by the entity tag.
    Digest(Digest, Evidence),
    /// The entity tag of parts that were cut here.
    Parts {
        /// The tag.
        tag: [u8; 16],
        /// How many there are.
        count: u16,
        /// Where they were cut.
        cutting: Cutting,
        /// Whether they were cut there for certain, so that another tag means other bytes.
        certain: bool,
    },
}

impl Proof {
    /// Whether a mismatch proves that the bytes are others.
    pub(super) const fn is_certain(&self) -> bool {
        match self {
            Self::Digest(..) => true,
            Self::Parts { certain, .. } => *certain,
        }
    }
}

/// Which bytes have to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The side that is read first.
    pub(crate) first: Side,
    /// What is known of the other side's bytes.
    pub(crate) proofs: Vec<Proof>,
    /// Whether that decides; if not, the other side may have to be read too.
    pub(crate) decides: bool,
    /// Bytes of the object.
    pub(crate) size: u64,
}

impl Reading {
    /// The most bytes that are read, on both sides together.
    pub(crate) const fn most(&self) -> u64 {
        let samples = if self.samples() { 6 * SAMPLE } else { 0 };
        let whole = if self.decides { self.size } else { self.size.saturating_mul(2) };
        whole.saturating_add(samples)
    }

    pub(super) const fn samples(&self) -> bool {
        self.size >= SAMPLE_FROM
    }
}

/// What is known after both objects were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// That.
    Answer(Equal),
    /// Nothing yet.
    Read(Reading),
}

/// What the metadata of both objects decide, or which bytes do.
pub(crate) fn after_looking(facts: &Sides<Facts>) -> Known {
    if let Some(equal) =
        by_digests(&facts.storage, &facts.bucket).or_else(|| by_composites(&facts.storage, &facts.bucket))
    {
        return Known::Answer(equal);
    }
    let mut ways: Vec<Reading> = Side::BOTH.iter().map(|first| reading(facts, *first)).collect();
    ways.retain(|way| {
        let needed = if way.decides { vec![way.first] } else { Side::BOTH.to_vec() };
        !needed.iter().any(|side| facts.of(*side).archived)
    });
    // What may decide comes first, of that what stays at home, of that what decides for certain.
    ways.sort_by_key(|way| (way.proofs.is_empty(), facts.of(way.first).remote, !way.decides));
    match ways.into_iter().next() {
        Some(way) => Known::Read(way),
        None => Known::Answer(Equal::unknown(Verdict::Archived)),
    }
}

fn reading(facts: &Sides<Facts>, first: Side) -> Reading {
    let other = facts.of(first.other());
    let digests = digests_of(other).into_iter().filter(|(digest, _)| is_strong(digest.algorithm));
    let mut proofs: Vec<Proof> = digests.map(|(digest, evidence)| Proof::Digest(digest, evidence)).collect();
    if let Etag::Md5 { digest: tag, parts: Some(count) } = &other.mark.etag {
        let (tag, count) = (*tag, *count);
        if other.parts.len() == usize::from(count) {
            let cutting = Cutting::At(other.parts.clone());
            proofs.push(Proof::Parts { tag, count, cutting, certain: other.true_tag });
        } else {
            proofs.extend(
                other
                    .first_part
                    .into_iter()
                    .chain(usual_sizes(other.mark.size, count))
                    .map(|size| Proof::Parts { tag, count, cutting: Cutting::Every(size), certain: false }),
            );
        }
    }
    let decides = proofs.iter().any(Proof::is_certain);
    Reading { first, proofs, decides, size: other.mark.size }
}

/// Digests over all bytes that are known of an object.
fn digests_of(facts: &Facts) -> Vec<(Digest, Evidence)> {
    let mut found = Vec::new();
    if let Some(Checksum { digest, kind: ChecksumKind::FullObject }) = &facts.checksum {
        found.push((digest.clone(), Evidence::Checksum));
    }
    if let (true, Etag::Md5 { digest, parts: None }) = (facts.true_tag, &facts.mark.etag) {
        let digest = Digest { algorithm: DigestAlgorithm::Md5, value: digest.to_vec() };
        found.push((digest, Evidence::Etag));
    }
    found
}

/// Whether two objects with the same value are the same. Four bytes are not enough.
const fn is_strong(algorithm: DigestAlgorithm) -> bool {
    match algorithm {
        DigestAlgorithm::Md5
        | DigestAlgorithm::Sha1
        | DigestAlgorithm::Sha256
        | DigestAlgorithm::Crc64Nvme => true,
        DigestAlgorithm::Crc32 | DigestAlgorithm::Crc32c => false,
    }
}

fn by_digests(storage: &Facts, bucket: &Facts) -> Option<Equal> {
    let theirs = digests_of(bucket);
    let mut same = None;
    for (digest, evidence) in digests_of(storage) {
        for (other, _) in theirs.iter().filter(|(other, _)| other.algorithm == digest.algorithm) {
            if *other != digest {
                return Some(Equal::different(evidence));
            }
            if is_strong(digest.algorithm) {
                same = Some(Equal::same(evidence));
            }
        }
    }
    same
}

/// The same checksum over the checksums of as many parts: then the parts are the same too.
fn by_composites(storage: &Facts, bucket: &Facts) -> Option<Equal> {
    let (one, other) = (storage.checksum.as_ref()?, bucket.checksum.as_ref()?);
    let composite = matches!(one.kind, ChecksumKind::Composite(_));
    let strong = matches!(one.digest.algorithm, DigestAlgorithm::Sha1 | DigestAlgorithm::Sha256);
    (composite && strong && one == other).then_some(Equal::same(Evidence::Checksum))
}
