//! What the address of the list asks for, and addresses that ask for something else.

use portcullis_control::AuditQuery;
use portcullis_domain::{KeyId, StorageId};

use super::super::fields::Fields;
use super::super::people::{address, after};
use super::HOME;

/// The longest id of a request.
const LONGEST: usize = 64;

/// What somebody wants to see. What the address says and nobody understands is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The id of a request; empty for all.
    pub(super) request_id: String,
    pub(super) key: Option<KeyId>,
    pub(super) storage: Option<StorageId>,
    /// What was allowed, or what was not.
    pub(super) verdict: Option<bool>,
    /// Where the page begins; none for the first.
    pub(super) after: Option<String>,
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        let request_id = fields.get("request_id").trim().chars().filter(|c| (' '..='~').contains(c));
        Self {
            request_id: request_id.take(LONGEST).collect(),
            key: fields.get("key").parse().ok(),
            storage: fields.get("storage").parse().ok(),
            verdict: match fields.get("verdict") {
                "allowed" => Some(true),
                "denied" => Some(false),
                _ => None,
            },
            after: after(fields),
        }
    }

    pub(super) fn query(&self) -> AuditQuery {
        AuditQuery {
            request_id: Some(self.request_id.clone()).filter(|id| !id.is_empty()),
            key: self.key,
            storage: self.storage,
            verdict: self.verdict,
        }
    }

    pub(super) const fn narrows(&self) -> bool {
        !self.request_id.is_empty() || self.key.is_some() || self.storage.is_some() || self.verdict.is_some()
    }

    fn words(&self) -> [(&'static str, Option<String>); 4] {
        let verdict = self.verdict.map(|allowed| if allowed { "allowed" } else { "denied" });
        [
            ("request_id", Some(self.request_id.clone()).filter(|id| !id.is_empty())),
            ("key", self.key.map(|id| id.to_string())),
            ("storage", self.storage.map(|id| id.to_string())),
            ("verdict", verdict.map(str::to_owned)),
        ]
    }

    fn address(&self, path: &str, more: (&'static str, Option<&str>)) -> String {
        let words = self.words();
        let words = words.iter().map(|(name, value)| (*name, value.as_deref()));
        address(path, "", &words.chain([more]).collect::<Vec<_>>())
    }

    /// The address of the page that begins there.
    pub(super) fn at(&self, after: Option<&str>) -> String {
        self.address(HOME, ("after", after))
    }

    /// The same list without the key or the storage.
    pub(super) fn without_record(&self) -> String {
        Self { key: None, storage: None, ..self.clone() }.at(None)
    }

    /// The address of a file with these entries.
    pub(super) fn file(&self, format: &'static str) -> String {
        self.address("/activity/export", ("format", Some(format)))
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
        let id = "018f0000-0000-7000-8000-000000000001";
        let query = format!("request_id=A1&key={id}&verdict=denied&after=7");
        let all = wanted(&query);
        assert_eq!(all.at(all.after.as_deref()), format!("/activity?{query}"));
        assert_eq!(all.without_record(), "/activity?request_id=A1&verdict=denied");
        assert_eq!(
            all.file("csv"),
            format!("/activity/export?request_id=A1&key={id}&verdict=denied&format=csv")
        );
        assert!(all.narrows());
    }

    #[test]
    fn what_nobody_understands_is_left_out() {
        for strange in ["", "key=x&storage=&verdict=maybe&after=", "request_id=%0A%00+"] {
            assert_eq!(wanted(strange), Wanted::default(), "{strange}");
            assert!(!wanted(strange).narrows());
        }
    }
}
