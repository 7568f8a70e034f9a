//! The addresses that a request was passed on for, as its headers tell them: the client first, the nearest proxy last.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::FORWARDED;

use super::Unreadable;
use crate::peer::Peer;

/// More proxies than this between a client and us there are not.
const MOST_HOPS: usize = 32;

/// The elements of `X-Forwarded-For`, of all its fields in order.
pub(super) fn x_forwarded_for(headers: &HeaderMap) -> Result<Vec<String>, Unreadable> {
    let mut hops = Vec::new();
    for field in headers.get_all("x-forwarded-for") {
        let field = field.to_str().map_err(|_| Unreadable)?;
        hops.extend(field.split(',').map(|hop| hop.trim().to_owned()).filter(|hop| !hop.is_empty()));
    }
    bounded(hops)
}

/// The `for` parameters of `Forwarded` (RFC 7239 section 4), of all its fields in order. An element without one is a proxy that
/// keeps the address to itself.
pub(super) fn forwarded(headers: &HeaderMap) -> Result<Vec<String>, Unreadable> {
    let mut hops = Vec::new();
    for field in headers.get_all(FORWARDED) {
        let field = field.to_str().map_err(|_| Unreadable)?;
        for element in outside_quotes(field, ',')? {
            if element.trim().is_empty() {
                continue;
            }
            hops.push(for_of(element)?);
        }
    }
    bounded(hops)
}

fn bounded(hops: Vec<String>) -> Result<Vec<String>, Unreadable> {
    if hops.len() > MOST_HOPS { Err(Unreadable) } else { Ok(hops) }
}

fn for_of(element: &str) -> Result<String, Unreadable> {
    let mut found = None;
    for pair in outside_quotes(element, ';')? {
        let (name, value) = pair.split_once('=').ok_or(Unreadable)?;
        if name.trim().eq_ignore_ascii_case("for") && found.replace(unquoted(value.trim())?).is_some() {
            return Err(Unreadable);
        }
    }
    found.ok_or(Unreadable)
}

/// Splits at a separator that does not stand in a quoted string (RFC 9110 section 5.6.4).
fn outside_quotes(text: &str, separator: char) -> Result<Vec<&str>, Unreadable> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            letter if letter == separator && !quoted => {
                parts.push(text.get(begin..at).ok_or(Unreadable)?);
                begin = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    if quoted {
        return Err(Unreadable);
    }
    parts.push(text.get(begin..).ok_or(Unreadable)?);
    Ok(parts)
}

fn unquoted(value: &str) -> Result<String, Unreadable> {
    let Some(inner) = value.strip_prefix('"') else { return Ok(value.to_owned()) };
    let inner = inner.strip_suffix('"').ok_or(Unreadable)?;
    // No address needs an escape.
    if inner.contains(['\\', '"']) { Err(Unreadable) } else { Ok(inner.to_owned()) }
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
pub(super) fn address(hop: &str) -> Result<Peer, Unreadable> {
    if let Ok(socket) = hop.parse::<SocketAddr>() {
        return Ok(Peer::from(socket));
    }
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().map_err(|_| Unreadable)?;
    Ok(Peer { address: address.to_canonical(), port: 0 })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::{Proxies, ProxyKind, Unreadable};
    use super::*;

    fn client(kind: ProxyKind, from: &str, fields: &[(&'static str, &str)]) -> Result<String, Unreadable> {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let peer = Peer { address: from.parse().unwrap(), port: 1 };
        Proxies::new(trusted.to_vec(), kind).client(peer, &headers).map(|peer| peer.address.to_string())
    }

    fn by_xff(from: &str, value: &str) -> Result<String, Unreadable> {
        client(ProxyKind::XForwardedFor, from, &[("x-forwarded-for", value)])
    }

    fn by_forwarded(value: &str) -> Result<String, Unreadable> {
        client(ProxyKind::Forwarded, "10.0.0.1", &[("forwarded", value)])
    }

    #[test]
    fn a_stranger_is_who_they_are_whatever_they_say() {
        for kind in [ProxyKind::XForwardedFor, ProxyKind::Forwarded, ProxyKind::ProxyProtocol] {
            let said = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1")];
            assert_eq!(client(kind, "203.0.113.7", &said).unwrap(), "203.0.113.7");
        }
        assert_eq!(by_xff("203.0.113.7", "garbage").unwrap(), "203.0.113.7");
    }

    #[test]
    fn the_rightmost_that_is_no_proxy_is_the_client() {
        for (value, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            ("192.0.2.66, 198.51.100.1", "198.51.100.1"),
            ("192.0.2.66, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
            ("10.0.0.9, 198.51.100.1,10.2.3.4 ,2001:db8:1::5", "198.51.100.1"),
            ("garbage, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("10.9.9.9, 10.8.8.8", "10.9.9.9"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(by_xff("10.0.0.1", value).unwrap(), expected, "{value}");
        }
        let several = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "198.51.100.1, 10.1.1.1")];
        assert_eq!(client(ProxyKind::XForwardedFor, "10.0.0.1", &several).unwrap(), "198.51.100.1");
        let other = [("forwarded", "for=192.0.2.66")];
        assert_eq!(client(ProxyKind::XForwardedFor, "10.0.0.1", &other).unwrap(), "10.0.0.1");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for value in ["unknown", "198.51.100.1, garbage", "198.51.100.256", "1.2.3.4.5, 10.0.0.2"] {
            assert_eq!(by_xff("10.0.0.1", value), Err(Unreadable), "{value}");
        }
        assert_eq!(by_xff("10.0.0.1", &["10.0.0.2"; 40].join(",")), Err(Unreadable));
    }

    #[test]
    fn rfc_7239() {
        for (value, expected) in [
            ("for=198.51.100.1", "198.51.100.1"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=192.0.2.66;proto=http;by=203.0.113.43, for=198.51.100.17", "198.51.100.17"),
            ("for=198.51.100.1;host=\"a,b;for=192.0.2.66\", for=10.0.0.2", "198.51.100.1"),
        ] {
            assert_eq!(by_forwarded(value).unwrap(), expected, "{value}");
        }
        for value in
            ["for=unknown", "for=_hidden", "proto=https", "for=\"198.51.100.1", "for=a;for=b", "198.51.100.1"]
        {
            assert_eq!(by_forwarded(value), Err(Unreadable), "{value}");
        }
    }
}
