//! What cannot be taken back is asked of people twice: they prove once more who they are.

use portcullis_access::Principal;

use crate::{Control, ControlError, Result};

impl Control {
    /// Refuses a person whose last proof of who they are is too long ago. Never a key: it proves itself with every request.
    ///
    /// # Errors
    /// [`ControlError::ConfirmationNeeded`].
    pub fn require_confirmed(&self, who: &Principal) -> Result<()> {
        if who.session_id().is_none() || self.access.is_confirmed(who) {
            return Ok(());
        }
        Err(ControlError::ConfirmationNeeded)
    }
}
