//! What the writers ask of a key and of a door: where it leads, and what may be done there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis_domain::Action;

use super::super::SECRET_PLACEHOLDER;
use super::super::place::Rights;
use super::super::quote::{Line, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;

/// What stands for itself in an address (RFC 3986, section 2.3), and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What stands in the place of a bucket for a key that opens several.
const ANY_BUCKET: &str = "BUCKET";

/// An address, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Address<'a> {
    /// All of it, without a slash at its end.
    pub(super) whole: &'a str,
    scheme: &'a str,
    /// The host's name or IPv4 address, or its IPv6 address without brackets.
    pub(super) host: &'a str,
    /// The port, said or implied.
    pub(super) port: u16,
}

impl<'a> Address<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let whole = text.trim_end_matches('/');
        let (scheme, authority) = whole.split_once("://").unwrap_or(("", whole));
        let (host, said) = authority
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, Some(port.parse().ok()?))))
            .unwrap_or((authority, None));
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let usual = match scheme {
            "https" => 443,
            "ftp" => 21,
            "ftps" => 990,
            "sftp" => 22,
            "smtp" => 587,
            "smtps" => 465,
            _ => 80,
        };
        Self { whole, scheme, host, port: said.unwrap_or(usual) }
    }

    pub(super) fn is_https(self) -> bool {
        self.scheme == "https"
    }

    /// The host as OpenSSH keeps it with the keys that it knows.
    pub(super) fn known_host(self) -> String {
        if self.port == 22 { self.host.to_owned() } else { format!("[{}]:{}", self.host, self.port) }
    }
}

/// How FTP is reached, the safest way that there is.
#[derive(Clone, Copy)]
pub(super) struct FtpWay<'a> {
    pub(super) address: Address<'a>,
    pub(super) tls: FtpTls,
}

/// What protects a connection of FTP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FtpTls {
    /// TLS from the first byte.
    Implicit,
    /// TLS once the client asks for it.
    Explicit,
    /// Nothing.
    Plain,
}

/// A door that a tool needs and that is off.
#[derive(Clone, Copy)]
pub(super) enum Off {
    Ftp,
    Sftp,
    Mail,
}

impl FileSetup<'_> {
    pub(super) fn rights(&self) -> Rights {
        match (self.permission.permits(Action::Get), self.permission.permits(Action::Put)) {
            (true, true) => Rights::Both,
            (false, true) => Rights::Write,
            (true | false, false) => Rights::Read,
        }
    }

    /// The secret, or what stands for it.
    pub(super) fn secret(&self) -> &str {
        self.secret.map_or(SECRET_PLACEHOLDER, |secret| secret.reveal())
    }

    pub(super) fn web(&self) -> Address<'_> {
        Address::of(self.web_address)
    }

    /// FTP, if one of its doors is on: with TLS if it can be had.
    pub(super) fn ftp(&self) -> Option<FtpWay<'_>> {
        let explicit = self.doors.ftp.as_ref().filter(|door| door.tls);
        let explicit = explicit.map(|door| (door.address.as_str(), FtpTls::Explicit));
        let implicit = || self.doors.ftps.as_deref().map(|address| (address, FtpTls::Implicit));
        let plain = || self.doors.ftp.as_ref().map(|door| (door.address.as_str(), FtpTls::Plain));
        let (address, tls) = explicit.or_else(implicit).or_else(plain)?;
        Some(FtpWay { address: Address::of(address), tls })
    }

    pub(super) fn sftp(&self) -> Option<Address<'_>> {
        self.doors.sftp.as_ref().map(|door| Address::of(&door.address))
    }

    /// Where the key's files are in a tree of folders: `/`, `/name/`, or `/BUCKET/` for a key that opens several. A key for one storage
    /// has at its top what it reaches of it; a prefix that does not end a folder is sent to the folder of that name.
    pub(super) fn folder(&self) -> String {
        if self.bucket.is_none() {
            return format!("/{ANY_BUCKET}/");
        }
        match self.prefix.as_str().rsplit('/').next() {
            None | Some("") => "/".to_owned(),
            Some(rest) => format!("/{rest}/"),
        }
    }

    /// [`Self::folder`] and a name in it, as a path in an address.
    pub(super) fn in_address(&self, name: &str) -> String {
        utf8_percent_encode(&format!("{}{name}", self.folder()), PATH).to_string()
    }

    /// Bucket, prefix and name as plain HTTP names them: exactly.
    pub(super) fn exact(&self, name: &str) -> String {
        let prefix = self.prefix.as_str();
        let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
        let bucket = self.bucket.unwrap_or(ANY_BUCKET);
        utf8_percent_encode(&format!("/files/{bucket}/{prefix}{slash}{name}"), PATH).to_string()
    }

    /// Whether a tree of folders can show the folder under its own name.
    pub(super) fn is_path(&self) -> bool {
        let folder = self.folder();
        let name = folder.trim_matches('/');
        !matches!(name, "." | "..") && !name.chars().any(|c| c.is_control() || c == '%')
    }

    /// For a key that opens several buckets: which one is meant is for a person to say.
    pub(super) fn put_bucket_hint(&self, out: &mut Text, comment: &str) {
        if self.bucket.is_none() {
            put!(out, "{comment} Put the name of a bucket in place of {ANY_BUCKET}");
        }
    }

    /// Why a tool that works with folders is not for this key.
    pub(super) fn put_no_path(&self, out: &mut Text) -> Draft {
        put!(
            out,
            "# The prefix of this key cannot be the name of a folder. A key of the channel http sends it"
        );
        put!(out, "# as it is, with curl at /files/, and so does a key of the channel s3.");
        Draft::NOTE
    }

    /// That a door is off, and how it is switched on.
    pub(super) fn put_off(out: &mut Text, door: Off) -> Draft {
        let (name, setting) = match door {
            Off::Ftp => ("FTP", "--ftp 0.0.0.0:2121"),
            Off::Sftp => ("SFTP", "--sftp 0.0.0.0:2022"),
            Off::Mail => ("Mail", "--smtp 0.0.0.0:2587"),
        };
        put!(
            out,
            "# {name} is switched off on this server. Whoever runs it switches it on, for example with:"
        );
        put!(out, "# portcullis serve {setting}");
        Draft::NOTE
    }

    /// A file that only its owner reads, with these lines in it.
    pub(super) fn put_file(out: &mut Text, path: &str, lines: &[std::fmt::Arguments<'_>]) {
        put!(out, "(umask 077; cat > {path}) <<'END'");
        for line in lines {
            out.line(*line);
        }
        put!(out, "END");
    }

    /// The server's keys, where tools of SSH look for them: then they notice if another answers in its place.
    pub(super) fn put_known_hosts(&self, out: &mut Text) {
        let Some(door) = self.doors.sftp.as_ref().filter(|door| !door.host_keys.is_empty()) else { return };
        let host = Address::of(&door.address).known_host();
        put!(out, "# The keys of this server: if another answers in its place, the tool says so");
        put!(out, "(umask 077; mkdir -p ~/.ssh; cat >> ~/.ssh/known_hosts) <<'END'");
        for key in &door.host_keys {
            let line = key.to_string();
            let mut words = line.split(' ');
            let (kind, blob) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            put!(out, "{} {kind} {blob}", Line(&host));
        }
        put!(out, "END");
    }

    /// A word for a file of this key: user names hold nothing that a shell reads.
    pub(super) fn word(&self) -> impl std::fmt::Display {
        Shell(self.user)
    }
}
