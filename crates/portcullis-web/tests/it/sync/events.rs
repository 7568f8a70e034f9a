//! Runs that are followed while they go.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Pair, at};
use crate::world::PASSWORD;

/// The events of a stream: their names, and what they say.
fn events(text: &str) -> Vec<(String, Value)> {
    let told = text.split("\n\n").filter(|event| event.starts_with("event: "));
    told.map(|event| {
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        assert!(!data.contains('\n'), "one line for each: {data}");
        (name.to_owned(), serde_json::from_str(data).unwrap())
    })
    .collect()
}

#[tokio::test]
async fn a_run_that_is_over_is_told_and_the_stream_ends() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let run = pair.run(&pair.plan(&pair.terms("copy")).await).await;
    let answer = pair.world.admin("GET", &format!("{}/events", at("sync-runs", &run))).send().await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/event-stream"));
    assert_eq!((answer.header("cache-control"), answer.header("x-accel-buffering")), ("no-store", "no"));
    let events = events(&String::from_utf8_lossy(&answer.body));
    assert_eq!(events, [("progress".to_owned(), run), ("end".to_owned(), json!({"because": "run"}))]);
}

#[tokio::test]
async fn a_run_is_told_until_it_ends() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let plan = pair.plan(&pair.terms("copy")).await;
    let run = pair.begin(&plan, &json!({})).await;
    let path = format!("{}/events", at("sync-runs", &run));
    // Followed first, then run.
    let (answer, ()) = tokio::join!(pair.world.admin("GET", &path).send(), async {
        tokio::task::yield_now().await;
        pair.world.round().await;
    });
    let events = events(&String::from_utf8_lossy(&answer.body));
    let states: Vec<_> = events.iter().map(|(name, data)| (name.as_str(), &data["state"])).collect();
    assert_eq!(states.last(), Some(&("end", &Value::Null)), "{states:?}");
    assert_eq!(states[states.len() - 2], ("progress", &json!("done")));
    assert_eq!(pair.get(&pair.bucket, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn whoever_loses_their_right_is_told_nothing_more() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let plan = pair.plan(&pair.terms("copy")).await;
    let run = pair.begin(&plan, &json!({})).await;
    let path = format!("{}/events", at("sync-runs", &run));
    let given = json!({"name": "watcher", "channel": "rest", "scope": "site", "permission": "full"});
    let key = pair.world.key(&given).await;
    let session = pair.world.sign_in("admin", PASSWORD).await;
    let by_key = pair.world.ask("GET", &path).bearer(key["bearer"].as_str().unwrap()).send();
    let by_session = pair.world.ask("GET", &path).bearer(&session).send();
    let record = format!("/api/v1/keys/{}", key["key"]["id"].as_str().unwrap());
    // Nobody runs it: nothing else would end these streams within the hour.
    let (by_key, by_session, ()) = tokio::join!(by_key, by_session, async {
        tokio::task::yield_now().await;
        assert_eq!(pair.world.admin("DELETE", &record).send().await.status, StatusCode::OK);
        let out = pair.world.ask("DELETE", "/api/v1/sessions/current").bearer(&session).send().await;
        assert_eq!(out.status, StatusCode::NO_CONTENT);
    });
    for answer in [by_key, by_session] {
        // One that came too late for the stream was refused at once.
        if answer.status == StatusCode::OK {
            let events = events(&String::from_utf8_lossy(&answer.body));
            assert_eq!(events.last(), Some(&("end".to_owned(), json!({"because": "access"}))), "{events:?}");
        } else {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_run_of_another_site_is_none() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let run = pair.run(&pair.plan(&pair.terms("copy")).await).await;
    let eve = pair.world.other_site().await;
    let path = format!("{}/events", at("sync-runs", &run));
    let answer = pair.world.ask("GET", &path).bearer(&eve).send().await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    assert_eq!(pair.world.ask("GET", &path).send().await.status, StatusCode::UNAUTHORIZED);
    // With a page's cookie and without its token it is a forgery.
    let cookie = format!("__Host-portcullis={}", pair.world.token);
    let forged = pair.world.ask("GET", &path).header("cookie", &cookie).send().await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn so_many_may_follow_and_no_more() {
    let pair = Pair::with(&[("a", "1")], &[]).await;
    let plan = pair.plan(&pair.terms("copy")).await;
    let run = pair.begin(&plan, &json!({})).await;
    let path = format!("{}/events", at("sync-runs", &run));
    let given = json!({"name": "watcher", "channel": "rest", "scope": "site", "permission": "full"});
    let key = pair.world.key(&given).await;
    let bearer = key["bearer"].as_str().unwrap();
    let mut streams: FuturesUnordered<_> =
        (0..33).map(|_| pair.world.ask("GET", &path).bearer(bearer).send()).collect();
    // Nothing ends the others: the first that is answered is the one for which there is no room.
    let first = streams.next().await.unwrap();
    assert_eq!(first.status, StatusCode::SERVICE_UNAVAILABLE, "{first:?}");
    assert_eq!(first.header("retry-after"), "10");
    let record = format!("/api/v1/keys/{}", key["key"]["id"].as_str().unwrap());
    // Side by side: a stream that nobody reads may hold what the other call needs.
    let (ended, deleted) = tokio::join!(
        async {
            let mut ended = 0;
            while let Some(answer) = streams.next().await {
                let told = events(&String::from_utf8_lossy(&answer.body));
                assert_eq!(told.last(), Some(&("end".to_owned(), json!({"because": "access"}))), "{told:?}");
                ended += 1;
            }
            ended
        },
        pair.world.admin("DELETE", &record).send()
    );
    assert_eq!(deleted.status, StatusCode::OK, "{deleted:?}");
    assert_eq!(ended, 32);
    // There is room again.
    let (answer, ()) = tokio::join!(pair.world.admin("GET", &path).send(), pair.world.round());
    assert_eq!(answer.status, StatusCode::OK);
}
