//! Credentials for a while: a part of what a key may do, for somebody who should not have the key.

use std::time::Duration;

use portcullis_access::{Oneself, Proof, SiteAdmin};
use portcullis_domain::{
    Channel, CredentialId, Key, KeyId, KeyPrefix, Narrowing, Networks, Permission, Role, Scope, Secret,
    Storage, StorageId, StorageState, Timestamp, UserId,
};

use super::{KeyStatus, deed_of};
use crate::audit::Deed;
use crate::authority::networks_within;
use crate::check::Check;
use crate::{Control, ControlError, NetworkDraft, Result};

/// The shortest that temporary credentials last.
pub const SHORTEST_TEMPORARY: Duration = Duration::from_secs(60);
/// The longest that temporary credentials last.
pub const LONGEST_TEMPORARY: Duration = Duration::from_secs(12 * 60 * 60);
/// How long they last if nothing is said.
const USUAL: Duration = Duration::from_secs(60 * 60);

/// Temporary credentials to be made, as somebody filled it in. What is left out is as it is with the key.
#[derive(Clone, Debug, Default)]
pub struct TemporaryDraft {
    /// The only storage, by its id.
    pub storage: Option<String>,
    /// The most that may be done: `read`, `write` or `read_write`.
    pub permission: Option<String>,
    /// The only part of the storage.
    pub prefix: Option<String>,
    /// From where.
    pub networks: Vec<NetworkDraft>,
    /// For how many seconds, from 60 to 43,200; an hour if left out. They never outlast the key.
    pub duration_seconds: Option<u64>,
}

/// Temporary credentials that were just made, with what is told this once. Nothing of them is stored.
pub struct TemporaryCredentials {
    /// Identifies them to tools.
    pub access_key: CredentialId,
    /// What signs.
    pub secret: Secret,
    /// What has to come along with every request.
    pub session_token: Secret,
    /// The first moment at which they no longer work.
    pub expires: Timestamp,
    /// What they allow, within what the key allows at that moment.
    pub permission: Permission,
    /// The only part of the storage that they reach.
    pub prefix: KeyPrefix,
    /// The only storage that they reach, if it is only one.
    pub storage: Option<Storage>,
}

impl std::fmt::Debug for TemporaryCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TemporaryCredentials")
            .field("access_key", &self.access_key)
            .field("expires", &self.expires)
            .field("permission", &self.permission)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// A draft that was read, not yet compared with the key.
struct Wanted {
    storage: Option<StorageId>,
    permission: Option<Permission>,
    prefix: Option<KeyPrefix>,
    networks: Networks,
    duration: Duration,
}

impl TemporaryDraft {
    fn check(&self) -> Result<Wanted> {
        let mut check = Check::default();
        let storage = self.storage.as_deref().map(|id| {
            let read: Option<StorageId> = id.parse().ok();
            check.require(read.is_some(), "storage", NO_STORAGE);
            read
        });
        let permission = self.permission.as_deref().map(|text| {
            let read: Option<Permission> = check.parse("permission", text);
            let useful = !matches!(read, Some(Permission::None | Permission::Full));
            check.require(useful, "permission", "has to be read, write or read_write");
            read
        });
        let prefix = self.prefix.as_deref().map(|text| check.parse("prefix", text));
        let networks = check.networks(&self.networks);
        let (shortest, longest) = (SHORTEST_TEMPORARY.as_secs(), LONGEST_TEMPORARY.as_secs());
        let seconds = self.duration_seconds.unwrap_or(USUAL.as_secs());
        check.require(
            (shortest..=longest).contains(&seconds),
            "duration_seconds",
            format!("has to be from {shortest} to {longest}"),
        );
        let read = networks.map(|networks| Wanted {
            storage: storage.flatten(),
            permission: permission.flatten(),
            prefix: prefix.flatten(),
            networks,
            duration: Duration::from_secs(seconds),
        });
        check.finish(read)
    }
}

const NO_STORAGE: &str = "the key reaches no such storage";

impl Control {
    /// Makes temporary credentials of an S3 key of the site: narrower and shorter-lived than the key, and bound by it as it is at
    /// every moment. They end when it ends, is switched off, or gets other credentials.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for what would be wider than the key, or than the key that asks, and for a key that is none for
    /// S3 or does not work; [`ControlError::NotFound`]; [`ControlError::Access`], [`ControlError::Metadata`].
    pub async fn temporary_credentials(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        draft: &TemporaryDraft,
    ) -> Result<TemporaryCredentials> {
        self.make_temporary(admin, None, id, draft).await
    }

