//! Temporary credentials in the words that tools speak: `AssumeRole` and `GetSessionToken` of the AWS Security Token
//! Service, at the address of S3.
//!
//! A key gets credentials that do what it does, for a while, and end with it. There are no roles: the one that a tool
//! names is not looked at. Narrower ones come from the REST API (`POST /api/v1/keys/{id}/temporary-credentials`).
//!
//! Reference: *AWS Security Token Service API Reference*, version 2011-06-15.

mod answer;
mod asked;

use std::time::Duration;

use bytes::BytesMut;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use portcullis_access::{AccessError, Denial, Origin, Principal, Temporary};
use portcullis_domain::{KeyPrefix, Narrowing, Networks, Permission};
use portcullis_listener::RequestBody as ClientBody;
use portcullis_sigv4::parse_sts;
use sha2::{Digest as _, Sha256};

use crate::auth::{self, Headers};
use crate::body::Frames;
use crate::call::Door;
use crate::error::{About, Code, S3Error, access_error, body_fault};
use crate::operation::Level;
use crate::reply::Reply;
use crate::request_id::RequestId;
use asked::Asked;

/// The longest form that is read. Its sender is not known until all of it was.
const MAX_FORM: usize = 16 * 1024;

/// Whether a request is for this service: S3 has no `POST` to the service itself.
pub(crate) fn is_meant(head: &Parts, level: Level) -> bool {
    head.method == Method::POST && level == Level::Service && is_form(&head.headers)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Answers a request, whatever becomes of it: errors have a form of their own here.
pub(crate) async fn answer(
    door: &Door,
    id: RequestId,
    origin: Origin<'_>,
    head: &Parts,
    body: ClientBody,
) -> Reply {
    match act(door, origin, head, body).await {
        Ok((asked, made)) => answer::given(id, &asked, &made),
        Err(error) => {
            error.log(id, "token service");
            answer::refused(id, &error)
        }
    }
}

async fn act(
    door: &Door,
    origin: Origin<'_>,
    head: &Parts,
    body: ClientBody,
) -> Result<(Asked, Temporary), S3Error> {
    let form = read(body).await?;
    let who = authenticate(door, origin, head, Sha256::digest(&form).into())?;
    let asked = Asked::parse(&form)?;
    // Nothing is taken away but time: what the key itself may do bounds them, and its end.
    let narrowing = Narrowing {
        storage: None,
        permission: Permission::ReadWrite,
        prefix: KeyPrefix::default(),
        networks: Networks::anywhere(),
        expires: door.access.now().after(Duration::from_secs(u64::from(asked.seconds))),
    };
    let key = who.key_id().ok_or(Code::AccessDenied)?;
    let made = door.access.mint_temporary(&who, key, &narrowing).await.map_err(|error| {
        if !matches!(error, AccessError::Denied(Denial::WrongCredentialKind)) {
            return access_error(error, About::default());
        }
        S3Error::with(
            Code::AccessDenied,
            "Temporary credentials cannot make further ones. Use the access key that they came from.",
        )
    })?;
    Ok((asked, made))
}

async fn read(body: ClientBody) -> Result<BytesMut, S3Error> {
    let mut frames = Frames::new(body);
    let mut form = BytesMut::new();
    while let Some(piece) = frames.next().await.map_err(|fault| body_fault(fault, About::default()))? {
        if form.len().saturating_add(piece.len()) > MAX_FORM {
            return Err(Code::MaxMessageLengthExceeded.into());
        }
        form.extend_from_slice(&piece);
    }
    Ok(form)
}

fn authenticate(door: &Door, origin: Origin<'_>, head: &Parts, body: [u8; 32]) -> Result<Principal, S3Error> {
    let mut headers = Headers::default();
    let presented = parse_sts(&auth::raw(head, &mut headers), body);
    let presented = auth::readable(door, origin, presented)?;
    Ok(auth::verify(door, origin, &presented)?.principal)
}
