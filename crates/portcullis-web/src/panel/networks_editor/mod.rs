//! The editor of allowed networks. What is not saved yet travels in the form itself, so it works without a script, in two tabs, and
//! after the browser was closed and opened again; the server keeps nothing of it.
//!
//! Fields: `mode` (`any` or `listed`), for each row `network` and `note`, the field `add` with `add_note`, `seen` (what the form was made
//! from), `warned` (who the page said would be cut off) and `seen_trial` (what is tried out, and whom it would refuse). The button is
//! `op`; what it can say is an [`Op`].

mod cut_off;
mod difference;
mod draft;
mod edit;
mod trial;
mod view;

use portcullis_domain::Network;

pub(super) use cut_off::CutOff;
pub(super) use draft::Draft;
pub(super) use edit::Edit;
pub(super) use trial::{Banner, is_shown};
pub(super) use view::{Editor, Frame, Holder};

/// What a button of the editor asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Takes over what is in the field, if there is anything: the enter key.
    Check,
    /// Takes over what is in the field.
    Add,
    /// Removes the row with this number, from 0.
    Remove(usize),
    /// Adds the address from which the request comes.
    Mine,
    /// Adds what was probably meant by the wrong entry with this number, from 0.
    Take(usize),
    /// Adds an address that would be cut off otherwise.
    Allow(Network),
    /// Keeps the list.
    Save,
    /// Tries the list out: what it would refuse is counted.
    Try,
    /// Puts what is tried out in force.
    Enforce,
    /// Ends what is tried out.
    EndTrial,
    /// Forgets what is not saved.
    Discard,
    /// Instead of a list that lets in nobody: closes the door and leaves the list as it is.
    Close,
}

impl Op {
    /// Reads the value of a button; anything else only looks at the form.
    pub(super) fn parse(text: &str) -> Self {
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        match (word, rest) {
            ("add", "") => Some(Self::Add),
            ("remove", row) => row.parse().ok().map(Self::Remove),
            ("mine", "") => Some(Self::Mine),
            ("take", entry) => entry.parse().ok().map(Self::Take),
            ("allow", address) => address.parse().ok().map(Self::Allow),
            ("save", "") => Some(Self::Save),
            ("try", "") => Some(Self::Try),
            ("enforce", "") => Some(Self::Enforce),
            ("end-trial", "") => Some(Self::EndTrial),
            ("discard", "") => Some(Self::Discard),
            ("close", "") => Some(Self::Close),
            (_, _) => None,
        }
        .unwrap_or(Self::Check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_read() {
        for (text, op) in [
            ("add", Op::Add),
            ("remove:12", Op::Remove(12)),
            ("mine", Op::Mine),
            ("take:0", Op::Take(0)),
            ("allow:2001:db8::1", Op::Allow("2001:db8::1".parse().unwrap())),
            ("save", Op::Save),
            ("try", Op::Try),
            ("enforce", Op::Enforce),
            ("end-trial", Op::EndTrial),
            ("discard", Op::Discard),
            ("close", Op::Close),
        ] {
            assert_eq!(Op::parse(text), op, "{text}");
        }
        for other in ["", "check", "remove:-1", "remove:", "allow:all", "save:1"] {
            assert_eq!(Op::parse(other), Op::Check, "{other}");
        }
    }
}
