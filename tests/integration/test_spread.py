#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Where records go: as far as agreements reach, and not one step further; and the rule that says
so, by name, at every door."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, data, run_tests, until  # noqa: E402

LUMMA = data("lists/maltrail_lummac2.txt")


def value(name):
    return f"{name}.bad-example-zone.net"


def publish(node, *names, tlp="green", to=None, agreement=None, options=(), status=0):
    args = ["publish", *options]
    if tlp:
        args += ["--tlp", tlp]
    if to:
        args += ["--to", to]
    if agreement:
        args += ["--agreement", agreement]
    text = "\n".join(n if "." in n else value(n) for n in names)
    return node.json(*args, "-", stdin=text + "\n", status=status)


def arrives(name, *nodes):
    for node in nodes:
        until(lambda n=node: n.find(value(name)), 10, f"{name} arrives at {node.name}")


def nowhere(name, *nodes):
    """Not found, and not a byte of it in the node's directory."""
    for node in nodes:
        if node.find(value(name)) or node.store_holds(value(name)):
            raise Failed(f"{name} is at {node.name}")


def chain(fed, *names, gives=None, introduces=True):
    nodes = fed.add(*names)
    ids = [fed.agree(a, b, gives=gives, introduces=(a, b) if introduces else None)
           for a, b in zip(names, names[1:])]
    fed.start()
    fed.wait_connected()
    return nodes, ids


def rule_of(node, name, peer):
    verdict = node.json("why", value(name), peer)
    return verdict["allow"], verdict["places"][0]["rule"]


def test_a_chain_of_four():
    with Federation() as fed:
        (fr, de, pl, ua), ids = chain(fed, "fr", "de", "pl", "ua",
                                      gives={})
        publish(fr, "far", tlp="green")
        publish(fr, "open", tlp="clear")
        publish(ua, "back", tlp="clear")
        arrives("far", de, pl, ua)
        arrives("open", de, pl, ua)
        arrives("back", pl, de, fr)
        claim = ua.find(value("far"))[0]
        if (claim["origin"], claim["name"], claim["via"]) != (fr.id, "fr", pl.id):
            raise Failed(str(claim))
        origin = next(o for o in ua.json("origins") if o["node"] == fr.id)
        if origin["introduced_by"] != pl.id:
            raise Failed(f"introduced by {origin}")
        fr.wait_sealed()
        roots = {n.feed(fr, "green")["root"] for n in (fr, de, pl, ua)}
        if len(roots) != 1:
            raise Failed("not the same root everywhere")

        # An agreement's feed stays between its parties, and is not even mentioned elsewhere.
        publish(fr, "amber", tlp="amber", to="de", status=3)  # it gives clear and green
        publish(fr, "named-green", tlp="green", to="de")
        arrives("named-green", de)
        publish(fr, "fence")
        arrives("fence", pl, ua)
        nowhere("named-green", pl, ua)
        for node in (pl, ua):
            if any(f["audience"] not in ("clear", "green") for f in node.status()["feeds"]):
                raise Failed(f"{node.name} knows of an agreement's feed")
        if rule_of(de, "named-green", "pl") != (False, "not-a-party"):
            raise Failed(f"why: {rule_of(de, 'named-green', 'pl')}")
        if rule_of(de, "far", "pl") != (True, "gives"):
            raise Failed(f"why: {rule_of(de, 'far', 'pl')}")
        if rule_of(fr, "named-green", "de") != (True, "party"):
            raise Failed(f"why: {rule_of(fr, 'named-green', 'de')}")
        test = fr.json("agreement", "test", ids[0])
        if test["peer"] != de.id or test["would_send"] != 5 or test["withheld"]:
            raise Failed(f"agreement test: {test}")

        # A retraction takes the same way.
        fr.run("retract", value("far"), "--reason", "sinkholed")
        for node in (fr, de, pl, ua):
            until(lambda n=node: [c["retracted"] for c in n.find(value("far"))] == [True], 10,
                  f"{node.name} shows it as retracted")
        fed.stop()


def test_without_introductions_it_stops_there():
    with Federation() as fed:
        (fr, de, pl), _ = chain(fed, "fr", "de", "pl", introduces=False)
        publish(fr, "near")
        arrives("near", de)
        publish(de, "fence")
        arrives("fence", pl, fr)
        nowhere("near", pl)
        if {o["node"] for o in pl.json("origins")} != {pl.id, de.id}:
            raise Failed("pl has pinned an origin that nobody may introduce")
        fed.stop()


