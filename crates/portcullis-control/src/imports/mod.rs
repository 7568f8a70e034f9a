//! Accounts of another system that become sites: master accounts below the site that is acted in, sub-accounts below their master.
//!
//! Secrets that are generated are told before they hold. A dry run tells what would be made, secrets and user names with it, and gives a
//! ticket; the call with that ticket makes exactly this, and may be made again. So whoever writes down what the dry run told, and only then
//! goes on, has every secret whatever becomes of the second answer.

mod between;
mod draft;
mod make;
mod plan;
mod read;
mod same;
mod ticket;

use portcullis_access::SiteAdmin;
use portcullis_domain::{Channel, CredentialId, DisplayName, KeyId, Secret, SiteId, StorageId, Timestamp};

use crate::{Control, ControlError, Result};

pub use draft::{AccountDraft, AccountsDraft, CredentialsDraft};
use plan::{Found, Plan};
use ticket::Ticket;

/// The most accounts that are imported at once.
pub const MOST_ACCOUNTS: usize = 10_000;
/// The most secrets that may be brought along at once: each takes the time to stretch it.
pub const MOST_CHOSEN: usize = 2_000;
/// The channels that master accounts from before [`FOUR_CHANNELS_UNTIL`] are given.
pub const IMPORTED_CHANNELS: [Channel; 4] =
    [Channel::Ftp, Channel::Http, Channel::Email, Channel::WebService];
/// Master accounts that were made before this moment, 2023-06-06T00:00:00Z, are given keys.
pub const FOUR_CHANNELS_UNTIL: Timestamp = Timestamp::from_seconds(1_686_009_600);

/// What an import made or, in a dry run, would make.
#[derive(Debug)]
pub struct Imported {
    /// Names the import that made what it made, or would.
    pub import: String,
    /// With what the import is made as it was told; of a dry run in which there is something to make.
    pub ticket: Option<String>,
    /// The accounts, in the order in which they were given.
    pub accounts: Vec<ImportedView>,
}

/// What became of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// It would be made.
    New,
    /// It was made just now.
    Made,
    /// It had been imported before, and was left as it is.
    Unchanged,
}

impl AccountState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Made => "made",
            Self::Unchanged => "unchanged",
        }
    }
}

/// An account, and what it is here.
#[derive(Debug)]
pub struct ImportedView {
    /// Its id in the other system.
    pub id: String,
    /// The master account that it belongs to; none if it is one.
    pub parent: Option<String>,
    /// What it is called.
    pub name: DisplayName,
    /// When it was made in the other system.
    pub created: Timestamp,
    /// What became of it.
    pub state: AccountState,
    /// The site that it is.
    pub site: Option<SiteId>,
    /// The storage for its files.
    pub storage: Option<StorageId>,
    /// The name of the storage's bucket, if it was made just now.
    pub bucket: Option<String>,
    /// The import that made it, if it is there.
    pub import: Option<String>,
    /// Its keys.
    pub keys: Vec<ImportedKeyView>,
}

/// A key of an account.
pub struct ImportedKeyView {
    /// The key, if it is there.
    pub id: Option<KeyId>,
    /// Its channel.
    pub channel: Channel,
    /// The user name that was brought along.
    pub login: Option<String>,
    /// The generated user name, which works besides; none of a key that was there before.
    pub credential: Option<CredentialId>,
    /// Whether the secret was brought along.
    pub chosen: bool,
    /// The generated secret: in a dry run alone, of a key that would be made.
    pub secret: Option<Secret>,
}

impl std::fmt::Debug for ImportedKeyView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, channel, login, credential, chosen, .. } = self;
        let mut shown = f.debug_struct("ImportedKeyView");
        shown.field("id", id).field("channel", channel).field("login", login);
        shown.field("credential", credential).field("chosen", chosen).finish_non_exhaustive()
    }
}

impl Control {
    /// Imports accounts, all of them or none, or tells what that would make. Those that were imported before are recognised by their id
    /// and left as they are, so that the same import may be made again.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] with every fault of every account at once, the first thousand of them, `accounts[3].name` and the like; also
    /// for accounts that differ from what was imported. [`ControlError::NotNow`] for a ticket of other accounts, or of some that were imported
    /// meanwhile. [`ControlError::ConfirmationNeeded`]; [`portcullis_access::AccessError::Denied`] for a key; [`ControlError::Metadata`];
    /// [`ControlError::Access`] if everything is made but could not be put in force here.
    pub async fn import_accounts(&self, admin: &SiteAdmin, draft: &AccountsDraft) -> Result<Imported> {
        self.refuse_keys(admin, "import_accounts")?;
        let plan = self.plan_import(admin, draft).await?;
        if draft.dry_run {
            let ticket = Ticket::fresh(admin, plan.new_ones())?;
            let sealed = if plan.is_empty() { None } else { Some(ticket.sealed(&self.access)?) };
            return Ok(told(plan, &ticket, sealed));
        }
        if plan.is_empty() && draft.ticket.is_none() {
            let ticket = Ticket::fresh(admin, [].into_iter())?;
            return Ok(told(plan, &ticket, None));
        }
        let ticket = self.ticket_of(admin, draft, &plan)?;
        if !plan.is_empty() {
            self.require_confirmed(admin.principal())?;
        }
        self.make_accounts(admin, plan, &ticket).await
    }

    /// The ticket that came along, if it is for these accounts; a fresh one where nobody has to be told anything.
    fn ticket_of(&self, admin: &SiteAdmin, draft: &AccountsDraft, plan: &Plan) -> Result<Ticket> {
        let Some(text) = &draft.ticket else {
            if plan.generates() {
                let message = "secrets are to be generated: send this with \"dry_run\": true, keep the secrets of the answer, and \
                               send it again with the ticket of the answer";
                return Err(ControlError::invalid("ticket", message));
            }
            return Ticket::fresh(admin, plan.new_ones());
        };
        let ticket = Ticket::read(&self.access, text);
        let ticket = ticket.ok_or_else(|| {
            ControlError::invalid("ticket", "is none, or older than an hour: make another dry run")
        })?;
        if ticket.is_for(admin, plan.made_by(&ticket.import())) {
            return Ok(ticket);
        }
        let why = "these are not the accounts of the dry run, or some of them were imported meanwhile; make another dry run";
        Err(ControlError::NotNow(why.to_owned()))
    }
}

/// What a plan comes to while nothing is made.
fn told(plan: Plan, ticket: &Ticket, sealed: Option<String>) -> Imported {
    let accounts = plan.accounts.into_iter().map(|found| match found {
        Found::Before(before) => before.view(),
        Found::New(new) => new.view(ticket),
    });
    Imported { import: ticket.import(), ticket: sealed, accounts: accounts.collect() }
}
