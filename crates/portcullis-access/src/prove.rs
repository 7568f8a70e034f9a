//! A key tried out by whoever looks after it: requests are signed in its name, or its case is put to the policy. Neither its secret
//! nor a principal of it comes out.

use std::net::IpAddr;

use portcullis_domain::{Action, Channel, DenyReason, KeyId, KeyPrefix, ObjectKey, StorageId};
use portcullis_metadata::StoredSecret;
use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer};
use sha2::{Digest as _, Sha256};

use crate::account::Proof;
use crate::authenticate::entry_principal;
use crate::directory::{KeyEntry, Part};
use crate::principal::Origin;
use crate::vault::Purpose;
use crate::{Access, AccessError, Denial};

/// Any region does: the door takes the one that the signature is for.
const REGION: &str = "us-east-1";

/// What a signed request carries beside the headers that were given.
#[derive(Clone, Debug)]
pub struct ProofSignature {
    /// The value of `authorization`.
    pub authorization: String,
    /// The value of `x-amz-content-sha256`.
    pub content_sha256: String,
    /// The value of `x-amz-date`.
    pub date: String,
}

impl Access {
    /// Signs one request with the secret of an S3 key, as its holder would now, for a try of the key within this process.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] for a key that is not theirs to look after; [`AccessError::Denied`] with `WrongCredentialKind` for
    /// a key whose secret signs nothing; [`AccessError::Unavailable`] for a request that cannot be signed, or a secret that does
    /// not open.
    pub fn sign_as(
        &self,
        proof: &impl Proof,
        key: KeyId,
        request: &RawRequest<'_>,
        body: &[u8],
    ) -> Result<ProofSignature, AccessError> {
        let entry = self.looked_after(proof, key)?;
        let (Channel::S3, StoredSecret::Sealed(sealed)) = (entry.key.channel, entry.present().stored) else {
            return Err(AccessError::Denied(Denial::WrongCredentialKind));
        };
        let date = AmzDate::from_unix(self.now().seconds()).ok_or(AccessError::Unavailable)?;
        let secret = self.unseal(Purpose::KeySecret(key), sealed).map_err(|_| AccessError::Unavailable)?;
        let signer = Signer::new(entry.key.credential.as_str(), &secret, REGION, &date);
        let payload = Payload::Signed(Sha256::digest(body).into());
        let signed = signer.and_then(|signer| signer.sign(request, &date, payload));
        let signed = signed.map_err(|_| AccessError::Unavailable)?;
        Ok(ProofSignature {
            authorization: signed.authorization,
            content_sha256: signed.content_sha256,
            date: signed.date.as_str().to_owned(),
        })
    }

    /// What the policy says if this key asks from this address now: nothing is done, and nothing is counted as a use of it. The
    /// object is the empty one for the storage as a whole.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] for a key that is not theirs to look after; [`AccessError::Unavailable`].
    pub fn would_allow(
        &self,
        proof: &impl Proof,
        key: KeyId,
        from: IpAddr,
        storage: StorageId,
        (action, at): (Action, &str),
    ) -> Result<Result<(), DenyReason>, AccessError> {
        let entry = self.looked_after(proof, key)?;
        let channel: Channel = entry.key.channel;
        let origin =
            Origin { channel, peer: from, request_id: proof.principal().request_id(), tool: "", line: None };
        let who = entry_principal(&entry, entry.key.generation, None, &origin);
        let (now, directory) = (self.now(), &self.inner().directory);
        let (prefix, object) = (KeyPrefix::parse(at), ObjectKey::parse(at));
        let part = match (action, &prefix, &object) {
            (Action::List, Ok(prefix), _) => Part::Prefix(prefix),
            (_, _, Ok(object)) => Part::Object(object),
            (_, _, Err(_)) => Part::Whole,
        };
        let alive = directory.alive(&who, now);
        Ok(alive.and_then(|()| directory.decide(&who, now, action, storage, part).map(drop)))
    }

    /// A key of the proof's site, for its admins, or one of the person's own.
    fn looked_after(&self, proof: &impl Proof, key: KeyId) -> Result<std::sync::Arc<KeyEntry>, AccessError> {
        self.heard()?;
        let entry = self.inner().directory.key(key).ok_or(AccessError::NotFound)?;
        let who = proof.principal();
        let own = entry.owner().is_some_and(|owner| who.user_id() == Some(owner));
        let theirs = own || self.inner().directory.administers(who, self.now()).is_ok();
        if theirs && entry.key.site == proof.site() { Ok(entry) } else { Err(AccessError::NotFound) }
    }
}
