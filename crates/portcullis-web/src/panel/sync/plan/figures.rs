//! A plan in figures, and the button that applies it.

use portcullis_control::{Amount, PlanKind, PlanTotals, PlanView, Reason};

use super::super::super::{format, words};
use super::super::said;

/// A number with what it counts.
#[derive(Debug)]
pub(in super::super) struct Figure {
    /// The id of its place in the page.
    pub(in super::super) id: &'static str,
    pub(in super::super) name: &'static str,
    pub(in super::super) number: String,
    /// How many bytes; empty if it has none.
    pub(in super::super) bytes: String,
    pub(in super::super) detail: &'static str,
    /// Whether to look twice.
    pub(in super::super) hot: bool,
}

impl Figure {
    pub(in super::super) fn new(
        id: &'static str,
        name: &'static str,
        amount: Amount,
        detail: &'static str,
    ) -> Self {
        let bytes = if amount.bytes == 0 { String::new() } else { format::size(amount.bytes) };
        Self { id, name, number: words::thousands(amount.files), bytes, detail, hot: false }
    }

    pub(in super::super) fn hot(mut self, hot: bool) -> Self {
        self.hot = hot;
        self
    }
}

const fn files(files: u64) -> Amount {
    Amount { files, bytes: 0 }
}

fn sum(one: Amount, other: Amount) -> Amount {
    Amount { files: one.files.saturating_add(other.files), bytes: one.bytes.saturating_add(other.bytes) }
}

/// How many of those that are left alone fit.
fn left(totals: &PlanTotals, fits: impl Fn(Reason) -> bool) -> u64 {
    totals.left.iter().filter(|(reason, _)| fits(*reason)).map(|(_, count)| *count).sum()
}

const fn is_conflict(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ConflictNewNew | Reason::ConflictEditEdit | Reason::ConflictDelEdit | Reason::ConflictEditDel
    )
}

/// How many files a run would change, overwrite and delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) all: u64,
    pub(super) overwrite: u64,
    pub(super) delete: u64,
    /// Files of which it is only noted that both are the same.
    pub(super) noted: u64,
}

impl Changes {
    pub(super) fn of(totals: &PlanTotals) -> Self {
        let both = |sides: &portcullis_control::Sides<Amount>| sum(sides.storage, sides.bucket).files;
        let (overwrite, delete) = (both(&totals.overwrite), both(&totals.delete));
        let others = both(&totals.write) + totals.keep_both.files + both(&totals.put_back);
        Self { all: others + overwrite + delete, overwrite, delete, noted: totals.agree.files }
    }

    /// What the button says; none if there is nothing to do at all.
    pub(super) fn button(self) -> Option<String> {
        if self.all == 0 {
            return (self.noted > 0).then(|| words::text("sync.apply.none").to_owned());
        }
        let mut text = words::count("sync.apply.button", self.all);
        if self.overwrite > 0 {
            text.push_str(&words::fill("sync.apply.over", &[&words::thousands(self.overwrite)]));
        }
        if self.delete > 0 {
            text.push_str(&words::fill("sync.apply.delete", &[&words::thousands(self.delete)]));
        }
        Some(text)
    }
}

/// The figures of a plan: those that every plan has, and the others if they count anything.
pub(super) fn figures(plan: &PlanView, totals: &PlanTotals) -> Vec<Figure> {
    let overwrites = sum(totals.overwrite.storage, totals.overwrite.bucket);
    let deletions = sum(totals.delete.storage, totals.delete.bucket);
    let cannot = left(totals, said::is_cannot);
    let open = left(totals, is_conflict);
    let back = sum(totals.put_back.storage, totals.put_back.bucket);
    let t = words::text;
    let mut all = Vec::new();
    match plan.kind {
        PlanKind::Plan => {
            all.push(Figure::new(
                "visible",
                t("sync.figure.visible"),
                totals.write.storage,
                t("sync.figure.visible.detail"),
            ));
            all.push(Figure::new(
                "write",
                t("sync.figure.write"),
                totals.write.bucket,
                t("sync.figure.write.detail"),
            ));
            all.push(Figure::new(
                "unchanged",
                t("sync.figure.unchanged"),
                sum(files(totals.unchanged), totals.agree),
                t("sync.figure.unchanged.detail"),
            ));
            let conflicts = Figure::new(
                "conflicts",
                t("sync.figure.conflicts"),
                files(totals.conflicts),
                t("sync.figure.conflicts.detail"),
            );
            all.push(conflicts.hot(totals.conflicts > 0));
        }
        PlanKind::Restore => {
            all.push(Figure::new("back", t("sync.figure.back"), back, t("sync.figure.back.detail")));
        }
    }
    let overwritten = Figure::new(
        "overwrites",
        t("sync.figure.overwrites"),
        overwrites,
        t("sync.figure.overwrites.detail"),
    );
    let deleted =
        Figure::new("deletions", t("sync.figure.deletions"), deletions, t("sync.figure.deletions.detail"));
    let undecided = Figure::new("open", t("sync.figure.open"), files(open), t("sync.figure.open.detail"));
    let impossible =
        Figure::new("cannot", t("sync.figure.cannot"), files(cannot), t("sync.figure.cannot.detail"));
    all.extend((overwrites.files > 0).then(|| overwritten.hot(true)));
    all.push(deleted.hot(deletions.files > 0));
    all.extend((open > 0).then(|| undecided.hot(true)));
    all.push(impossible.hot(cannot > 0));
    all
}

#[cfg(test)]
mod tests {
    use portcullis_control::Sides;

    use super::*;

    fn both(storage: u64, bucket: u64) -> Sides<Amount> {
        Sides { storage: files(storage), bucket: files(bucket) }
    }

    #[test]
    fn the_button_says_how_much() {
        let mut totals = PlanTotals::default();
        assert_eq!(Changes::of(&totals).button(), None);
        totals.agree = files(7);
        assert_eq!(Changes::of(&totals).button().as_deref(), Some("Note that both are the same"));
        totals.write = both(1_000, 200);
        totals.keep_both = files(1);
        assert_eq!(Changes::of(&totals).button().as_deref(), Some("Apply 1,201 changes"));
        totals.overwrite = both(1, 2);
        assert_eq!(Changes::of(&totals).button().as_deref(), Some("Apply 1,204 changes, overwrite 3"));
        totals.delete = both(0, 4);
        assert_eq!(
            Changes::of(&totals).button().as_deref(),
            Some("Apply 1,208 changes, overwrite 3, delete 4")
        );
        let one = PlanTotals { put_back: both(1, 0), ..PlanTotals::default() };
        assert_eq!(Changes::of(&one).button().as_deref(), Some("Apply 1 change"));
    }

    #[test]
    fn what_is_left_alone_is_told_by_its_kind() {
        let totals = PlanTotals {
            left: vec![
                (Reason::ConflictEditEdit, 3),
                (Reason::TooLarge, 2),
                (Reason::Archived, 1),
                (Reason::Extra, 9),
            ],
            ..PlanTotals::default()
        };
        assert_eq!((left(&totals, is_conflict), left(&totals, said::is_cannot)), (3, 3));
    }
}
