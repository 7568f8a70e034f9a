//! The page that shows a secret, and the way to further keys.

use std::fs;

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::{Page, Visit};
use super::wizard::{connected, reviewed};
use crate::world::{Answer, S3_ADDRESS, World};

fn secret_of(page: &Page) -> String {
    let secret = page.text("#v-sk");
    assert!(secret.len() == 40 && secret.starts_with("pcs"), "{secret}");
    secret
}

/// Goes from the form for further keys to a look at them.
async fn keys_reviewed(visit: &mut Visit<'_>, storage: &Value, fields: &[(&str, &str)]) -> Page {
    let page = visit.get(&format!("/connections/{}/keys/new", storage["id"].as_str().unwrap())).await;
    visit.submit(&page, "#new-key", &[fields, &[("next", "review")]].concat()).await
}

#[tokio::test]
async fn credentials_show_seven_fields_in_order() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let access = [("external", "on"), ("permission", "read_write"), ("networks", "198.51.100.0/28")];
    let page = reviewed(&mut visit, &[("name", "Design assets")], &access).await;
    let page = visit.submit(&page, "#wizard", &[]).await;
    let storage = &world.get("/api/v1/storages").await["items"][0];
    let key = &world.get("/api/v1/keys").await["items"][0];
    let names =
        page.all("#credentials dt").into_iter().map(|name| name.text().next().unwrap().trim().to_owned());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "Storage name",
            "Permissions",
            "Allowed IP addresses",
            "S3 Server Address",
            "S3 API Bucket Name",
            "Access Key",
            "Secret Key"
        ]
    );
    assert_eq!(page.texts(".facts dd"), ["Design assets", "Read & Write", "198.51.100.0/28"]);
    assert_eq!(page.text("#v-ep"), S3_ADDRESS);
    assert_eq!(page.text("#v-bk"), storage["bucket_name"].as_str().unwrap());
    assert_eq!(page.text("#v-ak"), key["access_key"].as_str().unwrap());
    secret_of(&page);
    // A button to copy for each of the last four, and none of them empty.
    for id in ["v-ep", "v-bk", "v-ak", "v-sk"] {
        assert_eq!(page.all(&format!(".creds [data-copy='#{id}']")).len(), 1);
    }
    // The gate holds without a script, and says nothing to anybody.
    let gate = page.one("#stored");
    assert!(gate.attr("required").is_some() && gate.attr("name").is_none() && gate.attr("checked").is_none());
    assert_eq!(page.attr("#credentials form", "method"), "get");
    assert_eq!(
        page.attr("#credentials form", "action"),
        format!("/connections/{}", storage["id"].as_str().unwrap())
    );
    assert_eq!(page.attr("#credentials", "closedby"), "none");
    let next = visit.submit(&page, "#credentials form", &[]).await;
    assert_eq!(next.status, StatusCode::OK);
}

#[tokio::test]
async fn every_tool_has_its_set_up_with_the_real_values() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    for permission in ["read", "write", "read_write"] {
        let page = connected(&mut visit, "Tools", permission).await;
        let (secret, bucket) = (secret_of(&page), page.text("#v-bk"));
        let tools: Vec<_> = portcullis_control::setups::s3_tools().collect();
        assert_eq!(page.all(".tools > input").len(), tools.len());
        assert_eq!(page.all(".tools > input[checked]").len(), 1);
        for tool in &tools {
            // Each text follows its label, which follows its button: that is what the stylesheet goes by.
            let shown = format!("#tool-{0} + label[for=tool-{0}] + .snip #snip-{0}", tool.id);
            assert!(!page.text(&shown).contains("YOUR_SECRET_KEY"), "{}", tool.id);
        }
        for tool in ["rclone", "aws", "boto3", "curl"] {
            let text = page.text(&format!("#snip-{tool}"));
            assert!(text.contains(&secret) && text.contains(&bucket), "{tool}: {text}");
        }
        // A bookmark is a file, and a file is no place for a secret.
        assert!(!page.text("#snip-cyberduck").contains(&secret));
        assert!(!page.has("a[download]"));
    }
}

