//! What is under way.

use portcullis_control::TransferView;
use serde::Serialize;
use utoipa::ToSchema;

/// A file on its way up or down at this moment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub(crate) struct TransferOut {
    /// Identifies it, on all nodes.
    id: String,
    /// The node on which it runs: the process. Empty if there is one node only.
    node: String,
    /// That node's machine.
    node_name: String,
    /// The key under which it runs; null for a person who signed in, or a link.
    key: Option<String>,
    /// The key's name; null if it is not to be found.
    key_name: Option<String>,
    /// The person who signed in, or to whom the key belongs.
    user: Option<String>,
    /// That person's name.
    user_name: Option<String>,
    /// The storage.
    storage: String,
    /// The storage's name.
    storage_name: Option<String>,
    /// `put` for an upload, `get` for a download.
    #[schema(example = "get")]
    action: &'static str,
    /// The object.
    object: String,
    /// The client's address.
    address: String,
    /// What the client calls itself.
    tool: String,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// Bytes so far.
    bytes: u64,
    /// Bytes per second over the last seconds.
    rate: u64,
}

impl From<TransferView> for TransferOut {
    fn from(view: TransferView) -> Self {
        Self {
            started_at: view.started().to_string(),
            id: view.id,
            node: view.node,
            node_name: view.node_name,
            key: view.key,
            key_name: view.key_name,
            user: view.user,
            user_name: view.user_name,
            storage: view.storage,
            storage_name: view.storage_name,
            action: if view.upload { "put" } else { "get" },
            object: view.object,
            address: view.address,
            tool: view.tool,
            bytes: view.bytes,
            rate: view.rate,
        }
    }
}
