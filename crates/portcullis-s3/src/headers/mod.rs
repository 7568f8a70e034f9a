//! Reading the headers of a request and writing those of an answer.

mod checksum;
mod conditions;
mod content;
mod object;

use http::HeaderMap;

pub(crate) use checksum::{
    algorithm_of, body_digests, decode_digest, element_name, push_digest, set_checksum, set_digest,
    single_digest, wire_name,
};
pub(crate) use conditions::{
    copy_source_conditions, delete_condition, etag_condition, parse_range, read_conditions, write_conditions,
};
pub(crate) use content::{content_headers, parse_tags, refuse_unsupported, tags_header, text_of};
pub(crate) use object::{Overrides, object_headers, set_etag, set_version};

use crate::error::{Code, S3Error};

/// The value of a header that may come once and is plain ASCII.
///
/// # Errors
/// `InvalidArgument` if it comes several times or is not ASCII: acting on half of it would be a guess.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, S3Error> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(S3Error::with(
            Code::InvalidArgument,
            format!("The header {name} may be given only once."),
        ));
    }
    let wrong = || {
        S3Error::with(
            Code::InvalidArgument,
            format!("The header {name} has characters that it may not have."),
        )
    };
    first.map(|value| value.to_str().map(str::trim).map_err(|_| wrong())).transpose()
}

/// As [`one`], with the empty value taken for none.
///
/// # Errors
/// As [`one`].
pub(crate) fn filled<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, S3Error> {
    Ok(one(headers, name)?.filter(|value| !value.is_empty()))
}

/// A header that is a whole number without a sign.
///
/// # Errors
/// `InvalidArgument` for anything else.
pub(crate) fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, S3Error> {
    let Some(text) = one(headers, name)? else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = || S3Error::with(Code::InvalidArgument, format!("The header {name} must be a whole number."));
    text.parse().ok().filter(|_| digits).map(Some).ok_or_else(wrong)
}
