//! `CopyObject` and `UploadPartCopy`: two rights, one on each side.

use http::HeaderName;
use portcullis_access::{
    CopyOptions, Get, GetOptions, GetOutcome, Grant, MetadataDirective, PartCopy, Put, RangeRequest,
    VersionId,
};
use portcullis_domain::ObjectKey;
use portcullis_sigv4::encode::decode_path;

use super::multipart::upload_and_number;
use super::push_checksum;
use crate::call::{Call, parse_version};
use crate::error::{About, Code, S3Error, access_error, key_error};
use crate::headers::{
    algorithm_of, content_headers, copy_source_conditions, filled, one, parse_range, push_digest,
    refuse_unsupported, tags_header, write_conditions,
};
use crate::reply::{Reply, document, set};
use crate::xml::Xml;

/// The source of a copy.
#[derive(Debug)]
struct Source {
    bucket: String,
    key: ObjectKey,
    version: Option<VersionId>,
}

impl Source {
    /// Reads `x-amz-copy-source`: `bucket/key`, percent-encoded, with or without a slash before it, perhaps with a version.
    fn parse(raw: &str) -> Result<Self, S3Error> {
        let wrong = || {
            S3Error::argument(
                "x-amz-copy-source",
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            )
        };
        let (path, version) = match raw.rsplit_once("?versionId=") {
            Some((path, version)) => (path, Some(version)),
            None => (raw, None),
        };
        let path = String::from_utf8(decode_path(path).into_owned()).map_err(|_| wrong())?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path
            .split_once('/')
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(wrong)?;
        let key = ObjectKey::parse(key).map_err(key_error)?;
        Ok(Self { bucket: bucket.to_owned(), key, version: parse_version(version)? })
    }

    /// What a failure says when the source is meant.
    const fn about(&self) -> About {
        About { version: self.version.is_some(), part: false, payload_hash: false }
    }
}

/// Both rights: to read the source and to write the target.
async fn grants(call: &Call<'_>, source: &Source) -> Result<(Grant<Get>, Grant<Put>), S3Error> {
    let from = call.storage_named(&source.bucket).await?;
    let from = from.grant::<Get>(source.key.clone()).map_err(|error| access_error(error, source.about()))?;
    Ok((from, call.grant::<Put>().await?))
}

fn source(call: &Call<'_>) -> Result<Source, S3Error> {
    Source::parse(filled(call.headers, "x-amz-copy-source")?.unwrap_or_default())
}

/// Copies an object.
pub(super) async fn copy_object(call: &Call<'_>) -> Result<Reply, S3Error> {
    refuse_unsupported(call.headers)?;
    let source = source(call)?;
    let replaces = directive(call, "x-amz-metadata-directive")?;
    let retags = directive(call, "x-amz-tagging-directive")?;
    let onto_itself = source.bucket == call.bucket_name() && Some(&source.key) == call.key;
    if onto_itself && source.version.is_none() && !replaces && !retags {
        return Err(S3Error::with(
            Code::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata or tags.",
        ));
    }
    let tags = tags_header(call.headers)?;
    let options = CopyOptions {
        version: source.version.clone(),
        source: copy_source_conditions(call.headers)?,
        metadata: if replaces {
            MetadataDirective::Replace(Box::new(content_headers(call.headers)?))
        } else {
            MetadataDirective::Copy
        },
        tags: retags.then(|| tags.unwrap_or_default()),
        conditions: write_conditions(call.headers)?,
        checksum: filled(call.headers, "x-amz-checksum-algorithm")?.map(algorithm_of).transpose()?,
        ..CopyOptions::default()
    };
    let (from, to) = grants(call, &source).await?;
    let outcome = from.copy_to(to, options).await.map_err(|error| access_error(error, source.about()))?;
    let mut xml = Xml::begin("<CopyObjectResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", 192);
    xml.time("LastModified", outcome.modified);
    xml.etag(&outcome.etag);
    if let Some(checksum) = &outcome.checksum {
        push_checksum(&mut xml, checksum);
    }
    Ok(with_source_version(document(xml.end("</CopyObjectResult>")), &source))
}

