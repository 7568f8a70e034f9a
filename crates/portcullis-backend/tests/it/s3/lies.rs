//! Answers that cannot be true, what is repeated and what is not, and what is done without a provider's help.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::s3::{
    HealthState, Limits, ProviderDrivers, RemoteCapabilities, S3Backend, S3Drivers, S3Options,
};
use portcullis_backend::{
    Backend, BackendErrorKind, Body, DeleteOptions, Drivers, GetOptions, GetOutcome, ListRequest, PutOptions,
    RangeRequest, VersionsRequest,
};
use portcullis_domain::{
    BucketName, Connection, ConnectionId, DisplayName, KeyPrefix, Label, Networks, ObjectKey, Overwrite,
    Permission, Provider, SiteId, Storage, StorageId, StorageState, SystemClock, Timestamp, UserId,
};

use super::proxy::{Mode, Proxy};
use super::world::{OURS, World, connect, patient, quick};

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn ok(headers: &str, body: &str) -> Mode {
    Mode::Answer(format!("HTTP/1.1 {headers}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

async fn answering(world: &World, mode: Mode, prefix: &str) -> (Proxy, Arc<S3Backend>) {
    let proxy = Proxy::start(world.address, mode).await;
    let mut remote = world.bucket().await.remote(&proxy.endpoint(), OURS);
    remote.prefix = KeyPrefix::parse(prefix).unwrap();
    let backend = connect(quick(), remote);
    (proxy, backend)
}

fn page(entries: &str, truncated: bool) -> Mode {
    let body =
        format!("<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{entries}</ListBucketResult>");
    ok("200 OK", &body)
}

fn entry(key: &str) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"x\"</ETag>\
         <Size>1</Size></Contents>"
    )
}

/// A provider that ignores the prefix must not show what lies beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_are_not_believed() {
    let world = World::start().await;
    let list = |limit| ListRequest {
        prefix: KeyPrefix::parse("in/").unwrap(),
        delimiter: Some("/".to_owned()),
        limit,
        ..ListRequest::default()
    };
    let (_proxy, backend) = answering(&world, page(&entry("own/in/a"), false), "own/").await;
    assert_eq!(backend.list(&list(10)).await.unwrap().objects.len(), 1, "a true page");
    for (what, entries, truncated) in [
        ("another prefix", entry("own/out/a"), false),
        ("another storage", entry("other/in/a"), false),
        ("no storage at all", entry("in/a"), false),
        ("a key twice", entry("own/in/a") + &entry("own/in/a"), false),
        ("another order", entry("own/in/b") + &entry("own/in/a"), false),
        ("not rolled up", entry("own/in/a/b"), false),
        ("an empty page that goes on", String::new(), true),
        ("too many", (0..11).map(|n| entry(&format!("own/in/{n:02}"))).collect(), false),
        ("a false prefix", "<CommonPrefixes><Prefix>own/in/a</Prefix></CommonPrefixes>".to_owned(), false),
        ("a foreign prefix", "<CommonPrefixes><Prefix>x/in/a/</Prefix></CommonPrefixes>".to_owned(), false),
        ("no key", entry("own/in/a").replace("Key>", "Kex>"), false),
        ("no size", entry("own/in/a").replace("Size>", "Sise>"), false),
        ("a size that is none", entry("own/in/a").replace(">1<", ">-1<"), false),
        ("a date that is none", entry("own/in/a").replace("2026-01-01", "tomorrow"), false),
    ] {
        let (_proxy, backend) = answering(&world, page(&entries, truncated), "own/").await;
        let told = backend.list(&list(10)).await;
        assert_eq!(told.unwrap_err().kind, BackendErrorKind::Unavailable, "{what}");
    }
    let foreign = "<ListVersionsResult><Version><Key>other/in/a</Key></Version></ListVersionsResult>";
    let (_proxy, backend) = answering(&world, ok("200 OK", foreign), "own/").await;
    let request = VersionsRequest { limit: 10, ..VersionsRequest::default() };
    assert!(backend.list_versions(&request).await.is_err());
}

