//! Making a key.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use portcullis_access::Proof as _;
use portcullis_control::{ControlError, KeyDraft, KeyRules, MailDraft, ScopeDraft, new_once_token};
use portcullis_domain::Channel;

use super::super::channel_key::{MailForm, Own, OwnForm};
use super::super::credentials::{Agreed, Done, ListText, Terms};
use super::super::error::{PanelError, confirm};
use super::super::fields::{Faults, Fields};
use super::super::labels;
use super::super::page::{Chrome, page};
use super::super::people::user_named;
use super::super::posted::Posted;
use super::super::words::{self, filters};
use super::at::At;
use super::{HOME, may_make, shown};
use crate::app::App;
use crate::extract::Keeper;

/// What was filled in.
struct NewKey {
    once: String,
    name: String,
    /// Whether it is for the whole site.
    site: bool,
    /// The name of the user it is for.
    user: String,
    /// Whether it may administer.
    full: bool,
    /// The channel that it opens.
    channel: Channel,
    /// Whether an S3 key is made too.
    s3: bool,
    /// User name, secret and public keys, for a channel that has them.
    own: OwnForm,
    /// What becomes of messages, for a mail key.
    mail: MailForm,
    terms: Terms,
}

#[derive(Template)]
#[template(path = "api_key_new.html")]
struct NewPage<'a> {
    chrome: &'a Chrome,
    filled: &'a NewKey,
    terms: &'a Terms,
    own: &'a OwnForm,
    list: ListText,
    changed: Option<Done>,
    rules: KeyRules,
    of_key: bool,
    faults: Faults,
}

/// The channels that keys of users are made for here; one for S3 is made together with one for the REST API.
const CHANNELS: [Channel; 5] =
    [Channel::Rest, Channel::Http, Channel::Ftp, Channel::WebService, Channel::Email];

impl NewPage<'_> {
    /// Channels to choose from: value, name, what it is for.
    fn channels() -> [(&'static str, &'static str, &'static str); 5] {
        CHANNELS.map(labels::channel_choice)
    }
}

impl NewKey {
    fn of(fields: &Fields, own: &str) -> Result<Self, PanelError> {
        let text = |name: &str, most: usize| fields.get(name).chars().take(most).collect::<String>();
        let once = match fields.filled("once") {
            Some(once) => once.chars().take(256).collect(),
            None => new_once_token()?,
        };
        let user = Some(text("user", 100)).filter(|user| !user.is_empty()).unwrap_or_else(|| own.to_owned());
        let (site, full) = (fields.get("kind") == "site", fields.has("full"));
        let channel = CHANNELS.into_iter().find(|channel| channel.as_str() == fields.get("channel"));
        let channel = channel.unwrap_or(Channel::Rest);
        // What only the REST API knows is not looked at for another channel.
        let rest = channel == Channel::Rest;
        let (s3, full, name) = (fields.has("s3") && !site && rest, full && rest, text("name", 400));
        let (own, mail, terms) = (OwnForm::of(fields), MailForm::of(fields), Terms::of(fields));
        Ok(Self { once, name, site, user, full, channel, s3, own, mail, terms })
    }

