//! The AWS command line.

use super::S3Setup;
use super::place::Rights;
use super::quote::Shell;
use super::text::{Draft, Text, put};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    s.put_environment(out);
    put_calls(s, out);
    Draft::SHELL
}

/// What to do once the credentials are in the environment.
pub(super) fn put_calls(s: &S3Setup<'_>, out: &mut Text) {
    s.put_bucket_hint(out, "#");
    let place = format!("s3://{}", s.place());
    let place = Shell(&place);
    let call = format!("aws --endpoint-url {} s3", Shell(s.address()));
    match s.rights() {
        Rights::Both => {
            put!(out, "{call} cp ./file.txt {place}");
            put!(out, "{call} sync ./folder {place}");
            put!(out, "{call} ls {place}");
        }
        Rights::Read => {
            put!(out, "{call} ls {place}");
            put!(out, "{call} sync {place} ./folder");
        }
        Rights::Write => {
            put!(out, "# A write-only key cannot list: cp sends files, sync would ask what is there");
            put!(out, "{call} cp ./file.txt {place}");
            put!(out, "{call} cp --recursive ./folder {place}");
        }
    }
}
