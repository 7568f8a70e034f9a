//! macOS: a volume over WebDAV.

use super::super::place::Rights;
use super::super::quote::{Line, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;

pub(super) fn write(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(
            out,
            "# Finder looks at each file before and after it sends it: it needs a key with read or read_write."
        );
        put!(out, "# With a write-only key, send files with curl.");
        return Draft::NOTE;
    }
    if !s.is_path() {
        return s.put_no_path(out);
    }
    let url = format!("{}/dav{}", s.web().whole, s.in_address(""));
    put!(out, "Finder: Go > Connect to Server");
    put!(out, "Server address:            {}", Line(&url));
    put!(out, "Connect as:                Registered User");
    put!(out, "Name:                      {}", Line(s.user));
    put!(out, "Password:                  {}", Line(s.secret()));
    put!(out, "");
    put!(out, "In a terminal; it asks for the password:");
    let safe = if s.web().is_https() { "-s " } else { "" };
    put!(out, "mkdir -p ./mounted && mount_webdav -i {safe}{} ./mounted", Shell(&url));
    s.put_bucket_hint(out, "");
    if s.rights() == Rights::Read {
        put!(out, "");
        put!(out, "The key reads only: what is saved to the volume is refused.");
    }
    Draft::TEXT
}
