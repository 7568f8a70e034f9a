//! Which headers a signature covers, and which it has to.

use crate::RawRequest;
use crate::error::{AuthParseError, Malformed};

/// How many names an error lists.
const REPORTED: usize = 16;

/// The canonical request ends with its value, so it is signed whether or not it is listed.
const SIGNED_ANYWAY: &str = "x-amz-content-sha256";

/// Checks the shape of a list of signed headers: lower-case names, strictly ascending.
pub(super) fn check_list(list: &str) -> Result<(), Malformed> {
    let name_byte = |byte: u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'#'..=b'\'')
            || matches!(byte, b'*' | b'+' | b'^' | b'`' | b'|' | b'~')
    };
    let mut previous = "";
    for name in list.split(';') {
        if name <= previous || !name.bytes().all(name_byte) {
            return Err(Malformed::SignedHeaders);
        }
        previous = name;
    }
    Ok(())
}

pub(super) fn lists(list: &str, name: &str) -> bool {
    list.split(';').any(|listed| listed == name)
}

/// Checks that every listed header is there, and that every header that must be listed is.
///
/// In this order: a list whose names are all present is no longer than the request's headers, so the second step
/// cannot be made expensive by a long list.
pub(super) fn check_request(list: &str, request: &RawRequest<'_>) -> Result<(), AuthParseError> {
    for name in list.split(';') {
        if request.values(name).next().is_none() {
            // A name that no header has may be as long as the client likes.
            return Err(AuthParseError::SignedHeaderMissing(name.chars().take(128).collect()));
        }
    }
    let mut unsigned: Vec<String> = Vec::new();
    if !lists(list, "host") {
        unsigned.push("host".to_owned());
    }
    for (name, _) in request.headers {
        let reported = || unsigned.iter().any(|seen| seen == name);
        if must_be_signed(name) && !lists(list, name) && unsigned.len() < REPORTED && !reported() {
            unsigned.push((*name).to_owned());
        }
    }
    if unsigned.is_empty() { Ok(()) } else { Err(AuthParseError::HeadersNotSigned(unsigned)) }
}

fn must_be_signed(name: &str) -> bool {
    let amazon = name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("x-amz-"));
    amazon && name != SIGNED_ANYWAY
}

#[cfg(test)]
mod tests {
    use super::{check_list, check_request};
    use crate::RawRequest;
    use crate::error::{AuthParseError, Malformed};

    #[test]
    fn shapes_of_lists() {
        for list in ["host", "host;x-amz-date", "content-type;host;x-amz-date", "host;x-amz-meta-a_b.c"] {
            assert_eq!(check_list(list), Ok(()), "{list}");
        }
        for list in [
            "",
            ";",
            "host;",
            ";host",
            "Host",
            "host;host",
            "x-amz-date;host",
            "host; x-amz-date",
            "host,range",
            "hé",
        ] {
            assert_eq!(check_list(list), Err(Malformed::SignedHeaders), "{list}");
        }
    }

    fn check(list: &str, names: &[&str]) -> Result<(), AuthParseError> {
        let headers: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, b"v".as_slice())).collect();
        check_request(list, &RawRequest { method: "GET", path: "/", query: None, headers: &headers })
    }

    #[test]
    fn coverage() {
        let unsigned = |names: &[&str]| {
            Err(AuthParseError::HeadersNotSigned(names.iter().map(|name| (*name).to_owned()).collect()))
        };
        assert_eq!(check("host", &["host", "range", "x-amzn-trace-id", "x-amz-content-sha256"]), Ok(()));
        assert_eq!(check("range", &["host", "range"]), unsigned(&["host"]));
        assert_eq!(check("host", &["host", "x-amz-acl", "x-amz-acl"]), unsigned(&["x-amz-acl"]));
        assert_eq!(check("host;x-amz-acl", &["host", "X-Amz-Acl", "x-amz-acl"]), unsigned(&["X-Amz-Acl"]));
        assert_eq!(
            check("host;range", &["host"]),
            Err(AuthParseError::SignedHeaderMissing("range".to_owned()))
        );
        let many: Vec<String> = (0..100).map(|index| format!("x-amz-meta-{index}")).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).chain(["host"]).collect();
        let Err(AuthParseError::HeadersNotSigned(reported)) = check("host", &names) else {
            panic!("must be refused")
        };
        assert_eq!(reported.len(), 16);
    }
}
