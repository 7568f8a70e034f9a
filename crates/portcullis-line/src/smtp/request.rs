//! One line of a client: a verb and the rest.

use std::fmt;

use zeroize::Zeroizing;

use super::verb::Verb;

/// Why a line is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadLine {
    /// No such verb.
    Unknown,
    /// Not text, or with control characters.
    Malformed,
    /// CR or LF alone.
    Bare,
    /// Longer than any line may be.
    TooLong,
    /// The verb is one that has nothing behind it, and something is.
    NotAlone,
    /// Another protocol is spoken: a browser was sent here.
    Foreign,
}

/// How a request of HTTP begins. What comes behind it was perhaps chosen by somebody else.
const FOREIGN: [&str; 7] = ["CONNECT", "DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"];

/// One line of a client.
pub(super) struct Request {
    pub(super) verb: Verb,
    /// What follows the verb, without spaces around it.
    pub(super) argument: Zeroizing<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The argument may be a secret.
        f.debug_struct("Request").field("verb", &self.verb).finish_non_exhaustive()
    }
}

impl Request {
    /// Takes a line without its end.
    pub(super) fn parse(line: &[u8]) -> Result<Self, BadLine> {
        let line = str::from_utf8(line).map_err(|_| BadLine::Malformed)?;
        if line.chars().any(char::is_control) {
            return Err(BadLine::Malformed);
        }
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        if FOREIGN.contains(&verb) {
            return Err(BadLine::Foreign);
        }
        let known = Verb::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(verb));
        let verb = known.ok_or(BadLine::Unknown)?;
        let argument = argument.trim_matches(' ');
        if verb.is_alone() && !argument.is_empty() {
            return Err(BadLine::NotAlone);
        }
        Ok(Self { verb, argument: Zeroizing::new(argument.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_verb_in_any_case_and_the_rest() {
        let request = Request::parse(b"mail FROM:<a@b> SIZE=1  ").unwrap();
        assert_eq!((request.verb, request.argument.as_str()), (Verb::Mail, "FROM:<a@b> SIZE=1"));
        assert_eq!(Request::parse(b"quit ").unwrap().verb, Verb::Quit);
        for verb in Verb::ALL {
            assert_eq!(Request::parse(verb.as_str().as_bytes()).unwrap().verb, *verb);
        }
        assert!(Verb::ALL.windows(2).all(|two| two[0].as_str() < two[1].as_str()));
    }

    #[test]
    fn what_is_no_request() {
        for (line, why) in [
            (b"".as_slice(), BadLine::Unknown),
            (b" MAIL", BadLine::Unknown),
            (b"MAILFROM:<a@b>", BadLine::Unknown),
            (b"LHLO a", BadLine::Unknown),
            (b"DATA now", BadLine::NotAlone),
            (b"STARTTLS 1.3", BadLine::NotAlone),
            (b"GET / HTTP/1.1", BadLine::Foreign),
            (b"MAIL\tFROM:<a@b>", BadLine::Malformed),
            (b"RCPT TO:<a\0@b>", BadLine::Malformed),
            (b"RCPT TO:<\xff@b>", BadLine::Malformed),
        ] {
            assert_eq!(Request::parse(line).map(|found| found.verb), Err(why), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn nothing_prints_an_argument() {
        let request = Request::parse(b"AUTH PLAIN c2VjcmV0").unwrap();
        assert_eq!(format!("{request:?}"), "Request { verb: Auth, .. }");
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_refused(line in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(request) = Request::parse(&line) {
                prop_assert!(!request.argument.chars().any(char::is_control));
            }
        }
    }
}
