"""The cases. Each says what is on both sides, what happens, which contents nobody meant to lose, and how it should end.

A verdict is one of these, worst first:

* `LOST` – bytes that nobody replaced or deleted cannot be reached any more, nowhere.
* `wrongly deleted` – files were deleted that nobody had deleted; their bytes are still somewhere.
* `undone` – what somebody did (an edit, a deletion) was reversed.
* `not seen` – both sides differ, and the program says that all is well.
* `stuck` – the program does not go on by itself; somebody has to repair it.
* `no way back` – a deed that the case wants undone cannot be.
* `ok`
"""

import pathlib
import re
import unicodedata

ORDER = ["LOST", "wrongly deleted", "undone", "not seen", "stuck", "no way back", "ok"]
CASES = []


def case(title):
    """Registers a case under its title."""

    def keep(function):
        CASES.append((title, function))
        return function

    return keep


class World:
    """Two buckets, the program, and what must not be lost."""

    def __init__(self, lab, tool, name):
        self.lab, self.tool = lab, tool
        self.left, self.right = f"{name}-left", f"{name}-right"
        lab.bucket(self.left)
        lab.bucket(self.right)
        self.precious = set()
        tool.fresh(self.left, self.right)

    def put(self, side, key, body, **more):
        """Somebody writes bytes that nobody means to lose."""
        self.lab.write(getattr(self, side), key, body, **more)
        self.precious.add(body)

    def both(self, count, folder="files"):
        """The same files on both sides."""
        for number in range(count):
            for bucket in (self.left, self.right):
                self.lab.write(bucket, f"{folder}/{number:03}.txt", f"file {number} of {folder}".encode())

    def agreed(self, *files):
        """Files that both sides have and the program knows of."""
        self.both(30)
        for key, body in files:
            for bucket in (self.left, self.right):
                self.lab.write(bucket, key, body)
        told = self.tool.connect()
        if not told.fine:
            raise AssertionError(f"{self.tool.name} does not connect equal sides:\n{told.text}")
        self.lab.later()

    def routine(self):
        """One more synchronisation as on any other day: some programs keep more for a repair from then on."""
        self.lab.write(self.left, "files/routine.txt", b"an ordinary day")
        told = self.tool.sync()
        if not told.fine or "files/routine.txt" not in self.files("right"):
            raise AssertionError(f"{self.tool.name} does not copy a new file:\n{told.text}")
        self.lab.later()

    def delete(self, side, key):
        self.lab.delete(getattr(self, side), key)

    def files(self, side):
        return self.lab.files(getattr(self, side))

    def lost(self):
        """Precious bytes that are nowhere: in no bucket, and not where the program keeps things."""
        kept = set()
        for bucket in [self.left, self.right, *self.tool.backups()]:
            kept.update(self.lab.everything(bucket).values())
        return self.precious - kept

    def end(self, told, *checks, may_stop=False):
        """The worst of what is wrong; `checks` are pairs of a verdict and whether it is deserved."""
        wrong = ["LOST"] if self.lost() else []
        wrong += [verdict for verdict, deserved in checks if deserved]
        if not told.fine and not may_stop:
            wrong.append("stuck")
        if told.fine and self.files("left") != self.files("right"):
            wrong.append("not seen")
        return min(wrong, key=ORDER.index, default="ok")


# Connecting what exists.


@case("connecting: a file differs, the bucket's is younger")
def connect_bucket_younger(w):
    w.both(30)
    w.put("left", "report.txt", b"the storage's report")
    w.lab.later()
    w.put("right", "report.txt", b"the bucket's report, younger")
    return w.end(w.tool.connect())


@case("connecting: a file differs, the storage's is younger")
def connect_storage_younger(w):
    w.both(30)
    w.put("right", "report.txt", b"the bucket's report")
    w.lab.later()
    w.put("left", "report.txt", b"the storage's report, younger")
    return w.end(w.tool.connect())


@case("connecting: same size, same time, other bytes")
def connect_same_size(w):
    w.both(30)
    w.put("left", "photo.jpg", b"AAAAAAAAAA")
    w.put("right", "photo.jpg", b"BBBBBBBBBB")
    return w.end(w.tool.connect())


@case("connecting: same bytes, uploaded in parts on one side")
def connect_parts(w):
    body = bytes(range(256)) * (11 << 12)
    w.both(30)
    w.put("left", "disk.img", body)
    w.lab.write_in_parts(w.right, "disk.img", body, 5 << 20)
    told = w.tool.connect()
    doubled = [key for key in w.files("left") if key != "disk.img" and not key.startswith("files/")]
    return w.end(told, ("undone", bool(doubled)))


