//! What is done to a stopped server's data, and administration on PostgreSQL.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::http::Signed;
use crate::world::{World, ok, refused};

#[test]
fn the_master_key_is_rotated() {
    let mut world = World::start();
    let (storage, bucket) = world.storage("Files");
    let key = world.key(&storage, "read_write");
    let path = format!("/{bucket}/a.txt");
    assert_eq!(Signed::new(&world, &key).call("PUT", &path, "", &[], b"hello").status, 200);
    let new = world.dir.path().join("new.key");
    let rotate = |world: &World| {
        let mut command = world.command();
        command
            .args(["master-key", "rotate", "--data-dir"])
            .arg(world.data_dir())
            .arg("--new-key-file")
            .arg(&new);
        command
    };
    let told = refused(&mut rotate(&world));
    assert!(told.contains("another"), "a running server is not touched: {told}");
    assert!(!new.exists());
    world.stop();
    let old = fs::read_to_string(world.data_dir().join("master.key")).unwrap();
    let told = ok(&mut rotate(&world));
    // The secret of the key, and the seed of what signs the audit trail.
    assert!(told.contains("Sealed 2 secrets"), "{told}");
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&new).unwrap();
    assert!(text != old && !told.contains(text.trim()), "{told}");
    fs::rename(&new, world.data_dir().join("master.key")).unwrap();
    world.boot();
    assert_eq!(Signed::new(&world, &key).call("GET", &path, "", &[], b"").body, b"hello");
}

/// The largest file below a directory.
fn largest(dir: &Path) -> PathBuf {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    let mut stack = vec![dir.to_path_buf()];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() {
                stack.push(entry.path());
            } else {
                found.push((meta.len(), entry.path()));
            }
        }
    }
    found.into_iter().max().unwrap().1
}

#[test]
fn a_scrub_finds_a_flipped_bit_and_the_object_is_refused() {
    let mut world = World::start();
    let (storage, bucket) = world.storage("Files");
    let key = world.key(&storage, "read_write");
    let body = vec![7; 3 << 20];
    for name in ["sound", "hurt"] {
        assert_eq!(
            Signed::new(&world, &key).call("PUT", &format!("/{bucket}/{name}"), "", &[], &body).status,
            200
        );
    }
    world.stop();
    let scrub = |world: &World| {
        let mut command = world.command();
        command.args(["scrub", "--data-dir"]).arg(world.data_dir());
        command
    };
    let told = ok(&mut scrub(&world));
    assert!(told.contains("2 files") && told.contains("0 damaged"), "{told}");
    let file = largest(&world.data_dir().join("store").join(&storage).join("data"));
    let mut bytes = fs::read(&file).unwrap();
    bytes[1_000_000] ^= 1;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, bytes).unwrap();
    let told = refused(&mut scrub(&world));
    assert!(told.contains("1 damaged") && told.contains("restore them from a backup"), "{told}");
    world.boot();
    let statuses: Vec<_> = ["sound", "hurt"]
        .map(|name| Signed::new(&world, &key).call("GET", &format!("/{bucket}/{name}"), "", &[], b"").status)
        .into();
    let mut sorted = statuses.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [200, 500], "the damaged one is refused, the sound one is served: {statuses:?}");
}

#[test]
fn administration_on_postgresql() {
    let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
        println!("PORTCULLIS_TEST_POSTGRES is not set: administration on PostgreSQL did not run");
        return;
    };
    let name = format!("portcullis_whole_{}", std::process::id());
    let psql =
        |sql: &str| ok(Command::new("psql").arg(&server).args(["-q", "-v", "ON_ERROR_STOP=1", "-c", sql]));
    psql(&format!("CREATE DATABASE {name}"));
    let (base, _) = server.rsplit_once('/').unwrap();
    let url = format!("{base}/{name}");
    let mut world = World::start_with(&["--database", &url]);
    assert!(!world.data_dir().join("portcullis.db").exists());
    let (storage, bucket) = world.storage("Files");
    let key = world.key(&storage, "read");
    assert!(world.stop().success());
    world.boot();
    assert_eq!(Signed::new(&world, &key).call("GET", &format!("/{bucket}/none"), "", &[], b"").status, 404);
    world.admin("DELETE", &format!("/keys/{}", key.key_id), None);
    let answer = Signed::new(&world, &key).call("GET", &format!("/{bucket}/none"), "", &[], b"");
    assert_eq!((answer.status, answer.code()), (403, "InvalidAccessKeyId".to_owned()));
    world.stop();
    psql(&format!("DROP DATABASE {name}"));
}
