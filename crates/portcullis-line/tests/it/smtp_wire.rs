//! Bytes: ends of lines, messages within messages, everything at once.

use std::time::Duration;

use portcullis_domain::Permission;
use portcullis_line::smtp::{Security, SmtpConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::smtp_client::{Office, Smtp, base64, message, plain};

/// What ends a message elsewhere, and hides a second one in it.
const SMUGGLED: [&str; 8] =
    ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\n\n.\r\n", "\r\n\x00.\r\n"];

#[tokio::test]
async fn nothing_is_smuggled_into_a_message() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let address = office.implicit().await;
    for end in SMUGGLED {
        let mut smtp = office.login(address, &key).await;
        smtp.begin(&["in@gate.test"]).await;
        smtp.expect(354, "DATA").await;
        let second =
            "MAIL FROM:<evil@client.test>\r\nRCPT TO:<in+evil@gate.test>\r\nDATA\r\nSubject: evil\r\n";
        smtp.send_raw(format!("Subject: a\r\n\r\nHello{end}{second}\r\n.\r\nNOOP\r\n").as_bytes()).await;
        // One answer to all of it, and then one to what follows.
        let told = smtp.hear().await;
        let expected = if end.contains('\0') { "554 5.6.0" } else { "550 5.5.2" };
        assert!(told.text.starts_with(expected), "{end:?}: {told:?}");
        assert_eq!(smtp.hear().await.text, "250 2.0.0 Fine.", "{end:?}");
    }
    assert_eq!(office.names().await, [""; 0]);
}

#[tokio::test]
async fn lines_that_are_none() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    for (line, expected) in [
        (b"NOOP\n".as_slice(), "500 5.5.2"),
        (b"NOOP\rQUIT\r\n", "500 5.5.2"),
        (b"MAIL FROM:<a\xff@b>\r\n", "500 5.5.2"),
        (b"NOOP \x07\r\n", "500 5.5.2"),
        (b"XYZZY\r\n", "500 5.5.1"),
        (b"DATA now\r\n", "501 5.5.4"),
        (&[b'x'; 20_000], ""),
        (b"\r\n", "500 5.5.6"),
        (b"NOOP\r\n", "250 2.0.0"),
    ] {
        smtp.send_raw(line).await;
        if !expected.is_empty() {
            let told = smtp.hear().await;
            assert!(told.text.starts_with(expected), "{}: {told:?}", line.escape_ascii());
        }
    }
    for _ in 0..12 {
        smtp.expect(500, "XYZZY").await;
    }
    smtp.expect(421, "XYZZY").await;
    smtp.ended().await;
}

/// A browser that was sent here by a page says nothing that counts.
#[tokio::test]
async fn other_protocols_are_sent_away() {
    let office = Office::open().await;
    let address = office.door(office.config(Security::StartTls)).await;
    let mut smtp = Smtp::silent(address).await;
    smtp.hear_code(220).await;
    smtp.send_raw(b"POST / HTTP/1.1\r\nHost: gate.test\r\n\r\nEHLO a\r\n").await;
    smtp.hear_code(421).await;
    smtp.ended().await;
}

#[tokio::test]
async fn what_comes_in_pieces_is_not_offered() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    smtp.begin(&["in@gate.test"]).await;
    // Its bytes would be read as commands.
    smtp.send_raw(b"BDAT 6 LAST\r\nNOOP\r\n").await;
    smtp.hear_code(502).await;
    smtp.ended().await;
}

#[tokio::test]
async fn everything_at_once() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let address = office.implicit().await;
    let mut smtp = office.connect(address).await;
    let words = plain("", &key.id, key.secret.reveal());
    let letter = message("once", "a.txt", "at once").replace('\n', "\r\n");
    let all = format!(
        "AUTH PLAIN {words}\r\nMAIL FROM:<a@client.test> BODY=8BITMIME\r\nRCPT TO:<in@gate.test>\r\nRCPT TO:<in@elsewhere.test>\r\n\
         DATA\r\n{letter}.\r\nMAIL FROM:<>\r\nRSET\r\nQUIT\r\n"
    );
    smtp.send_raw(all.as_bytes()).await;
    for code in [235, 250, 250, 550, 354, 250, 250, 250, 221] {
        smtp.hear_code(code).await;
    }
    smtp.ended().await;
    assert_eq!(office.stored().await, [("/a.txt".to_owned(), b"at once".to_vec())]);
}

#[tokio::test]
async fn a_message_is_what_was_sent_however_it_is_cut() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let mut smtp = office.login(office.implicit().await, &key).await;
    let text: String = (0..2_000).map(|number| format!(".{number}..\n")).collect();
    let body = base64(&text);
    let lines: String =
        body.as_bytes().chunks(76).map(|line| format!("{}\r\n", str::from_utf8(line).unwrap())).collect();
    let letter = format!(
        "Message-ID: <cut@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\
         Content-Disposition: attachment; filename=cut.txt\r\nContent-Transfer-Encoding: base64\r\n\r\n{lines}.\r\n"
    );
    smtp.begin(&["in@gate.test"]).await;
    smtp.expect(354, "DATA").await;
    for (number, piece) in letter.as_bytes().chunks(997).enumerate() {
        smtp.send_raw(piece).await;
        if number % 5 == 0 {
            tokio::task::yield_now().await;
        }
    }
    smtp.hear_code(250).await;
    assert_eq!(office.stored().await, [("/cut.txt".to_owned(), text.into_bytes())]);
}

#[tokio::test]
async fn a_message_without_an_end_is_given_up() {
    let office = Office::open().await;
    let key = office.key(Permission::ReadWrite).await;
    let config = SmtpConfig { max_message: 100_000, ..office.config(Security::Implicit) };
    let mut smtp = office.login(office.door(config).await, &key).await;
    smtp.begin(&["in@gate.test"]).await;
    smtp.expect(354, "DATA").await;
    let (mut from, mut to) = tokio::io::split(smtp.pipe.take().unwrap());
    let endless = async {
        let piece = ("x".repeat(998) + "\r\n").repeat(1_000);
        while to.write_all(piece.as_bytes()).await.is_ok() {}
    };
    let mut told = Vec::new();
    // A reset under what was not read yet may swallow the answer, but never the end.
    let (_, ended) =
        timeout(Duration::from_secs(60), async { tokio::join!(endless, from.read_to_end(&mut told)) })
            .await
            .unwrap();
    drop(ended);
    assert!(told.is_empty() || told.starts_with(b"552 5.3.4 "), "{}", told.escape_ascii());
}