@case("connecting: one name, two ways to write its é")
def connect_unicode(w):
    w.both(30)
    w.put("left", unicodedata.normalize("NFC", "café.txt"), b"composed")
    w.put("right", unicodedata.normalize("NFD", "café.txt"), b"decomposed, and longer")
    return w.end(w.tool.connect())


@case("connecting: `a` and `a/b` are both files")
def connect_file_and_folder(w):
    w.both(30)
    w.put("left", "a", b"the file a")
    w.put("right", "a/b", b"the file b in a")
    return w.end(w.tool.connect())


# Later changes.


@case("edited on both sides")
def edited_both(w):
    w.agreed(("plan.txt", b"first"))
    w.put("left", "plan.txt", b"the storage's second")
    w.lab.later()
    w.put("right", "plan.txt", b"the bucket's second, a bit later")
    return w.end(w.tool.sync())


@case("deleted in the storage, edited in the bucket")
def deleted_edited(w):
    w.agreed(("plan.txt", b"first"))
    w.delete("left", "plan.txt")
    w.put("right", "plan.txt", b"the bucket's second")
    return w.end(w.tool.sync())


@case("edited in the storage, deleted in the bucket")
def edited_deleted(w):
    w.agreed(("plan.txt", b"first"))
    w.put("left", "plan.txt", b"the storage's second")
    w.delete("right", "plan.txt")
    return w.end(w.tool.sync())


@case("edited in the bucket, same size")
def edited_same_size(w):
    w.agreed(("plan.txt", b"AAAA"))
    w.put("right", "plan.txt", b"BBBB")
    told = w.tool.sync()
    return w.end(told, ("undone", w.files("right").get("plan.txt") != b"BBBB"))


@case("edited in the storage, same size, the time set back")
def edited_same_time(w):
    w.agreed(("plan.txt", b"AAAA"))
    w.put("left", "plan.txt", b"BBBB", at=0)
    told = w.tool.sync()
    return w.end(told, ("undone", w.files("left").get("plan.txt") != b"BBBB"))


@case("deleted in the bucket")
def deleted_in_bucket(w):
    w.agreed(("old.txt", b"no longer wanted"))
    w.delete("right", "old.txt")
    told = w.tool.sync()
    return w.end(told, ("undone", "old.txt" in w.files("right")))


@case("deleted in the storage")
def deleted_in_storage(w):
    w.agreed(("old.txt", b"no longer wanted"))
    w.delete("left", "old.txt")
    told = w.tool.sync()
    return w.end(told, ("undone", "old.txt" in w.files("left")))


# Somebody else writes at the same time.


@case("somebody writes to the bucket while the storage's edit is on its way")
def written_meanwhile(w):
    w.agreed(("shared.txt", b"first"))
    w.put("left", "shared.txt", b"the storage's second")

    def hook(request):
        if request.bucket == w.right and request.key == "shared.txt" and request.writes:
            w.lab.unhook()
            w.put("right", "shared.txt", b"somebody's second, just now")

    w.lab.hook(hook)
    told = w.tool.sync()
    w.lab.unhook()
    if b"somebody's second, just now" not in w.precious:
        raise AssertionError(f"{w.tool.name} never wrote:\n{told.text}")
    return settle(w, told)


@case("somebody writes to the bucket while a deletion is on its way")
def written_before_deletion(w):
    w.agreed(("shared.txt", b"first"))
    w.delete("left", "shared.txt")

    def hook(request):
        if request.bucket == w.right and request.deletes:
            w.lab.unhook()
            w.put("right", "shared.txt", b"somebody's second, just now")

    w.lab.hook(hook)
    told = w.tool.sync()
    w.lab.unhook()
    return settle(w, told)


def settle(w, told):
    """What was in the way is seen to by the next one: so it is with every program."""
    if not told.fine:
        told = w.tool.sync()
    return w.end(told)


# The provider misbehaves.


@case("the bucket's listing ends after 60 of 100 files and says it is whole")
def short_listing_of_bucket(w):
    return short_listing(w, "right")


@case("the same with the storage's listing")
def short_listing_of_storage(w):
    return short_listing(w, "left")


def short_listing(w, side):
    w.both(70, "many")
    w.agreed()
    w.precious.update(w.files(side).values())
    before = w.files("left"), w.files("right")
    bucket = getattr(w, side)
    w.lab.hook(lambda request: only(request, 60) if request.bucket == bucket and request.lists else None)
    told = w.tool.sync()
    w.lab.unhook()
    return w.end(told, ("wrongly deleted", (w.files("left"), w.files("right")) != before), may_stop=True)


