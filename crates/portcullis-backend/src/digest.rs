//! Digests of bodies: what the client promised, what we keep.

use std::sync::{Arc, OnceLock};

use fast_md5::Md5;
use sha2::Digest as _;

use crate::{BackendError, BodyFault, Result};

/// An algorithm of S3's checksums, or MD5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// MD5 (RFC 1321), for `Content-MD5` and the entity tag.
    Md5,
    /// SHA-1 (RFC 3174).
    Sha1,
    /// SHA-256 (FIPS 180-4), also the payload hash of a signature.
    Sha256,
    /// CRC-32 of ISO 3309.
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
}

impl DigestAlgorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] =
        &[Self::Md5, Self::Sha1, Self::Sha256, Self::Crc32, Self::Crc32c, Self::Crc64Nvme];

    /// Length of the value in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
        }
    }
}

/// An algorithm with a value, big-endian as S3 writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The algorithm.
    pub algorithm: DigestAlgorithm,
    /// The value; [`DigestAlgorithm::length`] bytes.
    pub value: Vec<u8>,
}

/// Digests that become known only when the body has ended, in its trailer.
///
/// Whoever reads the body sets them before the stream yields its end; whoever stores it reads them after.
#[derive(Clone, Debug, Default)]
pub struct LateDigests(Arc<OnceLock<Vec<Digest>>>);

impl LateDigests {
    /// States what the trailer said; only the first statement counts.
    pub fn set(&self, digests: Vec<Digest>) {
        // A second trailer cannot come: the decoder ends with the first.
        drop(self.0.set(digests));
    }

    /// What the trailer said, if it has come.
    #[must_use]
    pub fn get(&self) -> Option<&[Digest]> {
        self.0.get().map(Vec::as_slice)
    }
}

/// Which digests the bytes must have, and which to keep with the object.
#[derive(Clone, Debug, Default)]
pub struct DigestPlan {
    /// Values known before the body.
    pub expect: Vec<Digest>,
    /// Algorithms whose values come in the trailer; all of them must come.
    pub late: Option<(LateDigests, Vec<DigestAlgorithm>)>,
    /// The algorithm whose value is kept with the object as its checksum.
    pub keep: Option<DigestAlgorithm>,
}

impl DigestPlan {
    /// Every algorithm that has to be computed, without repetition.
    #[must_use]
    pub fn algorithms(&self) -> Vec<DigestAlgorithm> {
        let late = self.late.iter().flat_map(|(_, algorithms)| algorithms.iter().copied());
        let mut all: Vec<_> = self.expect.iter().map(|d| d.algorithm).chain(late).chain(self.keep).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Compares what was promised with what was computed.
    ///
    /// # Errors
    /// [`BodyFault::Trailer`] if a late digest never came, [`BodyFault::Digest`] if one differs.
    pub fn check(&self, computed: &[Digest]) -> Result<()> {
        let late = match &self.late {
            None => &[][..],
            Some((late, algorithms)) => {
                let told = late.get().ok_or(BodyFault::Trailer)?;
                let missing = algorithms.iter().any(|a| !told.iter().any(|d| d.algorithm == *a));
                if missing {
                    return Err(BodyFault::Trailer.into());
                }
                told
            }
        };
        for promised in self.expect.iter().chain(late) {
            if !computed.contains(promised) {
                return Err(BackendError::from(BodyFault::Digest(promised.algorithm)));
            }
        }
        Ok(())
    }
}

/// Computes several digests over the same bytes.
#[derive(Debug)]
pub struct Digester(Vec<Running>);

enum Running {
    /// Only entity tags and `Content-MD5` need it, and it takes most of the time of a large upload.
    Md5(Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Crc(DigestAlgorithm, crc_fast::Digest),
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Md5(_) => "Md5",
            Self::Sha1(_) => "Sha1",
            Self::Sha256(_) => "Sha256",
            Self::Crc(..) => "Crc",
        })
    }
}

impl Digester {
    /// A digester for these algorithms.
    #[must_use]
    pub fn new(algorithms: &[DigestAlgorithm]) -> Self {
        let crc = |algorithm, kind| Running::Crc(algorithm, crc_fast::Digest::new(kind));
        Self(
            algorithms
                .iter()
                .map(|algorithm| match algorithm {
                    DigestAlgorithm::Md5 => Running::Md5(Md5::new()),
                    DigestAlgorithm::Sha1 => Running::Sha1(sha1::Sha1::new()),
                    DigestAlgorithm::Sha256 => Running::Sha256(sha2::Sha256::new()),
                    DigestAlgorithm::Crc32 => crc(*algorithm, crc_fast::CrcAlgorithm::Crc32IsoHdlc),
                    DigestAlgorithm::Crc32c => crc(*algorithm, crc_fast::CrcAlgorithm::Crc32Iscsi),
                    DigestAlgorithm::Crc64Nvme => crc(*algorithm, crc_fast::CrcAlgorithm::Crc64Nvme),
                })
                .collect(),
        )
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for running in &mut self.0 {
            match running {
                Running::Md5(state) => state.update(bytes),
                Running::Sha1(state) => state.update(bytes),
                Running::Sha256(state) => state.update(bytes),
                Running::Crc(_, state) => state.update(bytes),
            }
        }
    }

