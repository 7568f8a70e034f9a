//! Names that are never given twice.

use std::io;

use portcullis_domain::Timestamp;
use uuid::Uuid;

/// The name of a file: a UUID version 7, made when the file is, and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) struct BlobId(u128);

impl BlobId {
    /// A new name.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn generate(now: Timestamp) -> io::Result<Self> {
        unique(now).map(Self)
    }

    pub(in super::super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    pub(in super::super) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The day on which it was made, as `20261121`: the bucket it lies in.
    pub(in super::super) fn day(self) -> String {
        day_of(Timestamp::from_micros(i64::try_from(self.0 >> 80).unwrap_or(0).saturating_mul(1000)))
    }

    /// The last byte, which is chance: spreads the files of a day over 256 directories.
    pub(super) fn fan(self) -> u8 {
        let [.., last] = self.to_bytes();
        last
    }

    pub(super) fn file_name(self) -> String {
        Uuid::from_u128(self.0).as_hyphenated().to_string()
    }

    /// The name that a file has, if it is one of ours.
    pub(in super::super) fn parse(name: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(name).ok()?;
        (name.len() == 36).then(|| Self(uuid.as_u128()))
    }
}

/// A day in UTC, as `20261121`.
pub(in super::super) fn day_of(moment: Timestamp) -> String {
    moment.to_string().chars().filter(char::is_ascii_digit).take(8).collect()
}

/// 128 bits in the form of a UUID version 7: milliseconds, then chance.
pub(in super::super) fn unique(now: Timestamp) -> io::Result<u128> {
    let mut random = [0u8; 10];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_u128())
}
