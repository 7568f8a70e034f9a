//! Clients and servers that die in the middle: the file of before stays, and what came is gone on with.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::held::{BYTE, Kind, begin};
use super::rig::{self, Secure, curl, file, http, lftp, stored};
use crate::world::{Access, World, ok};

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until so many transfers of a key are under way, or none.
fn until(world: &World, key: &Access, count: usize) {
    let end = Instant::now() + PATIENCE;
    loop {
        let list = world.admin("GET", "/transfers", None);
        let all = list["items"].as_array().unwrap().iter().filter(|item| item["key"] == key.key_id.as_str());
        if all.count() == count {
            return;
        }
        assert!(Instant::now() < end, "{list}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_breaks_off_leaves_the_file_of_before() {
    let world = rig::plain();
    let (storage, _) = world.storage("Broken");
    let s3 = world.key(&storage, "read_write");
    for kind in Kind::ALL.into_iter().filter(|kind| kind.uploads()) {
        let key = rig::key(&world, &storage, kind.channel(), "read_write");
        let name = format!("{kind:?}");
        let put = crate::http::Signed::new(&world, &s3).call(
            "PUT",
            &format!("/{}/{name}", s3.bucket),
            "",
            &[],
            b"before",
        );
        assert_eq!(put.status, 200);
        drop(begin(kind, &world, &key, &name));
        until(&world, &key, 0);
        let there = crate::http::Signed::new(&world, &s3).call(
            "GET",
            &format!("/{}/{name}", s3.bucket),
            "",
            &[],
            b"",
        );
        assert_eq!(there.text(), "before", "{kind:?}");
    }
    let uploads = Kind::ALL.into_iter().filter(|kind| kind.uploads()).count();
    assert_eq!(stored(&world, &s3).len(), uploads);
}

/// Starts a client, lets it come so far, and kills it.
fn killed(mut client: Child, world: &World, key: &Access) {
    // Each part of an upload is a transfer of its own: with the third the first two are on disk.
    let end = Instant::now() + PATIENCE;
    let mut parts = std::collections::BTreeSet::new();
    while parts.len() < 3 {
        let list = world.admin("GET", "/transfers", None);
        parts.extend(list["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
        assert!(Instant::now() < end, "{parts:?} {list}");
        thread::sleep(Duration::from_millis(20));
    }
    client.kill().unwrap();
    client.wait().unwrap();
    until(world, key, 0);
}

fn quiet(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_client_that_was_killed_goes_on_over_ftp() {
    // Over TLS the server knows an end from a break.
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Broken");
    let key = rig::key(world, &storage, "ftp", "read_write");
    let s3 = world.key(&storage, "read");
    let local = file(world, "large.bin", 60 << 20);
    let door = format!("ftps://{}", world.ftps.as_deref().unwrap());
    let script = format!("set net:limit-rate 0:12000000\nput {} -o large.bin", local.display());
    killed(quiet(lftp(world, &key, &door, &script)), world, &key);
    assert_eq!(stored(world, &s3), []);
    // How far it came is a size, and the rest follows.
    let told = ok(&mut lftp(world, &key, &door, "quote SIZE large.bin"));
    let size: u64 = told.trim().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(size >= 8 << 20, "{told}");
    ok(&mut lftp(world, &key, &door, &format!("reput {} -o large.bin", local.display())));
    let back = world.scratch("back").join("large.bin");
    ok(&mut lftp(world, &key, &door, &format!("get large.bin -o {}", back.display())));
    assert!(fs::read(&local).unwrap() == fs::read(&back).unwrap());
}

#[test]
fn a_client_that_was_killed_goes_on_over_sftp() {
    let world = rig::plain();
    let (storage, _) = world.storage("Broken");
    let key = rig::key(&world, &storage, "ftp", "read_write");
    let s3 = world.key(&storage, "read");
    let local = file(&world, "large.bin", 60 << 20);
    // Kbit/s.
    let script = format!("put {} large.bin\n", local.display());
    let slow = rig::sftp_with(&world, &key, &["-l", "96000"], &script);
    killed(quiet(slow), &world, &key);
    assert_eq!(stored(&world, &s3), []);
    let back = world.scratch("back").join("large.bin");
    let script = format!("reput {} large.bin\nget large.bin {}\n", local.display(), back.display());
    ok(&mut rig::sftp(&world, &key, &script));
    assert!(fs::read(&local).unwrap() == fs::read(&back).unwrap());
}

#[test]
fn a_power_cut_in_the_middle_of_everything() {
    let mut world = rig::plain();
    let (storage, _) = world.storage("Broken");
    let s3 = world.key(&storage, "read_write");
    let channels = ["http", "ftp", "web-service"];
    let keys = channels.map(|channel| rig::key(&world, &storage, channel, "read_write"));
    let whole = file(&world, "whole.bin", 30 << 20);
    // What was acknowledged before the cut.
    ok(curl(&world, &keys[0]).arg("--upload-file").arg(&whole).arg(http(&world, &keys[0], "kept-http")));
    let ftp = format!("ftp://{}/kept-ftp", world.ftp.as_deref().unwrap());
    ok(curl(&world, &keys[1]).arg("--upload-file").arg(&whole).arg(ftp));
    ok(&mut rig::sftp(&world, &keys[1], &format!("put {} kept-sftp\n", whole.display())));
    let before = stored(&world, &s3);
    let held: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| kind.uploads())
        .map(|kind| {
            let key = channels.iter().position(|channel| *channel == kind.channel()).unwrap();
            begin(kind, &world, &keys[key], &format!("up-{kind:?}"))
        })
        .collect();
    world.kill();
    drop(held);
    world.boot();
    assert_eq!(stored(&world, &s3), before);
    for name in ["kept-http", "kept-ftp", "kept-sftp"] {
        let back = world.scratch("back").join(name);
        ok(curl(&world, &keys[0]).arg("--output").arg(&back).arg(http(&world, &keys[0], name)));
        assert!(fs::read(&whole).unwrap() == fs::read(&back).unwrap(), "{name}");
    }
    // FTP and SFTP go on with what was on disk; the host's key is the same.
    let door = format!("ftp://{}", world.ftp.as_deref().unwrap());
    let rest = file(&world, "rest.bin", 0);
    fs::write(&rest, vec![BYTE; 20 << 20]).unwrap();
    ok(&mut lftp(&world, &keys[1], &door, &format!("reput {} -o up-FtpStor", rest.display())));
    ok(&mut rig::sftp(&world, &keys[1], &format!("reput {} up-SftpPut\n", rest.display())));
    let there = stored(&world, &s3);
    for name in ["up-FtpStor", "up-SftpPut"] {
        assert!(there.contains(&(name.to_owned(), 20 << 20)), "{there:?}");
        let back = world.scratch("back").join(name);
        ok(curl(&world, &keys[0]).arg("--output").arg(&back).arg(http(&world, &keys[0], name)));
        assert!(fs::read(&back).unwrap().iter().all(|byte| *byte == BYTE), "{name}");
    }
}
