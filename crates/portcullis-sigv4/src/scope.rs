//! The credential scope: for which day, region and service a signing key is made.

use std::fmt;

use crate::canonical::Sink;
use crate::error::Malformed;
use crate::{AmzDate, date};

/// The most bytes that a region may have.
pub const MAX_REGION: usize = 64;

/// The most bytes that an access key id may have.
pub const MAX_ACCESS_KEY_ID: usize = 128;

const TERMINATOR: &str = "aws4_request";

/// What a signature is for. A signing key of one service signs for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Buckets and objects.
    S3,
    /// Temporary credentials: the AWS Security Token Service.
    Sts,
}

impl Service {
    /// Its name in a scope.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Sts => "sts",
        }
    }
}

/// Day, region and service of a signature; the terminator is always `aws4_request`.
///
/// Small and `Copy`, with the region inline: together with the access key id it is the key of a signing-key cache.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    service: Service,
    day: [u8; 8],
    region: [u8; MAX_REGION],
    region_length: u8,
}

impl Scope {
    /// The scope of a day and region for S3, or `None` if the region is longer than [`MAX_REGION`] or has a character other
    /// than ASCII letters, digits, `-`, `_` and `.`. The empty region is allowed: clients without one send it.
    #[must_use]
    pub fn new(date: &AmzDate, region: &str) -> Option<Self> {
        Self::for_service(Service::S3, date, region)
    }

    /// The same for any service.
    #[must_use]
    pub fn for_service(service: Service, date: &AmzDate, region: &str) -> Option<Self> {
        Self::from_day(service, date.day(), region)
    }

    fn from_day(service: Service, day: [u8; 8], region: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if region.len() > MAX_REGION || !region.bytes().all(allowed) {
            return None;
        }
        let mut inline = [0; MAX_REGION];
        for (slot, byte) in inline.iter_mut().zip(region.bytes()) {
            *slot = byte;
        }
        Some(Self { service, day, region: inline, region_length: u8::try_from(region.len()).ok()? })
    }

    /// Reads `ACCESS-KEY-ID/YYYYMMDD/REGION/SERVICE/aws4_request`, where the service has to be this one.
    pub(crate) fn parse_credential(credential: &str, service: Service) -> Result<(&str, Self), Malformed> {
        let mut parts = credential.split('/');
        let (Some(id), Some(day), Some(region), Some(named), Some(terminator), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Malformed::Credential);
        };
        if !is_access_key_id(id) {
            return Err(Malformed::Credential);
        }
        let day = date::parse_day(day.as_bytes()).ok_or(Malformed::CredentialDate)?;
        if named != service.as_str() {
            return Err(Malformed::Service);
        }
        if terminator != TERMINATOR {
            return Err(Malformed::Terminator);
        }
        let scope = Self::from_day(service, day, region).ok_or(Malformed::Region)?;
        Ok((id, scope))
    }

    /// The day, `YYYYMMDD`.
    #[must_use]
    pub const fn day(&self) -> &[u8; 8] {
        &self.day
    }

    /// The region that the client signed for; may be empty.
    #[must_use]
    pub fn region(&self) -> &str {
        let region = self.region.get(..usize::from(self.region_length)).unwrap_or_default();
        std::str::from_utf8(region).unwrap_or_default()
    }

    /// What it signs for.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// Whether a request of that moment may use this scope.
    #[must_use]
    pub fn covers(&self, date: &AmzDate) -> bool {
        self.day == date.day()
    }

    pub(crate) const fn terminator() -> &'static str {
        TERMINATOR
    }

    /// `YYYYMMDD/REGION/SERVICE/aws4_request`, as it stands in a string to sign.
    pub(crate) fn write(&self, sink: &mut impl Sink) {
        sink.put(&self.day);
        sink.put(b"/");
        sink.put(self.region().as_bytes());
        sink.put(b"/");
        sink.put(self.service.as_str().as_bytes());
        sink.put(b"/");
        sink.put(TERMINATOR.as_bytes());
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = std::str::from_utf8(&self.day).unwrap_or_default();
        write!(f, "{day}/{}/{}/{TERMINATOR}", self.region(), self.service.as_str())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

/// Whether a text can be an access key id: printable ASCII without the separators `/`, `,` and `=`.
pub(crate) fn is_access_key_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b',' | b'=');
    !id.is_empty() && id.len() <= MAX_ACCESS_KEY_ID && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::{Scope, Service};
    use crate::error::Malformed;

    #[test]
    fn a_credential_and_its_text() {
        let (id, scope) =
            Scope::parse_credential("AKIDEXAMPLE/20130524/eu-west-1/s3/aws4_request", Service::S3).unwrap();
        assert_eq!((id, scope.region(), scope.day()), ("AKIDEXAMPLE", "eu-west-1", b"20130524"));
        assert_eq!(scope.to_string(), "20130524/eu-west-1/s3/aws4_request");
        let (_, empty) = Scope::parse_credential("A/20130524//s3/aws4_request", Service::S3).unwrap();
        assert_eq!(empty.to_string(), "20130524//s3/aws4_request");
        assert_ne!(scope, empty);
        let text = "A/20130524/eu-west-1/sts/aws4_request";
        let (_, sts) = Scope::parse_credential(text, Service::Sts).unwrap();
        assert_eq!(sts.to_string(), "20130524/eu-west-1/sts/aws4_request");
        assert_ne!(scope, sts);
        assert_eq!(Scope::parse_credential(text, Service::S3).unwrap_err(), Malformed::Service);
    }

    #[test]
    fn what_is_no_credential() {
        let long_region = format!("A/20130524/{}/s3/aws4_request", "r".repeat(65));
        let long_id = format!("{}/20130524/r/s3/aws4_request", "A".repeat(129));
        for (text, expected) in [
            ("", Malformed::Credential),
            ("A", Malformed::Credential),
            ("A/20130524/r/s3", Malformed::Credential),
            ("A/20130524/r/s3/aws4_request/", Malformed::Credential),
            ("/20130524/r/s3/aws4_request", Malformed::Credential),
            ("A B/20130524/r/s3/aws4_request", Malformed::Credential),
            (&long_id, Malformed::Credential),
            ("A/2013052/r/s3/aws4_request", Malformed::CredentialDate),
            ("A/20130532/r/s3/aws4_request", Malformed::CredentialDate),
            ("A/2013O524/r/s3/aws4_request", Malformed::CredentialDate),
            ("A/20130524/r/sts/aws4_request", Malformed::Service),
            ("A/20130524/r/s3/aws5_request", Malformed::Terminator),
            ("A/20130524/r r/s3/aws4_request", Malformed::Region),
            (&long_region, Malformed::Region),
        ] {
            assert_eq!(Scope::parse_credential(text, Service::S3).unwrap_err(), expected, "{text}");
        }
    }
}
