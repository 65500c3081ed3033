# SPDX-License-Identifier: EUPL-1.2
"""Real nodes on loopback: what the integration tests, the demo and the benchmarks drive.

Standard library only. ENTENTE_BIN names the folder of the programs (default build/bin).
"""
import concurrent.futures
import faulthandler
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BIN = os.path.abspath(os.environ.get("ENTENTE_BIN", "build/bin"))
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))  # the second implementation: peer_ref


def sanitised():
    try:
        with open(os.path.join(BIN, "entented"), "rb") as f:
            program = f.read()
        return b"__asan_init" in program or b"__tsan_init" in program
    except OSError:
        return False


# Sanitised programs are slower, and their memory is the sanitiser's: waits are stretched.
SANITISED = sanitised()
PATIENCE = float(os.environ.setdefault("ENTENTE_PATIENCE", "4" if SANITISED else "1"))


class Failed(Exception):
    """Something is not as claimed."""


ports_taken = []  # sockets that say so to all tests of this machine, as long as this process lives


def port_take(port):
    """False when another test has taken it, whose daemon may not listen yet."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(b"\0entente-test-port-%d" % port)  # in no folder: it goes with the process
    except OSError:
        name.close()
        return False
    ports_taken.append(name)
    return True


def free_port():
    """Below the ports that the kernel gives to outgoing connections: those may be taken by one
    before the daemon listens."""
    while True:
        port = random.randrange(12000, 30000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port_take(port):
            return port


# What must happen happens in the end, however busy the machine is: only a failure waits so long.
# Where a test is about speed it measures for itself.
AT_LEAST_S = 45


def until(condition, seconds, what, pause=None):
    """Waits for a condition, never for seconds alone. Gives what the condition gave. Without a pause it
    looks often at first: looking is a command, which keeps from work what is waited for."""
    between = pause or 0.02
    seconds = max(seconds, AT_LEAST_S) * PATIENCE
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds:.0f} s: {what}")
        time.sleep(between)
        if not pause:
            between = min(between * 1.3, 0.4 if SANITISED else 0.15)


def stays(condition, seconds, what):
    """The opposite of waiting: it must be so all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not condition():
            raise Failed(what)
        time.sleep(0.02)


class Result:
    def __init__(self, args, done):
        self.args, self.status, self.out, self.err = args, done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failed(f"no JSON from {' '.join(self.args)}: status {self.status}\n"
                         f"{self.out[:500]}\n{self.err[:2000]}") from None


def entente(*args, home=None, status=0, stdin=None, timeout=120):
    """Runs a command; status None takes any, else it must be that one."""
    command = [os.path.join(BIN, "entente"), *map(str, args)]
    if home:
        command += ["--home", home]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True,
                          timeout=timeout * PATIENCE, check=False)
    result = Result(command, done)
    if status is not None and done.returncode != status:
        raise Failed(f"{' '.join(command)}: status {done.returncode}, wanted {status}\n"
                     f"{done.stdout[:1000]}\n{done.stderr[:3000]}")
    return result


def field(path, key):
    """Of a card or an agreement: the first line of that key."""
    with open(path, encoding="utf-8") as f:
        return next(line.split(": ", 1)[1].strip() for line in f if line.startswith(key + ": "))


