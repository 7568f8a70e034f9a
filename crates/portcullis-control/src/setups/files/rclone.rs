//! rclone: a section of its configuration file for each protocol, and the commands for this key.
//!
//! rclone keeps passwords in a form of its own, which it makes of what comes through standard input.

use super::super::place::Rights;
use super::super::quote::{Line, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;
use super::place::{FtpTls, Off};

/// A section of the configuration file: its name and its lines, in which the password is none.
fn put_section(s: &FileSetup<'_>, out: &mut Text, name: &str, lines: &[std::fmt::Arguments<'_>]) {
    put!(out, "# rclone keeps the password in a form of its own");
    put!(out, "PASS=$(rclone obscure - <<'END'");
    put!(out, "{}", Line(s.secret()));
    put!(out, "END");
    put!(out, ")");
    put!(out, "(umask 077; mkdir -p ~/.config/rclone; cat >> ~/.config/rclone/rclone.conf) <<'END'");
    put!(out, "");
    put!(out, "[{name}]");
    for line in lines {
        out.line(*line);
    }
    put!(out, "END");
    put!(out, "echo \"pass = $PASS\" >> ~/.config/rclone/rclone.conf");
    s.put_bucket_hint(out, "#");
}

fn put_calls(s: &FileSetup<'_>, out: &mut Text, name: &str) {
    let place = format!("{name}:{}", s.folder());
    let place = Shell(&place);
    match s.rights() {
        Rights::Both => {
            put!(out, "rclone copy ./folder {place}");
            put!(out, "rclone check --one-way ./folder {place}");
        }
        Rights::Read => {
            put!(out, "rclone lsf {place}");
            put!(out, "rclone copy {place} ./folder");
        }
        // Nothing can be compared: every file is sent.
        Rights::Write => put!(out, "rclone copy --no-check-dest --no-traverse ./folder {place}"),
    }
}

pub(super) fn webdav(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(
            out,
            "# Over WebDAV rclone looks at each file that it has sent, which a write-only key may not."
        );
        put!(out, "# With a write-only key, send files with curl, or make a key of the channel ftp or s3.");
        return Draft::NOTE;
    }
    if !s.is_path() {
        return s.put_no_path(out);
    }
    let url = format!("{}/dav", s.web().whole);
    put_section(
        s,
        out,
        "portcullis-dav",
        &[
            format_args!("type = webdav"),
            format_args!("url = {}", Line(&url)),
            format_args!("vendor = other"),
            format_args!("user = {}", Line(s.user)),
        ],
    );
    put_calls(s, out, "portcullis-dav");
    Draft::SHELL
}

pub(super) fn http(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(out, "# Over plain HTTP rclone only reads, and this key only writes.");
        put!(out, "# With a write-only key, send files with curl.");
        return Draft::NOTE;
    }
    put!(out, "# Over plain HTTP rclone only reads. The credentials hold in this shell and no longer.");
    put!(out, "LOGIN=$(tr -d '\\n' <<'END' | base64 | tr -d '\\n'");
    put!(out, "{}:{}", Line(s.user), Line(s.secret()));
    put!(out, "END");
    put!(out, ")");
    s.put_bucket_hint(out, "#");
    let url = format!("{}{}", s.web().whole, s.exact(""));
    put!(out, "export RCLONE_HTTP_URL={}", Shell(&url));
    put!(out, "export RCLONE_HTTP_HEADERS=\"Authorization,Basic $LOGIN\"");
    put!(out, "rclone lsf :http:");
    put!(out, "rclone copy :http: ./folder");
    Draft::SHELL
}

pub(super) fn ftp(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(
            out,
            "# Over FTP rclone looks for each file that it has sent in a listing, which a write-only key does not get."
        );
        put!(out, "# With a write-only key, send files with lftp or curl, or with rclone over SFTP.");
        return Draft::NOTE;
    }
    let Some(way) = s.ftp() else { return FileSetup::put_off(out, Off::Ftp) };
    if !s.is_path() {
        return s.put_no_path(out);
    }
    super::ftp::put_plain(way, out);
    let tls = match way.tls {
        FtpTls::Explicit => "explicit_tls = true",
        FtpTls::Implicit => "tls = true",
        FtpTls::Plain => "tls = false",
    };
    put_section(
        s,
        out,
        "portcullis-ftp",
        &[
            format_args!("type = ftp"),
            format_args!("host = {}", Line(way.address.host)),
            format_args!("port = {}", way.address.port),
            format_args!("user = {}", Line(s.user)),
            format_args!("{tls}"),
        ],
    );
    put_calls(s, out, "portcullis-ftp");
    Draft::SHELL
}

pub(super) fn sftp(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let Some(address) = s.sftp() else { return FileSetup::put_off(out, Off::Sftp) };
    if !s.is_path() {
        return s.put_no_path(out);
    }
    s.put_known_hosts(out);
    put_section(
        s,
        out,
        "portcullis-sftp",
        &[
            format_args!("type = sftp"),
            format_args!("host = {}", Line(address.host)),
            format_args!("port = {}", address.port),
            format_args!("user = {}", Line(s.user)),
            format_args!("shell_type = none"),
            format_args!("disable_hashcheck = true"),
            format_args!("set_modtime = {}", s.rights() != Rights::Write),
            format_args!("known_hosts_file = ~/.ssh/known_hosts"),
        ],
    );
    put_calls(s, out, "portcullis-sftp");
    Draft::SHELL
}
