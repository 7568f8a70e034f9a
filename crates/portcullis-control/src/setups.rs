//! Set-ups for the tools that people have, ready to paste, with the real values and right for the key at hand.
//!
//! A tool looks at more than it has to: before an upload it asks whether the file is there, after it whether it arrived. Under
//! a write-only key each of these questions is refused, so its set-ups have the flags under which the tool does not ask; a tool
//! that has no such flags gets a line that says so. What stands in a set-up and came from a person is quoted
//! for the language of the set-up.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis_domain::{Action, CredentialId, KeyPrefix, Permission, Secret};

/// What a set-up is made of. No `Debug`: it holds the secret.
#[derive(Clone, Copy)]
pub struct S3Setup<'a> {
    /// The address of the S3 door, such as `https://s3.example.org`.
    pub s3_address: &'a str,
    /// The region that tools are to name.
    pub region: &'a str,
    /// The bucket; none for a key that opens several.
    pub bucket: Option<&'a str>,
    /// The only part of the bucket that the key reaches.
    pub prefix: &'a KeyPrefix,
    /// Identifies the key.
    pub access_key: CredentialId,
    /// Authenticates it.
    pub secret: &'a Secret,
    /// What the key allows.
    pub permission: Permission,
}

/// The set-up of one tool.
pub struct Setup {
    /// The tool's name, in lower case: `rclone`, `aws`, ….
    pub tool: &'static str,
    /// What to paste. Holds the secret.
    pub text: String,
}

