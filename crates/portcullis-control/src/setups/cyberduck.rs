//! Cyberduck: a bookmark, or for a server without TLS a connection profile, since a bookmark cannot ask for plain HTTP.
//!
//! Neither holds the secret: Cyberduck asks for it and keeps it in the system's key chain.

use super::place::Rights;
use super::quote::Xml;
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(
            out,
            "# Cyberduck lists a folder before it does anything in it: it needs a key with read or read_write."
        );
        put!(out, "# With a write-only key, send files with rclone or aws.");
        return Draft::NOTE;
    }
    if !s.is_path() || !Xml::can_say(s.prefix.as_str()) {
        put!(
            out,
            "# The prefix of this key has parts that Cyberduck would change. aws, boto3 and curl send it as it is."
        );
        return Draft::NOTE;
    }
    put!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    put!(
        out,
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">"
    );
    put!(out, "<plist version=\"1.0\">");
    put!(out, "<dict>");
    put_string(out, "Protocol", "s3");
    let file = if s.is_https() { bookmark(s, out) } else { profile(s, out) };
    put!(out, "</dict>");
    put!(out, "</plist>");
    Draft::file(SetupKind::Bookmark, file)
}

/// Below one bucket the path; for several the root, which lists them.
fn path(s: &S3Setup<'_>) -> String {
    s.bucket.map_or_else(|| "/".to_owned(), |bucket| format!("/{bucket}/{}", s.folder()))
}

fn nickname(s: &S3Setup<'_>) -> String {
    format!("Portcullis {}", s.bucket.unwrap_or(s.access_key.as_str()))
}

fn bookmark(s: &S3Setup<'_>, out: &mut Text) -> &'static str {
    put_string(out, "Nickname", &nickname(s));
    put_string(out, "Hostname", s.host());
    put_string(out, "Port", &s.port().to_string());
    put_string(out, "Username", s.access_key.as_str());
    put_string(out, "Path", &path(s));
    if s.rights() == Rights::Read {
        put_string(out, "Readonly", "true");
    }
    put!(out, "\t<key>Custom</key>");
    put!(out, "\t<dict>");
    put_string(out, "s3.bucket.virtualhost.disable", "true");
    put!(out, "\t</dict>");
    "portcullis.duck"
}

fn profile(s: &S3Setup<'_>, out: &mut Text) -> &'static str {
    // The vendor tells one profile from another: two keys need two.
    put_string(out, "Vendor", &format!("portcullis-{}", s.access_key));
    put_string(out, "Description", &nickname(s));
    put_string(out, "Default Nickname", &nickname(s));
    put_string(out, "Scheme", "http");
    put_string(out, "Default Hostname", s.host());
    put_string(out, "Default Port", &s.port().to_string());
    put_string(out, "Default Path", &path(s));
    put_string(out, "Region", s.region);
    // A profile has no user name: what to type shows in the empty field.
    put_string(out, "Username Placeholder", s.access_key.as_str());
    put_string(out, "Password Placeholder", "Secret key");
    put_string(out, "Authorization", "AWS4HMACSHA256");
    put!(out, "\t<key>Properties</key>");
    put!(out, "\t<array>");
    put!(out, "\t\t<string>s3.bucket.virtualhost.disable=true</string>");
    put!(out, "\t</array>");
    "portcullis.cyberduckprofile"
}

/// One setting of a property list.
pub(super) fn put_string(out: &mut Text, key: &str, value: &str) {
    put!(out, "\t<key>{}</key>\n\t<string>{}</string>", Xml(key), Xml(value));
}
