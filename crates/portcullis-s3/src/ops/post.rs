//! `PostObject`: an upload from an HTML form, whose credentials are inside.

use bytes::BytesMut;
use futures_util::stream;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use portcullis_access::{
    AccessError, BackendError, BackendErrorKind, Body, BodyFault, Denial, Origin, PresentedPolicy, Principal,
    Put, PutOptions, PutOutcome,
};
use portcullis_domain::{BucketName, ObjectKey};
use portcullis_listener::RequestBody as ClientBody;
use portcullis_sigv4::Payload;
use portcullis_sigv4::encode::{encode_component, encode_path};

use super::object_put::stored;
use super::tagging::tags;
use crate::body::{Frames, SMALL};
use crate::call::Door;
use crate::error::{About, Code, S3Error, access_error, body_fault, key_error, parse_error};
use crate::headers::{body_digests, content_headers, number, refuse_unsupported, text_of};
use crate::operation::check_headers;
use crate::post::{File, Form, Policy};
use crate::reply::{Reply, document, set};
use crate::xml::{KeyEncoding, Xml, parse};

/// Fields that become headers of the object under another name, or under their own.
const HEADERS: [&str; 5] =
    ["content-type", "cache-control", "content-disposition", "content-encoding", "expires"];

/// Stores the file of a form.
pub(crate) async fn post_object(
    door: &Door,
    origin: Origin<'_>,
    bucket: &str,
    headers: &HeaderMap,
    client: ClientBody,
) -> Result<Reply, S3Error> {
    let small = number(headers, "content-length")?.is_some_and(|length| length <= SMALL);
    let content_type = headers.get(CONTENT_TYPE).map(text_of).unwrap_or_default();
    let form = Form::read(Frames::new(client), &content_type).await?;
    let (who, policy) = authenticate(door, origin, &form)?;
    let key = field(&form, "key")
        .ok_or(Code::UserKeyMustBeSpecified)?
        .replace("${filename}", basename(&form.filename));
    check(&policy, door, bucket, &key, &form)?;
    let key = ObjectKey::parse(&key).map_err(key_error)?;
    let object_headers = headers_of(&form)?;
    check_headers(&object_headers)?;
    refuse_unsupported(&object_headers)?;
    let options = PutOptions {
        content: content_headers(&object_headers)?,
        tags: match field(&form, "tagging") {
            Some(text) => tags(&parse(text.as_bytes(), "Tagging")?)?,
            None => Vec::new(),
        },
        digests: body_digests(&object_headers, Payload::Unsigned)?,
        ..PutOptions::default()
    };
    let name = BucketName::parse(bucket).map_err(|_| Code::InvalidBucketName)?;
    let plain = |error| access_error(error, About::default());
    let storage = door.access.storage(&who, &name).await.map_err(plain)?;
    let grant = storage.grant::<Put>(key.clone()).map_err(plain)?;
    let (least, most) = policy.sizes();
    let sized = Sized { file: form.file, size: 0, least, most: most.min(door.config.max_object_size) };
    let body = sized.into_body(small).await.map_err(size_fault)?;
    let outcome = grant.put(body, options).await.map_err(|error| match error {
        AccessError::Backend(BackendError { kind: BackendErrorKind::Body(fault), .. }) => size_fault(fault),
        AccessError::Backend(_)
        | AccessError::Denied(_)
        | AccessError::NotFound
        | AccessError::Throttled { .. }
        | AccessError::Metadata(_)
        | AccessError::Unavailable => plain(error),
    })?;
    answer(&form.fields, bucket, &key, &outcome)
}

/// Who signed the policy of the form.
fn authenticate(door: &Door, origin: Origin<'_>, form: &Form) -> Result<(Principal, Policy), S3Error> {
    let fields: Vec<(&str, &str)> =
        form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let refuse = |denial| access_error(door.access.refuse(origin, None, denial), About::default());
    let presented = PresentedPolicy::parse(&fields).map_err(|error| {
        drop(refuse(Denial::Malformed));
        parse_error(&error)
    })?;
    let Some(presented) = presented else { return Err(refuse(Denial::NoCredentials)) };
    let who = door
        .access
        .authenticate_post_policy(origin, &presented, presented.security_token())
        .map_err(|error| access_error(error, About::default()))?;
    Ok((who, Policy::parse(field(form, "policy").unwrap_or_default())?))
}

