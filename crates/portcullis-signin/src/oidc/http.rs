//! The few requests that go to the provider: each on a connection of its own, that ends with it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use ::http::{HeaderValue, Method, Request, Uri};
use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::ClientConfig;
use zeroize::Zeroizing;

use super::connect;
use super::error::{OidcError, OidcErrorKind};

/// The longest answer in bytes.
const MOST: usize = 256 * 1024;
/// The longest that one request may take, looking the name up included.
const LONGEST: Duration = Duration::from_secs(10);

/// An address of the provider: https, or http on this machine.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    uri: Uri,
    /// Without the brackets around an IPv6 address.
    host: String,
    secure: bool,
}

impl Endpoint {
    /// Takes an address; with `plain`, http to this machine too.
    pub(super) fn parse(text: &str, plain: bool) -> Result<Self, &'static str> {
        const SHAPE: &str = "an address such as https://id.example.com/realms/main";
        if text.contains('#') || text.len() > 2_000 {
            return Err(SHAPE);
        }
        let uri: Uri = text.parse().map_err(|_| SHAPE)?;
        let authority = uri.authority().ok_or(SHAPE)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(SHAPE);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if plain && is_this_machine(&host) => false,
            Some("http") => return Err("https; plain http is only for a provider on this machine"),
            _ => return Err(SHAPE),
        };
        Ok(Self { uri, host, secure })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.secure { 443 } else { 80 })
    }

    pub(super) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The whole address with more fields in its query.
    pub(super) fn with_query(&self, query: &str) -> String {
        let separator = if self.uri.query().is_some() { '&' } else { '?' };
        format!("{}{separator}{query}", self.uri)
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What the provider answered.
pub(super) struct Reply {
    pub(super) status: u16,
    /// It may hold tokens.
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Makes requests.
#[derive(Clone)]
pub(super) struct Http {
    tls: Arc<ClientConfig>,
}

impl Http {
    pub(super) const fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls }
    }

    /// Fetches a document; `authorization` may be the value of that header.
    pub(super) async fn get(
        &self,
        operation: &'static str,
        endpoint: &Endpoint,
        authorization: Option<&str>,
    ) -> Result<Reply, OidcError> {
        let request = head(operation, Method::GET, endpoint, authorization)?;
        self.exchange(operation, endpoint, request.map(|()| Full::default())).await
    }

    /// Sends a form.
    pub(super) async fn post(
        &self,
        operation: &'static str,
        endpoint: &Endpoint,
        authorization: Option<&str>,
        form: &str,
    ) -> Result<Reply, OidcError> {
        let mut request = head(operation, Method::POST, endpoint, authorization)?;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let body = Full::new(Bytes::copy_from_slice(form.as_bytes()));
        self.exchange(operation, endpoint, request.map(|()| body)).await
    }

    async fn exchange(
        &self,
        operation: &'static str,
        endpoint: &Endpoint,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, OidcError> {
        let failed = |detail: String| {
            let detail = format!("{} at {}: {detail}", endpoint.uri.path(), endpoint.host());
            OidcError::new(OidcErrorKind::Unreachable, operation, detail)
        };
        let work = async {
            let stream = connect::tcp(endpoint).await.map_err(|error| format!("cannot connect: {error}"))?;
            if !endpoint.secure {
                return talk(stream, request).await;
            }
            let stream = connect::secured(endpoint, stream, &self.tls).await;
            talk(stream.map_err(|error| format!("cannot agree on TLS: {error}"))?, request).await
        };
        let in_time = tokio::time::timeout(LONGEST, work).await;
        let reply = in_time.map_err(|_| failed("no answer within 10 seconds".into()))?.map_err(failed)?;
        if reply.status >= 500 {
            return Err(failed(format!("status {}", reply.status)));
        }
        Ok(reply)
    }
}

fn head(
    operation: &'static str,
    method: Method,
    endpoint: &Endpoint,
    authorization: Option<&str>,
) -> Result<Request<()>, OidcError> {
    let path = endpoint.uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = endpoint.uri.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "portcullis");
    if let Some(value) = authorization {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| OidcError::untrusted(operation, "a token that no header can carry"))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request.body(()).map_err(|_| OidcError::misconfigured(operation, "an address that cannot be asked"))
}

/// One request and its answer. The connection is driven here and dropped here.
async fn talk<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Reply, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(64 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let exchange = pin!(async move {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| format!("the answer breaks off or is too long: {error}"))?.to_bytes();
        Ok(Reply { status, body: Zeroizing::new(body.to_vec()) })
    });
    match select(exchange, pin!(connection)).await {
        Either::Left((reply, _)) => reply,
        // What arrived before the connection ended is still there to be read.
        Either::Right((_, exchange)) => exchange.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_addresses_are_asked() {
        for fine in
            ["https://id.example.com", "https://10.0.0.1:8443/x?y=z", "http://127.0.0.1:9/", "http://[::1]:9"]
        {
            assert!(Endpoint::parse(fine, true).is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "id.example.com",
            "/path",
            "ftp://id.example.com",
            "http://id.example.com",
            "http://127.0.0.1.example.com",
            "https://user@id.example.com",
            "https://id.example.com/#x",
            "https://",
        ] {
            assert!(Endpoint::parse(wrong, true).is_err(), "{wrong}");
        }
        assert!(Endpoint::parse("http://localhost:9", true).is_ok());
        assert!(Endpoint::parse("http://localhost:9", false).is_err());
        let endpoint = Endpoint::parse("https://id.example.com/authorize?tenant=a", false).unwrap();
        assert_eq!(endpoint.with_query("b=c"), "https://id.example.com/authorize?tenant=a&b=c");
        assert_eq!((endpoint.host(), endpoint.port()), ("id.example.com", 443));
    }
}
