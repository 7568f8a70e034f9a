//! The form of every text. What the tools make of them is tested with the tools, in the tests of the whole system.

mod handed_in;

use std::collections::BTreeSet;
use std::process::Command;

use portcullis_domain::SshPublicKey;

use super::super::{SECRET_PLACEHOLDER, SetupKind};
use super::*;

const HOST_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPYSiHrTBqtRoa+f4LEPyTkKDf7HdZVcRMx0MjKQ4H+h host";
const BUCKET: &str = "usr-10001-itm-00001-nas";
const WEB: &str = "https://gate.example.org/";
const PREFIXES: [&str; 10] = [
    "",
    "team a/in box/",
    "ünï",
    "/a//b/../",
    "'; echo pwned; '",
    "$(echo pwned)`echo pwned`",
    "a\necho pwned\nEND\nEOF\n",
    "x/..",
    "\"\"\"\nprint('pwned')\n${pwned}",
    "]]>\u{1b}[31m\u{202e}</string>",
];

fn secret() -> Secret {
    Secret::from_entropy(&[7; 32])
}

fn doors() -> Doors {
    Doors {
        ftp: Some(FtpDoor { address: "ftp://files.example.org:2121".to_owned(), tls: true, plain: false }),
        ftps: Some("ftps://files.example.org".to_owned()),
        sftp: Some(SftpDoor {
            address: "sftp://files.example.org:2022".to_owned(),
            host_keys: vec![SshPublicKey::parse(HOST_KEY).unwrap()],
        }),
        smtp: Some("smtp://mail.example.org:2587".to_owned()),
        smtps: Some("smtps://mail.example.org".to_owned()),
        mail_domain: "example.org".to_owned(),
    }
}

/// What differs from one key to the next.
#[derive(Clone)]
struct Case {
    doors: Doors,
    web: &'static str,
    user: &'static str,
    permission: Permission,
    prefix: &'static str,
    bucket: Option<&'static str>,
    public_keys: bool,
}

const KEY: &str = "PC000000000000000000";

impl Case {
    fn new(permission: Permission, prefix: &'static str) -> Self {
        let bucket = Some(BUCKET);
        Self { doors: doors(), web: WEB, user: KEY, permission, prefix, bucket, public_keys: false }
    }

    fn of(&self, channel: Channel, secret: Option<&Secret>) -> Vec<Setup> {
        for_files(&FileSetup {
            web_address: self.web,
            doors: &self.doors,
            channel,
            user: self.user,
            secret,
            bucket: self.bucket,
            prefix: &KeyPrefix::parse(self.prefix).unwrap(),
            permission: self.permission,
            public_keys: self.public_keys,
        })
    }

    fn one(&self, channel: Channel, tool: &str) -> Setup {
        self.of(channel, Some(&secret())).into_iter().find(|setup| setup.tool == tool).unwrap()
    }
}

const CHANNELS: [Channel; 4] = [Channel::Http, Channel::Ftp, Channel::WebService, Channel::Email];

/// Calls `check` with every set-up there can be.
fn all(check: impl Fn(&Case, &Setup)) {
    let known = secret();
    let plain = FtpDoor { address: "ftp://10.0.0.1".to_owned(), tls: false, plain: true };
    for some in [doors(), Doors::default(), Doors { ftp: Some(plain), ..Doors::default() }] {
        for permission in Permission::ALL {
            for prefix in PREFIXES {
                for (web, user) in [(WEB, KEY), ("http://[::1]:8080", "a.b-c_d@example.org")] {
                    let case = Case { doors: some.clone(), web, user, ..Case::new(*permission, prefix) };
                    for channel in CHANNELS {
                        case.of(channel, Some(&known)).iter().for_each(|setup| check(&case, setup));
                    }
                }
            }
        }
    }
}

/// Lines of a shell text that are neither comments nor inside a here-document.
fn commands(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        match (inside, line) {
            (true, "END") => inside = false,
            (true, _) => {}
            (false, line) => {
                inside = line.contains("<<'END'");
                found.push(line);
            }
        }
    }
    assert!(!inside, "a here-document without an end: {text}");
    found
}