/// The set-ups for an S3 key, one for each tool.
#[must_use]
pub fn for_s3(setup: &S3Setup<'_>) -> Vec<Setup> {
    type Write = fn(&S3Setup<'_>) -> String;
    let tools: [(&'static str, Write); 7] = [
        ("rclone", rclone),
        ("aws", aws),
        ("s3cmd", s3cmd),
        ("restic", restic),
        ("s3fs", s3fs),
        ("boto3", boto3),
        ("curl", curl),
    ];
    tools.map(|(tool, text)| Setup { tool, text: text(setup) }).into()
}

/// The set-ups for a REST key. `bearer` is the whole token.
#[must_use]
pub fn for_rest(bearer: &str) -> Vec<Setup> {
    let bearer = shell(bearer);
    vec![
        Setup {
            tool: "portcullis",
            text: format!(
                "# The address of this server, as you reach it\n\
                 export PORTCULLIS_SERVER=http://127.0.0.1:8080\n\
                 export PORTCULLIS_API_KEY={bearer}\n\
                 portcullis storage list\n"
            ),
        },
        Setup {
            tool: "curl",
            text: format!(
                "# The address of this server, as you reach it\n\
                 PORTCULLIS_SERVER=http://127.0.0.1:8080\n\
                 PORTCULLIS_API_KEY={bearer}\n\
                 curl -fsS -H \"Authorization: Bearer $PORTCULLIS_API_KEY\" \"$PORTCULLIS_SERVER/api/v1/me\"\n"
            ),
        },
    ]
}

impl S3Setup<'_> {
    fn reads(&self) -> bool {
        self.permission.permits(Action::Get)
    }

    fn writes(&self) -> bool {
        self.permission.permits(Action::Put)
    }

    fn bucket(&self) -> &str {
        self.bucket.unwrap_or("BUCKET")
    }

    /// Bucket and prefix: `bucket/` or `bucket/a/b/`.
    fn place(&self) -> String {
        format!("{}/{}", self.bucket(), self.prefix)
    }

    /// The address without its scheme.
    fn host(&self) -> &str {
        let address = self.s3_address.trim_end_matches('/');
        address.split_once("://").map_or(address, |(_, host)| host)
    }

    fn is_https(&self) -> bool {
        self.s3_address.starts_with("https://")
    }

    fn address(&self) -> &str {
        self.s3_address.trim_end_matches('/')
    }

    /// The two halves of the credential and the region, as variables that several tools read.
    fn environment(&self) -> String {
        format!(
            "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_DEFAULT_REGION={}\n",
            self.access_key,
            shell(self.secret.reveal()),
            shell(self.region),
        )
    }
}

fn rclone(s: &S3Setup<'_>) -> String {
    let mut text = format!(
        "# Into ~/.config/rclone/rclone.conf\n\
         [portcullis]\n\
         type = s3\n\
         provider = Other\n\
         access_key_id = {}\n\
         secret_access_key = {}\n\
         endpoint = {}\n\
         region = {}\n\
         force_path_style = true\n\
         no_check_bucket = true\n",
        s.access_key,
        s.secret.reveal(),
        s.address(),
        s.region,
    );
    if !s.reads() {
        text.push_str("no_head = true\nno_head_object = true\n");
    }
    let place = shell(&format!("portcullis:{}", s.place()));
    text.push_str("\n# Then\n");
    text.push_str(&match (s.reads(), s.writes()) {
        (true, true) => format!("# rclone copy ./folder {place}\n# rclone check ./folder {place}\n"),
        (true, false) => format!("# rclone copy {place} ./folder\n"),
        // Without a listing nothing can be compared: every file is sent.
        (false, true) => format!("# rclone copy --no-check-dest --no-traverse ./folder {place}\n"),
        (false, false) => SWITCHED_OFF.to_owned(),
    });
    text
}

fn aws(s: &S3Setup<'_>) -> String {
    let place = shell(&format!("s3://{}", s.place()));
    let call = format!("aws --endpoint-url {} s3", shell(s.address()));
    let commands = match (s.reads(), s.writes()) {
        (true, true) => {
            format!("{call} ls {place}\n{call} cp ./file {place}\n{call} sync ./folder {place}\n")
        }
        (true, false) => format!("{call} ls {place}\n{call} sync {place} ./folder\n"),
        (false, true) => format!(
            "# A write-only key cannot list: cp sends files, sync would ask what is there\n\
             {call} cp ./file {place}\n{call} cp --recursive ./folder {place}\n"
        ),
        (false, false) => SWITCHED_OFF.to_owned(),
    };
    format!("{}{commands}", s.environment())
}

fn s3cmd(s: &S3Setup<'_>) -> String {
    let place = shell(&format!("s3://{}", s.place()));
    let commands = match (s.reads(), s.writes()) {
        (true, true) => {
            format!("# s3cmd ls {place}\n# s3cmd put ./file {place}\n# s3cmd sync ./folder/ {place}\n")
        }
        (true, false) => format!("# s3cmd ls {place}\n# s3cmd sync {place} ./folder/\n"),
        (false, true) => format!(
            "# A write-only key cannot list: put sends files, sync would ask what is there\n\
             # s3cmd put ./file {place}\n# s3cmd put --recursive ./folder/ {place}\n"
        ),
        (false, false) => SWITCHED_OFF.to_owned(),
    };
    format!(
        "# Into ~/.s3cfg\n\
         [default]\n\
         access_key = {}\n\
         secret_key = {}\n\
         host_base = {host}\n\
         host_bucket = {host}\n\
         use_https = {}\n\
         bucket_location = {}\n\
         signature_v2 = False\n\
         \n# Then\n{commands}",
        s.access_key,
        s.secret.reveal(),
        if s.is_https() { "True" } else { "False" },
        s.region,
        host = s.host(),
    )
}

fn restic(s: &S3Setup<'_>) -> String {
    if !s.reads() {
        return "# restic reads its repository while it writes: it needs a key with read_write.\n\
                # With a write-only key, send files with rclone or aws.\n"
            .to_owned();
    }
    let repository = shell(&format!("s3:{}/{}restic", s.address(), s.place()));
    let commands = if s.writes() {
        "restic init\nrestic backup ./folder\nrestic snapshots\n"
    } else {
        "# The key may read and not write: restic must not lock the repository\n\
         restic --no-lock snapshots\nrestic --no-lock restore latest --target ./restored\n"
    };
    format!("{}export RESTIC_REPOSITORY={repository}\n{commands}", s.environment())
}

fn s3fs(s: &S3Setup<'_>) -> String {
    if !s.reads() {
        return "# A mounted folder has to list what is in it: s3fs needs a key with read or read_write.\n\
                # With a write-only key, send files with rclone or aws.\n"
            .to_owned();
    }
    if !s.prefix.is_empty() {
        let place = shell(&format!("portcullis:{}", s.place()));
        let flags = if s.writes() { "--vfs-cache-mode writes" } else { "--read-only" };
        return format!(
            "# s3fs looks at the whole bucket when it starts, and this key reaches only a part of it.\n\
             # With the set-up for rclone in place, this mounts that part:\n\
             mkdir -p ./mounted\n\
             rclone mount {flags} {place} ./mounted --daemon\n"
        );
    }
    format!(
        "(umask 077; printf '%s\\n' {} > ~/.passwd-portcullis)\n\
         mkdir -p ./mounted\n\
         s3fs {} ./mounted -o passwd_file=\"$HOME/.passwd-portcullis\" -o url={} -o use_path_request_style -o endpoint={}{}\n",
        shell(&format!("{}:{}", s.access_key, s.secret.reveal())),
        shell(s.bucket()),
        shell(s.address()),
        shell(s.region),
        if s.writes() { "" } else { " -o ro" },
    )
}

fn boto3(s: &S3Setup<'_>) -> String {
    let bucket = python(s.bucket());
    let key = python(&format!("{}file.txt", s.prefix));
    let list = format!(
        "for page in s3.get_paginator(\"list_objects_v2\").paginate(Bucket={bucket}, Prefix={}):\n    \
         for item in page.get(\"Contents\", []):\n        print(item[\"Key\"], item[\"Size\"])\n",
        python(s.prefix.as_str())
    );
    let upload = format!("s3.upload_file(\"file.txt\", {bucket}, {key})\n");
    let download = format!("s3.download_file({bucket}, {key}, \"file.txt\")\n");
    let commands = match (s.reads(), s.writes()) {
        (true, true) => format!("{upload}{list}"),
        (true, false) => format!("{list}{download}"),
        (false, true) => upload,
        (false, false) => SWITCHED_OFF.to_owned(),
    };
    format!(
        "import boto3\n\
         from botocore.config import Config\n\
         \n\
         s3 = boto3.client(\n    \
         \"s3\",\n    \
         endpoint_url={},\n    \
         region_name={},\n    \
         aws_access_key_id={},\n    \
         aws_secret_access_key={},\n    \
         config=Config(s3={{\"addressing_style\": \"path\"}}),\n\
         )\n{commands}",
        python(s.address()),
        python(s.region),
        python(s.access_key.as_str()),
        python(s.secret.reveal()),
    )
}

fn curl(s: &S3Setup<'_>) -> String {
    // The path stays as it is but for what would end or change it.
    const PATH: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let base = format!("{}/{}/{}", s.address(), s.bucket(), utf8_percent_encode(s.prefix.as_str(), PATH));
    let file = shell(&format!("{base}file.txt"));
    let list_prefix = utf8_percent_encode(s.prefix.as_str(), NON_ALPHANUMERIC);
    let list = shell(&format!("{}/{}?list-type=2&prefix={list_prefix}", s.address(), s.bucket()));
    // An upload is signed without its hash, so that curl need not read the file twice.
    let call = format!(
        "curl -fsS --path-as-is --aws-sigv4 {} --user {} -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD'",
        shell(&format!("aws:amz:{}:s3", s.region)),
        shell(&format!("{}:{}", s.access_key, s.secret.reveal())),
    );
    match (s.reads(), s.writes()) {
        (true, true) => format!("{call} -T ./file.txt {file}\n{call} {list}\n"),
        (true, false) => format!("{call} {list}\n{call} -O {file}\n"),
        (false, true) => format!("{call} -T ./file.txt {file}\n"),
        (false, false) => SWITCHED_OFF.to_owned(),
    }
}

const SWITCHED_OFF: &str =
    "# The key is switched off (permission none): it opens nothing until it is given another permission.\n";

/// A word of a POSIX shell that is exactly this text, on one line: a set-up may hold it in a comment.
fn shell(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    // Dollar-single-quotes (POSIX.1-2024, section 2.2.4; bash, zsh and ksh have had them for long).
    let mut word = String::from("$'");
    for c in text.chars() {
        match c {
            '\\' | '\'' => word.extend(['\\', c]),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                word.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\{byte:03o}")));
            }
            c => word.push(c),
        }
    }
    word.push('\'');
    word
}

