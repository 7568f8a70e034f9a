//! The change that would admit what was refused, and making it.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_access::SiteAdmin;
use portcullis_domain::{
    Action, Channel, DenyReason, Key, Link, Networks, Permission, Scope, Storage, Timestamp,
};

use super::scene::Scene;
use super::seen::action_of;
use crate::{Control, ControlError, KeyChange, KeyRules, LinkChange, NetworkDraft, Result, StorageChange};
use portcullis_metadata::AuditEvent;

/// By how much a fix extends what has ended.
const EXTENSION: Duration = Duration::from_hours(30 * 24);

/// On what a fix works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixOn {
    /// The key.
    Key,
    /// The connection, for all its keys.
    Storage,
    /// The link.
    Link,
}

impl FixOn {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Storage => "storage",
            Self::Link => "link",
        }
    }
}

/// A change of a setting that takes the reason of a refusal away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Adds the address to the list of networks.
    AllowAddress {
        /// Of what.
        on: FixOn,
        /// The address.
        address: IpAddr,
    },
    /// Gives it a later end.
    Extend {
        /// What.
        on: FixOn,
        /// The new end.
        until: Timestamp,
    },
    /// Switches the key on.
    TurnOn {
        /// With this permission, the least that what was asked for needs.
        permission: Permission,
    },
    /// Gives more to do.
    Permit {
        /// To what.
        on: FixOn,
        /// The least permission with what there is and what was asked for.
        permission: Permission,
    },
    /// Lets the key reach more of the storage.
    WidenPrefix {
        /// The new prefix, with the old part and what was asked for in it; empty for the whole storage.
        prefix: String,
    },
    /// Opens the storage to S3 tools.
    SwitchS3On,
    /// Ends the pause of the storage.
    EndPause,
}

impl Fix {
    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::AllowAddress { .. } => "allow_address",
            Self::Extend { .. } => "extend",
            Self::TurnOn { .. } => "turn_on",
            Self::Permit { .. } => "permit",
            Self::WidenPrefix { .. } => "widen_prefix",
            Self::SwitchS3On => "switch_s3_on",
            Self::EndPause => "end_pause",
        }
    }

    /// On what it works.
    #[must_use]
    pub const fn on(&self) -> FixOn {
        match self {
            Self::AllowAddress { on, .. } | Self::Extend { on, .. } | Self::Permit { on, .. } => *on,
            Self::TurnOn { .. } | Self::WidenPrefix { .. } => FixOn::Key,
            Self::SwitchS3On | Self::EndPause => FixOn::Storage,
        }
    }

    /// What it sets, as text: an address, a moment, a permission, a prefix; empty if there is nothing to say.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::AllowAddress { address, .. } => address.to_string(),
            Self::Extend { until, .. } => until.to_string(),
            Self::TurnOn { permission } | Self::Permit { permission, .. } => permission.to_string(),
            Self::WidenPrefix { prefix } => prefix.clone(),
            Self::SwitchS3On | Self::EndPause => String::new(),
        }
    }
}

/// A fix that somebody chose, as they saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixDraft {
    /// The word for it.
    pub fix: String,
    /// What it sets: of `turn_on` any permission of the channel, of the others what was offered, if it is said at all.
    pub value: Option<String>,
}

impl FixDraft {
    /// The fix that is meant, if it is the one that is offered now. An end that was offered a while ago is offered a little later now.
    pub(super) fn of(&self, offered: Fix) -> Result<Fix> {
        if self.fix != offered.as_str() {
            return Err(ControlError::Stale);
        }
        let Some(value) = self.value.as_deref() else { return Ok(offered) };
        match offered {
            Fix::TurnOn { .. } => {
                let permission: Permission =
                    value.parse().map_err(|error| ControlError::invalid("value", format!("{error}")))?;
                if permission == Permission::None {
                    return Err(ControlError::invalid("value", "choose what the key is to allow"));
                }
                Ok(Fix::TurnOn { permission })
            }
            Fix::Extend { .. } => Ok(offered),
            Fix::AllowAddress { .. }
            | Fix::Permit { .. }
            | Fix::WidenPrefix { .. }
            | Fix::SwitchS3On
            | Fix::EndPause => {
                if offered.value() == value {
                    Ok(offered)
                } else {
                    Err(ControlError::Stale)
                }
            }
        }
    }
}

