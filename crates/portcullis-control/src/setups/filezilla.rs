//! FileZilla Pro: what to fill in, since it has no file for one site that other programs could write.

use super::place::Rights;
use super::quote::Line;
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(out, "# FileZilla Pro lists a folder when it connects: it needs a key with read or read_write.");
        put!(out, "# With a write-only key, send files with rclone or aws.");
        return Draft::NOTE;
    }
    if !s.is_https() {
        put!(out, "# FileZilla Pro speaks S3 over TLS only, and this server's address begins with http://.");
        put!(out, "# Put a certificate in front of the server, or use another tool.");
        return Draft::NOTE;
    }
    if !s.is_path() || s.prefix.as_str().chars().any(char::is_control) {
        s.put_no_path(out, "FileZilla Pro");
        return Draft::NOTE;
    }
    put!(out, "File > Site Manager > New site");
    put!(out, "Protocol:                  S3 - Amazon Simple Storage Service");
    put!(out, "Host:                      {}", Line(s.host()));
    put!(out, "Port:                      {}", s.port());
    put!(out, "Logon Type:                Normal");
    put!(out, "Access key ID:             {}", s.access_key);
    put!(out, "Secret access key:         {}", Line(s.secret()));
    if let Some(bucket) = s.bucket {
        put!(out, "Advanced, Default remote directory: /{bucket}/{}", s.folder());
    }
    Draft { kind: SetupKind::Text, file_name: None }
}
