#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""From nothing to an agreement in force, from the command line alone, and everything refused on
the way: a file that is malformed, unsigned, signed by the wrong key, expired, not for this node, of
a lower serial, or that reuses an id for other parties."""
import hashlib
import json
import os
import pty
import re
import resource
import shutil
import signal
import stat
import subprocess
import tempfile

from federation import AT_LEAST_S, BIN, PATIENCE, Failed, entente, run_tests, until


def claim(holds, what):
    if not holds:
        raise Failed(what)


class Place:
    """A fresh folder with nodes that have a key and a card; nothing runs."""

    def __init__(self, *names):
        self.dir = tempfile.mkdtemp(prefix="entente-keys-")
        for name in names:
            self.init(name)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def init(self, name):
        entente("init", "--name", name, "--org", "CERT " + name, "--no-passphrase",
                home=self.path(name))
        entente("card", "export", "-o", self.path(name + ".card"), home=self.path(name))

    def root(self, name):
        return self.path(name + "/keys/root.key")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def draft(self, name, *parties, options=()):
        """By the first party, with the cards of the others."""
        cards = [word for p in parties[1:] for word in ("--with", self.path(p + ".card"))]
        entente("agreement", "draft", *cards, *options, "-o", self.path(name),
                home=self.path(parties[0]))
        return self.path(name)

    def sign(self, name, *parties):
        for party in parties:
            entente("agreement", "sign", self.path(name), "--root-key", self.root(party))
        return self.path(name)

    def agreed(self, name, *parties, options=()):
        self.draft(name, *parties, options=options)
        return self.sign(name, *parties)

    def accept(self, who, name, *cards, status=0):
        return entente("agreement", "accept", self.path(name),
                       *[self.path(c + ".card") for c in cards], home=self.path(who),
                       status=status)


def tree(folder):
    """Every file with its mode and content."""
    found = {}
    for base, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                found[path] = (os.stat(path).st_mode, f.read())
    return found


def refused(place, who, name, *cards, says):
    """The file is refused with what says demands, named, and nothing is changed."""
    before = tree(place.path(who))
    result = place.accept(who, name, *cards, status=6)
    claim(re.search(says, result.err), f"wanted {says!r}, saw {result.err}")
    claim(tree(place.path(who)) == before, "a refused file has changed something")
    return result


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# --- init ----------------------------------------------------------------------------------------

def test_init_makes_the_whole_directory():
    with Place() as p:
        said = entente("init", "--json", "--name", "fr", "--org", "CERT-FR", "--endpoint",
                       "ti.cert.example:7466", "--listen", "127.0.0.1:7000", "--no-passphrase",
                       home=p.path("fr")).json
        card = entente("card", "show", "--json", home=p.path("fr")).json
        claim(said["node"] == card["node"] and said["signed"], "init and card differ")
        claim(card["name"] == "fr" and card["org"] == "CERT-FR" and card["serial"] == 1,
              f"card {card}")
        claim(card["endpoint"] == ["ti.cert.example:7466"], f"endpoint {card['endpoint']}")
        claim(len(card["log"]) == 1 and card["receipt"] != card["witness"], "keys of the card")
        for name in ("root", "receipt", "witness"):
            claim(card[name].startswith(f"entente/{card['node']}/{name}+"), f"key {card[name]}")
        for name in ("keys", "data/log", "data/index", "inbox", "run"):
            claim(os.path.isdir(p.path("fr/" + name)), name)
        for name in ("root.key", "next-root.key", "node.key"):
            claim(mode(p.path("fr/keys/" + name)) == 0o600, name)
        claim(mode(p.path("fr")) == 0o700 and mode(p.path("fr/keys")) == 0o700, "modes")
        claim(p.read("fr/guard") == "", "the guard file is not empty")
        claim("\nlisten 127.0.0.1:7000\n" in p.read("fr/entente.conf"), "entente.conf")


def test_init_refuses_a_home_that_is_there():
    with Place("fr") as p:
        before = tree(p.path("fr"))
        entente("init", "--name", "de", "--org", "BSI", "--no-passphrase", home=p.path("fr"),
                status=6)
        claim(tree(p.path("fr")) == before, "something was changed")


def test_init_that_fails_leaves_nothing():
    with Place() as p:
        bad = (["--name", "FR", "--org", "x"], ["--name", "fr", "--org", ""],
               ["--name", "fr", "--org", "x\u202ey"],
               ["--name", "fr", "--org", "x", "--endpoint", "nowhere"],
               ["--name", "fr", "--org", "x", "--contact", "a\nb"],
               ["--name", "fr", "--org", "x", "--listen", "7466"],
               ["--name", "fr", "--org", "x", "--root-public", p.write("no.public", "x\n")])
        for options in bad:
            entente("init", *options, "--no-passphrase", home=p.path("a/b/fr"), status=6)
            claim(os.listdir(p.dir) == ["no.public"], f"{options} left {os.listdir(p.dir)}")

        def tiny_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))
        done = subprocess.run([os.path.join(BIN, "entente"), "init", "--name", "fr", "--org", "x",
                               "--no-passphrase", "--home", p.path("a/b/fr")], check=False,
                              preexec_fn=tiny_files, capture_output=True, text=True)
        claim(done.returncode == 5, f"status {done.returncode}: {done.stderr}")
        claim(os.listdir(p.dir) == ["no.public"], f"a full disk left {os.listdir(p.dir)}")
        os.mkdir(p.path("empty"))
        entente("init", "--name", "fr", "--org", "x", "--no-passphrase", home=p.path("empty"))


def test_a_passphrase_is_asked_for_unless_told_otherwise():
    with Place() as p:
        said = entente("init", "--name", "fr", "--org", "x", home=p.path("fr"), status=2, stdin="")
        claim("--passphrase-file" in said.err, said.err)
        claim(not os.path.exists(p.path("fr")), "something is left")
        entente("init", "--name", "fr", "--org", "x", "--passphrase-file",
                p.write("empty", "\n"), home=p.path("fr"), status=6)


def test_sealed_roots_open_with_their_passphrase_only():
    with Place("de") as p:
        good, bad = p.write("good", "correct horse\n"), p.write("bad", "battery staple\n")
        entente("init", "--name", "fr", "--org", "x", "--passphrase-file", good, home=p.path("fr"))
        claim("argon2id" in p.read("fr/keys/root.key"), "root.key is not sealed")
        claim("argon2id" in p.read("fr/keys/next-root.key"), "next-root.key is not sealed")
        claim("seal: none" in p.read("fr/keys/node.key"), "node.key is sealed")
        file = p.draft("x.agreement", "fr", "de")
        before = p.read("x.agreement")
        said = entente("agreement", "sign", file, "--passphrase-file", bad, home=p.path("fr"),
                       status=6)
        claim("battery" not in said.err + said.out, "a passphrase in an error")
        entente("agreement", "sign", file, home=p.path("fr"), status=2, stdin="")
        claim(p.read("x.agreement") == before, "a failed signature has changed the file")
        entente("agreement", "sign", file, "--passphrase-file", good, home=p.path("fr"))
        entente("agreement", "sign", file, "--passphrase-file", "-", stdin="correct horse\n",
                home=p.path("fr"))
        claim(p.read("x.agreement").count("\u2014") == 1, "signing twice gives two signatures")


def at_terminal(args, answers):
    """Runs a command that asks on its terminal; the exit status and what it showed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(os.path.join(BIN, "entente"), ["entente", *args])
    shown = b""
    for answer in answers:
        while not shown.rstrip(b" ").endswith(b":"):
            shown += os.read(fd, 1000)
        os.write(fd, answer.encode() + b"\n")
        shown += os.read(fd, 1000)
    try:
        while more := os.read(fd, 1000):
            shown += more
    except OSError:  # the other end of a terminal is gone
        pass
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_terminal_is_asked_twice_and_shows_nothing():
    with Place() as p:
        init = ["init", "--name", "fr", "--org", "x", "--home", p.path("fr")]
        status, shown = at_terminal(init, ["one horse", "other horse"])
        claim(status == 6 and "differ" in shown and not os.path.exists(p.path("fr")), shown)
        status, shown = at_terminal(init, ["one horse", "one horse"])
        claim(status == 0 and "horse" not in shown, shown)
        status, shown = at_terminal(["card", "renew", "--home", p.path("fr")], ["one horse"])
        claim(status == 0 and "card 2 of fr" in shown and "horse" not in shown, shown)


