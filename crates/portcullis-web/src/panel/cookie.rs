//! The cookies of the panel, and the tokens of its forms.
//!
//! Two cookies, both `HttpOnly; SameSite=Strict`: the session's, whose value is the session's token, and before signing in a
//! visit's, whose value means nothing. A third, for ten minutes and `SameSite=Lax`, is for the way to the identity provider and back: it
//! has to come along from there, and is worth nothing without the provider's answer. Over https they have the prefix `__Host-` (RFC 6265bis section 4.1.3.2) and are never sent
//! in the clear.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

/// As long as a session lasts, so that the browser forgets it too.
const SESSION_SECONDS: u64 = portcullis_control::SESSION_LIFETIME.as_secs();
const VISIT_SECONDS: u64 = 60 * 60;
const FLOW_SECONDS: u64 = portcullis_control::IDENTITY_LIFETIME.as_secs();

const fn name(visit: bool, secure: bool) -> &'static str {
    match (visit, secure) {
        (false, true) => "__Host-portcullis",
        (false, false) => "portcullis",
        (true, true) => "__Host-portcullis-visit",
        (true, false) => "portcullis-visit",
    }
}

/// The token of the session that the browser says it has.
pub(crate) fn session_of(headers: &HeaderMap, secure: bool) -> Option<&str> {
    value_of(headers, name(false, secure))
}

/// The value of the visit that the browser says it is on.
pub(super) fn visit_of(headers: &HeaderMap, secure: bool) -> Option<&str> {
    value_of(headers, name(true, secure))
}

/// The cookie that the forms of this browser go by: its session's, even if that has ended in the meantime, else its visit's.
pub(super) fn form_of(headers: &HeaderMap, secure: bool) -> Option<&str> {
    session_of(headers, secure).or_else(|| visit_of(headers, secure))
}

/// The value of a cookie that the browser says it has.
pub(crate) fn value_of<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut found = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value));
    // Two of one name come from two hands; neither is to be trusted.
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        (_, _) => None,
    }
}

/// Keeps the session in the browser.
pub(super) fn set_session(token: &str, secure: bool) -> Option<HeaderValue> {
    set(name(false, secure), token, SESSION_SECONDS, secure)
}

/// Makes the browser forget the session.
pub(super) fn end_session(secure: bool) -> Option<HeaderValue> {
    set(name(false, secure), "", 0, secure)
}

/// Keeps the visit in the browser.
pub(super) fn set_visit(value: &str, secure: bool) -> Option<HeaderValue> {
    set(name(true, secure), value, VISIT_SECONDS, secure)
}

const fn flow_name(secure: bool) -> &'static str {
    if secure { "__Host-portcullis-flow" } else { "portcullis-flow" }
}

/// What was sealed for the way to the identity provider.
pub(super) fn flow_of(headers: &HeaderMap, secure: bool) -> Option<&str> {
    value_of(headers, flow_name(secure))
}

/// Keeps it in the browser, which sends it along when the provider sends the browser back.
pub(super) fn set_flow(value: &str, secure: bool) -> Option<HeaderValue> {
    set_with(flow_name(secure), value, FLOW_SECONDS, secure, "Lax")
}

/// Makes the browser forget it.
pub(super) fn end_flow(secure: bool) -> Option<HeaderValue> {
    set_with(flow_name(secure), "", 0, secure, "Lax")
}

fn set(name: &str, value: &str, seconds: u64, secure: bool) -> Option<HeaderValue> {
    set_with(name, value, seconds, secure, "Strict")
}

fn set_with(name: &str, value: &str, seconds: u64, secure: bool, same_site: &str) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={seconds}{secure}");
    let mut value = HeaderValue::try_from(line).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The token that forms of this session, or of this visit, carry. Whoever can make it has the cookie already.
pub(crate) fn csrf_of(cookie: &str) -> String {
    let digest = Sha256::new().chain_update("portcullis form token\n").chain_update(cookie).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn a_session_is_read_once_or_not_at_all() {
        assert_eq!(session_of(&headers(&["a=b; portcullis=tok; c=d"]), false), Some("tok"));
        assert_eq!(session_of(&headers(&["portcullis=tok"]), true), None);
        assert_eq!(session_of(&headers(&["__Host-portcullis=tok"]), true), Some("tok"));
        for wrong in
            [&["portcullis=a; portcullis=b"][..], &["portcullis=a", "portcullis=b"], &["portcullis="], &[]]
        {
            assert_eq!(session_of(&headers(wrong), false), None, "{wrong:?}");
        }
    }

    #[test]
    fn cookies_are_out_of_reach() {
        let secure = set_session("tok", true).unwrap();
        assert!(secure.is_sensitive());
        let text = secure.to_str().unwrap();
        for part in ["__Host-portcullis=tok; Path=/;", "HttpOnly", "SameSite=Strict", "; Secure"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!set_session("tok", false).unwrap().to_str().unwrap().contains("Secure"));
        assert!(end_session(true).unwrap().to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(set_session("a\nb", true), None);
    }

    #[test]
    fn form_tokens_differ_and_give_nothing_away() {
        assert_ne!(csrf_of("a"), csrf_of("b"));
        assert_eq!(csrf_of("a").len(), 32);
    }
}
