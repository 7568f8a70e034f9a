//! The REST API as the command line uses it.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::agent::agent;
use super::args::Remote;
use super::login::{self, SignIn};
use super::secret;
use crate::config;

/// Largest answer that is read.
const MAX_ANSWER: u64 = 32 << 20;
/// The longest that is waited for the answer to a call that has much to do.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// The longest that is waited before something is sent again, in seconds.
const LONGEST_WAIT: u64 = 120;

/// A server, and who speaks to it.
pub(super) struct Api {
    agent: ureq::Agent,
    base: String,
    bearer: Option<String>,
}

impl Api {
    /// A server with the key that was given, or with the sign-in that `login` keeps.
    ///
    /// # Errors
    /// There is neither, or the file with the key cannot be read.
    pub(super) fn new(remote: &Remote) -> anyhow::Result<Self> {
        let kept = login::kept();
        let server = remote.server.clone().or_else(|| kept.as_ref().map(|kept| kept.server.clone()));
        let api = Self::anonymous(server.as_deref())?;
        let key = match &remote.api_key_file {
            Some(path) => Some(secret::of_file(path)?.to_string()),
            None => remote
                .api_key
                .clone()
                .or_else(|| config::env("PORTCULLIS_API_KEY"))
                .filter(|key| !key.is_empty()),
        };
        let bearer = match (key, kept) {
            (Some(key), _) => key,
            (None, Some(SignIn { server, token })) if server == api.base => token,
            (None, _) => bail!(
                "no credentials for {}; run `portcullis login`, or set PORTCULLIS_API_KEY to a REST key",
                api.base
            ),
        };
        Ok(Self { bearer: Some(bearer), ..api })
    }

    /// The same server, to which somebody speaks with this token.
    pub(super) fn with_token(self, token: String) -> Self {
        Self { bearer: Some(token), ..self }
    }

    /// A server that is not told who speaks.
    ///
    /// # Errors
    /// As [`agent`].
    pub(super) fn anonymous(server: Option<&str>) -> anyhow::Result<Self> {
        let base = server.unwrap_or("http://127.0.0.1:8080").trim_end_matches('/').to_owned();
        Ok(Self { agent: agent(&base)?, base, bearer: None })
    }

    /// Sends a report of found secrets to the page for that; it needs no credentials.
    ///
    /// # Errors
    /// No answer, or one of something else.
    pub(super) fn report(&self, body: &str) -> anyhow::Result<Reported> {
        let request = self.agent.post(format!("{}/found", self.base)).content_type("application/json");
        let answer = request.send(body).with_context(|| format!("no answer from {}", self.base))?;
        match answer.status().as_u16() {
            202 => Ok(Reported::Taken),
            429 | 503 => {
                let wait =
                    answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
                Ok(Reported::Wait(wait.unwrap_or(10).clamp(1, LONGEST_WAIT)))
            }
            status => bail!("{} answered with status {status}; is this a Portcullis server?", self.base),
        }
    }

    /// Any call, with the answer as it is: its status, and at most `most` bytes of its body.
    ///
    /// # Errors
    /// No answer.
    pub(super) fn raw(
        &self,
        method: ureq::http::Method,
        path: &str,
        body: &[u8],
        most: u64,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        let mut answer = self.agent.run(request.body(body.to_vec())?)?;
        let body = answer.body_mut().with_config().limit(most).read_to_vec().unwrap_or_default();
        Ok((answer.status().as_u16(), body))
    }

