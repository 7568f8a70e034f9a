//! Second factors, the confirmation and one's sign-ins, in the panel.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::{Clock as _, Role};
use serde_json::json;

use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::authenticator::{Authenticator, code};
use crate::world::{PASSWORD, World};

/// Sets an app up by the pages: its key, and the recovery codes.
async fn set_up(visit: &mut Visit<'_>) -> (String, Vec<String>) {
    let page = visit.get("/account/second-factor").await;
    let page = visit.submit(&page, "#app form", &[]).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Set up an authenticator app"));
    assert!(page.has("#qr[role=img][aria-label] path"), "{page:?}");
    let key = page.text("#v-seed");
    let wrong = visit.submit(&page, "#totp", &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        (wrong.text("#v-seed"), wrong.attr("[aria-invalid]", "name")),
        (key.clone(), "code".to_owned())
    );
    let now = code(&key, visit.world.clock.now());
    let page = visit.submit(&wrong, "#totp", &[("code", &now)]).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Recovery codes"));
    let codes: Vec<String> = page.text("#codes").split_whitespace().map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    (key, codes)
}

async fn to_code(visit: &mut Visit<'_>, next: &str) -> Page {
    let page = visit.get(&format!("/sign-in?next={next}")).await;
    let page = visit.submit(&page, "form", &[("username", "admin"), ("password", PASSWORD)]).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Second factor"));
    page
}

#[tokio::test]
async fn signing_in_with_a_code_is_a_second_page() {
    let world = World::new().await;
    let (key, codes) = set_up(&mut Visit::admin(&world).await).await;
    world.clock.advance(Duration::from_secs(30));
    let mut visit = Visit::nobody(&world);
    let page = to_code(&mut visit, "%2Faccount").await;
    assert!(!page.html.contains(PASSWORD));
    assert_eq!(visit.look("/account").await.status, StatusCode::SEE_OTHER, "not in yet");
    let page = visit.submit(&page, "#code-form", &[("code", "000000")]).await;
    assert_eq!(
        (page.status, page.text("#fault").starts_with("That is not")),
        (StatusCode::UNPROCESSABLE_ENTITY, true)
    );
    let now = code(&key, world.clock.now());
    let done = visit.submit(&page, "#code-form", &[("code", &now)]).await;
    assert_eq!((done.status, done.path.as_str()), (StatusCode::OK, "/account"));
    assert_eq!(done.texts("#sessions .chip").iter().filter(|chip| *chip == "Second factor").count(), 2);

    let mut other = Visit::nobody(&world);
    let page = to_code(&mut other, "").await;
    let replayed = other.submit(&page, "#code-form", &[("code", &now)]).await;
    assert_eq!(replayed.status, StatusCode::UNPROCESSABLE_ENTITY, "a code twice");
    let done = other.submit(&replayed, "#code-form", &[("code", &codes[0])]).await;
    assert_eq!(done.path, "/connections", "a recovery code instead");
    assert_eq!(other.get("/account/second-factor").await.text("#codes .chip"), "9 codes left");

    let mut late = Visit::nobody(&world);
    let page = to_code(&mut late, "").await;
    world.clock.advance(Duration::from_secs(5 * 60));
    let now = code(&key, world.clock.now());
    let page = late.submit(&page, "#code-form", &[("code", &now)]).await;
    assert_eq!((page.text("h1").as_str(), page.status), ("Sign in", StatusCode::UNPROCESSABLE_ENTITY));
    assert!(page.text("#fault").contains("five minutes"));
    assert_eq!(late.get("/sign-in/code").await.path, "/sign-in");
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_in_words() {
    let world = World::new().await;
    set_up(&mut Visit::admin(&world).await).await;
    let mut visit = Visit::nobody(&world);
    let mut page = to_code(&mut visit, "").await;
    for guess in 0..30 {
        page = visit.submit(&page, "#code-form", &[("code", &format!("{guess:06}"))]).await;
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.text("#fault").contains("Wait"), "{page:?}");
}

#[tokio::test]
async fn what_weakens_an_account_asks_who_one_is() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    set_up(&mut visit).await;
    let asked = visit.get("/account/second-factor/app/remove").await;
    assert!(asked.text(".callout.warn").contains("Nothing is left"), "{asked:?}");
    world.clock.advance(Duration::from_secs(10 * 60));
    let page = visit.submit(&asked, "#remove", &[]).await;
    assert_eq!(page.path, "/confirm?next=%2Faccount%2Fsecond-factor%2Fapp%2Fremove");
    let page = visit.submit(&page, "#confirm", &[("password", "wrong")]).await;
    assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1));
    let page = visit.submit(&page, "#confirm", &[("password", PASSWORD)]).await;
    assert_eq!(page.path, "/account/second-factor/app/remove", "back where it was asked");
    let page = visit.submit(&page, "#remove", &[]).await;
    assert_eq!(
        (page.path.as_str(), page.toast().as_str()),
        ("/account/second-factor?done=removed", "Removed.")
    );
    assert!(!page.has("#codes"));
    assert_eq!(visit.get("/account/second-factor/app/remove").await.status, StatusCode::NOT_FOUND);
    let page = visit.get("/confirm?next=//evil.example").await;
    let page = visit.submit(&page, "#confirm", &[("password", PASSWORD)]).await;
    assert_eq!(page.path, "/connections", "nobody is led away");
}

