"""The programs that are compared, each with two buckets of the lab: `left` (the storage) and `right` (the bucket)."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import lab as lab_module

PATIENCE = 180


class Told:
    """How a program ended: whether it says that all is well, and what it said."""

    def __init__(self, fine, text, stopped=False):
        self.fine, self.text, self.stopped = fine, text, stopped


def environment(home):
    """Nothing of the machine's own settings."""
    return {"PATH": os.environ["PATH"], "HOME": str(home)}


class Program:
    """A program that is started anew for each synchronisation."""

    def __init__(self, lab, scratch, binaries):
        self.lab, self.scratch, self.binaries = lab, pathlib.Path(scratch), binaries
        self.running = None

    def fresh(self, left, right):
        self.left, self.right = left, right
        self.home = self.scratch / left
        self.home.mkdir(parents=True)

    def version(self):
        raise NotImplementedError

    def backups(self):
        """Other buckets in which the program keeps what it replaces."""
        return []

    def connect(self):
        """The first synchronisation."""
        return self.sync()

    def killed(self):
        """Whether the last synchronisation was ended by `kill`."""
        return self.running is not None and self.running.returncode == -signal.SIGKILL

    def kill(self):
        """Ends the program under way, as a power cut would."""
        self.running.send_signal(signal.SIGKILL)

    def after_kill(self):
        """What somebody does who finds the machine running again: the same as ever."""
        return self.sync()

    def restore(self):
        """Takes the last synchronisation back; none if there is no such thing."""
        return None

    def close(self):
        pass

    def run(self, command, env=None):
        self.running = subprocess.Popen(
            command, env=environment(self.home) | (env or {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        )
        text, _ = self.running.communicate(timeout=PATIENCE)
        return Told(self.running.returncode == 0, text)


class Bisync(Program):
    """`rclone bisync` as its manual introduces it."""

    name = "rclone bisync"
    flags = []

    def version(self):
        return subprocess.run([self.binaries["rclone"], "version"], capture_output=True, text=True).stdout.split()[1]

    def fresh(self, left, right):
        super().fresh(left, right)
        self.config = self.home / "rclone.conf"
        self.config.write_text(
            "[lab]\ntype = s3\nprovider = Other\nregion = us-east-1\nlist_url_encode = true\nno_check_bucket = true\n"
            f"endpoint = {self.lab.endpoint}\naccess_key_id = {lab_module.ACCESS_KEY}\nsecret_access_key = {lab_module.SECRET}\n"
        )

    def command(self, *more):
        words = [self.binaries["rclone"], "--config", self.config, "--retries", "1", "--low-level-retries", "2"]
        words += ["--workdir", self.home / "work", "bisync", f"lab:{self.left}", f"lab:{self.right}", "-v"]
        return [str(word) for word in [*words, *self.flags, *more]]

    def connect(self):
        return self.run(self.command("--resync"))

    def sync(self):
        return self.run(self.command())


class CarefulBisync(Bisync):
    """With what its manual offers for safety."""

    name = "rclone bisync, careful"
    flags = ["--resilient", "--recover", "--max-lock", "2m", "--compare", "size,modtime,checksum"]

    def backups(self):
        return [f"{self.left}-kept", f"{self.right}-kept"]

    def fresh(self, left, right):
        super().fresh(left, right)
        for bucket in self.backups():
            self.lab.bucket(bucket)
        self.flags = [*type(self).flags, "--backup-dir1", f"lab:{left}-kept", "--backup-dir2", f"lab:{right}-kept"]

    def after_kill(self):
        # Its lock is given up after two minutes, the least that it takes.
        time.sleep(125)
        return self.sync()


class AwsSync(Program):
    """`aws s3 sync` one way and then the other."""

    name = "aws s3 sync, both ways"

    def version(self):
        told = subprocess.run([self.binaries["aws"], "--version"], capture_output=True, text=True)
        return told.stdout.split()[0].partition("/")[2]

    def aws(self, *words):
        # An answer of 500 is met with as many tries as rclone has.
        env = {
            "AWS_ACCESS_KEY_ID": lab_module.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": lab_module.SECRET,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "2",
        }
        return self.run([str(self.binaries["aws"]), "--endpoint-url", self.lab.endpoint, "s3", "sync", *words], env)

    def sync(self):
        there = self.aws(f"s3://{self.left}", f"s3://{self.right}")
        if not there.fine:
            return there
        back = self.aws(f"s3://{self.right}", f"s3://{self.left}")
        return Told(there.fine and back.fine, there.text + back.text)


class AwsMirror(AwsSync):
    """`aws s3 sync --delete` from the storage to the bucket, which is what is run by a timer to keep a bucket the same."""

    name = "aws s3 sync --delete"

    def connect(self):
        return AwsSync.sync(self)

    def sync(self):
        return self.aws("--delete", f"s3://{self.left}", f"s3://{self.right}")


class Portcullis(Program):
    """A two-way plan with its defaults, run as it stands. What a guard holds back stays."""

    name = "Portcullis"
    password = "a password of the comparison"

    def __init__(self, lab, scratch, binaries):
        super().__init__(lab, scratch, binaries)
        self.data = self.scratch / "portcullis"
        self.boot()

    def version(self):
        told = subprocess.run([self.binaries["portcullis"], "--version"], capture_output=True, text=True)
        return told.stdout.split()[1]

    def boot(self):
        self.data.mkdir(parents=True, exist_ok=True)
        endpoints = self.data / "data" / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        log = open(self.data / "log", "ab")
        self.running = subprocess.Popen(
            [self.binaries["portcullis"], "serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0",
             "--allow-private-endpoints", "127.0.0.0/8", "--data-dir", self.data / "data"],
            env=environment(self.data) | {"PORTCULLIS_ADMIN_PASSWORD": self.password},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        end = time.monotonic() + PATIENCE
        while not endpoints.exists():
            if self.running.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Portcullis did not start; see {self.data / 'log'}")
            time.sleep(0.02)
        self.web, self.token = json.loads(endpoints.read_text())["web"], None
        self.token = self.rest("POST", "/sessions", {"username": "admin", "password": self.password})["token"]

    def rest(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.web}/api/v1{path}", data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            raise Refused(method, path, refused.code, refused.read().decode()) from refused

    def storage(self, bucket):
        form = {
            "name": bucket, "provider": "s3", "preset": "other", "endpoint": self.lab.endpoint, "bucket": bucket,
            "access_key_id": lab_module.ACCESS_KEY, "secret_access_key": lab_module.SECRET,
        }
        return self.rest("POST", "/storages", form)["id"]

    def fresh(self, left, right):
        super().fresh(left, right)
        self.sides = self.storage(left), self.storage(right)
        self.last = None

    def settled(self, path, under_way):
        end = time.monotonic() + PATIENCE
        while True:
            seen = self.rest("GET", path)
            if seen["state"] not in under_way:
                return seen
            if time.monotonic() > end:
                raise RuntimeError(f"{path} does not end: {seen}")
            time.sleep(0.05)

    def plan(self):
        left, right = self.sides
        draft = {"with": {"storage": right}, "mode": "two_way"}
        made = self.rest("POST", f"/storages/{left}/sync-plans", draft)
        return self.settled(f"/sync-plans/{made['id']}", ["planning"])

    def run_plan(self, plan):
        run = self.rest("POST", f"/sync-plans/{plan['id']}/run", {})
        self.last = run["id"]
        return self.watch()

    def watch(self):
        try:
            run = self.settled(f"/sync-runs/{self.last}", ["waiting", "running", "settling"])
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            self.running.wait(PATIENCE)
            return Told(False, "killed")
        return Told(run["state"] == "done", json.dumps(run))

    def sync(self):
        plan = self.plan()
        if plan["state"] == "failed" or plan["guards"]:
            return Told(False, json.dumps(plan), stopped=True)
        return self.run_plan(plan)

    def after_kill(self):
        self.boot()
        return self.watch()

    def restore(self):
        plan = self.rest("POST", f"/sync-runs/{self.last}/restore", {})
        return self.run_plan(self.settled(f"/sync-plans/{plan['id']}", ["planning"]))

    def close(self):
        self.running.kill()
        self.running.wait()


class Refused(Exception):
    """An answer of 4xx or 5xx."""

    def __init__(self, method, path, code, body):
        super().__init__(f"{method} {path}: {code} {body}")
        self.code, self.body = code, body


ALL = [Portcullis, Bisync, CarefulBisync, AwsSync, AwsMirror]


def binaries(portcullis, tools):
    """Where the programs are."""
    found = {"portcullis": portcullis, "rclone": tools / "rclone", "aws": tools / "aws"}
    for name, path in found.items():
        if not shutil.which(path):
            raise SystemExit(f"{name} is not at {path}; scripts/test installs what is needed")
    return found
