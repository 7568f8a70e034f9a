//! What stands after the `?` of an address.

use http::Uri;
use serde::{Deserialize, Deserializer};

use crate::extract::{Limit, from_text, parse_query};
use crate::problem::{Problem, Result};

/// The parameters, every one of them known: one that is not could have changed what is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Given {
    #[serde(deserialize_with = "from_text")]
    object: Option<String>,
    #[serde(deserialize_with = "from_text")]
    list: Option<String>,
    #[serde(deserialize_with = "from_text")]
    recursive: Option<String>,
    #[serde(deserialize_with = "some_limit")]
    limit: Option<Limit>,
    #[serde(deserialize_with = "from_text")]
    cursor: Option<String>,
    #[serde(deserialize_with = "from_text")]
    upload: Option<String>,
}

fn some_limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Limit>, D::Error> {
    Limit::deserialize(deserializer).map(Some)
}

/// What an address asks for besides what it names.
#[derive(Debug, Default)]
pub(super) struct FilesQuery {
    /// The object of just this name, though it looks like a folder.
    pub(super) object: bool,
    /// What begins with this name, though it does not look like a folder.
    pub(super) list: bool,
    /// Everything below, and not a folder at a time.
    pub(super) recursive: bool,
    /// The most entries of a list.
    pub(super) limit: Option<u32>,
    /// Where a list goes on.
    pub(super) cursor: Option<String>,
    /// An upload under way.
    pub(super) upload: Option<String>,
}

impl FilesQuery {
    pub(super) fn of(uri: &Uri) -> Result<Self> {
        let Given { object, list, recursive, limit, cursor, upload } =
            parse_query(uri.query().unwrap_or_default())?;
        let query = Self {
            object: switch("object", object.as_deref())?,
            list: switch("list", list.as_deref())?,
            recursive: switch("recursive", recursive.as_deref())?,
            limit: limit.map(|limit| limit.0),
            cursor,
            upload,
        };
        if query.object && query.list {
            return Err(Problem::invalid_field("object", "not together with list"));
        }
        Ok(query)
    }
}

/// `?name`, `?name=true` and `?name=false`.
fn switch(name: &'static str, value: Option<&str>) -> Result<bool> {
    match value {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(_) => Err(Problem::invalid_field(name, "true or false")),
    }
}
