//! Passwords: hashed with Argon2id (RFC 9106), a few at a time, off the threads that serve others.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

/// Passwords that wait for their turn; more are told to come back.
const WAITING: usize = 32;

/// Why a password was not hashed or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being looked at")]
    Busy,
    /// The system gave no memory or no random numbers, or what is stored is no hash.
    #[error("the password could not be hashed")]
    Failed,
}

/// Hashes passwords and compares them with what is stored.
pub struct Passwords {
    working: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// The hash of no password: what is compared where there is none, so that it takes as long.
    nobody: String,
    /// How many were hashed so far.
    worked: AtomicU64,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords(..)")
    }
}

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Passwords {
    /// Works on so many passwords at a time (1 to 64), 19 MiB each.
    ///
    /// # Errors
    /// [`PasswordError::Failed`].
    pub async fn new(at_a_time: usize) -> Result<Self, PasswordError> {
        let working = Arc::new(Semaphore::new(at_a_time.clamp(1, 64)));
        let mut passwords = Self {
            working,
            waiting: Arc::new(Semaphore::new(WAITING)),
            nobody: String::new(),
            worked: AtomicU64::new(0),
        };
        let mut entropy = [0u8; 32];
        getrandom::fill(&mut entropy).map_err(|_| PasswordError::Failed)?;
        passwords.nobody = passwords.hash(&hex::encode(entropy)).await?;
        Ok(passwords)
    }

    /// How many passwords were hashed or compared since it was made; each takes as long as any other.
    #[must_use]
    pub fn worked(&self) -> u64 {
        self.worked.load(Ordering::Relaxed)
    }

    /// A place in the queue, if it is not full.
    ///
    /// # Errors
    /// [`PasswordError::Busy`].
    pub fn queue(&self) -> Result<Place, PasswordError> {
        let permit = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        Ok(Place { _permit: permit })
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`PasswordError::Failed`].
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = Zeroizing::new(password.to_owned());
        self.work(move || {
            let hash: PasswordHash =
                argon2id()?.hash_password(password.as_bytes()).map_err(|_| PasswordError::Failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether this is the password of a PHC string; never, and after the same time, if there is none.
    ///
    /// # Errors
    /// [`PasswordError::Failed`].
    pub async fn verify(&self, stored: Option<&str>, password: &str) -> Result<bool, PasswordError> {
        let known = stored.is_some();
        let (stored, password) =
            (stored.unwrap_or(&self.nobody).to_owned(), Zeroizing::new(password.to_owned()));
        self.work(move || {
            let hash = PasswordHash::new(&stored).map_err(|_| PasswordError::Failed)?;
            let right = argon2id()?.verify_password(password.as_bytes(), &hash).is_ok();
            Ok(right && known)
        })
        .await
    }

    /// The permit goes with the work: who gives up waiting does not let another begin before the work is done.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = Arc::clone(&self.working).acquire_owned().await.map_err(|_| PasswordError::Failed)?;
        self.worked.fetch_add(1, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        done.await.map_err(|_| PasswordError::Failed)?
    }
}

/// 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
fn argon2id() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|_| PasswordError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_verifies() {
        let passwords = Passwords::new(1).await.unwrap();
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify(Some(&stored), "correct horse").await.unwrap());
        assert!(!passwords.verify(Some(&stored), "correct house").await.unwrap());
        assert!(!passwords.verify(None, "correct horse").await.unwrap());
        assert_eq!(passwords.verify(Some("no hash"), "x").await, Err(PasswordError::Failed));
    }

    #[tokio::test]
    async fn the_queue_has_an_end() {
        let passwords = Passwords::new(1).await.unwrap();
        let places: Vec<_> = (0..WAITING).map(|_| passwords.queue().unwrap()).collect();
        assert_eq!(passwords.queue().unwrap_err(), PasswordError::Busy);
        drop(places);
        assert!(passwords.queue().is_ok());
    }
}
