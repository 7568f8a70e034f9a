//! Nodes of Portcullis on one machine, with one key whose permission is changed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::client::Target;
use crate::cut::Ending;
use crate::peers::{Directory, spawn};

const PASSWORD: &str = "a password of the benchmark";
/// All clients come from one address.
const MANY: &str = "4000";

/// Where nodes are to run.
pub(crate) struct Place {
    pub(crate) program: PathBuf,
    pub(crate) scratch: PathBuf,
    pub(crate) database: Option<String>,
}

/// Running nodes.
pub(crate) struct Nodes {
    /// The bucket at each node.
    pub(crate) targets: Vec<Target>,
    web: String,
    bearer: String,
    key: String,
    _running: Vec<Ending>,
    _dir: Directory,
}

impl Nodes {
    pub(crate) fn start(place: &Place, count: usize) -> anyhow::Result<Self> {
        let dir = place.scratch.join(format!("bench-{}-nodes", std::process::id()));
        fs::create_dir_all(&dir)?;
        let dir = Directory(dir);
        let (mut running, mut places) = (Vec::new(), Vec::new());
        for node in 0..count {
            let (own, data) = (dir.0.join(node.to_string()), dir.0.join(node.to_string()).join("data"));
            fs::create_dir_all(&own)?;
            let mut command = Command::new(&place.program);
            command.args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--data-dir"]).arg(&data);
            command.args(["--max-connections-per-address", MANY]);
            if let Some(database) = &place.database {
                command.args(["--database", database]);
            }
            if node > 0 {
                command.arg("--master-key-file").arg(dir.0.join("0/data/master.key"));
            }
            command.env("PORTCULLIS_ADMIN_PASSWORD", PASSWORD);
            running.push(Ending(spawn(&mut command, &own)?));
            let end = Instant::now() + Duration::from_secs(30);
            let endpoints = loop {
                if let Ok(text) = fs::read_to_string(data.join("endpoints.json")) {
                    break serde_json::from_str::<Value>(&text)?;
                }
                ensure!(Instant::now() < end, "a node did not start");
                thread::sleep(Duration::from_millis(20));
            };
            let text = |name: &str| endpoints.get(name).and_then(Value::as_str).map(str::to_owned);
            places.push((text("web").context("web")?, text("s3").context("s3")?));
        }
        let web = places.first().context("a node")?.0.clone();
        let run = |words: &[&str]| -> anyhow::Result<Value> {
            let mut command = Command::new(&place.program);
            command.args(["--json"]).args(words).env("PORTCULLIS_SERVER", &web);
            command.env("XDG_CONFIG_HOME", &dir.0).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn()?;
            if let Some(stdin) = &mut child.stdin {
                stdin.write_all(format!("{PASSWORD}\n").as_bytes())?;
            }
            let output = child.wait_with_output()?;
            ensure!(output.status.success(), "{words:?} failed");
            Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
        };
        run(&["login", "--password-stdin"])?;
        run(&["storage", "create", "--name", "Bench"])?;
        let of_admin = ["key", "create", "--name", "admin", "--channel", "rest", "--permission", "full"];
        let admin = run(&of_admin)?;
        let of_storage =
            ["key", "create", "--storage", "Bench", "--name", "bench", "--permission", "read_write"];
        let made = run(&of_storage)?;
        let field = |from: &Value, at: &str| {
            from.pointer(at).and_then(Value::as_str).map(str::to_owned).context("no such field")
        };
        let (id, secret) = (field(&made, "/key/access_key")?, field(&made, "/secret")?);
        let bucket = field(&made, "/bucket_name")?;
        let target =
            |(_, s3): &(String, String)| Target::new(s3.trim_start_matches("http://"), &bucket, &id, &secret);
        Ok(Self {
            targets: places.iter().map(target).collect(),
            web: web.trim_start_matches("http://").to_owned(),
            bearer: field(&admin, "/bearer")?,
            key: field(&made, "/key/id")?,
            _running: running,
            _dir: dir,
        })
    }

    /// Gives the key this permission; what is answered.
    pub(crate) fn permit(&self, permission: &str) -> anyhow::Result<Value> {
        let body = format!("{{\"permission\":\"{permission}\"}}");
        let head = format!(
            "PATCH /api/v1/keys/{} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            self.web,
            self.bearer,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.web)?;
        stream.write_all(head.as_bytes())?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200"), "{line}");
        while line.trim_end() != "" {
            line.clear();
            answer.read_line(&mut line)?;
        }
        let mut text = String::new();
        answer.read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    }
}
