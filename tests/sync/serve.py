"""The lab for tests in another language: the first line printed is the endpoint; then a line of JSON in, a line of JSON out.

    {"do": "bucket", "bucket": B, "versions": true?}    {"do": "write", "bucket": B, "key": K, "text": T, "class": C?}
    {"do": "delete", "bucket": B, "key": K}             {"do": "files", "bucket": B}   {"do": "everything", "bucket": B}
    {"do": "ahead", "seconds": N}  the server's clock is so far ahead from now on
"""

import json
import sys

sys.dont_write_bytecode = True

from lab import Lab  # noqa: E402


def ahead(lab, seconds):
    """Stamps what is written from now on with another time than it is."""

    def hook(request):
        def answer(environ, start_response, app):
            told = list(app(environ, start_response))
            lab.stamp(request.bucket, request.key, seconds)
            return told

        return answer if request.method == "PUT" and request.key else None

    lab.hook(hook)


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
