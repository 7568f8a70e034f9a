//! The door itself: from a connection's request to its answer.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, HOST, HeaderName, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::service::service_fn;
use portcullis_access::{Access, Origin};
use portcullis_domain::Channel;
use portcullis_listener::{DoorConfig, Peer, RequestBody as ClientBody};
use portcullis_sigv4::encode::decode_path;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Sender, authenticate, with_hoisted};
use crate::body::{RequestBody, SMALL};
use crate::call::{Call, Door};
use crate::error::{Code, S3Error};
use crate::operation::{Level, Operation};
use crate::ops;
use crate::query::Query;
use crate::reply::Reply;
use crate::request_id::{RequestId, host_id};
use crate::sts;
use crate::target::Target;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// What the door needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names of this server below which a host name is a bucket: with `s3.example.com`, a request to
    /// `photos.s3.example.com` is to the bucket `photos`. Path style works whatever is here.
    pub base_domains: Vec<String>,
    /// The largest object or part that is taken, in bytes.
    pub max_object_size: u64,
    /// What a client is allowed, which proxies are believed, and TLS.
    pub door: DoorConfig,
}

impl Default for Config {
    /// No virtual hosts, no proxies, no TLS, and S3's own limit for one upload: 5 GiB.
    fn default() -> Self {
        Self {
            base_domains: Vec::new(),
            max_object_size: 5 * 1024 * 1024 * 1024,
            door: DoorConfig::default(),
        }
    }
}

/// Serves S3 on a bound listener until `shutdown`, then lets requests under way end.
///
/// # Errors
/// If the limits allow nothing at all.
pub async fn serve(
    mut config: Config,
    listener: TcpListener,
    access: Access,
    shutdown: CancellationToken,
    tasks: TaskTracker,
) -> io::Result<()> {
    for domain in &mut config.base_domains {
        *domain = domain.trim_matches('.').to_ascii_lowercase();
    }
    config.base_domains.retain(|domain| !domain.is_empty());
    let settings = config.door.clone();
    let door = Arc::new(Door { config, access });
    let service = service_fn(move |request| {
        let door = Arc::clone(&door);
        async move { Ok::<Reply, Infallible>(answer(&door, request).await) }
    });
    portcullis_listener::serve(listener, settings, service, shutdown, tasks).await
}

/// The door without a socket, for requests that this process makes of itself: they go the same way as those of clients.
#[derive(Clone, Debug)]
pub struct Indoors(Arc<Door>);

impl Indoors {
    /// A door beside the one that is served.
    #[must_use]
    pub fn new(config: Config, access: Access) -> Self {
        Self(Arc::new(Door { config, access }))
    }

    /// The answer to a request, as if it came from this address; of a body that is longer than `most` bytes, none of it.
    pub async fn call(&self, from: IpAddr, request: Request<Bytes>, most: usize) -> Response<Bytes> {
        let mut request = request.map(ClientBody::given);
        request.extensions_mut().insert(Peer { address: from.to_canonical(), port: 0 });
        let (head, body) = answer(&self.0, request).await.into_parts();
        let body = Limited::new(body, most).collect().await;
        Response::from_parts(head, body.map(|body| body.to_bytes()).unwrap_or_default())
    }
}

async fn answer(door: &Door, request: Request<ClientBody>) -> Reply {
    let id = RequestId::generate();
    let (head, body) = request.into_parts();
    // What is left of a large body after a refusal is not waited for.
    let large = body.size_hint().exact().is_none_or(|length| length > SMALL);
    // A final answer where a client waits for "100 Continue" is right (RFC 9110 section 10.1.1), yet botocore mistakes the
    // next answer on that connection for its continuation and hangs. So such a connection ends with the answer.
    let (waits, empty) = (head.headers.contains_key(EXPECT), body.size_hint().exact() == Some(0));
    let mut name = "unknown";
    let mut reply = match route(door, id, &head, body, &mut name).await {
        Ok(reply) => reply,
        Err(error) => {
            error.log(id, name);
            let resource = decode_path(head.uri.path());
            error.render(id, &head.method, &String::from_utf8_lossy(&resource), large)
        }
    };
    let final_at_once = waits && (empty || !reply.status().is_success());
    let headers = reply.headers_mut();
    if final_at_once {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(REQUEST_ID, id.header());
    headers.insert(HOST_ID, host_id().clone());
    reply
}

/// Finds the operation, then the sender, then does it. In this order: what is not offered is refused whoever asks.
async fn route(
    door: &Door,
    id: RequestId,
    head: &Parts,
    body: ClientBody,
    name: &mut &'static str,
) -> Result<Reply, S3Error> {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let target = Target::parse(host, head.uri.path(), &door.config.base_domains)?;
    let query = Query::parse(head.uri.query())?;
    let headers = with_hoisted(&head.headers, &query)?;
    let level = match (&target.bucket, &target.key) {
        (None, _) => Level::Service,
        (Some(_), None) => Level::Bucket,
        (Some(_), Some(_)) => Level::Object,
    };
    if head.method == Method::OPTIONS {
        return Err(S3Error::with(Code::AccessDenied, "CORSResponse: CORS is not enabled for this bucket."));
    }
    // Without an address no network can be checked.
    let nobody = || {
        S3Error::with(
            Code::InvalidRequest,
            "The proxy in front of this server does not tell the client's address.",
        )
    };
    let peer = head.extensions.get::<Peer>().ok_or_else(nobody)?;
    let tool = head
        .headers
        .get(USER_AGENT)
        .and_then(|tool| str::from_utf8(tool.as_bytes()).ok())
        .unwrap_or_default();
    let origin = Origin {
        channel: Channel::S3,
        peer: peer.address,
        request_id: id.as_str(),
        tool,
        line: head.extensions.get(),
    };
    if sts::is_meant(head, level) {
        return Ok(Box::pin(sts::answer(door, id, origin, head, body)).await);
    }
    let operation = Operation::parse(&head.method, level, &query, &headers)?;
    *name = operation.as_str();
    let bucket = target.bucket.as_deref();
    if operation == Operation::PostObject {
        return Box::pin(ops::post::post_object(door, origin, bucket.unwrap_or_default(), &headers, body))
            .await;
    }
    let Sender { who, payload, chunks } = authenticate(door, origin, head)?;
    let call =
        Call { door, operation, who, bucket, key: target.key.as_ref(), query: &query, headers: &headers };
    ops::dispatch(&call, RequestBody::new(body, payload, Some(chunks))).await
}
