//! Between hyper and a door's service: puts peer and body in place, and tells when an exchange begins and ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use pin_project_lite::pin_project;
use portcullis_domain::Line;
use tracing::debug;

use crate::body::{RequestBody, ResponseBody};
use crate::line::ThisLine;
use crate::peer::Peer;
use crate::progress::{Half, Progress};
use crate::proxies::{Proxies, Unreadable};

/// A door's service for one connection.
#[derive(Debug)]
pub(crate) struct Front<S> {
    pub(crate) service: S,
    pub(crate) peer: Peer,
    pub(crate) proxies: Proxies,
    pub(crate) progress: Arc<Progress>,
    pub(crate) read_stall: Duration,
}

impl<S, B> Service<Request<Incoming>> for Front<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<ResponseBody<B>>;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let half = self.progress.begin();
        let mut request = request.map(|incoming| RequestBody::new(incoming, &half, self.read_stall));
        let line = ThisLine { progress: Arc::clone(&self.progress), request: self.progress.requests() };
        request.extensions_mut().insert::<Arc<dyn Line>>(Arc::new(line));
        match self.proxies.client(self.peer, request.headers()) {
            Ok(client) => drop(request.extensions_mut().insert(client)),
            Err(Unreadable) => {
                debug!(proxy = %self.peer.address, "a proxy does not tell the client's address")
            }
        }
        Answer { answer: self.service.call(request), half: Some(half) }
    }
}

pin_project! {
    /// An answer in the making.
    #[derive(Debug)]
    pub(crate) struct Answer<F> {
        #[pin]
        answer: F,
        half: Option<Half>,
    }
}

impl<F, B> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<ResponseBody<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.answer.poll(cx));
        Poll::Ready(result.map(|response| response.map(|body| ResponseBody::new(body, this.half.take()))))
    }
}
