//! Who sees which page, and who may send which form.

use http::StatusCode;
use portcullis_domain::Role;

use super::crawl::{inhabited, pages};
use super::visit::{SAME_ORIGIN, Visit};
use crate::world::World;

/// Pages that are about oneself; every other page is for admins.
const OWN: [&str; 5] = ["/", "/account", "/account/password", "/account/second-factor", "/api-keys"];

#[tokio::test]
async fn every_page_knows_who_may_see_it() {
    let world = World::new().await;
    inhabited(&world).await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    world.other_site().await;
    let (mut nobody, mut bob) = (Visit::nobody(&world), Visit::of(&world, "bob").await);
    let mut eve = Visit::of(&world, "eve").await;
    let pages = pages(&world).await;
    assert!(pages.len() > 10, "{:?}", pages.keys());
    for (path, page) in &pages {
        assert_ne!(page.status, StatusCode::FORBIDDEN, "{path}");
        let answer = nobody.look(path).await;
        let to = answer.header("location");
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "nobody: {path}");
        assert!(to == "/sign-in" || to.starts_with("/sign-in?next="), "{path} leads nobody to {to}");
        assert!(answer.body.is_empty(), "{path}: {answer:?}");
        if !OWN.contains(&path.split('?').next().unwrap()) {
            // A key that is not theirs is none.
            let refusal = if path.starts_with("/api-keys/0") || path.starts_with("/keys/0") {
                StatusCode::NOT_FOUND
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(bob.look(path).await.status, refusal, "a member: {path}");
        }
        // What is about a record of a site is not there for the admin of another site.
        let record =
            ["/connections/0", "/users/0", "/groups/0", "/sites/0", "/api-keys/0", "/keys/0", "/activity/"];
        if record.iter().any(|start| path.starts_with(start)) && !page.html.contains("<title>other ") {
            let answer = eve.look(path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "an admin of another site: {path}");
        }
    }
}

#[tokio::test]
async fn a_member_is_told_what_there_is_to_do() {
    let world = World::new().await;
    inhabited(&world).await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let mut bob = Visit::of(&world, "bob").await;
    let page = bob.get("/").await;
    assert_eq!(
        (page.status, page.path.as_str(), page.text("h1").as_str()),
        (StatusCode::OK, "/account", "Your account")
    );
    assert_eq!(page.text("#may h2"), "What you reach");
    assert!(!page.html.contains("NAS backup") && !page.has("a[href^='/connections']"), "{page:?}");
    let refused = bob.get("/connections").await;
    assert_eq!((refused.status, refused.text("h1").as_str()), (StatusCode::FORBIDDEN, "This is not for you"));
    assert_eq!(refused.attr("main a", "href"), "/account", "back leads to where they begin");
    // Every link they see is good.
    for link in page.all("a[href]") {
        let path = link.attr("href").unwrap();
        if !path.starts_with('#') {
            assert_eq!(bob.get(path).await.status, StatusCode::OK, "{path}");
        }
    }
}

/// The forms of all pages that change something: their addresses.
async fn deeds(world: &World) -> Vec<String> {
    let mut deeds = Vec::new();
    for page in pages(world).await.values() {
        let forms =
            page.all("form[method=post]").into_iter().map(|form| form.attr("action").unwrap_or(&page.path));
        deeds.extend(forms.map(|path| path.split('?').next().unwrap().to_owned()));
    }
    deeds.sort();
    deeds.dedup();
    assert!(deeds.len() >= 2, "{deeds:?}");
    deeds
}

#[tokio::test]
async fn post_without_csrf_is_403() {
    let world = World::new().await;
    inhabited(&world).await;
    let before = world.get("/api/v1/storages").await;
    let mut visit = Visit::admin(&world).await;
    let mut other = Visit::admin(&world).await;
    let foreign = other.csrf().await;
    let deeds = deeds(&world).await;
    for path in &deeds {
        for token in ["", "0", foreign.as_str(), &"0".repeat(32)] {
            let answer = visit.post(path, &[("_csrf", token)], &[SAME_ORIGIN]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} with {token:?}");
        }
        assert_eq!(visit.post(path, &[], &[SAME_ORIGIN]).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    // The right token in the address instead of the form does not count.
    let own = visit.csrf().await;
    let answer = visit.post(&format!("/sign-out?_csrf={own}"), &[], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    // Nor does a token without a session.
    let mut nobody = Visit::nobody(&world);
    let answer = nobody.post("/sign-in", &[("_csrf", &own), ("username", "admin")], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(world.get("/api/v1/storages").await, before);
    assert_eq!(visit.get("/connections").await.status, StatusCode::OK, "nobody was signed out");
}

#[tokio::test]
async fn cross_site_post_is_403() {
    let world = World::new().await;
    inhabited(&world).await;
    let mut visit = Visit::admin(&world).await;
    let token = visit.csrf().await;
    let host = "https://gate.example.org";
    let foreign: &[&[(&str, &str)]] = &[
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", host)],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ];
    for path in deeds(&world).await.iter().map(String::as_str).chain(["/sign-in"]) {
        for headers in foreign {
            let answer = visit.post(path, &[("_csrf", &token)], headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} with {headers:?}");
        }
    }
    // A page of another site may lead here, and is shown nothing: the cookie stays at home. With it, a page is a page.
    assert_eq!(visit.get("/connections").await.status, StatusCode::OK);
    let answer = visit.post("/sign-out", &[("_csrf", &token)], &[("origin", host)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
}

#[tokio::test]
async fn the_cookie_alone_opens_no_api() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let token = visit.csrf().await;
    let cookie =
        visit.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let ask = |method: &str, path: &str| {
        world.ask(method, path).header("cookie", &cookie).header("host", "gate.example.org")
    };
    let status = async |headers: &[(&str, &str)]| {
        let asked =
            headers.iter().fold(ask("GET", "/api/v1/me"), |ask, (name, value)| ask.header(name, value));
        asked.send().await.status
    };
    let ours = ("x-csrf-token", token.as_str());
    assert_eq!(status(&[ours]).await, StatusCode::OK);
    assert_eq!(status(&[ours, SAME_ORIGIN]).await, StatusCode::OK);
    for refused in [
        &[][..],
        &[SAME_ORIGIN],
        &[("x-csrf-token", "")],
        &[("x-csrf-token", "0123456789abcdef0123456789abcdef")],
        &[ours, ("sec-fetch-site", "cross-site")],
        &[ours, ("sec-fetch-site", "same-site")],
        &[ours, ("origin", "https://evil.example")],
    ] {
        assert_eq!(status(refused).await, StatusCode::UNAUTHORIZED, "{refused:?}");
    }
    // A deed, with and without.
    let given = serde_json::json!({"name": "NAS", "provider": "builtin"});
    let answer = ask("POST", "/api/v1/storages").json(&given).send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = ask("POST", "/api/v1/storages").header("x-csrf-token", &token).json(&given).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    // Credentials in the header count before the cookie, and wrong ones are not made up for by it.
    let answer = ask("GET", "/api/v1/me").header("x-csrf-token", &token).bearer("nonsense").send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_is_no_person() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let bearer = world.rest_key(&storage, "read_write").await;
    let mut visit = Visit::nobody(&world);
    visit.cookies.insert("__Host-portcullis".to_owned(), bearer);
    assert_eq!(visit.get("/connections").await.path, "/sign-in?next=%2Fconnections");
}
