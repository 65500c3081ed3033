# SPDX-License-Identifier: EUPL-1.2
"""What is measured of daemons, and the records that they are given."""
import concurrent.futures
import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from federation import BIN, Failed, Federation, ROOT, until  # noqa: E402

PROGRAMS = os.path.join(ROOT, "build", "plain", "tests", "bench")
FIRST_SEAL_S = 2.2  # a node that has just started waits so long for a peer's word before it signs
MILLION = 1000000
# What makes a value a record of some 200 bytes; tests/bench/floor/input.c makes the same.
OPTIONS = ["--tlp", "green", "--confidence", "80", "--valid-days", "90", "--label", "attack:T1566.002",
           "--label", "phase:delivery", "--label", "malware:lumma-stealer"]


# --- a disk --------------------------------------------------------------------------------------

def on_a_disk():
    """Temporary files go where syncing means something: never into memory."""
    def in_memory(path):
        best, kind = "", ""
        with open("/proc/mounts", encoding="utf-8") as f:
            for line in f:
                _, at, fs = line.split()[:3]
                if (path + "/").startswith(at.rstrip("/") + "/") and len(at) > len(best):
                    best, kind = at, fs
        return kind in ("tmpfs", "ramfs")
    if in_memory(os.path.realpath(tempfile.gettempdir())):
        tempfile.tempdir = os.path.join(ROOT, "build", "bench")
        os.makedirs(tempfile.tempdir, exist_ok=True)


def disk_free():
    return shutil.disk_usage(tempfile.gettempdir()).free


def hundredth(times):
    """The 99th percentile of what is sorted."""
    return times[max(0, round(len(times) * 0.99) - 1)]


def synced_writes_ms(folder, count):
    """What the disk takes for what a record published alone waits for once at each node."""
    path, took = os.path.join(folder, "synced"), []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_DSYNC, 0o600)
    try:
        os.pwrite(fd, bytes(2 * 65536), 0)
        for i in range(count):
            block = os.urandom(4096)
            time.sleep(0.01)
            begin = time.perf_counter()
            os.pwrite(fd, block, i % 2 * 65536)
            took.append((time.perf_counter() - begin) * 1000)
    finally:
        os.close(fd)
        os.unlink(path)
    return took


# --- records -------------------------------------------------------------------------------------

WORDS = ["mail", "cdn", "login", "update", "static", "secure", "api", "img", "shop", "news"]
TLDS = ["com", "net", "org", "top", "xyz", "info", "ru", "cn", "site", "online"]
FIRST = [5, 23, 45, 77, 91, 185, 193, 31, 37, 46, 62, 78, 79, 80, 81, 82]


def value_of(i):
    """Half domains, a fifth addresses, a fifth URLs, a tenth hashes; none of them special, and no two
    the same."""
    kind = i % 10
    digest = hashlib.sha256(b"%d" % i).hexdigest()
    if kind < 5:
        return f"{WORDS[i // 10 % 10]}.{digest[:14]}.{TLDS[int(digest[-1], 16) % 10]}\n"
    if kind < 7:
        return f"{FIRST[i >> 24 & 15]}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n"
    if kind < 9:
        return f"http://{digest[:10]}.{TLDS[int(digest[-1], 16) % 10]}/{digest[10:30]}.php?id={i}\n"
    return digest + "\n"


def _part(path, first, count):
    with open(path, "w", encoding="utf-8") as f:
        for i in range(first, first + count, 1000):
            f.write("".join(map(value_of, range(i, min(i + 1000, first + count)))))


def mixed(path, count, first=0):
    _part(path, first, count)


def mixed_lists(folder, records, each=MILLION):
    """The paths of lists of so many records each, made on all processors."""
    counts = [min(each, records - first) for first in range(0, records, each)]
    paths = [os.path.join(folder, f"mixed-{i}.txt") for i in range(len(counts))]
    with concurrent.futures.ProcessPoolExecutor() as pool:
        done = [pool.submit(_part, path, i * each, count)
                for i, (path, count) in enumerate(zip(paths, counts))]
        for d in done:
            d.result()
    return paths


# --- processes -----------------------------------------------------------------------------------

def thread_seconds(pid):
    """CPU seconds by thread name: the split by stage."""
    ticks = os.sysconf("SC_CLK_TCK")
    out = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat", encoding="utf-8") as f:
            text = f.read()
        name = text[text.index("(") + 1:text.rindex(")")]
        name = "loop" if name == "entented" else name
        fields = text[text.rindex(")") + 2:].split()
        out[name] = out.get(name, 0) + (int(fields[11]) + int(fields[12])) / ticks
    return out


def cpu_split(before, after, records):
    """us a record by thread, from 0.005 on."""
    parts = {k: (after[k] - before.get(k, 0)) / records * 1e6 for k in after}
    return {k: v for k, v in sorted(parts.items()) if v >= 0.005}


