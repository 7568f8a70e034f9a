//! Two storages to be brought together: one of the gateway's own, one in a bucket at another server of ours, both seen from outside.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::http::Signed;
use crate::world::{Access, World};

/// The longest that a plan or a run of these tests may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Connections that put and get at the same time.
const LANES: usize = 6;
/// What a path may hold as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
const QUERY: &AsciiSet = &PATH.add(b'/');

/// Keys and their bytes.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What somebody with a key sees of one bucket.
#[derive(Clone, Copy)]
pub(crate) struct Seat<'a> {
    world: &'a World,
    key: &'a Access,
}

impl<'a> Seat<'a> {
    pub(crate) const fn new(world: &'a World, key: &'a Access) -> Self {
        Self { world, key }
    }

    fn path(&self, key: &str) -> String {
        format!("/{}/{}", self.key.bucket, utf8_percent_encode(key, PATH))
    }

    pub(crate) fn put(&self, key: &str, body: impl AsRef<[u8]>) {
        let answer = Signed::new(self.world, self.key).call("PUT", &self.path(key), "", &[], body.as_ref());
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
    }

    pub(crate) fn delete(&self, key: &str) {
        let answer = Signed::new(self.world, self.key).call("DELETE", &self.path(key), "", &[], b"");
        assert_eq!(answer.status, 204, "{key}: {}", answer.text());
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        let answer = Signed::new(self.world, self.key).call("GET", &self.path(key), "", &[], b"");
        match answer.status {
            200 => Some(answer.body),
            404 => None,
            status => panic!("{key}: {status} {}", answer.text()),
        }
    }

    /// Any request for a key: its status and the code of a refusal.
    pub(crate) fn call(
        &self,
        method: &str,
        key: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String) {
        let answer = Signed::new(self.world, self.key).call(method, &self.path(key), query, headers, b"x");
        (answer.status, answer.code())
    }

