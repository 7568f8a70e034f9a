//! The tools that people use, for each permission: they work as far as the key goes, and no further.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::first_files::{rclone, rclone_config};
use crate::world::{Access, World, ok, plant, refused, run};

/// Where the test command puts the tools that come from PyPI.
pub(crate) fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/venv/bin")
}

/// Three keys of one storage: read_write, read, write.
fn keys(world: &World) -> [Access; 3] {
    let (storage, _) = world.storage("Tools");
    ["read_write", "read", "write"].map(|permission| world.key(&storage, permission))
}

fn tree(world: &World) -> PathBuf {
    let tree = world.scratch("tree");
    plant(&tree);
    tree
}

#[test]
fn the_newer_rclone() {
    let world = World::start();
    let [admin, reader, _] = keys(&world);
    let tree = tree(&world);
    let program = tools().join("rclone");
    let program = program.to_str().unwrap();
    let config = rclone_config(&world, &admin, "new");
    let gate = format!("gate:{}", admin.bucket);
    ok(rclone(program, &config)
        .args(["--s3-chunk-size", "5M", "--s3-upload-cutoff", "5M"])
        .arg("copy")
        .arg(&tree)
        .arg(&gate));
    ok(rclone(program, &config).arg("check").args(["--download"]).arg(&tree).arg(&gate));
    ok(rclone(program, &config)
        .arg("moveto")
        .arg(format!("{gate}/plain.txt"))
        .arg(format!("{gate}/moved.txt")));
    ok(rclone(program, &config).arg("touch").arg(format!("{gate}/moved.txt")));
    ok(rclone(program, &config).arg("sync").arg(&tree).arg(&gate));
    ok(rclone(program, &config).arg("check").arg(&tree).arg(&gate));
    ok(rclone(program, &config).arg("cleanup").arg(&gate));
    let told = refused(rclone(program, &rclone_config(&world, &reader, "new-read")).arg("purge").arg(&gate));
    assert!(told.contains("AccessDenied"), "{told}");
    ok(rclone(program, &config).arg("delete").arg(&gate));
    assert_eq!(ok(rclone(program, &config).arg("lsf").arg(&gate)), "");
}

