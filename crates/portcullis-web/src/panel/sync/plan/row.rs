//! One file of a plan, in words.

use portcullis_control::{ActionView, Choice, OpWord, PlanKind, Reason, SeenView};
use portcullis_domain::Timestamp;

use super::super::super::{format, words};
use super::super::said;

/// What a side has.
pub(super) struct Cell {
    pub(super) size: String,
    pub(super) modified: Option<Timestamp>,
}

/// A choice to choose from.
pub(super) struct Offer {
    pub(super) word: &'static str,
    pub(super) name: &'static str,
    pub(super) chosen: bool,
}

pub(super) struct Row {
    pub(super) key: String,
    /// The name of the field with the choice: the key, so written that no browser changes it.
    pub(super) field: String,
    pub(super) here: Option<Cell>,
    pub(super) bucket: Option<Cell>,
    pub(super) op: &'static str,
    pub(super) class: &'static str,
    /// Whether something is kept first.
    pub(super) keeps: bool,
    pub(super) copy: Option<String>,
    pub(super) reason: &'static str,
    pub(super) evidence: Option<&'static str>,
    /// What may be chosen; empty where there is no choice.
    pub(super) choices: Vec<Offer>,
}

fn cell(seen: &SeenView) -> Cell {
    Cell { size: format::size(seen.size), modified: seen.modified }
}

impl Row {
    pub(super) fn new(action: &ActionView, kind: PlanKind, own: Option<Choice>) -> Self {
        let there = match action.op {
            OpWord::WriteToStorage | OpWord::DeleteInStorage | OpWord::PutBackInStorage => {
                action.seen.storage.is_some()
            }
            OpWord::WriteToBucket | OpWord::DeleteInBucket | OpWord::PutBackInBucket => {
                action.seen.bucket.is_some()
            }
            OpWord::Unchanged | OpWord::Agree | OpWord::Forget | OpWord::KeepBoth | OpWord::Leave => false,
        };
        let option = |choice: &Choice| Offer {
            word: choice.as_str(),
            name: said::choice(*choice),
            chosen: own == Some(*choice),
        };
        Self {
            field: field(&action.key),
            here: action.seen.storage.as_ref().map(cell),
            bucket: action.seen.bucket.as_ref().map(cell),
            op: said::op(action.op, there),
            class: said::op_class(action.op, there),
            keeps: there,
            copy: action.copy.clone(),
            reason: action.reason.map_or("", said::reason),
            evidence: said::evidence(action.evidence),
            choices: offered(action.reason, kind).iter().map(option).collect(),
            key: action.key.clone(),
        }
    }
}

/// What may be chosen for a file with this reason.
pub(super) fn offered(reason: Option<Reason>, kind: PlanKind) -> &'static [Choice] {
    match (reason, kind) {
        (None | Some(Reason::Same | Reason::Converged | Reason::DelBoth), _) => &[],
        (Some(reason), _) if said::is_cannot(reason) => &[],
        (Some(_), PlanKind::Restore) => &[Choice::Skip],
        (Some(_), PlanKind::Plan) => Choice::ALL,
    }
}

/// The name of the field for a key: letters and digits as they are, every other byte as `%` and two digits. A browser would change
/// line breaks on their way.
fn field(key: &str) -> String {
    format!("k.{}", form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>())
}

/// The key of such a field.
pub(super) fn key_of(field: &str) -> Option<String> {
    let encoded = field.strip_prefix("k.")?;
    let (key, _) = form_urlencoded::parse(encoded.as_bytes()).next()?;
    Some(key.into_owned())
}

/// For how long something is kept, in words.
pub(super) fn days(days: u32) -> String {
    words::count("sync.days", u64::from(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_field() {
        for key in ["a", "a b/\u{e4}.txt", "x=y&z+%20", "line\r\nbreak\n", "\"<script>'", "\u{1f3b2}"] {
            let name = field(key);
            assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
            assert!(!name.contains(['"', '<', '&', '=']), "{name}");
            assert_eq!(key_of(&name).as_deref(), Some(key));
        }
        assert_eq!(key_of("op"), None);
    }

    #[test]
    fn where_nothing_can_be_chosen_nothing_is_offered() {
        for reason in [None, Some(Reason::Same), Some(Reason::TooLarge), Some(Reason::Archived)] {
            assert!(offered(reason, PlanKind::Plan).is_empty(), "{reason:?}");
        }
        assert_eq!(offered(Some(Reason::ConflictNewNew), PlanKind::Plan), Choice::ALL);
        assert_eq!(offered(Some(Reason::UndoLoss), PlanKind::Restore), [Choice::Skip]);
    }
}
