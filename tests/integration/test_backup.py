#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Backups while the daemon runs, their way back, and what is lost for good: a new incarnation."""
import hashlib
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, Failed, Federation, entente, run_tests, until  # noqa: E402


def values(tag, count):
    return "".join(hashlib.sha256(f"{tag} {i}".encode()).hexdigest() + "\n" for i in range(count))


def publish(node, tag, count, status=0, tlp="green"):
    return node.run("publish", "--tlp", tlp, "--json", "-", stdin=values(tag, count),
                    status=status)


def pair(fed):
    fr, de = fed.add("fr", "de")
    fed.agree("fr", "de")
    fed.start()
    fed.wait_connected()
    return fr, de


def modes(folder):
    return {os.path.relpath(os.path.join(d, n), folder): stat.S_IMODE(os.stat(
        os.path.join(d, n)).st_mode) for d, _, names in os.walk(folder) for n in names}


def signs_again(node):
    until(lambda: not node.status()["mute"], 15, f"{node.name} signs again")


def test_a_backup_while_publishing_comes_back():
    with Federation() as fed:
        fr, de = pair(fed)
        publish(fr, "a", 1000)
        copy = os.path.join(fed.dir, "copy")
        source = os.path.join(fed.dir, "b.txt")
        with open(source, "w", encoding="ascii") as f:
            f.write(values("b", 20000))
        publisher = subprocess.Popen([os.path.join(BIN, "entente"), "publish", "--tlp", "green",
                                      "--home", fr.home, source], stdout=subprocess.DEVNULL)
        until(lambda: fr.held(fr, "green") > 1000, 20, "it is publishing")
        done = fr.json("backup", copy)
        if publisher.wait(60 * PATIENCE) != 0 or done["files"] < 4:
            raise Failed(f"publish {publisher.returncode}, backup {done}")
        de.wait_held(fr, "green", 21000)
        if os.path.exists(os.path.join(copy, "guard")) or os.path.exists(
                os.path.join(copy, "run")) or [m for m in modes(copy).values() if m & 0o22]:
            raise Failed(f"in the copy: {modes(copy)}")
        if modes(copy)["keys/node.key"] != 0o600 or modes(copy)["data/log/data.mdb"] != 0o600 or \
                stat.S_IMODE(os.stat(copy).st_mode) != 0o700:
            raise Failed("modes")
        fr.run("backup", copy, status=6)  # there is one already
        # Back into a home that is there: only when told, and not under a running daemon.
        fr.run("restore", copy, status=6)
        fr.run("restore", copy, "--replace", status=4)
        fr.stop()
        fr.run("restore", copy, "--replace")
        kept = [n for n in os.listdir(fr.home) if ".before-" in n]
        if {n.split(".before-")[0] for n in kept} != {"data", "keys", "entente.conf", "guard"}:
            raise Failed(f"set aside: {kept}")
        fr.start()
        signs_again(fr)
        de.wait_held(fr, "green", 21000)
        fr.wait_held(fr, "green", 21000)
        again = publish(fr, "b", 20000).json
        if again["unchanged"] != 20000:
            raise Failed(f"after the restore: {again}")
        publish(fr, "c", 5)
        de.wait_held(fr, "green", 21005)
        second = os.path.join(fed.dir, "second")
        fr.run("backup", second)
        # And what a node remembers that was restored once.
        if sorted(modes(second)) != sorted([*modes(copy), "recover.known"]):
            raise Failed(f"what was set aside is copied: {modes(second)}")
        if de.feed(fr, "green")["frozen"] or de.json("alarms"):
            raise Failed(f"at de: {de.json('alarms')}")
        fed.stop()


def test_half_a_copy_is_refused():
    with Federation() as fed:
        fr, _ = pair(fed)
        publish(fr, "a", 100)
        home = os.path.join(fed.dir, "new")
        for n, spoil in enumerate(("MANIFEST", "keys/node.key", "data/log/data.mdb")):
            copy = os.path.join(fed.dir, f"copy{n}")
            fr.run("backup", copy)
            if n == 2:
                with open(os.path.join(copy, spoil), "r+b") as f:
                    f.truncate(os.path.getsize(os.path.join(copy, spoil)) - 4096)
            else:
                os.remove(os.path.join(copy, spoil))
            done = entente("restore", copy, home=home, status=6)
            if len(done.err.strip().splitlines()) != 1 or "whole" not in done.err:
                raise Failed(f"one clear error: {done.err}")
            if os.path.exists(home):
                raise Failed(f"something was restored: {os.listdir(home)}")
        fr.run("backup", os.path.join(fed.dir, "whole"))
        # A place that was made for it is the owner's only from then on.
        os.mkdir(home, 0o755)
        entente("restore", os.path.join(fed.dir, "whole"), home=home)
        if stat.S_IMODE(os.stat(home).st_mode) != 0o700:
            raise Failed("others may look into the home")
        if os.path.exists(os.path.join(home, "guard")):
            raise Failed("a guard came back")
        folders = {n for n in os.listdir(os.path.join(home, "keys")) if "." not in n}
        if not folders >= {"agreements", "cards", "psk", "history", "rosters"}:
            raise Failed(f"in keys/ are only {folders}")
        fed.stop()