class Node:
    def __init__(self, federation, name, endpoint=True, listen=None, enter=()):
        """enter: what comes before the daemon's command (network.py)."""
        self.federation, self.name, self.enter = federation, name, list(enter)
        self.home = os.path.join(federation.dir, name)
        listen = listen or f"127.0.0.1:{free_port()}"
        self.port = int(listen.rsplit(":", 1)[1])
        self.process = None
        self.log = os.path.join(federation.dir, name + ".log")
        self.card = os.path.join(federation.dir, name + ".card")
        args = ["init", "--name", name, "--org", f"CERT-{name.upper()}", "--no-passphrase",
                "--listen", listen]
        if endpoint:
            args += ["--endpoint", listen]
        self.run(*args)
        # What `card export` writes; every command less counts, for there are hundreds of nodes.
        shutil.copy(os.path.join(self.home, "keys", "own.card"), self.card)
        self.id = field(self.card, "node")

    def run(self, *args, **kw):
        return entente(*args, home=self.home, **kw)

    def json(self, *args, status=0, **kw):
        return self.run(*args, "--json", status=status, **kw).json

    def start(self, *args, wait=True, **popen):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.enter, os.path.join(BIN, "entented"), "--home", self.home, *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **popen)
        started.append(self.process)
        if wait:
            self.wait_ready()
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name}: entented ended with {self.process.returncode}\n"
                         f"{self.tail()}")
        try:
            with open(os.path.join(self.home, "run", "ready"), encoding="utf-8") as f:
                return json.load(f)["pid"] == self.process.pid
        except (OSError, ValueError):
            return False

    def wait_ready(self):
        until(self.ready, 20, f"{self.name} ready")

    def dead(self):
        return self.process.poll() is not None

    def up_or_dead(self, what):
        """For one that may die while it starts."""
        def either():
            if self.dead():
                return True
            try:
                return self.ready()
            except Failed:  # it died just now
                return True
        until(either, 20, what)

    def tail(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def stop(self):
        """SIGTERM; the daemon must end by itself with status 0."""
        if not self.process:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.ended()
        if code != 0:
            raise Failed(f"{self.name}: stopped with status {code}\n{self.tail(60)}")

    def ended(self):
        """The daemon ends by itself; gives its exit status."""
        try:
            code = self.process.wait(AT_LEAST_S * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name}: did not end\n{self.tail()}") from None
        self.process = None
        return code

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def status(self):
        return self.json("status")

    def peer(self, name):
        return next((p for p in self.status()["peers"] if p["name"] == name), None)

    def connected(self, *names):
        peers = [p for p in self.status()["peers"] if not names or p["name"] in names]
        return ({p["name"] for p in peers} >= set(names)
                and all(p["state"] == "connected" for p in peers))

    def feed(self, origin, audience):
        for f in self.status()["feeds"]:
            if f["origin"] == origin.id and f["audience"] == audience:
                return f
        return None

    def held(self, origin, audience):
        f = self.feed(origin, audience)
        return f["held"] if f else 0

    def wait_sealed(self):
        """What stands in own feeds stands under a stored checkpoint, a moment after publish."""
        until(lambda: all(f["size"] == f["held"] for f in self.status()["feeds"]), 10,
              f"{self.name}: sealed up to what it holds")

    def wait_held(self, origin, audience, size, seconds=30):
        """The feed is durable here up to size, and indexed."""
        def there():
            return self.held(origin, audience) >= size
        until(there, seconds, f"{self.name} holds {origin.name}/{audience} up to {size}")
        self.run("wait", "--feed", f"{origin.id}/{audience}", "--size", size, "--timeout",
                 int(max(seconds, AT_LEAST_S) * PATIENCE))

    def find(self, value):
        return self.json("find", value, status=None)[0]["claims"]

    def store_holds(self, text):
        """True if the bytes stand anywhere in the node's directory."""
        needle = text.encode()
        for folder, _, files in os.walk(os.path.join(self.home, "data")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    if needle in f.read():
                        return True
        return False


class Federation:
    node_class = Node

    def __init__(self, keep=False):
        self.dir = tempfile.mkdtemp(prefix="entente-")
        self.keep = keep
        self.nodes = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.keep and exc[0] is None:
            return
        for node in self.nodes.values():
            node.kill()
        if exc[0] is None or not os.environ.get("ENTENTE_KEEP_FAILED"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def add(self, *names, **kw):
        for name in names:
            self.nodes[name] = self.node_class(self, name, **kw)
        return [self.nodes[n] for n in names]

    def agree(self, *names, gives=None, types=None, introduces=None, options=(),
              edit=None):
        """An agreement between nodes, signed by all and accepted by all; edit changes its text
        before that. Gives its id."""
        nodes = [self.nodes[n] for n in names]
        first, others = nodes[0], nodes[1:]
        path = os.path.join(self.dir, "-".join(names) + f"-{time.monotonic_ns()}.agreement")
        args = ["agreement", "draft", "-o", path, "--title", " and ".join(names)]
        for other in others:
            args += ["--with", other.card]
        for name, tlps in (gives or {}).items():
            args += ["--gives", f"{name}={tlps}"]
        for name, list_ in (types or {}).items():
            args += ["--types", f"{name}={list_}"]
        if introduces:
            args += ["--introduces", ",".join(introduces)]
        first.run(*args, *options)
        if edit:
            with open(path, encoding="utf-8") as f:
                text = edit(f.read())
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        for node in nodes:
            node.run("agreement", "sign", path)
        for node in nodes:
            cards = [o.card for o in nodes if o is not node]
            node.run("agreement", "accept", path, *cards)
        return field(path, "id")

    def start(self):
        for node in self.nodes.values():
            node.start(wait=False)
        for node in self.nodes.values():
            node.wait_ready()

    def wait_connected(self, seconds=20):
        for node in self.nodes.values():
            until(node.connected, seconds, f"{node.name}: every peer connected", 0.05)

    def stop(self):
        for node in self.nodes.values():
            node.stop()

    def audit(self, *options):
        """What honest nodes hand over gives no breach, whatever has happened to them; of a part of
        the time neither. Gives the paths of the bundles."""
        bundles = []
        for node in self.nodes.values():
            bundles.append(os.path.join(self.dir, f"{node.name}.audit"))
            node.run("audit", "export", *options, "-o", bundles[-1])
        done = subprocess.run([os.path.join(BIN, "entente-audit"), "check", *bundles],
                              capture_output=True, text=True, timeout=120 * PATIENCE, check=False)
        if done.returncode != 0:
            raise Failed(f"honest nodes are accused:\n{done.stdout}\n{done.stderr}")
        return bundles


started = []  # every daemon of this process


def told_to_end(*_):
    """By who has no more patience: says where it stands, and leaves no daemon behind."""
    for daemon in started:
        if daemon.returncode is None:
            daemon.kill()
    print("# told to end; the threads stood here:", flush=True)
    faulthandler.dump_traceback(sys.stdout, all_threads=True)
    os._exit(143)


def data(name):
    return os.path.join(ROOT, "tests", "data", name)


def run_test(test):
    """Whether it held; prints the line that says so."""
    name = test.__name__.removeprefix("test_")
    try:
        skipped = test()
    except Exception as e:  # a test that breaks has failed
        text = str(e) if isinstance(e, Failed) else traceback.format_exc()
        said = f"not ok {name}\n" + "".join(f"# {line}\n" for line in text.splitlines())
        held = False
    else:
        said = f"skip {name} # {skipped}\n" if skipped else f"ok {name}\n"
        held = True
    print(said, end="", flush=True)
    return held


def run_tests(tests, at_once=1):
    """Runs functions as tests and prints a line for each; the exit status says whether all held.
    at_once: of tests that wait more than they compute, and share nothing."""
    signal.signal(signal.SIGTERM, told_to_end)
    only = sys.argv[1:]
    with open(sys.argv[0], encoding="utf-8") as f:
        text = f.read()
    # Defined, and named nowhere: neither in the list nor in that of the long run.
    lost = [name for name in re.findall(r"^def (test_\w+)\(", text, re.M)
            if "globals()" not in text and len(re.findall(rf"\b{name}\b", text)) == 1]
    for name in lost:
        print(f"not ok {name} # it is not in the list that is run", flush=True)
    wanted = [t for t in tests if not only or t.__name__.removeprefix("test_") in only]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        held = list(pool.map(run_test, wanted))
    sys.exit(0 if all(held) and not lost else 1)
