//! What somebody filled in for a key, and what it becomes.

use std::fmt;

use portcullis_domain::{
    Channel, CredentialId, DisplayName, Key, KeyId, KeyPrefix, KeyState, LoginName, MailRules, OnLeak,
    Overwrite, Permission, Scope, Secret, SiteId, Timestamp,
};

use super::MailDraft;
use super::chosen::{self, hidden};
use crate::check::{Check, set};
use crate::networks::TrialChange;
use crate::{ControlError, NetworkDraft, Result};

/// What a key is for, as somebody filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeDraft {
    /// The id of a storage.
    Storage(String),
    /// The id of a user.
    User(String),
    /// The whole site.
    Site,
}

/// A key to be made, as somebody filled it in.
#[derive(Clone)]
pub struct KeyDraft {
    /// What to call it; several may have the same name.
    pub name: String,
    /// `s3`, `rest`, `http` (plain HTTP and WebDAV), `ftp` (FTP, FTPS and SFTP), `web-service` (SOAP) or `email`.
    pub channel: String,
    /// What it is for.
    pub scope: ScopeDraft,
    /// `none`, `read`, `write`, `read_write`, or `full` for administration.
    pub permission: String,
    /// For keys that may not delete: `keep_previous` (the rule if left out) or `create_only`.
    pub overwrite: Option<String>,
    /// From where it may be used; anywhere if empty.
    pub networks: Vec<NetworkDraft>,
    /// The only part of the storage that it reaches; all of it if left out.
    pub prefix: Option<String>,
    /// The first moment at which it no longer works, in RFC 3339; never if left out.
    pub expires_at: Option<String>,
    /// What a report that its secret was found does to it: `disable` (the rule if left out) or `alarm`.
    pub on_leak: Option<String>,
    /// A user name besides the generated one, not for `s3` and `rest`; there is one key of a name on a channel.
    pub login: Option<String>,
    /// A secret that somebody chose, not for `s3` and `rest`; generated if left out.
    pub secret: Option<Secret>,
    /// Public keys of SSH, one line each as in a file that ends with `.pub`, for `ftp`.
    pub public_keys: Vec<String>,
    /// What it makes of messages, for `email`.
    pub mail: MailDraft,
}

impl fmt::Debug for KeyDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, channel, scope, permission, secret, .. } = self;
        let mut shown = f.debug_struct("KeyDraft");
        shown.field("name", name).field("channel", channel).field("scope", scope);
        shown.field("permission", permission).field("secret", &hidden(secret.as_ref()));
        shown.finish_non_exhaustive()
    }
}

/// What to change of a key; what is left out stays. Channel, scope and access key never change.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// What to call it.
    pub name: Option<String>,
    /// What it allows; `none` switches it off, any other on again.
    pub permission: Option<String>,
    /// What its uploads do to objects that exist.
    pub overwrite: Option<String>,
    /// From where it may be used.
    pub networks: Option<Vec<NetworkDraft>>,
    /// The only part of the storage that it reaches; the empty text is all of it.
    pub prefix: Option<String>,
    /// The first moment at which it no longer works; `Some(None)` is never.
    pub expires_at: Option<Option<String>>,
    /// What a report that its secret was found does to it.
    pub on_leak: Option<String>,
    /// Public keys of SSH, all of them; who came with one that is no longer there is cut off.
    pub public_keys: Option<Vec<String>>,
    /// What it makes of messages.
    pub mail: Option<MailDraft>,
    /// What to do about networks that are tried out on it.
    pub trial: Option<TrialChange>,
    /// Whether a key may take from itself the address from which it asks for this.
    pub confirm_lockout: bool,
}

impl KeyDraft {
    /// The record, without its final credential. What the database knows of the scope is checked later.
    pub(super) fn check(&self, site: SiteId, id: KeyId, now: Timestamp) -> Result<Key> {
        let mut check = Check::default();
        let name: Option<DisplayName> = check.parse("name", &self.name);
        let channel = check.parse::<Channel>("channel", &self.channel);
        let scope = match &self.scope {
            ScopeDraft::Storage(id) => id.parse().map(Scope::Storage).map_err(|_| no_storage()),
            ScopeDraft::User(id) => id.parse().map(Scope::User).map_err(|_| no_user()),
            ScopeDraft::Site => Ok(Scope::Site),
        };
        let scope = scope.map_err(|(field, message)| check.problem(field, message)).ok();
        let permission = check.parse::<Permission>("permission", &self.permission);
        let overwrite = check.parse_or("overwrite", self.overwrite.as_deref(), Overwrite::Replace);
        let networks = check.networks(&self.networks);
        let prefix = check.parse_or("prefix", self.prefix.as_deref(), KeyPrefix::default());
        let on_leak = check.parse_or("on_leak", self.on_leak.as_deref(), OnLeak::Disable);
        let expires = self.expires_at.as_deref().map(|text| future(&mut check, text, now));
        let login = self.login.as_deref().map(|text| check.parse::<LoginName>("login", text));
        let public_keys = chosen::public_keys(&mut check, &self.public_keys);
        if let (Some(channel), Some(name), Some(secret)) = (channel, &name, &self.secret) {
            chosen::secret(&mut check, channel, (name, login.as_ref().and_then(Option::as_ref)), secret);
        }
        let mut mail = MailRules::default();
        self.mail.apply(&mut check, &mut mail);
        let read = (|| {
            Some(Key {
                id,
                site,
                credential: CredentialId::from_entropy([0; 16]),
                name: name?,
                channel: channel?,
                scope: scope?,
                permission: permission?,
                overwrite: overwrite?,
                networks: networks?,
                prefix: prefix?,
                expires: match expires {
                    None => None,
                    Some(read) => Some(read?),
                },
                state: KeyState::Active,
                created: now,
                generation: 0,
                on_leak: on_leak?,
                leaked: None,
                trial: None,
                login: match login {
                    None => None,
                    Some(read) => Some(read?),
                },
                public_keys: public_keys?,
                mail,
            })
        })();
        let key = check.finish(read)?;
        check_shape(&key)?;
        Ok(key)
    }
}

