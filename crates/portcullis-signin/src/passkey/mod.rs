//! Passkeys: the server's side of WebAuthn Level 2, as narrow as signing in needs it.
//!
//! Asked for and checked are discoverable credentials with user verification, so that a passkey alone is what a person has *and*
//! knows or is. No attestation is asked for: who made the authenticator decides nothing here.
//!
//! A ceremony has two halves. [`creation_options`] and [`request_options`] are what the browser's `navigator.credentials` is
//! given; [`register`] and [`verify`] look at what it answered. Between them the caller keeps the challenge, where the person cannot
//! change it, and for a few minutes only.

mod authenticator;
mod cbor;
mod client;
mod cose;
mod options;
mod party;

use sha2::{Digest as _, Sha256};

use authenticator::AuthenticatorData;
use client::Ceremony;

pub use options::{creation_options, request_options};
pub use party::RelyingParty;

/// Bytes of chance in a challenge.
pub const CHALLENGE_LEN: usize = 32;
/// What the browser has to give back.
pub type Challenge = [u8; CHALLENGE_LEN];

/// The longest part of an answer in bytes; real ones have less than one thousand.
const LONGEST: usize = 16 * 1024;
/// The longest credential id in bytes (section 4, "Credential ID").
const LONGEST_ID: usize = 1023;

/// Why an answer of a browser is not taken. The numbers are those of WebAuthn Level 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// It cannot be read.
    #[error("the answer of the passkey cannot be read: {0}")]
    Malformed(&'static str),
    /// It answers the other kind of question.
    #[error("the answer is of another ceremony")]
    WrongType,
    /// It answers another question: an old one, or somebody else's.
    #[error("the answer is to another challenge")]
    WrongChallenge,
    /// It was given to another page.
    #[error("the answer was given at another address")]
    WrongOrigin,
    /// The passkey belongs to another domain.
    #[error("the passkey is of another domain")]
    WrongParty,
    /// Nobody touched the authenticator.
    #[error("nobody confirmed at the passkey")]
    NotPresent,
    /// The authenticator did not ask for a PIN, a fingerprint or a face.
    #[error("the passkey did not check who uses it; set a PIN, fingerprint or face on it")]
    NotVerified,
    /// Not one of ES256, EdDSA and RS256, or a key that is too short.
    #[error("the passkey has a kind of key that is not supported")]
    UnsupportedKey,
    /// The passkey proves its make in a way that was not asked for.
    #[error("the passkey was made with an attestation, and none was asked for")]
    Attestation,
    /// The signature is not of this passkey.
    #[error("the signature of the passkey is wrong")]
    BadSignature,
    /// The count of uses did not grow: two authenticators may have the same key.
    #[error("the passkey counts fewer uses than before: it may have been copied")]
    CountWentBack,
    /// It is another passkey, or another person's, than the one it was compared with.
    #[error("another passkey answered")]
    WrongPasskey,
}

/// What a browser answers when a passkey is made (`AuthenticatorAttestationResponse`), decoded from base64url.
#[derive(Clone, Copy, Debug)]
pub struct CreationAnswer<'a> {
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `attestationObject`.
    pub attestation: &'a [u8],
}

/// What a browser answers when a passkey is used (`AuthenticatorAssertionResponse`), decoded from base64url.
#[derive(Clone, Copy, Debug)]
pub struct RequestAnswer<'a> {
    /// `rawId`.
    pub credential_id: &'a [u8],
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `signature`.
    pub signature: &'a [u8],
    /// `userHandle`: what was `user.id` when the passkey was made; 16 bytes of the person's id.
    pub user_handle: Option<&'a [u8]>,
}

/// A passkey as it was kept.
#[derive(Clone, Copy, Debug)]
pub struct KnownPasskey<'a> {
    /// Its id.
    pub credential_id: &'a [u8],
    /// Its public key, as [`NewPasskey::public_key`] gave it.
    pub public_key: &'a [u8],
    /// How often it said that it had been used.
    pub sign_count: u32,
    /// The person's id.
    pub user_handle: &'a [u8],
}

