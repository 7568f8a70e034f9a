//! `ListObjects`, both versions.

use portcullis_access::{List, ListPage, ListPosition, ListedObject, StorageAccess};
use portcullis_domain::{InvalidObjectKey, KeyPrefix};

use super::{owner_of, push_owner};
use crate::call::Call;
use crate::error::{S3Error, key_error};
use crate::headers::wire_name;
use crate::reply::{Reply, document};
use crate::token::TokenScope;
use crate::xml::{KeyEncoding, Xml};

const MOST: u32 = 1_000;
/// About how long an entry gets, in bytes.
const ENTRY: usize = 384;

/// What both versions, and the listing of versions, have in common.
pub(super) struct Asked<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    pub(super) encoding: KeyEncoding,
    pub(super) most: u32,
}

impl<'a> Asked<'a> {
    /// Reads the parameters.
    pub(super) fn read(call: &'a Call<'_>) -> Result<Self, S3Error> {
        Ok(Self {
            prefix: call.query.get("prefix").unwrap_or_default(),
            delimiter: call.query.filled("delimiter"),
            encoding: encoding(call)?,
            most: call.query.limit("max-keys", MOST)?,
        })
    }

    /// The prefix, which is what the right to list is asked for.
    pub(super) fn key_prefix(&self) -> Result<KeyPrefix, S3Error> {
        KeyPrefix::parse(self.prefix).map_err(prefix_error)
    }

    /// The most entries of the page.
    pub(super) fn limit(&self) -> usize {
        usize::try_from(self.most).unwrap_or(0)
    }

    async fn page(
        &self,
        call: &Call<'_>,
        after: Option<ListPosition>,
    ) -> Result<(StorageAccess, ListPage), S3Error> {
        let prefix = self.key_prefix()?;
        let storage = call.storage().await?;
        let grant = storage.grant::<List>(prefix).map_err(|error| call.error(error))?;
        let delimiter = self.delimiter.map(str::to_owned);
        let page = grant.page(delimiter, after, self.limit()).await.map_err(|error| call.error(error))?;
        Ok((storage, page))
    }

    /// The parameters as they are repeated in the answer.
    pub(super) fn push_echo(&self, xml: &mut Xml) {
        xml.number("MaxKeys", u64::from(self.most));
        if let Some(delimiter) = self.delimiter {
            xml.key("Delimiter", delimiter, self.encoding);
        }
        if self.encoding == KeyEncoding::Url {
            xml.raw("<EncodingType>url</EncodingType>");
        }
    }
}

/// A page of keys, version 1.
pub(super) async fn list_objects(call: &Call<'_>) -> Result<Reply, S3Error> {
    let asked = Asked::read(call)?;
    let from = call.query.filled("marker");
    let after = from.map(|from| marker(asked.prefix, asked.delimiter, from));
    let (storage, page) = asked.page(call, after).await?;
    let mut xml = begin(call, &asked, &page);
    xml.key("Marker", from.unwrap_or_default(), asked.encoding);
    if let Some(ListPosition::AfterKey(next) | ListPosition::AfterPrefix(next)) = &page.next {
        xml.key("NextMarker", next, asked.encoding);
    }
    asked.push_echo(&mut xml);
    xml.flag("IsTruncated", page.next.is_some());
    let owner = owner_of(storage.storage());
    finish(xml, &page, asked.encoding, Some(&owner))
}

/// A page of keys, version 2.
pub(super) async fn list_objects_v2(call: &Call<'_>) -> Result<Reply, S3Error> {
    let query = call.query;
    if query.get("list-type") != Some("2") {
        return Err(S3Error::argument("list-type", "Invalid List Type specified in Request"));
    }
    let asked = Asked::read(call)?;
    let scope = TokenScope { bucket: call.bucket_name(), prefix: asked.prefix, delimiter: asked.delimiter };
    let (token, start_after) = (query.get("continuation-token"), query.filled("start-after"));
    let after = match (token, start_after) {
        (Some(token), _) => Some(scope.open(token)?),
        (None, start_after) => start_after.map(|key| ListPosition::AfterKey(key.to_owned())),
    };
    let (storage, page) = asked.page(call, after).await?;
    let mut xml = begin(call, &asked, &page);
    if let Some(start_after) = start_after {
        xml.key("StartAfter", start_after, asked.encoding);
    }
    if let Some(token) = token {
        xml.text("ContinuationToken", token);
    }
    if let Some(next) = &page.next {
        xml.text("NextContinuationToken", &scope.seal(next));
    }
    let count = page.objects.len() + page.prefixes.len();
    xml.number("KeyCount", u64::try_from(count).unwrap_or(u64::MAX));
    asked.push_echo(&mut xml);
    xml.flag("IsTruncated", page.next.is_some());
    let owner = (query.get("fetch-owner") == Some("true")).then(|| owner_of(storage.storage()));
    finish(xml, &page, asked.encoding, owner.as_deref())
}

