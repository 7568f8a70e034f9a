//! Sites are nothing to each other: whatever names something of another site is answered like what names nothing at all. Status, head
//! and body are compared, of every REST call and of every S3 operation. The calls come from the code's own tables, so that a new one
//! is in here from its first day.

use std::time::{Duration, Instant};

use portcullis_s3::{Level, Operation};
use portcullis_web::OPERATIONS;
use serde_json::{Value, json};

use crate::http::{Answer, Signed, exchange};
use crate::world::{Access, OWN_PASSWORD, World};

/// The longest that something in the background may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A site with one of everything.
struct House {
    site: String,
    storage: String,
    bucket: String,
    /// An S3 key for the storage.
    s3: Access,
    /// An S3 key of the member.
    member_s3: Access,
    member: String,
    group: String,
    grant: String,
    link: String,
    session: String,
    /// A plan that is ready, a run, what it kept, and a job.
    plan: String,
    run: String,
    kept: String,
    job: String,
    /// The request of a member that was refused.
    refused: String,
    /// Who asks: a name, and what they present.
    callers: Vec<(&'static str, String)>,
}

impl House {
    /// The record that a path is about, by its first part.
    fn id(&self, path: &str) -> &str {
        let noun = path.trim_start_matches("/api/v1/").split('/').next().unwrap();
        match noun {
            "storages" => &self.storage,
            "keys" => &self.s3.key_id,
            "sites" => &self.site,
            "users" => &self.member,
            "groups" => &self.group,
            "grants" => &self.grant,
            "share-links" => &self.link,
            "sessions" => &self.session,
            "audit-events" => &self.refused,
            "sync-plans" => &self.plan,
            "sync-runs" => &self.run,
            "kept-versions" => &self.kept,
            "sync-jobs" => &self.job,
            // Passkeys are of a person, advice and transfers come and go: the id of anything else does as well.
            "me" | "advice" | "transfers" => &self.member,
            other => panic!("{other}: say here what the id of {path} is"),
        }
    }

