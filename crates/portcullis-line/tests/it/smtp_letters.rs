//! Messages that become files, and those that do not.

use std::time::Duration;

use portcullis_domain::{Channel, KeyPrefix, MailFolder, MailRules, Permission, Scope};
use portcullis_line::smtp::{Security, SmtpConfig, Spool};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::smtp_client::{Office, message};

fn file(name: &str, text: &str) -> (String, Vec<u8>) {
    (name.to_owned(), text.as_bytes().to_vec())
}

#[tokio::test]
async fn an_attachment_becomes_a_file() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    let told = smtp.send(&["in@gate.test"], &message("1", "a.txt", "one")).await;
    assert!(told.text.starts_with("250 2.0.0 "), "{told:?}");
    smtp.send(&["in+invoices/2026@SECOND.test"], &message("2", "b.txt", "two")).await;
    smtp.send(&["in@[127.0.0.1]", "x+other@gate.test"], &message("3", "c.txt", "three")).await;
    let expected = [
        file("/a.txt", "one"),
        file("/c.txt", "three"),
        file("/invoices/2026/b.txt", "two"),
        file("/other/c.txt", "three"),
    ];
    assert_eq!(office.stored().await, expected);
    // The same again changes nothing; another under the same name is kept apart.
    let again = smtp.send(&["in@gate.test"], &message("1", "a.txt", "one")).await;
    assert_eq!(again.code, 250, "{again:?}");
    assert_eq!(office.stored().await, expected);
    smtp.send(&["in@gate.test"], &message("4", "a.txt", "four")).await;
    assert!(office.stored().await.contains(&file("/a (2).txt", "four")));
}

#[tokio::test]
async fn nothing_is_sent_on() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    smtp.expect(250, "MAIL FROM:<a@client.test>").await;
    for address in [
        "a@elsewhere.test",
        "a@gate.test.elsewhere.test",
        "a@[127.0.0.2]",
        "a@[IPv6:::1]",
        "a@[::1]",
        "a@[IPv6:127.0.0.1]",
        "\"a@elsewhere.test\"@elsewhere.test",
        "a%gate.test@elsewhere.test",
    ] {
        let told = smtp.expect(550, &format!("RCPT TO:<{address}>")).await;
        assert!(told.text.starts_with("550 5.7.1 Nothing is sent on"), "{told:?}");
    }
    for line in
        ["RCPT TO:<>", "RCPT TO:a@gate.test", "RCPT FROM:<a@gate.test>", "RCPT TO:<a@gate.test", "RCPT"]
    {
        assert!(smtp.expect(501, line).await.text.starts_with("501 5.1.3"), "{line}");
    }
    smtp.expect(555, "RCPT TO:<a@gate.test> NOTIFY=NEVER").await;
    smtp.expect(553, "RCPT TO:<in+請求@gate.test>").await;
    // A route to us is a way to us, and no more.
    smtp.expect(250, "RCPT TO:<@elsewhere.test:a@gate.test>").await;
}

#[tokio::test]
async fn folders_that_cannot_be() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    smtp.expect(250, "MAIL FROM:<a@client.test> SMTPUTF8").await;
    for local in ["\"in+..\"", "\"in+a/../b\"", "in+a%2Fb", "\"in+a\\\\b\"", "\"in+a:b\""] {
        let told = smtp.expect(550, &format!("RCPT TO:<{local}@gate.test>")).await;
        assert!(told.text.starts_with("550 5.1.1 "), "{local}: {told:?}");
    }
    smtp.expect(250, "RCPT TO:<in+請求/二月@gate.test>").await;
    smtp.expect(250, "RCPT TO:<\"in+two words\"@gate.test>").await;
    smtp.expect(354, "DATA").await;
    assert_eq!(smtp.finish(&message("f", "a.txt", "a")).await.code, 250);
    assert_eq!(office.names().await, ["/two words/a.txt", "/請求/二月/a.txt"]);
}

#[tokio::test]
async fn who_may_only_read_stores_nothing_and_who_may_only_write_learns_nothing() {
    let office = Office::open().await;
    let (reader, writer) = (office.key(Permission::Read).await, office.key(Permission::Write).await);
    let address = office.implicit().await;
    let mut smtp = office.login(address, &reader).await;
    smtp.expect(250, "MAIL FROM:<a@client.test>").await;
    let told = smtp.expect(550, "RCPT TO:<in@gate.test>").await;
    assert!(told.text.starts_with("550 5.7.1 "), "{told:?}");
    smtp.expect(503, "DATA").await;
    assert_eq!(office.names().await, [""; 0]);

    let mut smtp = office.login(address, &writer).await;
    let first = smtp.send(&["in@gate.test"], &message("w1", "a.txt", "one")).await;
    let second = smtp.send(&["in@gate.test"], &message("w2", "a.txt", "two")).await;
    assert_eq!((first.code, &first), (250, &second));
    assert_eq!(office.stored().await, [file("/a (2).txt", "two"), file("/a.txt", "one")]);
}

