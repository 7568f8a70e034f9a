//! Signing in at an identity provider, confirming and linking: the whole way there and back, in a browser that keeps its `Strict`
//! cookies to itself when it comes from elsewhere.

mod confirming;
#[path = "../../../../../portcullis-signin/tests/it/oidc/provider.rs"]
#[allow(dead_code, reason = "the provider of another crate's tests does more than these ask of it")]
mod provider;

use std::time::Duration;

use http::StatusCode;
use portcullis_access::Oneself;
use portcullis_control::IdentityRules;
use portcullis_domain::{Clock as _, Role, Secret, UserState, Username};
use portcullis_signin::oidc::{Provider, Settings};
use serde_json::{Value, json};

use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::world::{WEB_ADDRESS, World};
use provider::{CLIENT_ID, CLIENT_SECRET, FakeProvider};

fn rules() -> IdentityRules {
    IdentityRules {
        name: "Example".to_owned(),
        site: None,
        create_users: true,
        admin_group: Some("gate-admins".to_owned()),
        member_group: None,
        follow_groups: true,
    }
}

async fn world_with(rules: IdentityRules, trust_second_factor: bool) -> (World, FakeProvider) {
    let world = World::new().await;
    let fake = FakeProvider::start(world.clock.now());
    let settings = Settings {
        issuer: fake.issuer(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::foreign(CLIENT_SECRET.to_owned())),
        redirect_uri: format!("{WEB_ADDRESS}/sign-in/oidc/callback"),
        scopes: Vec::new(),
        groups_claim: Some("groups".to_owned()),
        username_claim: "preferred_username".to_owned(),
        trust_second_factor,
        second_factor_acr: Vec::new(),
        extra_roots_pem: None,
    };
    (world.and_identity(Provider::new(settings).unwrap(), rules), fake)
}

async fn world() -> (World, FakeProvider) {
    world_with(rules(), true).await
}

fn claims(fake: &FakeProvider, claims: Value) {
    fake.script().claims = claims;
}

/// Where the browser is sent for an address of ours, and, the person agreeing to everything, sent back to.
async fn there_and_back(visit: &mut Visit<'_>, fake: &FakeProvider, path: &str) -> String {
    fake.script().now = visit.world.clock.now();
    let answer = visit.look(path).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let back = fake.visit(answer.header("location"));
    back.strip_prefix(WEB_ADDRESS).unwrap().to_owned()
}

/// A page that is asked for because another site leads there: cookies that are `Strict` stay at home.
async fn from_elsewhere(visit: &mut Visit<'_>, path: &str) -> Page {
    let home = visit.cookies.clone();
    visit.cookies.retain(|name, _| name.ends_with("-flow"));
    let page = visit.get(path).await;
    let kept = std::mem::replace(&mut visit.cookies, home);
    visit.cookies.remove("__Host-portcullis-flow");
    visit.cookies.extend(kept);
    page
}

/// The page to which a page moves on by itself, which is also where its button leads.
async fn moved_on(visit: &mut Visit<'_>, page: &Page) -> Page {
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    let to = page.attr("#on", "href");
    assert_eq!(page.attr("meta[http-equiv=refresh]", "content"), format!("0; url={to}"));
    visit.get(&to).await
}

/// The whole way of signing in; the last page.
async fn sign_in(visit: &mut Visit<'_>, fake: &FakeProvider) -> Page {
    let back = there_and_back(visit, fake, "/sign-in/oidc").await;
    from_elsewhere(visit, &back).await
}

async fn user(world: &World, name: &str) -> portcullis_domain::User {
    world.metadata.login(&Username::parse(name).unwrap()).await.unwrap().unwrap().user
}

async fn groups(world: &World, name: &str) -> Vec<String> {
    let row = world.metadata.user_row(user(world, name).await.id).await.unwrap().unwrap();
    let mut groups: Vec<_> = row.groups.iter().map(|(_, name)| name.to_string()).collect();
    groups.sort();
    groups
}

