#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Files as somebody would make them who means harm: each is answered with one line that names file,
line, what was seen and what was wanted, and nothing is changed."""
import base64
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests  # noqa: E402
import peer_ref  # noqa: E402
from peer_ref import Peer, entry, key_id  # noqa: E402

DASH = "\u2014"


def tree(folder):
    """Every file of the folder with its bytes; locks and sockets do not count."""
    out = {}
    for place, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(place, name)
            if os.path.isfile(path) and "lock" not in name:
                with open(path, "rb") as f:
                    out[path] = f.read()
    return out


class Place:
    """A node, and a folder in which the files lie."""

    def __init__(self, fed, node):
        self.dir, self.node = fed.dir, node
        self.before = tree(node.home)

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        if os.path.lexists(path):
            os.remove(path)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
        return path

    def refused(self, what, path, says, *commands, status=6):
        """By each of the commands, in one line that says it, and nothing is changed."""
        for command in commands:
            r = self.node.run(*command, path, status=status)
            err = r.err.strip()
            if "\n" in err or says not in err or os.path.basename(path) not in err:
                raise Failed(f"{what}: {' '.join(command)} says {err!r}, wanted {says!r}")
            if tree(self.node.home) != self.before:
                raise Failed(f"{what}: {' '.join(command)} has changed something")


def signed_agreement(fed):
    fr, de = fed.add("fr", "de")
    path = os.path.join(fed.dir, "fr-de.agreement")
    fr.run("agreement", "draft", "--with", de.card, "-o", path)
    fr.run("agreement", "sign", path)
    de.run("agreement", "sign", path)
    with open(path, encoding="utf-8") as f:
        return Place(fed, fr), f.read()


def test_agreements():
    """FORMATS 8, T13: one text, one spelling; what is not a known signature counts for nothing, and
    a known one that does not hold sinks the file."""
    with Federation() as fed:
        place, text = signed_agreement(fed)
        lines = text.split("\n")
        title = next(i for i, line in enumerate(lines) if line.startswith("title: "))
        parties = [line for line in lines if line.startswith("party: ")]
        first = next(line for line in lines if line.startswith(DASH))
        other = first[:-10] + ("A" if first[-10] != "A" else "B") + first[-9:]
        swapped = lines[:title] + [lines[title + 1], lines[title]] + lines[title + 2:]
        cases = {
            "a key twice": (text.replace("title: ", "title: x\ntitle: ", 1), ":5: saw"),
            "an unknown key": (text.replace("title: ", "colour: x\ntitle: ", 1), ':4: saw "colour'),
            "keys in another order": ("\n".join(swapped), ":4: saw"),
            "CRLF": (text.replace("\n", "\r\n"), ':1: saw "\\x0d"'),
            "CR in one line": (text.replace("serial: 1\n", "serial: 1\r\n"), ':3: saw "\\x0d"'),
            "a space at the end": (text.replace("serial: 1\n", "serial: 1 \n"), ":3: serial: saw"),
            "a zero in front": (text.replace("serial: 1\n", "serial: 01\n"), ':3: serial: saw'),
            "a huge number": (text.replace("serial: 1\n", f"serial: {2**70}\n"), ":3: serial: saw"),
            "NUL": (text.replace("serial: 1\n", "serial: 1\0\n"), ':3: saw "\\x00"'),
            "cut in the middle": (text[:len(text) // 2], "wanted a line end LF"),
            "cut at the end": (text[:-1], "wanted a line end LF"),
            "nothing": (b"", ":1: saw none"),
            "a mark of byte order": ("\ufeff" + text, ":1: saw"),
            "no UTF-8": (text.encode().replace(b"title: ", b"title: \xc0\xaf"), "wanted UTF-8"),
            "a surrogate": (text.replace("title: ", "title: \ud800"), "wanted UTF-8"),
            "a name that looks alike": (text.replace(" fr ", " f\u0433 "), ":6: party: saw"),
            "text turned around": (text.replace("title: ", "title: \u202e"), "that can be seen"),
            "what cannot be seen": (text.replace("title: ", "title: a\u200b"), "that can be seen"),
            "a party twice": (text.replace(parties[1], parties[0]), ":7: party: saw"),
            "a signature twice": (text + first + "\n", "wanted one line for each key"),
            "a signature that fails": (text.replace(first, other), "that does not hold"),
            "one that holds and one that fails": (text + other + "\n", "one line for each key"),
            "a changed text": (text.replace("retain: ", "retain: 1"), "that does not hold"),
            "no base64": (text.replace(first, first[:-3] + "!!!"), "wanted the base64"),
            "another dash": (text.replace(DASH, "-"), "wanted an em dash"),
            "90 signatures": (text + "".join(
                f"{DASH} x{i} {first.split(' ')[2]}\n" for i in range(90)), "more than 80"),
            "70,000 bytes": (text.replace("title: ", "title: " + "x" * 70000), "more than 65536"),
        }
        for what, (data, says) in cases.items():
            path = place.write("hostile.agreement", data)
            place.refused(what, path, says, ["agreement", "accept"], ["agreement", "sign"])
        # The signature of a stranger is nothing to anybody.
        path = place.write("hostile.agreement", text + first.replace("entente/", "other/") + "\n")
        place.node.run("agreement", "accept", path, fed.nodes["de"].card)


def test_what_is_no_regular_file_is_not_read():
    """A pipe that never ends, a device, a folder: each is named and left alone."""
    with Federation() as fed:
        fr, = fed.add("fr")
        place = Place(fed, fr)
        pipe = os.path.join(fed.dir, "pipe")
        os.mkfifo(pipe)
        commands = [["agreement", "accept"], ["card", "install"], ["roster", "accept"],
                    ["split", "verify"], ["canonical", "--file"],
                    ["publish", "--dry-run", "--tlp", "green"]]
        for path in (pipe, "/dev/zero", fed.dir):
            place.refused(path, path, "wanted a regular file", *commands)
            place.refused(path, path, "no file", ["audit", "check"])


def fork_file(peer):
    """Two histories of a feed, as `split export` writes their proof. Gives its lines."""
    one, two = peer.feed("clear"), peer.feed("clear")
    for feed, count in ((one, 3), (two, 5)):
        for _ in range(count):
            feed.append(entry(os.urandom(20), tlp="clear"))
        feed.sign(peer.log_seed)
    vkey_key = key_id(one.text, 1, peer.card.log_key)

    def note(feed):
        blob = base64.b64encode(vkey_key + feed.checkpoint["signature"]).decode()
        return feed.checkpoint_text(feed.checkpoint["size"], feed.checkpoint["root"]).decode() + \
            f"\n{DASH} {feed.text} {blob}\n"

    hashes = [base64.b64encode(h).decode() for h in peer_ref.proof_hashes(two.leaves, 3, 5)]
    key = base64.b64encode(b"\1" + peer.card.log_key).decode()
    return ["entente/split/v1", f"log: {one.text}", f"key: {one.text}+{vkey_key.hex()}+{key}",
            *[f"hash: {h}" for h in hashes], "----", *note(one).split("\n")[:-1],
            "----", *note(two).split("\n")]


def test_proofs_of_a_split_view():
    """T20, T22: forged proofs frame nobody, and say where they break."""
    with Federation() as fed:
        fr, = fed.add("fr")
        place, peer = Place(fed, fr), Peer(fr.home)
        lines = fork_file(peer)
        good = "\n".join(lines)
        path = place.write("fork.split", good)
        if not fr.run("split", "verify", path).out.startswith("holds"):
            raise Failed("a proof that holds is not taken")
        size = lines.index("3")
        other = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
        cases = {
            "another first line": (good.replace("split/v1", "split/v2"), ":1: saw"),
            "no log": (good.replace("log: ", "feed: "), ":2: saw"),
            "no name of a log": (good.replace("log: entente/", "log: other/"), ":2: log: saw"),
            "no key": (good.replace("key: ", "key: x"), ":3: key: saw"),
            "no hash": (good.replace("hash: ", "hash: !", 1), ":4: hash: saw"),
            "hashes without end": (good.replace("----", f"hash: {other}\n" * 128 + "----", 1),
                                   "hash: saw"),
            "one note": ("\n".join(lines[:lines.index("----") + 6]) + "\n", "wanted ----"),
            "a zero in front of a size": ("\n".join(lines[:size] + ["03"] + lines[size + 1:]),
                                          "wanted the note of a checkpoint"),
            "something behind": (good + "more\n", "wanted the note of a checkpoint"),
            "not the bytes of text": (os.urandom(3000), ":1: saw"),
        }
        for what, (data, says) in cases.items():
            place.refused(what, place.write("fork.split", data), says, ["split", "verify"])
        forged = {
            "another root": good.replace(lines[size + 1], other),
            "another hash": good.replace(lines[3], f"hash: {other}"),
            "a hash less": "\n".join(lines[:3] + lines[4:]),
            "sizes that were not signed": "\n".join(lines[:size] + ["2"] + lines[size + 1:]),
        }
        for what, data in forged.items():
            place.refused(what, place.write("fork.split", data), "no proof against",
                          ["split", "verify"], status=1)


def test_imports():
    """What cannot be read as a whole publishes nothing; what is too long is refused by its line."""
    with Federation() as fed:
        fr, = fed.add("fr")
        place = Place(fed, fr)
        dry = ["publish", "--dry-run", "--tlp", "green"]
        deep = "[" * 100000
        cases = {
            "no text": (os.urandom(100) + b"\xff\n", "UTF-8", []),
            "UTF-16": ("a.bad-example-zone.net\n".encode("utf-16"), "UTF-8", []),
            "a bundle that ends early": ('{"type":"bundle","objects":[{"type":"indicator",', ":1:",
                                         ["--format", "stix"]),
            "nested without end": ('{"type":"bundle","objects":[{"a":' + deep, ":1:",
                                   ["--format", "stix"]),
            "a quote that never closes": ('value\n"a.bad-example-zone.net\n' + "x\n" * 10, ":2:",
                                          ["--format", "csv"]),
        }
        for what, (data, says, options) in cases.items():
            place.refused(what, place.write("hostile.in", data), says, [*dry, *options])
        path = place.write("hostile.in", "a.bad-example-zone.net\n" + "x" * 70000 + "\n" +
                           "b.bad-example-zone.net\n")
        out = fr.json(*dry, path)
        if out["published"] != 2 or [r["input"].rsplit(":", 1)[1] for r in out["refused"]] != ["2"]:
            raise Failed(str(out)[:500])
        place.refused("no value", place.write("hostile.in", "\n\n"), "wanted one a line",
                      ["canonical", "--file"])


if __name__ == "__main__":
    run_tests([test_agreements, test_what_is_no_regular_file_is_not_read,
               test_proofs_of_a_split_view, test_imports])
