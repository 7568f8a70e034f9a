//! One storage through all its doors: filled by S3, read over WebDAV as by a file manager, changed over FTPS and SFTP, checked by S3, and
//! everybody cut off in the middle of a transfer by one deed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_web::SoapOperation;
use serde_json::json;

use super::credentials::Door;
use super::raw_soap::{envelope, parameter};
use super::rig::{self, Secure, curl, dav, http, lftp, mounts, private, rclone, rclone_config, sftp};
use crate::world::{Access, World, ok, plant, run};

/// The longest that a transfer outlives the deed, and what a client and a busy machine may add.
const AT_ONCE: Duration = Duration::from_secs(1 + 3);

#[test]
fn one_storage_through_all_its_doors() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, bucket) = world.storage("Everything");
    let s3 = world.key(&storage, "read_write");
    let reader = rig::key(world, &storage, "http", "read_write");
    let [ftps, files] = [0; 2].map(|_| rig::key(world, &storage, "ftp", "read_write"));
    let tree = world.scratch("tree");
    plant(&tree);
    let config = rclone_config(world, "all", &[("s3", &s3), ("dav", &reader)]);
    ok(rclone(world, &config).arg("copy").arg(&tree).arg(format!("s3:{bucket}")));

    // Read over WebDAV, as a file manager would.
    if mounts("WebDAV in a file manager") {
        let mount = rig::davfs2(world, &reader);
        same_files(&tree, &tree, &mount.at);
        // Some kernels do not let davfs2 1.6 list a folder, of whatever server.
        match fs::read_dir(&mount.at).map(|mut entries| entries.next()) {
            Ok(Some(Ok(_))) => {
                ok(Command::new("diff")
                    .arg("-r")
                    .arg(&tree)
                    .arg(&mount.at)
                    .args(["--exclude", "lost+found"]));
            }
            told => println!(
                "davfs2: this kernel lists no folders of it ({told:?}); every file was read by its name"
            ),
        }
    }
    ok(rclone(world, &config).args(["check", "--download"]).arg(&tree).arg("dav:"));

    // Changed over FTPS and over SFTP, and here in the same way.
    let new = rig::file(world, "new.bin", 17 << 20);
    let door = format!("ftps://{}", world.ftps.as_deref().unwrap());
    let words = format!(
        "mkdir -p by/ftps\nput {} -o by/ftps/new.bin\nmv plain.txt by/plain.txt\nrm empty",
        new.display()
    );
    ok(&mut lftp(world, &ftps, &door, &words));
    let words = format!(
        "mkdir by/sftp\nput {} by/sftp/new.bin\nrename \"with space.txt\" by/renamed.txt\nrm many/0/0.bin\n",
        new.display()
    );
    ok(&mut sftp(world, &files, &words));
    for (from, to) in [("plain.txt", "by/plain.txt"), ("with space.txt", "by/renamed.txt")] {
        fs::create_dir_all(tree.join("by")).unwrap();
        fs::rename(tree.join(from), tree.join(to)).unwrap();
    }
    for way in ["ftps", "sftp"] {
        fs::create_dir_all(tree.join("by").join(way)).unwrap();
        fs::copy(&new, tree.join("by").join(way).join("new.bin")).unwrap();
    }
    fs::remove_file(tree.join("empty")).unwrap();
    fs::remove_file(tree.join("many/0/0.bin")).unwrap();
    ok(rclone(world, &config).args(["check", "--download"]).arg(&tree).arg(format!("s3:{bucket}")));

    let [soap, mail] =
        ["web-service", "email"].map(|channel| rig::key(world, &storage, channel, "read_write"));
    let own = [
        (&s3, "s3"),
        (&reader, "http"),
        (&ftps, "ftp"),
        (&files, "ftp"),
        (&soap, "web-service"),
        (&mail, "email"),
    ];
    each_on_its_own_door(world, &own);
    let before = rig::stored(world, &s3);
    all_cut_off(world, &storage, [&s3, &reader, &ftps, &files], &before);
}

/// Compares every file below `at` with the one of the same name in the mount.
fn same_files(at: &Path, tree: &Path, mount: &Path) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            same_files(&path, tree, mount);
        } else {
            let name = path.strip_prefix(tree).unwrap();
            assert!(fs::read(&path).unwrap() == fs::read(mount.join(name)).unwrap(), "{}", name.display());
        }
    }
}

