//! Links that share something with whoever has their address.

use portcullis_control::{ControlError, FieldProblem, LinkChange, LinkDraft, LinkTargetDraft, LinkView};
use portcullis_domain::{LinkTarget, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::network::{NetworkIn, NotedNetwork, drafts, noted};
use super::present;

/// A link. Its address is nowhere to be had.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareLink)]
pub(crate) struct LinkOut {
    /// Identifies the record; not the secret in the address.
    id: String,
    /// What a person called it; shown to whoever opens it.
    name: String,
    /// The storage that it leads to.
    storage: String,
    /// The file that it leads to; null if it leads to a folder.
    file: Option<String>,
    /// The folder that it leads to, empty for the whole storage; null if it leads to a file.
    #[schema(example = "reports/")]
    folder: Option<String>,
    /// `read` to download, `write` for a drop box.
    #[schema(example = "read")]
    permission: String,
    /// Whether a password is asked for.
    has_password: bool,
    /// From where it may be opened; anywhere if empty.
    networks: Vec<NotedNetwork>,
    /// The first moment at which it leads nowhere; null for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// How many downloads may begin in all; null for any number.
    max_downloads: Option<u32>,
    /// How many have begun.
    downloads: u32,
    /// `active`, `expired`, `spent` (downloaded as often as it may be) or `ended`.
    state: &'static str,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<LinkView> for LinkOut {
    fn from(LinkView { link, status }: LinkView) -> Self {
        let (file, folder) = match &link.target {
            LinkTarget::File(key) => (Some(key.to_string()), None),
            LinkTarget::Folder(prefix) => (None, Some(prefix.to_string())),
        };
        Self {
            id: link.id.to_string(),
            name: link.name.to_string(),
            storage: link.storage.to_string(),
            file,
            folder,
            permission: link.permission.to_string(),
            has_password: link.has_password,
            networks: noted(&link.networks),
            expires_at: link.expires.map(|end| end.to_string()),
            max_downloads: link.max_downloads,
            downloads: link.downloads,
            state: status.as_str(),
            created_at: link.created.to_string(),
        }
    }
}

/// A link to be made: to a file or to a folder.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewShareLink)]
pub(crate) struct LinkIn {
    /// The id of the storage.
    storage: String,
    /// The name of a file, there or not.
    file: Option<String>,
    /// A folder, with a slash at its end; the empty text is the whole storage.
    #[schema(example = "reports/")]
    folder: Option<String>,
    /// What to call it; shown to whoever opens it.
    #[schema(min_length = 1)]
    name: String,
    /// `read` to download, `write` for a drop box, into which files can only be put.
    #[schema(pattern = "^(read|write)$", example = "read")]
    permission: String,
    /// What is asked for before anything is shown: 8 characters or more.
    #[schema(min_length = 8)]
    password: Option<String>,
    /// The first moment at which it leads nowhere; never if left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// How many downloads may begin; any number if left out.
    #[schema(minimum = 1)]
    max_downloads: Option<u64>,
    /// From where it may be opened; anywhere if left out.
    #[serde(default)]
    networks: Vec<NetworkIn>,
}

impl TryFrom<LinkIn> for LinkDraft {
    type Error = ControlError;

    fn try_from(given: LinkIn) -> Result<Self, ControlError> {
        let target = match (given.file, given.folder) {
            (Some(file), None) => LinkTargetDraft::File(file),
            (None, Some(folder)) => LinkTargetDraft::Folder(folder),
            (None, None) => {
                return Err(ControlError::invalid(
                    "file",
                    "either file or folder is needed; folder may be empty",
                ));
            }
            (Some(_), Some(_)) => {
                let message = "a link leads to a file or to a folder: leave one out";
                let wrong = ["file", "folder"].map(|field| FieldProblem::new(field, message));
                return Err(ControlError::Invalid(wrong.into()));
            }
        };
        Ok(Self {
            storage: given.storage,
            target,
            name: given.name,
            permission: given.permission,
            password: given.password.map(Secret::foreign),
            expires_at: given.expires_at,
            max_downloads: given.max_downloads,
            networks: drafts(given.networks),
        })
    }
}

/// What to change of a link; what is left out stays. Storage, target, permission and address never change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ShareLinkChange)]
pub(crate) struct LinkPatch {
    /// What to call it.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// What is asked for; null to ask for nothing any more.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 8)]
    password: Option<Option<String>>,
    /// The first moment at which it leads nowhere; null for never.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<String>>,
    /// How many downloads may begin in all; null for any number.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 1)]
    max_downloads: Option<Option<u64>>,
    /// From where it may be opened; anywhere if empty.
    networks: Option<Vec<NetworkIn>>,
}

impl From<LinkPatch> for LinkChange {
    fn from(given: LinkPatch) -> Self {
        let LinkPatch { name, password, expires_at, max_downloads, networks } = given;
        let password = password.map(|password| password.map(Secret::foreign));
        Self { name, password, expires_at, max_downloads, networks: networks.map(drafts) }
    }
}

/// A link that was just made: the only answer that ever holds its address.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedShareLink)]
pub(crate) struct CreatedLinkOut {
    /// The link.
    pub(crate) link: LinkOut,
    /// The address to give away. It is not told again.
    #[schema(example = "https://gate.example.org/s/pcs…")]
    pub(crate) url: String,
}