def test_what_lies_behind_links_is_copied():
    with Federation() as fed:
        fr, _ = pair(fed)
        publish(fr, "a", 10)
        plain, copy = (os.path.join(fed.dir, n) for n in ("plain", "copy"))
        fr.run("backup", plain)
        fr.stop()
        # As on a machine with its configuration in /etc and its data on another disk.
        for name in ("entente.conf", "keys", "data"):
            os.rename(os.path.join(fr.home, name), os.path.join(fed.dir, name))
            os.symlink(os.path.join(fed.dir, name), os.path.join(fr.home, name))
        os.symlink(fed.dir, os.path.join(fr.home, "backups"))  # this one leads elsewhere
        fr.start()
        fr.run("backup", copy)
        if modes(copy) != modes(plain):
            raise Failed(f"{modes(copy)} instead of {modes(plain)}")
        fr.stop()
        fr.run("restore", copy, "--replace")
        if not os.path.exists(os.path.join(fed.dir, "keys", "node.key")) or \
                os.path.islink(os.path.join(fr.home, "keys")):
            raise Failed("what was set aside was written over")
        fr.start()
        signs_again(fr)
        if publish(fr, "a", 10).json["unchanged"] != 10:
            raise Failed("something is missing")
        fed.stop()


def test_a_backup_into_the_home_is_refused():
    with Federation() as fed:
        fr, _ = pair(fed)
        os.symlink(fr.home, os.path.join(fed.dir, "link"))
        os.mkdir(os.path.join(fr.home, "empty"))
        for place in (os.path.join(fr.home, "daily"), os.path.join(fr.home, "keys", "x"),
                      os.path.join(fr.home, "data", "log", "x"), os.path.join(fr.home, "empty"),
                      os.path.join(fed.dir, "link", "daily")):
            fr.run("backup", place, status=6, timeout=20)
            if os.path.exists(place):
                raise Failed(f"{place} was left there")
        fr.run("backup", fr.home + "-daily")
        fed.stop()


def test_a_position_of_another_store_passes_over_nothing():
    with Federation() as fed:
        fr, _ = pair(fed)
        publish(fr, "a", 10)
        copy = os.path.join(fed.dir, "copy")
        fr.run("backup", copy)
        publish(fr, "b", 10)
        publish(fr, "c", 10)
        last = fr.run("tail").out.splitlines()[-1].split()[0]
        if fr.run("tail", "--from", last).out:
            raise Failed("there is something behind the last")
        follows = subprocess.Popen([os.path.join(BIN, "entente"), "tail", "--follow", "--home",
                                    fr.home, "--from", last], stderr=subprocess.PIPE, text=True)
        fr.stop()
        fr.run("restore", copy, "--replace")
        said = follows.communicate(timeout=30 * PATIENCE)[1]
        if follows.returncode != 6 or "a restored one counts anew" not in said:
            raise Failed(f"one that follows goes on: {follows.returncode} {said}")
        done = fr.run("tail", "--from", last, "--json", status=6)
        if last not in done.json["error"]:
            raise Failed(done.out)
        fed.stop()


def test_what_a_full_disk_cuts_short_leaves_nothing():
    full = "/dev/full"
    with Federation() as fed:
        fr, _ = pair(fed)
        publish(fr, "a", 5000)
        fr.wait_sealed()
        copy = os.path.join(fed.dir, "copy")
        # A file-size limit is what a full disk is to a writer; Python leaves SIGXFSZ ignored.
        for args in (["backup", copy], ["audit", "export", "-o", copy],
                     ["tlog", "export", "fr/green", copy]):
            done = subprocess.run(["sh", "-c", "ulimit -f 20; exec \"$@\"", full,
                                   os.path.join(BIN, "entente"), "--home", fr.home, *args],
                                  capture_output=True, text=True, check=False, restore_signals=False)
            if done.returncode != 5 or os.path.exists(copy) or len(done.stderr.splitlines()) != 1:
                raise Failed(f"{args}: {done.returncode} {done.stderr} {os.path.exists(copy)}")
            if "failed" in done.stderr:
                raise Failed(f"{args}: nothing is said of why: {done.stderr}")
        fed.stop()


