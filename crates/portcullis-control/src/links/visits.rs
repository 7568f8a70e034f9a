//! Who comes by a link.

use portcullis_access::{LinkVisit, Origin};

use super::is_spent;
use crate::{Control, ControlError, Result};

impl Control {
    /// Whoever has the address of a link, if it leads anywhere. `unlocked` is what [`unlock_link`](portcullis_access::Access::unlock_link)
    /// gave for the password.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for everything that leads nowhere, a link that was downloaded as often as it may be among it;
    /// otherwise as [`authenticate_link`](portcullis_access::Access::authenticate_link).
    pub async fn visit_link(
        &self,
        origin: Origin<'_>,
        token: &str,
        unlocked: Option<&str>,
    ) -> Result<LinkVisit> {
        let visit = self.access.authenticate_link(origin, token, unlocked).await?;
        if self.has_downloads_left(&visit).await? { Ok(visit) } else { Err(ControlError::NotFound) }
    }

    /// Whether a download may still begin.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn has_downloads_left(&self, visit: &LinkVisit) -> Result<bool> {
        if visit.link.max_downloads.is_none() {
            return Ok(true);
        }
        // What this node remembers of a link is not how often it was downloaded a moment ago.
        let link = self.metadata.link(visit.link.id).await?;
        Ok(link.is_some_and(|link| !is_spent(&link)))
    }

    /// Counts a download that is about to begin; false if no further one may. Of many at the same time, on whichever nodes, as many
    /// are told true as the limit allows.
    ///
    /// # Errors
    /// [`ControlError::Metadata`]; then nothing may be sent.
    pub async fn count_download(&self, visit: &LinkVisit) -> Result<bool> {
        Ok(self.metadata.count_download(visit.link.id).await?)
    }
}
