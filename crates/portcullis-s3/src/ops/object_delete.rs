//! `DeleteObject` and `DeleteObjects`.

use futures_util::StreamExt as _;
use futures_util::stream;
use http::StatusCode;
use portcullis_access::{Delete, DeleteOptions, StorageAccess};
use portcullis_domain::ObjectKey;

use crate::body::RequestBody;
use crate::call::{Call, parse_version};
use crate::error::{About, Code, S3Error, access_error, key_error};
use crate::headers::{delete_condition, etag_condition};
use crate::reply::{Reply, document, empty};
use crate::xml::{KeyEncoding, MalformedXml, Node, Xml, parse};

/// The most objects in one request (S3 reference, `DeleteObjects`).
const MAX_OBJECTS: usize = 1_000;
/// Removals of one request that are under way at the same time.
const AT_ONCE: usize = 32;

/// Removes an object, or one version of it for good. Removing what is not there succeeds.
pub(super) async fn delete_object(call: &Call<'_>) -> Result<Reply, S3Error> {
    let options = DeleteOptions {
        version: call.version()?,
        if_match: delete_condition(call.headers)?,
        ..DeleteOptions::default()
    };
    let grant = call.grant::<Delete>().await?;
    grant.delete(options).await.map_err(|error| call.error(error))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// One entry of a list of removals: as it was sent, and what it asks for.
struct Entry {
    key: String,
    version: Option<String>,
    asked: Result<(ObjectKey, DeleteOptions), S3Error>,
}

/// Removes up to 1,000 objects; each has an outcome of its own.
pub(super) async fn delete_objects(call: &Call<'_>, body: RequestBody) -> Result<Reply, S3Error> {
    if let Some(name) = ["x-amz-mfa", "if-match"].into_iter().find(|name| call.headers.contains_key(*name)) {
        return Err(S3Error::new(Code::NotImplemented).element("Header", name));
    }
    let storage = call.storage().await?;
    let document_ = body.checked_document(call.headers).await?;
    let root = parse(&document_, "Delete")?;
    let quiet = root.text_of("Quiet")?.is_some_and(|text| text.trim() == "true");
    let entries = entries(root)?;
    let storage = &storage;
    let outcomes: Vec<(Entry, Option<S3Error>)> = stream::iter(entries)
        .map(|mut entry| async move {
            let asked = std::mem::replace(&mut entry.asked, Err(Code::InternalError.into()));
            let failed = match asked {
                Ok((key, options)) => remove(storage, key, options).await.err(),
                Err(error) => Some(error),
            };
            (entry, failed)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    Ok(document(render(&outcomes, quiet)))
}

async fn remove(storage: &StorageAccess, key: ObjectKey, options: DeleteOptions) -> Result<(), S3Error> {
    let about = About { version: options.version.is_some(), ..About::default() };
    let grant = storage.grant::<Delete>(key).map_err(|error| access_error(error, about))?;
    grant.delete(options).await.map(drop).map_err(|error| access_error(error, about))
}

fn entries(root: Node) -> Result<Vec<Entry>, S3Error> {
    let objects: Vec<Node> = root.children.into_iter().filter(|child| child.name == "Object").collect();
    if objects.is_empty() || objects.len() > MAX_OBJECTS {
        return Err(MalformedXml.into());
    }
    objects.into_iter().map(|object| entry(&object)).collect()
}

fn entry(object: &Node) -> Result<Entry, S3Error> {
    let known = ["Key", "VersionId", "ETag"];
    // A condition that is not understood must not be left out: the object would be gone although it did not hold.
    if let Some(other) = object.children.iter().find(|child| !known.contains(&child.name.as_str())) {
        return Err(S3Error::new(Code::NotImplemented).element("Element", other.name.clone()));
    }
    let key = object.child("Key")?.text.clone();
    let version = object.text_of("VersionId")?.filter(|text| !text.is_empty()).map(str::to_owned);
    let if_match = object.text_of("ETag")?.filter(|text| !text.is_empty()).map(etag_condition);
    let asked = ObjectKey::parse(&key).map_err(key_error).and_then(|key| {
        let version = parse_version(version.as_deref())?;
        Ok((key, DeleteOptions { version, if_match, ..DeleteOptions::default() }))
    });
    Ok(Entry { key, version, asked })
}

fn render(outcomes: &[(Entry, Option<S3Error>)], quiet: bool) -> bytes::Bytes {
    let mut xml =
        Xml::begin("<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", outcomes.len() * 96);
    for (entry, failed) in outcomes {
        match failed {
            None if quiet => {}
            None => {
                xml.raw("<Deleted>");
                push_name(&mut xml, entry);
                xml.raw("</Deleted>");
            }
            Some(error) => {
                xml.raw("<Error>");
                push_name(&mut xml, entry);
                xml.text("Code", error.code.as_str());
                xml.text("Message", error.message());
                xml.raw("</Error>");
            }
        }
    }
    xml.end("</DeleteResult>")
}

fn push_name(xml: &mut Xml, entry: &Entry) {
    xml.key("Key", &entry.key, KeyEncoding::Plain);
    if let Some(version) = &entry.version {
        xml.text("VersionId", version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries_of(inner: &str) -> Result<Vec<Entry>, Code> {
        let root = parse(format!("<Delete>{inner}</Delete>").as_bytes(), "Delete").unwrap();
        entries(root).map_err(|error| error.code)
    }

    #[test]
    fn entries_are_read() {
        let read = entries_of(
            "<Object><Key>a&lt;b</Key></Object><Object><Key>c</Key><VersionId>v</VersionId></Object>",
        );
        let read = read.unwrap();
        assert_eq!(read.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a<b", "c"]);
        let (_, options) = read[1].asked.as_ref().unwrap();
        assert!(options.version.is_some());
    }

    #[test]
    fn entries_that_are_refused() {
        assert_eq!(entries_of("").err(), Some(Code::MalformedXML));
        assert_eq!(entries_of("<Object/>").err(), Some(Code::MalformedXML));
        assert_eq!(entries_of(&"<Object><Key>a</Key></Object>".repeat(1001)).err(), Some(Code::MalformedXML));
        let size = "<Object><Key>a</Key><Size>1</Size></Object>";
        assert_eq!(entries_of(size).err(), Some(Code::NotImplemented));
        let long = entries_of(&format!("<Object><Key>{}</Key></Object>", "a".repeat(1025))).unwrap();
        assert_eq!(long[0].asked.as_ref().err().map(|error| error.code), Some(Code::KeyTooLongError));
    }
}
