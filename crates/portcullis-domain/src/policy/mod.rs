//! The decision: one pure function for every channel and every deed.
//!
//! It is a list of rules, each of which can only refuse. A request passes when no rule refuses it, so the order of the
//! rules changes which reason is given, never the verdict. What a door must not do is ask anything of its own.

mod reason;
mod run;

use std::net::IpAddr;

use crate::{
    Action, Channel, Key, KeyPrefix, KeyState, Link, LinkState, LinkTarget, Narrowing, ObjectKey, Permission,
    Reach, Role, RunPass, Scope, SecondFactorRule, SiteId, Storage, StorageId, StorageState, Timestamp,
    Trial, User, UserState,
};

pub use reason::DenyReason;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A program, by a key.
    Key {
        /// The key that authenticated.
        key: &'a Key,
        /// The user of a key with [`Scope::User`]; without them such a key opens nothing.
        owner: Option<Person<'a>>,
        /// What temporary credentials leave of the key.
        narrowing: Option<&'a Narrowing>,
        /// With credentials that were replaced: the first moment at which they no longer work. None for the present ones.
        replaced: Option<Timestamp>,
    },
    /// A person, signed in.
    Session {
        /// Who signed in.
        person: Person<'a>,
        /// How.
        sign_in: SignIn<'a>,
    },
    /// Whoever has the address of a link.
    Link(&'a Link),
    /// A run between two storages.
    Run(&'a RunPass),
}

/// A person with all that was shared with them.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The person.
    pub user: &'a User,
    /// What was shared, with them or with a group of theirs. Means nothing for admins, who reach their whole site.
    pub reach: &'a [Reach],
}

/// A sign-in.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// The first moment at which it no longer holds.
    pub expires: Timestamp,
    /// The site in which the person acts at the moment: their own, or for an admin one below it.
    pub site: SiteId,
    /// The sites above that one, nearest first.
    pub above: &'a [SiteId],
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// From whom that site asks for one.
    pub rule: SecondFactorRule,
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

