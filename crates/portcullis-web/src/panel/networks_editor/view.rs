//! The editor as its template shows it.

use std::net::IpAddr;

use portcullis_control::FieldProblem;
use portcullis_control::networks::{self, Clients};
use portcullis_domain::{Network, Networks, Timestamp};

use super::super::fields::{Fields, sentence};
use super::super::seen::Seen;
use super::super::words;
use super::cut_off::{count, warning};
use super::difference::{Stale, unsaved};
use super::draft::Row;
use super::{Banner, CutOff, Draft};

/// What the editor needs to know of the page around it.
#[derive(Clone, Debug)]
pub(in super::super) struct Frame {
    /// Where the form goes.
    pub(in super::super) action: String,
    pub(in super::super) csrf: String,
    pub(in super::super) now: Timestamp,
    /// The address from which the request comes.
    pub(in super::super) own: IpAddr,
    /// Whose list it is.
    pub(in super::super) holder: Holder,
    /// Whether it is called what people look for on keys of channels, rather than on storages.
    pub(in super::super) is_whitelist: bool,
    /// What is tried out, if something is.
    pub(in super::super) trial: Option<Banner>,
}

/// Whose list it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Holder {
    /// A connection's.
    Connection,
    /// That of a key for a connection, whose own list holds as well: any address means any that the connection lets in.
    KeyOf(Networks),
    /// That of any other key.
    Key,
}

/// The sentences that differ with whose list it is.
impl Frame {
    /// Of three texts the one for the holder: a connection, a key of one, another key.
    fn text(&self, [connection, key_of, key]: [&'static str; 3]) -> &'static str {
        words::text(match self.holder {
            Holder::Connection => connection,
            Holder::KeyOf(_) => key_of,
            Holder::Key => key,
        })
    }

    pub(in super::super) fn title(&self) -> &'static str {
        words::text(if self.is_whitelist { "networks.title.whitelist" } else { "networks.title" })
    }

    pub(in super::super) fn lead(&self) -> &'static str {
        self.text(["networks.lead", "networks.lead.key", "networks.lead.own"])
    }

    pub(in super::super) fn any(&self) -> &'static str {
        self.text(["networks.any", "networks.any.key", "networks.any"])
    }

    pub(in super::super) fn any_detail(&self) -> &'static str {
        self.text(["networks.any.detail", "networks.any.key.detail", "networks.any.own.detail"])
    }

    pub(in super::super) fn nobody_detail(&self) -> &'static str {
        self.text(["networks.nobody.detail", "networks.nobody.key.detail", "networks.nobody.own.detail"])
    }

    pub(in super::super) fn close(&self) -> &'static str {
        self.text(["networks.close", "networks.close.key", "networks.close.own"])
    }
}

/// One row as it is shown.
#[derive(Debug)]
pub(in super::super) struct RowView {
    pub(in super::super) network: String,
    pub(in super::super) note: String,
    /// What there is to say of it, in sentences.
    pub(in super::super) remarks: Vec<String>,
    /// Whether it is not stored yet.
    pub(in super::super) is_new: bool,
    /// When somebody last came in from there.
    pub(in super::super) last_seen: Option<Timestamp>,
}

/// An entry that could not be taken over.
#[derive(Debug)]
pub(in super::super) struct Wrong {
    pub(in super::super) typed: String,
    pub(in super::super) message: String,
    /// What was probably meant.
    pub(in super::super) suggestion: Option<String>,
}

/// The editor, ready to be shown.
#[derive(Debug)]
pub(in super::super) struct Editor {
    pub(in super::super) frame: Frame,
    pub(in super::super) listed: bool,
    pub(in super::super) rows: Vec<RowView>,
    pub(in super::super) adding: String,
    pub(in super::super) adding_note: String,
    pub(in super::super) fault: Option<String>,
    pub(in super::super) wrong: Vec<Wrong>,
    pub(in super::super) notices: Vec<String>,
    /// How many addresses the list lets in, in words.
    pub(in super::super) reach: String,
    /// The entry that lets one's own address in.
    pub(in super::super) own_entry: Option<String>,
    /// Whom saving would cut off.
    pub(in super::super) cut_off: Vec<CutOff>,
    /// What is not saved, in words; empty if nothing is.
    pub(in super::super) unsaved: String,
    /// Whether saving was tried, and nobody could come in.
    pub(in super::super) refused_as_empty: bool,
    /// How the stored list is now, if it was changed after the form was made.
    pub(in super::super) stale: Option<Stale>,
    pub(in super::super) seen: Seen,
}

