//! Typed identifiers. Two kinds of id cannot be confused, and all of them are opaque to the outside.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The text was not the hyphenated lower-case form of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct InvalidId;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        ///
        /// A UUID version 7 (RFC 9562): ordered by creation, 36 characters as text.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier, never handed out before.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The identifier with these 128 bits; for tests and for reading back what was stored.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }

            /// The 16 bytes, most significant first.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }
    )* };
}

id! {
    /// A tenant.
    SiteId,
    /// A person.
    UserId,
    /// A storage.
    StorageId,
    /// What ties a storage to where its bytes live.
    ConnectionId,
    /// A credential that Portcullis issued.
    KeyId,
    /// A person's sign-in.
    SessionId,
    /// A group of people.
    GroupId,
    /// What was shared with a person or a group.
    GrantId,
    /// A link that opens something to whoever has it.
    LinkId,
    /// A passkey of a person.
    PasskeyId,
    /// Advice that was followed.
    AdviceId,
    /// Two sides that are planned and run together, with what they last agreed on.
    SyncPairId,
    /// What is to be done between two sides.
    SyncPlanId,
    /// The execution of a plan.
    SyncRunId,
    /// A plan that is made and run again and again.
    SyncJobId,
    /// Bytes that were kept before a run replaced or deleted them.
    KeptId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip_and_refusals() {
        let id = KeyId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "x",
            "0192",
            "urn:uuid:01924f5c-0000-7000-8000-000000000000",
            "01924f5c000070008000000000000000",
        ] {
            assert_eq!(wrong.parse::<KeyId>(), Err(InvalidId), "{wrong}");
        }
    }
}
