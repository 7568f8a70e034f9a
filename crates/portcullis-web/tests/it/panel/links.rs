//! The links of a connection: the list, a new one, the end of one.

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::world::{WEB_ADDRESS, World};

async fn connection(world: &World) -> (Value, String) {
    let storage = world.storage("NAS").await;
    let path = format!("/connections/{}", storage["id"].as_str().unwrap());
    (storage, path)
}

async fn links(world: &World) -> Vec<Value> {
    world.get("/api/v1/share-links").await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_link_is_made_and_its_address_shown_once() {
    let world = World::new().await;
    let (storage, path) = connection(&world).await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path).await;
    assert!(page.text("#links").contains("No link leads here"));
    let form = visit.get(&page.attr("#links header a", "href")).await;
    let given = [
        ("name", "Reports"),
        ("kind", "folder"),
        ("target", "reports"),
        ("asks", "on"),
        ("password", "open sesame"),
        ("expires", "30"),
        ("max_downloads", "12"),
        ("networks", "192.0.2.0/24 # office"),
    ];
    let made = visit.submit(&form, "form#new-link", &given).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let address = made.text("#v-url");
    let token = address.strip_prefix(&format!("{WEB_ADDRESS}/s/")).unwrap();
    assert!(!made.html.contains("open sesame"));
    let link = links(&world).await.remove(0);
    assert_eq!(
        (
            &link["storage"],
            &link["folder"],
            &link["permission"],
            &link["has_password"],
            &link["max_downloads"]
        ),
        (&storage["id"], &json!("reports/"), &json!("read"), &json!(true), &json!(12))
    );
    assert_eq!(link["expires_at"], "2027-03-02T18:00:00Z");
    assert_eq!(link["networks"], json!([{"network": "192.0.2.0/24", "note": "office"}]));
    let list = visit.get(&made.attr("#continue", "href").replace("#links", "")).await;
    let text = list.text("#links");
    for said in ["Reports", "reports/", "0 of 12 times", "30 days left", "Password"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!list.html.contains(token), "it is shown once");
    // Sent a second time, nothing is made.
    let again = visit.send(&form, "form#new-link", &given).await;
    let again = Page::new(format!("{path}/links/new"), &again);
    assert_eq!(
        (again.status, again.text("h1")),
        (StatusCode::CONFLICT, "This link was made before".to_owned())
    );
    assert_eq!(links(&world).await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field() {
    let world = World::new().await;
    let (_, path) = connection(&world).await;
    let mut visit = Visit::admin(&world).await;
    let form = visit.get(&format!("{path}/links/new")).await;
    let empty = visit.submit(&form, "form#new-link", &[]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.has("#e-kind"));
    let given = [
        ("name", "Box"),
        ("kind", "box"),
        ("asks", "on"),
        ("max_downloads", "many"),
        ("networks", "10.0.0.0/99"),
        ("expires", "date"),
        ("expires_on", "2020-01-01"),
    ];
    let wrong = visit.submit(&form, "form#new-link", &given).await;
    for field in ["password", "max_downloads", "networks", "expires_on"] {
        assert!(wrong.has(&format!("#e-{field}")), "{field}: {wrong:?}");
    }
    assert_eq!(
        (wrong.attr("#f-name", "value"), wrong.attr("#f-max_downloads", "value")),
        ("Box".to_owned(), "many".to_owned())
    );
    assert!(wrong.has("input[name=asks][checked]") && wrong.attr("#f-password", "value").is_empty());
    for (given, field) in [
        (&[("name", ""), ("kind", "file"), ("target", "a")][..], "name"),
        (&[("name", "x"), ("kind", "file"), ("target", "")], "target"),
        (&[("name", "x"), ("kind", "box"), ("max_downloads", "3")], "max_downloads"),
        (&[("name", "x"), ("kind", "file"), ("target", "a"), ("max_downloads", "0")], "max_downloads"),
        (&[("name", "x"), ("kind", "file"), ("target", "a"), ("password", "short")], "password"),
    ] {
        let form = visit.get(&format!("{path}/links/new")).await;
        let page = visit.submit(&form, "form#new-link", given).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{given:?}");
        assert!(page.has(&format!("#e-{field}")), "{field}: {page:?}");
    }
    assert!(links(&world).await.is_empty());
    // The buttons of the list of networks work here, too, and make nothing.
    let mine = visit.submit(&wrong, "form#new-link", &[("op", "mine"), ("networks", "")]).await;
    assert!(mine.status == StatusCode::OK && mine.text("#f-networks").contains("192.0.2.1"), "{mine:?}");
    assert!(links(&world).await.is_empty());
}

#[tokio::test]
async fn a_link_is_ended() {
    let world = World::new().await;
    let (storage, path) = connection(&world).await;
    let given = json!({"storage": storage["id"], "file": "a", "name": "Old", "permission": "read"});
    let made = world.admin("POST", "/api/v1/share-links").json(&given).send().await.json();
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path).await;
    let ask = visit.get(&page.attr("#links li a.danger-quiet", "href")).await;
    assert!(ask.text("main").contains("Old"));
    let done = visit.submit(&ask, "main form", &[]).await;
    assert_eq!(done.toast(), "The link is ended; its address leads nowhere");
    assert!(done.text("#links").contains("No link leads here"), "an ended link is out of the way");
    assert_eq!(links(&world).await[0]["state"], "ended");
    // Of another connection, or another site, there is none.
    let other = world.storage("Other").await;
    let id = made["link"]["id"].as_str().unwrap();
    let elsewhere = format!("/connections/{}/links/{id}/end", other["id"].as_str().unwrap());
    assert_eq!(visit.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
    let csrf = visit.csrf().await;
    let answer = visit.post(&elsewhere, &[("_csrf", &csrf)], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    world.other_site().await;
    let mut eve = Visit::of(&world, "eve").await;
    for below in ["links/new", &format!("links/{id}/end")] {
        assert_eq!(eve.get(&format!("{path}/{below}")).await.status, StatusCode::NOT_FOUND, "{below}");
    }
}
