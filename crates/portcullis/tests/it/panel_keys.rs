//! Keys that the panel made, at the door they are for.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::http::{Answer, Signed, exchange};
use crate::world::{Access, World};

/// A browser that is signed in as admin.
pub(crate) struct Panel<'a>(pub(crate) &'a World);

impl Panel<'_> {
    fn host(&self) -> &str {
        self.0.web.strip_prefix("http://").unwrap()
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookie = format!("portcullis={}", self.0.token());
        let headers = [&[("cookie", cookie.as_str())], headers].concat();
        exchange(self.host(), method, path, &headers, body.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let answer = self.ask("GET", path, &[], "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text()
    }

    /// Sends the form of a page that posts to this address.
    fn send(&self, page: &str, action: &str) -> String {
        let answer = self.send_with(page, action, "");
        assert!(matches!(answer.status, 200 | 303), "{action}: {answer:?}");
        answer.text()
    }

    /// The same with fields that were filled in, encoded; the answer as it is.
    pub(crate) fn send_with(&self, page: &str, action: &str, filled: &str) -> Answer {
        let form =
            page.split(&format!("action=\"{action}\"")).nth(1).unwrap_or_else(|| panic!("no form: {page}"));
        let form = form.split("</form>").next().unwrap();
        let fields = form.split("<input type=\"hidden\" name=\"").skip(1).map(|field| {
            let (name, rest) = field.split_once('"').unwrap();
            let value = rest.strip_prefix(" value=\"").unwrap().split('"').next().unwrap();
            format!("{name}={value}")
        });
        let body = fields.chain([filled.to_owned()]).collect::<Vec<_>>().join("&");
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let path = action.split('#').next().unwrap();
        self.ask("POST", path, &headers, &body)
    }

    /// Makes a connection; the pair that its page shows.
    fn connect(&self, query: &str) -> Access {
        let review = self.get(&format!("/connections/new/review?{query}"));
        shown(&self.send(&review, "/connections/new"))
    }
}

/// The pair on a page that shows one.
fn shown(page: &str) -> Access {
    let value = |id: &str| {
        let rest =
            page.split(&format!("<code id=\"{id}\">")).nth(1).unwrap_or_else(|| panic!("no {id}: {page}"));
        rest.split('<').next().unwrap().to_owned()
    };
    Access {
        key_id: String::new(),
        access_key: value("v-ak"),
        secret: value("v-sk"),
        bucket: value("v-bk"),
        session_token: None,
    }
}

/// Whether the text is in any file below a directory.
fn is_below(dir: &Path, text: &str) -> bool {
    fs::read_dir(dir).unwrap().map(Result::unwrap).any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return is_below(&path, text);
        }
        fs::read(path).unwrap_or_default().windows(text.len()).any(|part| part == text.as_bytes())
    })
}

#[test]
fn rotation_stops_old_pair_immediately_by_default() {
    let world = World::start();
    let panel = Panel(&world);
    let old = panel.connect("name=NAS&external=on&permission=read_write");
    let file = format!("/{}/file", old.bucket);
    assert_eq!(Signed::new(&world, &old).call("PUT", &file, "", &[], b"kept").status, 200);
    let key = world.admin("GET", "/keys", None)["items"][0].clone();
    assert_eq!(key["access_key"], old.access_key.as_str());
    let storage = world.admin("GET", "/storages", None)["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/connections/{storage}/keys/{}/generate", key["id"].as_str().unwrap());
    let page = panel.get(&path);
    assert!(page.contains("127.1."), "who used the old pair is shown: {page}");
    let new = shown(&panel.send(&page, &path));
    // Not one more request under the old pair, nor under a mixture of both.
    let refused = Signed::new(&world, &old).call("GET", &file, "", &[], b"");
    assert_eq!((refused.status, refused.code().as_str()), (403, "InvalidAccessKeyId"), "{refused:?}");
    for mixed in
        [Access { secret: old.secret.clone(), ..new.clone() }, Access { secret: new.secret.clone(), ..old }]
    {
        assert_eq!(Signed::new(&world, &mixed).call("GET", &file, "", &[], b"").status, 403);
    }
    let answer = Signed::new(&world, &new).call("GET", &file, "", &[], b"");
    assert_eq!((answer.status, answer.text().as_str()), (200, "kept"));
}

#[test]
fn what_the_wizard_promises_holds_at_the_door() {
    let world = World::start();
    let panel = Panel(&world);
    let inbox = panel.connect("name=Inbox&external=on&permission=write");
    let inside = Signed::new(&world, &inbox);
    let file = format!("/{}/file", inbox.bucket);
    assert_eq!(inside.call("PUT", &file, "", &[], b"x").status, 200);
    assert_eq!(inside.call("GET", &file, "", &[], b"").status, 403);
    // From other addresses than the listed one nobody comes in; tests come from 127.1.0.0/16.
    let elsewhere =
        panel.connect("name=Elsewhere&external=on&permission=read_write&networks=203.0.113.0%2F24");
    let list = format!("/{}/", elsewhere.bucket);
    assert_eq!(Signed::new(&world, &elsewhere).call("GET", &list, "list-type=2", &[], b"").status, 403);
    // Without access from outside not even an admin's own key, which opens every storage, comes in.
    let me = world.admin("GET", "/me", None)["user"]["id"].clone();
    let body = json!({"name": "own", "channel": "s3", "scope": {"user": me}, "permission": "read_write"});
    let own = world.admin("POST", "/keys", Some(&body));
    let text = |name: &str| own[name].as_str().unwrap_or_default().to_owned();
    let own = Access {
        key_id: String::new(),
        access_key: own["key"]["access_key"].as_str().unwrap().to_owned(),
        secret: text("secret"),
        bucket: String::new(),
        session_token: None,
    };
    let review = panel.get("/connections/new/review?name=Closed");
    panel.send(&review, "/connections/new");
    let storages = world.admin("GET", "/storages", None)["items"].clone();
    let bucket = |name: &str| {
        let found = storages.as_array().unwrap().iter().find(|storage| storage["name"] == name).unwrap();
        found["bucket_name"].as_str().unwrap().to_owned()
    };
    let enter = |name: &str| {
        Signed::new(&world, &own).call("GET", &format!("/{}/", bucket(name)), "list-type=2", &[], b"").status
    };
    assert_eq!((enter("Closed"), enter("Inbox")), (403, 403));
    world.admin(
        "PATCH",
        &format!("/storages/{}", storages[0]["id"].as_str().unwrap()),
        Some(&json!({"permission": "read_write"})),
    );
    assert_eq!(enter("Inbox"), 200, "the key itself is good");
}

#[test]
fn a_secret_from_the_panel_is_in_no_log_and_no_file() {
    let mut world = World::start_with(&["--log", "debug"]);
    let pair = Panel(&world).connect("name=Vault&external=on&permission=read");
    let key = world.admin("GET", "/keys", None)["items"][0]["id"].as_str().unwrap().to_owned();
    let storage = world.admin("GET", "/storages", None)["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/connections/{storage}/keys/{key}/generate");
    let panel = Panel(&world);
    let next = shown(&panel.send(&panel.get(&path), &path));
    assert!(world.stop().success());
    for secret in [&pair.secret, &next.secret] {
        assert!(!world.log().contains(secret.as_str()), "in the log");
        assert!(!is_below(&world.data_dir(), secret), "in a file");
    }
    assert!(is_below(&world.data_dir(), &next.access_key), "this is where the keys are");
}