#[tokio::test]
async fn a_key_of_a_folder_stores_there() {
    let office = Office::open().await;
    let key = office.key_with(|key| key.prefix = KeyPrefix::parse("in/").unwrap()).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    smtp.send(&["x+a@gate.test"], &message("p", "a.txt", "one")).await;
    assert_eq!(office.names().await, ["/in/a/a.txt"]);
}

#[tokio::test]
async fn the_subject_names_the_folder_if_the_key_says_so() {
    let office = Office::open().await;
    let rules = MailRules { folder: MailFolder::Subject, ..MailRules::default() };
    let key = office.key_with(|key| key.mail = rules).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    assert_eq!(smtp.send(&["in@gate.test"], &message("s", "a.txt", "one")).await.code, 250);
    assert_eq!(office.names().await, ["/a file/a.txt"]);
}

#[tokio::test]
async fn what_is_too_large_is_refused_as_early_as_can_be() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let small = MailRules { max_message: Some(20_000), ..MailRules::default() };
    let less = office.key_with(|key| key.mail = small).await;
    let config = SmtpConfig { max_message: 100_000, ..office.config(Security::Implicit) };
    let address = office.door(config).await;
    for (key, largest) in [(&key, 100_000), (&less, 20_000)] {
        let mut smtp = office.login(address, key).await;
        assert!(smtp.expect(250, "EHLO a").await.text.contains(&format!("SIZE {largest}")));
        let told = smtp.expect(552, &format!("MAIL FROM:<a@b> SIZE={}", largest + 1)).await;
        assert!(told.text.starts_with("552 5.3.4 "), "{told:?}");
        // Who does not say it, or says less, is told when it has come.
        smtp.expect(250, "MAIL FROM:<a@b> SIZE=1").await;
        smtp.expect(250, "RCPT TO:<in@gate.test>").await;
        smtp.expect(354, "DATA").await;
        let told = smtp.finish(&message("large", "a.bin", &"x".repeat(largest))).await;
        assert!(told.text.starts_with("552 5.3.4 "), "{told:?}");
        smtp.expect(503, "RCPT TO:<in@gate.test>").await;
        smtp.expect(250, "NOOP").await;
    }
    assert_eq!(office.names().await, [""; 0]);
}

#[tokio::test]
async fn messages_wait_in_so_much_room() {
    let mut office = Office::open().await;
    office.spool = Spool::open(&office.world.folder.path().join("small"), 50_000).unwrap();
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    let told = smtp.expect(452, "MAIL FROM:<a@b> SIZE=50001").await;
    assert!(told.text.starts_with("452 4.3.1 "), "{told:?}");
    let told = smtp.send(&["in@gate.test"], &message("r", "a.bin", &"x".repeat(50_000))).await;
    assert!(told.text.starts_with("452 4.3.1 "), "{told:?}");
    // It was given back.
    assert_eq!(smtp.send(&["in@gate.test"], &message("s", "a.txt", "small")).await.code, 250);
    assert_eq!(office.names().await, ["/a.txt"]);
}

#[tokio::test]
async fn a_message_without_files_is_refused() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    for text in ["", "Subject: a\n\nHello.\n"] {
        let told = smtp.send(&["in@gate.test"], text).await;
        assert!(told.text.starts_with("554 5.6.0 "), "{text:?}: {told:?}");
    }
    let broken = message("b", "a.txt", "one").replace("--next--", "");
    let told = smtp.send(&["in@gate.test"], &broken).await;
    assert!(told.text.starts_with("554 5.6.0 "), "{told:?}");
    assert_eq!(office.names().await, [""; 0]);
}

