//! Faults of the provider and of the way to it: never a hang, never a wrong success, never a part served as the whole.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use portcullis_backend::s3::S3Backend;
use portcullis_backend::{
    Backend, BackendError, BackendErrorKind, Body, CompleteOptions, CompletedPart, DeleteOptions, GetOptions,
    GetOutcome, ListRequest, PartOptions, PutOptions, RangeRequest, UploadOptions,
};
use portcullis_domain::ObjectKey;
use tokio::time::timeout;

use super::proxy::{Mode, Proxy};
use super::world::{OURS, World, connect, patient, quick};

/// Past this a call hangs.
const HANG: Duration = Duration::from_secs(20);
const LARGE: usize = 700_000;
const SMALL: usize = 5_000;

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn data(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect::<Vec<u8>>().into()
}

fn streamed(length: usize) -> Body {
    let pieces: Vec<_> = data(length).chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Body::Stream(stream::iter(pieces).boxed())
}

async fn collect(body: Body) -> Result<Bytes, BackendError> {
    match body {
        Body::Full(bytes) => Ok(bytes),
        Body::Stream(mut stream) => {
            let mut all = BytesMut::new();
            while let Some(piece) = stream.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all.freeze())
        }
    }
}

async fn get(backend: &S3Backend, at: &str, options: &GetOptions) -> Result<Bytes, BackendError> {
    match backend.get(&key(at), options).await? {
        GetOutcome::Found(object) => {
            let range = object.range;
            let size = object.meta.size;
            let bytes = collect(object.body).await?;
            let length = range.map_or(size, |range| range.length());
            assert_eq!(u64::try_from(bytes.len()).unwrap(), length, "a part served as the whole");
            Ok(bytes)
        }
        GetOutcome::NotModified(_) => panic!("nobody asked"),
    }
}

/// A provider with an object or two, a driver through a proxy and one around it.
struct Stage {
    _world: World,
    proxy: Proxy,
    through: Arc<S3Backend>,
    around: Arc<S3Backend>,
}

impl Stage {
    async fn new() -> Self {
        let world = World::start().await;
        let bucket = world.bucket().await;
        let proxy = Proxy::start(world.address, Mode::Pass).await;
        let through = connect(quick(), bucket.remote(&proxy.endpoint(), OURS));
        let around = connect(patient(), bucket.remote(&world.endpoint(), OURS));
        for (at, length) in [("large", LARGE), ("small", SMALL), ("gone", 10)] {
            around.put(&key(at), Body::Full(data(length)), PutOptions::default()).await.unwrap();
        }
        Self { _world: world, proxy, through, around }
    }

    /// Every operation under this fault; says which of them succeeded.
    async fn run(&self, mode: Mode) -> Vec<&'static str> {
        let mut succeeded = Vec::new();
        for operation in [
            "get large",
            "get small",
            "range",
            "head",
            "put small",
            "put large",
            "list",
            "delete",
            "multipart",
        ] {
            // A connection of before would not have the fault.
            let through = connect(quick(), self.through.remote().clone());
            self.proxy.set(mode.clone());
            let done = timeout(HANG, self.one(&through, operation)).await;
            let done = done.unwrap_or_else(|_| panic!("{operation} hangs under {mode:?}"));
            if done.is_ok() {
                succeeded.push(operation);
            }
            self.check(operation, done, &mode).await;
        }
        succeeded
    }

    async fn one(&self, through: &S3Backend, operation: &str) -> Result<(), BackendError> {
        let whole = GetOptions::default();
        match operation {
            "get large" => assert_eq!(get(through, "large", &whole).await?, data(LARGE)),
            "get small" => assert_eq!(get(through, "small", &whole).await?, data(SMALL)),
            "range" => {
                let range = GetOptions { range: Some(RangeRequest::FromTo(100, 299_999)), ..whole };
                assert_eq!(get(through, "large", &range).await?, data(LARGE).slice(100..300_000));
            }
            "head" => match through.head(&key("large"), &whole).await? {
                GetOutcome::Found(meta) => assert_eq!(meta.size, u64::try_from(LARGE).unwrap()),
                GetOutcome::NotModified(_) => panic!("nobody asked"),
            },
            "put small" => {
                through.put(&key("new small"), Body::Full(data(SMALL)), PutOptions::default()).await?;
            }
            "put large" => {
                let options =
                    PutOptions { length: Some(u64::try_from(LARGE).unwrap()), ..PutOptions::default() };
                through.put(&key("new large"), streamed(LARGE), options).await?;
            }
            "list" => {
                let page = through.list(&ListRequest { limit: 1000, ..ListRequest::default() }).await?;
                let keys: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
                assert!(keys.contains(&"large") && keys.contains(&"small"), "{keys:?}");
            }
            "delete" => {
                through.delete(&key("gone"), &DeleteOptions::default()).await?;
            }
            _ => {
                let at = key("in parts");
                let upload = through.create_upload(&at, UploadOptions::default()).await?;
                let options =
                    PartOptions { length: Some(u64::try_from(LARGE).unwrap()), ..PartOptions::default() };
                let part = through.upload_part(&at, &upload, 7, streamed(LARGE), options).await?;
                let named = CompletedPart { number: 7, etag: part.etag.to_string(), checksum: None };
                through.complete_upload(&at, &upload, &[named], CompleteOptions::default()).await?;
            }
        }
        Ok(())
    }

    /// What was acknowledged is there; what failed is there whole or not at all.
    async fn check(&self, operation: &str, done: Result<(), BackendError>, mode: &Mode) {
        let (at, length) = match operation {
            "put small" => ("new small", SMALL),
            "put large" => ("new large", LARGE),
            "multipart" => ("in parts", LARGE),
            "delete" => {
                let there = get(&self.around, "gone", &GetOptions::default()).await.is_ok();
                assert!(done.is_err() || !there, "{operation} under {mode:?}");
                self.around.put(&key("gone"), Body::Full(data(10)), PutOptions::default()).await.unwrap();
                return;
            }
            _ => return,
        };
        match get(&self.around, at, &GetOptions::default()).await {
            Ok(bytes) => assert_eq!(bytes, data(length), "{operation} under {mode:?}"),
            Err(error) => {
                assert_eq!(error.kind, BackendErrorKind::NotFound);
                assert!(done.is_err(), "{operation} was acknowledged under {mode:?}");
            }
        }
        self.around.delete(&key(at), &DeleteOptions::default()).await.unwrap();
    }
}

