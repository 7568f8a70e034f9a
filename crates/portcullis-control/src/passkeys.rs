//! Passkeys of people: added, used to sign in and to confirm, removed.
//!
//! Between the two halves of a ceremony the challenge is with the client, sealed; nothing is kept for strangers. Each challenge is
//! answered once, on whichever node.

use std::time::Duration;

use portcullis_access::{AccessError, Denial, Oneself, Origin, Principal, SignedIn, VerifiedPasskey};
use portcullis_domain::{DisplayName, PasskeyId, Secret};
use portcullis_metadata::{NewPasskey, Passkey};
use portcullis_signin::passkey::{
    self, CHALLENGE_LEN, Challenge, CreationAnswer, KnownPasskey, PasskeyError, RelyingParty, RequestAnswer,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::audit::Deed;
use crate::second_factor::may_go;
use crate::sessions::origin_of;
use crate::{Control, ControlError, Result};

/// For how long a browser may be busy with a question.
const CEREMONY: Duration = Duration::from_secs(5 * 60);
const ADDING: &str = "passkey added";
const USING: &str = "passkey used";
/// The most passkeys of a person.
const MOST: usize = 20;

/// A question for a browser.
#[derive(Clone, Debug)]
pub struct PasskeyQuestion {
    /// The `publicKey` of `navigator.credentials.create` or `get`, bytes as base64url.
    pub options: Value,
    /// What has to come back with the answer, within five minutes.
    pub state: String,
}

/// What a browser answers when a passkey is used, decoded from base64url.
#[derive(Clone, Debug, Default)]
pub struct PasskeyAnswer {
    /// The state of the question.
    pub state: String,
    /// `rawId`.
    pub credential_id: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `signature`.
    pub signature: Vec<u8>,
    /// `userHandle`, if there is one.
    pub user_handle: Option<Vec<u8>>,
}

/// What a browser answers when a passkey is made, decoded from base64url.
#[derive(Clone, Debug, Default)]
pub struct NewPasskeyAnswer {
    /// The state of the question.
    pub state: String,
    /// What the person calls it.
    pub name: String,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `attestationObject`.
    pub attestation: Vec<u8>,
}

/// A passkey that was added.
pub struct AddedPasskey {
    /// The passkey.
    pub passkey: Passkey,
    /// New recovery codes, shown once, if the person had none; else none.
    pub recovery_codes: Vec<Secret>,
}

impl std::fmt::Debug for AddedPasskey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddedPasskey").field("passkey", &self.passkey.id).finish_non_exhaustive()
    }
}

impl Control {
    /// The passkeys of the person who asks, oldest first.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key.
    pub async fn own_passkeys(&self, who: &Principal) -> Result<Vec<Passkey>> {
        let me = self.in_person(who)?;
        Ok(self.metadata.passkeys_of(me.user()).await?)
    }

    /// Asks a browser for a new passkey.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `passkey` if the person has as many as one may have; [`ControlError::ConfirmationNeeded`];
    /// [`AccessError::Denied`] for a key.
    pub async fn ask_for_new_passkey(
        &self,
        who: &Principal,
        party: &RelyingParty,
    ) -> Result<PasskeyQuestion> {
        let me = self.in_person(who)?;
        self.require_confirmed(who)?;
        let user = self.person(who).await?;
        let known = self.room_for_one(&me).await?;
        let challenge = new_challenge()?;
        let handle = me.user();
        let ids = known.iter().map(|passkey| passkey.credential_id.as_slice());
        let options =
            passkey::creation_options(party, &challenge, handle.as_bytes(), user.username.as_str(), ids);
        let plain = [challenge.as_slice(), handle.as_bytes()].concat();
        Ok(PasskeyQuestion { options, state: self.access.seal_state(ADDING, &plain, CEREMONY)? })
    }

    async fn room_for_one(&self, me: &Oneself) -> Result<Vec<Passkey>> {
        let known = self.metadata.passkeys_of(me.user()).await?;
        if known.len() >= MOST {
            return Err(ControlError::invalid("passkey", format!("at most {MOST}; remove one first")));
        }
        Ok(known)
    }

