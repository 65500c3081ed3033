#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What people feed in and get out: real lists, CSV and STIX files, the shapes of the JSON that
scripts read, and the exit statuses that they branch on."""
import glob
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, ROOT, Failed, Federation, data, entente  # noqa: E402
from federation import run_tests, until  # noqa: E402

SHARED = os.path.join(ROOT, "..", "shared", "data")
NULLABLE = type(None)
PUBLISH = {"read": int, "published": int, "unchanged": int, "refused": list,
           "publication": (str, NULLABLE), "feeds": list}
REFUSAL = {"input": str, "value": str, "rule": str}
RULES = {"reserved", "too-wide", "public-suffix", "own-endpoint", "unmarked", "no-audience",
         "unreadable", "echo", "foreign-author", "personal-data", "constituency", "revoked"}
CLAIM = {"object": str, "origin": str, "name": str, "audience": str, "index": int, "tlp": str,
         "pap": (str, NULLABLE), "confidence": (int, NULLABLE), "labels": list,
         "valid_from": (str, NULLABLE), "valid_until": (str, NULLABLE),
         "first_seen": (str, NULLABLE), "last_seen": (str, NULLABLE), "retracted": bool,
         "disputed": bool, "received": str, "via": (str, NULLABLE)}
STATUS = {"node": dict, "ready": bool, "mute": bool, "uptime_s": (int, NULLABLE), "peers": list,
          "feeds": list, "records": int, "values": int, "disk_bytes": int, "alarms": list}
PEER = {"node": str, "name": str, "state": str, "since": (str, NULLABLE), "agreements": list,
        "lag_entries": int, "received_entries": int, "sent_entries": int, "received_bytes": int,
        "sent_bytes": int, "last_error": str}
FEED = {"origin": str, "name": str, "audience": str, "incarnation": int, "size": int, "held": int,
        "floor": int, "root": str, "receipts": int, "frozen": bool, "via": (str, NULLABLE)}


def shape(what, value, wanted):
    for key, kind in wanted.items():
        if key not in value:
            raise Failed(f"{what}: no {key} in {value}")
        if not isinstance(value[key], kind) or isinstance(value[key], bool) != (kind is bool):
            raise Failed(f"{what}: {key} is {value[key]!r}")


def counts(what, done):
    shape(what, done, PUBLISH)
    for r in done["refused"]:
        shape(what, r, REFUSAL)
        if r["rule"].split(":")[0] not in RULES | {"warninglist"}:
            raise Failed(f"{what}: the rule {r['rule']}")
    if done["read"] != done["published"] + done["unchanged"] + len(done["refused"]):
        raise Failed(f"{what}: {done['read']} read, {done['published']} + {done['unchanged']} + "
                     f"{len(done['refused'])}")
    return done["read"], done["published"], done["unchanged"], len(done["refused"])


def real_files():
    return [p for pattern in ("lists/maltrail_[al]*.txt", "csv/*.csv", "csv/volexity/*.csv",
                              "stix20/unit42/*.json", "stix21/*.stix2", "stix21/carbon*.json",
                              "stix21/disarm.json", "stix21/oasis-examples/*.json")
            for p in sorted(glob.glob(os.path.join(SHARED, pattern)))]


def test_real_files_are_read_and_nothing_is_lost():
    """Each file of the wild: what is read is published, unchanged or refused by name; the dry run
    says the same; what was published is found."""
    files = real_files()
    if not files:
        return "the real files are not here"
    with Federation() as fed:
        fr, = fed.add("fr")
        unread = []
        fr.start()
        total = 0
        for path in files:
            name = os.path.basename(path)
            args = ["publish", "--tlp", "green", path]
            dry = fr.run(*args, "--dry-run", "--json", status=None)
            done = fr.run(*args, "--json", status=None)
            if dry.status != done.status or done.status not in (0, 3, 6):
                raise Failed(f"{name}: {dry.status} dry, {done.status} wet: {done.err}")
            if done.status == 6:
                unread.append(name)
                continue
            if counts(name, dry.json) != counts(name, done.json):
                raise Failed(f"{name}: dry {counts(name, dry.json)}, wet {counts(name, done.json)}")
            if (done.status == 3) != (done.json["published"] + done.json["unchanged"] == 0):
                raise Failed(f"{name}: status {done.status} with {counts(name, done.json)}")
            total += done.json["published"]
        # An unusual table or two may want a mapping; most files must be read as they are.
        if len(unread) > len(files) // 4:
            raise Failed(f"not read as they are: {unread}")
        if sum(f["held"] for f in fr.status()["feeds"]) != total:
            raise Failed(f"{total} published, {fr.status()['feeds']}")
        tail = [json.loads(line) for line in fr.run("tail", "--json").out.splitlines()]
        if len(tail) != total:
            raise Failed(f"tail shows {len(tail)} of {total}")
        values = os.path.join(fed.dir, "values")
        wanted = {t["value"] for t in tail if t["kind"] == "indicator"}
        with open(values, "w", encoding="utf-8") as f:
            f.write("\n".join(sorted(wanted)) + "\n")
        found = fr.json("find", "--file", values)
        missing = [f["value"] for f in found if not f["claims"]]
        if missing or len(found) != len(wanted):
            raise Failed(f"{len(missing)} of {len(wanted)} not found, {missing[:5]}")
        fr.stop()


def files_of(node):
    return [(folder, sorted(files)) for folder, _, files in os.walk(node.home)]


def test_dry_run_needs_no_daemon_and_changes_nothing():
    with Federation() as fed:
        fr, = fed.add("fr")
        before = files_of(fr)
        dry = fr.json("publish", "--tlp", "green", "--dry-run", data("lists/maltrail_lummac2.txt"))
        if counts("dry", dry)[1] < 1000 or files_of(fr) != before:
            raise Failed("the dry run left something")
        if fr.run("publish", "--tlp", "green", data("lists/maltrail_lummac2.txt"),
                  status=None).status != 4:
            raise Failed("without a daemon publish must say that the node does not answer")
        fr.start()
        wet = fr.json("publish", "--tlp", "green", data("lists/maltrail_lummac2.txt"))
        if counts("wet", wet) != counts("dry", dry):
            raise Failed("the dry run promised something else")
        # What has just been told stands, though the index works behind the answers, and though the
        # node goes away at once: one step of the index takes as many.
        for zone, stops in (("one", False), ("two", True)):
            names = [f"h{i}.bad-{zone}-zone.net" for i in range(50000)]
            for name, part in (("all", names), ("last", names[-50:])):
                with open(os.path.join(fed.dir, name), "w", encoding="ascii") as f:
                    f.write("\n".join(part) + "\n")
            fr.json("publish", "--tlp", "green", os.path.join(fed.dir, "all"))
            if stops:
                fr.stop()
            again = fr.json("publish", "--tlp", "green", "--dry-run", os.path.join(fed.dir, "last"))
            if again["published"]:
                raise Failed(f"what is unchanged would be published again: {counts(zone, again)}")
        index, = (c["text"] for c in fr.json("doctor", status=None) if c["check"] == "index")
        if len(set(index.split()[0:3:2])) != 1:
            raise Failed(f"a stop left the index behind: {index}")


BROKEN = {
    "cut.json": '{"type": "bundle", "id": "bundle--1", "objects": [{"type": "indicator", "spec',
    "not.stix2": '{"type": "bundle", "objects": 7}',
    "binary.txt": None,
    "quotes.csv": 'type,value\ndomain,"never closed\n',
}


def test_a_broken_file_publishes_nothing():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        good = os.path.join(fed.dir, "good.txt")
        with open(good, "w", encoding="ascii") as f:
            f.write("good.bad-example-zone.net\n")
        for name, text in BROKEN.items():
            path = os.path.join(fed.dir, name)
            with open(path, "wb") as f:
                f.write(os.urandom(3000) if text is None else text.encode())
            done = fr.run("publish", "--tlp", "green", good, path, "--json", status=None)
            if done.status != 6:
                raise Failed(f"{name}: status {done.status}\n{done.out[:300]}{done.err[:300]}")
            if name not in done.err:
                raise Failed(f"{name}: the error does not name it: {done.err}")
            done.json  # one document whatever happens
            if fr.find("good.bad-example-zone.net") or fr.status()["feeds"]:
                raise Failed(f"{name}: the good file beside it was published")
        missing = fr.run("publish", "--tlp", "green", os.path.join(fed.dir, "none"), status=None)
        if missing.status not in (5, 6):
            raise Failed(f"a file that is not there: {missing.status}")
        fr.stop()


def long_list(path, lines=60000, last=b""):
    """Longer than what is read before it goes out: 1.8 MB. With a line that cannot be read, one that is
    refused and one that comes twice."""
    with open(path, "wb") as f:
        for i in range(lines):
            f.write(b"long-%020d.net\n" % i)
        f.write(b"one label\n10.0.0.1\nlong-%020d.net\n" % 7 + last)
    return lines


def test_a_long_list_goes_out_while_it_is_read():
    """With the account, the acts and the file's hash that any list gets; and nothing of it when it is
    broken at its end."""
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        path = os.path.join(fed.dir, "long.txt")
        lines = long_list(path, last=b"\xff\n")
        done = fr.run("publish", "--tlp", "green", path, status=6)
        if "long.txt:60004" not in done.err or fr.status()["feeds"]:
            raise Failed(f"broken at its end: {done.err}; {fr.status()['feeds']}")
        long_list(path)
        done = fr.json("publish", "--tlp", "green", path)
        if counts("long list", done) != (lines + 3, lines, 1, 2):
            raise Failed(f"the account: {counts('long list', done)}")
        if [(r["rule"], r["input"][-6:]) for r in done["refused"]] != \
                [("unreadable", ":60001"), ("reserved", ":60002")]:
            raise Failed(f"refused: {done['refused']}")
        refused = {a["rule"]: a["count"] for a in fr.json("log") if a["act"] == "refused"}
        if refused != {"unreadable": 1, "reserved": 1}:
            raise Failed(f"acts: {refused}")
        again = fr.json("publish", "--tlp", "green", path)
        if counts("again", again)[1:3] != (0, lines + 1):
            raise Failed(f"again: {counts('again', again)}")
        fr.stop()


def kinds_of_files(pid):
    """Of those that a process has open: `socket:`, `pipe:`, the folder of the others."""
    kinds, fds = set(), f"/proc/{pid}/fd"
    for fd in os.listdir(fds):
        try:
            kinds.add(os.readlink(os.path.join(fds, fd)).split("[")[0])
        except FileNotFoundError:
            pass  # closed meanwhile
    return kinds


def test_a_list_that_changes_while_it_goes_out_is_reported():
    """The daemon stands still, so the command stands somewhere in the file when it is written to."""
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        path = os.path.join(fed.dir, "long.txt")
        long_list(path, 200000)
        fr.process.send_signal(signal.SIGSTOP)
        publish = subprocess.Popen([os.path.join(BIN, "entente"), "--home", fr.home, "publish", "--tlp",
                                    "green", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        until(lambda: "socket:" in kinds_of_files(publish.pid), 30, "the command calls the daemon")
        with open(path, "r+b") as f:
            f.seek(-30, os.SEEK_END)
            f.write(b"X")
        fr.process.send_signal(signal.SIGCONT)
        _, err = publish.communicate(timeout=60 * PATIENCE)
        if publish.returncode != 5 or "has changed while it was read" not in err:
            raise Failed(f"status {publish.returncode}: {err}")
        fr.stop()


def test_memory_is_flat_whatever_the_size():
    """Of a bundle of objects, and of one eight times as large."""
    def peak(path):
        p = subprocess.Popen([os.path.join(BIN, "entente"), "--home", fr.home, "publish", "--tlp", "green",
                              "--dry-run", path], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(p.pid, 0)
        if status != 0:
            raise Failed(f"{path}: status {status}")
        return usage.ru_maxrss

    with Federation() as fed:
        fr, = fed.add("fr")
        sizes = []
        for count in (5000, 40000):
            path = os.path.join(fed.dir, f"{count}.json")
            with open(path, "w", encoding="ascii") as f:
                f.write('{"type": "bundle", "id": "bundle--6f3f8f3b-6f28-4b3a-9d6c-0d1c8a7f5e10", "objects": [')
                for i in range(count):
                    f.write(("," if i else "") + json.dumps({
                        **STIX["objects"][0], "id": f"indicator--2d6e0c3f-4b71-4a39-8f0f-{i:012x}",
                        "pattern": f"[domain-name:value = 'n{i}.bad-example-zone.net']"}))
                f.write("]}")
            sizes.append(peak(path))
        if sizes[1] > sizes[0] + 8192:
            raise Failed(f"KiB at most: {sizes}")


STIX = {
    "type": "bundle", "id": "bundle--6f3f8f3b-6f28-4b3a-9d6c-0d1c8a7f5e10", "objects": [
        {"type": "indicator", "spec_version": "2.1",
         "id": "indicator--2d6e0c3f-4b71-4a39-8f0f-1a8a0b9a3c11", "created": "2026-01-01T00:00:00Z",
         "modified": "2026-01-01T00:00:00Z", "name": "C2", "pattern_type": "stix",
         "pattern": "[domain-name:value = 'stix.bad-example-zone.net' OR "
                    "url:value='http://stix.bad-example-zone.net/gate']",
         "valid_from": "2026-01-01T00:00:00Z", "confidence": 80, "labels": ["phishing"],
         "object_marking_refs": ["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"]},
        {"type": "malware", "spec_version": "2.1",
         "id": "malware--d6e0c3f2-4b71-4a39-8f0f-1a8a0b9a3c12", "created": "2026-01-01T00:00:00Z",
         "modified": "2026-01-01T00:00:00Z", "name": "Lumma", "is_family": True,
         "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}]}


def test_stix_markings_and_objects():
    """TLP comes from the file: white to clear, green to green, whatever --tlp says."""
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        bundle = os.path.join(fed.dir, "b.json")
        with open(bundle, "w", encoding="utf-8") as f:
            json.dump(STIX, f)
        done = fr.json("publish", "--tlp", "green", bundle)
        counts("bundle", done)
        if {f["audience"] for f in done["feeds"]} != {"clear", "green"} or done["refused"]:
            raise Failed(str(done))
        for feed in done["feeds"]:
            de.wait_held(fr, feed["audience"], feed["size"])
        claim = de.find("stix.bad-example-zone.net")
        if [(c["tlp"], c["confidence"], c["labels"][0]) for c in claim] != [("clear", 80,
                                                                             "phishing")]:
            raise Failed(f"at de: {claim}")
        if de.find("hxxp://stix[.]bad-example-zone[.]net/gate")[0]["object"] == claim[0]["object"]:
            raise Failed("two values of a pattern are one object")
        obj = de.json("find", STIX["objects"][1]["id"], status=None)
        if not obj[0]["claims"] or obj[0]["claims"][0]["tlp"] != "green":
            raise Failed(f"the malware object at de: {obj}")
        fed.stop()


def test_json_that_others_parse():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        fr.run("publish", "--tlp", "green", "--pap", "amber", "--label", "a", "--confidence", "70",
               "--valid-days", "30", "-", stdin="shape.bad-example-zone.net\n198.51.100.7:443\n")
        de.wait_held(fr, "green", 1)  # the other is refused: a documentation range
        fr.wait_sealed()
        for node in (fr, de):
            status = node.status()
            shape("status", status, STATUS)
            for key in ("id", "name", "org", "incarnation"):
                if key not in status["node"]:
                    raise Failed(f"status: node has no {key}")
            shape("peer", status["peers"][0], PEER)
            shape("feed", status["feeds"][0], FEED)
            if node.json("peers")[0]["node"] != status["peers"][0]["node"]:
                raise Failed("peers is not the peers of status")
            if [f["root"] for f in node.json("feeds")] != [f["root"] for f in status["feeds"]]:
                raise Failed("feeds is not the feeds of status")
            if node.json("alarms") != [] or len(node.json("origins")) != 2:
                raise Failed("alarms or origins")
        items = de.json("find", "SHAPE[.]bad-example-zone.net", "nobody-knows.net",
                        "shape.bad-example-zone.net")
        if [i["value"] for i in items] != ["shape.bad-example-zone.net", "nobody-knows.net",
                                           "shape.bad-example-zone.net"]:
            raise Failed(f"find: one item a value asked, in order: {items}")
        claim = items[0]["claims"][0]
        shape("claim", claim, CLAIM)
        if (items[0]["type"], claim["tlp"], claim["pap"], claim["confidence"], claim["labels"],
                claim["via"], claim["origin"]) != ("domain", "green", "amber", 70, ["a"], fr.id,
                                                   fr.id):
            raise Failed(str(claim))
        if de.run("find", "nobody-knows.net", status=None).status != 1:
            raise Failed("nothing is known: status 1")
        # Ids by unique prefix, names for ids.
        whole = claim["object"]
        if de.json("why", whole[:10], fr.id[:6])["asked"] is None:
            raise Failed("no prefix taken")
        canonical = fr.json("canonical", "hxxps://Evil[.]Bad-Example-Zone.net/A", "1.2.3.4", "?",
                            status=None)
        if [(c["type"], c["value"]) for c in canonical] != [
                ("url", "https://evil.bad-example-zone.net/A"), ("ipv4", "1.2.3.4"), (None, None)]:
            raise Failed(f"canonical: {canonical}")
        if "error" not in canonical[2] or not canonical[0]["input"].startswith("hxxps://Evil[.]"):
            raise Failed(f"canonical: {canonical}")
        fed.stop()
        # Reading needs no daemon; acting does, and says so.
        shape("status without the daemon", fr.json("status", status=None), STATUS)
        if fr.json("status", status=None)["ready"]:
            raise Failed("ready without a daemon")
        if fr.run("retract", "shape.bad-example-zone.net", status=None).status != 4:
            raise Failed("retract without a daemon")


def test_tail_follows():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        fr.run("publish", "--tlp", "clear", "-", stdin="first.bad-example-zone.net\n")
        tail = subprocess.Popen([os.path.join(BIN, "entente"), "tail", "--follow", "--json",
                                 "--home", fr.home], stdout=subprocess.PIPE, text=True)
        try:
            first = json.loads(tail.stdout.readline())
            fr.run("publish", "--tlp", "green", "-", stdin="second.bad-example-zone.net\n")
            fr.run("retract", "first.bad-example-zone.net")
            second, third = (json.loads(tail.stdout.readline()) for _ in range(2))
        finally:
            tail.terminate()
            tail.wait(10 * PATIENCE)
        if (first["value"], second["value"], third["kind"]) != (
                "first.bad-example-zone.net", "second.bad-example-zone.net", "retraction"):
            raise Failed(f"{first} {second} {third}")
        rest = [json.loads(x) for x in
                fr.run("tail", "--json", "--from", first["position"]).out.splitlines()]
        if [r["position"] for r in rest] != [second["position"], third["position"]]:
            raise Failed(f"from {first['position']}: {rest}")
        fr.stop()


def test_exit_statuses():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        cases = [(["status"], 0), (["find", "nobody-knows.net"], 1), (["nonsense"], 2),
                 (["publish"], 2), (["find"], 2), (["publish", "--tlp", "none", "-"], 2),
                 (["publish", "--no-such-option", "-"], 2),
                 (["publish", "--tlp", "green", "--to", "nobody", "-"], 1),
                 (["publish", "--tlp", "green", "-"], 3), (["retract", "nobody-knows.net"], 1),
                 (["checkpoint", "fr/green"], 1), (["agreement", "show", "0123456789abcdef"], 1),
                 (["wait", "--peers", "1", "--timeout", "1"], 1), (["--help"], 0),
                 (["publish", "--help"], 0), (["--version"], 0)]
        for args, wanted in cases:
            done = fr.run(*args, status=None, stdin="10.0.0.1\n")
            if done.status != wanted:
                raise Failed(f"{' '.join(args)}: {done.status}, wanted {wanted}: {done.err}")
            if wanted and not done.err + done.out:
                raise Failed(f"{' '.join(args)}: status {wanted} without a word")
            if wanted not in (0, 2):
                fr.run(*args, "--json", status=wanted, stdin="10.0.0.1\n").json
        if entente("status", home=os.path.join(fed.dir, "nowhere"), status=None).status != 5:
            raise Failed("a directory that is not there")
        # Options stand anywhere, -- ends them.
        if fr.run("--json", "--", "canonical", "1.2.3.4", status=None).status not in (0, 2):
            raise Failed("--")
        fr.run("publish", "-", "--tlp", "green", stdin="late.bad-example-zone.net\n")
        fr.stop()


if __name__ == "__main__":
    run_tests([test_real_files_are_read_and_nothing_is_lost,
               test_dry_run_needs_no_daemon_and_changes_nothing,
               test_a_broken_file_publishes_nothing, test_a_long_list_goes_out_while_it_is_read,
               test_a_list_that_changes_while_it_goes_out_is_reported,
               test_memory_is_flat_whatever_the_size, test_stix_markings_and_objects,
               test_json_that_others_parse, test_tail_follows, test_exit_statuses])
