//! A list that is being edited.

use std::net::IpAddr;

use portcullis_control::NetworkDraft;
use portcullis_control::networks::{self, Entry, Outcome, Remark};
use portcullis_domain::{Network, NetworkEntry, Networks};

use super::super::fields::{Fields, sentence};
use super::super::words;
use super::Op;

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Row {
    pub(in super::super) network: Network,
    pub(in super::super) note: String,
}

/// A list as the form has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Draft {
    /// Whether only the listed ones may come in.
    pub(in super::super) listed: bool,
    pub(in super::super) rows: Vec<Row>,
    /// What is in the field for new ones.
    pub(in super::super) adding: String,
    /// The note for them.
    pub(in super::super) adding_note: String,
    /// What became of the entries that could not be taken over, in the order in which they stand in `adding`.
    pub(in super::super) refused: Vec<Entry>,
    /// What there is to say of those that were.
    pub(in super::super) notices: Vec<String>,
    /// What is wrong as a whole.
    pub(in super::super) fault: Option<String>,
}

impl Draft {
    /// The list that is stored.
    pub(in super::super) fn stored(list: &Networks) -> Self {
        let row = |entry: &NetworkEntry| Row { network: entry.network, note: entry.note.clone() };
        Self {
            listed: !list.is_anywhere(),
            rows: list.entries().iter().map(row).collect(),
            ..Self::default()
        }
    }

    /// The list that a form carries.
    pub(in super::super) fn posted(form: &Fields) -> Self {
        let mut draft = Self {
            listed: form.get("mode") == "listed",
            adding: form.get("add").to_owned(),
            adding_note: form.get("add_note").trim().chars().take(networks::MAX_NOTE).collect(),
            ..Self::default()
        };
        for (network, note) in form.all("network").zip(form.all("note")).take(Networks::MAX) {
            draft.push(&networks::read_one(network, note));
        }
        // No page of ours makes a wrong row. It goes back to where it can be put right.
        let wrong: String = draft.refused.drain(..).map(|entry| line(&entry) + "\n").collect();
        draft.adding.insert_str(0, &wrong);
        draft
    }

    /// The list as it would be stored; empty means anywhere.
    pub(in super::super) fn networks(&self) -> Networks {
        if !self.listed {
            return Networks::anywhere();
        }
        let entries = self
            .rows
            .iter()
            .map(|row| NetworkEntry { network: row.network, note: row.note.clone() })
            .collect();
        Networks::new(entries).unwrap_or_default()
    }

    /// The same for a verb.
    pub(in super::super) fn drafts(&self) -> Vec<NetworkDraft> {
        let draft = |entry: &NetworkEntry| NetworkDraft {
            network: entry.network.to_string(),
            note: entry.note.clone(),
        };
        self.networks().entries().iter().map(draft).collect()
    }

    /// Whether nobody could come in.
    pub(in super::super) fn admits_nobody(&self) -> bool {
        self.listed && self.rows.is_empty()
    }

    /// Whether it can be stored as it stands.
    pub(in super::super) fn is_clean(&self) -> bool {
        self.fault.is_none() && self.refused.is_empty() && !self.admits_nobody()
    }

    /// Does what a button asks for, as far as the list is concerned. Whatever the button, nothing that was typed is lost.
    pub(in super::super) fn apply(&mut self, op: Op, own: IpAddr) {
        match op {
            Op::Remove(at) => {
                if at < self.rows.len() {
                    self.rows.remove(at);
                }
            }
            Op::Mine => {
                let note = words::text("networks.mine.note");
                self.listed = true;
                self.push(&networks::read_one(&own.to_canonical().to_string(), note));
            }
            Op::Allow(address) => {
                self.listed = true;
                self.push(&networks::read_one(&address.to_string(), ""));
            }
            Op::Add if self.adding.trim().is_empty() => {
                self.fault = Some(words::text("networks.add.empty").to_owned());
            }
            // In the mode for any address the field is not there to be seen: what is left in it does not count.
            Op::Save if !self.listed => {}
            Op::Try if !self.listed => self.fault = Some(words::text("networks.try.any").to_owned()),
            Op::Add | Op::Check | Op::Save | Op::Try => self.take_over(None),
            Op::Take(at) => self.take_over(Some(at)),
            Op::Discard | Op::Close | Op::Enforce | Op::EndTrial => {}
        }
    }

    /// Moves what is right from the field to the list; of the wrong entry with the number `meant`, counted among the wrong ones, what
    /// was probably meant.
    fn take_over(&mut self, meant: Option<usize>) {
        if self.adding.trim().is_empty() {
            self.adding.clear();
            return;
        }
        let reading = networks::read(&self.adding);
        if reading.problem.is_some() {
            self.fault = reading.problem;
            return;
        }
        self.listed = true;
        let note = std::mem::take(&mut self.adding_note);
        let mut wrong = 0;
        for mut entry in reading.entries {
            if entry.note.is_empty() {
                entry.note.clone_from(&note);
            }
            if let Outcome::Refused(refusal) = &entry.outcome {
                let suggestion = refusal.suggestion.filter(|_| meant == Some(wrong));
                wrong += 1;
                if let Some(network) = suggestion {
                    entry = networks::read_one(&network.to_string(), &entry.note);
                }
            }
            self.push(&entry);
        }
        self.adding = self.refused.iter().map(line).collect::<Vec<_>>().join("\n");
    }

