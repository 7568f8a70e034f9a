//! The promises of the trait, kept through other people's servers. `scripts/test` installs them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use portcullis_backend::Backend;
use portcullis_backend::s3::{ProviderCredentials, Remote, RemoteCapabilities};
use portcullis_domain::{Clock as _, KeyPrefix, Provider, Secret, SystemClock};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::conformance::{broken, compare};
use super::world::{OURS, connect, patient};

const ACCESS: &str = "TESTTESTTESTTESTTEST";
const SECRET: &str = "testtesttesttesttesttesttesttesttesttest";
const BUCKET: &str = "conformance";
/// A server that is not there by then does not come.
const START: Duration = Duration::from_secs(60);

/// What cannot be done through SeaweedFS 4.48, and why. This list may only shrink.
const SEAWEEDFS: &[(&str, &str)] = &[
    ("checksums::of_completions", "it takes a part under another checksum for a bad request"),
    ("checksums::of_copies", "it does not take a checksum over when it copies"),
    ("checksums::of_objects", "its listings do not tell of checksums"),
    ("checksums::of_parts", "its lists of parts do not tell checksums"),
    ("checksums::of_uploads", "it refuses some kinds of checksums of whole uploads"),
    ("complete::a_single_part", NO_PARTS),
    ("complete::making_an_object", NO_PARTS),
    ("complete::refusals", "it does not look at the checksums of parts when it completes"),
    ("concurrency::one_completion", "sometimes: the second of two completions at once finds no upload"),
    ("conditions::writes_if_absent", FOLDERS),
    ("copy::bytes_and_headers", NO_VERSIONS),
    ("copy::conditions_of_the_target", NO_VERSIONS),
    ("copy::of_an_object_in_parts", "its copy of an upload is in parts and has no parts"),
    ("copy::onto_itself", NO_VERSIONS),
    ("listing::order", NO_ROOM),
    ("listing::positions", FOLDERS),
    ("listing::prefixes_and_delimiters", FOLDERS),
    ("listing::thousands", "it announces a page after the last"),
    ("objects::content_headers", "it refuses an Expires that is no date"),
    ("objects::deleting", FOLDERS),
    ("objects::odd_keys_are_literal", FOLDERS),
    ("objects::replacing", NO_VERSIONS),
    ("objects::round_trip", "it gives a type to what was stored without"),
    ("random::behaves_like_a_map", FOLDERS),
    ("tags::kept_and_replaced", "it sorts tags"),
    ("uploads::listing", "it lists uploads in the order of their own names"),
    ("uploads::parts", STALE_PARTS),
    ("uploads::wrong_names", "it answers an upload that never was with a fault of its own"),
    ("usage::of_objects", FOLDERS),
    ("usage::of_odd_folders", FOLDERS),
    ("usage::of_uploads", STALE_PARTS),
];

/// What cannot be done through moto 5.2, and why. This list may only shrink.
const MOTO: &[(&str, &str)] = &[
    ("complete::a_single_part", NO_PARTS),
    ("complete::again", "it answers an upload of another key with a fault of its own"),
    ("complete::making_an_object", NO_PARTS),
    ("complete::refusals", "it does not look at the checksums of parts when it completes"),
    ("complete::side_by_side", FAILS),
    ("concurrency::counters_add_up", FAILS),
    ("concurrency::one_completion", FAILS),
    ("concurrency::one_creates", FAILS),
    ("concurrency::no_update_is_lost", FAILS),
    ("concurrency::reads_are_whole", FAILS),
    ("concurrency::quota_is_not_passed", FAILS),
    ("copy::bytes_and_headers", NO_VERSIONS),
    ("copy::conditions_of_the_target", NO_VERSIONS),
    ("copy::onto_itself", NO_VERSIONS),
    ("listing::order", NO_ROOM),
    ("listing::positions", "it takes a start that ends in the delimiter for a common prefix"),
    ("objects::odd_keys_are_literal", "it does not find some keys that it was given"),
    ("objects::replacing", NO_VERSIONS),
    ("ranges::of_an_empty_object", "it answers a range of nothing with one"),
    ("ranges::of_an_object_in_parts", "it does not take If-Match together with a part"),
    ("tags::kept_and_replaced", "it fails on no tags"),
    ("uploads::beginning_and_giving_up", NO_CHECKSUMS),
    ("uploads::listing", "it lists uploads as they were begun"),
    ("uploads::parts", "its pages of parts end too early"),
    ("uploads::wrong_names", "it answers an upload that never was with a fault of its own"),
    ("usage::of_odd_folders", "it does not find some keys that it was given"),
];

const STALE_PARTS: &str = "sometimes: of a part that was stored again it lists the one before";
const NO_PARTS: &str = "an answer to a read does not list the object's parts";
const NO_VERSIONS: &str = "the same bytes have the same entity tag, which is all that tells versions apart";
const NO_ROOM: &str = "a key of 1024 bytes does not fit behind a prefix";
const NO_CHECKSUMS: &str = "it was not found to keep checksums";
const FOLDERS: &str =
    "its keys are paths of a file system: a file is no folder, `a` and `a/` and `a//b` are not three keys";
