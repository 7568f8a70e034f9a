//! The programs that do the same without a server, each told to look only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::client::Target;
use crate::measure::peak_memory;

/// Where the programs are.
#[derive(clap::Args)]
pub(crate) struct Programs {
    /// rclone
    #[arg(long, default_value = "target/tools/venv/bin/rclone")]
    rclone: PathBuf,
    /// The AWS command line
    #[arg(long, default_value = "target/tools/venv/bin/aws")]
    aws: PathBuf,
    /// s5cmd, which bench/peers installs
    #[arg(long, default_value = "target/peers/venv/bin/s5cmd")]
    s5cmd: PathBuf,
    /// Programs that take longer are ended, in seconds
    #[arg(long, default_value_t = 900)]
    patience: u64,
}

/// How it went.
pub(crate) enum Ended {
    /// By itself, with success or without.
    Done { seconds: f64, peak: u64, fine: bool },
    /// It was ended after so many seconds.
    TooLong { seconds: u64, peak: u64 },
}

/// A program with two buckets at one address.
pub(crate) struct Other {
    pub(crate) name: &'static str,
    /// What has to be done before, and what is measured.
    before: Option<Vec<String>>,
    words: Vec<String>,
}

impl Programs {
    /// Every program, as it is called for these buckets.
    pub(crate) fn all(&self, near: &Target, far: &Target, dir: &Path) -> anyhow::Result<Vec<Other>> {
        let config = dir.join("rclone.conf");
        fs::write(
            &config,
            format!(
                "[lists]\ntype = s3\nprovider = Other\nregion = us-east-1\nno_check_bucket = true\nlist_version = 2\n\
                 endpoint = http://{}\naccess_key_id = {}\nsecret_access_key = {}\n",
                near.address, near.credentials.0, near.credentials.1
            ),
        )?;
        let text = |path: &Path| path.display().to_string();
        let (left, right) = (format!("lists:{}", near.bucket), format!("lists:{}", far.bucket));
        let rclone = |words: &[&str]| {
            let mut all = vec![text(&self.rclone), "--config".to_owned(), text(&config)];
            all.extend(words.iter().map(|word| (*word).to_owned()));
            all.extend(["--fast-list", "--checkers", "64", "--use-server-modtime"].map(str::to_owned));
            all.extend([left.clone(), right.clone()]);
            all
        };
        let work = text(&dir.join("bisync"));
        let endpoint = format!("http://{}", near.address);
        let (from, to) = (format!("s3://{}", near.bucket), format!("s3://{}", far.bucket));
        Ok(vec![
            Other { name: "rclone check", before: None, words: rclone(&["check"]) },
            Other {
                name: "rclone bisync --dry-run",
                before: Some(rclone(&["bisync", "--resync", "--workdir", &work])),
                words: rclone(&["bisync", "--dry-run", "--workdir", &work]),
            },
            Other {
                name: "s5cmd sync --dry-run",
                before: None,
                words: [
                    &text(&self.s5cmd),
                    "--endpoint-url",
                    &endpoint,
                    "--dry-run",
                    "sync",
                    &format!("{from}/*"),
                    &format!("{to}/"),
                ]
                .map(str::to_owned)
                .to_vec(),
            },
            Other {
                name: "aws s3 sync --dryrun",
                before: None,
                words: [&text(&self.aws), "--endpoint-url", &endpoint, "s3", "sync", "--dryrun", &from, &to]
                    .map(str::to_owned)
                    .to_vec(),
            },
        ])
    }

    /// Runs one, what it needs first included; the measure is of the second alone.
    pub(crate) fn measure(
        &self,
        other: &Other,
        near: &Target,
        dir: &Path,
    ) -> anyhow::Result<(Option<Ended>, Ended)> {
        let before = match &other.before {
            Some(words) => Some(self.run(words, near, dir)?),
            None => None,
        };
        Ok((before, self.run(&other.words, near, dir)?))
    }

    fn run(&self, words: &[String], near: &Target, dir: &Path) -> anyhow::Result<Ended> {
        let (program, rest) = words.split_first().context("no program")?;
        let log = fs::File::create(dir.join("log"))?;
        let path: &str = "/usr/local/bin:/usr/bin:/bin";
        let mut child = Command::new(program)
            .args(rest)
            .env_clear()
            .env("PATH", path)
            .env("HOME", dir)
            .env("AWS_ACCESS_KEY_ID", &near.credentials.0)
            .env("AWS_SECRET_ACCESS_KEY", &near.credentials.1)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{program} cannot be started"))?;
        let begin = Instant::now();
        let mut peak = 0;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Ended::Done {
                    seconds: begin.elapsed().as_secs_f64(),
                    peak,
                    fine: status.success(),
                });
            }
            peak = peak.max(peak_memory(&[child.id()]));
            if begin.elapsed() > Duration::from_secs(self.patience) {
                child.kill()?;
                child.wait()?;
                return Ok(Ended::TooLong { seconds: self.patience, peak });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Other {
    /// What is called, without the places of this machine.
    pub(crate) fn line(&self) -> String {
        let base = |word: &String| word.rsplit('/').next().unwrap_or(word).to_owned();
        let shown = self.words.iter().map(|word| {
            if word.starts_with('/') || word.starts_with("target/") { base(word) } else { word.clone() }
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done { seconds, peak, fine } => {
                let said = if *fine { "" } else { ", ended with a fault" };
                write!(f, "{seconds:.1} s · {} MB{said}", peak / 1_000_000)
            }
            Self::TooLong { seconds, peak } => write!(f, "more than {seconds} s · {} MB", peak / 1_000_000),
        }
    }
}
