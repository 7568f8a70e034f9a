//! Runs: begun, paused, ended, taken back.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Pair, at, column};

#[tokio::test]
async fn a_run_does_what_the_plan_says_and_is_taken_back() {
    let pair = Pair::with(
        &[("both.txt", "alike"), ("here.txt", "from here"), ("other.txt", "mine")],
        &[("both.txt", "alike"), ("there.txt", "from there"), ("other.txt", "theirs")],
    )
    .await;
    let mut given = pair.terms("two_way");
    given["conflicts"] = json!("storage");
    let plan = pair.plan(&given).await;
    let answer = pair.post(&format!("{}/run", at("sync-plans", &plan)), &json!({"in_flight": 4})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let begun = answer.json();
    assert_eq!(answer.header("location"), at("sync-runs", &begun));
    assert_eq!((&begun["state"], &begun["plan"]), (&json!("waiting"), &plan["id"]));
    pair.world.round().await;
    let run = pair.world.get(&at("sync-runs", &begun)).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!((&run["failed"], &run["changed"], &run["kept"]["files"]), (&json!(0), &json!(0), &json!(1)));
    assert_eq!(run["files_done"], run["files_total"]);
    assert!(run["restorable_until"].is_string() && run["ended_at"].is_string(), "{run}");
    assert_eq!(pair.get(&pair.bucket, "here.txt").await.as_deref(), Some("from here"));
    assert_eq!(pair.get(&pair.storage, "there.txt").await.as_deref(), Some("from there"));
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("mine"));
    let steps = pair.world.get(&format!("{}/steps?state=done", at("sync-runs", &run))).await;
    assert!(column(&steps, "key").contains(&"other.txt".to_owned()), "{steps}");
    assert_eq!(pair.world.get(&at("sync-plans", &plan)).await["run"], run["id"]);
    assert_eq!(
        column(&pair.world.get("/api/v1/sync-runs?state=done").await, "id"),
        [run["id"].as_str().unwrap()]
    );

    // The same again has nothing to do.
    let again = pair.plan(&given).await;
    assert_eq!(again["totals"]["unchanged"], 4, "{again}");
    let unchanged = pair.world.get(&format!("{}/actions?op=unchanged", at("sync-plans", &again))).await;
    assert_eq!(unchanged["items"].as_array().unwrap().len(), 4);

    // And back.
    let back = pair.post(&format!("{}/restore", at("sync-runs", &run)), &json!({})).await;
    assert_eq!(back.status, StatusCode::ACCEPTED, "{back:?}");
    let back = pair.made(&back.json()).await;
    assert_eq!((&back["kind"], &back["restores"]), (&json!("restore"), &run["id"]));
    let undone = pair.run(&back).await;
    assert_eq!(undone["state"], "done", "{undone}");
    assert_eq!(pair.get(&pair.bucket, "here.txt").await, None);
    assert_eq!(pair.get(&pair.storage, "there.txt").await, None);
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("theirs"));
    assert_eq!(pair.get(&pair.storage, "other.txt").await.as_deref(), Some("mine"));
}

