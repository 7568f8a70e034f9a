//! How much was used and refused.

use portcullis_control::{UsageOverTime, UsagePoint, UsageShare, UsageStep, UsageSum};
use serde::Serialize;
use utoipa::ToSchema;

/// Use of the site.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageOut {
    /// What one point stands for: `hour` or `day`; null if it is not by time.
    step: Option<&'static str>,
    /// All points together; null if it is not by time.
    total: Option<UsageSumOut>,
    /// By time: the points, the oldest first, also those at which there was nothing.
    points: Vec<UsagePointOut>,
    /// By key, storage, network or tool: those with the most requests, refused ones counted too.
    items: Vec<UsageItemOut>,
}

/// How much was done and refused. What only asked whether a storage is there is not counted.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageSum)]
pub(crate) struct UsageSumOut {
    /// Requests that were admitted.
    requests: u64,
    /// Bytes of files, up and down.
    bytes: u64,
    /// Requests that were refused.
    refused: u64,
}

/// An hour, or a day in UTC.
#[derive(Serialize, ToSchema)]
#[schema(as = UsagePoint)]
pub(crate) struct UsagePointOut {
    /// When it begins.
    #[schema(format = DateTime)]
    start: String,
    /// Requests that were admitted.
    requests: u64,
    /// Bytes of files, up and down.
    bytes: u64,
    /// Requests that were refused.
    refused: u64,
}

/// A key, a storage, a network or a program.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageItem)]
pub(crate) struct UsageItemOut {
    /// The id of the key or storage, the address or network, or the name of the program; empty for no storage.
    id: String,
    /// What people call it; null for what has no name, or is gone.
    name: Option<String>,
    /// Requests that were admitted.
    requests: u64,
    /// Bytes of files, up and down.
    bytes: u64,
    /// Requests that were refused.
    refused: u64,
    /// When the last.
    #[schema(format = DateTime)]
    last: String,
}

/// The word for a step.
pub(crate) const fn step_name(step: UsageStep) -> &'static str {
    match step {
        UsageStep::Hour => "hour",
        UsageStep::Day => "day",
    }
}

impl From<UsageOverTime> for UsageOut {
    fn from(found: UsageOverTime) -> Self {
        let UsageSum { requests, bytes, refused } = found.total;
        Self {
            step: Some(step_name(found.step)),
            total: Some(UsageSumOut { requests, bytes, refused }),
            points: found.points.into_iter().map(UsagePointOut::from).collect(),
            items: Vec::new(),
        }
    }
}

impl From<UsagePoint> for UsagePointOut {
    fn from(point: UsagePoint) -> Self {
        let UsageSum { requests, bytes, refused } = point.sum;
        Self { start: point.start.to_string(), requests, bytes, refused }
    }
}

impl From<UsageShare> for UsageItemOut {
    fn from(share: UsageShare) -> Self {
        let UsageSum { requests, bytes, refused } = share.sum;
        Self { id: share.id, name: share.name, requests, bytes, refused, last: share.last.to_string() }
    }
}

impl From<Vec<UsageShare>> for UsageOut {
    fn from(shares: Vec<UsageShare>) -> Self {
        Self { items: shares.into_iter().map(UsageItemOut::from).collect(), ..Self::default() }
    }
}
