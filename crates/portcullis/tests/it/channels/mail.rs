//! Mail by the programs that send it: swaks, msmtp, curl, Python's smtplib, OpenSSL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::rig::{self, Secure, bare, file, private, stored};
use crate::clients::tools;
use crate::world::{Access, World, ok, refused};

/// How a client comes in.
#[derive(Clone, Copy, Debug)]
enum Way {
    StartTls,
    Implicit,
}

const WAYS: [Way; 2] = [Way::StartTls, Way::Implicit];

/// Host and port of a door.
fn door(world: &World, way: Way) -> (&str, &str) {
    let door = match way {
        Way::StartTls => &world.smtp,
        Way::Implicit => &world.smtps,
    };
    door.as_deref().unwrap().rsplit_once(':').unwrap()
}

/// swaks with its settings in a file; it fails where the server refuses.
fn swaks(world: &World, key: &Access, way: Way, auth: &str, name: &str) -> Command {
    let (host, port) = door(world, way);
    let tls = match way {
        Way::StartTls => "tls",
        Way::Implicit => "tls-on-connect",
    };
    let settings = format!(
        "server {host}\nport {port}\n{tls}\ntls-verify\ntls-ca-path {}\nauth {auth}\nauth-user {}\nauth-password {}\n\
         from scanner@client.test\nhelo client.test\ntimeout 30\n",
        world.certificate().unwrap().display(),
        key.access_key,
        key.secret
    );
    let mut swaks = bare(world, "swaks");
    swaks.arg("--config").arg(private(world, name, &settings));
    swaks
}

/// A message in a file: an attachment of this name and content.
fn letter(world: &World, id: &str, name: &str, content: &[u8]) -> PathBuf {
    use base64::Engine as _;
    let lines: String = base64::prelude::BASE64_STANDARD
        .encode(content)
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\n", str::from_utf8(line).unwrap()))
        .collect();
    let text = format!(
        "From: a@client.test\nTo: files@localhost\nSubject: {id}\nMessage-ID: <{id}@client.test>\n\
         Date: Sun, 22 Nov 2026 09:00:00 +0000\nMIME-Version: 1.0\n\
         Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"{name}\"\n\
         Content-Transfer-Encoding: base64\n\n{lines}"
    );
    let path = world.scratch("letters").join(id);
    fs::write(&path, text).unwrap();
    path
}

fn content(world: &World, s3: &Access, key: &str) -> Vec<u8> {
    let config = rig::rclone_config(world, "mailed", &[("s3", s3)]);
    let back = world.scratch("mailed").join("back");
    ok(rig::rclone(world, &config).arg("copyto").arg(format!("s3:{}/{key}", s3.bucket)).arg(&back));
    fs::read(back).unwrap()
}

#[test]
fn swaks_sends_by_both_doors_and_both_ways_to_say_who() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Mail");
    let s3 = world.key(&storage, "read_write");
    let [writer, reader, wrong] = {
        let [all, read, _] = rig::three(world, &storage, "email");
        let other = rig::key(world, &storage, "ftp", "read_write");
        [all, read, other]
    };
    let scan = file(world, "scan.pdf", 300_000);
    let mut expected = Vec::new();
    for way in WAYS {
        for auth in ["PLAIN", "LOGIN"] {
            let folder = format!("{auth}/{way:?}");
            let send = |key: &Access, name: &str| {
                let mut swaks = swaks(world, key, way, auth, &format!("{name}-{auth}-{way:?}"));
                swaks.args([
                    "--to",
                    &format!("files+{folder}@localhost"),
                    "--attach-type",
                    "application/pdf",
                ]);
                swaks.args(["--attach-name", "scan.pdf"]).arg("--attach").arg(format!("@{}", scan.display()));
                swaks
            };
            let told = ok(&mut send(&writer, "writer"));
            assert!(told.contains("250 2.0.0 Stored as 1 file."), "{told}");
            expected.push((format!("{folder}/scan.pdf"), 300_000));
            assert!(refused(&mut send(&reader, "reader")).contains("550 5.7.1"));
            assert!(refused(&mut send(&wrong, "wrong")).contains("535 5.7.8"));
        }
    }
    expected.sort();
    assert_eq!(stored(world, &s3), expected);
    assert!(content(world, &s3, "PLAIN/StartTls/scan.pdf") == fs::read(&scan).unwrap());
    // Several commands at once, to somebody else's server.
    let mut relayed = swaks(world, &writer, Way::StartTls, "PLAIN", "relayed");
    relayed.args(["--pipeline", "--to", "ada@example.org", "--attach", "@/dev/null"]);
    assert!(refused(&mut relayed).contains("550 5.7.1 Nothing is sent on"));
    assert_eq!(stored(world, &s3), expected);
    no_secret_is_logged(world, &[&writer, &reader, &wrong]);
}

