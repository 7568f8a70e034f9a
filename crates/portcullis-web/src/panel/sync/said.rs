//! Modes, reasons and states in words.

use portcullis_control::{
    Choice, Evidence, JobState, Mode, OpWord, PlanState, Policy, Reason, RunState, RunWish, StepState,
};

use super::super::words;

/// Who did something, as people call them.
pub(super) fn actor(actor: &str) -> String {
    actor.strip_prefix("user:").unwrap_or(actor).to_owned()
}

/// A state with the class of its chip.
#[derive(Clone, Copy, Debug)]
pub(super) struct StateChip {
    pub(super) class: &'static str,
    pub(super) text: &'static str,
}

pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::TwoWay => words::text("sync.mode.two_way.short"),
        Mode::Copy => words::text("sync.mode.copy.short"),
        Mode::Mirror => words::text("sync.mode.mirror.short"),
    }
}

/// Name of a mode, what it does, and its symbol.
pub(super) fn mode_card(mode: Mode) -> (&'static str, &'static str, &'static str) {
    match mode {
        Mode::TwoWay => {
            (words::text("sync.mode.two_way"), words::text("sync.mode.two_way.detail"), "arrow-up-down")
        }
        Mode::Copy => (words::text("sync.mode.copy"), words::text("sync.mode.copy.detail"), "copy"),
        Mode::Mirror => {
            (words::text("sync.mode.mirror"), words::text("sync.mode.mirror.detail"), "refresh-cw")
        }
    }
}

/// Name of a policy, and what it does.
pub(super) fn policy(policy: Policy) -> (&'static str, &'static str) {
    match policy {
        Policy::KeepBoth => {
            (words::text("sync.policy.keep_both"), words::text("sync.policy.keep_both.detail"))
        }
        Policy::Newest => (words::text("sync.policy.newest"), words::text("sync.policy.newest.detail")),
        Policy::Storage => (words::text("sync.policy.storage"), words::text("sync.policy.storage.detail")),
        Policy::Bucket => (words::text("sync.policy.bucket"), words::text("sync.policy.bucket.detail")),
        Policy::Ask => (words::text("sync.policy.ask"), words::text("sync.policy.ask.detail")),
    }
}

pub(super) fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::KeepBoth => words::text("sync.choice.keep_both"),
        Choice::Newest => words::text("sync.choice.newest"),
        Choice::Storage => words::text("sync.choice.storage"),
        Choice::Bucket => words::text("sync.choice.bucket"),
        Choice::Skip => words::text("sync.choice.skip"),
    }
}

/// What is done; `replaces` if something is there already.
pub(super) fn op(op: OpWord, replaces: bool) -> &'static str {
    match op {
        OpWord::Unchanged => words::text("sync.op.unchanged"),
        OpWord::Agree => words::text("sync.op.agree"),
        OpWord::Forget => words::text("sync.op.forget"),
        OpWord::WriteToStorage if replaces => words::text("sync.op.replace_in_storage"),
        OpWord::WriteToBucket if replaces => words::text("sync.op.replace_in_bucket"),
        OpWord::WriteToStorage => words::text("sync.op.write_to_storage"),
        OpWord::WriteToBucket => words::text("sync.op.write_to_bucket"),
        OpWord::DeleteInStorage => words::text("sync.op.delete_in_storage"),
        OpWord::DeleteInBucket => words::text("sync.op.delete_in_bucket"),
        OpWord::KeepBoth => words::text("sync.op.keep_both"),
        OpWord::PutBackInStorage => words::text("sync.op.put_back_in_storage"),
        OpWord::PutBackInBucket => words::text("sync.op.put_back_in_bucket"),
        OpWord::Leave => words::text("sync.op.leave"),
    }
}

/// The class of an action's chip: what removes is red, what replaces is amber.
pub(super) const fn op_class(op: OpWord, replaces: bool) -> &'static str {
    match op {
        OpWord::DeleteInStorage | OpWord::DeleteInBucket => "bad",
        OpWord::WriteToStorage | OpWord::WriteToBucket if replaces => "warn",
        OpWord::KeepBoth => "warn",
        OpWord::WriteToStorage
        | OpWord::WriteToBucket
        | OpWord::PutBackInStorage
        | OpWord::PutBackInBucket => "info",
        OpWord::Unchanged | OpWord::Agree | OpWord::Forget | OpWord::Leave => "",
    }
}

pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Same => words::text("sync.reason.same"),
        Reason::Converged => words::text("sync.reason.converged"),
        Reason::NewBucket => words::text("sync.reason.new_bucket"),
        Reason::NewStorage => words::text("sync.reason.new_storage"),
        Reason::EditBucket => words::text("sync.reason.edit_bucket"),
        Reason::EditStorage => words::text("sync.reason.edit_storage"),
        Reason::DelBucket => words::text("sync.reason.del_bucket"),
        Reason::DelStorage => words::text("sync.reason.del_storage"),
        Reason::DelBoth => words::text("sync.reason.del_both"),
        Reason::Extra => words::text("sync.reason.extra"),
        Reason::ConflictNewNew => words::text("sync.reason.conflict_new_new"),
        Reason::ConflictEditEdit => words::text("sync.reason.conflict_edit_edit"),
        Reason::ConflictDelEdit => words::text("sync.reason.conflict_del_edit"),
        Reason::ConflictEditDel => words::text("sync.reason.conflict_edit_del"),
        Reason::ClashUnicode => words::text("sync.reason.clash_unicode"),
        Reason::ClashCase => words::text("sync.reason.clash_case"),
        Reason::ClashFileFolder => words::text("sync.reason.clash_file_folder"),
        Reason::KeyRefused => words::text("sync.reason.key_refused"),
        Reason::TooLarge => words::text("sync.reason.too_large"),
        Reason::Archived => words::text("sync.reason.archived"),
        Reason::Unreadable => words::text("sync.reason.unreadable"),
        Reason::Unverified => words::text("sync.reason.unverified"),
        Reason::OverQuota => words::text("sync.reason.over_quota"),
        Reason::UndoWrite => words::text("sync.reason.undo_write"),
        Reason::UndoLoss => words::text("sync.reason.undo_loss"),
        Reason::ChangedSince => words::text("sync.reason.changed_since"),
        Reason::KeptGone => words::text("sync.reason.kept_gone"),
    }
}

/// Whether a file with this reason is left alone because it cannot be done.
pub(super) const fn is_cannot(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ClashUnicode
            | Reason::ClashCase
            | Reason::ClashFileFolder
            | Reason::KeyRefused
            | Reason::TooLarge
            | Reason::Archived
            | Reason::Unreadable
            | Reason::Unverified
            | Reason::OverQuota
            | Reason::ChangedSince
            | Reason::KeptGone
    )
}

/// How it is known; none if nothing had to be compared.
pub(super) fn evidence(evidence: Evidence) -> Option<&'static str> {
    Some(match evidence {
        Evidence::None => return None,
        Evidence::Agreement => words::text("sync.evidence.agreement"),
        Evidence::Size => words::text("sync.evidence.size"),
        Evidence::Empty => words::text("sync.evidence.empty"),
        Evidence::Etag => words::text("sync.evidence.etag"),
        Evidence::Parts => words::text("sync.evidence.parts"),
        Evidence::Checksum => words::text("sync.evidence.checksum"),
        Evidence::Sample => words::text("sync.evidence.sample"),
        Evidence::Bytes => words::text("sync.evidence.bytes"),
    })
}

pub(super) fn plan_state(state: PlanState) -> StateChip {
    let (class, text) = match state {
        PlanState::Planning => ("info", words::text("sync.plan.state.planning")),
        PlanState::Ready => ("ok", words::text("sync.plan.state.ready")),
        PlanState::Failed => ("bad", words::text("sync.plan.state.failed")),
        PlanState::Running => ("info", words::text("sync.plan.state.running")),
        PlanState::Done => ("", words::text("sync.plan.state.done")),
        PlanState::Discarded => ("", words::text("sync.plan.state.discarded")),
    };
    StateChip { class, text }
}

/// How far a run is; what is wanted of it and not so yet counts as if it were.
pub(super) fn run_state(state: RunState, wish: RunWish) -> StateChip {
    let (class, text) = match (state, wish) {
        (RunState::Running | RunState::Waiting, RunWish::Pause) => ("warn", words::text("sync.run.pausing")),
        (RunState::Running | RunState::Waiting | RunState::Paused, RunWish::Cancel) => {
            ("warn", words::text("sync.run.cancelling"))
        }
        (RunState::Waiting, _) => ("", words::text("sync.run.state.waiting")),
        (RunState::Running, _) => ("info", words::text("sync.run.state.running")),
        (RunState::Paused, _) => ("warn", words::text("sync.run.state.paused")),
        (RunState::Settling, _) => ("info", words::text("sync.run.state.settling")),
        (RunState::Done, _) => ("ok", words::text("sync.run.state.done")),
        (RunState::Partial, _) => ("warn", words::text("sync.run.state.partial")),
        (RunState::Cancelled, _) => ("warn", words::text("sync.run.state.cancelled")),
        (RunState::Failed, _) => ("bad", words::text("sync.run.state.failed")),
    };
    StateChip { class, text }
}

/// What a run is doing; empty where that is not told.
pub(super) fn phase(state: RunState, phase: u8) -> &'static str {
    match (state, phase) {
        (RunState::Running, 1) => words::text("sync.run.phase.1"),
        (RunState::Running, 2) => words::text("sync.run.phase.2"),
        (RunState::Running, 3) => words::text("sync.run.phase.3"),
        (_, _) => "",
    }
}

pub(super) fn step_state(state: StepState) -> StateChip {
    let (class, text) = match state {
        StepState::Kept => ("info", words::text("sync.step.state.kept")),
        StepState::Done => ("ok", words::text("sync.step.state.done")),
        StepState::Changed => ("warn", words::text("sync.step.state.changed")),
        StepState::Failed => ("bad", words::text("sync.step.state.failed")),
        StepState::Skipped => ("", words::text("sync.step.state.skipped")),
    };
    StateChip { class, text }
}

pub(super) fn job_state(state: JobState) -> StateChip {
    let (class, text) = match state {
        JobState::Waiting => ("ok", words::text("sync.job.state.waiting")),
        JobState::Planning => ("info", words::text("sync.job.state.planning")),
        JobState::Running => ("info", words::text("sync.job.state.running")),
        JobState::Stopped => ("bad", words::text("sync.job.state.stopped")),
        JobState::Off => ("", words::text("sync.job.state.off")),
    };
    StateChip { class, text }
}
