//! The AWS SDK for Java, version 2.

use super::place::Rights;
use super::quote::{Language, Quoted};
use super::text::{Draft, Text, put};
use super::{S3Setup, SetupKind};

pub(super) fn write(s: &S3Setup<'_>, out: &mut Text) -> Draft {
    let (reads, writes) = (s.rights() != Rights::Write, s.rights() != Rights::Read);
    put!(out, "// Into Portcullis.java; needs software.amazon.awssdk:s3, version 2, from Maven or Gradle");
    put!(out, "import java.net.URI;");
    put!(out, "import java.nio.file.Path;");
    put!(out, "import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;");
    put!(out, "import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;");
    put!(out, "import software.amazon.awssdk.regions.Region;");
    put!(out, "import software.amazon.awssdk.services.s3.S3Client;");
    put!(out, "");
    put!(out, "public class Portcullis {{");
    put!(out, "    public static void main(String[] arguments) {{");
    put!(out, "        var credentials = AwsBasicCredentials.create(");
    put!(out, "                {}, {});", java(s.access_key.as_str()), java(s.secret()));
    put!(out, "        try (S3Client s3 = S3Client.builder()");
    put!(out, "                .endpointOverride(URI.create({}))", java(s.address()));
    put!(out, "                .region(Region.of({}))", java(s.region));
    put!(out, "                .forcePathStyle(true)");
    put!(out, "                .credentialsProvider(StaticCredentialsProvider.create(credentials))");
    put!(out, "                .build()) {{");
    s.put_bucket_hint(out, "            //");
    put!(out, "            String bucket = {};", java(s.bucket()));
    put!(out, "            String folder = {};", java(&s.folder()));
    put!(out, "            String key = folder + \"file.txt\";");
    if writes {
        put!(out, "            s3.putObject(to -> to.bucket(bucket).key(key), Path.of(\"file.txt\"));");
    }
    if reads {
        put!(out, "            s3.listObjectsV2Paginator(of -> of.bucket(bucket).prefix(folder)).contents()");
        put!(
            out,
            "                    .forEach(item -> System.out.println(item.key() + \" \" + item.size()));"
        );
        put!(
            out,
            "            s3.getObject(from -> from.bucket(bucket).key(key), Path.of(\"downloaded.txt\"));"
        );
    }
    put!(out, "        }}");
    put!(out, "    }}");
    put!(out, "}}");
    Draft::file(SetupKind::Code, "Portcullis.java")
}

fn java(text: &str) -> Quoted<'_> {
    Quoted(Language::Java, text)
}