impl Editor {
    pub(in super::super) fn new(frame: Frame, draft: Draft, stored: &Networks, clients: &Clients) -> Self {
        let list = draft.networks();
        let own_entry = networks::holder(&list, frame.own).map(|entry| entry.network.to_string());
        let unsaved = unsaved(&draft, stored);
        let reach = match networks::reach(&list) {
            // How many the connection lets in is said on its own page.
            _ if draft.admits_nobody() || (matches!(frame.holder, Holder::KeyOf(_)) && !draft.listed) => {
                String::new()
            }
            reach if unsaved.is_empty() => words::fill("networks.reach", &[&reach]),
            reach => words::fill("networks.reach.then", &[&reach]),
        };
        let wrong = draft.refused.iter().map(|entry| {
            let (message, suggestion) = match &entry.outcome {
                networks::Outcome::Refused(refusal) => (refusal.message.clone(), refusal.suggestion),
                networks::Outcome::Accepted { .. } => (String::new(), None),
            };
            let suggestion = suggestion.map(|network| network.to_string());
            Wrong { typed: entry.typed.clone(), message: sentence(&message), suggestion }
        });
        Self {
            rows: rows(&draft, stored, &frame.holder, clients),
            wrong: wrong.collect(),
            reach,
            own_entry,
            unsaved,
            refused_as_empty: false,
            stale: None,
            seen: Seen::of(stored),
            frame,
            listed: draft.listed,
            adding: draft.adding,
            adding_note: draft.adding_note,
            fault: draft.fault,
            notices: draft.notices,
            cut_off: Vec::new(),
        }
    }

    /// Says why it was not saved, if that was asked for: nobody could come in, or the stored list has changed since the form was made.
    /// Until then the form goes on saying what it was made from.
    pub(super) fn tell(&mut self, form: &Fields, list: &Networks, stored: &Networks, saves: bool) {
        let fresh = self.seen.is_in(form, "seen");
        if saves {
            self.refused_as_empty = self.listed && self.rows.is_empty();
            self.stale = (!fresh).then(|| Stale::new(list, stored));
        } else if !fresh {
            self.seen = Seen::given(form, "seen");
        }
    }

    /// Says why what is tried out was not put in force: what the verb found wrong, or that it was not what the form showed.
    pub(in super::super) fn not_enforced(&mut self, problem: Option<FieldProblem>) {
        if let Some(trial) = &mut self.frame.trial {
            trial.is_stale = problem.is_none();
        }
        self.fault = problem.map(|problem| problem.message);
    }

    /// Whether there is something to put right before it can be saved.
    pub(in super::super) fn has_faults(&self) -> bool {
        self.fault.is_some() || !self.wrong.is_empty()
    }

    /// How many lines the field for new entries shows.
    pub(in super::super) fn adding_lines(&self) -> usize {
        self.adding.lines().count().clamp(1, 8)
    }

    /// How many would be cut off.
    pub(in super::super) fn cut_off_count(&self) -> u64 {
        count(&self.cut_off)
    }

    /// What stands for those who would be cut off: pressing *Save* again means that they were seen.
    pub(in super::super) fn warned(&self) -> Seen {
        warning(&self.cut_off)
    }
}

