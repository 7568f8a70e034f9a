//! What people hand in: a file by a generated client of the web service, a letter with attachments as people send them, and the keys with which an
//! account of another system goes on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::rig::{self, Secure, bare, file, private};
use crate::cli_people::fed;
use crate::clients::tools;
use crate::world::{Access, PASSWORD, World, ok, refused};

/// A client made of the description, which uploads one file.
const ZEEP: &str = r#"
import json, sys, requests
from requests.auth import HTTPBasicAuth
from zeep import Client
from zeep.transports import Transport
given = json.load(open(sys.argv[1], encoding="utf-8"))
session = requests.Session()
session.trust_env = False
session.verify = given["certificate"]
session.auth = HTTPBasicAuth(given["user"], given["secret"])
client = Client(given["web"] + "/soap?wsdl", transport=Transport(session=session))
client.service.PutFile(path="/by zeep/report.bin", content=open(given["file"], "rb").read())
"#;

/// A letter with three attachments, sent by the mail library of Python; the last line says what the server answered to it.
const LETTER: &str = r#"
import json, smtplib, ssl, sys
from email.message import EmailMessage
given = json.load(open(sys.argv[1], encoding="utf-8"))
letter = EmailMessage()
letter["From"] = "scanner@example.com"
letter["To"] = "files+inbox@" + given["domain"]
letter["Subject"] = "Three files"
letter["Message-ID"] = "<three-files@example.com>"
letter["Date"] = "Sun, 22 Nov 2026 09:00:00 +0000"
letter.set_content("See the attachments.")
for name in given["names"]:
    with open(given["file"], "rb") as file:
        content = file.read() if name.endswith(".bin") else name.encode()
    letter.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
letter.set_boundary("=-three-files-=")
host, port = given["door"].rsplit(":", 1)
context = ssl.create_default_context(cafile=given["certificate"])
with smtplib.SMTP(host, int(port), timeout=120) as smtp:
    smtp.starttls(context=context)
    smtp.login(given["user"], given["secret"])
    refused = smtp.send_message(letter)
assert not refused, refused
"#;

const NAMES: [&str; 3] =
    ["scan.bin", "\u{8acb}\u{6c42}\u{66f8} 2026\u{5e74}11\u{6708}.pdf", "../../etc/passwd"];

fn python(world: &World, script: &str, name: &str, settings: &Value) -> Command {
    let settings = private(world, name, &settings.to_string());
    let mut python = bare(world, tools().join("python3").to_str().unwrap());
    python.arg("-c").arg(script).arg(settings);
    python
}

fn content(world: &World, s3: &Access, key: &str) -> Vec<u8> {
    let config = rig::rclone_config(world, "handed", &[("s3", s3)]);
    let back = world.scratch("handed").join("back");
    ok(rig::rclone(world, &config).arg("copyto").arg(format!("s3:{}/{key}", s3.bucket)).arg(&back));
    fs::read(back).unwrap()
}

#[test]
fn files_by_web_service_and_mail_are_what_s3_reads() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Handed in");
    let s3 = world.key(&storage, "read_write");
    let certificate = secure.files.certificate();

    // By a client that was generated from the description.
    let [service, reader] =
        ["read_write", "read"].map(|permission| rig::key(world, &storage, "web-service", permission));
    let report = file(world, "report.bin", 5 << 20);
    let by_zeep = |key: &Access, name: &str| {
        let (user, secret) = (&key.access_key, &key.secret);
        let settings = json!({"web": world.web, "certificate": certificate, "user": user, "secret": secret, "file": report});
        python(world, ZEEP, name, &settings)
    };
    ok(&mut by_zeep(&service, "zeep.json"));
    assert!(content(world, &s3, "by zeep/report.bin") == fs::read(&report).unwrap());
    let before = rig::stored(world, &s3);
    assert!(refused(&mut by_zeep(&reader, "zeep-read.json")).contains("Fault"));
    assert_eq!(rig::stored(world, &s3), before, "who may only read has stored something");

    // By mail.
    let [writer, reader] = ["write", "read"].map(|permission| rig::key(world, &storage, "email", permission));
    let scan = file(world, "scan.bin", 60 << 20);
    let by_mail = |key: &Access, name: &str| {
        let (user, secret, door) = (&key.access_key, &key.secret, world.smtp.as_deref().unwrap());
        let domain = "localhost";
        let settings = json!({"door": door, "domain": domain, "certificate": certificate, "user": user, "secret": secret, "file": scan, "names": NAMES});
        python(world, LETTER, name, &settings)
    };
    assert!(refused(&mut by_mail(&reader, "mail-read.json")).contains("550"));
    assert_eq!(rig::stored(world, &s3), before, "who may only read has stored something");
    ok(&mut by_mail(&writer, "mail.json"));
    let after = rig::stored(world, &s3);
    let mut new: Vec<_> = after.iter().filter(|entry| !before.contains(entry)).collect();
    new.sort_by_key(|(_, size)| *size);
    let [passwd, bill, large] = new.as_slice() else { panic!("not three files: {new:?}") };
    assert_eq!(*passwd, &("inbox/passwd".to_owned(), NAMES[2].len() as u64));
    assert_eq!(*bill, &(format!("inbox/{}", NAMES[1]), NAMES[1].len() as u64));
    assert_eq!(*large, &("inbox/scan.bin".to_owned(), 60 << 20));
    assert!(content(world, &s3, "inbox/scan.bin") == fs::read(&scan).unwrap());
    assert_eq!(content(world, &s3, "inbox/passwd"), NAMES[2].as_bytes());

    // The same once more, as after an answer that was lost.
    ok(&mut by_mail(&writer, "mail-again.json"));
    assert_eq!(rig::stored(world, &s3), after, "the same letter has stored something twice");
}

#[test]
fn an_imported_account_goes_on_with_its_four_channels() {
    let world = World::start();
    fed(world.command().args(["login", "--password-stdin"]), &[PASSWORD]);
    let accounts = private(
        &world,
        "accounts.csv",
        "id,name,created,parent\nM-1,Old Master,2023-06-05,\nM-2,New Master,2023-06-06,\nS-1,Branch,2022-01-01,M-1\n",
    );
    let secrets = world.scratch("private").join("secrets.json");
    let import = || {
        let mut command = world.command();
        command.args(["import", "accounts"]).arg(&accounts);
        command
    };
    ok(import().arg("--dry-run"));
    assert_eq!(
        world.admin("GET", "/sites", None)["items"].as_array().unwrap().len(),
        1,
        "a dry run makes nothing"
    );
    ok(import().arg("--credentials-out").arg(&secrets));
    ok(&mut import());
    let told = fs::read_to_string(&secrets).unwrap();
    assert_eq!(told.matches("pcs").count(), 4, "one secret for each channel of the old master");

    let sites = world.admin("GET", "/sites", None);
    let sites = sites["items"].as_array().unwrap();
    assert_eq!(sites.len(), 4, "{sites:?}");
    for (name, wanted) in
        [("Old Master", &["email", "ftp", "http", "web-service"][..]), ("New Master", &[]), ("Branch", &[])]
    {
        let site = sites.iter().find(|site| site["name"] == name).unwrap()["id"].as_str().unwrap();
        world.admin("PUT", "/sessions/current/site", Some(&json!({"site": site})));
        let keys = world.admin("GET", "/keys", None);
        let mut channels: Vec<_> = keys["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["channel"].as_str().unwrap().to_owned())
            .collect();
        channels.sort();
        assert_eq!(channels, wanted, "{name}");
    }
}
