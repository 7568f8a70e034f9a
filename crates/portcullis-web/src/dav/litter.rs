//! What operating systems leave in every folder that they look at.
//!
//! It is kept as any other file, since those who wrote it read it back; but it is not in listings unless somebody asks for it: with the
//! header `X-Litter: show`. The Mac asks by being one: it hides these files itself, and misses what it wrote if they are not told.

use http::HeaderMap;
use http::header::USER_AGENT;

/// The header with which litter is asked for.
pub(crate) const ASKS: &str = "x-litter";

/// Names that are litter as they are.
const NAMES: [&str; 11] = [
    ".DS_Store",
    ".Spotlight-V100",
    ".TemporaryItems",
    ".Trashes",
    ".VolumeIcon.icns",
    ".apdisk",
    ".fseventsd",
    ".metadata_never_index",
    ".metadata_never_index_unless_rootfs",
    ".ql_disablecache",
    ".ql_disablethumbnails",
];

/// Whether a file or folder of this name was left by an operating system. Windows writes its own in any case.
pub(crate) fn is_litter(name: &str) -> bool {
    name.starts_with("._")
        || NAMES.contains(&name)
        || ["desktop.ini", "thumbs.db"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Whether a client is told of litter.
pub(crate) fn is_shown(headers: &HeaderMap) -> bool {
    let asked = headers.get(ASKS).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"show"));
    let agent = headers.get(USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
    asked || agent.starts_with(b"WebDAVFS/") || agent.starts_with(b"WebDAVLib/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn litter_is_known_by_its_name() {
        for litter in
            ["._report.pdf", ".DS_Store", ".metadata_never_index", "Thumbs.db", "desktop.ini", "Desktop.ini"]
        {
            assert!(is_litter(litter), "{litter}");
        }
        for kept in ["report.pdf", ".profile", "_.x", ".ds_store2", ".git", "..x"] {
            assert!(!is_litter(kept), "{kept}");
        }
    }

    #[test]
    fn whoever_asks_is_told() {
        let with = |name, value| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        assert!(
            is_shown(&with(ASKS, "show"))
                && is_shown(&with("user-agent", "WebDAVFS/3.0.0 (03008000) Darwin/21.6.0 (x86_64)"))
        );
        assert!(!is_shown(&HeaderMap::new()) && !is_shown(&with("user-agent", "davfs2/1.6.1 neon/0.32.2")));
    }
}
