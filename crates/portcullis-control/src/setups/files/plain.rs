//! curl over HTTP: files by their exact names, and WebDAV.

use super::super::place::Rights;
use super::super::quote::{Curl, Shell};
use super::super::text::{Draft, Text, put};
use super::FileSetup;

/// The credentials in a file, and the beginning of a call.
fn put_credentials(s: &FileSetup<'_>, out: &mut Text) -> String {
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    let file = format!("~/.curl-{}", s.word());
    let user = format_args!("user = \"{}:{}\"", Curl(s.user), Curl(s.secret()));
    FileSetup::put_file(out, &file, &[user]);
    s.put_bucket_hint(out, "#");
    format!("curl -fsS --path-as-is -K {file}")
}

pub(super) fn curl(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    let call = put_credentials(s, out);
    let at = |name: &str| format!("{}{}", s.web().whole, s.exact(name));
    let (file, folder) = (at("file.txt"), at(""));
    let (file, folder) = (Shell(&file), Shell(&folder));
    if s.rights() != Rights::Read {
        put!(out, "{call} -T ./file.txt {file}");
    }
    if s.rights() != Rights::Write {
        put!(out, "{call} -H 'Accept: application/json' {folder}");
        put!(out, "{call} -O {file}");
        put!(out, "# After a break, this goes on where it ended");
        put!(out, "# {call} -C - -O {file}");
    }
    Draft::SHELL
}

pub(super) fn curl_dav(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if !s.is_path() {
        return s.put_no_path(out);
    }
    let call = put_credentials(s, out);
    let at = |name: &str| format!("{}/dav{}", s.web().whole, s.in_address(name));
    let (file, folder, new) = (at("file.txt"), at(""), at("folder/"));
    let (file, folder, new) = (Shell(&file), Shell(&folder), Shell(&new));
    if s.rights() != Rights::Read {
        put!(out, "{call} -X MKCOL {new}");
        put!(out, "{call} -T ./file.txt {file}");
    }
    if s.rights() != Rights::Write {
        put!(out, "{call} -X PROPFIND -H 'Depth: 1' {folder}");
        put!(out, "{call} -O {file}");
    }
    if s.rights() == Rights::Both {
        let other = at("renamed.txt");
        put!(out, "{call} -X MOVE -H {} {file}", Shell(&format!("Destination: {other}")));
    }
    Draft::SHELL
}

/// An upload that is gone on with after a break, in the words of tus 1.0.
pub(super) fn tus(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Read {
        put!(out, "# This key reads only: there is nothing to upload.");
        return Draft::NOTE;
    }
    let call = put_credentials(s, out);
    let file = format!("{}{}", s.web().whole, s.exact("large.bin"));
    put!(out, "# Begin; the answer says where the bytes go");
    put!(out, "UPLOAD=$({call} -D - -o /dev/null -X POST -H 'Tus-Resumable: 1.0.0' \\");
    put!(out, "  -H \"Upload-Length: $(($(wc -c < ./large.bin)))\" {} \\", Shell(&file));
    put!(out, "  | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')");
    put!(out, "case $UPLOAD in /*) UPLOAD={}$UPLOAD ;; esac", Shell(s.web().whole));
    put!(out, "# Send; after a break, these lines once more go on where it ended");
    put!(out, "AT=$({call} -I -H 'Tus-Resumable: 1.0.0' \"$UPLOAD\" \\");
    put!(out, "  | tr -d '\\r' | sed -n 's/^[Uu]pload-[Oo]ffset: //p')");
    put!(out, "tail -c +$((AT + 1)) ./large.bin | {call} -X PATCH -T - -H 'Tus-Resumable: 1.0.0' \\");
    put!(out, "  -H \"Upload-Offset: $AT\" -H 'Content-Type: application/offset+octet-stream' \"$UPLOAD\"");
    Draft::SHELL
}