def test_green_is_not_passed_where_clear_is_given():
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        fed.agree("fr", "de", introduces=("fr", "de"))
        id_ = fed.agree("de", "pl", gives={"de": "clear", "pl": "clear,green"},
                        introduces=("de", "pl"))
        fed.start()
        fed.wait_connected()
        publish(fr, "green")
        publish(de, "own-green")
        arrives("green", de)
        publish(fr, "clear", tlp="clear")
        publish(de, "own-clear", tlp="clear")
        publish(pl, "other-way")
        arrives("clear", de, pl)
        arrives("own-clear", pl)
        arrives("other-way", de, fr)
        nowhere("green", pl)
        nowhere("own-green", pl)
        if rule_of(de, "green", "pl") != (False, "not-given"):
            raise Failed(f"why: {rule_of(de, 'green', 'pl')}")
        test = de.json("agreement", "test", id_)
        if test["would_send"] != 2 or {w["rule"]: w["count"] for w in test["withheld"]} != {
                "not-given": 2}:
            raise Failed(f"agreement test: {test}")
        fed.stop()


def test_an_agreement_of_three():
    """Relayed between its parties by one of them, and to nobody else that this one knows."""
    with Federation() as fed:
        fr, pl = fed.add("fr", "pl", endpoint=False)  # they cannot reach each other
        de, us = fed.add("de", "us")
        three = fed.agree("fr", "de", "pl", gives={n: "clear,green,amber+strict,red"
                                                       for n in ("fr", "de", "pl")})
        fed.agree("de", "us", gives={"de": "clear,green,amber", "us": "clear,green"},
                  introduces=("de", "us"))
        fed.start()
        for node, others in ((de, ("fr", "pl", "us")), (us, ("de",))):
            until(lambda n=node, o=others: n.connected(*o), 15, f"{node.name} is connected")
        publish(fr, "for-three", tlp="amber+strict", agreement=three)
        arrives("for-three", de, pl)
        claim = pl.find(value("for-three"))[0]
        if (claim["origin"], claim["via"], claim["audience"], claim["tlp"]) != (
                fr.id, de.id, three, "amber+strict"):
            raise Failed(str(claim))
        publish(de, "fence", tlp="clear")
        arrives("fence", us)
        nowhere("for-three", us)
        if rule_of(de, "for-three", "us") != (False, "not-a-party"):
            raise Failed("why at de")
        # RED is for two.
        refused = publish(fr, "red", tlp="red", agreement=three, status=3,
                          options=["--recipient", "the duty officer"])
        if [r["rule"] for r in refused["refused"]] != ["red-parties"]:
            raise Failed(str(refused))
        fed.stop()


def test_red_goes_to_one_and_names_its_readers():
    with Federation() as fed:
        (fr, de), _ = chain(fed, "fr", "de", gives={"fr": "clear,green,red", "de": "clear"})
        unnamed = publish(fr, "red", tlp="red", to="de", status=3)
        if [r["rule"] for r in unnamed["refused"]] != ["red-recipients"]:
            raise Failed(str(unnamed))
        publish(fr, "red", tlp="red", to="de", options=["--recipient", "the duty officer"])
        arrives("red", de)
        # de may not give RED, nor AMBER, nor GREEN of its own in that feed.
        for tlp in ("red", "amber", "green"):
            refused = publish(de, "mine", tlp=tlp, to="fr", status=3,
                              options=["--recipient", "x"] if tlp == "red" else [])
            if [r["rule"] for r in refused["refused"]] != ["tlp-not-given"]:
                raise Failed(str(refused))
        fed.stop()


def test_the_same_list_again_changes_nothing():
    with Federation() as fed:
        (fr, de), _ = chain(fed, "fr", "de")
        args = ["publish", "--tlp", "green", "--label", "malware:lumma", LUMMA]
        first = fr.json(*args)
        size = first["feeds"][0]["size"]
        de.wait_held(fr, "green", size)
        if first["read"] != first["published"] + first["unchanged"] + len(first["refused"]):
            raise Failed(f"{first['read']} read: {first}")
        if first["published"] < 1000 or size != first["published"]:
            raise Failed(f"{first['published']} published, size {size}")
        sent = fr.peer("de")["sent_entries"]
        again = fr.json(*args)
        if again["published"] or again["read"] != again["unchanged"] + len(again["refused"]):
            raise Failed(f"again: {again['published']} published")
        if fr.held(fr, "green") != size or fr.peer("de")["sent_entries"] != sent:
            raise Failed("the feed grew")
        if again["refused"] != first["refused"]:
            raise Failed("other refusals the second time")
        # What differs is said anew: the later entry about an object stands.
        third = fr.json("publish", "--tlp", "green", "--label", "malware:other", LUMMA)
        if third["published"] != first["published"]:
            raise Failed(f"another label: {third['published']} of {first['published']}")
        domain = next(c["value"] for c in fr.json("canonical", "--file", LUMMA, status=None)
                      if c["type"] == "domain" and fr.find(c["value"]))
        de.wait_held(fr, "green", 2 * size)
        claims = de.find(domain)
        if [c["labels"] for c in claims] != [["malware:other"]]:
            raise Failed(f"{domain}: {claims}")
        fed.stop()


