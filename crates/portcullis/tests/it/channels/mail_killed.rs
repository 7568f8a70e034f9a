//! The end of the process in the middle of a message: all of its files are there, or none.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::raw_smtp::Smtp;
use super::rig::{self, Secure, stored};
use crate::world::World;

const FILES: usize = 60;
const SIZE: usize = 60_000;

/// A message with many attachments, and its end.
fn message(round: usize) -> String {
    let mut text = format!(
        "From: a@client.test\r\nMessage-ID: <killed-{round}@client.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"part\"\r\n\r\n"
    );
    for number in 0..FILES {
        let bytes = vec![u8::try_from(number).unwrap(); SIZE];
        text.push_str(&format!(
            "--part\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{round}-{number}.bin\"\r\n\r\n"
        ));
        for line in BASE64_STANDARD.encode(bytes).as_bytes().chunks(76) {
            text.push_str(str::from_utf8(line).unwrap());
            text.push_str("\r\n");
        }
    }
    text.push_str("--part--\r\n.\r\n");
    text
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The files that a storage has, as its page tells it.
fn count(world: &World, storage: &str) -> usize {
    let shown = world.admin("GET", &format!("/storages/{storage}"), None);
    usize::try_from(shown["files"].as_u64().unwrap()).unwrap()
}

#[test]
fn a_process_that_is_killed_leaves_all_of_a_message_or_none() {
    let mut secure = Secure::start();
    let (storage, _) = secure.world.storage("Killed");
    let (s3, key) =
        (secure.world.key(&storage, "read_write"), rig::key(&secure.world, &storage, "email", "write"));
    let mut whole = BTreeMap::new();
    let mut half_way = 0;
    // Earlier and later in the message.
    for (round, seen) in [1, FILES / 4, FILES / 2, FILES - 2].into_iter().enumerate() {
        let before = whole.len();
        let mut smtp = Smtp::login(&secure.world, &key);
        assert_eq!(smtp.begin("").0, 354);
        smtp.send(message(round).as_bytes()).unwrap();
        let there = until("nothing is stored", || {
            Some(count(&secure.world, &storage)).filter(|count| *count >= before + seen)
        });
        secure.world.kill();
        let acknowledged = smtp.reply().0 == 250;
        drop(smtp);
        half_way += usize::from(there < before + FILES && !acknowledged);
        secure.world.boot();
        // What was left is gone before long, unless all of it had come to its end.
        let files = until("what was left stays", || {
            let files = stored(&secure.world, &s3).len() - before;
            (files == 0 || files == FILES).then_some(files)
        });
        assert!(!acknowledged || files == FILES, "round {round}: what was told to be stored is gone");
        // Sent again, it is stored once.
        until("the message is not taken again", || {
            let mut smtp = Smtp::login(&secure.world, &key);
            assert_eq!(smtp.begin("").0, 354);
            smtp.send(message(round).as_bytes()).unwrap();
            let (code, told) = smtp.reply();
            assert!(code == 250 || code == 451, "{told}");
            (code == 250).then_some(())
        });
        whole.extend((0..FILES).map(|number| (format!("{round}-{number}.bin"), SIZE as u64)));
        let all: BTreeMap<String, u64> = stored(&secure.world, &s3).into_iter().collect();
        assert_eq!(all, whole, "round {round}");
    }
    assert!(half_way > 0, "it was never killed in the middle");
    let log = secure.world.log();
    assert!(!log.contains("panicked"), "{log}");
}