fn begin(call: &Call<'_>, asked: &Asked<'_>, page: &ListPage) -> Xml {
    let expected = 512 + page.objects.len() * ENTRY + page.prefixes.len() * 64;
    let mut xml =
        Xml::begin("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", expected);
    xml.text("Name", call.bucket_name());
    xml.key("Prefix", asked.prefix, asked.encoding);
    xml
}

fn finish(
    mut xml: Xml,
    page: &ListPage,
    encoding: KeyEncoding,
    owner: Option<&str>,
) -> Result<Reply, S3Error> {
    for object in &page.objects {
        xml.raw("<Contents>");
        push_object(&mut xml, object, encoding);
        if let Some(owner) = owner {
            push_owner(&mut xml, "<Owner>", owner, "</Owner>");
        }
        xml.raw("<StorageClass>STANDARD</StorageClass></Contents>");
    }
    push_prefixes(&mut xml, &page.prefixes, encoding);
    Ok(document(xml.end("</ListBucketResult>")))
}

/// What every listing says of an object.
pub(super) fn push_object(xml: &mut Xml, object: &ListedObject, encoding: KeyEncoding) {
    xml.key("Key", object.key.as_str(), encoding);
    xml.time("LastModified", object.modified);
    xml.etag(&object.etag);
    if let Some(word) = object.checksum.and_then(wire_name) {
        xml.text("ChecksumAlgorithm", word);
    }
    xml.number("Size", object.size);
}

/// The common prefixes of a page.
pub(super) fn push_prefixes(xml: &mut Xml, prefixes: &[String], encoding: KeyEncoding) {
    for prefix in prefixes {
        xml.raw("<CommonPrefixes>");
        xml.key("Prefix", prefix, encoding);
        xml.raw("</CommonPrefixes>");
    }
}

/// The encoding of keys that the client asks for.
///
/// # Errors
/// `InvalidArgument` for one that S3 does not have.
pub(super) fn encoding(call: &Call<'_>) -> Result<KeyEncoding, S3Error> {
    match call.query.filled("encoding-type") {
        None => Ok(KeyEncoding::Plain),
        Some(word) if word.eq_ignore_ascii_case("url") => Ok(KeyEncoding::Url),
        Some(_) => Err(S3Error::argument("encoding-type", "Invalid Encoding Method specified in Request")),
    }
}

/// Where a listing goes on after a marker. A marker that is a common prefix of this very listing is one that an earlier
/// page ended with: everything under it was said.
pub(super) fn marker(prefix: &str, delimiter: Option<&str>, marker: &str) -> ListPosition {
    let rolled_up = delimiter.is_some_and(|delimiter| {
        let rest = marker.strip_prefix(prefix).unwrap_or_default();
        rest.split_once(delimiter).is_some_and(|(_, after)| after.is_empty())
    });
    if rolled_up {
        ListPosition::AfterPrefix(marker.to_owned())
    } else {
        ListPosition::AfterKey(marker.to_owned())
    }
}

/// The answer to a prefix that no key can have.
pub(super) fn prefix_error(error: InvalidObjectKey) -> S3Error {
    key_error(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        let key = |text: &str| ListPosition::AfterKey(text.to_owned());
        let rolled = |text: &str| ListPosition::AfterPrefix(text.to_owned());
        assert_eq!(marker("", Some("/"), "a/"), rolled("a/"));
        assert_eq!(marker("a/", Some("/"), "a/"), key("a/"));
        assert_eq!(marker("a/", Some("/"), "a/b/"), rolled("a/b/"));
        assert_eq!(marker("", Some("/"), "a/b"), key("a/b"));
        assert_eq!(marker("", Some("/"), "a/b/"), key("a/b/"));
        assert_eq!(marker("", None, "a/"), key("a/"));
        assert_eq!(marker("x", Some("/"), "a/"), key("a/"));
    }
}
