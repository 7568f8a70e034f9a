//! What a change ended.

use portcullis_control::{NodeReceipt, Receipt};
use serde::Serialize;
use utoipa::ToSchema;

/// What a change ended, on every node: the answer came after it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptDto {
    /// Transfers under way that were cut, on all nodes that answered.
    transfers_cut: u32,
    /// Multipart uploads that were given up since their key may not finish them. Of providers that are slow some may follow.
    uploads_aborted: u32,
    /// So many microseconds after the commit, at the latest, the last byte came or went by any of them; null if none was cut.
    last_byte_us: Option<u64>,
    /// Those of the transfers that had not let go when this was answered.
    unfinished: u32,
    /// The nodes of this installation that were running.
    nodes: Vec<NodeReceiptDto>,
    /// The same in one sentence; empty if nothing was cut and every node has the change.
    summary: String,
}

/// What one node ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeReceipt)]
pub(crate) struct NodeReceiptDto {
    /// The process.
    id: String,
    /// Its machine.
    name: String,
    /// Whether it is the one that answers.
    own: bool,
    /// Whether the change is in force there.
    answered: bool,
    /// Transfers that it cut.
    transfers_cut: u32,
    /// As above, of this node.
    last_byte_us: Option<u64>,
    /// If it has not answered: the moment from which it refuses everything by itself, at the latest.
    #[schema(format = DateTime)]
    refuses_by: Option<String>,
}

impl From<&Receipt> for ReceiptDto {
    fn from(receipt: &Receipt) -> Self {
        let micros = |of: std::time::Duration| u64::try_from(of.as_micros()).unwrap_or(u64::MAX);
        let node = |node: &NodeReceipt| NodeReceiptDto {
            id: node.id.clone(),
            name: node.name.clone(),
            own: node.own,
            answered: node.answered,
            transfers_cut: node.transfers_cut,
            last_byte_us: node.last_byte.map(micros),
            refuses_by: node.refuses_by.map(|by| by.to_string()),
        };
        Self {
            transfers_cut: receipt.transfers_cut,
            uploads_aborted: receipt.uploads_aborted,
            last_byte_us: receipt.last_byte.map(micros),
            unfinished: receipt.unfinished,
            nodes: receipt.nodes.iter().map(node).collect(),
            summary: receipt.sentence(),
        }
    }
}

/// Something that is gone, and what ended with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deleted)]
pub(crate) struct DeletedOut {
    /// What ended with it.
    pub(crate) receipt: ReceiptDto,
}

impl From<&Receipt> for DeletedOut {
    fn from(receipt: &Receipt) -> Self {
        Self { receipt: receipt.into() }
    }
}
