//! The public side of links in a browser without scripts.

use http::StatusCode;
use serde_json::{Value, json};

use super::visit::{Page, SAME_ORIGIN};
use crate::world::{Answer, WEB_ADDRESS, World};

struct Browser<'a> {
    world: &'a World,
    cookie: Option<String>,
}

impl Browser<'_> {
    async fn ask(&mut self, method: &str, path: &str, kind: &str, body: String) -> Answer {
        let mut ask =
            self.world.ask(method, path).header("accept", "text/html").header("host", "gate.example.org");
        if let Some(cookie) = &self.cookie {
            ask = ask.header("cookie", cookie);
        }
        if method == "POST" {
            // As browsers do, for a page that sends no referrer.
            ask = ask.header("origin", "null").header(SAME_ORIGIN.0, SAME_ORIGIN.1);
            ask = ask.header("content-type", kind).body(body);
        }
        let answer = ask.send().await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Page {
        let answer = self.ask("GET", path, "", String::new()).await;
        Page::new(path.to_owned(), &answer)
    }
}

async fn link(world: &World, storage: &Value, more: Value) -> String {
    let mut given = json!({"storage": storage["id"], "name": "Reports <b>", "permission": "read"});
    for (name, value) in more.as_object().unwrap() {
        given[name] = value.clone();
    }
    let answer = world.admin("POST", "/api/v1/share-links").json(&given).send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()["url"].as_str().unwrap().strip_prefix(WEB_ADDRESS).unwrap().to_owned()
}

async fn plant(world: &World, storage: &Value, key: &str) {
    let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let path = format!("/api/v1/storages/{}/file?key={key}", storage["id"].as_str().unwrap());
    assert_eq!(world.admin("PUT", &path).body("planted").send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_file_has_a_page_with_one_button() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    plant(&world, &storage, "a/b <i>.txt").await;
    let home = link(
        &world,
        &storage,
        json!({"file": "a/b <i>.txt", "max_downloads": 2, "expires_at": "2027-02-03T00:00:00Z"}),
    )
    .await;
    let mut browser = Browser { world: &world, cookie: None };
    let page = browser.get(&home).await;
    assert_eq!((page.status, page.text("h1")), (StatusCode::OK, "Reports <b>".to_owned()));
    assert_eq!(page.attr("meta[name=robots]", "content"), "noindex, nofollow");
    assert!(page.text("main").contains("b <i>.txt") && page.text("main").contains("7 B"));
    assert!(page.text("main").contains("limited") && page.text("main").contains("2027-02-03"));
    assert!(!page.html.contains("a/b"), "where it lies is not told");
    assert!(page.all("script[type=module]").is_empty());
    let download = page.attr("a.primary", "href");
    assert_eq!(download, format!("{home}/file"));
    let answer = browser.ask("GET", &download, "", String::new()).await;
    assert_eq!(answer.body, "planted");
}

#[tokio::test]
async fn a_folder_is_walked_through() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    for key in ["above", "in/", "in/a & b.txt", "in/sub/deeper/c.txt", "in/sub/d.txt", "in//odd"] {
        plant(&world, &storage, key).await;
    }
    for n in 0..203 {
        plant(&world, &storage, &format!("in/many/{n:03}")).await;
    }
    let home = link(&world, &storage, json!({"folder": "in/"})).await;
    let mut browser = Browser { world: &world, cookie: None };
    let page = browser.get(&home).await;
    assert_eq!(page.texts("#files li a"), ["/", "many/", "sub/", "a & b.txt"]);
    assert!(!page.html.contains("above") && !page.has("nav"));
    let href = |page: &Page, name: &str| {
        let found = page.all("#files li a").into_iter().find(|a| a.text().collect::<String>() == name);
        found.unwrap_or_else(|| panic!("{name}: {page:?}")).attr("href").unwrap().to_owned()
    };
    let sub = browser.get(&href(&page, "sub/")).await;
    assert_eq!(sub.texts("#files li a"), ["deeper/", "d.txt"]);
    let deeper = browser.get(&href(&sub, "deeper/")).await;
    assert_eq!(deeper.texts("nav li"), ["Reports <b>", "sub", "deeper"]);
    let file = browser.ask("GET", &href(&deeper, "c.txt"), "", String::new()).await;
    assert_eq!(file.body, "planted");
    let up = deeper.all("nav a")[1].attr("href").unwrap().to_owned();
    assert_eq!(browser.get(&up).await.texts("#files li a"), ["deeper/", "d.txt"]);
    let odd = browser.get(&href(&page, "/")).await;
    assert_eq!(browser.ask("GET", &href(&odd, "odd"), "", String::new()).await.body, "planted");

    let many = browser.get(&href(&page, "many/")).await;
    assert_eq!(many.all("#files li").len(), 200);
    let next = many.attr("footer a", "href");
    assert!(!next.contains("in%2F") && next.contains("folder=many%2F&after="), "{next}");
    let rest = browser.get(&next).await;
    assert_eq!(rest.texts("#files li a"), ["200", "201", "202"]);
    assert_eq!(browser.get(&rest.attr("footer a", "href")).await.all("#files li").len(), 200);
    let empty = link(&world, &storage, json!({"folder": "nothing/"})).await;
    let page = browser.get(&empty).await;
    assert!(page.status == StatusCode::OK && page.text("main").contains("Nothing is in this folder"));
}

