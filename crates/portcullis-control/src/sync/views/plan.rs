//! What is shown of plans.

use portcullis_domain::{SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp};
use portcullis_metadata::PlanState;
use portcullis_sync::{Choice, Evidence, Mode, Policy, Reason, Side, Sides};

use super::{Amount, SideView};

/// What a plan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanKind {
    /// It brings two sides together.
    Plan,
    /// It takes a run back, whole or in part.
    Restore,
}

macro_rules! words {
    ($($name:ident { $($variant:ident => $word:literal),* $(,)? })*) => { $(
        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word for it in texts for programs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The one with this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    )* };
}

words! {
    PlanKind { Plan => "plan", Restore => "restore" }
    OpWord {
        Unchanged => "unchanged", Agree => "agree", Forget => "forget", WriteToStorage => "write_to_storage",
        WriteToBucket => "write_to_bucket", DeleteInStorage => "delete_in_storage",
        DeleteInBucket => "delete_in_bucket", KeepBoth => "keep_both", PutBackInStorage => "put_back_in_storage",
        PutBackInBucket => "put_back_in_bucket", Leave => "leave",
    }
    CheckCode { Backup => "backup", Inventory => "inventory", Transfers => "transfers", Ready => "ready" }
}

/// What is done with a key, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpWord {
    /// Nothing: it is as it was agreed on.
    Unchanged,
    /// It is written down that both are the same.
    Agree,
    /// It is forgotten: it is gone on both sides.
    Forget,
    /// Written to the storage.
    WriteToStorage,
    /// Written to the bucket.
    WriteToBucket,
    /// Deleted in the storage.
    DeleteInStorage,
    /// Deleted in the bucket.
    DeleteInBucket,
    /// Both stay, one under another name.
    KeepBoth,
    /// What was kept is put back in the storage.
    PutBackInStorage,
    /// What was kept is put back in the bucket.
    PutBackInBucket,
    /// Left as it is.
    Leave,
}

/// What a plan comes to, with what was chosen in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanTotals {
    /// Keys that are as they were agreed on.
    pub unchanged: u64,
    /// Keys at which both sides hold the same, which was not known before.
    pub agree: Amount,
    /// Keys that were agreed on and are gone on both sides.
    pub forget: u64,
    /// Written, where nothing was.
    pub write: Sides<Amount>,
    /// Written over something else, which is kept.
    pub overwrite: Sides<Amount>,
    /// Deleted, and kept.
    pub delete: Sides<Amount>,
    /// Kept under two names.
    pub keep_both: Amount,
    /// Put back by a restore.
    pub put_back: Sides<Amount>,
    /// Keys at which both sides have something else.
    pub conflicts: u64,
    /// Left as they are, by the reason.
    pub left: Vec<(Reason, u64)>,
    /// What each side holds.
    pub seen: Sides<Amount>,
    /// Keys that both sides had agreed on before.
    pub base_keys: u64,
}

/// What makes a plan stop until somebody says that it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardView {
    /// The word by which it is approved.
    pub code: String,
    /// What was found, in words.
    pub what: String,
    /// What to press if it is right, in words.
    pub press: String,
    /// Whether it can be approved at all.
    pub approvable: bool,
}

/// What making and running a plan costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanCost {
    /// Requests to providers that list keys.
    pub list_requests: u64,
    /// Requests to providers that look at one key.
    pub head_requests: u64,
    /// Bytes that were read to find out whether files are the same.
    pub bytes_to_read: u64,
    /// Bytes that a run moves between the sides.
    pub bytes_to_move: u64,
}

/// A line of the list of what is to be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckCode {
    /// What is replaced or deleted is kept.
    Backup,
    /// What each side holds was counted.
    Inventory,
    /// Nothing else is being written.
    Transfers,
    /// It can be run.
    Ready,
}

/// A line of the list of what is to be prepared, and how it is with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckView {
    /// Which.
    pub code: CheckCode,
    /// Whether it is done.
    pub ok: bool,
    /// How it is, in words.
    pub what: String,
}

/// What was chosen for keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceView {
    /// For this key alone.
    pub key: Option<String>,
    /// For every key that begins so.
    pub prefix: Option<String>,
    /// For every key with this reason.
    pub reason: Option<Reason>,
    /// What.
    pub choice: Choice,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanView {
    /// Its id.
    pub id: SyncPlanId,
    /// The two sides, as what is remembered of them.
    pub pair: SyncPairId,
    /// What it does.
    pub kind: PlanKind,
    /// The job that made it.
    pub job: Option<SyncJobId>,
    /// The run that it takes back.
    pub restores: Option<SyncRunId>,
    /// The two sides.
    pub sides: Sides<SideView>,
    /// What it is for.
    pub mode: Mode,
    /// What becomes of conflicts.
    pub conflicts: Policy,
    /// For how many days what it replaces and deletes is kept.
    pub keep_days: u32,
    /// The limits and amounts that it was asked with.
    pub settings: crate::sync::JobSettings,
    /// How far it is.
    pub state: PlanState,
    /// Keys compared so far, while it is being made.
    pub compared: u64,
    /// What it comes to; none before it is ready.
    pub totals: Option<PlanTotals>,
    /// What stops it until somebody says that it is right.
    pub guards: Vec<GuardView>,
    /// What to know before it is run, in words.
    pub risks: Vec<String>,
    /// What it costs.
    pub cost: PlanCost,
    /// What is to be prepared, and how it is with it.
    pub preparation: Vec<CheckView>,
    /// What was chosen.
    pub choices: Vec<ChoiceView>,
    /// Grows with every change of the choices.
    pub version: u64,
    /// Why it failed, or can no longer be run; empty otherwise.
    pub told: String,
    /// Who made it.
    pub actor: String,
    /// When.
    pub created: Timestamp,
    /// When it was ready.
    pub planned: Option<Timestamp>,
    /// Its run.
    pub run: Option<SyncRunId>,
}

/// What a side has at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenView {
    /// Bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: String,
    /// When it was written, by that side's clock; unknown for what is only known from an agreement.
    pub modified: Option<Timestamp>,
    /// Whether it lies in an archive.
    pub archived: bool,
}

/// One key of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionView {
    /// Its number in the plan.
    pub seq: u64,
    /// The key, under the sides' prefixes.
    pub key: String,
    /// What is done.
    pub op: OpWord,
    /// The other name, if both are kept.
    pub copy: Option<String>,
    /// Whose object gets the other name.
    pub copy_of: Option<Side>,
    /// Why; none for what is unchanged.
    pub reason: Option<Reason>,
    /// How it is known.
    pub evidence: Evidence,
    /// What was chosen for it.
    pub chosen: Option<Choice>,
    /// What each side has there.
    pub seen: Sides<Option<SeenView>>,
}
