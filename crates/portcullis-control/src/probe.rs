//! Tries a storage out and says what each step found.

use std::borrow::Cow;

use portcullis_access::{
    AccessError, BackendErrorKind, Body, Delete, DeleteOptions, Get, GetOptions, GetOutcome, List, Put,
    PutOptions, SiteAdmin, StorageAccess, WriteConditions,
};
use portcullis_domain::{KeyPrefix, ObjectKey, Provider, Storage, StorageId};

use crate::audit::Deed;
use crate::{Control, Result};

/// How far a test goes.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOptions {
    /// Whether a small object is written, read back and deleted again.
    pub write: bool,
}

/// One step of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was tried: `connect`, `index`, `space`, `write`, `read`, `delete`; of remote buckets `name`, `tcp`, `tls`, `clock`, `credentials`, `bucket`, `list`, `write`.
    pub name: &'static str,
    /// Whether it worked.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do if it did not work; if it did, what is worth knowing, mostly nothing.
    pub advice: Cow<'static, str>,
}

/// Space below which a test complains, in bytes.
const LITTLE_SPACE: u64 = 64 << 20;

impl Step {
    fn fine(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), advice: Cow::Borrowed("") }
    }

    fn failed(name: &'static str, error: &AccessError) -> Self {
        let (detail, advice) = in_words(error);
        Self { name, ok: false, detail: detail.to_owned(), advice: Cow::Borrowed(advice) }
    }
}

impl Control {
    /// Tries a storage out with the admin's own rights. A step that fails is a finding, not an error; those after it that
    /// would need it are left out.
    ///
    /// # Errors
    /// [`ControlError::NotFound`](crate::ControlError::NotFound), [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn test_storage(
        &self,
        admin: &SiteAdmin,
        id: StorageId,
        options: ProbeOptions,
    ) -> Result<Vec<Step>> {
        let storage = self.find_storage(admin, id).await?;
        self.record(admin, Deed { action: "test_storage", storage: Some(id), ..Deed::default() }).await?;
        if storage.connection.provider != Provider::Builtin {
            return self.test_remote(admin, &storage, options).await;
        }
        let entered = match self.access.storage_by_id(admin.principal(), id).await {
            Ok(entered) => entered,
            Err(error) => return Ok(vec![Step::failed("connect", &error)]),
        };
        let mut steps = vec![Step::fine("connect", "the store opened")];
        steps.push(index(&entered).await);
        steps.push(space(&entered).await);
        if options.write {
            let name = format!(".portcullis-test-{}", admin.principal().request_id());
            if let Ok(key) = ObjectKey::parse(&name) {
                write_and_delete(&entered, &key, &mut steps).await;
            }
        }
        Ok(steps)
    }

    /// The way to the provider step by step, as before the storage was made, and then what the storage says it holds.
    async fn test_remote(
        &self,
        admin: &SiteAdmin,
        storage: &Storage,
        options: ProbeOptions,
    ) -> Result<Vec<Step>> {
        let credentials = match self.access.provider_credentials_for(admin, storage.id).await {
            Ok(credentials) => credentials,
            Err(error) => return Ok(vec![Step::failed("connect", &error)]),
        };
        let mut steps = match &credentials {
            Some(credentials) => self.remotes.check(&storage.connection, credentials, options.write).await,
            None => Vec::new(),
        };
        // What whoever connects a bucket should know of its contents is no news here.
        for step in steps.iter_mut().filter(|step| step.ok && step.name == "list") {
            step.advice = Cow::Borrowed("");
        }
        if steps.iter().all(|step| step.ok) {
            steps.push(match self.access.storage_by_id(admin.principal(), storage.id).await {
                Ok(entered) => index(&entered).await,
                Err(error) => Step::failed("connect", &error),
            });
        }
        Ok(steps)
    }
}

async fn index(entered: &StorageAccess) -> Step {
    let counted = async {
        let usage = entered.usage().await?;
        entered.grant::<List>(KeyPrefix::default())?.page(None, None, 1).await?;
        Ok(usage)
    };
    match counted.await {
        Ok(usage) => Step::fine(
            "index",
            format!("{} files in {} folders, {} bytes", usage.files, usage.folders, usage.bytes),
        ),
        Err(error) => Step::failed("index", &error),
    }
}

