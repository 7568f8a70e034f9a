//! A key proved within the server, by whoever looks after it. Its secret stays where it is.

use std::net::IpAddr;

use async_trait::async_trait;
use portcullis_access::{Oneself, Proof as AccessProof, RawRequest, SiteAdmin};
use portcullis_domain::{
    Action, Channel, Key, KeyId, KeyPrefix, Role, Scope, Storage, StorageId, StorageState, UserId,
    canonical_address,
};
use portcullis_metadata::{PageRequest, StorageFilter};

use super::act::{Act, Answer, Ask, Seen};
use super::door::SignedS3;
use super::promise::{Owner, promise};
use super::s3::{S3Request, answer_of_s3};
use super::steps::{Proof, ProofDoor, ProofPlan, prove};
use crate::audit::Deed;
use crate::{Control, ControlError, Result};

/// What the requests of a proof call themselves.
const TOOL: &str = "portcullis-prove";
/// Where they say that they go.
const HOST: &str = "localhost";
/// Storages of a site that are looked at for one that the key must not open.
const LOOKED_AT: u32 = 20;

/// From where and at which storage to prove a key.
#[derive(Clone, Debug, Default)]
pub struct ProofDraft {
    /// The address from which it is to be as if the key was used; that of whoever asks if left out.
    pub from: Option<String>,
    /// The storage, by its id; for a key of one storage it is that one, for another the first it opens if left out.
    pub storage: Option<String>,
}

/// A key that was proved.
#[derive(Clone, Debug)]
pub struct KeyProof {
    /// The key.
    pub key: Key,
    /// The storage at which.
    pub storage: Storage,
    /// From where.
    pub from: IpAddr,
    /// What was found.
    pub proof: Proof,
    /// Why nothing at all is to be allowed, if so.
    pub closed: Option<&'static str>,
    /// Whether requests were signed with the key's secret. If not, only what the policy would say was asked: nobody can know from
    /// that whether the secret that somebody has is the right one.
    pub secret_tested: bool,
}

impl Control {
    /// Proves a key of the admin's site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`], [`ControlError::Metadata`], [`ControlError::Access`]. What a step
    /// finds is no error.
    pub async fn prove_key(&self, admin: &SiteAdmin, id: KeyId, draft: &ProofDraft) -> Result<KeyProof> {
        self.prove_one(admin, None, id, draft).await
    }

    /// Proves a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::prove_key`]; [`ControlError::NotFound`] for the key of somebody else and for a storage that they do not reach.
    pub async fn prove_own_key(&self, me: &Oneself, id: KeyId, draft: &ProofDraft) -> Result<KeyProof> {
        self.access.require_second_factor(me.principal())?;
        self.prove_one(me, Some(me.user()), id, draft).await
    }

    async fn prove_one<P: AccessProof>(
        &self,
        proof: &P,
        only: Option<UserId>,
        id: KeyId,
        draft: &ProofDraft,
    ) -> Result<KeyProof> {
        let key = self.find_key(proof, only, id).await?;
        let from = match draft.from.as_deref().map(str::trim).filter(|from| !from.is_empty()) {
            None => proof.principal().peer(),
            Some(from) => from.parse().map_err(|_| {
                ControlError::invalid("from", "has to be an address, such as 203.0.113.7 or 2001:db8::7")
            })?,
        };
        let from = canonical_address(from);
        let owner = self.owner_of(&key).await?;
        let (storage, prefix) = self.place_of_proof(&key, owner.as_ref(), only.is_some(), draft).await?;
        let what = format!("{} from {from}", key.name);
        let deed =
            Deed { action: "prove_key", key: Some(id), storage: Some(storage.id), object: Some(&what) };
        self.record(proof, deed).await?;
        let (promised, closed) = promise(&key, &storage, owner.as_ref(), &prefix, (from, self.access.now()));
        let other = self.other_bucket(&key, storage.id).await?;
        let plan = ProofPlan {
            bucket: storage.bucket.to_string(),
            prefix: prefix.to_string(),
            other_bucket: other.as_ref().map(|other| other.bucket.to_string()),
            promise: Some(promised),
            token: proof.principal().request_id().to_owned(),
        };
        let secret_tested = key.channel == Channel::S3;
        let proof = if secret_tested {
            prove(&ThroughS3 { control: self, proof, key: id, from }, &plan).await
        } else {
            let other = other.map(|other| other.id);
            prove(&ByPolicy { control: self, proof, key: id, from, storage: storage.id, other }, &plan).await
        };
        Ok(KeyProof { key, storage, from, proof, closed, secret_tested })
    }

    async fn owner_of(&self, key: &Key) -> Result<Option<Owner>> {
        let Scope::User(id) = key.scope else { return Ok(None) };
        let user = self.metadata.user(id).await?.ok_or(ControlError::NotFound)?;
        Ok(Some(Owner { user, reach: self.metadata.reach_of(id).await? }))
    }