    fn ids(&self) -> [&str; 15] {
        let keys = [self.s3.key_id.as_str(), self.member_s3.key_id.as_str()];
        let [first, second] = keys;
        [
            &self.site,
            &self.storage,
            &self.bucket,
            first,
            second,
            &self.member,
            &self.group,
            &self.grant,
            &self.link,
            &self.session,
            &self.refused,
            &self.plan,
            &self.run,
            &self.kept,
            &self.job,
        ]
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn sign_in(world: &World, username: &str) -> String {
    let given = json!({"username": username, "password": OWN_PASSWORD});
    let (status, answer) = world.rest("POST", "/sessions", None, Some(&given));
    assert_eq!(status, 201, "{answer}");
    text(&answer["token"])
}

/// Builds a site, acting in it from the main one.
fn house(world: &World, name: &str) -> House {
    let make = |path: &str, given: Value| world.admin("POST", path, Some(&given));
    let home = text(&world.admin("GET", "/me", None)["site"]["id"]);
    let enter = |site: &str| world.admin("PUT", "/sessions/current/site", Some(&json!({"site": site})));
    let site = text(&make("/sites", json!({"name": name}))["id"]);
    enter(&site);
    let [admin, member] = ["admin", "member"].map(|role| {
        let given = json!({"username": format!("{name}-{role}"), "role": role, "password": OWN_PASSWORD});
        text(&make("/users", given)["user"]["id"])
    });
    assert_ne!(admin, member);
    let (storage, bucket) = world.storage(&format!("{name} files"));
    let group = text(&make("/groups", json!({"name": "people"}))["id"]);
    world.admin("PUT", &format!("/groups/{group}/members/{member}"), None);
    let grant = json!({"storage": storage, "user": member, "permission": "read_write"});
    let grant = text(&make("/grants", grant)["id"]);
    let link = json!({"storage": storage, "folder": "", "name": "box", "permission": "read"});
    let link = text(&make("/share-links", link)["link"]["id"]);
    let s3 = world.key(&storage, "read_write");
    let key = |channel: &str, scope: Value, permission: &str| {
        make("/keys", json!({"name": "k", "channel": channel, "scope": scope, "permission": permission}))
    };
    let made = key("s3", json!({"user": member}), "read_write");
    let member_s3 = Access {
        key_id: text(&made["key"]["id"]),
        access_key: text(&made["key"]["access_key"]),
        secret: text(&made["secret"]),
        bucket: bucket.clone(),
        session_token: None,
    };
    let callers = vec![
        ("the site's admin", sign_in(world, &format!("{name}-admin"))),
        ("a member", sign_in(world, &format!("{name}-member"))),
        ("a key of the site", text(&key("rest", json!("site"), "full")["bearer"])),
        ("a key of an admin", text(&key("rest", json!({"user": admin}), "full")["bearer"])),
        ("a key of a member", text(&key("rest", json!({"user": member}), "read_write")["bearer"])),
        ("a key of a storage", text(&key("rest", json!({"storage": storage}), "read_write")["bearer"])),
    ];
    let session = text(&world.admin("GET", &format!("/users/{member}/sessions"), None)["items"][0]["id"]);
    let refused = rest(world, &callers[1].1, "GET", "/api/v1/users", None);
    assert_eq!(refused.status, 403);
    let refused = refused.header("x-request-id").unwrap().to_owned();
    // What there has to be for what can be asked: credentials of which two pairs work, and trials.
    world.admin("POST", &format!("/keys/{}/rotate", s3.key_id), Some(&json!({"overlap_seconds": 3600})));
    let networks = json!({"networks": ["203.0.113.0/24"]});
    world.admin("PUT", &format!("/keys/{}/trial", s3.key_id), Some(&networks));
    world.admin("PUT", &format!("/storages/{storage}/trial"), Some(&networks));
    let [plan, run, kept, job] = synced(world, &storage);
    enter(&home);
    House {
        plan,
        run,
        kept,
        job,
        site,
        storage,
        bucket,
        s3,
        member_s3,
        member,
        group,
        grant,
        link,
        session,
        refused,
        callers,
    }
}

/// A plan that is ready, a run that is over, what it kept, and a job, of a storage and another one.
fn synced(world: &World, storage: &str) -> [String; 4] {
    let (other, _) = world.storage("copies");
    let put = |side: &str, name: &str, text: Value| {
        world.admin("PUT", &format!("/storages/{side}/file?key={name}"), Some(&text));
    };
    let until = |path: &str, states: &[&str]| {
        let end = Instant::now() + PATIENCE;
        loop {
            let record = world.admin("GET", path, None);
            if states.contains(&record["state"].as_str().unwrap()) {
                return record;
            }
            assert!(Instant::now() < end, "{record}");
            std::thread::yield_now();
        }
    };
    let plan = || {
        let terms = json!({"with": {"storage": other}, "mode": "mirror"});
        let made = world.admin("POST", &format!("/storages/{storage}/sync-plans"), Some(&terms));
        until(&format!("/sync-plans/{}", text(&made["id"])), &["ready"])
    };
    put(storage, "there", json!("new"));
    put(&other, "there", json!("older"));
    let begun = world.admin("POST", &format!("/sync-plans/{}/run", text(&plan()["id"])), Some(&json!({})));
    let run = until(&format!("/sync-runs/{}", text(&begun["id"])), &["done"]);
    let kept = world.admin("GET", &format!("/kept-versions?run={}", text(&run["id"])), None);
    put(storage, "since", json!("then"));
    let job = json!({"name": "nightly", "storage": storage, "with": {"storage": other}, "mode": "copy"});
    let job = world.admin("POST", "/sync-jobs", Some(&job));
    [&plan()["id"], &run["id"], &kept["items"][0]["id"], &job["id"]].map(text)
}

/// What an answer says, without what names this one request.
fn said(answer: &Answer, ids: &[&str]) -> (u16, Vec<(String, String)>, String) {
    let request =
        answer.header("x-request-id").or_else(|| answer.header("x-amz-request-id")).unwrap_or("-").to_owned();
    let plain = |told: &str| {
        let told = told.replace(&request, "REQUEST");
        ids.iter().fold(told, |told, id| told.replace(id, "ID"))
    };
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), plain(value)))
        .filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()))
        .collect();
    headers.sort();
    (answer.status, headers, plain(&answer.text()))
}

