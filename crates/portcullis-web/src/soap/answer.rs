//! Envelopes that are answered.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use super::code::Class;
use super::operation::SoapOperation;
use super::version::Version;
use crate::dav::xml::escaped;

/// The namespace of the operations, of what they take and what they answer.
pub(super) const NAMESPACE: &str = "urn:portcullis:files:1";

/// An answer under way: an envelope with its body open. The prefix of the operations' namespace is `f`.
#[derive(Debug)]
pub(super) struct Answer {
    version: Version,
    text: String,
}

impl Answer {
    /// An envelope.
    pub(super) fn envelope(version: Version) -> Self {
        let mut text = String::with_capacity(1024);
        text.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<s:Envelope xmlns:s=\"");
        text.push_str(version.namespace());
        text.push_str("\"><s:Body>");
        Self { version, text }
    }

    /// The answer to an operation.
    pub(super) fn to(version: Version, operation: SoapOperation) -> Self {
        let mut answer = Self::envelope(version);
        answer.raw("<f:").raw(operation.name()).raw("Response xmlns:f=\"").raw(NAMESPACE).raw("\">");
        answer
    }

    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// `<f:name>text</f:name>`.
    pub(super) fn field(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.raw("<f:").raw(name).raw(">").raw(&escaped(text)).raw("</f:").raw(name).raw(">")
    }

    /// The end of an answer.
    fn tail(operation: SoapOperation) -> String {
        format!("</f:{}Response></s:Body></s:Envelope>\n", operation.name())
    }

    /// The answer as it is sent.
    pub(super) fn finish(mut self, operation: SoapOperation) -> Response {
        self.raw(&Self::tail(operation));
        (StatusCode::OK, headers(self.version), Body::from(self.text)).into_response()
    }

    /// What comes before and after the bytes of `content`, the last of what an operation answers.
    pub(super) fn around_content(mut self, operation: SoapOperation) -> (String, String) {
        self.raw("<f:content>");
        (self.text, format!("</f:content>{}", Self::tail(operation)))
    }

    /// A fault up to what it tells in detail.
    pub(super) fn fault_begins(&mut self, class: Class, message: &str) {
        let message = escaped(message);
        match self.version {
            Version::V11 => {
                let code = match class {
                    Class::Sender => "Client",
                    Class::Receiver => "Server",
                    Class::MustUnderstand => "MustUnderstand",
                    Class::VersionMismatch => "VersionMismatch",
                };
                self.raw("<s:Fault><faultcode>s:").raw(code).raw("</faultcode><faultstring>");
                self.raw(&message).raw("</faultstring><detail>");
            }
            Version::V12 => {
                let code = match class {
                    Class::Sender => "Sender",
                    Class::Receiver => "Receiver",
                    Class::MustUnderstand => "MustUnderstand",
                    Class::VersionMismatch => "VersionMismatch",
                };
                self.raw("<s:Fault><s:Code><s:Value>s:").raw(code).raw("</s:Value></s:Code><s:Reason>");
                self.raw("<s:Text xml:lang=\"en\">").raw(&message).raw("</s:Text></s:Reason><s:Detail>");
            }
        }
        self.raw("<f:FileFault xmlns:f=\"").raw(NAMESPACE).raw("\">");
    }

    /// The whole of a fault.
    pub(super) fn fault_ends(mut self) -> String {
        let detail = match self.version {
            Version::V11 => "</detail>",
            Version::V12 => "</s:Detail>",
        };
        self.raw("</f:FileFault>").raw(detail).raw("</s:Fault></s:Body></s:Envelope>\n");
        self.text
    }
}

/// The headers of an answer: what it tells is for whoever asked.
fn headers(version: Version) -> [(http::HeaderName, HeaderValue); 2] {
    [(CONTENT_TYPE, version.content_type()), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}
