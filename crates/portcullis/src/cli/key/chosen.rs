//! Credentials that somebody chooses, and public keys: from files, never from the arguments of the call.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::super::Usage;
use super::super::args::ChosenArgs;
use super::super::render::set;
use super::super::secret;

/// Puts chosen credentials into a request, if there are any.
pub(super) fn set_chosen(body: &mut Value, args: &ChosenArgs) -> anyhow::Result<()> {
    let mut chosen = json!({});
    if let Some(name) = &args.user_name {
        set(&mut chosen, "user_name", if name.is_empty() { Value::Null } else { json!(name) });
    }
    if let Some(path) = &args.secret_file {
        let secret = secret::of_file(path)?;
        if secret.is_empty() {
            bail!("{} holds no secret in its first line", path.display());
        }
        set(&mut chosen, "secret", json!(*secret));
    }
    if chosen != json!({}) {
        set(body, "credentials", chosen);
    }
    Ok(())
}

/// The lines of files with public keys, one key to a line.
pub(super) fn lines(files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for file in files {
        let text = secret::whole_file(file)?;
        // Whoever takes the wrong one of the two files must not send it.
        if text.contains("PRIVATE KEY") {
            bail!(Usage(format!(
                "{} holds a private key; name the file that ends with .pub",
                file.display()
            )));
        }
        let keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.extend(keys.map(str::to_owned));
    }
    Ok(lines)
}

/// The public keys that a key is to have: those that it has, without some and with others. None if nothing is to change.
pub(super) fn changed(key: &Value, add: &[PathBuf], remove: &[String]) -> anyhow::Result<Option<Value>> {
    if add.is_empty() && remove.is_empty() {
        return Ok(None);
    }
    let present =
        key.get("public_keys").and_then(Value::as_array).context("the answer holds no public keys")?;
    let mut kept: Vec<&Value> = present.iter().collect();
    for wanted in remove {
        let is = |one: &&Value, field: &str, text: &str| one.get(field).and_then(Value::as_str) == Some(text);
        let of_file =
            if wanted.starts_with("SHA256:") { Vec::new() } else { lines(&[Path::new(wanted).to_owned()])? };
        let before = kept.len();
        kept.retain(|one| {
            !is(one, "fingerprint", wanted) && !of_file.iter().any(|line| same(one.get("line"), line))
        });
        if kept.len() == before {
            bail!(Usage(format!("the key has no public key {wanted}; `key show` shows their fingerprints")));
        }
    }
    let mut all: Vec<Value> = kept.into_iter().filter_map(|one| one.get("line").cloned()).collect();
    all.extend(lines(add)?.into_iter().map(Value::from));
    Ok(Some(Value::from(all)))
}

/// Whether two lines are of one key, whatever their comments say.
fn same(one: Option<&Value>, other: &str) -> bool {
    let words = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    let one = one.and_then(Value::as_str).and_then(words);
    one.is_some() && one == words(other)
}

/// The fingerprints of a key's public keys, for people.
pub(super) fn fingerprints(key: &Value) -> String {
    let keys = key.get("public_keys").and_then(Value::as_array);
    let shown: Vec<_> =
        keys.into_iter().flatten().filter_map(|one| one.get("fingerprint").and_then(Value::as_str)).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn public_keys_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("id.pub");
        fs::write(&file, "# mine\nssh-ed25519 BBBB laptop\n\n").unwrap();
        let key = json!({"public_keys": [{"fingerprint": "SHA256:a", "line": "ssh-ed25519 AAAA"}]});
        assert_eq!(changed(&key, &[], &[]).unwrap(), None);
        let added = changed(&key, std::slice::from_ref(&file), &[]).unwrap();
        assert_eq!(added, Some(json!(["ssh-ed25519 AAAA", "ssh-ed25519 BBBB laptop"])));
        assert_eq!(changed(&key, &[], &["SHA256:a".to_owned()]).unwrap(), Some(json!([])));
        let other = json!({"public_keys": [{"fingerprint": "SHA256:b", "line": "ssh-ed25519 BBBB desk"}]});
        let by_file = changed(&other, &[], &[file.display().to_string()]).unwrap();
        assert_eq!(by_file, Some(json!([])), "whatever the comments say");
        assert!(changed(&key, &[], &["SHA256:x".to_owned()]).is_err());
        fs::write(&file, "-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap();
        assert!(changed(&key, &[file], &[]).is_err());
    }
}
