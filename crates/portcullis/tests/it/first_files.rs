//! The first hour of somebody who never saw Portcullis, as one test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Access, PASSWORD, World, ok, plant, refused};

/// An rclone configuration for one key; the secret stands in a file, never on a command line.
pub(crate) fn rclone_config(world: &World, key: &Access, name: &str) -> PathBuf {
    let path = world.scratch("rclone").join(format!("{name}.conf"));
    let text = format!(
        "[gate]\ntype = s3\nprovider = Other\nendpoint = {}\naccess_key_id = {}\nsecret_access_key = {}\nregion = us-east-1\nlist_url_encode = true\n",
        world.s3, key.access_key, key.secret
    );
    fs::write(&path, text).unwrap();
    path
}

/// rclone that tells its faults at once instead of repeating them.
pub(crate) fn rclone(program: &str, config: &Path) -> Command {
    let mut command = Command::new(program);
    // Nothing of the machine's own settings for cloud tools.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", config.parent().unwrap());
    command.arg("--config").arg(config).args([
        "--retries",
        "1",
        "--low-level-retries",
        "1",
        "--transfers",
        "8",
        "-v",
    ]);
    command
}

#[test]
fn from_nothing_to_files_and_through_a_power_cut() {
    let mut world = World::start();
    let (key, config) = by_the_command_line(&world);
    let gate = format!("gate:{}", key.bucket);

    // A real tree: the history of this repository if it is here, and planted files of every kind.
    let tree = world.scratch("tree");
    plant(&tree);
    let git = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.git");
    if git.is_dir() {
        ok(Command::new("cp").arg("-r").arg(git).arg(tree.join("git")));
    }
    ok(rclone("rclone", &config).arg("copy").arg(&tree).arg(&gate));
    ok(rclone("rclone", &config).arg("check").arg(&tree).arg(&gate));

    what_keys_cannot_do(&world, &key, &gate, &tree);
    power_cut(&mut world, &key, &tree);
}

