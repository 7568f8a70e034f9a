//! `ListObjectVersions`.

use portcullis_access::{List, ListPosition, VersionId, VersionsAfter};

use super::list::{Asked, marker, push_object, push_prefixes};
use super::{owner_of, push_owner};
use crate::call::{Call, parse_version};
use crate::error::S3Error;
use crate::reply::{Reply, document};
use crate::xml::Xml;

/// A page of objects with the previous versions that are kept of them. There are no delete markers.
pub(super) async fn list_object_versions(call: &Call<'_>) -> Result<Reply, S3Error> {
    let asked = Asked::read(call)?;
    let key_marker = call.query.filled("key-marker");
    let version_marker = call.query.filled("version-id-marker");
    if version_marker.is_some() && key_marker.is_none() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(S3Error::argument("version-id-marker", message));
    }
    let after_version = parse_version(version_marker)?;
    let after = key_marker.map(|key| match after_version {
        Some(_) => ListPosition::AfterKey(key.to_owned()),
        None => marker(asked.prefix, asked.delimiter, key),
    });
    let storage = call.storage().await?;
    let grant = storage.grant::<List>(asked.key_prefix()?).map_err(|error| call.error(error))?;
    let page = VersionsAfter {
        delimiter: asked.delimiter.map(str::to_owned),
        after,
        after_version,
        limit: asked.limit(),
    };
    let page = grant.versions(page).await.map_err(|error| call.error(error))?;
    let mut xml = Xml::begin(
        "<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        512 + page.versions.len() * 512,
    );
    xml.text("Name", call.bucket_name());
    xml.key("Prefix", asked.prefix, asked.encoding);
    xml.key("KeyMarker", key_marker.unwrap_or_default(), asked.encoding);
    xml.text("VersionIdMarker", version_marker.unwrap_or_default());
    if let Some((position, version)) = &page.next {
        let (ListPosition::AfterKey(key) | ListPosition::AfterPrefix(key)) = position;
        xml.key("NextKeyMarker", key, asked.encoding);
        if let Some(VersionId(version)) = version {
            xml.text("NextVersionIdMarker", version);
        }
    }
    asked.push_echo(&mut xml);
    xml.flag("IsTruncated", page.next.is_some());
    let owner = owner_of(storage.storage());
    for version in &page.versions {
        xml.raw("<Version>");
        push_object(&mut xml, &version.object, asked.encoding);
        xml.text("VersionId", &version.version.0);
        xml.flag("IsLatest", version.current);
        push_owner(&mut xml, "<Owner>", &owner, "</Owner>");
        xml.raw("<StorageClass>STANDARD</StorageClass></Version>");
    }
    push_prefixes(&mut xml, &page.prefixes, asked.encoding);
    Ok(document(xml.end("</ListVersionsResult>")))
}
