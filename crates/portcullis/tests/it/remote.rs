//! Storages in an outside bucket: a gateway in front of another server, with the tools that people use.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::tools;
use crate::first_files::{rclone, rclone_config};
use crate::world::{Access, World, ok, plant, refused, run};

/// A provider with a bucket, and a gateway that may reach it.
struct Pair {
    provider: World,
    gateway: World,
    bucket: Access,
}

impl Pair {
    fn start() -> Self {
        let mut provider = World::start();
        provider.keep_ports();
        let (storage, _) = provider.storage("Provider's bucket");
        let bucket = provider.key(&storage, "read_write");
        let gateway = World::start_with(&["--allow-private-endpoints", "127.0.0.0/8"]);
        Self { provider, gateway, bucket }
    }

    /// What an admin fills in.
    fn form(&self) -> Value {
        json!({
            "name": "Remote",
            "provider": "s3",
            "preset": "other",
            "endpoint": self.provider.s3,
            "bucket": self.bucket.bucket,
            "access_key_id": self.bucket.access_key,
            "secret_access_key": self.bucket.secret,
        })
    }

    fn with(&self, field: &str, value: impl Into<Value>) -> Value {
        let mut form = self.form();
        form[field] = value.into();
        form
    }

    fn connect(&self) -> String {
        let made = self.gateway.admin("POST", "/storages", Some(&self.form()));
        made["id"].as_str().unwrap().to_owned()
    }

    fn create(&self, form: &Value) -> (u16, Value) {
        self.gateway.rest("POST", "/storages", Some(self.gateway.token()), Some(form))
    }

    fn steps(&self, form: &Value) -> Vec<Value> {
        let mut form = form.clone();
        form.as_object_mut().unwrap().remove("name");
        let answer = self.gateway.admin("POST", "/storages/test-connection", Some(&form));
        answer["steps"].as_array().unwrap().clone()
    }