#[tokio::test]
async fn new_recovery_codes_end_the_old() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let (_, old) = set_up(&mut visit).await;
    let page = visit.get("/account/second-factor").await;
    let page = visit.submit(&page, "#codes form", &[]).await;
    let new: Vec<String> = page.text("#codes").split_whitespace().map(str::to_owned).collect();
    assert_eq!(new.len(), 10);
    let mut other = Visit::nobody(&world);
    let page = to_code(&mut other, "").await;
    let page = other.submit(&page, "#code-form", &[("code", &old[0])]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.submit(&page, "#code-form", &[("code", &new[9])]).await.path, "/connections");
}

#[tokio::test]
async fn every_page_leads_to_the_factor_that_a_site_asks_for() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let path = format!("/api/v1/sites/{}", world.main_site().await);
    let rule = json!({"rules": {"second_factor": "everybody"}});
    assert_eq!(world.admin("PATCH", &path).json(&rule).send().await.status, StatusCode::OK);
    for name in ["admin", "bob"] {
        let mut visit = Visit::nobody(&world);
        let page = visit.get("/sign-in").await;
        let page = visit.submit(&page, "form", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(page.path, "/account/second-factor", "{name}");
        assert!(page.has("#needed"), "{name}");
        for path in ["/", "/account", "/connections", "/connections/new", "/users"] {
            assert_eq!(visit.get(path).await.path, "/account/second-factor", "{name}: {path}");
        }
        assert_eq!(visit.get("/account/password").await.status, StatusCode::OK);
        set_up(&mut visit).await;
        assert_eq!(visit.get("/account").await.path, "/account");
        let page = visit.get("/account/second-factor/app/remove").await;
        let page = visit.submit(&page, "#remove", &[]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "the last one of {name}");
    }
}

/// The answer of a browser, as passkey.js puts it into a form.
fn fields(csrf: &str, answer: &serde_json::Value, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = [("_csrf", csrf)];
    let given = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let answered = answer.as_object().unwrap().iter();
    given.chain(answered.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))).collect()
}

async fn post(visit: &mut Visit<'_>, path: &str, fields: &[(String, String)]) -> crate::world::Answer {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    visit.post(path, &fields, &[SAME_ORIGIN]).await
}

