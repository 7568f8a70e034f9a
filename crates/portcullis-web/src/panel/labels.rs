//! What the settings of storages and keys are called.

use portcullis_domain::{Channel, Permission, Provider};

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

/// The name of a channel.
pub(super) fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::S3 => words::text("channel.s3"),
        Channel::Rest => words::text("channel.rest"),
        Channel::Http => words::text("channel.http"),
        Channel::Ftp => words::text("channel.ftp"),
        Channel::WebService => words::text("channel.web_service"),
        Channel::Email => words::text("channel.email"),
    }
}

/// A channel to choose: its value, its name, what it is for.
pub(super) fn channel_choice(of: Channel) -> (&'static str, &'static str, &'static str) {
    let detail = match of {
        Channel::S3 => words::text("channels.s3.detail"),
        Channel::Rest => words::text("channels.rest.detail"),
        Channel::Http => words::text("channels.http.detail"),
        Channel::Ftp => words::text("channels.ftp.detail"),
        Channel::WebService => words::text("channels.web_service.detail"),
        Channel::Email => words::text("channels.email.detail"),
    };
    (of.as_str(), channel(of), detail)
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
