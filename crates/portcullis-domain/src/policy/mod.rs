//! The decision: one pure function for every channel and every deed.
//!
//! It is a list of rules, each of which can only refuse. A request passes when no rule refuses it, so the order of the
//! rules changes which reason is given, never the verdict. What a door must not do is ask anything of its own.

use std::net::IpAddr;

use crate::permission::words;
use crate::{
    Action, Channel, Key, KeyPrefix, KeyState, ObjectKey, Permission, Role, Scope, SiteId, Storage,
    StorageState, Timestamp, User, UserState,
};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A program, by a key. `owner` is the user of a key with [`Scope::User`]; without them such a key opens nothing.
    Key {
        /// The key that authenticated.
        key: &'a Key,
        /// The user it belongs to, if its scope is a user.
        owner: Option<&'a User>,
    },
    /// A person, signed in.
    Session {
        /// Who signed in.
        user: &'a User,
        /// The first moment at which the sign-in no longer holds.
        expires: Timestamp,
    },
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The administration of a site.
    Site(SiteId),
    /// A storage as a whole.
    Storage(&'a Storage),
    /// All keys of a storage under a prefix.
    Prefix(&'a Storage, &'a KeyPrefix),
    /// One object, there or not.
    Object(&'a Storage, &'a ObjectKey),
}

/// A question to the policy. Time, peer and state are arguments: the answer depends on nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub subject: Subject<'a>,
    /// Over which protocol.
    pub channel: Channel,
    /// From where.
    pub peer: IpAddr,
    /// When.
    pub now: Timestamp,
    /// To do what.
    pub action: Action,
    /// To what.
    pub target: Target<'a>,
}

words! {
    /// Why a request was refused. For the audit trail; an outsider only learns "access denied".
    DenyReason {
        /// The key was deleted.
        KeyDeleted = "key_deleted",
        /// The key is past its expiry.
        KeyExpired = "key_expired",
        /// The key's permission is `none`.
        KeyDisabled = "key_disabled",
        /// The key opens another protocol.
        WrongChannel = "wrong_channel",
        /// The key may not be used from this address.
        KeyNetwork = "key_network",
        /// The key belongs to another site.
        OtherSite = "other_site",
        /// The key is for another storage, or not for administration.
        OutOfScope = "out_of_scope",
        /// The key reaches only part of the storage.
        OutsidePrefix = "outside_prefix",
        /// The key's permission does not allow this.
        KeyPermission = "key_permission",
        /// The user is disabled or gone.
        UserDisabled = "user_disabled",
        /// The sign-in has run out.
        SessionExpired = "session_expired",
        /// The user is not an admin and nothing was shared with them.
        NotGranted = "not_granted",
        /// The storage's connection was cut.
        StorageDetached = "storage_detached",
        /// S3 access to the storage is switched off.
        StorageS3Off = "storage_s3_off",
        /// The storage may not be reached from this address.
        StorageNetwork = "storage_network",
        /// The storage's own permission does not allow this.
        StoragePermission = "storage_permission",
    }
    "a deny reason"
}

impl DenyReason {
    /// The reason in words, for the person who looks it up.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::KeyDeleted => "the key was deleted",
            Self::KeyExpired => "the key has expired",
            Self::KeyDisabled => "the key is switched off (permission none)",
            Self::WrongChannel => "the key opens another channel than the one it was used on",
            Self::KeyNetwork => "the key may not be used from this address",
            Self::OtherSite => "the key belongs to another site",
            Self::OutOfScope => "the key is not for this storage",
            Self::OutsidePrefix => "the key reaches only a part of the storage, and this lies outside of it",
            Self::KeyPermission => "the key's permission does not include this action",
            Self::UserDisabled => "the user of this key or session is disabled",
            Self::SessionExpired => "the sign-in has run out",
            Self::NotGranted => "nothing was shared with this user that includes this",
            Self::StorageDetached => "the storage's connection was cut",
            Self::StorageS3Off => "S3 access to this storage is switched off",
            Self::StorageNetwork => "the storage may not be reached from this address",
            Self::StoragePermission => "the storage's own permission does not include this action",
        }
    }
}

