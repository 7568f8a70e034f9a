//! S3's names for digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Digest, DigestAlgorithm};

/// Header, word and element of every algorithm that S3 has.
const NAMES: [(DigestAlgorithm, &str, &str, &str); 5] = [
    (DigestAlgorithm::Crc32, "x-amz-checksum-crc32", "CRC32", "ChecksumCRC32"),
    (DigestAlgorithm::Crc32c, "x-amz-checksum-crc32c", "CRC32C", "ChecksumCRC32C"),
    (DigestAlgorithm::Crc64Nvme, "x-amz-checksum-crc64nvme", "CRC64NVME", "ChecksumCRC64NVME"),
    (DigestAlgorithm::Sha1, "x-amz-checksum-sha1", "SHA1", "ChecksumSHA1"),
    (DigestAlgorithm::Sha256, "x-amz-checksum-sha256", "SHA256", "ChecksumSHA256"),
];

fn of(
    algorithm: DigestAlgorithm,
) -> Option<&'static (DigestAlgorithm, &'static str, &'static str, &'static str)> {
    NAMES.iter().find(|names| names.0 == algorithm)
}

/// The header of an algorithm; none for MD5, which is no checksum of S3.
pub(super) fn checksum_header(algorithm: DigestAlgorithm) -> Option<&'static str> {
    of(algorithm).map(|names| names.1)
}

/// The word for an algorithm: `CRC32`.
pub(super) fn checksum_word(algorithm: DigestAlgorithm) -> Option<&'static str> {
    of(algorithm).map(|names| names.2)
}

/// The element of an algorithm: `ChecksumCRC32`.
pub(super) fn checksum_element(algorithm: DigestAlgorithm) -> Option<&'static str> {
    of(algorithm).map(|names| names.3)
}

/// The algorithm of a word.
pub(super) fn algorithm_of_word(word: &str) -> Option<DigestAlgorithm> {
    NAMES.iter().find(|names| names.2.eq_ignore_ascii_case(word)).map(|names| names.0)
}

/// Every algorithm of S3 with its header and its element.
pub(super) fn algorithms() -> impl Iterator<Item = (DigestAlgorithm, &'static str, &'static str)> {
    NAMES.iter().map(|names| (names.0, names.1, names.3))
}

/// A digest from its Base64 form; none if it cannot be one.
pub(super) fn decode_digest(algorithm: DigestAlgorithm, text: &str) -> Option<Digest> {
    let value = STANDARD.decode(text.trim()).ok()?;
    (value.len() == algorithm.length()).then_some(Digest { algorithm, value })
}

/// The Base64 form of a digest.
pub(super) fn encode_digest(digest: &Digest) -> String {
    STANDARD.encode(&digest.value)
}
