//! What a run may reach.

use super::{Request, Target};
use crate::{DenyReason, KeyPrefix, Permission, RunPass, Storage};

/// Whether the target lies in neither of a run's places, or may not be treated so there.
pub(super) fn beyond(pass: &RunPass, request: &Request<'_>) -> Option<DenyReason> {
    let (storage, holds): (_, &dyn Fn(&KeyPrefix) -> bool) = match &request.target {
        Target::Site(_) => return Some(DenyReason::OutOfScope),
        Target::Storage(storage) => (storage, &|_| true),
        Target::Prefix(storage, part) => {
            (storage, &|own| own.holds_all_of(part) || is_reserved(storage, part.as_str()))
        }
        Target::Object(storage, object) => {
            (storage, &|own| own.holds(object) || is_reserved(storage, object.as_str()))
        }
    };
    let mut sides = pass.sides.iter().filter(|side| side.storage == storage.id).peekable();
    if sides.peek().is_none() {
        return Some(DenyReason::OutOfScope);
    }
    let mut here = sides.filter(|side| holds(&side.prefix)).peekable();
    if here.peek().is_none() {
        return Some(DenyReason::OutsidePrefix);
    }
    let allowed = here.any(|side| side.permission.common(Permission::ReadWrite).permits(request.action));
    (!allowed).then_some(DenyReason::KeyPermission)
}

fn is_reserved(storage: &Storage, text: &str) -> bool {
    storage.reserved_prefix().is_some_and(|reserved| text.starts_with(reserved))
}
