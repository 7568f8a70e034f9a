//! The command line of plans, runs, what is kept, and jobs: the real binary against a real server.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::world::{World, ok, run};

/// A server with two storages, and a key to administer them.
struct Sides {
    world: World,
    key: String,
    storage: String,
    bucket: String,
}

impl Sides {
    fn with(storage: &[(&str, &str)], bucket: &[(&str, &str)]) -> Self {
        let world = World::start();
        let given = json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"});
        let key = world.admin("POST", "/keys", Some(&given))["bearer"].as_str().unwrap().to_owned();
        let ((storage_id, _), (bucket_id, _)) = (world.storage("NAS"), world.storage("Archive"));
        let sides = Self { world, key, storage: storage_id, bucket: bucket_id };
        for (side, files) in [(&sides.storage, storage), (&sides.bucket, bucket)] {
            for (name, text) in files {
                sides.put(side, name, text);
            }
        }
        sides
    }

    fn call(&self, side: &str, method: &str, name: &str, body: &str) -> (u16, String) {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1/storages/{side}/file?key={name}", self.world.web))
            .header("Authorization", format!("Bearer {}", self.key));
        let mut answer = config.build().new_agent().run(request.body(body.to_owned()).unwrap()).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    fn put(&self, side: &str, name: &str, text: &str) {
        assert_eq!(self.call(side, "PUT", name, text).0, 200, "{name}");
    }

    fn get(&self, side: &str, name: &str) -> Option<String> {
        let (status, text) = self.call(side, "GET", name, "");
        (status == 200).then_some(text)
    }

    fn delete(&self, side: &str, name: &str) {
        assert_eq!(self.call(side, "DELETE", name, "").0, 204, "{name}");
    }

    /// `portcullis sync` with these words.
    fn sync(&self, words: &[&str]) -> Command {
        let mut command = self.world.command();
        command.env("PORTCULLIS_API_KEY", &self.key).arg("sync").args(words);
        command
    }

    /// What it answers as JSON.
    fn json(&self, words: &[&str]) -> Value {
        let told = ok(self.sync(words).arg("--json"));
        serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"))
    }

    /// The id of a plan that is made.
    fn plan(&self, words: &[&str]) -> String {
        let plan = self.json(&[&["plan", "NAS", "Archive", "--wait"], words].concat());
        assert_eq!(plan["state"], "ready", "{plan}");
        id(&plan)
    }
}

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

/// The code it ended with, and what it printed on both streams.
fn ended(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = run(command);
    let told = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code().unwrap(), told)
}

