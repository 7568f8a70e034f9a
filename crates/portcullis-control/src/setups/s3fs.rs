//! A mounted folder: s3fs for a whole bucket, rclone for a part of one.

use super::S3Setup;
use super::place::Rights;
use super::quote::{Line, Shell};
use super::text::{Draft, Text, put};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(out, "# A mounted folder has to list what is in it: s3fs needs a key with read or read_write.");
        put!(out, "# With a write-only key, send files with rclone or aws.");
        return Draft::NOTE;
    }
    if !s.is_path() {
        s.put_no_path(out, "a mounted folder");
        return Draft::NOTE;
    }
    s.put_bucket_hint(out, "#");
    if s.prefix.is_empty() {
        whole(s, out)
    } else {
        part(s, out)
    }
    put!(out, "# To end it: fusermount -u ./mounted");
    Draft::SHELL
}

fn whole(s: &S3Setup<'_>, out: &mut Text) {
    let id = s.access_key;
    put!(out, "(umask 077; cat > ~/.passwd-s3fs-{id}) <<'END'");
    put!(out, "{id}:{}", Line(s.secret()));
    put!(out, "END");
    put!(out, "mkdir -p ./mounted");
    put!(
        out,
        "s3fs {} ./mounted -o passwd_file=\"$HOME/.passwd-s3fs-{id}\" -o url={} \\\n     \
         -o use_path_request_style -o endpoint={}{}",
        Shell(s.bucket()),
        Shell(s.address()),
        Shell(s.region),
        if s.rights() == Rights::Read { " -o ro" } else { "" },
    );
}

fn part(s: &S3Setup<'_>, out: &mut Text) {
    put!(out, "# s3fs looks at the whole bucket when it starts, and this key reaches only a part of it.");
    put!(out, "# With the set-up for rclone in place, this mounts that part:");
    put!(out, "mkdir -p ./mounted");
    let flags = if s.rights() == Rights::Read { "--read-only" } else { "--vfs-cache-mode writes" };
    let place = format!("portcullis:{}", s.place());
    put!(out, "rclone mount {flags} {} ./mounted --daemon", Shell(&place));
}
