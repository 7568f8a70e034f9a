//! Role and groups of somebody who comes from the provider, as the provider names them.

use std::collections::BTreeMap;

use portcullis_access::{Origin, VerifiedIdentity};
use portcullis_domain::{DisplayName, Group, GroupId, SiteId, User};
use portcullis_metadata::MetadataErrorKind;

use super::IdentityError;
use crate::{ATTEMPTS, Control, ControlError};

/// The most groups of one person that are followed, first in the alphabet.
const MOST_GROUPS: usize = 200;

impl Control {
    /// Gives the user the role that the provider says, if that is its business. The last admin of the topmost site stays one.
    pub(super) async fn follow_role(
        &self,
        origin: &Origin<'_>,
        user: &User,
        verified: &VerifiedIdentity,
    ) -> Result<(), IdentityError> {
        let Some(role) = self.identities()?.rules.role(verified) else { return Ok(()) };
        for _ in 0..ATTEMPTS {
            let alone = self.changing.lock().await;
            let before = self.metadata.user(user.id).await?.ok_or(ControlError::NotFound)?;
            if before.role == role {
                return Ok(());
            }
            let what = format!("{}; role: {} → {role}", before.username, before.role);
            let after = User { role, ..before.clone() };
            let updated = self.metadata.update_user(&before, &after);
            match self.as_provider(origin, (before.site, "update_user", &what), updated).await {
                Ok(()) => {
                    self.apply_users(&[user.id]).await?;
                    return Ok(());
                }
                Err(error) if error.kind == MetadataErrorKind::Stale => drop(alone),
                Err(error) if error.kind == MetadataErrorKind::Conflict("last_admin") => {
                    self.note_kept_admin(origin, &before, &what).await?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ControlError::Stale.into())
    }

    /// Puts the user into the groups that the provider names, made if they are missing, and takes them out of all others, if that is
    /// the provider's business.
    pub(super) async fn follow_groups(
        &self,
        origin: &Origin<'_>,
        user: &User,
        verified: &VerifiedIdentity,
    ) -> Result<(), IdentityError> {
        if !self.identities()?.rules.follow_groups {
            return Ok(());
        }
        let wanted = wanted_groups(verified);
        let row = self.metadata.user_row(user.id).await?.ok_or(ControlError::NotFound)?;
        let present: BTreeMap<String, (GroupId, DisplayName)> =
            row.groups.into_iter().map(|(id, name)| (name.as_str().to_lowercase(), (id, name))).collect();
        let mut changed = false;
        for (folded, name) in &wanted {
            if !present.contains_key(folded) {
                let group = self.group_called(origin, user.site, name).await?;
                let what = format!("{}: {}", group.name, user.username);
                let added = self.metadata.add_member(group.id, user.id);
                self.as_provider(origin, (user.site, "add_to_group", &what), added).await?;
                changed = true;
            }
        }
        for (folded, (id, name)) in &present {
            if !wanted.contains_key(folded) {
                let what = format!("{name}: {}", user.username);
                let removed = self.metadata.remove_member(*id, user.id);
                self.as_provider(origin, (user.site, "remove_from_group", &what), removed).await?;
                changed = true;
            }
        }
        if changed {
            self.apply_users(&[user.id]).await?;
        }
        Ok(())
    }

    /// The group of this name, made if there is none.
    async fn group_called(
        &self,
        origin: &Origin<'_>,
        site: SiteId,
        name: &DisplayName,
    ) -> Result<Group, IdentityError> {
        if let Some(group) = self.metadata.group_named(site, name.as_str()).await? {
            return Ok(group);
        }
        let group = Group { id: GroupId::generate(), site, name: name.clone(), created: self.access.now() };
        let created = self.metadata.create_group(&group);
        match self.as_provider(origin, (site, "create_group", name.as_str()), created).await {
            Ok(()) => Ok(group),
            // Somebody else was faster.
            Err(error) if error.kind == MetadataErrorKind::Conflict("name") => {
                let found = self.metadata.group_named(site, name.as_str()).await?;
                Ok(found.ok_or(ControlError::NotFound)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The groups that the provider names and that could be groups here, by their names in lower case.
fn wanted_groups(verified: &VerifiedIdentity) -> BTreeMap<String, DisplayName> {
    let names = verified.groups().iter().filter_map(|name| DisplayName::parse(name).ok());
    let mut wanted: BTreeMap<_, _> = names.map(|name| (name.as_str().to_lowercase(), name)).collect();
    if wanted.len() > MOST_GROUPS {
        tracing::warn!(
            groups = wanted.len(),
            "the identity provider names more groups of a person than are followed"
        );
        let beyond = wanted.keys().nth(MOST_GROUPS).cloned();
        drop(beyond.map(|beyond| wanted.split_off(&beyond)));
    }
    wanted
}