    /// The address of the form as it is filled in, for whoever has to prove first who they are.
    fn address(&self) -> String {
        let ticked = |on: bool| if on { "on" } else { "" };
        let kind = if self.site { "site" } else { "user" };
        let own = [
            ("name", self.name.as_str()),
            ("kind", kind),
            ("user", &self.user),
            ("full", ticked(self.full)),
            ("s3", ticked(self.s3)),
            ("channel", self.channel.as_str()),
            ("creds", if self.own.chosen { "chosen" } else { "" }),
            ("login", &self.own.login),
            ("public_keys", &self.own.public_keys),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(own.into_iter().filter(|(_, value)| !value.is_empty()));
        if self.channel == Channel::Email {
            query.extend_pairs(self.mail.pairs());
        }
        query.extend_pairs(self.terms.pairs());
        format!("{HOME}/new?{}", query.finish())
    }

    fn draft(&self, agreed: &Agreed, scope: ScopeDraft, own: Own, mail: MailDraft) -> KeyDraft {
        let permission = if self.full { "full" } else { agreed.permission.as_str() };
        KeyDraft {
            name: self.name.clone(),
            channel: self.channel.to_string(),
            scope,
            permission: permission.to_owned(),
            overwrite: agreed.overwrite.filter(|_| !self.full).map(|rule| rule.as_str().to_owned()),
            networks: agreed.reading.drafts(),
            prefix: None,
            expires_at: agreed.expires.map(|end| end.to_string()),
            on_leak: agreed.on_leak.map(|what| what.to_string()),
            login: own.login,
            secret: own.secret,
            public_keys: own.public_keys,
            mail,
        }
    }
}

/// `GET /api-keys/new`: what stands in its address is filled in.
pub(super) async fn ask(State(app): State<Arc<App>>, at: At, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let asked = async {
        if !may_make(&app, &at.keeper).await? {
            return Err(PanelError::Denied);
        }
        let mut filled = NewKey::of(&fields, &at.person.chrome.user)?;
        let changed = filled.terms.apply(&fields, at.person.peer);
        form(&app, &at, &filled, changed, Faults::default()).await
    };
    asked.await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn form(
    app: &App,
    at: &At,
    filled: &NewKey,
    changed: Option<Done>,
    faults: Faults,
) -> Result<Response, PanelError> {
    let site = match &at.keeper {
        Keeper::Admin(admin) => admin.site(),
        Keeper::Own(me) => me.site(),
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let template = NewPage {
        chrome: &at.person.chrome,
        filled,
        terms: &filled.terms,
        own: &filled.own,
        list: filled.terms.list(at.person.peer),
        changed,
        rules: app.control.key_rules(site).await?,
        of_key: false,
        faults,
    };
    Ok(page(status, &template))
}

/// `POST /api-keys/new`: makes the key, or the two, and shows what authenticates them.
pub(super) async fn make(State(app): State<Arc<App>>, at: At, fields: Posted) -> Response {
    Box::pin(try_make(&app, &at, &fields)).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_make(app: &App, at: &At, fields: &Fields) -> Result<Response, PanelError> {
    let mut filled = NewKey::of(fields, &at.person.chrome.user)?;
    if filled.full && filled.terms.permission.is_empty() {
        "read_write".clone_into(&mut filled.terms.permission);
    }
    // The buttons of the list of networks.
    if let Some(changed) = filled.terms.apply(fields, at.person.peer) {
        return form(app, at, &filled, Some(changed), Faults::default()).await;
    }
    let mut faults = Faults::default();
    let agreed = filled.terms.check(app.access.now(), &mut faults);
    let scope = scope(app, at, &filled, &mut faults).await?;
    let own = filled.own.read(fields, filled.channel, &mut faults);
    let mail = filled.mail.read(filled.channel, &mut faults);
    let (Some(agreed), Some(scope), true) = (agreed, scope, faults.is_empty()) else {
        return form(app, at, &filled, None, faults).await;
    };
    if !at.keeper.claim_once(&app.control, &filled.once).await? {
        return Ok(shown::already(&at.person.chrome));
    }
    filled.once = new_once_token()?;
    match at.keeper.create(&app.control, &filled.draft(&agreed, scope, own, mail), filled.s3).await {
        Ok(made) => Ok(shown::show(app, &at.person.chrome, &made)),
        Err(ControlError::ConfirmationNeeded) => Ok(confirm(&filled.address())),
        Err(ControlError::Invalid(problems)) => {
            let problems = problems.into_iter().map(|mut problem| {
                match problem.field.as_str() {
                    "expires_at" => "expires".clone_into(&mut problem.field),
                    "scope" => "kind".clone_into(&mut problem.field),
                    _ => {}
                }
                problem
            });
            form(app, at, &filled, None, Faults::from(problems.collect::<Vec<_>>())).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn scope(
    app: &App,
    at: &At,
    filled: &NewKey,
    faults: &mut Faults,
) -> Result<Option<ScopeDraft>, PanelError> {
    let admin = match &at.keeper {
        Keeper::Own(me) => return Ok(Some(ScopeDraft::User(me.user().to_string()))),
        Keeper::Admin(_) if filled.site => return Ok(Some(ScopeDraft::Site)),
        Keeper::Admin(admin) => admin,
    };
    match user_named(app, admin, filled.user.trim()).await? {
        Some(user) => Ok(Some(ScopeDraft::User(user.id.to_string()))),
        None => {
            faults.add("user", words::fill("people.unknown", &[&filled.user]));
            Ok(None)
        }
    }
}
