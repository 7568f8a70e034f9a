//! lftp, and curl over FTP.

use super::super::place::Rights;
use super::super::quote::{Curl, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;
use super::place::{FtpTls, FtpWay, Off};

/// A word of warning where nothing protects the connection.
pub(super) fn put_plain(way: FtpWay<'_>, out: &mut Text) {
    if way.tls == FtpTls::Plain {
        put!(out, "# This server's FTP has no TLS: user name, secret and files can be read on the way.");
    }
}

pub(super) fn lftp(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let Some(way) = s.ftp() else { return FileSetup::put_off(out, Off::Ftp) };
    if !s.is_path() {
        return s.put_no_path(out);
    }
    put_plain(way, out);
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    let file = format!("~/.lftp-{}", s.word());
    let force = way.tls != FtpTls::Plain;
    FileSetup::put_file(
        out,
        &file,
        &[
            format_args!("set ftp:ssl-allow {force}"),
            format_args!("set ftp:ssl-force {force}"),
            format_args!("set ftp:ssl-protect-data {force}"),
            // The same escapes as in curl's file.
            format_args!("open -u \"{},{}\" \"{}\"", Curl(s.user), Curl(s.secret()), Curl(way.address.whole)),
        ],
    );
    s.put_bucket_hint(out, "#");
    let there = s.folder();
    let call = |what: &str| format!("lftp -e {}", Shell(&format!("source {file}; {what}; bye")));
    let there = Lftp(&there).to_string();
    match s.rights() {
        Rights::Both => {
            put!(out, "{}", call(&format!("mirror -R ./folder {there}")));
            put!(out, "{}", call(&format!("ls {there}")));
        }
        Rights::Read => {
            put!(out, "{}", call(&format!("ls {there}")));
            put!(out, "{}", call(&format!("mirror {there} ./folder")));
        }
        Rights::Write => {
            put!(out, "{}", call(&format!("put -O {there} ./file.txt")));
            put!(out, "# A write-only key sees no files: all that are in the folder are sent each time");
            put!(out, "{}", call(&format!("mirror -R ./folder {there}")));
        }
    }
    Draft::SHELL
}

/// A word in double quotes of lftp.
struct Lftp<'a>(&'a str);

impl std::fmt::Display for Lftp<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", Curl(self.0))
    }
}

pub(super) fn curl(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let Some(way) = s.ftp() else { return FileSetup::put_off(out, Off::Ftp) };
    if !s.is_path() {
        return s.put_no_path(out);
    }
    put_plain(way, out);
    let file = format!("~/.curl-{}", s.word());
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    FileSetup::put_file(out, &file, &[format_args!("user = \"{}:{}\"", Curl(s.user), Curl(s.secret()))]);
    s.put_bucket_hint(out, "#");
    let tls = if way.tls == FtpTls::Explicit { " --ssl-reqd" } else { "" };
    let call = format!("curl -fsS{tls} -K {file}");
    let at = |name: &str| format!("{}{}", way.address.whole, s.in_address(name));
    put_transfers(s, out, &call, &at);
    Draft::SHELL
}

/// What curl does the same way over FTP and SFTP.
pub(super) fn put_transfers(s: &FileSetup<'_>, out: &mut Text, call: &str, at: &dyn Fn(&str) -> String) {
    let (file, folder) = (at("file.txt"), at(""));
    let (file, folder) = (Shell(&file), Shell(&folder));
    if s.rights() != Rights::Read {
        put!(out, "{call} -T ./file.txt {file}");
    }
    if s.rights() == Rights::Both {
        put!(out, "# After a break, this goes on where it ended");
        put!(out, "# {call} -C - -T ./file.txt {file}");
    }
    if s.rights() != Rights::Write {
        put!(out, "{call} {folder}");
        put!(out, "{call} -O {file}");
    }
}