/// A string of Python that is exactly this text; JSON writes them alike.
fn python(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn with(permission: Permission, prefix: &str, check: impl Fn(&'static str, &str)) {
        let prefix = KeyPrefix::parse(prefix).unwrap();
        let secret = Secret::from_entropy(&[7; 32]);
        let setup = S3Setup {
            s3_address: "https://s3.example.org/",
            region: "us-east-1",
            bucket: Some("usr-10001-itm-00001-nas"),
            prefix: &prefix,
            access_key: CredentialId::from_entropy([7; 16]),
            secret: &secret,
            permission,
        };
        for Setup { tool, text } in for_s3(&setup) {
            check(tool, &text);
        }
    }

    #[test]
    fn each_has_the_real_values() {
        with(Permission::ReadWrite, "", |tool, text| {
            for value in
                [Secret::from_entropy(&[7; 32]).reveal(), CredentialId::from_entropy([7; 16]).as_str()]
            {
                assert!(text.contains(value), "{tool}: {text}");
            }
            assert!(
                text.contains("s3.example.org") && text.contains("usr-10001-itm-00001-nas"),
                "{tool}: {text}"
            );
            assert!(!text.contains("example.org//"), "{tool}: {text}");
        });
    }

    #[test]
    fn a_write_only_key_is_told_nothing_that_reads() {
        with(Permission::Write, "", |tool, text| {
            for reading in
                [" ls ", "snapshots", "list_objects", "list-type", "download", "check ./", "s3 sync"]
            {
                assert!(!text.contains(reading), "{tool}: {text}");
            }
            if tool == "rclone" {
                for flag in
                    ["no_head = true", "no_head_object = true", "no_check_bucket = true", "--no-check-dest"]
                {
                    assert!(text.contains(flag), "{flag}: {text}");
                }
            }
        });
    }

    #[test]
    fn a_reader_is_told_nothing_that_writes() {
        with(Permission::Read, "", |tool, text| {
            for writing in ["upload", " put ", "-T ", " init", "./folder portcullis:", "cp ./file"] {
                assert!(!text.contains(writing), "{tool}: {text}");
            }
        });
    }

    /// What a person put into the prefix stays text: nothing of it is run.
    #[test]
    fn a_prefix_cannot_break_out() {
        for nasty in [
            "'; echo pwned; '",
            "$(echo pwned)",
            "`echo pwned`",
            "a\necho pwned\n",
            "\"\"\"\nprint('x')",
            "\\'",
            "# ",
        ] {
            let quoted = shell(nasty);
            assert_eq!(quoted.lines().count(), 1, "{quoted}");
            let told = Command::new("bash").arg("-c").arg(format!("printf %s {quoted}")).output().unwrap();
            assert_eq!(String::from_utf8(told.stdout).unwrap(), nasty);
            with(Permission::ReadWrite, nasty, |tool, text| {
                // What is pasted into a file of another kind is the same for every prefix, and commands are comments there.
                if matches!(tool, "rclone" | "s3cmd") {
                    let (file, commands) = text.split_once("\n# Then\n").unwrap();
                    assert!(!file.contains("pwned"), "{tool}: {text}");
                    assert!(commands.lines().all(|line| line.starts_with('#')), "{tool}: {text}");
                }
            });
        }
        assert_eq!(python("a\"\n\\"), r#""a\"\n\\""#);
    }
}