const ALL: [&str; 9] =
    ["get large", "get small", "range", "head", "put small", "put large", "list", "delete", "multipart"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fails_without_a_fault() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(Mode::Pass).await, ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_does_not_answer() {
    let stage = Stage::new().await;
    for mode in [Mode::Close, Mode::Silent, Mode::Deaf, Mode::Swallow, Mode::Delay(Duration::from_secs(60))] {
        assert!(stage.run(mode.clone()).await.is_empty(), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut() {
    let stage = Stage::new().await;
    for at in [1, 100, 800, 20_000, 500_000] {
        stage.run(Mode::CutUp(at)).await;
    }
    for at in [1, 100, 600, 3_000, 200_000] {
        stage.run(Mode::CutDown(at)).await;
    }
    assert!(stage.run(Mode::CutUp(100)).await.is_empty());
    assert!(stage.run(Mode::CutDown(100)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_drip() {
    let stage = Stage::new().await;
    assert!(stage.run(Mode::Drip(Duration::from_millis(60))).await.is_empty());
}

fn answer(head: &str, body: &str) -> Mode {
    Mode::Answer(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_no_success() {
    let stage = Stage::new().await;
    let slow = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    for mode in [
        answer("500 Internal Server Error", ""),
        answer("503 Slow Down", slow),
        answer("429 Too Many Requests", "wait"),
        answer("502 Bad Gateway\r\nContent-Type: text/html", "<html><body>Bad gateway</body></html>"),
        answer("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>"),
        answer("301 Moved Permanently\r\nLocation: http://127.0.0.1:1/", ""),
        answer("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/x", ""),
        answer("400 Bad Request", "nonsense"),
        answer("302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/", ""),
    ] {
        assert!(stage.run(mode.clone()).await.is_empty(), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_not_s3() {
    let stage = Stage::new().await;
    let html = "<html><body>Welcome to the hotel's network</body></html>";
    for mode in [
        answer("200 OK\r\nContent-Type: text/html", html),
        answer(
            "200 OK\r\nContent-Type: application/xml",
            "<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>",
        ),
        answer("200 OK", ""),
        answer("204 No Content\r\nETag: \"x\"", ""),
        Mode::Answer("HTTP/1.1 200 OK\r\n\r\nno length".to_owned()),
        Mode::Answer("SSH-2.0-OpenSSH\r\n".to_owned()),
        Mode::Answer(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-filler: y\r\n".repeat(500))),
    ] {
        let succeeded = stage.run(mode.clone()).await;
        // A delete has no answer but its state.
        assert!(succeeded.iter().all(|name| *name == "delete"), "{succeeded:?} under {mode:?}");
    }
}
