"""What zeep can and cannot do with keys of each permission, in both versions, with every way to say who one is."""

import base64
import datetime
import hashlib
import io
import json
import os
import sys

import requests
from pymtom_xop import MtomAttachment, MtomTransport
from requests.auth import HTTPBasicAuth
from zeep import Client, Settings
from zeep.exceptions import Fault, TransportError
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

with open(sys.argv[1], encoding="utf-8") as file:
    GIVEN = json.load(file)
WSDL = GIVEN["web"] + "/soap?wsdl"
FILES = "{urn:portcullis:files:1}"
BYTES = bytes(range(256)) * 1200 + b"\r\n--\r\n"


def session(user=None):
    made = requests.Session()
    made.trust_env = False
    made.verify = GIVEN["certificate"] or True
    if user:
        made.auth = HTTPBasicAuth(*user)
    return made


def client(permission, way, version, transport=Transport):
    """A client, its operations in this version, and its transport."""
    user = GIVEN[permission]
    wsse = {
        "basic": None,
        "text": UsernameToken(*user),
        "digest": UsernameToken(*user, use_digest=True),
    }[way]
    carrier = transport(session=session(user if way == "basic" else None))
    made = Client(WSDL, wsse=wsse, transport=carrier, settings=Settings(strict=True))
    return made.bind("Files", "FilesSoap" + version), carrier


def code(fault):
    """The code in the detail of a fault, whatever the version."""
    return fault.detail.find(".//" + FILES + "code").text


def refused(wanted, call, **arguments):
    try:
        answer = call(**arguments)
    except Fault as fault:
        assert code(fault) == wanted, (code(fault), wanted, fault.message)
        return fault
    raise AssertionError(f"{call} {arguments} was not refused: {answer}")


def whole(version, way):
    """Everything that a key for reading and writing may do."""
    files, _ = client("read_write", way, version)
    top = f"{way}-{version}"
    files.MakeFolder(path=top)
    path = f"{top}/naïve file & more.bin"
    digest = hashlib.sha256(BYTES).hexdigest()
    entry = files.PutFile(path=path, contentType="image/png", length=len(BYTES), sha256=digest, content=BYTES)
    assert (entry.size, entry.folder, entry.contentType) == (len(BYTES), False, "image/png"), entry
    got = files.GetFile(path=path)
    assert got.content == BYTES and got.length == len(BYTES) and got.entry.etag == entry.etag, got.entry
    part = files.GetFile(path=path, offset=1000, length=3000)
    assert part.content == BYTES[1000:4000] and (part.offset, part.length) == (1000, 3000)
    assert files.Stat(path=path).name == "naïve file & more.bin"
    # Only if there is nothing yet, only if it is still the same.
    refused("AlreadyExists", files.PutFile, path=path, createOnly=True, content=b"other")
    refused("Changed", files.PutFile, path=path, ifMatch='"00000000000000000000000000000000"', content=b"other")
    refused("Mismatch", files.PutFile, path=path, length=3, content=b"other")
    refused("Mismatch", files.PutFile, path=path, sha256="0" * 64, content=b"other")
    assert files.GetFile(path=path).content == BYTES
    for number in range(5):
        files.PutFile(path=f"{top}/many/{number}", content=b"%d" % number)
    names, cursor = [], None
    while True:
        page = files.ListFolder(path=f"{top}/many", limit=2, cursor=cursor)
        assert len(page.entry) <= 2
        names += [entry.name for entry in page.entry]
        cursor = page.nextCursor
        if cursor is None:
            break
    assert names == ["0", "1", "2", "3", "4"], names
    moved = files.Move(path=path, to=f"{top}/moved.bin")
    assert moved.path.strip("/") == f"{top}/moved.bin", moved
    refused("NotFound", files.Stat, path=path)
    refused("AlreadyExists", files.Move, path=f"{top}/many/0", to=f"{top}/moved.bin")
    refused("NotEmpty", files.Delete, path=f"{top}/many")
    files.Delete(path=f"{top}/many", recursive=True)
    refused("NotFound", files.ListFolder, path=f"{top}/many")
    refused("InvalidPath", files.Stat, path=f"{top}/../x")


def in_parts():
    files, _ = client("read_write", "basic", "12")
    begun = files.BeginUpload(path="parts/large.bin", length=len(BYTES))
    upload, at = begun.uploadId, begun.offset
    assert at == 0
    while at < len(BYTES):
        at = files.UploadPart(uploadId=upload, offset=at, content=BYTES[at : at + 100_000])
    entry = files.CompleteUpload(uploadId=upload)
    assert entry.size == len(BYTES) and files.GetFile(path="parts/large.bin").content == BYTES
    given_up = files.BeginUpload(path="parts/none.bin", length=10).uploadId
    files.AbortUpload(uploadId=given_up)
    refused("NotFound", files.UploadPart, uploadId=given_up, offset=0, content=b"x")
    refused("NotFound", files.Stat, path="parts/none.bin")