/// What the trail says, newest first: who did what, and why not.
async fn trail(world: &World) -> Vec<(String, String, String)> {
    world.flush().await;
    let events = world.get("/api/v1/audit-events?limit=100").await;
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let events = events["items"].as_array().unwrap().iter();
    events.map(|event| (text(event, "actor"), text(event, "action"), text(event, "reason"))).collect()
}

fn has(trail: &[(String, String, String)], actor: &str, action: &str, reason: &str) -> bool {
    trail.iter().any(|event| *event == (actor.to_owned(), action.to_owned(), reason.to_owned()))
}

#[tokio::test]
async fn somebody_new_comes_in_by_the_button() {
    let (world, fake) = world().await;
    let mut visit = Visit::nobody(&world);
    let page = visit.get("/sign-in?next=%2Faccount%2Fpassword").await;
    assert_eq!(page.text("#provider"), "Sign in with Example");
    let way = page.attr("#provider", "href");
    let back = there_and_back(&mut visit, &fake, &way).await;
    let page = from_elsewhere(&mut visit, &back).await;
    assert_eq!(page.text("h1"), "Signed in");
    assert_eq!(moved_on(&mut visit, &page).await.path, "/account/password");
    let ada = user(&world, "ada").await;
    assert_eq!((ada.role, ada.state, ada.site), (Role::Member, UserState::Active, world.main_site().await));
    let trail = trail(&world).await;
    assert!(has(&trail, "identity_provider", "create_user", ""), "{trail:?}");
    assert!(
        trail.iter().any(|(actor, action, _)| actor == &format!("user:{}", ada.id) && action == "sign_in")
    );
    // She has no password, so none is right.
    let given = json!({"username": "ada", "password": ""});
    let answer = world.ask("POST", "/api/v1/sessions").json(&given).send().await;
    assert_ne!(answer.status, StatusCode::CREATED);
    // Another browser, the same person.
    let page = sign_in(&mut Visit::nobody(&world), &fake).await;
    assert_eq!((page.text("h1").as_str(), user(&world, "ada").await.id), ("Signed in", ada.id));
    // Who is in need not go there.
    assert_eq!(visit.get("/sign-in/oidc?next=%2Faccount").await.path, "/account");
}

#[tokio::test]
async fn role_and_groups_follow_the_provider_at_every_sign_in() {
    let (world, fake) = world().await;
    claims(&fake, json!({"groups": ["gate-admins", "Staff", " ", "\u{202e}x"]}));
    let mut visit = Visit::nobody(&world);
    let page = sign_in(&mut visit, &fake).await;
    assert_eq!(moved_on(&mut visit, &page).await.path, "/connections", "an admin begins there");
    assert_eq!(groups(&world, "ada").await, ["Staff", "gate-admins"]);
    // A group that was there before, in other letters, is the same.
    claims(&fake, json!({"groups": ["staff"]}));
    sign_in(&mut Visit::nobody(&world), &fake).await;
    assert_eq!(
        (user(&world, "ada").await.role, groups(&world, "ada").await),
        (Role::Member, vec!["Staff".to_owned()])
    );
    // What she has open already may no more than she.
    assert_eq!(visit.get("/connections").await.status, StatusCode::FORBIDDEN);
    // A claim that is not there is no group.
    claims(&fake, json!({}));
    sign_in(&mut Visit::nobody(&world), &fake).await;
    assert!(groups(&world, "ada").await.is_empty());
    let trail = trail(&world).await;
    for action in ["create_user", "create_group", "add_to_group", "remove_from_group", "update_user"] {
        assert!(has(&trail, "identity_provider", action, ""), "{action}: {trail:?}");
    }
    // Groups stay when the last has gone: what is shared with them is not the provider's.
    let site = world.main_site().await;
    assert!(world.metadata.group_named(site, "staff").await.unwrap().is_some());
}

