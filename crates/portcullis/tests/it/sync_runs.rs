//! A run under way: watched, paused, cancelled, ended with the server, begun by a job.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::sync_rig::{Rig, Sync, id, many};
use crate::world::{World, ok, refused};

/// Slow enough to be met under way: a file at a time, and a few of them each second.
fn slowly() -> Value {
    json!({"in_flight": 1, "bytes_per_second": 60_000})
}

/// Files that take such a run some seconds.
fn loaded(rig: &Rig) {
    let files = (0..60).map(|number| (format!("load/{number:03}.bin"), vec![number; 6_000])).collect();
    rig.left().fill(&files);
}

fn progress(run: &Value) -> u64 {
    run["files_done"].as_u64().unwrap()
}

#[test]
fn paused_resumed_cancelled_and_taken_back() {
    let rig = Rig::start();
    loaded(&rig);
    rig.right().put("theirs.txt", "only in the bucket");
    let plan = rig.sync().plan(&json!({}));
    let run = rig.sync().begin(&plan, &slowly());
    let path = format!("/sync-runs/{}", id(&run));
    // A plan is run once.
    let again = format!("/sync-plans/{}/run", id(&plan));
    let (status, answer) = rig.gateway.rest("POST", &again, Some(rig.gateway.token()), Some(&json!({})));
    assert_eq!(status, 409, "{answer}");
    rig.sync().until(&path, |run| progress(run) >= 3);
    rig.gateway.admin("POST", &format!("{path}/pause"), Some(&json!({})));
    let paused = rig.sync().settled(&path, &["waiting", "running"]);
    assert_eq!(paused["state"], "paused", "{paused}");
    let there = rig.right().tree("").len();
    // A stopped server changes nothing about that.
    let mut rig = rig;
    assert!(rig.gateway.stop().success());
    rig.gateway.boot();
    let still = rig.gateway.admin("GET", &path, None);
    assert_eq!((&still["state"], progress(&still)), (&json!("paused"), progress(&paused)), "{still}");
    assert_eq!(rig.right().tree("").len(), there);

    rig.gateway.admin("POST", &format!("{path}/resume"), Some(&json!({})));
    rig.sync().until(&path, |run| progress(run) > progress(&paused));
    rig.gateway.admin("POST", &format!("{path}/cancel"), Some(&json!({})));
    let cancelled = rig.sync().ended(&run);
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    let (done, all) = (rig.right().tree("load/").len(), 60);
    assert!(done > 0 && done < all, "some of it was done: {done}");
    // What was done is agreed on, the rest is in the next plan.
    let next = rig.sync().plan(&json!({}));
    let todo = next["totals"]["write"]["bucket"]["files"].as_u64().unwrap();
    assert_eq!(todo as usize, all - done, "{next}");
    let undone = rig.sync().undone(&cancelled);
    assert_eq!(undone["state"], "done", "{undone}");
    assert_eq!(rig.right().tree("load/").len(), 0);
    assert_eq!(rig.left().get("theirs.txt"), None);
    assert_eq!(rig.right().get("theirs.txt"), Some(b"only in the bucket".to_vec()));
    let (status, answer) =
        rig.gateway.rest("POST", &format!("{path}/pause"), Some(rig.gateway.token()), Some(&json!({})));
    assert_eq!(status, 409, "nothing to pause: {answer}");
}

#[test]
fn an_orderly_end_in_the_middle() {
    let mut rig = Rig::start();
    loaded(&rig);
    let plan = rig.sync().plan(&json!({}));
    let run = rig.sync().begin(&plan, &slowly());
    let path = format!("/sync-runs/{}", id(&run));
    let seen = rig.sync().until(&path, |run| progress(run) >= 3);
    assert!(rig.gateway.stop().success(), "SIGTERM ends with status 0, whatever runs");
    rig.gateway.boot();
    rig.sync().until(&path, |run| progress(run) > progress(&seen));
    let ended = rig.sync().ended(&run);
    assert_eq!((&ended["state"], progress(&ended)), (&json!("done"), 60), "{ended}");
    assert!(rig.left().files("load/") == rig.right().files("load/"));
}