/// Asks the policy about what will be used: the bucket of the address and the key as it will be.
fn check(policy: &Policy, door: &Door, bucket: &str, key: &str, form: &Form) -> Result<(), S3Error> {
    let mut fields: Vec<(&str, &str)> = form
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| *name != "key" && *name != "bucket")
        .collect();
    fields.extend([("bucket", bucket), ("key", key)]);
    policy.check(door.access.now(), &fields)
}

fn field<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Some browsers send the whole path of a file.
fn basename(filename: &str) -> &str {
    filename.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// The fields that describe the object, as the headers of an ordinary upload.
fn headers_of(form: &Form) -> Result<HeaderMap, S3Error> {
    let mut headers = HeaderMap::new();
    let signs =
        ["x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-date", "x-amz-security-token"];
    for (name, value) in &form.fields {
        let name = match name.as_str() {
            "acl" => "x-amz-acl",
            other if HEADERS.contains(&other) => other,
            other if other.starts_with("x-amz-") && !signs.contains(&other) => other,
            _ => continue,
        };
        let wrong = |_| S3Error::with(Code::InvalidArgument, "A field of the form cannot stand in a header.");
        let name = HeaderName::try_from(name).map_err(|_| Code::InvalidArgument)?;
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).map_err(wrong)?);
    }
    if let (false, Some(kind)) = (headers.contains_key(CONTENT_TYPE), &form.content_type)
        && let Ok(value) = HeaderValue::from_str(kind)
    {
        headers.insert(CONTENT_TYPE, value);
    }
    Ok(headers)
}

/// A file whose size the policy bounds.
struct Sized {
    file: File,
    size: u64,
    least: u64,
    most: u64,
}

impl Sized {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, BodyFault> {
        let Some(piece) = self.file.next().await? else {
            return if self.size < self.least { Err(BodyFault::Incomplete) } else { Ok(None) };
        };
        self.size = self.size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if self.size > self.most { Err(BodyFault::TooLong) } else { Ok(Some(piece)) }
    }

    async fn into_body(mut self, small: bool) -> Result<Body, BodyFault> {
        if small {
            let mut whole = BytesMut::new();
            while let Some(piece) = self.next().await? {
                whole.extend_from_slice(&piece);
            }
            return Ok(Body::Full(whole.freeze()));
        }
        Ok(Body::Stream(Box::pin(stream::try_unfold(self, |mut sized| async move {
            Ok(sized.next().await?.map(|piece| (piece, sized)))
        }))))
    }
}

/// In a form, lengths are the policy's.
fn size_fault(fault: BodyFault) -> S3Error {
    match fault {
        BodyFault::TooLong => Code::EntityTooLarge.into(),
        BodyFault::Incomplete => S3Error::with(
            Code::EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size.",
        ),
        BodyFault::Digest(_)
        | BodyFault::Signature
        | BodyFault::Chunk
        | BodyFault::ChunkSize
        | BodyFault::Trailer
        | BodyFault::Cut
        | BodyFault::Disconnected => body_fault(fault, About::default()),
    }
}

/// What the form asked to be told.
fn answer(
    fields: &[(String, String)],
    bucket: &str,
    key: &ObjectKey,
    outcome: &PutOutcome,
) -> Result<Reply, S3Error> {
    let get = |name: &str| {
        fields
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    };
    let place = format!("/{}/{}", encode_path(bucket.as_bytes()), encode_path(key.as_str().as_bytes()));
    let mut reply = stored(outcome);
    if let Some(target) = get("success_action_redirect").or_else(|| get("redirect")) {
        let separator = if target.contains('?') { '&' } else { '?' };
        let target = format!(
            "{target}{separator}bucket={}&key={}&etag=%22{}%22",
            encode_component(bucket.as_bytes()),
            encode_component(key.as_str().as_bytes()),
            outcome.etag,
        );
        *reply.status_mut() = StatusCode::SEE_OTHER;
        set(&mut reply, LOCATION, &target);
        return Ok(reply);
    }
    set(&mut reply, LOCATION, &place);
    match get("success_action_status") {
        Some("200") => {}
        Some("201") => {
            let mut xml = Xml::begin("<PostResponse>", 256);
            xml.text("Location", &place);
            xml.text("Bucket", bucket);
            xml.key("Key", key.as_str(), KeyEncoding::Plain);
            xml.etag(&outcome.etag);
            let told = document(xml.end("</PostResponse>"));
            let (parts, body) = told.into_parts();
            *reply.status_mut() = StatusCode::CREATED;
            reply.headers_mut().extend(parts.headers);
            *reply.body_mut() = body;
        }
        Some(_) | None => *reply.status_mut() = StatusCode::NO_CONTENT,
    }
    Ok(reply)
}
