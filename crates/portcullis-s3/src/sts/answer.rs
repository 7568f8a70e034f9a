//! The documents of the token service.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use portcullis_access::Temporary;

use super::asked::{Action, Asked};
use crate::error::{Code, S3Error};
use crate::reply::{Reply, ReplyBody};
use crate::request_id::RequestId;
use crate::xml::Xml;

/// The account that everything here is said to belong to: there are none, and tools want one.
const ACCOUNT: &str = "000000000000";

/// What has another name here than in S3.
const NAMES: [(Code, &str); 6] = [
    (Code::InvalidAccessKeyId, "InvalidClientTokenId"),
    (Code::InvalidToken, "InvalidClientTokenId"),
    (Code::InternalError, "InternalFailure"),
    (Code::SlowDown, "Throttling"),
    (Code::AuthorizationHeaderMalformed, "IncompleteSignature"),
    (Code::MaxMessageLengthExceeded, "ValidationError"),
];

/// Credentials that were made: the only answer that ever holds them.
pub(super) fn given(id: RequestId, asked: &Asked, made: &Temporary) -> Reply {
    let (open, result, close_result, close) = match asked.action {
        Action::AssumeRole => (
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">",
            "<AssumeRoleResult>",
            "</AssumeRoleResult>",
            "</AssumeRoleResponse>",
        ),
        Action::GetSessionToken => (
            "<GetSessionTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">",
            "<GetSessionTokenResult>",
            "</GetSessionTokenResult>",
            "</GetSessionTokenResponse>",
        ),
    };
    let mut xml = Xml::begin(open, 1_500);
    xml.raw(result);
    if asked.action == Action::AssumeRole {
        let session = &asked.session;
        xml.raw("<AssumedRoleUser>");
        xml.text("AssumedRoleId", &format!("{}:{session}", made.access_key));
        xml.text("Arn", &format!("arn:aws:sts::{ACCOUNT}:assumed-role/portcullis/{session}"));
        xml.raw("</AssumedRoleUser>");
    }
    xml.raw("<Credentials>");
    xml.text("AccessKeyId", made.access_key.as_str());
    xml.text("SecretAccessKey", made.secret.reveal());
    xml.text("SessionToken", made.session_token.reveal());
    xml.time("Expiration", made.expires);
    xml.raw("</Credentials>");
    xml.raw(close_result);
    xml.raw("<ResponseMetadata>");
    xml.text("RequestId", id.as_str());
    xml.raw("</ResponseMetadata>");
    let mut reply = document(StatusCode::OK, xml.end(close));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// An error, under the name that it has in this service.
pub(super) fn refused(id: RequestId, error: &S3Error) -> Reply {
    let status = error.code.status();
    let code =
        NAMES.iter().find(|(code, _)| *code == error.code).map_or(error.code.as_str(), |(_, name)| name);
    let mut xml = Xml::begin("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">", 512);
    xml.raw("<Error>");
    xml.text("Type", if status.is_server_error() { "Receiver" } else { "Sender" });
    xml.text("Code", code);
    xml.text("Message", error.message());
    xml.raw("</Error>");
    xml.text("RequestId", id.as_str());
    let mut reply = document(status, xml.end("</ErrorResponse>"));
    if let Some(seconds) = error.retry_after_seconds() {
        reply.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    reply
}

fn document(status: StatusCode, xml: bytes::Bytes) -> Reply {
    let mut reply = Response::new(ReplyBody::full(xml));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    reply
}
