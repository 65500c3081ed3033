#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Two directories become a working link by two cards and one agreement file, and whatever changes
in that file takes effect while running."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, Failed, Federation, entente, run_tests, until  # noqa: E402


def value(name):
    return f"{name}.bad-example-zone.net"


def publish(node, name, tlp="green", **kw):
    return node.json("publish", "--tlp", tlp, "-", stdin=value(name) + "\n", **kw)


def arrives(node, name):
    until(lambda: node.find(value(name)), 10, f"{name} arrives at {node.name}")


def acts(node, *kinds):
    return [a for a in node.json("log") if a["act"] in kinds]


def test_two_cards_and_one_agreement_file():
    """Each side runs its own commands on its own directory; only three files change hands."""
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.start()
        post = os.path.join(fed.dir, "post")
        os.mkdir(post)
        fr.run("card", "export", "-o", f"{post}/fr.card")
        de.run("card", "export", "-o", f"{post}/de.card")
        file = f"{post}/fr-de.agreement"
        fr.run("agreement", "draft", "--with", f"{post}/de.card", "-o", file)
        fr.run("agreement", "sign", file)
        half = fr.run("agreement", "accept", file, f"{post}/de.card", status=None)
        if half.status == 0:
            raise Failed("an agreement that only one has signed was accepted")
        de.run("agreement", "sign", file)
        words = [n.run("agreement", "words", file).out for n in (fr, de)]
        if words[0] != words[1] or len(words[0].split()) < 8:
            raise Failed(f"the fingerprints differ: {words}")
        if len(os.listdir(post)) != 3:
            raise Failed(f"more than three files changed hands: {os.listdir(post)}")
        # Both daemons run all the while; accepting is all it takes.
        de.run("agreement", "accept", file, f"{post}/fr.card")
        fr.run("agreement", "accept", file, f"{post}/de.card")
        for node, other in ((fr, "de"), (de, "fr")):
            until(lambda n=node, o=other: (n.peer(o) or {}).get("state") == "connected", 10,
                  f"{node.name} is connected")
        publish(fr, "one")
        publish(de, "two", tlp="clear")
        arrives(de, "one")
        arrives(fr, "two")
        fed.stop()


def test_ready_stop_and_ports():
    with Federation() as fed:
        fr, = fed.add("fr")
        ready = os.path.join(fr.home, "run", "ready")
        os.makedirs(os.path.dirname(ready), exist_ok=True)
        with open(ready, "w", encoding="ascii") as f:
            f.write("stale")
        fr.start("--listen", "127.0.0.1:0")
        with open(ready, encoding="utf-8") as f:
            told = json.load(f)
        host, port = told["listen"].rsplit(":", 1)
        if host != "127.0.0.1" or int(port) in (0, fr.port) or told["pid"] != fr.process.pid:
            raise Failed(f"run/ready says {told}")
        socket.create_connection((host, int(port)), timeout=2).close()
        if not fr.status()["ready"]:
            raise Failed("ready, and does not say so")

        # A second daemon on the same directory is refused, and does no harm to the first.
        second = subprocess.run([os.path.join(BIN, "entented"), "--home", fr.home, "--listen",
                                 "127.0.0.1:0"], capture_output=True, text=True,
                                timeout=20 * PATIENCE, check=False)
        if second.returncode == 0 or fr.home not in second.stderr:
            raise Failed(f"second daemon: {second.returncode} {second.stderr}")
        if second.stdout:
            raise Failed("the daemon printed on standard output")
        publish(fr, "still")
        if not os.path.exists(ready):
            raise Failed("the second daemon removed run/ready of the first")
        fr.stop()
        if os.path.exists(ready):
            raise Failed("run/ready is left behind")
        kinds = [a["act"] for a in fr.json("log")]
        if kinds[0] != "started" or kinds[-1] != "stopped":
            raise Failed(f"acts: {kinds}")
        # A port that is taken is one clear error.
        fr.start()
        fr.process.send_signal(signal.SIGHUP)
        other, = fed.add("other")
        taken = subprocess.run([os.path.join(BIN, "entented"), "--home", other.home, "--listen",
                                f"127.0.0.1:{fr.port}"], capture_output=True, text=True,
                               timeout=20 * PATIENCE, check=False)
        if taken.returncode == 0 or str(fr.port) not in taken.stderr:
            raise Failed(f"port taken: {taken.returncode} {taken.stderr}")
        fr.stop()


