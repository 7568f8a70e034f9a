//! boto3, the SDK for Python.

use portcullis_domain::Secret;

use super::place::Rights;
use super::quote::{Language, Quoted};
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    write_with(s, None, out)
}

/// The same for credentials that have a session token.
pub(super) fn write_with(s: &S3Setup<'_>, session_token: Option<&Secret>, out: &mut Text) -> Draft {
    put!(out, "# Into portcullis.py; needs: pip install boto3");
    put!(out, "# Then");
    put!(out, "# chmod 600 portcullis.py");
    put!(out, "# python3 portcullis.py");
    put!(out, "import boto3");
    put!(out, "from botocore.config import Config");
    put!(out, "");
    put!(out, "s3 = boto3.client(");
    put!(out, "    \"s3\",");
    put!(out, "    endpoint_url={},", python(s.address()));
    put!(out, "    region_name={},", python(s.region));
    put!(out, "    aws_access_key_id={},", python(s.access_key.as_str()));
    put!(out, "    aws_secret_access_key={},", python(s.secret()));
    if let Some(token) = session_token {
        put!(out, "    aws_session_token={},", python(token.reveal()));
    }
    // Without s3v4 it presigns with a version of the signature that is refused.
    put!(out, "    config=Config(signature_version=\"s3v4\", s3={{\"addressing_style\": \"path\"}}),");
    put!(out, ")");
    s.put_bucket_hint(out, "#");
    put!(out, "bucket, folder = {}, {}", python(s.bucket()), python(&s.folder()));
    if s.rights() != Rights::Read {
        put!(out, "s3.upload_file(\"file.txt\", bucket, folder + \"file.txt\")");
    }
    if s.rights() != Rights::Write {
        put!(
            out,
            "for page in s3.get_paginator(\"list_objects_v2\").paginate(Bucket=bucket, Prefix=folder):"
        );
        put!(out, "    for item in page.get(\"Contents\", []):");
        put!(out, "        print(item[\"Key\"], item[\"Size\"])");
        put!(out, "s3.download_file(bucket, folder + \"file.txt\", \"downloaded.txt\")");
    }
    Draft::file(SetupKind::Code, "portcullis.py")
}

fn python(text: &str) -> Quoted<'_> {
    Quoted(Language::PythonOrGo, text)
}