    /// The same of a key of the person who asks.
    ///
    /// # Errors
    /// As [`Control::temporary_credentials`]; [`ControlError::NotFound`] for the key of somebody else, too;
    /// [`ControlError::Access`] for a sign-in without the second factor that the site asks for.
    pub async fn own_temporary_credentials(
        &self,
        me: &Oneself,
        id: KeyId,
        draft: &TemporaryDraft,
    ) -> Result<TemporaryCredentials> {
        self.access.require_second_factor(me.principal())?;
        self.make_temporary(me, Some(me.user()), id, draft).await
    }

    async fn make_temporary(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        draft: &TemporaryDraft,
    ) -> Result<TemporaryCredentials> {
        let key = self.find_key(proof, only, id).await?;
        let now = self.access.now();
        if key.channel != Channel::S3 {
            return Err(ControlError::invalid("id", "temporary credentials come from S3 keys; this is none"));
        }
        if KeyStatus::of(&key, now) != KeyStatus::Active {
            return Err(ControlError::invalid(
                "id",
                "this key does not work: it has expired or is switched off",
            ));
        }
        let wanted = draft.check()?;
        let storage = self.reached(&key, wanted.storage).await?;
        let narrowing = narrow(&key, wanted, storage.as_ref(), now)?;
        self.check_authority(proof, "temporary_credentials", &as_key(&key, &narrowing), None).await?;
        let made = self.access.mint_temporary(proof.principal(), key.id, &narrowing).await?;
        let prefix = if narrowing.prefix.is_empty() { key.prefix.clone() } else { narrowing.prefix };
        let permission = key.permission.common(narrowing.permission);
        let what = format!("{} ({} until {}: {permission})", key.name, made.access_key, made.expires);
        let storage_id = storage.as_ref().map(|storage| storage.id);
        let deed = deed_of("temporary_credentials", &key);
        self.record(proof, Deed { storage: storage_id, object: Some(&what), ..deed }).await?;
        Ok(TemporaryCredentials {
            access_key: made.access_key,
            secret: made.secret,
            session_token: made.session_token,
            expires: made.expires,
            permission,
            prefix,
            storage,
        })
    }

    /// The one storage that the credentials are for: the key's, or the one that is asked for, if the key reaches it now.
    async fn reached(&self, key: &Key, asked: Option<StorageId>) -> Result<Option<Storage>> {
        let id = match (key.scope, asked) {
            (Scope::Storage(own), Some(asked)) if own != asked => return Err(no_storage()),
            (Scope::Storage(id), _) | (Scope::User(_) | Scope::Site, Some(id)) => id,
            (Scope::User(_) | Scope::Site, None) => return Ok(None),
        };
        let found = self.metadata.storage(id).await?;
        let found = found.filter(|storage| storage.site == key.site && storage.state == StorageState::Active);
        let reaches = match key.scope {
            Scope::Storage(_) | Scope::Site => true,
            Scope::User(user) => self.user_reaches(user, id).await?,
        };
        found.filter(|_| reaches).map(Some).ok_or_else(no_storage)
    }

    async fn user_reaches(&self, user: UserId, storage: StorageId) -> Result<bool> {
        let role = self.metadata.user(user).await?.map(|user| user.role);
        if role == Some(Role::Admin) {
            return Ok(true);
        }
        Ok(self.metadata.reach_of(user).await?.iter().any(|reach| reach.storage == storage))
    }
}

fn no_storage() -> ControlError {
    ControlError::invalid("storage", NO_STORAGE)
}

