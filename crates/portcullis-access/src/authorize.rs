//! From a principal to a storage, and from a storage to grants.

use std::fmt;
use std::sync::Arc;

use portcullis_backend::{Backend, Capabilities, UploadsPage, UploadsRequest};
use portcullis_domain::{Action, BucketName, DenyReason, KeyPrefix, ObjectKey, Storage, StorageId, Usage};
use portcullis_metadata::ActivityKind;

use crate::batch::Batch;
use crate::directory::Part;
use crate::grant::{Grant, UploadsAfter};
use crate::principal::Principal;
use crate::watch::{Registration, Transfer, Why};
use crate::{Access, AccessError, Denial};

pub(crate) mod sealed {
    use crate::directory::Part;

    pub trait Sealed {}

    /// What a grant is for: one object, or all keys under a prefix.
    pub trait Place: Clone + std::fmt::Debug + Send + Sync + 'static {
        fn part(&self) -> Part<'_>;
    }
}

impl sealed::Place for ObjectKey {
    fn part(&self) -> Part<'_> {
        Part::Object(self)
    }
}

impl sealed::Place for KeyPrefix {
    fn part(&self) -> Part<'_> {
        Part::Prefix(self)
    }
}

/// The action a grant is for. Sealed: the four here are all there are.
pub trait Permitted: sealed::Sealed + fmt::Debug + 'static {
    /// The action as the policy knows it.
    const ACTION: Action;
    /// What it is done to.
    type Target: sealed::Place;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident on $target:ty),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Permitted for $name {
            const ACTION: Action = Action::$name;
            type Target = $target;
        }
    )* };
}

actions! {
    /// Enumerate the keys under a prefix.
    List on KeyPrefix,
    /// Read an object.
    Get on ObjectKey,
    /// Create or overwrite an object.
    Put on ObjectKey,
    /// Remove an object.
    Delete on ObjectKey,
}

/// A principal at a storage, with the means that only a decision hands on.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) access: Access,
    pub(crate) who: Principal,
    pub(crate) storage: StorageId,
    pub(crate) backend: Arc<dyn Backend>,
    /// To which what is stored belongs, if it does.
    pub(crate) batch: Option<Batch>,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("who", &self.who).field("storage", &self.storage).finish_non_exhaustive()
    }
}

impl Seat {
    /// Asks the policy, with everything as it is now; a refusal goes to the audit trail.
    pub(crate) fn ask(&self, action: Action, part: Part<'_>) -> Result<Arc<Storage>, AccessError> {
        self.access.heard()?;
        let now = self.access.now();
        self.access.inner().directory.decide(&self.who, now, action, self.storage, part).map_err(|reason| {
            let place = Some((self.storage, part));
            self.access.refuse_principal(&self.who, action.as_str(), place, Denial::Policy(reason))
        })
    }

    /// Asks without a trace: what else the principal might do.
    pub(crate) fn allows(&self, action: Action, part: Part<'_>) -> bool {
        let now = self.access.now();
        self.access.inner().directory.decide(&self.who, now, action, self.storage, part).is_ok()
    }

    /// Puts a transfer on the watch list. To be followed by [`Seat::ask`].
    pub(crate) fn register(&self, action: Action, object: &ObjectKey) -> Arc<Registration> {
        let now = self.access.now();
        let transfer = Transfer::new(self.who.clone(), self.storage, action, object.clone(), now);
        self.access.inner().watch.begin(transfer, Some(self.clone()))
    }

    /// Sees to it that nothing which is handed out leaves this machine once it has not heard of changes for too long.
    pub(crate) fn bind(&self) {
        if let Some(line) = self.who.line() {
            line.bind(Arc::clone(&self.access.inner().lease));
        }
    }

    /// The last question, when all of an upload has come. Cuts it if the answer is no.
    pub(crate) fn still_may(&self, transfer: &Arc<Transfer>) -> bool {
        let part = Part::Object(&transfer.object);
        let now = self.access.now();
        match self.access.inner().directory.decide(&self.who, now, transfer.action, self.storage, part) {
            Ok(_) => self.access.heard().is_ok(),
            Err(reason) => {
                let why = Why::Denied(reason);
                if self.access.inner().watch.cut(transfer, why) {
                    self.access.note_cut(transfer, why);
                }
                false
            }
        }
    }

