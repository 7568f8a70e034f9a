//! Addresses: what a request's path, its `Destination` or a tag of its `If` names, and how names are written into addresses.

use http::header::HOST;
use http::{HeaderMap, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use portcullis_files::TreePath;

use super::reply::{Refusal, Result};

/// Where WebDAV is.
pub(crate) const PREFIX: &str = "/dav";

/// What a name keeps in an address: unreserved characters, and those delimiters that no client takes for anything else.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b'@');

/// What has to be encoded before a text can be an address at all.
const LOOSE: AsciiSet =
    percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}');

/// Whether an address is written as a folder's is.
pub(crate) fn says_folder(uri: &Uri) -> bool {
    uri.path().ends_with('/')
}

/// The path that a request is for.
///
/// # Errors
/// 400 if it names nothing that a tree could hold.
pub(crate) fn of_request(uri: &Uri) -> Result<TreePath> {
    if uri.query().is_some() {
        // Nothing here has parameters: what somebody means by one must not be ignored.
        return Err(Refusal::bad("An address of WebDAV has no query."));
    }
    path_of(uri.path())
}

/// The path behind the prefix, each name decoded once.
fn path_of(path: &str) -> Result<TreePath> {
    let outside = || Refusal::new(StatusCode::BAD_GATEWAY, "That address is not one of this WebDAV folder.");
    let below = path.strip_prefix(PREFIX).ok_or_else(outside)?;
    if !below.is_empty() && !below.starts_with('/') {
        return Err(outside());
    }
    let mut raw = Vec::with_capacity(below.len());
    // Clients write one and the same thing with and without a `/` at its end.
    for (at, segment) in below.trim_end_matches('/').split('/').enumerate() {
        if at > 0 {
            raw.push(b'/');
        }
        let name: Vec<u8> = percent_decode_str(segment).collect();
        // A `/` in a name would make two of it, and whoever writes dots would land somewhere else than they asked.
        if name.contains(&b'/') || name == b"." || name == b".." {
            return Err(Refusal::bad("A name in an address is neither . nor .., and holds no /."));
        }
        raw.extend_from_slice(&name);
    }
    TreePath::top().join(&raw).map_err(|error| Refusal::from(portcullis_files::FileError::Path(error)))
}

/// Another address of this server: an absolute path or a whole address with this host.
///
/// # Errors
/// 400 if it is no address, 502 if it is somewhere else (RFC 4918 section 9.8.5).
pub(crate) fn of_text(text: &str, headers: &HeaderMap, web_address: &str) -> Result<TreePath> {
    let malformed = || Refusal::bad("That is not an address.");
    if text.contains(['#', '?']) || !(text.trim().starts_with('/') || text.contains("://")) {
        return Err(malformed());
    }
    // Some clients send letters as they are.
    let ascii = utf8_percent_encode(text.trim(), &LOOSE).to_string();
    let uri: Uri = ascii.parse().map_err(|_| malformed())?;
    if let Some(authority) = uri.authority() {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let ours = web_address.parse::<Uri>().ok();
        let ours = ours.as_ref().and_then(Uri::authority).map_or("", |authority| authority.as_str());
        let same = |other: &str| !other.is_empty() && bare(authority.as_str()) == bare(other);
        if !same(host) && !same(ours) {
            return Err(Refusal::new(StatusCode::BAD_GATEWAY, "That address is on another server."));
        }
    }
    path_of(uri.path())
}

/// A host and port without what they need not say. Whoever ends TLS in front of this server changes scheme and default port.
fn bare(authority: &str) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let short = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80"));
    short.map_or_else(|| host.clone(), str::to_owned)
}

/// The address of a path, as an answer writes it; a folder's ends with `/`.
pub(crate) fn href(path: &TreePath, folder: bool) -> String {
    let mut address = PREFIX.to_owned();
    for name in path.names() {
        push_name(&mut address, name);
    }
    if folder {
        address.push('/');
    }
    address
}

/// The address of what is in a folder of this address.
pub(crate) fn child(folder: &str, name: &str, is_folder: bool) -> String {
    let mut address = folder.trim_end_matches('/').to_owned();
    push_name(&mut address, name);
    if is_folder {
        address.push('/');
    }
    address
}

fn push_name(address: &mut String, name: &str) {
    address.push('/');
    for piece in utf8_percent_encode(name, SEGMENT) {
        address.push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn names(path: &TreePath) -> Vec<&str> {
        path.names().iter().map(String::as_str).collect()
    }

    fn asked(path: &str) -> Result<TreePath> {
        of_request(&path.parse().unwrap())
    }

    #[test]
    fn paths_of_requests() {
        for (path, wanted) in [
            ("/dav", &[][..]),
            ("/dav/", &[]),
            ("/dav/a", &["a"]),
            ("/dav/a%20b/%C3%BC/", &["a b", "\u{fc}"]),
            ("/dav/a%25b", &["a%b"]),
            ("/dav/%252F", &["%2F"]),
            ("/dav/a+b&c;d", &["a+b&c;d"]),
        ] {
            assert_eq!(names(&asked(path).unwrap()), wanted, "{path}");
        }
        for wrong in [
            "/dav/a%2Fb",
            "/dav/../x",
            "/dav/%2e%2E/x",
            "/dav/a/./b",
            "/dav/%00",
            "/dav/%FF",
            "/dav/a?x=1",
            "/davx",
            "/other",
        ] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_read_as_they_were_written() {
        for name in [
            "a",
            "a b",
            "100%",
            "%2F",
            "\u{fc}\u{10000}",
            "a;b&c=d?e#f",
            "'\"<>",
            "[x]",
            "~-_.!$()*+,=@",
            ":",
        ] {
            let path = TreePath::top().join(format!("/x/{name}").as_bytes()).unwrap();
            let address = href(&path, false);
            assert_eq!(child("/dav/x/", name, false), address);
            assert_eq!(names(&asked(&address).unwrap()), ["x", name], "{address}");
        }
    }

    #[test]
    fn other_addresses() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("Gate.example:8443"))]);
        let read = |text: &str| of_text(text, &headers, "https://files.example.org");
        for ours in [
            "/dav/a/b",
            "http://gate.example:8443/dav/a/b",
            "https://GATE.example:8443/dav/a/b",
            "https://files.example.org/dav/a/b",
            "http://files.example.org:443/dav/a/b",
            "https://files.example.org:443/dav/a/b",
            "https://name@files.example.org/dav/a/b",
        ] {
            assert_eq!(names(&read(ours).unwrap()), ["a", "b"], "{ours}");
        }
        assert_eq!(names(&read("/dav/\u{fc} b").unwrap()), ["\u{fc} b"]);
        for (wrong, status) in [
            ("http://gate.example/dav/a", 502),
            ("https://evil.example/dav/a", 502),
            ("https://files.example.org.evil.example/dav/a", 502),
            ("https://files.example.org@evil.example/dav/a", 502),
            ("/files/a", 502),
            ("/davit", 502),
            ("/dav/../a", 400),
            ("/dav/a%2fb", 400),
            ("dav/a", 400),
            ("", 400),
            ("/dav/a?b", 400),
            ("/dav/a#b", 400),
        ] {
            let refusal = read(wrong).unwrap_err();
            assert_eq!(refusal.status().as_u16(), status, "{wrong}");
        }
    }
}
