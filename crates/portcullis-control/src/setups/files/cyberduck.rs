//! Cyberduck: a bookmark. It does not hold the secret; Cyberduck asks for it and keeps it in the system's key chain.

use portcullis_domain::Channel;

use super::super::SetupKind;
use super::super::cyberduck::put_string;
use super::super::place::Rights;
use super::super::quote::Xml;
use super::super::text::{Draft, Text, put};
use super::FileSetup;
use super::place::{Address, FtpTls};

pub(super) fn write(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(out, "# Cyberduck looks at each file that it has sent: it needs a key with read or read_write.");
        put!(out, "# With a write-only key, send files with curl.");
        return Draft::NOTE;
    }
    if !s.is_path() || !Xml::can_say(&s.folder()) {
        return s.put_no_path(out);
    }
    let Some((protocol, address)) = way(s) else {
        put!(
            out,
            "# Cyberduck speaks SFTP, and FTP that begins without TLS. Both are switched off on this server."
        );
        put!(
            out,
            "# Whoever runs it switches SFTP on with the setting --sftp, for example: --sftp 0.0.0.0:2022"
        );
        return Draft::NOTE;
    };
    put!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    put!(
        out,
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">"
    );
    put!(out, "<plist version=\"1.0\">");
    put!(out, "<dict>");
    put_string(out, "Protocol", protocol);
    put_string(out, "Nickname", &format!("Portcullis {}", s.bucket.unwrap_or(s.user)));
    put_string(out, "Hostname", address.host);
    put_string(out, "Port", &address.port.to_string());
    put_string(out, "Username", s.user);
    put_string(out, "Path", &path(s));
    if s.rights() == Rights::Read {
        put_string(out, "Readonly", "true");
    }
    put!(out, "</dict>");
    put!(out, "</plist>");
    Draft::file(SetupKind::Bookmark, "portcullis.duck")
}

/// Its word for the protocol; `ftps` is what asks for TLS after a beginning without.
fn way<'a>(s: &'a FileSetup<'_>) -> Option<(&'static str, Address<'a>)> {
    if s.channel == Channel::Http {
        return Some((if s.web().is_https() { "davs" } else { "dav" }, s.web()));
    }
    let sftp = s.sftp().map(|address| ("sftp", address));
    sftp.or_else(|| match s.ftp() {
        Some(way) if way.tls == FtpTls::Explicit => Some(("ftps", way.address)),
        Some(way) if way.tls == FtpTls::Plain => Some(("ftp", way.address)),
        Some(_) | None => None,
    })
}

/// Below one bucket the folder; for several the top, which lists them.
fn path(s: &FileSetup<'_>) -> String {
    let dav = if s.channel == Channel::Http { "/dav" } else { "" };
    let folder = if s.bucket.is_some() { s.folder() } else { "/".to_owned() };
    format!("{dav}{folder}")
}
