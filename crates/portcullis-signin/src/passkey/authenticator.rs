//! What the authenticator says (section 6.1, "Authenticator Data"), and the envelope it comes in when a passkey is made
//! (section 6.5.4, "Attestation Object").

use subtle::ConstantTimeEq as _;

use super::{LONGEST_ID, PasskeyError, RelyingParty, cbor, cose};

/// Bits of the flags.
const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const MADE: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
/// Bytes of the id of an authenticator's make.
const AAGUID: usize = 16;

/// The part that is signed.
pub(super) struct AuthenticatorData<'a> {
    party: &'a [u8],
    flags: u8,
    pub(super) sign_count: u32,
    /// When a passkey was made.
    pub(super) made: Option<Made<'a>>,
}

pub(super) struct Made<'a> {
    pub(super) credential_id: &'a [u8],
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, PasskeyError> {
        Self::read(bytes).unwrap_or(Err(PasskeyError::Malformed("the authenticator data is cut off")))
    }

    /// None if it ends too early.
    fn read(bytes: &'a [u8]) -> Option<Result<Self, PasskeyError>> {
        let (party, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let mut made = None;
        if flags & MADE != 0 {
            let (_, after) = rest.split_at_checked(AAGUID)?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length == 0 || length > LONGEST_ID {
                return Some(Err(PasskeyError::Malformed("the length of the credential id")));
            }
            let (credential_id, after) = after.split_at_checked(length)?;
            let taken = match cbor::first(after) {
                Ok((_, taken)) => taken,
                Err(error) => return Some(Err(error)),
            };
            let (public_key, after) = after.split_at_checked(taken)?;
            made = Some(Made { credential_id, public_key });
            rest = after;
        }
        if flags & EXTENSIONS != 0 {
            if let Err(error) = cbor::whole(rest) {
                return Some(Err(error));
            }
            rest = &[];
        }
        if !rest.is_empty() {
            return Some(Err(PasskeyError::Malformed("bytes after the authenticator data")));
        }
        Some(Ok(Self { party, flags: *flags, sign_count: u32::from_be_bytes(*count), made }))
    }

    /// Whether the passkey belongs to this domain.
    pub(super) fn check_party(&self, party: &RelyingParty) -> Result<(), PasskeyError> {
        if self.party.ct_eq(&party.id_hash()).into() { Ok(()) } else { Err(PasskeyError::WrongParty) }
    }

    /// Whether a person was there, and was asked for PIN, fingerprint or face.
    pub(super) const fn check_person(&self) -> Result<(), PasskeyError> {
        if self.flags & PRESENT == 0 {
            Err(PasskeyError::NotPresent)
        } else if self.flags & VERIFIED == 0 {
            Err(PasskeyError::NotVerified)
        } else {
            Ok(())
        }
    }
}

/// The envelope.
pub(super) struct Attestation {
    pub(super) auth_data: Vec<u8>,
    /// The signature of the new key itself: some authenticators give one although none is asked for.
    pub(super) own_signature: Option<Vec<u8>>,
}

pub(super) fn attestation(bytes: &[u8]) -> Result<Attestation, PasskeyError> {
    let mut map = cbor::whole(bytes)?;
    let (format, statement) = (map.text("fmt"), map.map("attStmt"));
    let (Some(format), Some(mut statement), Some(auth_data)) = (format, statement, map.bytes("authData"))
    else {
        return Err(PasskeyError::Malformed("the attestation object"));
    };
    let own_signature = match format.as_str() {
        "none" if statement.is_empty() => None,
        // Section 8.2: without a certificate it is the key's own.
        "packed" if statement.take("x5c").is_none() => {
            let algorithm = statement.integer("alg");
            let known = algorithm.is_some_and(|alg| [cose::ES256, cose::EDDSA, cose::RS256].contains(&alg));
            Some(statement.bytes("sig").filter(|_| known).ok_or(PasskeyError::Attestation)?)
        }
        _ => return Err(PasskeyError::Attestation),
    };
    Ok(Attestation { auth_data, own_signature })
}
