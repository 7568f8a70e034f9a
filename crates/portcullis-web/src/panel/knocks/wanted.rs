//! What the address of the list asks for.

use portcullis_control::{AttemptQuery, AttemptReason};

use super::super::fields::Fields;
use super::super::people::{address, after, search};
use super::HOME;

/// What somebody wants to see. What the address says and nobody understands is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What is looked for; empty for everything.
    pub(super) search: String,
    pub(super) reason: Option<AttemptReason>,
    /// Where the page begins; none for the first.
    pub(super) after: Option<String>,
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        Self { search: search(fields), reason: fields.get("reason").parse().ok(), after: after(fields) }
    }

    pub(super) fn query(&self) -> AttemptQuery {
        let search = Some(self.search.clone()).filter(|search| !search.is_empty());
        AttemptQuery { reason: self.reason, search }
    }

    /// The address of the page that begins there.
    pub(super) fn at(&self, after: Option<&str>) -> String {
        address(HOME, &self.search, &[("reason", self.reason.map(AttemptReason::as_str)), ("after", after)])
    }
}

/// The list of what was tried with this access key.
pub(super) fn of_credential(credential: &str) -> String {
    address(HOME, credential, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_it_asks_for_and_what_nobody_understands_is_left_out() {
        let wanted = |query: &str| Wanted::of(&Fields::parse(query.as_bytes()));
        let all = wanted("q=nas&reason=old_secret&after=ab");
        assert_eq!(all.at(all.after.as_deref()), "/knocks?q=nas&reason=old_secret&after=ab");
        assert_eq!(all.at(None), "/knocks?q=nas&reason=old_secret");
        for strange in ["", "reason=key_deleted&after=&q=+", "reason=%00"] {
            assert_eq!(wanted(strange), Wanted::default(), "{strange}");
        }
    }
}