    /// The first step that fails, with what to do about it.
    fn failing(&self, form: &Value) -> (String, String) {
        let steps = self.steps(form);
        let failed = steps.iter().find(|step| step["ok"] == false).unwrap_or_else(|| panic!("{steps:?}"));
        let advice = failed["advice"].as_str().unwrap();
        assert!(!advice.is_empty(), "{failed}");
        (failed["name"].as_str().unwrap().to_owned(), format!("{} {advice}", failed["detail"]))
    }
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn tools_work_through_the_gateway_as_far_as_the_key_goes() {
    let pair = Pair::start();
    // The bucket holds data already.
    let program = "rclone";
    let direct = rclone_config(&pair.provider, &pair.bucket, "direct");
    let tree = pair.gateway.scratch("tree");
    plant(&tree);
    ok(rclone(program, &direct).arg("copy").arg(&tree).arg(format!("gate:{}/before", pair.bucket.bucket)));

    let storage = pair.connect();
    let [admin, reader, writer] =
        ["read_write", "read", "write"].map(|permission| pair.gateway.key(&storage, permission));
    let through = rclone_config(&pair.gateway, &admin, "through");
    let gate = format!("gate:{}", admin.bucket);
    // What was there before is seen, byte for byte.
    ok(rclone(program, &through).args(["check", "--download"]).arg(&tree).arg(format!("{gate}/before")));
    // And the other way round; parts are the client's.
    ok(rclone(program, &through)
        .args(["--s3-chunk-size", "5M", "--s3-upload-cutoff", "5M", "copy"])
        .arg(&tree)
        .arg(format!("{gate}/after")));
    ok(rclone(program, &direct)
        .args(["check", "--download"])
        .arg(&tree)
        .arg(format!("gate:{}/after", pair.bucket.bucket)));
    // What other tools write is there at once.
    ok(rclone(program, &direct)
        .arg("copyto")
        .arg(tree.join("plain.txt"))
        .arg(format!("gate:{}/behind.txt", pair.bucket.bucket)));
    assert!(ok(rclone(program, &through).arg("lsf").arg(&gate)).contains("behind.txt"));
    ok(rclone(program, &through)
        .arg("moveto")
        .arg(format!("{gate}/behind.txt"))
        .arg(format!("{gate}/moved.txt")));

    let reading = rclone_config(&pair.gateway, &reader, "reading");
    ok(rclone(program, &reading).args(["check"]).arg(&tree).arg(format!("{gate}/after")));
    let told = refused(rclone(program, &reading).arg("delete").arg(&gate));
    assert!(told.contains("AccessDenied"), "{told}");
    let writing = rclone_config(&pair.gateway, &writer, "writing");
    let told = refused(rclone(program, &writing).arg("lsf").arg(&gate));
    assert!(told.contains("AccessDenied"), "{told}");

    // The provider's own answers about other buckets do not come through.
    let told = refused(rclone(program, &through).arg("lsf").arg("gate:usr-99999-itm-99999-other"));
    assert!(told.contains("AccessDenied"), "{told}");
    ok(rclone(program, &through).arg("delete").arg(&gate));
    assert_eq!(ok(rclone(program, &direct).arg("lsf").arg(format!("gate:{}", pair.bucket.bucket))), "");
}

#[test]
fn aws_works_through_the_gateway() {
    let pair = Pair::start();
    let storage = pair.connect();
    let key = pair.gateway.key(&storage, "read_write");
    let tree = pair.gateway.scratch("tree");
    plant(&tree);
    let aws = || {
        let mut command = std::process::Command::new(tools().join("aws"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", pair.gateway.scratch("home")).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", &key.access_key).env("AWS_SECRET_ACCESS_KEY", &key.secret);
        command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_MAX_ATTEMPTS", "1");
        command.args(["--endpoint-url", &pair.gateway.s3]);
        command
    };
    let gate = format!("s3://{}", key.bucket);
    ok(aws().args(["s3", "sync", "--only-show-errors"]).arg(&tree).arg(&gate));
    let back = pair.gateway.scratch("back");
    ok(aws().args(["s3", "sync", "--only-show-errors"]).arg(&gate).arg(&back));
    ok(std::process::Command::new("diff").arg("-r").arg(&tree).arg(&back));
    // Who comes second is told so, by the provider's own decision.
    let call = |name: &str| {
        let mut command = aws();
        command.args([
            "s3api",
            "put-object",
            "--bucket",
            &key.bucket,
            "--key",
            name,
            "--if-none-match",
            "*",
            "--body",
        ]);
        command.arg(tree.join("plain.txt"));
        command
    };
    ok(&mut call("lock"));
    let told = refused(&mut call("lock"));
    assert!(told.contains("PreconditionFailed"), "{told}");
}

#[test]
fn a_provider_that_goes_and_comes_back() {
    let mut pair = Pair::start();
    let storage = pair.connect();
    let key = pair.gateway.key(&storage, "read_write");
    let config = rclone_config(&pair.gateway, &key, "config");
    let file = pair.gateway.scratch("files").join("a.txt");
    fs::write(&file, "a").unwrap();
    let target = format!("gate:{}/a.txt", key.bucket);
    ok(rclone("rclone", &config).arg("copyto").arg(&file).arg(&target));

    pair.provider.stop();
    let begun = Instant::now();
    let told = refused(
        rclone("rclone", &config)
            .args(["--retries", "1", "--low-level-retries", "1"])
            .arg("cat")
            .arg(&target),
    );
    assert!(told.contains("SlowDown") || told.contains("503"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let shown = |field: &str| pair.gateway.admin("GET", &format!("/storages/{storage}"), None)[field].clone();
    assert_eq!(shown("health"), "unreachable");

    pair.provider.boot();
    wait_for("the provider answers again", || {
        run(rclone("rclone", &config)
            .args(["--retries", "1", "--low-level-retries", "1"])
            .arg("cat")
            .arg(&target))
        .stdout
            == b"a"
    });
    wait_for("the panel knows", || shown("health") == "reachable");
}

#[test]
fn every_mistake_says_what_to_do() {
    let pair = Pair::start();
    for (form, step, word) in [
        (pair.with("secret_access_key", "wrong"), "credentials", "secret"),
        (pair.with("access_key_id", "PC00000000000000000Z"), "credentials", "key"),
        (pair.with("endpoint", "http://127.0.0.1:1"), "tcp", ""),
        (pair.with("endpoint", "http://localhost.invalid:9000"), "name", ""),
    ] {
        let (failed, told) = pair.failing(&form);
        assert_eq!(failed, step, "{told}");
        assert!(told.to_lowercase().contains(word), "{told}");
        // What does not work does not become a storage.
        let (status, answer) = pair.create(&form);
        assert_eq!(status, 422, "{answer}");
    }
    for (field, value) in [
        ("endpoint", "https://s3.example.com/bucket"),
        ("endpoint", "https://user:pass@s3.example.com"),
        ("endpoint", "ftp://s3.example.com"),
        ("bucket", "A bucket"),
        ("bucket", ""),
        ("access_key_id", ""),
        ("preset", "aws"),
    ] {
        let (status, answer) = pair.create(&pair.with(field, value));
        assert_eq!(status, 422, "{field} {value}: {answer}");
        assert_eq!(answer["errors"][0]["field"], field, "{value}: {answer}");
        assert!(!answer.to_string().contains(&pair.bucket.secret));
    }
    // A place is connected once, unless that is meant.
    pair.connect();
    let (status, answer) = pair.create(&pair.form());
    assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!("bucket")), "{answer}");
    assert!(answer.to_string().contains("Remote"), "{answer}");
    let (status, answer) = pair.create(&pair.with("share_bucket", true));
    assert_eq!(status, 201, "{answer}");
    // The probe writes only when it is asked to.
    let mut form = pair.form();
    assert!(pair.steps(&form).iter().all(|step| step["ok"] == true && step["name"] != "write"));
    form["write_probe"] = json!(true);
    assert!(pair.steps(&form).iter().any(|step| step["ok"] == true && step["name"] == "write"));
}

#[test]
fn the_gateways_own_network_is_out_of_reach() {
    let provider = World::start();
    let (storage, _) = provider.storage("Bucket");
    let key = provider.key(&storage, "read_write");
    let gateway = World::start();
    for endpoint in
        [provider.s3.as_str(), "http://169.254.169.254", "http://[::ffff:127.0.0.1]:80", "http://localhost:1"]
    {
        let form = json!({
            "name": "Inside", "provider": "s3", "endpoint": endpoint, "bucket": key.bucket,
            "access_key_id": key.access_key, "secret_access_key": key.secret,
        });
        let (status, answer) = gateway.rest("POST", "/storages", Some(gateway.token()), Some(&form));
        assert_eq!(
            (status, &answer["errors"][0]["field"]),
            (422, &json!("endpoint")),
            "{endpoint}: {answer}"
        );
        assert!(answer.to_string().contains("allow_private_endpoints"), "{answer}");
    }
    assert!(!provider.log().contains("denied"), "nothing reached the other server");
}

#[test]
fn the_providers_secret_is_nowhere() {
    let pair = Pair::start();
    let storage = pair.connect();
    let answers = [
        pair.gateway.admin("GET", &format!("/storages/{storage}"), None),
        pair.gateway.admin("GET", "/audit-events", None),
        pair.gateway.admin("POST", &format!("/storages/{storage}/test"), Some(&json!({"write_probe": true}))),
        pair.create(&pair.with("secret_access_key", format!("{}x", pair.bucket.secret))).1,
    ];
    let secret = pair.bucket.secret.as_str();
    assert!(answers.iter().all(|answer| !answer.to_string().contains(secret)));
    assert!(!pair.gateway.log().contains(secret));
    for entry in fs::read_dir(pair.gateway.data_dir()).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}", entry.path().display());
        }
    }
}

