//! What is wrong with a body of parts.

use std::io;

use portcullis_multipart::Fault;

/// Why a body of parts cannot be read; the texts say what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::soap) enum RelatedFault {
    /// It is none that this service reads.
    #[error("{0}")]
    Malformed(&'static str),
    /// It is longer than is taken.
    #[error("{0}")]
    TooLarge(&'static str),
    /// It ended too early, or its sender went away.
    #[error("the request ended too early")]
    Broken,
    /// There is no room for it at the moment.
    #[error("try again later")]
    Unavailable,
}

impl RelatedFault {
    /// The fault that a reader of the envelope was given.
    pub(in crate::soap) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<Self>().copied()
    }
}

impl From<Fault<()>> for RelatedFault {
    fn from(fault: Fault<()>) -> Self {
        match fault {
            Fault::Incomplete | Fault::Source(()) => Self::Broken,
            Fault::Malformed => Self::Malformed(
                "What stands between two boundaries is no part: after a boundary come a line break, header fields and an empty line.",
            ),
            Fault::TooLong => Self::TooLarge(
                "The body has more than 100 parts, or a part with more than 8 KiB of header fields, or more than 8 KiB outside its parts.",
            ),
        }
    }
}

impl From<RelatedFault> for io::Error {
    fn from(fault: RelatedFault) -> Self {
        Self::other(fault)
    }
}
