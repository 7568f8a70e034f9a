"""What boto3 can and cannot do with keys of each permission, and conditional requests."""

import hashlib
import io
import json
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

with open(sys.argv[1], encoding="utf-8") as file:
    KEYS = json.load(file)
BUCKET = KEYS["bucket"]


def client(permission, **more):
    access_key, secret = KEYS[permission]
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **more)
    return boto3.client(
        "s3", endpoint_url=KEYS["endpoint"], aws_access_key_id=access_key, aws_secret_access_key=secret,
        region_name="us-east-1", config=config,
    )


def refused(code, call, **arguments):
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as error:
        told = error.response["Error"]["Code"]
        assert told in (code, "403" if code == "AccessDenied" else code), (told, code, arguments)
        return error
    raise AssertionError(f"{call.__name__} {arguments} was not refused")


admin, reader, writer = client("read_write"), client("read"), client("write")

# Objects, metadata, tags, checksums.
body = b"hello " * 1000
put = admin.put_object(
    Bucket=BUCKET, Key="a/b.txt", Body=body, ContentType="text/plain", Metadata={"color": "blue"}, Tagging="k=v",
    ChecksumAlgorithm="SHA256", CacheControl="max-age=5", ContentDisposition="inline",
)
assert put["ETag"] == '"%s"' % hashlib.md5(body).hexdigest()
head = reader.head_object(Bucket=BUCKET, Key="a/b.txt", ChecksumMode="ENABLED")
assert head["ContentType"] == "text/plain" and head["Metadata"] == {"color": "blue"} and head["ChecksumSHA256"]
assert head["CacheControl"] == "max-age=5" and head["ContentDisposition"] == "inline"
got = reader.get_object(Bucket=BUCKET, Key="a/b.txt", Range="bytes=6-10")
assert got["Body"].read() == b"hello" and got["ContentRange"] == "bytes 6-10/6000"
assert reader.get_object_tagging(Bucket=BUCKET, Key="a/b.txt")["TagSet"] == [{"Key": "k", "Value": "v"}]
admin.put_object_tagging(Bucket=BUCKET, Key="a/b.txt", Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
assert reader.get_object_tagging(Bucket=BUCKET, Key="a/b.txt")["TagSet"] == [{"Key": "x", "Value": "y"}]
admin.delete_object_tagging(Bucket=BUCKET, Key="a/b.txt")
attributes = reader.get_object_attributes(Bucket=BUCKET, Key="a/b.txt", ObjectAttributes=["ETag", "ObjectSize", "Checksum"])
assert attributes["ObjectSize"] == 6000

for algorithm in ("CRC32", "SHA1", "SHA256"):
    admin.put_object(Bucket=BUCKET, Key="sum", Body=body, ChecksumAlgorithm=algorithm)
    assert reader.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")["Body"].read() == body

# Conditions on reads and writes.
etag = put["ETag"]
refused("PreconditionFailed", admin.put_object, Key="a/b.txt", Body=b"x", IfNoneMatch="*")
refused("PreconditionFailed", admin.put_object, Key="a/b.txt", Body=b"x", IfMatch='"0123"')
admin.put_object(Bucket=BUCKET, Key="lock", Body=b"", IfNoneMatch="*")
refused("PreconditionFailed", admin.put_object, Key="lock", Body=b"", IfNoneMatch="*")
refused("NoSuchKey", admin.put_object, Key="gone", Body=b"", IfMatch=etag)
refused("304", reader.get_object, Key="a/b.txt", IfNoneMatch=etag)
refused("PreconditionFailed", reader.get_object, Key="a/b.txt", IfMatch='"0123"')

# Multipart through the transfer manager and by hand.
large = bytes(range(256)) * 70_000
transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)
admin.upload_fileobj(io.BytesIO(large), BUCKET, "large", Config=transfer)
back = io.BytesIO()
reader.download_fileobj(BUCKET, "large", back, Config=transfer)
assert back.getvalue() == large
upload = admin.create_multipart_upload(Bucket=BUCKET, Key="by-hand")["UploadId"]
parts = []
for number, piece in ((3, large[: 5 << 20]), (7, b"the end")):
    told = admin.upload_part(Bucket=BUCKET, Key="by-hand", UploadId=upload, PartNumber=number, Body=piece)
    parts.append({"PartNumber": number, "ETag": told["ETag"]})