def test_secrets_are_for_the_owner_only():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, "one")
        open_ = []
        for folder, _, files in os.walk(fr.home):
            for name in files:
                path = os.path.join(folder, name)
                mode = stat.S_IMODE(os.lstat(path).st_mode)
                secret = name.endswith(".key") or "psk" in folder or folder.endswith("/log")
                if secret and mode & 0o077:
                    open_.append(f"{path}: {mode:o}")
        if open_ or stat.S_IMODE(os.stat(fr.home).st_mode) & 0o077:
            raise Failed(f"open to others: {open_}")
        fr.stop()
        os.chmod(os.path.join(fr.home, "keys", "node.key"), 0o644)
        fr.start(wait=False)
        if fr.ended() == 0 or "node.key" not in fr.tail():
            raise Failed(f"a seed that others may read was taken: {fr.tail()}")


def test_restart_keeps_everything():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        publish(fr, "one")
        arrives(de, "one")
        fr.wait_sealed()
        until(lambda: fr.feed(fr, "green")["receipts"] == 1, 10, "de has confirmed it")
        before = {n.name: (n.status()["feeds"], n.find(value("one")), len(n.json("log")))
                  for n in (fr, de)}
        fed.stop()
        # Reading needs no daemon.
        for n in (fr, de):
            if n.find(value("one")) != before[n.name][1]:
                raise Failed(f"{n.name}: another answer without the daemon")
        fed.start()
        fed.wait_connected()
        for n in (fr, de):
            feeds, claims, entries = before[n.name]
            if n.status()["feeds"] != feeds or n.find(value("one")) != claims:
                raise Failed(f"{n.name}: changed by a restart: {feeds} {n.status()['feeds']}")
            if len(n.json("log")) <= entries or n.status()["mute"]:
                raise Failed(f"{n.name}: provenance did not go on, or mute")
        publish(fr, "two")
        arrives(de, "two")
        if de.peer("fr")["redundant_bytes"]:
            raise Failed("what was held came again after the restart")
        fed.stop()


