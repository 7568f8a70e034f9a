//! The AWS SDK for JavaScript, version 3.

use super::place::Rights;
use super::quote::{Language, Quoted};
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    let (reads, writes) = (s.rights() != Rights::Write, s.rights() != Rights::Read);
    put!(out, "// Into portcullis.mjs; needs: npm install @aws-sdk/client-s3");
    put!(out, "// Then");
    put!(out, "// chmod 600 portcullis.mjs");
    put!(out, "// node portcullis.mjs");
    let (files, calls) = match s.rights() {
        Rights::Both => ("readFile, writeFile", "PutObjectCommand, GetObjectCommand, paginateListObjectsV2"),
        Rights::Read => ("writeFile", "GetObjectCommand, paginateListObjectsV2"),
        Rights::Write => ("readFile", "PutObjectCommand"),
    };
    put!(out, "import {{ {files} }} from \"node:fs/promises\";");
    put!(out, "import {{ S3Client, {calls} }} from \"@aws-sdk/client-s3\";");
    put!(out, "");
    put!(out, "const s3 = new S3Client({{");
    put!(out, "  endpoint: {},", js(s.address()));
    put!(out, "  region: {},", js(s.region));
    put!(out, "  forcePathStyle: true,");
    put!(out, "  credentials: {{");
    put!(out, "    accessKeyId: {},", js(s.access_key.as_str()));
    put!(out, "    secretAccessKey: {},", js(s.secret()));
    put!(out, "  }},");
    put!(out, "}});");
    s.put_bucket_hint(out, "//");
    put!(out, "const Bucket = {}, folder = {};", js(s.bucket()), js(&s.folder()));
    put!(out, "const Key = folder + \"file.txt\";");
    if writes {
        put!(
            out,
            "await s3.send(new PutObjectCommand({{ Bucket, Key, Body: await readFile(\"file.txt\") }}));"
        );
    }
    if reads {
        put!(
            out,
            "for await (const page of paginateListObjectsV2({{ client: s3 }}, {{ Bucket, Prefix: folder }})) {{"
        );
        put!(out, "  for (const item of page.Contents ?? []) console.log(item.Key, item.Size);");
        put!(out, "}}");
        put!(out, "const got = await s3.send(new GetObjectCommand({{ Bucket, Key }}));");
        put!(out, "await writeFile(\"downloaded.txt\", got.Body);");
    }
    Draft::file(SetupKind::Code, "portcullis.mjs")
}

fn js(text: &str) -> Quoted<'_> {
    Quoted(Language::JavaScript, text)
}