#[test]
fn two_storages_are_brought_together_and_taken_apart_again() {
    let sides = Sides::with(
        &[("both.txt", "alike"), ("here.txt", "from here"), ("other.txt", "mine"), ("%3Dsum.txt", "1")],
        &[("both.txt", "alike"), ("there.txt", "from there"), ("other.txt", "theirs")],
    );
    let told = ok(&mut sides.sync(&["plan", "NAS", "Archive", "--wait"]));
    for part in
        ["ready", "NAS", "Archive", "two_way", "written to the bucket", "kept from both", "ok  backup:"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let plan = sides.plan(&[]);
    let told = ok(&mut sides.sync(&["actions", &plan]));
    assert_eq!(told.lines().count(), 6, "{told}");
    assert!(told.contains("write_to_storage") && told.contains("conflict_new_new"), "{told}");
    assert!(told.contains("other (conflict storage "), "{told}");
    let told = ok(&mut sides.sync(&["actions", &plan, "--op", "agree", "--search", "BOTH"]));
    assert_eq!(told.lines().count(), 2, "{told}");
    let (_, told) = ended(&mut sides.sync(&["actions", &plan, "--limit", "2"]));
    assert!(told.contains("more than these 2"), "{told}");
    let file = sides.world.scratch("csv").join("plan.csv");
    ok(&mut sides.sync(&["actions", &plan, "--csv", file.to_str().unwrap()]));
    let csv = fs::read_to_string(&file).unwrap();
    assert!(csv.starts_with("seq,key,op,reason,") && csv.contains(",\"'=sum.txt\","), "{csv}");
    assert_eq!(csv, ok(&mut sides.sync(&["actions", &plan, "--csv", "-"])));
    let (code, told) = ended(&mut sides.sync(&["actions", &plan, "--csv", file.to_str().unwrap()]));
    assert!(code == 1 && told.contains("does not exist yet"), "{told}");

    let told = ok(&mut sides.sync(&["choose", &plan, "bucket", "--reason", "conflict_new_new"]));
    assert!(told.contains("written over in the storage"), "{told}");
    ok(&mut sides.sync(&["choose", &plan, "skip", "--prefix", "here"]));
    ok(&mut sides.sync(&["choose", &plan, "none", "--prefix", "here"]));
    assert_eq!(sides.json(&["show", &plan])["choices"].as_array().unwrap().len(), 1);

    let (code, told) = ended(&mut sides.sync(&["run", &plan, "--wait", "--in-flight", "2"]));
    assert_eq!(code, 0, "{told}");
    // No terminal: lines, and no bar that is drawn anew.
    assert!(told.contains("] 100 %") && told.contains("done") && !told.contains('\x1b'), "{told}");
    assert_eq!(sides.get(&sides.bucket, "here.txt").as_deref(), Some("from here"));
    assert_eq!(sides.get(&sides.storage, "other.txt").as_deref(), Some("theirs"));
    let runs = sides.json(&["runs"]);
    let first = id(&runs[0]);
    assert!(ok(&mut sides.sync(&["status", &first])).contains("1 files, 4 B, until "));
    assert!(ok(&mut sides.sync(&["watch", &first])).contains("done"));
    assert!(ok(&mut sides.sync(&["steps", &first, "--state", "done"])).contains("other.txt"));
    let told = ok(&mut sides.sync(&["kept", "--run", &first]));
    assert!(told.contains("other.txt") && told.contains("NAS: 1 files, 4 B"), "{told}");

    // One file first, then the whole run.
    let kept = id(&sides.json(&["kept", "--search", "other"])[0]);
    let back = sides.json(&["restore-file", &kept, "--wait"]);
    assert_eq!(back["kind"], "restore");
    ok(&mut sides.sync(&["run", &id(&back), "--wait"]));
    assert_eq!(sides.get(&sides.storage, "other.txt").as_deref(), Some("mine"));
    let back = sides.json(&["restore", &first, "--wait"]);
    ok(&mut sides.sync(&["run", &id(&back), "--wait"]));
    assert_eq!(sides.get(&sides.bucket, "here.txt"), None);
    assert_eq!(sides.get(&sides.storage, "there.txt"), None);
    assert_eq!(sides.get(&sides.bucket, "there.txt").as_deref(), Some("from there"));
}

#[test]
fn the_code_says_how_it_went() {
    let names: Vec<_> = (0..30).map(|n| format!("{n}.txt")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "text")).collect();
    let sides = Sides::with(&files, &[]);
    // A run that finds a file changed does the rest, and says so.
    let plan = sides.plan(&["--mode", "copy"]);
    sides.put(&sides.bucket, "7.txt", "somebody else's");
    let (code, told) = ended(&mut sides.sync(&["run", &plan, "--wait"]));
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("partial") && told.contains("1 files were changed by others"), "{told}");
    assert_eq!(sides.get(&sides.bucket, "7.txt").as_deref(), Some("somebody else's"));
    assert_eq!(sides.get(&sides.bucket, "8.txt").as_deref(), Some("text"));
    sides.put(&sides.bucket, "7.txt", "text");
    ok(&mut sides.sync(&["run", &sides.plan(&[]), "--wait"]));

    // A guard asks for somebody.
    names.iter().for_each(|name| sides.delete(&sides.storage, name));
    let (code, told) = ended(&mut sides.sync(&["plan", "NAS", "Archive", "--wait"]));
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("GUARD emptied") && told.contains("--approve mass_deletion"), "{told}");
    let plan = id(&sides.json(&["plans"])[0]);
    let (code, told) = ended(&mut sides.sync(&["run", &plan, "--approve", "emptied", "--wait"]));
    assert!(code == 3 && told.contains("mass_deletion"), "{code}: {told}");
    assert_eq!(sides.get(&sides.bucket, "8.txt").as_deref(), Some("text"), "nothing was done");
    ok(&mut sides.sync(&["run", &plan, "--approve", "emptied", "--approve", "mass_deletion", "--wait"]));
    assert_eq!(sides.get(&sides.bucket, "8.txt"), None);

    for (words, expected, said) in [
        (&["plan", "NAS"][..], 2, "OTHER"),
        (&["plan", "NAS", "Archive", "--mode", "both"], 2, "two_way"),
        (&["choose", &plan, "skip"], 2, "--key"),
        (&["job", "create", "x", "NAS", "Archive", "--zone", "UTC"], 2, "--cron"),
        (&["plan", "NAS", "NAS"], 1, "with.prefix"),
        (&["plan", "NAS", "Nowhere"], 1, "no storage \"Nowhere\""),
        (&["plan", "NAS", "Archive", "--keep-days", "0"], 1, "keep_days"),
        (&["show", "01924f5c-0000-7000-8000-000000000000"], 1, "request id"),
        (&["show", "a/../b"], 1, "request id"),
        (&["watch", "01924f5c-0000-7000-8000-000000000000"], 1, "request id"),
        (&["actions", &plan, "--op", "x"], 1, "op"),
        (&["run", &plan], 1, "request id"),
        (&["cancel", &id(&sides.json(&["runs"])[0])], 1, "request id"),
        (&["job", "run", "nightly"], 1, "no job \"nightly\""),
    ] {
        let (code, told) = ended(&mut sides.sync(words));
        assert_eq!(code, expected, "{words:?}: {told}");
        assert!(told.contains(said), "{words:?}: {told}");
    }
    let plan = sides.json(&["plan", "NAS", "Archive"]);
    ok(&mut sides.sync(&["discard", &id(&plan)]));
    assert_eq!(sides.json(&["show", &id(&plan)])["state"], "discarded");
}

