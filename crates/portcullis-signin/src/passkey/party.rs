//! Who asks for passkeys: a domain and the one origin its pages have.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

/// The address of the panel as passkeys see it. A passkey belongs to the domain for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    origin: String,
    id: String,
}

impl RelyingParty {
    /// For pages at this address, such as `https://gate.example.org`; what comes after host and port does not matter.
    ///
    /// None where browsers have no passkeys: without https (but on `localhost`), and at an address that is a number.
    #[must_use]
    pub fn at(address: &str) -> Option<Self> {
        let address = address.to_ascii_lowercase();
        let (scheme, rest) = address.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
            None => (authority, None),
        };
        let is_local = host == "localhost" || host.ends_with(".localhost");
        let default_port = match scheme {
            "https" => 443,
            "http" if is_local => 80,
            _ => return None,
        };
        let is_name = host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
        if !is_name || host.len() > 253 || host.parse::<IpAddr>().is_ok() {
            return None;
        }
        let origin = match port.filter(|port| *port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Some(Self { origin, id: host.to_owned() })
    }

    /// The domain that its passkeys belong to.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The origin of its pages, as browsers write it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn id_hash(&self) -> [u8; 32] {
        Sha256::digest(self.id.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_as_browsers_write_them() {
        for (address, origin, id) in [
            ("https://Gate.Example.org", "https://gate.example.org", "gate.example.org"),
            ("https://gate.example.org:443/panel/", "https://gate.example.org", "gate.example.org"),
            ("https://gate.example.org:8443", "https://gate.example.org:8443", "gate.example.org"),
            ("http://localhost:3000/", "http://localhost:3000", "localhost"),
            ("http://localhost:80", "http://localhost", "localhost"),
        ] {
            let party = RelyingParty::at(address).unwrap();
            assert_eq!((party.origin(), party.id()), (origin, id));
        }
    }

    #[test]
    fn where_browsers_have_no_passkeys() {
        for address in [
            "http://gate.example.org",
            "https://192.0.2.7",
            "https://[2001:db8::7]:8443",
            "http://127.0.0.1:9000",
            "https://",
            "https://a@b.example",
            "https://gate..example",
            "https://gate.example:none",
            "gate.example.org",
            "ftp://localhost",
        ] {
            assert_eq!(RelyingParty::at(address), None, "{address}");
        }
    }
}
