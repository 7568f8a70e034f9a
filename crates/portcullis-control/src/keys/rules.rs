//! What a site asks of keys.

use std::time::Duration;

use portcullis_domain::{Key, Networks, SiteId, SiteRules, Timestamp};

use crate::authority::widens;
use crate::{Control, ControlError, FieldProblem, Result};

const DAY: u64 = 24 * 60 * 60;

/// What a site asks of keys, for those who are about to make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// Whether members make keys of their own.
    pub members_make_keys: bool,
    /// The longest life of a key, in days; none for no limit.
    pub longest_key_days: Option<u16>,
    /// The latest end that a key made at this moment may have; none for no limit.
    pub latest_end: Option<Timestamp>,
    /// Whether a key has to name the networks from which it may be used.
    pub need_networks: bool,
    /// A key that is not used for so many days is switched off; none for never.
    pub idle_key_days: Option<u16>,
}

impl KeyRules {
    pub(crate) fn at(rules: SiteRules, now: Timestamp) -> Self {
        Self {
            members_make_keys: rules.members_make_keys,
            longest_key_days: rules.longest_key_days,
            latest_end: rules.longest_key_days.map(|days| now.after(days_of(days))),
            need_networks: rules.keys_need_networks,
            idle_key_days: rules.idle_key_days,
        }
    }

    /// What is wrong with a key that is about to be made with this end and from these networks; the fields are `expires_at` and
    /// `networks`.
    #[must_use]
    pub fn faults_of_new(&self, expires: Option<Timestamp>, networks: &Networks) -> Vec<FieldProblem> {
        self.end_fault(expires).into_iter().chain(self.networks_fault(networks)).collect()
    }

    fn end_fault(&self, expires: Option<Timestamp>) -> Option<FieldProblem> {
        let (latest, days) = (self.latest_end?, self.longest_key_days?);
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let message = format!("keys of this site last at most {days}: choose an end up to {latest}");
        expires.is_none_or(|end| end > latest).then(|| FieldProblem::new("expires_at", message))
    }

    fn networks_fault(&self, networks: &Networks) -> Option<FieldProblem> {
        let message = "keys of this site have to name the networks from which they may be used";
        (self.need_networks && networks.is_anywhere()).then(|| FieldProblem::new("networks", message))
    }

    /// What is wrong with a new key, or with one that was as `before`. What only narrows a key is never refused, so that it
    /// can always be switched off; a new end and new networks have to be right all the same.
    fn faults(&self, new: &Key, before: Option<&Key>) -> Vec<FieldProblem> {
        let Some(before) = before else { return self.faults_of_new(new.expires, &new.networks) };
        let wider = widens(new, before);
        let end = (wider || before.expires != new.expires).then(|| self.end_fault(new.expires));
        let networks = (wider || !before.networks.is_anywhere()).then(|| self.networks_fault(&new.networks));
        end.flatten().into_iter().chain(networks.flatten()).collect()
    }
}

pub(super) const fn days_of(days: u16) -> Duration {
    #[expect(clippy::as_conversions, reason = "u16 to u64 loses nothing, and From is not const")]
    let days = days as u64;
    Duration::from_secs(days * DAY)
}

impl Control {
    /// What this site asks of keys, with what the sites above it ask.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn key_rules(&self, site: SiteId) -> Result<KeyRules> {
        Ok(KeyRules::at(self.effective_rules(site).await?, self.access.now()))
    }

    /// Refuses a key that the rules of its site do not allow; `before` is the same key as it was.
    pub(crate) async fn check_rules(&self, new: &Key, before: Option<&Key>) -> Result<()> {
        let faults = self.key_rules(new.site).await?.faults(new, before);
        if faults.is_empty() { Ok(()) } else { Err(ControlError::Invalid(faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{
        Channel, CredentialId, DisplayName, KeyId, KeyPrefix, KeyState, NetworkEntry, Overwrite, Permission,
        Scope, UserId,
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn at(days: u64) -> Option<Timestamp> {
        Some(NOW.after(Duration::from_secs(days * DAY)))
    }

    fn office() -> Networks {
        Networks::new(vec![NetworkEntry::parse("192.0.2.0/24", "").unwrap()]).unwrap()
    }

    fn key(expires: Option<Timestamp>, networks: Networks) -> Key {
        Key {
            id: KeyId::from_u128(1),
            site: SiteId::from_u128(1),
            credential: CredentialId::from_entropy([1; 16]),
            name: DisplayName::parse("key").unwrap(),
            channel: Channel::Rest,
            scope: Scope::User(UserId::from_u128(1)),
            permission: Permission::Read,
            overwrite: Overwrite::Replace,
            networks,
            prefix: KeyPrefix::default(),
            expires,
            state: KeyState::Active,
            created: NOW,
            generation: 0,
            on_leak: portcullis_domain::OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: portcullis_domain::MailRules::default(),
        }
    }

    fn rules() -> KeyRules {
        let rules = SiteRules { longest_key_days: Some(30), keys_need_networks: true, ..SiteRules::OPEN };
        KeyRules::at(rules, NOW)
    }

    fn faults(new: &Key, before: Option<&Key>) -> Vec<String> {
        rules().faults(new, before).into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_new_key_keeps_the_rules() {
        assert_eq!(faults(&key(at(30), office()), None), [""; 0]);
        assert_eq!(faults(&key(at(31), office()), None), ["expires_at"]);
        assert_eq!(faults(&key(None, Networks::anywhere()), None), ["expires_at", "networks"]);
        let told = rules().faults(&key(None, office()), None).remove(0).message;
        assert!(told.contains("30 days") && told.contains(&at(30).unwrap().to_string()), "{told}");
        let open = KeyRules::at(SiteRules::OPEN, NOW);
        assert_eq!(open.faults(&key(None, Networks::anywhere()), None), []);
    }

    #[test]
    fn an_older_key_can_always_be_narrowed_and_not_widened_without_keeping_them() {
        let old = key(None, Networks::anywhere());
        let off = Key { permission: Permission::None, ..old.clone() };
        assert_eq!(faults(&off, Some(&old)), [""; 0]);
        let renamed = Key { name: DisplayName::parse("other").unwrap(), ..old.clone() };
        assert_eq!(faults(&renamed, Some(&old)), [""; 0]);
        assert_eq!(faults(&Key { networks: office(), ..old.clone() }, Some(&old)), [""; 0]);
        assert_eq!(faults(&Key { expires: at(30), ..old.clone() }, Some(&old)), [""; 0]);
        // A new end has to be right, also if it is earlier than the old one.
        assert_eq!(faults(&Key { expires: at(31), ..old.clone() }, Some(&old)), ["expires_at"]);
        let on = Key { permission: Permission::ReadWrite, ..old.clone() };
        assert_eq!(faults(&on, Some(&old)), ["expires_at", "networks"]);
        assert_eq!(faults(&old, Some(&off)), ["expires_at", "networks"]);
        let listed = key(at(10), office());
        assert_eq!(
            faults(&Key { networks: Networks::anywhere(), ..listed.clone() }, Some(&listed)),
            ["networks"]
        );
        assert_eq!(faults(&Key { expires: None, ..listed.clone() }, Some(&listed)), ["expires_at"]);
    }
}
