//! Continuation tokens: where a listing goes on, in a form that clients hand back unread.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_access::ListPosition;
use sha2::{Digest as _, Sha256};

use crate::error::S3Error;

const CHECK: usize = 8;
const KEY: u8 = b'k';
const PREFIX: u8 = b'p';

/// What a token is for: with any other listing it is refused. It opens nothing, since every page is decided anew; the
/// check only tells a client early that it mixed two listings up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenScope<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
}

impl TokenScope<'_> {
    /// The token for a position.
    pub(crate) fn seal(&self, position: &ListPosition) -> String {
        let (kind, text) = match position {
            ListPosition::AfterKey(key) => (KEY, key),
            ListPosition::AfterPrefix(prefix) => (PREFIX, prefix),
        };
        let mut bytes = Vec::with_capacity(CHECK + 1 + text.len());
        bytes.extend_from_slice(&self.check(kind, text.as_bytes()));
        bytes.push(kind);
        bytes.extend_from_slice(text.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position of a token.
    ///
    /// # Errors
    /// `InvalidArgument` for what is not a token of this listing.
    pub(crate) fn open(&self, token: &str) -> Result<ListPosition, S3Error> {
        self.read(token).ok_or_else(|| {
            S3Error::argument("continuation-token", "The continuation token provided is incorrect")
        })
    }

    fn read(&self, token: &str) -> Option<ListPosition> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (check, rest) = bytes.split_at_checked(CHECK)?;
        let (kind, text) = rest.split_first()?;
        if self.check(*kind, text) != check {
            return None;
        }
        let text = str::from_utf8(text).ok()?.to_owned();
        match *kind {
            KEY => Some(ListPosition::AfterKey(text)),
            PREFIX => Some(ListPosition::AfterPrefix(text)),
            _ => None,
        }
    }

    fn check(&self, kind: u8, text: &[u8]) -> [u8; CHECK] {
        let mut hash = Sha256::new();
        for piece in [self.bucket, self.prefix, self.delimiter.unwrap_or_default()] {
            hash.update(piece.as_bytes());
            // No bucket, prefix or delimiter holds U+0000, so that no two scopes run into one.
            hash.update([0]);
        }
        hash.update([kind]);
        hash.update(text);
        let mut check = [0; CHECK];
        for (place, byte) in check.iter_mut().zip(hash.finalize()) {
            *place = byte;
        }
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCOPE: TokenScope<'static> = TokenScope { bucket: "b", prefix: "p/", delimiter: Some("/") };

    #[test]
    fn a_token_is_for_its_listing() {
        let token = SCOPE.seal(&ListPosition::AfterKey("p/é\u{1}".into()));
        assert_eq!(SCOPE.open(&token).unwrap(), ListPosition::AfterKey("p/é\u{1}".into()));
        for other in [
            TokenScope { bucket: "c", ..SCOPE },
            TokenScope { prefix: "p", ..SCOPE },
            TokenScope { delimiter: None, ..SCOPE },
            TokenScope { bucket: "bp/", prefix: "", ..SCOPE },
        ] {
            assert!(other.open(&token).is_err(), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn foreign_tokens_are_refused(token in "[A-Za-z0-9_-]{0,60}") {
            prop_assert!(SCOPE.open(&token).is_err());
        }

        #[test]
        fn positions_round_trip(text in "\\PC{0,40}", prefix: bool) {
            let position = if prefix { ListPosition::AfterPrefix(text) } else { ListPosition::AfterKey(text) };
            prop_assert_eq!(SCOPE.open(&SCOPE.seal(&position)).unwrap(), position);
        }
    }
}
