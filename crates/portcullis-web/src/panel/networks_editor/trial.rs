//! What is tried out, and what it would have done so far.

use portcullis_control::networks::{Client, TrialView};
use portcullis_domain::Timestamp;

use super::super::fields::Fields;
use super::super::seen::Seen;
use super::CutOff;
use super::cut_off::warning;

/// As many clients are shown.
const SHOWN: usize = 20;

/// A trial as the editor shows it.
#[derive(Clone, Debug)]
pub(in super::super) struct Banner {
    pub(in super::super) now: Timestamp,
    pub(in super::super) since: Timestamp,
    /// What is tried.
    pub(in super::super) networks: Vec<String>,
    /// Whom it would have refused; the first of them.
    pub(in super::super) refused: Vec<CutOff>,
    /// How many more there are.
    pub(in super::super) more: u64,
    /// How many requests it would have refused.
    pub(in super::super) refused_requests: u64,
    /// How many clients it would have let in.
    pub(in super::super) admitted: u64,
    /// How many requests that were.
    pub(in super::super) admitted_requests: u64,
    /// What stands for this trial, with all whom it would refuse.
    pub(in super::super) seen: Seen,
    /// Whether it was to be put in force, and was not as it was shown any more.
    pub(in super::super) is_stale: bool,
}

impl Banner {
    pub(in super::super) fn new(view: &TrialView, now: Timestamp) -> Self {
        let sum = |list: &[Client]| list.iter().map(|client| client.requests).sum();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut refused: Vec<CutOff> = view.refused.iter().cloned().map(CutOff::from).collect();
        let mut seen = warning(&refused);
        seen.add(&view.trial.since);
        for entry in view.trial.networks.entries() {
            seen.add(&entry.network);
        }
        let more = count(refused.len().saturating_sub(SHOWN));
        refused.truncate(SHOWN);
        Self {
            now,
            since: view.trial.since,
            networks: view.trial.networks.entries().iter().map(|entry| entry.network.to_string()).collect(),
            refused,
            more,
            refused_requests: sum(&view.refused),
            admitted: count(view.admitted.len()),
            admitted_requests: sum(&view.admitted),
            seen,
            is_stale: false,
        }
    }
}

/// Whether a form shows this trial, with everybody whom it would refuse.
pub(in super::super) fn is_shown(view: &TrialView, form: &Fields) -> bool {
    Banner::new(view, view.trial.since).seen.is_in(form, "seen_trial")
}
