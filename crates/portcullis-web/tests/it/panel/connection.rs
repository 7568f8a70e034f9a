//! A connection's own page: what it says, and what its forms change.

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::{Value, json};

use super::visit::{SAME_ORIGIN, Visit};
use crate::world::{S3_ADDRESS, World};

const NOTHING: &str = "01924f5c-0000-7000-8000-000000000000";

/// The path of a storage's page.
pub(super) fn path(storage: &Value) -> String {
    format!("/connections/{}", storage["id"].as_str().unwrap())
}

/// An S3 key for a storage, whole answer.
pub(super) async fn s3_key(world: &World, storage: &Value, name: &str, permission: &str) -> Value {
    let scope = json!({"storage": storage["id"]});
    world.key(&json!({"name": name, "channel": "s3", "scope": scope, "permission": permission})).await
}

/// What a storage or key is now, by the API.
pub(super) async fn now(world: &World, kind: &str, thing: &Value) -> Value {
    world.get(&format!("/api/v1/{kind}/{}", thing["id"].as_str().unwrap())).await
}

#[tokio::test]
async fn access_key_stays_visible_in_settings() {
    let world = World::new().await;
    let storage = world.storage("NAS backup").await;
    let made = s3_key(&world, &storage, "rclone on the NAS", "write").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage)).await;
    assert_eq!((page.status, page.text("h1")), (StatusCode::OK, "NAS backup".to_owned()));
    assert_eq!(page.text("#d-server"), S3_ADDRESS);
    assert_eq!(page.text("#d-bucket"), storage["bucket_name"].as_str().unwrap());
    let access_key = made["key"]["access_key"].as_str().unwrap();
    assert_eq!(page.text("#d-access-key"), access_key);
    assert!(page.has("button[data-copy='#d-access-key']"));
    assert!(page.text("#address").contains("not shown again"));
    // Set-ups are there, with a place for the secret instead of the secret.
    let setup = page.text("#snip-rclone");
    assert!(setup.contains(access_key) && setup.contains("YOUR_SECRET_KEY"), "{setup}");
    assert!(!page.html.contains(made["secret"].as_str().unwrap()));
    let key = page.text("#credentials li");
    for part in ["rclone on the NAS", access_key, "Write Only", "Active", "Never"] {
        assert!(key.contains(part), "{part}: {key}");
    }
    // With two of them, each has its own.
    s3_key(&world, &storage, "second", "read").await;
    let page = visit.get(&path(&storage)).await;
    assert!(
        !page.has("#d-access-key") && !page.has("#setups") && page.has("#address a[href='#credentials']")
    );
    assert_eq!(page.all("#credentials li").len(), 2);
}

#[tokio::test]
async fn the_page_says_how_the_door_stands() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage)).await;
    assert_eq!(page.text("#door"), "No S3 key");
    assert!(page.text("#notices").starts_with("Closed for S3:"), "{page:?}");
    assert!(page.text("#facts").contains("Private") && page.text("#facts").contains("0 B"));

    let made = s3_key(&world, &storage, "nas", "read_write").await;
    let page = visit.get(&path(&storage)).await;
    assert_eq!(page.text("#door"), "S3 active");
    assert!(page.text("#notices").starts_with("Any IP address can use the keys"));

    let page = visit.submit(&page, "#s3-access", &[("s3", "off")]).await;
    assert_eq!(
        (page.text("#door").as_str(), page.toast().contains("S3 access is off")),
        ("S3 access off", true)
    );
    assert_eq!(now(&world, "storages", &storage).await["s3_access"], false);
    let page = visit.submit(&page, "#s3-access", &[("s3", "on")]).await;
    assert_eq!(page.text("#door"), "S3 active");
    assert_eq!(now(&world, "storages", &storage).await["s3_access"], true);

    let page = visit.submit(&page, "#permissions", &[("permission", "none")]).await;
    assert_eq!(page.text("#door"), "No access");
    // The key has kept its own permission.
    assert_eq!(now(&world, "keys", &made["key"]).await["permission"], "read_write");
    assert!(page.text("#credentials").contains("they can do nothing now"));
}

#[tokio::test]
async fn names_of_every_kind_are_harmless() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut visit = Visit::admin(&world).await;
    let mut page = visit.get(&path(&storage)).await;
    let long = "W".repeat(200);
    for name in [
        "<script>alert(1)</script> & \"x\" 'y'",
        &long,
        "גיבוי של הלקוח · 備份",
        "{{7*7}} {1}",
        "javascript:alert(1)",
    ] {
        page = visit.submit(&page, "#rename", &[("name", name)]).await;
        assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, name));
        assert_eq!(page.attr("h1", "dir"), "auto");
        assert_eq!(page.attr("#f-name", "value"), name);
        assert_eq!(now(&world, "storages", &storage).await["name"], name);
        assert_eq!(page.all("main script").len(), 0);
    }
    // Bucket name and label are what tools know; they stay.
    assert_eq!(now(&world, "storages", &storage).await["bucket_name"], storage["bucket_name"]);
}

