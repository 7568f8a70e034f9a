//! What the headers of a request say of its envelope.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis_multipart::{ContentType, Quoting};

use super::fault::{Fault, Result};
use super::mtom;
use super::operation::SoapOperation;
use super::version::Version;
use crate::problem::Problem;

/// The headers of a request, read.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// The version by its media type.
    pub(super) version: Version,
    /// The content type of a body in several parts; none if the envelope is all of it.
    pub(super) related: Option<HeaderValue>,
    /// What the request is for, as it says outside of the envelope.
    pub(super) action: Option<String>,
    /// Whether bytes may be answered beside the envelope.
    pub(super) takes_mtom: bool,
}

impl Said {
    /// Reads the headers.
    ///
    /// # Errors
    /// A problem with status 415 for a body that is no envelope of SOAP.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let unknown = || {
            let detail = "Send an envelope as text/xml (SOAP 1.1) or application/soap+xml (SOAP 1.2) in UTF-8, or in \
                          multipart/related with type=\"application/xop+xml\" (MTOM). The description is at /soap?wsdl.";
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported media type", detail)
        };
        let mut given = headers.get_all(CONTENT_TYPE).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return Err(unknown()) };
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(unknown());
        }
        let kind = ContentType::new(value.to_str().map_err(|_| unknown())?);
        let action = headers.get("soapaction").and_then(|action| action.to_str().ok()).map(bare);
        let takes_mtom = mtom::wanted(headers);
        if mtom::is_related(value.to_str().unwrap_or_default()) {
            // Its parts say which version it is.
            let version = if headers.contains_key("soapaction") { Version::V11 } else { Version::V12 };
            return Ok(Self { version, related: Some(value.clone()), action, takes_mtom });
        }
        let parameter = |name| kind.parameter(name, Quoting::Escaped);
        let charset = parameter("charset");
        let is_utf8 = |charset: &str| {
            ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
        };
        if charset.is_some_and(|charset| !is_utf8(&charset)) {
            return Err(unknown());
        }
        let version = [Version::V11, Version::V12].into_iter().find(|version| kind.is(version.media_type()));
        let version = version.ok_or_else(unknown)?;
        let action = match version {
            Version::V11 => action,
            Version::V12 => parameter("action").map(|action| bare(&action)),
        };
        Ok(Self { version, related: None, action, takes_mtom })
    }

    /// Refuses a request that says outside of its envelope that it is for something else: somebody on the way may have let it pass for
    /// that.
    ///
    /// # Errors
    /// A fault.
    pub(super) fn agrees(&self, operation: SoapOperation) -> Result<()> {
        let Some(action) = self.action.as_deref().filter(|action| !action.is_empty()) else { return Ok(()) };
        let named = action.strip_prefix(super::answer::NAMESPACE).and_then(|rest| rest.strip_prefix('#'));
        if named == Some(operation.name()) {
            return Ok(());
        }
        let name = operation.name();
        Err(Fault::invalid(format!(
            "The action of the request is not that of its body; send urn:portcullis:files:1#{name}, or none."
        )))
    }
}

/// An action without the quotes around it, which not everybody writes.
fn bare(action: &str) -> String {
    let action = action.trim();
    action.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(action).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(headers: &[(&str, &'static str)]) -> Option<Said> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_static(value));
        }
        Said::of(&map).ok()
    }

    #[test]
    fn versions_and_actions() {
        let old = said(&[
            ("content-type", "text/xml; charset=utf-8"),
            ("soapaction", "\"urn:portcullis:files:1#Stat\""),
        ]);
        let old = old.unwrap();
        assert_eq!(old.version, Version::V11);
        assert!(old.agrees(SoapOperation::Stat).is_ok());
        assert!(old.agrees(SoapOperation::Delete).is_err());
        let new = said(&[(
            "content-type",
            "application/soap+xml;charset=\"UTF-8\";action=\"urn:portcullis:files:1#Stat\"",
        )]);
        let new = new.unwrap();
        assert_eq!(new.version, Version::V12);
        assert!(new.agrees(SoapOperation::Stat).is_ok());
        assert!(new.agrees(SoapOperation::Move).is_err());
        let none = said(&[("content-type", "text/xml"), ("soapaction", "\"\"")]).unwrap();
        assert!(none.agrees(SoapOperation::Move).is_ok());
    }

    #[test]
    fn what_is_no_envelope() {
        for wrong in [
            &[][..],
            &[("content-type", "application/json")],
            &[("content-type", "text/xml; charset=utf-16")],
            &[("content-type", "text/xml; charset=iso-8859-1")],
            &[("content-type", "text/xml"), ("content-type", "text/xml")],
            &[("content-type", "text/xml"), ("content-encoding", "gzip")],
            &[("content-type", "multipart/form-data; boundary=x")],
        ] {
            assert!(said(wrong).is_none(), "{wrong:?}");
        }
    }
}
