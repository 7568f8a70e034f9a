//! The web service with curl: an envelope is a text like any other.

use super::super::place::Rights;
use super::super::quote::{Curl, Shell, Xml};
use super::super::text::{Draft, Text, put};
use super::FileSetup;

/// What stands around the operation, in the words of SOAP 1.1.
const HEAD: &str = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                    xmlns:f=\"urn:portcullis:files:1\"><e:Body>";
const TAIL: &str = "</e:Body></e:Envelope>";

impl FileSetup<'_> {
    /// Where the web service answers.
    pub(super) fn soap(&self) -> String {
        format!("{}/soap", self.web().whole)
    }
}

/// An envelope that begins this operation on a path, up to what else it takes.
fn begun(operation: &str, path: &str) -> String {
    format!("{HEAD}<f:{operation}><f:path>{}</f:path>", Xml(path))
}

fn ended(operation: &str) -> String {
    format!("</f:{operation}>{TAIL}")
}

pub(super) fn write(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if !s.is_path() {
        return s.put_no_path(out);
    }
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    let file = format!("~/.curl-{}", s.word());
    let lines = [
        format_args!("user = \"{}:{}\"", Curl(s.user), Curl(s.secret())),
        format_args!("header = \"Content-Type: text/xml; charset=utf-8\""),
        format_args!("header = \"SOAPAction: \\\"\\\"\""),
    ];
    FileSetup::put_file(out, &file, &lines);
    s.put_bucket_hint(out, "#");
    let address = s.soap();
    let call = format!("curl -sS --fail-with-body -K {file} {}", Shell(&address));
    let at = format!("{}file.txt", s.folder());
    if s.rights() != Rights::Read {
        let begun = format!("{}<f:content>", begun("PutFile", &at));
        let ended = format!("</f:content>{}", ended("PutFile"));
        put!(out, "{{ printf %s {}; base64 < ./file.txt", Shell(&begun));
        put!(out, "  printf %s {}; }} | {call} -X POST -T -", Shell(&ended));
    }
    if s.rights() != Rights::Write {
        let list = format!("{}{}", begun("ListFolder", &s.folder()), ended("ListFolder"));
        put!(out, "{call} --data-raw {}", Shell(&list));
        let get = format!("{}{}", begun("GetFile", &at), ended("GetFile"));
        put!(out, "{call} --data-raw {} \\", Shell(&get));
        put!(out, "  | sed -n 's/.*<f:content>\\([^<]*\\)<.*/\\1/p' | base64 -d > ./file.txt");
    }
    Draft::SHELL
}