#[test]
fn the_lists_of_tools_need_no_key() {
    for channel in CHANNELS {
        let listed: Vec<_> = file_tools(channel).map(|tool| (tool.id, tool.title)).collect();
        let made = Case::new(Permission::Read, "").of(channel, None);
        assert_eq!(listed, made.iter().map(|setup| (setup.tool, setup.title)).collect::<Vec<_>>());
        let ids: BTreeSet<_> = listed.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), listed.len());
        assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())));
    }
    for channel in [Channel::S3, Channel::Rest] {
        assert_eq!(file_tools(channel).len(), 0);
    }
}

#[test]
fn each_has_the_real_values() {
    let known = secret();
    for channel in CHANNELS {
        for setup in Case::new(Permission::ReadWrite, "").of(channel, Some(&known)) {
            let Setup { tool, kind, text, .. } = setup;
            assert!(text.contains(KEY), "{tool}: {}", *text);
            // OpenSSH's sftp takes no password but from a person.
            let asks = kind == SetupKind::Bookmark || tool == "sftp";
            assert_eq!(text.contains(known.reveal()), !asks, "{tool}: {}", *text);
            assert!(text.contains("example.org") && !text.contains("example.org//"), "{tool}: {}", *text);
        }
    }
}

#[test]
fn without_the_secret_a_placeholder_stands_for_it() {
    let (known, case) = (secret(), Case::new(Permission::ReadWrite, "a/"));
    for channel in CHANNELS {
        for (with, without) in case.of(channel, Some(&known)).iter().zip(case.of(channel, None)) {
            assert_eq!(with.text.replace(known.reveal(), SECRET_PLACEHOLDER), *without.text, "{}", with.tool);
        }
    }
}

/// Whoever lists the machine's processes must not learn it.
#[test]
fn no_program_is_called_with_the_secret() {
    let known = secret();
    all(|_, setup| {
        let Setup { tool, kind, text, .. } = setup;
        let words = match kind {
            SetupKind::Shell => commands(text),
            SetupKind::Text => text.lines().filter(|line| !line.starts_with("Password:")).collect(),
            // A program is a file that only its owner reads, and says so.
            SetupKind::Code => {
                assert!(text.contains("chmod 600"), "{tool}: {}", **text);
                Vec::new()
            }
            SetupKind::ConfigFile | SetupKind::Bookmark => text.lines().collect(),
        };
        assert!(words.iter().all(|line| !line.contains(known.reveal())), "{tool}: {}", **text);
    });
}

#[test]
fn a_write_only_key_is_told_nothing_that_reads() {
    let reading = [
        " ls ",
        "lsf",
        "check ./",
        "PROPFIND",
        " -O ./",
        "-C -",
        "reget",
        "reput",
        "GetFile",
        "ListFolder",
        "mount ",
    ];
    for channel in CHANNELS {
        for setup in Case::new(Permission::Write, "").of(channel, Some(&secret())) {
            let Setup { tool, kind, text, .. } = setup;
            assert!(reading.iter().all(|word| !text.contains(word)), "{tool}: {}", *text);
            let sends_nothing =
                ["cyberduck", "sshfs", "davfs2", "windows", "macos", "rclonehttp", "rcloneftp"];
            let sends_nothing = sends_nothing.contains(&tool) || (channel, tool) == (Channel::Http, "rclone");
            // What is filled in by hand is a text, too.
            assert_eq!(kind == SetupKind::Text, sends_nothing || tool == "mailprogram", "{tool}");
        }
    }
    let rclone = Case::new(Permission::Write, "").one(Channel::Ftp, "rclone");
    assert!(rclone.text.contains("--no-check-dest") && rclone.text.contains("set_modtime = false"));
}