#[tokio::test]
async fn credentials_cannot_be_seen_again_after_reload() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let access = [("external", "on"), ("permission", "read")];
    let review = reviewed(&mut visit, &[("name", "Once")], &access).await;
    let first = visit.submit(&review, "#wizard", &[]).await;
    let secret = secret_of(&first);
    // A reload of the answer to a POST sends the same form again.
    let again = visit.submit(&review, "#wizard", &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text("main").contains("already shown") && !again.html.contains(&secret), "{again:?}");
    let storage = &world.get("/api/v1/storages").await["items"][0];
    // The same for further keys.
    let review = keys_reviewed(&mut visit, storage, &[("name", "second"), ("permission", "read")]).await;
    let shown = visit.submit(&review, "#new-key", &[]).await;
    let second = secret_of(&shown);
    let again = visit.submit(&review, "#new-key", &[]).await;
    assert!(again.status == StatusCode::CONFLICT && !again.html.contains(&second), "{again:?}");
    assert_eq!(world.get("/api/v1/keys").await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn secret_never_in_log_audit_url_or_storage() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let mut secrets = vec![secret_of(&connected(&mut visit, "Vault", "read_write").await)];
    let storage = &world.get("/api/v1/storages").await["items"][0];
    let id = storage["id"].as_str().unwrap();
    let review = keys_reviewed(&mut visit, storage, &[("name", "second"), ("permission", "read")]).await;
    secrets.push(secret_of(&visit.submit(&review, "#new-key", &[]).await));
    let keys = world.get("/api/v1/keys").await["items"].clone();
    let key = keys[0]["id"].as_str().unwrap();
    let page = visit.get(&format!("/connections/{id}/keys/{key}/generate")).await;
    secrets.push(secret_of(&visit.submit(&page, "#generate", &[]).await));
    world.flush().await;
    // Everything there is to look at afterwards.
    for path in [
        "/connections".to_owned(),
        format!("/connections?q={}", keys[0]["access_key"].as_str().unwrap()),
        format!("/connections/{id}"),
        format!("/connections/{id}/keys/new"),
        format!("/connections/{id}/keys/{key}"),
        format!("/connections/{id}/keys/{key}/generate"),
        "/connections/new?name=Vault".to_owned(),
    ] {
        visit.get(&path).await;
    }
    for path in ["/api/v1/audit-events", "/api/v1/keys", "/api/v1/storages", "/api/v1/me"] {
        world.get(path).await;
    }
    let told = world.told.lock().unwrap();
    let mut files = Vec::new();
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", world.database().display());
        files.push(fs::read(path).unwrap_or_default());
    }
    let stored =
        |text: &str| files.iter().any(|file| file.windows(text.len()).any(|part| part == text.as_bytes()));
    assert!(stored(keys[1]["access_key"].as_str().unwrap()), "these are not the files with the keys");
    for secret in &secrets {
        let answers: Vec<_> = told.iter().filter(|answer| answer.contains(secret)).collect();
        assert_eq!(answers.len(), 1, "a secret is in {} answers", answers.len());
        // In its page, and in no head: neither an address nor a cookie.
        let (asked, rest) = answers[0].split_once('\n').unwrap();
        let head = rest.split_once('\n').unwrap().0;
        assert!(asked.starts_with("POST ") && !asked.contains(secret) && !head.contains(secret), "{asked}");
        assert!(head.contains("no-store"), "{head}");
        assert!(!stored(secret), "in the database");
    }
}

