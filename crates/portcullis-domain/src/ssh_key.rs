//! Public keys with which clients of SFTP show who they are.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Why a text is not a public key that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSshKey {
    /// Not one line of the form `ssh-ed25519 AAAA… comment`.
    #[error(
        "not a public key: paste the one line of the file that ends with .pub, such as ssh-ed25519 AAAA… name"
    )]
    Form,
    /// It holds a private key.
    #[error(
        "this is a private key, which nobody else should have; paste the one line of the file that ends with .pub"
    )]
    Private,
    /// RSA, DSA or something unknown.
    #[error("keys of this kind are not taken; make one with: ssh-keygen -t ed25519")]
    Kind,
}

/// A public key of SSH as a client registers it: kind, key, and a comment that means nothing (RFC 4253 section 6.6).
///
/// Two are equal if their keys are, whatever the comments say.
#[derive(Clone)]
pub struct SshPublicKey {
    kind: &'static str,
    blob: Box<[u8]>,
    comment: Box<str>,
}

/// What is taken, with the length of the key's blob. RSA is left out: the one library for it has an unfixed timing attack, and what is
/// modern has no need of it.
const KINDS: [(&str, usize); 4] = [
    ("ssh-ed25519", 51),
    ("ecdsa-sha2-nistp256", 104),
    ("ecdsa-sha2-nistp384", 136),
    ("ecdsa-sha2-nistp521", 172),
];

impl SshPublicKey {
    /// The longest comment that is kept, in characters.
    const MAX_COMMENT: usize = 100;
    /// The most keys that one credential has.
    pub const MOST: usize = 16;

    /// Takes one line of a `.pub` or `authorized_keys` file. Options before the kind are refused: networks and expiry are settings of
    /// the key here.
    ///
    /// # Errors
    /// Says what it is instead.
    pub fn parse(line: &str) -> Result<Self, InvalidSshKey> {
        let line = line.trim();
        if line.contains("PRIVATE KEY") {
            return Err(InvalidSshKey::Private);
        }
        if line.lines().count() != 1 {
            return Err(InvalidSshKey::Form);
        }
        let mut words = line.split_ascii_whitespace();
        let (Some(kind), Some(key)) = (words.next(), words.next()) else { return Err(InvalidSshKey::Form) };
        let comment: Vec<&str> = words.collect();
        let blob = STANDARD.decode(key).map_err(|_| InvalidSshKey::Form)?;
        Self::from_blob(&blob).filter(|found| found.kind == kind).map_or_else(
            || Err(if named(&blob) == Some(kind) { InvalidSshKey::Kind } else { InvalidSshKey::Form }),
            |found| Ok(Self { comment: printable(&comment.join(" ")), ..found }),
        )
    }

    /// A key as it is sent in the protocol: its kind and what belongs to it, each with its length before it. None for a kind that is
    /// not taken.
    #[must_use]
    pub fn from_blob(blob: &[u8]) -> Option<Self> {
        let name = named(blob)?;
        let (kind, _) = *KINDS.iter().find(|(kind, length)| *kind == name && *length == blob.len())?;
        Some(Self { kind, blob: blob.into(), comment: "".into() })
    }

    /// Its kind, such as `ssh-ed25519`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The key as it is sent in the protocol.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// What people compare it by, as `ssh-keygen -l` prints it: `SHA256:` and 43 characters.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    /// What whoever made it wrote behind it.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }
}

/// The name with which a blob begins.
fn named(blob: &[u8]) -> Option<&str> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    str::from_utf8(rest.get(..length)?).ok()
}

fn printable(text: &str) -> Box<str> {
    text.chars().filter(|letter| !letter.is_control()).take(SshPublicKey::MAX_COMMENT).collect()
}

impl PartialEq for SshPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}
impl Eq for SshPublicKey {}

impl fmt::Display for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, STANDARD.encode(&self.blob))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl fmt::Debug for SshPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SshPublicKey {
    type Err = InvalidSshKey;
    fn from_str(line: &str) -> Result<Self, InvalidSshKey> {
        Self::parse(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, length: usize) -> String {
        let mut blob = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        blob.extend_from_slice(kind.as_bytes());
        blob.resize(length, 7);
        format!("{kind} {}", STANDARD.encode(blob))
    }

    #[test]
    fn lines_are_read_and_written() {
        for (kind, length) in KINDS {
            let bare = SshPublicKey::parse(&line(kind, length)).unwrap();
            let text = format!("{} ada@laptop home", line(kind, length));
            let read = SshPublicKey::parse(&format!("  {text}\r\n")).unwrap();
            assert_eq!((read.kind(), read.comment(), read.to_string()), (kind, "ada@laptop home", text));
            assert_eq!(read, bare, "comments make no difference");
            assert_eq!(SshPublicKey::from_blob(read.blob()), Some(bare));
        }
    }

    #[test]
    fn other_texts_say_what_they_are() {
        for (wrong, why) in [
            (String::new(), InvalidSshKey::Form),
            ("ssh-ed25519".to_owned(), InvalidSshKey::Form),
            (line("ssh-ed25519", 50), InvalidSshKey::Kind),
            (line("ssh-rsa", 279), InvalidSshKey::Kind),
            (line("ssh-ed25519", 51).replace("ssh-ed25519 ", "ecdsa-sha2-nistp256 "), InvalidSshKey::Form),
            (format!("no-pty {}", line("ssh-ed25519", 51)), InvalidSshKey::Form),
            (format!("{}\n{}", line("ssh-ed25519", 51), line("ssh-ed25519", 51)), InvalidSshKey::Form),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA".to_owned(), InvalidSshKey::Private),
        ] {
            assert_eq!(SshPublicKey::parse(&wrong).err(), Some(why), "{wrong}");
        }
    }
}