#[tokio::test]
async fn without_groups_to_follow_an_admin_decides() {
    let own = IdentityRules { admin_group: None, follow_groups: false, ..rules() };
    let (world, fake) = world_with(own, true).await;
    claims(&fake, json!({"groups": ["gate-admins", "staff"]}));
    sign_in(&mut Visit::nobody(&world), &fake).await;
    assert_eq!((user(&world, "ada").await.role, groups(&world, "ada").await.len()), (Role::Member, 0));
    let before = user(&world, "ada").await;
    let after = portcullis_domain::User { role: Role::Admin, ..before.clone() };
    world.metadata.update_user(&before, &after).await.unwrap();
    sign_in(&mut Visit::nobody(&world), &fake).await;
    assert_eq!(user(&world, "ada").await.role, Role::Admin);
}

#[tokio::test]
async fn the_last_admin_stays_one() {
    let (world, fake) = world().await;
    claims(&fake, json!({"groups": ["gate-admins"]}));
    sign_in(&mut Visit::nobody(&world), &fake).await;
    let before = user(&world, "admin").await;
    let after = portcullis_domain::User { state: UserState::Disabled, ..before.clone() };
    world.metadata.update_user(&before, &after).await.unwrap();
    claims(&fake, json!({}));
    let page = sign_in(&mut Visit::nobody(&world), &fake).await;
    assert_eq!((page.text("h1").as_str(), user(&world, "ada").await.role), ("Signed in", Role::Admin));
}

#[tokio::test]
async fn who_is_disabled_stays_out() {
    let (world, fake) = world().await;
    sign_in(&mut Visit::nobody(&world), &fake).await;
    let ada = user(&world, "ada").await;
    let disabled = portcullis_domain::User { state: UserState::Disabled, ..ada.clone() };
    world.metadata.update_user(&ada, &disabled).await.unwrap();
    claims(&fake, json!({"groups": ["gate-admins"]}));
    let mut visit = Visit::nobody(&world);
    let page = sign_in(&mut visit, &fake).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::FORBIDDEN, "You are not signed in"));
    assert!(page.text("p").contains("disabled"));
    assert!(visit.cookies.is_empty(), "{:?}", visit.cookies);
    assert_eq!(user(&world, "ada").await.role, Role::Member, "nothing is changed for who may not come in");
    assert!(has(&trail(&world).await, "user:ada", "sign_in", "user_disabled"));
}

#[tokio::test]
async fn a_name_is_not_taken_over() {
    let (world, fake) = world().await;
    let site = world.main_site().await;
    world.user(site, "ada", Role::Member).await;
    for name in ["ada", "ADA", "admin", "Admin "] {
        claims(&fake, json!({"preferred_username": name, "email": "admin@example.com"}));
        let mut visit = Visit::nobody(&world);
        let page = sign_in(&mut visit, &fake).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}");
        assert!(page.text("p").contains("link the two") && visit.cookies.is_empty(), "{page:?}");
    }
    assert!(trail(&world).await.iter().any(|(_, _, reason)| reason == "identity_username_taken"));
    // Neither by an invitation that nobody took up.
    claims(&fake, json!({"preferred_username": "eve"}));
    let given = json!({"username": "eve", "role": "admin"});
    assert_eq!(world.admin("POST", "/api/v1/users").json(&given).send().await.status, StatusCode::CREATED);
    assert_eq!(sign_in(&mut Visit::nobody(&world), &fake).await.status, StatusCode::FORBIDDEN);
    assert_eq!(user(&world, "eve").await.state, UserState::Invited);
    // A name that cannot be one, and none.
    for name in [json!("ada lovelace"), json!(null), json!(5)] {
        claims(&fake, json!({"preferred_username": name}));
        assert!(sign_in(&mut Visit::nobody(&world), &fake).await.text("p").contains("no user name"));
    }
}

