//! Plans: made, read, decided, thrown away.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Pair, at, column};

#[tokio::test]
async fn a_plan_says_what_would_be_done_and_does_nothing() {
    let pair = Pair::with(
        &[("both.txt", "alike"), ("here.txt", "from here"), ("other.txt", "mine")],
        &[("both.txt", "alike"), ("there.txt", "from there"), ("other.txt", "theirs")],
    )
    .await;
    let answer = pair.ask_plan(&pair.terms("two_way")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let asked = answer.json();
    assert_eq!(answer.header("location"), at("sync-plans", &asked));
    assert_eq!((&asked["state"], &asked["totals"]), (&json!("planning"), &Value::Null));
    let plan = pair.made(&asked).await;
    assert_eq!(
        [&plan["mode"], &plan["conflicts"], &plan["kind"], &plan["keep_days"], &plan["guards"], &plan["run"]],
        [&json!("two_way"), &json!("keep_both"), &json!("plan"), &json!(30), &json!([]), &Value::Null]
    );
    assert_eq!(plan["storage"]["id"], json!(pair.storage));
    assert_eq!((&plan["storage"]["name"], &plan["bucket"]["name"]), (&json!("NAS"), &json!("Archive")));
    let totals = &plan["totals"];
    assert_eq!(totals["agree"], json!({"files": 1, "bytes": 5}));
    assert_eq!(totals["write"]["storage"]["files"], 1);
    assert_eq!(totals["write"]["bucket"]["files"], 1);
    assert_eq!((&totals["keep_both"]["files"], &totals["conflicts"]), (&json!(1), &json!(1)));
    assert_eq!(totals["seen"]["storage"]["files"], 3);
    let codes: Vec<_> = plan["preparation"].as_array().unwrap().iter().map(|check| &check["code"]).collect();
    assert_eq!(codes, ["backup", "inventory", "transfers", "ready"]);

    let actions = pair.world.get(&format!("{}/actions", at("sync-plans", &plan))).await;
    assert_eq!(column(&actions, "key"), ["both.txt", "here.txt", "other.txt", "there.txt"]);
    assert_eq!(column(&actions, "op"), ["agree", "write_to_bucket", "keep_both", "write_to_storage"]);
    assert_eq!(column(&actions, "reason"), ["same", "new_storage", "conflict_new_new", "new_bucket"]);
    let conflict = &actions["items"][2];
    assert!(conflict["copy"].as_str().unwrap().starts_with("other (conflict storage "), "{conflict}");
    assert_eq!((&conflict["copy_of"], &conflict["bucket"]["size"]), (&json!("storage"), &json!(6)));
    assert_eq!(actions["items"][1]["bucket"], Value::Null);
    // Nothing was done by all that.
    assert_eq!(pair.get(&pair.bucket, "here.txt").await, None);
    assert_eq!(pair.get(&pair.bucket, "other.txt").await.as_deref(), Some("theirs"));
}

#[tokio::test]
async fn files_are_found_and_come_in_pages() {
    let files: Vec<_> = (0..7).map(|n| (format!("scan-{n}.TXT"), "text")).collect();
    let files: Vec<_> = files.iter().map(|(key, text)| (key.as_str(), *text)).collect();
    let pair = Pair::with(&files, &[("kept.bin", "x")]).await;
    let plan = pair.plan(&pair.terms("two_way")).await;
    let list = format!("{}/actions", at("sync-plans", &plan));
    for (filter, count) in [
        ("op=write_to_bucket", 7),
        ("op=write_to_storage", 1),
        ("op=delete_in_bucket", 0),
        ("op=unchanged", 0),
        ("reason=new_bucket", 1),
        ("search=txt", 7),
        ("search=scan-3", 1),
        ("op=write_to_bucket&search=kept", 0),
        ("open=true", 0),
    ] {
        let found = pair.world.get(&format!("{list}?{filter}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{filter}: {found}");
    }
    let (mut seen, mut next) = (Vec::new(), format!("{list}?limit=3"));
    loop {
        let page = pair.world.get(&next).await;
        assert!(page["items"].as_array().unwrap().len() <= 3);
        seen.extend(column(&page, "key"));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{list}?limit=3&cursor={cursor}");
    }
    assert_eq!(seen.len(), 8);
    for (wrong, field) in [
        ("op=everything", "op"),
        ("reason=because", "reason"),
        ("limit=0", "limit"),
        ("open=perhaps", "open"),
        ("cursor=x", "cursor"),
        ("state=ready", "state"),
    ] {
        let answer = pair.world.admin("GET", &format!("{list}?{wrong}")).send().await;
        assert_eq!(answer.fields(), [field], "{wrong}");
    }
}

#[tokio::test]
async fn a_file_for_spreadsheets_holds_no_formulas() {
    let pair = Pair::with(
        &[
            ("=HYPERLINK(\"http://x\",\"y\")", "1"),
            ("a,b \"c\".txt", "22"),
            ("+1", "333"),
            ("@x", "4"),
            ("-2", "5"),
        ],
        &[("two\nlines", "6")],
    )
    .await;
    let plan = pair.plan(&pair.terms("two_way")).await;
    let path = format!("{}/actions.csv", at("sync-plans", &plan));
    let answer = pair.world.admin("GET", &path).send().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("content-type").starts_with("text/csv"), "{answer:?}");
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"sync-plan-"));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert!(lines[0].starts_with("seq,key,op,reason,evidence,chosen,copy,copy_of,storage_size,"), "{text}");
    for held in [
        ",\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",write_to_bucket,new_storage,none,,,,1,",
        ",\"a,b \"\"c\"\".txt\",",
        ",\"'+1\",",
        ",\"'@x\",",
        ",\"'-2\",",
        ",\"two\nlines\",write_to_storage,new_bucket,",
    ] {
        assert!(text.contains(held), "{held}: {text}");
    }
    // No cell begins with what a spreadsheet would reckon with.
    let cells = text.split(['\n', ',']).map(|cell| cell.trim_start_matches('"'));
    for cell in cells {
        assert!(!cell.starts_with(['=', '+', '-', '@']) || cell.starts_with("\"\""), "{cell}: {text}");
    }
    let some = pair.world.admin("GET", &format!("{path}?op=write_to_storage")).send().await;
    assert_eq!(String::from_utf8_lossy(&some.body).matches("\r\n").count(), 2);
    let wrong = pair.world.admin("GET", &format!("{path}?op=x")).send().await;
    assert_eq!(wrong.fields(), ["op"]);
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let pair = Pair::with(&[], &[]).await;
    let nothing = "01924f5c-0000-7000-8000-000000000000";
    let with = |more: Value| {
        let mut given = pair.terms("two_way");
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        given
    };
    let long = "x".repeat(2000);
    for (given, mut fields) in [
        (json!({"mode": "both"}), vec!["mode"]),
        (json!({"conflicts": "mine"}), vec!["conflicts"]),
        (json!({"with": {"storage": nothing}}), vec!["with.storage"]),
        (json!({"with": {"storage": "mine"}}), vec!["with.storage"]),
        (json!({"with": {"storage": pair.bucket, "prefix": long}}), vec!["with.prefix"]),
        (json!({"with": {"storage": pair.storage}}), vec!["with.prefix"]),
        (json!({"with": {"storage": pair.storage, "prefix": "a/"}, "prefix": "a/b/"}), vec!["with.prefix"]),
        (json!({"with": {}}), vec!["with.storage"]),
        (json!({"with": {"storage": pair.bucket, "bucket": "x"}}), vec!["with.bucket"]),
        (json!({"prefix": long}), vec!["prefix"]),
        (json!({"keep_days": 0}), vec!["keep_days"]),
        (json!({"keep_days": -1}), vec!["keep_days"]),
        (json!({"max_delete_percent": 101}), vec!["max_delete_percent"]),
        (json!({"max_delete_percent": 1000}), vec!["max_delete_percent"]),
        (json!({"wait": true}), vec!["wait"]),
        (
            json!({"with": {"storage": "mine"}, "prefix": long, "mode": "both", "conflicts": "mine", "keep_days": 0,
                "max_delete_percent": 101, "max_change_percent": 200}),
            vec![
                "conflicts",
                "keep_days",
                "max_change_percent",
                "max_delete_percent",
                "mode",
                "prefix",
                "with.storage",
            ],
        ),
    ] {
        let answer = pair.ask_plan(&with(given.clone())).await;
        let mut told = answer.fields();
        told.sort_unstable();
        fields.sort_unstable();
        assert_eq!(told, fields, "{given}");
    }
    assert_eq!(pair.world.get("/api/v1/sync-plans").await["items"], json!([]), "nothing was made");
    let nowhere = pair.world.admin("POST", &format!("/api/v1/storages/{nothing}/sync-plans"));
    assert_eq!(nowhere.json(&pair.terms("copy")).send().await.status, StatusCode::NOT_FOUND);
    for (list, wrong, field) in [
        ("sync-plans", "state=x", "state"),
        ("sync-plans", "storage=x", "storage"),
        ("sync-plans", "search=x", "search"),
        ("sync-runs", "state=ready", "state"),
        ("sync-jobs", "state=done", "state"),
        ("kept-versions", "run=x", "run"),
        ("kept-versions", "limit=0", "limit"),
    ] {
        let answer = pair.world.admin("GET", &format!("/api/v1/{list}?{wrong}")).send().await;
        assert_eq!(answer.fields(), [field], "{list}?{wrong}");
    }
}

