//! A proof in the words of S3.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::act::{Act, Answer, Ask, Seen};

/// What stands for itself in an address (RFC 3986, section 2.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &PLAIN.remove(b'/');

/// Codes that say that a request was refused for who sent it; some of them come with the status 400.
const REFUSALS: [&str; 7] = [
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NoSuchBucket",
    "SignatureDoesNotMatch",
    "AllAccessDisabled",
];

/// A request of S3, not signed yet, in path style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Request {
    /// The method.
    pub method: &'static str,
    /// The path, encoded.
    pub path: String,
    /// The query, encoded.
    pub query: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl S3Request {
    /// The request that asks for this.
    #[must_use]
    pub fn of(ask: &Ask<'_>) -> Self {
        let bucket = utf8_percent_encode(ask.bucket, PLAIN);
        let object = || format!("/{bucket}/{}", utf8_percent_encode(ask.key, PATH));
        let (method, path, query) = match ask.act {
            Act::List | Act::OtherBucket => {
                let prefix = utf8_percent_encode(ask.key, PLAIN);
                ("GET", format!("/{bucket}"), Some(format!("list-type=2&max-keys=1&prefix={prefix}")))
            }
            Act::Read | Act::OutsidePrefix => ("GET", object(), None),
            Act::Write => ("PUT", object(), None),
            Act::Delete => {
                let version = ask.version.map(|id| format!("versionId={}", utf8_percent_encode(id, PLAIN)));
                ("DELETE", object(), version)
            }
        };
        Self { method, path, query, body: ask.body.to_vec() }
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> String {
        self.query.as_ref().map_or_else(|| self.path.clone(), |query| format!("{}?{query}", self.path))
    }
}

/// What an answer of S3 means. An object that is not there is one that may be asked for.
#[must_use]
pub fn answer_of_s3(status: u16, version: Option<String>, body: Vec<u8>) -> Answer {
    let code = if (200..300).contains(&status) { String::new() } else { code_of(&body) };
    let seen = match (status, code.as_str()) {
        (200..300, _) | (404, "NoSuchKey") => Seen::Allowed,
        (_, code) if REFUSALS.contains(&code) => Seen::Refused,
        (401 | 403, _) => Seen::Refused,
        (_, _) => Seen::Unclear,
    };
    Answer { seen, status: Some(status), code, body, version }
}

/// The code in a document of S3 about an error: a word and nothing else.
fn code_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let code =
        text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let is_word = |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    code.filter(is_word).unwrap_or_default().to_owned()
}