#[tokio::test]
async fn an_account_is_linked_by_its_owner() {
    let (world, fake) = world().await;
    let site = world.main_site().await;
    world.user(site, "ada", Role::Member).await;
    let mut visit = Visit::of(&world, "ada").await;
    let page = visit.get("/account").await;
    assert_eq!(page.text("#identity button"), "Link account");
    assert!(!visit.get("/confirm").await.has("#provider"), "the provider does not know who she is here");
    // Not by a link that somebody else made, nor without the form's token.
    assert_eq!(visit.get("/account/identity").await.path, "/account");
    let forged = visit.post("/account/identity", &[("_csrf", "x")], &[SAME_ORIGIN]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let page = visit.submit(&page, "#identity form", &[]).await;
    let back = there_and_back(&mut visit, &fake, &page.attr("#on", "href")).await;
    let page = from_elsewhere(&mut visit, &back).await;
    assert_eq!(page.text("h1"), "One moment", "the session's cookie is not here yet");
    // The way is still open, and now the session is known.
    assert!(page.headers.get("set-cookie").is_none());
    let page = moved_on(&mut visit, &page).await;
    assert_eq!(page.text("h1"), "Account linked");
    let page = moved_on(&mut visit, &page).await;
    assert_eq!(
        (page.text("#identity button").as_str(), page.toast().contains("Account linked")),
        ("Unlink", true)
    );
    let page = sign_in(&mut Visit::nobody(&world), &fake).await;
    assert_eq!(page.text("h1"), "Signed in", "{page:?}");
    assert_eq!(world.metadata.users(site).await.unwrap().len(), 2, "nobody was made");
    assert!(
        trail(&world).await.iter().any(|(actor, action, _)| actor == "user:ada" && action == "link_identity")
    );
    // Somebody else cannot have it too.
    world.user(site, "bob", Role::Member).await;
    let mut bob = Visit::of(&world, "bob").await;
    let page = bob.get("/account").await;
    let page = bob.submit(&page, "#identity form", &[]).await;
    let back = there_and_back(&mut bob, &fake, &page.attr("#on", "href")).await;
    let page = bob.get(&back).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::CONFLICT, "That was not done"));
    // She unlinks it.
    let page = visit.get("/account").await;
    let page = visit.submit(&page, "#identity form", &[]).await;
    assert_eq!(page.toast(), "Account unlinked.");
    assert_eq!(sign_in(&mut Visit::nobody(&world), &fake).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn who_has_nothing_else_keeps_the_link() {
    let (world, fake) = world().await;
    let mut visit = Visit::nobody(&world);
    let page = sign_in(&mut visit, &fake).await;
    moved_on(&mut visit, &page).await;
    let page = visit.get("/account").await;
    let page = visit.submit(&page, "#identity form", &[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("p").contains("without Example you could not come in"));
}

#[tokio::test]
async fn a_way_is_good_once_and_in_one_browser() {
    let (world, fake) = world().await;
    // A provider that does not look is no help to whoever comes a second time.
    fake.script().sloppy = true;
    let mut visit = Visit::nobody(&world);
    let back = there_and_back(&mut visit, &fake, "/sign-in/oidc").await;
    // A stranger's browser, with no way begun and with one of its own.
    let mut other = Visit::nobody(&world);
    assert_eq!(other.get(&back).await.status, StatusCode::BAD_REQUEST);
    there_and_back(&mut other, &fake, "/sign-in/oidc").await;
    assert_eq!(other.get(&back).await.status, StatusCode::BAD_REQUEST);
    // With a state that is another, or there twice.
    let cookies = visit.cookies.clone();
    for wrong in
        [back.replace("state=", "state=x"), format!("{back}&state=x"), "/sign-in/oidc/callback".to_owned()]
    {
        visit.cookies.clone_from(&cookies);
        assert_eq!(visit.get(&wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    visit.cookies.clone_from(&cookies);
    assert_eq!(from_elsewhere(&mut visit, &back).await.text("h1"), "Signed in");
    // Cookie and address once more, as somebody has them who looked over the shoulder.
    let replayed = async |visit: &mut Visit<'_>| {
        visit.cookies.clone_from(&cookies);
        let page = visit.get(&back).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.text("p").contains("used already"));
    };
    replayed(&mut visit).await;
    // And too late.
    let back = there_and_back(&mut visit, &fake, "/sign-in/oidc").await;
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(visit.get(&back).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_may_become_a_user() {
    let gate = IdentityRules { member_group: Some("gate".to_owned()), ..rules() };
    let (world, fake) = world_with(gate, true).await;
    for (groups, comes_in) in [(json!([]), false), (json!(["Gate", "gates"]), false), (json!(["gate"]), true)]
    {
        claims(&fake, json!({"groups": groups}));
        let page = sign_in(&mut Visit::nobody(&world), &fake).await;
        assert_eq!(page.status == StatusCode::OK, comes_in, "{groups}: {page:?}");
    }
    assert!(trail(&world).await.iter().any(|(_, _, reason)| reason == "identity_not_admitted"));
    // Who is a user already needs no group.
    claims(&fake, json!({"groups": []}));
    assert_eq!(sign_in(&mut Visit::nobody(&world), &fake).await.status, StatusCode::OK);
    claims(&fake, json!({"sub": "eve-1", "preferred_username": "eve", "groups": ["gate-admins"]}));
    assert_eq!(sign_in(&mut Visit::nobody(&world), &fake).await.status, StatusCode::OK);
    assert_eq!(user(&world, "eve").await.role, Role::Admin);

    let closed = IdentityRules { create_users: false, ..rules() };
    let (world, fake) = world_with(closed, true).await;
    // The answer does not tell whether there is a user of the name.
    let mut told = Vec::new();
    for name in ["ada", "admin"] {
        claims(&fake, json!({"preferred_username": name}));
        let page = sign_in(&mut Visit::nobody(&world), &fake).await;
        told.push((page.status, page.text("p")));
    }
    assert_eq!((told[0].0, &told[0]), (StatusCode::FORBIDDEN, &told[1]));
}

#[tokio::test]
async fn users_are_made_in_the_site_that_was_named() {
    let named = IdentityRules { site: Some("other".to_owned()), ..rules() };
    let (world, fake) = world_with(named, true).await;
    assert_eq!(
        sign_in(&mut Visit::nobody(&world), &fake).await.status,
        StatusCode::FORBIDDEN,
        "there is none yet"
    );
    world.other_site().await;
    sign_in(&mut Visit::nobody(&world), &fake).await;
    assert_ne!(user(&world, "ada").await.site, world.main_site().await);
}

#[tokio::test]
async fn what_goes_wrong_is_said_in_plain_words() {
    let (world, fake) = world().await;
    let mut visit = Visit::nobody(&world);
    fake.script().error = Some("access_denied");
    let page = sign_in(&mut visit, &fake).await;
    assert_eq!((page.status, page.attr("a.btn", "href").as_str()), (StatusCode::FORBIDDEN, "/sign-in"));
    assert!(page.text("p").starts_with("Example did not let you in"));
    fake.script().error = None;
    for (claims, words) in
        [(json!({"nonce": "x"}), "could not be checked"), (json!({"aud": "x"}), "could not be checked")]
    {
        fake.script().claims = claims;
        let page = sign_in(&mut visit, &fake).await;
        assert!(page.text("p").contains(words) && !page.html.contains("nonce"), "{page:?}");
    }
    let refused = trail(&world).await;
    let bad = world.get("/api/v1/audit-events?limit=100").await;
    assert!(!refused.is_empty() && !bad.to_string().contains("access token"));
    fake.script().token_answer = Some((401, json!({"error": "invalid_client"})));
    assert!(sign_in(&mut visit, &fake).await.text("p").contains("not set up right"));
    drop(fake);
    world.clock.advance(Duration::from_secs(601));
    let page = visit.get("/sign-in/oidc").await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{page:?}");
    assert!(page.text("p").starts_with("Example does not answer"));
}

#[tokio::test]
async fn without_a_provider_there_is_nothing_of_it() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    assert!(!visit.get("/account").await.has("#identity"));
    let mut nobody = Visit::nobody(&world);
    assert!(!nobody.get("/sign-in").await.has("#provider"));
    assert_eq!(nobody.get("/sign-in/oidc").await.status, StatusCode::NOT_FOUND);
    assert_eq!(nobody.get("/sign-in/oidc/callback?code=a&state=b").await.status, StatusCode::BAD_REQUEST);
}