#[test]
fn a_reader_is_told_nothing_that_writes() {
    let writing = [" -T ", "MKCOL", "MOVE", "mirror -R", "#   put", "reput", "copy ./folder", "PutFile"];
    for channel in CHANNELS {
        for setup in Case::new(Permission::Read, "").of(channel, Some(&secret())) {
            let text = &*setup.text;
            if setup.tool == "tus" || channel == Channel::Email {
                assert_eq!(setup.kind, SetupKind::Text);
                continue;
            }
            assert!(writing.iter().all(|word| !text.contains(word)), "{}: {text}", setup.tool);
        }
    }
    for (channel, tool, says) in [
        (Channel::Ftp, "sshfs", "-o ro"),
        (Channel::Http, "davfs2", "-o ro,"),
        (Channel::Http, "windows", "reads only"),
        (Channel::Http, "cyberduck", "<key>Readonly</key>"),
    ] {
        let told = Case::new(Permission::Read, "").one(channel, tool);
        assert!(told.text.contains(says), "{tool}: {}", *told.text);
    }
}

#[test]
fn a_key_that_is_switched_off_opens_nothing() {
    for channel in CHANNELS {
        for setup in Case::new(Permission::None, "").of(channel, Some(&secret())) {
            assert_eq!(setup.kind, SetupKind::Text, "{}", setup.tool);
            assert!(setup.text.contains("switched off") && !setup.text.contains(KEY), "{}", setup.tool);
        }
    }
}

/// A door that is off is said to be off, with what switches it on.
#[test]
fn doors_that_are_off_are_said_to_be_off() {
    let off = Case { doors: Doors::default(), ..Case::new(Permission::ReadWrite, "") };
    for setup in off.of(Channel::Ftp, Some(&secret())) {
        assert_eq!(setup.kind, SetupKind::Text, "{}", setup.tool);
        assert!(setup.text.contains("switched off on this server"), "{}: {}", setup.tool, *setup.text);
        assert!(setup.text.contains("--ftp 0") || setup.text.contains("--sftp 0"), "{}", setup.tool);
    }
    assert!(
        off.of(Channel::Http, None)
            .iter()
            .all(|setup| setup.kind != SetupKind::Text || setup.file_name.is_none())
    );
}

#[test]
fn the_safest_way_of_ftp_is_taken() {
    let with =
        |doors: Doors| Case { doors, ..Case::new(Permission::ReadWrite, "") }.one(Channel::Ftp, "curl");
    assert!(
        with(doors()).text.contains("--ssl-reqd")
            && with(doors()).text.contains("ftp://files.example.org:2121/")
    );
    let implicit = with(Doors { ftp: None, ..doors() });
    assert!(implicit.text.contains("ftps://files.example.org/file.txt"), "{}", *implicit.text);
    let plain = FtpDoor { address: "ftp://10.0.0.1".to_owned(), tls: false, plain: true };
    let plain = with(Doors { ftp: Some(plain), ..Doors::default() });
    assert!(plain.text.contains("has no TLS") && !plain.text.contains("--ssl-reqd"), "{}", *plain.text);
}

/// What a person put into the prefix stays text: nothing of it begins a line.
#[test]
fn a_prefix_cannot_break_out() {
    all(|case, setup| {
        let Setup { tool, kind, text, .. } = setup;
        for line in text.lines().map(str::trim_start) {
            let breaks =
                ["echo pwned", "print('pwned", "EOF", "${pwned}"].iter().any(|at| line.starts_with(at));
            assert!(!breaks, "{tool}: {:?}: {}", case.prefix, **text);
            let hides = line.contains(['\u{1b}', '\u{202e}']) && *kind != SetupKind::Bookmark;
            assert!(!hides, "{tool}: {:?}: {}", case.prefix, **text);
        }
        if *kind == SetupKind::Shell {
            let told = Command::new("bash").args(["-n", "-c", text.as_str()]).output().unwrap();
            assert!(told.status.success(), "{tool}: {}\n{}", **text, String::from_utf8_lossy(&told.stderr));
        }
    });
}