type Rule = fn(&Request<'_>) -> Option<DenyReason>;

/// Every rule. The first that refuses names the reason: what is wrong with the key comes before what is wrong with
/// the place, so that an admin reads the cause and not a consequence.
const RULES: [Rule; 8] = [
    subject_lives,
    right_channel,
    own_network,
    within_scope,
    second_factor_shown,
    storage_open,
    storage_network,
    permitted,
];

/// Whether the request is allowed. Pure and total.
///
/// # Errors
/// The reason of the first rule that refuses.
pub fn decide(request: &Request<'_>) -> Result<(), DenyReason> {
    RULES.iter().find_map(|rule| rule(request)).map_or(Ok(()), Err)
}

/// What the networks that are tried out on the key or the storage would refuse of a request that is allowed: the reason that it
/// will have when they are in force. Pure and total.
#[must_use]
pub fn trial(request: &Request<'_>) -> Option<DenyReason> {
    let refuses = |trial: Option<&Trial>| trial.is_some_and(|trial| !trial.networks.admit(request.peer));
    match request.subject {
        Subject::Key { key, .. } if refuses(key.trial.as_ref()) => return Some(DenyReason::KeyNetwork),
        Subject::Key { .. } | Subject::Session { .. } | Subject::Link(_) | Subject::Run(_) => {}
    }
    match request.target {
        Target::Site(_) => None,
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => {
            (is_bound_by_storage(&request.subject) && refuses(storage.trial.as_ref()))
                .then_some(DenyReason::StorageNetwork)
        }
    }
}

fn subject_lives(request: &Request<'_>) -> Option<DenyReason> {
    let now = request.now;
    match request.subject {
        Subject::Key { key, owner, narrowing, replaced } => {
            if key.state == KeyState::Deleted {
                return Some(DenyReason::KeyDeleted);
            }
            if key.expires.is_some_and(|end| end <= now) {
                return Some(DenyReason::KeyExpired);
            }
            if key.permission == Permission::None {
                return Some(DenyReason::KeyDisabled);
            }
            if replaced.is_some_and(|end| end <= now) {
                return Some(DenyReason::CredentialsReplaced);
            }
            if narrowing.is_some_and(|narrowing| narrowing.expires <= now) {
                return Some(DenyReason::CredentialsExpired);
            }
            match (key.scope, owner) {
                (Scope::User(id), Some(Person { user, .. })) if user.id == id && user.site == key.site => {
                    dead_user(user)
                }
                (Scope::User(_), _) => Some(DenyReason::UserDisabled),
                (Scope::Storage(_) | Scope::Site, _) => None,
            }
        }
        Subject::Session { person, sign_in } => {
            if sign_in.expires <= now {
                return Some(DenyReason::SessionExpired);
            }
            dead_user(person.user)
        }
        Subject::Link(link) => match link.state {
            LinkState::Ended => Some(DenyReason::LinkEnded),
            LinkState::Active if link.expires.is_some_and(|end| end <= now) => Some(DenyReason::LinkExpired),
            LinkState::Active => None,
        },
        // It lives as long as the process that carries it out.
        Subject::Run(_) => None,
    }
}

fn dead_user(user: &User) -> Option<DenyReason> {
    match user.state {
        UserState::Active => None,
        UserState::Disabled | UserState::Invited => Some(DenyReason::UserDisabled),
    }
}

fn right_channel(request: &Request<'_>) -> Option<DenyReason> {
    let right = match request.subject {
        // Signed in by key.check_shape too; said again here because a record may come from an older version.
        Subject::Key { key, .. } => {
            key.channel == request.channel && !(key.channel == Channel::S3 && key.scope == Scope::Site)
        }
        Subject::Session { .. } | Subject::Run(_) => request.channel == Channel::Rest,
        Subject::Link(_) => request.channel == Channel::Http,
    };
    (!right).then_some(DenyReason::WrongChannel)
}

fn own_network(request: &Request<'_>) -> Option<DenyReason> {
    match request.subject {
        Subject::Key { key, narrowing, .. } => {
            let admitted = key.networks.admit(request.peer)
                && narrowing.is_none_or(|narrowing| narrowing.networks.admit(request.peer));
            (!admitted).then_some(DenyReason::KeyNetwork)
        }
        Subject::Session { .. } | Subject::Run(_) => None,
        Subject::Link(link) => (!link.networks.admit(request.peer)).then_some(DenyReason::LinkNetwork),
    }
}

fn within_scope(request: &Request<'_>) -> Option<DenyReason> {
    let site = match request.subject {
        Subject::Key { key, .. } => key.site,
        Subject::Session { person, sign_in } => {
            if !may_act_in(person.user, &sign_in) {
                return Some(DenyReason::OtherSite);
            }
            sign_in.site
        }
        Subject::Link(link) => link.site,
        Subject::Run(pass) => pass.site,
    };
    let asked = match request.target {
        Target::Site(id) => id,
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => storage.site,
    };
    if asked != site {
        return Some(DenyReason::OtherSite);
    }
    match request.subject {
        Subject::Key { key, owner, narrowing, .. } => {
            let own = match key.scope {
                Scope::Storage(id) => outside(Some(id), &key.prefix, &request.target),
                Scope::User(_) => {
                    owner.map_or(Some(DenyReason::NotGranted), |owner| not_granted(&owner, request))
                }
                Scope::Site => None,
            };
            own.or_else(|| {
                narrowing.and_then(|narrowing| outside(narrowing.storage, &narrowing.prefix, &request.target))
            })
        }
        Subject::Session { person, .. } => not_granted(&person, request),
        Subject::Link(link) => outside_link(link, &request.target),
        Subject::Run(pass) => run::beyond(pass, request),
    }
}

/// People act in their own site; admins also in the sites below it.
fn may_act_in(user: &User, sign_in: &SignIn<'_>) -> bool {
    sign_in.site == user.site || (user.role == Role::Admin && sign_in.above.contains(&user.site))
}

/// Admins reach the whole site, members what was shared with them.
fn not_granted(person: &Person<'_>, request: &Request<'_>) -> Option<DenyReason> {
    if person.user.role == Role::Admin {
        return None;
    }
    let (storage, holds): (_, &dyn Fn(&KeyPrefix) -> bool) = match &request.target {
        Target::Site(_) => return Some(DenyReason::NotGranted),
        Target::Storage(storage) => (storage, &|_| true),
        Target::Prefix(storage, prefix) => (storage, &|own| own.holds_all_of(prefix)),
        Target::Object(storage, object) => (storage, &|own| own.holds(object)),
    };
    let mut reaches = person.reach.iter().filter(|reach| reach.storage == storage.id).peekable();
    if reaches.peek().is_none() {
        return Some(DenyReason::NotGranted);
    }
    let mut here = reaches.filter(|reach| holds(&reach.prefix)).peekable();
    if here.peek().is_none() {
        return Some(DenyReason::OutsidePrefix);
    }
    let allowed = here.any(|reach| reach.permission.permits(request.action));
    (!allowed).then_some(DenyReason::GrantPermission)
}

/// Whether the target lies outside of this storage, if one is named, and of this part of it.
fn outside(storage: Option<StorageId>, prefix: &KeyPrefix, target: &Target<'_>) -> Option<DenyReason> {
    let (at, inside) = match target {
        Target::Site(_) => return storage.map(|_| DenyReason::OutOfScope),
        Target::Storage(at) => (at, true),
        Target::Prefix(at, part) => (at, prefix.holds_all_of(part)),
        Target::Object(at, object) => (at, prefix.holds(object)),
    };
    if storage.is_some_and(|storage| storage != at.id) {
        return Some(DenyReason::OutOfScope);
    }
    (!inside).then_some(DenyReason::OutsidePrefix)
}

fn outside_link(link: &Link, target: &Target<'_>) -> Option<DenyReason> {
    match (&link.target, target) {
        (LinkTarget::Folder(prefix), target) => outside(Some(link.storage), prefix, target),
        (LinkTarget::File(own), Target::Object(storage, object)) => {
            if storage.id != link.storage {
                return Some(DenyReason::OutOfScope);
            }
            (own != *object).then_some(DenyReason::OutsidePrefix)
        }
        (LinkTarget::File(_), Target::Storage(storage)) => {
            (storage.id != link.storage).then_some(DenyReason::OutOfScope)
        }
        (LinkTarget::File(_), Target::Prefix(..)) => Some(DenyReason::OutsidePrefix),
        (LinkTarget::File(_), Target::Site(_)) => Some(DenyReason::OutOfScope),
    }
}

/// Not asked of keys: a program has no second factor, and its key can be bound to networks instead.
fn second_factor_shown(request: &Request<'_>) -> Option<DenyReason> {
    match request.subject {
        Subject::Session { person, sign_in } => (!sign_in.second_factor
            && sign_in.rule.asks(person.user.role))
        .then_some(DenyReason::SecondFactorNeeded),
        Subject::Key { .. } | Subject::Link(_) | Subject::Run(_) => None,
    }
}

fn storage_open(request: &Request<'_>) -> Option<DenyReason> {
    let storage = match request.target {
        Target::Site(_) => return None,
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => storage,
    };
    match storage.state {
        StorageState::Detached | StorageState::Deleted => Some(DenyReason::StorageDetached),
        StorageState::Active
            if is_bound_by_storage(&request.subject)
                && request.action != Action::Administer
                && storage.paused_until.is_some_and(|end| request.now < end) =>
        {
            Some(DenyReason::StoragePaused)
        }
        StorageState::Active if request.channel == Channel::S3 && !storage.s3_access => {
            Some(DenyReason::StorageS3Off)
        }
        StorageState::Active => None,
    }
}

/// A storage's own settings bind everybody but the people who run the site, who could not turn them back otherwise, and the runs
/// that they ask for.
fn is_bound_by_storage(subject: &Subject<'_>) -> bool {
    match subject {
        Subject::Run(_) => false,
        Subject::Key { .. } | Subject::Link(_) => true,
        Subject::Session { person, .. } => person.user.role != Role::Admin,
    }
}

fn storage_network(request: &Request<'_>) -> Option<DenyReason> {
    match request.target {
        Target::Site(_) => None,
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => {
            (is_bound_by_storage(&request.subject) && !storage.networks.admit(request.peer))
                .then_some(DenyReason::StorageNetwork)
        }
    }
}

fn permitted(request: &Request<'_>) -> Option<DenyReason> {
    let (own, reason) = match request.subject {
        Subject::Key { key, narrowing, .. } => {
            let left =
                narrowing.map_or(key.permission, |narrowing| key.permission.common(narrowing.permission));
            (left, DenyReason::KeyPermission)
        }
        Subject::Session { .. } => (Permission::Full, DenyReason::KeyPermission),
        Subject::Link(link) => (link.permission, DenyReason::LinkPermission),
        Subject::Run(_) => (Permission::ReadWrite, DenyReason::KeyPermission),
    };
    if !own.permits(request.action) {
        return Some(reason);
    }
    match request.target {
        // Nothing but administration is done to a site.
        Target::Site(_) => (request.action != Action::Administer).then_some(DenyReason::OutOfScope),
        Target::Storage(storage) | Target::Prefix(storage, _) | Target::Object(storage, _) => {
            // Nor does it stop an administrator's key from changing it back.
            let bound = is_bound_by_storage(&request.subject) && request.action != Action::Administer;
            (bound && !storage.permission.permits(request.action)).then_some(DenyReason::StoragePermission)
        }
    }
}

#[cfg(test)]
mod tests;
