//! A request before it is signed and sent.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use portcullis_domain::ObjectKey;

use super::sending::{Outgoing, Sending};
use crate::{BackendError, BackendErrorKind, Result};

/// What is sent.
#[derive(Clone)]
pub(super) enum Load {
    /// Bytes that are here; none for a request without a body.
    Full(Bytes),
    /// A stream, framed with a checksum in its trailer or not.
    Stream { body: Arc<Mutex<Outgoing>>, sending: Arc<Sending>, chunked: bool },
}

impl Load {
    /// Nothing.
    pub(super) const fn none() -> Self {
        Self::Full(Bytes::new())
    }
}

/// Whether a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice is doing it once.
    Safe,
    /// Only if the provider cannot have had it.
    Unsent,
}

/// A request. What is not named here is not sent: nothing of a client's request is passed on by itself.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) key: Option<&'a ObjectKey>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: HeaderMap,
    pub(super) repeat: Repeat,
    /// The provider may have much to do before it answers.
    pub(super) slow: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: Method, key: Option<&'a ObjectKey>) -> Self {
        let safe = matches!(method, Method::GET | Method::HEAD);
        let repeat = if safe { Repeat::Safe } else { Repeat::Unsent };
        Self { operation, method, key, query: Vec::new(), headers: HeaderMap::new(), repeat, slow: false }
    }

    pub(super) fn ask(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Result<Self> {
        let value = header_value(value, self.operation)?;
        self.headers.append(HeaderName::from_static(name), value);
        Ok(self)
    }

    pub(super) fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    pub(super) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }
}

/// A header's value, as UTF-8.
pub(super) fn header_value(text: &str, operation: &'static str) -> Result<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|error| BackendError::with(BackendErrorKind::Unsupported, operation, error))
}
