//! What is shared with people and groups.

use portcullis_control::{FieldProblem, GrantChange, GrantDraft, GrantRow, GranteeDraft, OwnStorage};
use portcullis_domain::{Grantee, Reach};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::present;
use crate::problem::Problem;

/// A storage, or a part of one, shared with a person or a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Grant)]
pub(crate) struct GrantOut {
    /// Identifies it.
    id: String,
    /// The storage.
    storage: String,
    /// What the storage is called.
    storage_name: String,
    /// With which person; null if it is a group.
    user: Option<String>,
    /// With which group; null if it is a person.
    group: Option<String>,
    /// What the person or the group is called.
    grantee_name: String,
    /// The part of the storage that is shared; empty for all of it.
    prefix: String,
    /// What may be done there: `read`, `write` or `read_write`.
    permission: String,
    /// When it was shared.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<GrantRow> for GrantOut {
    fn from(row: GrantRow) -> Self {
        let GrantRow { grant, grantee_name, storage_name } = row;
        let (user, group) = match grant.grantee {
            Grantee::User(id) => (Some(id.to_string()), None),
            Grantee::Group(id) => (None, Some(id.to_string())),
        };
        Self {
            id: grant.id.to_string(),
            storage: grant.storage.to_string(),
            storage_name: storage_name.to_string(),
            user,
            group,
            grantee_name,
            prefix: grant.prefix.to_string(),
            permission: grant.permission.to_string(),
            created_at: grant.created.to_string(),
        }
    }
}

/// Something to be shared: name either `user` or `group`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGrant)]
pub(crate) struct GrantIn {
    /// The storage.
    storage: String,
    /// The person with whom to share it.
    user: Option<String>,
    /// The group with whom to share it.
    group: Option<String>,
    /// The part of the storage; all of it if left out.
    #[schema(example = "reports/")]
    prefix: Option<String>,
    /// What may be done there: `read`, `write` or `read_write`.
    #[schema(pattern = "^(read|write|read_write)$", example = "read")]
    permission: String,
}

impl TryFrom<GrantIn> for GrantDraft {
    type Error = Problem;

    fn try_from(given: GrantIn) -> Result<Self, Problem> {
        let GrantIn { storage, user, group, prefix, permission } = given;
        let grantee = match (user, group) {
            (Some(user), None) => GranteeDraft::User(user),
            (None, Some(group)) => GranteeDraft::Group(group),
            (None, None) | (Some(_), Some(_)) => {
                let problem = |field| FieldProblem::new(field, "name either user or group");
                return Err(Problem::invalid(vec![problem("user"), problem("group")]));
            }
        };
        Ok(Self { storage, grantee, prefix, permission })
    }
}

/// What to change of what is shared; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GrantChange)]
pub(crate) struct GrantPatch {
    /// The part of the storage; null or empty for all of it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    prefix: Option<Option<String>>,
    /// What may be done there: `read`, `write` or `read_write`.
    #[schema(pattern = "^(read|write|read_write)$")]
    permission: Option<String>,
}

impl From<GrantPatch> for GrantChange {
    fn from(given: GrantPatch) -> Self {
        Self { prefix: given.prefix.map(Option::unwrap_or_default), permission: given.permission }
    }
}

/// What a change of what is shared ended.
#[derive(Serialize, ToSchema)]
#[schema(as = Cut)]
pub(crate) struct CutOut {
    /// Transfers under way, on the node that answers; other nodes end theirs within a second.
    pub(crate) transfers: u32,
}

/// Something shared after a change.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedGrant)]
pub(crate) struct ChangedGrantOut {
    /// What is shared now.
    pub(crate) grant: GrantOut,
    /// Transfers under way that the change ended, on the node that answers; other nodes end theirs within a second.
    pub(crate) transfers: u32,
}

/// A storage that may be entered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnStorage)]
pub(crate) struct OwnStorageOut {
    /// Identifies it.
    id: String,
    /// What a person called it.
    name: String,
    /// What S3 tools see; never changes.
    bucket_name: String,
    /// The address of the S3 door.
    s3_address: String,
    /// What `GetBucketLocation` answers.
    region: String,
    /// The parts of it that are reached. What they allow adds up where one lies in another.
    reach: Vec<ReachOut>,
}

/// A part of a storage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reach)]
pub(crate) struct ReachOut {
    /// Where its keys begin; empty for the whole storage.
    prefix: String,
    /// What may be done there: `none`, `read`, `write` or `read_write`.
    permission: String,
}

impl OwnStorageOut {
    pub(crate) fn new(own: &OwnStorage, s3_address: &str) -> Self {
        let OwnStorage { storage, reach } = own;
        let part = |reach: &Reach| ReachOut {
            prefix: reach.prefix.to_string(),
            permission: reach.permission.to_string(),
        };
        Self {
            id: storage.id.to_string(),
            name: storage.name.to_string(),
            bucket_name: storage.bucket.to_string(),
            s3_address: s3_address.to_owned(),
            region: storage.connection.region.clone(),
            reach: reach.iter().map(part).collect(),
        }
    }
}
