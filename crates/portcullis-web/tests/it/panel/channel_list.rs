//! The page that lists the channels with their keys.

use http::StatusCode;
use portcullis_domain::Role;
use serde_json::json;

use super::sites::site;
use super::visit::{Page, Visit};
use crate::world::World;

const CHANNELS: [&str; 6] = ["FTP, SFTP", "REST", "HTTP, WebDAV", "Web service", "Email", "S3"];

/// The names of the channels in the list, each with whether it is active.
fn channels(page: &Page) -> Vec<(String, bool)> {
    let heads = page.all("#list tr.of");
    let of = |css: &str| page.texts(&format!("#list tr.of {css}"));
    assert_eq!((heads.len(), of(".chip").len()), (of("b").len(), heads.len()), "{page:?}");
    of("b").into_iter().zip(of(".chip").iter().map(|chip| chip == "Active")).collect()
}

/// What the menu of a row offers: where it leads from the key's page, and its name.
fn menu(page: &Page) -> Vec<(String, String)> {
    let (_, rest) = page.html.split_once("<template id=\"row-menu\">").unwrap();
    let (menu, _) = rest.split_once("</template>").unwrap();
    let items = menu.split("<a ").skip(1).map(|item| {
        let (_, to) = item.split_once("data-to=\"").unwrap();
        let (inside, _) = item.split_once("</a>").unwrap();
        (to.split('"').next().unwrap().to_owned(), inside.rsplit('>').next().unwrap().to_owned())
    });
    items.collect()
}

#[tokio::test]
async fn new_account_has_no_channels() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let empty = |page: &Page| {
        assert_eq!(page.text("#no-channels h2"), "No active channels", "{page:?}");
        assert!(page.text("#no-channels p").contains("nothing can be reached from outside"), "{page:?}");
        assert_eq!(page.text("#no-channels a"), "Create API key");
        assert!(!page.has("#list table"));
    };
    empty(&visit.get("/api-keys").await);
    // Keys of the site above are none of the site below.
    let storage = world.storage("NAS").await;
    for channel in ["ftp", "http", "email", "web-service"] {
        let scope = json!({"storage": storage["id"]});
        world
            .key(&json!({"name": "old", "channel": channel, "scope": scope, "permission": "read_write"}))
            .await;
    }
    let child = site(&mut visit, "Child", None).await;
    let id = child.path.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    visit.submit(&child, "#act", &[("site", &id)]).await;
    empty(&visit.get("/api-keys").await);
    // What somebody makes there is all there is.
    let asked = visit.get("/api-keys/new").await;
    let made =
        visit.submit(&asked, "#new-key", &[("name", "ci"), ("kind", "site"), ("permission", "read")]).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let active: Vec<_> = channels(&visit.get("/api-keys").await);
    assert_eq!(
        active.iter().filter(|(_, on)| *on).map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["REST"]
    );
}

#[tokio::test]
async fn channel_actions_contain_ip_whitelist() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let of_storage = json!({"storage": storage["id"]});
    let user = world.get("/api/v1/users?search=bob").await["items"][0]["id"].clone();
    for (channel, scope) in [("ftp", of_storage), ("email", json!({"user": user}))] {
        let key = json!({"name": channel, "channel": channel, "scope": scope, "permission": "write"});
        world.key(&key).await;
    }
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/api-keys").await;
    let menu = menu(&page);
    let names: Vec<_> = menu.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["Edit…", "Change credentials…", "IP Whitelist…", "Disable…", "Delete…"]);
    // On the pages of both keys, what the menu names is where it leads.
    let keys: Vec<_> =
        page.all("#list a[data-menu]").iter().map(|link| link.attr("href").unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 2, "{page:?}");
    for key in keys {
        for (to, name) in &menu {
            let (path, part) = to.split_once('#').unwrap_or((to, ""));
            let there = visit.get(&format!("{key}{path}")).await;
            assert_eq!(there.status, StatusCode::OK, "{key}{to}");
            assert!(part.is_empty() || there.has(&format!("#{part}")), "{key}{to}");
            if name == "IP Whitelist…" {
                assert_eq!(there.text("#networks h2"), "IP Whitelist", "{key}");
            }
        }
        let there = visit.get(&key).await;
        let given = [("mode", "listed"), ("add", "198.51.100.0/24"), ("op", "add")];
        let typed = visit.submit(&there, "#networks", &given).await;
        let saved = visit.submit(&typed, "#networks", &[("op", "save")]).await;
        assert_eq!(saved.texts("#networks .ip-list code"), ["198.51.100.0/24"], "{saved:?}");
    }
    let keys = world.get("/api/v1/keys").await;
    for key in keys["items"].as_array().unwrap() {
        assert_eq!(key["networks"][0]["network"], "198.51.100.0/24", "{key}");
    }
    // Whoever the key is for sees to its addresses too, and gets no other credentials where members make none.
    let mut bob = Visit::of(&world, "bob").await;
    let own = bob.get("/api-keys").await;
    let names: Vec<_> = self::menu(&own).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["Edit…", "IP Whitelist…", "Disable…", "Delete…"]);
    let page = bob.get(&own.attr("#list a[data-menu]", "href")).await;
    let saved = bob.submit(&page, "#networks", &[("op", "remove:0")]).await;
    assert!(saved.has("#networks #nobody"), "{saved:?}");
    let off = bob.submit(&saved, "#networks", &[("op", "close")]).await;
    assert_eq!(off.text("#status"), "Switched off", "{off:?}");
    assert_eq!(off.texts("#networks .ip-list code"), ["198.51.100.0/24"], "what is in force stays: {off:?}");
}