# --- cards ---------------------------------------------------------------------------------------

def test_a_root_elsewhere_signs_the_card_as_a_file():
    with Place() as p:
        entente("root", "new", "-o", p.path("safe"), "--no-passphrase")
        entente("root", "new", "-o", p.path("safe"), "--no-passphrase", status=6)
        entente("root", "new", "-o", p.path("other"), "--no-passphrase")
        entente("init", "--name", "fr", "--org", "x", "--root-public", p.path("safe/root.public"),
                home=p.path("fr"))
        claim(not os.path.exists(p.path("fr/keys/root.key")), "root is on the node")
        entente("card", "show", home=p.path("fr"), status=1)
        entente("card", "draft", "-o", p.path("own.card"), home=p.path("fr"))
        entente("card", "install", p.path("own.card"), home=p.path("fr"), status=6)
        entente("card", "sign", p.path("own.card"), "--root-key", p.path("other/root.key"),
                status=6)
        entente("card", "sign", p.path("own.card"), "--root-key", p.path("safe/next-root.key"),
                status=6)
        entente("card", "sign", p.path("own.card"), "--root-key", p.path("safe/root.key"))
        entente("card", "install", p.path("own.card"), home=p.path("fr"))
        claim(entente("card", "show", "--json", home=p.path("fr")).json["serial"] == 1, "no card")
        # The same again for the second card.
        entente("card", "draft", "-o", p.path("2.card"), "--endpoint", "a.example:1",
                home=p.path("fr"))
        entente("card", "sign", p.path("2.card"), "--root-key", p.path("safe/root.key"))
        entente("card", "install", p.path("2.card"), home=p.path("fr"))
        entente("card", "install", p.path("2.card"), home=p.path("fr"))
        claim(entente("card", "show", "--json", home=p.path("fr")).json["serial"] == 2, "serial")


