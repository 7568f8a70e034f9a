//! Keys of the channels with folders, HTTP with WebDAV and FTP with SFTP, on the panel's pages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use portcullis_control::setups::file_tools;
use portcullis_domain::{Channel, Role, SshPublicKey};
use serde_json::{Value, json};

use super::visit::{Page, Visit};
use crate::world::{HOST_KEY, World};

const CHOSEN: &str = "nine green lanterns on a pier";
const SSH: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtGxJrDtmU3lmOz7oW5zYgvhV3fRB6yvQrP2qJ2mE5D ada@laptop";
const OTHER_SSH: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3r7mJmVnqvVqJ4kKq0w2xS8bGQ5nC2oP9XzYw1uTtR bob@desk";

fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap()
}

/// The page before the deed, for a key of this storage.
async fn reviewed(visit: &mut Visit<'_>, storage: &Value, channel: &str, given: &[(&str, &str)]) -> Page {
    let page = visit.get(&format!("/connections/{}/keys/new", id(storage))).await;
    let fields = [("name", channel), ("channel", channel), ("permission", "read_write"), ("next", "review")];
    visit.submit(&page, "#new-key", &[&fields[..], given].concat()).await
}

/// Makes a key of this storage; the page that shows it.
async fn made(visit: &mut Visit<'_>, storage: &Value, channel: &str, own: &[(&str, &str)]) -> Page {
    let page = reviewed(visit, storage, channel, &[]).await;
    visit.submit(&page, "#new-key", own).await
}

/// The page of the only key there is.
async fn own_page(world: &World, visit: &mut Visit<'_>) -> Page {
    let keys = world.get("/api/v1/keys").await;
    let key = &keys["items"][0];
    let path = match key["scope"]["storage"].as_str() {
        Some(storage) => format!("/connections/{storage}/keys/{}", id(key)),
        None => format!("/api-keys/{}", id(key)),
    };
    visit.get(&path).await
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

async fn writes(world: &World, storage: &Value, user: &str, secret: &str) -> StatusCode {
    let path = format!("/files/{}/a.txt", storage["bucket_name"].as_str().unwrap());
    world.ask("PUT", &path).header("authorization", &basic(user, secret)).body("x").send().await.status
}

/// Whether a text was in any answer so far.
fn was_told(world: &World, text: &str) -> bool {
    world.told.lock().unwrap().iter().any(|answer| answer.contains(text))
}

#[tokio::test]
async fn a_key_for_http_is_shown_once_with_its_addresses_and_opens_them() {
    let world = World::new().await;
    let storage = world.storage("Photos").await;
    let mut visit = Visit::admin(&world).await;
    let shown = made(&mut visit, &storage, "http", &[]).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
    let bucket = storage["bucket_name"].as_str().unwrap();
    assert_eq!(shown.text("#v-files"), format!("https://gate.example.org/files/{bucket}/"));
    assert_eq!(shown.text("#v-dav"), "https://gate.example.org/dav/");
    let (user, secret) = (shown.text("#v-ak"), shown.text("#v-sk"));
    assert!(user.starts_with("PC") && secret.starts_with("pcs"), "{user} {secret}");
    let tools: Vec<_> = file_tools(Channel::Http).collect();
    assert_eq!(shown.all(".tools > input").len(), tools.len());
    assert!(shown.text("#snip-curl").contains(&secret) && !shown.text("#snip-cyberduck").contains(&secret));
    assert!(shown.has("#stored") && shown.has("#continue") && !shown.has("#v-bk"));
    // A key for files opens nothing for S3 tools, so that S3 stays off.
    let now = world.get(&format!("/api/v1/storages/{}", id(&storage))).await;
    assert_eq!(now["s3_access"], storage["s3_access"]);
    assert!(writes(&world, &storage, &user, &secret).await.is_success());

    let page = own_page(&world, &mut visit).await;
    assert_eq!((page.text("#channel").as_str(), page.text("#d-user")), ("HTTP, WebDAV", user));
    assert!(page.has("#use #v-dav") && page.has("#setups") && !page.has("#public-keys"), "{page:?}");
    assert!(!page.html.contains(&secret) && page.text("#snip-curl").contains("YOUR_SECRET_KEY"));
    let list = visit.get(&format!("/connections/{}", id(&storage))).await;
    assert!(list.text("#credentials").contains("HTTP, WebDAV"), "{list:?}");
}

#[tokio::test]
async fn a_chosen_secret_opens_the_key_and_is_in_no_page() {
    let world = World::new().await;
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    let own = [("creds", "chosen"), ("login", "Scanner.2"), ("secret", CHOSEN), ("secret_again", CHOSEN)];
    let shown = made(&mut visit, &storage, "http", &own).await;
    assert_eq!((shown.status, shown.text("#v-ak").as_str()), (StatusCode::OK, "scanner.2"), "{shown:?}");
    assert!(shown.has("#chosen-secret") && !shown.has("#v-sk"), "{shown:?}");
    assert!(shown.text("#snip-curl").contains("scanner.2:YOUR_SECRET_KEY"), "{shown:?}");
    assert!(writes(&world, &storage, "scanner.2", CHOSEN).await.is_success());
    assert_eq!(writes(&world, &storage, "scanner.2", "nine green lanterns").await, StatusCode::UNAUTHORIZED);
    let page = own_page(&world, &mut visit).await;
    assert_eq!(page.text("#d-user"), "scanner.2");
    // Found by its name, and one name is one key.
    let found = world.get("/api/v1/keys?search=scanner").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let again = made(&mut visit, &storage, "http", &own).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.text("#e-login").contains("taken"), "{again:?}");
    assert!(!was_told(&world, CHOSEN), "a chosen secret was shown");
}

