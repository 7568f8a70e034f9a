//! Requests to one bucket: written, signed, sent with time-outs, repeated only where that is safe.

use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use portcullis_domain::{Clock, ObjectKey};
use portcullis_sigv4::encode::{encode_component, encode_path};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer};
use sha2::Digest as _;
use tokio::time::{Instant, sleep, timeout_at};

pub(super) use super::call::{Call, Load, Repeat, header_value};
use super::connect::Connector;
use super::fault::Fault;
use super::gate::{Gate, Pass, Sign, unavailable};
use super::options::{Limits, Remote, Timeouts};
use super::receiving::collect;
use super::sending::{SendBody, Sending, Sent};
use crate::{BackendError, BackendErrorKind, BodyFault, Result};

/// The longest key at providers.
pub(super) const MAX_KEY: usize = 1024;
/// The longest document of an error that is looked at.
const MAX_ERROR: usize = 64 << 10;

/// How much longer slow work may take.
const SLOW: u32 = 10;

/// A success: its head is here, its body is not.
pub(super) struct Answer {
    pub(super) operation: &'static str,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
    pub(super) pass: Pass,
    /// How the body that was sent ended, if it was a stream.
    pub(super) sent: Option<Sent>,
}

/// Why there is no answer.
struct Lost {
    /// The provider cannot have had the request.
    unsent: bool,
    why: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

enum Failed {
    Lost(Lost),
    Fault(Box<Fault>),
    /// It is the client's body, and no sign of anything.
    Body(BackendErrorKind),
}

/// The road to one bucket.
pub(super) struct Wire {
    http: Client<Connector, SendBody>,
    pub(super) connector: Connector,
    pub(super) remote: Remote,
    /// The value of `host`, with the bucket in it or not.
    host: String,
    signer: Mutex<Option<Signer>>,
    pub(super) gate: Arc<Gate>,
    pub(super) timeouts: Timeouts,
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("remote", &self.remote).finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(
        (http, connector): (Client<Connector, SendBody>, Connector),
        remote: Remote,
        (timeouts, limits): (Timeouts, Limits),
        gate: Arc<Gate>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let authority = remote.endpoint.authority();
        let host = if remote.path_style { authority } else { format!("{}.{authority}", remote.bucket) };
        Self { http, connector, remote, host, signer: Mutex::default(), gate, timeouts, limits, clock }
    }

    /// The host that is connected to, without the port.
    pub(super) fn host_name(&self) -> String {
        let host = self.remote.endpoint.host();
        if self.remote.path_style { host.to_owned() } else { format!("{}.{host}", self.remote.bucket) }
    }

    /// For work that grows with an object.
    pub(super) fn slow_timeouts(&self) -> Timeouts {
        let Timeouts { head, total, idle, .. } = self.timeouts;
        let [head, total, idle] = [head, total, idle].map(|limit| limit.saturating_mul(SLOW));
        Timeouts { head, total, idle, ..self.timeouts }
    }

    /// A key as it is called at the provider.
    pub(super) fn full_key(&self, key: &ObjectKey, operation: &'static str) -> Result<String> {
        let full = format!("{}{}", self.remote.prefix, key);
        if full.len() > MAX_KEY {
            let why = "with the storage's prefix the key has more than 1024 bytes";
            return Err(BackendError::with(BackendErrorKind::TooLarge, operation, why));
        }
        Ok(full)
    }

    fn path(&self, call: &Call<'_>) -> Result<String> {
        let mut path =
            if self.remote.path_style { format!("/{}", self.remote.bucket) } else { String::new() };
        if let Some(key) = call.key {
            path.push('/');
            path.push_str(&encode_path(self.full_key(key, call.operation)?.as_bytes()));
        } else if path.is_empty() {
            path.push('/');
        }
        Ok(path)
    }