/// The object whose key is the storage's prefix has no name inside the storage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folder_of_a_storage_is_not_in_it() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let whole = connect(patient(), bucket.remote(&world.endpoint(), OURS));
    for at in ["own/", "own/a", "owner/b"] {
        whole.put(&key(at), Body::Full(Bytes::from_static(b"x")), PutOptions::default()).await.unwrap();
    }
    let mut remote = bucket.remote(&world.endpoint(), OURS);
    remote.prefix = KeyPrefix::parse("own/").unwrap();
    let inside = connect(patient(), remote);
    let page = inside.list(&ListRequest { limit: 1, ..ListRequest::default() }).await.unwrap();
    let keys: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["a"]);
    assert_eq!(inside.usage().await.unwrap().files, 1);
    assert!(inside.get(&key("../owner/b"), &GetOptions::default()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_not_believed() {
    let world = World::start().await;
    let meta = "ETag: \"x\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT";
    let read = async |mode: Mode, range: Option<RangeRequest>| {
        let (_proxy, backend) = answering(&world, mode, "").await;
        let options = GetOptions { range, ..GetOptions::default() };
        match backend.get(&key("k"), &options).await {
            Ok(GetOutcome::Found(object)) => match object.body {
                Body::Full(bytes) => Ok(bytes),
                Body::Stream(_) => panic!("small"),
            },
            Ok(GetOutcome::NotModified(_)) => panic!("nobody asked"),
            Err(error) => Err(error.kind),
        }
    };
    let range = Some(RangeRequest::FromTo(2, 5));
    assert_eq!(read(ok(&format!("200 OK\r\n{meta}"), "0123456789"), None).await.unwrap(), "0123456789");
    let part =
        |told: &str, body: &str| ok(&format!("206 Partial Content\r\n{meta}\r\nContent-Range: {told}"), body);
    assert_eq!(read(part("bytes 2-5/10", "2345"), range).await.unwrap(), "2345");
    for (what, mode, range) in [
        ("all instead of a range", ok(&format!("200 OK\r\n{meta}"), "0123456789"), range),
        ("another range", part("bytes 3-6/10", "3456"), range),
        ("a shorter range", part("bytes 2-4/10", "234"), range),
        ("a range of other length", part("bytes 2-5/10", "234"), range),
        ("a range past the end", part("bytes 2-5/5", "2345"), range),
        ("a range without a size", part("bytes 2-5/*", "2345"), range),
        ("a range that is none", part("2345", "2345"), range),
        ("a range that nobody asked for", part("bytes 0-3/10", "0123"), None),
        ("no entity tag", ok("200 OK\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT", "x"), None),
        ("no date", ok("200 OK\r\nETag: \"x\"", "x"), None),
        ("another success", ok(&format!("202 Accepted\r\n{meta}"), "x"), None),
        (
            "a body that breaks off",
            Mode::Answer(format!("HTTP/1.1 200 OK\r\n{meta}\r\nContent-Length: 9\r\n\r\nshort")),
            None,
        ),
    ] {
        assert_eq!(read(mode, range).await, Err(BackendErrorKind::Unavailable), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_safe_is_repeated() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let around = connect(patient(), bucket.remote(&world.endpoint(), OURS));
    around.put(&key("k"), Body::Full(Bytes::from_static(b"x")), PutOptions::default()).await.unwrap();
    let slow = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n".to_owned();
    let proxy = Proxy::start(world.address, Mode::AnswerFirst(2, slow.clone())).await;
    let through = connect(quick(), bucket.remote(&proxy.endpoint(), OURS));
    through.get(&key("k"), &GetOptions::default()).await.unwrap();
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 3, "two more tries");
    assert_eq!(through.health().state, HealthState::Degraded);

    let proxy = Proxy::start(world.address, Mode::AnswerFirst(1, slow.clone())).await;
    let through = connect(quick(), bucket.remote(&proxy.endpoint(), OURS));
    let told = through.put(&key("new"), Body::Full(Bytes::from_static(b"x")), PutOptions::default()).await;
    assert_eq!(told.unwrap_err().kind, BackendErrorKind::Unavailable);
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 1, "a write that was sent is not sent again");

    let options = S3Options { limits: Limits { retry_budget: 0, ..quick().limits }, ..quick() };
    let proxy = Proxy::start(world.address, Mode::AnswerFirst(1, slow)).await;
    let through = connect(options, bucket.remote(&proxy.endpoint(), OURS));
    assert!(through.get(&key("k"), &GetOptions::default()).await.is_err(), "nothing is owed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_provider_is_left_alone() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let proxy = Proxy::start(world.address, Mode::Close).await;
    let limits = Limits { breaker_failures: 3, breaker_pause: Duration::from_millis(200), ..quick().limits };
    let through = connect(S3Options { limits, ..quick() }, bucket.remote(&proxy.endpoint(), OURS));
    for _ in 0..3 {
        assert!(through.list(&ListRequest { limit: 1, ..ListRequest::default() }).await.is_err());
    }
    assert_eq!(through.health().state, HealthState::Unreachable);
    assert!(through.health().last_error.is_some());
    let before = proxy.connections.load(Ordering::SeqCst);
    let told = through.head(&key("k"), &GetOptions::default()).await;
    assert_eq!(told.unwrap_err().kind, BackendErrorKind::Unavailable);
    assert_eq!(proxy.connections.load(Ordering::SeqCst), before, "it was not asked");
    proxy.set(Mode::Pass);
    // Asked until the pause is over: then one probe finds it well.
    let well = async {
        loop {
            if through.list(&ListRequest { limit: 1, ..ListRequest::default() }).await.is_ok() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), well).await.expect("it is tried again");
    assert_ne!(through.health().state, HealthState::Unreachable);
}

/// A key that may only write destroys nothing: where no previous version can be kept, it only creates.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_kept_is_not_replaced() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let able = connect(patient(), bucket.remote(&world.endpoint(), OURS));
    let unable = connect(patient(), bucket.remote(&world.endpoint(), RemoteCapabilities::default()));
    for rule in [Overwrite::KeepPrevious, Overwrite::CreateOnly] {
        let put = async |backend: &S3Backend, text: &'static str| {
            let options = PutOptions { overwrite: Some(rule), ..PutOptions::default() };
            let told = backend.put(&key("k"), Body::Full(Bytes::from_static(text.as_bytes())), options).await;
            told.map(drop).map_err(|error| error.kind)
        };
        assert_eq!(put(&unable, "0").await, Err(BackendErrorKind::Unsupported), "{rule:?}");
        assert_eq!(put(&able, "1").await, Ok(()), "{rule:?}");
        assert_eq!(put(&able, "2").await, Err(BackendErrorKind::PreconditionFailed), "{rule:?}");
        let GetOutcome::Found(meta) = able.head(&key("k"), &GetOptions::default()).await.unwrap() else {
            panic!("it is there");
        };
        assert_eq!(meta.size, 1);
        able.delete(&key("k"), &DeleteOptions::default()).await.unwrap();
    }
    let kept = DeleteOptions { keep_previous: true, ..DeleteOptions::default() };
    assert_eq!(able.delete(&key("k"), &kept).await.unwrap_err().kind, BackendErrorKind::Unsupported);
}

fn storage(connection: Connection) -> Storage {
    Storage {
        id: StorageId::from_u128(1),
        site: SiteId::from_u128(1),
        owner: UserId::from_u128(1),
        number: 1,
        name: DisplayName::parse("Papers").unwrap(),
        label: Label::parse("papers").unwrap(),
        bucket: BucketName::parse("papers-1-1").unwrap(),
        connection,
        permission: Permission::Full,
        networks: Networks::default(),
        s3_access: true,
        quota_bytes: None,
        state: StorageState::Active,
        created: Timestamp::default(),
        paused_until: None,
        trial: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storages_are_opened_by_their_provider() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock);
    let builtin = Store::open(directory.path(), StoreOptions::default(), clock.clone()).unwrap();
    let remote = S3Drivers::new(patient(), clock).unwrap();
    let drivers = ProviderDrivers { builtin, remote: Arc::clone(&remote) };
    let connection = Connection {
        id: ConnectionId::from_u128(1),
        provider: Provider::S3,
        region: "us-east-1".to_owned(),
        endpoint: Some(world.endpoint()),
        bucket: Some(format!("{}/under/here/", bucket.name)),
        path_style: true,
    };
    let credentials = bucket.remote(&world.endpoint(), OURS).credentials;
    let plain = credentials.to_plain().unwrap();
    let credentials = portcullis_backend::ProviderCredentials::from_plain(&plain).unwrap();
    assert!(portcullis_backend::ProviderCredentials::from_plain(b"{}").is_err());
    let storage = storage(connection);

    let told = drivers.open(&storage, None).await.unwrap_err();
    assert_eq!(told.kind, BackendErrorKind::Unsupported, "without credentials");
    let one = drivers.open(&storage, Some(credentials.clone())).await.unwrap();
    one.put(&key("k"), Body::Full(Bytes::from_static(b"x")), PutOptions::default()).await.unwrap();
    assert_eq!(one.usage().await.unwrap().files, 1);
    let again = drivers.open(&storage, Some(credentials.clone())).await.unwrap();
    assert!(Arc::ptr_eq(&one, &again));
    let mut other = credentials.clone();
    other.capabilities = RemoteCapabilities::default();
    let changed = drivers.open(&storage, Some(other)).await.unwrap();
    assert!(!Arc::ptr_eq(&one, &changed), "other credentials, another backend");
    assert_eq!(remote.health(storage.id).unwrap().state, HealthState::Reachable, "which goes on");
    assert_eq!(remote.inventory(storage.id).unwrap().usage.files, 1);
    let whole = connect(patient(), bucket.remote(&world.endpoint(), OURS));
    assert!(whole.head(&key("under/here/k"), &GetOptions::default()).await.is_ok());

    for (endpoint, name, what) in [
        ("https://host/path", "bucket", "the address ends"),
        ("https://host", "b", "bucket name"),
        ("", "bucket", "enter the provider"),
    ] {
        let mut wrong = storage.clone();
        wrong.connection.endpoint = Some(endpoint.to_owned());
        wrong.connection.bucket = Some(name.to_owned());
        let told = drivers.open(&wrong, Some(credentials.clone())).await.unwrap_err();
        assert!(told.source.unwrap().to_string().contains(what), "{endpoint} {name}");
    }
    let mut builtin = storage;
    builtin.connection.provider = Provider::Builtin;
    assert_eq!(drivers.open(&builtin, None).await.unwrap().usage().await.unwrap().files, 0);
}

/// Garage names a version in every answer, keeps none, and has no listing of them: it can be connected all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_are_only_named() {
    let world = World::start().await;
    let say = |head: &str| {
        let (status, body) = match head.split(' ').next() {
            Some("PUT") => {
                ("200 OK\r\nETag: \"0cc175b9c0f1b6a831c399e269772661\"\r\nx-amz-version-id: 1f0", "")
            }
            Some("DELETE") => ("204 No Content", ""),
            Some(_) | None => ("501 Not Implemented", "<Error><Code>NotImplemented</Code></Error>"),
        };
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    };
    let (_proxy, backend) = answering(&world, Mode::AnswerBy(say), "").await;
    // What cannot be looked at is not known to stand beside a folder of its name.
    let nothing = RemoteCapabilities { file_or_folder: true, ..RemoteCapabilities::default() };
    assert_eq!(backend.detect().await.unwrap(), nothing);
}
