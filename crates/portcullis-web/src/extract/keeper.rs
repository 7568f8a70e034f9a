//! Who looks after keys.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use portcullis_access::{Oneself, SiteAdmin};
use portcullis_control::networks::{Clients, TrialView};
use portcullis_control::{
    Attempts, Control, CreatedKey, CreatedKeys, Done, KeyChange, KeyDraft, KeyProof, KeyQuery, KeyView,
    Mover, Overlap, OverlapChange, OverlapView, Page, PageRequest, ProofDraft, Result, Rotation,
    TemporaryCredentials, TemporaryDraft,
};
use portcullis_domain::{Key, KeyId};

use super::Caller;
use crate::app::App;
use crate::problem::Problem;

/// Somebody who looks after keys: an admin after all of the site, anybody else after their own.
pub(crate) enum Keeper {
    Admin(SiteAdmin),
    Own(Oneself),
}

impl FromRequestParts<Arc<App>> for Keeper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Caller(who) = Caller::from_request_parts(parts, app).await?;
        // Asked first: that a member is no admin is no refusal to be written down.
        if app.control.me(&who).await?.admin {
            return Ok(Self::Admin(app.access.admin(&who)?));
        }
        Ok(Self::Own(app.access.oneself(&who)?))
    }
}

/// The verbs of `portcullis-control`, each in the form for whoever it is.
impl Keeper {
    pub(crate) async fn keys(
        &self,
        control: &Control,
        query: KeyQuery,
        page: &PageRequest,
    ) -> Result<Page<KeyView>> {
        match self {
            Self::Admin(admin) => control.keys(admin, query, page).await,
            Self::Own(me) => control.own_keys(me, query, page).await,
        }
    }

    pub(crate) async fn key(&self, control: &Control, id: KeyId) -> Result<KeyView> {
        match self {
            Self::Admin(admin) => control.key(admin, id).await,
            Self::Own(me) => control.own_key(me, id).await,
        }
    }

    pub(crate) async fn attempts(&self, control: &Control, id: KeyId) -> Result<Vec<Attempts>> {
        match self {
            Self::Admin(admin) => control.attempts_with_key(admin, id).await,
            Self::Own(me) => control.attempts_with_own_key(me, id).await,
        }
    }

    pub(crate) async fn create(
        &self,
        control: &Control,
        draft: &KeyDraft,
        with_s3: bool,
    ) -> Result<CreatedKeys> {
        match self {
            Self::Admin(admin) => control.create_keys(admin, draft, with_s3).await,
            Self::Own(me) => control.create_own_keys(me, draft, with_s3).await,
        }
    }

    pub(crate) async fn update_if(
        &self,
        control: &Control,
        id: KeyId,
        change: &KeyChange,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        match self {
            Self::Admin(admin) => control.update_key_if(admin, id, change, is_as_seen).await,
            Self::Own(me) => control.update_own_key_if(me, id, change, is_as_seen).await,
        }
    }

    pub(crate) async fn clients(&self, control: &Control, id: KeyId) -> Result<Clients> {
        match self {
            Self::Admin(admin) => control.clients_of_key(admin, id).await,
            Self::Own(me) => control.clients_of_own_key(me, id).await,
        }
    }

    pub(crate) async fn trial(&self, control: &Control, id: KeyId) -> Result<Option<TrialView>> {
        match self {
            Self::Admin(admin) => control.trial_of_key(admin, id).await,
            Self::Own(me) => control.trial_of_own_key(me, id).await,
        }
    }

    pub(crate) async fn rotate_if(
        &self,
        control: &Control,
        id: KeyId,
        rotation: &Rotation,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<CreatedKey>>> {
        match self {
            Self::Admin(admin) => control.rotate_key_if(admin, id, rotation, is_as_seen).await,
            Self::Own(me) => control.rotate_own_key_if(me, id, rotation, is_as_seen).await,
        }
    }

    pub(crate) async fn users_of_pair(&self, control: &Control, id: KeyId) -> Result<Vec<Mover>> {
        match self {
            Self::Admin(admin) => control.users_of_pair(admin, id).await,
            Self::Own(me) => control.users_of_own_pair(me, id).await,
        }
    }

    pub(crate) async fn overlap(&self, control: &Control, id: KeyId) -> Result<OverlapView> {
        match self {
            Self::Admin(admin) => control.overlap(admin, id).await,
            Self::Own(me) => control.own_overlap(me, id).await,
        }
    }

    pub(crate) async fn move_overlap_if(
        &self,
        control: &Control,
        id: KeyId,
        change: &OverlapChange,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<OverlapView>> {
        match self {
            Self::Admin(admin) => control.move_overlap_if(admin, id, change, is_as_seen).await,
            Self::Own(me) => control.move_own_overlap_if(me, id, change, is_as_seen).await,
        }
    }

    pub(crate) async fn end_overlap_if(
        &self,
        control: &Control,
        id: KeyId,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        match self {
            Self::Admin(admin) => control.end_overlap_if(admin, id, is_as_seen).await,
            Self::Own(me) => control.end_own_overlap_if(me, id, is_as_seen).await,
        }
    }

    pub(crate) async fn delete_if(
        &self,
        control: &Control,
        id: KeyId,
        is_as_seen: impl Fn(&Key) -> bool + Send + Sync,
    ) -> Result<Option<Done<()>>> {
        match self {
            Self::Admin(admin) => control.delete_key_if(admin, id, is_as_seen).await,
            Self::Own(me) => control.delete_own_key_if(me, id, is_as_seen).await,
        }
    }

    pub(crate) async fn temporary(
        &self,
        control: &Control,
        id: KeyId,
        draft: &TemporaryDraft,
    ) -> Result<TemporaryCredentials> {
        match self {
            Self::Admin(admin) => control.temporary_credentials(admin, id, draft).await,
            Self::Own(me) => control.own_temporary_credentials(me, id, draft).await,
        }
    }

    pub(crate) async fn prove(&self, control: &Control, id: KeyId, draft: &ProofDraft) -> Result<KeyProof> {
        match self {
            Self::Admin(admin) => control.prove_key(admin, id, draft).await,
            Self::Own(me) => control.prove_own_key(me, id, draft).await,
        }
    }

    /// Whether a form that is sent with this token was not sent before.
    pub(crate) async fn claim_once(&self, control: &Control, token: &str) -> Result<bool> {
        match self {
            Self::Admin(admin) => control.claim_once(admin, token).await,
            Self::Own(me) => control.claim_once(me, token).await,
        }
    }
}
