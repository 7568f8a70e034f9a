//! Who says who they are to a door of mail, and how.

use std::time::Duration;

use portcullis_domain::{Channel, Permission, Scope};
use portcullis_line::KeySessions;
use portcullis_line::smtp::{Security, SmtpConfig, Verb};

use crate::smtp_client::{HOST, Office, Smtp, base64, plain, short};
use crate::world::{NOW, only};

#[tokio::test]
async fn a_key_of_mail_comes_in_and_nobody_else() {
    let office = Office::open().await;
    let (key, other) = (office.key(Permission::ReadWrite).await, office.key(Permission::ReadWrite).await);
    let storage = Scope::Storage(office.storage.id);
    let ftp = office.world.key_of(Channel::Ftp, storage, |_| ()).await;
    let rest = office.world.key_of(Channel::Rest, storage, |_| ()).await;
    let over = office.key_with(|key| key.expires = Some(NOW.before(Duration::from_secs(1)))).await;
    let far = office.key_with(|key| key.networks = only("203.0.113.0/24")).await;
    let address = office.implicit().await;
    office.login(address, &key).await;
    let mut answers = Vec::new();
    for (id, secret) in [
        (key.id.as_str(), other.secret.reveal()),
        (key.id.as_str(), ""),
        ("PC00000000000000000A", key.secret.reveal()),
        ("somebody@gate.test", "password"),
        (&ftp.id, ftp.secret.reveal()),
        (&rest.id, rest.secret.reveal()),
        (&over.id, over.secret.reveal()),
        (&far.id, far.secret.reveal()),
    ] {
        let mut smtp = office.connect(address).await;
        answers.push(smtp.expect(535, &format!("AUTH PLAIN {}", plain("", id, secret))).await);
        smtp.expect(530, "MAIL FROM:<a@b>").await;
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all are told the same: {answers:?}");
    assert!(answers[0].text.starts_with("535 5.7.8 "));
}

/// Outside TLS, and before the login, only these are more than a refusal; a new verb has to be decided on.
#[tokio::test]
async fn strangers_are_told_nothing() {
    let office = Office::open().await;
    let (clear, secure) = (office.door(office.config(Security::StartTls)).await, office.implicit().await);
    for verb in Verb::ALL {
        let mut smtp = Smtp::silent(clear).await;
        let greeting = smtp.hear_code(220).await;
        assert_eq!(greeting.text, format!("220 {HOST} ESMTP Portcullis"));
        let told = smtp.say(verb.as_str()).await;
        assert_eq!(told.text.starts_with("530 5.7.0 Say STARTTLS"), !verb.is_for_clear(), "{verb}: {told:?}");
        let mut smtp = office.connect(secure).await;
        let told = smtp.say(verb.as_str()).await;
        assert_eq!(told.text.starts_with("530 5.7.0 Say who"), !verb.is_for_strangers(), "{verb}: {told:?}");
    }
}

#[tokio::test]
async fn every_way_to_say_it() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let address = office.implicit().await;
    let words = plain("", &key.id, key.secret.reveal());
    let (name, secret) = (base64(&key.id), base64(key.secret.reveal()));

    office.connect(address).await.expect(235, &format!("auth plain {words}")).await;
    let as_itself = plain(&key.id, &key.id, key.secret.reveal());
    office.connect(address).await.expect(235, &format!("AUTH PLAIN {as_itself}")).await;
    let mut smtp = office.connect(address).await;
    assert_eq!(smtp.expect(334, "AUTH PLAIN").await.text, "334 ");
    smtp.expect(235, &words).await;
    let mut smtp = office.connect(address).await;
    assert_eq!(smtp.expect(334, "AUTH LOGIN").await.text, format!("334 {}", base64("Username:")));
    assert_eq!(smtp.expect(334, &name).await.text, format!("334 {}", base64("Password:")));
    smtp.expect(235, &secret).await;
    smtp.expect(503, &format!("AUTH PLAIN {words}")).await;
    let mut smtp = office.connect(address).await;
    smtp.expect(334, &format!("AUTH LOGIN {name}")).await;
    smtp.expect(235, &secret).await;
}

#[tokio::test]
async fn what_is_no_way_to_say_it() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let address = office.implicit().await;
    let mut smtp = office.connect(address).await;
    for line in ["AUTH", "AUTH CRAM-MD5", "AUTH XOAUTH2 dXNlcg==", "AUTH PLAINER"] {
        smtp.expect(504, line).await;
    }
    for line in ["AUTH PLAIN !", "AUTH PLAIN YQ", "AUTH PLAIN /w==", "AUTH LOGIN ="] {
        let told = smtp.say(line).await;
        let told = if told.code == 334 { smtp.say("*").await } else { told };
        assert_eq!(told.code, 501, "{line}: {told:?}");
    }
    for line in ["AUTH PLAIN", "AUTH LOGIN"] {
        smtp.expect(334, line).await;
        smtp.expect(501, "*").await;
    }
    // To act as somebody else, and not to say all of it.
    let other = plain("admin", &key.id, key.secret.reveal());
    smtp.expect(535, &format!("AUTH PLAIN {other}")).await;
    smtp.expect(535, &format!("AUTH PLAIN {}", base64("a\0b"))).await;
    let told = smtp.expect(421, "AUTH PLAIN =").await;
    assert!(told.text.contains("Too many wrong logins"), "{told:?}");
    smtp.ended().await;
}

