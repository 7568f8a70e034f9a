//! Digests that a client promises and those that it gets back (S3 reference, "Checking object integrity").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use portcullis_access::{Checksum, ChecksumKind, Digest, DigestAlgorithm, DigestPlan, LateDigests};
use portcullis_sigv4::Payload;

use super::{filled, one};
use crate::error::{Code, S3Error};
use crate::reply::{Reply, set};
use crate::xml::Xml;

const BEGINNING: &str = "x-amz-checksum-";
/// Headers that begin the same and are no checksum.
const NOT_VALUES: [&str; 3] = ["x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type"];

/// The algorithms of S3's checksums, with the names in headers, words and documents.
const NAMES: [(DigestAlgorithm, &str, &str, &str); 5] = [
    (DigestAlgorithm::Crc32, "x-amz-checksum-crc32", "CRC32", "ChecksumCRC32"),
    (DigestAlgorithm::Crc32c, "x-amz-checksum-crc32c", "CRC32C", "ChecksumCRC32C"),
    (DigestAlgorithm::Crc64Nvme, "x-amz-checksum-crc64nvme", "CRC64NVME", "ChecksumCRC64NVME"),
    (DigestAlgorithm::Sha1, "x-amz-checksum-sha1", "SHA1", "ChecksumSHA1"),
    (DigestAlgorithm::Sha256, "x-amz-checksum-sha256", "SHA256", "ChecksumSHA256"),
];

type Names = (DigestAlgorithm, &'static str, &'static str, &'static str);

fn names(algorithm: DigestAlgorithm) -> Option<&'static Names> {
    NAMES.iter().find(|names| names.0 == algorithm)
}

/// The header of an algorithm; none for MD5, which is not a checksum of S3.
pub(crate) fn checksum_header(algorithm: DigestAlgorithm) -> Option<&'static str> {
    names(algorithm).map(|names| names.1)
}

/// The word for an algorithm: `CRC32`.
pub(crate) fn wire_name(algorithm: DigestAlgorithm) -> Option<&'static str> {
    names(algorithm).map(|names| names.2)
}

/// The element of an algorithm in a document: `ChecksumCRC32`.
pub(crate) fn element_name(algorithm: DigestAlgorithm) -> Option<&'static str> {
    names(algorithm).map(|names| names.3)
}

