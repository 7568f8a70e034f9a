//! `portcullis scan`: finds Portcullis secrets in files, without asking anybody. What it prints is never the whole of one.

use std::collections::HashSet;
use std::fs::{self, File, ReadDir};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::bail;
use portcullis_control::{Finding, LEAK_REPORT_SECRETS, Scanner};
use portcullis_domain::Secret;
use rustix::fs::{Mode, OFlags};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Usage;
use super::api::{Api, Reported};
use super::args::ScanArgs;
use super::render::Form;
use crate::output;

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;
/// Folders in folders that are gone into: each holds a descriptor.
const DEEPEST: usize = 200;
/// Different secrets that are told apart, to report each once.
const TOLD_APART: usize = 100_000;
/// Characters of a secret that are shown.
const SHOWN: usize = 6;

/// Scans what the call names.
///
/// # Errors
/// Ends the process with 1 if a secret was found; with 2 ([`Usage`]) if none was, but not everything could be read.
pub(super) fn run(args: &ScanArgs) -> anyhow::Result<()> {
    let form = if args.json { Form::Programs } else { Form::People };
    let mut scan = Scan {
        form,
        scanner: Scanner::default(),
        piece: vec![0; PIECE],
        found: 0,
        unreadable: 0,
        reporter: args.report.as_deref().map(Reporter::new).transpose()?,
    };
    if form == Form::Programs {
        output::line("[")?;
    }
    for path in &args.paths {
        scan.start(path)?;
    }
    if form == Form::Programs {
        output::line("]")?;
    }
    if let Some(reporter) = &mut scan.reporter {
        reporter.send()?;
    }
    match (scan.found, scan.unreadable) {
        (0, 0) => Ok(()),
        (0, count) => bail!(Usage(format!("no secret was found in the rest, but {count} could not be read"))),
        (found, _) => bail!("{found} found; give those keys new credentials"),
    }
}

struct Scan {
    form: Form,
    scanner: Scanner,
    piece: Vec<u8>,
    found: u64,
    unreadable: u64,
    reporter: Option<Reporter>,
}

