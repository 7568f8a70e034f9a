//! Keys of users and of the site: the list, making one, its page.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::json;

use super::visit::{Page, Visit};
use crate::world::World;

async fn members_may(world: &World) {
    let path = format!("/api/v1/sites/{}", world.main_site().await);
    let rules = json!({"rules": {"members_make_keys": true}});
    assert_eq!(world.admin("PATCH", &path).json(&rules).send().await.status, StatusCode::OK);
}

/// Fills the form in; what comes back.
async fn make(visit: &mut Visit<'_>, given: &[(&str, &str)]) -> Page {
    let page = visit.get("/api-keys/new").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    visit.submit(&page, "#new-key", given).await
}

#[tokio::test]
async fn an_admin_makes_a_key_with_its_s3_twin_and_looks_after_it() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let mut admin = Visit::admin(&world).await;
    let empty = admin.get("/api-keys").await;
    assert!(empty.text("#list").contains("No active channels"), "{empty:?}");
    let given =
        [("name", "CI <b>"), ("user", "bob"), ("permission", "read"), ("s3", "on"), ("expires", "30")];
    let asked = admin.get("/api-keys/new").await;
    let shown = admin.submit(&asked, "#new-key", &given).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
    let (token, access, secret) = (shown.text("#v-tk"), shown.text("#v-ak"), shown.text("#v-sk"));
    assert!(token.starts_with("PC") && token.contains(".pcs") && secret.starts_with("pcs"), "{shown:?}");
    assert!(shown.has("#stored") && shown.has("#tool-rclone") && shown.has("#tool-portcullis"));
    assert!(!token.starts_with(&access), "two keys");
    let me = world.ask("GET", "/api/v1/me").bearer(&token).send().await;
    assert_eq!(me.status, StatusCode::OK);
    // Sent again it makes nothing.
    let again = admin.submit(&asked, "#new-key", &given).await;
    assert_eq!(again.status, StatusCode::CONFLICT);

    let list = admin.get("/api-keys").await;
    assert_eq!(list.all("#list td.named").len(), 2);
    assert!(list.text("#list").contains("bob") && !list.html.contains(&secret), "{list:?}");
    assert_eq!(admin.get("/api-keys?q=nothing").await.all("#list tbody tr").len(), 0);
    let path = list.all("#list td.named a")[0].attr("href").unwrap().to_owned();
    let page = admin.get(&path).await;
    assert_eq!(page.text("h1"), "CI <b>");
    // Off and on again.
    let page = admin.submit(&page, "#settings", &[("permission", "none")]).await;
    assert_eq!(page.text("#status"), "Switched off");
    let refused = world.ask("GET", "/api/v1/me").bearer(&token).send().await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let page = admin.submit(&page, "#settings", &[("permission", "read")]).await;
    assert_eq!(world.ask("GET", "/api/v1/me").bearer(&token).send().await.status, StatusCode::OK);
    // What is wrong is said where it is.
    let wrong =
        admin.submit(&page, "#settings", &[("name", ""), ("ends", "at"), ("expires_at", "soon")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.has("#e-expires_at"), "{wrong:?}");
    // Who did not see what somebody else did is told.
    let stale = admin.get(&path).await;
    admin.submit(&page, "#settings", &[("name", "renamed")]).await;
    let told = admin.submit(&stale, "#settings", &[("permission", "none")]).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.text("#faults").contains("meanwhile") && told.text("#status") != "Switched off", "{told:?}");

    let asked = admin.get(&format!("{path}/generate")).await;
    let shown = admin.submit(&asked, "#generate", &[]).await;
    assert_ne!(shown.text("#v-tk"), token);
    assert_eq!(world.ask("GET", "/api/v1/me").bearer(&token).send().await.status, StatusCode::UNAUTHORIZED);
    let asked = admin.get(&format!("{path}/delete")).await;
    let kept = admin.submit(&asked, "form.danger", &[]).await;
    assert_eq!(kept.status, StatusCode::UNPROCESSABLE_ENTITY);
    let gone = admin.submit(&asked, "form.danger", &[("understood", "yes")]).await;
    assert_eq!((gone.status, gone.all("#list td.named").len()), (StatusCode::OK, 1));
    assert_eq!(admin.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_of_the_whole_site_is_confirmed_and_never_s3() {
    let world = World::new().await;
    let mut admin = Visit::admin(&world).await;
    let page = make(&mut admin, &[("name", "robot"), ("kind", "site"), ("full", "on"), ("s3", "on")]).await;
    assert!(page.has("#v-tk") && !page.has("#v-sk"), "{page:?}");
    let nobody = make(&mut admin, &[("name", "x"), ("user", "nobody"), ("permission", "read")]).await;
    assert!(nobody.has("#e-user"), "{nobody:?}");
    world.clock.advance(Duration::from_secs(601));
    let asked = admin.get("/api-keys/new").await;
    let given = [("name", "late"), ("kind", "site"), ("full", "on"), ("permission", "read")];
    let answer = admin.send(&asked, "#new-key", &given).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let to = answer.header("location");
    assert!(to.starts_with("/confirm?next=%2Fapi-keys%2Fnew") && to.contains("late"), "{to}");
}

#[tokio::test]
async fn members_see_and_make_their_own_if_the_site_lets_them() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let site =
        world.key(&json!({"name": "site", "channel": "rest", "scope": "site", "permission": "read"})).await;
    let mut bob = Visit::of(&world, "bob").await;
    let list = bob.get("/api-keys").await;
    assert_eq!((list.status, list.has("a[href='/api-keys/new']")), (StatusCode::OK, false));
    assert!(list.text("main").contains("only administrators make keys"), "{list:?}");
    assert_eq!(bob.get("/api-keys/new").await.status, StatusCode::FORBIDDEN);
    members_may(&world).await;
    let asked = bob.get("/api-keys/new").await;
    assert!(
        !asked.has("#f-kind") && !asked.has("#f-user") && !asked.html.contains("name=\"full\""),
        "{asked:?}"
    );
    let shown =
        bob.submit(&asked, "#new-key", &[("name", "laptop"), ("permission", "read"), ("s3", "on")]).await;
    assert!(shown.has("#v-tk") && shown.has("#v-sk"), "{shown:?}");
    let list = bob.get("/api-keys").await;
    assert_eq!(list.all("#list td.named").len(), 2);
    let other = format!("/api-keys/{}", site["key"]["id"].as_str().unwrap());
    for path in [other.clone(), format!("{other}/delete"), format!("{other}/generate")] {
        assert_eq!(bob.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_rules_of_the_site_are_said_and_kept() {
    let world = World::new().await;
    let path = format!("/api/v1/sites/{}", world.main_site().await);
    let rules = json!({"rules": {"longest_key_days": 60, "keys_need_networks": true, "idle_key_days": 90}});
    assert_eq!(world.admin("PATCH", &path).json(&rules).send().await.status, StatusCode::OK);
    let mut admin = Visit::admin(&world).await;
    let asked = admin.get("/api-keys/new").await;
    for text in ["at most 60 days", "have to name the addresses", "not used for 90 days"] {
        assert!(asked.text("#new-key").contains(text), "{text}");
    }
    let refused = admin.submit(&asked, "#new-key", &[("name", "x"), ("permission", "read")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("#e-expires") && refused.has("#e-networks"), "{refused:?}");
    let given = [("name", "x"), ("permission", "read"), ("expires", "30"), ("networks", "192.0.2.0/24")];
    assert!(make(&mut admin, &given).await.has("#v-tk"));
}

#[tokio::test]
async fn a_connection_is_not_begun_with_keys_that_the_site_would_refuse() {
    let world = World::new().await;
    let path = format!("/api/v1/sites/{}", world.main_site().await);
    let rules = json!({"rules": {"longest_key_days": 60, "keys_need_networks": true}});
    assert_eq!(world.admin("PATCH", &path).json(&rules).send().await.status, StatusCode::OK);
    let mut admin = Visit::admin(&world).await;
    let terms = "name=NAS&provider=builtin&external=on&permission=read";
    let page = admin.get(&format!("/connections/new/access?{terms}&next=review")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#e-expires") && page.has("#e-networks"), "{page:?}");
    let right = format!("/connections/new/review?{terms}&expires=30&networks=192.0.2.0%2F24");
    let review = admin.get(&right).await;
    assert_eq!((review.status, review.path.as_str()), (StatusCode::OK, right.as_str()), "{review:?}");
    let shown = admin.submit(&review, "form[method=post][action='/connections/new']", &[]).await;
    assert!(shown.has("#v-sk"), "{shown:?}");
    let keys = world.get("/api/v1/keys").await;
    assert_eq!(keys["items"][0]["networks"][0]["network"], "192.0.2.0/24");
}
