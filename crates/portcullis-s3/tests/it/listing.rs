//! Listings: order, paging, delimiters, tokens, versions.

use crate::client::{Client, path, value};
use crate::world::World;

async fn fill(client: &Client, bucket: &str, keys: &[&str]) {
    for key in keys {
        client.put(&path(bucket, key), "x").send().await.ok();
    }
}

const KEYS: [&str; 7] = ["a/1", "a/2", "b", "c/1", "c/d/2", "e", "é"];

#[tokio::test]
async fn version_two_pages_never_repeat_or_miss() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    fill(&client, bucket, &KEYS).await;
    for (query, all) in [
        ("", KEYS.to_vec()),
        ("&delimiter=%2F", vec!["a/", "b", "c/", "e", "é"]),
        ("&prefix=c%2F&delimiter=%2F", vec!["c/1", "c/d/"]),
        ("&prefix=nothing", vec![]),
        ("&start-after=b", vec!["c/1", "c/d/2", "e", "é"]),
        ("&delimiter=", KEYS.to_vec()),
    ] {
        for size in 1..=8 {
            let (mut seen, mut token) = (Vec::new(), None::<String>);
            loop {
                let after = token.as_ref().map(|token| format!("&continuation-token={}", value(token)));
                let target =
                    format!("/{bucket}?list-type=2&max-keys={size}{query}{}", after.unwrap_or_default());
                let page = client.get(&target).send().await.ok();
                let mut entries = page.elements("Key");
                let prefixes = page.elements("CommonPrefixes").into_iter();
                entries.extend(prefixes.map(|text| text.replace("<Prefix>", "").replace("</Prefix>", "")));
                let count = entries.len();
                assert!(count <= size);
                assert_eq!(page.element("KeyCount"), Some(count.to_string()));
                assert_eq!(page.element("MaxKeys"), Some(size.to_string()));
                seen.extend(entries);
                token = page.element("NextContinuationToken");
                assert_eq!(page.element("IsTruncated"), Some(token.is_some().to_string()));
                if token.is_none() {
                    break;
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, all, "{query} by {size}");
        }
    }
}

#[tokio::test]
async fn version_one_goes_on_after_its_marker() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    fill(&client, bucket, &KEYS).await;
    let first = client.get(&format!("/{bucket}?delimiter=%2F&max-keys=1")).send().await.ok();
    assert_eq!(first.element("NextMarker").as_deref(), Some("a/"));
    assert!(first.element("Owner").is_none() && first.elements("CommonPrefixes").len() == 1);
    let second = client.get(&format!("/{bucket}?delimiter=%2F&max-keys=1&marker=a%2F")).send().await.ok();
    assert_eq!(
        (second.elements("Key"), second.element("Marker").as_deref()),
        (vec!["b".to_owned()], Some("a/"))
    );
    assert!(second.element("Owner").is_some());
    let rest = client.get(&format!("/{bucket}?marker=c%2F1")).send().await.ok();
    assert_eq!(rest.elements("Key"), ["c/d/2", "e", "é"]);
    assert_eq!(rest.element("NextMarker"), None);
}

#[tokio::test]
async fn parameters_that_make_no_sense() {
    let (_world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    fill(&client, bucket, &KEYS).await;
    for query in [
        "max-keys=-1",
        "max-keys=x",
        "list-type=1",
        "list-type=2&continuation-token=nonsense",
        "list-type=2&continuation-token=",
        "encoding-type=base64",
        "prefix=a&prefix=b",
        "versions&version-id-marker=x",
    ] {
        client.get(&format!("/{bucket}?{query}")).send().await.fails(400, "InvalidArgument");
    }
    let page = client.get(&format!("/{bucket}?list-type=2&max-keys=1")).send().await.ok();
    let token = value(&page.element("NextContinuationToken").unwrap());
    let moved =
        client.get(&format!("/{bucket}?list-type=2&prefix=c&continuation-token={token}")).send().await;
    moved.fails(400, "InvalidArgument");
    let none = client.get(&format!("/{bucket}?max-keys=0")).send().await.ok();
    assert_eq!((none.elements("Key").len(), none.element("IsTruncated").as_deref()), (0, Some("false")));
    let clamped = client.get(&format!("/{bucket}?max-keys=5000")).send().await.ok();
    assert_eq!(clamped.element("MaxKeys").as_deref(), Some("1000"));
}

#[tokio::test]
async fn previous_versions_are_listed_read_and_removed() {
    let (world, storage, client) = World::with_storage().await;
    let bucket = storage.bucket.as_str();
    let writer = world.client(&world.key(&storage, portcullis_domain::Permission::Write).await);
    client.put(&path(bucket, "k"), "one").send().await.ok();
    writer.put(&path(bucket, "k"), "two").send().await.ok();
    let listed = client.get(&format!("/{bucket}?versions")).send().await.ok();
    assert_eq!(listed.elements("Key"), ["k", "k"]);
    assert_eq!(listed.elements("IsLatest"), ["true", "false"]);
    let old = listed.elements("VersionId")[1].clone();
    let at = format!("{}?versionId={}", path(bucket, "k"), value(&old));
    let got = client.get(&at).send().await.ok();
    assert_eq!((got.text().as_str(), got.header("x-amz-version-id")), ("one", Some(old.as_str())));
    assert_eq!(client.get(&path(bucket, "k")).send().await.text(), "two");
    let first = client.get(&format!("/{bucket}?versions&max-keys=1")).send().await.ok();
    let (key, version) =
        (first.element("NextKeyMarker").unwrap(), first.element("NextVersionIdMarker").unwrap());
    let next = format!("/{bucket}?versions&key-marker={}&version-id-marker={}", value(&key), value(&version));
    assert_eq!(client.get(&next).send().await.ok().elements("VersionId"), [old]);
    client.request("DELETE", &at).send().await.ok();
    assert_eq!(client.get(&format!("/{bucket}?versions")).send().await.ok().elements("Key").len(), 1);
}