type Rule = fn(&Request<'_>) -> Option<DenyReason>;

/// Every rule. The first that refuses names the reason: what is wrong with the key comes before what is wrong with
/// the place, so that an admin reads the cause and not a consequence.
const RULES: [Rule; 7] =
    [subject_lives, right_channel, key_network, within_scope, storage_open, storage_network, permitted];

/// Whether the request is allowed. Pure and total.
///
/// # Errors
/// The reason of the first rule that refuses.
pub fn decide(request: &Request<'_>) -> Result<(), DenyReason> {
    RULES.iter().find_map(|rule| rule(request)).map_or(Ok(()), Err)
}

fn subject_lives(request: &Request<'_>) -> Option<DenyReason> {
    let dead_user = |user: &User| (user.state == UserState::Disabled).then_some(DenyReason::UserDisabled);
    match request.subject {
        Subject::Key { key, owner } => {
            if key.state == KeyState::Deleted {
                return Some(DenyReason::KeyDeleted);
            }
            if key.expires.is_some_and(|end| end <= request.now) {
                return Some(DenyReason::KeyExpired);
            }
            if key.permission == Permission::None {
                return Some(DenyReason::KeyDisabled);
            }
            match (key.scope, owner) {
                (Scope::User(id), Some(user)) if user.id == id && user.site == key.site => dead_user(user),
                (Scope::User(_), _) => Some(DenyReason::UserDisabled),
                (Scope::Storage(_) | Scope::Site, _) => None,
            }
        }
        Subject::Session { user, expires } => {
            if expires <= request.now {
                Some(DenyReason::SessionExpired)
            } else {
                dead_user(user)
            }
        }
    }
}

fn right_channel(request: &Request<'_>) -> Option<DenyReason> {
    let right = match request.subject {
        // Signed in by key.check_shape too; said again here because a record may come from an older version.
        Subject::Key { key, .. } => {
            key.channel == request.channel && !(key.channel == Channel::S3 && key.scope == Scope::Site)
        }
        Subject::Session { .. } => request.channel == Channel::Rest,
    };
    (!right).then_some(DenyReason::WrongChannel)
}

fn key_network(request: &Request<'_>) -> Option<DenyReason> {
    match request.subject {
        Subject::Key { key, .. } => (!key.networks.admit(request.peer)).then_some(DenyReason::KeyNetwork),
        Subject::Session { .. } => None,
    }
}

fn within_scope(request: &Request<'_>) -> Option<DenyReason> {
    let (site, user) = match request.subject {
        Subject::Key { key, owner } => (key.site, owner),
        Subject::Session { user, .. } => (user.site, Some(user)),
    };
    let storage = match request.target {
        Target::Site(id) if id != site => return Some(DenyReason::OtherSite),
        Target::Site(_) => None,
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => Some(storage),
    };
    if storage.is_some_and(|storage| storage.site != site) {
        return Some(DenyReason::OtherSite);
    }
    match request.subject {
        Subject::Key { key, .. } => match key.scope {
            Scope::Storage(id) => match storage {
                Some(storage) if storage.id == id => outside_prefix(key, &request.target),
                Some(_) | None => Some(DenyReason::OutOfScope),
            },
            Scope::User(_) => not_granted(user),
            Scope::Site => None,
        },
        Subject::Session { .. } => not_granted(user),
    }
}

/// Admins reach the whole site; nothing can be shared with members yet.
fn not_granted(user: Option<&User>) -> Option<DenyReason> {
    match user.map(|user| user.role) {
        Some(Role::Admin) => None,
        Some(Role::Member) | None => Some(DenyReason::NotGranted),
    }
}

fn outside_prefix(key: &Key, target: &Target<'_>) -> Option<DenyReason> {
    let inside = match target {
        Target::Site(_) => false,
        Target::Storage(_) => true,
        Target::Prefix(_, prefix) => key.prefix.holds_all_of(prefix),
        Target::Object(_, object) => key.prefix.holds(object),
    };
    (!inside).then_some(DenyReason::OutsidePrefix)
}

fn storage_open(request: &Request<'_>) -> Option<DenyReason> {
    let storage = match request.target {
        Target::Site(_) => return None,
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => storage,
    };
    match storage.state {
        StorageState::Detached => Some(DenyReason::StorageDetached),
        StorageState::Active if request.channel == Channel::S3 && !storage.s3_access => {
            Some(DenyReason::StorageS3Off)
        }
        StorageState::Active => None,
    }
}

/// The storage's networks bind keys, not the people who run the site from the panel.
fn storage_network(request: &Request<'_>) -> Option<DenyReason> {
    match (request.target, request.subject) {
        (Target::Site(_), _) | (_, Subject::Session { .. }) => None,
        (
            Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _),
            Subject::Key { .. },
        ) => (!storage.networks.admit(request.peer)).then_some(DenyReason::StorageNetwork),
    }
}

fn permitted(request: &Request<'_>) -> Option<DenyReason> {
    let own = match request.subject {
        Subject::Key { key, .. } => key.permission,
        Subject::Session { .. } => Permission::Full,
    };
    if !own.permits(request.action) {
        return Some(DenyReason::KeyPermission);
    }
    match request.target {
        // Nothing but administration is done to a site.
        Target::Site(_) => (request.action != Action::Administer).then_some(DenyReason::OutOfScope),
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => {
            // A storage's permission binds keys: it never stops the people who run the site from the panel, nor
            // an administrator's key from changing it back.
            let bound =
                matches!(request.subject, Subject::Key { .. }) && request.action != Action::Administer;
            (bound && !storage.permission.permits(request.action)).then_some(DenyReason::StoragePermission)
        }
    }
}

#[cfg(test)]
mod tests;
