//! Portcullis between two storages, driven by REST.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::client::Target;
use crate::measure::{cpu_seconds, peak_memory};
use crate::peers::{Directory, spawn};

const PASSWORD: &str = "a password of the benchmark";
/// The longest that a plan or a run may take.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// A running Portcullis and its directory.
pub(crate) struct Gate {
    program: PathBuf,
    dir: Directory,
    child: Child,
    web: String,
    pub(crate) s3: String,
    token: String,
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a plan or a run took.
#[derive(Clone, Debug)]
pub(crate) struct Took {
    pub(crate) seconds: f64,
    pub(crate) cpu: f64,
    /// The largest resident size of the server meanwhile, in bytes.
    pub(crate) peak: u64,
    pub(crate) view: Value,
}

impl Gate {
    /// Starts one in a directory of its own.
    pub(crate) fn start(program: &Path, scratch: &Path, name: &str) -> anyhow::Result<Self> {
        let dir = scratch.join(format!("bench-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir)?;
        let dir = Directory(dir);
        let (child, endpoints) = boot(program, &dir.0)?;
        let mut gate = Self {
            program: program.to_owned(),
            dir,
            child,
            web: String::new(),
            s3: String::new(),
            token: String::new(),
        };
        gate.sign_in(&endpoints)?;
        Ok(gate)
    }

    fn sign_in(&mut self, endpoints: &Value) -> anyhow::Result<()> {
        let text = |name: &str| {
            let url = endpoints.get(name).and_then(Value::as_str).context("no endpoint")?;
            Ok::<_, anyhow::Error>(url.trim_start_matches("http://").to_owned())
        };
        (self.web, self.s3) = (text("web")?, text("s3")?);
        let session = self.call("POST", "/sessions", &json!({"username": "admin", "password": PASSWORD}))?;
        self.token = word(&session, "/token")?;
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would, and starts it again.
    pub(crate) fn kill_and_boot(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        let (child, endpoints) = boot(&self.program, &self.dir.0)?;
        self.child = child;
        self.sign_in(&endpoints)
    }

    /// One call; what is answered, which must be a success.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.web,
            self.token,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.web)?;
        stream.write_all(head.as_bytes())?;
        let mut answer = BufReader::new(stream);
        let (mut status, mut line) = (String::new(), String::new());
        answer.read_line(&mut status)?;
        while answer.read_line(&mut line)? > 2 {
            line.clear();
        }
        let mut text = String::new();
        answer.read_to_string(&mut text)?;
        ensure!(status.starts_with("HTTP/1.1 2"), "{method} {path}: {} {text}", status.trim_end());
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// A storage of its own, and how to reach it by S3: its id and a target.
    pub(crate) fn builtin(&self, name: &str) -> anyhow::Result<(String, Target)> {
        let made = self.call("POST", "/storages", &json!({"name": name, "provider": "builtin"}))?;
        let id = word(&made, "/id")?;
        let key = json!({"name": "bench", "channel": "s3", "scope": {"storage": id}, "permission": "read_write", "networks": []});
        let key = self.call("POST", "/keys", &key)?;
        let target = Target::new(
            &self.s3,
            &word(&key, "/bucket_name")?,
            &word(&key, "/key/access_key")?,
            &word(&key, "/secret")?,
        );
        Ok((id, target))
    }

    /// A storage in a bucket elsewhere; its id.
    pub(crate) fn remote(&self, name: &str, at: &Target) -> anyhow::Result<String> {
        let form = json!({
            "name": name, "provider": "s3", "preset": "other", "endpoint": format!("http://{}", at.address),
            "bucket": at.bucket, "access_key_id": at.credentials.0, "secret_access_key": at.credentials.1,
        });
        word(&self.call("POST", "/storages", &form)?, "/id")
    }

    /// A two-way plan of two storages.
    pub(crate) fn plan(&self, storage: &str, bucket: &str) -> anyhow::Result<Took> {
        let draft = json!({"with": {"storage": bucket}, "mode": "two_way"});
        self.took(|| {
            let made = self.call("POST", &format!("/storages/{storage}/sync-plans"), &draft)?;
            let plan = self.settled(&format!("/sync-plans/{}", word(&made, "/id")?), &["planning"])?;
            ensure!(plan.get("state").is_some_and(|state| state == "ready"), "{plan}");
            Ok(plan)
        })
    }

    /// Starts a plan; the run's path.
    pub(crate) fn begin(&self, plan: &Value) -> anyhow::Result<String> {
        let run = self.call("POST", &format!("/sync-plans/{}/run", word(plan, "/id")?), &json!({}))?;
        Ok(format!("/sync-runs/{}", word(&run, "/id")?))
    }

    /// Runs a plan to its end.
    pub(crate) fn run(&self, plan: &Value) -> anyhow::Result<Took> {
        self.took(|| {
            let run = self.settled(&self.begin(plan)?, &["waiting", "running", "settling"])?;
            ensure!(run.get("state").is_some_and(|state| state == "done"), "{run}");
            Ok(run)
        })
    }

    fn took(&self, work: impl FnOnce() -> anyhow::Result<Value>) -> anyhow::Result<Took> {
        // From here on the peak is that of this work.
        drop(fs::write(format!("/proc/{}/clear_refs", self.pid()), "5"));
        let (begin, cpu) = (Instant::now(), cpu_seconds(&[self.pid()]));
        let view = work()?;
        let (seconds, cpu) = (begin.elapsed().as_secs_f64(), cpu_seconds(&[self.pid()]) - cpu);
        Ok(Took { seconds, cpu, peak: peak_memory(&[self.pid()]), view })
    }

    /// Something with a state, once it is none of these.
    pub(crate) fn settled(&self, path: &str, under_way: &[&str]) -> anyhow::Result<Value> {
        self.until(path, |seen| {
            seen.get("state").and_then(Value::as_str).is_some_and(|state| !under_way.contains(&state))
        })
    }

    /// Something, once this holds of it.
    pub(crate) fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.call("GET", path, &Value::Null)?;
            if holds(&seen) {
                return Ok(seen);
            }
            if Instant::now() > end {
                bail!("in vain: {path}: {seen}");
            }
            thread::sleep(Duration::from_millis(25));
        }
    }
}

fn boot(program: &Path, dir: &Path) -> anyhow::Result<(Child, Value)> {
    let data = dir.join("data");
    drop(fs::remove_file(data.join("endpoints.json")));
    let mut command = Command::new(program);
    command.args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--data-dir"]).arg(&data);
    command.args(["--allow-private-endpoints", "127.0.0.0/8"]);
    command.env("PORTCULLIS_ADMIN_PASSWORD", PASSWORD);
    let mut child = spawn(&mut command, dir)?;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(text) = fs::read_to_string(data.join("endpoints.json")) {
            return Ok((child, serde_json::from_str(&text)?));
        }
        ensure!(child.try_wait()?.is_none() && Instant::now() < end, "Portcullis did not start");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A text in an answer.
pub(crate) fn word(of: &Value, at: &str) -> anyhow::Result<String> {
    of.pointer(at).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {at} in {of}"))
}

/// A number in an answer; none counts as nothing.
pub(crate) fn figure(of: &Value, at: &str) -> u64 {
    of.pointer(at).and_then(Value::as_u64).unwrap_or(0)
}