fn rest(world: &World, bearer: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let host = world.web.strip_prefix("http://").unwrap();
    let bearer = format!("Bearer {bearer}");
    let mut headers = vec![("authorization", bearer.as_str())];
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    exchange(host, method, path, &headers, body.as_bytes())
}

/// A body with which a call would do something, were the record there.
fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("POST" | "PATCH", path) if path.contains("/temporary-credentials") => {
            Some(json!({"duration_seconds": 900}))
        }
        ("PATCH", path) if path.starts_with("/api/v1/users/") => Some(json!({"state": "active"})),
        ("PATCH", path) if path.starts_with("/api/v1/grants/") => Some(json!({"permission": "read"})),
        ("PATCH", _) => Some(json!({"name": "theirs"})),
        ("DELETE", "/api/v1/storages/{id}") => Some(json!({"confirm": "theirs"})),
        ("PUT", path) if path.ends_with("/trial") => Some(json!({"networks": ["203.0.113.0/24"]})),
        ("POST", path) if path.ends_with("/preview") => Some(json!({"networks": ["203.0.113.0/24"]})),
        ("POST", path) if path.ends_with("/pause") => Some(json!({"minutes": 30})),
        ("POST", path) if path.ends_with("/sync-plans") => {
            Some(json!({"with": {"storage": NOTHING}, "mode": "copy"}))
        }
        ("PUT", path) if path.ends_with("/choices") => Some(json!({"choices": []})),
        ("POST", _) => Some(json!({})),
        _ => None,
    }
}

/// An id that nothing has.
const NOTHING: &str = "01900000-0000-7000-8000-000000000000";

#[test]
fn every_rest_call_that_names_a_record_of_another_site() {
    let world = World::start();
    let (own, other) = (house(&world, "own"), house(&world, "zebra"));
    let ids = [other.ids().as_slice(), &[NOTHING]].concat();
    let mut compared = 0;
    for row in OPERATIONS.iter().filter(|row| row.path.contains('{')) {
        let path = |id: &str| {
            let named = row.path.replace("{id}", id).replace("{user}", &other.member);
            let named = named.replace("{request_id}", id).replace("{what}", "permission");
            if named.ends_with("/file") { format!("{named}?key=a") } else { named }
        };
        let given = body(row.method, row.path);
        for (caller, bearer) in &own.callers {
            let ask = |id: &str| rest(&world, bearer, row.method, &path(id), given.as_ref());
            let (theirs, none) = (ask(other.id(row.path)), ask(NOTHING));
            assert_eq!(said(&theirs, &ids), said(&none, &ids), "{} {} by {caller}", row.method, row.path);
            assert!(
                (400..500).contains(&theirs.status),
                "{} {} by {caller}: {}",
                row.method,
                row.path,
                theirs.status
            );
            compared += 1;
        }
        // The same call about their own is answered: it is the site that makes the difference.
        if row.method == "GET" && !row.path.ends_with("/file") {
            let answer = rest(&world, &own.callers[0].1, "GET", &path(own.id(row.path)), None);
            assert_eq!(answer.status, 200, "GET {}: {}", row.path, answer.text());
        }
    }
    assert!(compared >= 100, "{compared}");
}