    /// The values, in the order in which the algorithms were named.
    #[must_use]
    pub fn finish(self) -> Vec<Digest> {
        self.0
            .into_iter()
            .map(|running| match running {
                Running::Md5(state) => {
                    Digest { algorithm: DigestAlgorithm::Md5, value: state.finalize().to_vec() }
                }
                Running::Sha1(state) => {
                    Digest { algorithm: DigestAlgorithm::Sha1, value: state.finalize().to_vec() }
                }
                Running::Sha256(state) => {
                    Digest { algorithm: DigestAlgorithm::Sha256, value: state.finalize().to_vec() }
                }
                Running::Crc(algorithm, state) => {
                    let bytes = state.finalize().to_be_bytes();
                    let value = bytes.get(bytes.len() - algorithm.length()..).unwrap_or_default().to_vec();
                    Digest { algorithm, value }
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The check values of the CRC catalogue (reveng.sourceforge.io) and of RFC 1321, FIPS 180 for "123456789".
    #[test]
    fn known_values() {
        let mut digester = Digester::new(DigestAlgorithm::ALL);
        digester.update(b"1234");
        digester.update(b"56789");
        let told: Vec<_> = digester.finish().into_iter().map(|d| hex::encode(d.value)).collect();
        assert_eq!(
            told,
            [
                "25f9e794323b453885f5181f1b624d0b",
                "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
                "cbf43926",
                "e3069283",
                "ae8b14860a799888",
            ]
        );
    }

    proptest! {
        /// The MD5 in use is written in assembly for its speed; another one checks it, over any pieces.
        #[test]
        fn md5_is_md5(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let mut digester = Digester::new(&[DigestAlgorithm::Md5]);
            let mut other = md5::Md5::new();
            for piece in &pieces {
                digester.update(piece);
                other.update(piece);
            }
            let value = digester.finish().pop().unwrap().value;
            let expected = other.finalize();
            prop_assert_eq!(value.as_slice(), expected.as_slice());
        }
    }

    #[test]
    fn a_trailer_that_never_came_is_a_fault() {
        let late = LateDigests::default();
        let plan =
            DigestPlan { late: Some((late.clone(), vec![DigestAlgorithm::Crc32])), ..DigestPlan::default() };
        let crc = |value: u8| Digest { algorithm: DigestAlgorithm::Crc32, value: vec![0, 0, 0, value] };
        assert!(plan.check(&[crc(1)]).is_err());
        late.set(vec![crc(1)]);
        assert!(plan.check(&[crc(1)]).is_ok());
        assert!(plan.check(&[crc(2)]).is_err());
    }

    #[test]
    fn values_have_their_length_also_of_nothing() {
        for digest in Digester::new(DigestAlgorithm::ALL).finish() {
            assert_eq!(digest.value.len(), digest.algorithm.length(), "{:?}", digest.algorithm);
        }
    }

    #[test]
    fn a_plan_names_every_algorithm_once() {
        let of = |algorithm: DigestAlgorithm| Digest { algorithm, value: vec![0; algorithm.length()] };
        let plan = DigestPlan {
            expect: vec![of(DigestAlgorithm::Sha256), of(DigestAlgorithm::Md5), of(DigestAlgorithm::Sha256)],
            late: Some((LateDigests::default(), vec![DigestAlgorithm::Crc32c, DigestAlgorithm::Md5])),
            keep: Some(DigestAlgorithm::Crc32c),
        };
        assert_eq!(
            plan.algorithms(),
            [DigestAlgorithm::Md5, DigestAlgorithm::Sha256, DigestAlgorithm::Crc32c]
        );
        assert!(DigestPlan::default().algorithms().is_empty());
    }

    #[test]
    fn what_does_not_match_is_named() {
        let md5 = |value: u8| Digest { algorithm: DigestAlgorithm::Md5, value: vec![value; 16] };
        let sha1 = |value: u8| Digest { algorithm: DigestAlgorithm::Sha1, value: vec![value; 20] };
        let plan = DigestPlan { expect: vec![md5(1), sha1(2)], ..DigestPlan::default() };
        let fault = |computed: &[Digest]| plan.check(computed).map_err(|error| error.kind);
        let wrong = |algorithm| Err(crate::BackendErrorKind::Body(BodyFault::Digest(algorithm)));
        assert_eq!(fault(&[md5(1), sha1(2)]), Ok(()));
        assert_eq!(fault(&[md5(3), sha1(2)]), wrong(DigestAlgorithm::Md5));
        assert_eq!(fault(&[md5(1), sha1(3)]), wrong(DigestAlgorithm::Sha1));
        assert_eq!(fault(&[md5(1)]), wrong(DigestAlgorithm::Sha1));
    }

    #[test]
    fn a_trailer_counts_once_and_in_full() {
        let sha1 = |value: u8| Digest { algorithm: DigestAlgorithm::Sha1, value: vec![value; 20] };
        let late = LateDigests::default();
        let wanted = vec![DigestAlgorithm::Sha1, DigestAlgorithm::Crc32];
        let plan = DigestPlan { late: Some((late.clone(), wanted)), ..DigestPlan::default() };
        late.set(vec![sha1(1)]);
        late.set(vec![sha1(2)]);
        assert_eq!(late.get(), Some([sha1(1)].as_slice()));
        let fault = plan.check(&[sha1(1)]).unwrap_err().kind;
        assert_eq!(fault, crate::BackendErrorKind::Body(BodyFault::Trailer));
    }
}
