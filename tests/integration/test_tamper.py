#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The tamper bench: honest bundles of a federation of five, with a crash, a restore, a rotation of
keys and an agreement that ended among them, give no breach; each manipulation of one of them is
found, named rightly, and nobody else is accused. A liar holds his node's online keys and signs again."""
import concurrent.futures
import datetime
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, ROOT, Failed, Federation, entente, run_tests, until  # noqa: E402
import bundle_ref as ref  # noqa: E402
import peer_ref  # noqa: E402
from bundle_ref import Bundle  # noqa: E402
import liars  # noqa: E402,F401  (it fills a list)
import manipulations  # noqa: E402,F401
from tampering import (AFTER_END, ENDED, ERASED, FILE, HOUR, LIAR, PUBLISHED,  # noqa: E402
                       ZONE, act_at, resign, without_acts)

LONG = os.environ.get("ENTENTE_LONG") == "1"
NAMES = ("fr", "de", "pl", "ua", "be")


def audit(*args, status=0):
    done = subprocess.run([os.path.join(BIN, "entente-audit"), *map(str, args)],
                          capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
    if done.returncode != status:
        raise Failed(f"entente-audit {' '.join(map(str, args))}: status {done.returncode}, wanted "
                     f"{status}\n{done.stdout[:3000]}\n{done.stderr[:2000]}")
    return done


# --- the honest federation ------------------------------------------------------------------------


class Case:
    """What five honest nodes hand over, and the online keys of each."""

    def __init__(self, fed):
        self.fed = fed
        self.dir = os.path.join(fed.dir, "bundles")
        os.mkdir(self.dir)
        self.nodes = dict(zip(NAMES, fed.add(*NAMES)))
        self.former = {}  # keys before a rotation
        self.live()
        self.honest, self.keys, self.roots = {}, {}, {}
        path = os.path.join(self.dir, "first")
        self.nodes["fr"].run("audit", "export", "--operator", "watch-2", "-o", path)
        self.words = self.nodes["fr"].run("agreement", "words", self.group).out
        with open(path, "rb") as f:
            self.first_export = hashlib.sha256(f.read()).hexdigest()
        for name, node in self.nodes.items():
            options = ("--open", f"a0.{ZONE}") if name == "fr" else ()
            node.run("audit", "export", *options, "-o", self.path(name))
            self.honest[name] = Bundle.read(self.path(name))
            with open(self.path(name), "rb") as f:
                before = f.read()
            self.honest[name].write(self.path(name))
            with open(self.path(name), "rb") as f:
                if f.read() != before:
                    raise Failed("the second writer gives other bytes")
            self.keys[name] = peer_ref.Peer(node.home)
            self.roots[name] = node.json("card", "show")["root"]
        fed.stop()

    def path(self, name):
        return os.path.join(self.dir, f"{name}.audit")

    def publish(self, name, *values, to=None):
        options = ("--tlp", "amber", "--agreement", to) if to else ("--tlp", "green")
        return self.nodes[name].json("publish", *options, "-",
                                     stdin="".join(f"{v}.{ZONE}\n" for v in values))

    def held(self, size, *names):
        for name in names:
            self.nodes[name].wait_held(self.nodes["fr"], "green", size)

    def live(self):
        fed, (fr, de, pl, ua, be) = self.fed, self.nodes.values()
        strict = "clear,green,amber"
        fed.agree("fr", "de", introduces=("fr", "de"))
        fed.agree("de", "pl", introduces=("de", "pl"))
        self.plua = fed.agree("pl", "ua", introduces=("pl", "ua"))
        self.group = fed.agree("fr", "de", "be", introduces=("fr", "de"),
                               gives={n: strict for n in ("fr", "de", "be")})
        self.pair = fed.agree("fr", "be", gives={n: strict for n in ("fr", "be")})
        self.roster()
        fed.start()
        fed.wait_connected()
        self.publish("fr", *(f"a{i}" for i in range(5)))
        self.publish("fr", "g", to=self.group)
        self.publish("fr", "t", to=self.pair)
        self.held(5, "de", "pl", "ua", "be")
        fr.run("erase", f"a1.{ZONE}", "--reason", "wrong", "--now")
        self.held(6, "de", "pl", "ua", "be")
        # A crash.
        de.kill()
        de.start()
        fed.wait_connected()
        # An old copy comes back; what it published since is held by others.
        pl.run("backup", os.path.join(fed.dir, "pl.backup"))
        self.publish("pl", "p")
        ua.wait_held(pl, "green", 1)
        be.wait_held(pl, "green", 1)
        pl.stop()
        shutil.rmtree(pl.home)
        pl.run("restore", os.path.join(fed.dir, "pl.backup"))
        pl.start()
        until(lambda: not pl.status()["mute"], 20, "pl signs again")
        self.publish("fr", "z")
        self.held(7, "de", "pl", "ua", "be")
        # New keys, between two publications of the same node.
        self.publish("be", "k")
        fr.wait_held(be, "green", 1)
        self.former["be"] = peer_ref.Peer(be.home)
        be.run("card", "rotate-keys")
        until(lambda: fr.connected("be") and de.connected("be"), 20, "be is back")
        self.publish("be", "l")
        until(lambda: len([f for f in fr.status()["feeds"] if f["origin"] == be.id and f["held"]]) == 2,
              20, "both its feeds are at fr")
        fr.run("publish", "--tlp", "amber", "--agreement", self.pair, "--receipts", "1", "-",
               stdin=f"y.{ZONE}\n")
        # An agreement that ends.
        ua.run("agreement", "revoke", self.plua)
        until(lambda: not pl.connected("ua"), 20, "pl and ua have parted")
        # Witnesses see later acts in new sessions.
        for node in (fr, de, be):
            node.stop()
        for node in (fr, de, be):
            node.start(wait=False)
        for node in (fr, de, be):
            node.wait_ready()
        until(lambda: fr.connected() and de.connected(), 20, "all are back")
        self.publish("fr", "x")
        self.held(8, "de", "pl", "be")
        until(lambda: all(any(a["act"] == "witnessed" and a["to"] > 30 for a in n.json("log"))
                          for n in (fr, de)), 20, "later acts are witnessed")
        fr.wait_sealed()
        until(lambda: fr.feed(fr, "green")["receipts"] == 2, 20, "de and be confirm it")

    def roster(self):
        """be takes pl by a list that fr and de have signed."""
        path = os.path.join(self.fed.dir, "eu.roster")
        card = {n: self.nodes[n].card for n in NAMES}
        entente("roster", "draft", "--signer", card["fr"], "--signer", card["de"], "--threshold", 2,
                "--member", card["pl"], "-o", path)
        for name in ("fr", "de"):
            entente("roster", "sign", path, "--root-key",
                    os.path.join(self.nodes[name].home, "keys", "root.key"))
        self.nodes["be"].run("roster", "accept", path)

    def write(self, bundles, folder=None):
        """What was not touched is not written anew."""
        paths = []
        for name, bundle in bundles.items():
            path = self.path(name)
            if bundle is not self.honest[name] or folder:
                path = os.path.join(folder or self.dir, f"{name}.audit")
                bundle.write(path)
            paths.append(path)
        return paths

    def name_of(self, node):
        return next((n for n in NAMES if self.nodes[n].id == node), None)


# --- running them ---------------------------------------------------------------------------------


def check(case, bundles, status, folder=None):
    paths = case.write(bundles, folder)
    roots = [x for name in bundles for x in ("--root", case.roots[name])]
    return audit("check", "--json", *roots, *paths, status=status)


def accused(case, found):
    return {case.name_of(f["node"]) for f in found if f["class"] == "breach"}


def one(case, name, manipulate, rule, whom, status, liar):
    bundles = {n: b.copy() for n, b in case.honest.items()}
    allowed = {whom}
    got = manipulate(case, bundles)
    if isinstance(got, set):
        allowed |= got
    if liar and case.honest[whom].made:
        log = got if isinstance(got, ref.Log) else bundles[whom].acts()
        resign(case, bundles[whom], whom, log)
    folder = os.path.join(case.dir, name)
    os.mkdir(folder)
    done = check(case, bundles, status, folder)
    shutil.rmtree(folder)
    if status == 6:
        return
    found = json.loads(done.stdout)["findings"]
    seen = [(f["rule"], case.name_of(f["node"]), f["text"]) for f in found if f["class"] == "breach"]
    if not any(f["rule"] == rule and case.name_of(f["node"]) in allowed for f in found):
        raise Failed(f"no {rule} of {whom} among {seen}")
    if accused(case, found) - allowed:
        raise Failed(f"others are accused: {seen}")


def test_manipulations_are_found_and_honest_bundles_are_clean():
    with Federation() as fed:
        case = Case(fed)
        done = json.loads(check(case, case.honest, 0).stdout)
        if [f for f in done["findings"] if f["class"] == "breach"]:
            raise Failed(f"honest, and accused: {done['findings']}")
        answers(case)
        if "restored" not in {f["rule"] for f in done["findings"]}:
            raise Failed("the restore is no declared gap")
        # What came just before a bundle was made counts from an hour later on: nobody can hide
        # behind the moment.
        for bundle in case.honest.values():
            bundle.set_made(bundle.made + HOUR)
        check(case, case.honest, 0, case.dir)
        for name in NAMES:
            check(case, {n: b for n, b in case.honest.items() if n != name}, 0)
            check(case, {name: case.honest[name]}, 0)
        jobs = [(case, *job, False) for job in FILE]
        jobs += [(case, *job[:-1], 1, True) for job in LIAR]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            failures = sum(pool.map(lambda job: tried(*job), jobs), [])
        cut_and_flipped_bundles_are_refused(case)
        what_goes_after_the_end_is_in_order(case)
        if failures:
            raise Failed("\n".join(failures))
        print(f"# {len(FILE)} manipulations of files, {len(LIAR)} by liars who sign again")


# --- what is asked of honest bundles ---------------------------------------------------------------


def rows(*args):
    return json.loads(audit(*args, "--json").stdout)


def answers(case):
    paths = [case.path(n) for n in NAMES]
    value = f"a0.{ZONE}"
    knew = rows("who", value, *paths)
    if sorted(k["name"] for k in knew) != sorted(NAMES):
        raise Failed(f"who knew it: {knew}")
    came = {k["name"]: (k["from_name"], bool(k["agreement"])) for k in knew}
    if came["fr"] != (None, False) or came["pl"] != ("de", True) or came["ua"] != ("pl", True):
        raise Failed(f"from whom, under what: {came}")
    if [k["when"] for k in knew] != sorted(k["when"] for k in knew) or knew[0]["name"] != "fr":
        raise Failed(f"in which order: {knew}")
    # Without its own bundle a node is known by its receipts; who has none is not known.
    knew = rows("who", value, case.path("fr"))
    if {k["name"]: k["how"] for k in knew} != {"fr": "published", "de": "receipt", "be": "receipt"}:
        raise Failed(f"from receipts: {knew}")
    if rows("who", f"nobody.{ZONE}", *paths) or rows("who", value, case.path("de")):
        raise Failed("a value that is not opened is found")

    left = rows("left", "--to", "pl", *paths)
    if not left or {r["peer_name"] for r in left} != {"pl"} or \
            not any(r["name"] == "de" and r["what"] == "closed" and r["to"] == 7 for r in left):
        raise Failed(f"what left to pl: {left}")
    if rows("left", "--to", "pl", "--since", "2099-01-01", *paths):
        raise Failed("something left after 2099")
    audit("left", "--to", "xx", *paths, status=2)

    gave = {(r["from_name"], r["to_name"], r["agreement"]): r["entries"]
            for r in rows("reciprocity", *paths)}
    if gave["fr", "be", case.pair] < 2:  # its own feed, and green where its id is the lower
        raise Failed(f"who gave what: {gave}")
    back = [r for r in rows("retracted", *paths) if r["what"] == "erasure"]
    if {r["name"] for r in back} != set(NAMES) or not all(r["carried_out"] for r in back):
        raise Failed(f"where the erasure came: {back}")
    if rows("sample", 4, "--seed", 9, *paths) != rows("sample", 4, "--seed", 9, *paths) or \
            len(rows("sample", 4, "--seed", 9, *paths)) != 4:
        raise Failed("the lot is not the same twice")
    times = [r["when"] for r in rows("timeline", *paths)]
    if times != sorted(times) or len(times) != sum(
            len(log.entries) for b in case.honest.values() for log in b.acts_logs()):
        raise Failed("the timeline is not all acts in order")
    if "restored" not in {r["rule"] for r in rows("gaps", *paths)}:
        raise Failed("the gap is not told")
    ways(case, value, paths)
    words_of_an_agreement(case)
    proof(case, rows("who", value, *paths)[0], paths)
    page(case, paths)


def ways(case, value, paths):
    """trace, why, exports, personal-data."""
    way = rows("trace", value, *paths)
    hops = {(r["what"], r["name"], r.get("to_name") or r["from_name"]) for r in way}
    for needed in (("published", "fr", None), ("sent", "fr", "de"), ("received", "de", "fr"),
                   ("sent", "de", "pl"), ("received", "pl", "de"), ("received", "ua", "pl"),
                   ("receipt", "de", None)):
        if needed not in hops:
            raise Failed(f"trace has no {needed}: {hops}")
    erased = next(e for e in case.honest["fr"].log("green").entries if e.state == ref.ERASED)
    way = rows("trace", erased.header[16:32].hex(), *paths)
    if {r["name"] for r in way if r["what"] == "erased"} != set(NAMES) or \
            not any(r["kind"] == "erasure" and r["what"] == "sent" for r in way):
        raise Failed(f"the way of what was erased: {way}")
    why = {(r["name"], r["allowed"], r["rule"]) for r in rows("why", value, "--to", "ua", *paths)}
    if not {("pl", True, "gives"), ("pl", False, "no-agreement"),
            ("fr", False, "no-agreement")} <= why:
        raise Failed(f"why it went to ua, and then not: {why}")
    group = case.honest["fr"].log(case.group).entries[0].header[16:32].hex()
    why = rows("why", group, "--to", "pl", *paths)
    if {r["name"] for r in why} != {"fr", "de", "be"} or any(r["allowed"] for r in why):
        raise Failed(f"why the group's record went to nobody else: {why}")
    left = [(r["name"], r["what"], r["operator"], r["file"]) for r in rows("exports", *paths)]
    if ("fr", "audit bundle", "watch-2", case.first_export) not in left:
        raise Failed(f"what was exported: {left}")
    if rows("personal-data", *paths):
        raise Failed("no type here tells of persons")


def words_of_an_agreement(case):
    """They stand for the roots of all its parties, in any spelling; other words for nobody's."""
    three = [case.path(n) for n in ("fr", "de", "be")]
    words = case.words.split()
    done = json.loads(audit("check", "--json", "--root", "-".join(words).upper(), *three).stdout)
    if "root-taken-from-bundle" in {f["rule"] for f in done["findings"]}:
        raise Failed(f"the roots are not given by {words}")
    other = words[1:] + words[:1]
    done = json.loads(audit("check", "--json", "--root", " ".join(other), *three, status=1).stdout)
    if "root-other" not in {f["rule"] for f in done["findings"]}:
        raise Failed(f"{other} are words of nobody")
    audit("check", "--root", " ".join(words[1:]), *three, status=2)


def proof(case, known, paths):
    """The proof in the public form, checked by another implementation from the files alone."""
    entry = next(e for e in case.honest["fr"].log("green").entries if e.state == ref.PRESENT)
    prefix = os.path.join(case.dir, "record")
    audit("prove", entry.header[16:32].hex(), *paths, "-o", prefix)
    with open(prefix + ".tlog-proof", encoding="utf-8") as f:
        lines, note = f.read().split("\n\n", 1)
    head, index, *hashes = lines.split("\n")
    with open(prefix + ".leaf", "rb") as f:
        leaf = f.read()
    with open(prefix + ".opened", "rb") as f:
        opened = f.read()
    card = case.keys["fr"].card
    name = known["log"]
    vkey = (f"{name}+{peer_ref.key_id(name, 1, card.log_key).hex()}+"
            + peer_ref.base64.b64encode(b"\1" + card.log_key).decode())
    text = peer_ref.note_verify(note, vkey).splitlines()
    size, root = int(text[1]), peer_ref.base64.b64decode(text[2])
    at, last, node = int(index.removeprefix("index ")), size - 1, peer_ref.leaf_hash(leaf)
    for one in map(peer_ref.base64.b64decode, hashes):  # RFC 9162, section 2.1.3.2
        if at & 1 or at == last:
            node = peer_ref.node_hash(one, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = peer_ref.node_hash(node, one)
        at, last = at >> 1, last >> 1
    if head != "c2sp.org/tlog-proof@v1" or last or node != root or leaf != entry.header:
        raise Failed(f"the proof does not lead to the root\n{lines}\n{note}")
    if peer_ref.commitment(opened[:16], opened[16:]) != leaf[32:]:
        raise Failed("salt and body are not those of the leaf")
    if note.count("— ") < 2:
        raise Failed(f"nobody has cosigned it:\n{note}")


def page(case, paths):
    """Self-contained: nothing to run, nothing to fetch."""
    path = os.path.join(case.dir, "report.html")
    audit("report", *paths, "-o", path)
    with open(path, encoding="utf-8") as f:
        html = f.read()
    for needed in ("<svg", "Findings", "What was handed over", "Agreements", "it was restored"):
        if needed not in html:
            raise Failed(f"the report has no {needed}")
    for banned in ("<script", "http:", "https:", "src=\"", "href", "@import", "url("):
        if banned in html:
            raise Failed(f"the report has {banned}")
    if html.index("Findings") > html.index("What was handed over"):
        raise Failed("findings do not come first")


def tried(case, name, f, rule, whom, status, liar):
    try:
        one(case, name, f, rule, whom, status, liar)
    except Failed as e:
        return [f"{name}: {e}"]
    except Exception:  # which one it was
        return [f"{name}: {traceback.format_exc()}"]
    return []


def cut_and_flipped_bundles_are_refused(case):
    with open(case.path("fr"), "rb") as f:
        data = f.read()
    path = os.path.join(case.dir, "cut.audit")
    for at in range(0, len(data), max(1, len(data) // (200 if LONG else 20))):
        for changed in (data[:at], data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1:]):
            with open(path, "wb") as f:
                f.write(changed)
            audit("check", path, status=6)


def what_goes_after_the_end_is_in_order(case):
    """The honest other side of bodies_kept_beyond_the_end: an act says that they are to go, and
    they are gone."""
    ua = case.honest["ua"].copy()
    log, when = ua.acts(), ua.made + 31 * 24 * HOUR
    terms = [log.acts(ENDED)[-1][1]["terms"][0]]
    for feed in (x for x in ua.logs if x.name[24] != ref.PROVENANCE and x.name[:16] != ua.node):
        for number, rule in ((AFTER_END, b""), (ERASED, b"after-end")):
            log.entries.append(act_at(log, -1, {"act": number, "log": feed.name, "to": feed.end,
                                                "rule": rule, "terms": [] if rule else terms}))
            log.entries[-1].change(8, struct.pack(">Q", when))
        for e in feed.entries:
            e.state = e.state if e.kind in (4, 5, 7) else ref.ERASED
    ua.set_made(ua.made + 40 * 24 * HOUR)
    resign(case, ua, "ua", log)
    folder = os.path.join(case.dir, "after-end")
    os.mkdir(folder)
    check(case, {**case.honest, "ua": ua}, 0, folder)


EXAMPLE = os.path.join(ROOT, "docs", "examples", "audit")
WILD = {"from": (0, 1, 1 << 63, (1 << 64) - 1), "to": (0, 5, (1 << 64) - 1), "count": (0, (1 << 64) - 1),
        "session": (bytes(16), b"short"), "peer": (bytes(16),), "act": tuple(range(1, 60))}


def gone_wild(bundle, rnd):
    """Acts that nobody would enter, or bytes that nobody would write, under a digest that holds."""
    for _ in range(rnd.choice((1, 3, 8))):
        if rnd.random() < 0.5:
            entry = rnd.choice(bundle.acts().entries)
            field = rnd.choice(sorted(WILD))
            entry.set_act({**entry.act(), field: rnd.choice(WILD[field])},
                          rnd.choice((None, 0, 1, (1 << 47), (1 << 63) - 1)))
        else:
            note = rnd.choice(bundle.notes)
            at = rnd.randrange(len(note[1]))
            note[1] = note[1][:at] + bytes([rnd.randrange(256)]) + note[1][at + 1:]


def test_whatever_a_bundle_says_the_auditor_answers():
    questions = (["check"], ["trace", "bb262e7e"], ["who", "evil.bad-example-zone.net"], ["timeline"],
                 ["why", "bb262e7e", "--to", "pl"], ["personal-data"], ["exports"], ["reciprocity"],
                 ["left", "--to", "pl"], ["sample", "3"], ["retracted"])
    rnd = random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        questions += (["report", "-o", os.path.join(folder, "page.html")],)
        paths = [os.path.join(folder, n) for n in ("fr", "de", "pl")]
        for i in range(120):
            for path in paths:
                bundle = Bundle.read(os.path.join(EXAMPLE, os.path.basename(path) + ".audit"))
                if rnd.random() < 0.7:
                    gone_wild(bundle, rnd)
                bundle.write(path)
            question = questions[i % len(questions)]
            done = subprocess.run([os.path.join(BIN, "entente-audit"), *question, *paths], check=False,
                                  capture_output=True, timeout=20 * PATIENCE)
            if done.returncode not in (0, 1, 2, 6):
                raise Failed(f"run {i}, {question}: status {done.returncode} {done.stderr[-800:]}")
        audit("check", folder, status=6)
        with subprocess.Popen(["cat", paths[0]], stdout=subprocess.PIPE) as cat:
            done = subprocess.run([os.path.join(BIN, "entente-audit"), "check", "/dev/stdin"], check=False,
                                  stdin=cat.stdout, capture_output=True, text=True)
        if done.returncode != 6 or "no file" not in done.stderr:
            raise Failed(f"a pipe: {done.returncode} {done.stderr}")


def test_the_worked_example_in_the_document_holds():
    with open(os.path.join(ROOT, "docs", "AUDIT.md"), encoding="utf-8") as f:
        lines = f.read().split("\n")
    tried_ = 0
    for at, line in enumerate(lines):
        if not line.startswith("    $ entente-audit "):
            continue
        tried_ += 1
        done = subprocess.run([os.path.join(BIN, "entente-audit"), *line.split()[2:]], check=False,
                              cwd=os.path.join(ROOT, "docs", "examples", "audit"),
                              capture_output=True, text=True)
        out = [x.rstrip() for x in done.stdout.split("\n")]
        if done.returncode != (1 if "lies" in line else 0):
            raise Failed(f"{line}: status {done.returncode}")
        end = at + 1
        while end < len(lines) and (lines[end].startswith("    ") or (
                not lines[end] and lines[end + 1].startswith("    ") and
                not lines[end + 1].startswith("    $"))):
            end += 1
        place = 0
        for want in (x[4:] for x in lines[at + 1:end] if x.strip() not in ("", "[...]")):
            while place < len(out) and out[place] != want:
                place += 1
            if place == len(out):
                raise Failed(f"{line}: does not print\n{want}\nbut\n{done.stdout}")
    if tried_ < 5:
        raise Failed(f"only {tried_} commands in the example")


def test_a_bundle_without_bodies_holds_none_of_them():
    """Neither salt nor body nor value of what stands in the store; and of what is opened that alone."""
    names = [f"s{i}" for i in range(20)]
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fr.run("publish", "--tlp", "green", "-", stdin="".join(f"{n}.{ZONE}\n" for n in names))
        fr.run("retract", f"{names[0]}.{ZONE}", "--reason", "a-reason-of-its-own")
        de.wait_held(fr, "green", 21)
        for node in (fr, de):
            path = os.path.join(fed.dir, node.name + ".audit")
            node.run("audit", "export", "--with-bodies", "-o", path)
            full = next(x for x in Bundle.read(path).logs if x.audience == "green")
            secret = [(e, e.salt, e.body) for e in full.entries if e.state == ref.PRESENT]
            if len(secret) < 21:
                raise Failed(f"{node.name}: only {len(secret)} bodies are there at all")
            for options, opened in (((), None), (("--open", f"s7.{ZONE}"), f"s7.{ZONE}".encode())):
                node.run("audit", "export", *options, "-o", path)
                with open(path, "rb") as f:
                    data = f.read()
                shown = [e for e, salt, body in secret if salt in data or body in data]
                if [opened in e.body for e in shown] != ([True] if opened else []):
                    raise Failed(f"{node.name} {options}: {len(shown)} are shown")
                for name in (*names, "a-reason-of-its-own"):
                    name = f"{name}.{ZONE}" if name in names else name
                    if name.encode() in data and name.encode() != opened:
                        raise Failed(f"{node.name} {options}: {name} stands in it")
        fed.stop()


def test_a_part_of_the_time_is_checked_as_the_whole():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        after = []
        for at, size in ((0, 300), (1, 600), (2, 900)):
            fr.run("publish", "--tlp", "green", "-",
                   stdin="".join(f"v{at}-{i}.{ZONE}\n" for i in range(300)))
            de.wait_held(fr, "green", size)
            fr.wait_sealed()
            de.wait_sealed()
            last = max(n.json("log")[-1]["time"] for n in (fr, de))
            after.append(datetime.datetime.fromisoformat(last.replace("Z", "+00:00"))
                         + datetime.timedelta(milliseconds=1))
            until(lambda: datetime.datetime.now(datetime.timezone.utc) > after[-1], 5, "later")
        after = [m.isoformat() for m in after]
        paths = [os.path.join(fed.dir, f"{n.name}.part") for n in (fr, de)]
        for options, first, count in (((), 0, 900), (("--since", after[0]), 300, 600),
                                      (("--until", after[1]), 0, 600),
                                      (("--since", after[0], "--until", after[1]), 300, 300),
                                      (("--since", after[1], "--with-bodies"), 600, 300)):
            for node, path in zip((fr, de), paths):
                node.run("audit", "export", *options, "-o", path)
                log = Bundle.read(path).log("green", Bundle.read(paths[0]).node)
                if (log.begin, len(log.entries)) != (first, count):
                    raise Failed(f"{options}: {log.begin} and {len(log.entries)} entries")
                held = {e.state for e in log.entries}
                if held != {ref.PRESENT if "--with-bodies" in options else ref.KEPT}:
                    raise Failed(f"{options}: states {held}")
                if not options and any(b"bad-example" in e.packed() for e in log.entries):
                    raise Failed("a value stands in a bundle without bodies")
            audit("check", *paths)
        knew = rows("who", f"v2-7.{ZONE}", *paths)
        if [k["name"] for k in knew] != ["fr", "de"]:
            raise Failed(f"{knew}")
        fr.run("audit", "export", "--until", "2020-01-01", "--since", "2021-01-01", "-o", paths[0],
               status=2)
        fr.run("audit", "export", "--open", f"nobody.{ZONE}", "-o", paths[0], status=1)
        fr.run("audit", "export", "-o", os.path.join(fed.dir, "no", "where"), status=5)
        fed.stop()


def test_an_operator_sees_what_an_auditor_will_find_before_he_hands_it_over():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        one = fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        fr.run("publish", "--tlp", "green", "-", stdin=f"a.{ZONE}\n")
        de.wait_held(fr, "green", 1)
        mine, theirs = (os.path.join(fed.dir, f"{n.name}.audit") for n in (fr, de))
        for node, path in ((fr, mine), (de, theirs)):
            node.run("audit", "export", "-o", path)

        def same(*args, status=0):
            for form in ((), ("--json",)):
                done = fr.run("audit", "check", *form, *args, status=status)
                if done.out != audit("check", *form, *args, status=status).stdout:
                    raise Failed(f"{args}: the two programs differ\n{done.out}")
            return {f["rule"] for f in json.loads(done.out)["findings"]}

        if not {"not-handed-over", "root-taken-from-bundle"} <= same(mine):
            raise Failed(f"alone: {same(mine)}")
        words = fr.run("agreement", "words", one).out.strip()
        if {"not-handed-over", "root-taken-from-bundle"} & same("--root", words, mine, theirs):
            raise Failed("both are here, and the words give their roots")
        fr.run("audit", "check", "--root", "no words", mine, status=2)
        bundle = Bundle.read(mine)
        log = bundle.acts()
        without_acts(log, PUBLISHED)
        log.sign(peer_ref.Peer(fr.home).log_seed)
        log.cosignatures = []
        bundle.write(mine)
        if "unaccounted" not in same(mine, status=1):
            raise Failed("a publication that its acts do not tell of is not found")
        with open(theirs, "rb+") as f:
            f.truncate(os.path.getsize(theirs) - 9)
        done = fr.run("audit", "check", "--json", theirs, status=6)
        if "cut short" not in json.loads(done.out)["error"]:
            raise Failed(done.out)
        fed.stop()


if __name__ == "__main__":
    run_tests([test_an_operator_sees_what_an_auditor_will_find_before_he_hands_it_over,
               test_whatever_a_bundle_says_the_auditor_answers,
               test_the_worked_example_in_the_document_holds,
               test_manipulations_are_found_and_honest_bundles_are_clean,
               test_a_bundle_without_bodies_holds_none_of_them,
               test_a_part_of_the_time_is_checked_as_the_whole])
