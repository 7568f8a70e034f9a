//! The rules of the site that is acted in: what it allows its people and keys.

mod form;
mod keys;
mod sinks;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use portcullis_access::SiteAdmin;
use portcullis_control::{ControlError, SiteChange, SiteView};
use portcullis_domain::{DataEvents, SecondFactorRule, Site, SiteRules};

use super::error::PanelError;
use super::fields::{Faults, Fields};
use super::page::{Chrome, on_to, page, toast};
use super::posted::Posted;
use super::seen::Seen;
use super::visitor::{Admin, Person};
use super::words;
use super::words::filters;
use crate::app::App;
use form::Form;
use keys::Figures;

const SECURITY: &str = "/security";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route(SECURITY, get(show).post(save))
}

/// One of several ways that a rule can be.
struct Choice {
    value: &'static str,
    name: &'static str,
    detail: &'static str,
    chosen: bool,
    /// Whether a site above asks for more.
    barred: bool,
}

#[derive(Template)]
#[template(path = "security.html")]
struct SecurityPage<'a> {
    chrome: &'a Chrome,
    toast: Option<&'static str>,
    inherits: bool,
    may_members: bool,
    need_networks: bool,
    longest_above: Option<u16>,
    idle_above: Option<u16>,
    second: Vec<Choice>,
    events: Vec<Choice>,
    form: Form,
    figures: Figures,
    sinks: Vec<sinks::Line>,
    affected: Option<String>,
    seen: Seen,
    faults: Faults,
}

/// What the form shows that others may change too; what a site above tightens is among it.
fn seen(view: &SiteView) -> Seen {
    let mut seen = seen_rules(&view.site);
    view.above.iter().for_each(|above| add(&mut seen, *above));
    seen
}

fn seen_rules(site: &Site) -> Seen {
    let mut seen = Seen::default();
    add(&mut seen, site.rules);
    seen
}

fn add(seen: &mut Seen, rules: SiteRules) {
    let days = |days: Option<u16>| days.unwrap_or(0);
    seen.add(&rules.members_make_keys);
    seen.add(&days(rules.longest_key_days));
    seen.add(&rules.keys_need_networks);
    seen.add(&days(rules.idle_key_days));
    seen.add(&rules.second_factor);
    seen.add(&rules.data_events);
}

/// What the page comes back with after it was sent.
struct Back {
    form: Form,
    faults: Faults,
    affected: Option<String>,
}

/// What the page is about.
struct Loaded {
    view: SiteView,
    figures: Figures,
    sinks: Vec<sinks::Line>,
}

fn shown(person: &Person, loaded: Loaded, toast: Option<&'static str>, back: Option<Back>) -> Response {
    let Loaded { view, figures, sinks } = loaded;
    let above = view.above.unwrap_or(SiteRules::OPEN);
    let status = if back.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let stored = || Back { form: Form::stored(&view), faults: Faults::default(), affected: None };
    let Back { form, faults, affected } = back.unwrap_or_else(stored);
    let second = |rule: &SecondFactorRule| Choice {
        value: rule.as_str(),
        name: second_name(*rule),
        detail: second_detail(*rule),
        chosen: form.second_factor == rule.as_str(),
        barred: *rule < above.second_factor,
    };
    let events = |rule: &DataEvents| Choice {
        value: rule.as_str(),
        name: events_name(*rule),
        detail: events_detail(*rule),
        chosen: form.data_events == rule.as_str(),
        barred: *rule < above.data_events,
    };
    let template = SecurityPage {
        chrome: &person.chrome,
        toast,
        inherits: view.above.is_some(),
        may_members: above.members_make_keys,
        need_networks: above.keys_need_networks,
        longest_above: above.longest_key_days,
        idle_above: above.idle_key_days,
        second: SecondFactorRule::ALL.iter().map(second).collect(),
        events: DataEvents::ALL.iter().map(events).collect(),
        form,
        figures,
        sinks,
        affected,
        seen: seen(&view),
        faults,
    };
    page(status, &template)
}

fn second_name(rule: SecondFactorRule) -> &'static str {
    match rule {
        SecondFactorRule::Optional => words::text("security.second.optional"),
        SecondFactorRule::Admins => words::text("security.second.admins"),
        SecondFactorRule::Everybody => words::text("security.second.everybody"),
    }
}

fn second_detail(rule: SecondFactorRule) -> &'static str {
    match rule {
        SecondFactorRule::Optional => words::text("security.second.optional.detail"),
        SecondFactorRule::Admins => words::text("security.second.admins.detail"),
        SecondFactorRule::Everybody => words::text("security.second.everybody.detail"),
    }
}

fn events_name(rule: DataEvents) -> &'static str {
    match rule {
        DataEvents::None => words::text("security.events.none"),
        DataEvents::Changes => words::text("security.events.changes"),
        DataEvents::All => words::text("security.events.all"),
    }
}

fn events_detail(rule: DataEvents) -> &'static str {
    match rule {
        DataEvents::None => words::text("security.events.none.detail"),
        DataEvents::Changes => words::text("security.events.changes.detail"),
        DataEvents::All => words::text("security.events.all.detail"),
    }
}

async fn load(app: &App, admin: &SiteAdmin, person: &Person) -> Result<Loaded, PanelError> {
    let view = app.control.site(admin, admin.site()).await?;
    let figures = Figures::of(app, admin).await?;
    Ok(Loaded { view, figures, sinks: sinks::lines(app, admin, person.chrome.now).await? })
}

/// `GET /security?done=`
async fn show(
    State(app): State<Arc<App>>,
    Admin { admin, person }: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    match load(&app, &admin, &person).await {
        Ok(loaded) => shown(&person, loaded, toast(&query), None),
        Err(error) => error.show(&person.chrome),
    }
}

/// `POST /security`
async fn save(State(app): State<Arc<App>>, Admin { admin, person }: Admin, form: Posted) -> Response {
    try_save(&app, &admin, &person, &form).await.unwrap_or_else(|error| error.show(&person.chrome))
}

async fn try_save(
    app: &App,
    admin: &SiteAdmin,
    person: &Person,
    sent: &Fields,
) -> Result<Response, PanelError> {
    let loaded = load(app, admin, person).await?;
    let view = &loaded.view;
    let mut faults = Faults::default();
    let form = Form::sent(sent);
    let rules = form.draft(view, &mut faults);
    let stale = || {
        let mut faults = Faults::default();
        faults.add("rules", words::text("security.stale"));
        faults
    };
    if !seen(view).is_in(sent, "seen") {
        let back = Back { form: Form::stored(view), faults: stale(), affected: None };
        return Ok(shown(person, loaded, None, Some(back)));
    }
    let off = loaded.figures.switched_off(form.idle(), view.effective.idle_key_days, person.chrome.now);
    let affected = (off > 0 && sent.get("sure") != "yes").then(|| words::count("security.affected", off));
    if !faults.is_empty() || affected.is_some() {
        return Ok(shown(person, loaded, None, Some(Back { form, faults, affected })));
    }
    let change = SiteChange { name: None, rules };
    let as_loaded = |site: &Site| seen_rules(site) == seen_rules(&view.site);
    let faults = match app.control.update_site_if(admin, view.site.id, &change, as_loaded).await {
        Ok(Some(_)) => return Ok(on_to(SECURITY, "done.rules")),
        Ok(None) | Err(ControlError::Stale) => stale(),
        Err(ControlError::Invalid(problems)) => form::faults(problems),
        Err(error) => return Err(error.into()),
    };
    Ok(shown(person, loaded, None, Some(Back { form, faults, affected: None })))
}
