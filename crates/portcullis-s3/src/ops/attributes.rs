//! `GetObjectAttributes`.

use http::header::LAST_MODIFIED;
use portcullis_access::{Get, GetOptions, GetOutcome, ObjectMeta};

use super::push_checksum;
use crate::call::Call;
use crate::error::S3Error;
use crate::headers::{number, push_digest, read_conditions, set_version};
use crate::reply::{Reply, document, empty};
use crate::time::http_date;
use crate::xml::Xml;

const MOST_PARTS: usize = 1_000;
const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

/// Those attributes of an object that were asked for.
pub(super) async fn get_object_attributes(call: &Call<'_>) -> Result<Reply, S3Error> {
    let wanted = wanted(call)?;
    let most = number(call.headers, "x-amz-max-parts")?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST_PARTS).min(MOST_PARTS);
    let after = number(call.headers, "x-amz-part-number-marker")?.unwrap_or(0);
    let options = GetOptions {
        version: call.version()?,
        conditions: read_conditions(call.headers)?,
        ..GetOptions::default()
    };
    let grant = call.grant::<Get>().await?;
    let meta = match grant.head(&options).await.map_err(|error| call.error(error))? {
        GetOutcome::Found(meta) => meta,
        GetOutcome::NotModified(_) => return Ok(empty(http::StatusCode::NOT_MODIFIED)),
    };
    let wants = |name: &str| wanted.contains(&name);
    let mut xml =
        Xml::begin("<GetObjectAttributesResponse xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", 512);
    if wants("ETag") {
        // Without quotes, here alone (S3 reference).
        xml.text("ETag", &meta.etag.to_string());
    }
    if let Some(checksum) = meta.checksum.as_ref().filter(|_| wants("Checksum")) {
        xml.raw("<Checksum>");
        push_checksum(&mut xml, checksum);
        xml.raw("</Checksum>");
    }
    if wants("ObjectParts") && !meta.parts.is_empty() {
        push_parts(&mut xml, &meta, after, most);
    }
    if wants("StorageClass") {
        xml.raw("<StorageClass>STANDARD</StorageClass>");
    }
    if wants("ObjectSize") {
        xml.number("ObjectSize", meta.size);
    }
    let mut reply = document(xml.end("</GetObjectAttributesResponse>"));
    reply.headers_mut().insert(LAST_MODIFIED, http_date(meta.modified));
    if call.query.has("versionId") {
        set_version(&mut reply, &meta.version);
    }
    Ok(reply)
}

fn wanted<'a>(call: &'a Call<'_>) -> Result<Vec<&'a str>, S3Error> {
    let mut wanted = Vec::new();
    for value in call.headers.get_all("x-amz-object-attributes") {
        for name in value.to_str().unwrap_or("?").split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !KNOWN.contains(&name) {
                return Err(S3Error::argument(
                    "x-amz-object-attributes",
                    "Invalid attribute name specified.",
                ));
            }
            wanted.push(name);
        }
    }
    if wanted.is_empty() {
        let message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty";
        return Err(S3Error::argument("x-amz-object-attributes", message));
    }
    Ok(wanted)
}

fn push_parts(xml: &mut Xml, meta: &ObjectMeta, after: u64, most: usize) {
    let mut rest = meta.parts.iter().filter(|part| u64::from(part.number) > after);
    xml.raw("<ObjectParts>");
    xml.number("PartsCount", u64::try_from(meta.parts.len()).unwrap_or(u64::MAX));
    xml.number("PartNumberMarker", after);
    xml.number("MaxParts", u64::try_from(most).unwrap_or(u64::MAX));
    let mut last = after;
    for part in rest.by_ref().take(most) {
        last = u64::from(part.number);
        // Only parts with a checksum of their own are told one by one (S3 reference).
        if let Some(digest) = &part.checksum {
            xml.raw("<Part>");
            xml.number("PartNumber", last);
            xml.number("Size", part.size);
            push_digest(xml, digest, None);
            xml.raw("</Part>");
        }
    }
    xml.number("NextPartNumberMarker", last);
    xml.flag("IsTruncated", rest.next().is_some());
    xml.raw("</ObjectParts>");
}