    /// An upload of parts of at most so many bytes: its entity tag is no MD5 of the bytes.
    pub(crate) fn put_in_parts(&self, key: &str, body: &[u8], part: usize) {
        let (signed, path) = (Signed::new(self.world, self.key), self.path(key));
        let begun = signed.call("POST", &path, "uploads=", &[], b"").text();
        let upload = between(&begun, "<UploadId>", "</UploadId>").expect(&begun).to_owned();
        let mut parts = String::new();
        for (number, piece) in (1..).zip(body.chunks(part)) {
            let query = format!("partNumber={number}&uploadId={}", utf8_percent_encode(&upload, QUERY));
            let answer = signed.call("PUT", &path, &query, &[], piece);
            assert_eq!(answer.status, 200, "{}", answer.text());
            let etag = answer.header("etag").unwrap();
            parts.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let query = format!("uploadId={}", utf8_percent_encode(&upload, QUERY));
        let answer = signed.call("POST", &path, &query, &[], document.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Keys and entity tags, all of them or those that begin so.
    pub(crate) fn tree(&self, prefix: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut token = None::<String>;
        loop {
            let mut query = String::new();
            if let Some(token) = &token {
                query.push_str(&format!("continuation-token={}&", utf8_percent_encode(token, QUERY)));
            }
            let prefix = utf8_percent_encode(prefix, QUERY);
            query.push_str(&format!("encoding-type=url&list-type=2&max-keys=1000&prefix={prefix}"));
            let path = format!("/{}", self.key.bucket);
            let answer = Signed::new(self.world, self.key).call("GET", &path, &query, &[], b"");
            assert_eq!(answer.status, 200, "{}", answer.text());
            let text = answer.text();
            for entry in text.split("<Contents>").skip(1) {
                let key = between(entry, "<Key>", "</Key>").unwrap().replace('+', " ");
                let key = percent_decode_str(&key).decode_utf8().unwrap().into_owned();
                let etag = between(entry, "<ETag>", "</ETag>").unwrap();
                found.insert(key, etag.replace("&quot;", "").replace('"', ""));
            }
            token = between(&text, "<NextContinuationToken>", "</").map(str::to_owned);
            if token.is_none() {
                return found;
            }
        }
    }

    /// Every key with its bytes, each read anew; without what runs keep for themselves.
    pub(crate) fn files(&self, prefix: &str) -> Files {
        let keys: Vec<String> =
            self.tree(prefix).into_keys().filter(|key| !key.starts_with(".portcullis/")).collect();
        let mut found = Files::new();
        let lanes: Vec<Vec<(String, Vec<u8>)>> = thread::scope(|scope| {
            let run = |lane| {
                let keys = &keys;
                scope.spawn(move || {
                    let mut line = Line::open(self.world);
                    let own = keys.iter().skip(lane).step_by(LANES);
                    own.map(|key| (key.clone(), line.exchange(self, "GET", key, b""))).collect()
                })
            };
            let started: Vec<_> = (0..LANES).map(run).collect();
            started.into_iter().map(|lane| lane.join().unwrap()).collect()
        });
        lanes.into_iter().flatten().for_each(|(key, body)| drop(found.insert(key, body)));
        found
    }

    /// Stores many small files.
    pub(crate) fn fill(&self, files: &Files) {
        thread::scope(|scope| {
            for lane in 0..LANES {
                scope.spawn(move || {
                    let mut line = Line::open(self.world);
                    for (key, body) in files.iter().skip(lane).step_by(LANES) {
                        line.exchange(self, "PUT", key, body);
                    }
                });
            }
        });
    }
}

/// The text between two others.
pub(crate) fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    text.split_once(from)?.1.split_once(to).map(|(found, _)| found)
}

/// A connection that is kept.
struct Line(BufReader<TcpStream>);

impl Line {
    fn open(world: &World) -> Self {
        let stream = TcpStream::connect(world.s3_host()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    /// A request that must succeed; the body of its answer.
    fn exchange(&mut self, seat: &Seat<'_>, method: &str, key: &str, body: &[u8]) -> Vec<u8> {
        let path = seat.path(key);
        let headers = Signed::new(seat.world, seat.key).sign(method, &path, "", &[]);
        let host = seat.world.s3_host();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str("\r\n");
        let mut all = head.into_bytes();
        all.extend_from_slice(body);
        self.0.get_mut().write_all(&all).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        self.0.read_line(&mut line).unwrap();
        let fine = line.starts_with("HTTP/1.1 200");
        let status = line.clone();
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).unwrap();
        assert!(fine, "{method} {key}: {status} {}", String::from_utf8_lossy(&answer));
        answer
    }
}

/// A gateway with a storage of its own, and one in the bucket of a provider.
pub(crate) struct Rig {
    pub(crate) provider: World,
    pub(crate) gateway: World,
    /// The gateway's own storage: its id, and a key to it.
    pub(crate) storage: (String, Access),
    /// The storage in the provider's bucket: its id at the gateway, and a key to the bucket at the provider.
    pub(crate) bucket: (String, Access),
}

impl Rig {
    pub(crate) fn start() -> Self {
        let mut provider = World::start();
        provider.keep_ports();
        let gateway = World::start_with(&["--allow-private-endpoints", "127.0.0.0/8"]);
        let (storage, _) = gateway.storage("Storage");
        let own = gateway.key(&storage, "read_write");
        let mut rig =
            Self { provider, gateway, storage: (storage, own.clone()), bucket: (String::new(), own) };
        rig.bucket = rig.connect("Bucket");
        rig
    }

    /// Another storage in another bucket of the provider.
    pub(crate) fn connect(&self, name: &str) -> (String, Access) {
        let (at, _) = self.provider.storage(name);
        let key = self.provider.key(&at, "read_write");
        let form = json!({
            "name": name, "provider": "s3", "preset": "other", "endpoint": self.provider.s3,
            "bucket": key.bucket, "access_key_id": key.access_key, "secret_access_key": key.secret,
        });
        let made = self.gateway.admin("POST", "/storages", Some(&form));
        (made["id"].as_str().unwrap().to_owned(), key)
    }

    /// The gateway's own storage, through its S3 door.
    pub(crate) fn left(&self) -> Seat<'_> {
        Seat::new(&self.gateway, &self.storage.1)
    }

    /// The bucket, as whoever uses it without the gateway.
    pub(crate) fn right(&self) -> Seat<'_> {
        Seat::new(&self.provider, &self.bucket.1)
    }

    pub(crate) fn sync(&self) -> Sync<'_> {
        Sync { gateway: &self.gateway, storage: &self.storage.0, bucket: &self.bucket.0 }
    }
}

/// Plans and runs of two storages, by REST.
#[derive(Clone, Copy)]
pub(crate) struct Sync<'a> {
    pub(crate) gateway: &'a World,
    pub(crate) storage: &'a str,
    pub(crate) bucket: &'a str,
}

