//! What a client asks for: version 3 of the protocol (draft-ietf-secsh-filexfer-02), and the extensions that OpenSSH made usual.

use bytes::{Buf as _, Bytes};

use super::attrs::Attrs;

/// The longest packet that is taken, without the four bytes of its length: what OpenSSH takes as well.
pub(super) const LONGEST_PACKET: usize = 256 * 1024;
/// The longest handle or name of an extension that is looked at.
const LONGEST_WORD: usize = 256;

/// A kind of request that a client of SFTP can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The first of a channel: which version it speaks.
    Init,
    /// Opens a file for reading, writing or both.
    Open,
    /// Closes a file, which then is stored, or a folder.
    Close,
    /// Bytes of a file.
    Read,
    /// Bytes for a file.
    Write,
    /// What is known of a path; there are no links to follow or not.
    Lstat,
    /// What is known of an open file.
    Fstat,
    /// Changes what is known of a path.
    Setstat,
    /// Changes what is known of an open file.
    Fsetstat,
    /// Opens a folder for listing.
    Opendir,
    /// The next entries of a folder.
    Readdir,
    /// Removes a file.
    Remove,
    /// Makes a folder.
    Mkdir,
    /// Removes an empty folder.
    Rmdir,
    /// The absolute form of a path.
    Realpath,
    /// What is known of a path.
    Stat,
    /// Another name for a file or folder, unless something has it.
    Rename,
    /// The target of a link: refused, there are none.
    Readlink,
    /// Makes a link: refused.
    Symlink,
    /// `posix-rename@openssh.com`: another name, in place of a file that has it.
    PosixRename,
    /// `statvfs@openssh.com`: how much room there is.
    Statvfs,
    /// `fstatvfs@openssh.com`: the same for an open file.
    Fstatvfs,
    /// `fsync@openssh.com`: refused; a file is on disk when its `Close` is answered, and not before.
    Fsync,
    /// `hardlink@openssh.com`: refused.
    Hardlink,
    /// `limits@openssh.com`: how long packets may be.
    Limits,
    /// An extension that is not known here: refused.
    Extended,
}

impl Request {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Init,
        Self::Open,
        Self::Close,
        Self::Read,
        Self::Write,
        Self::Lstat,
        Self::Fstat,
        Self::Setstat,
        Self::Fsetstat,
        Self::Opendir,
        Self::Readdir,
        Self::Remove,
        Self::Mkdir,
        Self::Rmdir,
        Self::Realpath,
        Self::Stat,
        Self::Rename,
        Self::Readlink,
        Self::Symlink,
        Self::PosixRename,
        Self::Statvfs,
        Self::Fstatvfs,
        Self::Fsync,
        Self::Hardlink,
        Self::Limits,
        Self::Extended,
    ];

    /// Its name in the protocol, or that of its extension.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Open => "OPEN",
            Self::Close => "CLOSE",
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::Lstat => "LSTAT",
            Self::Fstat => "FSTAT",
            Self::Setstat => "SETSTAT",
            Self::Fsetstat => "FSETSTAT",
            Self::Opendir => "OPENDIR",
            Self::Readdir => "READDIR",
            Self::Remove => "REMOVE",
            Self::Mkdir => "MKDIR",
            Self::Rmdir => "RMDIR",
            Self::Realpath => "REALPATH",
            Self::Stat => "STAT",
            Self::Rename => "RENAME",
            Self::Readlink => "READLINK",
            Self::Symlink => "SYMLINK",
            Self::PosixRename => "posix-rename@openssh.com",
            Self::Statvfs => "statvfs@openssh.com",
            Self::Fstatvfs => "fstatvfs@openssh.com",
            Self::Fsync => "fsync@openssh.com",
            Self::Hardlink => "hardlink@openssh.com",
            Self::Limits => "limits@openssh.com",
            Self::Extended => "EXTENDED",
        }
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OpenFlags(pub(super) u32);

impl OpenFlags {
    pub(super) const READ: Self = Self(0x01);
    pub(super) const WRITE: Self = Self(0x02);
    pub(super) const APPEND: Self = Self(0x04);
    pub(super) const CREATE: Self = Self(0x08);
    pub(super) const TRUNCATE: Self = Self(0x10);
    pub(super) const EXCLUSIVE: Self = Self(0x20);

    pub(super) const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }
}

/// One request with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Init {
        version: u32,
    },
    Open {
        path: Bytes,
        flags: OpenFlags,
        attrs: Attrs,
    },
    Close {
        handle: Bytes,
    },
    Read {
        handle: Bytes,
        offset: u64,
        length: u32,
    },
    Write {
        handle: Bytes,
        offset: u64,
        data: Bytes,
    },
    Stat {
        path: Bytes,
    },
    Fstat {
        handle: Bytes,
    },
    Setstat {
        path: Bytes,
        attrs: Attrs,
    },
    Fsetstat {
        handle: Bytes,
        attrs: Attrs,
    },
    Opendir {
        path: Bytes,
    },
    Readdir {
        handle: Bytes,
    },
    Remove {
        path: Bytes,
    },
    Mkdir {
        path: Bytes,
    },
    Rmdir {
        path: Bytes,
    },
    Realpath {
        path: Bytes,
    },
    Rename {
        from: Bytes,
        to: Bytes,
        replace: bool,
    },
    Statvfs {
        path: Bytes,
    },
    Fstatvfs {
        handle: Bytes,
    },
    Limits,
    /// What is not done here, with the reason.
    Refused(&'static str),
}

/// A request, its number and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    /// 0 for [`Request::Init`], which has none.
    pub(super) id: u32,
    pub(super) asked: Asked,
}