    pub(crate) fn refuse(&self, action: Action, object: &ObjectKey, denial: Denial) -> AccessError {
        let place = Some((self.storage, Part::Object(object)));
        self.access.refuse_principal(&self.who, action.as_str(), place, denial)
    }
}

/// A storage that this principal may know of. It allows nothing yet: [`StorageAccess::grant`] does.
#[derive(Clone)]
pub struct StorageAccess {
    pub(crate) seat: Seat,
    storage: Arc<Storage>,
}

impl fmt::Debug for StorageAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageAccess").field("seat", &self.seat).finish_non_exhaustive()
    }
}

impl StorageAccess {
    /// The storage as it was when it was entered.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Who entered.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.seat.who
    }

    pub(crate) fn access(&self) -> &Access {
        &self.seat.access
    }

    /// What its driver can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.seat.backend.capabilities()
    }

    /// Permission for one action on one object, or on the keys under a prefix.
    ///
    /// # Errors
    /// [`AccessError::Denied`] as the policy says; [`AccessError::Unavailable`] if this node has not heard of
    /// revocations for too long.
    pub fn grant<A: Permitted>(&self, target: A::Target) -> Result<Grant<A>, AccessError> {
        let part = sealed::Place::part(&target);
        let storage = self.seat.ask(A::ACTION, part)?;
        self.seat.admitted(A::ACTION, part, &storage)?;
        self.seat.touch(false);
        Ok(Grant::new(self.seat.clone(), target))
    }

    /// The same question as [`StorageAccess::grant`], without a grant and without an entry in the audit trail: for what an
    /// answer may tell.
    #[must_use]
    pub fn permits<A: Permitted>(&self, target: &A::Target) -> bool {
        self.seat.allows(A::ACTION, sealed::Place::part(target))
    }

    /// What the storage holds. For those who may list all of it or administer it.
    ///
    /// # Errors
    /// [`AccessError::Denied`], [`AccessError::Backend`].
    pub async fn usage(&self) -> Result<Usage, AccessError> {
        self.ask_for_numbers()?;
        Ok(self.seat.backend.usage().await?)
    }

    /// How many more bytes fit, as far as the driver can tell. For those who may see [`StorageAccess::usage`].
    ///
    /// # Errors
    /// [`AccessError::Denied`], [`AccessError::Backend`].
    pub async fn available(&self) -> Result<Option<u64>, AccessError> {
        self.ask_for_numbers()?;
        Ok(self.seat.backend.available().await?)
    }

    fn ask_for_numbers(&self) -> Result<(), AccessError> {
        if self.seat.allows(Action::Administer, Part::Whole) {
            return self.seat.access.heard();
        }
        self.seat.ask(Action::List, Part::Prefix(&KeyPrefix::default())).map(drop)
    }

    /// The multipart uploads that this very key began under a prefix and did not finish: what a key that may put but not
    /// list is told of uploads. A session, which is no key, sees what it may list.
    ///
    /// # Errors
    /// [`AccessError::Denied`], [`AccessError::Backend`].
    pub async fn own_uploads(
        &self,
        prefix: KeyPrefix,
        page: UploadsAfter,
    ) -> Result<UploadsPage, AccessError> {
        let owner = self.seat.who.key_id();
        let action = if owner.is_some() { Action::Put } else { Action::List };
        let storage = self.seat.ask(action, Part::Prefix(&prefix))?;
        self.seat.admitted(action, Part::Prefix(&prefix), &storage)?;
        let UploadsAfter { delimiter, after, limit } = page;
        Ok(self.seat.backend.list_uploads(&UploadsRequest { prefix, delimiter, after, limit, owner }).await?)
    }
}

impl Access {
    /// The storage with this bucket name, if the principal may enter it.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] if there is none, or none that this principal may know of; [`AccessError::Denied`] if
    /// they may know of it and not enter; [`AccessError::Backend`] if it cannot be opened.
    pub async fn storage(&self, who: &Principal, bucket: &BucketName) -> Result<StorageAccess, AccessError> {
        self.enter(who, self.inner().directory.storage_named(bucket), Some(bucket)).await
    }