class Wants(Transport):
    """Says that it reads MTOM."""

    def post(self, address, message, headers):
        return super().post(address, message, {**headers, "Accept": "multipart/related"})


class Heard(Wants):
    kinds = []

    def post(self, address, message, headers):
        answer = super().post(address, message, headers)
        self.kinds.append(answer.headers["Content-Type"].split(";")[0])
        return answer


def beside(way, version):
    """Bytes beside the envelope, both ways."""
    files, carrier = client("read_write", way, version, MtomTransport)
    attached = MtomAttachment(file=io.BytesIO(BYTES), file_name="naïve.bin")
    carrier.add_files([attached])
    entry = files.PutFile(path=f"mtom/{way}-{version}.bin", content=attached.get_cid())
    assert entry.size == len(BYTES), entry
    reader, heard = client("read", way, version, Heard)
    for offset, wanted in ((None, BYTES), (5, BYTES[5:]), (len(BYTES), b"")):
        got = reader.GetFile(path=f"mtom/{way}-{version}.bin", offset=offset)
        assert (got.content or b"") == wanted and got.length == len(wanted), (offset, got.entry, len(got.content))
    assert heard.kinds and set(heard.kinds) == {"multipart/related"}, heard.kinds


def beyond(version):
    """What keys for reading or writing alone are told: a writer the same of what is there and what is not."""
    reader, _ = client("read", "basic", version)
    assert reader.GetFile(path="parts/large.bin").content == BYTES
    for path in ("parts/large.bin", "no"):
        refused("AccessDenied", reader.PutFile, path=path, content=b"no")
    refused("AccessDenied", reader.MakeFolder, path="no")
    refused("AccessDenied", reader.Delete, path="parts/large.bin")
    refused("AccessDenied", reader.Move, path="parts/large.bin", to="elsewhere")
    refused("AccessDenied", reader.BeginUpload, path="no", length=1)
    writer, carrier = client("write", "basic", version, MtomTransport)
    attached = MtomAttachment(file=io.BytesIO(BYTES), file_name="x")
    carrier.add_files([attached])
    writer.PutFile(path=f"dropped-{version}.bin", content=attached.get_cid())
    writer, _ = client("write", "basic", version)
    for path in (f"dropped-{version}.bin", "no", "parts/large.bin"):
        refused("AccessDenied", writer.GetFile, path=path)
        refused("AccessDenied", writer.Stat, path=path)
        refused("AccessDenied", writer.Delete, path=path)
        refused("AccessDenied", writer.ListFolder, path=path)


def strangers():
    """Whoever is not let in learns nothing of why."""
    told = set()
    name, secret = GIVEN["read_write"]
    day = datetime.datetime.now(datetime.timezone.utc)
    nonce = base64.b64encode(os.urandom(16)).decode()
    stale = day - datetime.timedelta(minutes=6)
    early = day + datetime.timedelta(minutes=6)
    for wsse in (
        None,
        UsernameToken(name, secret + "x"),
        UsernameToken(name, secret + "x", use_digest=True),
        UsernameToken(name + "x", secret),
        UsernameToken(*GIVEN["other_channel"]),
        UsernameToken(*GIVEN["other_channel"], use_digest=True),
        # A secret that somebody chose cannot be hashed again.
        UsernameToken(*GIVEN["chosen"], use_digest=True),
        UsernameToken(name, secret, use_digest=True, nonce="x", created=stale),
        UsernameToken(name, secret, use_digest=True, nonce="y", created=early),
    ):
        files = Client(WSDL, wsse=wsse, transport=Transport(session=session())).bind("Files", "FilesSoap12")
        fault = refused("AuthenticationFailed", files.Stat, path="parts/large.bin")
        told.add((fault.message, fault.code))
    once = UsernameToken(name, secret, use_digest=True, nonce=nonce, created=day)
    files = Client(WSDL, wsse=once, transport=Transport(session=session())).bind("Files", "FilesSoap11")
    assert files.Stat(path="parts/large.bin").size == len(BYTES)
    fault = refused("AuthenticationFailed", files.Stat, path="parts/large.bin")
    assert len(told) == 1 and {message for message, _ in told} == {fault.message}, (told, fault.message)
    chosen = Client(WSDL, wsse=UsernameToken(*GIVEN["chosen"]), transport=Transport(session=session()))
    assert chosen.bind("Files", "FilesSoap11").Stat(path="parts/large.bin").size == len(BYTES)


def main():
    for version in ("11", "12"):
        for way in ("basic", "text", "digest"):
            whole(version, way)
            beside(way, version)
    in_parts()
    for version in ("11", "12"):
        beyond(version)
    strangers()
    with open(GIVEN["upload"], "rb") as file:
        local = file.read()
    files, _ = client("read_write", "digest", "12")
    entry = files.PutFile(path="for s3/upload.bin", content=local)
    print(entry.size)


main()