/// Storage and key by the command line alone, with the secret shown once.
fn by_the_command_line(world: &World) -> (Access, PathBuf) {
    let mut login = world
        .command()
        .args(["login", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    login.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(login.wait().unwrap().success());
    let told = ok(world.command().args(["storage", "create", "--name", "NAS Backup"]));
    assert!(told.contains("-nas-backup"), "{told}");
    let made = ok(world.command().args([
        "key",
        "create",
        "--json",
        "--storage",
        "NAS Backup",
        "--name",
        "rclone",
        "--permission",
        "read_write",
    ]));
    let made: Value = serde_json::from_str(&made).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = Access {
        key_id: text(&made["key"]["id"]),
        access_key: text(&made["key"]["access_key"]),
        secret: text(&made["secret"]),
        bucket: text(&made["bucket_name"]),
        session_token: None,
    };
    for again in [
        vec!["key", "list"],
        vec!["key", "show", &key.access_key],
        vec!["key", "list", "--json"],
        vec!["storage", "list", "--json"],
        vec!["audit"],
    ] {
        let told = ok(world.command().args(&again));
        assert!(!told.contains(&key.secret), "{again:?} tells the secret again");
    }
    let config = rclone_config(world, &key, "admin");
    (key, config)
}

fn what_keys_cannot_do(world: &World, key: &Access, gate: &str, tree: &Path) {
    let storage = world.admin("GET", "/storages", None)["items"][0]["id"].as_str().unwrap().to_owned();
    let file = tree.join("plain.txt");

    let reader = rclone_config(world, &world.key(&storage, "read"), "read");
    ok(rclone("rclone", &reader).arg("check").arg(tree).arg(gate));
    let told = refused(rclone("rclone", &reader).arg("copyto").arg(&file).arg(format!("{gate}/new.txt")));
    assert!(told.contains("AccessDenied"), "{told}");
    let told = refused(rclone("rclone", &reader).arg("deletefile").arg(format!("{gate}/plain.txt")));
    assert!(told.contains("AccessDenied"), "{told}");

    let writer = rclone_config(world, &world.key(&storage, "write"), "write");
    let blind = ["--s3-no-head", "--s3-no-check-bucket", "--no-check-dest", "--ignore-times"];
    ok(rclone("rclone", &writer).args(blind).arg("copyto").arg(&file).arg(format!("{gate}/dropped.txt")));
    for reading in [
        vec!["lsf", gate],
        vec!["cat", &format!("{gate}/plain.txt")],
        vec!["deletefile", &format!("{gate}/dropped.txt")],
    ] {
        let told = refused(rclone("rclone", &writer).args(&reading));
        // rclone takes a refused look for a file that is not there.
        let refusals = ["403", "AccessDenied", "Forbidden", "doesn't exist"];
        assert!(refusals.iter().any(|refusal| told.contains(refusal)), "{reading:?}: {told}");
    }

    let elsewhere =
        world.key_with(&storage, &json!({"permission": "read_write", "networks": ["203.0.113.0/24"]}));
    let told = refused(rclone("rclone", &rclone_config(world, &elsewhere, "elsewhere")).args(["lsf", gate]));
    assert!(told.contains("AccessDenied"), "{told}");

    let told = ok(world.command().args(["key", "disable", &key.access_key]));
    assert!(told.contains("none"), "{told}");
    let told = refused(rclone("rclone", &world.scratch("rclone").join("admin.conf")).args(["lsf", gate]));
    assert!(told.contains("AccessDenied"), "{told}");
    ok(world.command().args(["key", "enable", &key.access_key, "--permission", "read_write"]));
    ok(rclone("rclone", &world.scratch("rclone").join("admin.conf"))
        .arg("deletefile")
        .arg(format!("{gate}/dropped.txt")));
    ok(rclone("rclone", &world.scratch("rclone").join("admin.conf")).arg("check").arg(tree).arg(gate));
}

/// `kill -9` in the middle of an upload; what was acknowledged is there, what was not leaves no half file.
fn power_cut(world: &mut World, key: &Access, tree: &Path) {
    let more = world.scratch("more");
    for number in 0..40 {
        fs::write(more.join(format!("{number}.bin")), vec![u8::try_from(number).unwrap(); 3_000_000])
            .unwrap();
    }
    let config = rclone_config(world, key, "before");
    let gate = format!("gate:{}", key.bucket);
    let mut upload = rclone("rclone", &config)
        .arg("copy")
        .arg(&more)
        .arg(format!("{gate}/more"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let storage = world.admin("GET", "/storages", None)["items"][0]["id"].as_str().unwrap().to_owned();
    let files =
        |world: &World| world.admin("GET", &format!("/storages/{storage}"), None)["files"].as_u64().unwrap();
    let before = files(world);
    let end = Instant::now() + Duration::from_secs(60);
    while files(world) < before + 5 {
        assert!(Instant::now() < end, "the upload did not begin");
        thread::sleep(Duration::from_millis(5));
    }
    world.kill();
    upload.wait().unwrap();
    world.boot();

    let config = rclone_config(world, key, "after");
    ok(rclone("rclone", &config).arg("check").arg(tree).arg(&gate).args(["--exclude", "more/**"]));
    // Whatever stands below more/ is whole: no difference among the files that both sides have.
    ok(rclone("rclone", &config).arg("check").arg(format!("{gate}/more")).arg(&more).arg("--one-way"));
    ok(rclone("rclone", &config).arg("copy").arg(&more).arg(format!("{gate}/more")));
    ok(rclone("rclone", &config).arg("check").arg(&more).arg(format!("{gate}/more")));
    let counted = ok(rclone("rclone", &config).args(["size", "--json"]).arg(&gate));
    let counted: Value = serde_json::from_str(&counted).unwrap();
    let shown = world.admin("GET", &format!("/storages/{storage}"), None);
    assert_eq!(shown["files"], counted["count"]);
    assert_eq!(shown["used_bytes"], counted["bytes"]);
    assert!(world.stop().success(), "SIGTERM ends with status 0");
}
