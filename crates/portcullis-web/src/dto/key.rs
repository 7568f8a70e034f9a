//! Keys.

use std::collections::BTreeMap;

use portcullis_control::{Done, KeyChange, KeyDraft, KeyView, ScopeDraft};
use portcullis_domain::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::credentials::{CredentialsIn, PublicKeyOut};
use super::mail::{MailIn, MailOut};
use super::network::{NetworkIn, NotedNetwork, drafts, noted};
use super::overlap::OverlapOut;
use super::present;
use super::receipt::ReceiptDto;
use super::trial::TrialSettingsOut;

/// What a key is for: `{"storage": id}`, `{"user": id}` or `"site"`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[schema(as = Scope)]
pub(crate) enum ScopeDto {
    /// One storage.
    Storage(String),
    /// Whatever this user may do.
    User(String),
    /// The whole site.
    Site,
}

impl From<Scope> for ScopeDto {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Storage(id) => Self::Storage(id.to_string()),
            Scope::User(id) => Self::User(id.to_string()),
            Scope::Site => Self::Site,
        }
    }
}

impl From<ScopeDto> for ScopeDraft {
    fn from(scope: ScopeDto) -> Self {
        match scope {
            ScopeDto::Storage(id) => Self::Storage(id),
            ScopeDto::User(id) => Self::User(id),
            ScopeDto::Site => Self::Site,
        }
    }
}

/// A key. Its secret is nowhere to be had.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyOut {
    /// Identifies the record.
    id: String,
    /// What a person called it.
    name: String,
    /// The one protocol it opens.
    #[schema(example = "s3")]
    channel: String,
    /// Identifies the key to tools: the access key id, for those that ask for a user name that.
    #[schema(example = "PC4QZ0V7M2K9X1B8N6TD")]
    access_key: String,
    /// The user name that somebody chose for it, which works besides; null if nobody did.
    login: Option<String>,
    /// Public keys of SSH that its holder may show instead of the secret.
    public_keys: Vec<PublicKeyOut>,
    /// What it makes of messages; null if it is not for mail.
    mail: Option<MailOut>,
    /// What it is for.
    scope: ScopeDto,
    /// What it allows: `none`, `read`, `write`, `read_write` or `full`.
    permission: String,
    /// What its uploads do to files that exist: `replace`, `keep_previous` or `create_only`.
    overwrite: String,
    /// From where it may be used; anywhere if empty.
    networks: Vec<NotedNetwork>,
    /// The only part of the storage that it reaches; empty for all of it.
    prefix: String,
    /// The first moment at which it no longer works; null for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What a report that its secret was found does to it: `disable` or `alarm`.
    on_leak: String,
    /// When its secret was reported as found; null if it was not since it has these credentials.
    #[schema(format = DateTime)]
    leaked_at: Option<String>,
    /// `active`, `expired` or `disabled`.
    state: &'static str,
    /// Its last use; null if it was never used.
    last_used: Option<LastUseOut>,
    /// Networks that are tried out on it; null if none are.
    trial: Option<TrialSettingsOut>,
    /// How often its credentials were changed.
    generation: u32,
    /// The credentials that it had before and that still work; null if there are none.
    overlap: Option<OverlapOut>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// In the answer to a change: what it ended. Null in every other.
    receipt: Option<ReceiptDto>,
}

impl From<Done<KeyView>> for KeyOut {
    fn from(done: Done<KeyView>) -> Self {
        let receipt = Some(ReceiptDto::from(&done.receipt));
        Self { receipt, ..Self::from(done.value) }
    }
}

/// When, from where and with which tool a key was last used. A use shows after some seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastUse)]
pub(crate) struct LastUseOut {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// From where.
    address: String,
    /// What the tool called itself.
    tool: String,
}