def test_a_card_of_another_node_is_not_installed():
    with Place("fr", "de") as p:
        before = tree(p.path("fr"))
        said = entente("card", "install", p.path("de.card"), home=p.path("fr"), status=6)
        claim("another node" in said.err, said.err)
        claim(tree(p.path("fr")) == before, "something was changed")


def test_renewing_chains_the_cards():
    with Place("fr") as p:
        first = p.read("fr.card")
        entente("card", "renew", "--endpoint", "ti.example:7466", "--contact", "+33 1",
                "--valid-days", "30", home=p.path("fr"))
        entente("card", "export", "-o", p.path("2.card"), home=p.path("fr"))
        card = entente("card", "show", "--json", home=p.path("fr")).json
        text = first[:first.index("\n\n") + 1]
        claim(card["serial"] == 2, f"serial {card['serial']}")
        claim(card["previous"] == "sha256:" + hashlib.sha256(text.encode()).hexdigest(), "previous")
        claim(card["contact"] == ["+33 1"] and card["endpoint"] == ["ti.example:7466"], "fields")
        claim(p.read("2.card").startswith(first) and p.read("2.card").count("entente/card/v1") == 2,
              "the chain is not whole")
        shown = entente("card", "show", p.path("2.card"), "--json").json
        claim(shown == card, "show FILE differs")


def second_draft(p):
    """fr, whose root lies in safe, with its first card; the next is drafted in 2.card."""
    fr, safe = p.path("fr"), p.path("safe")
    entente("root", "new", "-o", safe, "--no-passphrase")
    entente("init", "--name", "fr", "--org", "x", "--root-public", safe + "/root.public", home=fr)
    entente("card", "draft", "-o", p.path("1.card"), home=fr)
    entente("card", "sign", p.path("1.card"), "--root-key", safe + "/root.key")
    entente("card", "install", p.path("1.card"), home=fr)
    entente("card", "draft", "-o", p.path("2.card"), home=fr)


def test_cards_move_only_forward():
    """An older card of one's own lies about as a file, signed and valid, and is tried again."""
    with Place() as p:
        fr, safe = p.path("fr"), p.path("safe")
        second_draft(p)
        entente("card", "rotate-root", p.path("2.card"), "--root-key", safe + "/next-root.key")
        entente("card", "install", p.path("2.card"), home=fr)
        entente("card", "renew", "--root-key", safe + "/root.key", home=fr)
        before = tree(fr)
        for old in "1", "2":
            said = entente("card", "install", p.path(old + ".card"), home=fr, status=6).err
            claim(f"{old}.card: saw card {old}, wanted one that follows card 3" in said, said)
        claim(tree(fr) == before, "an old card has changed something")