/// Every key on every door; over TLS, with the clients that have it.
fn each_on_its_own_door(world: &World, keys: &[(&Access, &str)]) {
    for (key, channel) in keys {
        let opened = |door: Door| match door {
            Door::S3 => {
                let config = rclone_config(world, "door-s3", &[("s3", key)]);
                run(rclone(world, &config).arg("lsf").arg(format!("s3:{}", key.bucket))).status.success()
            }
            Door::Rest => {
                let bearer = format!("{}.{}", key.access_key, key.secret);
                world.rest("GET", "/storages", Some(&bearer), None).0 == 200
            }
            Door::Http => run(curl(world, key).arg(http(world, key, ""))).status.success(),
            Door::Dav => {
                let words = ["--request", "PROPFIND", "--header", "Depth: 0"];
                run(curl(world, key).args(words).arg(dav(world, ""))).status.success()
            }
            Door::Ftp => {
                let url = format!("ftps://{}/", world.ftps.as_deref().unwrap());
                run(curl(world, key).arg("--list-only").arg(url)).status.success()
            }
            Door::Sftp => run(&mut sftp(world, key, "ls\n")).status.success(),
            Door::Soap => {
                let whole = envelope("", SoapOperation::ListFolder, &parameter("path", "/"));
                let body = private(world, &format!("soap-{}", key.access_key), &whole);
                let mut curl = curl(world, key);
                curl.args(["--header", "content-type: text/xml", "--data-binary"]);
                curl.arg(format!("@{}", body.display())).arg(format!("{}/soap", world.web));
                run(&mut curl).status.success()
            }
            Door::SoapDigest => door.opens(world, key),
            Door::Smtp => {
                let url = format!("smtps://{}", world.smtps.as_deref().unwrap());
                run(curl(world, key).args(["--login-options", "AUTH=PLAIN"]).arg(url)).status.success()
            }
        };
        for door in Door::ALL {
            assert_eq!(opened(door), door.channel() == *channel, "a key of {channel} at {door:?}");
        }
    }
}

/// A slow client on each channel, both directions; then the storage is taken from all of them at once.
fn all_cut_off(world: &World, storage: &str, keys: [&Access; 4], before: &[(String, u64)]) {
    let [s3, reader, ftps, files] = keys;
    let large = rig::file(world, "large.bin", 64 << 20);
    let url = format!("ftps://{}", world.ftps.as_deref().unwrap());
    let config = rclone_config(world, "slow", &[("s3", s3)]);
    ok(rclone(world, &config).arg("copyto").arg(&large).arg(format!("s3:{}/large.bin", s3.bucket)));
    let slow = ["--limit-rate", "400k", "--output", "/dev/null"];
    let mut clients = Vec::new();
    let mut start = |command: &mut Command| {
        clients
            .push(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    };
    start(
        rclone(world, &config).args(["--bwlimit", "400k", "cat"]).arg(format!("s3:{}/large.bin", s3.bucket)),
    );
    start(curl(world, reader).args(slow).arg(http(world, reader, "large.bin")));
    start(curl(world, reader).args(slow).arg(dav(world, "large.bin")));
    start(curl(world, ftps).args(slow).arg(format!("{url}/large.bin")));
    start(
        curl(world, reader).args(slow).arg("--upload-file").arg(&large).arg(http(world, reader, "up-http")),
    );
    start(curl(world, reader).args(slow).arg("--upload-file").arg(&large).arg(dav(world, "up-dav")));
    start(curl(world, ftps).args(slow).arg("--upload-file").arg(&large).arg(format!("{url}/up-ftps")));
    let down = world.scratch("no").join("large.bin");
    start(&mut rig::sftp_with(world, files, &["-l", "4000"], &format!("get large.bin {}\n", down.display())));
    // Not by OpenSSH's sftp: held back by `-l`, it goes on sending for a long time after each piece was refused.
    let by_sftp = rclone_config(world, "slow-sftp", &[("sftp", files)]);
    start(rclone(world, &by_sftp).args(["--bwlimit", "400k", "copyto"]).arg(&large).arg("sftp:up-sftp"));
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let list = world.admin("GET", "/transfers", None);
        let count = list["items"].as_array().unwrap().len();
        if count >= clients.len() {
            break;
        }
        assert!(Instant::now() < end, "{count} of {} are under way: {list}", clients.len());
        std::thread::sleep(Duration::from_millis(50));
    }
    let asked = Instant::now();
    let told = world.admin("POST", &format!("/storages/{storage}/pause"), Some(&json!({"minutes": 30})));
    assert!(told["receipt"]["transfers_cut"].as_u64().unwrap() >= clients.len() as u64, "{told}");
    for (number, client) in clients.iter_mut().enumerate() {
        let status = loop {
            if let Some(status) = client.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < 4 * AT_ONCE, "client {number} goes on");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(!status.success(), "client {number} believes that all went well");
    }
    assert!(asked.elapsed() < 2 * AT_ONCE, "{:?}", asked.elapsed());
    world.admin("DELETE", &format!("/storages/{storage}/pause"), None);
    let after: Vec<_> = rig::stored(world, s3).into_iter().filter(|(name, _)| name != "large.bin").collect();
    assert_eq!(after, before, "something of a cut upload is there");
}
