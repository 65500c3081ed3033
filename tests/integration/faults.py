# SPDX-License-Identifier: EUPL-1.2
"""What fails for a daemon or a command: writes, syncs, the clock, the process itself, by a library that
is loaded in front of the C library (fault_shim.c)."""
import functools
import mmap
import os
import struct
import subprocess

from federation import SANITISED

HERE = os.path.dirname(os.path.abspath(__file__))


def needs_shim(test):
    """A sanitised program has its own runtime in that place."""
    @functools.wraps(test)
    def run():
        return "a sanitised program takes no preload" if SANITISED else test()
    return run


class Faults:
    """What fails for one daemon, from now on."""
    FIELDS = {"sync": ("i", 0), "write": ("i", 4), "commit": ("i", 8), "die": ("i", 12),
              "clock": ("q", 16), "behind": ("i", 24), "names": ("i", 28)}

    def __init__(self, fed, node):
        self.node, self.path = node, os.path.join(fed.dir, f"{node.name}.faults")
        with open(self.path, "wb") as f:
            f.write(bytes(32))
        self.file = open(self.path, "r+b")
        self.memory = mmap.mmap(self.file.fileno(), 32)
        self.shim = os.path.join(fed.dir, "shim.so")
        if not os.path.exists(self.shim):
            subprocess.run([os.environ.get("CC", "cc").split()[-1], "-shared", "-fPIC",
                            "-D_GNU_SOURCE", "-o", self.shim,
                            os.path.join(HERE, "fault_shim.c"), "-ldl"], check=True)

    def env(self, below=None):
        return dict(os.environ, LD_PRELOAD=self.shim, FAULT_FILE=self.path,
                    FAULT_DIR=(below or self.node.home) + "/")

    def start(self, wait=True):
        return self.node.start(env=self.env(), wait=wait)

    def set(self, **faults):
        for name, value in faults.items():
            kind, at = self.FIELDS[name]
            struct.pack_into(kind, self.memory, at, value)


def values(tag, count):
    return [f"{tag}{i}.bad-example-zone.net" for i in range(count)]


def publish(node, tag, count, status=0):
    return node.run("publish", "--tlp", "green", "--json", "-", status=status,
                    stdin="".join(v + "\n" for v in values(tag, count)))
