//! Connecting: the steps of a test with their advice, the guard, TLS, and what a provider is found to be able to do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use portcullis_backend::s3::{CheckName, CheckOptions, CheckStep, HealthState, Remote, S3Backend, S3Options};
use portcullis_backend::{Backend, BackendErrorKind, Body, GetOptions, ListRequest, PutOptions};
use portcullis_domain::{ObjectKey, Permission, Secret};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::proxy::{Mode, Proxy};
use super::world::{OURS, World, connect, patient, quick};

const ALL: CheckOptions = CheckOptions { write_probe: true };

async fn steps(options: S3Options, remote: Remote) -> Vec<CheckStep> {
    connect(options, remote).check(&ALL).await
}

/// The step that failed, which must be the last, with what to do about it.
fn failed(steps: &[CheckStep]) -> (CheckName, &str) {
    let bad: Vec<_> = steps.iter().filter(|step| !step.ok).collect();
    assert_eq!(bad.len(), 1, "{steps:#?}");
    assert_eq!(steps.last(), Some(bad[0]), "{steps:#?}");
    (bad[0].name, bad[0].advice.as_deref().expect("a failure comes with advice"))
}

async fn is_empty(backend: &S3Backend) -> bool {
    let page = backend.list(&ListRequest { limit: 10, ..ListRequest::default() }).await.unwrap();
    page.objects.is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_our_own_server_can_do() {
    let world = World::start().await;
    let mut remote = world.bucket().await.remote(&world.endpoint(), Default::default());
    for prefix in ["", "a b/\u{fc}/"] {
        remote.prefix = prefix.parse().unwrap();
        let backend = connect(patient(), remote.clone());
        assert_eq!(backend.detect().await.unwrap(), OURS);
        assert!(is_empty(&backend).await, "nothing is left behind");
        assert!(backend.list_uploads(&Default::default()).await.unwrap().uploads.is_empty());
    }
    let reader = world.bucket_with(Permission::Read).await.remote(&world.endpoint(), OURS);
    assert!(connect(patient(), reader).detect().await.is_err(), "who may not write finds nothing out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_works() {
    let world = World::start().await;
    let remote = world.bucket().await.remote(&world.endpoint(), OURS);
    let told = steps(patient(), remote.clone()).await;
    let names: Vec<_> = told.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["name", "tcp", "clock", "credentials", "bucket", "list", "write"]);
    assert!(told.iter().all(|step| step.ok && step.advice.is_none()), "{told:#?}");
    let backend = connect(patient(), remote);
    let looked = backend.check(&CheckOptions::default()).await;
    assert_eq!(looked.last().map(|step| step.name), Some(CheckName::List), "only who asks writes");
    assert!(is_empty(&backend).await);
    assert_eq!(backend.health().state, HealthState::Reachable);
    // What is there already is no fault, but told.
    for (name, told) in [("one", "1 file is"), ("two", "2 files are")] {
        let name: ObjectKey = name.parse().unwrap();
        let body = Body::Full(Bytes::from_static(b"text"));
        backend.put(&name, body, PutOptions::default()).await.unwrap();
        let steps = backend.check(&CheckOptions::default()).await;
        let list = steps.last().unwrap();
        assert!(list.ok && list.detail.contains(told) && list.advice.is_some(), "{list:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_do_not_work_say_what_to_do() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let right = bucket.remote(&world.endpoint(), OURS);

    let mut wrong = right.clone();
    wrong.credentials.secret_access_key = Secret::foreign("not the secret".to_owned());
    let backend = connect(quick(), wrong.clone());
    let told = backend.check(&ALL).await;
    assert_eq!(failed(&told).0, CheckName::Credentials);
    assert!(failed(&told).1.contains("secret"), "{told:?}");
    assert_eq!(backend.health().state, HealthState::CredentialsRejected);
    assert!(!format!("{told:?} {backend:?}").contains("not the secret"));

    wrong = right.clone();
    wrong.credentials.access_key_id = "PC00000000000000000000".to_owned();
    assert_eq!(failed(&steps(quick(), wrong).await).0, CheckName::Credentials);

    let mut elsewhere = right.clone();
    elsewhere.bucket = "usr-00001-itm-09999-other".to_owned();
    assert_eq!(failed(&steps(quick(), elsewhere).await).0, CheckName::Bucket);

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = bucket.remote(&format!("http://{}", closed.local_addr().unwrap()), OURS);
    drop(closed);
    assert_eq!(failed(&steps(quick(), nobody).await).0, CheckName::Tcp);

    let reader = world.bucket_with(Permission::Read).await.remote(&world.endpoint(), OURS);
    let told = steps(patient(), reader).await;
    assert_eq!(failed(&told).0, CheckName::Write);

    let https = bucket.remote(&format!("https://{}", world.address), OURS);
    assert_eq!(failed(&steps(quick(), https).await).0, CheckName::Tls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_answers_decides_the_advice() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let error = |head: &str, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Region>eu-2</Region></Error>");
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    for (answer, step, advice) in [
        (
            error("301 Moved Permanently\r\nx-amz-bucket-region: eu-9", "PermanentRedirect"),
            CheckName::Bucket,
            "eu-9",
        ),
        (error("400 Bad Request", "AuthorizationHeaderMalformed"), CheckName::Bucket, "eu-2"),
        (error("403 Forbidden", "RequestTimeTooSkewed"), CheckName::Clock, "clock"),
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned(),
            CheckName::Bucket,
            "another account",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            CheckName::Bucket,
            "addressing style",
        ),
        ("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n".to_owned(), CheckName::Bucket, "later"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>".to_owned(),
            CheckName::List,
            "not an S3",
        ),
        ("SSH-2.0-x\r\n".to_owned(), CheckName::Credentials, "not as an S3"),
    ] {
        let proxy = Proxy::start(world.address, Mode::Answer(answer.clone())).await;
        let told = steps(quick(), bucket.remote(&proxy.endpoint(), OURS)).await;
        let (name, text) = failed(&told);
        assert_eq!(name, step, "{answer}: {told:#?}");
        assert!(text.contains(advice), "{answer}: {told:#?}");
    }
    let page = "<ListBucketResult></ListBucketResult>";
    let old = format!(
        "HTTP/1.1 200 OK\r\nDate: Fri, 01 Jan 2021 00:00:00 GMT\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    );
    let proxy = Proxy::start(world.address, Mode::Answer(old)).await;
    let told = connect(quick(), bucket.remote(&proxy.endpoint(), OURS)).check(&CheckOptions::default()).await;
    let clock = told.iter().find(|step| step.name == CheckName::Clock).unwrap();
    assert!(!clock.ok && clock.detail.contains("ahead") && clock.advice.is_some(), "{told:#?}");
}

/// Nothing is sent to an address that is not allowed, by whatever name it is called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_not_connected_to() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let proxy = Proxy::start(world.address, Mode::Pass).await;
    let port = proxy.address.port();
    let strict = || S3Options { allow_private: Vec::new(), allow_plain_http: true, ..quick() };
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "127.1",
        "2130706433",
        "0x7f.1",
    ] {
        for scheme in ["http", "https"] {
            let remote = bucket.remote(&format!("{scheme}://{host}:{port}"), OURS);
            let backend = connect(strict(), remote);
            let told = backend.check(&ALL).await;
            assert_eq!(failed(&told).0, CheckName::Name, "{host}: {told:?}");
            let key = ObjectKey::parse("k").unwrap();
            let error = backend.get(&key, &GetOptions::default()).await.unwrap_err();
            assert_eq!(error.kind, BackendErrorKind::Unavailable, "{host}");
        }
    }
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 0);
    let told = steps(strict(), bucket.remote("http://10.0.0.1", OURS)).await;
    assert!(failed(&told).1.contains("allow_private_endpoints"), "{told:?}");
    let plain = S3Options { allow_private: Vec::new(), ..quick() };
    let told = steps(plain, bucket.remote("http://52.216.0.1", OURS)).await;
    assert_eq!(failed(&told).0, CheckName::Name);
    assert!(failed(&told).1.contains("https"), "{told:?}");
}

/// TLS in front of a provider, with a certificate for this name from an authority of its own.
async fn with_tls(world: &World, name: &str) -> (std::net::SocketAddr, Vec<u8>, CancellationToken) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, upstream, stop) = (listener.local_addr().unwrap(), world.address, CancellationToken::new());
    let (tasks, token) = (TaskTracker::new(), stop.clone());
    let spawner = tasks.clone();
    tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            spawner.spawn(token.clone().run_until_cancelled_owned(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(upstream).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            }));
        }
    }));
    (address, made.cert.pem().into_bytes(), stop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_checked() {
    let world = World::start().await;
    let bucket = world.bucket().await;
    let (address, authority, stop) = with_tls(&world, "127.0.0.1").await;
    let trusting = || S3Options { extra_roots_pem: vec![authority.clone()], ..patient() };
    let remote = bucket.remote(&format!("https://{address}"), OURS);
    let told = steps(trusting(), remote.clone()).await;
    assert!(told.iter().all(|step| step.ok), "{told:#?}");
    assert!(told.iter().any(|step| step.name == CheckName::Tls));
    let backend = connect(trusting(), remote.clone());
    assert_eq!(backend.detect().await.unwrap(), OURS);
    let (key, bytes) = (ObjectKey::parse("k").unwrap(), Bytes::from(vec![7; 300_000]));
    backend.put(&key, Body::Full(bytes), PutOptions::default()).await.unwrap();

    assert_eq!(failed(&steps(quick(), remote.clone()).await).0, CheckName::Tls, "an unknown authority");
    let by_name = bucket.remote(&format!("https://localhost:{}", address.port()), OURS);
    assert_eq!(failed(&steps(trusting(), by_name).await).0, CheckName::Tls, "another name");
    stop.cancel();

    let nonsense = S3Options { extra_roots_pem: vec![b"no certificate".to_vec()], ..patient() };
    let clock = Arc::new(portcullis_domain::SystemClock);
    assert!(portcullis_backend::s3::S3Drivers::new(nonsense, clock).is_err());
}
