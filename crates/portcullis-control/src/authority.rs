//! Authority never grows: what a key makes or changes is never wider than the key.

use portcullis_access::{AuditEntry, Proof};
use portcullis_domain::{Key, Networks, Scope};

use crate::{Control, ControlError, FieldProblem, Result};

impl Control {
    /// Refuses, as `action`, a key that allows more than the key that asks for it, unless `before`, the same key as it was, did already:
    /// what is narrowed may stay wider than the one who narrows it.
    pub(crate) async fn check_authority(
        &self,
        proof: &impl Proof,
        action: &'static str,
        new: &Key,
        before: Option<&Key>,
    ) -> Result<()> {
        let Some(own) = proof.principal().key_id() else { return Ok(()) };
        let own = self.metadata.key(own).await?.ok_or(ControlError::NotFound)?;
        let problems = excess(new, &own);
        if problems.is_empty() || before.is_some_and(|before| !widens(new, before)) {
            return Ok(());
        }
        self.access.audit(
            proof,
            AuditEntry {
                action,
                key: Some(new.id),
                storage: storage_of(new),
                object: None,
                allowed: false,
                reason: "wider_than_own",
            },
        );
        Err(ControlError::Invalid(problems))
    }
}

/// The storage a key is for, for the audit trail.
pub(crate) const fn storage_of(key: &Key) -> Option<portcullis_domain::StorageId> {
    match key.scope {
        Scope::Storage(id) => Some(id),
        Scope::User(_) | Scope::Site => None,
    }
}

/// Whether `new` allows anything that `before`, the same key as it was, did not.
pub(crate) fn widens(new: &Key, before: &Key) -> bool {
    !excess(new, before).is_empty()
}

/// In what `new` is wider than `own`.
fn excess(new: &Key, own: &Key) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, field: &str, limit: String| {
        if !holds {
            problems.push(FieldProblem::new(field, format!("a key cannot give more than it has: {limit}")));
        }
    };
    require(new.permission.is_within(own.permission), "permission", format!("at most {}", own.permission));
    require(scope_within(new.scope, own.scope), "scope", "not beyond its own scope".to_owned());
    require(
        networks_within(&new.networks, &own.networks),
        "networks",
        "only networks of its own list".to_owned(),
    );
    let prefix_within = new.scope != own.scope || own.prefix.holds_all_of(&new.prefix);
    require(prefix_within, "prefix", format!("only below {}", own.prefix));
    let ends_in_time = own.expires.is_none_or(|end| new.expires.is_some_and(|new| new <= end));
    let end = own.expires.map_or_else(String::new, |end| format!("it must end by {end}"));
    require(ends_in_time, "expires_at", end);
    problems
}

/// A site's key covers everything in the site. An admin's own key covers its user and the storages that its user reaches,
/// not what outlives the user. A storage's key covers that storage.
fn scope_within(new: Scope, own: Scope) -> bool {
    match (new, own) {
        (_, Scope::Site) | (Scope::Storage(_), Scope::User(_)) => true,
        (new, own) => new == own,
    }
}

/// Whether every network of `new` lies in one of `own`.
pub(crate) fn networks_within(new: &Networks, own: &Networks) -> bool {
    let held = |network| own.entries().iter().any(|entry| entry.network.holds_all_of(network));
    own.is_anywhere() || (!new.is_anywhere() && new.entries().iter().all(|entry| held(&entry.network)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{
        Channel, CredentialId, DisplayName, KeyId, KeyPrefix, KeyState, NetworkEntry, Overwrite, Permission,
        SiteId, StorageId, Timestamp, UserId,
    };

    fn key(scope: Scope) -> Key {
        Key {
            id: KeyId::from_u128(1),
            site: SiteId::from_u128(1),
            credential: CredentialId::from_entropy([1; 16]),
            name: DisplayName::parse("key").unwrap(),
            channel: Channel::Rest,
            scope,
            permission: Permission::Full,
            overwrite: Overwrite::Replace,
            networks: Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: Timestamp::default(),
            generation: 0,
            on_leak: portcullis_domain::OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: portcullis_domain::MailRules::default(),
        }
    }

    fn networks(list: &[&str]) -> Networks {
        Networks::new(list.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
    }

    fn fields(new: &Key, own: &Key) -> Vec<String> {
        excess(new, own).into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn each_setting_is_compared() {
        let own = Key {
            networks: networks(&["10.0.0.0/8", "2001:db8::/32"]),
            expires: Some(Timestamp::from_seconds(100)),
            permission: Permission::ReadWrite,
            ..key(Scope::Site)
        };
        assert_eq!(fields(&own, &own), [""; 0]);
        assert_eq!(fields(&key(Scope::Site), &own), ["permission", "networks", "expires_at"]);
        let narrow = Key {
            networks: networks(&["10.1.0.0/16"]),
            expires: Some(Timestamp::from_seconds(99)),
            permission: Permission::Read,
            ..key(Scope::Storage(StorageId::from_u128(1)))
        };
        assert_eq!(fields(&narrow, &own), [""; 0]);
        assert_eq!(
            fields(&Key { networks: networks(&["10.1.0.0/16", "11.0.0.1"]), ..narrow.clone() }, &own),
            ["networks"]
        );
        assert_eq!(
            fields(&Key { expires: Some(Timestamp::from_seconds(101)), ..narrow }, &own),
            ["expires_at"]
        );
    }

    #[test]
    fn scopes() {
        let (storage, user) = (Scope::Storage(StorageId::from_u128(1)), Scope::User(UserId::from_u128(1)));
        let table = [
            (Scope::Site, Scope::Site, true),
            (storage, Scope::Site, true),
            (user, Scope::Site, true),
            (Scope::Site, user, false),
            (Scope::User(UserId::from_u128(2)), user, false),
            (user, user, true),
            (storage, user, true),
            (Scope::Site, storage, false),
            (user, storage, false),
            (Scope::Storage(StorageId::from_u128(2)), storage, false),
        ];
        for (new, own, within) in table {
            assert_eq!(scope_within(new, own), within, "{new:?} by {own:?}");
        }
    }

    #[test]
    fn a_prefix_binds_within_the_same_storage() {
        let storage = Scope::Storage(StorageId::from_u128(1));
        let below = |prefix: &str| Key { prefix: KeyPrefix::parse(prefix).unwrap(), ..key(storage) };
        assert_eq!(fields(&below("a/b/"), &below("a/")), [""; 0]);
        assert_eq!(fields(&below(""), &below("a/")), ["prefix"]);
    }
}
