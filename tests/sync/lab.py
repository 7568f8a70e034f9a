"""An S3 server for cases of synchronisation: moto in this process, with a writer of its own who needs no requests.

Requests are answered one at a time, so that a case goes the same way every time. A case can put something between two requests: a
hook sees each one before it is answered and may write behind the caller's back, answer in the server's place or end the caller.
"""

import datetime
import logging
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

ACCOUNT, PARTITION = "123456789012", "aws"
ACCESS_KEY, SECRET = "LABLABLABLABLABLABLA", "lablablablablablablablablablablablablablab"
# Where the caller keeps what it replaced. It counts as a way back.
RESERVED = ".portcullis/"
# What else a GET of a bucket may ask for.
SUBRESOURCES = {"versioning", "location", "uploads", "versions", "acl", "policy", "lifecycle", "object-lock"}


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_args):
        pass


class Lab:
    """A server on a free port of this machine."""

    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._app = DomainDispatcherApplication(create_backend_app)
        self._turn = threading.RLock()
        self._hook = None
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._begin = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
        self._begin -= datetime.timedelta(days=3)
        self._minutes = 0
        self.requests = 0
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()

    def _answer(self, environ, start_response):
        with self._turn:
            self.requests += 1
            hook, answer = self._hook, None
            if hook:
                answer = hook(Request(environ))
            if answer is None and environ["QUERY_STRING"].split("=")[0] == "versioning":
                return self._versioning(environ, start_response)
            if answer is None:
                return list(self._app(environ, start_response))
            if callable(answer):
                return answer(environ, start_response, self._app)
            length = int(environ.get("CONTENT_LENGTH") or 0)
            if length:
                environ["wsgi.input"].read(length)
            status, body = answer
            start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]

    def _versioning(self, environ, start_response):
        """moto calls the document by another name than S3 does."""

        def told(status, headers, exc_info=None):
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
            return start_response(status, headers)

        body = b"".join(self._app(environ, told))
        return [body.replace(b"GetBucketVersioningResponse", b"VersioningConfiguration")]

    def hook(self, function):
        """Calls `function(request)` before each answer, until `unhook`."""
        self._hook = function

    def unhook(self):
        self._hook = None

    # The writer whom nobody sees coming.

    def _backend(self):
        return s3_backends[ACCOUNT][PARTITION]

    def bucket(self, name):
        with self._turn:
            self._backend().create_bucket(name, "us-east-1")

    def stamp(self, bucket, key, seconds):
        """As if the server's clock had been so far ahead when this was written."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        stored = self._backend().buckets[bucket].keys.get(key)
        if stored is not None:
            stored.last_modified = now + datetime.timedelta(seconds=seconds)

    def keep_versions(self, bucket):
        with self._turn:
            self._backend().put_bucket_versioning(bucket, "Enabled")

    def later(self):
        """Lets ten minutes go by for the writer: what is written next is younger."""
        self._minutes += 10

    def write(self, bucket, key, body, storage_class="STANDARD", at=None):
        with self._turn:
            stored = self._backend().put_object(bucket, key, body, storage=storage_class)
            minutes = self._minutes if at is None else at
            stored.last_modified = self._begin + datetime.timedelta(minutes=minutes)
            return stored

    def write_in_parts(self, bucket, key, body, part):
        """As an upload of parts would leave it: the entity tag is no MD5 of the bytes."""
        with self._turn:
            backend = self._backend()
            upload = backend.create_multipart_upload(bucket, key, {}, "STANDARD", [], None, None, None).id
            parts = []
            for number, at in enumerate(range(0, len(body), part), 1):
                piece = backend.upload_part(bucket, upload, number, body[at : at + part])
                parts.append((number, piece.etag))
            stored = backend.complete_multipart_upload(bucket, upload, parts)
            stored.last_modified = self._begin + datetime.timedelta(minutes=self._minutes)

    def delete(self, bucket, key):
        with self._turn:
            self._backend().delete_object(bucket, key)

    def empty(self, bucket):
        for key in self.everything(bucket):
            self.delete(bucket, key)

    def everything(self, bucket):
        """Key to bytes, whatever is there."""
        with self._turn:
            if bucket not in self._backend().buckets:
                return {}
            keys = self._backend().buckets[bucket].keys
            # Where versions are kept, the latest may be a note that it was deleted.
            there = {name: keys[name] for name in sorted(keys)}
            return {name: stored.value for name, stored in there.items() if hasattr(stored, "value")}

    def files(self, bucket):
        """Key to bytes, as somebody sees it who uses the bucket."""
        return {key: body for key, body in self.everything(bucket).items() if not key.startswith(RESERVED)}


class Request:
    """What a hook sees."""

    def __init__(self, environ):
        self.environ = environ
        self.method = environ["REQUEST_METHOD"]
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        self.bucket, _, self.key = path.lstrip("/").partition("/")
        self.query = environ.get("QUERY_STRING", "")

    @property
    def lists(self):
        """Whether it asks for a page of objects, in either version of the request."""
        first = self.query.split("&")[0].split("=")[0]
        return self.method == "GET" and self.bucket != "" and self.key == "" and first not in SUBRESOURCES

    @property
    def writes(self):
        """Whether an object of a client is written: not a marker, not what is kept."""
        return self.method == "PUT" and self.key != "" and not self.key.startswith(RESERVED)

    @property
    def deletes(self):
        single = self.method == "DELETE" and self.key != "" and not self.key.startswith(RESERVED)
        return single or (self.method == "POST" and "delete" in self.query.split("&")[0])
