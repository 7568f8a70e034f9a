//! A server of our own for a test: started on free loopback ports, ended with the test.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// What the people have who are made by an admin: for them the well-known one of above is refused.
pub(crate) const OWN_PASSWORD: &str = "nine lamps over a quiet harbour";

/// The binary under test.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_portcullis")
}

/// A running server with its own data directory.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    server: Option<Child>,
    pub(crate) web: String,
    pub(crate) s3: String,
    /// The doors that were asked for by a flag, as `host:port`.
    pub(crate) ftp: Option<String>,
    pub(crate) ftps: Option<String>,
    pub(crate) sftp: Option<String>,
    pub(crate) smtp: Option<String>,
    pub(crate) smtps: Option<String>,
    token: String,
    flags: Vec<String>,
    /// Where the doors are to be: web and s3.
    ports: [String; 2],
}

/// A storage with a key to it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) key_id: String,
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) bucket: String,
    /// What goes along with every request, if the credentials are temporary.
    pub(crate) session_token: Option<String>,
}

impl World {
    /// Starts a server with an empty data directory.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more flags.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut world = Self {
            dir,
            server: None,
            web: String::new(),
            s3: String::new(),
            ftp: None,
            ftps: None,
            sftp: None,
            smtp: None,
            smtps: None,
            token: String::new(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ports: ["127.0.0.1:0"; 2].map(str::to_owned),
        };
        world.boot();
        world
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A directory for a test's own files.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Starts the server again, on new ports, over the same data.
    pub(crate) fn boot(&mut self) {
        let data = self.data_dir();
        drop(fs::remove_file(data.join("endpoints.json")));
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let child = Command::new(binary())
            .args(["serve", "--web", &self.ports[0], "--s3", &self.ports[1], "--data-dir"])
            .arg(&data)
            .args(&self.flags)
            .env("PORTCULLIS_ADMIN_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(child);
        let end = Instant::now() + PATIENCE;
        let endpoints = loop {
            if let Ok(text) = fs::read_to_string(data.join("endpoints.json")) {
                break serde_json::from_str::<Value>(&text).unwrap();
            }
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "the server did not start:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        };
        self.web = endpoints["web"].as_str().unwrap().to_owned();
        self.s3 = endpoints["s3"].as_str().unwrap().to_owned();
        let line = |scheme: &str| {
            let url = endpoints.get(scheme)?.as_str().unwrap();
            Some(url.strip_prefix(&format!("{scheme}://")).unwrap().to_owned())
        };
        (self.ftp, self.ftps, self.sftp) = (line("ftp"), line("ftps"), line("sftp"));
        (self.smtp, self.smtps) = (line("smtp"), line("smtps"));
        let answer =
            self.rest("POST", "/sessions", None, Some(&json!({"username": "admin", "password": PASSWORD})));
        assert_eq!(answer.0, 201, "{}", answer.1);
        self.token = answer.1["token"].as_str().unwrap().to_owned();
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// From now on the server starts on the ports that it has.
    pub(crate) fn keep_ports(&mut self) {
        self.ports = [&self.web, &self.s3].map(|url| url.strip_prefix("http://").unwrap().to_owned());
    }

    /// The certificate that clients are to trust, if the doors speak TLS.
    pub(crate) fn certificate(&self) -> Option<&Path> {
        let at = self.flags.iter().position(|flag| flag == "--tls-cert")?;
        Some(Path::new(&self.flags[at + 1]))
    }

    /// Everything the server has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.as_ref().unwrap().id()
    }

    /// `kill -9`, as a power cut would have it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.server.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM; the exit status of an orderly end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut child = self.server.take().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid).unwrap(),
            rustix::process::Signal::TERM,
        )
        .unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > end {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the server did not stop:\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// One REST call; the status and the JSON answer.
    pub(crate) fn rest(
        &self,
        method: &str,
        path: &str,
        bearer: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .allow_non_standard_methods(true);
        if let Some(certificate) = self.certificate() {
            config = config.tls_config(crate::tls::trusting(certificate));
        }
        let agent = config.build().new_agent();
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}/api/v1{path}", self.web));
        if let Some(bearer) = bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        let mut answer = match body {
            Some(body) => {
                agent.run(request.header("Content-Type", "application/json").body(body.to_string()).unwrap())
            }
            None => agent.run(request.body(()).unwrap()),
        }
        .unwrap();
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// What authenticates the admin to the REST API.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// One REST call as admin that must succeed.
    pub(crate) fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.rest(method, path, Some(&self.token), body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// A new storage's id and bucket name.
    pub(crate) fn storage(&self, name: &str) -> (String, String) {
        let answer = self.admin("POST", "/storages", Some(&json!({"name": name, "provider": "builtin"})));
        (answer["id"].as_str().unwrap().to_owned(), answer["bucket_name"].as_str().unwrap().to_owned())
    }

    /// A new S3 key for a storage.
    pub(crate) fn key(&self, storage: &str, permission: &str) -> Access {
        self.key_with(storage, &json!({"permission": permission}))
    }

    /// A new S3 key with more settings.
    pub(crate) fn key_with(&self, storage: &str, more: &Value) -> Access {
        let mut body =
            json!({"name": "test", "channel": "s3", "scope": {"storage": storage}, "networks": []});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self.admin("POST", "/keys", Some(&body));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Access {
            key_id: text(&answer["key"]["id"]),
            access_key: text(&answer["key"]["access_key"]),
            secret: text(&answer["secret"]),
            bucket: text(&answer["bucket_name"]),
            session_token: None,
        }
    }

    /// Temporary credentials of a key.
    pub(crate) fn temporary(&self, key: &Access, given: &Value) -> Access {
        let path = format!("/keys/{}/temporary-credentials", key.key_id);
        let answer = self.admin("POST", &path, Some(given));
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let (access_key, secret) = (text("access_key"), text("secret"));
        Access { access_key, secret, session_token: Some(text("session_token")), ..key.clone() }
    }

    /// A new user's id, who has [`OWN_PASSWORD`].
    pub(crate) fn member(&self, name: &str) -> String {
        let given = json!({"username": name, "role": "member", "password": OWN_PASSWORD});
        self.admin("POST", "/users", Some(&given))["user"]["id"].as_str().unwrap().to_owned()
    }

    /// A new S3 key for whatever a user may do; `bucket` is for whoever asks to fill in.
    pub(crate) fn user_key(&self, user: &str, permission: &str, bucket: &str) -> Access {
        let given =
            json!({"name": "own", "channel": "s3", "scope": {"user": user}, "permission": permission});
        let answer = self.admin("POST", "/keys", Some(&given));
        Access {
            key_id: answer["key"]["id"].as_str().unwrap().to_owned(),
            access_key: answer["key"]["access_key"].as_str().unwrap().to_owned(),
            secret: answer["secret"].as_str().unwrap().to_owned(),
            bucket: bucket.to_owned(),
            session_token: None,
        }
    }

    /// The command line, signed in as nobody.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.scratch("home")).env("PORTCULLIS_SERVER", &self.web);
        command.stdin(Stdio::null());
        command
    }

    /// The host and port of the S3 door.
    pub(crate) fn s3_host(&self) -> &str {
        self.s3.split_once("://").unwrap().1
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        }
    }
}

/// Runs a command that must succeed; its standard output.
pub(crate) fn ok(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command that must fail; what it printed, both streams.
pub(crate) fn refused(command: &mut Command) -> String {
    let output = run(command);
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{command:?} was not refused:\n{told}");
    told
}

/// Runs a command to its end, two minutes at the most.
pub(crate) fn run(command: &mut Command) -> Output {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(
            |error| {
                panic!("{command:?} cannot be run ({error}); the test command installs what the tests need")
            },
        );
    let drain = |stream: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            let mut reader = BufReader::new(stream);
            while reader.read_until(b'\n', &mut text).is_ok_and(|read| read > 0) {}
            text
        })
    };
    let stdout = drain(Box::new(child.stdout.take().unwrap()));
    let stderr = drain(Box::new(child.stderr.take().unwrap()));
    let end = Instant::now() + 2 * PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!(
                "{command:?} did not end within two minutes: {}",
                String::from_utf8_lossy(&stderr.join().unwrap())
            );
        }
        thread::sleep(Duration::from_millis(10));
    };
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Files of many kinds below `root`; how many. The same every time.
pub(crate) fn plant(root: &Path) -> usize {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let names = [
        "plain.txt",
        "with space.txt",
        "ünï çødé.txt",
        "a+b=c&d.txt",
        "percent%41.txt",
        "deep/er/and/deeper/x",
        "empty",
        "deep/#hash?",
    ];
    let sizes = [10, 4096, 70_000, 1, 300_000, 12_000_000, 0, 8_192];
    for (name, size) in names.iter().zip(sizes) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes: Vec<u8> = (0..size).map(|_| u8::try_from(random() & 0xff).unwrap()).collect();
        fs::write(path, bytes).unwrap();
    }
    for number in 0..120 {
        let dir = root.join(format!("many/{}", number % 7));
        fs::create_dir_all(&dir).unwrap();
        fs::write(
            dir.join(format!("{number}.bin")),
            random().to_be_bytes().repeat(usize::from(number as u8)),
        )
        .unwrap();
    }
    names.len() + 120
}