/// Why a packet is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It has a number, so it can be answered.
    Numbered(u32),
    /// Not even that.
    Nameless,
}

/// Reads one packet, without the length before it.
pub(super) fn parse(mut packet: Bytes) -> Result<Numbered, Malformed> {
    let kind = packet.try_get_u8().map_err(|_| Malformed::Nameless)?;
    let id = packet.try_get_u32().map_err(|_| Malformed::Nameless)?;
    if kind == 1 {
        return Ok(Numbered { id: 0, asked: Asked::Init { version: id } });
    }
    let asked = fields(kind, &mut packet).ok_or(Malformed::Numbered(id))?;
    Ok(Numbered { id, asked })
}

fn fields(kind: u8, rest: &mut Bytes) -> Option<Asked> {
    Some(match kind {
        3 => Asked::Open { path: text(rest)?, flags: OpenFlags(number(rest)?), attrs: Attrs::parse(rest)? },
        4 => Asked::Close { handle: word(rest)? },
        5 => Asked::Read { handle: word(rest)?, offset: long(rest)?, length: number(rest)? },
        6 => Asked::Write { handle: word(rest)?, offset: long(rest)?, data: text(rest)? },
        7 | 17 => Asked::Stat { path: text(rest)? },
        8 => Asked::Fstat { handle: word(rest)? },
        9 => Asked::Setstat { path: text(rest)?, attrs: Attrs::parse(rest)? },
        10 => Asked::Fsetstat { handle: word(rest)?, attrs: Attrs::parse(rest)? },
        11 => Asked::Opendir { path: text(rest)? },
        12 => Asked::Readdir { handle: word(rest)? },
        13 => Asked::Remove { path: text(rest)? },
        14 => Asked::Mkdir { path: text(rest)? },
        15 => Asked::Rmdir { path: text(rest)? },
        16 => Asked::Realpath { path: text(rest)? },
        18 => Asked::Rename { from: text(rest)?, to: text(rest)?, replace: false },
        19 | 20 => Asked::Refused("there are no links here"),
        200 => extension(rest)?,
        _ => Asked::Refused("no such request in version 3"),
    })
}

fn extension(rest: &mut Bytes) -> Option<Asked> {
    Some(match &*word(rest)? {
        b"posix-rename@openssh.com" => Asked::Rename { from: text(rest)?, to: text(rest)?, replace: true },
        b"statvfs@openssh.com" => Asked::Statvfs { path: text(rest)? },
        b"fstatvfs@openssh.com" => Asked::Fstatvfs { handle: word(rest)? },
        b"limits@openssh.com" => Asked::Limits,
        b"fsync@openssh.com" => Asked::Refused("a file is on disk when it was closed"),
        b"hardlink@openssh.com" => Asked::Refused("there are no links here"),
        _ => Asked::Refused("this extension is not known here"),
    })
}

fn number(rest: &mut Bytes) -> Option<u32> {
    rest.try_get_u32().ok()
}

fn long(rest: &mut Bytes) -> Option<u64> {
    rest.try_get_u64().ok()
}

fn text(rest: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(number(rest)?).ok()?;
    (length <= rest.len()).then(|| rest.split_to(length))
}

fn word(rest: &mut Bytes) -> Option<Bytes> {
    text(rest).filter(|word| word.len() <= LONGEST_WORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, id: u32, parts: &[&[u8]]) -> Bytes {
        let mut packet = vec![kind];
        packet.extend_from_slice(&id.to_be_bytes());
        for part in parts {
            packet.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
            packet.extend_from_slice(part);
        }
        packet.into()
    }

    #[test]
    fn each_kind_is_listed_once_under_its_own_name() {
        let names: std::collections::HashSet<_> =
            Request::ALL.iter().map(|request| request.as_str()).collect();
        assert_eq!(names.len(), Request::ALL.len());
    }

    #[test]
    fn names_are_bytes_until_they_are_paths() {
        let asked = parse(packet(17, 7, &[b"/caf\xe9"])).unwrap();
        assert_eq!(asked, Numbered { id: 7, asked: Asked::Stat { path: Bytes::from_static(b"/caf\xe9") } });
    }

    #[test]
    fn extensions_are_known_by_name_and_the_rest_is_refused() {
        let asked = |name: &[u8]| parse(packet(200, 1, &[name, b"a", b"b"])).unwrap().asked;
        assert!(matches!(asked(b"posix-rename@openssh.com"), Asked::Rename { replace: true, .. }));
        assert!(matches!(asked(b"statvfs@openssh.com"), Asked::Statvfs { .. }));
        assert!(matches!(asked(b"fsync@openssh.com"), Asked::Refused(_)));
        assert!(matches!(asked(b"copy-data"), Asked::Refused(_)));
    }

    #[test]
    fn what_is_cut_short_is_answered_by_its_number_if_it_has_one() {
        let whole = packet(18, 9, &[b"from", b"to"]);
        for length in 0..whole.len() {
            let expected = if length < 5 { Malformed::Nameless } else { Malformed::Numbered(9) };
            assert_eq!(parse(whole.slice(..length)).unwrap_err(), expected, "{length}");
        }
        let mut lying = packet(13, 3, &[b"name"]).to_vec();
        lying[5] = 0xff;
        assert_eq!(parse(lying.into()).unwrap_err(), Malformed::Numbered(3));
        assert_eq!(parse(packet(4, 3, &[&[b'h'; 300]])).unwrap_err(), Malformed::Numbered(3));
        assert!(matches!(parse(packet(99, 3, &[])).unwrap().asked, Asked::Refused(_)));
    }
}
