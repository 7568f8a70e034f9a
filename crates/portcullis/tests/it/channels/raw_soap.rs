//! The web service by hand: envelopes as text, with name and secret in the header of HTTP or in the envelope's.

use std::io::Write as _;
use std::net::TcpStream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use portcullis_web::SoapOperation;

use super::raw_http::{self, basic, host};
use crate::http::{Answer, connect_with, head};
use crate::world::{Access, World};

const TYPE: (&str, &str) = ("content-type", "text/xml; charset=utf-8");

/// How somebody says who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the header of HTTP.
    Basic,
    /// In a UsernameToken.
    Text,
    /// In a UsernameToken, as a digest.
    Digest,
}

/// An envelope of SOAP 1.1 around these headers and this operation.
pub(crate) fn envelope(headers: &str, operation: SoapOperation, parameters: &str) -> String {
    let name = operation.name();
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:f=\"urn:portcullis:files:1\">\
         <s:Header>{headers}</s:Header><s:Body><f:{name}>{parameters}</f:{name}></s:Body></s:Envelope>"
    )
}

/// A parameter of an operation.
pub(crate) fn parameter(name: &str, value: &str) -> String {
    format!("<f:{name}>{value}</f:{name}>")
}

/// A UsernameToken of this moment; of a digest the nonce too is `moment`'s.
pub(crate) fn token(key: &Access, way: Way, moment: jiff::Timestamp) -> String {
    let profile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#";
    let created = moment.to_string();
    let nonce = format!("nonce {}", moment.as_nanosecond());
    let (kind, password, more) = match way {
        Way::Digest => {
            let whole = format!("{nonce}{created}{}", key.secret);
            let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, whole.as_bytes());
            let more = format!(
                "<w:Nonce>{}</w:Nonce><u:Created>{created}</u:Created>",
                BASE64_STANDARD.encode(nonce)
            );
            ("PasswordDigest", BASE64_STANDARD.encode(digest), more)
        }
        Way::Text | Way::Basic => ("PasswordText", key.secret.clone(), String::new()),
    };
    format!(
        "<w:Security xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" \
         xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\">\
         <w:UsernameToken><w:Username>{}</w:Username><w:Password Type=\"{profile}{kind}\">{password}</w:Password>{more}\
         </w:UsernameToken></w:Security>",
        key.access_key
    )
}

/// One operation by somebody who says in the header of HTTP who they are, or does not.
pub(crate) fn call(
    world: &World,
    key: Option<&Access>,
    operation: SoapOperation,
    parameters: &str,
) -> Answer {
    let whole = envelope("", operation, parameters);
    raw_http::call(world, key, "POST", "/soap", &[TYPE], whole.as_bytes())
}

/// One operation, in this way.
pub(crate) fn call_by(
    world: &World,
    key: &Access,
    way: Way,
    operation: SoapOperation,
    parameters: &str,
) -> Answer {
    if way == Way::Basic {
        return call(world, Some(key), operation, parameters);
    }
    let whole = envelope(&token(key, way, jiff::Timestamp::now()), operation, parameters);
    raw_http::call(world, None, "POST", "/soap", &[TYPE], whole.as_bytes())
}

/// What an element in an answer says, if it is there.
pub(crate) fn said<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<f:{name}>"))?;
    rest.split_once('<').map(|(value, _)| value)
}

/// The status and, of a fault, its code.
pub(crate) fn outcome(answer: &Answer) -> String {
    let text = answer.text();
    let code = text.split_once("Fault").and_then(|(_, rest)| said(rest, "code"));
    code.map_or_else(|| answer.status.to_string(), |code| format!("{} {code}", answer.status))
}

/// How bytes go with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Within it, in base64.
    Inline,
    /// Beside it (MTOM).
    Beside,
}

/// A download whose answer is the caller's to read.
pub(crate) fn open_get(world: &World, key: &Access, bytes: Bytes, path: &str) -> TcpStream {
    let whole = envelope("", SoapOperation::GetFile, &parameter("path", path));
    let accept = match bytes {
        Bytes::Inline => "text/xml",
        Bytes::Beside => "multipart/related",
    };
    let mut stream = begin(world, key, &[TYPE, ("accept", accept)], whole.len() as u64);
    stream.write_all(whole.as_bytes()).unwrap();
    stream
}

/// An upload whose content, so many bytes as they go over the wire, and answer are the caller's to send and read.
pub(crate) fn open_put(world: &World, key: &Access, bytes: Bytes, path: &str, content: u64) -> TcpStream {
    let of = |content: &str| envelope("", SoapOperation::PutFile, &(parameter("path", path) + content));
    let (before, after, kind) = match bytes {
        Bytes::Inline => {
            let whole = of(&parameter("content", "CONTENT"));
            let (before, after) = whole.split_once("CONTENT").unwrap();
            (before.to_owned(), after.to_owned(), TYPE.1)
        }
        Bytes::Beside => {
            let include =
                "<x:Include xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:bytes@here\"/>";
            let root = of(&parameter("content", include));
            let before = format!(
                "--edge\r\ncontent-type: application/xop+xml; charset=utf-8; type=\"text/xml\"\r\n\r\n{root}\r\n\
                 --edge\r\ncontent-type: application/octet-stream\r\ncontent-transfer-encoding: binary\r\ncontent-id: <bytes@here>\r\n\r\n"
            );
            let kind =
                "multipart/related; boundary=edge; type=\"application/xop+xml\"; start-info=\"text/xml\"";
            (before, "\r\n--edge--\r\n".to_owned(), kind)
        }
    };
    let length = (before.len() + after.len()) as u64 + content;
    let mut stream = begin(world, key, &[("content-type", kind)], length);
    stream.write_all(before.as_bytes()).unwrap();
    stream
}

fn begin(world: &World, key: &Access, more: &[(&str, &str)], length: u64) -> TcpStream {
    let who = basic(key);
    let headers = [&[("authorization", who.as_str())], more].concat();
    let mut stream = connect_with(host(world), None, Some(16 << 10));
    stream.write_all(&head(host(world), "POST", "/soap", &headers, length)).unwrap();
    stream
}
