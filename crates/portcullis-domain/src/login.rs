//! Names that people choose for keys.

use std::fmt;
use std::str::FromStr;

use crate::CredentialId;

/// Why a text cannot be the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLoginName {
    /// Fewer than 3 or more than 64 characters.
    #[error("a user name has 3 to 64 characters")]
    Length,
    /// Other characters than those that every client can send.
    #[error("a user name has letters a-z, digits, and . _ - @, and begins and ends with a letter or digit")]
    Character,
    /// It looks like one that Portcullis gives.
    #[error("a user name of 20 letters and digits that begins with PC is kept for generated credentials")]
    Reserved,
}

/// A name that a person chose for a key of a channel that asks for user name and password: 3 to 64 characters of `a-z`, `0-9`,
/// `.`, `_`, `-`, `@`. Upper case is taken for lower case: FTP clients and people do not keep to one.
///
/// It identifies as a [`CredentialId`] does, which every such key has besides; there is one key of a name on a channel.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoginName(Box<str>);

impl LoginName {
    /// Longest name, in characters.
    pub const MAX: usize = 64;
    /// Shortest name, in characters.
    pub const MIN: usize = 3;

    /// Takes a name as somebody typed it.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(raw: &str) -> Result<Self, InvalidLoginName> {
        if CredentialId::parse(&raw.to_ascii_uppercase()).is_ok() {
            return Err(InvalidLoginName::Reserved);
        }
        let text = raw.to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let shaped = text.bytes().all(|byte| plain(byte) || b"._-@".contains(&byte))
            && text.bytes().next().is_some_and(plain)
            && text.bytes().next_back().is_some_and(plain);
        if !(Self::MIN..=Self::MAX).contains(&text.chars().count()) {
            return Err(InvalidLoginName::Length);
        }
        if shaped { Ok(Self(text.into())) } else { Err(InvalidLoginName::Character) }
    }

    /// The name's text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for LoginName {
    type Err = InvalidLoginName;
    fn from_str(raw: &str) -> Result<Self, InvalidLoginName> {
        Self::parse(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules() {
        for good in ["abc", "a.b-c_d@e1", "Accounting", "a@b.example", &"x".repeat(64)] {
            assert_eq!(LoginName::parse(good).map(|name| name.to_string()), Ok(good.to_ascii_lowercase()));
        }
        for (bad, why) in [
            ("ab", InvalidLoginName::Length),
            ("", InvalidLoginName::Length),
            (&*"x".repeat(65), InvalidLoginName::Length),
            ("a b", InvalidLoginName::Character),
            (".abc", InvalidLoginName::Character),
            ("abc-", InvalidLoginName::Character),
            ("bücher", InvalidLoginName::Character),
            ("a/b", InvalidLoginName::Character),
            ("PC000000000000000000", InvalidLoginName::Reserved),
            ("pc000000000000000000", InvalidLoginName::Reserved),
        ] {
            assert_eq!(LoginName::parse(bad), Err(why), "{bad}");
        }
    }
}
