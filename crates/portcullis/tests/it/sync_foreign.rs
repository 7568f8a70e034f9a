//! The same with servers that other people made: moto (a bucket that keeps versions, one that does not, archived objects, a wrong
//! clock) and SeaweedFS.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::tools;
use crate::first_files::rclone;
use crate::sync_rig::{Sync, id};
use crate::world::{Access, World, ok, run};

/// moto, in a process that also writes to its buckets for us without requests.
struct Lab {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    endpoint: String,
}

impl Lab {
    fn start(world: &World) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sync/serve.py");
        let mut child = Command::new(tools().join("python"))
            .arg(script)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", world.scratch("lab"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lab = Self { child, stdin, stdout, endpoint: String::new() };
        lab.endpoint = lab.line();
        lab
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the lab has ended: scripts/test installs what it needs");
        line.trim().to_owned()
    }

    fn ask(&mut self, asked: &Value) -> Value {
        writeln!(self.stdin, "{asked}").unwrap();
        serde_json::from_str(&self.line()).unwrap()
    }

    fn write(&mut self, bucket: &str, key: &str, text: &str) {
        self.ask(&json!({"do": "write", "bucket": bucket, "key": key, "text": text}));
    }

    fn files(&mut self, what: &str, bucket: &str) -> BTreeMap<String, String> {
        let found = self.ask(&json!({"do": what, "bucket": bucket}));
        serde_json::from_value(found).unwrap()
    }

    /// A new bucket, connected to the gateway; the storage's id.
    fn bucket(&mut self, gateway: &World, name: &str, versions: bool) -> String {
        self.ask(&json!({"do": "bucket", "bucket": name, "versions": versions}));
        let (access, secret) = ("LABLABLABLABLABLABLA", "lablablablablablablablablablablablablab");
        connect(gateway, name, &self.endpoint, access, secret)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn connect(gateway: &World, bucket: &str, endpoint: &str, access: &str, secret: &str) -> String {
    let form = json!({
        "name": bucket, "provider": "s3", "preset": "other", "endpoint": endpoint, "bucket": bucket,
        "access_key_id": access, "secret_access_key": secret,
    });
    let made = gateway.admin("POST", "/storages", Some(&form));
    id(&made).to_owned()
}

fn gateway() -> World {
    World::start_with(&["--allow-private-endpoints", "127.0.0.0/8"])
}

#[test]
fn moto_with_and_without_versions() {
    let gateway = gateway();
    let mut lab = Lab::start(&gateway);
    for versions in [false, true] {
        let (left, right) = (format!("left-{versions}"), format!("right-{versions}"));
        let storage = lab.bucket(&gateway, &left, versions);
        let bucket = lab.bucket(&gateway, &right, versions);
        let sync = Sync { gateway: &gateway, storage: &storage, bucket: &bucket };
        for number in 0..30 {
            lab.write(&left, &format!("left/{number}"), &format!("left {number}"));
            lab.write(&right, &format!("right/{number}"), &format!("right {number}"));
        }
        lab.write(&left, "conflict.txt", "the storage's");
        lab.write(&right, "conflict.txt", "the bucket's");
        sync.done(&sync.plan(&json!({})));
        let agreed = lab.files("files", &left);
        assert_eq!((agreed.len(), &agreed), (62, &lab.files("files", &right)));

        lab.write(&left, "left/1", "edited in the storage");
        lab.write(&right, "right/1", "edited in the bucket");
        lab.write(&right, "conflict.txt", "edited again in the bucket");
        for key in ["left/2", "right/2"] {
            lab.ask(&json!({"do": "delete", "bucket": left, "key": key}));
        }
        let before = [lab.files("files", &left), lab.files("files", &right)];
        let run = sync.done(&sync.plan(&json!({})));
        let after = [lab.files("files", &left), lab.files("files", &right)];
        assert_eq!(after[0], after[1]);
        assert_eq!(after[0].len(), 60);
        assert_eq!(after[0]["left/1"], "edited in the storage");
        assert_eq!(after[0]["right/1"], "edited in the bucket");
        // Five things were replaced or deleted, and one by the first run. Where nothing keeps versions they are below the
        // reserved prefix.
        let hidden = |lab: &mut Lab, bucket: &str| {
            let all = lab.files("everything", bucket);
            all.keys().filter(|key| key.starts_with(".portcullis/kept/")).count()
        };
        let kept = hidden(&mut lab, &left) + hidden(&mut lab, &right);
        assert_eq!(kept, if versions { 0 } else { 6 });
        assert_eq!(sync.all(&format!("/kept-versions?run={}", id(&run))).len(), 5);
        let undone = sync.undone(&run);
        assert_eq!(undone["state"], "done", "{undone} {}", sync.steps(&undone));
        assert_eq!([lab.files("files", &left), lab.files("files", &right)], before);
    }
}

#[test]
fn archived_objects_are_left_and_said_so() {
    let gateway = gateway();
    let mut lab = Lab::start(&gateway);
    let storage = lab.bucket(&gateway, "live", false);
    let bucket = lab.bucket(&gateway, "archive", false);
    let sync = Sync { gateway: &gateway, storage: &storage, bucket: &bucket };
    for (key, class) in [("deep.bin", "DEEP_ARCHIVE"), ("frozen.bin", "GLACIER"), ("warm.bin", "STANDARD_IA")]
    {
        lab.ask(&json!({"do": "write", "bucket": "archive", "key": key, "text": key, "class": class}));
    }
    lab.write("live", "frozen.bin", "FROZEN.BIN");
    let plan = sync.plan(&json!({}));
    let actions = sync.actions(&plan);
    let leave = ("leave".to_owned(), "archived".to_owned());
    assert_eq!((&actions["deep.bin"], &actions["frozen.bin"]), (&leave, &leave), "{plan}");
    assert_eq!(actions["warm.bin"].0, "write_to_storage", "{plan}");
    sync.run(&plan);
    let live = lab.files("files", "live");
    assert_eq!(live["warm.bin"], "warm.bin");
    assert_eq!((live.len(), live["frozen.bin"].as_str()), (2, "FROZEN.BIN"));
    assert_eq!(lab.files("files", "archive").len(), 3);
}

#[test]
fn a_clock_that_is_wrong() {
    let gateway = gateway();
    let mut lab = Lab::start(&gateway);
    let storage = lab.bucket(&gateway, "clock-left", false);
    let bucket = lab.bucket(&gateway, "clock-right", false);
    let sync = Sync { gateway: &gateway, storage: &storage, bucket: &bucket };
    lab.write("clock-left", "a.txt", "the storage's");
    lab.write("clock-right", "a.txt", "the bucket's, younger");
    // A minute off: nobody can say which is younger, so both stay.
    lab.ask(&json!({"do": "ahead", "seconds": 60}));
    let plan = sync.plan(&json!({"conflicts": "newest"}));
    assert_eq!(sync.actions(&plan)["a.txt"].0, "keep_both", "{plan}");
    // Ten minutes off: somebody should look at that clock.
    lab.ask(&json!({"do": "ahead", "seconds": 600}));
    let plan = sync.plan(&json!({"conflicts": "newest"}));
    let told = plan.to_string();
    assert!(told.contains("clock_skew"), "{told}");
    lab.ask(&json!({"do": "ahead", "seconds": 0}));
    let plan = sync.plan(&json!({"conflicts": "newest"}));
    assert_eq!(sync.actions(&plan)["a.txt"].0, "write_to_storage", "{plan}");
}

/// SeaweedFS with one bucket.
struct Weed {
    child: Child,
    endpoint: String,
    config: std::path::PathBuf,
}

impl Drop for Weed {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const WEED: (&str, &str) = ("TESTTESTTESTTESTTEST", "testtesttesttesttesttesttesttesttesttest");

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Weed {
    fn start(world: &World) -> Self {
        let dir = world.scratch("weed");
        let identities = json!({"identities": [{
            "name": "test", "credentials": [{"accessKey": WEED.0, "secretKey": WEED.1}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }]});
        fs::write(dir.join("s3.json"), identities.to_string()).unwrap();
        fs::create_dir_all(dir.join("data")).unwrap();
        let s3 = free_port();
        let mut command = Command::new(tools().join("weed"));
        command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer", "-volume.max=0"]);
        command.args(["-master.volumeSizeLimitMB=64".to_owned(), format!("-s3.port={s3}")]);
        for name in [
            "master.port",
            "volume.port",
            "filer.port",
            "master.port.grpc",
            "volume.port.grpc",
            "filer.port.grpc",
            "s3.port.grpc",
        ] {
            command.arg(format!("-{name}={}", free_port()));
        }
        command.arg(format!("-s3.config={}", dir.join("s3.json").display()));
        command.arg(format!("-dir={}", dir.join("data").display()));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &dir).current_dir(&dir);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let endpoint = format!("http://127.0.0.1:{s3}");
        let config = dir.join("rclone.conf");
        fs::write(
            &config,
            format!(
                "[weed]\ntype = s3\nprovider = SeaweedFS\nendpoint = {endpoint}\naccess_key_id = {}\nsecret_access_key = {}\nregion = us-east-1\n",
                WEED.0, WEED.1
            ),
        )
        .unwrap();
        let weed = Self { child, endpoint, config };
        let end = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", s3)).is_err()
            || !run(weed.rclone().args(["mkdir", "weed:files"])).status.success()
        {
            assert!(Instant::now() < end, "SeaweedFS does not make a bucket");
            thread::sleep(Duration::from_millis(100));
        }
        weed
    }

    fn rclone(&self) -> Command {
        rclone(tools().join("rclone").to_str().unwrap(), &self.config)
    }

    fn put(&self, world: &World, key: &str, text: &str) {
        let file = world.scratch("weed-files").join("file");
        fs::write(&file, text).unwrap();
        ok(self.rclone().arg("copyto").arg(&file).arg(format!("weed:files/{key}")));
    }
}

#[test]
fn seaweedfs_and_its_order() {
    let gateway = gateway();
    let weed = Weed::start(&gateway);
    let (storage, _) = gateway.storage("Ours");
    let own = gateway.key(&storage, "read_write");
    let bucket = connect(&gateway, "files", &weed.endpoint, WEED.0, WEED.1);
    let sync = Sync { gateway: &gateway, storage: &storage, bucket: &bucket };
    let seat = crate::sync_rig::Seat::new(&gateway, &own);
    for number in 0..20 {
        seat.put(&format!("ours/{number:02}.txt"), format!("ours {number}"));
    }
    weed.put(&gateway, "theirs/one.txt", "one of theirs");
    weed.put(&gateway, "both.txt", "theirs");
    seat.put("both.txt", "ours");
    let run = sync.done(&sync.plan(&json!({})));
    assert_eq!(seat.get("theirs/one.txt"), Some(b"one of theirs".to_vec()));
    let listed = ok(weed.rclone().args(["cat", "weed:files/ours/07.txt"]));
    assert_eq!(listed, "ours 7");
    assert_eq!(sync.plan(&json!({}))["totals"]["unchanged"], json!(23));
    assert_eq!(sync.undone(&run)["state"], "done");
    assert_eq!(seat.get("theirs/one.txt"), None);
    assert_eq!(ok(weed.rclone().args(["cat", "weed:files/both.txt"])), "theirs");

    // It lists a folder before what sorts before the folder's slash. Whoever merges lists must notice: there is no plan, or a right one.
    weed.put(&gateway, "order/a-b.txt", "before the slash");
    weed.put(&gateway, "order/a/b.txt", "after it");
    seat.put("order/a/c.txt", "ours");
    let before = seat.files("");
    let plan = sync.plan(&json!({}));
    if plan["state"] == "failed" {
        assert!(plan["told"].to_string().contains("never taken for an empty one"), "{plan}");
        assert!(seat.files("") == before);
    } else {
        sync.done(&plan);
        assert_eq!(seat.get("order/a-b.txt"), Some(b"before the slash".to_vec()));
        assert_eq!(seat.get("order/a/b.txt"), Some(b"after it".to_vec()));
        assert_eq!(sync.plan(&json!({}))["totals"]["unchanged"], json!(26));
    }
}

#[test]
fn a_bucket_that_may_only_be_read_is_no_target() {
    let provider = World::start();
    let gateway = gateway();
    let (at, _) = provider.storage("Read only");
    let key: Access = provider.key(&at, "read");
    let form = json!({
        "name": "Read only", "provider": "s3", "preset": "other", "endpoint": provider.s3, "bucket": key.bucket,
        "access_key_id": key.access_key, "secret_access_key": key.secret, "skip_check": true,
    });
    let bucket = id(&gateway.admin("POST", "/storages", Some(&form))).to_owned();
    let (storage, _) = gateway.storage("Ours");
    let own = gateway.key(&storage, "read_write");
    let seat = crate::sync_rig::Seat::new(&gateway, &own);
    seat.put("a.txt", "ours");
    let sync = Sync { gateway: &gateway, storage: &storage, bucket: &bucket };
    let plan = sync.plan(&json!({}));
    if plan["state"] == "ready" {
        let run = sync.run(&plan);
        assert_ne!(run["state"], "done", "{run}");
        let told = format!("{run} {}", sync.steps(&run));
        assert!(told.contains("failed"), "{told}");
    } else {
        assert!(!plan["told"].as_str().unwrap().is_empty(), "{plan}");
    }
    // As the source of a copy it is fine.
    let from = Sync { gateway: &gateway, storage: &bucket, bucket: &storage };
    let write = provider.key(&at, "read_write");
    crate::sync_rig::Seat::new(&provider, &write).put("b.txt", "theirs");
    from.done(&from.plan(&json!({"mode": "copy"})));
    assert_eq!(seat.get("b.txt"), Some(b"theirs".to_vec()));
}