#[test]
fn progress_is_told_while_it_happens() {
    let rig = Rig::start();
    loaded(&rig);
    let run = rig.sync().begin(&rig.sync().plan(&json!({})), &slowly());
    let events = events(&rig.gateway, &format!("/api/v1/sync-runs/{}/events", id(&run)));
    let (last, before) = events.split_last().unwrap();
    assert_eq!(last.0, "end", "{last:?}");
    let told: Vec<&Value> =
        before.iter().filter(|(name, _)| name == "progress").map(|(_, run)| run).collect();
    assert!(told.len() >= 2, "{events:?}");
    assert!(told.windows(2).all(|two| progress(two[0]) <= progress(two[1])), "{told:?}");
    // The first word may come too early for a rate: one takes two looks.
    let rated = |run: &&&Value| progress(run) < 60 && run["rate"].as_f64().unwrap() > 0.0;
    let under_way = told.iter().find(rated).unwrap_or_else(|| panic!("no rate: {told:?}"));
    assert!(under_way["seconds_left"].as_f64().is_some(), "{under_way}");
    rig.sync().ended(&run);
}

/// The events of a stream, until it ends.
fn events(world: &World, target: &str) -> Vec<(String, Value)> {
    let host = world.web.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n",
        world.token()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains("200"));
    assert!(
        lines.by_ref().take_while(|line| !line.is_empty()).any(|line| line.contains("text/event-stream"))
    );
    let (mut found, mut name) = (Vec::new(), String::new());
    for line in lines {
        if let Some(event) = line.strip_prefix("event:") {
            event.trim().clone_into(&mut name);
        } else if let Some(data) = line.strip_prefix("data:") {
            found.push((name.clone(), serde_json::from_str(data.trim()).unwrap_or(Value::Null)));
            if name == "end" {
                break;
            }
        }
    }
    found
}

#[test]
fn a_job_runs_by_itself_and_stops_where_a_plan_would_ask() {
    let rig = Rig::start();
    rig.left().fill(&many("files", 60, "file"));
    let job = json!({
        "name": "Every night", "storage": rig.storage.0, "with": {"storage": rig.bucket.0},
        "mode": "mirror", "schedule": {"cron": "15 3 * * *", "zone": "Europe/Vienna"},
    });
    let made = rig.gateway.admin("POST", "/sync-jobs", Some(&job));
    let path = format!("/sync-jobs/{}", id(&made));
    let next = made["schedule"]["next_at"].as_str().unwrap();
    assert!(next.contains("01:15") || next.contains("02:15") || next.contains("03:15"), "{made}");
    for (field, wrong) in [
        ("schedule", json!({"cron": "61 * * * *"})),
        ("schedule", json!({"cron": "often"})),
        ("schedule", json!({"cron": "0 0 * * *", "zone": "Atlantis/Capital"})),
        ("with", json!({"storage": rig.storage.0})),
        ("name", json!("")),
    ] {
        let mut job = job.clone();
        job[field] = wrong;
        let (status, answer) = rig.gateway.rest("POST", "/sync-jobs", Some(rig.gateway.token()), Some(&job));
        assert_eq!(status, 422, "{field}: {answer}");
        assert!(!answer["errors"].as_array().unwrap().is_empty(), "{field}: {answer}");
    }

    let now = |rig: &Rig| {
        rig.gateway.admin("POST", &format!("{path}/run"), Some(&json!({})));
        rig.sync().until(&path, |job| job["state"] == "waiting" || job["state"] == "stopped")
    };
    let done = now(&rig);
    assert_eq!(done["state"], "waiting", "{done}");
    assert_eq!(rig.right().tree("files/").len(), 60);
    // Half of it is suddenly gone from the source.
    for key in rig.left().tree("files/").keys().take(30) {
        rig.left().delete(key);
    }
    let stopped = now(&rig);
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    assert!(stopped["told"].as_str().unwrap().len() > 20, "it says why and what to press: {stopped}");
    assert_eq!(rig.right().tree("files/").len(), 60, "nothing was deleted");
    // Somebody looks at the plan and says that it is right.
    let plan =
        rig.gateway.admin("GET", &format!("/sync-plans/{}", stopped["last_plan"].as_str().unwrap()), None);
    let run = rig.sync().begin(&plan, &json!({"approve": Sync::guards(&plan)}));
    assert_eq!(rig.sync().ended(&run)["state"], "done");
    assert_eq!(rig.right().tree("files/").len(), 30);
    rig.sync().until(&path, |job| job["state"] == "waiting");

    // Every minute, and nobody asks for it.
    rig.left().put("files/by itself.txt", "by itself");
    change_job(&rig, &path, &json!({"schedule": {"cron": "* * * * *"}}));
    rig.sync().until(&path, |_| rig.right().get("files/by itself.txt").is_some());
    rig.sync().until(&path, |job| job["state"] == "waiting");
    change_job(&rig, &path, &json!({"enabled": false}));
    rig.gateway.admin("DELETE", &path, None);
}

