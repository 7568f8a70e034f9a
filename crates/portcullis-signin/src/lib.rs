//! How people prove who they are, without a database.
//!
//! Each module checks one kind of proof and keeps nothing: what must be remembered (a seed, a public key, the step of the
//! last code) is handed in and handed back, and the time is an argument.
//!
//! * [`totp`]: codes of an authenticator app (RFC 6238).
//! * [`recovery`]: codes on paper, for the day the app is gone.
//! * [`oidc`]: an OpenID Connect provider vouches for them. The one module that speaks to somebody, and that keeps for minutes what it
//!   was told.
//! * [`passkey`]: keys in a phone, a computer or a stick (WebAuthn Level 2).
//! * [`throttle`]: how who guesses is slowed down, whatever the proof.
//!
//! A successful check gives a value that cannot be made in any other way, so that whoever is handed a
//! [`passkey::VerifiedPasskey`] need not ask whether somebody looked.

pub mod oidc;
pub mod passkey;
pub mod recovery;
pub mod throttle;
pub mod totp;

pub use oidc::VerifiedIdentity;
pub use passkey::VerifiedPasskey;
