//! Who asks, with a key of the channel `http`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis_access::{Denial, Origin, Principal};
use portcullis_domain::{Channel, Secret};
use zeroize::Zeroizing;

use super::refused::problem;
use crate::app::App;
use crate::extract::Stranger;
use crate::problem::Result;

/// Which way to authenticate is offered to whoever came without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Plain HTTP: `Basic` and `Bearer`.
    Files,
    /// WebDAV: `Basic` alone, since some clients give up at a list.
    Dav,
}

/// What the header `Authorization` shows.
enum Shown<'a> {
    Nothing,
    /// User name and secret.
    Pair(Zeroizing<String>),
    Token(&'a str),
    Unreadable,
}

/// The key that a request shows. Nothing of the request's body is needed for it.
///
/// # Errors
/// A problem with status 401 and a challenge of the door, 403 for a key that is known and may do nothing, 429, 503; 400 if the proxy in
/// front does not tell whom it passes on.
pub(crate) async fn authenticate(app: &App, parts: &Parts, door: Door) -> Result<Principal> {
    let stranger = Stranger::of(parts)?;
    let origin = Origin { channel: Channel::Http, ..stranger.origin() };
    let refuse = |denial| Err(problem(app.access.refuse(origin, None, denial), door));
    match shown(parts) {
        Shown::Nothing => refuse(Denial::NoCredentials),
        Shown::Unreadable => refuse(Denial::Malformed),
        // A session has no point in its token. It is not looked up: here it would be nobody's.
        Shown::Token(token) if !token.contains('.') => refuse(Denial::BadSecret),
        Shown::Token(token) => {
            app.access.authenticate_bearer(origin, token).await.map_err(|error| problem(error, door))
        }
        Shown::Pair(pair) => {
            let (name, secret) = pair.split_once(':').unwrap_or((&pair, ""));
            let secret = Secret::foreign(secret.to_owned());
            let known = app.access.authenticate_password(origin, name, &secret).await;
            known.map_err(|error| problem(error, door))
        }
    }
}

fn shown(parts: &Parts) -> Shown<'_> {
    let mut given = parts.headers.get_all(AUTHORIZATION).iter();
    let value = match (given.next(), given.next()) {
        (None, _) => return Shown::Nothing,
        (Some(value), None) => value.to_str().ok(),
        (Some(_), Some(_)) => None,
    };
    let parted = value.and_then(|value| value.split_once(' '));
    let Some((scheme, rest)) = parted else { return Shown::Unreadable };
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("basic") {
        return pair(rest).map_or(Shown::Unreadable, Shown::Pair);
    }
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        return Shown::Token(rest);
    }
    Shown::Unreadable
}

/// User name and secret of a request that shows them by `Basic`, with a colon between; none if it shows nothing, or something else.
pub(crate) fn basic_pair(parts: &Parts) -> Option<Zeroizing<String>> {
    match shown(parts) {
        Shown::Pair(pair) => Some(pair),
        Shown::Nothing | Shown::Token(_) | Shown::Unreadable => None,
    }
}

/// User name and password as RFC 7617 writes them: base64 of UTF-8 with a colon between.
fn pair(text: &str) -> Option<Zeroizing<String>> {
    let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
    let text =
        String::from_utf8(bytes).map(Zeroizing::new).map_err(|error| Zeroizing::new(error.into_bytes()));
    text.ok().filter(|text| text.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(values: &[&str]) -> Parts {
        let mut request = Request::builder();
        for value in values {
            request = request.header(AUTHORIZATION, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn pairs_and_tokens() {
        for (value, wanted) in [
            ("Basic YTpi", "a:b"),
            ("basic  YTpi ", "a:b"),
            ("Basic YTpiOmM=", "a:b:c"),
            ("Basic Og==", ":"),
            ("Basic YcO8OsO8", "a\u{fc}:\u{fc}"),
        ] {
            let parts = parts(&[value]);
            let Shown::Pair(pair) = shown(&parts) else { panic!("{value}") };
            assert_eq!(*pair, wanted);
        }
        let token = parts(&["bEaReR x.y"]);
        assert!(matches!(shown(&token), Shown::Token("x.y")));
    }

    #[test]
    fn what_is_neither() {
        assert!(matches!(shown(&parts(&[])), Shown::Nothing));
        for wrong in ["Basic", "Basic ", "Basic YQ==", "Basic *", "Basic YTr/", "Bearer ", "Digest x", "x"] {
            assert!(matches!(shown(&parts(&[wrong])), Shown::Unreadable), "{wrong}");
        }
        assert!(matches!(shown(&parts(&["Basic YTpi", "Basic YTpi"])), Shown::Unreadable));
    }
}