#[tokio::test]
async fn a_password_opens_the_page_and_what_is_behind_it() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    plant(&world, &storage, "in/a").await;
    let home = link(&world, &storage, json!({"folder": "in/", "password": "open sesame"})).await;
    let mut browser = Browser { world: &world, cookie: None };
    let page = browser.get(&home).await;
    assert!(page.status == StatusCode::OK && page.has("form[method=post] input[name=password]"));
    assert!(!page.html.contains("Reports"), "nothing is told before");
    let file = browser.ask("GET", &format!("{home}/file?key=a"), "", String::new()).await;
    assert_eq!((file.status, file.header("location")), (StatusCode::SEE_OTHER, home.as_str()));
    let kind = "application/x-www-form-urlencoded";
    let wrong = browser.ask("POST", &home, kind, "password=open+barley".to_owned()).await;
    let wrong = Page::new(home.clone(), &wrong);
    assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.has("#fault"));
    let opened = browser.ask("POST", &home, kind, "password=open+sesame".to_owned()).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, home.as_str()));
    assert_eq!(browser.get(&home).await.texts("#files li a"), ["a"]);
    // A link that asks for nothing is simply opened.
    let open = link(&world, &storage, json!({"folder": "in/"})).await;
    let answer = browser.ask("POST", &open, kind, "password=x".to_owned()).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, open.as_str()));
}

#[tokio::test]
async fn a_drop_box_shows_a_form_and_says_what_arrived() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    plant(&world, &storage, "in/hidden.txt").await;
    let home = link(&world, &storage, json!({"folder": "in/", "permission": "write"})).await;
    let mut browser = Browser { world: &world, cookie: None };
    let page = browser.get(&home).await;
    assert_eq!(page.attr("form", "enctype"), "multipart/form-data");
    assert!(page.has("input[type=file][name=files][multiple]") && !page.html.contains("hidden.txt"));
    let action = page.attr("form", "action");
    let form = |names: &[&str]| {
        let part = |name: &&str| {
            format!(
                "--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\nx\r\n"
            )
        };
        names.iter().map(part).collect::<String>() + "--XX--\r\n"
    };
    let kind = "multipart/form-data; boundary=XX";
    let sent = browser.ask("POST", &action, kind, form(&["a", "b"])).await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (StatusCode::SEE_OTHER, &*format!("{home}?received=2"))
    );
    assert_eq!(browser.get(sent.header("location")).await.text("#received"), "2 files have arrived.");
    let half = browser.ask("POST", &action, kind, form(&["c", "..", "d"])).await;
    let half = Page::new(action.clone(), &half);
    assert_eq!(
        (half.status, half.text("#received")),
        (StatusCode::UNPROCESSABLE_ENTITY, "1 file has arrived.".to_owned())
    );
    assert!(half.text("#fault").contains("name that cannot be taken"));
    let none = browser
        .ask(
            "POST",
            &action,
            kind,
            "--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\n\r\n\r\n--XX--\r\n"
                .to_owned(),
        )
        .await;
    assert!(Page::new(action.clone(), &none).text("#fault").contains("Choose a file"));
    let lost = browser.ask("GET", &action, "", String::new()).await;
    assert_eq!(lost.header("location"), home, "the address of the form leads to its page");
    // A number in the address is no promise.
    for wrong in ["-1", "x", "99999999999999999999"] {
        assert!(!browser.get(&format!("{home}?received={wrong}")).await.has("#received"), "{wrong}");
    }
}

#[tokio::test]
async fn nowhere_is_a_page_that_says_so() {
    let world = World::new().await;
    let mut browser = Browser { world: &world, cookie: None };
    let page = browser.get("/s/none").await;
    assert_eq!((page.status, page.text("h1")), (StatusCode::NOT_FOUND, "There is nothing here".to_owned()));
    assert!(!page.html.contains("/sign-in") && !page.html.contains("href=\"/\""), "it leads nowhere else");
}