#[tokio::test]
async fn what_cannot_be_chosen_is_said_at_its_field_and_nothing_is_made() {
    let world = World::new().await;
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    let mut page = reviewed(&mut visit, &storage, "ftp", &[]).await;
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----";
    for (field, secret, given) in [
        ("login", CHOSEN, ("login", "a b")),
        ("login", CHOSEN, ("login", "PC000000000000000000")),
        ("secret", "", ("login", "scanner")),
        ("secret", "short", ("login", "scanner")),
        ("secret", "password1234", ("login", "scanner")),
        ("secret", "my-scanner-at-home", ("login", "scanner")),
        ("secret_again", CHOSEN, ("secret_again", "another long secret")),
        ("public_keys", CHOSEN, ("public_keys", private)),
        ("public_keys", CHOSEN, ("public_keys", "ssh-rsa AAAAB3NzaC1yc2E= old")),
    ] {
        let own = [("creds", "chosen"), ("login", "scanner"), ("secret", secret), ("secret_again", secret)];
        let own: Vec<_> = own.into_iter().filter(|(name, _)| *name != given.0).chain([given]).collect();
        let wrong = visit.submit(&page, "#new-key", &own).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {given:?}: {wrong:?}");
        assert!(wrong.has(&format!("#e-{field}")), "{field}: {given:?}: {wrong:?}");
        // What was typed is kept, but for the secret.
        let login = if given.0 == "login" { given.1 } else { "scanner" };
        assert_eq!(wrong.attr("#f-login", "value"), login);
        assert!(
            wrong.one("#f-secret").attr("value").is_none()
                && wrong.has("[name=creds][value=chosen][checked]")
        );
        assert!(secret.is_empty() || wrong.has("#e-secret") || wrong.has("#secret-again"), "{wrong:?}");
        page = wrong;
    }
    let odd =
        format!("/connections/{}/keys/new?name=x&permission=read&channel=fax&next=review", id(&storage));
    let odd = visit.get(&odd).await;
    assert_eq!((odd.status, odd.has("#e-channel")), (StatusCode::UNPROCESSABLE_ENTITY, true), "{odd:?}");
    assert_eq!(world.get("/api/v1/keys").await["items"], json!([]));
    assert!(!was_told(&world, CHOSEN) && !was_told(&world, "my-scanner-at-home"));
}