#[tokio::test]
async fn a_passkey_is_added_used_and_removed() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/account/second-factor").await;
    assert_eq!(page.attr("#new-passkey [data-passkey]", "data-passkey"), "/api/v1/me/passkeys/options");
    assert!(page.has("#new-passkey[hidden]"), "it is of no use without a script");
    let csrf = visit.csrf().await;
    let cookie =
        visit.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let ask = world.ask("POST", "/api/v1/me/passkeys/options").header("cookie", &cookie);
    let question = ask.header("x-csrf-token", &csrf).header("host", "gate.example.org").send().await.json();
    let mut telephone = Authenticator::new("telephone");
    let made = fields(&csrf, &telephone.create(&question), &[("name", "Telephone")]);
    let answer = post(&mut visit, "/account/passkeys", &made).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(String::from_utf8_lossy(&answer.body).contains("Recovery codes"));
    let again = post(&mut visit, "/account/passkeys", &made).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "the same once more");

    let mut other = Visit::nobody(&world);
    let page = other.get("/sign-in").await;
    assert_eq!(page.attr("form [hidden] [data-passkey]", "formaction"), "/sign-in/passkey");
    let csrf = page.all("input[name=_csrf]")[0].attr("value").unwrap().to_owned();
    let question = world.ask("POST", "/api/v1/sessions/passkey/options").send().await.json();
    let used = fields(&csrf, &telephone.get(&question), &[("next", "/account")]);
    let answer = post(&mut other, "/sign-in/passkey", &used).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/account"), "{answer:?}");
    let page = other.get("/account/second-factor").await;
    assert_eq!(page.text("#passkeys h3"), "Telephone");

    world.clock.advance(Duration::from_secs(10 * 60));
    let page = other.get(&page.attr("#passkeys li a", "href")).await;
    let page = other.submit(&page, "#remove", &[]).await;
    assert!(page.path.starts_with("/confirm?next="), "{page:?}");
    let csrf = other.csrf().await;
    let question = world.ask("POST", "/api/v1/sessions/passkey/options").send().await.json();
    let next = page.all("input[name=next]")[0].attr("value").unwrap().to_owned();
    let answer = telephone.get(&question);
    let confirmed = post(&mut other, "/confirm/passkey", &fields(&csrf, &answer, &[("next", &next)])).await;
    assert_eq!(confirmed.header("location"), next, "{confirmed:?}");
    let page = other.get(&next).await;
    let page = other.submit(&page, "#remove", &[]).await;
    assert_eq!(page.path, "/account/second-factor?done=removed");

    let mut gone = Visit::nobody(&world);
    let page = gone.get("/sign-in").await;
    let csrf = page.all("input[name=_csrf]")[0].attr("value").unwrap().to_owned();
    for (answer, says) in
        [(telephone.get(&question), "not known here"), (json!({}), "longer than five minutes")]
    {
        let answer = post(&mut gone, "/sign-in/passkey", &fields(&csrf, &answer, &[])).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(String::from_utf8_lossy(&answer.body).contains(says), "{says}: {answer:?}");
    }
}

#[tokio::test]
async fn sign_ins_are_listed_and_ended() {
    let world = World::new().await;
    let (mut here, mut there) = (Visit::admin(&world).await, Visit::admin(&world).await);
    let page = here.get("/account").await;
    // The world's own, and these two.
    assert_eq!(page.all("#sessions li").len(), 3);
    assert_eq!(page.texts("#sessions .chip"), ["This one"]);
    let ends = page.all("#sessions li form:has(button)");
    let forms: Vec<_> = ends.iter().map(|form| form.attr("action").unwrap().to_owned()).collect();
    let page = here.submit(&page, &format!("form[action='{}']", forms[0]), &[]).await;
    assert_eq!((page.toast().as_str(), page.all("#sessions li").len()), ("That sign-in has ended.", 2));
    let page = here.submit(&page, "#sessions header form", &[]).await;
    assert_eq!(
        (page.toast().as_str(), page.all("#sessions li").len()),
        ("All your other sign-ins have ended.", 1)
    );
    assert_eq!(there.get("/account").await.path, "/sign-in?next=%2Faccount");
    assert_eq!(here.get("/account/sessions/end").await.path, "/account", "an address of a form");
}

#[tokio::test]
async fn a_member_sees_what_they_reach() {
    let world = World::new().await;
    let storage = world.storage("Photo archive").await;
    let bob = world.user(world.main_site().await, "bob", Role::Member).await;
    world.storage("Invoices").await;
    let given = json!({"storage": storage["id"], "user": bob, "prefix": "studio/", "permission": "read"});
    assert_eq!(world.admin("POST", "/api/v1/grants").json(&given).send().await.status, StatusCode::CREATED);
    let page = Visit::of(&world, "bob").await.get("/account").await;
    assert_eq!(page.texts("#may h3"), ["Photo archive"]);
    assert!(page.text("#may .chip").ends_with("studio/"), "{page:?}");
    assert!(!page.html.contains("Invoices"));
}
