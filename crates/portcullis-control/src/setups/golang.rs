//! The AWS SDK for Go, version 2.

use super::place::Rights;
use super::quote::{Language, Quoted};
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    let (reads, writes) = (s.rights() != Rights::Write, s.rights() != Rights::Read);
    put!(out, "// Into main.go; needs: go mod init example && go mod tidy");
    put!(out, "// Then");
    put!(out, "// chmod 600 main.go");
    put!(out, "// go run main.go");
    put!(out, "package main");
    put!(out, "");
    put!(out, "import (");
    put!(out, "\t\"context\"");
    if reads {
        put!(out, "\t\"fmt\"");
        put!(out, "\t\"io\"");
    }
    put!(out, "\t\"log\"");
    put!(out, "\t\"os\"");
    put!(out, "");
    put!(out, "\t\"github.com/aws/aws-sdk-go-v2/aws\"");
    put!(out, "\t\"github.com/aws/aws-sdk-go-v2/credentials\"");
    put!(out, "\t\"github.com/aws/aws-sdk-go-v2/service/s3\"");
    put!(out, ")");
    put!(out, "");
    put!(out, "func must(err error) {{");
    put!(out, "\tif err != nil {{");
    put!(out, "\t\tlog.Fatal(err)");
    put!(out, "\t}}");
    put!(out, "}}");
    put!(out, "");
    put!(out, "func main() {{");
    put!(out, "\tctx := context.Background()");
    put!(out, "\tclient := s3.New(s3.Options{{");
    put!(out, "\t\tBaseEndpoint: aws.String({}),", go(s.address()));
    put!(out, "\t\tRegion:       {},", go(s.region));
    put!(out, "\t\tUsePathStyle: true,");
    put!(out, "\t\tCredentials: credentials.NewStaticCredentialsProvider(");
    put!(out, "\t\t\t{}, {}, \"\"),", go(s.access_key.as_str()), go(s.secret()));
    put!(out, "\t}})");
    s.put_bucket_hint(out, "\t//");
    put!(out, "\tbucket, folder := aws.String({}), {}", go(s.bucket()), go(&s.folder()));
    put!(out, "\tkey := aws.String(folder + \"file.txt\")");
    if writes {
        put!(out, "\tfile, err := os.Open(\"file.txt\")");
        put!(out, "\tmust(err)");
        put!(
            out,
            "\t_, err = client.PutObject(ctx, &s3.PutObjectInput{{Bucket: bucket, Key: key, Body: file}})"
        );
        put!(out, "\tmust(err)");
    }
    if reads {
        put_reading(out);
    }
    put!(out, "}}");
    Draft::file(SetupKind::Code, "main.go")
}

fn put_reading(out: &mut Text) {
    put!(
        out,
        "\tpages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{{Bucket: bucket, Prefix: &folder}})"
    );
    put!(out, "\tfor pages.HasMorePages() {{");
    put!(out, "\t\tpage, err := pages.NextPage(ctx)");
    put!(out, "\t\tmust(err)");
    put!(out, "\t\tfor _, item := range page.Contents {{");
    put!(out, "\t\t\tfmt.Println(aws.ToString(item.Key))");
    put!(out, "\t\t}}");
    put!(out, "\t}}");
    put!(out, "\tgot, err := client.GetObject(ctx, &s3.GetObjectInput{{Bucket: bucket, Key: key}})");
    put!(out, "\tmust(err)");
    put!(out, "\tdefer got.Body.Close()");
    put!(out, "\tdownloaded, err := os.Create(\"downloaded.txt\")");
    put!(out, "\tmust(err)");
    put!(out, "\t_, err = io.Copy(downloaded, got.Body)");
    put!(out, "\tmust(err)");
    put!(out, "\tmust(downloaded.Close())");
}

fn go(text: &str) -> Quoted<'_> {
    Quoted(Language::PythonOrGo, text)
}
