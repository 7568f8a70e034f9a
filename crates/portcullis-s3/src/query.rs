//! The query of a request, decoded exactly as it was signed.

use std::borrow::Cow;

use portcullis_sigv4::encode::{decode_component, query_pairs};

use crate::error::{Code, S3Error};

/// More parameters than any operation has.
const MAX_PARAMETERS: usize = 64;

/// Parameters in the order sent, each name once.
#[derive(Debug, Default)]
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Decodes a raw query.
    ///
    /// # Errors
    /// `InvalidURI` for what is not UTF-8, `InvalidArgument` for a name that comes twice or too many names.
    pub(crate) fn parse(raw: Option<&'a str>) -> Result<Self, S3Error> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for (name, value) in raw.into_iter().flat_map(query_pairs) {
            let pair = (text(name)?, text(value)?);
            if pairs.len() == MAX_PARAMETERS || pairs.iter().any(|(known, _)| *known == pair.0) {
                return Err(S3Error::with(
                    Code::InvalidArgument,
                    "Each query parameter may be given only once.",
                ));
            }
            pairs.push(pair);
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter; the empty text if it has none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// As [`Query::get`], with the empty value taken for none.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Whether the parameter is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All parameters.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether the query carries a signature.
    pub(crate) fn is_presigned(&self) -> bool {
        self.has("X-Amz-Signature")
    }

    /// A number from 0 to `most`; a larger one is cut down to it.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else.
    pub(crate) fn limit(&self, name: &'static str, most: u32) -> Result<u32, S3Error> {
        let Some(text) = self.filled(name) else { return Ok(most) };
        // More digits than the type holds still are a number, and a large one.
        if text.len() > 9 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(most);
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|_| digits).ok_or_else(|| {
            S3Error::argument(name, format!("Argument {name} must be an integer between 0 and 2147483647"))
                .element("ArgumentValue", text)
        })?;
        Ok(number.min(most))
    }
}

fn text(raw: &str) -> Result<Cow<'_, str>, S3Error> {
    match decode_component(raw) {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Code::InvalidURI.into()),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Code::InvalidURI.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding() {
        let query = Query::parse(Some("prefix=a%2Fb+c&delimiter=%2F&acl&&x=")).unwrap();
        assert_eq!(query.get("prefix"), Some("a/b c"));
        assert_eq!(query.get("acl"), Some(""));
        assert_eq!(query.filled("x"), None);
        assert!(!query.has("policy"));
    }

    #[test]
    fn refusals() {
        assert_eq!(Query::parse(Some("a=1&%61=2")).unwrap_err().code, Code::InvalidArgument);
        assert_eq!(Query::parse(Some("a=%ff")).unwrap_err().code, Code::InvalidURI);
        let many: Vec<String> = (0..65).map(|at| format!("p{at}")).collect();
        assert_eq!(Query::parse(Some(&many.join("&"))).unwrap_err().code, Code::InvalidArgument);
    }

    #[test]
    fn limits() {
        let limit =
            |raw| Query::parse(Some(raw)).unwrap().limit("max-keys", 1000).map_err(|error| error.code);
        assert_eq!(limit(""), Ok(1000));
        assert_eq!(limit("max-keys="), Ok(1000));
        assert_eq!(limit("max-keys=0"), Ok(0));
        assert_eq!(limit("max-keys=7"), Ok(7));
        assert_eq!(limit("max-keys=2147483647"), Ok(1000));
        for wrong in ["max-keys=-1", "max-keys=a", "max-keys=%2B1", "max-keys=1.5"] {
            assert_eq!(limit(wrong), Err(Code::InvalidArgument), "{wrong}");
        }
    }
}
