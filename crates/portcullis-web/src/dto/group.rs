//! Groups.

use portcullis_control::{GroupChange, GroupDraft, GroupRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A group of people of the site.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Group)]
pub(crate) struct GroupOut {
    /// Identifies it.
    id: String,
    /// What it is called.
    name: String,
    /// How many people are in it.
    members: u32,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<GroupRow> for GroupOut {
    fn from(row: GroupRow) -> Self {
        let GroupRow { group, members } = row;
        Self {
            id: group.id.to_string(),
            name: group.name.to_string(),
            members,
            created_at: group.created.to_string(),
        }
    }
}

/// A group to be made, with nobody in it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup)]
pub(crate) struct GroupIn {
    /// What to call it; unique in the site, upper and lower case alike.
    #[schema(min_length = 1, example = "Editors")]
    name: String,
}

impl From<GroupIn> for GroupDraft {
    fn from(given: GroupIn) -> Self {
        Self { name: given.name }
    }
}

/// What to change of a group; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupChange)]
pub(crate) struct GroupPatch {
    /// What to call it.
    #[schema(min_length = 1)]
    name: Option<String>,
}

impl From<GroupPatch> for GroupChange {
    fn from(given: GroupPatch) -> Self {
        Self { name: given.name }
    }
}
