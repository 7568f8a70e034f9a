//! Bugs put in by hand, each of which the ledger has to find.

/// What a side or a journal does wrong, or what a run would do if it were written wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Writes and deletions lose their conditions on their way.
    DropsIfMatch,
    /// Whether a key is really gone is not asked: the listing is believed.
    TrustsAbsence,
    /// What both sides agree on is written down before it is so.
    AgreedBeforeEffect,
    /// 412 is taken for "was there already".
    ClashIsSuccess,
    /// A backup is not compared with what it is a backup of.
    BackupUnchecked,
    /// The journal says that it has written down what is kept, and has not.
    KeptNotDurable,
    /// What was kept is not written down with what was done.
    ForgetsKept,
    /// A journal takes steps of a process that has lost its lease.
    FenceUnchecked,
    /// 403 is taken for 404.
    RefusedIsAbsent,
    /// A request without an answer is sent again without its condition, unseen.
    BlindRetry,
    /// What arrived damaged is not noticed.
    DamageUnnoticed,
}

impl Bug {
    pub(crate) const ALL: [Self; 11] = [
        Self::DropsIfMatch,
        Self::TrustsAbsence,
        Self::AgreedBeforeEffect,
        Self::ClashIsSuccess,
        Self::BackupUnchecked,
        Self::KeptNotDurable,
        Self::ForgetsKept,
        Self::FenceUnchecked,
        Self::RefusedIsAbsent,
        Self::BlindRetry,
        Self::DamageUnnoticed,
    ];
}
