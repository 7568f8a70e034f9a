//! The form for a site's rules. It shows what holds; what a site above settles cannot be changed here and is not sent.

use portcullis_control::{FieldProblem, RulesDraft, SiteView};
use portcullis_domain::SiteRules;

use super::super::fields::{Faults, Fields};
use super::super::words;

/// The longest span that can be named, in days.
const MOST_DAYS: u64 = 3650;

/// The rules as the form has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) members_make_keys: bool,
    pub(super) keys_need_networks: bool,
    /// As it was typed; empty for no limit, or for that of the sites above.
    pub(super) longest_key_days: String,
    pub(super) idle_key_days: String,
    pub(super) second_factor: String,
    pub(super) data_events: String,
}

/// A site's own number of days if it is stricter than what holds above anyway.
fn stricter(own: Option<u16>, above: Option<u16>) -> String {
    match (own, above) {
        (Some(own), Some(above)) if own >= above => String::new(),
        (Some(own), _) => own.to_string(),
        (None, _) => String::new(),
    }
}

impl Form {
    /// The rules that are stored.
    pub(super) fn stored(view: &SiteView) -> Self {
        let above = view.above.unwrap_or(SiteRules::OPEN);
        Self {
            members_make_keys: view.effective.members_make_keys,
            keys_need_networks: view.effective.keys_need_networks,
            longest_key_days: stricter(view.site.rules.longest_key_days, above.longest_key_days),
            idle_key_days: stricter(view.site.rules.idle_key_days, above.idle_key_days),
            second_factor: view.effective.second_factor.as_str().to_owned(),
            data_events: view.effective.data_events.as_str().to_owned(),
        }
    }

    /// The rules that were sent.
    pub(super) fn sent(fields: &Fields) -> Self {
        let typed = |name: &str| fields.get(name).trim().chars().take(40).collect();
        Self {
            members_make_keys: fields.get("members_make_keys") == "yes",
            keys_need_networks: fields.get("keys_need_networks") == "yes",
            longest_key_days: typed("longest_key_days"),
            idle_key_days: typed("idle_key_days"),
            second_factor: typed("second_factor"),
            data_events: typed("data_events"),
        }
    }

    /// After how many days without use a key would be switched off.
    pub(super) fn idle(&self) -> Option<u16> {
        self.idle_key_days.parse().ok()
    }

    /// What has to change for the rules to be as the form says. What a site above settles is left as it is.
    pub(super) fn draft(&self, view: &SiteView, faults: &mut Faults) -> RulesDraft {
        let (own, above) = (view.site.rules, view.above.unwrap_or(SiteRules::OPEN));
        let inherited = self.second_factor == view.effective.second_factor.as_str();
        let same_events = self.data_events == view.effective.data_events.as_str();
        RulesDraft {
            members_make_keys: above.members_make_keys.then_some(self.members_make_keys),
            keys_need_networks: (!above.keys_need_networks).then_some(self.keys_need_networks),
            longest_key_days: days(
                &self.longest_key_days,
                own.longest_key_days,
                above.longest_key_days,
                "longest_key_days",
                faults,
            ),
            idle_key_days: days(
                &self.idle_key_days,
                own.idle_key_days,
                above.idle_key_days,
                "idle_key_days",
                faults,
            ),
            second_factor: (!inherited).then(|| self.second_factor.clone()),
            data_events: (!same_events).then(|| self.data_events.clone()),
        }
    }
}

/// The change to a number of days. An empty field means: no more than what the sites above ask for.
fn days(
    typed: &str,
    own: Option<u16>,
    above: Option<u16>,
    field: &str,
    faults: &mut Faults,
) -> Option<Option<u64>> {
    if typed.is_empty() {
        return match above {
            None => Some(None),
            Some(above) => own.is_some_and(|own| own < above).then(|| Some(u64::from(above))),
        };
    }
    match typed.parse::<u64>() {
        Ok(days) if (1..=MOST_DAYS).contains(&days) => Some(Some(days)),
        Ok(_) | Err(_) => {
            faults.add(field, words::text("security.days.wrong"));
            None
        }
    }
}

/// What is wrong with rules, at the fields of the form.
pub(super) fn faults(problems: Vec<FieldProblem>) -> Faults {
    let mut faults = Faults::default();
    for problem in problems {
        let field = problem.field.strip_prefix("rules.").unwrap_or("rules").to_owned();
        faults.add(field, problem.message);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{DisplayName, SecondFactorRule, Site, SiteId, Timestamp};

    fn view(own: SiteRules, above: Option<SiteRules>) -> SiteView {
        let site = Site {
            id: SiteId::from_u128(1),
            parent: None,
            name: DisplayName::parse("one").unwrap(),
            rules: own,
            created: Timestamp::default(),
        };
        let effective = own.below(above.unwrap_or(SiteRules::OPEN));
        SiteView { site, parent: None, effective, above, depth: 0, home: true, current: true }
    }

    fn strict() -> SiteRules {
        SiteRules {
            members_make_keys: false,
            longest_key_days: Some(90),
            keys_need_networks: true,
            idle_key_days: Some(30),
            second_factor: SecondFactorRule::Admins,
            data_events: portcullis_domain::DataEvents::Changes,
        }
    }

    #[test]
    fn what_is_stored_and_sent_back_changes_nothing() {
        for (own, above) in [
            (SiteRules::OPEN, None),
            (strict(), None),
            (SiteRules::OPEN, Some(strict())),
            (strict(), Some(SiteRules::OPEN)),
            (SiteRules { longest_key_days: Some(365), ..SiteRules::OPEN }, Some(strict())),
        ] {
            let (view, mut faults) = (view(own, above), Faults::default());
            let draft = Form::stored(&view).draft(&view, &mut faults);
            assert!(faults.is_empty());
            let changed = |wanted: Option<Option<u64>>, own: Option<u16>| {
                wanted.is_some_and(|wanted| wanted != own.map(u64::from))
            };
            assert!(!changed(draft.longest_key_days, own.longest_key_days), "{view:?}");
            assert!(!changed(draft.idle_key_days, own.idle_key_days), "{view:?}");
            assert!(draft.members_make_keys.is_none_or(|wanted| wanted == own.members_make_keys));
            assert!(draft.keys_need_networks.is_none_or(|wanted| wanted == own.keys_need_networks));
            assert_eq!((draft.second_factor, draft.data_events), (None, None));
        }
    }

    #[test]
    fn an_empty_field_gives_back_what_holds_above() {
        let (view, mut faults) = (
            view(SiteRules { longest_key_days: Some(7), ..SiteRules::OPEN }, Some(strict())),
            Faults::default(),
        );
        assert_eq!(Form::stored(&view).longest_key_days, "7");
        let form = Form { longest_key_days: String::new(), ..Form::stored(&view) };
        assert_eq!(form.draft(&view, &mut faults).longest_key_days, Some(Some(90)));
    }

    #[test]
    fn days_are_whole_numbers() {
        for wrong in ["0", "-1", "1.5", "3651", "soon", "99999999999999999999"] {
            let mut faults = Faults::default();
            assert_eq!(days(wrong, None, None, "idle_key_days", &mut faults), None);
            assert!(faults.at("idle_key_days").is_some(), "{wrong}");
        }
        assert_eq!(days("30", None, None, "x", &mut Faults::default()), Some(Some(30)));
    }
}