#[tokio::test]
async fn further_keys_have_terms_of_their_own() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let storage = world.storage("Shared").await;
    let fields = [
        ("name", "Accountant"),
        ("permission", "read"),
        ("networks", "203.0.113.7/24 # office"),
        ("prefix", "invoices/"),
        ("expires", "365"),
    ];
    let review = keys_reviewed(&mut visit, &storage, &fields).await;
    assert_eq!(review.status, StatusCode::OK);
    for part in ["Accountant", "Read Only", "203.0.113.7/24 means 203.0.113.0/24", "invoices/", "2028-01-31"]
    {
        assert!(review.text("#new-key").contains(part), "{part}: {review:?}");
    }
    assert_eq!(world.get("/api/v1/keys").await["items"].as_array().unwrap().len(), 0, "a look makes nothing");
    // Back keeps everything.
    let back = visit.get(&review.attr("#new-key footer a", "href")).await;
    assert_eq!(
        (back.attr("#f-name", "value"), back.attr("#f-prefix", "value")),
        ("Accountant".to_owned(), "invoices/".to_owned())
    );
    let page = visit.submit(&review, "#new-key", &[]).await;
    assert!(
        page.text(".notes").contains("invoices/") && page.text("#snip-rclone").contains("invoices"),
        "{page:?}"
    );
    let key = &world.get("/api/v1/keys").await["items"][0];
    assert_eq!((&key["name"], &key["prefix"]), (&"Accountant".into(), &"invoices/".into()));
    assert_eq!(key["networks"][0]["network"], "203.0.113.0/24");
    assert_eq!(key["expires_at"], "2028-01-31T18:00:00Z");
    // What is wrong is said at its field; nothing is made.
    let wrong =
        [("name", " "), ("networks", "nas.example"), ("expires", "date"), ("prefix", &"x".repeat(1_025))];
    let page = keys_reviewed(&mut visit, &storage, &wrong).await;
    assert_eq!((page.status, page.faults().len()), (StatusCode::UNPROCESSABLE_ENTITY, 5), "{page:?}");
    assert_eq!(world.get("/api/v1/keys").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_open_a_closed_door_and_say_so() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let draft = json!({"name": "Closed", "provider": "builtin", "s3_access": false, "permission": "read"});
    let storage = world.admin("POST", "/api/v1/storages").json(&draft).send().await.json();
    let path = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    let fields = [("name", "k"), ("permission", "read_write")];
    let review = keys_reviewed(&mut visit, &storage, &fields).await;
    assert!(review.text("#new-key").contains("switches it on"), "{review:?}");
    assert_eq!(world.get(&path).await["s3_access"], false, "a look changes nothing");
    let page = visit.submit(&review, "#new-key", &[]).await;
    // What is shown is what the keys can do here, within the connection's permission.
    assert_eq!(page.texts(".facts dd"), ["Closed", "Read Only", "Any IP address"]);
    assert_eq!(
        (&world.get(&path).await["s3_access"], &world.get(&path).await["s3_active"]),
        (&true.into(), &true.into())
    );
}

#[tokio::test]
async fn other_sites_are_not_there() {
    let world = World::new().await;
    let storage = world.storage("Ours").await;
    let scope = json!({"storage": storage["id"]});
    let made = world.key(&json!({"name": "k", "channel": "s3", "scope": scope, "permission": "read"})).await;
    let (id, key) = (storage["id"].as_str().unwrap(), made["key"]["id"].as_str().unwrap());
    world.other_site().await;
    let mut visit = Visit::of(&world, "eve").await;
    let csrf = visit.csrf().await;
    let token = "t".repeat(64);
    let form = [("_csrf", csrf.as_str()), ("once", &token), ("name", "k"), ("permission", "read")];
    for path in [format!("/connections/{id}/keys/new"), format!("/connections/{id}/keys/{key}/generate")] {
        assert_eq!(visit.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        let answer: Answer = visit.post(&path, &form, &[super::visit::SAME_ORIGIN]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(visit.get("/connections/nonsense/keys/new").await.status, StatusCode::NOT_FOUND);
    let after = world.get(&format!("/api/v1/keys/{key}")).await;
    assert_eq!(after["access_key"], made["key"]["access_key"]);
}
