//! What can go wrong, and with what kind of request.

/// What goes wrong at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The process dies before the request has an effect.
    CrashBefore,
    /// And after.
    CrashAfter,
    /// 500 or 503: no effect, no answer.
    Busy,
    /// The effect is there, the answer is lost.
    Lost,
    /// 412 or 409 for no reason.
    Clash,
    /// 403.
    Refused,
    /// The disk is full.
    Full,
    /// A body ends early, or other bytes arrive.
    Torn,
    /// A listing without its end that says it is whole.
    Truncated,
    /// A listing of what was there some time ago.
    Stale,
    /// The lease belongs to another process.
    Stolen,
}

/// What kind of request it is, and so what can go wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Look,
    Read,
    Write,
    List,
    JournalRead,
    JournalWrite,
}

impl Kind {
    pub(crate) const fn faults(self) -> &'static [Fault] {
        use Fault::{
            Busy, Clash, CrashAfter, CrashBefore, Full, Lost, Refused, Stale, Stolen, Torn, Truncated,
        };
        match self {
            Self::Look => &[CrashBefore, Busy, Refused],
            Self::Read => &[CrashBefore, Busy, Torn, Clash],
            Self::Write => &[CrashBefore, CrashAfter, CrashAfter, Busy, Lost, Lost, Clash, Full, Torn],
            Self::List => &[Busy, Truncated, Stale],
            Self::JournalRead => &[CrashBefore, Busy],
            Self::JournalWrite => &[CrashBefore, CrashAfter, CrashAfter, Busy, Lost, Stolen],
        }
    }
}
