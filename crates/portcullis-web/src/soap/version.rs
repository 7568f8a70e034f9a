//! The two versions of SOAP.

use http::HeaderValue;

/// A version of SOAP. Which one a request speaks is told by the namespace of its envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// SOAP 1.1.
    V11,
    /// SOAP 1.2.
    V12,
}

impl Version {
    /// The version of this media type; none if it is another.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        [Self::V11, Self::V12]
            .into_iter()
            .find(|version| version.media_type().eq_ignore_ascii_case(media_type))
    }

    /// The namespace of the envelope.
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    /// The media type of an envelope, without parameters.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml",
            Self::V12 => "application/soap+xml",
        }
    }

    /// The content type of an envelope that is all of an answer.
    pub(crate) const fn content_type(self) -> HeaderValue {
        match self {
            Self::V11 => HeaderValue::from_static("text/xml; charset=utf-8"),
            Self::V12 => HeaderValue::from_static("application/soap+xml; charset=utf-8"),
        }
    }
}