def test_root_rotated_twice_by_one_draft_loses_no_key():
    """The signed card is lost on its way, or the command is given again: nothing takes the place of
    the key to which the first card commits."""
    with Place() as p:
        fr, safe, elsewhere = p.path("fr"), p.path("safe"), p.path("elsewhere")
        second_draft(p)
        p.write("again.card", p.read("2.card"))
        os.mkdir(elsewhere)
        shutil.move(safe + "/next-root.key", elsewhere)
        entente("card", "rotate-root", p.path("2.card"), "--root-key",
                elsewhere + "/next-root.key")
        before = tree(elsewhere)
        for key in "next-root.key", "root.key":
            said = entente("card", "rotate-root", p.path("2.card"), "--root-key",
                           f"{elsewhere}/{key}", status=6).err
            claim("2.card: saw a card that is signed, wanted a draft" in said, said)
        entente("card", "rotate-root", p.path("again.card"), "--root-key",
                elsewhere + "//root.key")
        claim(p.read("again.card") == p.read("2.card"), "another card of the same serial")
        claim(tree(elsewhere) == before, "a key is gone")
        entente("card", "install", p.path("again.card"), home=fr)
        entente("card", "draft", "-o", p.path("3.card"), home=fr)
        entente("card", "rotate-root", p.path("3.card"), "--root-key",
                elsewhere + "/next-root.key")
        entente("card", "install", p.path("3.card"), home=fr)


# --- agreements ----------------------------------------------------------------------------------

def test_two_agencies_get_from_nothing_to_an_agreement():
    with Place("fr", "de") as p:
        p.draft("x.agreement", "fr", "de")
        entente("agreement", "sign", p.path("x.agreement"), home=p.path("fr"))
        entente("agreement", "sign", p.path("x.agreement"), home=p.path("de"))
        words = set()
        for own, peer in (("fr", "de"), ("de", "fr")):
            p.accept(own, "x.agreement", peer)
            listed = entente("agreement", "list", "--json", home=p.path(own)).json
            claim(len(listed) == 1 and listed[0]["state"] == "in-force", f"{own}: {listed}")
            words.add(entente("agreement", "words", listed[0]["id"][:6], home=p.path(own)).out)
            peers = entente("peers", "--json", home=p.path(own)).json
            claim([x["name"] for x in peers] == [peer], f"{own}: peers {peers}")
            p.accept(own, "x.agreement", peer)  # the same again is no mistake
        words.add(entente("agreement", "words", p.path("x.agreement")).out)
        claim(len(words) == 1 and len(words.pop().split()) == 8, f"words {words}")


def test_a_draft_says_what_the_options_say():
    with Place("fr", "de", "it") as p:
        p.draft("x.agreement", "fr", "de", options=(
            "--title", "Énergie", "--gives", "fr=clear,green,amber", "--gives", "de=none",
            "--types", "de=ipv4,domain", "--introduces", "fr,de", "--valid-days", "10", "--psk"))
        text = p.read("x.agreement")
        for line in ("serial: 1", "title: Énergie", "gives fr: clear green amber",
                     "gives de: none", "types fr: *", "types de: ipv4 domain",
                     "introduces: fr de"):
            claim(f"\n{line}\n" in text, f"{line} is not in\n{text}")
        claim(re.search(r"\npsk: [0-9a-f]{16}\n", text), "psk")
        # Outside a home every party is named.
        entente("agreement", "draft", "--with", p.path("it.card"), "--with", p.path("de.card"),
                "-o", p.path("y.agreement"), home=p.path("nowhere"))
        claim(re.findall(r"party: (\w+)", p.read("y.agreement")) == ["it", "de"], "parties")
        for option, value in (("--gives", "xx=clear"), ("--gives", "fr=white-ish"),
                              ("--types", "fr=ipv5"), ("--introduces", "xx"),
                              ("--title", "a\nb")):
            entente("agreement", "draft", "--with", p.path("de.card"), option, value, "-o",
                    p.path("z.agreement"), home=p.path("fr"), status=6)
        entente("agreement", "draft", "-o", p.path("z.agreement"), home=p.path("fr"), status=2)
        entente("agreement", "draft", "--with", p.path("fr.card"), "-o", p.path("z.agreement"),
                home=p.path("fr"), status=2)
        claim(not os.path.exists(p.path("z.agreement")), "a refused draft was written")


