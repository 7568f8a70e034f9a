//! What is written beside plans and runs, as JSON.

use portcullis_metadata::{SyncPlanRow, SyncRunRow};
use portcullis_sync::{
    ChoiceRule, Cost, Guard, GuardHit, Mode, PlanTerms, Policy, Side, Snapshot, Totals, guards,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::JobSettings;
use super::check::{IN_FLIGHT, KEEP_DAYS};
use crate::{ControlError, Result};

/// What a plan was asked with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) settings: JobSettings,
    /// What of a run is taken back; none if it is not about that.
    pub(super) undo: Option<Undo>,
}

/// What of a run is taken back: all of it, if neither is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Undo {
    /// Only these keys.
    pub(super) keys: Option<Vec<String>>,
    /// Only what this step kept on one side.
    pub(super) kept: Option<(u64, Side)>,
}

/// What a plan was made on, and what that took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) cost: Cost,
    pub(super) terms: PlanTerms,
}

/// How a run is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RunAsked {
    pub(super) in_flight: u32,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) keep_days: u32,
    /// The sides that it may write to.
    pub(super) writes: Vec<Side>,
}

impl Default for RunAsked {
    fn default() -> Self {
        Self { in_flight: IN_FLIGHT, bytes_per_second: None, keep_days: KEEP_DAYS, writes: Vec::new() }
    }
}

/// How far a run is, and how it will end once it is settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RunTold {
    pub(super) at: Snapshot,
    pub(super) end: Option<Ending>,
    /// How often in a row it could not go on.
    pub(super) tries: u32,
    /// Why it could not, in words; empty if it could.
    pub(super) trouble: String,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// Everything was done.
    Done,
    /// Not everything.
    Partial,
    /// Somebody wanted it to end.
    Cancelled,
}

/// What another version of this program wrote, or nobody.
pub(super) fn foreign() -> ControlError {
    ControlError::NotNow("this was written by another version of Portcullis; make a new plan".to_owned())
}

/// Text for the database.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| foreign())
}

/// What [`json`] wrote.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| foreign())
}

/// A plan with everything that was written beside it.
#[derive(Clone, Debug)]
pub(super) struct ReadPlan {
    pub(super) row: SyncPlanRow,
    pub(super) mode: Mode,
    pub(super) policy: Policy,
    pub(super) asked: Asked,
    /// None before it is ready.
    pub(super) made: Option<Made>,
    pub(super) totals: Option<Totals>,
    pub(super) choices: Vec<ChoiceRule>,
}

impl ReadPlan {
    pub(super) fn of(row: SyncPlanRow) -> Result<Self> {
        let made: Option<Made> = (row.cost != "{}").then(|| read(&row.cost)).transpose()?;
        Ok(Self {
            mode: Mode::parse(&row.mode).ok_or_else(foreign)?,
            policy: Policy::parse(&row.policy).ok_or_else(foreign)?,
            asked: read(&row.terms)?,
            totals: made.is_some().then(|| read(&row.totals)).transpose()?,
            choices: read(&row.choices)?,
            made,
            row,
        })
    }

    /// The guards that stop it, with what was chosen.
    pub(super) fn guards(&self) -> Vec<GuardHit> {
        match (&self.totals, &self.made) {
            (Some(totals), Some(made)) => {
                let mut hits = guards(totals, &made.terms);
                hits.retain(|hit| self.row.restores.is_none() || stops_a_restore(hit.guard));
                hits
            }
            (_, _) => Vec::new(),
        }
    }

    pub(super) fn keep_days(&self) -> u32 {
        self.asked.settings.keep_days.unwrap_or(KEEP_DAYS)
    }

    /// The sides that it may write to.
    pub(super) fn writes(&self) -> Vec<Side> {
        written_by(self.mode)
    }
}

/// Whether a guard is about taking back too. Whoever takes a run back wants what it brought to go, however much that is.
const fn stops_a_restore(guard: Guard) -> bool {
    match guard {
        Guard::Emptied | Guard::MassDeletion | Guard::MassChange => false,
        Guard::OtherBucket | Guard::OlderState | Guard::ClockSkew | Guard::Quota => true,
    }
}

/// The sides that a plan of this mode may write to.
pub(super) fn written_by(mode: Mode) -> Vec<Side> {
    match mode {
        Mode::TwoWay => Side::BOTH.to_vec(),
        Mode::Copy | Mode::Mirror => vec![Side::Bucket],
    }
}

/// How far a run is, as it was last written.
pub(super) fn told(row: &SyncRunRow) -> RunTold {
    serde_json::from_str(&row.progress).unwrap_or_default()
}