    /// As [`Access::storage`], by id.
    ///
    /// # Errors
    /// As [`Access::storage`].
    pub async fn storage_by_id(&self, who: &Principal, id: StorageId) -> Result<StorageAccess, AccessError> {
        self.enter(who, self.inner().directory.storage(id), None).await
    }

    async fn enter(
        &self,
        who: &Principal,
        storage: Option<Arc<Storage>>,
        asked: Option<&BucketName>,
    ) -> Result<StorageAccess, AccessError> {
        self.heard()?;
        let now = self.now();
        let refuse = |place, reason| self.refuse_principal(who, "enter", place, Denial::Policy(reason));
        let Some(storage) = storage else {
            self.inner().directory.alive(who, now).map_err(|reason| refuse(None, reason))?;
            match asked {
                Some(bucket) => self.refuse_bucket(who, bucket, Denial::Policy(DenyReason::OutOfScope)),
                None => drop(refuse(None, DenyReason::OutOfScope)),
            }
            return Err(AccessError::NotFound);
        };
        let storage = match self.inner().directory.decide(who, now, Action::Enter, storage.id, Part::Whole) {
            Ok(storage) => storage,
            Err(reason) => {
                let own = (storage.site == who.site()).then_some((storage.id, Part::Whole));
                let denied = match asked {
                    // Of a bucket that is somebody else's only the name is known here.
                    Some(bucket) if own.is_none() => {
                        self.refuse_bucket(who, bucket, Denial::Policy(reason));
                        AccessError::Denied(Denial::Policy(reason))
                    }
                    Some(_) | None => refuse(own, reason),
                };
                return Err(if is_invisible(reason) { AccessError::NotFound } else { denied });
            }
        };
        self.inner().last_used.note(who, now);
        self.count(who, Some(storage.id), ActivityKind::Used, Action::Enter.as_str());
        let credentials = self.provider_credentials(storage.id);
        let opened = self.inner().registry.backend(&storage, credentials).await?;
        let backend = if who.pass().is_some() { opened.whole } else { opened.shown };
        let seat = Seat { access: self.clone(), who: who.clone(), storage: storage.id, backend, batch: None };
        Ok(StorageAccess { seat, storage })
    }

    /// The storages that the principal may enter, by bucket name.
    ///
    /// # Errors
    /// [`AccessError::Denied`] if the principal may do nothing anywhere: expired, switched off, from a wrong network.
    pub fn visible_storages(&self, who: &Principal) -> Result<Vec<Arc<Storage>>, AccessError> {
        self.heard()?;
        let (now, directory) = (self.now(), &self.inner().directory);
        directory
            .alive(who, now)
            .map_err(|reason| self.refuse_principal(who, "list_storages", None, Denial::Policy(reason)))?;
        self.inner().last_used.note(who, now);
        self.count(who, None, ActivityKind::Used, Action::Enter.as_str());
        let mut visible = directory.storages_of(who.site());
        visible.retain(|storage| directory.decide(who, now, Action::Enter, storage.id, Part::Whole).is_ok());
        Ok(visible)
    }
}

/// Whether who is refused for this reason may not even know that the storage exists.
const fn is_invisible(reason: DenyReason) -> bool {
    match reason {
        DenyReason::OtherSite | DenyReason::OutOfScope | DenyReason::NotGranted => true,
        DenyReason::OutsidePrefix
        | DenyReason::KeyPermission
        | DenyReason::StorageDetached
        | DenyReason::StoragePaused
        | DenyReason::StorageS3Off
        | DenyReason::StorageNetwork
        | DenyReason::StoragePermission
        | DenyReason::KeyDeleted
        | DenyReason::KeyExpired
        | DenyReason::KeyDisabled
        | DenyReason::WrongChannel
        | DenyReason::KeyNetwork
        | DenyReason::UserDisabled
        | DenyReason::SessionExpired
        | DenyReason::CredentialsReplaced
        | DenyReason::CredentialsExpired
        | DenyReason::SecondFactorNeeded
        | DenyReason::GrantPermission
        | DenyReason::LinkPermission
        | DenyReason::LinkEnded
        | DenyReason::LinkExpired
        | DenyReason::LinkNetwork => false,
    }
}