def cpu_seconds(pid):
    """Of the whole process, threads that have ended included."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def anonymous_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        for line in f:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) / 1024
    raise Failed("no Anonymous: in smaps_rollup")


def written_bytes(pid):
    with open(f"/proc/{pid}/io", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("write_bytes:"))


class Peak(threading.Thread):
    """The most anonymous memory that one of the nodes has, looked at five times a second."""

    def __init__(self, *nodes):
        super().__init__(daemon=True)
        self.pids, self.most, self.over = [n.process.pid for n in nodes], 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.2):
            try:
                self.most = max([self.most] + [anonymous_mb(pid) for pid in self.pids])
            except OSError:
                return

    def end(self):
        self.over.set()
        self.join()
        return self.most


def program(name, *args, fails=False):
    """What a program of this folder prints."""
    done = subprocess.run([os.path.join(PROGRAMS, name), *map(str, args)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0 and not (fails and done.stdout):
        raise Failed(f"{name} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def look_up(node, count, lists):
    """Random values of the lists, in the store of a node; all must be found."""
    said = json.loads(program("bench_lookup", os.path.join(node.home, "data"), count, *lists, fails=True))
    if said["found"] != said["asked"]:
        raise Failed(f"of {said['asked']} random look-ups {said['found']} found something")
    return said


def disk_bytes(node):
    """Everything below the node's directory, as the file system counts it."""
    return sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
               for folder, _, names in os.walk(node.home) for name in names)


# --- the control socket --------------------------------------------------------------------------

def control_path(node):
    return os.path.join(node.home, "run", "control.sock")


def ask(node, seconds=60, **request):
    """One request to a daemon without a command in between (node/control/control.h)."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(seconds + 10)
        s.connect(control_path(node))
        text = json.dumps(request).encode()
        s.sendall(struct.pack(">IB", len(text), ord("J")) + text)
        data = b""
        while len(data) < 5 or len(data) < 5 + struct.unpack(">I", data[:4])[0]:
            more = s.recv(1 << 20)
            if not more:
                raise Failed(f"{node.name}: no answer to {request}")
            data += more
    answer = json.loads(data[5:])
    if not answer.get("ok"):
        raise Failed(f"{node.name}: {request}: {answer}")
    return answer


def wait_indexed(node, origin, size, seconds=600, audience="green"):
    """The feed is durable up to there at the node, and indexed; it says so itself."""
    until(lambda: node.feed(origin, audience), seconds, f"{node.name} knows {origin.name}/{audience}")
    ask(node, seconds, command="wait", feed=f"{origin.id}/{audience}", size=size, timeout_ms=seconds * 1000)


# --- two nodes -----------------------------------------------------------------------------------

# Six hundred million records a day and more: what an agreement gives by itself is 5 million.
ALL_DAY = [x for name in "ab" for x in
           ("--quota", f"{name}=1000000000 records/day 900 GiB/day 100 origins")]


class Pair:
    """Two nodes that agree; the first publishes, the second receives."""

    def __enter__(self):
        self.fed = Federation().__enter__()
        try:
            self.a, self.b = self.fed.add("a", "b")
            self.fed.agree("a", "b", gives={"a": "clear,green", "b": "clear,green"},
                           options=ALL_DAY)
            self.fed.start()
            self.fed.wait_connected()
            time.sleep(FIRST_SEAL_S)
        except BaseException:
            self.fed.__exit__(*sys.exc_info())
            raise
        self.size = 0
        return self

    def __exit__(self, *exc):
        self.fed.__exit__(*exc)

    def publish(self, path):
        """Seconds from the start of the publish command until it was done, until everything was durable
        and indexed at the second node, and what the command said."""
        began = time.monotonic()
        out = subprocess.run([os.path.join(BIN, "entente"), "--home", self.a.home, "publish", *OPTIONS,
                              "--json", path], stdout=subprocess.PIPE, text=True, check=False)
        published = time.monotonic() - began
        if out.returncode != 0:
            raise Failed(f"publish ended with {out.returncode}: {out.stdout[:500]}")
        done = json.loads(out.stdout)
        self.size = done["feeds"][0]["size"]
        wait_indexed(self.b, self.a, self.size)
        took = time.monotonic() - began
        if done["published"] != done["read"]:
            raise Failed(f"of {done['read']} records {done['published']} were published: "
                         f"{done['refused'][:3]}")
        return published, took, done

    def latencies_ms(self, count, a_second=100):
        """Of single records: until they were durable at the second node, until they were found there;
        each sorted."""
        said = program("bench_latency", control_path(self.a), control_path(self.b),
                       f"{self.a.id}/green", self.size, count, a_second)
        self.size += count
        return [sorted(int(us) / 1000 for us in column)
                for column in zip(*map(str.split, said.splitlines()))]

    def quiet(self, seconds=90):
        """Waits until both have nothing to do any more, merging included."""
        end = time.monotonic() + seconds
        used = lambda: sum(cpu_seconds(n.process.pid) for n in (self.a, self.b))  # noqa: E731
        before = used()
        while time.monotonic() < end:
            time.sleep(1)
            now = used()
            if now - before < 0.04:
                return
            before = now

    def check(self, lists, verify=True):
        """Counts, roots, a thousand look-ups at the second node, and its whole tree. Gives what the
        verifying walk said."""
        feeds = [n.feed(self.a, "green") for n in (self.a, self.b)]
        for f in feeds:
            if f["held"] != self.size or f["size"] != self.size:
                raise Failed(f"{self.size} records were published, and a node says {f}")
        if feeds[0]["root"] != feeds[1]["root"]:
            raise Failed("the two nodes do not have the same root")
        status = self.b.status()
        if status["records"] != self.size or status["values"] != self.size:
            raise Failed(f"{self.size} records with as many values, and the index has "
                         f"{status['records']} and {status['values']}")
        look_up(self.b, 1000, lists)
        if not verify:
            return None
        said = json.loads(program("bench_verify", self.b.home))
        if said["entries"] < self.size or said["bodies"] < self.size or said["signatures"] < 1:
            raise Failed(f"the verifying walk saw too little: {said}")
        return said