/// The fix for what stands against the request now; none where only the client, another person or a new key helps.
pub(super) fn offer(
    reason: DenyReason,
    scene: &Scene,
    event: &AuditEvent,
    rules: &KeyRules,
    now: Timestamp,
) -> Option<Fix> {
    let address = || event.peer.parse::<IpAddr>().ok();
    let asked = action_of(event);
    match reason {
        DenyReason::KeyNetwork => Some(Fix::AllowAddress { on: FixOn::Key, address: address()? }),
        DenyReason::StorageNetwork => Some(Fix::AllowAddress { on: FixOn::Storage, address: address()? }),
        DenyReason::LinkNetwork => Some(Fix::AllowAddress { on: FixOn::Link, address: address()? }),
        DenyReason::KeyExpired => {
            let until = now.after(EXTENSION);
            let until = rules.latest_end.map_or(until, |latest| latest.min(until));
            Some(Fix::Extend { on: FixOn::Key, until: whole_seconds(until) })
        }
        DenyReason::LinkExpired => {
            Some(Fix::Extend { on: FixOn::Link, until: whole_seconds(now.after(EXTENSION)) })
        }
        // A secret that somebody found stays found: such a key needs another one, not to be switched on.
        DenyReason::KeyDisabled if scene.key.as_ref()?.leaked.is_some() => None,
        DenyReason::KeyDisabled => Some(Fix::TurnOn { permission: with(Permission::None, asked)? }),
        DenyReason::KeyPermission => {
            let permission = with(scene.key.as_ref()?.permission, asked)?;
            Some(Fix::Permit { on: FixOn::Key, permission })
        }
        DenyReason::StoragePermission => {
            let permission = with(scene.storage.as_ref()?.permission, asked)?;
            Some(Fix::Permit { on: FixOn::Storage, permission })
        }
        DenyReason::OutsidePrefix => {
            let key = scene.key.as_ref().filter(|key| matches!(key.scope, Scope::Storage(_)))?;
            let prefix = common_folder(key.prefix.as_str(), event.object.as_deref().unwrap_or_default());
            Some(Fix::WidenPrefix { prefix: prefix.to_owned() })
        }
        DenyReason::StorageS3Off if event.channel == Channel::S3 => Some(Fix::SwitchS3On),
        DenyReason::StoragePaused => Some(Fix::EndPause),
        DenyReason::StorageS3Off
        | DenyReason::KeyDeleted
        | DenyReason::WrongChannel
        | DenyReason::OtherSite
        | DenyReason::OutOfScope
        | DenyReason::UserDisabled
        | DenyReason::SessionExpired
        | DenyReason::NotGranted
        | DenyReason::GrantPermission
        | DenyReason::SecondFactorNeeded
        | DenyReason::CredentialsReplaced
        | DenyReason::CredentialsExpired
        | DenyReason::LinkEnded
        | DenyReason::LinkPermission
        | DenyReason::StorageDetached => None,
    }
}

/// The least permission that allows what `held` does and this too. Administration is never given this way.
fn with(held: Permission, asked: Action) -> Option<Permission> {
    let wide_enough = |permission: &&Permission| held.is_within(**permission) && permission.permits(asked);
    [Permission::Read, Permission::Write, Permission::ReadWrite].iter().find(wide_enough).copied()
}

/// The longest folder that holds both of these: a prefix and a name, or the prefix of a list.
fn common_folder<'a>(prefix: &'a str, asked: &str) -> &'a str {
    let same = prefix.bytes().zip(asked.bytes()).take_while(|(a, b)| a == b).count();
    let folder = prefix.get(..same).unwrap_or_default();
    let end = folder.rfind('/').map_or(0, |at| at + 1);
    folder.get(..end).unwrap_or_default()
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds())
}

fn list_with(networks: &Networks, address: IpAddr, request: &str) -> Vec<NetworkDraft> {
    let known = networks
        .entries()
        .iter()
        .map(|entry| NetworkDraft { network: entry.network.to_string(), note: entry.note.clone() });
    let note = format!("added after refusal {request}");
    known.chain([NetworkDraft { network: address.to_string(), note }]).collect()
}

fn key_change(fix: &Fix, key: &Key, request: &str) -> KeyChange {
    let mut change = KeyChange::default();
    match fix {
        Fix::AllowAddress { address, .. } => {
            change.networks = Some(list_with(&key.networks, *address, request));
        }
        Fix::Extend { until, .. } => change.expires_at = Some(Some(until.to_string())),
        Fix::TurnOn { permission } | Fix::Permit { permission, .. } => {
            change.permission = Some(permission.to_string());
        }
        Fix::WidenPrefix { prefix } => change.prefix = Some(prefix.clone()),
        Fix::SwitchS3On | Fix::EndPause => {}
    }
    change
}

