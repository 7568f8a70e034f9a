//! One request whose sender is known: what the operations work on.

use http::HeaderMap;
use portcullis_access::{Access, AccessError, Grant, Permitted, Principal, StorageAccess, VersionId};
use portcullis_domain::{BucketName, ObjectKey};

use crate::Config;
use crate::error::{About, Code, S3Error, access_error};
use crate::operation::Operation;
use crate::query::Query;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) config: Config,
    pub(crate) access: Access,
}

/// A request without its body, read and authenticated.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) door: &'a Door,
    pub(crate) operation: Operation,
    pub(crate) who: Principal,
    pub(crate) bucket: Option<&'a str>,
    pub(crate) key: Option<&'a ObjectKey>,
    pub(crate) query: &'a Query<'a>,
    pub(crate) headers: &'a HeaderMap,
}

impl Call<'_> {
    /// The storage whose bucket the request names.
    ///
    /// # Errors
    /// `AccessDenied` for a bucket that is not there or not theirs, which look the same.
    pub(crate) async fn storage(&self) -> Result<StorageAccess, S3Error> {
        self.storage_named(self.bucket_name()).await
    }

    /// A storage by the name of its bucket.
    ///
    /// # Errors
    /// As [`Call::storage`].
    pub(crate) async fn storage_named(&self, bucket: &str) -> Result<StorageAccess, S3Error> {
        let name = BucketName::parse(bucket).map_err(|_| Code::InvalidBucketName)?;
        self.door.access.storage(&self.who, &name).await.map_err(|error| self.error(error))
    }

    /// The name of the bucket; empty if the request is to none, which no storage has.
    pub(crate) fn bucket_name(&self) -> &str {
        self.bucket.unwrap_or_default()
    }

    /// The text of the key; empty if the request is to none.
    pub(crate) fn key_text(&self) -> &str {
        self.key.map_or("", ObjectKey::as_str)
    }

    /// Permission for one action on the object that the request names.
    ///
    /// # Errors
    /// As [`Call::storage`], and `AccessDenied`.
    pub(crate) async fn grant<A: Permitted<Target = ObjectKey>>(&self) -> Result<Grant<A>, S3Error> {
        let storage = self.storage().await?;
        self.grant_in(&storage)
    }

    /// As [`Call::grant`], in a storage that was entered already.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub(crate) fn grant_in<A: Permitted<Target = ObjectKey>>(
        &self,
        storage: &StorageAccess,
    ) -> Result<Grant<A>, S3Error> {
        let key = self.key.cloned().ok_or(Code::MethodNotAllowed)?;
        storage.grant::<A>(key).map_err(|error| self.error(error))
    }

    /// The version that the request names. `null` is what S3 calls the current object of a bucket without versioning.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no version id.
    pub(crate) fn version(&self) -> Result<Option<VersionId>, S3Error> {
        parse_version(self.query.get("versionId"))
    }

    /// The answer to an error of this request.
    pub(crate) fn error(&self, error: AccessError) -> S3Error {
        let named = self.query.filled("versionId").is_some_and(|version| version != "null");
        let part = self.query.has("partNumber") && !self.query.has("uploadId");
        access_error(error, About { version: named, part, payload_hash: false })
    }
}

/// A version id as clients write it.
///
/// # Errors
/// `InvalidArgument` for what is no version id.
pub(crate) fn parse_version(text: Option<&str>) -> Result<Option<VersionId>, S3Error> {
    match text {
        None | Some("null") => Ok(None),
        Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(VersionId(id.into())))
        }
        Some(_) => Err(S3Error::argument("versionId", "Invalid version id specified")),
    }
}
