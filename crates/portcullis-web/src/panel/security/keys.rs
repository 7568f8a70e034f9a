//! How the keys there are compare to rules that somebody thinks of.

use std::time::Duration;

use portcullis_access::SiteAdmin;
use portcullis_control::{KeyQuery, KeyStatus, PageRequest};
use portcullis_domain::Timestamp;

use super::super::error::PanelError;
use super::super::people::number;
use super::super::words;
use crate::app::App;

const DAY: u64 = 24 * 60 * 60;

/// Figures of the site's keys; of very many, of the first.
pub(super) struct Figures {
    /// In words, how many there are.
    pub(super) in_all: String,
    /// Those that name no networks.
    open: u64,
    /// Those without an end.
    endless: u64,
    /// When those that work were last used, or made if they never were.
    used: Vec<Timestamp>,
}

impl Figures {
    pub(super) async fn of(app: &App, admin: &SiteAdmin) -> Result<Self, PanelError> {
        let first = PageRequest::first(PageRequest::MAX);
        let found = app.control.keys(admin, KeyQuery::default(), &first).await?;
        let works = |view: &&portcullis_control::KeyView| view.status == KeyStatus::Active;
        let count = number(found.items.len());
        let in_all = if found.next.is_some() { "security.keys.first" } else { "security.keys.now" };
        Ok(Self {
            in_all: words::count(in_all, count),
            open: number(found.items.iter().filter(|view| view.key.networks.is_anywhere()).count()),
            endless: number(found.items.iter().filter(|view| view.key.expires.is_none()).count()),
            used: found
                .items
                .iter()
                .filter(works)
                .map(|view| {
                    view.last_used.as_ref().map_or(view.key.created, |used| used.at.max(view.key.created))
                })
                .collect(),
        })
    }

    /// How many name no networks, in words; empty for none.
    pub(super) fn open_text(&self) -> String {
        if self.open == 0 { String::new() } else { words::count("security.networks.now", self.open) }
    }

    /// How many have no end, in words; empty for none.
    pub(super) fn endless_text(&self) -> String {
        if self.endless == 0 { String::new() } else { words::count("security.longest.now", self.endless) }
    }

    /// How many keys a rule of so many days would switch off, if it is stricter than what holds.
    pub(super) fn switched_off(&self, days: Option<u16>, now_holds: Option<u16>, now: Timestamp) -> u64 {
        let Some(days) = days else { return 0 };
        if now_holds.is_some_and(|held| held <= days) {
            return 0;
        }
        let since = now.before(Duration::from_secs(u64::from(days) * DAY));
        number(self.used.iter().filter(|used| **used < since).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_keys_are_counted_if_the_rule_gets_stricter() {
        let now: Timestamp = "2027-01-31T18:00:00Z".parse().unwrap();
        let days_ago = |days: u64| now.before(Duration::from_secs(days * DAY));
        let used = vec![days_ago(0), days_ago(29), days_ago(31), days_ago(400)];
        let figures = Figures { in_all: String::new(), open: 0, endless: 0, used };
        assert_eq!(figures.switched_off(Some(30), None, now), 2);
        assert_eq!(figures.switched_off(Some(30), Some(60), now), 2);
        assert_eq!(figures.switched_off(Some(30), Some(30), now), 0);
        assert_eq!(figures.switched_off(None, None, now), 0);
    }
}