    /// The server's address.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let mut request = self.agent.get(self.url(path));
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        self.answer(request.call())
    }

    /// A record with its entity tag, for [`Self::put_if`].
    ///
    /// # Errors
    /// As the other calls.
    pub(super) fn get_tagged(&self, path: &str) -> anyhow::Result<(Value, String)> {
        let mut request = self.agent.get(self.url(path));
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        let answer = request.call();
        let tag = answer.as_ref().ok().and_then(|answer| answer.headers().get("etag")?.to_str().ok());
        let tag = tag.unwrap_or("*").to_owned();
        Ok((self.answer(answer)?, tag))
    }

    /// As [`Self::put`], if the record still has this entity tag.
    ///
    /// # Errors
    /// As the other calls.
    pub(super) fn put_if(&self, path: &str, body: &Value, tag: &str) -> anyhow::Result<Value> {
        self.send(self.agent.put(self.url(path)).header("If-Match", tag), body)
    }

    /// An answer of any length, read as it comes.
    ///
    /// # Errors
    /// As the other calls.
    pub(super) fn download(&self, path: &str) -> anyhow::Result<impl Read + use<>> {
        self.read_from(path, None)
    }

    /// As [`Self::download`], for at most so long.
    ///
    /// # Errors
    /// As the other calls.
    pub(super) fn read_for(&self, path: &str, long: Duration) -> anyhow::Result<impl Read + use<>> {
        self.read_from(path, Some(long))
    }

    fn read_from(&self, path: &str, long: Option<Duration>) -> anyhow::Result<impl Read + use<>> {
        let mut request = self.agent.get(self.url(path));
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        let patience = Some(Duration::from_secs(60));
        let config = request.config().timeout_global(None).timeout_recv_response(patience);
        let request = config.timeout_recv_body(long).build();
        let answer = request.call();
        match answer {
            Ok(answer) if answer.status().is_success() => {
                Ok(answer.into_body().into_with_config().limit(u64::MAX).reader())
            }
            other => Err(self.answer(other).err().unwrap_or_else(|| anyhow::anyhow!("no answer"))),
        }
    }

    pub(super) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        let mut request = self.agent.delete(self.url(path));
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        self.answer(request.call())
    }

    /// As [`Self::delete`], with what the call has to say besides.
    ///
    /// # Errors
    /// As the other calls.
    pub(super) fn delete_with(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.agent.delete(self.url(path)).force_send_body(), body)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.agent.post(self.url(path)), body)
    }

    /// As [`Self::post`], for a call that has much to do.
    ///
    /// # Errors
    /// As the other calls.
    pub(super) fn post_patiently(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(self.url(path)).config().timeout_global(Some(PATIENCE)).build();
        self.send(request, body)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.agent.put(self.url(path)), body)
    }

    pub(super) fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.agent.patch(self.url(path)), body)
    }

    fn send(
        &self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &Value,
    ) -> anyhow::Result<Value> {
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        self.answer(request.send_json(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    fn answer(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> anyhow::Result<Value> {
        let mut answer = answer.map_err(untrusted).with_context(|| {
            format!("no answer from {}; is the server running there? (--server or PORTCULLIS_SERVER names another)", self.base)
        })?;
        let status = answer.status();
        let text = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string()
            .context("the answer cannot be read")?;
        if status.is_success() {
            return if text.is_empty() {
                Ok(Value::Null)
            } else {
                serde_json::from_str(&text).context("the answer is not JSON")
            };
        }
        Err(problem(status.as_u16(), &text))
    }
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reported {
    /// It was taken.
    Taken,
    /// Not now: after so many seconds.
    Wait(u64),
}

/// What went wrong, with what to do if the server's certificate is not trusted.
fn untrusted(error: ureq::Error) -> anyhow::Error {
    let own = "if the certificate is of an authority of your own, name its PEM file in PORTCULLIS_CA_FILE";
    // The library gives either, by when in the handshake it comes to it.
    let of_certificate = matches!(error, ureq::Error::Rustls(_))
        || matches!(&error, ureq::Error::Io(cause) if cause.to_string().contains("certificate"));
    if of_certificate { anyhow::anyhow!("{error}; {own}") } else { error.into() }
}

/// `a=b&c=d`, percent-encoded.
pub(super) fn encode(pairs: &[(&str, &str)]) -> String {
    let set = percent_encoding::NON_ALPHANUMERIC;
    let one = |(name, value): &(&str, &str)| {
        format!("{name}={}", percent_encoding::utf8_percent_encode(value, set))
    };
    pairs.iter().map(one).collect::<Vec<_>>().join("&")
}

/// The server said no.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The last part of the problem's type, such as `not-found`.
    pub(super) code: String,
    /// The fields that are wrong.
    pub(super) fields: Vec<String>,
    /// The same with what is wrong with each.
    pub(super) faults: Vec<(String, String)>,
    message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// What to do about a refusal beside what the server says of it.
fn advice(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (401, "second-factor-needed") => "\n  give the code of your authenticator app with --otp",
        (401, _) => "\n  run `portcullis login`, or set PORTCULLIS_API_KEY to a REST key that is valid",
        (403, "confirmation-needed") => {
            "\n  run `portcullis session confirm`, then again what you wanted to do"
        }
        _ => "",
    }
}

/// A problem document (RFC 9457) in words.
fn problem(status: u16, text: &str) -> anyhow::Error {
    let Ok(problem) = serde_json::from_str::<Value>(text) else {
        return anyhow::anyhow!(
            "the server answered with status {status}; is this address a Portcullis REST API?"
        );
    };
    let part = |name: &str| problem.get(name).and_then(Value::as_str);
    let mut message = part("detail").or_else(|| part("title")).unwrap_or("the server refused").to_owned();
    let (mut fields, mut faults) = (Vec::new(), Vec::new());
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let of = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        message.push_str(&format!("\n  {}: {}", of("field"), of("message")));
        fields.push(of("field").to_owned());
        faults.push((of("field").to_owned(), of("message").to_owned()));
    }
    let code = part("type").and_then(|kind| kind.rsplit(':').next()).unwrap_or_default().to_owned();
    message.push_str(advice(status, &code));
    if let Some(id) = part("request_id") {
        message.push_str(&format!("\n  request id {id}"));
    }
    Refusal { status, code, fields, faults, message }.into()
}
