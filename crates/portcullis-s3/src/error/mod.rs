//! Everything that can go wrong, as S3 says it.

mod code;
mod map;

use std::borrow::Cow;
use std::error::Error;

use http::header::{CONNECTION, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Response};

pub(crate) use code::Code;
pub(crate) use map::{About, access_error, body_fault, key_error, parse_error};

use crate::reply::{Reply, ReplyBody};
use crate::request_id::{RequestId, host_id};
use crate::xml::{MalformedXml, Xml};

/// An answer other than success. It tells what to do and nothing about what exists.
#[derive(Debug)]
pub(crate) struct S3Error {
    pub(crate) code: Code,
    message: Cow<'static, str>,
    more: Option<Box<More>>,
}

/// What few errors have.
#[derive(Debug, Default)]
struct More {
    elements: Vec<(&'static str, String)>,
    retry_after_seconds: Option<u64>,
    unsatisfied_size: Option<u64>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl S3Error {
    /// An error with the message of its code.
    pub(crate) const fn new(code: Code) -> Self {
        Self { code, message: Cow::Borrowed(code.message()), more: None }
    }

    /// An error with a message of its own.
    pub(crate) fn with(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), more: None }
    }

    /// `InvalidArgument`, naming the argument.
    pub(crate) fn argument(name: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::with(Code::InvalidArgument, message).element("ArgumentName", name)
    }

    /// `AccessDenied`, always in the same words.
    pub(crate) const fn denied() -> Self {
        Self::new(Code::AccessDenied)
    }

    /// Adds an element to the document.
    pub(crate) fn element(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.more().elements.push((name, text.into()));
        self
    }

    /// Adds the cause, for the log alone.
    pub(crate) fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.more().cause = Some(cause.into());
        self
    }

    /// Adds when to come again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.more().retry_after_seconds = Some(seconds);
        self
    }

    /// Adds the size of the object whose range does not exist.
    pub(crate) fn of_size(mut self, bytes: u64) -> Self {
        self.more().unsatisfied_size = Some(bytes);
        self
    }

    /// The message.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// When to come again, in seconds.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.more.as_ref().and_then(|more| more.retry_after_seconds)
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Says in the log what the client is not told.
    pub(crate) fn log(&self, request: RequestId, operation: &str) {
        if self.code.status().is_server_error() {
            let cause = self.more.as_ref().and_then(|more| more.cause.as_deref());
            let cause = cause.map(|error| -> &(dyn Error + 'static) { error });
            tracing::warn!(request = %request, operation, code = self.code.as_str(), cause, "an S3 request failed");
        } else {
            tracing::debug!(request = %request, operation, code = self.code.as_str(), "an S3 request was refused");
        }
    }

    /// The answer. Those to `HEAD` have no body; `close` ends the connection after it.
    pub(crate) fn render(&self, request: RequestId, method: &Method, resource: &str, close: bool) -> Reply {
        let mut reply = Response::new(ReplyBody::empty());
        *reply.status_mut() = self.code.status();
        let headers = reply.headers_mut();
        if close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(more) = &self.more {
            if let Some(seconds) = more.retry_after_seconds {
                headers.insert(RETRY_AFTER, seconds.into());
            }
            if let Some(size) = more.unsatisfied_size
                && let Ok(value) = HeaderValue::try_from(format!("bytes */{size}"))
            {
                headers.insert(CONTENT_RANGE, value);
            }
        }
        if *method != Method::HEAD {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            *reply.body_mut() = ReplyBody::full(self.document(request, resource));
        }
        reply
    }

    fn document(&self, request: RequestId, resource: &str) -> bytes::Bytes {
        let mut xml = Xml::begin("<Error>", 512);
        xml.text("Code", self.code.as_str());
        xml.text("Message", &self.message);
        for (name, text) in self.more.iter().flat_map(|more| &more.elements) {
            xml.text(name, text);
        }
        xml.text("Resource", resource);
        xml.text("RequestId", request.as_str());
        xml.text("HostId", host_id().to_str().unwrap_or_default());
        xml.end("</Error>")
    }
}

impl From<Code> for S3Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<MalformedXml> for S3Error {
    fn from(_: MalformedXml) -> Self {
        Self::new(Code::MalformedXML)
    }
}
