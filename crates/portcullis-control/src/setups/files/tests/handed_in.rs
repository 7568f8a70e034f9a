//! The web service and mail.

use std::path::Path;

use super::*;

const BARE: [&str; 3] = ["", "team a/", "x/'; echo pwned; '<&>\u{202e}"];

/// Runs a text in a shell in which a program only prints what it would send: its input, or the text among its arguments.
fn run(program: &str, text: &str, home: &Path) -> String {
    let script = format!(
        "{program}() {{ case \"$*\" in *--data-raw*) printf %s \"${{*: -1}}\" ;; *) cat ;; esac; echo; }}\n{text}"
    );
    let mut shell = Command::new("bash");
    let done = shell.env("HOME", home).current_dir(home).args(["-e", "-c", &script]).output().unwrap();
    assert!(done.status.success(), "{text}\n{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file.txt"), "some bytes\n").unwrap();
    home
}

/// What each envelope asks for: operation, path, content.
fn asked(envelope: &str) -> serde_json::Value {
    let print = "import json, sys, xml.etree.ElementTree as t\n\
                 body = t.fromstring(sys.argv[1].encode())[0][0]\n\
                 print(json.dumps([body.tag] + [(e.text or '').strip() for e in body]))";
    let told = Command::new("python3").args(["-c", print, envelope]).output().unwrap();
    assert!(told.status.success(), "{envelope}\n{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

#[test]
fn curl_sends_envelopes_that_say_the_path_exactly() {
    for prefix in BARE {
        let home = home();
        let case = Case::new(Permission::ReadWrite, prefix);
        let text = case.one(Channel::WebService, "curl").text;
        // What comes back is not there to be decoded.
        let (text, _) = text.rsplit_once(" \\\n  | sed").unwrap();
        let sent = run("curl", text, home.path());
        let rest = prefix.rsplit('/').next().unwrap();
        let folder = if rest.is_empty() { "/".to_owned() } else { format!("/{rest}/") };
        let name = |operation: &str| format!("{{urn:portcullis:files:1}}{operation}");
        let at = format!("{folder}file.txt");
        let all: Vec<_> = sent.split("</e:Envelope>").map(str::trim).filter(|one| !one.is_empty()).collect();
        let all: Vec<_> = all.iter().map(|one| asked(&format!("{one}</e:Envelope>"))).collect();
        assert_eq!(
            all,
            [
                serde_json::json!([name("PutFile"), at, "c29tZSBieXRlcwo="]),
                serde_json::json!([name("ListFolder"), folder]),
                serde_json::json!([name("GetFile"), at]),
            ],
            "{text}"
        );
    }
}

#[test]
fn programs_read_the_description_at_the_address_of_the_web() {
    for tool in ["zeep", "nodesoap"] {
        let text = Case::new(Permission::ReadWrite, "").one(Channel::WebService, tool).text;
        assert!(text.contains("\"https://gate.example.org/soap?wsdl\""), "{tool}: {}", *text);
    }
}

/// A message as msmtp gets it is one that a reader of mail finds the file in.
#[test]
fn msmtp_sends_a_message_with_the_file() {
    let home = home();
    let text = Case::new(Permission::Write, "").one(Channel::Email, "msmtp").text;
    let sent = run("msmtp", &text, home.path());
    let print = "import email, sys\n\
                 m = email.message_from_string(sys.argv[1])\n\
                 print(m.get_filename(), m.get_content_disposition(), m.get_payload(decode=True))";
    let told = Command::new("python3").args(["-c", print, &sent]).output().unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), "file.txt attachment b'some bytes\\n'\n");
    let settings = std::fs::read_to_string(home.path().join(format!(".msmtp-{KEY}"))).unwrap();
    assert!(settings.contains("host mail.example.org\nport 465\ntls on\ntls_starttls off\n"), "{settings}");
}

#[test]
fn the_folder_of_a_key_stands_in_the_address() {
    let to = |prefix, bucket| {
        let case = Case { bucket, ..Case::new(Permission::Write, prefix) };
        case.one(Channel::Email, "smtplib").text.to_string()
    };
    for (prefix, bucket, recipient) in [
        ("", Some(BUCKET), "files@example.org"),
        ("in/box/", Some(BUCKET), "files@example.org"),
        ("in/box", Some(BUCKET), "files+box@example.org"),
        ("", None, "files+BUCKET@example.org"),
    ] {
        let text = to(prefix, bucket);
        assert!(text.contains(&format!("message[\"To\"] = \"{recipient}\"")), "{prefix}: {text}");
    }
    assert!(to("in/my box", Some(BUCKET)).contains("cannot stand in an address"));
}

#[test]
fn tls_from_the_start_is_taken_before_starttls_and_nothing_without() {
    let with = |doors: Doors, tool| {
        Case { doors, ..Case::new(Permission::Write, "") }.one(Channel::Email, tool).text
    };
    let asked = Doors { smtps: None, ..doors() };
    for (tool, implicit, explicit) in [
        ("swaks", "tls-on-connect\ntls-verify", "port 2587\ntls\ntls-verify"),
        ("msmtp", "port 465\ntls on\ntls_starttls off", "port 2587\ntls on\ntls_starttls on"),
        ("smtplib", "SMTP_SSL(\"mail.example.org\", 465", "server.starttls("),
    ] {
        let text = with(doors(), tool);
        assert!(text.contains(implicit), "{tool}: {}", *text);
        let text = with(asked.clone(), tool);
        assert!(text.contains(explicit), "{tool}: {}", *text);
    }
    let both = with(doors(), "mailprogram");
    assert!(both.contains("SSL/TLS") && both.contains("STARTTLS") && both.contains("2587"), "{}", *both);
    for setup in
        (Case { doors: Doors::default(), ..Case::new(Permission::Write, "") }).of(Channel::Email, None)
    {
        assert_eq!(setup.kind, SetupKind::Text);
        assert!(
            setup.text.contains("portcullis serve --smtp 0.0.0.0:2587"),
            "{}: {}",
            setup.tool,
            *setup.text
        );
    }
}

#[test]
fn a_reader_is_told_that_mail_is_not_for_it() {
    for setup in Case::new(Permission::Read, "").of(Channel::Email, Some(&secret())) {
        assert!(setup.kind == SetupKind::Text && setup.text.contains("reads only"), "{}", *setup.text);
    }
}