fn no_secret_is_logged(world: &World, keys: &[&Access]) {
    let log = world.log();
    for key in keys {
        assert!(!log.contains(&key.secret), "the log tells a secret");
    }
}

#[test]
fn msmtp_sends_and_tells_a_refusal() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Mail");
    let s3 = world.key(&storage, "read_write");
    let [writer, reader] = ["write", "read"].map(|permission| rig::key(world, &storage, "email", permission));
    let send = |key: &Access, way: Way, letter: &Path| {
        let (host, port) = door(world, way);
        let starttls = match way {
            Way::StartTls => "on",
            Way::Implicit => "off",
        };
        let settings = format!(
            "defaults\ntimeout 30\ntls on\ntls_starttls {starttls}\ntls_trust_file {}\nauth on\n\
             account gate\nhost {host}\nport {port}\nfrom a@client.test\nuser {}\npassword {}\naccount default : gate\n",
            world.certificate().unwrap().display(),
            key.access_key,
            key.secret
        );
        let name = format!("msmtp-{}-{way:?}-{}", key.access_key, letter.file_name().unwrap().display());
        let settings = private(world, &name, &settings);
        let mut shell = bare(world, "sh");
        shell
            .args(["-c", "exec msmtp -C \"$1\" files+by/msmtp@localhost <\"$2\"", "sh"])
            .arg(settings)
            .arg(letter);
        shell
    };
    for (way, id) in WAYS.into_iter().zip(["first", "second"]) {
        let letter = letter(world, id, "list.txt", id.as_bytes());
        ok(&mut send(&writer, way, &letter));
        // As after an answer that was lost.
        ok(&mut send(&writer, way, &letter));
        assert!(refused(&mut send(&reader, way, &letter)).contains("550"));
    }
    assert_eq!(
        stored(world, &s3),
        [("by/msmtp/list (2).txt".to_owned(), 6), ("by/msmtp/list.txt".to_owned(), 5)]
    );
    assert_eq!(content(world, &s3, "by/msmtp/list (2).txt"), b"second");
    no_secret_is_logged(world, &[&writer, &reader]);
}

#[test]
fn curl_sends_a_letter() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Mail");
    let (s3, key) = (world.key(&storage, "read_write"), rig::key(world, &storage, "email", "write"));
    for (way, scheme) in WAYS.into_iter().zip(["smtp", "smtps"]) {
        let (host, port) = door(world, way);
        let letter = letter(world, scheme, "curl.txt", scheme.as_bytes());
        let mut curl = rig::curl(world, &key);
        curl.args(["--crlf", "--ssl-reqd", "--url"]).arg(format!("{scheme}://{host}:{port}"));
        curl.args(["--mail-from", "a@client.test", "--mail-rcpt", &format!("files+{scheme}@localhost")]);
        ok(curl.arg("--upload-file").arg(letter));
    }
    assert_eq!(stored(world, &s3), [("smtp/curl.txt".to_owned(), 4), ("smtps/curl.txt".to_owned(), 5)]);
}

/// Python's own library, with what it does for names that are not ASCII.
const PYTHON: &str = r#"
import json, smtplib, ssl, sys
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
given = json.load(open(sys.argv[1], encoding="utf-8"))
context = ssl.create_default_context(cafile=given["certificate"])

