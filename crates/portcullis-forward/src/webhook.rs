//! A webhook: batches of JSON lines, each a POST on a connection of its own.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis_domain::Secret;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::connect::{Tls, Wire, host_and_port, secret};
use crate::{ForwardError, InvalidSettings, invalid};

/// The longest that a request may take after the connection stands.
const LONGEST: Duration = Duration::from_secs(10);
/// The most of an answer that is read; what it says beside its status is of no interest.
const MOST: usize = 64 * 1024;
const SIGNATURE: HeaderName = HeaderName::from_static("portcullis-signature");
const IDEMPOTENCY: HeaderName = HeaderName::from_static("idempotency-key");

/// A webhook.
#[derive(Debug)]
pub(crate) struct Webhook {
    name: String,
    uri: Uri,
    host: String,
    port: u16,
    secure: bool,
    token_file: Option<PathBuf>,
    secret_file: Option<PathBuf>,
    tls: Tls,
}

impl Webhook {
    pub(crate) fn new(
        name: String,
        url: &str,
        token_file: Option<PathBuf>,
        secret_file: Option<PathBuf>,
        tls: Tls,
    ) -> Result<Self, InvalidSettings> {
        // The address may hold a secret: it is not repeated.
        let shape = || {
            invalid(
                "url",
                "write an address such as https://siem.example.com/audit, without user and fragment",
            )
        };
        let uri: Uri = url.parse().map_err(|_| shape())?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(shape()),
        };
        let usual = if secure { 443 } else { 80 };
        let authority = uri.authority().ok_or_else(shape)?;
        let (host, port) = host_and_port(authority.as_str(), usual).ok_or_else(shape)?;
        if url.contains('#') {
            return Err(shape());
        }
        Ok(Self { name, uri, host, port, secure, token_file, secret_file, tls })
    }

    pub(crate) fn target(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.uri.authority().map_or("", |authority| authority.as_str()))
    }

    /// Sends these lines, of the entries with these numbers.
    pub(crate) async fn send(&self, (first, last): (i64, i64), lines: &[String]) -> Result<(), ForwardError> {
        let mut body = lines.join("\n");
        body.push('\n');
        let request = self.request(&format!("{}-{first}-{last}", self.name), Bytes::from(body)).await?;
        let wire = self.tls.connect((&self.host, self.port), self.secure).await?;
        let status = match tokio::time::timeout(LONGEST, talk(wire, request)).await {
            Ok(answered) => answered.map_err(ForwardError::new)?,
            Err(_) => return Err(ForwardError::new("no answer within 10 seconds")),
        };
        if status.is_success() {
            Ok(())
        } else {
            Err(ForwardError::new(format!("status {}", status.as_u16())))
        }
    }

    async fn request(&self, idempotency: &str, body: Bytes) -> Result<Request<Full<Bytes>>, ForwardError> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, authority)
            .header(CONTENT_TYPE, "application/x-ndjson")
            .header(USER_AGENT, "portcullis")
            .header(IDEMPOTENCY, idempotency);
        if let Some(path) = &self.token_file {
            let token = secret("token_file", path).await?;
            let bearer = Zeroizing::new(format!("Bearer {}", token.reveal()));
            let mut value = HeaderValue::from_str(&bearer)
                .map_err(|_| ForwardError::new("token_file: holds what no header can carry"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(path) = &self.secret_file {
            let secret = secret("secret_file", path).await?;
            request = request.header(SIGNATURE, format!("sha256={}", signature(&secret, &body)?));
        }
        request.body(Full::new(body)).map_err(|_| ForwardError::new("url: an address that cannot be asked"))
    }
}

/// HMAC-SHA256 over the body, in hexadecimal digits.
fn signature(secret: &Secret, body: &[u8]) -> Result<String, ForwardError> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes());
    let mut mac = mac.map_err(|_| ForwardError::new("secret_file: cannot sign with it"))?;
    mac.update(body);
    Ok(hex::encode(mac.finalize().into_bytes()))
}

/// One request and the status of its answer. The connection is driven here and dropped here.
async fn talk(wire: Box<dyn Wire>, request: Request<Full<Bytes>>) -> Result<StatusCode, String> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|error| error.to_string())?;
    let exchange = pin!(async move {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        // Read so that the other end is not cut off; how it ends does not matter any more.
        drop(Limited::new(response.into_body(), MOST).collect().await);
        Ok(status)
    });
    match select(exchange, pin!(connection)).await {
        Either::Left((status, _)) => status,
        // What arrived before the connection ended is still there to be read.
        Either::Right((_, exchange)) => exchange.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str) -> Result<Webhook, InvalidSettings> {
        Webhook::new("hook".into(), url, None, None, Tls::new(None, true).unwrap())
    }

    #[test]
    fn addresses() {
        for (given, target) in [
            ("https://siem.example.com/in?token=hunter2", "https://siem.example.com"),
            ("http://[::1]:8088/", "http://[::1]:8088"),
        ] {
            assert_eq!(webhook(given).unwrap().target(), target);
        }
        for wrong in
            ["siem.example.com", "ftp://a/", "https://hunter2@a/", "https:///x", "https://a/#hunter2", ""]
        {
            let told = webhook(wrong).unwrap_err().to_string();
            assert!(told.starts_with("url: ") && !told.contains("hunter2"), "{told}");
        }
    }

    /// RFC 4231, test case 2.
    #[test]
    fn signatures() {
        let signed = signature(&Secret::foreign("Jefe".to_owned()), b"what do ya want for nothing?").unwrap();
        assert_eq!(signed, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
