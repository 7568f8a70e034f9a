//! Windows: a drive letter over WebDAV.

use super::super::place::Rights;
use super::super::quote::Line;
use super::super::text::{Draft, Text, put};
use super::FileSetup;

pub(super) fn write(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(
            out,
            "# Explorer looks at each file before and after it sends it: it needs a key with read or read_write."
        );
        put!(out, "# With a write-only key, send files with curl.");
        return Draft::NOTE;
    }
    if !s.web().is_https() {
        put!(out, "# Windows sends a password over TLS only, and this server's address begins with http://.");
        put!(out, "# Put a certificate in front of the server, or use another tool.");
        return Draft::NOTE;
    }
    if !s.is_path() {
        return s.put_no_path(out);
    }
    let url = format!("{}/dav{}", s.web().whole, s.in_address(""));
    let url = url.trim_end_matches('/');
    put!(out, "Explorer: This PC > Map network drive");
    put!(out, "Folder:                    {}", Line(url));
    put!(out, "Connect using different credentials: yes");
    put!(out, "User name:                 {}", Line(s.user));
    put!(out, "Password:                  {}", Line(s.secret()));
    put!(out, "");
    put!(out, "At a command prompt; it asks for the password:");
    put!(out, "net use * \"{}\" /user:{} * /persistent:yes", Line(url), Line(s.user));
    s.put_bucket_hint(out, "");
    put!(out, "");
    put!(out, "Windows reads files of up to 50 MB only, unless an administrator of the PC allows more:");
    put!(out, "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\WebClient\\Parameters ^");
    put!(out, "  /v FileSizeLimitInBytes /t REG_DWORD /d 4294967295 /f");
    put!(out, "net stop WebClient");
    put!(out, "net start WebClient");
    if s.rights() == Rights::Read {
        put!(out, "");
        put!(out, "The key reads only: what is saved to the drive is refused.");
    }
    Draft::TEXT
}
