//! The set-ups for the web service and mail, each run as it is shown.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::rig::{self, Secure, bare, stored};
use crate::clients::tools;
use crate::world::{Access, World, ok};

/// What a key that is made now is told for this tool.
fn shown(world: &World, storage: &str, channel: &str, permission: &str, tool: &str) -> String {
    let key =
        json!({"name": tool, "channel": channel, "permission": permission, "scope": {"storage": storage}});
    let answer: Value = world.admin("POST", "/keys", Some(&key));
    answer["setup"][tool].as_str().unwrap_or_else(|| panic!("{tool}: {answer}")).to_owned()
}

/// Runs it where `file.txt` has this content; the directory.
fn run(world: &World, tool: &str, text: &str, content: &str) -> PathBuf {
    // Each run has files of its own: a program that is still ending reads none of the next one's.
    let home = tempfile::tempdir_in(world.scratch("shown")).unwrap().keep();
    fs::write(home.join("file.txt"), content).unwrap();
    let (python, code) = (tools().join("python3"), |name: &str| {
        fs::write(home.join(name), text).unwrap();
        home.join(name)
    });
    let mut command = match tool {
        "zeep" | "smtplib" => {
            let mut command = bare(world, python.to_str().unwrap());
            command.arg(code("portcullis.py"));
            command
        }
        "nodesoap" => {
            let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/npm/node_modules");
            symlink(modules.canonicalize().unwrap(), home.join("node_modules")).unwrap();
            let mut command = bare(world, "node");
            command.arg(code("portcullis.mjs"));
            command
        }
        _ => {
            let mut command = bare(world, "bash");
            command.args(["-e", "-o", "pipefail", "-c", text]);
            command
        }
    };
    // Nobody else has signed the certificate of this server.
    for name in ["CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        command.env(name, world.certificate().unwrap());
    }
    ok(command.env("HOME", &home).current_dir(&home));
    home
}

fn of_s3(world: &World, s3: &Access, key: &str) -> String {
    let config = rig::rclone_config(world, "shown", &[("s3", s3)]);
    ok(rig::rclone(world, &config).arg("cat").arg(format!("s3:{}/{key}", s3.bucket)))
}

#[test]
fn the_web_service_by_what_is_shown() {
    let secure = Secure::start();
    let world = &secure.world;
    for (tool, fetched) in [("curl", "file.txt"), ("zeep", "downloaded.txt"), ("nodesoap", "downloaded.txt")]
    {
        let (storage, _) = world.storage(tool);
        let s3 = world.key(&storage, "read_write");
        for permission in ["read_write", "write"] {
            let content = format!("by {tool} with {permission}\n").repeat(2_000);
            let text = shown(world, &storage, "web-service", permission, tool);
            let home = run(world, tool, &text, &content);
            assert_eq!(of_s3(world, &s3, "file.txt"), content, "{tool} {permission}");
            if permission == "read_write" {
                assert_eq!(fs::read_to_string(home.join(fetched)).unwrap(), content, "{tool}");
            }
        }
        let there = of_s3(world, &s3, "file.txt");
        let text = shown(world, &storage, "web-service", "read", tool);
        let home = run(world, tool, &text, "something else");
        assert_eq!(fs::read_to_string(home.join(fetched)).unwrap(), there, "{tool}");
        assert_eq!(stored(world, &s3).len(), 1, "{tool}");
    }
}

#[test]
fn mail_by_what_is_shown() {
    let secure = Secure::start();
    let world = &secure.world;
    for tool in ["swaks", "msmtp", "smtplib"] {
        let (storage, _) = world.storage(tool);
        let s3 = world.key(&storage, "read_write");
        for (permission, stored_as) in [("write", "file.txt"), ("read_write", "file (2).txt")] {
            let content = format!("by {tool} with {permission}\n").repeat(2_000);
            let text = shown(world, &storage, "email", permission, tool);
            // msmtp trusts what the machine trusts, and is told of others in its settings alone.
            let trust = format!("tls on\ntls_trust_file {}\n", world.certificate().unwrap().display());
            let text = if tool == "msmtp" { text.replace("tls on\n", &trust) } else { text };
            run(world, tool, &text, &content);
            assert_eq!(of_s3(world, &s3, stored_as), content, "{tool} {permission}");
        }
        assert_eq!(stored(world, &s3).len(), 2, "{tool}: nothing but the attachments");
    }
}
