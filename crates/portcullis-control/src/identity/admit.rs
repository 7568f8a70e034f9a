//! Whether somebody whom the provider vouches for may come in, and as whom.

use portcullis_access::{Change, Origin, VerifiedIdentity};
use portcullis_domain::{Role, Site, User, UserState, Username};
use portcullis_metadata::{MetadataErrorKind, NewUser};

use super::trail::Refusal;
use super::{IdentityError, IdentityRules};
use crate::Control;

impl IdentityRules {
    fn is_in(group: Option<&String>, verified: &VerifiedIdentity) -> bool {
        group.is_some_and(|group| verified.groups().contains(group))
    }

    /// Whether the person's groups let them become a user.
    fn admits(&self, verified: &VerifiedIdentity) -> bool {
        self.member_group.is_none()
            || Self::is_in(self.member_group.as_ref(), verified)
            || Self::is_in(self.admin_group.as_ref(), verified)
    }

    /// The role that the provider gives the person; none if that is not its business.
    pub(super) fn role(&self, verified: &VerifiedIdentity) -> Option<Role> {
        self.admin_group.as_ref()?;
        Some(if Self::is_in(self.admin_group.as_ref(), verified) { Role::Admin } else { Role::Member })
    }
}

impl Control {
    /// The user of this identity, with the role and the groups that the provider gives them: one who is there, or a new one.
    pub(super) async fn admit(
        &self,
        origin: &Origin<'_>,
        verified: &VerifiedIdentity,
    ) -> Result<User, IdentityError> {
        let user = match self.metadata.user_by_external(&verified.external_id()).await? {
            Some(user) => user,
            None => self.welcome(origin, verified).await?,
        };
        if user.state != UserState::Active {
            self.note_refusal(origin, Some(&user), verified, Refusal::Disabled).await?;
            return Err(IdentityError::Disabled);
        }
        self.follow_role(origin, &user, verified).await?;
        self.follow_groups(origin, &user, verified).await?;
        Ok(user)
    }

    /// Somebody who comes for the first time.
    async fn welcome(&self, origin: &Origin<'_>, verified: &VerifiedIdentity) -> Result<User, IdentityError> {
        let rules = &self.identities()?.rules;
        if !rules.admits(verified) || !rules.create_users {
            self.note_refusal(origin, None, verified, Refusal::NotAdmitted).await?;
            return Err(IdentityError::NotAdmitted);
        }
        let Some(username) = verified.username().and_then(|name| Username::parse(name).ok()) else {
            self.note_refusal(origin, None, verified, Refusal::UnusableUsername).await?;
            return Err(IdentityError::UnusableUsername);
        };
        let (site, role) = (self.site_of_newcomers().await?, rules.role(verified).unwrap_or(Role::Member));
        let new = NewUser {
            site: site.id,
            username: username.clone(),
            role,
            state: UserState::Active,
            password_phc: None,
            created: self.access.now(),
        };
        let what = format!("{username} ({role}, {})", UserState::Active);
        let external = verified.external_id();
        let created = self.metadata.create_external_user(new, &external);
        match self.as_provider(origin, (site.id, "create_user", &what), created).await {
            Ok(user) => {
                self.access.applied(Change::User(user.id)).await?;
                return Ok(user);
            }
            Err(error) if matches!(error.kind, MetadataErrorKind::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // The same person may have come twice at once.
        if let Some(user) = self.metadata.user_by_external(&external).await? {
            return Ok(user);
        }
        self.note_refusal(origin, None, verified, Refusal::UsernameTaken).await?;
        Err(IdentityError::UsernameTaken(username))
    }

    /// The site in which users are made: the one that the operator named, if exactly one has that id or name.
    pub(super) async fn site_of_newcomers(&self) -> Result<Site, IdentityError> {
        let sites = self.metadata.sites().await?;
        let named = self.identities()?.rules.site.as_deref();
        let fits = |site: &&Site| match named {
            Some(named) => site.name.as_str() == named || site.id.to_string() == named,
            None => site.parent.is_none(),
        };
        let mut fitting = sites.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(site), None) => Ok(site.clone()),
            (found, _) => {
                let several = if found.is_some() {
                    "several sites are called so; give the id"
                } else {
                    "there is no such site"
                };
                tracing::error!(site = named.unwrap_or_default(), "oidc.site: {several}");
                Err(IdentityError::NotAdmitted)
            }
        }
    }
}
