//! The two sides.

use serde::{Deserialize, Serialize};

/// One of the two sides of a plan. In a copy and in a mirror the storage is the source and the bucket the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The side that was named first.
    Storage,
    /// The other.
    Bucket,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Storage, Self::Bucket];

    /// The one that this is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Storage => Self::Bucket,
            Self::Bucket => Self::Storage,
        }
    }

    /// The word for it in texts for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Bucket => "bucket",
        }
    }
}

/// Something of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sides<T> {
    /// Of the side that was named first.
    pub storage: T,
    /// Of the other.
    pub bucket: T,
}

impl<T> Sides<T> {
    /// That of one side.
    #[must_use]
    pub const fn of(&self, side: Side) -> &T {
        match side {
            Side::Storage => &self.storage,
            Side::Bucket => &self.bucket,
        }
    }

    /// That of one side, to change.
    pub const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Storage => &mut self.storage,
            Side::Bucket => &mut self.bucket,
        }
    }
}