const FAILS: &str = "sometimes: it fails or forgets when several call at once";

struct Peer {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/venv/bin").join(name);
    assert!(path.exists(), "{name} is missing: scripts/test installs it");
    path
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn spawn(program: &Path, arguments: &[String], directory: &Path) -> Child {
    Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Peer {
    /// Waits until the bucket of the tests could be made.
    async fn ready(self) -> Self {
        let end = Instant::now() + START;
        loop {
            let told = create_bucket(self.address).await;
            if told.as_deref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return self;
            }
            assert!(Instant::now() < end, "the peer does not make a bucket: {told:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn remote(&self, prefix: &str, capabilities: RemoteCapabilities) -> Remote {
        Remote {
            endpoint: format!("http://{}", self.address).parse().unwrap(),
            region: "us-east-1".to_owned(),
            bucket: BUCKET.to_owned(),
            prefix: KeyPrefix::parse(prefix).unwrap(),
            path_style: true,
            provider: Provider::S3,
            credentials: ProviderCredentials {
                access_key_id: ACCESS.to_owned(),
                secret_access_key: Secret::foreign(SECRET.to_owned()),
                capabilities,
            },
        }
    }

    async fn conforms(&self, expected: RemoteCapabilities, cannot: &[(&'static str, &'static str)]) {
        let found =
            connect(patient(), self.remote("", RemoteCapabilities::default())).detect().await.unwrap();
        assert_eq!(found, expected);
        let number = AtomicU32::new(0);
        let (broken, skipped) = broken(async || {
            let prefix = format!("{}/", number.fetch_add(1, Ordering::Relaxed));
            let backend: Arc<dyn Backend> = connect(patient(), self.remote(&prefix, found));
            backend
        })
        .await;
        println!("skipped: {skipped:?}");
        let cannot: BTreeMap<_, _> = cannot.iter().copied().collect();
        compare(&broken, &cannot);
    }
}

async fn create_bucket(address: SocketAddr) -> std::io::Result<String> {
    let date = AmzDate::from_unix(SystemClock.now().seconds()).unwrap();
    let signer = Signer::new(ACCESS, SECRET.as_bytes(), "us-east-1", &date).unwrap();
    let (path, host) = (format!("/{BUCKET}"), address.to_string());
    let headers = [("host", host.as_bytes())];
    let request = RawRequest { method: "PUT", path: &path, query: None, headers: &headers };
    let signed = signer.sign(&request, &date, Payload::Unsigned).unwrap();
    let text = format!(
        "PUT {path} HTTP/1.1\r\nHost: {host}\r\nX-Amz-Date: {date}\r\nX-Amz-Content-Sha256: {}\r\nAuthorization: {}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n",
        signed.content_sha256, signed.authorization
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn seaweedfs() -> Peer {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("s3.json");
    let identities = format!(
        "{{\"identities\":[{{\"name\":\"test\",\"credentials\":[{{\"accessKey\":\"{ACCESS}\",\"secretKey\":\"{SECRET}\"}}],\
         \"actions\":[\"Admin\",\"Read\",\"Write\",\"List\",\"Tagging\"]}}]}}"
    );
    std::fs::write(&config, identities).unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut arguments: Vec<String> = [
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-s3",
        "-filer",
        "-volume.max=0",
        "-master.volumeSizeLimitMB=64",
    ]
    .map(str::to_owned)
    .to_vec();
    let s3 = free_port().await;
    arguments.push(format!("-s3.port={s3}"));
    for name in [
        "master.port",
        "volume.port",
        "filer.port",
        "master.port.grpc",
        "volume.port.grpc",
        "filer.port.grpc",
        "s3.port.grpc",
    ] {
        arguments.push(format!("-{name}={}", free_port().await));
    }
    arguments.push(format!("-s3.config={}", config.display()));
    arguments.push(format!("-dir={}", data.display()));
    let child = spawn(&tool("weed"), &arguments, directory.path());
    Peer { child, address: SocketAddr::from(([127, 0, 0, 1], s3)), _directory: directory }.ready().await
}

async fn moto() -> Peer {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port().await;
    let arguments = ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned);
    let child = spawn(&tool("moto_server"), &arguments, directory.path());
    Peer { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _directory: directory }.ready().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn seaweedfs_as_the_provider() {
    let peer = seaweedfs().await;
    peer.conforms(OURS, SEAWEEDFS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn moto_as_the_provider() {
    let peer = moto().await;
    let found = RemoteCapabilities {
        conditional_copies: false,
        conditional_sources: false,
        checksums: false,
        ..OURS
    };
    peer.conforms(found, MOTO).await;
}