def test_whom_a_copy_gave_up_the_next_one_asks():
    """The operator's word was for the copy that was set aside."""
    with Federation() as fed:
        fr, de = pair(fed)
        pl, = fed.add("pl")
        fed.agree("fr", "pl")
        copy = os.path.join(fed.dir, "copy")
        fr.run("backup", copy)
        fed.stop()

        def waits_for():
            return sorted(fr.json("recover", status=4)["recovery"]["waiting_for"])
        fr.run("restore", copy, "--replace")
        fr.start()
        until(lambda: waits_for() == ["de", "pl"], 10, "it waits for both")
        fr.run("recover", "--without", "pl", status=None)
        until(lambda: waits_for() == ["de"], 10, "it goes on without pl")
        fr.stop()
        fr.run("restore", copy, "--replace")
        fr.start()
        until(lambda: "de" in waits_for(), 10, "it waits")
        if waits_for() != ["de", "pl"]:
            raise Failed(f"it waits for {waits_for()} only")
        fr.stop()


def test_what_is_lost_for_good_begins_a_new_incarnation():
    with Federation() as fed:
        fr, de = pair(fed)
        agreement = fr.json("agreement", "list")[0]["id"]
        publish(fr, "a", 100)
        fr.run("publish", "--agreement", agreement, "--tlp", "green", "--json", "-",
               stdin=values("x", 20))
        de.wait_held(fr, "green", 100)
        copy = os.path.join(fed.dir, "copy")
        fr.run("backup", copy)
        de.stop()
        publish(fr, "lost", 10)  # nobody ever sees these, but they were signed
        guard = os.path.join(fr.home, "guard")
        with open(guard, "rb") as f:
            newest = f.read()
        fr.stop()
        fr.run("restore", copy, "--replace")
        with open(os.open(guard, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(newest)
        de.start()
        fr.start()
        until(lambda: "new-incarnation" in fr.json("recover", status=4)["recovery"]["do"], 15,
              "it says what can be done")
        publish(fr, "b", 10, status=4)
        before = fr.json("card", "show")["incarnations"]
        fr.run("card", "new-incarnation")

        def begun():
            status = fr.json("status", status=None)
            return not status.get("mute", True) and status["uptime_s"] is not None and \
                status["node"]["incarnation"] != before[-1]
        until(begun, 15, "the daemon has begun the new incarnation")
        # It starts again for it, and for that moment does not answer.
        until(lambda: os.path.exists(os.path.join(fr.home, "run", "ready")), 15, "it is up")
        done = publish(fr, "b", 10).json
        if done["feeds"] != [{"audience": "green", "size": 11}]:
            raise Failed(f"a succession and ten entries: {done}")
        again = publish(fr, "a", 100).json
        if again["unchanged"] != 100:
            raise Failed(f"the former incarnation still stands: {again}")
        after = fr.json("card", "show")["incarnations"]
        if after[:-1] != before or fr.status()["node"]["incarnation"] != after[-1]:
            raise Failed(f"{before} {after}")

        def there():
            return [f for f in de.status()["feeds"] if f["origin"] == fr.id and
                    f["incarnation"] == after[-1]]
        until(lambda: {f["audience"]: f["held"] for f in there()} ==
              {"green": 11, agreement: 1}, 15, "both feeds of the new incarnation at de")
        for tag in ("a", "b", "x"):
            until(lambda t=tag: de.find(values(t, 1).strip()), 10, f"{tag} is found at de")
        fr.run("retract", values("a", 1).strip())
        until(lambda: de.find(values("a", 1).strip())[0]["retracted"], 10,
              "a claim of the former incarnation is retracted by the new one")
        acts = [a for a in fr.json("log") if a["act"] == "incarnation"]
        if len(acts) != 2:
            raise Failed(f"acts: {acts}")
        # And once more from the start: nothing is said twice.
        fr.stop()
        fr.start()
        if fr.status()["mute"] or publish(fr, "c", 1).json["feeds"][0]["size"] != 13:
            raise Failed("after a restart")
        # The copy is of before that: it has the former card, and hears that there is a newer one.
        fr.stop()
        fr.run("restore", copy, "--replace")
        fr.start()
        alarm = until(lambda: [a for a in fr.json("alarms") if a["rule"] == "own-card"], 15,
                      "the old copy hears of its newer card")[0]
        if alarm["severity"] != "page" or fr.json("card", "show")["incarnations"] != before:
            raise Failed(f"{alarm}")
        if [a for a in de.json("alarms") if a["rule"] in ("peer-misbehaved", "peer-lied")]:
            raise Failed(f"at de: {de.json('alarms')}")
        fed.stop()


if __name__ == "__main__":
    run_tests([test_a_backup_while_publishing_comes_back, test_half_a_copy_is_refused,
               test_what_lies_behind_links_is_copied, test_a_backup_into_the_home_is_refused,
               test_a_position_of_another_store_passes_over_nothing,
               test_what_a_full_disk_cuts_short_leaves_nothing,
               test_whom_a_copy_gave_up_the_next_one_asks,
               test_what_is_lost_for_good_begins_a_new_incarnation])
