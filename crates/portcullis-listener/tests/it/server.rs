//! A server on port 0.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::service::{Service, service_fn};
use portcullis_listener::{BodyError, DoorConfig, Limits, Peer, Proxies, RequestBody, serve};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::PATIENCE;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// A permit lets one request for `/wait` end.
    pub(crate) gate: Arc<Semaphore>,
    /// Has a permit for each request for `/wait` that came.
    pub(crate) waiting: Arc<Semaphore>,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Serves `/peer` (who asks), `/wait` (until let go), `/refuse` (403 unread) and the length of any other body.
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::behind(Proxies::default(), limits).await
    }

    /// The same behind proxies that are believed.
    pub(crate) async fn behind(proxies: Proxies, limits: Limits) -> Self {
        let (gate, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let shared = (Arc::clone(&gate), Arc::clone(&waiting));
        let service = service_fn(move |request| answer(request, shared.clone()));
        let mut server = Self::serving(DoorConfig { limits, proxies, tls: None }, service).await;
        (server.gate, server.waiting) = (gate, waiting);
        server
    }

    pub(crate) async fn with<S, B>(limits: Limits, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::serving(DoorConfig { limits, ..DoorConfig::default() }, service).await
    }

    pub(crate) async fn serving<S, B>(config: DoorConfig, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let serving = tasks.spawn(serve(listener, config, service, shutdown.clone(), tasks.clone()));
        let (gate, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        Self { address, shutdown, tasks, gate, waiting, serving }
    }

    /// Until a request for `/wait` is at its service.
    pub(crate) async fn reached(&self) {
        timeout(PATIENCE, self.waiting.acquire()).await.unwrap().unwrap().forget();
    }

    pub(crate) fn still_serving(&self) -> bool {
        !self.serving.is_finished()
    }

    /// Until the server has ended and has left no task behind.
    pub(crate) async fn ended(self) {
        timeout(PATIENCE, self.serving).await.unwrap().unwrap().unwrap();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.unwrap();
    }
}

/// A service that answers as [`Server::start`] says, without a gate.
pub(crate) fn answering() -> impl Service<
    Request<RequestBody>,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + 'static,
> + Clone
+ Send
+ 'static {
    let shared = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    service_fn(move |request| answer(request, shared.clone()))
}

type Shared = (Arc<Semaphore>, Arc<Semaphore>);

async fn answer(
    request: Request<RequestBody>,
    (gate, waiting): Shared,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let text = match request.uri().path() {
        "/peer" => format!("{}:{}", peer.address, peer.port),
        "/wait" => {
            waiting.add_permits(1);
            gate.acquire().await.unwrap().forget();
            "waited".to_owned()
        }
        "/refuse" => return Ok(status(StatusCode::FORBIDDEN)),
        _ => match request.into_body().collect().await {
            Ok(body) => body.to_bytes().len().to_string(),
            Err(BodyError::Stalled) => return Ok(status(StatusCode::REQUEST_TIMEOUT)),
            Err(BodyError::Broken(_)) => return Ok(status(StatusCode::BAD_REQUEST)),
        },
    };
    Ok(Response::new(text.into()))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
