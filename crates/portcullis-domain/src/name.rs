//! Names that people and tools see.

use std::fmt;
use std::str::FromStr;

/// Why a text cannot be this kind of name. The message says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing but white space.
    #[error("a name has at least one visible character")]
    Empty,
    /// Too many characters.
    #[error("at most {max} characters")]
    TooLong {
        /// The most that are allowed.
        max: usize,
    },
    /// A control character, or one that changes the direction of the text around it.
    #[error("control characters and text-direction marks are not allowed")]
    Invisible,
    /// Something other than lower-case letters, digits and inner hyphens.
    #[error("use lower-case letters a-z, digits and hyphens; begin and end with a letter or digit")]
    NotDnsSafe,
    /// Not the form that Portcullis gives to buckets.
    #[error("not a bucket name")]
    NotABucketName,
}

/// What a person called a thing: 1 to 200 characters, any script, no control or direction-changing characters,
/// no white space at the ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DisplayName(Box<str>);

impl DisplayName {
    /// Takes a name, white space at its ends removed.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        const MAX: usize = 200;
        let name = raw.trim();
        if name.is_empty() {
            return Err(InvalidName::Empty);
        }
        if name.chars().count() > MAX {
            return Err(InvalidName::TooLong { max: MAX });
        }
        if name.chars().any(is_invisible) {
            return Err(InvalidName::Invisible);
        }
        Ok(Self(name.into()))
    }
}

/// Control characters and the bidirectional overrides that could make one name look like another (Unicode TR 36).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The part of a bucket name that a person chooses: 1 to 40 of `a-z`, `0-9` and inner `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(Box<str>);

impl Label {
    /// The longest label; with the numbers before it a bucket name stays within 63 characters.
    pub const MAX: usize = 40;

    /// Takes a label as it is.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        if raw.is_empty() {
            return Err(InvalidName::Empty);
        }
        if raw.len() > Self::MAX {
            return Err(InvalidName::TooLong { max: Self::MAX });
        }
        if !is_dns_safe(raw) {
            return Err(InvalidName::NotDnsSafe);
        }
        Ok(Self(raw.into()))
    }

    /// The label that a display name suggests: `NAS Backup (Büro)` gives `nas-backup-b-ro`; `storage` if nothing is left.
    #[must_use]
    pub fn suggested_by(name: &DisplayName) -> Self {
        let mut label = String::with_capacity(Self::MAX);
        for c in name.as_str().chars().flat_map(char::to_lowercase) {
            if label.len() == Self::MAX {
                break;
            }
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                label.push(c);
            } else if !label.is_empty() && !label.ends_with('-') {
                label.push('-');
            }
        }
        let label = label.trim_end_matches('-');
        Self(if label.is_empty() { "storage" } else { label }.into())
    }
}

fn is_dns_safe(raw: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    raw.bytes().all(|byte| letter(byte) || byte == b'-')
        && raw.bytes().next().is_some_and(letter)
        && raw.bytes().next_back().is_some_and(letter)
}

/// The name under which S3 tools see a storage: `usr-48291-itm-00384-nas-backup`.
///
/// Made by Portcullis, unique in the installation, and never changed. Lower case, DNS-safe, at most 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Box<str>);

impl BucketName {
    /// The bucket name of the storage with this number, made by the user with that one.
    #[must_use]
    pub fn new(user_number: u32, item_number: u32, label: &Label) -> Self {
        let name = format!("usr-{user_number:05}-itm-{item_number:05}-{label}");
        let cut: String = name.chars().take(63).collect();
        Self(cut.trim_end_matches('-').into())
    }

    /// Takes a bucket name from a request: 3 to 63 characters of the DNS alphabet (S3 reference, "Bucket naming rules").
    /// A name that Portcullis never gives still parses; it will not be found.
    ///
    /// # Errors
    /// [`InvalidName::NotABucketName`] if no bucket could have that name.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        let safe = raw.split('.').all(is_dns_safe);
        if (3..=63).contains(&raw.len()) && safe {
            Ok(Self(raw.into()))
        } else {
            Err(InvalidName::NotABucketName)
        }
    }
}

/// A person's name at sign-in: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, `@`, `+`; upper case is folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(Box<str>);

impl Username {
    /// Takes a user name; letters are folded to lower case.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        const MAX: usize = 64;
        let name = raw.trim().to_ascii_lowercase();
        if name.is_empty() {
            return Err(InvalidName::Empty);
        }
        if name.len() > MAX {
            return Err(InvalidName::TooLong { max: MAX });
        }
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@+".contains(&b)) {
            return Err(InvalidName::NotDnsSafe);
        }
        Ok(Self(name.into()))
    }
}

macro_rules! text {
    ($($name:ident),*) => { $(
        impl $name {
            /// The name's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(raw: &str) -> Result<Self, InvalidName> {
                Self::parse(raw)
            }
        }
    )* };
}
text!(DisplayName, Label, BucketName, Username);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_handbook() {
        let label = Label::parse("nas-backup").unwrap();
        assert_eq!(BucketName::new(48291, 384, &label).as_str(), "usr-48291-itm-00384-nas-backup");
    }

    #[test]
    fn display_names() {
        assert_eq!(DisplayName::parse("  NAS  ").unwrap().as_str(), "NAS");
        assert_eq!(DisplayName::parse(" \t"), Err(InvalidName::Empty));
        assert_eq!(DisplayName::parse(&"a".repeat(201)), Err(InvalidName::TooLong { max: 200 }));
        assert_eq!(DisplayName::parse("a\nb"), Err(InvalidName::Invisible));
        assert_eq!(DisplayName::parse("abc\u{202e}def"), Err(InvalidName::Invisible));
        assert!(DisplayName::parse("<b>Büro</b> · חשבונות").is_ok());
    }

    #[test]
    fn labels_and_buckets() {
        for wrong in ["-a", "a-", "A", "a_b", "ü", "a.b"] {
            assert_eq!(Label::parse(wrong), Err(InvalidName::NotDnsSafe), "{wrong}");
        }
        for wrong in ["ab", "A-bucket", "a..b", "-abc", "abc-", ".abc"] {
            assert_eq!(BucketName::parse(wrong), Err(InvalidName::NotABucketName), "{wrong}");
        }
        assert_eq!(BucketName::parse(&"a".repeat(64)), Err(InvalidName::NotABucketName));
        assert_eq!(
            Label::suggested_by(&DisplayName::parse("NAS Backup (Büro)").unwrap()).as_str(),
            "nas-backup-b-ro"
        );
        assert_eq!(Label::suggested_by(&DisplayName::parse("日本").unwrap()).as_str(), "storage");
    }

    proptest! {
        #[test]
        fn every_made_bucket_name_is_a_bucket_name(name in "\\PC{1,120}", user in 0u32.., item in 0u32..) {
            if let Ok(name) = DisplayName::parse(&name) {
                let label = Label::suggested_by(&name);
                prop_assert_eq!(&Label::parse(label.as_str()).unwrap(), &label);
                let bucket = BucketName::new(user, item, &label);
                prop_assert_eq!(&BucketName::parse(bucket.as_str()).unwrap(), &bucket);
            }
        }
    }
}
