#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Honest nodes are accused of nothing. Five of them live through what a seed draws: publications,
retractions, erasures, crashes, restores of old copies, new keys and cards, agreements that end, change
and begin, pauses, floors, lost guards; bundles are made at any moment, with and without the daemon, and
checked in any company. A false accusation is worse than a lie that is missed.

ENTENTE_SEED=N repeats a run, ENTENTE_LONG=1 makes more and longer ones, ENTENTE_SEEDS=N so many."""
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, Failed, Federation, run_tests, until  # noqa: E402

LONG = os.environ.get("ENTENTE_LONG") == "1"
SEEDS = int(os.environ.get("ENTENTE_SEEDS", "20" if LONG else "1"))
SEED = int(os.environ.get("ENTENTE_SEED", time.time_ns() % 1000000 if LONG else 1))
STEPS = 60 if LONG or SEEDS > 1 else 24
COMPANIES = 30 if LONG or SEEDS > 1 else 8
NAMES = ("fr", "de", "pl", "ua", "be")
ZONE = "bad-example-zone.net"


class Life:
    """What happens to five nodes. Each `do_` is something that operators or machines do; it gives False
    when it cannot happen now."""

    def __init__(self, fed, seed):
        self.fed, self.rnd, self.seed = fed, random.Random(seed), seed
        self.told, self.bundles, self.backups, self.count = [], {n: [] for n in NAMES}, {}, 0
        self.values = {n: [] for n in NAMES}
        fed.add(*NAMES)
        for name in self.rnd.sample(NAMES, 2):
            self.configure(name, self.rnd.choice(("retain 2s", "retain 5s", "retain-expired 1s")))
        self.agreements = {}  # id -> names
        for names in (("fr", "de"), ("de", "pl"), ("pl", "ua"), ("fr", "de", "be"), ("fr", "be")):
            self.agree(*names)
        fed.start()
        self.actions = [getattr(self, n) for n in dir(self) if n.startswith("do_")]

    def configure(self, name, line):
        with open(os.path.join(self.fed.nodes[name].home, "entente.conf"), "a", encoding="utf-8") as f:
            f.write(line + "\n")
        self.told.append(f"{name}: {line}")

    def agree(self, *names):
        gives = {n: "clear,green,amber" for n in names}
        one = self.fed.agree(*names, gives=gives, introduces=names)
        self.agreements[one] = names

    def node(self, name=None, running=True):
        """Some node, or that one; None when none is as wanted."""
        names = [n for n in ([name] if name else NAMES)
                 if bool(self.fed.nodes[n].process) == running]
        return self.fed.nodes[self.rnd.choice(names)] if names else None

    def export(self, node, *options):
        path = os.path.join(self.fed.dir, f"{node.name}-{len(self.bundles[node.name])}.audit")
        node.run("audit", "export", *options, "-o", path)
        self.bundles[node.name].append(path)

    # --- what happens ---

    def do_publish(self):
        node = self.node()
        if not node:
            return False
        count = self.rnd.choice((1, 3, 40, 300))
        values = [f"{node.name}{self.count + i}.{ZONE}" for i in range(count)]
        self.count += count
        options = ["--tlp", self.rnd.choice(("clear", "green"))]
        with_it = [a for a, names in self.agreements.items() if node.name in names]
        if with_it and self.rnd.random() < 0.4:
            options = ["--tlp", "amber", "--agreement", self.rnd.choice(with_it)]
        if self.rnd.random() < 0.3:
            options += ["--valid-days", "1"]
        # 4: it is mute; 3, 1: what was an agreement a moment ago is none, or is not known to a copy.
        done = node.run("publish", *options, "-", stdin="".join(v + "\n" for v in values), status=None)
        if done.status not in (0, 1, 3, 4):
            raise Failed(f"publish: {done.status} {done.err[:500]}")
        if done.status == 0:
            self.values[node.name] += values
        return f"{node.name}: {count} to {options[-1]}, status {done.status}"

    do_publish_more = do_publish_again = do_publish

    def taken_back(self, *command):
        node = self.node()
        if not node or not self.values[node.name]:
            return False
        value = self.rnd.choice(self.values[node.name])
        done = node.run(command[0], value, *command[1:], status=None)
        if done.status not in (0, 1, 3, 4):
            raise Failed(f"{command}: {done.status} {done.err[:500]}")
        return f"{node.name}: {command[0]} {value}, status {done.status}"

    def do_retract(self):
        return self.taken_back("retract", "--reason", "wrong")

    def do_erase(self):
        return self.taken_back("erase", "--reason", "a person")

    def do_recall(self):
        return self.taken_back("erase", "--now", "--reason", "a person")

    def do_crash(self):
        node = self.node()
        if not node:
            return False
        node.kill()
        if self.rnd.random() < 0.7:
            node.start()
        return node.name

    def do_stop(self):
        node = self.node()
        if not node:
            return False
        node.stop()
        if self.rnd.random() < 0.7:
            node.start()
        return node.name

    def do_start(self):
        node = self.node(running=False)
        if not node:
            return False
        node.start()
        return node.name

    do_start_more = do_start

    def do_backup(self):
        node = self.node() or self.node(running=False)
        path = os.path.join(self.fed.dir, f"{node.name}.backup")
        shutil.rmtree(path, ignore_errors=True)
        node.run("backup", path)
        self.backups[node.name] = path
        return node.name

    def do_restore(self):
        if not self.backups:
            return False
        name = self.rnd.choice(sorted(self.backups))
        node = self.fed.nodes[name]
        if self.rnd.random() < 0.5:
            node.kill()
        else:
            node.stop()
        shutil.rmtree(node.home)
        node.run("restore", self.backups[name])
        # A log of acts is named by the second of its beginning.
        second = int(time.time())
        until(lambda: int(time.time()) > second, 2, "the second is over")
        node.start()
        return name

    def do_lose_the_guard(self):
        node = self.node()
        if not node:
            return False
        node.kill()
        if os.path.exists(os.path.join(node.home, "guard")):
            os.remove(os.path.join(node.home, "guard"))
        node.start()
        return node.name

    def do_give_up_peers(self):
        node = self.node()
        if not node or not node.status()["mute"]:
            return False
        said = node.json("recover", status=None).get("recovery", {})
        for peer in said.get("waiting_for", []):
            if not self.fed.nodes[peer].process:
                node.run("recover", "--without", peer, "--operator", "watch", status=None)
        return node.name

    def do_rotate_keys(self):
        node = self.node()
        if not node:
            return False
        node.run("card", "rotate-keys", status=None)
        self.backups.pop(node.name, None)  # a copy that does not know it would make another card
        return node.name

    def do_rotate_root(self):
        node = self.node() or self.node(running=False)
        node.run("card", "rotate-root", status=None)
        self.backups.pop(node.name, None)  # with it the replaced root would come back
        return node.name

    def do_renew(self):
        node = self.node() or self.node(running=False)
        node.run("card", "renew")
        self.backups.pop(node.name, None)
        return node.name

    def do_revoke(self):
        if len(self.agreements) < 4:
            return False
        one = self.rnd.choice(sorted(self.agreements))
        node = self.fed.nodes[self.rnd.choice(self.agreements.pop(one))]
        node.run("agreement", "revoke", one, status=None)  # a restored copy may not know it
        return f"{node.name}: {one}"

    def do_agree(self):
        if len(self.agreements) > 6:
            return False
        names = self.rnd.sample(NAMES, self.rnd.choice((2, 2, 3)))
        for name in names:  # what has been changed since
            shutil.copy(os.path.join(self.fed.nodes[name].home, "keys", "own.card"),
                        self.fed.nodes[name].card)
        self.agree(*names)
        return str(names)

    def do_amend(self):
        if not self.agreements:
            return False
        one = self.rnd.choice(sorted(self.agreements))
        names = self.agreements[one]
        path = os.path.join(self.fed.dir, f"{one}-{len(self.told)}.agreement")
        first = self.fed.nodes[names[0]]
        gives = self.rnd.choice(("clear", "clear,green", "clear,green,amber"))
        if first.run("agreement", "draft", "--amend", one, "--gives", f"{names[0]}={gives}", "-o", path,
                     status=None).status != 0:
            return False  # a restored copy may not know it
        for name in names:
            # An old copy that does not know the serial would be asked to sign it for another text.
            self.backups.pop(name, None)
            self.fed.nodes[name].run("agreement", "sign", path, status=None)
        for name in names:
            self.fed.nodes[name].run("agreement", "accept", path, status=None)
        return f"{one}: {names[0]} gives {gives}"

    def do_pause(self):
        node = self.node()
        if not node:
            return False
        node.run("pause", self.rnd.choice(("in", "out", "all")))
        return node.name

    def do_resume(self):
        node = self.node()
        if not node:
            return False
        node.run("resume", "all")
        return node.name

    do_resume_more = do_resume

    def do_hold(self):
        node = self.node()
        if not node or not self.count:
            return False
        value = f"{self.rnd.choice(NAMES)}{self.rnd.randrange(self.count)}.{ZONE}"
        node.run(self.rnd.choice(("hold", "unhold")), value, status=None)
        return node.name

    def do_compact(self):
        node = self.node()
        if not node:
            return False
        node.run(self.rnd.choice(("compact", "reindex")), status=None)
        return node.name

    def do_export(self):
        node = self.node() or self.node(running=False)
        options = self.rnd.choice(((), (), ("--with-bodies",)))
        self.export(node, *options)
        return f"{node.name} {options}"

    do_export_more = do_export_again = do_export

    def do_settle(self):
        """Most of the time most is well."""
        for name in NAMES:
            if not self.fed.nodes[name].process and self.rnd.random() < 0.8:
                self.fed.nodes[name].start()
        ups = [n for n in self.fed.nodes.values() if n.process]
        end = time.monotonic() + 1.0
        while time.monotonic() < end and not all(n.connected() for n in ups):
            time.sleep(0.05)
        return f"{len(ups)} run"

    do_settle_more = do_settle

    # --- and what the auditor says ---

    def live(self, steps):
        while steps:
            action = self.rnd.choice(self.actions)
            said = action()
            if said:
                self.told.append(f"{action.__name__[3:]}: {said}")
                steps -= 1

    def end(self):
        for node in self.fed.nodes.values():
            if not node.process:
                node.start()
            if self.rnd.random() < 0.5:
                self.export(node)
        self.fed.stop()
        for node in self.fed.nodes.values():
            self.export(node)

    def check(self, paths):
        done = subprocess.run([os.path.join(BIN, "entente-audit"), "check", *paths], check=False,
                              capture_output=True, text=True, timeout=120 * PATIENCE)
        if done.returncode:
            lines = [x for x in done.stdout.split("\n") if "breach:" in x]
            happened = "\n".join(self.told)
            raise Failed(f"honest nodes are accused, ENTENTE_SEED={self.seed}: {' '.join(paths)}\n"
                         + "\n".join(lines) + f"\n{done.stderr}\n{happened}")

    def audit(self):
        self.check([b[-1] for b in self.bundles.values()])
        for _ in range(COMPANIES):
            company = self.rnd.sample(NAMES, self.rnd.randint(1, len(NAMES)))
            self.check([self.rnd.choice(self.bundles[n]) for n in company])
        # Several of one node, too: the newest speaks for it.
        self.check([b for some in self.bundles.values() for b in some])


def test_whatever_happens_honest_nodes_are_accused_of_nothing():
    for seed in range(SEED, SEED + SEEDS):
        with Federation() as fed:
            life = Life(fed, seed)
            try:
                life.live(STEPS)
                life.end()
            except Failed as e:
                happened = "\n".join(life.told)
                raise Failed(f"ENTENTE_SEED={seed}: {e}\n{happened}") from None
            life.audit()
    print(f"# {SEEDS} lives from seed {SEED} on, {STEPS} steps each")


if __name__ == "__main__":
    run_tests([test_whatever_happens_honest_nodes_are_accused_of_nothing])
