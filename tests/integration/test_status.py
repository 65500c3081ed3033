#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What a daemon says of itself where there is much to say, and of a process that stands in its way."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, Failed, Federation, run_tests, until  # noqa: E402

# The store of 5,000 logs is made by a test of the store (tests/unit/store/test_many.c).
MAKER = os.path.join(BIN, "..", "tests", "unit", "store", "test_many")
if not os.path.exists(MAKER):
    MAKER = os.path.join(BIN, "..", "plain", "tests", "unit", "store", "test_many")
MANY = 5000
STATUS_FEEDS_MAX = 4096
CONTROL_MESSAGE_MAX = 4 << 20


class Control:
    """The daemon's control socket, spoken to directly (node/control/control.h)."""

    def __init__(self, node):
        self.path = os.path.join(node.home, "run", "control.sock")

    def call(self, request, *more):
        """more: (kind, payload) behind the request. Gives the answer and how many bytes it had."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            for kind, payload in ((b"J", json.dumps(request).encode()), *more):
                s.sendall(struct.pack(">I", len(payload)) + kind + payload)
            with s.makefile("rb") as f:
                length, kind = struct.unpack(">Ic", f.read(5))
                if kind != b"J":
                    raise Failed(f"answered with {kind}")
                return json.loads(f.read(length)), length


def test_very_many_feeds_are_told_of_within_bounds():
    if not os.path.exists(MAKER):
        return "tests/unit/store/test_many is not built"
    with Federation() as fed:
        fr, = fed.add("fr")
        subprocess.run([MAKER, os.path.join(fr.home, "data")], check=True, capture_output=True)
        fr.start()
        fr.run("publish", "--tlp", "green", "-", stdin="one.bad-example-zone.net\n")
        answer, length = Control(fr).call({"command": "status"})
        status = answer["status"]
        if len(status["feeds"]) != STATUS_FEEDS_MAX or \
                status["feeds_left_off"] != MANY + 1 - STATUS_FEEDS_MAX:
            raise Failed(f"{len(status['feeds'])} feeds, {status['feeds_left_off']} left off")
        if length > CONTROL_MESSAGE_MAX * 3 // 4:
            raise Failed(f"an answer of {length} bytes leaves no room for peers and alarms")
        # The command reads the rest by itself: all of them, each once, the own one among them.
        for document in (fr.status()["feeds"], fr.json("feeds")):
            named = {(f["origin"], f["audience"]) for f in document}
            if len(document) != MANY + 1 or len(named) != MANY + 1 or (fr.id, "green") not in named:
                raise Failed(f"{len(document)} feeds, {len(named)} different")
        if fr.status()["feeds_left_off"] != 0:
            raise Failed("the command has left feeds off")
        if len(fr.run("feeds").out.splitlines()) != MANY + 2:
            raise Failed("people see another number")
        fr.wait_held(fr, "green", 1)
        fr.stop()
        if len(fr.status()["feeds"]) != MANY + 1:
            raise Failed("without the daemon it is another number")


def test_a_reader_that_stands_still_is_named():
    """retract with an input that does not end holds its view of the store; the daemon commits on."""
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        fr.run("publish", "--tlp", "green", "-", stdin="one.bad-example-zone.net\n")

        def pinned():
            return [a for a in fr.status()["alarms"] if a["rule"] == "store-pinned"]
        with subprocess.Popen([os.path.join(BIN, "entente"), "retract", "--file", "-", "--home", fr.home],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as still:
            control = Control(fr)
            refusal = {"command": "publish", "operator": "ana", "unsent": {"unreadable": 1}}

            until(lambda: reads(os.path.join(fr.home, "data", "log", "data.mdb"), still.pid), 30,
                  "it reads")
            # Each refusal is an act, and its answer comes when that is durable: in one commit.
            for _ in range(1050):
                control.call(refusal, (b"E", b""))
            alarm, = until(pinned, 60, "the alarm store-pinned", 0.5)
            if alarm["severity"] != "today" or f"process {still.pid} " not in alarm["text"]:
                raise Failed(f"{alarm}, and the process is {still.pid}")
            if f"process {still.pid} " not in fr.run("alarms").out:
                raise Failed("nothing for people")
            still.stdin.close()
            still.wait()
        until(lambda: not pinned(), 10, "the alarm ends with its cause")
        fr.stop()


def reads(data, pid):
    """A reader of that process stands in LMDB's table: 64 bytes each, the transaction and the pid."""
    with open(data.replace("data.mdb", "lock.mdb"), "rb") as f:
        table = f.read()
    readers = (struct.unpack_from("QI", table, at) for at in range(0, len(table) - 15, 64))
    return any(txn not in (0, 2**64 - 1) and process == pid for txn, process in readers)


