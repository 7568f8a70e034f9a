//! Keys as a person gets them, and a bench on which what is shown for them is done.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::clients::tools;
use crate::world::World;

/// A key, as the answer to its making shows it.
pub(super) struct Shown {
    pub(super) access_key: String,
    pub(super) secret: String,
    setup: Value,
}

impl Shown {
    /// The text for a tool.
    pub(super) fn text(&self, tool: &str) -> &str {
        self.setup[tool].as_str().unwrap_or_else(|| panic!("no set-up for {tool}"))
    }

    /// A text for another key, with the credentials of this one.
    pub(super) fn instead_of(&self, other: &Self, text: &str) -> String {
        let mine = text.replace(&other.access_key, &self.access_key).replace(&other.secret, &self.secret);
        assert!(mine != text && mine.contains(&self.access_key), "{text}");
        mine
    }
}

/// A storage with keys for read_write, read and write, all with the same prefix.
pub(super) struct Keys {
    pub(super) storage: String,
    pub(super) prefix: &'static str,
    pub(super) both: Shown,
    pub(super) read: Shown,
    pub(super) write: Shown,
}

/// The prefixes that every tool is tried with: none, and one that needs quoting in every language.
pub(super) const PREFIXES: [&str; 2] = ["", "team a/it's ünï/"];
/// A prefix that tools which think in paths would change.
pub(super) const NO_PATH: &str = "/a//../b[1]?#&%41 /";

pub(super) fn keys(world: &World, storage: &str, prefix: &'static str) -> Keys {
    let make = |permission: &str| {
        let made = world.admin(
            "POST",
            "/keys",
            Some(&json!({
                "name": "set-up", "channel": "s3", "scope": {"storage": storage}, "permission": permission,
                "networks": [], "prefix": prefix,
            })),
        );
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Shown {
            access_key: text(&made["key"]["access_key"]),
            secret: text(&made["secret"]),
            setup: made["setup"].clone(),
        }
    };
    Keys {
        storage: storage.to_owned(),
        prefix,
        both: make("read_write"),
        read: make("read"),
        write: make("write"),
    }
}

impl Keys {
    /// What stands below the prefix under this name.
    pub(super) fn stored(&self, world: &World, name: &str) -> Option<String> {
        use std::fmt::Write as _;
        let key = format!("{}{name}", self.prefix).bytes().fold(String::new(), |mut key, byte| {
            write!(key, "%{byte:02X}").unwrap();
            key
        });
        let path = format!("/storages/{}/file?key={key}", self.storage);
        match world.rest("GET", &path, Some(world.token()), None) {
            (200, Value::String(text)) => Some(text),
            (200, value) => Some(value.to_string()),
            (404, _) => None,
            (status, answer) => panic!("{path}: {status} {answer}"),
        }
    }
}

/// A home and a working directory of their own, new for every try.
pub(super) struct Bench {
    pub(super) home: PathBuf,
    pub(super) work: PathBuf,
    /// Directories that are searched for programs before the others.
    first: Vec<PathBuf>,
}

/// The files that set-ups send: `file.txt`, and those below `folder`.
pub(super) const SENT: [&str; 3] = ["file.txt", "folder/a.txt", "folder/sub dir/ü+%41.txt"];

impl Bench {
    pub(super) fn new(world: &World, name: &str) -> Self {
        let dir = tempfile::tempdir_in(world.scratch(name)).unwrap().keep();
        let (home, work) = (dir.join("home"), dir.join("work"));
        fs::create_dir(&home).unwrap();
        fs::create_dir(&work).unwrap();
        Self { home, work, first: vec![tools()] }
    }

    /// With the programs of this directory before all others.
    pub(super) fn with(mut self, dir: &Path) -> Self {
        self.first.insert(0, dir.to_owned());
        self
    }

    /// With Debian's program of this name, though there is one from PyPI too.
    pub(super) fn with_debians(self, program: &str) -> Self {
        let dir = self.home.join("bin");
        fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(program), dir.join(program)).unwrap();
        self.with(&dir)
    }

    /// Puts the files that set-ups send into the working directory. All begin with `content`, and no two are equal.
    pub(super) fn planted(self, content: &str) -> Self {
        for name in SENT {
            let path = self.work.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{content}: {name}")).unwrap();
        }
        self
    }

    pub(super) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.work.join(name)).ok()
    }

    /// Writes the file that the text's first line names, if it names one, and gives the commands to run.
    fn place(&self, text: &str) -> String {
        let first = text.lines().next().unwrap();
        let comment = first.split(' ').next().unwrap();
        let Some(path) = first.split(" Into ").nth(1) else { return text.to_owned() };
        let path = path.split([' ', ';']).next().unwrap();
        let path = path.strip_prefix("~/").map_or_else(|| self.work.join(path), |path| self.home.join(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let then = format!("{comment} Then");
        let commands: Vec<_> = text
            .lines()
            .skip_while(|line| *line != then)
            .skip(1)
            .map_while(|line| line.strip_prefix(comment).and_then(|line| line.strip_prefix(' ')))
            .collect();
        assert!(!commands.is_empty(), "a file without commands: {text}");
        commands.join("\n")
    }

    /// Does what the text says: the commands, ready to be run by a shell that ends at the first failure.
    pub(super) fn perform(&self, text: &str) -> Command {
        let script = self.work.with_file_name("script");
        fs::write(&script, self.place(text)).unwrap();
        let mut command = self.command("bash");
        command.arg("-eu").arg(script);
        command
    }

    /// A program in this working directory, with nothing of the machine's own settings for cloud tools.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(self.first.iter().cloned().chain(std::env::split_paths(&path)));
        command.env_clear().env("PATH", path.unwrap()).env("HOME", &self.home).current_dir(&self.work);
        // What is refused is told at once instead of being tried again.
        command
            .env("LANG", "C.UTF-8")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("RCLONE_RETRIES", "1")
            .env("RCLONE_LOW_LEVEL_RETRIES", "1");
        command
    }

    /// Every file with a secret is its owner's alone.
    pub(super) fn assert_private(&self, secret: &str) {
        let mut stack = vec![self.home.clone(), self.work.clone()];
        while let Some(dir) = stack.pop() {
            for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    stack.push(entry.path());
                } else if kind.is_file()
                    && fs::read(entry.path()).unwrap().windows(secret.len()).any(|w| w == secret.as_bytes())
                {
                    let mode = entry.metadata().unwrap().permissions().mode();
                    assert_eq!(mode & 0o077, 0, "{} can be read by others", entry.path().display());
                }
            }
        }
    }
}

/// The refusal is the gate's, and not some other fault.
pub(super) fn assert_denied(told: &str) {
    let refusals = ["AccessDenied", "Access Denied", "403", "Forbidden"];
    assert!(refusals.iter().any(|refusal| told.contains(refusal)), "{told}");
}
