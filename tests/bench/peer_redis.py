# SPDX-License-Identifier: EUPL-1.2
"""Redis Streams: a server and its replica, both with appendfsync always. Its own way of mass insertion
feeds it (redis-cli --pipe)."""
import os
import socket
import subprocess
import time

from measure import Failed, until
from peer import Peer, as_text, records


def command(*parts):
    return b"".join([b"*%d\r\n" % len(parts)] + [b"$%d\r\n%s\r\n" % (len(p), p) for p in parts])


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.socket.makefile("rb")

    def ask(self, *parts):
        self.socket.sendall(command(*(p.encode() for p in parts)))
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if line[:1] == b"-":
            raise Failed(f"redis: {line}")
        if line[:1] == b"$":
            size = int(line[1:])
            return self.file.read(size + 2)[:-2] if size >= 0 else None
        return line[1:].strip()


class Redis(Peer):
    name, programs = "Redis Streams, fsync always", ("redis-server", "redis-cli")

    def begin(self):
        for i, name in enumerate(("first", "second")):
            more = ["--replicaof", "127.0.0.1", str(self.ports[0])] if i else []
            self.spawn("redis-server", "--port", str(self.ports[i]), "--bind", "127.0.0.1", "--dir",
                       self.folder(name), "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                       "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "256mb",
                       "--client-output-buffer-limit", "replica 0 0 0", *more)
            self.wait_port(self.ports[i])
        self.second = Connection(self.ports[1])
        until(lambda: b"master_link_status:up" in self.second.ask("INFO", "replication"), 30,
              "the replica follows")

    def end(self):
        """Nothing more than the processes."""

    def prepare(self, path):
        count = 0
        with open(os.path.join(self.dir, "input"), "wb") as f:
            for record in records(path):
                f.write(command(b"XADD", b"s", b"*", b"r", as_text(record)))
                count += 1
        return count

    def transfer(self, count):
        with open(os.path.join(self.dir, "input"), "rb") as f:
            done = subprocess.run(["redis-cli", "-p", str(self.ports[0]), "--pipe"], stdin=f,
                                  capture_output=True, text=True, check=False)
        if done.returncode != 0 or "errors: 0" not in done.stdout:
            raise Failed(f"redis-cli: {done.stdout}{done.stderr}")
        # An answer goes out after the append file was synced, with what it tells of.
        until(lambda: int(self.second.ask("XLEN", "s")) == count, 600, "all is at the replica", 0.005)

    def latencies_ms(self, count, a_second=100):
        """The replica has synced them too when WAIT says so."""
        first, took = Connection(self.ports[0]), []
        text = as_text(("single.latency-example.net", "0" * 32, 0, 0))
        due = time.monotonic()
        for _ in range(count):
            due += 1 / a_second
            time.sleep(max(0, due - time.monotonic()))
            began = time.perf_counter()
            first.socket.sendall(command(b"XADD", b"s", b"*", b"r", text) + command(b"WAIT", b"1", b"1000"))
            if first.answer() is None or first.answer() != b"1":
                raise Failed("redis: the replica did not follow")
            took.append((time.perf_counter() - began) * 1000)
        return sorted(took)