#[tokio::test]
async fn choices_are_made_on_what_was_read() {
    let pair = Pair::with(
        &[("a.txt", "mine"), ("b/one.txt", "mine"), ("b/two.txt", "mine")],
        &[("a.txt", "theirs"), ("b/one.txt", "theirs"), ("b/two.txt", "theirs")],
    )
    .await;
    let mut given = pair.terms("two_way");
    given["conflicts"] = json!("ask");
    let plan = pair.plan(&given).await;
    let (record, choices) = (at("sync-plans", &plan), format!("{}/choices", at("sync-plans", &plan)));
    let tag = pair.world.admin("GET", &record).send().await.header("etag").to_owned();
    let choose = async |tag: &str, rules: Value| {
        let ask = pair.world.admin("PUT", &choices).header("if-match", tag);
        ask.json(&json!({"choices": rules})).send().await
    };
    let rules = json!([{"reason": "conflict_new_new", "choice": "bucket"}, {"prefix": "b/", "choice": "skip"},
        {"key": "b/two.txt", "choice": "storage"}]);
    let chosen = choose(&tag, rules.clone()).await;
    assert_eq!(chosen.status, StatusCode::OK, "{chosen:?}");
    let now = chosen.header("etag").to_owned();
    assert_ne!(now, tag);
    assert_eq!(pair.world.admin("GET", &record).send().await.header("etag"), now);
    let plan = chosen.json();
    assert_eq!(plan["totals"]["overwrite"]["storage"]["files"], 1, "{plan}");
    assert_eq!(plan["totals"]["overwrite"]["bucket"]["files"], 1, "{plan}");
    let echoed: Vec<_> = plan["choices"].as_array().unwrap().iter().map(|rule| &rule["choice"]).collect();
    assert_eq!(echoed, ["bucket", "skip", "storage"]);
    let actions = pair.world.get(&format!("{record}/actions")).await;
    assert_eq!(column(&actions, "op"), ["write_to_storage", "leave", "write_to_bucket"]);
    assert_eq!(column(&actions, "chosen"), ["bucket", "skip", "storage"]);

    let stale = choose(&tag, json!([])).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{stale:?}");
    for path in [format!("{record}/run"), record.clone()] {
        let method = if path == record { "DELETE" } else { "POST" };
        let stale = pair.world.admin(method, &path).header("if-match", &tag).send().await;
        assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{method} {path}: {stale:?}");
    }
    for (rules, fields) in [
        (json!([{"key": "a.txt", "choice": "mine"}]), &["choices[0].choice"][..]),
        (json!([{"reason": "because", "choice": "skip"}]), &["choices[0].reason"]),
        (json!([{"key": "a.txt", "choice": "skip"}, {"choice": "skip"}]), &["choices[1].key"]),
        (json!([{"key": "a.txt", "choice": "skip", "more": 1}]), &["choices[0].more"]),
        (json!([{"key": "a.txt"}]), &["choices[0].choice"]),
        (json!("all"), &["choices"]),
    ] {
        assert_eq!(choose("*", rules.clone()).await.fields(), fields, "{rules}");
    }
    assert_eq!(pair.world.get(&record).await["choices"].as_array().unwrap().len(), 3);
    let none = choose(&now, json!([])).await.json();
    assert_eq!(none["choices"], json!([]));
    let open = pair.world.get(&format!("{record}/actions?open=true")).await;
    assert_eq!(open["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn plans_are_listed_and_thrown_away() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let elsewhere = pair.world.storage("Elsewhere").await;
    let first = pair.plan(&pair.terms("copy")).await;
    let mut given = pair.terms("mirror");
    given["with"]["storage"] = elsewhere["id"].clone();
    let second = pair.plan(&given).await;
    let ids =
        async |filter: &str| column(&pair.world.get(&format!("/api/v1/sync-plans{filter}")).await, "id");
    let [one, other] = [&first, &second].map(|plan| plan["id"].as_str().unwrap().to_owned());
    assert_eq!(ids("").await, [other.clone(), one.clone()], "the latest first");
    assert_eq!(ids(&format!("?storage={}", elsewhere["id"].as_str().unwrap())).await, ids("?limit=1").await);
    assert_eq!(ids("?state=ready&limit=1").await, [other]);
    let gone = pair.world.admin("DELETE", &at("sync-plans", &first)).send().await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(ids("?state=discarded").await, [one]);
    let run = pair.post(&format!("{}/run", at("sync-plans", &first)), &json!({})).await;
    assert!(run.status.is_client_error(), "{run:?}");
    let strangers = pair.world.other_site().await;
    let theirs = pair.world.ask("GET", "/api/v1/sync-plans").bearer(&strangers).send().await;
    assert_eq!(theirs.json()["items"], json!([]));
}

#[tokio::test]
async fn a_page_of_the_panel_asks_with_its_token_and_another_site_cannot() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let path = format!("/api/v1/storages/{}/sync-plans", pair.storage);
    let cookie = format!("__Host-portcullis={}", pair.world.token);
    let forged =
        pair.world.ask("POST", &path).header("cookie", &cookie).json(&pair.terms("copy")).send().await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED, "{forged:?}");
    assert_eq!(pair.world.get("/api/v1/sync-plans").await["items"], json!([]));
}
