//! From rows to the words of the domain.

use std::fmt::Display;
use std::str::FromStr;

use portcullis_domain::{NetworkEntry, Networks, Timestamp, Trial};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row};

use crate::error::Fault;

/// A row with these columns, read by name, on either engine.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($column:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        pub(crate) struct $name { $(pub(crate) $column: $type),* }

        impl<'r, R> sqlx::FromRow<'r, R> for $name
        where
            R: sqlx::Row,
            &'static str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>),*
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($column: row.try_get(stringify!($column))?),* })
            }
        }
    };
}
pub(crate) use row;

/// A row that is two.
pub(crate) struct Both<A, B>(pub(crate) A, pub(crate) B);

impl<'r, R: Row, A: FromRow<'r, R>, B: FromRow<'r, R>> FromRow<'r, R> for Both<A, B> {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self(A::from_row(row)?, B::from_row(row)?))
    }
}

/// Reads a column's text.
pub(crate) fn read<T: FromStr<Err: Display>>(column: &'static str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error| Fault::corrupt(format!("column {column}: {error}")))
}

/// Reads a column's text, if there is one.
pub(crate) fn read_optional<T: FromStr<Err: Display>>(
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, Fault> {
    text.map(|text| read(column, text)).transpose()
}

/// Reads a number that must fit.
pub(crate) fn number<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T, Fault> {
    T::try_from(value).map_err(|_| Fault::corrupt(format!("column {column}: number out of range")))
}

/// Reads a hash.
pub(crate) fn hash(column: &'static str, bytes: &[u8]) -> Result<[u8; 32], Fault> {
    bytes.try_into().map_err(|_| Fault::corrupt(format!("column {column}: not 32 bytes")))
}

#[derive(Serialize, Deserialize)]
struct StoredNetwork {
    n: String,
    note: String,
}

/// A list of networks as the JSON text that is stored.
pub(crate) fn networks_to_text(networks: &Networks) -> Result<String, Fault> {
    let entries: Vec<StoredNetwork> = networks
        .entries()
        .iter()
        .map(|entry| StoredNetwork { n: entry.network.to_string(), note: entry.note.clone() })
        .collect();
    serde_json::to_string(&entries).map_err(|error| Fault::corrupt(error.to_string()))
}

/// The list of networks that this stored text is.
pub(crate) fn networks_from_text(text: &str) -> Result<Networks, Fault> {
    let bad = |error: &dyn Display| Fault::corrupt(format!("column networks: {error}"));
    let stored: Vec<StoredNetwork> = serde_json::from_str(text).map_err(|error| bad(&error))?;
    let entries: Result<Vec<NetworkEntry>, Fault> = stored
        .iter()
        .map(|entry| NetworkEntry::parse(&entry.n, &entry.note).map_err(|error| bad(&error)))
        .collect();
    Networks::new(entries?).map_err(|error| bad(&error))
}

/// Networks that are tried out, as the JSON text that is stored.
pub(crate) fn trial_to_text(trial: Option<&Trial>) -> Result<Option<String>, Fault> {
    trial.map(|trial| networks_to_text(&trial.networks)).transpose()
}

/// The networks that are tried out, from their two columns.
pub(crate) fn trial_from(networks: Option<&str>, since: Option<i64>) -> Result<Option<Trial>, Fault> {
    let since = Timestamp::from_micros(since.unwrap_or_default());
    networks.map(|text| Ok(Trial { networks: networks_from_text(text)?, since })).transpose()
}

/// Text from outside as it is kept: at most `max` bytes, U+0000 replaced, which PostgreSQL cannot store.
pub(crate) fn clip(text: &str, max: usize) -> String {
    let mut kept = String::with_capacity(text.len().min(max));
    for c in text.chars().map(|c| if c == '\0' { '\u{fffd}' } else { c }) {
        if kept.len() + c.len_utf8() > max {
            break;
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_whole_characters_and_no_nul() {
        assert_eq!(clip("grün", 3), "gr");
        assert_eq!(clip("a\0b", 10), "a\u{fffd}b");
        assert_eq!(clip("short", 64), "short");
    }

    #[test]
    fn networks_round_trip() {
        let entries = ["203.0.113.7", "203.0.113.0/24", "203.0.113.10-203.0.113.20", "2001:db8::/32"];
        let entries = entries.iter().map(|n| NetworkEntry::parse(n, "the \"office\"").unwrap()).collect();
        for networks in [Networks::anywhere(), Networks::new(entries).unwrap()] {
            assert_eq!(networks_from_text(&networks_to_text(&networks).unwrap()).unwrap(), networks);
        }
        assert!(networks_from_text("[{\"n\":\"nowhere\",\"note\":\"\"}]").is_err());
        assert!(networks_from_text("").is_err());
    }
}