/// A passkey that was made, to be kept. Only [`register`] gives one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    credential_id: Vec<u8>,
    public_key: Vec<u8>,
    sign_count: u32,
}

impl NewPasskey {
    /// Its id, chosen by the authenticator: 1 to 1,023 bytes.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// Its public key as the authenticator wrote it, a `COSE_Key` (RFC 9052).
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// How often it says that it was used; 0 for ever with authenticators that do not count.
    #[must_use]
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }
}

/// Somebody used this passkey just now, here, and was asked for PIN, fingerprint or face. Only [`verify`] gives one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPasskey {
    credential_id: Vec<u8>,
    public_key: Vec<u8>,
    sign_count: u32,
}

impl VerifiedPasskey {
    /// Its id.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// The public key that the signature was checked with; who looks the passkey up by its id compares it with what is kept.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// How often it was used, to be kept instead of the old number.
    #[must_use]
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }
}

/// Checks the answer to [`creation_options`] (section 7.1).
///
/// # Errors
/// The first thing that is wrong with it.
pub fn register(
    party: &RelyingParty,
    challenge: &Challenge,
    answer: &CreationAnswer<'_>,
) -> Result<NewPasskey, PasskeyError> {
    client::check(Ceremony::Create, party, challenge, bounded(answer.client_data)?)?;
    let attestation = authenticator::attestation(bounded(answer.attestation)?)?;
    let data = AuthenticatorData::parse(&attestation.auth_data)?;
    data.check_party(party)?;
    let made = data.made.as_ref().ok_or(PasskeyError::Malformed("no key in the authenticator data"))?;
    let key = cose::PublicKey::parse(made.public_key)?;
    if let Some(signature) = &attestation.own_signature {
        let signed = signed_bytes(&attestation.auth_data, answer.client_data);
        key.verify(&signed, signature)?;
    }
    data.check_person()?;
    Ok(NewPasskey {
        credential_id: made.credential_id.to_vec(),
        public_key: made.public_key.to_vec(),
        sign_count: data.sign_count,
    })
}

/// Checks the answer to [`request_options`] against the passkey that was kept under its id (section 7.2).
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify(
    party: &RelyingParty,
    challenge: &Challenge,
    answer: &RequestAnswer<'_>,
    known: &KnownPasskey<'_>,
) -> Result<VerifiedPasskey, PasskeyError> {
    let is_theirs = answer.user_handle.is_none_or(|handle| handle == known.user_handle);
    if answer.credential_id != known.credential_id || !is_theirs {
        return Err(PasskeyError::WrongPasskey);
    }
    client::check(Ceremony::Get, party, challenge, bounded(answer.client_data)?)?;
    let data = AuthenticatorData::parse(bounded(answer.authenticator_data)?)?;
    data.check_party(party)?;
    let signed = signed_bytes(answer.authenticator_data, answer.client_data);
    cose::PublicKey::parse(known.public_key)?.verify(&signed, bounded(answer.signature)?)?;
    data.check_person()?;
    if (data.sign_count != 0 || known.sign_count != 0) && data.sign_count <= known.sign_count {
        return Err(PasskeyError::CountWentBack);
    }
    Ok(VerifiedPasskey {
        credential_id: known.credential_id.to_vec(),
        public_key: known.public_key.to_vec(),
        sign_count: data.sign_count,
    })
}

fn bounded(bytes: &[u8]) -> Result<&[u8], PasskeyError> {
    if bytes.len() > LONGEST { Err(PasskeyError::Malformed("too long")) } else { Ok(bytes) }
}

/// What authenticators sign (section 6.3.3, step 11).
fn signed_bytes(auth_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    let mut signed = auth_data.to_vec();
    signed.extend_from_slice(&Sha256::digest(client_data));
    signed
}

#[cfg(test)]
mod tests;