#[tokio::test]
async fn commands_in_the_wrong_place() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    smtp.expect(503, "RCPT TO:<in@gate.test>").await;
    smtp.expect(503, "DATA").await;
    for line in ["MAIL", "MAIL FROM:a@b", "MAIL TO:<a@b>"] {
        assert!(smtp.expect(501, line).await.text.starts_with("501 5.1.7"), "{line}");
    }
    smtp.expect(501, "MAIL FROM:<a@b> SIZE=many").await;
    smtp.expect(501, "MAIL FROM:<a@b> BODY=BINARYMIME").await;
    smtp.expect(555, "MAIL FROM:<a@b> RET=FULL").await;
    smtp.expect(553, "MAIL FROM:<é@b>").await;
    smtp.expect(250, "MAIL FROM:<>").await;
    smtp.expect(503, "MAIL FROM:<>").await;
    smtp.expect(503, "DATA").await;
    for _ in 0..20 {
        smtp.expect(250, "RCPT TO:<in@gate.test>").await;
    }
    let told = smtp.expect(452, "RCPT TO:<in@gate.test>").await;
    assert!(told.text.starts_with("452 4.5.3 "), "{told:?}");
    smtp.expect(250, "RSET").await;
    smtp.expect(503, "RCPT TO:<in@gate.test>").await;
    smtp.expect(250, "MAIL FROM:<>").await;
    smtp.expect(250, "EHLO again").await;
    smtp.expect(503, "RCPT TO:<in@gate.test>").await;
    smtp.expect(252, "VRFY in").await;
    for line in ["EXPN in", "ETRN gate.test", "ATRN", "BURL imap://a LAST"] {
        smtp.expect(502, line).await;
    }
    smtp.expect(214, "HELP").await;
    smtp.expect(501, "EHLO").await;
}

#[tokio::test]
async fn who_goes_in_the_middle_leaves_nothing() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let address = office.implicit().await;
    let mut smtp = office.login(address, &key).await;
    smtp.begin(&["in@gate.test"]).await;
    smtp.expect(354, "DATA").await;
    let letter = message("m", "a.txt", &"x".repeat(1_000_000)).replace('\n', "\r\n");
    smtp.send_raw(letter.as_bytes()).await;
    drop(smtp);
    // The key is taken away from somebody else in the middle.
    let other = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(address, &other).await;
    smtp.begin(&["in@gate.test"]).await;
    smtp.expect(354, "DATA").await;
    smtp.send_raw(letter.as_bytes()).await;
    office.world.delete_key(&other).await;
    assert!(smtp.heard().await.is_none_or(|told| told.code == 421));
    smtp.ended().await;
    assert_eq!(office.names().await, [""; 0]);
}

#[tokio::test]
async fn for_the_key_of_a_person_the_first_name_is_a_storage() {
    let office = Office::open().await;
    let user = office.world.admin.user().unwrap();
    let key = office.world.key_of(Channel::Email, Scope::User(user), |_| ()).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    smtp.expect(250, "MAIL FROM:<a@client.test>").await;
    for nowhere in ["in@gate.test", "in+other/a@gate.test"] {
        let told = smtp.expect(550, &format!("RCPT TO:<{nowhere}>")).await;
        assert!(told.text.starts_with("550 5.1.1 "), "{nowhere}: {told:?}");
    }
    let bucket = office.storage.bucket.to_string();
    smtp.expect(250, &format!("RCPT TO:<in+{bucket}/a@gate.test>")).await;
    smtp.expect(354, "DATA").await;
    assert_eq!(smtp.finish(&message("u", "a.txt", "one")).await.code, 250);
    assert_eq!(office.stored().await, [file("/a/a.txt", "one")]);
}

/// A key that is taken away while its message comes without a pause is heard of all the same.
#[tokio::test]
async fn who_sends_without_a_pause_is_looked_at() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    // However fast the machine is: the message does not come to its largest size first.
    let config = SmtpConfig { max_message: u64::MAX, ..office.config(Security::Implicit) };
    let mut smtp = office.login(office.door(config).await, &key).await;
    smtp.begin(&["in@gate.test"]).await;
    smtp.expect(354, "DATA").await;
    let (mut from, mut to) = tokio::io::split(smtp.pipe.take().unwrap());
    let mut pieces = 0_u32;
    let endless = async {
        let piece = ("x".repeat(98) + "\r\n").repeat(10);
        while to.write_all(piece.as_bytes()).await.is_ok() {
            pieces = pieces.wrapping_add(1);
            if pieces == 100 {
                office.world.change_key(&key, |key| key.permission = Permission::None).await;
            }
        }
    };
    let mut told = Vec::new();
    let both = async { tokio::join!(endless, from.read_to_end(&mut told)) };
    let (_, ended) = timeout(Duration::from_secs(30), both).await.unwrap();
    drop(ended);
    assert!(told.is_empty() || told.starts_with(b"421 4.7.0 "), "{}", told.escape_ascii());
    assert_eq!(office.names().await, [""; 0]);
}