def come(kind):
    host, port = given[kind].rsplit(":", 1)
    if kind == "smtps":
        smtp = smtplib.SMTP_SSL(host, int(port), timeout=60, context=context)
    else:
        smtp = smtplib.SMTP(host, int(port), timeout=60)
        try:
            smtp.login(given["user"], given["secret"])
            raise SystemExit("a secret was taken in clear")
        except smtplib.SMTPNotSupportedError:
            pass
        smtp.starttls(context=context)
    return smtp

def letter(number, name, to):
    letter = EmailMessage(policy=SMTPUTF8 if number else SMTP)
    letter["From"] = "a@client.test"
    letter["To"] = to
    letter["Subject"] = "Zw\u00f6lf"
    letter["Message-ID"] = f"<python-{number}@client.test>"
    letter.set_content(".\n.. dots\n.\n")
    letter.add_attachment(f"content {number}\n.\n", filename=name)
    return letter

for kind in ("smtp", "smtps"):
    smtp = come(kind)
    try:
        smtp.login(given["user"], "wrong")
        raise SystemExit("a wrong secret was right")
    except smtplib.SMTPAuthenticationError as error:
        assert error.smtp_code == 535, error
    smtp.login(given["user"], given["secret"])
    smtp.send_message(letter(0, "plain.txt", f"files+{kind}@localhost"))
    smtp.send_message(letter(1, "\u8acb\u6c42.txt", f"files+{kind}/\u4e8c\u6708@localhost"))
    assert smtp.vrfy("files")[0] == 252 and smtp.noop()[0] == 250
    for refused in ("ada@example.org", '"files+a/../b"@localhost'):
        try:
            smtp.sendmail("a@client.test", [refused], letter(2, "a", refused).as_bytes())
            raise SystemExit("taken: " + refused)
        except smtplib.SMTPRecipientsRefused as error:
            assert error.recipients[refused][0] == 550, error
    try:
        smtp.sendmail("a@client.test", ["files@localhost"], b"Subject: no file\r\n\r\nHello.\r\n")
        raise SystemExit("a letter without a file was taken")
    except smtplib.SMTPDataError as error:
        assert error.smtp_code == 554 and b"attachment" in error.smtp_error, error
    smtp.quit()
"#;

#[test]
fn python_sends_names_of_all_kinds() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Mail");
    let (s3, key) = (world.key(&storage, "read_write"), rig::key(world, &storage, "email", "write"));
    let settings = json!({
        "smtp": world.smtp, "smtps": world.smtps, "certificate": world.certificate(), "user": key.access_key, "secret": key.secret
    });
    let settings = private(world, "python.json", &settings.to_string());
    ok(bare(world, tools().join("python3").to_str().unwrap()).args(["-c", PYTHON]).arg(settings));
    let names: Vec<String> = stored(world, &s3).into_iter().map(|(name, _)| name).collect();
    let expected = ["smtp/plain.txt", "smtp/二月/請求.txt", "smtps/plain.txt", "smtps/二月/請求.txt"];
    assert_eq!(names, expected);
    assert_eq!(content(world, &s3, "smtps/二月/請求.txt"), b"content 1\r\n.\r\n");
    no_secret_is_logged(world, &[&key]);
}

#[test]
fn openssl_sees_the_certificate_and_what_is_offered() {
    let secure = Secure::start();
    let world = &secure.world;
    for way in WAYS {
        let (host, port) = door(world, way);
        let starttls: &[&str] = match way {
            Way::StartTls => &["-starttls", "smtp"],
            Way::Implicit => &[],
        };
        for (version, expected) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
            let mut openssl = bare(world, "openssl");
            openssl.args(["s_client", "-brief", "-verify_return_error", version, "-connect"]);
            openssl.arg(format!("{host}:{port}")).arg("-CAfile").arg(world.certificate().unwrap());
            openssl.args(starttls);
            if version == "-tls1_1" {
                openssl.args(["-cipher", "DEFAULT:@SECLEVEL=0"]);
            }
            let output = crate::world::run(&mut openssl);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(told.contains("CONNECTION ESTABLISHED"), expected, "{version} {way:?}: {told}");
        }
    }
}