impl From<KeyView> for KeyOut {
    fn from(view: KeyView) -> Self {
        let KeyView { key, status, last_used, overlap } = view;
        let last_used = last_used.map(|used| LastUseOut {
            at: used.at.to_string(),
            address: used.peer.to_string(),
            tool: used.tool,
        });
        Self {
            id: key.id.to_string(),
            channel: key.channel.to_string(),
            access_key: key.credential.to_string(),
            login: key.login.as_ref().map(ToString::to_string),
            public_keys: key.public_keys.iter().map(PublicKeyOut::from).collect(),
            mail: MailOut::of(&key),
            scope: key.scope.into(),
            permission: key.permission.to_string(),
            overwrite: key.effective_overwrite().to_string(),
            networks: noted(&key.networks),
            trial: key.trial.as_ref().map(TrialSettingsOut::from),
            prefix: key.prefix.to_string(),
            expires_at: key.expires.map(|end| end.to_string()),
            on_leak: key.on_leak.to_string(),
            leaked_at: key.leaked.map(|at| at.to_string()),
            state: status.as_str(),
            last_used,
            generation: key.generation,
            overlap: overlap.as_ref().map(OverlapOut::from),
            created_at: key.created.to_string(),
            receipt: None,
            name: key.name.to_string(),
        }
    }
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(crate) struct KeyIn {
    /// What to call it; several may have the same name.
    #[schema(min_length = 1)]
    name: String,
    /// `s3`, `rest`, `http` (plain HTTP and WebDAV), `ftp` (FTP, FTPS and SFTP), `web-service` (SOAP) or `email`.
    #[schema(pattern = "^(s3|rest|http|ftp|web-service|email)$", example = "s3")]
    channel: String,
    /// What it is for.
    scope: ScopeDto,
    /// What it allows: `none`, `read`, `write`, `read_write`, or `full` for administration.
    #[schema(pattern = "^(none|read|write|read_write|full)$", example = "read_write")]
    permission: String,
    /// For keys that may not delete: `keep_previous` (the rule if left out) or `create_only`.
    #[schema(pattern = "^(replace|keep_previous|create_only)$")]
    overwrite: Option<String>,
    /// From where it may be used; anywhere if left out.
    #[serde(default)]
    networks: Vec<NetworkIn>,
    /// The only part of the storage that it reaches; all of it if left out.
    prefix: Option<String>,
    /// The first moment at which it no longer works; never if left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What a report that its secret was found does to it: `disable` (the rule if left out), or `alarm`: it works on, and is marked.
    #[schema(pattern = "^(disable|alarm)$")]
    on_leak: Option<String>,
    /// Whether to make an S3 key too, beside a user's REST key: independent of it from then on, under the same name and terms.
    s3: Option<bool>,
    /// Credentials that somebody chose, not for `s3` and `rest`; generated if left out.
    credentials: Option<CredentialsIn>,
    /// For `ftp`: public keys of SSH, each the line of a file that ends with `.pub`; at most 16.
    #[serde(default)]
    #[schema(max_items = 16)]
    public_keys: Vec<String>,
    /// For `email`: what it makes of messages.
    mail: Option<MailIn>,
}

impl KeyIn {
    /// Whether an S3 key is wanted too.
    pub(crate) fn with_s3(&self) -> bool {
        self.s3 == Some(true)
    }
}

impl From<KeyIn> for KeyDraft {
    fn from(given: KeyIn) -> Self {
        let (login, secret) = CredentialsIn::into_parts(given.credentials);
        Self {
            // No name at all is as good as none that was chosen.
            login: login.filter(|login| !login.is_empty()),
            secret,
            public_keys: given.public_keys,
            mail: given.mail.unwrap_or_default().into(),
            name: given.name,
            channel: given.channel,
            scope: given.scope.into(),
            permission: given.permission,
            overwrite: given.overwrite,
            networks: drafts(given.networks),
            prefix: given.prefix,
            expires_at: given.expires_at,
            on_leak: given.on_leak,
        }
    }
}

/// What to change of a key; what is left out stays. Channel, scope and access key never change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyChange)]
pub(crate) struct KeyPatch {
    /// What to call it.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// What it allows; `none` switches it off, another on again.
    #[schema(pattern = "^(none|read|write|read_write|full)$")]
    permission: Option<String>,
    /// What its uploads do to files that exist.
    #[schema(pattern = "^(replace|keep_previous|create_only)$")]
    overwrite: Option<String>,
    /// From where it may be used; anywhere if empty.
    networks: Option<Vec<NetworkIn>>,
    /// The only part of the storage that it reaches; null or empty for all of it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    prefix: Option<Option<String>>,
    /// The first moment at which it no longer works; null for never.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<String>>,
    /// What a report that its secret was found does to it: `disable` or `alarm`.
    #[schema(pattern = "^(disable|alarm)$")]
    on_leak: Option<String>,
    /// For `ftp`: its public keys of SSH, all of them. Who came with one that is no longer among them is cut off.
    #[schema(max_items = 16)]
    public_keys: Option<Vec<String>>,
    /// For `email`: what to change of what it makes of messages.
    mail: Option<MailIn>,
    /// Without it, a key that takes from itself the address from which it asks is refused.
    #[serde(default)]
    confirm_lockout: bool,
}

impl From<KeyPatch> for KeyChange {
    fn from(given: KeyPatch) -> Self {
        let KeyPatch { name, permission, overwrite, networks, prefix, expires_at, on_leak, .. } = given;
        let (networks, prefix) = (networks.map(drafts), prefix.map(Option::unwrap_or_default));
        Self {
            name,
            permission,
            overwrite,
            networks,
            prefix,
            expires_at,
            on_leak,
            public_keys: given.public_keys,
            mail: given.mail.map(Into::into),
            confirm_lockout: given.confirm_lockout,
            ..Self::default()
        }
    }
}

/// A key that was just made, or got new credentials: the only answer that ever holds its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedKey)]
pub(crate) struct CreatedKeyOut {
    /// The key.
    pub(crate) key: KeyOut,
    /// What authenticates it. Store it now: it is not told again. Null if somebody chose it, who knows it.
    pub(crate) secret: Option<String>,
    /// For a key of REST or HTTP with a generated secret, the whole token of `Authorization: Bearer`; null for others.
    pub(crate) bearer: Option<String>,
    /// Where the key is used, by the name of the protocol: `s3`, `rest`, `files` and `dav`, `soap`, or those of `ftp`, `ftps` and `sftp`,
    /// or of `smtp` and `smtps`, that are on, with `mail`, an address to send to.
    pub(crate) addresses: BTreeMap<&'static str, String>,
    /// The bucket to name in tools, if the key is for one storage.
    pub(crate) bucket_name: Option<String>,
    /// The address of the S3 door.
    pub(crate) s3_address: String,
    /// For each tool, what to paste.
    pub(crate) setup: BTreeMap<&'static str, String>,
    /// The S3 key that was made too, if it was asked for.
    pub(crate) s3: Option<S3KeyOut>,
    /// Of a rotation: what it ended; null for a new key.
    pub(crate) receipt: Option<ReceiptDto>,
}

/// The S3 key that was made beside a user's REST key.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedS3Key)]
pub(crate) struct S3KeyOut {
    /// The key.
    pub(crate) key: KeyOut,
    /// What authenticates it. Store it now: it is not told again.
    pub(crate) secret: String,
    /// For each tool, what to paste.
    pub(crate) setup: BTreeMap<&'static str, String>,
}
