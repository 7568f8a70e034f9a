"""Temporary credentials with boto3: narrowed by REST, by the token service, presigned, and cut off with their key."""

import io
import json
import sys
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

with open(sys.argv[1], encoding="utf-8") as file:
    GIVEN = json.load(file)
BUCKET = GIVEN["bucket"]


def client(service, credentials):
    access_key, secret, token = credentials
    config = Config(retries={"max_attempts": 1}, signature_version="v4" if service == "sts" else "s3v4",
                    s3={"addressing_style": "path"})
    return boto3.client(
        service, endpoint_url=GIVEN["endpoint"], aws_access_key_id=access_key, aws_secret_access_key=secret,
        aws_session_token=token, region_name="us-east-1", config=config,
    )


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        told = error.response["Error"]["Code"]
        assert told == code, (told, code, arguments)
        return error.response["Error"]["Message"]
    raise AssertionError(f"{arguments} was not refused")


def parts(credentials):
    return [credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]]


owner = client("s3", GIVEN["owner"])
for key in ("in/a.txt", "out/a.txt"):
    owner.put_object(Bucket=BUCKET, Key=key, Body=b"hello")

# Made by REST, for one prefix, to read.
narrow = client("s3", GIVEN["narrow"])
assert narrow.get_object(Bucket=BUCKET, Key="in/a.txt")["Body"].read() == b"hello"
assert [item["Key"] for item in narrow.list_objects_v2(Bucket=BUCKET, Prefix="in/")["Contents"]] == ["in/a.txt"]
refused("AccessDenied", narrow.get_object, Bucket=BUCKET, Key="out/a.txt")
refused("AccessDenied", narrow.list_objects_v2, Bucket=BUCKET)
refused("AccessDenied", narrow.put_object, Bucket=BUCKET, Key="in/b.txt", Body=b"x")
refused("InvalidAccessKeyId", client("s3", GIVEN["narrow"][:2] + [None]).get_object, Bucket=BUCKET, Key="in/a.txt")
refused("InvalidToken", client("s3", GIVEN["narrow"][:2] + ["made up"]).get_object, Bucket=BUCKET, Key="in/a.txt")
refused("InvalidToken", client("s3", GIVEN["owner"][:2] + GIVEN["narrow"][2:]).list_buckets)

# Presigned: the token goes along in the address.
url = narrow.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "in/a.txt"}, ExpiresIn=60)
assert "X-Amz-Security-Token" in url
assert urllib.request.urlopen(url).read() == b"hello"

# The token service.
sts = client("sts", GIVEN["owner"])
role = {"RoleArn": "arn:aws:iam::000000000000:role/anything", "RoleSessionName": "boto"}
assumed = sts.assume_role(DurationSeconds=900, **role)
assert assumed["AssumedRoleUser"]["Arn"].endswith("/boto")
session = sts.get_session_token(DurationSeconds=900)["Credentials"]
for credentials in (assumed["Credentials"], session):
    s3 = client("s3", parts(credentials))
    s3.upload_fileobj(io.BytesIO(b"x" * 12_000_000), BUCKET, "large", Config=TransferConfig(multipart_chunksize=5 << 20))
    assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == 12_000_000
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]
assert "temporary-credentials" in refused("ValidationError", sts.assume_role, Policy="{}", **role)
refused("ValidationError", sts.assume_role, Tags=[{"Key": "a", "Value": "b"}], **role)
refused("InvalidAction", sts.get_caller_identity)
refused("AccessDenied", client("sts", parts(session)).get_session_token)
refused("SignatureDoesNotMatch", client("sts", [GIVEN["owner"][0], "wrong", None]).get_session_token)

# A form that was signed with temporary credentials.
form = client("s3", parts(session)).generate_presigned_post(BUCKET, "form.txt", ExpiresIn=60)
assert "x-amz-security-token" in form["fields"]
body = b""
for name, value in form["fields"].items():
    body += f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
body += b'--edge\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nposted\r\n--edge--\r\n'
request = urllib.request.Request(form["url"], body, {"Content-Type": "multipart/form-data; boundary=edge"})
assert urllib.request.urlopen(request).status == 204
assert owner.get_object(Bucket=BUCKET, Key="form.txt")["Body"].read() == b"posted"

# A transfer under way ends with the key that the credentials came from.
size = 96 * 1024 * 1024
owner.upload_fileobj(io.BytesIO(bytes(size)), BUCKET, "huge")
orphan = client("s3", GIVEN["orphan"])
stream = orphan.get_object(Bucket=BUCKET, Key="huge")["Body"]
got = len(stream.read(1000))
call = urllib.request.Request(f"{GIVEN['web']}/api/v1/keys/{GIVEN['orphan_key']}", method="DELETE",
                              headers={"Authorization": f"Bearer {GIVEN['admin']}"})
assert urllib.request.urlopen(call).status == 200
try:
    while piece := stream.read(1 << 20):
        got += len(piece)
except Exception as error:  # botocore and urllib3 have several names for a body that broke off
    print("broke off:", type(error).__name__)
assert got < size, "the whole object came"
refused("InvalidAccessKeyId", orphan.get_object, Bucket=BUCKET, Key="in/a.txt")
try:
    urllib.request.urlopen(url.replace("in/a.txt", "out/a.txt"))
    raise AssertionError("a changed address was taken")
except urllib.error.HTTPError as error:
    assert error.code == 403

print("temporary: every step as expected")