pub(super) fn no_storage() -> (&'static str, &'static str) {
    ("scope.storage", "there is no such storage in this site")
}

pub(super) fn no_user() -> (&'static str, &'static str) {
    ("scope.user", "there is no such user in this site")
}

fn future(check: &mut Check, text: &str, now: Timestamp) -> Option<Timestamp> {
    let end: Timestamp = check.parse("expires_at", text)?;
    check.require(
        end > now,
        "expires_at",
        "has to be in the future; to switch a key off, set its permission to none",
    );
    Some(end)
}

pub(super) fn check_shape(key: &Key) -> Result<()> {
    use portcullis_domain::InvalidKeyShape as Wrong;
    key.check_shape().map_err(|wrong| {
        let field = match wrong {
            Wrong::SiteWideS3 | Wrong::SiteWideFiles => "scope",
            Wrong::LoginOnChannel => "login",
            Wrong::PublicKeysOnChannel | Wrong::TooManyPublicKeys => "public_keys",
            Wrong::MailOnChannel | Wrong::MailBounds => "mail",
            Wrong::FullOnStorage => "permission",
            Wrong::PrefixWithoutStorage => "prefix",
            Wrong::OverwriteRule => "overwrite",
        };
        ControlError::invalid(field, wrong.to_string())
    })
}

impl KeyChange {
    /// The word for it in the audit trail.
    pub(super) fn action(&self) -> &'static str {
        self.trial.as_ref().map_or("update_key", TrialChange::action)
    }

    pub(super) fn apply(&self, mut key: Key, now: Timestamp) -> Result<Key> {
        let mut check = Check::default();
        if let Some(name) = &self.name {
            set(&mut key.name, check.parse("name", name));
        }
        if let Some(permission) = &self.permission {
            set(&mut key.permission, check.parse("permission", permission));
            // A rule for keys that may not delete ends with that; it is an error only if it was asked for.
            if matches!(key.permission, Permission::ReadWrite | Permission::Full) {
                key.overwrite = Overwrite::Replace;
            }
        }
        if let Some(overwrite) = &self.overwrite {
            set(&mut key.overwrite, check.parse("overwrite", overwrite));
        }
        if let Some(networks) = &self.networks {
            set(&mut key.networks, check.networks(networks));
        }
        if let Some(prefix) = &self.prefix {
            set(&mut key.prefix, check.parse("prefix", prefix));
        }
        if let Some(on_leak) = &self.on_leak {
            set(&mut key.on_leak, check.parse("on_leak", on_leak));
        }
        if let Some(expires) = &self.expires_at {
            key.expires = expires.as_deref().and_then(|text| future(&mut check, text, now));
        }
        if let Some(lines) = &self.public_keys {
            set(&mut key.public_keys, chosen::public_keys(&mut check, lines));
        }
        if let Some(mail) = &self.mail {
            mail.apply(&mut check, &mut key.mail);
        }
        if let Some(trial) = &self.trial {
            trial.apply(&mut key.networks, &mut key.trial, now)?;
        }
        let key = check.finish(Some(key))?;
        check_shape(&key)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::StorageId;

    fn key() -> Key {
        Key {
            id: KeyId::from_u128(1),
            site: SiteId::from_u128(1),
            credential: CredentialId::from_entropy([1; 16]),
            name: DisplayName::parse("key").unwrap(),
            channel: Channel::S3,
            scope: Scope::Storage(StorageId::from_u128(1)),
            permission: Permission::Write,
            overwrite: Overwrite::CreateOnly,
            networks: portcullis_domain::Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: Some(Timestamp::from_seconds(100)),
            state: KeyState::Active,
            created: Timestamp::default(),
            generation: 0,
            on_leak: OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: MailRules::default(),
        }
    }

    #[test]
    fn a_drop_box_survives_being_switched_off_and_ends_with_full_rights() {
        let now = Timestamp::from_seconds(1);
        let set =
            |permission: &str| KeyChange { permission: Some(permission.to_owned()), ..KeyChange::default() };
        let off = set("none").apply(key(), now).unwrap();
        assert_eq!(set("write").apply(off, now).unwrap(), key());
        assert_eq!(set("read_write").apply(key(), now).unwrap().overwrite, Overwrite::Replace);
        let both = KeyChange { overwrite: Some("create_only".to_owned()), ..set("read_write") };
        assert!(matches!(both.apply(key(), now), Err(ControlError::Invalid(_))));
    }

    #[test]
    fn an_end_in_the_past_is_refused_and_null_takes_it_away() {
        let now = Timestamp::from_seconds(50);
        let end = |text: Option<&str>| KeyChange {
            expires_at: Some(text.map(str::to_owned)),
            ..KeyChange::default()
        };
        assert_eq!(end(None).apply(key(), now).unwrap().expires, None);
        for wrong in ["1970-01-01T00:00:50Z", "yesterday", ""] {
            assert!(matches!(end(Some(wrong)).apply(key(), now), Err(ControlError::Invalid(_))), "{wrong}");
        }
    }
}
