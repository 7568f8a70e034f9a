//! What somebody wants to see of the connections, and the page they get.

use portcullis_domain::{Health, Provider, Storage, Timestamp, UnknownWord, Usage};
use portcullis_metadata::{ListOrder, Openness};

use super::posture::Posture;
use super::s3::S3Connection;
use crate::grants::ShareStatus;

/// Which connections S3 tools can use; each connection is in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3Filter {
    /// Those they can come to, also those that end soon.
    Active,
    /// Those without a key that works, or with S3 access switched off.
    NotActive,
    /// Those whose provider does not answer.
    Unreachable,
}

/// By what connections are sorted. What is equal keeps one order, so that no page repeats or misses a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionSort {
    /// By name, upper and lower case alike.
    #[default]
    Name,
    /// By the bytes of the files.
    Used,
    /// By the number of files.
    Files,
    /// By when the storage was made.
    Created,
    /// By when a key last did something there; those never used before the others.
    LastUsed,
}

/// A word for each value, both ways.
macro_rules! spoken {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? } $expected:literal) => {
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word for it, as in the address of a page.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord { expected: $expected }) }
            }
        }
    };
}
spoken! {
    S3Filter { Active = "active", NotActive = "not_active", Unreachable = "unreachable" }
    "active, not_active, unreachable"
}
spoken! {
    ConnectionSort { Name = "name", Used = "used", Files = "files", Created = "created", LastUsed = "last_used" }
    "name, used, files, created, last_used"
}

impl S3Filter {
    pub(super) const fn openness(self) -> Openness {
        match self {
            Self::Active => Openness::Open,
            Self::NotActive => Openness::Closed,
            Self::Unreachable => Openness::Unreachable,
        }
    }
}

impl ConnectionSort {
    pub(super) const fn order(self) -> ListOrder {
        match self {
            Self::Name => ListOrder::Name,
            Self::Used => ListOrder::Bytes,
            Self::Files => ListOrder::Files,
            Self::Created => ListOrder::Created,
            Self::LastUsed => ListOrder::LastUsed,
        }
    }
}

/// Which connections to show, in which order, and which page of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionsQuery {
    /// Only those with this text in the name, the label or the bucket name, upper and lower case alike. A text of 6 to 20
    /// letters and digits is looked for in the access key ids of their keys too.
    pub search: Option<String>,
    /// Only those of this provider.
    pub provider: Option<Provider>,
    /// Only those that S3 tools can use, or cannot.
    pub s3: Option<S3Filter>,
    /// Only those whose connection was last found so.
    pub health: Option<Health>,
    /// The order.
    pub sort: ConnectionSort,
    /// The order backwards.
    pub descending: bool,
    /// Which page, from 1; past the end the last one is shown.
    pub page: u32,
    /// Rows on a page, 1 to [`ConnectionsQuery::MAX_SIZE`]; what is outside is moved inside.
    pub size: u32,
}

impl ConnectionsQuery {
    /// The most rows on a page.
    pub const MAX_SIZE: u32 = 200;
}

impl Default for ConnectionsQuery {
    /// All of them by name, the first 50.
    fn default() -> Self {
        Self {
            search: None,
            provider: None,
            s3: None,
            health: None,
            sort: ConnectionSort::Name,
            descending: false,
            page: 1,
            size: 50,
        }
    }
}

/// What a storage held when it was last measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredUsage {
    /// What it held.
    pub usage: Usage,
    /// When.
    pub at: Timestamp,
}

/// One connection in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRow {
    /// The record.
    pub storage: Storage,
    /// What it held a moment ago, or when it last answered; none if it was never measured.
    pub usage: Option<MeasuredUsage>,
    /// How many more bytes fitted then, by the quota and the space there is; none if that could not be told.
    pub available: Option<u64>,
    /// How its connection was last found; none if nobody looked yet.
    pub health: Option<Health>,
    /// Since when it is so.
    pub health_since: Option<Timestamp>,
    /// With whom it is shared.
    pub share: ShareStatus,
    /// How S3 tools come to it.
    pub s3: S3Connection,
    /// When a key last did something there; none if never.
    pub last_used: Option<Timestamp>,
}

/// One page of connections, and how the site is as a whole.
#[derive(Clone, Debug)]
pub struct ConnectionsPage {
    /// The rows, in the order asked for.
    pub rows: Vec<ConnectionRow>,
    /// Which page this is, from 1.
    pub page: u32,
    /// Of how many; at least 1.
    pub pages: u32,
    /// How many connections the search and the filters find.
    pub matching: u64,
    /// How many the site has.
    pub total: u64,
    /// How the site is.
    pub posture: Posture,
    /// When this was read.
    pub as_of: Timestamp,
}
