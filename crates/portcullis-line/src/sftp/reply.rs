//! Answers, as packets.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use portcullis_files::{FileError, Space};

use super::attrs::Told;
use super::request::LONGEST_PACKET;

/// The most bytes of a file in one answer; the rest of the packet is its head.
pub(super) const MOST_READ: usize = LONGEST_PACKET - 1024;
/// The most bytes of a file in one request to write.
pub(super) const MOST_WRITTEN: usize = LONGEST_PACKET - 1024;

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    Unsupported = 8,
}

/// How something did not succeed, in the words of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) code: Code,
    pub(super) text: String,
}

impl Failed {
    pub(super) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(super) fn eof() -> Self {
        Self::new(Code::Eof, "there is no more")
    }

    pub(super) fn no_handle() -> Self {
        Self::new(Code::Failure, "no such handle")
    }
}

/// The one place where what files say becomes what SFTP says.
impl From<FileError> for Failed {
    fn from(error: FileError) -> Self {
        let code = match &error {
            FileError::NotFound | FileError::NoParent => Code::NoSuchFile,
            FileError::Denied => Code::PermissionDenied,
            FileError::Unsupported(_) => Code::Unsupported,
            FileError::Exists
            | FileError::IsFolder
            | FileError::NotFolder
            | FileError::NotEmpty
            | FileError::Path(_)
            | FileError::Escaped
            | FileError::TooMany { .. }
            | FileError::Changed
            | FileError::TooLarge
            | FileError::Full
            | FileError::NoResume { .. }
            | FileError::Mismatch
            | FileError::Broken
            | FileError::Archived
            | FileError::Throttled { .. }
            | FileError::Unavailable => Code::Failure,
        };
        let mut text = error.to_string();
        if let FileError::Throttled { retry_after } = error {
            text = format!("{text}; try again in {}", seconds(retry_after));
        }
        Self { code, text }
    }
}

fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_secs().max(1))
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Version,
    Done,
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<(String, Told)>),
    Path(String),
    Attrs(Told),
    Space(Space),
    Limits { handles: usize },
    Failed(Failed),
}

impl From<Failed> for Reply {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// What is offered beyond version 3, with the version of each.
const EXTENSIONS: [(&str, &str); 4] = [
    ("posix-rename@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
    ("fstatvfs@openssh.com", "2"),
    ("limits@openssh.com", "1"),
];

impl Reply {
    /// The packet with its length. The bytes of a file follow by themselves, so that they are not copied.
    pub(super) fn packet(self, id: u32) -> (Bytes, Option<Bytes>) {
        let mut out = BytesMut::with_capacity(64);
        out.put_u32(0);
        let data = self.write(id, &mut out);
        let length = out.len() - 4 + data.as_ref().map_or(0, Bytes::len);
        if let Some(place) = out.first_chunk_mut::<4>() {
            *place = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        }
        (out.freeze(), data)
    }

    fn write(self, id: u32, out: &mut BytesMut) -> Option<Bytes> {
        let head = |out: &mut BytesMut, kind: u8| {
            out.put_u8(kind);
            out.put_u32(id);
        };
        match self {
            Self::Version => {
                out.put_u8(2);
                out.put_u32(3);
                for (name, version) in EXTENSIONS {
                    text(out, name);
                    text(out, version);
                }
            }
            Self::Done => status(out, id, Code::Ok, "done"),
            Self::Failed(Failed { code, text }) => status(out, id, code, &text),
            Self::Handle(handle) => {
                head(out, 102);
                text(out, &handle);
            }
            Self::Data(data) => {
                head(out, 103);
                length(out, data.len());
                return Some(data);
            }
            Self::Names(names) => {
                head(out, 104);
                length(out, names.len());
                for (name, told) in names {
                    text(out, &name);
                    text(out, told.line(&name));
                    told.write(out);
                }
            }
            Self::Path(path) => {
                head(out, 104);
                length(out, 1);
                text(out, &path);
                text(out, &path);
                out.put_u32(0);
            }
            Self::Attrs(told) => {
                head(out, 105);
                told.write(out);
            }
            Self::Space(room) => {
                head(out, 201);
                space(out, room);
            }
            Self::Limits { handles } => {
                head(out, 201);
                for most in [LONGEST_PACKET, MOST_READ, MOST_WRITTEN, handles] {
                    out.put_u64(u64::try_from(most).unwrap_or(u64::MAX));
                }
            }
        }
        None
    }
}

fn length(out: &mut BytesMut, length: usize) {
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

fn text(out: &mut BytesMut, text: impl AsRef<[u8]>) {
    length(out, text.as_ref().len());
    out.put_slice(text.as_ref());
}

fn status(out: &mut BytesMut, id: u32, code: Code, words: &str) {
    out.put_u8(101);
    out.put_u32(id);
    out.put_u32(match code {
        Code::Ok => 0,
        Code::Eof => 1,
        Code::NoSuchFile => 2,
        Code::PermissionDenied => 3,
        Code::Failure => 4,
        Code::BadMessage => 5,
        Code::Unsupported => 8,
    });
    text(out, words);
    text(out, "en");
}

/// What is told of how much room there is if nobody can say it: 1 PiB is free.
const ROOMY: u64 = 1 << 50;

/// The eleven numbers of `struct statvfs`, in blocks of 4 KiB.
fn space(out: &mut BytesMut, room: Space) {
    const BLOCK: u64 = 4096;
    let used = room.used.div_ceil(BLOCK);
    let free = room.available.unwrap_or(ROOMY) / BLOCK;
    let (files, flags, longest_name) = (u64::from(u32::MAX), 0, 1024);
    let all = used.saturating_add(free);
    for number in [BLOCK, BLOCK, all, free, free, files, files, files, 0, flags, longest_name] {
        out.put_u64(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_its_length_with_the_bytes_that_follow() {
        let (head, data) = Reply::Data(Bytes::from_static(b"bytes")).packet(7);
        assert_eq!(&head[..], b"\0\0\0\x0e\x67\0\0\0\x07\0\0\0\x05");
        assert_eq!(data.unwrap(), "bytes");
        let (head, data) = Reply::from(Failed::eof()).packet(1);
        assert_eq!(head[..4], u32::try_from(head.len() - 4).unwrap().to_be_bytes());
        assert!(data.is_none());
    }

    #[test]
    fn what_a_caller_may_not_know_is_not_in_a_text() {
        for (error, code) in [
            (FileError::NotFound, Code::NoSuchFile),
            (FileError::Denied, Code::PermissionDenied),
            (FileError::Exists, Code::Failure),
            (FileError::Unsupported("x"), Code::Unsupported),
        ] {
            let text = error.to_string();
            assert_eq!(Failed::from(error), Failed { code, text });
        }
    }
}
