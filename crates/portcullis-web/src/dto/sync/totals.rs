//! What a plan comes to.

use portcullis_control::{Amount, PlanCost, PlanTotals, Sides};
use serde::Serialize;
use utoipa::ToSchema;

/// Files, and the bytes in them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncAmount)]
pub(crate) struct AmountOut {
    /// How many files.
    files: u64,
    /// How many bytes.
    bytes: u64,
}

impl From<Amount> for AmountOut {
    fn from(amount: Amount) -> Self {
        Self { files: amount.files, bytes: amount.bytes }
    }
}

/// The same for each of the two sides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncAmounts)]
pub(crate) struct AmountsOut {
    /// In the storage: the side that was named first.
    storage: AmountOut,
    /// In the bucket: the other.
    bucket: AmountOut,
}

impl From<Sides<Amount>> for AmountsOut {
    fn from(sides: Sides<Amount>) -> Self {
        Self { storage: sides.storage.into(), bucket: sides.bucket.into() }
    }
}

/// Files that are left as they are, for one reason.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncLeft)]
pub(crate) struct LeftOut {
    /// Why, as a word.
    #[schema(example = "archived")]
    reason: &'static str,
    /// How many.
    files: u64,
}

/// What a plan comes to, with what was chosen in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncTotals)]
pub(crate) struct TotalsOut {
    /// Files that are as both sides agreed on before; nothing is done with them.
    unchanged: u64,
    /// Files that both sides hold alike, which was not known before; it is written down.
    agree: AmountOut,
    /// Written to a side that has nothing there.
    write: AmountsOut,
    /// Written to a side over something else, which is kept.
    overwrite: AmountsOut,
    /// Deleted on a side, and kept.
    delete: AmountsOut,
    /// Kept from both sides, one of them under another name.
    keep_both: AmountOut,
    /// Put back on a side by a restore.
    put_back: AmountsOut,
    /// Files that differ, and nothing says which is right; whatever becomes of them.
    conflicts: u64,
    /// Files that are left as they are, by the reason.
    left: Vec<LeftOut>,
    /// What each side holds.
    seen: AmountsOut,
    /// How many files both sides had agreed on before.
    base_keys: u64,
}

impl From<PlanTotals> for TotalsOut {
    fn from(totals: PlanTotals) -> Self {
        let left = totals.left.into_iter();
        Self {
            unchanged: totals.unchanged,
            agree: totals.agree.into(),
            write: totals.write.into(),
            overwrite: totals.overwrite.into(),
            delete: totals.delete.into(),
            keep_both: totals.keep_both.into(),
            put_back: totals.put_back.into(),
            conflicts: totals.conflicts,
            left: left.map(|(reason, files)| LeftOut { reason: reason.as_str(), files }).collect(),
            seen: totals.seen.into(),
            base_keys: totals.base_keys,
        }
    }
}

/// What it costs to make a plan and to run it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncCost)]
pub(crate) struct CostOut {
    /// Requests to providers that list files.
    list_requests: u64,
    /// Requests to providers that look at one file.
    head_requests: u64,
    /// Bytes that were read to find out whether files are the same.
    bytes_to_read: u64,
    /// Bytes that a run moves between the sides.
    bytes_to_move: u64,
}

impl From<PlanCost> for CostOut {
    fn from(cost: PlanCost) -> Self {
        let PlanCost { list_requests, head_requests, bytes_to_read, bytes_to_move } = cost;
        Self { list_requests, head_requests, bytes_to_read, bytes_to_move }
    }
}
