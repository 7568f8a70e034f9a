//! Tags of objects.

use http::StatusCode;
use portcullis_access::{Get, GetOptions, GetOutcome, Put, Tags};

use crate::body::RequestBody;
use crate::call::Call;
use crate::error::S3Error;
use crate::headers::parse_tags;
use crate::reply::{Reply, document, empty};
use crate::xml::{MalformedXml, Node, Xml, parse};

/// The tags of an object; an empty set if it has none.
pub(super) async fn get_object_tagging(call: &Call<'_>) -> Result<Reply, S3Error> {
    let options = GetOptions { version: call.version()?, ..GetOptions::default() };
    let grant = call.grant::<Get>().await?;
    let tags = match grant.head(&options).await.map_err(|error| call.error(error))? {
        GetOutcome::Found(meta) => meta.tags,
        GetOutcome::NotModified(meta) => meta.tags,
    };
    let mut xml = Xml::begin("<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", tags.len() * 96);
    xml.raw("<TagSet>");
    for (name, value) in &tags {
        xml.raw("<Tag>");
        xml.text("Key", name);
        xml.text("Value", value);
        xml.raw("</Tag>");
    }
    xml.raw("</TagSet>");
    Ok(document(xml.end("</Tagging>")))
}

/// Replaces them.
pub(super) async fn put_object_tagging(call: &Call<'_>, body: RequestBody) -> Result<Reply, S3Error> {
    let version = call.version()?;
    let storage = call.storage().await?;
    let (seen, grant) = (call.grant_in::<Get>(&storage)?, call.grant_in::<Put>(&storage)?);
    let tags = tags(&parse(&body.document(call.headers).await?, "Tagging")?)?;
    grant.retag(seen, version.as_ref(), tags).await.map_err(|error| call.error(error))?;
    Ok(empty(StatusCode::OK))
}

/// Removes them.
pub(super) async fn delete_object_tagging(call: &Call<'_>) -> Result<Reply, S3Error> {
    let version = call.version()?;
    let storage = call.storage().await?;
    let (seen, grant) = (call.grant_in::<Get>(&storage)?, call.grant_in::<Put>(&storage)?);
    grant.retag(seen, version.as_ref(), Tags::new()).await.map_err(|error| call.error(error))?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The tags of a document, which a form can carry too.
pub(super) fn tags(root: &Node) -> Result<Tags, S3Error> {
    let mut tags = Tags::new();
    for tag in &root.child("TagSet")?.children {
        if tag.name != "Tag" {
            return Err(MalformedXml.into());
        }
        tags.push((tag.child("Key")?.text.clone(), tag.child("Value")?.text.clone()));
    }
    parse_tags(tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn documents() {
        let read = |inner: &str| {
            let text = format!("<Tagging><TagSet>{inner}</TagSet></Tagging>");
            tags(&parse(text.as_bytes(), "Tagging").unwrap()).map_err(|error| error.code)
        };
        assert_eq!(read(""), Ok(Tags::new()));
        let one = read("<Tag><Key>a</Key><Value>b &amp; c</Value></Tag>");
        assert_eq!(one, Ok(vec![("a".to_owned(), "b & c".to_owned())]));
        assert_eq!(read("<Tag><Key>a</Key></Tag>"), Err(Code::MalformedXML));
        assert_eq!(read(&"<Tag><Key>a</Key><Value/></Tag>".repeat(2)), Err(Code::InvalidTag));
    }
}
