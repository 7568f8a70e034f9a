//! rclone: a section of its configuration file, and the commands for this key.

use super::place::Rights;
use super::quote::{Line, Shell};
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    if !s.is_path() {
        s.put_no_path(out, "rclone");
        return Draft::NOTE;
    }
    put!(out, "# Into ~/.config/rclone/rclone.conf");
    put!(out, "[portcullis]");
    put!(out, "type = s3");
    put!(out, "provider = Other");
    put!(out, "access_key_id = {}", s.access_key);
    put!(out, "secret_access_key = {}", Line(s.secret()));
    put!(out, "endpoint = {}", Line(s.address()));
    put!(out, "region = {}", Line(s.region));
    put!(out, "force_path_style = true");
    put!(out, "list_url_encode = true");
    put!(out, "no_check_bucket = true");
    if s.rights() == Rights::Write {
        // It would look at a file before and after sending it.
        put!(out, "no_head = true");
        put!(out, "no_head_object = true");
    }
    put!(out, "");
    s.put_bucket_hint(out, "#");
    put!(out, "# Then");
    put!(out, "# chmod 600 ~/.config/rclone/rclone.conf");
    let place = format!("portcullis:{}", s.place());
    let place = Shell(&place);
    match s.rights() {
        Rights::Both => {
            put!(out, "# rclone copy ./folder {place}");
            put!(out, "# rclone check ./folder {place}");
        }
        Rights::Read => put!(out, "# rclone copy {place} ./folder"),
        // Without a listing nothing can be compared: every file is sent.
        Rights::Write => put!(out, "# rclone copy --no-check-dest --no-traverse ./folder {place}"),
    }
    Draft::file(SetupKind::ConfigFile, "rclone.conf")
}
