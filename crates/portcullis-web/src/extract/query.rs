//! Query strings: decoded strictly, every parameter known, none twice.
//!
//! A parameter that is not understood could have changed what is meant, and a name of a file must not be bent into another,
//! so whatever is unclear is refused.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use super::json::field_of;
use crate::app::App;
use crate::problem::Problem;

/// The query, as this. Its fields are read from text: take `String` or a type that deserialises from one.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &Arc<App>) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// A query, as this.
///
/// # Errors
/// A problem that names the parameter.
pub(crate) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(Problem::invalid_field(name, "given more than once"));
        }
        pairs.push((name, value));
    }
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let deserializer = MapDeserializer::<_, serde::de::value::Error>::new(pairs);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        Problem::invalid_field(field_of(&path, &message), message)
    })
}

/// Undoes the encoding of forms: `+` is a space, `%` and two hexadecimal digits a byte, the bytes UTF-8.
fn decode(text: &str) -> Result<String, Problem> {
    let malformed = || Problem::malformed("The query is not percent-encoded UTF-8.");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2).ok_or_else(malformed)?;
                let digit = |digit: Option<&u8>| digit.and_then(|digit| char::from(*digit).to_digit(16));
                let value =
                    digit(digits.first()).zip(digit(digits.get(1))).map(|(high, low)| high * 16 + low);
                bytes.push(value.and_then(|value| u8::try_from(value).ok()).ok_or_else(malformed)?);
                rest = after;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

/// A page of what people have named.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NameQuery {
    /// Only those whose name contains it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    pub(crate) search: Option<String>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: Limit,
    /// `next_cursor` of the page before, of a list with the same search.
    #[serde(default, deserialize_with = "from_text")]
    pub(crate) cursor: Option<String>,
}

/// How many items a page may have: 1 to 1,000, 100 if left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) u32);

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let limit = text.parse().ok().filter(|limit| digits && (1..=1000).contains(limit));
        limit.map(Self).ok_or_else(|| D::Error::custom("a number from 1 to 1000"))
    }
}

/// A value that is read from its text.
pub(crate) fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr,
    T::Err: fmt::Display,
{
    text(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
    }
    deserializer.deserialize_str(Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Given {
        key: String,
    }

    fn key(query: &str) -> Option<String> {
        parse::<Given>(query).ok().map(|given| given.key)
    }

    #[test]
    fn a_key_comes_through_as_it_was_meant() {
        for (query, wanted) in [
            ("key=a//b", "a//b"),
            ("key=a%2F%2fb", "a//b"),
            ("key=a+b%20c%2Bd", "a b c+d"),
            ("key=%C3%BC%26%3D", "ü&="),
            ("key=a=b", "a=b"),
            ("&key=..%2f.&", "../."),
            ("k%65y=a", "a"),
        ] {
            assert_eq!(key(query).as_deref(), Some(wanted), "{query}");
        }
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for query in
            ["key=%", "key=%4", "key=%zz", "key=%+1", "key=%FF", "key=a&key=b", "key=a&other=1", "", "other"]
        {
            assert_eq!(key(query), None, "{query}");
        }
    }

    #[test]
    fn limits() {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            limit: Limit,
        }
        let limit = |query: &str| parse::<Page>(query).ok().map(|page| page.limit.0);
        assert_eq!([limit(""), limit("limit=1"), limit("limit=1000")], [Some(100), Some(1), Some(1000)]);
        for wrong in
            ["limit=0", "limit=1001", "limit=-1", "limit=%2B5", "limit=", "limit=1e2", "limit=99999999999"]
        {
            assert_eq!(limit(wrong), None, "{wrong}");
        }
    }
}
