//! What there is of multipart uploads that are not completed.

use portcullis_access::{List, ListPosition, Put, UploadId, UploadsAfter, UploadsPage};
use portcullis_domain::{KeyPrefix, Storage};

use super::list::{encoding, marker, prefix_error, push_prefixes};
use super::multipart::{kind_name, upload_of};
use super::{owner_of, push_owner};
use crate::call::Call;
use crate::error::S3Error;
use crate::headers::{push_digest, wire_name};
use crate::reply::{Reply, document};
use crate::xml::{KeyEncoding, Xml};

const MOST: u32 = 1_000;
/// The highest part number is 10,000; a marker beyond it ends the list.
const MOST_MARKER: u32 = 65_535;

/// A page of an upload's parts.
pub(super) async fn list_parts(call: &Call<'_>) -> Result<Reply, S3Error> {
    let upload = upload_of(call)?;
    let encoding = encoding(call)?;
    let most = call.query.limit("max-parts", MOST)?;
    let after = match call.query.filled("part-number-marker") {
        None => 0,
        Some(_) => u16::try_from(call.query.limit("part-number-marker", MOST_MARKER)?).unwrap_or(u16::MAX),
    };
    let storage = call.storage().await?;
    let grant = call.grant_in::<Put>(&storage)?;
    let meta = grant.upload_meta(&upload).await.map_err(|error| call.error(error))?;
    let limit = usize::try_from(most).unwrap_or(0);
    let page = grant.list_parts(&upload, after, limit).await.map_err(|error| call.error(error))?;
    let mut xml = Xml::begin(
        "<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        512 + page.parts.len() * 192,
    );
    xml.text("Bucket", call.bucket_name());
    xml.key("Key", call.key_text(), encoding);
    xml.text("UploadId", &upload.0);
    push_owners(&mut xml, storage.storage());
    xml.number("PartNumberMarker", u64::from(after));
    if let Some(last) = page.parts.last() {
        xml.number("NextPartNumberMarker", u64::from(last.number));
    }
    xml.number("MaxParts", u64::from(most));
    xml.flag("IsTruncated", page.more);
    if let Some((algorithm, full)) = meta.checksum
        && let Some(word) = wire_name(algorithm)
    {
        xml.text("ChecksumAlgorithm", word);
        xml.text("ChecksumType", kind_name(full));
    }
    for part in &page.parts {
        xml.raw("<Part>");
        xml.number("PartNumber", u64::from(part.number));
        xml.time("LastModified", part.modified);
        xml.etag(&part.etag);
        xml.number("Size", part.size);
        if let Some(digest) = &part.checksum {
            push_digest(&mut xml, digest, None);
        }
        xml.raw("</Part>");
    }
    Ok(document(xml.end("</ListPartsResult>")))
}

fn push_owners(xml: &mut Xml, storage: &Storage) {
    let owner = owner_of(storage);
    push_owner(xml, "<Initiator>", &owner, "</Initiator>");
    push_owner(xml, "<Owner>", &owner, "</Owner>");
    xml.raw("<StorageClass>STANDARD</StorageClass>");
}

/// A page of uploads. Who may list sees all of them, who may only write those that this key began.
pub(super) async fn list_multipart_uploads(call: &Call<'_>) -> Result<Reply, S3Error> {
    let query = call.query;
    let encoding = encoding(call)?;
    let most = query.limit("max-uploads", MOST)?;
    let delimiter = query.filled("delimiter");
    let prefix_text = query.get("prefix").unwrap_or_default();
    let prefix = KeyPrefix::parse(prefix_text).map_err(prefix_error)?;
    let key_marker = query.filled("key-marker");
    // S3: without a key it is ignored.
    let upload_marker = query.filled("upload-id-marker").filter(|_| key_marker.is_some());
    let after = key_marker.map(|key| match upload_marker {
        Some(upload) => (ListPosition::AfterKey(key.to_owned()), Some(UploadId(upload.into()))),
        None => (marker(prefix_text, delimiter, key), None),
    });
    let page = UploadsAfter {
        delimiter: delimiter.map(str::to_owned),
        after,
        limit: usize::try_from(most).unwrap_or(0),
    };
    let storage = call.storage().await?;
    let page = if storage.permits::<List>(&prefix) {
        let grant = storage.grant::<List>(prefix).map_err(|error| call.error(error))?;
        grant.uploads(page).await
    } else {
        storage.own_uploads(prefix, page).await
    };
    let page = page.map_err(|error| call.error(error))?;
    let mut xml = Xml::begin(
        "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        512 + page.uploads.len() * 384,
    );
    xml.text("Bucket", call.bucket_name());
    xml.key("KeyMarker", key_marker.unwrap_or_default(), encoding);
    xml.text("UploadIdMarker", upload_marker.unwrap_or_default());
    push_next(&mut xml, &page, encoding);
    xml.key("Prefix", prefix_text, encoding);
    if let Some(delimiter) = delimiter {
        xml.key("Delimiter", delimiter, encoding);
    }
    if encoding == KeyEncoding::Url {
        xml.raw("<EncodingType>url</EncodingType>");
    }
    xml.number("MaxUploads", u64::from(most));
    xml.flag("IsTruncated", page.next.is_some());
    for upload in &page.uploads {
        xml.raw("<Upload>");
        xml.key("Key", upload.key.as_str(), encoding);
        xml.text("UploadId", &upload.upload.0);
        push_owners(&mut xml, storage.storage());
        xml.time("Initiated", upload.meta.created);
        if let Some((algorithm, full)) = upload.meta.checksum
            && let Some(word) = wire_name(algorithm)
        {
            xml.text("ChecksumAlgorithm", word);
            xml.text("ChecksumType", kind_name(full));
        }
        xml.raw("</Upload>");
    }
    push_prefixes(&mut xml, &page.prefixes, encoding);
    Ok(document(xml.end("</ListMultipartUploadsResult>")))
}

fn push_next(xml: &mut Xml, page: &UploadsPage, encoding: KeyEncoding) {
    if let Some((position, upload)) = &page.next {
        let (ListPosition::AfterKey(key) | ListPosition::AfterPrefix(key)) = position;
        xml.key("NextKeyMarker", key, encoding);
        xml.text("NextUploadIdMarker", upload.as_ref().map_or("", |upload| &upload.0));
    }
}
