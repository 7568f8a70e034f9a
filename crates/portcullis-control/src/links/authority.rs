//! A key makes no link that reaches further than itself.

use portcullis_access::{AuditEntry, SiteAdmin};
use portcullis_domain::{Key, Link, Networks, Permission, Timestamp};

use crate::authority::networks_within;
use crate::{Control, ControlError, FieldProblem, Result};

/// What a link must not go beyond.
struct Bound<'a> {
    permission: Permission,
    networks: &'a Networks,
    expires: Option<Timestamp>,
}

impl<'a> From<&'a Key> for Bound<'a> {
    fn from(key: &'a Key) -> Self {
        Self { permission: key.permission, networks: &key.networks, expires: key.expires }
    }
}

impl<'a> From<&'a Link> for Bound<'a> {
    fn from(link: &'a Link) -> Self {
        Self { permission: link.permission, networks: &link.networks, expires: link.expires }
    }
}

impl Control {
    /// Refuses, as `action`, a link that allows more than the key that asks for it, unless `before`, the same link as it was, did
    /// already: what is narrowed may stay wider than the one who narrows it.
    pub(super) async fn check_link_authority(
        &self,
        admin: &SiteAdmin,
        action: &'static str,
        new: &Link,
        before: Option<&Link>,
    ) -> Result<()> {
        let Some(own) = admin.key() else { return Ok(()) };
        let own = self.metadata.key(own).await?.ok_or(ControlError::NotFound)?;
        let problems = excess(new, &Bound::from(&own));
        if problems.is_empty() || before.is_some_and(|before| is_narrowed(new, before)) {
            return Ok(());
        }
        let (storage, object, reason) = (Some(new.storage), Some(new.name.as_str()), "wider_than_own");
        self.access.audit(admin, AuditEntry { action, key: None, storage, object, allowed: false, reason });
        Err(ControlError::Invalid(problems))
    }
}

/// Whether a link allows nothing more than it did.
fn is_narrowed(new: &Link, before: &Link) -> bool {
    let fewer = before.max_downloads.is_none_or(|most| new.max_downloads.is_some_and(|new| new <= most));
    let locked = new.has_password || !before.has_password;
    fewer && locked && excess(new, &Bound::from(before)).is_empty()
}

/// In what `new` goes beyond the bound.
fn excess(new: &Link, own: &Bound<'_>) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, field: &str, limit: String| {
        if !holds {
            problems.push(FieldProblem::new(field, format!("a key cannot give more than it has: {limit}")));
        }
    };
    require(new.permission.is_within(own.permission), "permission", format!("at most {}", own.permission));
    require(
        networks_within(&new.networks, own.networks),
        "networks",
        "only networks of its own list".to_owned(),
    );
    let ends_in_time = own.expires.is_none_or(|end| new.expires.is_some_and(|new| new <= end));
    let end = own.expires.map_or_else(String::new, |end| format!("it must end by {end}"));
    require(ends_in_time, "expires_at", end);
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{
        DisplayName, KeyPrefix, LinkId, LinkState, LinkTarget, NetworkEntry, SiteId, StorageId,
    };

    fn networks(list: &[&str]) -> Networks {
        Networks::new(list.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
    }

    fn link() -> Link {
        Link {
            id: LinkId::from_u128(1),
            site: SiteId::from_u128(1),
            storage: StorageId::from_u128(1),
            name: DisplayName::parse("link").unwrap(),
            target: LinkTarget::Folder(KeyPrefix::default()),
            permission: Permission::Read,
            networks: Networks::anywhere(),
            expires: None,
            has_password: false,
            max_downloads: None,
            downloads: 0,
            state: LinkState::Active,
            created: Timestamp::default(),
        }
    }

    #[test]
    fn permission_networks_and_end_are_compared() {
        let list = networks(&["10.0.0.0/8"]);
        let own = Bound {
            permission: Permission::Write,
            networks: &list,
            expires: Some(Timestamp::from_seconds(100)),
        };
        let fields =
            |link: &Link| excess(link, &own).into_iter().map(|problem| problem.field).collect::<Vec<_>>();
        assert_eq!(fields(&link()), ["permission", "networks", "expires_at"]);
        let within = Link {
            permission: Permission::Write,
            networks: networks(&["10.1.0.0/16"]),
            expires: Some(Timestamp::from_seconds(100)),
            ..link()
        };
        assert_eq!(fields(&within), [""; 0]);
        assert_eq!(fields(&Link { expires: Some(Timestamp::from_seconds(101)), ..within }), ["expires_at"]);
    }

    #[test]
    fn what_is_narrowed() {
        let before = Link { max_downloads: Some(5), has_password: true, ..link() };
        assert!(is_narrowed(&before, &before));
        assert!(is_narrowed(&Link { max_downloads: Some(4), ..before.clone() }, &before));
        assert!(is_narrowed(&Link { networks: networks(&["10.0.0.1"]), ..before.clone() }, &before));
        assert!(!is_narrowed(&Link { max_downloads: Some(6), ..before.clone() }, &before));
        assert!(!is_narrowed(&Link { max_downloads: None, ..before.clone() }, &before));
        assert!(!is_narrowed(&Link { has_password: false, ..before.clone() }, &before));
        assert!(is_narrowed(&Link { has_password: true, max_downloads: Some(1), ..link() }, &link()));
    }
}
