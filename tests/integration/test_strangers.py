#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Not one byte to anybody without an agreement in force, whatever is sent; and no harm to those
who have one."""
import os
import random
import select
import shutil
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import AT_LEAST_S, PATIENCE, Failed, Federation, free_port, run_tests, until  # noqa: E402
import noise_ref  # noqa: E402
from noise_ref import PROTOCOL, Handshake, first_mac, frame  # noqa: E402
from peer_ref import Peer, card_file  # noqa: E402
from reference import Neighbour, Pair  # noqa: E402

HANDSHAKE_SECONDS = 5  # HANDSHAKE_MS of proto/limits.h
LOW_ORDER = [bytes(32), b"\1" + bytes(31), b"\xff" * 31 + b"\x7f",
             (2**255 - 20).to_bytes(32, "little"), (2**255 - 19).to_bytes(32, "little"),
             (2**255 - 18).to_bytes(32, "little"),
             bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
             bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]


def greeting(message1, key):
    return first_mac(key, message1) + frame(message1)


def first_message(card, secret):
    return Handshake(True, PROTOCOL + card.node, secret, card.transport).write1()


def answers(port, sent, seconds=0.25, pieces=1, wanted=0):
    """All bytes that come back to each of these, sent on connections of their own at once. wanted:
    that many are enough."""
    socks = []
    for one in sent:
        s = socket.create_connection(("127.0.0.1", port))
        s.setblocking(False)
        socks.append((s, one))
    for part in range(pieces):
        for s, one in socks:
            step = -(-len(one) // pieces) if one else 0
            try:
                s.send(one[part * step:(part + 1) * step])
            except OSError:
                pass  # closed already: also no answer
        if pieces > 1:
            time.sleep(0.002)
    got = {}
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end and (not wanted or sum(map(len, got.values())) < wanted):
        ready, _, _ = select.select([s for s, _ in socks], [], [], end - time.monotonic())
        for s, one in [x for x in socks if x[0] in ready]:
            try:
                data = s.recv(4096)
            except OSError:
                data = b""
            if data:
                got[one] = got.get(one, b"") + data
            else:
                socks.remove((s, one))
                s.close()
    for s, _ in socks:
        s.close()
    return got


def silent(what, got):
    if got:
        one, data = next(iter(got.items()))
        raise Failed(f"{what}: {len(data)} bytes in answer to {one[:40].hex()}...")


class Recorder:
    """A TCP relay that keeps what went each way."""

    def __init__(self, to):
        self.to, self.port = to, free_port()
        self.sent = []  # what each connection's client sent
        self.server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:  # not up yet
                client.close()
                continue
            record = bytearray()
            self.sent.append(record)
            for a, b, keep in ((client, server, record), (server, client, None)):
                threading.Thread(target=self.pump, args=(a, b, keep), daemon=True).start()

    def pump(self, source, sink, keep):
        try:
            while data := source.recv(65536):
                if keep is not None:
                    keep += data
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.server.close()


def test_not_one_byte_whatever_is_sent():
    with Federation() as fed:
        pair = Pair(fed)
        session = pair.session()
        card, port = pair.card, pair.fr.port
        rnd = random.Random(7)
        noise = [b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3",
                 b"SSH-2.0-x\r\n"]
        noise += [rnd.randbytes(n) for n in (1, 15, 16, 17, 18, 19, 113, 114, 115, 4096, 70000)]
        silent("random bytes", answers(port, noise))

        # Strangers who know our key: from the MAC on everything is right but the key they hold.
        keys = [os.urandom(32) for _ in range(5)]
        silent("another key", answers(port, [greeting(first_message(card, k), card.transport)
                                             for k in keys]))
        # One that begins rightly and goes wrong at every place behind the MAC.
        right = first_message(card, pair.peer.transport)
        wrong = []
        for at in (0, 31, 32, 50, 79, 80, 95):
            message = bytearray(right)
            message[at] ^= 1
            wrong.append(greeting(bytes(message), card.transport))
        wrong.append(bytes(16) + frame(right))                     # no MAC
        wrong.append(greeting(right, os.urandom(32)))              # the MAC for another node
        wrong.append(first_mac(card.transport, right) + struct.pack(">H", 95) + right[:95])
        wrong.append(first_mac(card.transport, right) + struct.pack(">H", 97) + right + b"x")
        wrong.append(first_mac(card.transport, right) + struct.pack(">H", 0))
        wrong.append(first_mac(card.transport, right) + b"\xff\xff" + right)
        wrong.append(greeting(Handshake(True, PROTOCOL + os.urandom(16), pair.peer.transport,
                                        card.transport).write1(), card.transport))  # other prologue
        wrong.append(greeting(Handshake(True, b"entente/2\n" + card.node, pair.peer.transport,
                                        card.transport).write1(), card.transport))
        silent("a wrong first message", answers(port, wrong))
        silent("half messages, dribbled", answers(port, [x[:-1] for x in wrong] + noise, pieces=40))
        low = [p + right[32:] for p in LOW_ORDER]
        silent("points of low order", answers(port, [greeting(m, card.transport) for m in low]))

        if not session.closed and pair.fr.peer("py")["state"] == "connected":
            # The check itself can see an answer: the same message, unspoilt, gets one.
            if not answers(port, [greeting(right, card.transport)], AT_LEAST_S, wanted=1):
                raise Failed("not even a genuine first message is answered")
        else:
            raise Failed("the session of the peer did not survive")
        session.send("Ping")
        size = pair.publish("still-here.bad-example-zone.net")
        session.collect(pair.feed(), card.log_key, size)
        pair.fr.stop()


def test_low_order_key_of_the_peer_itself():
    """A static key of low order, sealed rightly: DH gives zero, and silence."""
    with Federation() as fed:
        pair = Pair(fed)
        sent = []
        for point in LOW_ORDER:
            h = Handshake(True, PROTOCOL + pair.card.node, pair.peer.transport, pair.card.transport)
            message = h.write_e()
            h.mix_key(noise_ref.dh(h.e, h.rs))
            message += h.seal(point)
            h.mix_key(bytes(32))
            sent.append(greeting(message + h.seal(b""), pair.card.transport))
        silent("a static key of low order", answers(pair.fr.port, sent))
        pair.session().bye()
        pair.fr.stop()


def test_replays_get_silence_and_the_session_survives():
    with Federation() as fed:
        fr, = fed.add("fr")
        recorder = Recorder(fr.port)
        de, = fed.add("de", endpoint=False)
        fed.agree("fr", "de")
        # de reaches fr through the recorder.
        with open(os.path.join(de.home, "entente.conf"), "a", encoding="utf-8") as f:
            f.write(f"endpoint {fr.id} 127.0.0.1:{recorder.port}\n")
        fed.start()
        fed.wait_connected()
        genuine = bytes(recorder.sent[-1])
        if len(genuine) < 114:
            raise Failed("nothing recorded")
        since = fr.peer("de")["since"]
        for recorded in (genuine[:114], genuine, genuine[:114] + os.urandom(300)):
            silent("a replay", answers(fr.port, [recorded] * 3))
            silent("a replay, dribbled", answers(fr.port, [recorded[:200]], pieces=50))
        # To the other node it is a message for somebody else.
        silent("a replay to its own sender", answers(de.port, [genuine[:114], genuine]))
        if fr.peer("de")["since"] != since:
            raise Failed("the session was replaced")
        fr.run("publish", "--tlp", "green", "-", stdin="after-the-replay.bad-example-zone.net\n")
        until(lambda: de.find("after-the-replay.bad-example-zone.net"), 10, "the session goes on")

        # A fresh handshake of the peer that is recorded and never confirmed, then replayed.
        peer = Peer(de.home)
        message = greeting(first_message(card_file(fr.card), peer.transport),
                           card_file(fr.card).transport)
        first = answers(fr.port, [message], AT_LEAST_S, wanted=50)
        if len(first.get(message, b"")) != 50:
            raise Failed("the genuine one is answered with message 2 and no more")
        silent("its replay", answers(fr.port, [message] * 3))
        if fr.peer("de")["since"] != since or fr.peer("de")["state"] != "connected":
            raise Failed("an unconfirmed handshake replaced the session")
        recorder.close()
        fed.stop()


def test_idle_strangers_do_not_keep_a_peer_out():
    with Federation() as fed:
        pair = Pair(fed)
        idle = []
        try:
            for i in range(300):
                s = socket.create_connection(("127.0.0.1", pair.fr.port), timeout=AT_LEAST_S)
                s.setblocking(False)
                if i % 3 == 0:
                    s.send(b"x" * (i % 113))
                idle.append(s)
            start = time.monotonic()
            session = pair.session()
            took = time.monotonic() - start
            # It does not wait for their five seconds to be over.
            if took > 4.5 * PATIENCE:
                raise Failed(f"the peer waited {took:.1f} s")
            size = pair.publish("among-strangers.bad-example-zone.net")
            session.collect(pair.feed(), pair.card.log_key, size)

            # They do not stay for ever, and leave as they came: without a byte.
            def gone():
                still = []
                for s in idle:
                    try:
                        data = s.recv(100)
                        if data:
                            raise Failed(f"a stranger got {len(data)} bytes")
                        s.close()
                    except BlockingIOError:
                        still.append(s)
                    except OSError:
                        s.close()
                idle[:] = still
                return not still
            until(gone, HANDSHAKE_SECONDS + 5, "every stranger has been let go", 0.1)
        finally:
            for s in idle:
                s.close()
        if pair.fr.status()["strangers"] < 300:
            raise Failed("strangers are not counted")
        session.bye()
        pair.fr.stop()


def test_without_an_agreement_in_force_silence():
    """Never agreed, revoked, expired, taken away: the same silence for a peer that we know."""
    with Federation() as fed:
        fr, = fed.add("fr")
        friend, never, revoked, removed = (
            Neighbour(n) for n in fed.add("friend", "never", "revoked", "removed", endpoint=False))
        ids = {n.node.name: fed.agree("fr", n.node.name) for n in (friend, revoked, removed)}
        ended = fed.add("ended", endpoint=False)[0]
        place_ended_agreement(fed, fr, ended)
        fr.start()
        card = card_file(fr.card)
        sessions = {n: n.session(fr, ids[n.node.name]) for n in (friend, revoked, removed)}
        for n in (never, Neighbour(ended)):
            if n.peer.answered(fr.port, card, 0.4):
                raise Failed(f"{n.node.name} was answered")
        fr.run("agreement", "revoke", ids["revoked"])
        os.remove(os.path.join(fr.home, "keys", "agreements", ids["removed"] + ".agreement"))
        for n in (revoked, removed):
            if sessions[n].wait_closed() != 2:
                raise Failed(f"{n.node.name}: no farewell that says that it has ended")
            # The farewell says "ended"; nothing follows it.
            if sessions[n].names().split()[-1] != "Bye":
                raise Failed(f"after the end came {sessions[n].names()}")
            if n.peer.answered(fr.port, card, 0.4):
                raise Failed(f"{n.node.name} is answered after the end")
        if sessions[friend].closed:
            raise Failed("the agreement with friend is in force")
        got = sum(p["sent_bytes"] for p in fr.status()["peers"] if p["name"] not in
                  ("friend", "revoked", "removed"))
        if got:
            raise Failed(f"{got} bytes sent to those without an agreement")
        fr.stop()


def place_ended_agreement(fed, fr, other):
    """One whose time is over: it is refused at the door, and has no effect where it lies anyway."""
    path = os.path.join(fed.dir, "over.agreement")
    fr.run("agreement", "draft", "--with", other.card, "-o", path)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    head, valid = text.rsplit("valid: ", 1)
    rest = valid.split("\n", 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + "valid: 2020-01-01T00:00:00Z 2020-02-01T00:00:00Z\n" + rest)
    fr.run("agreement", "sign", path)
    other.run("agreement", "sign", path)
    if fr.run("agreement", "accept", path, other.card, status=None).status == 0:
        raise Failed("an agreement whose time is over was accepted")
    id_ = text.split("id: ")[1].split("\n")[0]
    keys = os.path.join(fr.home, "keys")
    shutil.copy(path, os.path.join(keys, "agreements", id_ + ".agreement"))
    shutil.copy(other.card, os.path.join(keys, "cards", other.id + ".card"))


def psk_pair(fed):
    fr, de = fed.add("fr", "de")
    id_ = fed.agree("fr", "de", options=["--psk"])
    courier = os.path.join(fed.dir, "psk")
    fr.run("agreement", "psk", id_, "-o", courier)
    if os.stat(courier).st_mode & 0o077:
        raise Failed("the pre-shared key lies open")
    name = next(n for n in os.listdir(os.path.join(fr.home, "keys", "psk")))
    return fr, de, courier, os.path.join("keys", "psk", name)


def copy_secret(source, to):
    os.makedirs(os.path.dirname(to), exist_ok=True)
    with open(source, encoding="utf-8") as a:
        text = a.read()
    with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as b:
        b.write(text)


def test_a_pre_shared_key_makes_the_link():
    with Federation() as fed:
        fr, de, courier, name = psk_pair(fed)
        copy_secret(courier, os.path.join(de.home, name))
        fed.start()
        fed.wait_connected()
        fr.run("publish", "--tlp", "green", "-", stdin="with-psk.bad-example-zone.net\n")
        until(lambda: de.find("with-psk.bad-example-zone.net"), 10, "it flows")
        fed.stop()


def test_a_wrong_or_missing_pre_shared_key_makes_none():
    with Federation() as fed:
        fr, de, courier, name = psk_pair(fed)
        fed.start()
        fr.run("publish", "--tlp", "green", "-", stdin="no-psk.bad-example-zone.net\n")

        def refused():
            states = [fr.peer("de")["state"], de.peer("fr")["state"]]
            if "connected" in states:
                raise Failed(f"connected: {states}")
            return fr.peer("de")["last_error"] or de.peer("fr")["last_error"]

        until(refused, 10, "the link is refused when one side has no key")
        alarms = de.json("alarms")
        if [(a["rule"], a["subject"]) for a in alarms] != [("psk-unreadable", fr.id)]:
            raise Failed(f"de does not say that its key is missing: {alarms}")
        # Another key: the handshake fails at message 2, no byte of a session flows.
        copy_secret(courier, os.path.join(de.home, name))
        with open(os.path.join(de.home, name), "w", encoding="ascii") as f:
            f.write("A" * 43 + "=\n")
        de.process.send_signal(1)
        until(lambda: refused() and any("pre-shared" in n.peer(o)["last_error"] for n, o in
                                        ((fr, "de"), (de, "fr"))), 20, "another key is refused")
        acts = {a["act"] for n in (fr, de) for a in n.json("log")}
        if "session-opened" in acts or de.find("no-psk.bad-example-zone.net"):
            raise Failed("a session was opened")
        # The Python peer with the right static key and without the psk gets message 2 and no more.
        peer = Peer(de.home)
        card = card_file(fr.card)
        sock = socket.create_connection(("127.0.0.1", fr.port), timeout=AT_LEAST_S)
        hs = Handshake(True, PROTOCOL + card.node, peer.transport, card.transport)
        sock.sendall(greeting(hs.write1(), card.transport))
        try:
            hs.read2(noise_ref.recv_framed(sock))
            raise Failed("message 2 opens without the key")
        except noise_ref.NoiseError:
            pass
        sock.settimeout(0.5)
        try:
            if sock.recv(1):
                raise Failed("a byte before the keys were confirmed")
        except TimeoutError:
            pass
        sock.close()
        # The right one mends it while both run, and is seen without a signal.
        copy_secret(courier, os.path.join(de.home, name))
        fed.wait_connected(30)
        until(lambda: de.find("no-psk.bad-example-zone.net"), 10, "it flows")
        fed.stop()


if __name__ == "__main__":
    run_tests([test_not_one_byte_whatever_is_sent, test_low_order_key_of_the_peer_itself,
               test_replays_get_silence_and_the_session_survives,
               test_idle_strangers_do_not_keep_a_peer_out,
               test_without_an_agreement_in_force_silence, test_a_pre_shared_key_makes_the_link,
               test_a_wrong_or_missing_pre_shared_key_makes_none])
