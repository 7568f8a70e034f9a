//! Keys of the web service and of mail on the panel's pages.

use http::StatusCode;
use portcullis_control::setups::file_tools;
use portcullis_domain::Channel;
use serde_json::{Value, json};

use super::visit::{Page, Visit};
use crate::world::World;

const CHOSEN: &str = "nine green lanterns on a pier";

fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap()
}

/// Makes a key of this storage; the page that shows it.
async fn made(visit: &mut Visit<'_>, storage: &Value, channel: &str, own: &[(&str, &str)]) -> Page {
    let page = visit.get(&format!("/connections/{}/keys/new", id(storage))).await;
    let fields = [("name", channel), ("channel", channel), ("permission", "read_write"), ("next", "review")];
    let page = visit.submit(&page, "#new-key", &fields).await;
    visit.submit(&page, "#new-key", own).await
}

/// The only key there is, and the address of its page.
async fn only(world: &World) -> (Value, String) {
    let keys = world.get("/api/v1/keys").await;
    let key = keys["items"][0].clone();
    let path = match key["scope"]["storage"].as_str() {
        Some(storage) => format!("/connections/{storage}/keys/{}", id(&key)),
        None => format!("/api-keys/{}", id(&key)),
    };
    (key, path)
}

#[tokio::test]
async fn a_key_for_the_web_service_is_shown_with_its_addresses() {
    let world = World::new().await;
    let storage = world.storage("Photos").await;
    let mut visit = Visit::admin(&world).await;
    let shown = made(&mut visit, &storage, "web-service", &[]).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
    assert_eq!(shown.text("#v-soap"), "https://gate.example.org/soap");
    assert_eq!(shown.text("#v-wsdl"), "https://gate.example.org/soap?wsdl");
    let (user, secret) = (shown.text("#v-ak"), shown.text("#v-sk"));
    assert!(user.starts_with("PC") && secret.starts_with("pcs"), "{user} {secret}");
    assert_eq!(shown.all(".tools > input").len(), file_tools(Channel::WebService).len());
    assert!(shown.text("#snip-zeep").contains(&secret) && shown.text("#credentials").contains("chosen one"));
    let (_, path) = only(&world).await;
    let page = visit.get(&path).await;
    assert_eq!(page.text("#channel"), "Web service");
    assert!(page.has("#use #v-wsdl") && page.has("#setups") && !page.has("#mail"), "{page:?}");
    assert!(!page.html.contains(&secret) && page.text("#snip-curl").contains("YOUR_SECRET_KEY"));
    // Changed like others: another secret, and both work for an hour.
    let asked = visit.get(&format!("{path}/generate")).await;
    let given = [("access", "same"), ("overlap", "3600")];
    let again = visit.submit(&asked, "#generate", &given).await;
    assert_eq!((again.status, again.text("#v-ak")), (StatusCode::OK, user), "{again:?}");
    assert!(visit.get(&path).await.has("#old-pair"));
}

