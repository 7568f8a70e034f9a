//! What is to happen once, however often a form is sent.

use std::time::Duration;

use portcullis_access::{AccessError, Proof};
use sha2::{Digest as _, Sha256};

use crate::{Control, ControlError, Result};

/// The shortest and the longest token, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 32..=256;
/// How long a claim is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// A token for a form: 64 hexadecimal digits of chance.
///
/// # Errors
/// [`AccessError::Unavailable`] if the system gives no random numbers.
pub fn new_once_token() -> Result<String> {
    let mut entropy = [0u8; 32];
    getrandom::fill(&mut entropy).map_err(|_| AccessError::Unavailable)?;
    Ok(hex::encode(entropy))
}

impl Control {
    /// Claims a token for whoever acts; true the first time, and false for 24 hours after it, on every node. Claim it right before
    /// the deed: a form that is sent twice then does it once. What failed needs a new token.
    ///
    /// Tokens of different actors, or sites, have nothing to do with each other.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a token that is not 32 to 256 visible ASCII characters; [`ControlError::Metadata`].
    pub async fn claim_once(&self, proof: &impl Proof, token: &str) -> Result<bool> {
        if !LENGTHS.contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ControlError::invalid(
                "token",
                "32 to 256 visible ASCII characters, made by chance and new for each deed",
            ));
        }
        let mut hash = Sha256::new();
        for part in [
            b"portcullis once".as_slice(),
            proof.site().as_bytes(),
            proof.actor().as_bytes(),
            token.as_bytes(),
        ] {
            hash.update(part);
            // In none of the parts but the site's, which always has the same length.
            hash.update([0]);
        }
        Ok(self.metadata.claim_once(&hash.finalize().into(), self.access.now()).await?)
    }

    /// Forgets what nobody needs any more: claims and named calls older than 24 hours. To be called from time to time.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn tidy(&self) -> Result<()> {
        self.metadata.purge_once(self.access.now().before(REMEMBERED)).await?;
        self.metadata.purge_calls(self.access.now().before(crate::calls::REMEMBERED)).await?;
        self.tidy_resumables().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_can_be_claimed_and_is_new() {
        let (one, other) = (new_once_token().unwrap(), new_once_token().unwrap());
        assert!(LENGTHS.contains(&one.len()) && one.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_ne!(one, other);
    }
}
