//! Permissions: their symbols, and what is left of one under another.

use portcullis_domain::Permission;

/// The name of the symbol of a permission.
pub(super) fn icon(permission: Permission) -> &'static str {
    match permission {
        Permission::None => "ban",
        Permission::Read => "eye",
        Permission::Write => "upload",
        Permission::ReadWrite | Permission::Full => "arrow-up-down",
    }
}

/// What both allow.
pub(super) fn both(one: Permission, other: Permission) -> Permission {
    if one.is_within(other) {
        one
    } else if other.is_within(one) {
        other
    } else {
        Permission::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::Action;

    #[test]
    fn both_is_what_each_of_them_allows() {
        for one in Permission::ALL {
            for other in Permission::ALL {
                for action in Action::ALL.iter().filter(|action| **action != Action::Enter) {
                    let each = one.permits(*action) && other.permits(*action);
                    assert_eq!(both(*one, *other).permits(*action), each, "{one} and {other}: {action}");
                }
            }
        }
    }
}