#[tokio::test]
async fn a_mail_key_is_made_with_its_rules_and_keeps_them() {
    let world = World::new().await;
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    let asked = visit.get(&format!("/connections/{}/keys/new", id(&storage))).await;
    let fields = [("name", "Copier"), ("channel", "email"), ("permission", "write"), ("next", "review")];
    let rules = [
        ("mail_folder", "subject"),
        ("keep_text", "on"),
        ("keep_message", "on"),
        ("max_message", "25 MB"),
        ("per_hour", "60"),
    ];
    let bad = [("max_message", "much"), ("per_hour", "0")];
    let wrong = visit.submit(&asked, "#new-key", &[&fields[..], &bad[..]].concat()).await;
    assert!(wrong.has("#e-max_message") && wrong.has("#e-per_hour"), "{wrong:?}");
    let review = visit.submit(&asked, "#new-key", &[&fields[..], &rules[..]].concat()).await;
    let said = review.text("dl #mail");
    for part in ["From the subject", ".txt", ".eml", "25 MB", "60 messages an hour"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains(".html"), "{said}");
    let own = [("creds", "chosen"), ("login", "copier"), ("secret", CHOSEN), ("secret_again", CHOSEN)];
    let shown = visit.submit(&review, "#new-key", &own).await;
    assert_eq!((shown.status, shown.text("#v-ak").as_str()), (StatusCode::OK, "copier"), "{shown:?}");
    assert_eq!(shown.text("#v-smtp"), "smtp://mail.example.org:2587");
    assert_eq!(shown.text("#v-mail-to"), "files@example.org");
    assert!(!shown.has("#v-smtps") && shown.text("#credentials").contains("--smtps "), "{shown:?}");
    assert!(shown.has("#chosen-secret") && shown.has("#tool-swaks") && !shown.html.contains(CHOSEN));
    let (key, path) = only(&world).await;
    let kept = json!(["text", "message"]);
    assert_eq!((&key["mail"]["folder"], &key["mail"]["keep"]), (&json!("subject"), &kept), "{key}");
    assert_eq!(
        (&key["mail"]["max_message"], &key["mail"]["per_hour"]),
        (&json!(25_000_000), &json!(60)),
        "{key}"
    );

    // And changed on its page.
    let page = visit.get(&path).await;
    assert_eq!(page.attr("#mail [name=max_message]", "value"), "25 MB");
    let wrong = visit.submit(&page, "#mail", &[("per_hour", "many")]).await;
    assert_eq!(
        (wrong.status, wrong.has("#mail #e-per_hour")),
        (StatusCode::UNPROCESSABLE_ENTITY, true),
        "{wrong:?}"
    );
    let given = [("mail_folder", "address"), ("keep_text", ""), ("max_message", ""), ("per_hour", "7")];
    let done = visit.submit(&page, "#mail", &given).await;
    assert_eq!(
        (done.status, done.toast().as_str()),
        (StatusCode::OK, "The mail rules are saved."),
        "{done:?}"
    );
    let (key, _) = only(&world).await;
    assert_eq!((&key["mail"]["folder"], &key["mail"]["per_hour"]), (&json!("address"), &json!(7)), "{key}");
    assert_eq!(key["mail"]["max_message"], Value::Null, "{key}");
    // Whoever did not see that is shown it.
    let late = visit.submit(&page, "#mail", &[("per_hour", "8")]).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        late.text("#mail").contains("were changed") && late.has("#mail [name=per_hour][value='7']"),
        "{late:?}"
    );
    assert_eq!(only(&world).await.0["mail"]["per_hour"], 7);
}

#[tokio::test]
async fn users_have_mail_keys_too_and_name_a_bucket() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let asked = visit.get("/api-keys/new?channel=email").await;
    assert_eq!(asked.attr("[name=channel][checked]", "value"), "email");
    let given = [("name", "Inbox"), ("permission", "write"), ("keep_html", "on"), ("per_hour", "5")];
    let shown = visit.submit(&asked, "#new-key", &given).await;
    assert_eq!(shown.text("#v-mail-to"), "files+BUCKET@example.org", "{shown:?}");
    assert!(shown.text("#snip-mailprogram").contains("files+BUCKET/invoices/2026@example.org"), "{shown:?}");
    let (key, path) = only(&world).await;
    assert_eq!((&key["mail"]["keep"], &key["mail"]["per_hour"]), (&json!(["html"]), &json!(5)), "{key}");
    let page = visit.get(&path).await;
    let done = visit.submit(&page, "#mail", &[("keep_message", "on")]).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    assert_eq!(only(&world).await.0["mail"]["keep"], json!(["html", "message"]));
    let wrong = visit.submit(&done, "#mail", &[("max_message", "1 kB")]).await;
    assert!(wrong.text("#e-max_message").contains("16.384 kB"), "{wrong:?}");
    // What belongs to mail is not looked at for another channel.
    let asked = visit.get("/api-keys/new").await;
    let other = [("name", "Drive"), ("permission", "read"), ("channel", "http"), ("per_hour", "none")];
    assert_eq!(visit.submit(&asked, "#new-key", &other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_mail_door_its_key_opens_nothing_yet() {
    let world = World::new().await.and_doors(portcullis_web::Doors::default());
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    let shown = made(&mut visit, &storage, "email", &[]).await;
    assert!(shown.has("#no-doors") && !shown.has("#v-mail-to"), "{shown:?}");
    for setting in ["--smtp ", "--smtps "] {
        assert!(shown.text("#credentials").contains(setting), "{setting}: {shown:?}");
    }
    let list = visit.get("/api-keys").await;
    assert!(list.text("#list").contains("door is off"), "{list:?}");
}
