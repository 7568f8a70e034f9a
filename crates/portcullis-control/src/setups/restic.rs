//! restic: a repository below the key's prefix.

use super::S3Setup;
use super::place::Rights;
use super::quote::Shell;
use super::text::{Draft, Text, put};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(out, "# restic reads its repository while it writes: it needs a key with read_write.");
        put!(out, "# With a write-only key, send files with rclone or aws.");
        return Draft::NOTE;
    }
    if !s.is_path() {
        s.put_no_path(out, "restic");
        return Draft::NOTE;
    }
    s.put_environment(out);
    s.put_bucket_hint(out, "#");
    let repository = format!("s3:{}/{}restic", s.address(), s.place());
    put!(out, "export RESTIC_REPOSITORY={}", Shell(&repository));
    put!(
        out,
        "# restic asks for the password of the repository. It is not the secret of this key: choose it yourself"
    );
    match s.rights() {
        Rights::Both => {
            put!(out, "restic init");
            put!(out, "restic backup ./folder");
            put!(out, "restic snapshots");
        }
        Rights::Read | Rights::Write => {
            put!(out, "# The key may read and not write: restic must not lock the repository");
            put!(out, "restic --no-lock snapshots");
            put!(out, "restic --no-lock restore latest --target ./restored");
        }
    }
    Draft::SHELL
}
