//! One account of a file, read: what is wrong with it whatever else there is.

use portcullis_domain::{Channel, DisplayName, LoginName, Networks, Secret, Timestamp};

use super::{AccountDraft, CredentialsDraft, FOUR_CHANNELS_UNTIL, IMPORTED_CHANNELS};
use crate::check::Check;
use crate::keys::check_chosen_secret;

/// The longest id of an account, in characters.
const LONGEST_ID: usize = 128;
/// An id that is shorter stands in too many secrets to be told from chance.
const ID_IN_SECRET: usize = 6;

/// An account, read.
pub(super) struct Account {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) name: DisplayName,
    pub(super) storage_name: DisplayName,
    pub(super) created: Timestamp,
    pub(super) networks: Networks,
    pub(super) expires: Option<Timestamp>,
    pub(super) keys: Vec<AccountKey>,
}

/// A key that an account is to have.
pub(super) struct AccountKey {
    pub(super) channel: Channel,
    pub(super) login: Option<LoginName>,
    pub(super) secret: Option<Secret>,
}

/// What a key is called.
pub(super) const fn name_of_key(channel: Channel) -> &'static str {
    match channel {
        Channel::Ftp => "Imported FTP",
        Channel::Http => "Imported HTTP",
        Channel::Email => "Imported Email",
        Channel::WebService => "Imported Web Service",
        Channel::S3 => "Imported S3",
        Channel::Rest => "Imported REST",
    }
}

/// Where credentials for one channel stand.
pub(super) fn place_of(channel: Channel) -> String {
    format!("channels.{channel}")
}

impl Account {
    /// Reads an account and notes what is wrong with it.
    pub(super) fn read(check: &mut Check, draft: &AccountDraft, now: Timestamp) -> Option<Self> {
        let id = account_id(check, "id", &draft.id);
        let parent = draft.parent.as_deref().map(|parent| account_id(check, "parent", parent));
        let name: Option<DisplayName> = check.parse("name", &draft.name);
        let storage_name = match &draft.storage {
            Some(storage) => check.parse("storage", storage),
            None => name.clone(),
        };
        let created = created(check, &draft.created, now);
        let networks = check.networks(&draft.networks);
        let expires = draft.expires_at.as_deref().map(|end| check.parse::<Timestamp>("expires_at", end));
        let keys = match created {
            Some(created) if draft.parent.is_none() && created < FOUR_CHANNELS_UNTIL => {
                let name = name.as_ref().map_or("", DisplayName::as_str);
                keys(check, draft, &[name, draft.id.as_str()])
            }
            Some(_) => no_keys(check, draft),
            None => None,
        };
        Some(Self {
            id: id?,
            parent: match parent {
                None => None,
                Some(read) => Some(read?),
            },
            name: name?,
            storage_name: storage_name?,
            created: created?,
            networks: networks?,
            expires: match expires {
                None => None,
                Some(read) => Some(read?),
            },
            keys: keys?,
        })
    }
}

fn account_id(check: &mut Check, field: &str, text: &str) -> Option<String> {
    let name: Option<DisplayName> = text.parse().ok();
    // As it stands: it is what the account is recognised by.
    let read = name.filter(|name| name.as_str() == text && text.chars().count() <= LONGEST_ID);
    let message = format!("1 to {LONGEST_ID} characters, no control characters, no white space at the ends");
    check.require(read.is_some(), field, message);
    read.map(|name| name.to_string())
}

/// A day stands for its beginning in UTC.
fn created(check: &mut Check, text: &str, now: Timestamp) -> Option<Timestamp> {
    let read: Option<Timestamp> =
        text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok().filter(|_| text.len() == 10));
    match read {
        None => check.problem(
            "created",
            "write it as 2022-03-31, a day in UTC, or as 2022-03-31T18:00:00Z (RFC 3339)",
        ),
        Some(read) => check.require(read <= now, "created", "lies in the future"),
    }
    read
}

/// Sub-accounts, and master accounts that are newer, begin without an active channel.
fn no_keys(check: &mut Check, draft: &AccountDraft) -> Option<Vec<AccountKey>> {
    let why = if draft.parent.is_some() {
        "sub-accounts begin without keys: leave it out, and make keys for it later"
    } else {
        "master accounts from 2023-06-06 on begin without keys: leave it out, and make keys for it later"
    };
    check.require(draft.credentials.is_empty(), "credentials", why);
    for (channel, credentials) in &draft.channels {
        check.require(credentials.is_empty(), &place_of(*channel), why);
    }
    check.require(draft.networks.is_empty(), "networks", why);
    check.require(draft.expires_at.is_none(), "expires_at", why);
    Some(Vec::new())
}

fn keys(check: &mut Check, draft: &AccountDraft, names: &[&str; 2]) -> Option<Vec<AccountKey>> {
    let before = check.count();
    let given =
        |channel: Channel| draft.channels.iter().find(|(of, _)| *of == channel).map(|(_, given)| given);
    for (channel, _) in draft.channels.iter().filter(|(channel, _)| !IMPORTED_CHANNELS.contains(channel)) {
        check.problem(place_of(*channel), "the channels are ftp, http, email and web-service");
    }
    let all = credentials(check, "credentials", &draft.credentials, names);
    let keys = IMPORTED_CHANNELS.map(|channel| {
        let own = given(channel).map(|given| credentials(check, &place_of(channel), given, names));
        let (login, secret) = own.unwrap_or_default();
        let key = AccountKey {
            channel,
            login: login.or_else(|| all.0.clone()),
            secret: secret.or_else(|| all.1.clone()),
        };
        mixed(check, draft, &key);
        key
    });
    (check.count() == before).then(|| keys.into())
}

/// A user name for all channels beside a secret for one of them, or the other way round, can have one in the other.
fn mixed(check: &mut Check, draft: &AccountDraft, key: &AccountKey) {
    let AccountKey { channel, login: Some(login), secret: Some(secret) } = key else { return };
    let own = draft.channels.iter().find(|(of, _)| of == channel).map(|(_, given)| given);
    let of_two = own.is_some_and(|own| own.login.is_some() != own.secret.is_some());
    if of_two && let Err(why) = check_chosen_secret(&[login.as_str()], secret) {
        check.problem(format!("{}.secret", place_of(*channel)), why);
    }
}

fn credentials(
    check: &mut Check,
    place: &str,
    given: &CredentialsDraft,
    names: &[&str; 2],
) -> (Option<LoginName>, Option<Secret>) {
    let login = given.login.as_deref().and_then(|login| check.parse(&format!("{place}.user_name"), login));
    if let Some(secret) = &given.secret {
        let &[name, id] = names;
        let id = if id.chars().count() < ID_IN_SECRET { "" } else { id };
        let login = login.as_ref().map_or("", LoginName::as_str);
        if let Err(why) = check_chosen_secret(&[name, id, login], secret) {
            check.problem(format!("{place}.secret"), why);
        }
    }
    (login, given.secret.clone())
}
