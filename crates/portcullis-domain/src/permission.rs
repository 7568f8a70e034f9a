//! What may be done: channels, actions, and the permission table of the product.

/// The word is none of those the type knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word; expected one of: {expected}")]
pub struct UnknownWord {
    /// The words that would have been understood, separated by commas.
    pub expected: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? } $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word for it in the REST API, the command line and the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;
            fn from_str(text: &str) -> Result<Self, $crate::UnknownWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err($crate::UnknownWord { expected: $expected }) }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The protocol that a key opens. A key opens exactly one.
    Channel {
        /// The S3 protocol.
        S3 = "s3",
        /// The JSON API under `/api/v1`.
        Rest = "rest",
        /// Plain HTTP and WebDAV.
        Http = "http",
        /// FTP, FTPS and SFTP.
        Ftp = "ftp",
        /// SOAP.
        WebService = "web-service",
        /// Authenticated mail submission.
        Email = "email",
    }
    "s3, rest, http, ftp, web-service, email"
}

words! {
    /// What a key or a storage allows. `None` is a setting like the others: it can be turned back.
    Permission {
        /// Nothing.
        None = "none",
        /// List, look at, download.
        Read = "read",
        /// Upload, and nothing that would tell what exists.
        Write = "write",
        /// Everything that concerns files.
        ReadWrite = "read_write",
        /// Files and administration; for keys of a whole site or of an admin only.
        Full = "full",
    }
    "none, read, write, read_write, full"
}

words! {
    /// One deed, as the policy sees it. Every operation of every protocol is one of these, or several.
    Action {
        /// Learn that a storage is there and where: what a tool asks before it does anything.
        Enter = "enter",
        /// Enumerate keys.
        List = "list",
        /// Read an object's bytes, its metadata, or whether it exists.
        Get = "get",
        /// Create or overwrite an object.
        Put = "put",
        /// Remove an object.
        Delete = "delete",
        /// Change what others may do: storages, keys, users.
        Administer = "administer",
    }
    "enter, list, get, put, delete, administer"
}

impl Channel {
    /// Whether people may choose the user name and the secret of its keys: it has to ask for both.
    #[must_use]
    pub const fn takes_chosen(self) -> bool {
        match self {
            Self::Http | Self::Ftp | Self::WebService | Self::Email => true,
            Self::S3 | Self::Rest => false,
        }
    }
}

impl Permission {
    /// The permission table of the product, whole.
    #[must_use]
    pub const fn permits(self, action: Action) -> bool {
        match (self, action) {
            (Self::Full, _) | (Self::Read | Self::Write | Self::ReadWrite, Action::Enter) => true,
            (Self::None, _)
            | (Self::Read, Action::Put | Action::Delete | Action::Administer)
            | (Self::Write, Action::List | Action::Get | Action::Delete | Action::Administer)
            | (Self::ReadWrite, Action::Administer) => false,
            (Self::Read, Action::List | Action::Get)
            | (Self::Write, Action::Put)
            | (Self::ReadWrite, Action::List | Action::Get | Action::Put | Action::Delete) => true,
        }
    }

    /// Whether this allows nothing that `other` does not allow.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        Action::ALL.iter().all(|action| !self.permits(*action) || other.permits(*action))
    }

    /// What both allow: what is left of a key's permission within that of its storage.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        if self.is_within(other) {
            self
        } else if other.is_within(self) {
            other
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(*channel));
        }
        let error = "readonly".parse::<Permission>().unwrap_err();
        assert_eq!(error.to_string(), "unknown word; expected one of: none, read, write, read_write, full");
    }

    #[test]
    fn within_is_a_partial_order() {
        for a in Permission::ALL {
            assert!(a.is_within(*a));
            assert!(Permission::None.is_within(*a));
            assert!(a.is_within(Permission::Full));
        }
        assert!(!Permission::Read.is_within(Permission::Write));
        assert!(!Permission::Write.is_within(Permission::Read));
        assert!(!Permission::ReadWrite.is_within(Permission::Read));
    }

    #[test]
    fn common_is_what_each_of_them_allows() {
        for one in Permission::ALL {
            for other in Permission::ALL {
                for action in Action::ALL.iter().filter(|action| **action != Action::Enter) {
                    let each = one.permits(*action) && other.permits(*action);
                    assert_eq!(one.common(*other).permits(*action), each, "{one} and {other}: {action}");
                }
            }
        }
        let (none, read, write, both) =
            (Permission::None, Permission::Read, Permission::Write, Permission::ReadWrite);
        for (storage, key, left) in [
            (both, read, read),
            (read, both, read),
            (read, write, none),
            (none, both, none),
            (both, both, both),
        ] {
            assert_eq!(storage.common(key), left, "{storage} {key}");
        }
    }
}
