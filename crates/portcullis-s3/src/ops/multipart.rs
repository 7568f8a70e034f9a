//! Multipart uploads: begin, store parts, complete, give up.

use http::{HeaderName, StatusCode};
use portcullis_access::{
    CompleteOptions, CompletedPart, Digest, DigestAlgorithm, PartOptions, Put, UploadId, UploadOptions,
};
use portcullis_sigv4::encode::encode_path;

use super::object_get::part_number;
use super::push_checksum;
use crate::body::{RequestBody, Upload};
use crate::call::Call;
use crate::error::{Code, S3Error, access_error};
use crate::headers::{
    algorithm_of, content_headers, decode_digest, element_name, filled, number, refuse_unsupported,
    set_digest, set_etag, single_digest, tags_header, wire_name, write_conditions,
};
use crate::reply::{Reply, document, empty, set};
use crate::xml::{KeyEncoding, MalformedXml, Node, Xml, parse};

/// The most parts of an upload (S3 reference, "Multipart upload limits").
const MAX_PARTS: usize = 10_000;

/// The upload and the part that the query names.
pub(super) fn upload_and_number(call: &Call<'_>) -> Result<(UploadId, u16), S3Error> {
    Ok((upload_of(call)?, part_number(call.query.get("partNumber").unwrap_or_default())?))
}

/// The upload that the query names.
///
/// # Errors
/// `NoSuchUpload` for what cannot be one.
pub(super) fn upload_of(call: &Call<'_>) -> Result<UploadId, S3Error> {
    match call.query.filled("uploadId") {
        Some(id) if id.len() <= 1024 && id.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(UploadId(id.into()))
        }
        Some(_) | None => Err(Code::NoSuchUpload.into()),
    }
}

/// Begins an upload.
pub(super) async fn create_multipart_upload(call: &Call<'_>) -> Result<Reply, S3Error> {
    refuse_unsupported(call.headers)?;
    let checksum = wanted_checksum(call)?;
    let options = UploadOptions {
        content: content_headers(call.headers)?,
        tags: tags_header(call.headers)?.unwrap_or_default(),
        checksum,
        owner: None,
    };
    let grant = call.grant::<Put>().await?;
    let upload = grant.create_upload(options).await.map_err(|error| call.error(error))?;
    let mut xml =
        Xml::begin("<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", 256);
    xml.text("Bucket", call.bucket_name());
    xml.key("Key", call.key_text(), KeyEncoding::Plain);
    xml.text("UploadId", &upload.0);
    let mut reply = document(xml.end("</InitiateMultipartUploadResult>"));
    if let Some((algorithm, full)) = checksum
        && let Some(word) = wire_name(algorithm)
    {
        set(&mut reply, HeaderName::from_static("x-amz-checksum-algorithm"), word);
        set(&mut reply, HeaderName::from_static("x-amz-checksum-type"), kind_name(full));
    }
    Ok(reply)
}

/// The word for what a checksum is over.
pub(super) const fn kind_name(full: bool) -> &'static str {
    if full { "FULL_OBJECT" } else { "COMPOSITE" }
}

/// The checksum that the object will get. Which kinds go with which algorithm is S3's rule: a hash of the whole cannot be
/// made of hashes of its parts, a CRC can, and CRC-64/NVME only comes that way.
fn wanted_checksum(call: &Call<'_>) -> Result<Option<(DigestAlgorithm, bool)>, S3Error> {
    let Some(word) = filled(call.headers, "x-amz-checksum-algorithm")? else {
        if call.headers.contains_key("x-amz-checksum-type") {
            let message =
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            return Err(S3Error::with(Code::InvalidRequest, message));
        }
        return Ok(None);
    };
    let algorithm = algorithm_of(word)?;
    let full = match filled(call.headers, "x-amz-checksum-type")? {
        None => algorithm == DigestAlgorithm::Crc64Nvme,
        Some(kind) if kind.eq_ignore_ascii_case("FULL_OBJECT") => true,
        Some(kind) if kind.eq_ignore_ascii_case("COMPOSITE") => false,
        Some(_) => {
            return Err(S3Error::with(
                Code::InvalidRequest,
                "Value for x-amz-checksum-type header is invalid.",
            ));
        }
    };
    let possible = match algorithm {
        DigestAlgorithm::Crc32 | DigestAlgorithm::Crc32c => true,
        DigestAlgorithm::Crc64Nvme => full,
        DigestAlgorithm::Sha1 | DigestAlgorithm::Sha256 | DigestAlgorithm::Md5 => !full,
    };
    if !possible {
        let message =
            format!("The {} checksum type cannot be used with this checksum algorithm.", kind_name(full));
        return Err(S3Error::with(Code::InvalidRequest, message));
    }
    Ok(Some((algorithm, full)))
}

