//! Real clients of `/files`: curl as the page of the manual uses it, and tuspy.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_listener::DoorConfig;
use portcullis_web::{Config, Doors};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::files_http::Place;
use crate::world::{S3_ADDRESS, WEB_ADDRESS, spool};

/// A door on a socket.
struct Served {
    place: Place,
    gate: String,
    home: tempfile::TempDir,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Served {
    async fn new(permission: &str) -> Self {
        let place = Place::new(permission).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = format!("http://{}", listener.local_addr().unwrap());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let config = Config {
            s3_address: S3_ADDRESS.to_owned(),
            web_address: WEB_ADDRESS.to_owned(),
            door: DoorConfig::default(),
            doors: Doors::default(),
            spool: spool(),
        };
        let (access, control) = (place.world.access.clone(), place.world.control.clone());
        let serving = portcullis_web::serve(config, listener, access, control, stop.clone(), tasks.clone());
        tasks.spawn(async move { serving.await.unwrap() });
        let home = tempfile::tempdir().unwrap();
        let (name, secret) = place.token.split_once('.').unwrap();
        let netrc = home.path().join(".netrc");
        fs::write(&netrc, format!("machine 127.0.0.1 login {name} password {secret}\n")).unwrap();
        fs::set_permissions(&netrc, fs::Permissions::from_mode(0o600)).unwrap();
        Self { place, gate, home, stop, tasks }
    }

    /// Runs a program in its own directory, with nothing of this machine's settings.
    async fn run(&self, program: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.home.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.home.path());
        command.env("GATE", &self.gate).env("BUCKET", self.place.bucket()).env("TOKEN", &self.place.token);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let told = [done.stdout, done.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(done.status.success(), "{told}");
        told
    }

    async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The pieces of the manual's page in this language, one after the other.
fn of_the_page(language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/http.md");
    let page = fs::read_to_string(page).unwrap();
    let pieces: Vec<_> = page
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|piece| piece.strip_prefix(language)?.strip_prefix('\n'))
        .map(str::to_owned)
        .collect();
    assert!(!pieces.is_empty());
    pieces.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_does_what_the_page_says() {
    let served = Served::new("read_write").await;
    let script = format!("set -euo pipefail\nset -x\n{}", of_the_page("bash"));
    fs::write(served.home.path().join("page.sh"), script).unwrap();
    served.run(Path::new("bash"), &["page.sh"]).await;
    assert_eq!(served.place.keys().await, ["2027/report.txt", "large"]);
    served.close().await;
}

/// Where the test command puts the tools that come from PyPI.
fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/venv/bin/python")
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_sends_in_steps_and_goes_on() {
    let served = Served::new("write").await;
    let page = of_the_page("python").replace(
        "client = ",
        "import os\nGATE, BUCKET, TOKEN = (os.environ[n] for n in ('GATE', 'BUCKET', 'TOKEN'))\nclient = ",
    );
    let script = format!(
        "open('large', 'wb').write(os.urandom(20_000_000))\n{page}\n\
         # One that ends in the middle, and another process that goes on with it: by its address, and with digests.\n\
         one = client.uploader('large', metadata={{'filename': 'resumed'}}, chunk_size=3_000_000)\n\
         for _ in range(4): one.upload_chunk()\n\
         assert one.offset == 12_000_000, one.offset\n\
         other = client.uploader('large', url=one.url, chunk_size=5_000_000, upload_checksum=True)\n\
         assert other.offset == 12_000_000, other.offset\n\
         other.upload()\n\
         # All at once, and nothing at all.\n\
         client.uploader('large', metadata={{'filename': 'at-once'}}, upload_checksum=True).upload()\n\
         open('none', 'wb').close()\n\
         client.uploader('none', metadata={{'filename': 'none'}}).upload()\n"
    );
    fs::write(served.home.path().join("page.py"), format!("import os\n{script}")).unwrap();
    served.run(&python(), &["page.py"]).await;
    let sent = fs::read(served.home.path().join("large")).unwrap();
    let names = ["in/at-once", "in/large", "in/none", "in/resumed"];
    assert_eq!(served.place.keys().await, names);
    for name in ["in/at-once", "in/large", "in/resumed"] {
        let id = served.place.storage["id"].as_str().unwrap();
        let path = format!("/api/v1/storages/{id}/file?key={}", name.replace('/', "%2F"));
        let stored = served.place.world.admin("GET", &path).send().await;
        assert!(stored.body == sent, "{name}: other bytes");
    }
    served.close().await;
}
