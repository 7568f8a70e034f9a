//! OpenSSH's `sftp`, `ssh` and `sshfs`: with a password and with a key of one's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::rig::{self, Mounted, bare, file, mounts, sftp, sftp_host, ssh, ssh_options};
use crate::world::{Access, World, ok, refused};

#[test]
fn files_come_and_go() {
    let world = rig::plain();
    let (storage, _) = world.storage("OpenSSH");
    let [both, reader, writer] = rig::three(&world, &storage, "ftp");
    let s3 = world.key(&storage, "read");
    let large = file(&world, "large.bin", 30 << 20);
    let back = world.scratch("back").join("large.bin");
    let (up, down) = (large.display(), back.display());
    let script = format!(
        "mkdir in\ncd in\nput {up} a.bin\nrename a.bin b.bin\nls -l\nget b.bin {down}\nmkdir empty\nrmdir empty\npwd\ndf\n"
    );
    let told = ok(&mut sftp(&world, &both, &script));
    assert!(told.contains("b.bin") && told.contains("/in"), "{told}");
    assert!(fs::read(&large).unwrap() == fs::read(&back).unwrap());
    assert_eq!(rig::stored(&world, &s3), [("in/b.bin".to_owned(), 30 << 20)]);
    // A whole tree, with times; many requests at once, as by those who want to be quick.
    let tree = world.scratch("tree");
    crate::world::plant(&tree);
    let again = world.scratch("again");
    let script = format!("put -rp {} tree\nget -rp tree {}\n", tree.display(), again.display());
    ok(&mut rig::sftp_with(&world, &both, &["-R", "256"], &script));
    ok(Command::new("diff").arg("-r").arg(&tree).arg(again.join("tree")));
    let script =
        "rm tree/many/0/*\nrename in/b.bin tree/b.bin\nrename tree renamed\nls -1 renamed/many\nrmdir in\n";
    let told = ok(&mut sftp(&world, &both, script));
    assert!(!told.contains("renamed/many/0\n") || told.contains("renamed/many/1\n"), "{told}");
    beyond(&world, &reader, &writer, &large);
}

fn beyond(world: &World, reader: &Access, writer: &Access, large: &Path) {
    let put = format!("put {} no\n", large.display());
    for deed in ["rm renamed/plain.txt\n", "mkdir no\n", "rename renamed no\n", "rmdir renamed\n", &put] {
        let told = refused(&mut sftp(world, reader, deed));
        assert!(told.contains("ermission denied") || told.contains("ailure"), "{deed}: {told}");
    }
    ok(&mut sftp(world, writer, &format!("put {} dropped\nls\n", large.display())));
    for name in ["renamed/plain.txt", "nothing/at-all.txt"] {
        let told =
            refused(&mut sftp(world, writer, &format!("get {name} {}\n", world.scratch("no").display())));
        assert!(told.contains("not found") || told.contains("denied") || told.contains("No such"), "{told}");
    }
    assert!(!ok(&mut sftp(world, writer, "ls -1\n")).contains("renamed"));
    // Nothing but files is to be had.
    for words in [
        vec!["id"],
        vec!["-N", "-L", "127.0.0.1:0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes", "-O", "check"],
    ] {
        let mut ssh = ssh(world, reader, "ssh");
        refused(ssh.arg(format!("{}@{}", reader.access_key, sftp_host(world))).args(words));
    }
}

#[test]
fn uploads_and_downloads_go_on() {
    let world = rig::plain();
    let (storage, _) = world.storage("OpenSSH");
    let key = rig::key(&world, &storage, "ftp", "read_write");
    let whole = file(&world, "whole.bin", 30 << 20);
    let bytes = fs::read(&whole).unwrap();
    let begun = world.scratch("local").join("begun.bin");
    fs::write(&begun, &bytes[..11 << 20]).unwrap();
    let back = world.scratch("back").join("whole.bin");
    fs::write(&back, &bytes[..7 << 20]).unwrap();
    let script = format!(
        "put {} file.bin\nreput {} file.bin\nreget file.bin {}\n",
        begun.display(),
        whole.display(),
        back.display()
    );
    ok(&mut sftp(&world, &key, &script));
    assert!(fs::read(&back).unwrap() == bytes, "what was gone on with is another file");
}

#[test]
fn five_thousand_files_in_a_folder() {
    let world = rig::plain();
    let (storage, bucket) = world.storage("OpenSSH");
    let key = rig::key(&world, &storage, "ftp", "read");
    let s3 = world.key(&storage, "read_write");
    let many = world.scratch("many");
    for number in 0..5000 {
        fs::write(many.join(format!("file {number:04}.txt")), number.to_string()).unwrap();
    }
    let config = rig::rclone_config(&world, "many", &[("s3", &s3)]);
    ok(rig::rclone(&world, &config)
        .args(["--transfers", "16", "copy"])
        .arg(&many)
        .arg(format!("s3:{bucket}/many")));
    let told = ok(&mut sftp(&world, &key, "ls -1 many\n"));
    assert_eq!(told.lines().filter(|line| line.starts_with("many/file ")).count(), 5000);
    let told = ok(&mut sftp(&world, &key, "ls -ln many\n"));
    assert_eq!(told.lines().filter(|line| line.contains("many/file ")).count(), 5000);
}

