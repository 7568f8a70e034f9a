//! Jobs: made, changed, run, stopped, deleted.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Pair, at, column};

fn nightly(pair: &Pair) -> Value {
    json!({"name": "nightly", "storage": pair.storage, "with": {"storage": pair.bucket}, "mode": "mirror",
        "schedule": {"cron": "15 3 * * *", "zone": "Europe/Vienna"}, "keep_days": 14})
}

#[tokio::test]
async fn a_job_is_made_changed_and_deleted() {
    let pair = Pair::with(&[], &[]).await;
    let answer = pair.post("/api/v1/sync-jobs", &nightly(&pair)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let job = answer.json();
    let record = at("sync-jobs", &job);
    assert_eq!(answer.header("location"), record);
    assert_eq!(
        [
            &job["name"],
            &job["mode"],
            &job["conflicts"],
            &job["state"],
            &job["enabled"],
            &job["keep_days"],
            &job["in_flight"]
        ],
        [
            &json!("nightly"),
            &json!("mirror"),
            &json!("storage"),
            &json!("waiting"),
            &json!(true),
            &json!(14),
            &Value::Null
        ]
    );
    // Six in the evening in UTC: the next night, in winter's time.
    assert_eq!(
        job["schedule"],
        json!({"cron": "15 3 * * *", "zone": "Europe/Vienna", "next_at": "2027-02-01T02:15:00Z"})
    );
    let read = pair.world.admin("GET", &record).send().await;
    assert_eq!((read.json(), read.header("etag")), (job.clone(), answer.header("etag")));
    let tag = read.header("etag").to_owned();
    let patch = async |tag: &str, given: &Value| {
        pair.world.admin("PATCH", &record).header("if-match", tag).json(given).send().await
    };
    let changed = patch(&tag, &json!({"in_flight": 2, "schedule": null, "conflicts": "ask"})).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let now = changed.json();
    assert_eq!(
        [&now["in_flight"], &now["keep_days"], &now["schedule"], &now["conflicts"], &now["name"]],
        [&json!(2), &json!(14), &Value::Null, &json!("ask"), &json!("nightly")]
    );
    assert_eq!(patch(&tag, &json!({"name": "x"})).await.status, StatusCode::PRECONDITION_FAILED);
    let tag = changed.header("etag").to_owned();
    let off = patch(&tag, &json!({"enabled": false, "keep_days": null})).await.json();
    assert_eq!((&off["state"], &off["keep_days"]), (&json!("off"), &Value::Null));
    assert_eq!(column(&pair.world.get("/api/v1/sync-jobs?state=off").await, "name"), ["nightly"]);
    assert_eq!(pair.world.get("/api/v1/sync-jobs?state=stopped").await["items"], json!([]));
    let stale = pair.world.admin("DELETE", &record).header("if-match", &tag).send().await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(pair.world.admin("DELETE", &record).send().await.status, StatusCode::NO_CONTENT);
    assert_eq!(pair.world.admin("GET", &record).send().await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let pair = Pair::with(&[], &[]).await;
    let with = |more: &Value| {
        let mut given = nightly(&pair);
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        given
    };
    for (given, fields) in [
        (json!({"name": ""}), &["name"][..]),
        (json!({"storage": "x"}), &["storage"]),
        (json!({"with": {"storage": "x"}}), &["with.storage"]),
        (json!({"with": {"storage": pair.storage}}), &["with.prefix"]),
        (json!({"mode": "x"}), &["mode"]),
        (json!({"conflicts": "x"}), &["conflicts"]),
        (json!({"schedule": {"cron": "every night"}}), &["schedule.cron"]),
        (json!({"schedule": {"cron": "61 3 * * *"}}), &["schedule.cron"]),
        (json!({"schedule": {"cron": "15 3 * * *", "zone": "Vienna"}}), &["schedule.zone"]),
        (json!({"schedule": {"zone": "UTC"}}), &["schedule.cron"]),
        (json!({"schedule": "15 3 * * *"}), &["schedule"]),
        (json!({"keep_days": 0}), &["keep_days"]),
        (json!({"in_flight": 0}), &["in_flight"]),
        (json!({"bytes_per_second": 0}), &["bytes_per_second"]),
        (json!({"every": "night"}), &["every"]),
        (
            json!({"name": "", "storage": "x", "mode": "x", "schedule": {"cron": "x"}, "in_flight": 0}),
            &["in_flight", "mode", "name", "schedule.cron", "storage"],
        ),
    ] {
        let mut told = pair.post("/api/v1/sync-jobs", &with(&given)).await.fields();
        told.sort_unstable();
        assert_eq!(told, fields, "{given}");
    }
    assert_eq!(pair.world.get("/api/v1/sync-jobs").await["items"], json!([]));
    let job = pair.post("/api/v1/sync-jobs", &nightly(&pair)).await.json();
    for (given, fields) in [
        (json!({"storage": pair.bucket}), &["storage"][..]),
        (json!({"schedule": {"cron": "* * * *"}}), &["schedule.cron"]),
        (json!({"name": "", "mode": "x", "keep_days": 0}), &["keep_days", "mode", "name"]),
    ] {
        let mut told = pair.world.admin("PATCH", &at("sync-jobs", &job)).json(&given).send().await.fields();
        told.sort_unstable();
        assert_eq!(told, fields, "{given}");
    }
}

#[tokio::test]
async fn a_job_runs_when_somebody_says_so_and_is_stopped_by_a_guard() {
    let files: Vec<_> = (0..40).map(|n| (format!("{n}.txt"), format!("file {n}"))).collect();
    let files: Vec<_> = files.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let pair = Pair::with(&files, &[]).await;
    let job = pair.post("/api/v1/sync-jobs", &nightly(&pair)).await.json();
    let start = format!("{}/run", at("sync-jobs", &job));
    let plan = pair.post(&start, &json!({})).await;
    assert_eq!(plan.status, StatusCode::ACCEPTED, "{plan:?}");
    assert_eq!(plan.header("location"), at("sync-plans", &plan.json()));
    for _ in 0..3 {
        pair.world.round().await;
    }
    let now = pair.world.get(&at("sync-jobs", &job)).await;
    assert_eq!((&now["state"], &now["last_plan"]), (&json!("waiting"), &plan.json()["id"]), "{now}");
    assert!(now["last_run"].is_string(), "{now}");
    assert_eq!(pair.get(&pair.bucket, "7.txt").await.as_deref(), Some("file 7"));
    for (key, _) in &files {
        let path = format!("/api/v1/storages/{}/file?key={key}", pair.storage);
        pair.world.admin("DELETE", &path).send().await;
    }
    pair.post(&start, &json!({})).await;
    for _ in 0..3 {
        pair.world.round().await;
    }
    let now = pair.world.get(&at("sync-jobs", &job)).await;
    assert_eq!(now["state"], "stopped", "{now}");
    assert!(now["told"].as_str().unwrap().len() > 20 && now["schedule"]["next_at"].is_null(), "{now}");
    assert_eq!(pair.get(&pair.bucket, "7.txt").await.as_deref(), Some("file 7"), "nothing was done");
    let on = pair.world.admin("PATCH", &at("sync-jobs", &job)).json(&json!({"enabled": true})).send().await;
    assert_eq!(on.json()["state"], "waiting", "{on:?}");
}
