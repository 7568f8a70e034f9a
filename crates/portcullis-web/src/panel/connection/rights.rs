//! The symbols of permissions.

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
