//! What the address of a plan asks for, and addresses that ask for something else.

use portcullis_control::{ActionQuery, OpWord, Reason};
use portcullis_domain::SyncPlanId;

use super::super::super::fields::Fields;
use super::super::super::people::{address, after, search};
use super::super::plan_path;

/// What somebody wants to see of a plan. What the address says and nobody understands is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) op: Option<OpWord>,
    pub(super) reason: Option<Reason>,
    /// Only what waits for a decision.
    pub(super) open: bool,
    /// What is looked for; empty for everything.
    pub(super) search: String,
    /// Where the page begins; none for the first.
    pub(super) after: Option<String>,
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        Self {
            op: OpWord::parse(fields.get("op")),
            reason: Reason::parse(fields.get("reason")),
            open: fields.get("open") == "yes",
            search: search(fields),
            after: after(fields),
        }
    }

    pub(super) fn query(&self) -> ActionQuery {
        ActionQuery {
            op: self.op.map(|op| op.as_str().to_owned()),
            reason: self.reason.map(|reason| reason.as_str().to_owned()),
            search: Some(self.search.clone()).filter(|search| !search.is_empty()),
            only_open: self.open,
        }
    }

    pub(super) const fn narrows(&self) -> bool {
        self.op.is_some() || self.reason.is_some() || self.open || !self.search.is_empty()
    }

    fn ask(&self, after: Option<&str>) -> String {
        let words = [
            ("op", self.op.map(OpWord::as_str)),
            ("reason", self.reason.map(Reason::as_str)),
            ("open", self.open.then_some("yes")),
            ("after", after),
        ];
        address("", &self.search, &words)
    }

    /// The address of the page of this plan that begins there.
    pub(super) fn at(&self, plan: SyncPlanId, after: Option<&str>) -> String {
        plan_path(plan) + &self.ask(after)
    }

    /// The address of a file with what the list shows on all its pages.
    pub(super) fn file(&self, plan: SyncPlanId) -> String {
        format!("{}/actions.csv{}", plan_path(plan), self.ask(None))
    }

    /// The part of the address after its `?`, for a form to come back to.
    pub(super) fn back(&self) -> String {
        let ask = self.ask(self.after.as_deref());
        ask.strip_prefix('?').unwrap_or_default().to_owned()
    }

    /// What a form that came from such a page carries.
    pub(super) fn of_back(fields: &Fields) -> Self {
        Self::of(&Fields::parse(fields.get("back").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Wanted {
        Wanted::of(&Fields::parse(query.as_bytes()))
    }

    #[test]
    fn an_address_says_what_it_asks_for() {
        let plan = SyncPlanId::generate();
        let query = "q=a%26b&op=keep_both&reason=conflict_new_new&open=yes&after=7";
        let all = wanted(query);
        assert_eq!(all.at(plan, all.after.as_deref()), format!("/sync/plans/{plan}?{query}"));
        assert_eq!(all.back(), query);
        assert_eq!(
            Wanted::of_back(&Fields::parse(
                format!("back={}", query.replace('%', "%25").replace('&', "%26")).as_bytes()
            )),
            all
        );
        assert!(all.narrows());
    }

    #[test]
    fn what_nobody_understands_is_left_out() {
        for strange in ["", "op=burn&reason=&open=no&after=", "q=%00%0A+"] {
            assert_eq!(wanted(strange), Wanted::default(), "{strange}");
            assert!(!wanted(strange).narrows());
        }
        assert_eq!(Wanted::default().back(), "");
    }
}
