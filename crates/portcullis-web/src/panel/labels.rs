//! What the settings of storages and keys are called.

use portcullis_domain::{Permission, Provider};

use super::words;

/// The name of a permission.
pub(super) fn permission(permission: Permission) -> &'static str {
    match permission {
        Permission::None => words::text("permission.none"),
        Permission::Read => words::text("permission.read"),
        Permission::Write => words::text("permission.write"),
        Permission::ReadWrite => words::text("permission.read_write"),
        Permission::Full => words::text("permission.full"),
    }
}

/// The name of a provider.
pub(super) fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::Builtin => words::text("provider.builtin"),
        Provider::Aws => words::text("provider.aws"),
        Provider::CloudflareR2 => words::text("provider.cloudflare_r2"),
        Provider::S3 => words::text("provider.s3"),
    }
}

/// How many networks are let in: `any IP`, `1 network`, `3 networks`.
pub(super) fn networks(networks: &portcullis_domain::Networks) -> String {
    if networks.is_anywhere() {
        return words::text("label.any_ip").to_owned();
    }
    words::count("label.networks", u64::try_from(networks.entries().len()).unwrap_or(u64::MAX))
}
