//! Why a message was not stored.

use std::io;
use std::time::Duration;

use portcullis_files::FileError;

use super::InvalidFolder;

/// Why nothing of a message was stored. Its text may be told to the sender.
#[derive(Debug, thiserror::Error)]
pub enum MailFault {
    /// There is no attachment, and nothing of the body is kept. It is no better the next time.
    #[error("the message has no attachment, and this key keeps nothing else of it; attach a file")]
    Empty,
    /// What is sent is broken. It is no better the next time.
    #[error("{0}")]
    Damaged(#[from] Damage),
    /// The subject is to name the folder, and cannot. It is no better the next time.
    #[error("the subject names no folder: {0}")]
    Folder(#[source] InvalidFolder),
    /// Larger than the key takes.
    #[error("the message is larger than the {limit} bytes that this key takes")]
    TooLarge {
        /// The most, in bytes as it is sent.
        limit: u64,
    },
    /// The same message is being stored at this moment: it is worth trying again.
    #[error("the same message is being stored at the moment; try again later")]
    Busy,
    /// The key has sent as many messages in this hour as it may.
    #[error("too many messages in an hour; try again later")]
    TooMany {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The spooled message could not be read: it is worth trying again.
    #[error("the message could not be read back; try again later")]
    Spool(#[source] io::Error),
    /// A file could not be stored.
    #[error("{0}")]
    Store(#[from] FileError),
}

/// What is wrong with a message. Parts are counted from 1, in their order, without those that only hold others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It ends before the boundary that closes it.
    #[error("the message ends in the middle: the boundary that closes it is missing")]
    Truncated,
    /// A multipart body says no boundary, or none that could be one.
    #[error("a multipart body says no boundary")]
    NoBoundary,
    /// A multipart body holds text, but its boundary never comes.
    #[error("a multipart body is not divided by the boundary that it says")]
    NoParts,
    /// Parts within parts within parts.
    #[error("the message is nested more than {limit} levels deep")]
    TooDeep {
        /// The most levels.
        limit: usize,
    },
    /// Too many parts.
    #[error("the message has more than {limit} parts")]
    TooManyParts {
        /// The most parts.
        limit: usize,
    },
    /// More files than one message may store, over all folders.
    #[error("the message would be stored as more than {limit} files; send it to fewer folders")]
    TooManyFiles {
        /// The most files.
        limit: usize,
    },
    /// The head of the message, or of one of its parts.
    #[error("the header of the message or of a part is longer than {limit} bytes")]
    HeaderTooLong {
        /// The most bytes.
        limit: usize,
    },
    /// The way in which a part is encoded for transfer is none that is known.
    #[error("part {part} says a Content-Transfer-Encoding that is not known")]
    UnknownEncoding {
        /// Which part.
        part: usize,
    },
    /// What comes is not base64, or ends in the middle.
    #[error("part {part} is damaged: its base64 is broken or incomplete")]
    Base64 {
        /// Which part.
        part: usize,
    },
    /// What comes is not quoted-printable.
    #[error("part {part} is damaged: its quoted-printable text is broken")]
    QuotedPrintable {
        /// Which part.
        part: usize,
    },
    /// The message could not be taken apart at all.
    #[error("the message could not be read")]
    Unreadable,
}
