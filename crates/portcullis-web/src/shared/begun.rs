//! Downloads that were begun, where a link counts them.
//!
//! A part of a file that leaves out its first byte is not counted, so that a download that broke off can go on. On a link that
//! counts, it is only given to whoever has begun that download; otherwise everything but the first byte would be free.

use std::time::Duration;

use portcullis_access::{Etag, EtagCondition, LinkVisit, RangeRequest, ReadConditions};
use portcullis_domain::ObjectKey;

use crate::app::App;

/// For how long a download that broke off may go on.
const RESUMED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
const STATE: &str = "begun download";

/// What is remembered of a download: the link, which version of the file, the file.
fn text(visit: &LinkVisit, etag: &str, key: &ObjectKey) -> String {
    format!("{} {etag} {key}", visit.link.id)
}

/// What a browser is to remember of a download that was counted; nothing where nothing is counted.
pub(super) fn remember(app: &App, visit: &LinkVisit, key: &ObjectKey, etag: &Etag) -> Option<String> {
    visit.link.max_downloads?;
    app.access.seal_state(STATE, text(visit, &etag.to_string(), key).as_bytes(), RESUMED_WITHIN).ok()
}

/// The entity tag of this file when its download by this visitor was counted.
pub(super) fn remembered(
    app: &App,
    visit: &LinkVisit,
    key: &ObjectKey,
    shown: Option<&str>,
) -> Option<String> {
    let state = app.access.open_state(STATE, shown?)?;
    let state = str::from_utf8(&state).ok()?;
    let (etag, of) = state.strip_prefix(&visit.link.id.to_string())?.strip_prefix(' ')?.split_once(' ')?;
    (of == key.as_str()).then(|| etag.to_owned())
}

/// What of a file is sent.
pub(super) struct Portion {
    /// Only these bytes.
    pub(super) range: Option<RangeRequest>,
    /// Only if.
    pub(super) conditions: ReadConditions,
}

impl Portion {
    /// What was asked for, as far as this link gives it: `begun` is the tag of the file whose download the visitor has begun.
    pub(super) fn of(asked: Self, counts: bool, begun: Option<&str>) -> Self {
        let from_the_start = match asked.range {
            None | Some(RangeRequest::FromTo(0, _) | RangeRequest::From(0)) => true,
            Some(RangeRequest::FromTo(..) | RangeRequest::From(_) | RangeRequest::Suffix(_)) => false,
        };
        if !counts || from_the_start {
            return asked;
        }
        match begun {
            // Only of the file that was counted: another of the same name is another download.
            Some(etag) => {
                let if_match = Some(EtagCondition::OneOf(vec![etag.to_owned()]));
                Self { conditions: ReadConditions { if_match, ..asked.conditions }, ..asked }
            }
            None => Self { range: None, ..asked },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_out_the_first_byte_is_for_whoever_has_begun() {
        let asked = |range| Portion { range, conditions: ReadConditions::default() };
        for range in [None, Some(RangeRequest::FromTo(0, 0)), Some(RangeRequest::From(0))] {
            let given = Portion::of(asked(range), true, None);
            assert_eq!((given.range, given.conditions), (range, ReadConditions::default()));
        }
        for range in [RangeRequest::FromTo(1, 2), RangeRequest::From(1), RangeRequest::Suffix(9)] {
            assert_eq!(Portion::of(asked(Some(range)), false, None).range, Some(range), "nothing is counted");
            assert_eq!(Portion::of(asked(Some(range)), true, None).range, None, "the whole, and it counts");
            let resumed = Portion::of(asked(Some(range)), true, Some("tag"));
            assert_eq!(resumed.range, Some(range));
            assert_eq!(resumed.conditions.if_match, Some(EtagCondition::OneOf(vec!["tag".to_owned()])));
        }
    }
}
