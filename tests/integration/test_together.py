#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Publications that come at the same time share commits, and yet each is judged by all that was said
before it."""
import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import PATIENCE, Failed, Federation, run_tests  # noqa: E402
from peer_ref import encode  # noqa: E402

INDICATOR, GREEN, DOMAIN = 1, 2, 5  # node/base/vocab.h
AT_ONCE, COMMON, OWN = 12, 200, 5


def lone_node(fed):
    node = fed.add("fr")[0]
    fed.start()
    node.run("publish", "--tlp", "green", "-", stdin="first.bad-example-zone.net\n")  # the first seal waits
    return node


def frame(kind, payload):
    return struct.pack(">IB", len(payload), ord(kind)) + payload


def claim(value, confidence=50):
    """As a command hands it over (node/intake/intake.h): kind, TLP, PAP, type; no object; value, body."""
    body = encode("Indicator", {"value": value, "confidence": confidence})
    return (struct.pack(">IBBBBBQB", 1, INDICATOR, GREEN, 0, DOMAIN, 0, 0, 0)
            + struct.pack(">H", len(value)) + value + struct.pack(">H", len(body)) + body)


def begin(node, values, **more):
    """All that a publish command says, at once; the answer is read later."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(node.home, "run", "control.sock"))  # waits where many stand in line
    s.settimeout(60 * PATIENCE)
    request = {"command": "publish", "operator": "test", "file": "test", "allow": []}
    s.sendall(frame("J", json.dumps(request).encode()) + frame("B", b"".join(claim(v, **more) for v in values))
              + frame("E", b""))
    return s


def end(s):
    """The answer: behind the word that the batch was taken."""
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            break
        data += more
    s.close()
    while data:
        size, kind = struct.unpack(">IB", data[:5])
        if kind == ord("J"):
            return json.loads(data[5:5 + size])
        data = data[5 + size:]
    raise Failed("no answer")


def test_what_many_say_at_once_is_said_once():
    with Federation() as fed:
        node = lone_node(fed)
        common = [b"common-%d.bad-example-zone.net" % k for k in range(COMMON)]
        lists = [common + [b"own-%d-%d.bad-example-zone.net" % (i, k) for k in range(OWN)]
                 for i in range(AT_ONCE)]
        said = [end(s) for s in [begin(node, values) for values in lists]]
        published, unchanged = (sum(s[k] for s in said) for k in ("published", "unchanged"))
        wanted = COMMON + AT_ONCE * OWN
        if published != wanted or unchanged != AT_ONCE * (COMMON + OWN) - wanted:
            raise Failed(f"{published} were published and {unchanged} unchanged, wanted {wanted}")
        node.wait_held(node, "green", wanted + 1)
        status = node.status()
        if status["records"] != wanted + 1 or status["values"] != wanted + 1:
            raise Failed(f"{status['records']} records of {status['values']} values")
        for value in ("common-7", f"own-{AT_ONCE - 1}-{OWN - 1}"):
            if len(node.find(f"{value}.bad-example-zone.net")) != 1:
                raise Failed(f"{value} is not found once")
        node.stop()


def test_a_later_word_is_never_taken_for_a_repeat():
    with Federation() as fed:
        node, value = lone_node(fed), "changing.bad-example-zone.net"
        said = [end(s) for s in [begin(node, [value.encode()], confidence=c) for c in range(40, 60)]]
        if [s["published"] for s in said] != [1] * 20:
            raise Failed(f"{[s['published'] for s in said]}")
        again = node.json("publish", "--tlp", "green", "--confidence", "59", "-", stdin=value + "\n")
        if (again["published"], again["unchanged"]) != (0, 1):
            raise Failed(f"{again}")
        if node.json("retract", value)["published"] != 1:
            raise Failed("not taken back")
        if end(begin(node, [value.encode()], confidence=59))["published"] != 1:
            raise Failed("not said again")
        node.wait_held(node, "green", 23)
        claims = node.find(value)
        if len(claims) != 1 or claims[0]["retracted"] or claims[0]["confidence"] != 59:
            raise Failed(f"{claims}")
        node.stop()


if __name__ == "__main__":
    run_tests([test_what_many_say_at_once_is_said_once, test_a_later_word_is_never_taken_for_a_repeat])
