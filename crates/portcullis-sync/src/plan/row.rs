//! One key as both sides and the agreement have it.

use portcullis_domain::ObjectKey;

use crate::{Evidence, Mark, Seen, Side, Sides};

/// One key as both sides and the agreement have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: ObjectKey,
    /// What each side has there.
    pub seen: Sides<Option<Seen>>,
    /// What both last agreed on.
    pub agreed: Option<Sides<Mark>>,
}

/// What became of a side since the agreement. A side is only ever compared with its own past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// There is nothing, and there was nothing.
    Nothing,
    /// There was nothing.
    New,
    /// As it was.
    AsWas,
    /// There is something else.
    Edited,
    /// There is nothing any more.
    Gone,
}

impl Row {
    /// What became of a side.
    #[must_use]
    pub fn since(&self, side: Side) -> Since {
        match (self.seen.of(side), &self.agreed) {
            (None, None) => Since::Nothing,
            (Some(_), None) => Since::New,
            (None, Some(_)) => Since::Gone,
            (Some(seen), Some(agreed)) if seen.mark == *agreed.of(side) => Since::AsWas,
            (Some(_), Some(_)) => Since::Edited,
        }
    }

    /// Whether both sides are as they were agreed on.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.since(Side::Storage) == Since::AsWas && self.since(Side::Bucket) == Since::AsWas
    }

    /// Whether what is to be done depends on whether both sides hold the same.
    #[must_use]
    pub fn asks(&self) -> bool {
        let (storage, bucket) = (self.since(Side::Storage), self.since(Side::Bucket));
        matches!((storage, bucket), (Since::New, Since::New) | (Since::Edited, Since::Edited))
    }
}

/// Whether both sides hold the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// They do, and it was proven.
    Same,
    /// They do not.
    Different,
    /// Finding out would need more reading than was allowed, or a side was changed meanwhile.
    Unverified,
    /// Finding out would need bytes that lie in an archive.
    Archived,
    /// Finding out would need bytes that a side does not give out.
    Unreadable,
}

/// Whether both sides hold the same bytes, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Equal {
    /// Whether.
    pub verdict: Verdict,
    /// How that is known.
    pub evidence: Evidence,
}

impl Equal {
    /// That it is not known.
    pub const UNVERIFIED: Self = Self { verdict: Verdict::Unverified, evidence: Evidence::None };

    pub(crate) const fn same(evidence: Evidence) -> Self {
        Self { verdict: Verdict::Same, evidence }
    }

    pub(crate) const fn different(evidence: Evidence) -> Self {
        Self { verdict: Verdict::Different, evidence }
    }

    pub(crate) const fn unknown(verdict: Verdict) -> Self {
        Self { verdict, evidence: Evidence::None }
    }
}