def test_refuses_what_is_malformed():
    with Place("fr", "de") as p:
        p.draft("x.agreement", "fr", "de")
        text = p.read("x.agreement")
        lines = text.split("\n")
        cases = (
            ("colour: red", text.replace("legal: -", "legal: -\ncolour: red"), r"colour"),
            ("CRLF", text.replace("\n", "\r\n"), r":1: .*\\x0d"),
            ("trailing space", text.replace("serial: 1", "serial: 1 "), r":3: .*serial"),
            ("order", "\n".join([lines[0], lines[2], lines[1]] + lines[3:]), r":2: .*serial: 1"),
            ("twice", text.replace("serial: 1", "serial: 1\nserial: 1"), r":4: "),
            ("TLP", text.replace("gives fr: clear", "gives fr: pink"), r":8: gives fr: saw .pink"),
            ("date", re.sub(r"valid: \S+", "valid: 2026-13-01T00:00:00Z", text), r"valid: saw"),
            ("party", text.replace("party: de ", "party: fr "), r":7: party: saw \"fr\""),
            ("half", text[:len(text) // 2], r":\d+: "),
            ("nothing", "", r"x\.agreement"),
            ("NUL", text.replace("title: ", "title: \0"), r":4: "),
            ("binary", text.replace("title: ", "title: \x1b[31m"), r":4: "),
            ("look-alike", text.replace("party: de ", "party: d\u0435 "), r":7: "),
        )
        for name, bad, says in cases:
            p.write("x.agreement", bad)
            for command in (("agreement", "sign", p.path("x.agreement")),
                            ("agreement", "accept", p.path("x.agreement"), p.path("de.card"))):
                before = tree(p.dir)
                said = entente(*command, home=p.path("fr"), status=6)
                claim(p.path("x.agreement") in said.err and re.search(says, said.err),
                      f"{name}: wanted {says!r}, saw {said.err}")
                claim("\x1b" not in said.err, f"{name}: control characters on the terminal")
                claim(tree(p.dir) == before, f"{name}: something was changed")


def test_refuses_what_is_unsigned():
    with Place("fr", "de") as p:
        p.draft("x.agreement", "fr", "de")
        refused(p, "fr", "x.agreement", "de", says=r"x\.agreement:\d+: .*(fr|de)")
        p.sign("x.agreement", "fr")
        refused(p, "fr", "x.agreement", "de", says=r"x\.agreement:\d+: .*de")


def test_refuses_what_the_wrong_key_signed():
    with Place("fr", "de", "it") as p:
        file = p.draft("x.agreement", "fr", "de")
        said = entente("agreement", "sign", file, "--root-key", p.root("it"), status=6)
        claim(file in said.err, said.err)
        p.sign("x.agreement", "fr", "de")
        good = p.read("x.agreement")
        # A text that was changed after it was signed.
        p.write("x.agreement", good.replace("gives de: clear green", "gives de: clear green amber"))
        refused(p, "fr", "x.agreement", "de", says=r"x\.agreement:\d+: .*signature")
        # The signature of one under the name of the other.
        mine, theirs = re.findall(r"\u2014 (\S+) (\S+)\n", good)
        p.write("x.agreement", good.replace(theirs[1], mine[1]))
        refused(p, "fr", "x.agreement", "de", says=r"x\.agreement")
        # An agreement that names a root which is not the card's.
        shutil.copy(p.path("de.card"), p.path("old.card"))
        shutil.rmtree(p.path("de"))
        p.init("de")
        p.agreed("x.agreement", "fr", "de")
        refused(p, "fr", "x.agreement", "old", says=r"old\.card|x\.agreement")


def test_refuses_what_has_expired():
    with Place("fr", "de") as p:
        p.draft("x.agreement", "fr", "de")
        text = re.sub(r"valid: .*", "valid: 2020-01-01T00:00:00Z 2021-01-01T00:00:00Z",
                      p.read("x.agreement"))
        p.write("x.agreement", text)
        p.sign("x.agreement", "fr", "de")
        refused(p, "fr", "x.agreement", "de",
                says=r"x\.agreement:\d+: valid: saw 2021-01-01T00:00:00Z")


def test_refuses_what_is_not_for_this_node():
    with Place("fr", "de", "it") as p:
        p.agreed("x.agreement", "fr", "de")
        refused(p, "it", "x.agreement", "fr", "de", says=r"x\.agreement:6: party: saw .* wanted this node")


def test_refuses_a_lower_serial_and_another_text_of_the_same():
    with Place("fr", "de") as p:
        p.agreed("1.agreement", "fr", "de")
        p.accept("fr", "1.agreement", "de")
        ident = entente("agreement", "list", "--json", home=p.path("fr")).json[0]["id"]
        for name, gives in (("2.agreement", "fr=clear"), ("2b.agreement", "fr=clear,red")):
            entente("agreement", "draft", "--amend", ident, "--gives", gives, "-o", p.path(name),
                    home=p.path("fr"))
            p.sign(name, "fr", "de")
        p.accept("fr", "2.agreement")
        listed = entente("agreement", "list", "--json", home=p.path("fr")).json
        claim([(x["id"], x["serial"]) for x in listed] == [(ident, 2)], f"{listed}")
        refused(p, "fr", "1.agreement", "de", says=r"1\.agreement.*serial.* 1\b.* 2\b")
        refused(p, "fr", "2b.agreement", says=r"2b\.agreement")
        # Nor after the file is gone: an id is bound for ever.
        os.remove(p.path(f"fr/keys/agreements/{ident}.agreement"))
        refused(p, "fr", "1.agreement", "de", says=r"1\.agreement.*serial")


def test_refuses_an_id_used_for_other_parties():
    with Place("fr", "de", "it") as p:
        p.agreed("x.agreement", "fr", "de")
        p.accept("fr", "x.agreement", "de")
        ident = re.search(r"id: (\w+)", p.read("x.agreement"))[1]
        p.draft("y.agreement", "fr", "it")
        text = re.sub(r"id: \w+", "id: " + ident, p.read("y.agreement"), count=1)
        p.write("y.agreement", text.replace("serial: 1", "serial: 2"))
        p.sign("y.agreement", "fr", "it")
        refused(p, "fr", "y.agreement", "it", says=r"y\.agreement.*(part(y|ies))")


def test_refuses_cards_that_do_not_fit():
    with Place("fr", "de", "it") as p:
        p.agreed("x.agreement", "fr", "de")
        refused(p, "fr", "x.agreement", says=r"x\.agreement:7: party de: saw no card")
        refused(p, "fr", "x.agreement", "de", "it", says=r"it\.card: ")
        broken = p.read("de.card")
        p.write("broken.card", broken.replace("org: CERT de", "org: CERT da"))
        refused(p, "fr", "x.agreement", "broken", says=r"broken\.card:\d+: .*signature")
        p.write("broken.card", broken.replace("serial: 1", "serial: one"))
        refused(p, "fr", "x.agreement", "broken", says=r"broken\.card:5: serial: saw \"one\"")
        entente("agreement", "accept", p.path("x.agreement"), p.path("none.card"),
                home=p.path("fr"), status=5)
        p.accept("fr", "x.agreement", "de")


def test_a_revoked_agreement_is_out_of_force():
    with Place("fr", "de") as p:
        p.agreed("x.agreement", "fr", "de")
        p.accept("fr", "x.agreement", "de")
        p.accept("de", "x.agreement", "fr")
        ident = entente("agreement", "list", "--json", home=p.path("fr")).json[0]["id"]
        entente("agreement", "revoke", ident, "--root-key", p.root("de"), home=p.path("fr"),
                status=6)
        claim(len(entente("agreement", "list", "--json", home=p.path("fr")).json) == 1, "gone")
        note = entente("agreement", "revoke", ident[:8], "--json", home=p.path("fr")).json["file"]
        claim(entente("agreement", "list", "--json", home=p.path("fr")).json == [], "still there")
        shutil.copy(note, p.path("de/keys/agreements"))
        claim(entente("agreement", "list", "--json", home=p.path("de")).json == [], "still there")
        refused(p, "fr", "x.agreement", "de", says=r"revoked")


def test_a_pre_shared_key_is_made_once_and_copied():
    with Place("fr", "de") as p:
        p.agreed("x.agreement", "fr", "de", options=("--psk",))
        p.accept("fr", "x.agreement", "de")
        ident = entente("agreement", "list", "--json", home=p.path("fr")).json[0]["id"]
        doctor = entente("doctor", "--json", home=p.path("fr"), status=1).json
        claim([x["ok"] for x in doctor if x["check"] == "psk"] == [False], f"{doctor}")
        made = entente("agreement", "psk", ident, "-o", p.path("psk"), "--json",
                       home=p.path("fr")).json
        claim(made["made"] and mode(p.path("psk")) == 0o600 == mode(made["file"]), f"{made}")
        claim(p.read("psk") not in json.dumps(made), "the key is shown")
        again = entente("agreement", "psk", ident, "-o", p.path("psk2"), "--json",
                        home=p.path("fr")).json
        claim(not again["made"] and p.read("psk") == p.read("psk2"), "another key")
        doctor = entente("doctor", "--json", home=p.path("fr"), status=1).json
        claim([x["ok"] for x in doctor if x["check"] == "psk"] == [True], f"{doctor}")


# --- the frame -----------------------------------------------------------------------------------

def test_every_command_explains_itself():
    listed = entente("help").out
    commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", listed, re.M)
    claim(len(commands) > 25, f"{commands}")
    for command in commands:
        said = entente(*command.split(), "--help").out
        claim(f"usage: entente {command}" in said and "\nexample:\n  entente " in said, command)
        said = entente(*command.split(), "--no-such-option", "--json", status=2)
        claim(said.out == "" and "hint: " in said.err, f"{command}: {said.out}{said.err}")
    entente("status", "--no-such-option", status=2)


def test_errors_are_one_json_document():
    with Place("fr") as p:
        for args, status in ((("card", "show"), 5), (("agreement", "show", "none.agreement"), 5),
                             (("status",), 5), (("checkpoint", "fr/clear"), 5)):
            said = entente(*args, "--json", home=p.path("nowhere"), status=status).json
            claim(said["status"] == status and said["error"], f"{args}: {said}")
        said = entente("agreement", "show", "--json", "ffff", home=p.path("fr"), status=1).json
        claim(said["status"] == 1, f"{said}")


def test_status_works_without_a_daemon():
    with Place("fr") as p:
        status = entente("status", "--json", home=p.path("fr")).json
        claim(status["node"]["name"] == "fr" and not status["ready"] and not status["mute"],
              f"{status}")
        for key in ("peers", "feeds", "alarms"):
            claim(status[key] == [] == entente(key, "--json", home=p.path("fr")).json, key)
        claim([x["name"] for x in entente("origins", "--json", home=p.path("fr")).json] == ["fr"],
              "origins")
        entente("wait", "--peers", "1", home=p.path("fr"), status=4)
        os.remove(p.path("fr/guard"))
        claim(entente("status", "--json", home=p.path("fr")).json["mute"], "no guard, not mute")


def test_doctor_names_what_is_wrong():
    with Place("fr") as p:
        def failed():
            checks = entente("doctor", "--json", home=p.path("fr"), status=1).json
            return {x["check"] for x in checks if not x["ok"] and x["do"]}
        claim(failed() == {"daemon"}, f"{failed()}")
        os.chmod(p.path("fr/keys/node.key"), 0o644)
        with open(p.path("fr/entente.conf"), "a", encoding="utf-8") as f:
            f.write("colour red\n")
        p.write("fr/keys/agreements/0123456789abcdef.agreement", "nonsense\n")
        os.remove(p.path("fr/guard"))
        claim(failed() == {"daemon", "secrets", "conf", "keys", "guard"}, f"{failed()}")
        said = entente("doctor", home=p.path("fr"), status=1).out
        claim("entente.conf:13: saw \"colour\"" in said, said)
    with Place("fr", "de") as p:
        shutil.copy(p.path("de/keys/node.key"), p.path("fr/keys/node.key"))
        said = entente("doctor", home=p.path("fr"), status=1).out
        claim("node.key and the card name different keys" in said, said)
        p.write("fr/keys/node.key", "nonsense\n")
        said = entente("doctor", home=p.path("fr"), status=1).out
        claim("node.key:1: saw something else, wanted entente/secret/v1" in said, said)


def test_a_file_that_is_missing_is_no_answer():
    """Status 1 says that nothing is known; a path that leads nowhere is 5, as a full disk is."""
    with Place("fr") as p:
        for args in (("card", "export", "-o", p.path("no/fr.card")),
                     ("card", "draft", "-o", p.path("no/fr.card")),
                     ("card", "install", p.path("no/fr.card")),
                     ("card", "show", p.path("no/fr.card")),
                     ("agreement", "words", p.path("no/x.agreement")),
                     ("agreement", "accept", p.path("no/x.agreement")),
                     ("agreement", "draft", "--with", p.path("no/de.card"), "-o", p.path("x")),
                     ("roster", "accept", p.path("no/x.roster")),
                     ("publish", "--tlp", "green", "--dry-run", p.path("no/list")),
                     ("split", "verify", p.path("no/proof"), "--card", p.path("fr.card")),
                     ("restore", p.path("no/copy"), "--home", p.path("new"))):
            home = None if "--home" in args else p.path("fr")
            said = entente(*args, "--json", home=home, status=5).json
            claim(said["status"] == 5 and p.path("no") in said["error"], f"{args}: {said}")
        entente("init", "--name", "de", "--org", "x", "--root-public", p.path("no/root.public"),
                home=p.path("de"), status=5)
        claim(not os.path.exists(p.path("de")), "init has left something")
        entente("roster", "draft", "--member", p.path("fr.card"), "-o", p.path("r"), status=2)
        said = entente("roster", "draft", "--signer", p.path("fr.card"), "--member",
                       p.path("fr.card"), "--threshold", "2", "-o", p.path("r"), status=6).err
        claim("--threshold: saw 2, wanted at most the 1" in said, said)


def test_an_agreement_that_a_full_disk_cuts_short_leaves_the_former_in_force():
    with Place("fr", "de") as p:
        p.agreed("1.agreement", "fr", "de")
        p.accept("fr", "1.agreement", "de")
        named = entente("agreement", "list", "--json", home=p.path("fr")).json[0]["id"]
        for _ in range(6):
            entente("card", "renew", home=p.path("de"))
        entente("card", "export", "-o", p.path("de.card"), home=p.path("de"))
        entente("agreement", "draft", "--amend", named, "-o", p.path("2.agreement"),
                home=p.path("fr"))
        p.sign("2.agreement", "fr", "de")

        def tiny_files():  # the agreement fits, the chain of cards does not
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        before = tree(p.path("fr"))
        done = subprocess.run([os.path.join(BIN, "entente"), "agreement", "accept",
                               p.path("2.agreement"), p.path("de.card"), "--home", p.path("fr")],
                              check=False, preexec_fn=tiny_files, capture_output=True, text=True)
        claim(done.returncode == 5, f"status {done.returncode}: {done.stderr}")
        claim(tree(p.path("fr")) == before, "something was changed")
        shown = entente("agreement", "list", "--json", home=p.path("fr")).json
        claim([(a["serial"], a["state"]) for a in shown] == [(1, "in-force")], f"{shown}")
        p.accept("fr", "2.agreement", "de")


def test_a_running_node_takes_an_agreement_up_at_once():
    with Place("fr", "de") as p:
        node = subprocess.Popen([os.path.join(BIN, "entented"), "--home", p.path("fr"), "--listen",
                                 "127.0.0.1:0"], stderr=subprocess.DEVNULL)
        try:
            until(lambda: os.path.exists(p.path("fr/run/ready")), 10, "the node is ready")
            claim(mode(p.path("fr/run/control.sock")) == 0o600, "mode of the control socket")
            entente("wait", "--timeout", "10", home=p.path("fr"))
            entente("doctor", home=p.path("fr"))
            p.agreed("x.agreement", "fr", "de")
            said = p.accept("fr", "x.agreement", "de")
            claim("words" in said.out, said.out)
            peers = entente("peers", "--json", home=p.path("fr")).json
            claim([x["name"] for x in peers] == ["de"], f"{peers}")
            entente("wait", "--peers", "1", "--timeout", "1", home=p.path("fr"), status=1)
            entente("agreement", "revoke", entente("agreement", "list", "--json", home=p.path(
                "fr")).json[0]["id"], home=p.path("fr"))
            claim(entente("peers", "--json", home=p.path("fr")).json == [], "still a peer")
            entente("reindex", home=p.path("fr"))
        finally:
            node.terminate()
            status = node.wait(AT_LEAST_S * PATIENCE)
        claim(status == 0, f"the node ended with {status}")


if __name__ == "__main__":
    run_tests([test for name, test in list(globals().items()) if name.startswith("test_")],
              at_once=3)
