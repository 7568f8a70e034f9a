//! The form of every text. What the tools make of them is tested with the tools, in the tests of the whole system.

use std::collections::BTreeSet;
use std::process::Command;

use super::*;

const ADDRESSES: [&str; 3] =
    ["https://s3.example.org/", "http://127.0.0.1:9000", "https://[2001:db8::1]:9443"];
const PREFIXES: [&str; 9] = [
    "",
    "team a/in box/",
    "ünï",
    "/a//b/../",
    "'; echo pwned; '",
    "$(echo pwned)`echo pwned`",
    "a\necho pwned\nEND\nEOF\n",
    "\"\"\"\nprint('pwned')\n${pwned}",
    "]]>\u{1b}[31m\u{202e}</string>",
];

fn secret() -> Secret {
    Secret::from_entropy(&[7; 32])
}

/// Every set-up of one key.
fn of(address: &str, permission: Permission, prefix: &str, secret: Option<&Secret>) -> Vec<Setup> {
    for_s3(&S3Setup {
        s3_address: address,
        region: "us-east-1",
        bucket: Some("usr-10001-itm-00001-nas"),
        prefix: &KeyPrefix::parse(prefix).unwrap(),
        access_key: CredentialId::from_entropy([7; 16]),
        secret,
        permission,
    })
}

/// Calls `check` with every set-up there can be.
fn all(check: impl Fn(Permission, &str, &Setup)) {
    let secret = secret();
    for address in ADDRESSES {
        for permission in Permission::ALL {
            for prefix in PREFIXES {
                for setup in of(address, *permission, prefix, Some(&secret)) {
                    check(*permission, prefix, &setup);
                }
            }
        }
    }
}

fn text_of(permission: Permission, tool: &str) -> String {
    let found = of(ADDRESSES[0], permission, "", Some(&secret()));
    found.iter().find(|setup| setup.tool == tool).unwrap().text.to_string()
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
                inside = line.ends_with("<<'END'");
                found.push(line);
            }
        }
    }
    assert!(!inside, "a here-document without an end: {text}");
    found
}

#[test]
fn the_list_of_tools_needs_no_key() {
    let listed: Vec<_> = s3_tools().map(|tool| (tool.id, tool.title)).collect();
    let made: Vec<_> =
        of(ADDRESSES[0], Permission::Read, "", None).iter().map(|setup| (setup.tool, setup.title)).collect();
    assert_eq!(listed, made);
    let ids: BTreeSet<_> = listed.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), 13);
    assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())));
    let prefix = KeyPrefix::default();
    let key = S3Setup {
        s3_address: "",
        region: "",
        bucket: None,
        prefix: &prefix,
        access_key: CredentialId::from_entropy([7; 16]),
        secret: None,
        permission: Permission::Read,
    };
    assert!(for_s3_tool(&key, "aws").is_some_and(|setup| setup.title == "AWS CLI"));
    assert!(for_s3_tool(&key, "fax").is_none());
}

#[test]
fn each_has_the_real_values() {
    let secret = secret();
    for setup in of(ADDRESSES[0], Permission::ReadWrite, "", Some(&secret)) {
        let Setup { tool, kind, file_name, text, .. } = setup;
        assert!(text.contains(CredentialId::from_entropy([7; 16]).as_str()), "{tool}: {}", *text);
        assert_eq!(text.contains(secret.reveal()), kind != SetupKind::Bookmark, "{tool}: {}", *text);
        assert!(
            text.contains("s3.example.org") && text.contains("usr-10001-itm-00001-nas"),
            "{tool}: {}",
            *text
        );
        assert!(!text.contains("example.org//"), "{tool}: {}", *text);
        let is_file = matches!(kind, SetupKind::ConfigFile | SetupKind::Code | SetupKind::Bookmark);
        assert_eq!(file_name.is_some(), is_file, "{tool}");
        if let (Some(name), SetupKind::ConfigFile | SetupKind::Code) = (file_name, kind) {
            assert!(text.lines().next().unwrap().contains(name), "{tool}: the first line names the file");
        }
    }
}

#[test]
fn without_the_secret_a_placeholder_stands_for_it() {
    let known = secret();
    let with = of(ADDRESSES[0], Permission::ReadWrite, "a/", Some(&known));
    let without = of(ADDRESSES[0], Permission::ReadWrite, "a/", None);
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with.text.replace(known.reveal(), SECRET_PLACEHOLDER), *without.text, "{}", with.tool);
    }
}

