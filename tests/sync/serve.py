"""The lab for tests in another language: the first line printed is the endpoint; then a line of JSON in, a line of JSON out.

    {"do": "bucket", "bucket": B, "versions": true?}    {"do": "write", "bucket": B, "key": K, "text": T, "class": C?}
    {"do": "delete", "bucket": B, "key": K}             {"do": "files", "bucket": B}   {"do": "everything", "bucket": B}
    {"do": "ahead", "seconds": N}  the server's clock, as it tells it, is so far ahead
"""

import email.utils
import json
import sys
import time

sys.dont_write_bytecode = True

from lab import Lab  # noqa: E402


def ahead(lab, seconds):
    """Tells another time than it is, from now on."""

    def answer(environ, start_response, app):
        def tell(status, headers, exc_info=None):
            headers = [(name, value) for name, value in headers if name.lower() != "date"]
            return start_response(status, [*headers, ("Date", email.utils.formatdate(time.time() + seconds, usegmt=True))])

        return list(app(environ, tell))

    lab.hook(lambda _request: answer)


def do(lab, asked):
    bucket = asked.get("bucket")
    match asked["do"]:
        case "bucket":
            lab.bucket(bucket)
            if asked.get("versions"):
                lab.keep_versions(bucket)
        case "write":
            lab.later()
            lab.write(bucket, asked["key"], asked["text"].encode(), storage_class=asked.get("class") or "STANDARD")
        case "delete":
            lab.delete(bucket, asked["key"])
        case "files":
            return {key: body.decode() for key, body in lab.files(bucket).items()}
        case "everything":
            return {key: body.decode() for key, body in lab.everything(bucket).items()}
        case "ahead":
            ahead(lab, asked["seconds"])
    return None


def main():
    lab = Lab()
    print(lab.endpoint, flush=True)
    for line in sys.stdin:
        print(json.dumps(do(lab, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