    fn request(&self, call: &Call<'_>, load: &Load) -> Result<(Request<SendBody>, Arc<Sending>)> {
        let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
            BackendError::with(BackendErrorKind::Unsupported, call.operation, error)
        };
        let path = self.path(call)?;
        let mut query = String::new();
        for (name, value) in &call.query {
            query.push_str(if query.is_empty() { "" } else { "&" });
            query.push_str(name);
            query.push('=');
            query.push_str(&encode_component(value.as_bytes()));
        }
        let mut headers = call.headers.clone();
        headers.insert(http::header::HOST, header_value(&self.host, call.operation)?);
        self.sign(call, load, (&path, &query), &mut headers)?;
        // Not signed: what stands between may change it.
        headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if matches!(load, Load::Full(bytes) if bytes.is_empty())
            && matches!(call.method, Method::PUT | Method::POST)
        {
            // Some providers ask for it also where there is nothing.
            headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(0));
        }
        let mark = if query.is_empty() { "" } else { "?" };
        let uri: Uri = format!("{}://{}{path}{mark}{query}", self.remote.endpoint.scheme(), self.host)
            .parse()
            .map_err(|error: http::uri::InvalidUri| broken(error.into()))?;
        let (body, sending) = match load {
            Load::Full(bytes) => {
                let sending = Sending::new();
                (SendBody::full(bytes.clone(), &sending), sending)
            }
            Load::Stream { body, sending, .. } => (SendBody::Stream(Arc::clone(body)), Arc::clone(sending)),
        };
        let mut request = Request::new(body);
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok((request, sending))
    }

    fn sign(
        &self,
        call: &Call<'_>,
        load: &Load,
        (path, query): (&str, &str),
        headers: &mut HeaderMap,
    ) -> Result<()> {
        let broken = |error| {
            BackendError::with(BackendErrorKind::Unavailable, call.operation, format!("cannot sign: {error}"))
        };
        let payload = match load {
            Load::Full(bytes) if bytes.is_empty() || !self.remote.endpoint.is_secure() => {
                Payload::Signed(sha2::Sha256::digest(bytes).into())
            }
            Load::Stream { chunked: true, .. } => Payload::StreamingUnsignedTrailer,
            Load::Full(_) | Load::Stream { .. } => Payload::Unsigned,
        };
        let date = AmzDate::from_unix(self.clock.now().seconds())
            .ok_or_else(|| unavailable(call.operation, "the clock is out of range"))?;
        let signer = self.signer(&date).map_err(broken)?;
        let list: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let raw = RawRequest {
            method: call.method.as_str(),
            path,
            query: (!query.is_empty()).then_some(query),
            headers: &list,
        };
        let signed = signer.sign(&raw, &date, payload).map_err(broken)?;
        for (name, value) in [
            ("authorization", signed.authorization.as_str()),
            ("x-amz-content-sha256", &signed.content_sha256),
            ("x-amz-date", signed.date.as_str()),
        ] {
            headers.insert(HeaderName::from_static(name), header_value(value, call.operation)?);
        }
        Ok(())
    }

    /// The signer of the day.
    fn signer(&self, date: &AmzDate) -> Result<Signer, portcullis_sigv4::SignError> {
        let mut kept = self.signer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = kept.as_ref().filter(|signer| signer.scope().covers(date)) {
            return Ok(signer.clone());
        }
        let credentials = &self.remote.credentials;
        let secret = credentials.secret_access_key.reveal().as_bytes();
        let signer = Signer::new(&credentials.access_key_id, secret, &self.remote.region, date)?;
        *kept = Some(signer.clone());
        Ok(signer)
    }

    /// Sends a request until it is answered or may not be repeated. An answer that is no success is an error.
    pub(super) async fn call(&self, call: Call<'_>, load: Load) -> Result<Answer> {
        self.attempt(call, load).await.map_err(|(error, _)| error)
    }

    /// As [`Wire::call`], with what the provider said.
    pub(super) async fn attempt(
        &self,
        call: Call<'_>,
        load: Load,
    ) -> Result<Answer, (BackendError, Option<Fault>)> {
        let timeouts = if call.slow { self.slow_timeouts() } else { self.timeouts };
        let deadline = Instant::now() + timeouts.total;
        let mut tries = 0u32;
        loop {
            let mut pass = self.gate.enter(call.operation).await.map_err(|error| (error, None))?;
            let (request, sending) = self.request(&call, &load).map_err(|error| (error, None))?;
            let until = matches!(load, Load::Full(_)).then_some(deadline);
            let failed = match self.exchange(request, &sending, until, &timeouts).await {
                Ok(answer) => match self.judge(answer, &load, &sending).await {
                    Ok((head, body, sent)) => {
                        pass.tell(Sign::Well, None);
                        let (status, headers) = (head.status, head.headers);
                        return Ok(Answer { operation: call.operation, status, headers, body, pass, sent });
                    }
                    Err(failed) => failed,
                },
                Err(failed) => failed,
            };
            tries += 1;
            let again = match &failed {
                Failed::Body(kind) => return Err((BackendError::new(*kind, call.operation), None)),
                Failed::Lost(lost) => {
                    pass.tell(Sign::Failing, Some(lost));
                    lost.unsent || call.repeat == Repeat::Safe
                }
                Failed::Fault(fault) => {
                    let sign = fault.sign();
                    let told: &dyn fmt::Display = &**fault;
                    pass.tell(sign, (sign != Sign::Well).then_some(told));
                    call.repeat == Repeat::Safe && fault.passes()
                }
            };
            drop(pass);
            let pause = jitter(self.limits.pause, tries);
            let in_time = Instant::now() + pause < deadline;
            if !(again && in_time && tries < self.limits.tries && self.gate.may_repeat()) {
                return Err(match failed {
                    Failed::Fault(fault) => (fault.clone().error(call.operation), Some(*fault)),
                    Failed::Lost(lost) => (unavailable(call.operation, &lost.why), None),
                    Failed::Body(kind) => (BackendError::new(kind, call.operation), None),
                });
            }
            sleep(pause).await;
        }
    }

    async fn exchange(
        &self,
        request: Request<SendBody>,
        sending: &Sending,
        deadline: Option<Instant>,
        timeouts: &Timeouts,
    ) -> Result<http::Response<Incoming>, Failed> {
        let lost = |unsent: bool, why: &str| Failed::Lost(Lost { unsent, why: why.to_owned() });
        let answer = async {
            match deadline {
                None => Ok(self.http.request(request).await),
                Some(deadline) => timeout_at(deadline, self.http.request(request)).await,
            }
        };
        let answered = tokio::select! {
            answered = answer => answered,
            provider = sending.stalled(timeouts) => {
                return Err(if provider {
                    lost(false, "the provider stopped answering")
                } else {
                    Failed::Body(BackendErrorKind::Body(BodyFault::Disconnected))
                });
            }
        };
        match answered {
            Err(_) => Err(lost(false, "the provider took too long")),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                if let Some(Err(kind)) = sending.outcome() {
                    return Err(Failed::Body(*kind));
                }
                // A stream of which a piece was taken cannot be taken again.
                let unsent = error.is_connect() && !sending.has_started();
                Err(lost(unsent, &innermost(&error)))
            }
        }
    }

    /// Whether an answer is a success: of a request that the provider had all of.
    async fn judge(
        &self,
        answer: http::Response<Incoming>,
        load: &Load,
        sending: &Sending,
    ) -> Result<(http::response::Parts, Incoming, Option<Sent>), Failed> {
        let (head, body) = answer.into_parts();
        if head.status.is_success() {
            let sent = match (load, sending.outcome()) {
                (Load::Full(_), _) => None,
                (Load::Stream { .. }, Some(Ok(sent))) => Some(sent.clone()),
                (Load::Stream { .. }, Some(Err(kind))) => return Err(Failed::Body(*kind)),
                (Load::Stream { .. }, None) => {
                    let why = "the provider answered before it had the whole body".to_owned();
                    return Err(Failed::Lost(Lost { unsent: false, why }));
                }
            };
            return Ok((head, body, sent));
        }
        if let Some(Err(kind)) = sending.outcome() {
            return Err(Failed::Body(*kind));
        }
        // Whatever the document is, or if it does not come: the state says enough.
        let document = collect(body, MAX_ERROR, &self.timeouts).await.unwrap_or_default();
        Err(Failed::Fault(Box::new(Fault::read(head.status, &head.headers, &document))))
    }
}

/// The last cause of an error, which says most.
fn innermost(error: &hyper_util::client::legacy::Error) -> String {
    let (mut cause, mut told) = (error.source(), error.to_string());
    while let Some(inner) = cause {
        told = inner.to_string();
        cause = inner.source();
    }
    told
}

/// A random part of a pause that doubles.
fn jitter(pause: std::time::Duration, tries: u32) -> std::time::Duration {
    let longest = pause.saturating_mul(1 << tries.saturating_sub(1).min(6));
    let mut chance = [0u8; 2];
    if getrandom::fill(&mut chance).is_err() {
        return longest;
    }
    longest.saturating_mul(u32::from(u16::from_be_bytes(chance))) / u32::from(u16::MAX)
}
