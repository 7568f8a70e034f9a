//! More credentials for a connection: the terms, a look at them, the secret.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, KeyDraft, MailDraft, ScopeDraft, StorageChange, new_once_token};
use portcullis_domain::{Channel, DisplayName, KeyPrefix, Permission, Storage, StorageId};

use super::super::channel_key::{MailForm, Own, OwnForm};
use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::labels;
use super::super::page::{Chrome, page};
use super::super::posted::Posted;
use super::super::visitor::{Admin, Person};
use super::super::words::{self, filters};
use super::list_text::{binding, sentence};
use super::terms::Done;
use super::{Agreed, ListText, Occasion, Terms, already, show};
use crate::app::App;

/// What was filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NewKey {
    once: String,
    name: String,
    prefix: String,
    /// The channel, as it was chosen.
    channel: String,
    /// What becomes of messages, for a mail key.
    mail: MailForm,
    terms: Terms,
}

/// What was filled in, read.
struct Plan {
    name: DisplayName,
    channel: Channel,
    prefix: KeyPrefix,
    agreed: Agreed,
    mail: MailDraft,
}

impl NewKey {
    fn of(fields: &Fields) -> Result<Self, PanelError> {
        let text = |name: &str, most: usize| fields.get(name).chars().take(most).collect::<String>();
        let once = match fields.filled("once") {
            Some(once) => once.chars().take(256).collect(),
            None => new_once_token()?,
        };
        let channel = Some(text("channel", 20)).filter(|channel| !channel.is_empty());
        let channel = channel.unwrap_or_else(|| Channel::S3.to_string());
        let (name, prefix) = (text("name", 400), text("prefix", 1_100));
        Ok(Self { once, name, prefix, channel, mail: MailForm::of(fields), terms: Terms::of(fields) })
    }

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let own = [
            ("once", self.once.as_str()),
            ("name", &self.name),
            ("prefix", &self.prefix),
            ("channel", &self.channel),
        ];
        let filled = own.into_iter().filter(|(_, value)| !value.is_empty());
        let is_mail = self.channel == Channel::Email.as_str();
        let mail = is_mail.then(|| self.mail.pairs()).into_iter().flatten();
        filled.chain(mail).chain(self.terms.pairs()).collect()
    }

    fn check(&self, app: &App, faults: &mut Faults) -> Option<Plan> {
        let name =
            DisplayName::parse(&self.name).map_err(|wrong| faults.add("name", sentence(&wrong.to_string())));
        let prefix = KeyPrefix::parse(&self.prefix)
            .map_err(|wrong| faults.add("prefix", sentence(&wrong.to_string())));
        let channel = CHANNELS.into_iter().find(|channel| channel.as_str() == self.channel);
        if channel.is_none() {
            faults.add("channel", words::text("channels.unknown"));
        }
        let mail = self.mail.read(channel.unwrap_or(Channel::S3), faults);
        let agreed = self.terms.check(app.access.now(), faults)?;
        Some(Plan { name: name.ok()?, channel: channel?, prefix: prefix.ok()?, agreed, mail })
    }
}

/// The channels that keys of a storage are made for here. Those of the REST API are made on the page for API keys.
const CHANNELS: [Channel; 5] =
    [Channel::S3, Channel::Http, Channel::Ftp, Channel::WebService, Channel::Email];

impl NewKeyPage<'_> {
    /// Channels to choose from: value, name, what it is for.
    fn channels() -> [(&'static str, &'static str, &'static str); 5] {
        CHANNELS.map(labels::channel_choice)
    }
}

#[derive(Template)]
#[template(path = "new_key.html")]
struct NewKeyPage<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    filled: &'a NewKey,
    terms: &'a Terms,
    list: ListText,
    changed: Option<Done>,
    /// What every key of the connection is held to, if that is less than everything.
    bound: Option<&'static str>,
    of_key: bool,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "new_key_review.html")]
struct ReviewPage<'a> {
    chrome: &'a Chrome,
    storage: &'a Storage,
    carried: Vec<(&'static str, &'a str)>,
    back: String,
    plan: &'a Plan,
    permission: &'static str,
    list: ListText,
    /// Whether anybody who has the keys may use them.
    from_anywhere: bool,
    channel: &'static str,
    /// What becomes of messages, line by line, for a mail key.
    mail: Vec<String>,
    /// User name, secret and public keys, for a channel that has them.
    own: Option<OwnForm>,
    faults: Faults,
    trouble: Option<&'static str>,
}

/// The storage that an address names.
pub(super) async fn find(app: &App, admin: &SiteAdmin, id: &str) -> Result<Storage, PanelError> {
    let id: StorageId = id.parse().map_err(|_| PanelError::NotFound)?;
    Ok(app.control.storage(admin, id).await?.storage)
}

/// `GET /connections/{id}/keys/new`: the form, and with `next=review` a look at what it says.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let found = find(&app, &admin, &id).await.and_then(|storage| Ok((storage, NewKey::of(&query)?)));
    match found {
        Err(error) => error.show(&person.chrome),
        Ok((storage, mut filled)) => {
            let changed = filled.terms.apply(&query, person.peer);
            let mut faults = Faults::default();
            let plan = filled.check(&app, &mut faults);
            match plan.filter(|_| faults.is_empty() && changed.is_none()) {
                Some(plan) if query.get("next") == "review" => {
                    review(&person, &storage, &filled, &plan, Reviewed::default())
                }
                Some(_) | None => {
                    let asked = changed.is_none() && query.get("next") == "review";
                    form(&person, &storage, &filled, changed, if asked { faults } else { Faults::default() })
                }
            }
        }
    }
}