/// The algorithm of a word such as `CRC32`.
///
/// # Errors
/// `InvalidRequest` for one that is not offered: a checksum is never silently left out.
pub(crate) fn algorithm_of(word: &str) -> Result<DigestAlgorithm, S3Error> {
    NAMES.iter().find(|names| names.2.eq_ignore_ascii_case(word)).map(|names| names.0).ok_or_else(|| {
        S3Error::with(
            Code::InvalidRequest,
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
             [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    })
}

fn algorithm_of_header(name: &str) -> Result<DigestAlgorithm, S3Error> {
    algorithm_of(name.strip_prefix(BEGINNING).unwrap_or_default())
}

/// A digest from its Base64 form.
///
/// # Errors
/// None if it is not Base64 or has the wrong length.
pub(crate) fn decode_digest(algorithm: DigestAlgorithm, text: &str) -> Option<Digest> {
    let value = STANDARD.decode(text).ok()?;
    (value.len() == algorithm.length()).then_some(Digest { algorithm, value })
}

/// The one checksum that the headers carry, if they carry one.
///
/// # Errors
/// `InvalidRequest` for several, for an unknown algorithm and for a value that cannot be one.
pub(crate) fn single_digest(headers: &HeaderMap) -> Result<Option<Digest>, S3Error> {
    let mut found = None;
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with(BEGINNING) || NOT_VALUES.contains(&name) {
            continue;
        }
        let algorithm = algorithm_of_header(name)?;
        let digest = value.to_str().ok().and_then(|text| decode_digest(algorithm, text.trim()));
        let digest = digest.ok_or_else(|| {
            S3Error::with(Code::InvalidRequest, format!("Value for {name} header is invalid."))
        })?;
        if found.replace(digest).is_some() {
            return Err(several());
        }
    }
    Ok(found)
}

fn several() -> S3Error {
    let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
    S3Error::with(Code::InvalidRequest, message)
}

/// Everything that is promised of the bytes of a body: the payload hash of the signature, `Content-MD5`, a checksum in a
/// header or in the trailer.
///
/// # Errors
/// `InvalidDigest`, `InvalidRequest`.
pub(crate) fn body_digests(headers: &HeaderMap, payload: Payload) -> Result<DigestPlan, S3Error> {
    let mut plan = DigestPlan::default();
    if let Payload::Signed(hash) = payload {
        plan.expect.push(Digest { algorithm: DigestAlgorithm::Sha256, value: hash.to_vec() });
    }
    if let Some(text) = one(headers, "content-md5")? {
        let digest = decode_digest(DigestAlgorithm::Md5, text).ok_or(Code::InvalidDigest)?;
        plan.expect.push(digest);
    }
    if let Some(digest) = single_digest(headers)? {
        plan.keep = Some(digest.algorithm);
        plan.expect.push(digest);
    }
    if let Some(trailer) = filled(headers, "x-amz-trailer")? {
        let algorithm = algorithm_of_header(&trailer.to_ascii_lowercase()).map_err(|_| {
            S3Error::with(
                Code::InvalidRequest,
                "The value specified in the x-amz-trailer header is not supported",
            )
        })?;
        let carries = matches!(payload, Payload::StreamingSignedTrailer | Payload::StreamingUnsignedTrailer);
        if !carries {
            let message = "x-amz-trailer was given, but x-amz-content-sha256 does not announce a trailer.";
            return Err(S3Error::with(Code::InvalidRequest, message));
        }
        if plan.keep.replace(algorithm).is_some() {
            return Err(several());
        }
        plan.late = Some((LateDigests::default(), vec![algorithm]));
    }
    if let Some(word) = filled(headers, "x-amz-sdk-checksum-algorithm")? {
        let told = algorithm_of(word)?;
        match plan.keep {
            Some(given) if given == told => {}
            Some(_) => {
                let message = "Value for x-amz-sdk-checksum-algorithm header is invalid.";
                return Err(S3Error::with(Code::InvalidRequest, message));
            }
            None => {
                let message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
                               x-amz-trailer headers were found.";
                return Err(S3Error::with(Code::InvalidRequest, message));
            }
        }
    }
    Ok(plan)
}

/// The element that says a digest, with the number of parts that it is over if it is over parts.
pub(crate) fn push_digest(xml: &mut Xml, digest: &Digest, parts: Option<u16>) {
    let Some(name) = element_name(digest.algorithm) else { return };
    let mut text = STANDARD.encode(&digest.value);
    if let Some(parts) = parts {
        text.push('-');
        text.push_str(&parts.to_string());
    }
    xml.text(name, &text);
}

/// Sets the header that says a digest.
pub(crate) fn set_digest(reply: &mut Reply, digest: &Digest) {
    if let Some(name) = checksum_header(digest.algorithm) {
        set(reply, HeaderName::from_static(name), &STANDARD.encode(&digest.value));
    }
}

/// Sets the headers that say an object's checksum.
pub(crate) fn set_checksum(reply: &mut Reply, checksum: &Checksum) {
    let Some(name) = checksum_header(checksum.digest.algorithm) else { return };
    let mut text = STANDARD.encode(&checksum.digest.value);
    let kind = match checksum.kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite(parts) => {
            text.push('-');
            text.push_str(&parts.to_string());
            "COMPOSITE"
        }
    };
    set(reply, HeaderName::from_static(name), &text);
    set(reply, HeaderName::from_static("x-amz-checksum-type"), kind);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn code(headers: &[(&str, &str)], payload: Payload) -> Code {
        body_digests(&map(headers), payload).unwrap_err().code
    }

    #[test]
    fn promises() {
        let plan = body_digests(
            &map(&[
                ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
                ("x-amz-checksum-crc32", "AAAAAA=="),
                ("x-amz-sdk-checksum-algorithm", "crc32"),
                ("x-amz-checksum-mode", "ENABLED"),
            ]),
            Payload::Signed([1; 32]),
        )
        .unwrap();
        let told: Vec<_> = plan.expect.iter().map(|digest| digest.algorithm).collect();
        assert_eq!(told, [DigestAlgorithm::Sha256, DigestAlgorithm::Md5, DigestAlgorithm::Crc32]);
        assert_eq!(plan.keep, Some(DigestAlgorithm::Crc32));
        let trailer = map(&[("x-amz-trailer", "x-amz-checksum-crc64nvme")]);
        let plan = body_digests(&trailer, Payload::StreamingUnsignedTrailer).unwrap();
        assert_eq!(plan.late.map(|(_, algorithms)| algorithms), Some(vec![DigestAlgorithm::Crc64Nvme]));
    }

    #[test]
    fn promises_that_cannot_be_kept() {
        let plain = Payload::Unsigned;
        assert_eq!(code(&[("content-md5", "AAAA")], plain), Code::InvalidDigest);
        assert_eq!(code(&[("content-md5", "")], plain), Code::InvalidDigest);
        for headers in [
            &[("x-amz-checksum-crc32", "AAA=")][..],
            &[("x-amz-checksum-xxhash64", "AAAA")],
            &[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-crc32c", "AAAAAA==")],
            &[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-crc32", "AAAAAA==")],
            &[("x-amz-sdk-checksum-algorithm", "CRC32")],
            &[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-sdk-checksum-algorithm", "SHA1")],
            &[("x-amz-trailer", "x-amz-checksum-crc32")],
        ] {
            assert_eq!(code(headers, plain), Code::InvalidRequest, "{headers:?}");
        }
        let trailer = Payload::StreamingUnsignedTrailer;
        assert_eq!(code(&[("x-amz-trailer", "x-other")], trailer), Code::InvalidRequest);
        let both = [
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-checksum-sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
        ];
        assert_eq!(code(&both, trailer), Code::InvalidRequest);
    }
}
