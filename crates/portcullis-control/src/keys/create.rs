//! Making keys.

use portcullis_access::{AccessError, Change, Denial, Oneself, Proof, SiteAdmin, StoredSecret};
use portcullis_domain::{
    Channel, CredentialId, InvalidKeyShape, Key, KeyId, Permission, Role, Scope, Secret, SiteId, Storage,
    StorageState, UserId,
};

use super::draft::{no_storage, no_user};
use super::{CreatedKey, CreatedKeys, KeyDraft, ScopeDraft, deed_of};
use crate::audit::Deed;
use crate::authority::storage_of;
use crate::{Control, ControlError, Result};

impl Control {
    /// Makes a key. Its secret is in the answer and nowhere else, ever.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for a key wider than the key that asks for it or than the rules of the site;
    /// [`ControlError::ConfirmationNeeded`] for a site key or one with the permission `full`; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if no secret could be made, or the key is committed but not in force: then it is of no use, and
    /// may be deleted.
    pub async fn create_key(&self, admin: &SiteAdmin, draft: &KeyDraft) -> Result<CreatedKey> {
        Ok(self.create_keys(admin, draft, false).await?.key)
    }

    /// Makes a key, and `with_s3` a second one beside a user's REST key, for S3, under the same name and terms. From then on they
    /// have nothing to do with each other.
    ///
    /// # Errors
    /// As [`Control::create_key`]. If the second could not be made, the first was not either.
    pub async fn create_keys(
        &self,
        admin: &SiteAdmin,
        draft: &KeyDraft,
        with_s3: bool,
    ) -> Result<CreatedKeys> {
        self.make(admin, draft, with_s3).await
    }

    /// Makes a key for the person who asks, or two, as [`Control::create_keys`] does: for whatever was shared with them.
    ///
    /// # Errors
    /// As [`Control::create_keys`]; [`ControlError::KeysByAdminsOnly`] if the site does not let its members;
    /// [`ControlError::Access`] for a sign-in without the second factor that the site asks for.
    pub async fn create_own_keys(
        &self,
        me: &Oneself,
        draft: &KeyDraft,
        with_s3: bool,
    ) -> Result<CreatedKeys> {
        self.access.require_second_factor(me.principal())?;
        self.members_may(me.user(), me.site()).await?;
        let own = me.user().to_string();
        if !matches!(&draft.scope, ScopeDraft::User(user) if *user == own) {
            return Err(ControlError::invalid(
                "scope",
                "you can make keys for yourself only: {\"user\": your id}",
            ));
        }
        if draft.permission == Permission::Full.as_str() {
            return Err(only_admins_full());
        }
        self.make(me, draft, with_s3).await
    }

    /// Admins always may; members if the site lets them.
    pub(crate) async fn members_may(&self, user: UserId, site: SiteId) -> Result<()> {
        let user = self.metadata.user(user).await?.ok_or(ControlError::NotFound)?;
        if user.role == Role::Admin || self.effective_rules(site).await?.members_make_keys {
            return Ok(());
        }
        Err(ControlError::KeysByAdminsOnly)
    }

    async fn make(&self, proof: &impl Proof, draft: &KeyDraft, with_s3: bool) -> Result<CreatedKeys> {
        let rest = draft.check(proof.site(), KeyId::generate(), self.access.now())?;
        let s3 = if with_s3 { Some(beside(&rest)?) } else { None };
        let storage = self.check_new(proof, &rest).await?;
        if let Some(s3) = &s3 {
            self.check_new(proof, s3).await?;
        }
        if rest.scope == Scope::Site || rest.permission == Permission::Full {
            self.require_confirmed(proof.principal())?;
        }
        let key = self.commit_key(proof, rest, storage, draft.secret.as_ref()).await?;
        let Some(s3) = s3 else { return Ok(CreatedKeys { key, s3: None }) };
        match self.commit_key(proof, s3, None, None).await {
            Ok(s3) => Ok(CreatedKeys { key, s3: Some(s3) }),
            Err(error) => {
                // Nobody was told the secret of the first: it is of no use to anybody.
                let first = &key.view.key;
                let gone = self.carry_out(
                    proof,
                    deed_of("delete_key", first),
                    self.metadata.delete_key(first.id, self.access.now()),
                );
                drop(gone.await);
                drop(self.access.applied(Change::Key(first.id)).await);
                Err(error)
            }
        }
    }