/// A key pair made by `ssh-keygen`; the private file.
fn key_pair(world: &World, kind: &str) -> PathBuf {
    let path = world.scratch("private").join(kind);
    ok(bare(world, "ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", "me@example.com", "-f"]).arg(&path));
    path
}

fn by_key(world: &World, user: &str, private: &Path, script: &str) -> Command {
    let mut sftp = bare(world, "sftp");
    for option in ssh_options(world) {
        sftp.arg("-o").arg(option);
    }
    sftp.args(["-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey", "-i"]).arg(private);
    sftp.arg("-q").arg("-b").arg(rig::script_file(world, script)).arg(format!("{user}@{}", sftp_host(world)));
    sftp
}

#[test]
fn with_keys_of_ones_own() {
    let world = rig::plain();
    let (storage, _) = world.storage("OpenSSH");
    let [mine, other, old] = ["ed25519", "ecdsa", "rsa"].map(|kind| key_pair(&world, kind));
    let public = |path: &Path| fs::read_to_string(path.with_extension("pub")).unwrap();
    let more = json!({"public_keys": [public(&mine)]});
    let key = rig::key_with(&world, &storage, "ftp", "read_write", &more);
    ok(&mut by_key(&world, &key.access_key, &mine, "mkdir made-by-key\nls\n"));
    let told = refused(&mut by_key(&world, &key.access_key, &other, "ls\n"));
    // The same answer for who is not known at all.
    let stranger = refused(&mut by_key(&world, "PC00000000000000NONE", &mine, "ls\n"));
    assert_eq!(told.replace(&key.access_key, "NAME"), stranger.replace("PC00000000000000NONE", "NAME"));
    // The secret goes on working beside it; keys come and go, from the next connection on.
    ok(&mut sftp(&world, &key, "ls\n"));
    let path = format!("/keys/{}", key.key_id);
    world.admin("PATCH", &path, Some(&json!({"public_keys": [public(&other)]})));
    ok(&mut by_key(&world, &key.access_key, &other, "ls\n"));
    refused(&mut by_key(&world, &key.access_key, &mine, "ls\n"));
    let (status, told) =
        world.rest("PATCH", &path, Some(world.token()), Some(&json!({"public_keys": [public(&old)]})));
    assert_eq!(status, 422, "{told}");
    assert!(told.to_string().contains("ed25519"), "{told}");
}

#[test]
fn sshfs_mounts() {
    let world = rig::plain();
    let (storage, _) = world.storage("OpenSSH");
    let key = rig::key(&world, &storage, "ftp", "read_write");
    if !mounts("sshfs") {
        // What it speaks is SFTP all the same.
        ok(&mut sftp(&world, &key, "mkdir dir\nls\n"));
        return;
    }
    let at = world.scratch("mount");
    let password = rig::private(&world, "sshfs", &format!("{}\n", key.secret));
    let mut mount = bare(&world, "sshfs");
    for option in ssh_options(&world) {
        mount.arg("-o").arg(option);
    }
    mount.args(["-o", "password_stdin,PubkeyAuthentication=no"]);
    mount.arg(format!("{}@{}:/", key.access_key, sftp_host(&world))).arg(&at);
    let told = mount.stdin(fs::File::open(password).unwrap()).output().unwrap();
    assert!(told.status.success(), "{told:?}");
    let mounted = Mounted { at: at.clone(), by: &["fusermount3", "-u"] };
    let large = fs::read(file(&world, "large.bin", 10 << 20)).unwrap();
    fs::create_dir(at.join("dir")).unwrap();
    fs::write(at.join("dir/hello.txt"), b"hello").unwrap();
    fs::write(at.join("large.bin"), &large).unwrap();
    assert_eq!(fs::read(at.join("dir/hello.txt")).unwrap(), b"hello");
    fs::rename(at.join("dir/hello.txt"), at.join("dir/renamed.txt")).unwrap();
    assert!(fs::read(at.join("large.bin")).unwrap() == large);
    let names: Vec<_> =
        fs::read_dir(at.join("dir")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["renamed.txt"]);
    fs::remove_file(at.join("dir/renamed.txt")).unwrap();
    fs::remove_dir(at.join("dir")).unwrap();
    drop(mounted);
    let s3 = world.key(&storage, "read");
    assert_eq!(rig::stored(&world, &s3), [("large.bin".to_owned(), 10 << 20)]);
}
