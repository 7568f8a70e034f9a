//! s3cmd: its configuration file, and the commands for this key.

use super::place::Rights;
use super::quote::{Line, Shell};
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    put!(out, "# Into ~/.s3cfg");
    put!(out, "[default]");
    put!(out, "access_key = {}", s.access_key);
    put!(out, "secret_key = {}", Line(s.secret()));
    // The bucket is not named in the host: it stands in the path.
    put!(out, "host_base = {}", Line(s.authority()));
    put!(out, "host_bucket = {}", Line(s.authority()));
    put!(out, "use_https = {}", if s.is_https() { "True" } else { "False" });
    put!(out, "bucket_location = {}", Line(s.region));
    put!(out, "signature_v2 = False");
    put!(out, "");
    s.put_bucket_hint(out, "#");
    put!(out, "# Then");
    put!(out, "# chmod 600 ~/.s3cfg");
    let place = format!("s3://{}", s.place());
    let place = Shell(&place);
    match s.rights() {
        Rights::Both => {
            put!(out, "# s3cmd put ./file.txt {place}");
            put!(out, "# s3cmd sync ./folder/ {place}");
            put!(out, "# s3cmd ls {place}");
        }
        Rights::Read => {
            put!(out, "# s3cmd ls {place}");
            put!(out, "# s3cmd sync {place} ./folder/");
        }
        // It cannot list: sync would ask what is there.
        Rights::Write => {
            put!(out, "# s3cmd put ./file.txt {place}");
            put!(out, "# s3cmd put --recursive ./folder/ {place}");
        }
    }
    Draft::file(SetupKind::ConfigFile, ".s3cfg")
}
