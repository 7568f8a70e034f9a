//! What an admin may know of a connection to an outside bucket, before and after it is a storage.

use portcullis_access::{AccessError, SiteAdmin};
use portcullis_domain::{Connection, DisplayName, Provider, Storage, StorageId, Timestamp};

use super::StorageDraft;
use crate::{Control, ControlError, RemoteState, Result};

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
    /// [`ControlError::Invalid`] for the fields of the connection,
    /// [`ControlError::Metadata`].
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
    /// [`ControlError::NotFound`], [`ControlError::Metadata`],
    /// [`ControlError::Access`].
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

    /// Two storages in one place would each count, list and delete what is the other's.
    pub(super) async fn check_place(&self, admin: &SiteAdmin, connection: &Connection) -> Result<()> {
        match self.own_storage_at(admin, connection).await? {
            None => Ok(()),
            Some(storage) => Err(ControlError::invalid(
                "bucket",
                format!(
                    "the storage “{}” lives here already; set share_bucket to connect the same place twice",
                    storage.name
                ),
            )),
        }
    }

    /// A storage of the admin's site in the same place, or in a part of it. One of another site is only noted in the log.
    async fn own_storage_at(&self, admin: &SiteAdmin, connection: &Connection) -> Result<Option<Storage>> {
        let Some(endpoint) = &connection.endpoint else { return Ok(None) };
        let there = self.metadata.storages_at(endpoint).await?;
        let overlapping = there.into_iter().filter(|storage| overlaps(&storage.connection, connection));
        let (own, foreign): (Vec<Storage>, Vec<Storage>) =
            overlapping.partition(|storage| storage.site == admin.site());
        if let Some(storage) = foreign.first() {
            tracing::warn!(storage = %storage.id, site = %admin.site(), "a bucket of another site's storage is connected");
        }
        Ok(own.into_iter().next())
    }
}

/// Whether one place is the other, or lies in it. Both have the same address.
fn overlaps(one: &Connection, other: &Connection) -> bool {
    let parts = |connection: &Connection| -> (String, String) {
        let bucket = connection.bucket.clone().unwrap_or_default();
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((&bucket, ""));
        (bucket.to_owned(), prefix.to_owned())
    };
    let ((one, its_prefix), (other, other_prefix)) = (parts(one), parts(other));
    one == other && (its_prefix.starts_with(&other_prefix) || other_prefix.starts_with(&its_prefix))
}

#[cfg(test)]
mod tests {
    use portcullis_domain::ConnectionId;

    use super::*;

    #[test]
    fn places_overlap_by_prefix() {
        let at = |bucket: &str| Connection {
            id: ConnectionId::generate(),
            provider: Provider::S3,
            region: "us-east-1".to_owned(),
            endpoint: None,
            bucket: Some(bucket.to_owned()),
            path_style: true,
        };
        assert!(overlaps(&at("a"), &at("a")));
        assert!(overlaps(&at("a"), &at("a/b/")));
        assert!(!overlaps(&at("a/c/"), &at("a/b/")));
        assert!(!overlaps(&at("a"), &at("b")));
    }
}