#[test]
fn credentials_are_replaced_when_the_new_ones_work() {
    let pair = Pair::start();
    let storage = pair.connect();
    let key = pair.gateway.key(&storage, "read_write");
    let config = rclone_config(&pair.gateway, &key, "config");
    let (provider_storage, _) = pair.provider.storage("Another");
    let wrong = pair.provider.key(&provider_storage, "read_write");
    let path = format!("/storages/{storage}");
    let change = |id: &str, secret: &str| {
        let body = json!({"access_key_id": id, "secret_access_key": secret});
        pair.gateway.rest("PATCH", &path, Some(pair.gateway.token()), Some(&body))
    };
    // A key that does not open this bucket is not taken; the old one goes on.
    assert_eq!(change(&wrong.access_key, &wrong.secret).0, 422);
    ok(rclone("rclone", &config).arg("lsf").arg(format!("gate:{}", key.bucket)));
    assert_eq!(
        pair.gateway.rest("PATCH", &path, Some(pair.gateway.token()), Some(&json!({"access_key_id": "x"}))).0,
        422
    );
    let keys = pair.provider.admin("GET", "/keys", None);
    let old = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["access_key"] == pair.bucket.access_key.as_str());
    let bucket_storage = old.unwrap()["scope"]["storage"].as_str().unwrap().to_owned();
    let fresh = pair.provider.key(&bucket_storage, "read_write");
    assert_eq!(change(&fresh.access_key, &fresh.secret).0, 200);
    pair.provider.admin("DELETE", &format!("/keys/{}", old.unwrap()["id"].as_str().unwrap()), None);
    ok(rclone("rclone", &config).arg("lsf").arg(format!("gate:{}", key.bucket)));
}

#[test]
fn what_a_bucket_holds_is_counted_and_bounded() {
    let pair = Pair::start();
    let mut form = pair.form();
    form["quota_bytes"] = json!(10);
    form["bucket"] = json!(format!("{}/part/", pair.bucket.bucket));
    let made = pair.gateway.admin("POST", "/storages", Some(&form));
    let key = pair.gateway.key(made["id"].as_str().unwrap(), "read_write");
    let config = rclone_config(&pair.gateway, &key, "config");
    let files = pair.gateway.scratch("files");
    fs::write(files.join("six"), "123456").unwrap();
    ok(rclone("rclone", &config).arg("copy").arg(&files).arg(format!("gate:{}/one", key.bucket)));
    let told = refused(
        rclone("rclone", &config)
            .args(["--retries", "1"])
            .arg("copy")
            .arg(&files)
            .arg(format!("gate:{}/two", key.bucket)),
    );
    assert!(told.contains("Quota") || told.contains("quota"), "{told}");
    let shown = pair.gateway.admin("GET", &format!("/storages/{}", made["id"].as_str().unwrap()), None);
    assert_eq!(
        (&shown["used_bytes"], &shown["files"], &shown["available_bytes"]),
        (&json!(6), &json!(1), &json!(4))
    );
    // The storage is the part of the bucket, and nothing beside it.
    let direct = rclone_config(&pair.provider, &pair.bucket, "direct");
    let listed =
        ok(rclone("rclone", &direct).args(["lsf", "-R"]).arg(format!("gate:{}", pair.bucket.bucket)));
    assert!(listed.contains("part/one/six") && !listed.contains("two"), "{listed}");
}