async fn space(entered: &StorageAccess) -> Step {
    match entered.available().await {
        Ok(Some(free)) if free < LITTLE_SPACE => Step {
            name: "space",
            ok: false,
            detail: format!("only {free} bytes are left"),
            advice: "free some space on the disk, or delete files and previous versions".into(),
        },
        Ok(Some(free)) => Step::fine("space", format!("{free} bytes are left")),
        Ok(None) => Step::fine("space", "the provider does not say how much is left"),
        Err(error) => Step::failed("space", &error),
    }
}

/// Never touches an object that is there: the name is the request's own, and the write is refused if it exists.
async fn write_and_delete(entered: &StorageAccess, key: &ObjectKey, steps: &mut Vec<Step>) {
    const TEXT: &[u8] = b"Portcullis tests this storage.";
    let written = async {
        let options = PutOptions {
            length: u64::try_from(TEXT.len()).ok(),
            conditions: WriteConditions { if_absent: true, if_match: None },
            ..PutOptions::default()
        };
        entered.grant::<Put>(key.clone())?.put(Body::Full(TEXT.into()), options).await
    };
    if let Err(error) = written.await {
        steps.push(Step::failed("write", &error));
        return;
    }
    steps.push(Step::fine("write", "a small file was written"));
    let seen = async { entered.grant::<Get>(key.clone())?.head(&GetOptions::default()).await };
    steps.push(match seen.await {
        Ok(GetOutcome::Found(meta)) if usize::try_from(meta.size) == Ok(TEXT.len()) => {
            Step::fine("read", "it is there, with the size it should have")
        }
        Ok(GetOutcome::Found(_) | GetOutcome::NotModified(_)) => Step {
            name: "read",
            ok: false,
            detail: "it is there, but not as it was written".to_owned(),
            advice: "check the disk or the provider".into(),
        },
        Err(error) => Step::failed("read", &error),
    });
    let deleted = async { entered.grant::<Delete>(key.clone())?.delete(DeleteOptions::default()).await };
    steps.push(match deleted.await {
        Ok(_) => Step::fine("delete", "it was deleted again"),
        Err(error) => Step::failed("delete", &error),
    });
}

/// What a failure means, and what to do.
fn in_words(error: &AccessError) -> (&'static str, &'static str) {
    match error {
        AccessError::Denied(_) => (
            "the settings of the storage refuse this key",
            "look at the storage's permission and networks, or test with a sign-in instead of a key",
        ),
        AccessError::NotFound => ("the storage is gone", "list the storages again"),
        AccessError::Throttled { .. } => ("too many attempts", "try again later"),
        AccessError::Metadata(_) | AccessError::Unavailable => {
            ("the database does not answer", "look at the server's log and at its database")
        }
        AccessError::Backend(error) => match error.kind {
            BackendErrorKind::Full => {
                ("the disk is full", "free some space on the disk of the data directory")
            }
            BackendErrorKind::QuotaExceeded => ("the quota is used up", "raise the quota or delete files"),
            BackendErrorKind::Corrupt => {
                ("stored data is damaged", "keep a copy of the data directory and restore a backup")
            }
            BackendErrorKind::Archived => {
                ("the file lies in the provider's archive", "have it restored there first")
            }
            BackendErrorKind::Reserved => ("the name is reserved", "take another"),
            BackendErrorKind::Unsupported => ("the driver cannot do this", "use another provider"),
            BackendErrorKind::PreconditionFailed => ("something has the name of the test file", "try again"),
            BackendErrorKind::Unavailable => {
                ("the store does not answer", "look at the server's log and at the disk")
            }
            BackendErrorKind::NotFound
            | BackendErrorKind::NoSuchUpload
            | BackendErrorKind::InvalidRange { .. }
            | BackendErrorKind::InvalidPart
            | BackendErrorKind::InvalidPartOrder
            | BackendErrorKind::PartTooSmall
            | BackendErrorKind::TooLarge
            | BackendErrorKind::Body(_) => ("the store answers as it should not", "look at the server's log"),
        },
    }
}
