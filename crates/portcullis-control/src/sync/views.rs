//! What is shown of plans, runs, jobs and what is kept.

use std::time::Duration;

use portcullis_domain::{
    KeptId, KeyPrefix, Provider, StorageId, SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp,
};
use portcullis_metadata::{JobState, PlanState, RunState, RunWish};
use portcullis_sync::{Choice, Evidence, Mode, Policy, Reason, Side, Sides, StepState};

/// Files, and the bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// One of the two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideView {
    /// The storage.
    pub id: StorageId,
    /// What people call it.
    pub name: String,
    /// What S3 tools call it.
    pub bucket_name: String,
    /// The part of it that is meant; empty for all of it.
    pub prefix: KeyPrefix,
    /// Who has its bytes.
    pub provider: Provider,
    /// Whether it is in use; one that was deleted or set aside is only named.
    pub active: bool,
}

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
    pub settings: super::JobSettings,
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

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunView {
    /// Its id.
    pub id: SyncRunId,
    /// The plan that it carries out.
    pub plan: SyncPlanId,
    /// The two sides, as what is remembered of them.
    pub pair: SyncPairId,
    /// What the plan does.
    pub kind: PlanKind,
    /// The job that started it.
    pub job: Option<SyncJobId>,
    /// The run that it takes back.
    pub restores: Option<SyncRunId>,
    /// The two sides.
    pub sides: Sides<SideView>,
    /// How far it is.
    pub state: RunState,
    /// What people want of it.
    pub wish: RunWish,
    /// 1: what is new; 2: what is written over; 3: what is deleted. 0 before it began.
    pub phase: u8,
    /// Files done.
    pub files_done: u64,
    /// Files to do.
    pub files_total: u64,
    /// Bytes moved.
    pub bytes_done: u64,
    /// Bytes to move.
    pub bytes_total: u64,
    /// Bytes per second, lately.
    pub rate: u64,
    /// How long it may still take; none if that cannot be told.
    pub time_left: Option<Duration>,
    /// Keys that were changed by others since the plan, and were left alone.
    pub changed: u64,
    /// Keys at which it failed.
    pub failed: u64,
    /// Keys that were left out by choice, or because the plan says so.
    pub skipped: u64,
    /// What was kept before it was replaced or deleted, and is still there.
    pub kept: Amount,
    /// The guards that were approved.
    pub approved: Vec<String>,
    /// What there is to say about it, in words; may be empty.
    pub told: String,
    /// Who started it.
    pub actor: String,
    /// When somebody said that it be run.
    pub created: Timestamp,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Until when what it kept can be put back; none if it kept nothing.
    pub restorable_until: Option<Timestamp>,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepView {
    /// The number of the action.
    pub seq: u64,
    /// The key.
    pub key: String,
    /// How far it is.
    pub state: StepState,
    /// Bytes that it moved.
    pub moved: u64,
    /// How many things it kept.
    pub kept: usize,
    /// The other name under which it put a conflicting object.
    pub copy: Option<String>,
    /// What went wrong; empty if nothing did.
    pub told: String,
}

/// Bytes that a run kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptView {
    /// Its id.
    pub id: KeptId,
    /// The run.
    pub run: SyncRunId,
    /// The storage that it is kept in.
    pub storage: StorageId,
    /// What people call that.
    pub storage_name: String,
    /// The whole key in that storage.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Whether it is a previous version at its key; otherwise a copy that clients do not see.
    pub is_version: bool,
    /// When it was kept.
    pub kept: Timestamp,
    /// When it goes.
    pub expires: Timestamp,
}

/// What is kept in one storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSpace {
    /// The storage.
    pub storage: StorageId,
    /// What people call it.
    pub storage_name: String,
    /// How much.
    pub held: Amount,
}

/// When a job runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleView {
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The time zone, by its name.
    pub zone: String,
    /// The next time; none if it is switched off or stopped.
    pub next: Option<Timestamp>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// Its id.
    pub id: SyncJobId,
    /// The two sides, as what is remembered of them.
    pub pair: SyncPairId,
    /// What people call it.
    pub name: String,
    /// The two sides.
    pub sides: Sides<SideView>,
    /// What it is for.
    pub mode: Mode,
    /// What becomes of conflicts.
    pub conflicts: Policy,
    /// When it runs by itself.
    pub schedule: Option<ScheduleView>,
    /// Its limits.
    pub settings: super::JobSettings,
    /// Whether it is switched on.
    pub enabled: bool,
    /// How it is.
    pub state: JobState,
    /// Why it was stopped and what to press; empty if it was not.
    pub told: String,
    /// The last plan that it made.
    pub last_plan: Option<SyncPlanId>,
    /// The last run that it started.
    pub last_run: Option<SyncRunId>,
    /// Who made it.
    pub actor: String,
    /// When.
    pub created: Timestamp,
    /// Grows with every change that people make.
    pub version: u64,
}
