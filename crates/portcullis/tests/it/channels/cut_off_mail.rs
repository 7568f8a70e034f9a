//! Messages on their way when a right goes: they end within seconds, whether the client sends or waits, and nothing of them is a file.

use std::thread;
use std::time::{Duration, Instant};

use super::cut_off::CAUSES;
use super::raw_smtp::Smtp;
use super::rig::{self, Secure, stored};
use crate::world::{Access, World};

/// The longest that a session outlives its right, with what a busy machine adds: it is looked at once a second while a message comes, and
/// every five when it is idle.
const SOON: Duration = Duration::from_secs(1 + 3);
const IDLE: Duration = Duration::from_secs(5 + 3);

/// A line of base64, as a message has them.
const LINE: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n";

/// A session that has begun to send a message with one attachment.
fn begun(world: &World, key: &Access) -> Smtp {
    let mut smtp = Smtp::login(world, key);
    assert_eq!(smtp.begin("cut").0, 354);
    let head = "MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=\"up.bin\"\r\n\
                Content-Transfer-Encoding: base64\r\n\r\n";
    smtp.send(head.as_bytes()).unwrap();
    smtp.send(LINE.repeat(20_000).as_bytes()).unwrap();
    smtp
}

/// The last word of a session that has ended; it says that nothing was taken.
fn ended(smtp: &mut Smtp) -> (u16, String) {
    let told = smtp.reply();
    assert!(matches!(told.0, 0 | 421), "{told:?}");
    told
}

#[test]
fn a_message_on_its_way_ends_with_its_right() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Cut");
    let s3 = world.key(&storage, "read_write");
    for (what, cause) in CAUSES {
        let key = rig::key(world, &storage, "email", "write");
        let other = rig::key(world, &storage, "email", "write");
        let mut waits = begun(world, &key);
        let mut sends = begun(world, &key);
        let mut idle = Smtp::login(world, &key);
        let mut kept = begun(world, &other);
        // One that goes on sending without a pause, for as long as it is heard.
        let sender = thread::spawn(move || {
            let many = LINE.repeat(1_000);
            let end = Instant::now() + Duration::from_secs(60);
            while sends.send(many.as_bytes()).is_ok() {
                assert!(Instant::now() < end, "it is heard to the end");
            }
            Instant::now()
        });
        let asked = Instant::now();
        cause(world, &key);
        ended(&mut waits);
        assert!(asked.elapsed() < SOON, "{what}: {:?}", asked.elapsed());
        let silenced = sender.join().unwrap();
        assert!(silenced.saturating_duration_since(asked) < SOON, "{what}: it was heard for too long");
        ended(&mut idle);
        assert!(asked.elapsed() < IDLE, "{what}: {:?}", asked.elapsed());
        kept.send(b".\r\n").unwrap();
        let told = kept.reply();
        assert_eq!(told.0, 250, "{what}: {told:?}");
        let names: Vec<_> = stored(world, &s3).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["cut/up.bin"], "{what}: something of a message that was cut off is there");
        let told = Smtp::secure(world).enter(&key);
        assert_eq!(told.0, 535, "{what}: {told:?}");
        let bucket = crate::http::Signed::new(world, &s3);
        let gone = bucket.call("DELETE", &format!("/{}/cut/up.bin", s3.bucket), "", &[], b"");
        assert_eq!(gone.status, 204);
    }
}
