//! One press of a button of the editor.

use std::net::IpAddr;

use http::StatusCode;
use portcullis_control::{FieldProblem, NetworkDraft};
use portcullis_domain::Networks;

use super::super::fields::Fields;
use super::super::seen::Seen;
use super::{CutOff, Draft, Editor, Frame, Op, view};

/// What a press of a button makes of a list.
pub(in super::super) struct Edit<'a> {
    form: &'a Fields,
    stored: &'a Networks,
    draft: Draft,
    saves: bool,
    list: Networks,
}

impl<'a> Edit<'a> {
    /// Reads the form, and does to its list what the button says. `own` is the address from which the request comes.
    pub(in super::super) fn new(form: &'a Fields, op: Op, stored: &'a Networks, own: IpAddr) -> Self {
        let mut draft = Draft::posted(form);
        draft.apply(op, own);
        let list = draft.networks();
        Self { form, stored, draft, saves: op == Op::Save, list }
    }

    /// The list as it would be stored, to see whom it cuts off; none if it lets in nobody, which is never stored.
    pub(in super::super) fn list(&self) -> Option<&Networks> {
        (!self.draft.admits_nobody()).then_some(&self.list)
    }

    /// Whether the form was made from what is stored.
    fn is_fresh(&self) -> bool {
        Seen::of(self.stored).is_in(self.form, "seen")
    }

    /// What to store, if that was asked for and nothing speaks against it: all entries are right, nobody has changed the list since, and
    /// whom it cuts off was seen.
    pub(in super::super) fn to_store(&self, cut_off: &[CutOff]) -> Option<Vec<NetworkDraft>> {
        let may =
            self.saves && self.is_fresh() && self.draft.is_clean() && view::was_warned(self.form, cut_off);
        may.then(|| self.draft.drafts())
    }

    /// The editor as it goes on, and the status of its page. `problem` is what the verb found wrong.
    pub(in super::super) fn show(
        mut self,
        frame: Frame,
        cut_off: Vec<CutOff>,
        problem: Option<FieldProblem>,
    ) -> (StatusCode, Editor) {
        self.draft.fault = problem.map(|problem| problem.message).or(self.draft.fault);
        let mut editor = Editor::new(frame, self.draft, self.stored, cut_off);
        editor.tell(self.form, &self.list, self.stored, self.saves);
        let wrong = self.saves || editor.has_faults();
        (if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, editor)
    }
}
