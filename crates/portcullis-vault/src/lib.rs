//! Secrets at rest: what must be read again is sealed under a master key that is not in the database, passwords are stretched.
//!
//! This crate knows no record and no request: it takes bytes and a purpose. What a purpose is, and who may ask for what was
//! sealed, is `portcullis-access`'s to say.

mod master_key;
mod passwords;
mod sealing;
mod signing;

pub use master_key::{InvalidMasterKey, MasterKey};
pub use passwords::{PasswordError, Passwords, Place};
pub use sealing::{NotOpened, Vault};
pub use signing::{SigningKey, is_signed_by};

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;
