//! Tools of SSH: OpenSSH's sftp, sshfs, and curl over SFTP.

use super::super::place::Rights;
use super::super::quote::{Curl, Line, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;
use super::ftp::put_transfers;
use super::place::{Address, Off};

fn door<'a>(s: &'a FileSetup<'_>, out: &mut Text) -> Result<Address<'a>, Draft> {
    let Some(address) = s.sftp() else { return Err(FileSetup::put_off(out, Off::Sftp)) };
    if s.is_path() { Ok(address) } else { Err(s.put_no_path(out)) }
}

pub(super) fn sftp(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let address = match door(s, out) {
        Ok(address) => address,
        Err(draft) => return draft,
    };
    s.put_known_hosts(out);
    s.put_bucket_hint(out, "#");
    if s.public_keys {
        put!(out, "# The private halves of the registered public keys open it; sftp takes them by itself");
    } else {
        put!(out, "# sftp asks for the password: the secret of this key");
    }
    let folder = s.folder();
    put!(
        out,
        "sftp -P {} -o User={} {}",
        address.port,
        Shell(s.user),
        // The path stands behind the host, so that an IPv6 address needs its brackets.
        Shell(&format!("{}:{folder}", bracketed(address.host)))
    );
    put!(out, "# Then, at its prompt");
    if s.rights() != Rights::Read {
        put!(out, "#   put file.txt");
    }
    if s.rights() == Rights::Both {
        put!(out, "#   reput file.txt");
    }
    if s.rights() != Rights::Write {
        put!(out, "#   ls");
        put!(out, "#   reget file.txt");
    }
    Draft::SHELL
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

pub(super) fn sshfs(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(out, "# A mounted folder has to list what is in it: sshfs needs a key with read or read_write.");
        put!(out, "# With a write-only key, send files with sftp or curl.");
        return Draft::NOTE;
    }
    let address = match door(s, out) {
        Ok(address) => address,
        Err(draft) => return draft,
    };
    s.put_known_hosts(out);
    s.put_bucket_hint(out, "#");
    let file = format!("~/.sshfs-{}", s.word());
    if !s.public_keys {
        FileSetup::put_file(out, &file, &[format_args!("{}", Line(s.secret()))]);
    }
    put!(out, "mkdir -p ./mounted");
    put!(
        out,
        "sshfs {} ./mounted -p {} -o reconnect{}{}",
        Shell(&format!("{}@{}:{}", s.user, bracketed(address.host), s.folder())),
        address.port,
        if s.rights() == Rights::Read { " -o ro" } else { "" },
        if s.public_keys { String::new() } else { format!(" -o password_stdin < {file}") },
    );
    put!(out, "# To end it: fusermount3 -u ./mounted");
    Draft::SHELL
}

pub(super) fn curl(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let address = match door(s, out) {
        Ok(address) => address,
        Err(draft) => return draft,
    };
    s.put_known_hosts(out);
    let file = format!("~/.curl-{}", s.word());
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    FileSetup::put_file(out, &file, &[format_args!("user = \"{}:{}\"", Curl(s.user), Curl(s.secret()))]);
    s.put_bucket_hint(out, "#");
    let call = format!("curl -fsS -K {file}");
    let at = |name: &str| format!("{}{}", address.whole, s.in_address(name));
    put_transfers(s, out, &call, &at);
    Draft::SHELL
}
