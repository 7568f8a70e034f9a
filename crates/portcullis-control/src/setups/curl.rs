//! curl, which signs by itself since version 7.75.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::S3Setup;
use super::place::Rights;
use super::quote::{Curl, Shell};
use super::text::{Draft, Text, put};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    // The signature is over what RFC 3986 calls unreserved as it is, and over everything else encoded.
    const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    const PATH: &AsciiSet = &QUERY.remove(b'/');
    let id = s.access_key;
    put!(
        out,
        "# What a program is called with is seen by everybody on the machine: the secret stands in a file"
    );
    put!(out, "(umask 077; cat > ~/.curl-{id}) <<'END'");
    put!(out, "user = \"{id}:{}\"", Curl(s.secret()));
    put!(out, "aws-sigv4 = \"aws:amz:{}:s3\"", Curl(s.region));
    // An upload is signed without its hash, so that curl need not read the file twice.
    put!(out, "header = \"x-amz-content-sha256: UNSIGNED-PAYLOAD\"");
    put!(out, "END");
    s.put_bucket_hint(out, "#");
    let call = format!("curl -fsS --path-as-is -K ~/.curl-{id}");
    let bucket = format!("{}/{}", s.address(), s.bucket());
    let file = format!("{bucket}/{}file.txt", utf8_percent_encode(&s.folder(), PATH));
    let file = Shell(&file);
    let list = format!("{bucket}?list-type=2&prefix={}", utf8_percent_encode(&s.folder(), QUERY));
    let list = Shell(&list);
    match s.rights() {
        Rights::Both => {
            put!(out, "{call} -T ./file.txt {file}");
            put!(out, "{call} {list}");
        }
        Rights::Read => {
            put!(out, "{call} {list}");
            put!(out, "{call} -O {file}");
        }
        Rights::Write => put!(out, "{call} -T ./file.txt {file}"),
    }
    Draft::SHELL
}
