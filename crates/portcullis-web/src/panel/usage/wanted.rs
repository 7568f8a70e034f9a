//! What the address of the page asks for, and addresses that ask for something else.

use std::time::Duration;

use portcullis_control::UsageQuery;
use portcullis_domain::{KeyId, Network, StorageId, Timestamp};

use super::super::fields::Fields;
use super::super::people::{address, search};
use super::super::words;
use super::HOME;

/// The spans to choose from: in days, with what they are called.
pub(super) const SPANS: [u16; 4] = [1, 7, 30, 90];
/// The one that is shown if nothing is asked for.
const USUAL: u16 = 30;

pub(super) fn span_name(days: u16) -> &'static str {
    match days {
        1 => words::text("usage.span.day"),
        7 => words::text("usage.span.week"),
        90 => words::text("usage.span.quarter"),
        _ => words::text("usage.span.month"),
    }
}

/// What somebody wants to see. What the address says and nobody understands is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) days: u16,
    /// Text in the name or access key of keys; empty for all.
    pub(super) search: String,
    pub(super) key: Option<KeyId>,
    pub(super) storage: Option<StorageId>,
    pub(super) network: Option<String>,
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        let days = fields.get("days").parse().ok().filter(|days| SPANS.contains(days));
        let network = fields.filled("network").filter(|network| Network::parse(network).is_ok());
        Self {
            days: days.unwrap_or(USUAL),
            search: search(fields),
            key: fields.get("key").parse().ok(),
            storage: fields.get("storage").parse().ok(),
            network: network.map(str::to_owned),
        }
    }

    pub(super) fn query(&self, now: Timestamp) -> UsageQuery {
        UsageQuery {
            from: Some(now.before(Duration::from_secs(u64::from(self.days) * 86_400))),
            until: Some(now),
            key: self.key,
            storage: self.storage,
            network: self.network.clone(),
            search: Some(self.search.clone()).filter(|search| !search.is_empty()),
        }
    }

    /// Whether it is about a part only.
    pub(super) fn is_narrowed(&self) -> bool {
        self.key.is_some() || self.storage.is_some() || self.network.is_some() || !self.search.is_empty()
    }

    pub(super) fn at(&self) -> String {
        let days = self.days.to_string();
        let (key, storage) = (self.key.map(|id| id.to_string()), self.storage.map(|id| id.to_string()));
        let words = [
            ("days", (self.days != USUAL).then_some(days.as_str())),
            ("key", key.as_deref()),
            ("storage", storage.as_deref()),
            ("network", self.network.as_deref()),
        ];
        address(HOME, &self.search, &words)
    }

    /// The same for another span.
    pub(super) fn for_days(&self, days: u16) -> Self {
        Self { days, ..self.clone() }
    }

    /// The same of everything.
    pub(super) const fn of_all(&self) -> Self {
        Self { days: self.days, search: String::new(), key: None, storage: None, network: None }
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
        let id = KeyId::from_u128(7);
        let address = format!("/usage?q=a+b&days=7&key={id}&network=10.0.0.0%2F8");
        let query = address.split_once('?').unwrap().1;
        assert_eq!(wanted(query).at(), address);
        assert_eq!(wanted(query).for_days(30).of_all().at(), "/usage");
        assert!(wanted(query).is_narrowed() && !wanted("days=90").is_narrowed());
    }

    #[test]
    fn what_nobody_understands_is_left_out() {
        for strange in ["", "days=5", "days=-1&key=x", "network=%00&storage=", "network=nowhere"] {
            assert_eq!(wanted(strange).at(), "/usage", "{strange}");
        }
        let now = Timestamp::from_seconds(100 * 86_400);
        let query = wanted("days=7").query(now);
        assert_eq!((query.from, query.until), (Some(Timestamp::from_seconds(93 * 86_400)), Some(now)));
    }
}