fn form(
    person: &Person,
    storage: &Storage,
    filled: &NewKey,
    changed: Option<Done>,
    faults: Faults,
) -> Response {
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let bound = (storage.permission != Permission::ReadWrite).then(|| labels::permission(storage.permission));
    let template = NewKeyPage {
        chrome: &person.chrome,
        storage,
        filled,
        terms: &filled.terms,
        list: filled.terms.list(person.peer),
        changed,
        bound,
        of_key: true,
        faults,
    };
    page(status, &template)
}

/// What the page before the deed shows besides what was filled in.
#[derive(Default)]
struct Reviewed {
    own: OwnForm,
    faults: Faults,
    trouble: Option<&'static str>,
}

fn review(
    person: &Person,
    storage: &Storage,
    filled: &NewKey,
    plan: &Plan,
    Reviewed { own, faults, trouble }: Reviewed,
) -> Response {
    let carried = filled.pairs();
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(carried.iter().copied()).finish();
    let status = match trouble {
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        None if faults.is_empty() => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let with_public_keys = plan.channel == Channel::Ftp;
    let networks = plan.agreed.reading.networks();
    let template = ReviewPage {
        chrome: &person.chrome,
        storage,
        back: format!("/connections/{}/keys/new?{query}", storage.id),
        carried,
        plan,
        permission: labels::permission(plan.agreed.permission),
        list: ListText::of(&plan.agreed.reading, person.peer),
        from_anywhere: binding(&storage.networks, &networks).is_anywhere(),
        channel: labels::channel(plan.channel),
        mail: if plan.channel == Channel::Email { filled.mail.said() } else { Vec::new() },
        own: plan.channel.takes_chosen().then_some(OwnForm { with_login: true, with_public_keys, ..own }),
        faults,
        trouble,
    };
    page(status, &template)
}

/// `POST /connections/{id}/keys/new`: makes the key and shows its secret.
pub(super) async fn make(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    Path(id): Path<String>,
    fields: Posted,
) -> Response {
    match Box::pin(try_make(&app, &admin, &person, &id, &fields)).await {
        Ok(response) => response,
        Err(error) => error.show(&person.chrome),
    }
}

async fn try_make(
    app: &App,
    admin: &SiteAdmin,
    person: &Person,
    id: &str,
    fields: &Fields,
) -> Result<Response, PanelError> {
    let storage = find(app, admin, id).await?;
    let mut filled = NewKey::of(fields)?;
    let mut faults = Faults::default();
    let Some(plan) = filled.check(app, &mut faults) else {
        return Ok(form(person, &storage, &filled, None, faults));
    };
    let own = OwnForm::of(fields);
    let chosen = own.read(fields, plan.channel, &mut faults);
    if !faults.is_empty() {
        return Ok(review(person, &storage, &filled, &plan, Reviewed { own, faults, trouble: None }));
    }
    if !app.control.claim_once(admin, &filled.once).await? {
        return Ok(already(&person.chrome, &format!("/connections/{}", storage.id)));
    }
    // The door first: without a key an open door lets nobody in, and a key to a closed one would be of no use.
    let opened = if plan.channel == Channel::S3 { open(app, admin, &storage).await } else { Ok(()) };
    let made = match opened {
        Ok(()) => app.control.create_key(admin, &plan.draft(&storage, chosen)).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            let storage = made.storage.as_ref().unwrap_or(&storage);
            Ok(show(app, &person.chrome, storage, &made, Occasion::Added))
        }
        Err(ControlError::Invalid(problems)) => {
            filled.once = new_once_token()?;
            let faults = Faults::from(problems);
            if faults.iter().any(|fault| OwnForm::has(&fault.field)) {
                return Ok(review(person, &storage, &filled, &plan, Reviewed { own, faults, trouble: None }));
            }
            Ok(form(person, &storage, &filled, None, faults))
        }
        Err(error) => {
            tracing::error!(%error, "credentials could not be made");
            filled.once = new_once_token()?;
            let trouble = Some(words::text("key.new.trouble"));
            Ok(review(person, &storage, &filled, &plan, Reviewed { own, trouble, ..Reviewed::default() }))
        }
    }
}

async fn open(app: &App, admin: &SiteAdmin, storage: &Storage) -> Result<(), ControlError> {
    if storage.s3_access {
        return Ok(());
    }
    let change = StorageChange { s3_access: Some(true), ..StorageChange::default() };
    app.control.update_storage(admin, storage.id, &change).await.map(|_| ())
}

impl Plan {
    fn draft(&self, storage: &Storage, own: Own) -> KeyDraft {
        let agreed = &self.agreed;
        KeyDraft {
            name: self.name.to_string(),
            channel: self.channel.to_string(),
            scope: ScopeDraft::Storage(storage.id.to_string()),
            permission: agreed.permission.as_str().to_owned(),
            overwrite: agreed.overwrite.map(|rule| rule.as_str().to_owned()),
            networks: agreed.reading.drafts(),
            prefix: Some(self.prefix.as_str().to_owned()),
            expires_at: agreed.expires.map(|end| end.to_string()),
            on_leak: agreed.on_leak.map(|what| what.to_string()),
            login: own.login,
            secret: own.secret,
            public_keys: own.public_keys,
            mail: self.mail.clone(),
        }
    }
}