#[test]
fn every_rest_call_that_names_another_site_inside() {
    let world = World::start();
    let (own, other) = (house(&world, "own"), house(&world, "zebra"));
    let ids = [other.ids().as_slice(), &[NOTHING]].concat();
    // What is asked, with ID in the place of the record, and which record that is.
    let key = |scope: Value| json!({"name": "x", "channel": "rest", "scope": scope, "permission": "read"});
    let shared = |more: Value| {
        let mut given = json!({"storage": own.storage, "permission": "read"});
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        given
    };
    let temporary = format!("/api/v1/keys/{}/temporary-credentials", own.member_s3.key_id);
    let member = format!("/api/v1/groups/{}/members/ID", own.group);
    let plans = format!("/api/v1/storages/{}/sync-plans", own.storage);
    let cases: Vec<(&str, &str, Option<Value>, &str)> = vec![
        ("GET", "/api/v1/keys?storage=ID", None, &other.storage),
        ("GET", "/api/v1/keys?user=ID", None, &other.member),
        ("GET", "/api/v1/audit-events?storage=ID", None, &other.storage),
        ("GET", "/api/v1/audit-events?key=ID", None, &other.s3.key_id),
        ("GET", "/api/v1/grants?storage=ID", None, &other.storage),
        ("GET", "/api/v1/grants?user=ID", None, &other.member),
        ("GET", "/api/v1/grants?group=ID", None, &other.group),
        ("GET", "/api/v1/share-links?storage=ID", None, &other.storage),
        ("POST", "/api/v1/keys", Some(key(json!({"storage": "ID"}))), &other.storage),
        ("POST", "/api/v1/keys", Some(key(json!({"user": "ID"}))), &other.member),
        ("POST", "/api/v1/grants", Some(shared(json!({"user": "ID"}))), &other.member),
        ("POST", "/api/v1/grants", Some(shared(json!({"group": "ID"}))), &other.group),
        (
            "POST",
            "/api/v1/grants",
            Some(shared(json!({"user": own.member, "storage": "ID"}))),
            &other.storage,
        ),
        (
            "POST",
            "/api/v1/share-links",
            Some(json!({"storage": "ID", "folder": "", "name": "x", "permission": "read"})),
            &other.storage,
        ),
        ("POST", "/api/v1/sites", Some(json!({"name": "x", "parent": "ID"})), &other.site),
        ("PUT", "/api/v1/sessions/current/site", Some(json!({"site": "ID"})), &other.site),
        ("PUT", &member, None, &other.member),
        ("DELETE", &member, None, &other.member),
        ("GET", "/api/v1/sync-plans?storage=ID", None, &other.storage),
        ("GET", "/api/v1/sync-runs?storage=ID", None, &other.storage),
        ("GET", "/api/v1/sync-jobs?storage=ID", None, &other.storage),
        ("GET", "/api/v1/kept-versions?storage=ID", None, &other.storage),
        ("GET", "/api/v1/kept-versions?run=ID", None, &other.run),
        ("POST", &plans, Some(json!({"with": {"storage": "ID"}, "mode": "copy"})), &other.storage),
        (
            "POST",
            "/api/v1/sync-jobs",
            Some(json!({"name": "x", "storage": "ID", "with": {"storage": own.storage}, "mode": "copy"})),
            &other.storage,
        ),
        ("POST", &temporary, Some(json!({"duration_seconds": 900, "storage": "ID"})), &other.storage),
    ];
    for (method, path, given, record) in &cases {
        for (caller, bearer) in &own.callers {
            let ask = |id: &str| {
                let given = given.as_ref().map(|given| given.to_string().replace("ID", id));
                let given = given.map(|given| serde_json::from_str::<Value>(&given).unwrap());
                rest(&world, bearer, method, &path.replace("ID", id), given.as_ref())
            };
            let (theirs, none) = (ask(record), ask(NOTHING));
            assert_eq!(said(&theirs, &ids), said(&none, &ids), "{method} {path} {given:?} by {caller}");
            assert!(
                *method == "GET" || theirs.status >= 400,
                "{method} {path} by {caller}: {}",
                theirs.status
            );
        }
    }
}

