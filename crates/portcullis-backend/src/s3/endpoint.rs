//! A provider's address, parsed once.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The address of a provider: scheme, host and port, nothing else. The host is in lower case; an IPv6 address stands in
/// brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    secure: bool,
    host: Box<str>,
    port: u16,
}

/// Why a text is no endpoint, and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Nothing was given.
    #[error("enter the provider's address, for example https://s3.example.com")]
    Empty,
    /// Something other than `http` or `https`.
    #[error("begin the address with https:// (or with http:// for a provider in your own network)")]
    Scheme,
    /// `user:password@` in front of the host.
    #[error(
        "leave user name and password out of the address; the access key and its secret have fields of their own"
    )]
    Credentials,
    /// Something after the host.
    #[error(
        "the address ends after the host and the port; the bucket and the prefix have fields of their own"
    )]
    Path,
    /// A `?`.
    #[error("leave out the question mark and what follows it")]
    Query,
    /// A `#`.
    #[error("leave out the # and what follows it")]
    Fragment,
    /// The port is not from 1 to 65535.
    #[error("the port after the colon must be a number from 1 to 65535")]
    Port,
    /// The host is neither a name nor an address.
    #[error(
        "the host must be a name such as s3.example.com, an IPv4 address, or an IPv6 address in square brackets"
    )]
    Host,
}

impl Endpoint {
    /// Whether it is spoken to over TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host: a name in lower case, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host as an address, if it is not a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        parse_ip(&self.host)
    }

    /// The host, with the port unless it is the scheme's own: the value of `host`.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The scheme: `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// An address of a host in a URL, brackets and all.
pub(super) fn parse_ip(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidEndpoint::Empty);
        }
        let (secure, rest) = match text.split_once("://") {
            None => (true, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err(InvalidEndpoint::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        for (mark, error) in [
            ('?', InvalidEndpoint::Query),
            ('#', InvalidEndpoint::Fragment),
            ('@', InvalidEndpoint::Credentials),
            ('/', InvalidEndpoint::Path),
            ('\\', InvalidEndpoint::Path),
        ] {
            if rest.contains(mark) {
                return Err(error);
            }
        }
        let (host, port) = split_port(rest)?;
        let port = match port {
            None if secure => 443,
            None => 80,
            Some(digits) => parse_port(digits)?,
        };
        let host = host.to_ascii_lowercase();
        if parse_ip(&host).is_none() && !is_name(&host) {
            return Err(InvalidEndpoint::Host);
        }
        Ok(Self { secure, host: host.into(), port })
    }
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), InvalidEndpoint> {
    if text.starts_with('[') {
        let (inner, rest) = text.split_once(']').ok_or(InvalidEndpoint::Host)?;
        let host = text.get(..=inner.len()).ok_or(InvalidEndpoint::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(InvalidEndpoint::Host),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, port)) if port.contains(':') => Err(InvalidEndpoint::Host),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

fn parse_port(digits: &str) -> Result<u16, InvalidEndpoint> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port != 0).ok_or(InvalidEndpoint::Port)
}

fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=253).contains(&host.len()) && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, told, authority) in [
            ("https://s3.example.com", "https://s3.example.com", "s3.example.com"),
            (" S3.Example.com/ ", "https://s3.example.com", "s3.example.com"),
            ("http://10.0.0.1:9000", "http://10.0.0.1:9000", "10.0.0.1:9000"),
            ("HTTPS://host:443", "https://host", "host"),
            ("http://host:443", "http://host:443", "host:443"),
            ("http://[::1]:8333", "http://[::1]:8333", "[::1]:8333"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), told, "{text}");
            assert_eq!(endpoint.authority(), authority, "{text}");
            assert_eq!(told.parse(), Ok(endpoint), "{text}");
        }
    }

    #[test]
    fn what_is_refused_and_why() {
        use InvalidEndpoint as Why;
        for (text, why) in [
            ("", Why::Empty),
            ("https://", Why::Host),
            ("ftp://host", Why::Scheme),
            ("s3://bucket", Why::Scheme),
            ("https://user:secret@host", Why::Credentials),
            ("https://host/bucket", Why::Path),
            ("host/bucket/", Why::Path),
            ("https://host//", Why::Path),
            ("https://host\\x", Why::Path),
            ("https://host?x=y", Why::Query),
            ("https://host#x", Why::Fragment),
            ("https://host:", Why::Port),
            ("https://host:0", Why::Port),
            ("https://host:65536", Why::Port),
            ("https://host:+80", Why::Port),
            ("https://host:80:90", Why::Host),
            ("https://::1", Why::Host),
            ("https://[::1", Why::Host),
            ("https://[::1]x", Why::Host),
            ("https://[zz]", Why::Host),
            ("https://a b", Why::Host),
            ("https://-a.b", Why::Host),
            ("https://a..b", Why::Host),
            ("https://ho\u{0}st", Why::Host),
            ("https://h\u{f6}st.example", Why::Host),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(why), "{text}");
        }
    }
}