def test_a_stopped_reader_that_keeps_too_much_is_ended():
    """A command that was stopped in the middle of reading; the daemon commits on."""
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start(env={**os.environ, "ENTENTE_PINNED_BYTES": str(1 << 20)})
        fr.run("publish", "--tlp", "green", "-", stdin="one.bad-example-zone.net\n")
        data = os.path.join(fr.home, "data", "log", "data.mdb")
        reading = [os.path.join(BIN, "entente"), "retract", "--file", "-", "--home", fr.home]
        with subprocess.Popen(reading, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as still:
            until(lambda: reads(data, still.pid), 20, "the command reads the store")
            still.send_signal(signal.SIGSTOP)
            control = Control(fr)

            def grown():
                """By what a hundred commits make the file larger."""
                before = os.path.getsize(data)
                for _ in range(100):
                    control.call({"command": "publish", "operator": "ana",
                                  "unsent": {"unreadable": 1}}, (b"E", b""))
                return os.path.getsize(data) - before
            pinned = grown()
            until(lambda: still.poll() is not None, 60, "the daemon ends it", 0.2)
            if still.returncode != -signal.SIGKILL:
                raise Failed(f"it ended with {still.returncode}")
        # The daemon's own readers may stand for a moment on a busy machine, and keep little.
        later = [grown() for _ in range(5)]
        if min(later) > pinned // 8:
            raise Failed(f"it has grown by {pinned} with the reader, by {later} without")
        if "reader-ended" not in fr.run("log").out:
            raise Failed("the log of acts does not tell of it")
        if "one.bad-example-zone.net" not in fr.run("tail").out:
            raise Failed("who reads now does not see the record")
        fr.stop()


def test_a_daemon_that_hangs_is_not_taken_for_one_that_is_stopped():
    if not os.environ.get("ENTENTE_LONG"):
        return "only with ENTENTE_LONG: it waits for a minute"
    with Federation() as fed:
        fr, = fed.add("fr")
        if fr.status().get("silent") or "not running" not in fr.run("status").out:
            raise Failed(fr.run("status").out)
        fr.start()
        fr.process.send_signal(signal.SIGSTOP)
        document = fr.status()
        if document["ready"] or not document.get("silent"):
            raise Failed(str(document)[:300])
        # Whoever publishes is told to say it again, and may.
        value = "one.bad-example-zone.net\n"
        said = fr.run("publish", "--tlp", "green", "--json", "-", stdin=value, status=4)
        if "is not known; say the same again" not in said.json["error"]:
            raise Failed(said.out)
        fr.process.send_signal(signal.SIGCONT)
        fr.run("publish", "--tlp", "green", "-", stdin=value)
        if fr.json("publish", "--tlp", "green", "-", stdin=value)["unchanged"] != 1:
            raise Failed("it was published twice")
        fr.stop()
    return None


if __name__ == "__main__":
    run_tests([test_very_many_feeds_are_told_of_within_bounds,
               test_a_reader_that_stands_still_is_named,
               test_a_stopped_reader_that_keeps_too_much_is_ended,
               test_a_daemon_that_hangs_is_not_taken_for_one_that_is_stopped], at_once=3)
