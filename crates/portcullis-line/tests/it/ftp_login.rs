//! Who comes in, and who does not.

use std::time::Duration;

use portcullis_domain::{Channel, Permission, Scope};
use portcullis_line::KeySessions;
use portcullis_line::ftp::{Command, FtpConfig};
use portcullis_listener::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::ftp_client::{Ftp, plain, short};
use crate::world::{NOW, World, only};

#[tokio::test]
async fn a_key_comes_in_and_nobody_else() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let other = world.key(&storage, Permission::ReadWrite).await;
    let s3 = world.key_of(Channel::S3, Scope::Storage(storage.id), |_| ()).await;
    let http = world.key_of(Channel::Http, Scope::Storage(storage.id), |_| ()).await;
    let over = world.key_with(&storage, |key| key.expires = Some(NOW.before(Duration::from_secs(1)))).await;
    let far = world.key_with(&storage, |key| key.networks = only("203.0.113.0/24")).await;
    let address = world.ftp(plain()).await;
    Ftp::login(address, &key).await;
    let mut answers = Vec::new();
    for (id, secret) in [
        (key.id.as_str(), other.secret.reveal()),
        (key.id.as_str(), ""),
        ("PC00000000000000000A", key.secret.reveal()),
        ("anonymous", "a@b"),
        (&s3.id, s3.secret.reveal()),
        (&http.id, http.secret.reveal()),
        (&over.id, over.secret.reveal()),
        (&far.id, far.secret.reveal()),
    ] {
        let mut ftp = Ftp::connect(address).await;
        ftp.expect(331, &format!("USER {id}")).await;
        answers.push(ftp.expect(530, &format!("PASS {secret}")).await);
        ftp.expect(530, "PWD").await;
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all are told the same: {answers:?}");
}

/// Before the login only these are more than a refusal; a new command has to be decided on.
#[tokio::test]
async fn strangers_are_told_nothing() {
    let world = World::start().await;
    let address = world.ftp(plain()).await;
    for command in Command::ALL {
        let mut ftp = Ftp::connect(address).await;
        let told = ftp.say(&format!("{command} a")).await;
        assert_eq!(told.code == 530, !command.is_for_strangers(), "{command}: {told:?}");
    }
}

#[tokio::test]
async fn three_wrong_passwords_and_the_connection_ends() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let mut ftp = Ftp::connect(world.ftp(plain()).await).await;
    for code in [530, 530, 421] {
        ftp.expect(331, &format!("USER {}", key.id)).await;
        ftp.expect(code, "PASS wrong").await;
    }
    ftp.ended().await;
}

#[tokio::test]
async fn a_password_comes_after_its_name_and_once() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let mut ftp = Ftp::connect(world.ftp(plain()).await).await;
    ftp.expect(503, &format!("PASS {}", key.secret.reveal())).await;
    ftp.expect(501, "USER").await;
    ftp.expect(331, &format!("USER {}", key.id)).await;
    ftp.expect(220, "HOST files.test").await;
    ftp.expect(503, &format!("PASS {}", key.secret.reveal())).await;
    ftp.log_in(&key).await;
    ftp.expect(503, &format!("USER {}", key.id)).await;
    ftp.expect(503, "PASS x").await;
    ftp.expect(503, "HOST files.test").await;
    ftp.expect(221, "QUIT").await;
    ftp.ended().await;
}

#[tokio::test]
async fn without_tls_a_door_takes_no_name() {
    let world = World::start().await;
    let pair = crate::ftp_client::Pair::new(&world);
    let config = FtpConfig::new(Some(pair.tls), portcullis_line::ftp::TlsMode::Explicit);
    let mut ftp = Ftp::connect(world.ftp(config).await).await;
    let told = ftp.expect(530, "USER somebody").await;
    assert!(told.text.contains("AUTH TLS"), "{told:?}");
    ftp.expect(530, "PASS secret").await;
}

#[tokio::test]
async fn who_does_not_log_in_in_time_is_sent_away() {
    let world = World::start().await;
    let address = world.ftp(FtpConfig { times: short(), ..plain() }).await;
    let mut silent = Ftp::connect(address).await;
    silent.hear_code(421).await;
    silent.ended().await;
    // Busy is not logged in.
    let mut busy = Ftp::connect(address).await;
    let last = loop {
        let told = busy.say("NOOP").await;
        if told.code != 200 {
            break told;
        }
    };
    assert_eq!(last.code, 421);
}