def only(request, most):
    """Answers a listing with no more than so many keys of all, as if these were all."""

    def answer(environ, start_response, app):
        told = {}

        def remember(status, headers, exc_info=None):
            told["status"], told["headers"] = status, headers

        body = b"".join(app(environ, remember))
        entries = list(re.finditer(rb"<Contents>.*?</Contents>", body, re.S))
        if len(entries) > most:
            body = body[: entries[most].start()] + body[entries[-1].end() :]
            body = re.sub(rb"<IsTruncated>true</IsTruncated>", b"<IsTruncated>false</IsTruncated>", body)
            body = re.sub(rb"<NextContinuationToken>.*?</NextContinuationToken>", b"", body)
            body = re.sub(rb"<KeyCount>\d+</KeyCount>", b"<KeyCount>%d</KeyCount>" % most, body)
        headers = [(name, value) for name, value in told["headers"] if name.lower() != "content-length"]
        start_response(told["status"], [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return answer


@case("the bucket is suddenly empty")
def emptied(w):
    w.agreed()
    w.precious.update(w.files("left").values())
    before = w.files("left")
    w.lab.empty(w.right)
    told = w.tool.sync()
    return w.end(told, ("wrongly deleted", w.files("left") != before), may_stop=True)


@case("four of ten files are suddenly gone from the bucket")
def mass_deletion(w):
    w.both(70, "more")
    w.agreed()
    w.precious.update(w.files("left").values())
    for number in range(40):
        w.delete("right", f"more/{number:03}.txt")
    return w.end(w.tool.sync(), may_stop=True)


@case("six of ten files in the bucket are suddenly overwritten with noise")
def mass_change(w):
    w.both(70, "more")
    w.agreed()
    w.precious.update(w.files("left").values())
    for number in range(60):
        w.lab.write(w.right, f"more/{number:03}.txt", f"\x93\x17 noise {number} ".encode() * 4)
    return w.end(w.tool.sync(), may_stop=True)


@case("one upload fails with 500, again and again; then once more without")
def failing_upload(w):
    w.agreed(("broken.txt", b"first"))
    w.routine()
    w.put("left", "broken.txt", b"the storage's second")
    w.put("left", "fine.txt", b"a new one")
    w.delete("right", "files/000.txt")

    def fails(request):
        if request.bucket == w.right and request.key == "broken.txt" and request.method in ("PUT", "POST"):
            return ("500 Internal Server Error", b"<Error><Code>InternalError</Code></Error>")
        return None

    w.lab.hook(fails)
    w.tool.sync()
    w.lab.unhook()
    told = w.tool.sync()
    broken = w.files("right").get("broken.txt") != b"the storage's second"
    revived = "files/000.txt" in w.files("right")
    return w.end(told, ("stuck", broken), ("undone", revived))


@case("`kill -9` in the middle; then the same again")
def killed(w):
    w.agreed(("old.txt", b"no longer wanted"))
    w.routine()
    for number in range(40):
        w.put("left", f"new/{number:03}.txt", f"new {number}".encode())
    w.delete("right", "old.txt")
    seen = []

    def hook(request):
        if request.bucket == w.right and request.writes:
            seen.append(request.key)
            if len(seen) == 20:
                w.lab.unhook()
                w.tool.kill()

    w.lab.hook(hook)
    w.tool.sync()
    w.lab.unhook()
    if len(seen) < 20:
        raise AssertionError(f"{w.tool.name} was never killed")
    told = w.tool.after_kill()
    missing = any(f"new/{number:03}.txt" not in w.files("right") for number in range(40))
    return w.end(told, ("stuck", missing), ("undone", "old.txt" in w.files("right")))


@case("taking the last synchronisation back")
def taken_back(w):
    w.agreed(("edited.txt", b"first"), ("deleted.txt", b"precious after all"))
    w.put("left", "edited.txt", b"a wrong second")
    w.put("left", "new.txt", b"a new one")
    w.delete("left", "deleted.txt")
    before = w.files("left"), w.files("right")
    if not w.tool.sync().fine:
        return "stuck"
    told = w.tool.restore()
    back = told is not None and told.fine and (w.files("left"), w.files("right")) == before
    return "ok" if back else "no way back"


def run(lab, tool, number, title, function):
    """One case with one program."""
    name = f"c{number:02}-{pathlib.PurePath(type(tool).__name__.lower())}"
    lab.unhook()
    lab._minutes = 10
    world = World(lab, tool, name)
    return function(world)
