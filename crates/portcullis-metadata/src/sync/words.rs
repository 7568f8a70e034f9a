//! The words of sync records, and what a process is told that lost one of them to another.

use std::fmt;
use std::str::FromStr;

/// A word that none of them has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWord;

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of the known words")
    }
}

impl std::error::Error for UnknownWord {}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident => $word:literal),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$about])* $variant),* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word for it, in the database and in texts for programs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word).ok_or(UnknownWord)
            }
        }
    )* };
}

words! {
    /// How far a plan is.
    PlanState {
        /// It is being made, or waits for a process that makes it.
        Planning => "planning",
        /// It can be read, changed by choices, and run.
        Ready => "ready",
        /// It could not be made; it says why.
        Failed => "failed",
        /// A run executes it.
        Running => "running",
        /// Its run has ended.
        Done => "done",
        /// Nobody wants it any more; its actions are gone.
        Discarded => "discarded",
    }
    /// How far a run is.
    RunState {
        /// For a process that takes it.
        Waiting => "waiting",
        /// A process works on it.
        Running => "running",
        /// It rests until somebody wants it to go on.
        Paused => "paused",
        /// Every step is through; what both sides agree on now is being written.
        Settling => "settling",
        /// Ended: everything that was to be done is done.
        Done => "done",
        /// Ended: something was changed meanwhile, or failed; it says what.
        Partial => "partial",
        /// Ended before its time because somebody wanted it to.
        Cancelled => "cancelled",
        /// Ended because it could not go on; it says why.
        Failed => "failed",
    }
    /// What people want of a run.
    RunWish {
        /// To go on.
        Go => "go",
        /// To rest.
        Pause => "pause",
        /// To end where it is.
        Cancel => "cancel",
    }
    /// What a job does at the moment.
    JobState {
        /// It waits for its time.
        Waiting => "waiting",
        /// A plan is being made for it.
        Planning => "planning",
        /// A plan of it is run.
        Running => "running",
        /// A guard stopped it; it says why and what to do.
        Stopped => "stopped",
        /// It does nothing more until somebody sees to it: a storage has ended.
        Off => "off",
    }
}

impl RunState {
    /// Whether it is over. What has ended never goes on.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Waiting | Self::Running | Self::Paused | Self::Settling => false,
            Self::Done | Self::Partial | Self::Cancelled | Self::Failed => true,
        }
    }
}

/// What a verb gives to a process that holds a plan or a run.
#[must_use = "who has lost a plan or a run must stop at once"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced<T> {
    /// It still holds it, and what it asked for is done.
    Held(T),
    /// Another process has taken it since, or it is over: nothing was changed.
    Lost,
}

impl<T> Fenced<T> {
    /// What it was given, if it still holds it.
    #[must_use]
    pub fn held(self) -> Option<T> {
        match self {
            Self::Held(given) => Some(given),
            Self::Lost => None,
        }
    }

    /// Whether another process has it now.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
    }
}

/// What became of a wish to run a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunStart {
    /// It waits for a process that takes it.
    Started(Box<super::SyncRunRow>),
    /// Another run is under way between the same storages under prefixes that overlap, and one of both writes there.
    Busy(Box<super::SyncRunRow>),
    /// Another run has changed what both sides agree on since the plan was made: plan anew.
    Outdated,
}

/// What became of a plan that was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanFinish {
    /// It is as told.
    Finished,
    /// A run has changed what both sides agree on meanwhile; the plan was let go and is to be made from the beginning.
    BaseMoved,
    /// Another process makes it, or nobody wants it any more.
    Lost,
}