#[tokio::test]
async fn every_channel_is_listed_with_its_keys_and_the_way_to_more() {
    let world = World::new().await;
    let storage = world.storage("NAS <i>").await;
    let scope = json!({"storage": storage["id"]});
    for number in 0..9 {
        let name = format!("scanner {number}");
        let permission = if number == 0 { "none" } else { "write" };
        let key = json!({"name": name, "channel": "ftp", "scope": scope, "permission": permission});
        world.key(&key).await;
    }
    world.key(&json!({"name": "off", "channel": "email", "scope": scope, "permission": "none"})).await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/api-keys").await;
    let active = |name: &str| name == "FTP, SFTP";
    assert_eq!(channels(&page), CHANNELS.map(|name| (name.to_owned(), active(name))));
    assert_eq!(page.all("#list td.named").len(), 9, "eight of FTP, one of mail");
    assert!(page.text("#list").contains("NAS <i>"), "for which storage");
    let more = page.attr("#list tr.of a:not(.btn)", "href").to_owned();
    let all = visit.get(&more).await;
    assert_eq!((all.all("#list td.named").len(), all.all("#list tr.of").len()), (9, 0));
    assert!(all.text("#count").contains('9'));
    // Each leads to a form for its channel.
    let forms = page.all("#list tr.of .btn");
    let forms: Vec<_> = forms.iter().map(|link| link.attr("href").unwrap().to_owned()).collect();
    assert_eq!(forms.len(), 6);
    for (form, channel) in forms.iter().zip(["ftp", "rest", "http", "web-service", "email", "rest"]) {
        let asked = visit.get(form).await;
        assert_eq!(asked.attr("[name=channel][checked]", "value"), channel, "{form}");
    }
    assert!(visit.get(&forms[5]).await.has("#f-s3[checked]"));
    // Keys of storages are none of a member's.
    world.user(world.main_site().await, "bob", Role::Member).await;
    let mut bob = Visit::of(&world, "bob").await;
    let own = bob.get("/api-keys").await;
    assert!(own.has("#no-channels") && !own.has("#no-channels a") && !own.html.contains("NAS"), "{own:?}");
}

#[tokio::test]
async fn the_whole_site_is_offered_to_the_rest_api_alone() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let asked = visit.get("/api-keys/new").await;
    // The stylesheet takes away what stands in `of-rest` where another channel is chosen.
    assert!(asked.has(".of-rest [name=kind][value=site]"), "{asked:?}");
    for channel in ["http", "ftp", "web-service", "email"] {
        let asked = visit.get("/api-keys/new").await;
        let given = [("name", "x"), ("permission", "read"), ("channel", channel), ("kind", "site")];
        let refused = visit.submit(&asked, "#new-key", &given).await;
        assert_eq!(
            (refused.status, refused.has("#e-kind")),
            (StatusCode::UNPROCESSABLE_ENTITY, true),
            "{channel}"
        );
    }
    assert_eq!(world.get("/api/v1/keys").await["items"].as_array().unwrap().len(), 0);
}