def test_guard_rails_refuse_by_name():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        # Another way to de, by a name: nobody may publish it as hostile.
        de.run("card", "renew", "--endpoint", "ti.cert-de-node.net:7466", "--endpoint",
               f"127.0.0.1:{de.port}")
        de.run("card", "export", "-o", de.card)
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        cases = {"example.com": "reserved", "192.168.7.7": "reserved",
                 "https://ti.cert-de-node.net:7466/x": "own-endpoint", "8.0.0.0/6": "too-wide",
                 "co.uk": "public-suffix", "not a value": "unreadable"}
        done = fr.json("publish", "--tlp", "green", "-", status=None,
                       stdin="\n".join([*cases, value("good")]) + "\n")
        got = {r["value"]: r["rule"] for r in done["refused"]}
        if done["published"] != 1 or len(got) != len(cases):
            raise Failed(str(done))
        for read, rule in cases.items():
            if rule not in got.values():
                raise Failed(f"{read}: {rule} is not among {got}")
        inputs = [r["input"] for r in done["refused"]]
        if inputs != [f"-:{i}" for i in range(1, len(cases) + 1)]:
            raise Failed(f"places: {inputs}")
        arrives("good", de)
        refused = publish(fr, "10.1.2.3", status=3)
        if (refused["published"], refused["refused"][0]["rule"]) != (0, "reserved"):
            raise Failed(str(refused))
        # Lifted for one call only, and provenance has it.
        lifted = publish(fr, "10.1.2.3", options=["--allow", "reserved", "--operator", "ana"])
        if lifted["published"] != 1 or publish(fr, "10.9.9.9", status=3)["published"]:
            raise Failed(f"lifted: {lifted}")
        acts = [a for a in fr.json("log") if a["act"] == "guard-lifted"]
        if [(a["rule"], a["operator"], a["count"]) for a in acts] != [("reserved", "ana", 1)]:
            raise Failed(f"provenance: {acts}")
        if not [a for a in fr.json("log") if a["act"] == "refused" and a["rule"] == "too-wide"]:
            raise Failed("refusals are not in the provenance log")
        # At de it arrives and is hidden, not lost: the feed keeps it.
        de.wait_held(fr, "green", 2)
        if de.find("10.1.2.3"):
            raise Failed("de shows what its guard rail refuses")
        # Some are never lifted.
        for rule in ("unmarked", "no-audience", "own-endpoint"):
            if publish_status(fr, rule) == 0:
                raise Failed(f"--allow {rule} was taken")
        fed.stop()


def publish_status(node, rule):
    return node.run("publish", "--allow", rule, "--tlp", "amber", "-", stdin=value("x") + "\n",
                    status=None).status


def test_markings_decide_the_audience():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        unmarked = publish(fr, "x", tlp=None, status=3)
        if [r["rule"] for r in unmarked["refused"]] != ["unmarked"]:
            raise Failed(str(unmarked))
        for tlp in ("amber", "amber+strict", "red"):
            refused = publish(fr, "x", tlp=tlp, status=3)
            if [r["rule"] for r in refused["refused"]] != ["no-audience"]:
                raise Failed(f"{tlp}: {refused}")
        if fr.status()["feeds"]:
            raise Failed("a refused publication left a feed")
        if fr.run("publish", "--tlp", "purple", "-", stdin="x\n", status=None).status != 2:
            raise Failed("an unknown marking on the command line")
        fr.stop()


if __name__ == "__main__":
    run_tests([test_a_chain_of_four, test_without_introductions_it_stops_there,
               test_green_is_not_passed_where_clear_is_given, test_an_agreement_of_three,
               test_red_goes_to_one_and_names_its_readers,
               test_the_same_list_again_changes_nothing, test_guard_rails_refuse_by_name,
               test_markings_decide_the_audience])
