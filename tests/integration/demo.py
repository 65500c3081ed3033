#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make demo: five agencies on this machine, a real list, and every claim looked at.

    fr ---- de ---- pl ---- ua          ua has no agreement with fr.
      \\    /
       \\  /
        ee

Ends by itself with status 0 when everything was as claimed. KEEP=1 leaves the nodes running.
"""
import hashlib
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from federation import BIN, Failed, Federation, data, until  # noqa: E402

KEEP = os.environ.get("KEEP") == "1"
STARTED = time.monotonic()
LUMMA = data("lists/maltrail_lummac2.txt")
SECRET_VALUE = "c2-of-the-amber-case.net"
BIG = 120000


def say(text=""):
    print(text, flush=True)


def step(title):
    say(f"\n[{time.monotonic() - STARTED:5.1f} s] {title}")


def claim(holds, text):
    if not holds:
        raise Failed(f"NOT as claimed: {text}")
    say(f"    ok  {text}")


def build(fed):
    step("five agencies: keys, cards, agreements")
    fr, de, ee, pl, ua = fed.add("fr", "de", "ee", "pl", "ua")
    ids = {}
    for a, b, gives in (("fr", "de", "clear,green,amber"), ("de", "pl", "clear,green"),
                        ("pl", "ua", "clear,green"), ("ee", "fr", "clear,green"),
                        ("ee", "de", "clear,green")):
        ids[a, b] = fed.agree(a, b, gives={a: gives, b: gives}, introduces=(a, b))
    words = fr.run("agreement", "words", ids["fr", "de"]).out.split()
    claim(words == de.run("agreement", "words", ids["fr", "de"]).out.split(),
          f"fr and de read the same words over the phone: {' '.join(words[:8])}")
    fed.start()
    fed.wait_connected()
    claim(True, "five nodes up, five links encrypted and authenticated")
    return (fr, de, ee, pl, ua), ids


def publish_lumma(fed, nodes):
    fr, ua = nodes[0], nodes[4]
    step("fr publishes the Lumma infostealer list, TLP:GREEN; ua has no agreement with fr")
    start = time.monotonic()
    done = fr.json("publish", "--tlp", "green", "--label", "malware:lumma", LUMMA)
    published = time.monotonic() - start
    claim(done["read"] == done["published"] + done["unchanged"] + len(done["refused"]),
          f"read {done['read']}: published {done['published']}, unchanged {done['unchanged']}, "
          f"refused {len(done['refused'])}")
    for refusal in done["refused"][:3]:
        say(f"        refused: {refusal['value']} ({refusal['rule']})")
    size = done["feeds"][0]["size"]
    for node in nodes:
        node.wait_held(fr, "green", size)
    everywhere = time.monotonic() - start
    claim(everywhere < 60, f"signed and durable at fr after {published:.2f} s, durable and findable "
          f"at all five after {everywhere:.2f} s")

    step("every accepted value is looked up at ua")
    values = os.path.join(fed.dir, "accepted.txt")
    refused = {r["value"] for r in done["refused"]}
    canonical = fr.json("canonical", "--file", LUMMA, status=None)
    accepted = sorted({(c["type"], c["value"]) for c in canonical
                       if c["value"] and c["input"] not in refused and c["value"] not in refused})
    with open(values, "w", encoding="utf-8") as f:
        f.write("".join(value + "\n" for _, value in accepted))
    start = time.monotonic()
    found = ua.json("find", "--file", values)
    took = time.monotonic() - start
    missing = [f["value"] for f in found if not any(c["origin"] == fr.id for c in f["claims"])]
    claim(len(found) == len(accepted) == done["published"] and not missing,
          f"{len(found)} of {len(accepted)} values found at ua, in {took:.2f} s")
    one = next(f for f in found if f["type"] == "domain")
    c = one["claims"][0]
    via = next(n.name for n in nodes if n.id == c["via"])
    claim(c["name"] == "fr" and via == "pl",
          f"{one['value']}: claimed by {c['name']} in {c['audience']}, tlp {c['tlp']}, "
          f"came by {via}")
    origin = next(o for o in ua.json("origins") if o["node"] == fr.id)
    claim(origin["introduced_by"] == nodes[3].id, "ua shows fr as introduced by pl, its card pinned")
    return one["value"], size


def wire_cost(nodes):
    step("what that cost on the wire")
    peers = [p for n in nodes for p in n.status()["peers"]]
    wire = sum(p["received_bytes"] for p in peers)
    unique = sum(p["data_bytes"] for p in peers)
    claim(wire <= unique * 1.05,
          f"{wire} bytes received at the sockets for {unique} bytes of entries: factor {wire / unique:.3f}")


def publish_again(nodes, size):
    fr = nodes[0]
    done = fr.json("publish", "--tlp", "green", "--label", "malware:lumma", LUMMA)
    claim(done["published"] == 0 and done["unchanged"] > 0 and
          fr.held(fr, "green") == size, "publishing the same list again changes nothing")


def amber(nodes, ids):
    fr, de, ee, pl, ua = nodes
    step("fr gives de an AMBER record under their agreement")
    done = fr.json("publish", "--tlp", "amber", "--to", "de", "-", stdin=SECRET_VALUE + "\n")
    claim(done["published"] == 1, f"one record in the feed of agreement {ids['fr', 'de']}")
    until(lambda: de.find(SECRET_VALUE), 10, "the AMBER record is found at de")
    claim(de.store_holds(SECRET_VALUE), "de has it (its bytes stand in de's store)")
    for node in (ee, pl, ua):
        claim(not node.find(SECRET_VALUE) and not node.store_holds(SECRET_VALUE),
              f"{node.name} does not: not found, and no such bytes anywhere in its store")
    feeds = {(f["origin"], f["audience"]) for n in (ee, pl, ua) for f in n.status()["feeds"]}
    claim(all(a != ids["fr", "de"] for _, a in feeds), "nor do they know that such a feed exists")
    for peer, allowed in (("de", True), ("ee", False)):
        why = fr.json("why", SECRET_VALUE, peer)
        verdict = why[0] if isinstance(why, list) else why
        say(f"        why {SECRET_VALUE} {peer}: {verdict.get('rule')}")
        claim(verdict["allow"] is allowed, f"fr -> {peer}: {'goes' if allowed else 'stays'}, "
              f"rule {verdict['rule']}")
    refused = fr.run("publish", "--tlp", "amber", "-", stdin="unnamed-audience.net\n", status=3)
    claim("no-audience" in refused.out + refused.err, "AMBER without an agreement named is refused")
    unmarked = fr.run("publish", "-", stdin="unmarked-value.net\n", status=3)
    claim("unmarked" in unmarked.out + unmarked.err, "a record without a marking is refused")


def retract(nodes, value):
    fr = nodes[0]
    step("fr retracts one value")
    start = time.monotonic()
    fr.run("retract", value, "--reason", "a sinkhole by now")
    for node in nodes:
        until(lambda n=node: all(c["retracted"] for c in n.find(value)), 10,
              f"{node.name} shows {value} as retracted")
    claim(True, f"shown as retracted at all five after {time.monotonic() - start:.2f} s")


def crash(fed, nodes):
    fr, pl, ua = nodes[0], nodes[3], nodes[4]
    step(f"{BIG} further values; pl is killed with -9 in mid-transfer")
    path = os.path.join(fed.dir, "generated.txt")
    with open(path, "w", encoding="utf-8") as f:
        for i in range(BIG):
            f.write(hashlib.sha256(b"%d" % i).hexdigest() + "\n")
    # pl stands still while fr publishes, so that there is a transfer to die in.
    os.kill(pl.process.pid, signal.SIGSTOP)
    before = fr.held(fr, "green")
    done = fr.json("publish", "--tlp", "green", path)
    size = done["feeds"][0]["size"]
    os.kill(pl.process.pid, signal.SIGCONT)
    pl.wait_ready()
    until(lambda: pl.held(fr, "green") > before, 30, "pl receives", 0)
    pl.kill()
    at = pl.json("feeds")
    there = next(f["held"] for f in at if f["origin"] == fr.id and f["audience"] == "green")
    claim(before < there, f"killed while it held {there} of {size}"
          + ("" if there < size else " (all of it: this machine was too quick)"))
    start = time.monotonic()
    pl.start()
    pl.wait_held(fr, "green", size, 60)
    ua.wait_held(fr, "green", size, 60)
    root = {n.feed(fr, "green")["root"] for n in nodes if n.held(fr, "green") == size}
    claim(len(root) == 1, f"pl and behind it ua have caught up {time.monotonic() - start:.2f} s after the "
          "restart, same root")
    probe = hashlib.sha256(b"%d" % (BIG - 1)).hexdigest()
    claim(bool(ua.find(probe)), "the last value is found at ua")


def stranger(nodes):
    ua = nodes[4]
    step("a stranger knocks at ua")
    got = b""
    for sent in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(114), os.urandom(4096)):
        with socket.create_connection(("127.0.0.1", ua.port)) as s:
            s.settimeout(1.0)
            if sent:
                s.sendall(sent)
            try:
                got += s.recv(4096)
            except (TimeoutError, ConnectionError):
                pass
    claim(got == b"", "four attempts, not one byte in answer")


def audit(nodes):
    fr, ua = nodes[0], nodes[4]
    step("what stands in the books")
    note = ua.run("checkpoint", "fr/green").out
    say("        " + "\n        ".join(note.strip().splitlines()))
    claim(note.startswith(f"entente/{fr.id}/"), "ua has fr's newest signed checkpoint")
    acts = fr.json("log")
    for act in acts[:6] + acts[-4:]:
        log = act.get("log")
        where = f"{log['name']}/{log['audience']} {act.get('from', 0)} to {act.get('to', 0)}" if log else ""
        say(f"        {act['time']}  {act['act']:20} {act.get('peer_name') or '':4} {where}")
    order = [a["act"] for a in acts]
    first = {kind: order.index(kind) for kind in ("started", "agreement-in-force", "session-opened",
                                                  "published", "sending-opened", "refused")}
    claim(first["started"] < first["agreement-in-force"] < first["session-opened"]
          < first["published"] < first["refused"],
          f"fr's provenance log lists {len(acts)} acts in order")
    times = [a["time"] for a in acts]
    claim(times == sorted(times), "their times only grow")


def main():
    with Federation(keep=KEEP) as fed:
        nodes, ids = build(fed)
        value, size = publish_lumma(fed, nodes)
        wire_cost(nodes)
        publish_again(nodes, size)
        amber(nodes, ids)
        retract(nodes, value)
        crash(fed, nodes)
        stranger(nodes)
        audit(nodes)
        if KEEP:
            say("\nThe nodes go on running. To play with them:")
            for node in nodes:
                say(f"    {BIN}/entente --home {node.home} status      # pid {node.process.pid}")
            say(f"    {BIN}/entente --home {nodes[4].home} find {value}")
            say(f"To end: kill {' '.join(str(n.process.pid) for n in nodes)}; rm -r {fed.dir}")
        else:
            fed.stop()
    say(f"\nEverything was as claimed; {time.monotonic() - STARTED:.0f} s in all.")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        say(f"\n{e}")
        sys.exit(1)