#[test]
fn the_memory_of_a_text_is_never_moved() {
    let long = "\u{202e}".repeat(341);
    let prefix = KeyPrefix::parse(&long).unwrap();
    let room = Text::for_prefix(&prefix).into_inner().capacity();
    let (known, doors) = (secret(), doors());
    for permission in Permission::ALL {
        for channel in CHANNELS {
            let key = FileSetup {
                web_address: WEB,
                doors: &doors,
                channel,
                user: &"x".repeat(64),
                secret: Some(&known),
                bucket: Some(BUCKET),
                prefix: &prefix,
                permission: *permission,
                public_keys: false,
            };
            for setup in for_files(&key) {
                assert_eq!(setup.text.capacity(), room, "{} has {} bytes", setup.tool, setup.text.len());
            }
        }
    }
}

#[test]
fn a_folder_of_the_key_is_the_top_and_plain_http_names_it_exactly() {
    for (prefix, exact, tree) in [
        ("", "/files/usr-10001-itm-00001-nas/file.txt", "/dav/file.txt"),
        ("team a/", "/files/usr-10001-itm-00001-nas/team%20a/file.txt", "/dav/file.txt"),
        ("x/team", "/files/usr-10001-itm-00001-nas/x/team/file.txt", "/dav/team/file.txt"),
    ] {
        let case = Case::new(Permission::ReadWrite, prefix);
        let plain = case.one(Channel::Http, "curl");
        assert!(
            plain
                .text
                .lines()
                .any(|line| line.contains("-O ") && line.trim_end_matches('\'').ends_with(exact)),
            "{}",
            *plain.text
        );
        let dav = case.one(Channel::Http, "curldav");
        assert!(
            dav.text.lines().any(|line| line.contains("-O ") && line.trim_end_matches('\'').ends_with(tree)),
            "{}",
            *dav.text
        );
    }
    let several = Case { bucket: None, ..Case::new(Permission::ReadWrite, "") };
    for channel in CHANNELS {
        for setup in
            several.of(channel, Some(&secret())).iter().filter(|setup| setup.kind == SetupKind::Shell)
        {
            let asks = setup.text.contains("Put the name of a bucket in place of BUCKET");
            assert!(asks && setup.text.matches("BUCKET").count() > 1, "{}: {}", setup.tool, *setup.text);
        }
    }
}

/// Files that programs open are read by a reader of their kind.
#[test]
fn files_for_programs_are_well_formed() {
    let case = Case { user: "a.b@example.org", ..Case::new(Permission::Read, "x/a & b <c>") };
    let file = case.one(Channel::Ftp, "filezilla");
    let print = "import json, sys, xml.etree.ElementTree as t\n\
                 sites = t.fromstring(sys.argv[1].encode()).iter('Server')\n\
                 print(json.dumps([[s.findtext(n) for n in ('Host', 'Port', 'Protocol', 'Logontype', 'User', 'Pass')] for s in sites]))";
    let told = Command::new("python3").args(["-c", print, file.text.as_str()]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let site = |port: &str, protocol: &str| {
        serde_json::json!(["files.example.org", port, protocol, "2", "a.b@example.org", null])
    };
    assert_eq!(told, serde_json::json!([site("2121", "4"), site("990", "3"), site("2022", "1")]));
    let print = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.argv[1].encode())))";
    for (channel, protocol, path) in
        [(Channel::Http, "davs", "/dav/a & b <c>/"), (Channel::Ftp, "sftp", "/a & b <c>/")]
    {
        let file = case.one(channel, "cyberduck");
        let told = Command::new("python3").args(["-c", print, file.text.as_str()]).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!((&told["Protocol"], &told["Path"]), (&protocol.into(), &path.into()));
        assert_eq!((&told["Username"], &told["Readonly"]), (&"a.b@example.org".into(), &"true".into()));
    }
}

#[test]
fn with_a_public_key_no_password_is_named() {
    let case = Case { public_keys: true, ..Case::new(Permission::ReadWrite, "") };
    for tool in ["sftp", "sshfs"] {
        let told = case.one(Channel::Ftp, tool);
        assert!(
            !told.text.contains("password") && told.text.contains("known_hosts"),
            "{tool}: {}",
            *told.text
        );
    }
    let known = "[files.example.org]:2022 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPYSiHrTBqtRoa+f4LEPyTkKDf7HdZVcRMx0MjKQ4H+h\n";
    assert!(case.one(Channel::Ftp, "sftp").text.contains(known));
}