#[test]
fn no_list_holds_anything_of_another_site() {
    let world = World::start();
    let (own, other) = (house(&world, "own"), house(&world, "zebra"));
    let mut seen = 0;
    for row in OPERATIONS.iter().filter(|row| row.method == "GET" && !row.path.contains('{')) {
        for (caller, bearer) in &own.callers {
            let answer = rest(&world, bearer, "GET", row.path, None);
            let told = answer.text();
            for id in other.ids() {
                assert!(!told.contains(id), "GET {} by {caller} tells of {id}: {told}", row.path);
            }
            assert!(!told.contains("zebra"), "GET {} by {caller}: {told}", row.path);
            seen += usize::from(own.ids().iter().any(|id| told.contains(id)));
        }
    }
    assert!(seen >= 10, "the lists tell nothing at all: {seen}");
}

/// The name of a bucket that nobody has, of the form of one.
const NO_BUCKET: &str = "usr-10001-itm-77777-nothing";

#[test]
fn every_s3_operation_on_a_bucket_of_another_site() {
    let world = World::start();
    let (own, other) = (house(&world, "own"), house(&world, "zebra"));
    let put = |key: &Access| {
        let answer =
            Signed::new(&world, key).call("PUT", &format!("/{}/there.txt", key.bucket), "", &[], b"hello");
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    put(&own.s3);
    put(&other.s3);
    let ids = [other.bucket.as_str(), NO_BUCKET];
    for (kind, key) in [("a storage's key", &own.s3), ("a member's key", &own.member_s3)] {
        for operation in Operation::ALL.iter().filter(|operation| operation.shape().level != Level::Service) {
            let [theirs, none] = ids.map(|bucket| ask_bucket(&world, key, *operation, bucket, bucket));
            let row = format!("{} with {kind}", operation.as_str());
            assert_eq!(said(&theirs, &ids), said(&none, &ids), "{row}");
            assert!(theirs.status >= 400, "{row}: {}", theirs.status);
            if operation.shape().copies {
                let [theirs, none] =
                    ids.map(|source| ask_bucket(&world, key, *operation, &own.bucket, source));
                assert_eq!(said(&theirs, &ids), said(&none, &ids), "{row}, as the source");
                assert!(theirs.status >= 400, "{row}: {}", theirs.status);
            }
        }
        let listed = Signed::new(&world, key).call("GET", "/", "", &[], b"").text();
        assert!(listed.contains(&own.bucket) && !listed.contains(&other.bucket), "{listed}");
    }
}

/// An operation on a bucket, and from one if it copies.
fn ask_bucket(world: &World, key: &Access, operation: Operation, bucket: &str, source: &str) -> Answer {
    let shape = operation.shape();
    let path = match shape.level {
        Level::Object => format!("/{bucket}/there.txt"),
        Level::Service | Level::Bucket => format!("/{bucket}"),
    };
    let mut selectors: Vec<String> = shape
        .selectors
        .iter()
        .map(|name| match *name {
            "partNumber" => "partNumber=1".to_owned(),
            "uploadId" => "uploadId=00000000000000000000000000000000".to_owned(),
            "list-type" => "list-type=2".to_owned(),
            name => format!("{name}="),
        })
        .collect();
    selectors.sort();
    let source = format!("/{source}/there.txt");
    let mut headers: Vec<(&str, &str)> = Vec::new();
    if shape.copies {
        headers.push(("x-amz-copy-source", &source));
    }
    if operation == Operation::GetObjectAttributes {
        headers.push(("x-amz-object-attributes", "ObjectSize"));
    }
    Signed::new(world, key).call(shape.method.as_str(), &path, &selectors.join("&"), &headers, b"")
}