def test_agreement_placed_and_removed_by_hand():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        id_ = fed.agree("fr", "de")
        path = os.path.join(fr.home, "keys", "agreements", id_ + ".agreement")
        aside = os.path.join(fed.dir, "aside")
        shutil.move(path, aside)
        fed.start()
        publish(fr, "before")
        if fr.peer("de") or acts(fr, "session-opened"):
            raise Failed("a link without an agreement")
        shutil.copy(aside, path)  # dropped in, no command, no signal
        fed.wait_connected()
        arrives(de, "before")
        os.remove(path)
        until(lambda: not fr.peer("de"), 10, "fr has no peer any more")
        until(lambda: de.peer("fr")["state"] != "connected", 10, "de sees the end")
        publish(fr, "after")
        if acts(fr, "agreement-ended")[-1]["rule"] != "removed":
            raise Failed(str(acts(fr, "agreement-ended")))
        size = fr.held(fr, "green")
        # Written in two halves, as an editor or a copy over a network would; then SIGHUP.
        with open(aside, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text[:len(text) // 2])
            f.flush()
            fr.process.send_signal(signal.SIGHUP)
            until(lambda: any(a["rule"] == "broken-key-file" for a in fr.json("alarms")), 10,
                  "half a file raises an alarm")
            if fr.peer("de"):
                raise Failed("half a file makes a link")
            f.write(text[len(text) // 2:])
        fr.process.send_signal(signal.SIGHUP)
        fed.wait_connected()
        de.wait_held(fr, "green", size)
        arrives(de, "after")
        if any(a["rule"] == "broken-key-file" for a in fr.json("alarms")):
            raise Failed("the alarm stays although the file is whole")
        # A broken change keeps the last valid version in force, and says so.
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("gives fr: clear green", "gives fr: clear"))
        until(lambda: any(a["rule"] == "broken-key-file" for a in fr.json("alarms")), 10,
              "a text that nobody signed raises an alarm")
        publish(fr, "under-the-last-valid-version")
        arrives(de, "under-the-last-valid-version")
        fed.stop()


def test_revocation_ends_it_everywhere():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        id_ = fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        publish(fr, "one")
        arrives(de, "one")
        size = de.held(fr, "green")
        fr.run("agreement", "revoke", id_)
        until(lambda: not fr.connected("de") or not fr.peer("de"), 10, "the session ends")
        publish(fr, "two")
        rev = next(n for n in os.listdir(os.path.join(fr.home, "keys", "agreements"))
                   if n.endswith(".revocation"))
        # Neither the file again nor a restart brings it back.
        fr.process.send_signal(signal.SIGHUP)
        fr.stop()
        fr.start()
        again = fr.run("agreement", "accept",
                       os.path.join(de.home, "keys", "agreements", id_ + ".agreement"), de.card,
                       status=None)
        if again.status == 0:
            raise Failed("a revoked agreement was accepted again")
        # de puts the note in its own directory and knows it too.
        shutil.copy(os.path.join(fr.home, "keys", "agreements", rev),
                    os.path.join(de.home, "keys", "agreements", rev))
        until(lambda: not de.peer("fr"), 10, "de knows that it has ended")
        if fr.peer("de") or de.held(fr, "green") != size or de.find(value("two")):
            raise Failed("something came after the end")
        fed.stop()


def amend(fed, first, second, id_, **gives):
    """The next serial, signed by both: gives its file."""
    path = os.path.join(fed.dir, f"amended-{time.monotonic_ns()}")
    args = [f"--gives={name}={tlps}" for name, tlps in gives.items()]
    first.run("agreement", "draft", "--amend", id_, *args, "-o", path)
    first.run("agreement", "sign", path)
    second.run("agreement", "sign", path)
    return path


def test_narrowing_is_immediate_and_widening_mutual():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        id_ = fed.agree("fr", "de", gives={"fr": "clear,green,amber", "de": "clear,green"})
        fed.start()
        fed.wait_connected()
        publish(fr, "green-1")
        arrives(de, "green-1")
        since = de.peer("fr")["since"]
        narrow = amend(fed, fr, de, id_, fr="clear", de="clear,green")
        fr.run("agreement", "accept", narrow)  # fr only: de still has the former serial
        until(lambda: any(a["terms"][0]["serial"] == 2 for a in acts(fr, "agreement-in-force")),
              10, "serial 2 is in force at fr")
        publish(fr, "green-2")
        publish(fr, "clear-1", tlp="clear")
        arrives(de, "clear-1")  # the fence: what came before on the link has come
        if de.find(value("green-2")) or de.store_holds(value("green-2")):
            raise Failed("GREEN flows although fr gives clear only")
        why = fr.json("why", value("green-2"), "de")["places"][0]
        if why["allow"] or why["rule"] != "not-given":
            raise Failed(f"why: {why}")
        # A lower serial does not come back.
        lower = os.path.join(fr.home, "keys", "history", f"{id_}.1.agreement")
        if fr.run("agreement", "accept", lower, status=None).status == 0:
            raise Failed("a lower serial was accepted")
        # Widening takes both.
        wide = amend(fed, fr, de, id_, fr="clear,green", de="clear,green")
        fr.run("agreement", "accept", wide)
        de.run("agreement", "accept", wide)
        arrives(de, "green-2")
        if de.peer("fr")["since"] != since:
            raise Failed("the session was not the same all along")
        fed.stop()


def test_sealed_node_key():
    with Federation() as fed:
        fr, = fed.add("fr")
        secret = os.path.join(fed.dir, "passphrase")
        with open(secret, "w", encoding="ascii") as f:
            f.write("correct horse battery staple\n")
        home = os.path.join(fed.dir, "sealed")
        entente("init", "--name", "se", "--org", "CERT-SE", "--passphrase-file", secret,
                "--node-passphrase-file", secret, "--listen", "127.0.0.1:0", home=home)
        with open(os.path.join(home, "keys", "node.key"), encoding="utf-8") as f:
            if not re.search("^seal: argon2id", f.read(), re.M):
                raise Failed("node.key is not sealed")
        fr.home = home
        wrong = os.path.join(fed.dir, "wrong")
        with open(wrong, "w", encoding="ascii") as f:
            f.write("wrong\n")
        for args in ([], ["--passphrase-file", wrong]):
            fr.start(*args, wait=False)
            if fr.ended() == 0 or "node.key" not in fr.tail(3):
                raise Failed(f"started with {args}: {fr.tail(3)}")
        fr.start("--passphrase-file", secret)
        publish(fr, "sealed")
        fr.stop()
        if b"correct horse" in open(fr.log, "rb").read():
            raise Failed("the passphrase stands in the log")


if __name__ == "__main__":
    run_tests([test_two_cards_and_one_agreement_file, test_ready_stop_and_ports,
               test_secrets_are_for_the_owner_only, test_restart_keeps_everything,
               test_agreement_placed_and_removed_by_hand, test_revocation_ends_it_everywhere,
               test_narrowing_is_immediate_and_widening_mutual, test_sealed_node_key])