/// Changes a job under the condition that it is as it was read.
fn change_job(rig: &Rig, path: &str, change: &Value) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = |method: &str| {
        ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", rig.gateway.web))
            .header("Authorization", format!("Bearer {}", rig.gateway.token()))
            .header("Content-Type", "application/json")
    };
    let read = agent.run(request("GET").body(()).unwrap()).unwrap();
    let tag = read.headers().get("etag").unwrap().to_str().unwrap().to_owned();
    let patch = |tag: &str| {
        agent.run(request("PATCH").header("If-Match", tag).body(change.to_string()).unwrap()).unwrap()
    };
    assert_eq!(patch("\"of another time\"").status(), 412, "somebody else changed it");
    let mut answer = patch(&tag);
    let text = answer.body_mut().read_to_string().unwrap();
    assert_eq!(answer.status(), 200, "{text}");
}

#[test]
fn by_the_command_line_alone() {
    let rig = Rig::start();
    rig.left().put("a.txt", "of the storage");
    rig.right().put("a.txt", "of the bucket");
    rig.right().put("b.txt", "of the bucket alone");
    let bearer = rig.gateway.admin(
        "POST",
        "/keys",
        Some(&json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    )["bearer"]
        .as_str()
        .unwrap()
        .to_owned();
    let call = |words: &[&str]| {
        let mut command = rig.gateway.command();
        command.env("PORTCULLIS_API_KEY", &bearer).args(words);
        command
    };
    let json = |words: &[&str]| -> Value {
        serde_json::from_str(&ok(call(words).arg("--json")))
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    };
    let told = refused(&mut call(&["sync", "plan", "Storage", "Nowhere"]));
    assert!(told.contains("Nowhere"), "{told}");
    let plan = json(&["sync", "plan", "Storage", "Bucket", "--conflicts", "ask", "--wait"]);
    let plan = id(&plan);
    let told = ok(&mut call(&["sync", "show", plan]));
    assert!(told.contains("Storage") && told.contains("Bucket") && told.contains("conflict"), "{told}");
    let csv = rig.gateway.scratch("csv").join("plan.csv");
    ok(call(&["sync", "actions", plan, "--csv"]).arg(&csv));
    let csv = std::fs::read_to_string(csv).unwrap();
    assert!(csv.lines().count() == 3 && csv.contains("a.txt,"), "{csv}");
    ok(&mut call(&["sync", "choose", plan, "--key", "a.txt", "storage"]));
    let told = ok(&mut call(&["sync", "run", plan, "--wait"]));
    assert!(told.contains("done") || told.contains("Done"), "{told}");
    assert_eq!(rig.right().get("a.txt"), Some(b"of the storage".to_vec()));
    let runs = json(&["sync", "runs"]);
    let run =
        runs.pointer("/items/0/id").or_else(|| runs.pointer("/0/id")).unwrap().as_str().unwrap().to_owned();
    let told = ok(&mut call(&["sync", "kept"]));
    assert!(told.contains("a.txt"), "{told}");
    ok(&mut call(&["sync", "restore", &run, "--wait"]));
    let plans = json(&["sync", "plans"]);
    let restore = plans.as_array().or_else(|| plans["items"].as_array()).unwrap();
    let restore = restore.iter().find(|plan| plan["kind"] == "restore").unwrap();
    ok(&mut call(&["sync", "run", id(restore), "--wait"]));
    assert_eq!(rig.right().get("a.txt"), Some(b"of the bucket".to_vec()));
    assert_eq!(rig.left().get("b.txt"), None);
}
