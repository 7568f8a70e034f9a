//! Public keys of SSH on the page of a key: what there is, adding, removing.

use portcullis_control::{ControlError, KeyChange};
use portcullis_domain::{Channel, Key, SshPublicKey};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::page::Chrome;
use super::super::seen::Seen;
use super::super::words;
use super::own::{MAX_KEYS, lines, public_key_faults, public_keys_shown};
use crate::app::App;
use crate::extract::Keeper;

/// The public keys of a key, and the form for more.
pub(in super::super) struct PublicKeys {
    /// Where the forms go.
    pub(in super::super) action: String,
    pub(in super::super) seen: Seen,
    pub(in super::super) rows: Vec<Row>,
    /// What was typed and could not be added.
    pub(in super::super) draft: String,
    pub(in super::super) faults: Faults,
}

/// One of them.
pub(in super::super) struct Row {
    pub(in super::super) kind: &'static str,
    pub(in super::super) comment: String,
    pub(in super::super) print: String,
}

/// What came of a change.
pub(in super::super) enum Changed {
    /// It was done; the name of the text that says so.
    Done(&'static str),
    /// It was not: what was typed, and what is wrong with it.
    Again(String, Faults),
}

impl PublicKeys {
    /// Those of this key, whose page is at `own`; none if its channel has none.
    pub(in super::super) fn of(key: &Key, own: &str) -> Option<Self> {
        (key.channel == Channel::Ftp).then(|| Self {
            action: format!("{own}/public-keys"),
            seen: seen(key),
            rows: key.public_keys.iter().map(row).collect(),
            draft: String::new(),
            faults: Faults::default(),
        })
    }

    /// The form with what was typed, and why it was not done.
    pub(in super::super) fn after(self, draft: String, faults: Faults) -> Self {
        Self { draft, faults, ..self }
    }
}

fn row(key: &SshPublicKey) -> Row {
    Row { kind: key.kind(), comment: key.comment().to_owned(), print: key.fingerprint() }
}

fn seen(key: &Key) -> Seen {
    let mut seen = Seen::default();
    key.public_keys.iter().for_each(|one| seen.add(one));
    seen
}

/// Adds or removes as the form says.
pub(in super::super) async fn change(
    app: &App,
    keeper: &Keeper,
    chrome: &Chrome,
    key: &Key,
    form: &Fields,
) -> Result<Changed, PanelError> {
    let given: String = form.get("public_keys").chars().take(MAX_KEYS).collect();
    let draft = public_keys_shown(form);
    let mut faults = Faults::default();
    let mut list: Vec<String> = key.public_keys.iter().map(ToString::to_string).collect();
    let done = if let Some(print) = form.filled("remove") {
        let left = key.public_keys.iter().filter(|one| one.fingerprint() != print);
        list = left.map(ToString::to_string).collect();
        "done.public_key_removed"
    } else {
        public_key_faults(&given, &mut faults);
        let known = |line: &str| SshPublicKey::parse(line).is_ok_and(|new| key.public_keys.contains(&new));
        if lines(&given).next().is_none() {
            faults.add("public_keys", words::text("ssh.add.empty"));
        } else if lines(&given).any(known) {
            faults.add("public_keys", words::text("ssh.add.there"));
        }
        list.extend(lines(&given).map(str::to_owned));
        "done.public_key_added"
    };
    if !faults.is_empty() {
        return Ok(Changed::Again(draft, faults));
    }
    let change = KeyChange { public_keys: Some(list), ..KeyChange::default() };
    match keeper.update_if(&app.control, key.id, &change, |now| seen(now).is_in(form, "seen")).await {
        Ok(Some(changed)) => {
            chrome.note(changed.receipt);
            Ok(Changed::Done(done))
        }
        Ok(None) => {
            faults.add("public_keys", words::text("ssh.stale"));
            Ok(Changed::Again(draft, faults))
        }
        Err(ControlError::Invalid(problems)) => Ok(Changed::Again(draft, Faults::from(problems))),
        Err(error) => Err(error.into()),
    }
}