/// The AWS command line with this key, without another try.
pub(crate) fn aws(world: &World, key: &Access) -> Command {
    let mut command = Command::new(tools().join("aws"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
    command.env("AWS_ACCESS_KEY_ID", &key.access_key).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    command
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "1");
    command.args(["--endpoint-url", &world.s3]);
    command
}

#[test]
fn the_aws_command_line() {
    let world = World::start();
    let [admin, reader, writer] = keys(&world);
    let tree = tree(&world);
    let gate = format!("s3://{}", admin.bucket);
    let listed = ok(aws(&world, &admin).args(["s3", "ls"]));
    assert!(listed.contains(&admin.bucket), "{listed}");
    ok(aws(&world, &admin).args(["s3", "sync", "--only-show-errors"]).arg(&tree).arg(&gate));
    let back = world.scratch("back");
    ok(aws(&world, &reader).args(["s3", "sync", "--only-show-errors"]).arg(&gate).arg(&back));
    ok(Command::new("diff").arg("-r").arg(&tree).arg(&back));
    ok(aws(&world, &admin)
        .args(["s3", "mv", "--only-show-errors"])
        .arg(format!("{gate}/deep/er/and/deeper/x"))
        .arg(format!("{gate}/x")));
    ok(aws(&world, &admin)
        .args(["s3", "cp", "--only-show-errors"])
        .arg(format!("{gate}/x"))
        .arg(format!("{gate}/y")));

    let file = tree.join("plain.txt");
    let told = refused(aws(&world, &reader).args(["s3", "cp"]).arg(&file).arg(format!("{gate}/no")));
    assert!(told.contains("AccessDenied"), "{told}");
    let told = refused(aws(&world, &reader).args(["s3", "rm"]).arg(format!("{gate}/plain.txt")));
    assert!(told.contains("AccessDenied"), "{told}");
    ok(aws(&world, &writer)
        .args(["s3", "cp", "--only-show-errors"])
        .arg(&file)
        .arg(format!("{gate}/dropped")));
    ok(aws(&world, &writer)
        .args(["s3", "cp", "--only-show-errors"])
        .arg(tree.join("deep/er/and/deeper/x"))
        .arg(format!("{gate}/dropped-large")));
    let told = refused(aws(&world, &writer).args(["s3", "ls", &gate]));
    assert!(told.contains("AccessDenied"), "{told}");
    let told = refused(
        aws(&world, &writer)
            .args(["s3", "cp"])
            .arg(format!("{gate}/plain.txt"))
            .arg(world.scratch("no").join("x")),
    );
    assert!(told.contains("403") || told.contains("Forbidden"), "{told}");
    // What a write-only key overwrote is kept.
    ok(aws(&world, &writer)
        .args(["s3", "cp", "--only-show-errors"])
        .arg(tree.join("a+b=c&d.txt"))
        .arg(format!("{gate}/plain.txt")));
    let versions = ok(aws(&world, &admin).args([
        "s3api",
        "list-object-versions",
        "--bucket",
        &admin.bucket,
        "--prefix",
        "plain.txt",
        "--query",
        "length(Versions)",
    ]));
    assert_eq!(versions.trim(), "2");
    ok(aws(&world, &admin).args(["s3", "rm", "--recursive", "--only-show-errors", &gate]));
}

#[test]
fn boto3_and_conditions() {
    let world = World::start();
    let [admin, reader, writer] = keys(&world);
    let keys = json!({
        "endpoint": world.s3, "bucket": admin.bucket,
        "read_write": [admin.access_key, admin.secret], "read": [reader.access_key, reader.secret],
        "write": [writer.access_key, writer.secret],
    });
    let path = world.scratch("boto").join("keys.json");
    fs::write(&path, keys.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/boto.py");
    let mut python = Command::new(tools().join("python"));
    python.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
    let told = ok(python.arg(script).arg(&path));
    assert!(told.contains("boto3: every step as expected"), "{told}");
}

#[test]
fn s3cmd() {
    let world = World::start();
    let [admin, reader, writer] = keys(&world);
    let tree = tree(&world);
    let gate = format!("s3://{}", admin.bucket);
    let s3cmd = |key: &Access| {
        let path = world.scratch("s3cmd").join(&key.access_key);
        let host = world.s3_host();
        fs::write(
            &path,
            format!("[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {host}\nhost_bucket = {host}\nuse_https = False\nmax_retries = 1\n", key.access_key, key.secret),
        )
        .unwrap();
        let mut command = Command::new("s3cmd");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
        command.arg("-c").arg(path).arg("--no-progress");
        command
    };
    let listed = ok(s3cmd(&admin).arg("ls"));
    assert!(listed.contains(&admin.bucket), "{listed}");
    ok(s3cmd(&admin)
        .args(["put", "--recursive", "--multipart-chunk-size-mb=5"])
        .arg(format!("{}/", tree.display()))
        .arg(format!("{gate}/")));
    let back = world.scratch("back");
    ok(s3cmd(&reader)
        .args(["get", "--recursive"])
        .arg(format!("{gate}/"))
        .arg(format!("{}/", back.display())));
    // s3cmd leaves empty files out of a recursive get in some versions; everything else is equal.
    let told = run(Command::new("diff").arg("-rq").arg(&tree).arg(&back));
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.lines().all(|line| line.ends_with("empty")), "{told}");
    ok(s3cmd(&admin).arg("info").arg(format!("{gate}/plain.txt")));
    ok(s3cmd(&admin).args(["del", "--recursive", "--force"]).arg(format!("{gate}/many/")));
    let told = refused(s3cmd(&reader).arg("del").arg(format!("{gate}/plain.txt")));
    assert!(told.contains("AccessDenied") || told.contains("403"), "{told}");
    ok(s3cmd(&writer).arg("put").arg(tree.join("plain.txt")).arg(format!("{gate}/dropped")));
    let told = refused(s3cmd(&writer).arg("ls").arg(&gate));
    assert!(told.contains("AccessDenied") || told.contains("403"), "{told}");
}

#[test]
fn restic() {
    let world = World::start();
    let [admin, reader, _] = keys(&world);
    let tree = tree(&world);
    let restic = |key: &Access| {
        let mut command = Command::new("restic");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
        command.env("AWS_ACCESS_KEY_ID", &key.access_key).env("AWS_SECRET_ACCESS_KEY", &key.secret);
        command
            .env("RESTIC_PASSWORD", "a password of this test")
            .env("RESTIC_REPOSITORY", format!("s3:{}/{}/repo", world.s3, admin.bucket));
        command.arg("--no-cache");
        command
    };
    ok(restic(&admin).arg("init"));
    ok(restic(&admin).arg("backup").arg(&tree));
    ok(restic(&admin).args(["check", "--read-data"]));
    let back = world.scratch("back");
    ok(restic(&admin).args(["restore", "latest", "--target"]).arg(&back));
    ok(Command::new("diff").arg("-r").arg(&tree).arg(back.join(tree.strip_prefix("/").unwrap())));
    ok(restic(&reader).args(["--no-lock", "snapshots"]));
    let told = refused(restic(&reader).arg("backup").arg(&tree));
    assert!(
        told.contains("Access Denied") || told.contains("AccessDenied") || told.contains("denied"),
        "{told}"
    );
    ok(restic(&admin).args(["forget", "--keep-last", "1", "--prune"]));
}

#[test]
fn s3fs_mounts() {
    let world = World::start();
    let [admin, ..] = keys(&world);
    let passwd = world.scratch("s3fs").join("passwd");
    fs::write(&passwd, format!("{}:{}\n", admin.access_key, admin.secret)).unwrap();
    fs::set_permissions(&passwd, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mount = world.scratch("mount");
    let options = format!(
        "passwd_file={},url={},use_path_request_style,endpoint=us-east-1,retries=1",
        passwd.display(),
        world.s3
    );
    let mounted = run(Command::new("s3fs").arg(&admin.bucket).arg(&mount).args(["-o", &options]));
    if !Path::new("/dev/fuse").exists() {
        // Without FUSE no mount can be had; that s3fs itself accepts server and key is what can still be seen.
        println!("s3fs: this machine has no /dev/fuse; the mount did not run");
        assert!(!mounted.status.success());
        return;
    }
    assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
    let unmount = Unmount(mount.clone());
    fs::create_dir(mount.join("dir")).unwrap();
    fs::write(mount.join("dir/hello.txt"), b"hello").unwrap();
    fs::write(mount.join("large.bin"), vec![7; 25 << 20]).unwrap();
    assert_eq!(fs::read(mount.join("dir/hello.txt")).unwrap(), b"hello");
    fs::rename(mount.join("dir/hello.txt"), mount.join("dir/renamed.txt")).unwrap();
    assert_eq!(fs::read(mount.join("large.bin")).unwrap(), vec![7; 25 << 20]);
    let names: Vec<_> =
        fs::read_dir(mount.join("dir")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["renamed.txt"]);
    fs::remove_file(mount.join("dir/renamed.txt")).unwrap();
    drop(unmount);
    let listed = ok(rclone("rclone", &rclone_config(&world, &admin, "s3fs"))
        .arg("lsf")
        .arg(format!("gate:{}", admin.bucket)));
    assert_eq!(listed, "dir/\nlarge.bin\n");
}

/// Takes a mount away with the test.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(Command::new("fusermount").arg("-u").arg(&self.0).status());
    }
}

