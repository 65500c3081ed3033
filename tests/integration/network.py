# SPDX-License-Identifier: EUPL-1.2
"""Federations in network namespaces: every daemon has a network of its own, joined by a bridge on
which nftables rules cut whatever is to be cut. Cut packets vanish, as on a line that is down: nobody
is told, connections stay until somebody gives them up.

    why_not = enter()       # the program goes on in namespaces of its own, or says why it cannot
    with NetworkedFederation(names, links) as fed: ...

The namespaces belong to the program: they end with it, however it ends, and so do its daemons.
"""
import concurrent.futures
import copy
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, Node  # noqa: E402

INSIDE = "ENTENTE_IN_NAMESPACES"
PORT = 7466
TABLE = """table bridge entente {
	set cut {
		type ipv4_addr . ipv4_addr
	}
	chain forward {
		type filter hook forward priority 0; policy accept;
		ip saddr . ip daddr @cut drop
	}
}
"""


def sh(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def enter():
    """None inside; else does not come back, or says why namespaces cannot be had."""
    if os.environ.get(INSIDE):
        return None
    for tool in ("unshare", "nsenter", "ip", "nft"):
        if not shutil.which(tool):
            return f"needs {tool}"
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    probe = "mount -t tmpfs none /run && ip link add probe type bridge && nft -f -"
    tried = subprocess.run([*command, "sh", "-c", probe], input=TABLE, capture_output=True, text=True,
                           check=False)
    if tried.returncode != 0:
        said = tried.stderr.strip() or "refused"
        return f"network namespaces: {said.splitlines()[0]}"
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh",
                           sys.executable, *sys.argv])
    return None  # never reached


class NetworkedNode(Node):
    def __init__(self, federation, name):
        self.address = federation.addresses[name]
        super().__init__(federation, name, listen=f"{self.address}:{PORT}",
                         enter=["nsenter", f"--net=/run/netns/{name}"])


class NetworkedFederation(Federation):
    """Nodes with links between them, all agreements made; nothing runs yet. Each pair has one
    agreement, which introduces both ways."""

    node_class = NetworkedNode

    def __init__(self, names, links, spare=(), parallel=2):
        """spare: networks for which there are no nodes yet (clone)."""
        super().__init__()
        self.addresses = {n: f"10.43.{i // 200}.{i % 200 + 1}"
                          for i, n in enumerate([*names, *spare])}
        self.links = links
        self.agreements = {}
        self.clones = []
        try:
            self.wire()
            with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
                list(pool.map(self.add, names))
                self.nodes = {n: self.nodes[n] for n in names}  # in their order, not in that of the pool
                made = pool.map(lambda l: self.agree(*l, introduces=l), links)
                self.agreements = dict(zip(links, made))
        except BaseException:
            self.__exit__(Failed)
            raise

    def wire(self):
        lines = ["link add entente type bridge forward_delay 0", "link set entente up"]
        for i, name in enumerate(self.addresses):
            lines += [f"netns add {name}",
                      f"link add v{i} type veth peer name eth0 netns {name}",
                      f"link set v{i} master entente up"]
        sh("ip", "-batch", "-", stdin="\n".join(lines) + "\n")
        for name in self.addresses:
            sh("ip", "-n", name, "-batch", "-", stdin="link set lo up\nlink set eth0 up\n"
               f"addr add {self.addresses[name]}/16 dev eth0\n")
        sh("nft", "-f", "-", stdin=TABLE)

    def clone(self, name, spare):
        """A copy of a stopped node, its directory whole, in another network. What it dials looks like
        the original to everybody; it is reached under its own address by nobody."""
        node = copy.copy(self.nodes[name])
        node.home = os.path.join(self.dir, spare)
        node.log = node.home + ".log"
        node.address = self.addresses[spare]
        node.enter = ["nsenter", f"--net=/run/netns/{spare}"]
        shutil.copytree(self.nodes[name].home, node.home, ignore=shutil.ignore_patterns("run"))
        os.mkdir(os.path.join(node.home, "run"))
        self.clones.append(node)
        return node

    def cut(self, pairs):
        self.rule("add", pairs)

    def mend(self, pairs):
        self.rule("delete", pairs)

    def rule(self, verb, pairs):
        elements = []
        for a, b in pairs:
            a, b = self.addresses[a], self.addresses[b]
            elements += [f"{a} . {b}", f"{b} . {a}"]
        sh("nft", "-f", "-", stdin=f"{verb} element bridge entente cut {{ {', '.join(elements)} }}\n")

    def __exit__(self, *exc):
        for node in self.clones:
            node.kill()
        super().__exit__(*exc)
        # A namespace goes some time after its name has: lines are taken down by themselves.
        lines = ["link del entente", *(f"link del v{i}" for i in range(len(self.addresses)))]
        subprocess.run(["ip", "-force", "-batch", "-"], input="\n".join(lines) + "\n", text=True,
                       capture_output=True, check=False)
        subprocess.run(["ip", "-all", "netns", "delete"], capture_output=True, check=False)
        subprocess.run(["nft", "delete", "table", "bridge", "entente"], capture_output=True,
                       check=False)
