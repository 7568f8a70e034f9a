//! JSON bodies: bounded in size and time, and refused with the name of the field that is wrong.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::app::App;
use crate::problem::Problem;

/// The largest body that is not a file, in bytes.
const MOST: usize = 1 << 20;
/// The field of a problem that concerns all of a body.
const WHOLE: &str = "(body)";
/// The longest that such a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for the one body that may be larger.
const MOST_OF_LARGE: usize = 8 << 20;
const PATIENCE_WITH_LARGE: Duration = Duration::from_secs(120);

/// A body that is this, as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _app: &Arc<App>) -> Result<Self, Problem> {
        let body = body_of(request)?;
        parse(&read_within(body, MOST, PATIENCE).await?).map(Self)
    }
}

/// As [`Json`], of up to 8 MiB: for those who have shown who they are.
pub(crate) struct LargeJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for LargeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _app: &Arc<App>) -> Result<Self, Problem> {
        let body = body_of(request)?;
        parse(&read_within(body, MOST_OF_LARGE, PATIENCE_WITH_LARGE).await?).map(Self)
    }
}

/// The body of a request that says that it is JSON.
fn body_of(request: Request) -> Result<Body, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !is_json(kind) || request.headers().contains_key(CONTENT_ENCODING) {
        let detail = "The body has to be JSON: send the header Content-Type: application/json.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "media-type", "Unsupported media type", detail));
    }
    Ok(request.into_body())
}

/// As [`Json`], where an empty body means the default.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<App>> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if request.body().size_hint().exact() == Some(0) {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, app).await.map(|Json(value)| Self(value))
    }
}

fn is_json(kind: &str) -> bool {
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// A body that is no file, whole.
///
/// # Errors
/// It is too large, too slow, or ends too early.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Problem> {
    read_within(body, MOST, PATIENCE).await
}

async fn read_within(body: Body, most: usize, patience: Duration) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(patience, Limited::new(body, most).collect());
    match collected.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("A body that is not a file has at most {} MiB here.", most >> 20);
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail))
        }
        Ok(Err(_)) => Err(Problem::malformed("The body ended too early.")),
        Err(_) => {
            let detail = "The body took too long to come.";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Request time-out", detail))
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // What is no JSON at all is told from what does not fit: serde takes the second, too, for an error of syntax in places.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| malformed(&error))?;
    // Serde would take an array for the fields of a struct in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::invalid_field(WHOLE, "has to be an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        unfit(&path, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Text that is no JSON.
fn malformed(error: &serde_json::Error) -> Problem {
    Problem::malformed(format!("The body is not JSON: line {}, column {}.", error.line(), error.column()))
}

/// JSON that does not fit, at a field.
fn unfit(path: &str, error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    // The position tells a person nothing that the field does not.
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(said, _)| said);
    let message = match error.classify() {
        // An object of which exactly one field is wanted, and that has more.
        Category::Syntax | Category::Eof | Category::Io => "has exactly one field",
        Category::Data => message,
    };
    Problem::invalid_field(field_of(path, message), message)
}

/// The field that a message of serde is about: the path it came to or, for one that is missing, what the message names.
pub(super) fn field_of(path: &str, message: &str) -> String {
    let missing =
        message.strip_prefix("missing field `").or_else(|| message.strip_prefix("duplicate field `"));
    let unknown = message.strip_prefix("unknown field `").filter(|rest| {
        let name = rest.split('`').next().unwrap_or_default();
        path != name && !path.ends_with(&format!(".{name}"))
    });
    let named = missing.or(unknown).and_then(|rest| rest.split('`').next());
    match (path, named) {
        ("." | "", None) => WHOLE.to_owned(),
        ("." | "", Some(name)) => name.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
        (path, None) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it parses matters")]
    struct Outer {
        name: String,
        inner: Vec<Inner>,
        choice: Option<Choice>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only whether it parses matters")]
    enum Choice {
        One(u64),
        Two(u64),
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it parses matters")]
    struct Inner {
        size: u64,
    }

    fn refused(text: &str) -> String {
        format!("{:?}", parse::<Outer>(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn the_field_is_named() {
        for (text, field) in [
            (r#"{"name": 1, "inner": []}"#, "name"),
            (r#"{"inner": []}"#, "name"),
            (r#"{"name": "a", "inner": [{"size": 1}, {"size": -1}]}"#, "inner[1].size"),
            (r#"{"name": "a", "inner": [{}]}"#, "inner[0].size"),
            (r#"{"name": "a", "inner": [{"size": 1, "more": 2}]}"#, "inner[0].more"),
            (r#"{"name": "a", "inner": [], "more": 2}"#, "more"),
            (r#"{"name": "a", "name": "b", "inner": []}"#, "name"),
            ("[]", "(body)"),
            ("null", "(body)"),
            (r#"["a", []]"#, "(body)"),
            (r#"{"name": "a", "inner": [], "choice": {"one": 1, "two": 2}}"#, "choice"),
            (r#"{"name": "a", "inner": [], "choice": {}}"#, "choice"),
            (r#"{"name": "a", "inner": [], "choice": {"three": 1}}"#, "choice"),
        ] {
            let told = refused(text);
            assert!(told.contains(&format!("field: \"{field}\"")) && told.contains("422"), "{text}: {told}");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "{\"name\": \"a\", \"inner\": []} x", "name=a", "\u{feff}{}", deep.as_str()] {
            assert!(refused(text).contains("status: 400"), "{}", refused(text));
        }
    }

    #[test]
    fn media_types() {
        assert!(is_json("application/json") && is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("") && !is_json("text/plain") && !is_json("application/json5"));
    }
}
