//! What can be wrong with a body.

/// Why no more of a body can be read. `E` is the fault of what it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault<E> {
    /// The source ended before the closing boundary.
    #[error("the body ended before its closing boundary")]
    Incomplete,
    /// Something other than a part or the end follows a boundary, or the head of a part is none.
    #[error("a boundary is not followed by a part")]
    Malformed,
    /// What stands before the first boundary, the head of a part, or what follows the last boundary is longer than allowed,
    /// or there are too many parts.
    #[error("the body has too long a head, or too many parts")]
    TooLong,
    /// The source failed.
    #[error("the body could not be read")]
    Source(E),
}
