//! What mail does to the server: its memory, its disk, its end; and the settings of its doors.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::raw_smtp::{Smtp, message};
use super::rig::{self, Secure, bare, file, private, stored};
use crate::clients::tools;
use crate::memory::peak;
use crate::world::{World, ok};

/// Sends one file as an attachment.
const LARGE: &str = r#"
import json, smtplib, ssl, sys
from email.mime.application import MIMEApplication
given = json.load(open(sys.argv[1], encoding="utf-8"))
host, port = given["smtps"].rsplit(":", 1)
letter = MIMEApplication(open(given["file"], "rb").read())
letter["Message-ID"] = "<large@client.test>"
letter.add_header("Content-Disposition", "attachment", filename="large.bin")
with smtplib.SMTP_SSL(host, int(port), timeout=120, context=ssl.create_default_context(cafile=given["certificate"])) as smtp:
    smtp.login(given["user"], given["secret"])
    smtp.send_message(letter, "a@client.test", ["files@localhost"])
"#;

#[test]
fn a_large_attachment_passes_in_constant_memory() {
    const SIZE: usize = 100 << 20;
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Large");
    let (s3, key) = (world.key(&storage, "read_write"), rig::key(world, &storage, "email", "write"));
    let large = file(world, "large.bin", SIZE);
    let settings = json!({
        "smtps": world.smtps, "certificate": world.certificate(), "user": key.access_key, "secret": key.secret, "file": large
    });
    let settings = private(world, "large.json", &settings.to_string());
    let before = peak(world.pid());
    ok(bare(world, tools().join("python3").to_str().unwrap()).args(["-c", LARGE]).arg(settings));
    let grown = peak(world.pid()) - before;
    println!("a mail with 100 MiB: the peak of resident memory grew by {} KiB", grown / 1024);
    assert!(grown < 48 << 20, "grew by {grown} bytes");
    assert_eq!(stored(world, &s3), [("large.bin".to_owned(), SIZE as u64)]);
    let config = rig::rclone_config(world, "large", &[("s3", &s3)]);
    let back = world.scratch("large").join("back");
    ok(rig::rclone(world, &config).arg("copyto").arg(format!("s3:{}/large.bin", s3.bucket)).arg(&back));
    assert!(fs::read(&back).unwrap() == fs::read(&large).unwrap());
}

/// Bytes that are open in the directory of messages without a name, as the system sees them.
fn waiting(world: &World) -> u64 {
    let dir = world.data_dir().join("mail");
    let open = fs::read_dir(format!("/proc/{}/fd", world.pid())).unwrap();
    open.flatten()
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|path| path.starts_with(&dir)))
        .filter_map(|entry| fs::metadata(entry.path()).ok())
        .map(|meta| meta.len())
        .sum()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn nothing_is_left_of_a_message_that_broke_off() {
    let mut secure = Secure::start();
    let (storage, _) = secure.world.storage("Broken");
    let (s3, key) =
        (secure.world.key(&storage, "read_write"), rig::key(&secure.world, &storage, "email", "write"));
    let half = message("half.bin", &"x".repeat(3 << 20)).replace("\r\n.\r\n", "");
    let begin = |world: &World| {
        let mut smtp = Smtp::login(world, &key);
        assert_eq!(smtp.begin("").0, 354);
        smtp.send(half.as_bytes()).unwrap();
        until("the message is not spooled", || waiting(world) > 1 << 20);
        smtp
    };
    // The client goes.
    drop(begin(&secure.world));
    until("the spool keeps what nobody sends", || waiting(&secure.world) == 0);
    // The server goes, as in a power cut.
    let smtp = begin(&secure.world);
    secure.world.kill();
    drop(smtp);
    assert_eq!(fs::read_dir(secure.world.data_dir().join("mail")).unwrap().count(), 0);
    secure.world.boot();
    assert!(stored(&secure.world, &s3).is_empty());
    // It ends in good order while a client is idle and another in the middle of a message, which it may finish.
    let mut idle = Smtp::login(&secure.world, &key);
    let mut busy = begin(&secure.world);
    std::thread::scope(|scope| {
        let stopped = scope.spawn(|| secure.world.stop());
        let (code, told) = idle.reply();
        assert!(code == 421 && told.contains("4.3.2"), "{told}");
        busy.send(b"\r\n.\r\n").unwrap();
        let (code, told) = busy.reply();
        assert_eq!(code, 250, "{told}");
        drop((idle, busy));
        assert!(stopped.join().unwrap().success());
    });
    secure.world.boot();
    assert_eq!(stored(&secure.world, &s3), [("half.bin".to_owned(), 3 << 20)]);
}

#[test]
fn the_operator_says_what_is_taken() {
    let secure = Secure::start_with(&[
        "--smtp-domains",
        "files.example.com,other.example.com",
        "--smtp-max-message",
        "1M",
        "--smtp-spool",
        "2M",
    ]);
    let world = &secure.world;
    let (storage, _) = world.storage("Settings");
    let key = rig::key(world, &storage, "email", "write");
    let mut smtp = Smtp::login(world, &key);
    let (_, told) = smtp.say("EHLO client");
    assert!(told.starts_with("250-files.example.com") && told.contains("SIZE 1048576"), "{told}");
    assert_eq!(smtp.say("MAIL FROM:<a@b> SIZE=1048577").0, 552);
    assert_eq!(smtp.say("MAIL FROM:<a@b>").0, 250);
    assert_eq!(smtp.say("RCPT TO:<a@OTHER.example.com>").0, 250);
    assert_eq!(smtp.say("RCPT TO:<a@localhost>").0, 550);
    // Two that wait leave no room for a third.
    let half = message("half.bin", &"x".repeat(700_000)).replace("\r\n.\r\n", "");
    let waiting: Vec<Smtp> = (0..2)
        .map(|_| {
            let mut smtp = Smtp::login(world, &key);
            assert_eq!(smtp.say("MAIL FROM:<a@b>").0, 250);
            assert_eq!(smtp.say("RCPT TO:<a@files.example.com>").0, 250);
            assert_eq!(smtp.say("DATA").0, 354);
            smtp.send(half.as_bytes()).unwrap();
            smtp
        })
        .collect();
    until("the messages are not spooled", || self::waiting(world) > 1_500_000);
    assert_eq!(smtp.say("RSET").0, 250);
    let (code, told) = smtp.say("MAIL FROM:<a@b> SIZE=1000000");
    assert!(code == 452 && told.contains("4.3.1"), "{told}");
    drop(waiting);
    until("room is not given back", || smtp.say("MAIL FROM:<a@b> SIZE=1000000").0 == 250);
}

#[test]
fn a_key_sends_so_many_messages_in_an_hour() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Rate");
    let s3 = world.key(&storage, "read_write");
    let key = rig::key_with(world, &storage, "email", "write", &json!({"mail": {"per_hour": 2}}));
    let mut smtp = Smtp::login(world, &key);
    for name in ["one.txt", "two.txt"] {
        let (code, told) = smtp.message("", name, name);
        assert_eq!(code, 250, "{told}");
    }
    let (code, told) = smtp.message("", "three.txt", "three");
    assert!(code == 450 && told.contains("4.7.1"), "{told}");
    // What is known already costs nothing.
    let (code, told) = smtp.message("", "two.txt", "two.txt");
    assert_eq!(code, 250, "{told}");
    assert_eq!(stored(world, &s3).len(), 2);
}
