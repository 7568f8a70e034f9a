//! The file in which generated secrets are kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::csv;
use crate::cli::render::text;

/// The columns of the file, and the fields of an entry in JSON.
const COLUMNS: [&str; 7] = ["account", "name", "channel", "user_name", "access_key", "secret", "import"];

/// A file with the credentials of an import, written and on the disk.
#[derive(Debug)]
pub(super) struct Kept(PathBuf);

impl Kept {
    /// Writes what the dry run told into a new file that only its owner can read, and returns when it is on the disk.
    ///
    /// # Errors
    /// There is such a file already, or it cannot be written; then nothing is left of it.
    pub(super) fn write(path: &Path, plan: &Value) -> anyhow::Result<Self> {
        let entries = entries(plan);
        let in_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let text = Zeroizing::new(if in_json { as_json(&entries)? } else { as_csv(&entries) });
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path).with_context(|| {
            format!(
                "{} cannot be made; name a file that does not exist yet. Nothing was imported",
                path.display()
            )
        })?;
        let kept = Self(path.to_owned());
        let written =
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| sync_name(path));
        if written.is_err() {
            kept.remove();
        }
        written.with_context(|| format!("{} cannot be written; nothing was imported", path.display()))?;
        Ok(kept)
    }

    /// Removes the file: what is in it will never hold.
    pub(super) fn remove(&self) {
        // It is of no use, and of no harm: nothing was made.
        drop(fs::remove_file(&self.0));
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

/// The name of a new file is on the disk when its directory is.
fn sync_name(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// One entry for each key that would be made.
fn entries(plan: &Value) -> Vec<[String; 7]> {
    let of = |value: &Value, name: &str| match text(value, name) {
        dash if dash == "-" => String::new(),
        told => told,
    };
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut entries = Vec::new();
    for account in list(plan, "accounts") {
        for key in list(&account, "keys").iter().filter(|_| text(&account, "state") == "new") {
            let given = of(key, "user_name");
            let user_name = if given.is_empty() { of(key, "access_key") } else { given };
            entries.push([
                text(&account, "id"),
                text(&account, "name"),
                text(key, "channel"),
                user_name,
                of(key, "access_key"),
                of(key, "secret"),
                text(plan, "import"),
            ]);
        }
    }
    entries
}

fn as_csv(entries: &[[String; 7]]) -> String {
    let mut text = csv::line_of(&COLUMNS);
    for entry in entries {
        text.push_str(&csv::line_of(&entry.each_ref().map(String::as_str)));
    }
    text
}

fn as_json(entries: &[[String; 7]]) -> anyhow::Result<String> {
    let object = |entry: &[String; 7]| {
        let fields = COLUMNS.iter().zip(entry).map(|(name, value)| ((*name).to_owned(), json!(value)));
        Value::Object(fields.collect())
    };
    let list: Vec<_> = entries.iter().map(object).collect();
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}
