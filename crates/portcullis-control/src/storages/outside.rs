//! What an admin may know of a connection to an outside bucket, before and after it is a storage.

use portcullis_access::{AccessError, SiteAdmin};
use portcullis_domain::{Connection, DisplayName, Provider, StorageId, Timestamp};

use super::StorageDraft;
use crate::{Control, RemoteState, Result};

/// A connection as it was understood, before anything was asked of the provider.
#[derive(Clone, Debug)]
pub struct ConnectionReading {
    /// In its canonical form.
    pub connection: Connection,
    /// The name of a storage of the same site that lives in the same place, or in a part of it.
    pub shared_with: Option<DisplayName>,
}

/// What is known of a storage in an outside bucket besides what every storage has.
#[derive(Clone, Debug)]
pub struct RemoteView {
    /// The public half of the provider's credentials; none if what is stored cannot be read.
    pub access_key_id: Option<String>,
    /// How the connection is, as the driver saw it last; none if it was not used yet.
    pub state: Option<RemoteState>,
    /// When the bucket was counted; none if it was not yet.
    pub counted_at: Option<Timestamp>,
}

impl Control {
    /// Reads the connection of a draft without asking the provider for anything.
    ///
    /// # Errors
    /// [`ControlError::Invalid`](crate::ControlError::Invalid) for the fields of the connection,
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn read_connection(
        &self,
        admin: &SiteAdmin,
        draft: &StorageDraft,
    ) -> Result<ConnectionReading> {
        let connection = self.candidate(draft)?.connection;
        let storage = self.own_storage_at(admin, &connection).await?;
        Ok(ConnectionReading { connection, shared_with: storage.map(|storage| storage.name) })
    }

    /// What is known of a storage's connection to its provider; none for the embedded store. Nothing is asked of the provider.
    ///
    /// # Errors
    /// [`ControlError::NotFound`](crate::ControlError::NotFound), [`ControlError::Metadata`](crate::ControlError::Metadata),
    /// [`ControlError::Access`](crate::ControlError::Access).
    pub async fn remote_view(&self, admin: &SiteAdmin, id: StorageId) -> Result<Option<RemoteView>> {
        let storage = self.find_storage(admin, id).await?;
        if storage.connection.provider == Provider::Builtin {
            return Ok(None);
        }
        let access_key_id = match self.access.provider_credentials_for(admin, id).await {
            Ok(credentials) => credentials.map(|credentials| credentials.access_key_id),
            Err(AccessError::Backend(error)) => {
                tracing::error!(storage = %id, %error, "the credentials of a provider cannot be read");
                None
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(RemoteView {
            access_key_id,
            state: self.remotes.state(id),
            counted_at: self.remotes.counted_at(id),
        }))
    }
}