/// Stores a part.
pub(super) async fn upload_part(call: &Call<'_>, body: RequestBody) -> Result<Reply, S3Error> {
    let (upload, number) = upload_and_number(call)?;
    let plan = body.plan(call.headers, call.door.config.max_object_size)?;
    let grant = call.grant::<Put>().await?;
    // An upload that is not there is refused before its part is sent.
    grant.upload_meta(&upload).await.map_err(|error| call.error(error))?;
    let about = plan.about();
    let Upload { body, length, digests } = plan.begin(body).await?;
    let options = PartOptions { length: Some(length), digests, ..PartOptions::default() };
    let part = grant
        .upload_part(&upload, number, body, options)
        .await
        .map_err(|error| access_error(error, about))?;
    let mut reply = empty(StatusCode::OK);
    set_etag(&mut reply, &part.etag);
    if let Some(digest) = &part.checksum {
        set_digest(&mut reply, digest);
    }
    Ok(reply)
}

/// Makes an object of the parts.
pub(super) async fn complete_multipart_upload(call: &Call<'_>, body: RequestBody) -> Result<Reply, S3Error> {
    let upload = upload_of(call)?;
    let options = CompleteOptions {
        conditions: write_conditions(call.headers)?,
        checksum: single_digest(call.headers)?,
        size: number(call.headers, "x-amz-mp-object-size")?,
        ..CompleteOptions::default()
    };
    let grant = call.grant::<Put>().await?;
    let document_ = body.list_of_parts(call.headers).await?;
    let parts = parts(parse(&document_, "CompleteMultipartUpload")?)?;
    let outcome = grant.complete_upload(&upload, &parts, options).await.map_err(|error| call.error(error))?;
    let mut xml =
        Xml::begin("<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", 512);
    let bucket = call.bucket_name();
    let place = format!("/{}/{}", encode_path(bucket.as_bytes()), encode_path(call.key_text().as_bytes()));
    xml.text("Location", &place);
    xml.text("Bucket", bucket);
    xml.key("Key", call.key_text(), KeyEncoding::Plain);
    xml.etag(&outcome.etag);
    if let Some(checksum) = &outcome.checksum {
        push_checksum(&mut xml, checksum);
    }
    Ok(document(xml.end("</CompleteMultipartUploadResult>")))
}

fn parts(root: Node) -> Result<Vec<CompletedPart>, S3Error> {
    let parts: Vec<Node> = root.children.into_iter().filter(|child| child.name == "Part").collect();
    if parts.is_empty() || parts.len() > MAX_PARTS {
        return Err(MalformedXml.into());
    }
    parts.iter().map(part).collect()
}

fn part(node: &Node) -> Result<CompletedPart, S3Error> {
    let number = part_number(node.child("PartNumber")?.text.trim()).map_err(|_| Code::InvalidPart)?;
    let etag = node.child("ETag")?.text.trim();
    let etag = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag).to_owned();
    Ok(CompletedPart { number, etag, checksum: part_checksum(node)? })
}

fn part_checksum(node: &Node) -> Result<Option<Digest>, S3Error> {
    let mut found = None;
    for child in node.children.iter().filter(|child| child.name.starts_with("Checksum")) {
        let algorithm =
            DigestAlgorithm::ALL.iter().find(|algorithm| element_name(**algorithm) == Some(&child.name));
        let digest = algorithm.and_then(|algorithm| decode_digest(*algorithm, child.text.trim()));
        if found.replace(digest.ok_or(Code::InvalidPart)?).is_some() {
            return Err(MalformedXml.into());
        }
    }
    Ok(found)
}

/// Gives an upload up.
pub(super) async fn abort_multipart_upload(call: &Call<'_>) -> Result<Reply, S3Error> {
    let upload = upload_of(call)?;
    let grant = call.grant::<Put>().await?;
    grant.abort_upload(&upload).await.map_err(|error| call.error(error))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(inner: &str) -> Result<Vec<CompletedPart>, Code> {
        let text = format!("<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>");
        parts(parse(text.as_bytes(), "CompleteMultipartUpload").unwrap()).map_err(|error| error.code)
    }

    #[test]
    fn parts_are_read_with_quotes_and_without() {
        let read = parts_of(
            "<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part>\
             <Part><ETag>b</ETag><PartNumber>10000</PartNumber></Part>",
        )
        .unwrap();
        assert_eq!(
            read.iter().map(|part| (part.number, part.etag.as_str())).collect::<Vec<_>>(),
            [(1, "a"), (10_000, "b")]
        );
        assert_eq!(read[0].checksum.as_ref().map(|digest| digest.value.clone()), Some(vec![0, 0, 0, 1]));
    }

    #[test]
    fn lists_that_are_refused() {
        assert_eq!(parts_of("").err(), Some(Code::MalformedXML));
        assert_eq!(parts_of("<Part><PartNumber>1</PartNumber></Part>").err(), Some(Code::MalformedXML));
        let number = |text: &str| {
            parts_of(&format!("<Part><PartNumber>{text}</PartNumber><ETag>a</ETag></Part>")).err()
        };
        for wrong in ["0", "10001", "-1", "x", ""] {
            assert_eq!(number(wrong), Some(Code::InvalidPart), "{wrong}");
        }
        let checksum =
            "<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumCRC32>x</ChecksumCRC32></Part>";
        assert_eq!(parts_of(checksum).err(), Some(Code::InvalidPart));
    }
}
