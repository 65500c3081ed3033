# SPDX-License-Identifier: EUPL-1.2
"""NATS JetStream: a stream in a file at one server, and at another, a leaf node with a domain of its
own, its mirror. JetStream does not sync what it has acknowledged. Published with acknowledgements, so
many of them open at a time that the server never waits for its client."""
import json
import os
import select
import socket

from measure import Failed, until
from peer import Peer, as_text, records

WINDOW = 16384
ACK = b'"seq":'


class Connection:
    """Interest goes from server to server: every connection has a name of its own for answers."""

    def __init__(self, port, inbox):
        self.inbox = inbox
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.socket.makefile("rb")
        self.file.readline()  # INFO
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB %s 1\r\n' % inbox)

    def ask(self, subject, request):
        text = json.dumps(request).encode() if request is not None else b""
        self.socket.sendall(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), self.inbox, len(text), text))
        while True:
            line = self.file.readline()
            if line == b"PING\r\n":
                self.socket.sendall(b"PONG\r\n")
            elif line.startswith(b"MSG "):
                answer = json.loads(self.file.read(int(line.split()[-1]) + 2))
                if "error" in answer:
                    raise Failed(f"nats: {subject}: {answer['error']}")
                return answer
            elif not line or line.startswith(b"-ERR"):
                raise Failed(f"nats: {subject}: {line}")


class Nats(Peer):
    name, programs = "NATS JetStream mirror", ("nats-server",)

    def begin(self):
        leaf = f'"127.0.0.1:{self.ports[2]}"'
        tail = (f"leafnodes {{ listen: {leaf} }}",
                f'leafnodes {{ remotes: [ {{ url: "nats://127.0.0.1:{self.ports[2]}" }} ] }}')
        for i, name in enumerate(("first", "second")):
            path = os.path.join(self.dir, name + ".conf")
            with open(path, "w", encoding="utf-8") as f:
                f.write(f'server_name: {name}\nlisten: "127.0.0.1:{self.ports[i]}"\n'
                        f'jetstream {{ store_dir: "{self.folder(name)}", domain: {name} }}\n{tail[i]}\n')
            self.spawn("nats-server", "-c", path)
            self.wait_port(self.ports[i])
        first, self.second = Connection(self.ports[0], b"_first"), Connection(self.ports[1], b"_second")
        first.ask("$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["r"], "storage": "file"})
        self.second.ask("$JS.API.STREAM.CREATE.M", {
            "name": "M", "storage": "file", "mirror": {"name": "S", "external": {"api": "$JS.first.API"}}})
        first.ask("r", None)
        until(lambda: self.mirrored() == 1, 30, "the mirror follows", 0.1)

    def mirrored(self):
        return self.second.ask("$JS.API.STREAM.INFO.M", None)["state"]["messages"]

    def prepare(self, path):
        self.input, part, count = [], [], 0
        for record in records(path):
            text = as_text(record)
            part.append(b"PUB r _ack %d\r\n%s\r\n" % (len(text), text))
            count += 1
            if len(part) == 500:
                self.input.append((len(part), b"".join(part)))
                part = []
        if part:
            self.input.append((len(part), b"".join(part)))
        return count

    def transfer(self, count):
        c = Connection(self.ports[0], b"_ack")
        c.socket.setblocking(False)
        parts, sent, acked, rest, tail = iter(self.input), 0, 0, b"", b""
        while acked < count:
            if not rest and sent < count and sent - acked < WINDOW:
                n, rest = next(parts)
                sent += n
            readable, writable, _ = select.select([c.socket], [c.socket] if rest else [], [], 30)
            if not readable and not writable:
                raise Failed(f"nats: {acked} of {sent} acknowledged, and nothing more comes")
            if writable:
                rest = rest[c.socket.send(rest):]
            if readable:
                data = tail + c.socket.recv(1 << 20)
                acked += data.count(ACK)
                tail = data[-len(ACK) + 1:]
        until(lambda: self.mirrored() == count + 1, 600, "all is in the mirror", 0.005)
