//! rclone with its backends `ftp` (in both kinds of TLS), `sftp`, `webdav` and `http`, checked against its backend `s3`.

use std::path::Path;

use super::rig::{self, Secure, rclone, rclone_config};
use crate::world::{Access, World, ok, plant, refused, run};

/// Whether a second `sync` sent anything; rclone tells of transfers on its standard error.
fn sent(world: &World, config: &Path, from: &Path, to: &str) -> Vec<String> {
    let out = run(rclone(world, config).args(["--verbose", "sync"]).arg(from).arg(to));
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{told}");
    let deeds = [": Copied", ": Updated", ": Deleted"];
    told.lines().filter(|line| deeds.iter().any(|deed| line.contains(deed))).map(str::to_owned).collect()
}

/// What rclone does with a remote, in the folder `name` of a storage.
fn works(world: &World, remote: &str, key: &Access, s3: &Access) {
    let config = rclone_config(world, remote, &[(remote, key), ("s3", s3)]);
    let tree = world.scratch("tree");
    let there = format!("{remote}:{remote}");
    let same = format!("s3:{}/{remote}", s3.bucket);
    ok(rclone(world, &config).arg("copy").arg(&tree).arg(&there));
    ok(rclone(world, &config).args(["check", "--download"]).arg(&tree).arg(&there));
    ok(rclone(world, &config).arg("check").arg(&tree).arg(&same));
    // The first run may set times; after it nothing is left to do.
    sent(world, &config, &tree, &there);
    assert_eq!(sent(world, &config, &tree, &there), [""; 0], "{remote}: the second sync sent something");
    let run = |words: &[String]| ok(rclone(world, &config).args(words));
    run(&["moveto".into(), format!("{there}/plain.txt"), format!("{there}/moved to/here.txt")]);
    run(&["mkdir".into(), format!("{there}/empty folder")]);
    let listed = run(&["lsf".into(), there.clone()]);
    assert!(listed.contains("empty folder/\n") && !listed.contains("plain.txt"), "{remote}: {listed}");
    run(&["rmdir".into(), format!("{there}/empty folder")]);
    run(&["deletefile".into(), format!("{there}/moved to/here.txt")]);
    run(&["purge".into(), format!("{there}/many")]);
    let listed = run(&["lsf".into(), there.clone()]);
    assert!(!listed.contains("empty folder") && !listed.contains("many"), "{remote}: {listed}");
    ok(rclone(world, &config).arg("sync").arg(&tree).arg(&there));
    ok(rclone(world, &config).arg("check").arg(&tree).arg(&same));
}

/// What keys that may not do all are refused.
fn refuses(world: &World, remote: &str, s3: &Access, [reader, writer]: [&Access; 2]) {
    let tree = world.scratch("tree");
    let config = rclone_config(world, &format!("{remote}-reader"), &[(remote, reader)]);
    let there = format!("{remote}:{remote}");
    ok(rclone(world, &config).args(["check", "--download"]).arg(&tree).arg(&there));
    let before = rig::stored(world, s3);
    refused(rclone(world, &config).arg("copyto").arg(tree.join("empty")).arg(format!("{there}/no")));
    // The FTP backend of rclone 1.60 does not tell that a file stayed, and `cat` of what is not there is empty: what counts is what is there.
    run(rclone(world, &config).arg("deletefile").arg(format!("{there}/empty")));
    let config = rclone_config(world, &format!("{remote}-writer"), &[(remote, writer)]);
    let listed = run(rclone(world, &config).arg("lsf").arg(format!("{remote}:")));
    assert!(listed.stdout.is_empty(), "{remote}: {listed:?}");
    let read = run(rclone(world, &config).arg("cat").arg(format!("{there}/plain.txt")));
    assert!(read.stdout.is_empty(), "{remote}: {read:?}");
    run(rclone(world, &config).arg("deletefile").arg(format!("{there}/plain.txt")));
    assert_eq!(rig::stored(world, s3), before, "{remote}");
}

fn backend(remote: &str, channel: &str) {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Rclone");
    let s3 = world.key(&storage, "read");
    plant(&world.scratch("tree"));
    let [both, reader, writer] = rig::three(world, &storage, channel);
    works(world, remote, &both, &s3);
    refuses(world, remote, &s3, [&reader, &writer]);
}

#[test]
fn ftp_with_tls_on_demand() {
    backend("ftp", "ftp");
}

#[test]
fn ftp_inside_tls() {
    backend("ftps", "ftp");
}

#[test]
fn sftp() {
    backend("sftp", "ftp");
}

#[test]
fn webdav() {
    backend("dav", "http");
}

#[test]
fn http_reads() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, bucket) = world.storage("Rclone");
    let s3 = world.key(&storage, "read_write");
    let tree = world.scratch("tree");
    plant(&tree);
    let [_, reader, writer] = rig::three(world, &storage, "http");
    let config = rclone_config(world, "http", &[("http", &reader), ("s3", &s3)]);
    ok(rclone(world, &config).arg("copy").arg(&tree).arg(format!("s3:{bucket}")));
    ok(rclone(world, &config).args(["check", "--download"]).arg(&tree).arg("http:"));
    let config = rclone_config(world, "http-writer", &[("http", &writer)]);
    let told = run(rclone(world, &config).arg("lsf").arg("http:"));
    assert!(told.stdout.is_empty(), "{told:?}");
    let told = run(rclone(world, &config).arg("cat").arg("http:plain.txt"));
    assert!(told.stdout.is_empty(), "{told:?}");
}