#[test]
fn curl_with_its_own_signature_and_from_another_address() {
    let world = World::start();
    let (storage, bucket) = world.storage("Curl");
    let key = world.key_with(
        &storage,
        &json!({"permission": "read_write", "networks": [{"network": "127.0.0.2", "note": "the other one"}]}),
    );
    let config = world.scratch("curl").join("config");
    fs::write(
        &config,
        format!("user = \"{}:{}\"\naws-sigv4 = \"aws:amz:us-east-1:s3\"\n", key.access_key, key.secret),
    )
    .unwrap();
    let curl = |from: &str| {
        let mut command = Command::new("curl");
        command.arg("-sS").arg("--config").arg(&config).args(["--interface", from, "-w", "\n%{http_code}"]);
        // Older curl signs with an empty payload hash unless it is told.
        command.args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]);
        command
    };
    let url = format!("{}/{bucket}/hello.txt", world.s3);
    let told = ok(curl("127.0.0.2").args(["-X", "PUT", "--data-binary", "hello", &url]));
    assert!(told.ends_with("200"), "{told}");
    let told = ok(curl("127.0.0.2").arg(&url));
    assert_eq!(told, "hello\n200");
    let told = ok(curl("127.0.0.1").arg(&url));
    assert!(told.contains("<Code>AccessDenied</Code>") && told.ends_with("403"), "{told}");
    assert!(
        !told.contains("127.0.0.2") && !told.contains("network"),
        "a denial tells nothing of the reason: {told}"
    );
    // The trail is written a moment after the answer.
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let audit = world.admin("GET", "/audit-events?limit=5", None).to_string();
        if audit.contains("key_network") {
            break;
        }
        assert!(Instant::now() < end, "{audit}");
        thread::sleep(Duration::from_millis(100));
    }
}