#[tokio::test]
async fn a_name_that_cannot_be_comes_back_with_what_was_typed() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut visit = Visit::admin(&world).await;
    let home = visit.get(&path(&storage)).await;
    for (wrong, message) in [
        ("", "at least one visible character"),
        (" ", "at least one visible"),
        ("W".repeat(201).as_str(), "200 characters"),
        ("a\u{202e}b", "text-direction"),
    ] {
        let page = visit.submit(&home, "#rename", &[("name", wrong)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.faults()[0].contains(message), "{wrong:?}: {:?}", page.faults());
        assert_eq!(page.attr("#f-name", "value"), wrong);
        assert_eq!(page.attr("#f-name", "aria-invalid"), "true");
        assert_eq!(page.text("h1"), "NAS");
    }
    assert_eq!(now(&world, "storages", &storage).await["name"], "NAS");
}

#[tokio::test]
async fn a_permission_holds_when_the_answer_comes() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let bearer = world.rest_key(&storage, "read_write").await;
    let file = format!("/api/v1/storages/{}/file?key=a", storage["id"].as_str().unwrap());
    let status = async |method: &str| world.ask(method, &file).bearer(&bearer).body("x").send().await.status;
    assert_eq!(status("PUT").await, StatusCode::OK);
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage)).await;
    // Only the connection: the key keeps its own, and gets no more than both allow.
    let page = visit.submit(&page, "#permissions", &[("permission", "read"), ("also", "")]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!((status("PUT").await, status("GET").await), (StatusCode::FORBIDDEN, StatusCode::OK));
    assert!(page.text("#credentials li").contains("The connection allows only Read Only."));
    assert!(!page.has("input[name=also]"), "the key has another permission than the connection");
    visit.submit(&page, "#permissions", &[("permission", "read_write")]).await;
    assert_eq!(status("PUT").await, StatusCode::OK);
    // Every change is in the audit trail.
    let trail = world.get(&format!("/api/v1/audit-events?storage={}", storage["id"].as_str().unwrap())).await;
    let changes =
        trail["items"].as_array().unwrap().iter().filter(|event| event["action"] == "update_storage");
    assert_eq!(changes.count(), 2);
}

#[tokio::test]
async fn widening_takes_the_credentials_along() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage)).await;
    let page = visit.submit(&page, "#permissions", &[("permission", "read")]).await;
    assert!(!page.has("input[name=also]"), "no credentials, nothing to take along");
    let one = s3_key(&world, &storage, "one", "read").await;
    let two = s3_key(&world, &storage, "two", "read").await;
    let page = visit.get(&path(&storage)).await;
    assert!(page.has("input[name=also][checked]"));
    let page = visit.submit(&page, "#permissions", &[("permission", "read_write")]).await;
    assert_eq!(page.status, StatusCode::OK);
    for key in [&one, &two] {
        assert_eq!(now(&world, "keys", &key["key"]).await["permission"], "read_write");
    }
    visit.submit(&page, "#permissions", &[("permission", "read"), ("also", "")]).await;
    assert_eq!(now(&world, "keys", &one["key"]).await["permission"], "read_write");
}

#[tokio::test]
async fn a_quota_is_typed_as_people_say_it() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut visit = Visit::admin(&world).await;
    let home = visit.get(&path(&storage)).await;
    let page = visit.submit(&home, "#quota", &[("quota", "1.5 TB")]).await;
    assert_eq!(now(&world, "storages", &storage).await["quota_bytes"], 1_500_000_000_000_u64);
    assert!(page.text("#facts").contains("0 B of 1.5 TB used") && page.has("#facts [role=meter]"));
    assert_eq!(page.attr("#f-quota", "value"), "1.5 TB");
    // The page from before does not know of it.
    let stale = visit.submit(&home, "#quota", &[("quota", "1 GB")]).await;
    assert!(stale.faults()[0].contains("it is 1.5 TB now"), "{:?}", stale.faults());
    for wrong in ["lots", "10", "0 GB", "99999999 PB"] {
        let page = visit.submit(&page, "#quota", &[("quota", wrong)]).await;
        assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 1), "{wrong}");
        assert_eq!(page.attr("#f-quota", "value"), wrong);
    }
    visit.submit(&page, "#quota", &[("quota", "")]).await;
    assert_eq!(now(&world, "storages", &storage).await["quota_bytes"], Value::Null);
}

