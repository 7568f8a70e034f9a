//! What a visitor's browser remembers of a link: that its password was given, and which download it has begun.
//!
//! Both are sealed by the server and mean nothing to anybody else. They are kept to the one link's own path, out of the reach of
//! scripts and of other sites; a cookie for a path cannot have the prefix `__Host-`, so over https it has `__Secure-`.

use http::{HeaderMap, HeaderValue};

use crate::panel::value_of;

/// What is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept {
    /// That the password was given.
    Unlocked,
    /// A download that was counted.
    Begun,
}

impl Kept {
    const fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Unlocked, true) => "__Secure-portcullis-link",
            (Self::Unlocked, false) => "portcullis-link",
            (Self::Begun, true) => "__Secure-portcullis-begun",
            (Self::Begun, false) => "portcullis-begun",
        }
    }

    /// What the browser says it remembers.
    pub(super) fn read(self, headers: &HeaderMap, secure: bool) -> Option<&str> {
        value_of(headers, self.name(secure))
    }

    /// Makes the browser remember it until it is closed, for this link alone.
    pub(super) fn set(self, token: &str, value: &str, secure: bool) -> Option<HeaderValue> {
        // It stands in a header between other words.
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let name = self.name(secure);
        let only = if secure { "; Secure" } else { "" };
        let line = format!("{name}={value}; Path=/s/{token}; HttpOnly; SameSite=Strict{only}");
        let mut value = HeaderValue::try_from(line).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::COOKIE;

    #[test]
    fn they_are_kept_to_their_link() {
        let line = Kept::Unlocked.set("pcsABC", "sealed", true).unwrap();
        assert!(line.is_sensitive());
        assert_eq!(
            line.to_str().unwrap(),
            "__Secure-portcullis-link=sealed; Path=/s/pcsABC; HttpOnly; SameSite=Strict; Secure"
        );
        let plain = Kept::Begun.set("pcsABC", "sealed", false).unwrap();
        assert_eq!(
            plain.to_str().unwrap(),
            "portcullis-begun=sealed; Path=/s/pcsABC; HttpOnly; SameSite=Strict"
        );
        for wrong in ["a; Path=/", "a/b", "a b", "a\nb"] {
            assert_eq!(Kept::Unlocked.set(wrong, "sealed", true), None, "{wrong}");
        }
    }

    #[test]
    fn they_are_read_by_their_names() {
        let headers = HeaderMap::from_iter([(
            COOKIE,
            HeaderValue::from_static("portcullis-link=a; portcullis-begun=b"),
        )]);
        assert_eq!(Kept::Unlocked.read(&headers, false), Some("a"));
        assert_eq!(Kept::Begun.read(&headers, false), Some("b"));
        assert_eq!(Kept::Unlocked.read(&headers, true), None);
    }
}
