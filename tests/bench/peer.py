# SPDX-License-Identifier: EUPL-1.2
"""What the drivers of other systems share: two servers of theirs in a directory of their own, on ports
of their own, and the records in text."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from measure import Failed, cpu_seconds, until
from federation import free_port

FROM_MS = 1790000000000
LABELS = ("attack:T1566.002", "phase:delivery", "malware:lumma-stealer")


def records(path):
    """(value, object id in hexadecimal, valid from, valid until) of each line: what a record of ours says.
    Salt and commitment, for which they have no use, are left away."""
    with open(path, encoding="utf-8") as f:
        for i, line in enumerate(f):
            since = FROM_MS + i // 8
            yield line.rstrip("\n"), f"{i * 0x9e3779b97f4a7c15 % 2**64:016x}{i:016x}", since, \
                since + 90 * 86400000


def as_text(record):
    value, object_id, since, until_ms = record
    return f"{value}\t80\t{since}\t{until_ms}\t{','.join(LABELS)}\t{object_id}".encode()


class Peer:
    """A system with two servers. A subclass starts them (begin), makes its input (prepare: not timed),
    and sends it until all of it is at the second (transfer: timed)."""
    name = programs = None

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="entente-peer-")
        self.ports = [free_port() for _ in range(3)]
        self.processes = []
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        self.end()
        for p in self.processes:
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for p in self.processes:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def begin(self):
        raise NotImplementedError

    def end(self):
        """Before the processes are ended."""

    def spawn(self, *command):
        with open(os.path.join(self.dir, "log"), "ab") as log:
            p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir)
        self.processes.append(p)
        return p

    def folder(self, name):
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        return path

    def wait_port(self, port):
        def there():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                for p in self.processes:
                    if p.poll() is not None:
                        raise Failed(f"{self.name}: {p.args[0]} ended\n{self.tail()}") from None
                return False
        until(there, 30, f"{self.name} listens on {port}")

    def tail(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-15:])

    def measure(self, path):
        """(records a second, bytes of disk a record at the second server)"""
        count = self.prepare(path)
        began = time.monotonic()
        self.transfer(count)
        took = time.monotonic() - began
        return count / took, self.disk() / count

    def latencies_ms(self, count):
        """Of single records, sorted, until the second server's disk has them; None where it cannot be
        asked for that."""
        return None

    def disk(self):
        return sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
                   for folder, _, names in os.walk(os.path.join(self.dir, "second")) for name in names)

    def cpu(self):
        return sum(cpu_seconds(p.pid) for p in self.processes)