/// Whether a directive says `REPLACE`.
fn directive(call: &Call<'_>, name: &'static str) -> Result<bool, S3Error> {
    match one(call.headers, name)? {
        None | Some("" | "COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(S3Error::argument(name, "The directive must be COPY or REPLACE.")),
    }
}

/// Stores a piece of an object as a part of an upload.
pub(super) async fn upload_part_copy(call: &Call<'_>) -> Result<Reply, S3Error> {
    let (upload, number) = upload_and_number(call)?;
    let source = source(call)?;
    let range = filled(call.headers, "x-amz-copy-source-range")?.map(copy_range).transpose()?;
    let conditions = copy_source_conditions(call.headers)?;
    let (from, to) = grants(call, &source).await?;
    if let Some((_, last)) = range {
        let options = GetOptions { version: source.version.clone(), ..GetOptions::default() };
        let head = from.head(&options).await.map_err(|error| access_error(error, source.about()))?;
        let size = match head {
            GetOutcome::Found(meta) => meta.size,
            GetOutcome::NotModified(meta) => meta.size,
        };
        // Reading would stop at the end; copying less than was asked for is no success.
        if last >= size {
            let message = format!("Range specified is not valid for source object of size: {size}");
            return Err(S3Error::argument("x-amz-copy-source-range", message));
        }
    }
    let wanted = GetOptions {
        version: source.version.clone(),
        range: range.map(|(first, last)| RangeRequest::FromTo(first, last)),
        part: None,
        conditions,
    };
    let part = PartCopy { upload: &upload, number, source: wanted };
    let part = from.copy_part_to(to, part).await.map_err(|error| access_error(error, source.about()))?;
    let mut xml = Xml::begin("<CopyPartResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", 192);
    xml.time("LastModified", part.modified);
    xml.etag(&part.etag);
    if let Some(digest) = &part.checksum {
        push_digest(&mut xml, digest, None);
    }
    Ok(with_source_version(document(xml.end("</CopyPartResult>")), &source))
}

/// `bytes=first-last`, both ends given.
fn copy_range(text: &str) -> Result<(u64, u64), S3Error> {
    match parse_range(text) {
        Some(RangeRequest::FromTo(first, last)) => Ok((first, last)),
        Some(RangeRequest::From(_) | RangeRequest::Suffix(_)) | None => Err(S3Error::argument(
            "x-amz-copy-source-range",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )),
    }
}

fn with_source_version(mut reply: Reply, source: &Source) -> Reply {
    if let Some(version) = &source.version {
        set(&mut reply, HeaderName::from_static("x-amz-copy-source-version-id"), &version.0);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let read = |raw: &str| {
            Source::parse(raw)
                .map(|source| (source.bucket, source.key.as_str().to_owned(), source.version.map(|v| v.0)))
        };
        for (raw, bucket, key, version) in [
            ("/b/k", "b", "k", None),
            ("b/k", "b", "k", None),
            ("b/a//b/", "b", "a//b/", None),
            ("%2Fb%2Fk%20%2B", "b", "k +", None),
            ("b/a+b", "b", "a+b", None),
            ("b/k?versionId=v1", "b", "k", Some("v1")),
            ("b/k?versionId=null", "b", "k", None),
            ("b/a%3FversionId=x", "b", "a?versionId=x", None),
        ] {
            let told = read(raw).unwrap();
            assert_eq!(told, (bucket.to_owned(), key.to_owned(), version.map(Into::into)), "{raw}");
        }
        for wrong in ["", "/", "b", "b/", "//k", "b/%ff", "b/k?versionId="] {
            assert_eq!(read(wrong).unwrap_err().code, Code::InvalidArgument, "{wrong}");
        }
    }

    #[test]
    fn ranges_have_two_ends() {
        assert_eq!(copy_range("bytes=0-9").unwrap(), (0, 9));
        for wrong in ["bytes=0-", "bytes=-5", "bytes=5-2", "0-9", "bytes=0-1,2-3"] {
            assert!(copy_range(wrong).is_err(), "{wrong}");
        }
    }
}