assert len(admin.list_parts(Bucket=BUCKET, Key="by-hand", UploadId=upload)["Parts"]) == 2
assert [u["Key"] for u in admin.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["by-hand"]
done = admin.complete_multipart_upload(Bucket=BUCKET, Key="by-hand", UploadId=upload, MultipartUpload={"Parts": parts})
assert done["ETag"].endswith('-2"')
assert reader.get_object(Bucket=BUCKET, Key="by-hand", PartNumber=7)["Body"].read() == b"the end"
upload = admin.create_multipart_upload(Bucket=BUCKET, Key="copied")["UploadId"]
told = admin.upload_part_copy(
    Bucket=BUCKET, Key="copied", UploadId=upload, PartNumber=1, CopySource={"Bucket": BUCKET, "Key": "large"},
    CopySourceRange="bytes=0-9",
)
admin.complete_multipart_upload(
    Bucket=BUCKET, Key="copied", UploadId=upload,
    MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": told["CopyPartResult"]["ETag"]}]},
)
assert reader.get_object(Bucket=BUCKET, Key="copied")["Body"].read() == large[:10]
upload = admin.create_multipart_upload(Bucket=BUCKET, Key="given-up")["UploadId"]
admin.abort_multipart_upload(Bucket=BUCKET, Key="given-up", UploadId=upload)

# Odd keys, listing, deleting many.
odd = ["a//b", " a", "a/", "ü/ñ", "x+y=z&w", "q?r#s", "50%", "a" * 1000, "tab\there"]
for key in odd:
    admin.put_object(Bucket=BUCKET, Key="odd/" + key, Body=key.encode())
pages = reader.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="odd/", PaginationConfig={"PageSize": 2})
listed = [item["Key"] for page in pages for item in page.get("Contents", [])]
assert listed == sorted(("odd/" + key for key in odd), key=lambda text: text.encode()), listed
for key in odd:
    assert reader.get_object(Bucket=BUCKET, Key="odd/" + key)["Body"].read() == key.encode()
top = reader.list_objects_v2(Bucket=BUCKET, Delimiter="/")
assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["a/", "odd/"], top
told = admin.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "odd/" + key} for key in odd]})
assert len(told["Deleted"]) == len(odd)

# Presigned.
import urllib.request

# Without this botocore presigns with version 2 of the signature, which is refused.
reader_v4, admin_v4 = client("read", signature_version="s3v4"), client("read_write", signature_version="s3v4")
url = reader_v4.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "a/b.txt"}, ExpiresIn=60)
assert urllib.request.urlopen(url).read() == body
post = admin_v4.generate_presigned_post(BUCKET, "posted/${filename}", ExpiresIn=60)
boundary = "b0undary"
form = "".join(
    f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in post["fields"].items()
) + f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\nby form\r\n--{boundary}--\r\n'
request = urllib.request.Request(
    post["url"], form.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}, method="POST"
)
assert urllib.request.urlopen(request).status == 204
assert reader.get_object(Bucket=BUCKET, Key="posted/f.txt")["Body"].read() == b"by form"

# A reader reads; a writer writes, and learns nothing.
refused("AccessDenied", reader.put_object, Key="no", Body=b"")
refused("AccessDenied", reader.delete_object, Key="a/b.txt")
refused("AccessDenied", reader.create_multipart_upload, Key="no")
refused("AccessDenied", reader.copy_object, Key="no", CopySource={"Bucket": BUCKET, "Key": "a/b.txt"})
writer.put_object(Bucket=BUCKET, Key="dropped", Body=b"1")
writer.put_object(Bucket=BUCKET, Key="dropped", Body=b"2")
writer.upload_fileobj(io.BytesIO(large), BUCKET, "dropped-large", Config=transfer)
for key in ("a/b.txt", "not-there"):
    refused("AccessDenied", writer.get_object, Key=key)
    refused("AccessDenied", writer.head_object, Key=key)
    refused("AccessDenied", writer.delete_object, Key=key)
    refused("AccessDenied", writer.put_object, Key=key, Body=b"", IfNoneMatch="*")
    refused("AccessDenied", writer.copy_object, Key="no", CopySource={"Bucket": BUCKET, "Key": key})
refused("AccessDenied", writer.list_objects_v2)
refused("AccessDenied", writer.list_object_versions)
versions = reader.list_object_versions(Bucket=BUCKET, Prefix="dropped")["Versions"]
kept = [v for v in versions if v["Key"] == "dropped"]
assert [v["IsLatest"] for v in kept] == [True, False]
assert reader.get_object(Bucket=BUCKET, Key="dropped", VersionId=kept[1]["VersionId"])["Body"].read() == b"1"

# What is not there, and what nobody may.
refused("NoSuchKey", reader.get_object, Key="not-there")
refused("NotImplemented", admin.put_bucket_policy, Policy="{}")
for other in ("usr-10001-itm-99999-nobody", "some-other-bucket"):
    try:
        admin.list_objects_v2(Bucket=other)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
    else:
        raise AssertionError(other)

print("boto3: every step as expected")