/// What is left of the key, or in what more was asked for than it has.
fn narrow(key: &Key, wanted: Wanted, storage: Option<&Storage>, now: Timestamp) -> Result<Narrowing> {
    let mut check = Check::default();
    let permission = wanted.permission.unwrap_or(key.permission);
    check.require(
        permission.is_within(key.permission),
        "permission",
        format!("at most what the key has: {}", key.permission),
    );
    let prefix = wanted.prefix.unwrap_or_default();
    check.require(
        prefix.is_empty() || storage.is_some(),
        "prefix",
        "a prefix needs one storage: name it in the field storage",
    );
    check.require(
        prefix.is_empty() || key.prefix.holds_all_of(&prefix),
        "prefix",
        format!("has to lie below the key's own: {}", key.prefix),
    );
    check.require(
        wanted.networks.is_anywhere() || networks_within(&wanted.networks, &key.networks),
        "networks",
        "only networks of the key's own list",
    );
    let end = now.after(wanted.duration);
    check.finish(Some(Narrowing {
        storage: wanted.storage,
        permission,
        prefix,
        networks: wanted.networks,
        expires: key.expires.map_or(end, |last| last.min(end)),
    }))
}

/// The key that would do what these credentials do, to compare with the key that asks for them.
fn as_key(key: &Key, narrowing: &Narrowing) -> Key {
    let networks = if narrowing.networks.is_anywhere() { &key.networks } else { &narrowing.networks };
    Key {
        permission: key.permission.common(narrowing.permission),
        scope: narrowing.storage.map_or(key.scope, Scope::Storage),
        prefix: if narrowing.prefix.is_empty() { key.prefix.clone() } else { narrowing.prefix.clone() },
        networks: networks.clone(),
        expires: Some(narrowing.expires),
        ..key.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{DisplayName, KeyState, NetworkEntry, Overwrite, SiteId};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn networks(list: &[&str]) -> Networks {
        Networks::new(list.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
    }

    fn key() -> Key {
        Key {
            id: KeyId::from_u128(1),
            site: SiteId::from_u128(1),
            credential: CredentialId::from_entropy([1; 16]),
            name: DisplayName::parse("key").unwrap(),
            channel: Channel::S3,
            scope: Scope::User(UserId::from_u128(1)),
            permission: Permission::Read,
            overwrite: Overwrite::Replace,
            networks: networks(&["10.0.0.0/8"]),
            prefix: KeyPrefix::default(),
            expires: Some(NOW.after(Duration::from_secs(7_200))),
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

    fn fields<T: std::fmt::Debug>(outcome: Result<T>) -> Vec<String> {
        let ControlError::Invalid(problems) = outcome.unwrap_err() else { panic!("refused otherwise") };
        problems.into_iter().map(|problem| problem.field).collect()
    }

    fn narrowed(draft: &TemporaryDraft) -> Result<Narrowing> {
        narrow(&key(), draft.check().unwrap_or_else(|error| panic!("{error:?}")), None, NOW)
    }

    #[test]
    fn a_draft_is_read_as_a_whole() {
        let draft = TemporaryDraft {
            storage: Some("x".to_owned()),
            permission: Some("full".to_owned()),
            prefix: Some("\0".to_owned()),
            networks: vec![NetworkDraft { network: "10.0.0.0/99".to_owned(), note: String::new() }],
            duration_seconds: Some(59),
        };
        let told: Vec<_> = fields(draft.check().map(drop));
        assert_eq!(told, ["storage", "permission", "prefix", "networks[0]", "duration_seconds"]);
        for seconds in [60, 43_200] {
            let draft = TemporaryDraft { duration_seconds: Some(seconds), ..TemporaryDraft::default() };
            assert!(draft.check().is_ok());
        }
        let long = TemporaryDraft { duration_seconds: Some(43_201), ..TemporaryDraft::default() };
        assert_eq!(fields(long.check().map(drop)), ["duration_seconds"]);
    }

    #[test]
    fn nothing_is_wider_than_the_key_nor_outlasts_it() {
        let usual = narrowed(&TemporaryDraft::default()).unwrap();
        assert_eq!(usual.expires, NOW.after(USUAL));
        assert_eq!(usual.permission, Permission::Read);
        let long = TemporaryDraft { duration_seconds: Some(43_200), ..TemporaryDraft::default() };
        assert_eq!(Some(narrowed(&long).unwrap().expires), key().expires);
        let wide = TemporaryDraft {
            permission: Some("read_write".to_owned()),
            prefix: Some("a/".to_owned()),
            networks: vec![NetworkDraft { network: "11.0.0.1".to_owned(), note: String::new() }],
            ..TemporaryDraft::default()
        };
        assert_eq!(fields(narrowed(&wide)), ["permission", "prefix", "networks"]);
    }
}