    /// Adds the passkey that a browser made. The present sign-in counts as one with a second factor from now on.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `name`, `state` and `passkey`; [`ControlError::Conflict`] if it is somebody's already;
    /// [`ControlError::ConfirmationNeeded`]; [`AccessError::Denied`] for a key.
    pub async fn add_passkey(
        &self,
        who: &Principal,
        party: &RelyingParty,
        answer: &NewPasskeyAnswer,
    ) -> Result<AddedPasskey> {
        let me = self.in_person(who)?;
        self.require_confirmed(who)?;
        let name = DisplayName::parse(&answer.name)
            .map_err(|error| ControlError::invalid("name", error.to_string()))?;
        self.room_for_one(&me).await?;
        let challenge =
            self.challenge_for(ADDING, &answer.state, me.user().as_bytes()).ok_or_else(too_late)?;
        let given = CreationAnswer { client_data: &answer.client_data, attestation: &answer.attestation };
        let made = passkey::register(party, &challenge, &given)
            .map_err(|error| ControlError::invalid("passkey", error.to_string()))?;
        self.claim(&challenge).await?;
        let passkey = Passkey {
            id: PasskeyId::generate(),
            user: me.user(),
            credential_id: made.credential_id().to_vec(),
            public_key: made.public_key().to_vec(),
            sign_count: made.sign_count(),
            name,
            created: self.access.now(),
            last_used: None,
        };
        let deed = Deed { action: "add_passkey", object: Some(passkey.name.as_str()), ..Deed::default() };
        let Passkey { id, user, credential_id, public_key, name, created, .. } = passkey.clone();
        let new = NewPasskey { id, user, credential_id, public_key, name, created };
        self.carry_out(&me, deed, self.metadata.add_passkey(&new)).await?;
        let left = self.metadata.recovery_codes_left(me.user()).await?;
        let recovery_codes = if left == 0 { self.replace_recovery_codes(&me).await? } else { Vec::new() };
        self.shown_now(&me).await?;
        Ok(AddedPasskey { passkey, recovery_codes })
    }

    /// Forgets a passkey of the person who asks, and the recovery codes if they stood in for nothing else.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if it is not theirs; [`ControlError::Invalid`] for `second_factor` if it is the last factor and the site
    /// asks for one; [`ControlError::ConfirmationNeeded`]; [`AccessError::Denied`] for a key.
    pub async fn remove_passkey(&self, who: &Principal, id: PasskeyId) -> Result<()> {
        let me = self.in_person(who)?;
        let factors = self.factors_of(&me).await?;
        let passkey =
            factors.passkeys.iter().find(|passkey| passkey.id == id).ok_or(ControlError::NotFound)?;
        self.require_confirmed(who)?;
        let last = !factors.totp && factors.passkeys.len() == 1;
        may_go(&factors, last)?;
        let deed = Deed { action: "remove_passkey", object: Some(passkey.name.as_str()), ..Deed::default() };
        self.carry_out(&me, deed, self.metadata.delete_passkey(me.user(), id)).await?;
        self.forget_codes_if(&me, last).await
    }

    /// Asks whoever it is to use a passkey of theirs.
    ///
    /// # Errors
    /// [`AccessError::Unavailable`] if the system gives no random numbers.
    pub fn ask_for_passkey(&self, party: &RelyingParty) -> Result<PasskeyQuestion> {
        let challenge = new_challenge()?;
        Ok(PasskeyQuestion {
            options: passkey::request_options(party, &challenge, []),
            state: self.access.seal_state(USING, &challenge, CEREMONY)?,
        })
    }