#[tokio::test]
async fn who_is_idle_for_too_long_is_sent_away() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let address = world.ftp(FtpConfig { times: short(), ..plain() }).await;
    let mut ftp = Ftp::login(address, &key).await;
    ftp.hear_code(421).await;
    ftp.ended().await;
}

#[tokio::test]
async fn a_key_has_so_many_sessions_and_gets_them_back() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let other = world.key(&storage, Permission::ReadWrite).await;
    let config = FtpConfig { sessions: KeySessions::new(2), ..plain() };
    let (one, two) = (world.ftp(config.clone()).await, world.ftp(config).await);
    let mut first = Ftp::login(one, &key).await;
    let _second = Ftp::login(two, &key).await;
    let mut third = Ftp::connect(one).await;
    third.expect(331, &format!("USER {}", key.id)).await;
    third.expect(421, &format!("PASS {}", key.secret.reveal())).await;
    third.ended().await;
    Ftp::login(one, &other).await;
    first.expect(221, "QUIT").await;
    first.ended().await;
    Ftp::login(two, &key).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let world = World::start().await;
    let limits = Limits { max_connections_per_address: 1, ..Limits::default() };
    let address = world.ftp(FtpConfig { limits, ..plain() }).await;
    let _first = Ftp::connect(address).await;
    Ftp::silent(address).await.ended().await;
}

#[tokio::test]
async fn a_long_line_is_refused_and_costs_nothing() {
    let world = World::start().await;
    let mut ftp = Ftp::connect(world.ftp(plain()).await).await;
    let long = vec![b'x'; 64 * 1024];
    for _ in 0..64 {
        ftp.send_raw(&long).await;
    }
    assert_eq!(ftp.say("").await.code, 500);
    ftp.expect(200, "NOOP").await;
}

#[tokio::test]
async fn browsers_and_nonsense_are_sent_away() {
    let world = World::start().await;
    let address = world.ftp(plain()).await;
    let mut browser = Ftp::connect(address).await;
    browser.send_raw(b"POST / HTTP/1.1\r\nHost: a\r\n\r\nUSER a\r\nPASS b\r\n").await;
    browser.hear_code(421).await;
    browser.ended().await;
    let mut nonsense = Ftp::connect(address).await;
    for _ in 0..19 {
        nonsense.expect(500, "WHAT IS").await;
    }
    nonsense.expect(421, "WHAT IS").await;
    nonsense.ended().await;
}

#[tokio::test]
async fn telnet_is_passed_over() {
    let world = World::start().await;
    let mut ftp = Ftp::connect(world.ftp(plain()).await).await;
    ftp.send_raw(b"\xff\xf4\xff\xf2NO\xff\xfb\x01OP\r\n").await;
    ftp.hear_code(200).await;
}

#[tokio::test]
async fn a_right_that_ends_ends_the_session() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let address = world.ftp(plain()).await;
    let keys = [
        world.key(&storage, Permission::ReadWrite).await,
        world.key(&storage, Permission::ReadWrite).await,
        world.key(&storage, Permission::ReadWrite).await,
        world.key_with(&storage, |key| key.expires = Some(NOW.after(Duration::from_secs(9)))).await,
    ];
    let mut sessions = Vec::new();
    for key in &keys {
        let mut ftp = Ftp::login(address, key).await;
        ftp.expect(257, "PWD").await;
        sessions.push(ftp);
    }
    world.delete_key(&keys[0]).await;
    world.rotate_key(&keys[1]).await;
    world.change_key(&keys[2], |key| key.networks = only("203.0.113.0/24")).await;
    world.clock.advance(Duration::from_secs(10));
    for mut ftp in sessions {
        ftp.expect(421, "PWD").await;
        ftp.ended().await;
    }
}

#[tokio::test]
async fn shutdown_ends_who_is_idle_with_a_word() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let address = world.ftp(plain()).await;
    let (mut ftp, mut stranger) = (Ftp::login(address, &key).await, Ftp::connect(address).await);
    world.shutdown.cancel();
    ftp.hear_code(421).await;
    stranger.hear_code(421).await;
}

/// A client that ends while it is answered takes nothing with it.
#[tokio::test]
async fn who_hangs_up_is_forgotten() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let config = FtpConfig { sessions: KeySessions::new(1), ..plain() };
    let address = world.ftp(config).await;
    for _ in 0..3 {
        let mut ftp = Ftp::login(address, &key).await;
        ftp.pipe.as_mut().unwrap().shutdown().await.unwrap();
        ftp.ended().await;
    }
}
