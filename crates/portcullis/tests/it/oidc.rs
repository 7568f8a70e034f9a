//! Signing in at an identity provider, through the real binary: configuration, the way there and back, and what may be done then.

#[path = "../../../portcullis-signin/tests/it/oidc/provider.rs"]
#[allow(dead_code, reason = "the provider of another crate's tests does more than these ask of it")]
mod provider;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis_domain::{Clock as _, SystemClock};
use serde_json::json;

use crate::world::{World, binary, refused};
use provider::{CLIENT_ID, CLIENT_SECRET, FakeProvider};

fn configuration(dir: &Path, issuer: &str, more: &str) -> String {
    let secret = dir.join("secret");
    fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
    let path = dir.join("portcullis.toml");
    let text = format!(
        "[oidc]\nissuer = {issuer:?}\nclient_id = {CLIENT_ID:?}\nclient_secret_file = {:?}\nname = \"Example\"\n{more}",
        secret.display().to_string()
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A browser: it keeps cookies, follows nothing by itself, and knows which cookies stay at home when another site leads here.
#[derive(Default)]
struct Browser {
    /// Name, value, and whether it is `Strict`.
    cookies: BTreeMap<String, (String, bool)>,
}

struct Answer {
    status: u16,
    location: String,
    body: String,
}

impl Browser {
    fn get(&mut self, address: &str, from_elsewhere: bool) -> Answer {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .filter(|(_, (_, strict))| !(*strict && from_elsewhere))
            .map(|(name, (value, _))| format!("{name}={value}"))
            .collect();
        let request = config.new_agent().get(address).header("accept", "text/html");
        let mut answer = request.header("cookie", cookies.join("; ")).call().unwrap();
        for line in answer.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            assert!(rest.contains("; HttpOnly"), "{line}");
            self.cookies.insert(name.to_owned(), (value.to_owned(), rest.contains("; SameSite=Strict")));
        }
        self.cookies.retain(|_, (value, _)| !value.is_empty());
        let location = answer.headers().get("location").map_or("", |to| to.to_str().unwrap()).to_owned();
        let status = answer.status().as_u16();
        Answer { status, location, body: answer.body_mut().read_to_string().unwrap() }
    }
}

#[test]
fn an_admin_by_group_comes_in_and_administers() {
    let dir = tempfile::tempdir().unwrap();
    let fake = FakeProvider::start(SystemClock.now());
    let more = "groups_claim = \"groups\"\nadmin_group = \"gate-admins\"\ncreate_users = true\n";
    let config = configuration(dir.path(), &fake.issuer(), more);
    let world = World::start_with(&["--config", &config]);
    fake.script().claims = json!({"groups": ["gate-admins", "staff"]});

    let mut browser = Browser::default();
    let page = browser.get(&format!("{}/sign-in", world.web), false);
    assert!(page.body.contains("href=\"/sign-in/oidc?next=\"") && page.body.contains("Sign in with Example"));
    let away = browser.get(&format!("{}/sign-in/oidc", world.web), false);
    assert_eq!(away.status, 303);
    fake.script().now = SystemClock.now();
    let back = fake.visit(&away.location);
    assert!(back.starts_with(&format!("{}/sign-in/oidc/callback?", world.web)), "{back}");
    let kept = browser.cookies["portcullis-flow"].clone();
    assert!(!kept.1, "it has to come along");
    let page = browser.get(&back, true);
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("<meta http-equiv=\"refresh\" content=\"0; url=/\">"), "{}", page.body);
    assert!(!browser.cookies.contains_key("portcullis-flow"));
    assert_eq!(browser.get(&format!("{}/connections", world.web), false).status, 200);

    let session = &browser.cookies["portcullis"];
    assert!(session.1, "the session's cookie stays at home");
    let (_, me) = world.rest("GET", "/me", Some(&session.0), None);
    assert_eq!((&me["user"]["username"], &me["user"]["role"]), (&json!("ada"), &json!("admin")));
    let groups = world.admin("GET", "/groups", None);
    let names: Vec<_> = groups["items"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    assert_eq!(names, ["gate-admins", "staff"]);

    // The same answer once more, in the same browser.
    browser.cookies.insert("portcullis-flow".to_owned(), kept);
    assert_eq!(browser.get(&back, true).status, 400);
    // Out of the group, and what is open already may no more.
    fake.script().claims = json!({"groups": []});
    let mut other = Browser::default();
    let away = other.get(&format!("{}/sign-in/oidc", world.web), false);
    fake.script().now = SystemClock.now();
    assert_eq!(other.get(&fake.visit(&away.location), true).status, 200);
    assert_eq!(browser.get(&format!("{}/connections", world.web), false).status, 403);

    let log = world.log();
    assert!(log.contains("people may sign in by OpenID Connect"), "{log}");
    assert!(![CLIENT_SECRET, "access token", "code 0"].iter().any(|secret| log.contains(secret)), "{log}");
}

#[test]
fn a_configuration_that_cannot_work_starts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |issuer: &str, more: &str| {
        let config = configuration(dir.path(), issuer, more);
        let mut server = Command::new(binary());
        server.args([
            "serve",
            "--web",
            "127.0.0.1:0",
            "--s3",
            "127.0.0.1:0",
            "--config",
            &config,
            "--data-dir",
        ]);
        refused(server.arg(dir.path().join("data")).env_clear())
    };
    for (issuer, more, expected) in [
        (
            "http://id.example.com",
            "",
            "oidc.issuer: https; plain http is only for a provider on this machine",
        ),
        ("", "", "oidc.issuer: missing"),
        ("https://id.example.com", "admin_group = \"a\"", "oidc.admin_group: needs groups_claim"),
        ("https://id.example.com", "ca_file = \"/nowhere\"", "oidc.ca_file cannot be read"),
        ("https://id.example.com", "colour = \"red\"", "oidc.colour: unknown setting"),
    ] {
        let told = refuse(issuer, more);
        assert!(told.contains(expected) && !told.contains(CLIENT_SECRET), "{expected} is not in\n{told}");
    }
}