    async fn check_new(&self, proof: &impl Proof, key: &Key) -> Result<Option<Storage>> {
        let storage = self.check_scope(proof, key).await?;
        self.check_authority(proof, "create_key", key, None).await?;
        self.check_rules(key, None).await?;
        Ok(storage)
    }

    async fn commit_key(
        &self,
        proof: &impl Proof,
        mut key: Key,
        storage: Option<Storage>,
        chosen: Option<&Secret>,
    ) -> Result<CreatedKey> {
        let deed = Deed {
            action: "create_key",
            key: Some(key.id),
            storage: storage_of(&key),
            object: Some(key.name.as_str()),
        };
        let (credential, stored, secret) = self.credentials_for(proof, &key, chosen).await?;
        key.credential = credential;
        self.carry_out(proof, deed, self.metadata.create_key(&key, &stored)).await?;
        self.access.applied(Change::Key(key.id)).await?;
        Ok(CreatedKey { view: self.view_key(key, None, None), secret, storage })
    }

    /// New credentials for a key: its public half, what to store of the secret, and the secret itself unless a person chose it.
    pub(super) async fn credentials_for(
        &self,
        proof: &impl Proof,
        key: &Key,
        chosen: Option<&Secret>,
    ) -> Result<(CredentialId, StoredSecret, Option<Secret>)> {
        let Some(chosen) = chosen else {
            let minted = self.access.mint(proof, key.id, key.channel)?;
            return Ok((minted.credential, minted.stored, Some(minted.secret)));
        };
        match self.access.mint_chosen(proof, key.id, chosen).await {
            Ok((credential, stored)) => Ok((credential, stored, None)),
            Err(AccessError::Denied(Denial::OldSecret)) => {
                Err(ControlError::invalid("secret", "this key has or had this one lately; choose another"))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The storage or user of the scope has to be of the site of whoever asks; one of another site is as good as none.
    pub(crate) async fn check_scope(&self, proof: &impl Proof, key: &Key) -> Result<Option<Storage>> {
        match key.scope {
            Scope::Storage(id) => {
                let found =
                    self.metadata.storage(id).await?.filter(|storage| {
                        storage.site == proof.site() && storage.state == StorageState::Active
                    });
                let (field, message) = no_storage();
                found.map(Some).ok_or_else(|| ControlError::invalid(field, message))
            }
            Scope::User(id) => {
                let user = self.metadata.user(id).await?.filter(|user| user.site == proof.site());
                let (field, message) = no_user();
                let user = user.ok_or_else(|| ControlError::invalid(field, message))?;
                if key.permission == Permission::Full && user.role != Role::Admin {
                    return Err(only_admins_full());
                }
                Ok(None)
            }
            Scope::Site => Ok(None),
        }
    }
}

pub(super) fn only_admins_full() -> ControlError {
    ControlError::invalid("permission", "full is for keys of admins; this user is a member")
}

/// The S3 key beside a user's REST key. S3 has no words for administration, so of `full` it has what concerns files.
fn beside(rest: &Key) -> Result<Key> {
    let refused = |why: String| Err(ControlError::invalid("s3", why));
    match (rest.channel, rest.scope) {
        (Channel::Rest, Scope::User(_)) => {}
        (Channel::Rest, Scope::Site) => return refused(InvalidKeyShape::SiteWideS3.to_string()),
        (Channel::Rest, Scope::Storage(_)) => {
            return refused(
                "goes with keys of users; for a storage, make a key with the channel s3".to_owned(),
            );
        }
        (Channel::S3 | Channel::Http | Channel::Ftp | Channel::WebService | Channel::Email, _) => {
            return refused(
                "goes with the channel rest; a key with the channel s3 is one already".to_owned(),
            );
        }
    }
    let permission = match rest.permission {
        Permission::Full => Permission::ReadWrite,
        other @ (Permission::None | Permission::Read | Permission::Write | Permission::ReadWrite) => other,
    };
    Ok(Key { id: KeyId::generate(), channel: Channel::S3, permission, ..rest.clone() })
}