/// Whoever lists the machine's processes must not learn it.
#[test]
fn no_program_is_called_with_the_secret() {
    let known = secret();
    all(|_, _, setup| {
        let Setup { tool, kind, text, .. } = setup;
        let words = match kind {
            SetupKind::Shell => commands(text),
            SetupKind::ConfigFile | SetupKind::Code | SetupKind::Bookmark | SetupKind::Text => {
                text.lines().filter(|line| line.trim_start().starts_with(['#', '/'])).collect()
            }
        };
        for line in words.iter().filter(|line| line.contains(known.reveal())) {
            // The shell does this by itself, without a program.
            assert!(line.starts_with("export AWS_SECRET_ACCESS_KEY="), "{tool}: {line}");
        }
        if *kind == SetupKind::Bookmark {
            assert!(!text.contains(known.reveal()), "{tool}");
        }
    });
    for setup in for_rest("PC0.secret") {
        for line in commands(&setup.text).iter().filter(|line| line.contains("PC0.secret")) {
            assert!(line.starts_with("export PORTCULLIS_API_KEY="), "{}: {line}", setup.tool);
        }
        assert!(setup.text.contains("PC0.secret"), "{}", setup.tool);
    }
}

#[test]
fn a_write_only_key_is_told_nothing_that_reads() {
    let reading = [
        " ls ",
        "snapshots",
        "list_objects",
        "ListObjects",
        "listObjects",
        "list-type",
        "download",
        "GetObject",
        "check ./",
        "s3 sync",
        "s3cmd sync",
        "terraform init",
    ];
    for setup in of(ADDRESSES[0], Permission::Write, "", Some(&secret())) {
        for word in reading {
            assert!(!setup.text.contains(word), "{}: {word}: {}", setup.tool, *setup.text);
        }
        let sends_nothing = ["restic", "s3fs", "terraform", "cyberduck", "filezilla"].contains(&setup.tool);
        assert_eq!(setup.kind == SetupKind::Text, sends_nothing, "{}", setup.tool);
    }
    let rclone = text_of(Permission::Write, "rclone");
    for flag in ["no_head = true", "no_head_object = true", "no_check_bucket = true", "--no-check-dest"] {
        assert!(rclone.contains(flag), "{flag}: {rclone}");
    }
}

#[test]
fn a_reader_is_told_nothing_that_writes() {
    let writing = [
        "upload_file",
        " put ",
        "-T ",
        "restic init",
        "./folder portcullis:",
        "cp ./file",
        "PutObject",
        "putObject",
        "terraform apply",
        "use_lockfile                = true",
        "vfs-cache-mode writes",
    ];
    for setup in of(ADDRESSES[0], Permission::Read, "", Some(&secret())) {
        for word in writing {
            assert!(!setup.text.contains(word), "{}: {word}: {}", setup.tool, *setup.text);
        }
    }
    assert!(text_of(Permission::Read, "s3fs").contains("-o ro"));
    assert!(text_of(Permission::Read, "cyberduck").contains("<key>Readonly</key>"));
    assert!(text_of(Permission::Read, "terraform").contains("-lock=false"));
}

#[test]
fn a_key_that_is_switched_off_opens_nothing() {
    for setup in of(ADDRESSES[0], Permission::None, "", Some(&secret())) {
        assert_eq!(setup.kind, SetupKind::Text, "{}", setup.tool);
        assert!(setup.text.contains("switched off") && setup.text.lines().all(|line| line.starts_with('#')));
    }
}