fn rows(draft: &Draft, stored: &Networks, holder: &Holder, clients: &Clients) -> Vec<RowView> {
    let outside = |network: &Network| match holder {
        Holder::KeyOf(bound) if !bound.is_anywhere() => {
            !bound.entries().iter().any(|entry| meet(&entry.network, network))
        }
        Holder::KeyOf(_) | Holder::Connection | Holder::Key => false,
    };
    // Each row is one entry of one line, so the remarks come back in the order of the rows.
    let text: String = draft.rows.iter().map(|row| format!("{}\n", row.network)).collect();
    let mut entries = networks::read(&text).entries.into_iter();
    let view = |row: &Row| {
        let messages = entries.next().map(|entry| entry.messages()).unwrap_or_default();
        let mut remarks: Vec<String> = messages.iter().map(|message| sentence(message)).collect();
        if outside(&row.network) {
            remarks.push(words::text("networks.outside").to_owned());
        }
        RowView {
            network: row.network.to_string(),
            note: row.note.clone(),
            remarks,
            is_new: !stored.entries().iter().any(|entry| entry.network == row.network),
            last_seen: clients.last_seen(&row.network),
        }
    };
    draft.rows.iter().map(view).collect()
}

/// Whether the two have an address in common.
fn meet(one: &Network, other: &Network) -> bool {
    one.holds(other.bounds().0) || other.holds(one.bounds().0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::NetworkEntry;

    fn stored(list: &[(&str, &str)]) -> Networks {
        let entries =
            list.iter().map(|(network, note)| NetworkEntry::parse(network, note).unwrap()).collect();
        Networks::new(entries).unwrap()
    }

    fn frame() -> Frame {
        Frame {
            action: "/here".to_owned(),
            csrf: String::new(),
            now: Timestamp::default(),
            own: "192.0.2.61".parse().unwrap(),
            holder: Holder::Connection,
            is_whitelist: false,
            trial: None,
        }
    }

    fn editor(draft: Draft, stored: &Networks) -> Editor {
        Editor::new(frame(), draft, stored, &Clients::default())
    }

    #[test]
    fn what_is_not_saved_is_said() {
        let there = stored(&[("10.0.0.1", "a"), ("10.0.0.2", "")]);
        assert_eq!(editor(Draft::stored(&there), &there).unsaved, "");
        let mut draft = Draft::stored(&there);
        draft.rows.remove(1);
        draft.rows[0].note = "b".to_owned();
        draft.rows.push(Row { network: "192.0.2.0/24".parse().unwrap(), note: String::new() });
        let editor = editor(draft, &there);
        assert_eq!(editor.unsaved, "Not saved yet: 1 added, 1 removed, 1 note changed");
        assert_eq!(editor.own_entry.as_deref(), Some("192.0.2.0/24"));
        assert_eq!(editor.rows.iter().map(|row| row.is_new).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn every_row_gets_its_own_remarks() {
        let there = stored(&[
            ("10.0.0.0/8", ""),
            ("203.0.113.4-203.0.113.9", "# x, y"),
            ("10.1.0.0/16", ""),
            ("2001:db8::/32", ""),
        ]);
        let rows = editor(Draft::stored(&there), &there).rows;
        assert!(rows[0].remarks[0].starts_with("10.0.0.0/8 is private"), "{rows:?}");
        assert!(rows[1].remarks.is_empty() && rows[3].remarks.is_empty(), "{rows:?}");
        assert!(
            rows[2].remarks.contains(&"10.0.0.0/8 lets in all of 10.1.0.0/16 already.".to_owned()),
            "{rows:?}"
        );
    }

    #[test]
    fn what_another_list_keeps_out_is_pointed_out() {
        let there = stored(&[("10.1.0.0/16", ""), ("203.0.113.7", ""), ("2001:db8::/32", "")]);
        let bound = stored(&[("10.0.0.0/8", ""), ("2001:db8:1::/48", "")]);
        let editor = Editor::new(
            Frame { holder: Holder::KeyOf(bound), ..frame() },
            Draft::stored(&there),
            &there,
            &Clients::default(),
        );
        let outside = words::text("networks.outside").to_owned();
        let told: Vec<_> = editor.rows.iter().map(|row| row.remarks.contains(&outside)).collect();
        assert_eq!(told, [false, true, false]);
    }
}
