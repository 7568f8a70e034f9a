//! What runs keep, and putting one file back.

use http::StatusCode;
use serde_json::json;

use super::{Pair, at, column};

#[tokio::test]
async fn what_is_replaced_is_kept_and_put_back_by_a_plan() {
    let pair =
        Pair::with(&[("a.txt", "new"), ("b.txt", "newer")], &[("a.txt", "old"), ("b.txt", "older")]).await;
    let mut given = pair.terms("mirror");
    given["keep_days"] = json!(7);
    let run = pair.run(&pair.plan(&given).await).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(pair.get(&pair.bucket, "a.txt").await.as_deref(), Some("new"));
    let kept = pair.world.get("/api/v1/kept-versions").await;
    let mut keys = column(&kept, "key");
    keys.sort();
    assert_eq!(keys, ["a.txt", "b.txt"]);
    assert_eq!(
        kept["space"],
        json!([{"storage": pair.bucket, "storage_name": "Archive", "held": {"files": 2, "bytes": 8}}])
    );
    let item = kept["items"].as_array().unwrap().iter().find(|item| item["key"] == "a.txt").unwrap();
    assert_eq!(
        [&item["run"], &item["storage"], &item["size"], &item["expires_at"]],
        [&run["id"], &json!(pair.bucket), &json!(3), &json!("2027-02-07T18:00:00Z")]
    );
    for (filter, count) in [
        (format!("run={}", run["id"].as_str().unwrap()), 2),
        (format!("storage={}", pair.storage), 0),
        ("search=b.t".to_owned(), 1),
        ("limit=1".to_owned(), 1),
    ] {
        let found = pair.world.get(&format!("/api/v1/kept-versions?{filter}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{filter}: {found}");
    }
    let back = pair.post(&format!("{}/restore", at("kept-versions", item)), &json!({})).await;
    assert_eq!(back.status, StatusCode::ACCEPTED, "{back:?}");
    let back = pair.made(&back.json()).await;
    assert_eq!(back["totals"]["put_back"]["bucket"]["files"], 1, "{back}");
    assert_eq!(pair.run(&back).await["state"], "done");
    assert_eq!(pair.get(&pair.bucket, "a.txt").await.as_deref(), Some("old"));
    assert_eq!(pair.get(&pair.bucket, "b.txt").await.as_deref(), Some("newer"), "nobody asked for that one");
}

#[tokio::test]
async fn some_files_of_a_run_are_taken_back() {
    let pair =
        Pair::with(&[("a.txt", "new"), ("b.txt", "newer")], &[("a.txt", "old"), ("b.txt", "older")]).await;
    let run = pair.run(&pair.plan(&pair.terms("mirror")).await).await;
    let path = format!("{}/restore", at("sync-runs", &run));
    let back = pair.post(&path, &json!({"keys": ["b.txt"]})).await;
    let back = pair.made(&back.json()).await;
    assert_eq!(pair.run(&back).await["state"], "done");
    assert_eq!(pair.get(&pair.bucket, "a.txt").await.as_deref(), Some("new"));
    assert_eq!(pair.get(&pair.bucket, "b.txt").await.as_deref(), Some("older"));
    for (given, field) in [(json!({"keys": "b.txt"}), "keys"), (json!({"files": []}), "files")] {
        assert_eq!(pair.post(&path, &given).await.fields(), [field], "{given}");
    }
}