#[tokio::test]
async fn guards_are_approved_by_name() {
    let files: Vec<_> = (0..40).map(|n| (format!("{n}.txt"), format!("file {n}"))).collect();
    let files: Vec<_> = files.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let pair = Pair::with(&files, &[]).await;
    assert_eq!(pair.run(&pair.plan(&pair.terms("two_way")).await).await["state"], "done");
    for (key, _) in &files {
        let path = format!("/api/v1/storages/{}/file?key={key}", pair.storage);
        pair.world.admin("DELETE", &path).send().await;
    }
    let plan = pair.plan(&pair.terms("two_way")).await;
    let codes: Vec<_> =
        plan["guards"].as_array().unwrap().iter().map(|guard| guard["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"emptied") && codes.contains(&"mass_deletion"), "{plan}");
    assert!(plan["guards"][0]["press"].as_str().is_some_and(|press| press.len() > 20), "{plan}");
    let path = format!("{}/run", at("sync-plans", &plan));
    for given in [json!({}), json!({"approve": ["emptied"]}), json!({"approve": ["everything"]})] {
        let answer = pair.post(&path, &given).await;
        assert!(answer.fields().iter().all(|field| field == "approve"), "{given}: {answer:?}");
    }
    let missing = pair.post(&path, &json!({"approve": ["emptied"]})).await;
    assert!(String::from_utf8_lossy(&missing.body).contains("mass_deletion"), "{missing:?}");
    for (given, field) in [
        (json!({"approve": codes, "in_flight": 0}), "in_flight"),
        (json!({"approve": codes, "in_flight": 1000}), "in_flight"),
        (json!({"approve": codes, "bytes_per_second": 0}), "bytes_per_second"),
        (json!({"approve": codes, "force": true}), "force"),
        (json!({"approve": "all"}), "approve"),
    ] {
        assert_eq!(pair.post(&path, &given).await.fields(), [field], "{given}");
    }
    assert_eq!(pair.get(&pair.bucket, "7.txt").await.as_deref(), Some("file 7"), "nothing was done");
    let run = pair.begin(&plan, &json!({"approve": codes})).await;
    pair.world.round().await;
    let run = pair.world.get(&at("sync-runs", &run)).await;
    assert_eq!((&run["state"], &run["kept"]["files"]), (&json!("done"), &json!(40)), "{run}");
    assert_eq!(pair.get(&pair.bucket, "7.txt").await, None);
}

#[tokio::test]
async fn a_call_that_is_sent_twice_begins_one_thing() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let named = async |path: &str, name: &str, given: &Value| {
        pair.world.admin("POST", path).header("idempotency-key", name).json(given).send().await
    };
    let plans = format!("/api/v1/storages/{}/sync-plans", pair.storage);
    let first = named(&plans, "one", &pair.terms("copy")).await;
    let again = named(&plans, "one", &pair.terms("copy")).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (StatusCode::ACCEPTED, "true"),
        "{again:?}"
    );
    assert_eq!(
        (again.json()["id"].clone(), again.header("location")),
        (first.json()["id"].clone(), first.header("location"))
    );
    assert_eq!(named(&plans, "one", &pair.terms("mirror")).await.fields(), ["Idempotency-Key"]);
    assert_eq!(pair.world.get("/api/v1/sync-plans").await["items"].as_array().unwrap().len(), 1);
    let plan = pair.made(&first.json()).await;
    let run = format!("{}/run", at("sync-plans", &plan));
    let first = named(&run, "two", &json!({})).await;
    pair.world.round().await;
    let again = named(&run, "two", &json!({})).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (StatusCode::ACCEPTED, "true"),
        "{again:?}"
    );
    assert_eq!(again.json()["id"], first.json()["id"]);
    assert_eq!(again.json()["state"], "done", "as it is now");
    // Without a name it is another call, and a plan is run once.
    let other = pair.post(&run, &json!({})).await;
    assert!(other.status.is_client_error(), "{other:?}");
    assert_eq!(pair.world.get("/api/v1/sync-runs").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_is_paused_resumed_and_cancelled() {
    let pair = Pair::with(&[("a", "1"), ("b", "2")], &[]).await;
    let plan = pair.plan(&pair.terms("copy")).await;
    let run = pair.begin(&plan, &json!({})).await;
    let act = async |verb: &str| pair.post(&format!("{}/{verb}", at("sync-runs", &run)), &json!({})).await;
    let paused = act("pause").await;
    assert_eq!(paused.status, StatusCode::OK, "{paused:?}");
    assert_eq!(paused.json()["wish"], "pause");
    pair.world.round().await;
    let waits = pair.world.get(&at("sync-runs", &run)).await;
    assert!(["paused", "waiting"].contains(&waits["state"].as_str().unwrap()), "{waits}");
    assert_eq!(pair.get(&pair.bucket, "a").await, None);
    let resumed = act("resume").await;
    assert_eq!(
        (resumed.status, resumed.json()["wish"].clone()),
        (StatusCode::OK, json!("go")),
        "{resumed:?}"
    );
    act("pause").await;
    assert_eq!(act("cancel").await.status, StatusCode::OK);
    pair.world.round().await;
    let ended = pair.world.get(&at("sync-runs", &run)).await;
    assert_eq!(ended["state"], "cancelled", "{ended}");
    for verb in ["pause", "resume", "cancel"] {
        let late = act(verb).await;
        assert_eq!(late.status, StatusCode::CONFLICT, "{verb}: {late:?}");
        assert_eq!(late.json()["type"], "urn:portcullis:problem:not-now");
    }
}

#[tokio::test]
async fn a_member_does_none_of_this() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let plan = pair.plan(&pair.terms("copy")).await;
    let site = pair.world.main_site().await;
    pair.world.user(site, "bob", portcullis_domain::Role::Member).await;
    let bob = pair.world.sign_in("bob", crate::world::PASSWORD).await;
    for (method, path) in [
        ("GET", "/api/v1/sync-plans".to_owned()),
        ("GET", at("sync-plans", &plan)),
        ("GET", format!("{}/actions.csv", at("sync-plans", &plan))),
        ("POST", format!("{}/run", at("sync-plans", &plan))),
        ("DELETE", at("sync-plans", &plan)),
        ("GET", "/api/v1/kept-versions".to_owned()),
        ("GET", "/api/v1/sync-jobs".to_owned()),
    ] {
        let answer = pair.world.ask(method, &path).bearer(&bob).send().await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}: {answer:?}");
    }
    assert_eq!(pair.world.get(&at("sync-plans", &plan)).await["state"], "ready");
}