/// What a person put into the prefix stays text: nothing of it begins a line, where a file has a line for each setting.
#[test]
fn a_prefix_cannot_break_out() {
    all(|_, prefix, setup| {
        let Setup { tool, kind, text, .. } = setup;
        for line in text.lines().map(str::trim_start) {
            assert!(
                !["echo pwned", "print('pwned", "EOF", "${pwned}"]
                    .iter()
                    .any(|start| line.starts_with(start)),
                "{tool}: {prefix:?}: {}",
                **text
            );
            assert!(
                !line.contains(['\u{1b}', '\u{202e}']) || *kind == SetupKind::Bookmark,
                "{tool}: {prefix:?}: {}",
                **text
            );
        }
        if *kind == SetupKind::ConfigFile {
            // The file is the same for every prefix; the commands are comments.
            let (file, then) = text.split_once("\n# Then\n").unwrap();
            assert!(!file.contains("pwned"), "{tool}: {}", **text);
            assert!(then.lines().all(|line| line.starts_with("# ")), "{tool}: {}", **text);
        }
        if *kind == SetupKind::Shell {
            // The bash that checks the text runs nothing of it.
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
    for permission in Permission::ALL {
        for setup in of(ADDRESSES[0], *permission, &long, Some(&secret())) {
            assert_eq!(setup.text.capacity(), room, "{} has {} bytes", setup.tool, setup.text.len());
        }
    }
}

#[test]
fn addresses_are_taken_apart_rightly() {
    let prefix = KeyPrefix::parse("ab").unwrap();
    let parts = |address: &str| {
        let key = S3Setup {
            s3_address: address,
            region: "us-east-1",
            bucket: None,
            prefix: &prefix,
            access_key: CredentialId::from_entropy([7; 16]),
            secret: None,
            permission: Permission::Read,
        };
        (key.host().to_owned(), key.port(), key.authority().to_owned(), key.place())
    };
    let place = || "BUCKET/ab/".to_owned();
    assert_eq!(
        parts("https://s3.example.org/"),
        ("s3.example.org".into(), 443, "s3.example.org".into(), place())
    );
    assert_eq!(parts("http://10.0.0.1:9000"), ("10.0.0.1".into(), 9000, "10.0.0.1:9000".into(), place()));
    assert_eq!(parts("https://[2001:db8::1]"), ("2001:db8::1".into(), 443, "[2001:db8::1]".into(), place()));
    assert_eq!(parts("http://[::1]:80"), ("::1".into(), 80, "[::1]:80".into(), place()));
}

#[test]
fn filezilla_needs_tls_and_cyberduck_does_not() {
    let secret = secret();
    let find = |address: &str, tool: &str| {
        of(address, Permission::ReadWrite, "", Some(&secret))
            .into_iter()
            .find(|setup| setup.tool == tool)
            .unwrap()
    };
    assert!(find("http://nas:9000", "filezilla").text.contains("TLS only"));
    assert!(find("https://nas:9443", "filezilla").text.contains("9443"));
    assert_eq!(find("http://nas:9000", "cyberduck").file_name, Some("portcullis.cyberduckprofile"));
    assert_eq!(find("https://nas:9443", "cyberduck").file_name, Some("portcullis.duck"));
}

#[test]
fn cyberducks_bookmark_is_a_property_list() {
    let known = secret();
    for prefix in ["", "a & b/<c>", "ünï/"] {
        let found = of(ADDRESSES[2], Permission::Read, prefix, Some(&known));
        let text = &found.iter().find(|setup| setup.tool == "cyberduck").unwrap().text;
        let print = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.argv[1].encode())))";
        let told = Command::new("python3").args(["-c", print, text.as_str()]).output().unwrap();
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(told["Protocol"], "s3");
        assert_eq!(told["Hostname"], "2001:db8::1");
        assert_eq!(told["Port"], "9443");
        assert_eq!(told["Username"], CredentialId::from_entropy([7; 16]).as_str());
        let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
        assert_eq!(told["Path"], format!("/usr-10001-itm-00001-nas/{prefix}{slash}"));
        assert_eq!(told["Readonly"], "true");
        assert_eq!(told["Custom"]["s3.bucket.virtualhost.disable"], "true");
    }
}

#[test]
fn a_key_for_several_buckets_says_where_one_is_to_be_named() {
    let (known, prefix) = (secret(), KeyPrefix::default());
    for permission in [Permission::Read, Permission::Write, Permission::ReadWrite] {
        let key = S3Setup {
            s3_address: ADDRESSES[0],
            region: "us-east-1",
            bucket: None,
            prefix: &prefix,
            access_key: CredentialId::from_entropy([7; 16]),
            secret: Some(&known),
            permission,
        };
        for setup in for_s3(&key).iter().filter(|setup| setup.kind != SetupKind::Text) {
            let asks = setup.text.contains("Put the name of a bucket in place of BUCKET");
            assert_eq!(asks, setup.kind != SetupKind::Bookmark, "{}: {}", setup.tool, *setup.text);
            assert_eq!(setup.text.matches("BUCKET").count() > 1, asks, "{}: {}", setup.tool, *setup.text);
        }
    }
}
