//! davfs2: WebDAV as a folder of Linux.

use super::super::place::Rights;
use super::super::quote::{Curl, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;

pub(super) fn write(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(
            out,
            "# A mounted folder has to list what is in it: davfs2 needs a key with read or read_write."
        );
        put!(out, "# With a write-only key, send files with curl.");
        return Draft::NOTE;
    }
    if !s.is_path() {
        return s.put_no_path(out);
    }
    let url = format!("{}/dav{}", s.web().whole, s.in_address(""));
    s.put_bucket_hint(out, "#");
    put!(out, "# Only root reads this file");
    put!(out, "sudo tee -a /etc/davfs2/secrets > /dev/null <<'END'");
    // Quotes and escapes are those of curl's file.
    put!(out, "\"{}\" \"{}\" \"{}\"", Curl(&url), Curl(s.user), Curl(s.secret()));
    put!(out, "END");
    put!(out, "mkdir -p ./mounted");
    let read_only = if s.rights() == Rights::Read { "ro," } else { "" };
    put!(
        out,
        "sudo mount -t davfs -o {read_only}uid=\"$(id -u)\",gid=\"$(id -g)\" {} ./mounted",
        Shell(&url)
    );
    put!(out, "# To end it: sudo umount ./mounted");
    put!(out, "# It sends what was written when a file is closed, and the last of it when it ends");
    Draft::SHELL
}
