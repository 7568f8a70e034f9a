//! Mail: a file is an attachment, its folder stands in the address it is sent to.

use super::super::SetupKind;
use super::super::place::Rights;
use super::super::quote::{Language, Line, Quoted, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;
use super::place::{Address, Off};

/// How mail is handed in: a door, and whether it is TLS from its first byte.
#[derive(Clone, Copy)]
struct Way<'a> {
    address: Address<'a>,
    implicit: bool,
}

impl FileSetup<'_> {
    fn ways(&self) -> impl Iterator<Item = Way<'_>> {
        let implicit = self.doors.smtps.as_deref().map(|address| (address, true));
        let asked = self.doors.smtp.as_deref().map(|address| (address, false));
        let way = |(address, implicit)| Way { address: Address::of(address), implicit };
        implicit.into_iter().chain(asked).map(way)
    }

    /// The tag of an address that leads to the folder of the key: nothing for its top.
    fn tag(&self) -> String {
        self.folder().trim_matches('/').to_owned()
    }

    /// Whether the tag can stand in an address as it is (RFC 5321, section 4.1.2: a dot-string).
    fn is_tag(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_/.=".contains(c);
        let tag = self.tag();
        tag.chars().all(plain) && !tag.contains("..") && !tag.ends_with('.')
    }

    /// Where to send: the key's own folder, or one below it.
    fn recipient(&self, below: &str) -> String {
        let tag = self.tag();
        let slash = if tag.is_empty() || below.is_empty() { "" } else { "/" };
        let plus = if tag.is_empty() && below.is_empty() { "" } else { "+" };
        format!("files{plus}{tag}{slash}{below}@{}", self.doors.mail_domain)
    }

    /// Who a message says it is from; nothing is ever sent there.
    fn sender(&self) -> String {
        format!("files@{}", self.doors.mail_domain)
    }
}

/// The door to take, or why there is none for this key.
fn way<'a>(s: &'a FileSetup<'_>, out: &mut Text) -> Result<Way<'a>, Draft> {
    if s.rights() == Rights::Read {
        put!(
            out,
            "# This key reads only: a message with it is refused. Mail needs a key with write or read_write."
        );
        return Err(Draft::NOTE);
    }
    let Some(way) = s.ways().next() else { return Err(FileSetup::put_off(out, Off::Mail)) };
    if !s.is_tag() {
        put!(
            out,
            "# The prefix of this key cannot stand in an address. With one that ends with / or without a prefix"
        );
        put!(out, "# mail arrives at the top of what the key reaches.");
        return Err(Draft::NOTE);
    }
    Ok(way)
}

pub(super) fn program(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if let Err(draft) = way(s, out) {
        return draft;
    }
    put!(out, "Outgoing mail (SMTP) of a mail program, scanner or copier");
    for way in s.ways() {
        put!(out, "");
        put!(out, "Server:         {}", Line(way.address.host));
        put!(out, "Port:           {}", way.address.port);
        put!(out, "Security:       {}", if way.implicit { "SSL/TLS" } else { "STARTTLS" });
    }
    put!(out, "");
    put!(out, "Authentication: normal password");
    put!(out, "User name:      {}", Line(s.user));
    put!(out, "Password:       {}", Line(s.secret()));
    put!(out, "");
    put!(out, "Each attachment becomes a file. Send to:");
    put!(out, "  {}", Line(&s.recipient("")));
    put!(out, "or, into a folder:");
    put!(out, "  {}", Line(&s.recipient("invoices/2026")));
    s.put_bucket_hint(out, "");
    put!(out, "");
    put!(out, "Nothing is passed on from there: messages to other addresses are refused.");
    Draft::TEXT
}

pub(super) fn swaks(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let way = match way(s, out) {
        Ok(way) => way,
        Err(draft) => return draft,
    };
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    let file = format!("~/.swaks-{}", s.word());
    let tls = if way.implicit { "tls-on-connect" } else { "tls" };
    let sender = s.sender();
    let lines = [
        format_args!("server {}", Line(way.address.host)),
        format_args!("port {}", way.address.port),
        format_args!("{tls}"),
        format_args!("tls-verify"),
        format_args!("auth PLAIN"),
        format_args!("auth-user {}", Line(s.user)),
        format_args!("auth-password {}", Line(s.secret())),
        format_args!("auth-hide-password"),
        format_args!("from {}", Line(&sender)),
    ];
    FileSetup::put_file(out, &file, &lines);
    s.put_bucket_hint(out, "#");
    put!(out, "swaks --config {file} --to {} --attach @./file.txt --suppress-data", Shell(&s.recipient("")));
    Draft::SHELL
}

pub(super) fn msmtp(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let way = match way(s, out) {
        Ok(way) => way,
        Err(draft) => return draft,
    };
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    let file = format!("~/.msmtp-{}", s.word());
    let sender = s.sender();
    let lines = [
        format_args!("account default"),
        format_args!("host {}", Line(way.address.host)),
        format_args!("port {}", way.address.port),
        format_args!("tls on"),
        format_args!("tls_starttls {}", if way.implicit { "off" } else { "on" }),
        format_args!("auth plain"),
        format_args!("user {}", Line(s.user)),
        // In quotes, since one that somebody chose may have blanks.
        format_args!("password \"{}\"", Line(s.secret())),
        format_args!("from {}", Line(&sender)),
    ];
    FileSetup::put_file(out, &file, &lines);
    s.put_bucket_hint(out, "#");
    put!(out, "{{ printf 'Subject: file.txt\\nMIME-Version: 1.0\\nContent-Transfer-Encoding: base64\\n'");
    put!(out, "  printf 'Content-Type: application/octet-stream\\n'");
    put!(out, "  printf 'Content-Disposition: attachment; filename=\"file.txt\"\\n\\n'");
    put!(out, "  base64 < ./file.txt; }} | msmtp -C {file} {}", Shell(&s.recipient("")));
    Draft::SHELL
}

fn python(text: &str) -> Quoted<'_> {
    Quoted(Language::PythonOrGo, text)
}

pub(super) fn smtplib(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let way = match way(s, out) {
        Ok(way) => way,
        Err(draft) => return draft,
    };
    put!(out, "# Into portcullis.py");
    put!(out, "# Then");
    put!(out, "# chmod 600 portcullis.py");
    put!(out, "# python3 portcullis.py");
    put!(out, "import smtplib");
    put!(out, "import ssl");
    put!(out, "from email.message import EmailMessage");
    put!(out, "");
    s.put_bucket_hint(out, "#");
    put!(out, "message = EmailMessage()");
    put!(out, "message[\"From\"] = {}", python(&s.sender()));
    put!(out, "message[\"To\"] = {}", python(&s.recipient("")));
    put!(out, "message[\"Subject\"] = \"file.txt\"");
    put!(out, "with open(\"file.txt\", \"rb\") as file:");
    put!(
        out,
        "    message.add_attachment(file.read(), maintype=\"application\", subtype=\"octet-stream\", filename=\"file.txt\")"
    );
    let (host, port) = (python(way.address.host), way.address.port);
    if way.implicit {
        put!(out, "with smtplib.SMTP_SSL({host}, {port}, context=ssl.create_default_context()) as server:");
    } else {
        put!(out, "with smtplib.SMTP({host}, {port}) as server:");
        put!(out, "    server.starttls(context=ssl.create_default_context())");
    }
    put!(out, "    server.login({}, {})", python(s.user), python(s.secret()));
    put!(out, "    server.send_message(message)");
    Draft::file(SetupKind::Code, "portcullis.py")
}
