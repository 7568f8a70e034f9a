//! Terraform: its state in the storage, through the S3 back end.

use super::S3Setup;
use super::place::Rights;
use super::quote::{Language, Line, Quoted};
use super::text::{Draft, Text, put};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    if s.rights() == Rights::Write {
        put!(out, "# Terraform reads its state before it writes it: it needs a key with read_write.");
        return Draft::NOTE;
    }
    if !s.is_path() {
        s.put_no_path(out, "Terraform");
        return Draft::NOTE;
    }
    let id = s.access_key;
    put!(
        out,
        "# The secret stands in a file of its own, so that backend.tf can be shared. Needs Terraform 1.10 or newer"
    );
    put!(out, "(umask 077; mkdir -p ~/.aws; cat > ~/.aws/portcullis-{id}) <<'END'");
    put!(out, "[portcullis]");
    put!(out, "aws_access_key_id = {id}");
    put!(out, "aws_secret_access_key = {}", Line(s.secret()));
    put!(out, "END");
    s.put_bucket_hint(out, "#");
    put!(out, "cat > backend.tf <<'END'");
    put_backend(s, out);
    put!(out, "END");
    put!(out, "terraform init");
    if s.rights() == Rights::Read {
        put!(out, "# The key may read and not write: Terraform must not lock the state");
        put!(out, "terraform plan -lock=false");
    } else {
        put!(out, "terraform apply");
    }
    Draft::SHELL
}

fn put_backend(s: &S3Setup<'_>, out: &mut Text) {
    let state = format!("{}terraform.tfstate", s.folder());
    // Where it looks for other workspaces. The name it takes by itself lies outside the prefix.
    let workspaces = format!("{}env:", s.folder());
    let credentials = format!("~/.aws/portcullis-{}", s.access_key);
    put!(out, "terraform {{");
    put!(out, "  backend \"s3\" {{");
    put!(out, "    bucket                      = {}", hcl(s.bucket()));
    put!(out, "    key                         = {}", hcl(&state));
    put!(out, "    workspace_key_prefix        = {}", hcl(&workspaces));
    put!(out, "    region                      = {}", hcl(s.region));
    put!(out, "    endpoints                   = {{ s3 = {} }}", hcl(s.address()));
    put!(out, "    profile                     = \"portcullis\"");
    put!(out, "    shared_credentials_files    = [{}]", hcl(&credentials));
    put!(out, "    use_path_style              = true");
    put!(out, "    use_lockfile                = {}", s.rights() == Rights::Both);
    put!(out, "    encrypt                     = false");
    for skipped in [
        "skip_credentials_validation",
        "skip_metadata_api_check    ",
        "skip_region_validation     ",
        "skip_requesting_account_id ",
    ] {
        put!(out, "    {skipped} = true");
    }
    put!(out, "  }}");
    put!(out, "}}");
}

fn hcl(text: &str) -> Quoted<'_> {
    Quoted(Language::Hcl, text)
}
