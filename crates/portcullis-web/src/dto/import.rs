//! Accounts of another system.

use portcullis_control::{
    AccountDraft, AccountState, AccountsDraft, CredentialsDraft, Imported, ImportedKeyView, ImportedView,
};
use portcullis_domain::{Channel, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::network::{NetworkIn, drafts};
use super::storage::SecretIn;

/// Accounts to be imported.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccountImport)]
pub(crate) struct ImportIn {
    /// Whether to tell only what would be made.
    #[serde(default)]
    dry_run: bool,
    /// The `ticket` of a dry run of the same accounts, an hour old at most. Needed if secrets are to be generated.
    ticket: Option<String>,
    /// The accounts, in any order.
    #[schema(min_items = 1, max_items = 10000)]
    accounts: Vec<AccountIn>,
}

/// An account of another system. What is left out here is told of all accounts at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportedAccountIn)]
struct AccountIn {
    /// Its id in the other system, by which it is recognised when it is imported again.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 128, example = "10042")]
    id: String,
    /// What it is called. Its site is called so too.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 200, example = "Northwind")]
    name: String,
    /// When it was made there: a day, which begins in UTC, or a moment in RFC 3339.
    #[serde(default)]
    #[schema(required = true, example = "2021-03-31")]
    created: String,
    /// The id there of the master account that it belongs to, in this import or an earlier one; left out for a master account.
    parent: Option<String>,
    /// What to call the storage for its files; as the account if left out.
    storage: Option<String>,
    /// From where its keys may be used; anywhere if left out.
    #[serde(default)]
    networks: Vec<NetworkIn>,
    /// When its keys end; never if left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Credentials that it brings along, for all its channels.
    credentials: Option<BroughtIn>,
    /// Credentials that it brings along for single channels, in place of those for all.
    channels: Option<ChannelsIn>,
}

/// Credentials for single channels.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schema(as = ImportedChannelsIn)]
struct ChannelsIn {
    /// FTP and SFTP.
    ftp: Option<BroughtIn>,
    /// HTTP and WebDAV.
    http: Option<BroughtIn>,
    /// E-mail.
    email: Option<BroughtIn>,
    /// The web service.
    web_service: Option<BroughtIn>,
}

/// Credentials that an account brings along; what is left out is generated.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportedCredentialsIn)]
struct BroughtIn {
    /// A user name: 3 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, `@`. There is one key of a name on a channel.
    #[schema(example = "northwind")]
    user_name: Option<String>,
    /// A secret: 12 or more printable characters that nobody guesses.
    #[schema(value_type = Option<String>, write_only, format = Password, min_length = 12)]
    secret: Option<SecretIn>,
}

impl From<BroughtIn> for CredentialsDraft {
    fn from(given: BroughtIn) -> Self {
        Self { login: given.user_name, secret: given.secret.map(|secret| secret.0) }
    }
}

impl From<AccountIn> for AccountDraft {
    fn from(given: AccountIn) -> Self {
        let ChannelsIn { ftp, http, email, web_service } = given.channels.unwrap_or_default();
        let channels = [
            (Channel::Ftp, ftp),
            (Channel::Http, http),
            (Channel::Email, email),
            (Channel::WebService, web_service),
        ];
        Self {
            id: given.id,
            name: given.name,
            created: given.created,
            parent: given.parent,
            storage: given.storage,
            networks: drafts(given.networks),
            expires_at: given.expires_at,
            credentials: given.credentials.map(CredentialsDraft::from).unwrap_or_default(),
            channels: channels
                .into_iter()
                .filter_map(|(channel, given)| Some((channel, given?.into())))
                .collect(),
        }
    }
}

impl From<ImportIn> for AccountsDraft {
    fn from(given: ImportIn) -> Self {
        let ImportIn { dry_run, ticket, accounts } = given;
        Self { accounts: accounts.into_iter().map(AccountDraft::from).collect(), dry_run, ticket }
    }
}

/// What an import made or, in a dry run, would make.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountImportResult)]
pub(crate) struct ImportOut {
    /// Whether nothing was made.
    dry_run: bool,
    /// Names the import, in the audit trail too. A dry run and the import with its ticket have one name.
    #[schema(example = "9f86d081884c7d65")]
    import: String,
    /// With what to send the accounts again to make them; of a dry run in which there is something to make.
    ticket: Option<String>,
    /// How many accounts were made, or would be.
    new: usize,
    /// How many were imported before and left as they are.
    unchanged: usize,
    /// The accounts, in the order in which they were given.
    accounts: Vec<AccountOut>,
}

/// An account, and what it is here.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedAccount)]
struct AccountOut {
    /// Its id in the other system.
    id: String,
    /// What it is called.
    name: String,
    /// `master` or `sub_account`.
    #[schema(example = "master")]
    kind: &'static str,
    /// The id there of the master account that it belongs to.
    parent: Option<String>,
    /// When it was made there.
    #[schema(format = DateTime)]
    created: String,
    /// `new` (it would be made), `made` or `unchanged`.
    #[schema(example = "new")]
    state: &'static str,
    /// The site that it is; null while it is not.
    site: Option<String>,
    /// The storage for its files; null while it is not.
    storage: Option<String>,
    /// The name of the storage's bucket, if it was made by this call.
    bucket: Option<String>,
    /// The import that made it.
    import: Option<String>,
    /// Its keys. None of them: it has no active channel.
    keys: Vec<AccountKeyOut>,
}

/// A key of an imported account.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedAccountKey)]
struct AccountKeyOut {
    /// The key; null while it is not.
    id: Option<String>,
    /// `ftp`, `http`, `email` or `web-service`.
    #[schema(example = "ftp")]
    channel: &'static str,
    /// The user name that was brought along.
    user_name: Option<String>,
    /// The generated user name, which works besides; null of a key that was there before.
    access_key: Option<String>,
    /// Whether the secret was brought along.
    chosen: bool,
    /// The secret that will be generated: in a dry run and nowhere else. It holds from when the import is made with the ticket.
    #[schema(read_only)]
    secret: Option<String>,
}

impl ImportOut {
    pub(crate) fn of(imported: Imported, dry_run: bool) -> Self {
        let unchanged = imported.accounts.iter().filter(|of| of.state == AccountState::Unchanged).count();
        Self {
            dry_run,
            import: imported.import,
            ticket: imported.ticket,
            new: imported.accounts.len().saturating_sub(unchanged),
            unchanged,
            accounts: imported.accounts.into_iter().map(AccountOut::from).collect(),
        }
    }
}

impl From<ImportedView> for AccountOut {
    fn from(view: ImportedView) -> Self {
        Self {
            id: view.id,
            name: view.name.to_string(),
            kind: if view.parent.is_some() { "sub_account" } else { "master" },
            parent: view.parent,
            created: view.created.to_string(),
            state: view.state.as_str(),
            site: view.site.map(|id| id.to_string()),
            storage: view.storage.map(|id| id.to_string()),
            bucket: view.bucket,
            import: view.import,
            keys: view.keys.into_iter().map(AccountKeyOut::from).collect(),
        }
    }
}

impl From<ImportedKeyView> for AccountKeyOut {
    fn from(view: ImportedKeyView) -> Self {
        Self {
            id: view.id.map(|id| id.to_string()),
            channel: view.channel.as_str(),
            user_name: view.login,
            access_key: view.credential.map(|credential| credential.to_string()),
            chosen: view.chosen,
            secret: view.secret.as_ref().map(Secret::reveal).map(str::to_owned),
        }
    }
}
