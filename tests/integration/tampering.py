# SPDX-License-Identifier: EUPL-1.2
"""With what honest bundles are manipulated (manipulations.py, liars.py), and the two lists of it: what
anybody can do who has the file, and what only who holds the online keys of its node."""
import struct

import bundle_ref as ref
import peer_ref
from bundle_ref import Entry

ZONE = "bad-example-zone.net"
HOUR = 3600 * 1000
# Numbers of acts, node/provenance/act.h.
STARTED, IN_FORCE, ENDED, OPENED, CLOSED, RECEIVED = 1, 3, 4, 5, 6, 7
SENDING, MARK, SENT, PUBLISHED, ERASED, CARD, STEP = 8, 9, 10, 11, 15, 16, 19
INCARNATION, RESTORED, EPOCH, FLOOR, RECALLED, BODIES_SENT, BODIES_RECEIVED = 21, 22, 24, 32, 35, 39, 40
INTRODUCED, AFTER_END, ROSTER_IN_FORCE = 17, 41, 42


class Missing(Exception):
    """The honest bundles have not what is to be manipulated."""


def find_act(log, number, /, **fields):
    """Index of the first act of that number with these fields."""
    for i, act in log.acts(number):
        if all(act[k] == v for k, v in fields.items()):
            return i
    raise Missing(f"no act {number} with {fields}")


def change_act(log, index, /, **fields):
    entry = log.entries[index]
    entry.set_act({**entry.act(), **fields})


def act_at(log, index, fields):
    """Another act, of the time of the one there."""
    entry = Entry(log.entries[index].header, ref.PRESENT, received=log.entries[index].received)
    entry.set_act(fields)
    return entry


def insert_act(log, index, fields):
    """Another act in front of the one there, of the same time."""
    log.entries.insert(index, act_at(log, index, fields))


def insert_behind(log, index, fields):
    log.entries.insert(index + 1, act_at(log, index, fields))


def without_acts(log, /, *numbers, **fields):
    """None of these, or of these with such fields, ever happened."""
    log.entries = [e for e in log.entries if e.act()["act"] not in numbers or
                   any(e.act()[k] != v for k, v in fields.items())]


def opened_with(log, peer):
    """(index, act) of the last session that was opened with that node."""
    return [(i, a) for i, a in log.acts(OPENED) if a["peer"] == peer][-1]


def bodies_act(number, opened, feed, first, to, /, count=1, **fields):
    """Bodies by themselves in the session of that opening."""
    return {"act": number, "peer": opened["peer"], "session": opened["session"], "log": feed,
            "from": first, "to": to, "count": count, **fields}


def first_in(log, state):
    return next(e for e in log.entries if e.state == state)


def notes_with(bundle, kind, text):
    return [n for n in bundle.notes if n[0] == kind and text in n[1]]


def notes_without(bundle, kind, text):
    gone = notes_with(bundle, kind, text)
    bundle.notes = [n for n in bundle.notes if n not in gone]


def node_line(c, name):
    return f"node: {c.nodes[name].id}\n".encode()


def with_act(bundle, number, /, **fields):
    """Of its logs of acts the first that has one of that number with these fields; and where."""
    for log in bundle.acts_logs():
        try:
            return log, find_act(log, number, **fields)
        except Missing:
            continue
    raise Missing(f"no act {number} with {fields}")


def own_greens(bundle):
    """Its own green feed, of the former incarnation first."""
    return sorted((x for x in bundle.logs if x.audience == "green" and x.name[:16] == bundle.node),
                  key=lambda x: x.name[16:24])


def next_name(log):
    """Of the log of acts that comes behind this one."""
    return log.name[:25] + struct.pack(">Q", int.from_bytes(log.name[25:33], "big") + 1)


def forget_first(log, count):
    leaves = [peer_ref.leaf_hash(e.header) for e in log.entries[:count]]
    log.left = [peer_ref.tree_hash(leaves, 0, count)]
    del log.entries[:count]
    log.floor = log.begin = count


# --- signing again ---------------------------------------------------------------------------------


def seed_of(case, name, log):
    """The log key of the incarnation that the log names."""
    incarnation = int.from_bytes(log.name[16:24], "big")
    if incarnation == case.keys[name].card.incarnation:
        return case.keys[name].log_seed
    return case.former[name].log_seed


def resign(case, bundle, name, log):
    log.sign(seed_of(case, name, log))
    # Cosignatures that the own tree cannot bear any more are left out: a liar would.
    log.cosignatures = [k for k in log.cosignatures
                        if k.size <= log.end and log.root(k.size) == k.root]


# --- the two lists ---------------------------------------------------------------------------------
# Each takes the case and copies of the bundles; it says which rule must be found, and of whom.

FILE, LIAR = [], []


def by_file(rule, whom, status=1):
    def add(f):
        FILE.append((f.__name__, f, rule, whom, status))
        return f
    return add


def by_liar(rule, whom, *with_it):
    """whom: the liar. with_it: others that may be named besides."""
    def add(f):
        LIAR.append((f.__name__, f, rule, whom, with_it))
        return f
    return add