#[tokio::test]
async fn public_keys_are_listed_added_and_removed() {
    let world = World::new().await;
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    let shown = made(&mut visit, &storage, "ftp", &[("public_keys", SSH)]).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
    assert_eq!(shown.text("#v-ftp"), "ftp://files.example.org:2121");
    assert_eq!(shown.text("#v-sftp"), "sftp://files.example.org:2022");
    // The door that is off says how it is switched on, and the server shows who it is.
    assert!(!shown.has("#v-ftps") && shown.text("#credentials").contains("--ftps"), "{shown:?}");
    let host: SshPublicKey = HOST_KEY.parse().unwrap();
    assert!(shown.text("#host-keys").contains(&host.fingerprint()), "{shown:?}");
    assert_eq!(shown.all(".tools > input").len(), file_tools(Channel::Ftp).len());

    let page = own_page(&world, &mut visit).await;
    let (ssh, other): (SshPublicKey, SshPublicKey) = (SSH.parse().unwrap(), OTHER_SSH.parse().unwrap());
    let row = page.text("#public-keys .reading");
    assert!(
        row.contains(&ssh.fingerprint()) && row.contains("ada@laptop") && row.contains("ssh-ed25519"),
        "{row}"
    );
    for wrong in ["", SSH, "ssh-dss AAAA", "nonsense"] {
        let told = visit.submit(&page, "#public-keys", &[("public_keys", wrong)]).await;
        assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(
            told.has("#e-public_keys") && told.text("#f-public_keys").contains(wrong),
            "{wrong}: {told:?}"
        );
    }
    let both = visit.submit(&page, "#public-keys", &[("public_keys", OTHER_SSH)]).await;
    assert_eq!(both.all("#public-keys .reading li").len(), 2, "{both:?}");
    // Who did not see what somebody else did is told, and nothing is taken away unseen.
    let remove = [("remove", ssh.fingerprint())];
    let remove: Vec<_> = remove.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let stale = visit.submit(&page, "#public-keys", &remove).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{stale:?}");
    assert_eq!(stale.all("#public-keys .reading li").len(), 2);
    let left = visit.submit(&stale, "#public-keys", &remove).await;
    assert_eq!(left.all("#public-keys .reading li").len(), 1, "{left:?}");
    assert!(left.text("#public-keys .reading").contains(&other.fingerprint()));
}

#[tokio::test]
async fn changed_credentials_break_the_old_unless_both_work_for_a_while() {
    let world = World::new().await;
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    let own = [("creds", "chosen"), ("login", "scanner"), ("secret", CHOSEN), ("secret_again", CHOSEN)];
    made(&mut visit, &storage, "http", &own).await;
    let page = own_page(&world, &mut visit).await;
    let generate = page.attr("#use footer a", "href").to_owned();
    let asked = visit.get(&generate).await;
    assert!(
        asked.text("#generate").contains("refused") && asked.has("[name=access][value=same][checked]"),
        "{asked:?}"
    );
    // Another secret for the same name; both work for an hour.
    let shown = visit.submit(&asked, "#generate", &[("overlap", "3600")]).await;
    assert_eq!((shown.status, shown.text("#v-ak").as_str()), (StatusCode::OK, "scanner"), "{shown:?}");
    let second = shown.text("#v-sk");
    for secret in [CHOSEN, second.as_str()] {
        assert!(writes(&world, &storage, "scanner", secret).await.is_success());
    }
    // Another name and a chosen secret; what was before stops.
    let asked = visit.get(&generate).await;
    let (access, next) = (("access", "new"), "eleven red lanterns on a pier");
    let wrong = [access, ("login", "x"), ("creds", "chosen"), ("secret", next), ("secret_again", next)];
    let wrong = visit.submit(&asked, "#generate", &wrong).await;
    assert_eq!((wrong.status, wrong.has("#e-login")), (StatusCode::UNPROCESSABLE_ENTITY, true), "{wrong:?}");
    let right = [access, ("login", "copier"), ("creds", "chosen"), ("secret", next), ("secret_again", next)];
    let shown = visit.submit(&wrong, "#generate", &right).await;
    assert_eq!((shown.status, shown.text("#v-ak").as_str()), (StatusCode::OK, "copier"), "{shown:?}");
    assert!(shown.has("#chosen-secret"), "{shown:?}");
    assert!(writes(&world, &storage, "copier", next).await.is_success());
    for secret in [CHOSEN, second.as_str()] {
        assert_eq!(writes(&world, &storage, "scanner", secret).await, StatusCode::UNAUTHORIZED);
    }
    // And back to a generated name.
    let asked = visit.get(&generate).await;
    let shown = visit.submit(&asked, "#generate", &[access, ("login", "")]).await;
    assert!(shown.text("#v-ak").starts_with("PC"), "{shown:?}");
    assert!(!was_told(&world, CHOSEN) && !was_told(&world, next));
}