#[tokio::test]
async fn two_admins_at_once_do_not_overwrite_each_other() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut visit = Visit::admin(&world).await;
    let mut other = Visit::admin(&world).await;
    let (mine, theirs) = (visit.get(&path(&storage)).await, other.get(&path(&storage)).await);
    other.submit(&theirs, "#rename", &[("name", "Theirs")]).await;
    other.submit(&theirs, "#permissions", &[("permission", "read")]).await;
    other.submit(&theirs, "#s3-access", &[("s3", "off")]).await;

    let page = visit.submit(&mine, "#rename", &[("name", "Mine")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.faults()[0].contains("“Theirs”"), "{:?}", page.faults());
    assert_eq!(now(&world, "storages", &storage).await["name"], "Theirs");
    // Now it is known, and can be overwritten on purpose.
    let page = visit.submit(&page, "#rename", &[]).await;
    assert_eq!((page.status, page.text("h1")), (StatusCode::OK, "Mine".to_owned()));

    let page = visit.submit(&mine, "#permissions", &[("permission", "write")]).await;
    assert!(page.faults()[0].contains("Read Only"), "{:?}", page.faults());
    assert!(page.has("input[name=permission][value=write][checked]"));
    assert_eq!(now(&world, "storages", &storage).await["permission"], "read");

    let page = visit.submit(&mine, "#s3-access", &[("s3", "off")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("#faults").contains("nothing was changed"));
    // What nobody else touched can be changed on a page of any age.
    assert_eq!(
        visit
            .submit(&mine, "#networks", &[("mode", "listed"), ("add", "10.0.0.1"), ("op", "save")])
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn pages_are_for_admins_of_the_site() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = s3_key(&world, &storage, "nas", "read").await;
    let second = world.storage("Second").await;
    let key_id = made["key"]["id"].as_str().unwrap();
    let pages = [
        path(&storage),
        format!("{}/keys/{key_id}", path(&storage)),
        format!("{}/keys/{key_id}/delete", path(&storage)),
    ];
    let forms = ["/name", "/permission", "/networks", "/s3-access"].map(|form| pages[0].clone() + form);
    let key_forms =
        ["/name", "/permission", "/networks", "/expiry", "/delete"].map(|form| pages[1].clone() + form);

    world.user(world.main_site().await, "bob", Role::Member).await;
    world.other_site().await;
    for (who, wanted) in [("bob", StatusCode::FORBIDDEN), ("eve", StatusCode::NOT_FOUND)] {
        let mut visit = Visit::of(&world, who).await;
        let csrf = visit.csrf().await;
        for page in &pages {
            assert_eq!(visit.get(page).await.status, wanted, "{who}: {page}");
        }
        for form in forms.iter().chain(&key_forms) {
            let answer = visit
                .post(
                    form,
                    &[("_csrf", &csrf), ("name", "x"), ("op", "save"), ("s3", "off"), ("understood", "yes")],
                    &[SAME_ORIGIN],
                )
                .await;
            assert_eq!(answer.status, wanted, "{who}: {form}");
        }
    }
    let mut nobody = Visit::nobody(&world);
    for page in &pages {
        let answer = nobody.look(page).await;
        assert_eq!(answer.header("location"), format!("/sign-in?next={}", page.replace('/', "%2F")));
    }
    let mut visit = Visit::admin(&world).await;
    // A key is only found below its own connection.
    let elsewhere = format!("{}/keys/{key_id}", path(&second));
    for nothing in [
        &elsewhere,
        &format!("/connections/{NOTHING}"),
        &"/connections/x".to_owned(),
        &format!("{}/keys/{NOTHING}", pages[0]),
        &"/connections/%ff".to_owned(),
    ] {
        assert_eq!(visit.get(nothing).await.status, StatusCode::NOT_FOUND, "{nothing}");
    }
    // Nothing was changed by any of it, and the addresses of forms lead to the page.
    assert_eq!(now(&world, "keys", &made["key"]).await, made["key"]);
    assert_eq!(now(&world, "storages", &storage).await["s3_access"], true);
    for form in &forms {
        assert_eq!(visit.get(form).await.path, pages[0]);
    }
}

#[tokio::test]
async fn many_credentials_come_page_by_page() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    for number in 0..51 {
        s3_key(&world, &storage, &format!("key {number}"), "read").await;
    }
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&storage)).await;
    assert_eq!((page.all("#credentials li").len(), page.has("#credentials a[href*='keys=2']")), (50, true));
    for wanted in ["2", "9999"] {
        let page = visit.get(&format!("{}?keys={wanted}", path(&storage))).await;
        assert_eq!(page.texts("#credentials h3"), ["key 50"]);
    }
    assert!(page.html.len() < 130_000, "{}", page.html.len());
}