impl Sync<'_> {
    /// Asks for a plan; the answer as it comes.
    pub(crate) fn ask(&self, more: &Value) -> (u16, Value) {
        let mut draft = json!({"with": {"storage": self.bucket}, "mode": "two_way"});
        for (name, value) in more.as_object().unwrap() {
            match (draft[name].as_object_mut(), value.as_object()) {
                (Some(there), Some(value)) => there.extend(value.clone()),
                _ => draft[name] = value.clone(),
            }
        }
        let path = format!("/storages/{}/sync-plans", self.storage);
        self.gateway.rest("POST", &path, Some(self.gateway.token()), Some(&draft))
    }

    /// A plan that is made, or has failed.
    pub(crate) fn plan(&self, more: &Value) -> Value {
        let (status, made) = self.ask(more);
        assert_eq!(status, 202, "{made}");
        self.planned(&made)
    }

    /// Waits for a plan.
    pub(crate) fn planned(&self, plan: &Value) -> Value {
        self.settled(&format!("/sync-plans/{}", id(plan)), &["planning"])
    }

    /// A plan below the same prefix of both sides.
    pub(crate) fn plan_below(&self, prefix: &str, more: &Value) -> Value {
        let mut draft = more.clone();
        draft["prefix"] = json!(prefix);
        draft["with"] = json!({"prefix": prefix});
        self.plan(&draft)
    }

    /// Starts a plan; the run.
    pub(crate) fn begin(&self, plan: &Value, more: &Value) -> Value {
        assert_eq!(plan["state"], "ready", "{plan}");
        self.gateway.admin("POST", &format!("/sync-plans/{}/run", id(plan)), Some(more))
    }

    /// Runs a plan to its end.
    pub(crate) fn run(&self, plan: &Value) -> Value {
        self.ended(&self.begin(plan, &json!({})))
    }

    /// Waits for a run to end.
    pub(crate) fn ended(&self, run: &Value) -> Value {
        self.settled(&format!("/sync-runs/{}", id(run)), &["waiting", "running", "settling"])
    }

    /// Runs a plan that must be done as it stands.
    pub(crate) fn done(&self, plan: &Value) -> Value {
        let run = self.run(plan);
        assert_eq!(run["state"], "done", "{run}\n{}", self.steps(&run));
        run
    }

    /// Takes a run back.
    pub(crate) fn undone(&self, run: &Value) -> Value {
        let plan = self.gateway.admin("POST", &format!("/sync-runs/{}/restore", id(run)), Some(&json!({})));
        let plan = self.planned(&plan);
        assert_eq!(plan["kind"], "restore", "{plan}");
        self.ended(&self.begin(&plan, &json!({"approve": Self::guards(&plan)})))
    }

    /// Something with a state, once it is none of these.
    pub(crate) fn settled(&self, path: &str, under_way: &[&str]) -> Value {
        self.until(path, |seen| !under_way.contains(&seen["state"].as_str().unwrap()))
    }

    /// Something, once this holds of it.
    pub(crate) fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.gateway.admin("GET", path, None);
            if holds(&seen) {
                return seen;
            }
            assert!(Instant::now() < end, "in vain: {path}: {seen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Every entry of a list with pages.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = self.gateway.admin("GET", &format!("{path}{join}limit=200{cursor}"), None);
            found.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", utf8_percent_encode(next, QUERY)),
                None => return found,
            }
        }
    }

    /// What a plan does with every key that it lists: key → (operation, reason).
    pub(crate) fn actions(&self, plan: &Value) -> BTreeMap<String, (String, String)> {
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let listed = self.all(&format!("/sync-plans/{}/actions", id(plan)));
        listed.iter().map(|one| (word(&one["key"]), (word(&one["op"]), word(&one["reason"])))).collect()
    }

    /// What has become of a run's keys, for the text of a failure and for more.
    pub(crate) fn steps(&self, run: &Value) -> Value {
        Value::Array(self.all(&format!("/sync-runs/{}/steps", id(run))))
    }

    /// The codes of the guards that a plan met.
    pub(crate) fn guards(plan: &Value) -> Vec<String> {
        let guards = plan["guards"].as_array().unwrap();
        let mut codes: Vec<String> =
            guards.iter().map(|guard| guard["code"].as_str().unwrap().to_owned()).collect();
        codes.sort();
        codes
    }
}

/// The id of whatever it is.
pub(crate) fn id(of: &Value) -> &str {
    of["id"].as_str().unwrap_or_else(|| panic!("no id: {of}"))
}

/// So many files below a folder, each with bytes of its own.
pub(crate) fn many(folder: &str, count: usize, what: &str) -> Files {
    (0..count)
        .map(|number| {
            let key = format!("{folder}/{:02}/{number:05}.txt", number % 37);
            (key, format!("{what} {number}").repeat(1 + number % 5).into_bytes())
        })
        .collect()
}