#[tokio::test]
async fn users_have_keys_of_every_channel_and_the_list_tells_them_apart() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let mut admin = Visit::admin(&world).await;
    let asked = admin.get("/api-keys/new").await;
    let own = [("login", "bobs.scanner"), ("public_keys", SSH)];
    let given = [("name", "Scanner"), ("user", "bob"), ("permission", "write"), ("channel", "ftp")];
    let shown = admin.submit(&asked, "#new-key", &[&given[..], &own].concat()).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
    assert_eq!((shown.text("#v-ak").as_str(), shown.text("#v-sk").len()), ("bobs.scanner", 40));
    assert!(shown.has("#host-keys") && !shown.has("#v-tk") && shown.has("#tool-filezilla"), "{shown:?}");
    // What belongs to the REST API is not looked at.
    let asked = admin.get("/api-keys/new").await;
    let odd = [("name", "Drive"), ("permission", "read"), ("channel", "http"), ("s3", "on"), ("full", "on")];
    let shown = admin.submit(&asked, "#new-key", &odd).await;
    assert!(shown.has("#v-dav") && !shown.has("#v-ep"), "{shown:?}");
    let asked = admin.get("/api-keys/new").await;
    let whole = [("name", "All"), ("kind", "site"), ("permission", "read"), ("channel", "http")];
    let refused = admin.submit(&asked, "#new-key", &whole).await;
    assert_eq!(
        (refused.status, refused.has("#e-kind")),
        (StatusCode::UNPROCESSABLE_ENTITY, true),
        "{refused:?}"
    );
    for (query, rows) in [
        ("", 2),
        ("?channel=ftp", 1),
        ("?channel=http", 1),
        ("?channel=s3", 0),
        ("?q=bobs.scan", 1),
        ("?q=bobs.scan&channel=http", 0),
        ("?channel=fax", 2),
    ] {
        let list = admin.get(&format!("/api-keys{query}")).await;
        assert_eq!(list.all("#list td.named").len(), rows, "{query}: {list:?}");
    }
    let list = admin.get("/api-keys?channel=ftp").await;
    assert!(
        list.text("#list").contains("FTP, SFTP") && list.text("#list").contains("bobs.scanner"),
        "{list:?}"
    );
    assert_eq!(list.attr("option[selected]", "value"), "ftp");
    let path = list.attr("#list td.named a", "href").to_owned();
    let page = admin.get(&path).await;
    assert!(page.has("#use #v-sftp") && page.has("#public-keys") && page.has("#setups"), "{page:?}");
    let added = admin.submit(&page, "#public-keys", &[("public_keys", OTHER_SSH)]).await;
    assert_eq!((added.status, added.all("#public-keys .reading li").len()), (StatusCode::OK, 2), "{added:?}");
    let wrong = admin.submit(&added, "#public-keys", &[("public_keys", "x")]).await;
    assert_eq!((wrong.status, wrong.has("#e-public_keys")), (StatusCode::UNPROCESSABLE_ENTITY, true));
    let prove = admin.get(&path.replace("/api-keys/", "/keys/")).await;
    assert_eq!(prove.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_for_files_is_proved_by_what_the_policy_says() {
    let world = World::new().await;
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    for channel in ["http", "ftp", "web-service", "email"] {
        let shown = made(&mut visit, &storage, channel, &[]).await;
        let prove = shown.attr(".dlg-foot a", "href").to_owned();
        let asked = visit.get(&prove).await;
        let found = visit.submit(&asked, "#prove", &[]).await;
        assert_eq!(found.status, StatusCode::OK, "{found:?}");
        assert_eq!(found.all("#result li.n").len(), 0, "{channel}: {found:?}");
        assert!(found.text("#result").contains("not tested"), "{channel}: {found:?}");
    }
}

#[tokio::test]
async fn doors_that_are_off_are_said_to_be_off() {
    let world = World::new().await.and_doors(portcullis_web::Doors::default());
    let storage = world.storage("Scans").await;
    let mut visit = Visit::admin(&world).await;
    let shown = made(&mut visit, &storage, "ftp", &[]).await;
    assert!(shown.has("#no-doors") && !shown.has("#v-ftp") && !shown.has("#host-keys"), "{shown:?}");
    for setting in ["--ftp ", "--ftps ", "--sftp "] {
        assert!(shown.text("#credentials").contains(setting), "{setting}: {shown:?}");
    }
    let page = own_page(&world, &mut visit).await;
    assert!(page.has("#use #no-doors"), "{page:?}");
}