#[test]
fn jobs_run_and_are_stopped() {
    let names: Vec<_> = (0..30).map(|n| format!("{n}.txt")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "text")).collect();
    let sides = Sides::with(&files, &[]);
    let told = ok(&mut sides.sync(&[
        "job",
        "create",
        "nightly",
        "NAS",
        "Archive",
        "--mode",
        "mirror",
        "--cron",
        "15 3 * * *",
        "--zone",
        "Europe/Vienna",
        "--bytes-per-second",
        "5000000",
    ]));
    assert!(told.contains("15 3 * * * (Europe/Vienna)") && told.contains("waiting"), "{told}");
    let job = sides.json(&["job", "show", "nightly"]);
    assert_eq!((&job["bytes_per_second"], &job["conflicts"]), (&json!(5_000_000), &json!("storage")));
    let (code, told) = ended(&mut sides.sync(&["job", "run", "nightly", "--wait"]));
    assert_eq!(code, 0, "{told}");
    assert_eq!(sides.get(&sides.bucket, "7.txt").as_deref(), Some("text"));
    // With nothing to do it is done at once.
    let (code, told) = ended(&mut sides.sync(&["job", "run", "nightly", "--wait"]));
    assert_eq!(code, 0, "{told}");
    names.iter().for_each(|name| sides.delete(&sides.storage, name));
    let (code, told) = ended(&mut sides.sync(&["job", "run", "nightly", "--wait"]));
    assert!(code == 3 && told.contains("GUARD"), "{code}: {told}");
    assert_eq!(sides.get(&sides.bucket, "7.txt").as_deref(), Some("text"), "nothing was done");
    let told = ok(&mut sides.sync(&["job", "list"]));
    assert!(told.lines().count() == 2 && told.contains("stopped"), "{told}");
    let told = ok(&mut sides.sync(&[
        "job",
        "update",
        "nightly",
        "--enabled",
        "true",
        "--cron",
        "never",
        "--name",
        "by hand",
        "--in-flight",
        "2",
    ]));
    assert!(told.contains("by hand") && told.contains("waiting"), "{told}");
    let told = ok(&mut sides.sync(&["job", "update", "by hand", "--cron", "0 4 1 * *"]));
    assert!(told.contains("0 4 1 * * (UTC)"), "{told}");
    ok(&mut sides.sync(&["job", "delete", "by hand"]));
    assert_eq!(sides.json(&["job", "list"]), json!([]));
    assert_eq!(sides.json(&["runs"]).as_array().unwrap().len(), 1, "what was done stays known");
}

/// On a terminal there is a bar that is drawn anew, and taken away at the end.
#[test]
fn a_terminal_has_a_bar() {
    let sides = Sides::with(&[("a.txt", "a"), ("b.txt", "b")], &[]);
    let plan = sides.plan(&["--mode", "copy"]);
    let mut script = Command::new("script");
    script.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm");
    script.env("HOME", sides.world.scratch("home")).env("PORTCULLIS_SERVER", &sides.world.web);
    script.env("PORTCULLIS_API_KEY", &sides.key).env("SHELL", "/bin/sh");
    let call = format!("'{}' sync run {plan} --wait", crate::world::binary());
    script.args(["--quiet", "--return", "--command", &call, "/dev/null"]);
    let told = ok(&mut script);
    assert!(told.contains("\r\x1b[2K[") && told.contains(" files  "), "{told:?}");
    let (bar, rest) = told.rsplit_once("\r\x1b[2K").unwrap();
    assert!(!bar.is_empty() && rest.starts_with("Run ") && rest.contains("2 of 2"), "{told:?}");
}

/// Who follows a run is not disturbed by a server that is killed and starts again.
#[test]
fn a_server_that_is_killed_is_waited_for() {
    let text = "x".repeat(200_000);
    let names: Vec<_> = (0..40).map(|n| format!("{n:02}.bin")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let mut sides = Sides::with(&files, &[]);
    let plan = sides.plan(&["--mode", "copy"]);
    // Slow enough to be in the middle when the server goes.
    let words = ["run", &plan, "--wait", "--json", "--in-flight", "2", "--bytes-per-second", "1000000"];
    sides.world.keep_ports();
    let mut command = sides.sync(&words);
    let followed = std::thread::spawn(move || ended(&mut command));
    while sides.get(&sides.bucket, "03.bin").is_none() {
        std::thread::yield_now();
    }
    sides.world.kill();
    sides.world.boot();
    let (code, told) = followed.join().unwrap();
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("\"state\": \"done\""), "{told}");
    for name in &names {
        assert_eq!(sides.get(&sides.bucket, name).map(|text| text.len()), Some(200_000), "{name}");
    }
}