fn storage_change(fix: &Fix, storage: &Storage, request: &str) -> StorageChange {
    let mut change = StorageChange::default();
    match fix {
        Fix::AllowAddress { address, .. } => {
            change.networks = Some(list_with(&storage.networks, *address, request));
        }
        Fix::Permit { permission, .. } => change.permission = Some(permission.to_string()),
        Fix::SwitchS3On => change.s3_access = Some(true),
        Fix::Extend { .. } | Fix::TurnOn { .. } | Fix::WidenPrefix { .. } | Fix::EndPause => {}
    }
    change
}

fn link_change(fix: &Fix, link: &Link, request: &str) -> LinkChange {
    let mut change = LinkChange::default();
    match fix {
        Fix::AllowAddress { address, .. } => {
            change.networks = Some(list_with(&link.networks, *address, request));
        }
        Fix::Extend { until, .. } => change.expires_at = Some(Some(until.to_string())),
        Fix::TurnOn { .. }
        | Fix::Permit { .. }
        | Fix::WidenPrefix { .. }
        | Fix::SwitchS3On
        | Fix::EndPause => {}
    }
    change
}

impl Control {
    /// Makes the change, by the verb that anybody would use for it, if the record still is as in this scene.
    pub(super) async fn make_fix(
        &self,
        admin: &SiteAdmin,
        fix: &Fix,
        scene: &Scene,
        request: &str,
    ) -> Result<()> {
        let done = match fix.on() {
            FixOn::Key => {
                let key = scene.key.as_ref().ok_or(ControlError::Stale)?;
                let change = key_change(fix, key, request);
                self.update_key_if(admin, key.id, &change, |now| now == key).await?.is_some()
            }
            FixOn::Storage => {
                let storage = scene.storage.as_ref().ok_or(ControlError::Stale)?;
                if *fix == Fix::EndPause {
                    return self.resume_storage(admin, storage.id).await.map(drop);
                }
                let change = storage_change(fix, storage, request);
                self.update_storage_if(admin, storage.id, &change, |now| now == storage).await?.is_some()
            }
            FixOn::Link => {
                let link = scene.link.as_ref().ok_or(ControlError::Stale)?;
                let change = link_change(fix, link, request);
                let same = |now: &Link| (now.expires, &now.networks) == (link.expires, &link.networks);
                self.update_link_if(admin, link.id, &change, same).await?.is_some()
            }
        };
        if done { Ok(()) } else { Err(ControlError::Stale) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_is_enough() {
        use Permission as P;
        for (held, asked, given) in [
            (P::None, Action::Get, Some(P::Read)),
            (P::None, Action::Enter, Some(P::Read)),
            (P::None, Action::Put, Some(P::Write)),
            (P::Read, Action::Put, Some(P::ReadWrite)),
            (P::Write, Action::List, Some(P::ReadWrite)),
            (P::Write, Action::Delete, Some(P::ReadWrite)),
            (P::Read, Action::Administer, None),
        ] {
            assert_eq!(with(held, asked), given, "{held} {asked}");
        }
    }

    #[test]
    fn folders_that_hold_both() {
        for (prefix, asked, folder) in [
            ("a/b/", "a/c/d", "a/"),
            ("a/b/", "x", ""),
            ("a/b", "a/bc", "a/"),
            ("a/b/", "a/", "a/"),
            ("a/b/", "a", ""),
            ("büro/x/", "büro/y", "büro/"),
            ("bü/", "bö/", ""),
        ] {
            assert_eq!(common_folder(prefix, asked), folder, "{prefix} {asked}");
        }
    }

    #[test]
    fn what_is_not_offered_any_more_is_not_done() {
        let address = |text: &str| Fix::AllowAddress { on: FixOn::Key, address: text.parse().unwrap() };
        let draft = |fix: &str, value: Option<&str>| FixDraft {
            fix: fix.to_owned(),
            value: value.map(str::to_owned),
        };
        let offered = address("203.0.113.7");
        assert_eq!(draft("allow_address", None).of(offered.clone()).unwrap(), offered);
        assert_eq!(draft("allow_address", Some("203.0.113.7")).of(offered.clone()).unwrap(), offered);
        assert!(matches!(
            draft("allow_address", Some("0.0.0.0/0")).of(offered.clone()),
            Err(ControlError::Stale)
        ));
        assert!(matches!(draft("turn_on", None).of(offered), Err(ControlError::Stale)));
        let on = Fix::TurnOn { permission: Permission::Read };
        let wider = draft("turn_on", Some("read_write")).of(on.clone()).unwrap();
        assert_eq!(wider, Fix::TurnOn { permission: Permission::ReadWrite });
        for wrong in ["none", "everything", ""] {
            assert!(matches!(draft("turn_on", Some(wrong)).of(on.clone()), Err(ControlError::Invalid(_))));
        }
    }
}
