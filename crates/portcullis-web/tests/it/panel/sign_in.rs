//! Coming and going, the first start, and the password.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;

use super::visit::{SAME_ORIGIN, Visit};
use crate::world::{PASSWORD, World};

const NEW: &str = "seven green bottles hanging";

#[tokio::test]
async fn signing_in_and_out() {
    let world = World::new().await;
    let mut visit = Visit::nobody(&world);
    let page = visit.get("/sign-in").await;
    assert_eq!((page.status, page.text("h1")), (StatusCode::OK, "Sign in".to_owned()));
    let page = visit.submit(&page, "form", &[("username", "admin"), ("password", "not this one")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.attr("#username", "value"), "admin");
    assert!(!page.html.contains("not this one"));
    let page = visit.submit(&page, "form", &[("password", PASSWORD)]).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/connections"));
    assert_eq!(visit.get("/sign-in").await.path, "/connections", "who is in need not sign in");
    let old = visit.cookies.clone();
    let page = visit.submit(&page, "#account form", &[]).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/sign-in"));
    assert_eq!(visit.get("/connections").await.path, "/sign-in?next=%2Fconnections");
    // The old cookie is worth nothing, wherever it was kept.
    visit.cookies = old;
    assert_eq!(visit.look("/connections").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_in_leads_to_the_page_that_was_wanted() {
    let world = World::new().await;
    world.storage("NAS").await;
    let mut visit = Visit::nobody(&world);
    let page = visit.get("/connections?q=N%20A%26S&sort=-used").await;
    assert!(page.path.starts_with("/sign-in?next="));
    let page = visit.submit(&page, "form", &[("username", "admin"), ("password", PASSWORD)]).await;
    assert_eq!(page.path, "/connections?q=N%20A%26S&sort=-used");
    for foreign in ["//evil.example/", "https://evil.example/", "/\\evil.example", "/sign-out"] {
        let mut visit = Visit::nobody(&world);
        let page = visit.get(&format!("/sign-in?next={foreign}")).await;
        let answer = visit.send(&page, "form", &[("username", "admin"), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"), "{foreign}");
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_in_words() {
    let world = World::new().await;
    let mut visit = Visit::nobody(&world);
    let mut page = visit.get("/sign-in").await;
    for _ in 0..30 {
        page = visit.submit(&page, "form", &[("username", "admin"), ("password", "wrong")]).await;
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.text("#fault").contains("Wait"), "{page:?}");
}

#[tokio::test]
async fn a_session_that_ran_out_leads_to_the_sign_in_page() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/account/password").await;
    world.clock.advance(Duration::from_hours(13));
    assert_eq!(visit.get("/account").await.path, "/sign-in?next=%2Faccount");
    // A form that comes too late is not sent on to be repeated: the page after signing in is a page.
    let fields = [("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
    let page = visit.submit(&page, "#password", &fields).await;
    assert_eq!(page.path, "/sign-in");
}

async fn printed(world: &World) {
    let session = world.metadata.users(world.main_site().await).await.unwrap();
    world.metadata.set_password_printed(session[0].id, true).await.unwrap();
}

#[tokio::test]
async fn the_first_start_asks_for_a_password_of_ones_own() {
    let world = World::new().await;
    printed(&world).await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/first-run").await;
    assert_eq!(page.text("h1"), "Choose your own password");
    let own = [("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
    for (wrong, field) in [
        ([("current", "wrong"), own[1], own[2]], "current"),
        ([own[0], ("new", "short"), ("repeat", "short")], "new"),
        ([own[0], own[1], ("repeat", "something else")], "repeat"),
    ] {
        let page = visit.submit(&page, "#own", &wrong).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(page.all("[aria-invalid]").len(), 1);
        assert_eq!(page.attr("[aria-invalid]", "name"), field);
        assert_eq!(page.attr("#faults a", "href"), format!("#f-{field}"));
        assert!(!page.html.contains("wrong") && !page.html.contains(PASSWORD), "{page:?}");
    }
    let page = visit.submit(&page, "#own", &own).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/connections?done=password"));
    assert_eq!(page.toast(), "Your password is changed. Your other sign-ins have ended.");
    assert!(page.has(".empty"), "and there is the empty list");
    assert_eq!(visit.get("/first-run").await.path, "/connections", "that was that");
    let mut again = Visit::nobody(&world);
    let page = again.get("/sign-in").await;
    let page = again.submit(&page, "form", &[("username", "admin"), ("password", NEW)]).await;
    assert_eq!(page.path, "/connections");
}

#[tokio::test]
async fn the_printed_password_may_be_kept() {
    let world = World::new().await;
    printed(&world).await;
    let mut visit = Visit::nobody(&world);
    let page = visit.get("/sign-in?next=%2Faccount").await;
    let page = visit.submit(&page, "form", &[("username", "admin"), ("password", PASSWORD)]).await;
    assert_eq!(page.path, "/first-run", "that comes first");
    let page = visit.submit(&page, "#keep", &[]).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/connections?done=kept"));
    Visit::admin(&world).await;
    assert_eq!(visit.get("/first-run").await.path, "/connections");
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    for name in ["admin", "bob"] {
        let (mut here, mut there) = (Visit::of(&world, name).await, Visit::of(&world, name).await);
        let page = here.get("/account/password").await;
        let page =
            here.submit(&page, "#password", &[("current", PASSWORD), ("new", NEW), ("repeat", NEW)]).await;
        assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/account?done=password"), "{name}");
        assert!(page.toast().starts_with("Your password is changed."));
        assert_eq!(there.get("/account").await.path, "/sign-in?next=%2Faccount", "{name}");
        assert_eq!(here.get("/account").await.status, StatusCode::OK, "{name}");
    }
    let told = world.told.lock().unwrap();
    assert!(told.iter().all(|answer| !answer.contains(NEW) && !answer.contains(PASSWORD)));
}

#[tokio::test]
async fn guessing_a_password_from_inside_is_slowed_down() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let mut page = visit.get("/account/password").await;
    for _ in 0..30 {
        page = visit.submit(&page, "#password", &[("current", "wrong"), ("new", NEW), ("repeat", NEW)]).await;
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.faults()[0].contains("Too many wrong passwords."), "{:?}", page.faults());
}

#[tokio::test]
async fn forms_of_every_kind_are_read_or_refused() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let token = visit.csrf().await;
    let long = "x".repeat(300 * 1024);
    let answer = visit.post("/account/password", &[("_csrf", &token), ("new", &long)], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let json = world.ask("POST", "/account/password").header("host", "gate.example.org");
    let json = json.header("sec-fetch-site", "same-origin").header("content-type", "application/json");
    assert_eq!(json.body("{}").send().await.status, StatusCode::SEE_OTHER, "nobody gets as far as the form");
    let (name, value) = visit.cookies.iter().next().unwrap();
    let json = world.ask("POST", "/account/password").header("cookie", &format!("{name}={value}"));
    let json = json.header("sec-fetch-site", "same-origin").header("content-type", "application/json");
    assert_eq!(json.body("{}").send().await.status, StatusCode::BAD_REQUEST);
    for path in ["/account", "/connections", "/"] {
        let answer = visit.post(path, &[("_csrf", &token)], &[SAME_ORIGIN]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}