    /// The storage, and the part of it, at which a key is proved. Who is no admin learns of no storage that is not theirs.
    async fn place_of_proof(
        &self,
        key: &Key,
        owner: Option<&Owner>,
        is_own: bool,
        draft: &ProofDraft,
    ) -> Result<(Storage, KeyPrefix)> {
        let member = owner.filter(|owner| owner.user.role == Role::Member);
        let wanted = draft.storage.as_deref().map(str::trim).filter(|wanted| !wanted.is_empty());
        let unknown = || ControlError::invalid("storage", "there is no such storage in this site");
        let id: StorageId = match (key.scope, wanted) {
            (Scope::Storage(id), _) => id,
            (_, Some(wanted)) => wanted.parse().map_err(|_| unknown())?,
            (_, None) => self.first_storage(key, member).await?,
        };
        let reached = member.and_then(|member| member.reach.iter().find(|reach| reach.storage == id));
        if is_own && member.is_some() && reached.is_none() {
            return Err(unknown());
        }
        let found = self.metadata.storage(id).await?.filter(|storage| storage.site == key.site);
        let storage = found.ok_or_else(unknown)?;
        let prefix = reached.map_or_else(|| key.prefix.clone(), |reach| reach.prefix.clone());
        Ok((storage, prefix))
    }

    async fn first_storage(&self, key: &Key, member: Option<&Owner>) -> Result<StorageId> {
        let first = match member {
            Some(member) => member.reach.first().map(|reach| reach.storage),
            None => {
                let filter =
                    StorageFilter { state: Some(StorageState::Active), ..StorageFilter::of(key.site) };
                self.metadata
                    .storages(&filter, &PageRequest::first(1))
                    .await?
                    .items
                    .pop()
                    .map(|found| found.id)
            }
        };
        first.ok_or_else(|| ControlError::invalid("storage", "there is no storage that this key could open"))
    }

    /// A storage of the site that the key must not open, if there is one. That of a user may open any, so that none is named.
    async fn other_bucket(&self, key: &Key, own: StorageId) -> Result<Option<Storage>> {
        let Scope::Storage(_) = key.scope else { return Ok(None) };
        let filter = StorageFilter { state: Some(StorageState::Active), ..StorageFilter::of(key.site) };
        let found = self.metadata.storages(&filter, &PageRequest::first(LOOKED_AT)).await?;
        Ok(found.items.into_iter().find(|storage| storage.id != own))
    }
}

/// An S3 key, through the door that tools use.
struct ThroughS3<'a, P> {
    control: &'a Control,
    proof: &'a P,
    key: KeyId,
    from: IpAddr,
}

#[async_trait]
impl<P: AccessProof> ProofDoor for ThroughS3<'_, P> {
    async fn ask(&self, ask: &Ask<'_>) -> Answer {
        let request = S3Request::of(ask);
        let raw = RawRequest {
            method: request.method,
            path: &request.path,
            query: request.query.as_deref(),
            headers: &[("host", HOST.as_bytes())],
        };
        let signed = match self.control.access.sign_as(self.proof, self.key, &raw, &request.body) {
            Ok(signed) => signed,
            Err(error) => return Answer::none(error.to_string()),
        };
        let headers = vec![
            ("host", HOST.to_owned()),
            ("user-agent", TOOL.to_owned()),
            ("content-length", request.body.len().to_string()),
            ("x-amz-date", signed.date),
            ("x-amz-content-sha256", signed.content_sha256),
            ("authorization", signed.authorization),
        ];
        let sent = SignedS3 { method: request.method, target: request.target(), headers, body: request.body };
        match self.control.s3_door.call(self.from, sent).await {
            Some(reply) => answer_of_s3(reply.status, reply.version, reply.body),
            None => Answer::none("this process has no S3 door"),
        }
    }
}

/// A key whose secret is not known here: its case is put to the policy, and nothing is read or written.
struct ByPolicy<'a, P> {
    control: &'a Control,
    proof: &'a P,
    key: KeyId,
    from: IpAddr,
    storage: StorageId,
    other: Option<StorageId>,
}

#[async_trait]
impl<P: AccessProof> ProofDoor for ByPolicy<'_, P> {
    async fn ask(&self, ask: &Ask<'_>) -> Answer {
        let (storage, action) = match ask.act {
            Act::List => (Some(self.storage), Action::List),
            Act::Read | Act::OutsidePrefix => (Some(self.storage), Action::Get),
            Act::Write => (Some(self.storage), Action::Put),
            Act::Delete => (Some(self.storage), Action::Delete),
            Act::OtherBucket => (self.other, Action::List),
        };
        let Some(storage) = storage else {
            return Answer { seen: Seen::Refused, ..Answer::none("not_found") };
        };
        let asked =
            self.control.access.would_allow(self.proof, self.key, self.from, storage, (action, ask.key));
        match asked {
            Ok(Ok(())) => Answer { seen: Seen::Allowed, ..Answer::none("") },
            Ok(Err(reason)) => Answer { seen: Seen::Refused, ..Answer::none(reason.as_str()) },
            Err(error) => Answer::none(error.to_string()),
        }
    }

    fn writes(&self) -> bool {
        false
    }
}
