//! What the writers ask of a key: where it reaches and what it may.

use std::borrow::Cow;

use portcullis_domain::Action;

use super::quote::Shell;
use super::text::{Text, put};
use super::{S3Setup, SECRET_PLACEHOLDER};

/// What a key that is not switched off may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    Read,
    Write,
    Both,
}

impl S3Setup<'_> {
    pub(super) fn rights(&self) -> Rights {
        match (self.permission.permits(Action::Get), self.permission.permits(Action::Put)) {
            (true, true) => Rights::Both,
            (false, true) => Rights::Write,
            (true | false, false) => Rights::Read,
        }
    }

    pub(super) fn bucket(&self) -> &str {
        self.bucket.unwrap_or("BUCKET")
    }

    /// The prefix as a folder: nothing, or a text that ends with `/`. A key for `ab` is sent to `ab/`, which it reaches.
    pub(super) fn folder(&self) -> Cow<'_, str> {
        match self.prefix.as_str() {
            folder if folder.is_empty() || folder.ends_with('/') => Cow::Borrowed(folder),
            prefix => Cow::Owned(format!("{prefix}/")),
        }
    }

    /// Bucket and folder: `bucket/` or `bucket/a/b/`.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.bucket(), self.folder())
    }

    /// Whether a tool that thinks in paths finds the folder: it would drop or resolve `//`, `.` and `..`.
    pub(super) fn is_path(&self) -> bool {
        let folder = self.folder();
        let parts = folder.strip_suffix('/').unwrap_or(&folder);
        folder.is_empty() || parts.split('/').all(|part| !matches!(part, "" | "." | ".."))
    }

    /// The address without a slash at its end.
    pub(super) fn address(&self) -> &str {
        self.s3_address.trim_end_matches('/')
    }

    /// Host and port, as they stand in the address.
    pub(super) fn authority(&self) -> &str {
        self.address().split_once("://").map_or(self.address(), |(_, rest)| rest)
    }

    /// The host's name or IPv4 address, or its IPv6 address without brackets.
    pub(super) fn host(&self) -> &str {
        let host = self.split().0;
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// The port, said or implied.
    pub(super) fn port(&self) -> u16 {
        self.split().1.unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    fn split(&self) -> (&str, Option<u16>) {
        let authority = self.authority();
        authority
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, Some(port.parse().ok()?))))
            .unwrap_or((authority, None))
    }

    pub(super) fn is_https(&self) -> bool {
        self.address().starts_with("https://")
    }

    /// The secret, or what stands for it.
    pub(super) fn secret(&self) -> &str {
        self.secret.map_or(SECRET_PLACEHOLDER, |secret| secret.reveal())
    }

    /// For a key that opens several buckets: which one is meant is for a person to say.
    pub(super) fn put_bucket_hint(&self, out: &mut Text, comment: &str) {
        if self.bucket.is_none() {
            put!(out, "{comment} Put the name of a bucket in place of BUCKET");
        }
    }

    /// Both halves of the credential and the region, as variables that several tools read. A session token of somebody
    /// else's credentials would spoil them.
    pub(super) fn put_environment(&self, out: &mut Text) {
        put!(out, "# The credentials hold in this shell and no longer");
        put!(out, "unset AWS_SESSION_TOKEN AWS_PROFILE");
        put!(out, "export AWS_ACCESS_KEY_ID={}", self.access_key);
        put!(out, "export AWS_SECRET_ACCESS_KEY={}", Shell(self.secret()));
        put!(out, "export AWS_DEFAULT_REGION={}", Shell(self.region));
    }

    /// Why a tool that thinks in paths is not for this key.
    pub(super) fn put_no_path(&self, out: &mut Text, tool: &str) {
        put!(out, "# The prefix of this key has empty parts, `.` or `..`, which {tool} would change.");
        put!(out, "# aws, boto3 and curl send it as it is.");
    }
}
