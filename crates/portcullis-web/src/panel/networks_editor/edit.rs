//! One press of a button of the editor.

use std::net::IpAddr;

use http::StatusCode;
use portcullis_control::networks::Clients;
use portcullis_control::{FieldProblem, NetworkDraft};
use portcullis_domain::Networks;

use super::super::fields::Fields;
use super::super::seen::Seen;
use super::cut_off::{cut_off, warning};
use super::{CutOff, Draft, Editor, Frame, Op};

/// What a press of a button makes of a list.
pub(in super::super) struct Edit<'a> {
    form: &'a Fields,
    stored: &'a Networks,
    clients: &'a Clients,
    draft: Draft,
    op: Op,
    list: Networks,
    /// Whom the list would cut off; of one that lets in nobody, which is never stored, it is not said.
    cut_off: Vec<CutOff>,
}

impl<'a> Edit<'a> {
    /// Reads the form, and does to its list what the button says. `own` is the address from which the request comes.
    pub(in super::super) fn new(
        form: &'a Fields,
        op: Op,
        stored: &'a Networks,
        clients: &'a Clients,
        own: IpAddr,
    ) -> Self {
        let mut draft = Draft::posted(form);
        draft.apply(op, own);
        let list = draft.networks();
        let cut_off = if draft.admits_nobody() { Vec::new() } else { cut_off(clients, &list) };
        Self { form, stored, clients, draft, op, list, cut_off }
    }

    /// Whether the list was to be stored, for good or to be tried out.
    fn stores(&self) -> bool {
        matches!(self.op, Op::Save | Op::Try)
    }

    /// Whether the form was made from what is stored.
    fn is_fresh(&self) -> bool {
        Seen::of(self.stored).is_in(self.form, "seen")
    }

    /// What to store, if that was asked for and nothing speaks against it: all entries are right, nobody has changed the list since, and
    /// whom it cuts off was seen.
    pub(in super::super) fn to_store(&self) -> Option<Vec<NetworkDraft>> {
        let was_warned = self.cut_off.is_empty() || warning(&self.cut_off).is_in(self.form, "warned");
        let may = self.op == Op::Save && self.is_fresh() && self.draft.is_clean() && was_warned;
        may.then(|| self.draft.drafts())
    }

    /// What to try out, if that was asked for and nothing speaks against it. It cuts nobody off.
    pub(in super::super) fn to_try(&self) -> Option<Vec<NetworkDraft>> {
        let may = self.op == Op::Try && self.is_fresh() && self.draft.is_clean();
        may.then(|| self.draft.drafts())
    }

    /// The editor as it goes on, and the status of its page. `problem` is what the verb found wrong.
    pub(in super::super) fn show(
        mut self,
        frame: Frame,
        problem: Option<FieldProblem>,
    ) -> (StatusCode, Editor) {
        let stores = self.stores();
        self.draft.fault = problem.map(|problem| problem.message).or(self.draft.fault);
        let mut editor = Editor::new(frame, self.draft, self.stored, self.clients);
        editor.cut_off = self.cut_off;
        editor.tell(self.form, &self.list, self.stored, stores);
        let wrong = stores || editor.has_faults();
        (if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, editor)
    }
}
