//! Sites and the people in them.

use crate::permission::words;
use crate::{DisplayName, SiteId, Timestamp, UserId, Username};

words! {
    /// From whom a site asks for a second factor.
    SecondFactorRule {
        /// From those who set one up.
        Optional = "optional",
        /// From its admins too.
        Admins = "admins",
        /// From everybody.
        Everybody = "everybody",
    }
    "optional, admins, everybody"
}

words! {
    /// Which uses of files are written to the audit trail, each by each. Refusals always are. From few to many.
    DataEvents {
        /// None.
        None = "none",
        /// What changes or removes a file.
        Changes = "changes",
        /// Downloads and listings too.
        All = "all",
    }
    "none, changes, all"
}

impl SecondFactorRule {
    /// Whether it asks people of this role.
    #[must_use]
    pub const fn asks(self, role: Role) -> bool {
        match (self, role) {
            (Self::Optional, _) | (Self::Admins, Role::Member) => false,
            (Self::Admins, Role::Admin) | (Self::Everybody, _) => true,
        }
    }
}

/// What a site allows its people and keys. A child site inherits the rules of the sites above it and only ever tightens them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteRules {
    /// Whether members make keys of their own.
    pub members_make_keys: bool,
    /// The longest life of a key in days, from the day it is made or given a new end; none for no limit.
    pub longest_key_days: Option<u16>,
    /// Whether every key has to name the networks from which it may be used.
    pub keys_need_networks: bool,
    /// A key that was not used for so many days is switched off; none for never.
    pub idle_key_days: Option<u16>,
    /// From whom a second factor is asked.
    pub second_factor: SecondFactorRule,
    /// Which uses of files are written to the audit trail.
    pub data_events: DataEvents,
}

impl SiteRules {
    /// Nothing is tightened: what a site begins with below a site that is as open.
    pub const OPEN: Self = Self {
        members_make_keys: true,
        longest_key_days: None,
        keys_need_networks: false,
        idle_key_days: None,
        second_factor: SecondFactorRule::Optional,
        data_events: DataEvents::None,
    };

    /// What holds below `above`: the stricter of both, rule by rule.
    #[must_use]
    pub fn below(self, above: Self) -> Self {
        let shorter = |own: Option<u16>, above: Option<u16>| match (own, above) {
            (Some(own), Some(above)) => Some(own.min(above)),
            (own, above) => own.or(above),
        };
        Self {
            members_make_keys: self.members_make_keys && above.members_make_keys,
            longest_key_days: shorter(self.longest_key_days, above.longest_key_days),
            keys_need_networks: self.keys_need_networks || above.keys_need_networks,
            idle_key_days: shorter(self.idle_key_days, above.idle_key_days),
            second_factor: self.second_factor.max(above.second_factor),
            data_events: self.data_events.max(above.data_events),
        }
    }
}

/// A tenant: users, storages, keys and settings. Nothing crosses from one site to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Identifies the site.
    pub id: SiteId,
    /// The site above it, if it is a child.
    pub parent: Option<SiteId>,
    /// What a person called it; no two children of a site have the same name, letter case aside.
    pub name: DisplayName,
    /// What it allows of itself; what holds is this below the rules of every site above it.
    pub rules: SiteRules,
    /// When it was made.
    pub created: Timestamp,
}

words! {
    /// What a person is in their site.
    Role {
        /// Runs the site: every storage, every key, every user of it.
        Admin = "admin",
        /// Reaches what was shared with them.
        Member = "member",
    }
    "admin, member"
}

words! {
    /// Whether a person may come in.
    UserState {
        /// May.
        Active = "active",
        /// May not, nor may their keys.
        Disabled = "disabled",
        /// May once they have taken up their invitation; until then they have no password.
        Invited = "invited",
    }
    "active, disabled, invited"
}

/// A person, in exactly one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identifies the person.
    pub id: UserId,
    /// The site they belong to.
    pub site: SiteId,
    /// The number in the bucket names of the storages they make.
    pub number: u32,
    /// Their name at sign-in, unique in the installation.
    pub username: Username,
    /// What they are in the site.
    pub role: Role,
    /// Whether they may come in.
    pub state: UserState,
    /// When the record was made.
    pub created: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn any_rules()(
            members_make_keys: bool, keys_need_networks: bool,
            longest_key_days in prop::option::of(1u16..100), idle_key_days in prop::option::of(1u16..100),
            second_factor in prop::sample::select(SecondFactorRule::ALL),
            data_events in prop::sample::select(DataEvents::ALL),
        ) -> SiteRules {
            SiteRules {
                members_make_keys, longest_key_days, keys_need_networks, idle_key_days, second_factor, data_events,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_inherited_is_only_ever_tightened(own in any_rules(), above in any_rules()) {
            let holds = own.below(above);
            prop_assert_eq!(holds.below(above), holds);
            prop_assert_eq!(holds.below(own), holds);
            prop_assert_eq!(above.below(own), holds);
            prop_assert_eq!(SiteRules::OPEN.below(above), above);
            prop_assert!(above.members_make_keys || !holds.members_make_keys);
            prop_assert!(above.longest_key_days.is_none_or(|days| holds.longest_key_days.is_some_and(|held| held <= days)));
            for role in Role::ALL {
                prop_assert!(holds.second_factor.asks(*role) || !above.second_factor.asks(*role));
            }
        }
    }
}