#[tokio::test]
async fn what_was_said_in_clear_is_forgotten() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let address = office.door(office.config(Security::StartTls)).await;
    let mut smtp = Smtp::silent(address).await;
    smtp.hear_code(220).await;
    let offered = smtp.expect(250, "EHLO client.test").await.text;
    assert!(offered.contains("STARTTLS") && !offered.contains("AUTH"), "{offered}");
    // Somebody on the way adds commands, to be answered as if they had come within TLS.
    smtp.send_raw(b"STARTTLS\r\nEHLO evil.test\r\nRSET\r\n").await;
    smtp.hear_code(220).await;
    smtp.shake(&office.pair).await;
    let words = plain("", &key.id, key.secret.reveal());
    let told = smtp.expect(503, &format!("AUTH PLAIN {words}")).await;
    assert!(told.text.contains("EHLO first"), "{told:?}");
    let offered = smtp.expect(250, "EHLO client.test").await.text;
    assert!(!offered.contains("STARTTLS") && offered.contains("AUTH PLAIN LOGIN"), "{offered}");
    smtp.expect(503, "STARTTLS").await;
    smtp.log_in(&key).await;
    let offered = smtp.expect(250, "EHLO client.test").await.text;
    for extension in ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 268435456"] {
        assert!(offered.lines().any(|line| line.get(4..) == Some(extension)), "{extension} in {offered}");
    }
    assert!(!offered.contains("AUTH") && !offered.contains("CHUNKING"), "{offered}");
}

#[tokio::test]
async fn who_takes_too_long_is_sent_away() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let config = SmtpConfig { times: short(), ..office.config(Security::Implicit) };
    let address = office.door(config).await;
    // Busy is not logged in.
    let mut busy = office.connect(address).await;
    let last = loop {
        let told = busy.say("NOOP").await;
        if told.code != 250 {
            break told;
        }
    };
    assert!(last.text.starts_with("421 4.4.2 Nobody has logged in"), "{last:?}");
    let mut idle = office.login(address, &key).await;
    let last = idle.hear().await;
    assert!(last.text.starts_with("421 4.4.2 Nothing was said"), "{last:?}");
    idle.ended().await;
    // In the middle of a message as well.
    let mut slow = office.login(address, &key).await;
    slow.begin(&["in@gate.test"]).await;
    slow.expect(354, "DATA").await;
    slow.send_raw(b"Subject: slow\r\n").await;
    slow.hear_code(421).await;
    slow.ended().await;
}

#[tokio::test]
async fn a_key_has_so_many_sessions_and_gets_them_back() {
    let office = Office::open().await;
    let (key, other) = (office.key(Permission::ReadWrite).await, office.key(Permission::ReadWrite).await);
    let config = SmtpConfig { sessions: KeySessions::new(2), ..office.config(Security::Implicit) };
    let (one, two) = (office.door(config.clone()).await, office.door(config).await);
    let mut first = office.login(one, &key).await;
    let _second = office.login(two, &key).await;
    let mut third = office.connect(one).await;
    let words = plain("", &key.id, key.secret.reveal());
    let told = third.expect(421, &format!("AUTH PLAIN {words}")).await;
    assert!(told.text.contains("all the sessions"), "{told:?}");
    third.ended().await;
    office.login(one, &other).await;
    first.expect(221, "QUIT").await;
    first.ended().await;
    office.login(two, &key).await;
}

#[tokio::test]
async fn a_login_ends_with_its_key() {
    let office = Office::open().await;
    let address = office.implicit().await;
    for number in 0..4 {
        let key = office.key(Permission::ReadWrite).await;
        let mut smtp = office.login(address, &key).await;
        smtp.expect(250, "NOOP").await;
        match number {
            0 => office.world.delete_key(&key).await,
            1 => office.world.rotate_key(&key).await,
            2 => office.world.change_key(&key, |key| key.networks = only("203.0.113.0/24")).await,
            _ => office.world.change_key(&key, |key| key.permission = Permission::None).await,
        }
        // Told, or cut off at once: either way it is over.
        smtp.send_raw(b"NOOP\r\n").await;
        assert!(smtp.heard().await.is_none_or(|told| told.code == 421), "{number}");
        smtp.ended().await;
    }
}

#[tokio::test]
async fn a_door_that_shuts_says_so() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let address = office.implicit().await;
    let mut smtp = office.login(address, &key).await;
    office.world.shutdown.cancel();
    let told = smtp.hear().await;
    assert!(told.text.starts_with("421 4.3.2 "), "{told:?}");
    smtp.ended().await;
}