impl Scan {
    /// Scans what was named: a file, a folder with all below it, or `-` for standard input.
    fn start(&mut self, path: &Path) -> anyhow::Result<()> {
        if path.as_os_str() == "-" {
            return self.stream("(standard input)", &mut io::stdin().lock());
        }
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => self.folder(path),
            Ok(meta) if meta.is_symlink() => {
                self.unreadable(path, "is a symbolic link; name what it leads to");
                Ok(())
            }
            Ok(_) => self.file(path, true),
            Err(error) => {
                self.unreadable(path, &error.to_string());
                Ok(())
            }
        }
    }

    /// Everything below a folder. Symbolic links are not followed: what they lead to is looked at where it is, or not ours.
    fn folder(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut open: Vec<(PathBuf, ReadDir)> = Vec::new();
        self.enter(path.to_owned(), &mut open);
        while let Some((at, entries)) = open.last_mut() {
            let (at, next) = (at.clone(), entries.next());
            match next {
                None => drop(open.pop()),
                Some(Err(error)) => {
                    self.unreadable(&at, &error.to_string());
                    open.pop();
                }
                Some(Ok(entry)) => match entry.file_type() {
                    Ok(kind) if kind.is_dir() => self.enter(entry.path(), &mut open),
                    Ok(kind) if kind.is_file() => self.file(&entry.path(), false)?,
                    Ok(_) => {}
                    Err(error) => self.unreadable(&entry.path(), &error.to_string()),
                },
            }
        }
        Ok(())
    }

    fn enter(&mut self, path: PathBuf, open: &mut Vec<(PathBuf, ReadDir)>) {
        if open.len() >= DEEPEST {
            return self.unreadable(&path, "lies too deep; scan it on its own");
        }
        match fs::read_dir(&path) {
            Ok(entries) => open.push((path, entries)),
            Err(error) => self.unreadable(&path, &error.to_string()),
        }
    }

    /// A file; what is none when it is opened, such as a pipe that would never end, is passed over unless it was named.
    fn file(&mut self, path: &Path, named: bool) -> anyhow::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(io::Error::from);
        match opened.and_then(|file| Ok((file.metadata()?.is_file(), file))) {
            Ok((true, mut file)) => self.stream(&shown(path), &mut file),
            Ok((false, _)) if named => {
                self.unreadable(path, "is no file; `portcullis scan -` reads standard input");
                Ok(())
            }
            Ok((false, _)) => Ok(()),
            Err(error) => {
                self.unreadable(path, &error.to_string());
                Ok(())
            }
        }
    }

    fn stream(&mut self, name: &str, from: &mut impl Read) -> anyhow::Result<()> {
        loop {
            let read = match from.read(&mut self.piece) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.unreadable(Path::new(name), &error.to_string());
                    0
                }
            };
            let findings = match self.piece.get(..read) {
                Some(bytes) if !bytes.is_empty() => self.scanner.feed(bytes),
                _ => self.scanner.end(),
            };
            for finding in findings {
                self.tell(name, finding)?;
            }
            if read == 0 {
                return Ok(());
            }
        }
    }

    fn tell(&mut self, name: &str, finding: Finding) -> anyhow::Result<()> {
        let Finding { secret, offset, line, access_key } = finding;
        let begins: String = secret.reveal().chars().take(SHOWN).collect();
        let digest: [u8; 32] = Sha256::digest(secret.reveal()).into();
        let sha256: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let text = if self.form == Form::Programs {
            let comma = if self.found == 0 { "" } else { "," };
            let item = json!({
                "file": name, "line": line, "offset": offset, "secret_begins": begins, "sha256_begins": sha256,
                "access_key": access_key.map(|id| id.to_string()),
            });
            format!("{comma}{item}")
        } else {
            let place =
                line.map_or_else(|| format!("{name} at byte {offset}"), |line| format!("{name}:{line}"));
            let key = access_key.map_or_else(String::new, |id| format!(", access key {id}"));
            format!("{place}: {begins}… (SHA-256 {sha256}…{key})")
        };
        self.found = self.found.saturating_add(1);
        output::line(&text)?;
        match &mut self.reporter {
            Some(reporter) => reporter.take(digest, secret),
            None => Ok(()),
        }
    }

    fn unreadable(&mut self, path: &Path, why: &str) {
        self.unreadable = self.unreadable.saturating_add(1);
        output::error(&format!("{}: {why}", shown(path)));
    }
}

/// A path for a terminal: one that would do something to it is shown in quotes.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.chars().any(char::is_control) { format!("{text:?}") } else { text.into_owned() }
}

/// Sends what was found to a server, each secret once.
struct Reporter {
    api: Api,
    known: HashSet<[u8; 32]>,
    waiting: Vec<Secret>,
}

impl Reporter {
    fn new(server: &str) -> anyhow::Result<Self> {
        let server = server.trim_end_matches('/');
        let server = server.strip_suffix("/found").unwrap_or(server);
        Ok(Self { api: Api::anonymous(Some(server))?, known: HashSet::new(), waiting: Vec::new() })
    }

    fn take(&mut self, digest: [u8; 32], secret: Secret) -> anyhow::Result<()> {
        let is_new = self.known.len() >= TOLD_APART || self.known.insert(digest);
        if is_new {
            self.waiting.push(secret);
        }
        if self.waiting.len() >= LEAK_REPORT_SECRETS { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let secrets: Vec<&str> = self.waiting.iter().map(Secret::reveal).collect();
        let body = zeroize::Zeroizing::new(json!({ "secrets": secrets }).to_string());
        drop(secrets);
        for _ in 0..10 {
            match self.api.report(&body)? {
                Reported::Taken => {
                    output::prompt(&format!("Reported {} to {}.\n", self.waiting.len(), self.api.base()));
                    self.waiting.clear();
                    return Ok(());
                }
                Reported::Wait(seconds) => std::thread::sleep(std::time::Duration::from_secs(seconds)),
            }
        }
        bail!(Usage(format!("{} takes no more reports at the moment; try again later", self.api.base())))
    }
}