    fn push(&mut self, entry: &Entry) {
        let Outcome::Accepted { network, remarks } = &entry.outcome else {
            self.refused.push(entry.clone());
            return;
        };
        if self.rows.iter().any(|row| row.network == *network) {
            self.notices.push(words::fill("networks.twice", &[network]));
            return;
        }
        if self.rows.len() >= Networks::MAX {
            self.fault = Some(words::count("networks.too_many", u64::try_from(Networks::MAX).unwrap_or(0)));
            self.refused.push(entry.clone());
            return;
        }
        // What an entry has to do with others is said at its row, again each time.
        let once =
            |remark: &Remark| matches!(remark, Remark::HostBits | Remark::Ipv4InIpv6 | Remark::NoteCut);
        let said = remarks.iter().zip(entry.messages()).filter(|(remark, _)| once(remark));
        self.notices.extend(said.map(|(_, message)| sentence(&message)));
        self.rows.push(Row { network: *network, note: entry.note.clone() });
    }
}

/// An entry that could not be taken over, as it is typed again.
fn line(entry: &Entry) -> String {
    if entry.note.is_empty() { entry.typed.clone() } else { format!("{}  # {}", entry.typed, entry.note) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 61));

    fn draft(form: &str, op: Op) -> Draft {
        let mut draft = Draft::posted(&Fields::parse(form.as_bytes()));
        draft.apply(op, OWN);
        draft
    }

    fn list(draft: &Draft) -> String {
        networks::to_text(&draft.networks())
    }

    #[test]
    fn a_pasted_list_is_taken_apart() {
        let pasted = "mode=listed&network=10.0.0.1&note=one&add=203.0.113.7%2F24,+2001:DB8::1%0A198.51.100.4+%23+shop&add_note=office";
        let draft = draft(pasted, Op::Add);
        assert_eq!(
            list(&draft),
            "10.0.0.1  # one\n203.0.113.0/24  # office\n2001:db8::1  # office\n198.51.100.4  # shop\n"
        );
        assert_eq!(draft.notices, ["203.0.113.7/24 means 203.0.113.0/24."]);
        assert!(draft.is_clean() && draft.adding.is_empty() && draft.adding_note.is_empty());
    }

    #[test]
    fn what_is_wrong_stays_in_the_field_and_can_be_put_right() {
        let form = "mode=listed&add=10.0.0.1%0A203.0.113%2F24+%23+office%0Anas.example";
        let wrong = draft(form, Op::Save);
        assert_eq!((list(&wrong).as_str(), wrong.refused.len(), wrong.is_clean()), ("10.0.0.1\n", 2, false));
        assert_eq!(wrong.adding, "203.0.113/24  # office\nnas.example");
        let put_right = draft(form, Op::Take(0));
        assert_eq!(list(&put_right), "10.0.0.1\n203.0.113.0/24  # office\n");
        assert_eq!(put_right.adding, "nas.example");
        // What is not among the wrong ones changes nothing.
        assert_eq!(draft(form, Op::Take(7)), draft(form, Op::Add));
    }

    #[test]
    fn twice_is_once() {
        let draft = draft("mode=listed&network=10.0.0.1&note=a&add=10.0.0.1,::ffff:10.0.0.1", Op::Add);
        assert_eq!((list(&draft).as_str(), draft.notices.len()), ("10.0.0.1  # a\n", 2));
    }

    #[test]
    fn any_address_is_never_an_entry() {
        for any in ["0.0.0.0%2F0", "::%2F0", "any"] {
            let draft = draft(&format!("mode=listed&add={any}"), Op::Save);
            assert!(draft.rows.is_empty() && draft.refused.len() == 1 && !draft.is_clean(), "{any}");
        }
        // A row that no page of ours made.
        assert!(!draft("mode=listed&network=0.0.0.0%2F0&note=&network=10.0.0.1&note=", Op::Save).is_clean());
    }

    #[test]
    fn rows_go_and_one_s_own_address_comes() {
        let two = "mode=listed&network=10.0.0.1&note=&network=10.0.0.2&note=";
        assert_eq!(list(&draft(two, Op::Remove(0))), "10.0.0.2\n");
        assert_eq!(list(&draft(two, Op::Remove(9))), "10.0.0.1\n10.0.0.2\n");
        let mine = draft("mode=any", Op::Mine);
        assert_eq!((mine.listed, mine.rows[0].network.to_string().as_str()), (true, "192.0.2.61"));
    }

    #[test]
    fn nobody_cannot_be_stored_and_anywhere_can() {
        assert!(draft("mode=listed", Op::Save).admits_nobody());
        let any = draft("mode=any&network=10.0.0.1&note=&add=rubbish", Op::Save);
        assert!(any.is_clean() && any.networks().is_anywhere());
    }

    #[test]
    fn a_list_has_an_end() {
        let many: String =
            (0..600_u32).map(|n| format!("{}%0A", std::net::Ipv4Addr::from(n + (1 << 24)))).collect();
        let draft = draft(&format!("mode=listed&add={many}"), Op::Add);
        assert_eq!((draft.rows.len(), draft.refused.len(), draft.is_clean()), (500, 100, false));
    }
}