    /// Signs somebody in by a passkey, which is both factors at once. The token is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `state` if the answer took too long or was given before; [`AccessError::Denied`] with `BadSecret` if it
    /// is not the answer of a passkey of somebody here, or with the policy's reason if they may not come in.
    pub async fn sign_in_by_passkey(
        &self,
        origin: Origin<'_>,
        party: &RelyingParty,
        answer: &PasskeyAnswer,
    ) -> Result<SignedIn> {
        let verified = self.verified(&origin, party, answer).await?;
        let proved = self.access.prove_passkey(&origin, &verified).await?;
        self.begin(origin, &proved).await
    }

    /// Takes note that the person who asks has used a passkey of theirs: what is worth asking again is allowed for ten minutes.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `state` as above, and for `passkey` if it is not a passkey of theirs; [`AccessError::Denied`] for a key.
    pub async fn confirm_by_passkey(
        &self,
        who: &Principal,
        party: &RelyingParty,
        answer: &PasskeyAnswer,
    ) -> Result<()> {
        let me = self.in_person(who)?;
        let origin = origin_of(who);
        let not_theirs = || ControlError::invalid("passkey", "not a passkey of yours");
        let verified = match self.verified(&origin, party, answer).await {
            Err(ControlError::Access(AccessError::Denied(_))) => return Err(not_theirs()),
            other => other?,
        };
        let proved = self.access.prove_passkey(&origin, &verified).await?;
        if proved.user().id != me.user() {
            return Err(not_theirs());
        }
        Ok(self.access.confirm(who, &proved).await?)
    }

    async fn verified(
        &self,
        origin: &Origin<'_>,
        party: &RelyingParty,
        answer: &PasskeyAnswer,
    ) -> Result<VerifiedPasskey> {
        let challenge = self.challenge_for(USING, &answer.state, &[]).ok_or_else(too_late)?;
        let known = self.metadata.passkey_by_credential(&answer.credential_id).await?;
        let Some(known) = known else { return Err(self.refused(origin, Denial::UnknownUser)) };
        let given = RequestAnswer {
            credential_id: &answer.credential_id,
            client_data: &answer.client_data,
            authenticator_data: &answer.authenticator_data,
            signature: &answer.signature,
            user_handle: answer.user_handle.as_deref(),
        };
        let kept = KnownPasskey {
            credential_id: &known.credential_id,
            public_key: &known.public_key,
            sign_count: known.sign_count,
            user_handle: known.user.as_bytes(),
        };
        match passkey::verify(party, &challenge, &given, &kept) {
            Ok(verified) => {
                self.claim(&challenge).await?;
                Ok(verified)
            }
            Err(error) => {
                if error == PasskeyError::CountWentBack {
                    tracing::warn!(passkey = %known.id, "a passkey counts fewer uses than before: it may have been copied");
                }
                Err(self.refused(origin, Denial::BadSignature))
            }
        }
    }

    /// Writes down what was found, and tells no more than that it was refused.
    fn refused(&self, origin: &Origin<'_>, found: Denial) -> ControlError {
        drop(self.access.refuse(*origin, None, found));
        AccessError::Denied(Denial::BadSecret).into()
    }

    fn challenge_for(&self, purpose: &'static str, state: &str, whose: &[u8]) -> Option<Challenge> {
        let plain = self.access.open_state(purpose, state)?;
        let (challenge, rest) = plain.split_first_chunk::<CHALLENGE_LEN>()?;
        (rest == whose).then_some(*challenge)
    }

    /// A challenge is answered once.
    async fn claim(&self, challenge: &Challenge) -> Result<()> {
        let hash = Sha256::new().chain_update("portcullis passkey\0").chain_update(challenge).finalize();
        if self.metadata.claim_once(&hash.into(), self.access.now()).await? {
            Ok(())
        } else {
            Err(too_late())
        }
    }
}

fn new_challenge() -> Result<Challenge> {
    let mut challenge = [0; CHALLENGE_LEN];
    getrandom::fill(&mut challenge).map_err(|_| AccessError::Unavailable)?;
    Ok(challenge)
}

fn too_late() -> ControlError {
    ControlError::invalid(
        "state",
        "this took longer than five minutes, or was sent twice; ask for new options",
    )
}
