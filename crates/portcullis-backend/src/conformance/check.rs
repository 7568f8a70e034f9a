//! How a case says what it found.

use std::fmt;
use std::panic::Location;

use bytes::Bytes;

use crate::{BackendError, BackendErrorKind, BodyFault};

/// The result of a case.
pub type Outcome<T = ()> = Result<T, Violation>;

/// A promise of the trait that a driver does not keep.
#[derive(Clone, Debug)]
pub struct Violation {
    message: String,
    at: &'static Location<'static>,
}

impl Violation {
    /// A violation, found where this is called.
    #[track_caller]
    pub(super) fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), at: Location::caller() }
    }
}

/// Where it was found, and what.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

impl std::error::Error for Violation {}

/// A call that had to succeed did not.
impl From<BackendError> for Violation {
    #[track_caller]
    fn from(error: BackendError) -> Self {
        match &error.source {
            None => Self::new(format_args!("unexpected error: {error}")),
            Some(source) => Self::new(format_args!("unexpected error: {error}: {source}")),
        }
    }
}

/// A task of a case ended in a panic.
impl From<tokio::task::JoinError> for Violation {
    #[track_caller]
    fn from(error: tokio::task::JoinError) -> Self {
        Self::new(format_args!("a call panicked: {error}"))
    }
}

/// The condition holds.
#[track_caller]
pub(super) fn holds(what: impl fmt::Display, condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Violation::new(what)) }
}

/// How many pages a listing of a case may have: far more than any has, so that one that goes in circles ends.
const MOST_PAGES: usize = 10_000;

/// Counts the pages of a listing.
#[derive(Default)]
pub(super) struct Pages(usize);

impl Pages {
    /// One more.
    #[track_caller]
    pub(super) fn turn(&mut self) -> Outcome {
        self.0 += 1;
        holds("a listing that does not end", self.0 < MOST_PAGES)
    }
}

/// Both are the same.
#[track_caller]
pub(super) fn same<T: PartialEq + fmt::Debug + ?Sized>(
    what: impl fmt::Display,
    got: &T,
    expected: &T,
) -> Outcome {
    if got == expected {
        return Ok(());
    }
    Err(Violation::new(format_args!("{what}: got {got:?}, expected {expected:?}")))
}

/// Both are the same bytes; says where they part instead of printing them.
#[track_caller]
pub(super) fn same_bytes(what: impl fmt::Display, got: &Bytes, expected: &[u8]) -> Outcome {
    if got == expected {
        return Ok(());
    }
    let at = got.iter().zip(expected).take_while(|(got, expected)| got == expected).count();
    let (got, expected) = (got.len(), expected.len());
    Err(Violation::new(format_args!(
        "{what}: got {got} bytes, expected {expected}; they differ at byte {at}"
    )))
}

/// The value is there.
#[track_caller]
pub(super) fn some<T>(what: impl fmt::Display, value: Option<T>) -> Outcome<T> {
    value.ok_or_else(|| Violation::new(format_args!("missing: {what}")))
}

/// The call failed, in this way.
#[track_caller]
pub(super) fn refused<T>(
    what: impl fmt::Display,
    result: Result<T, BackendError>,
    expected: BackendErrorKind,
) -> Outcome {
    match result {
        Ok(_) => Err(Violation::new(format_args!("{what}: succeeded, expected {expected:?}"))),
        Err(error) => same(what, &error.kind, &expected),
    }
}

/// The call failed because of the body, in this way.
#[track_caller]
pub(super) fn body_refused<T>(
    what: impl fmt::Display,
    result: Result<T, BackendError>,
    expected: BodyFault,
) -> Outcome {
    refused(what, result, BackendErrorKind::Body(expected))
}
