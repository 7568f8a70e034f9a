//! The refusal matrix of the file channels: every command of mail submission × everybody who may come; as that of FTP.

use portcullis_line::smtp::Verb;

use super::raw_ftp::Reply;
use super::raw_smtp::{Smtp, message, recipient};
use super::stage::{CONTENT, Stage, Who, table};

const SENDER: &str = "MAIL FROM:<a@example.com>";

/// How a command is said.
fn said(verb: Verb, folder: &str) -> String {
    match verb {
        // Somebody else's, and wrong.
        Verb::Auth => "AUTH PLAIN AHNvbWVib2R5AHNvbWV0aGluZw==".to_owned(),
        Verb::Bdat => "BDAT 5 LAST".to_owned(),
        Verb::Ehlo | Verb::Helo => format!("{verb} client"),
        Verb::Mail => SENDER.to_owned(),
        Verb::Rcpt => recipient(folder),
        Verb::Burl | Verb::Etrn | Verb::Expn | Verb::Vrfy => format!("{verb} somebody"),
        Verb::Atrn | Verb::Data | Verb::Help | Verb::Noop | Verb::Quit | Verb::Rset | Verb::Starttls => {
            verb.to_string()
        }
    }
}

/// Says a command after those that go before it; a message is sent to its end.
fn tell(smtp: &mut Smtp, verb: Verb, folder: &str, file: &str) -> Reply {
    if matches!(verb, Verb::Rcpt | Verb::Data) {
        smtp.say(SENDER);
    }
    if verb == Verb::Data {
        smtp.say(&recipient(folder));
    }
    let told = smtp.say(&said(verb, folder));
    if told.0 != 354 {
        return told;
    }
    smtp.send(message(file, "fresh").as_bytes()).unwrap();
    smtp.reply()
}

/// The folder that names the storage for this caller.
fn folder(who: Who, bucket: &str) -> String {
    who.root(bucket).trim_matches('/').to_owned()
}

#[test]
fn every_command_of_mail_submission() {
    let stage = Stage::of("email");
    let mut rows = Vec::new();
    for verb in Verb::ALL {
        let mut cells = Vec::new();
        for (who, key) in &stage.keys {
            stage.set();
            let mut smtp = Smtp::secure(&stage.world);
            let entered = key.as_ref().map(|key| smtp.enter(key).0);
            assert_eq!(entered == Some(235), who.enters(), "{who:?}: {entered:?}");
            assert!(who.enters() || matches!(entered, None | Some(535)), "{who:?}: {entered:?}");
            let (code, told) = tell(&mut smtp, *verb, &folder(*who, &stage.bucket), "fresh.txt");
            let row = format!("{verb} with {who:?}: {code} {told}");
            assert!(who.enters() || code >= 500 || verb.is_for_strangers(), "{row}");
            assert!(!told.contains(CONTENT) && !told.contains("there.txt"), "{row}");
            assert!(who.writes() || stage.untouched(), "{row}");
            let stored = stage.world.smtp.is_some() && *verb == Verb::Data && who.writes();
            assert_eq!(stage.untouched(), !stored, "{row}");
            cells.push(code.to_string());
        }
        rows.push((verb.to_string(), cells));
    }
    insta::assert_snapshot!("smtp", table(&rows, &Who::ALL));
}

#[test]
fn nothing_but_greetings_is_heard_outside_tls() {
    let stage = Stage::of("email");
    let key = stage.another();
    stage.set();
    for verb in Verb::ALL.iter().filter(|verb| !verb.is_for_clear()) {
        let mut smtp = Smtp::connect(&stage.world);
        assert!(!smtp.say("EHLO client").1.contains("AUTH"), "it is offered in clear");
        assert_eq!(smtp.say(&said(*verb, "")).0, 530, "{verb}");
        assert_eq!(smtp.enter(&key).0, 530, "{verb}: a right secret is not looked at in clear");
    }
    assert!(stage.untouched());
}

#[test]
fn no_command_of_mail_submission_is_heard_from_a_key_that_is_gone() {
    let stage = Stage::of("email");
    stage.set();
    for verb in Verb::ALL {
        let key = stage.another();
        let mut smtp = Smtp::login(&stage.world, &key);
        for line in [SENDER.to_owned(), recipient("")] {
            assert_eq!(smtp.say(&line).0, 250);
        }
        stage.world.admin("DELETE", &format!("/keys/{}", key.key_id), None);
        let (code, told) = smtp.say(&said(*verb, ""));
        assert!(matches!(code, 0 | 421), "{verb}: {code} {told}");
        assert!(stage.untouched(), "{verb}");
    }
}

#[test]
fn mail_submission_tells_a_writer_nothing() {
    let stage = Stage::of("email");
    let writer = stage.keys.iter().find(|(who, _)| *who == Who::Write).unwrap().1.clone().unwrap();
    for verb in Verb::ALL {
        for ways in [[("", "there.txt"), ("", "nope!.txt")], [("dir", "in.txt"), ("dup", "in.txt")]] {
            let told = ways.map(|(folder, file)| {
                stage.set();
                let told = tell(&mut Smtp::login(&stage.world, &writer), *verb, folder, file);
                assert!(stage.keeps_what_was_there(), "{verb}: something was overwritten");
                told
            });
            assert_eq!(told[0], told[1], "{verb} tells whether something is there");
        }
    }
}

#[test]
fn nothing_is_sent_on() {
    let stage = Stage::of("email");
    let key = stage.another();
    let mut smtp = Smtp::login(&stage.world, &key);
    assert_eq!(smtp.say(SENDER).0, 250);
    for recipient in [
        "<ada@example.org>",
        "<@[127.0.0.1]:ada@example.org>",
        "<ada%example.org@[127.0.0.1].example>",
        "<ada@[192.0.2.1]>",
        "<ada@[IPv6:::1]>",
        "<ada@localhost.example>",
    ] {
        let (code, told) = smtp.say(&format!("RCPT TO:{recipient}"));
        assert!((500..600).contains(&code), "{recipient}: {told}");
    }
    assert_eq!(smtp.say("DATA").0, 503, "nobody is left to send it to");
}
