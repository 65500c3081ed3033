# SPDX-License-Identifier: EUPL-1.2
"""Layering: which folder may include which, where a library is at home, and what stays pure.

A folder lists in its file MAY_INCLUDE the folders whose headers it uses, or single headers. The
Makefile orders all folders in layers; what a folder may include lies in a lower one, so there are
no cycles.
"""

import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)

# One library, one home. Folders of product code only; tests use what they like.
HOMES = {
    r"pb(_\w+)?\.h": {"proto"},
    r"lmdb\.h": {"store"},
    r"uv\.h": {"net", "control", "app"},
    r"jansson\.h": {"formats", "web", "control", "cli", "verify", "audit"},
    r"microhttpd\.h": {"web"},
    r"(idn2|libpsl)\.h": {"intel"},
}

# Time, entropy, files and sockets come to these as arguments.
PURE = {"proto", "intel", "merkle", "noise", "policy", "gossip", "provenance",
        "verify"}
# What is checked there is read from files.
PURE_BUT = {"verify": {"fopen", "randombytes_buf"}}
IMPURE = re.compile(
    r"\b(time|clock_gettime|gettimeofday|getrandom|randombytes_\w+|fopen|open|openat|opendir"
    r"|socket|connect|getenv)\s*\(")

# The mains parse nothing and know nothing: they call into these.
MAIN_MAY = {"app", "cli", "audit", "control", "web", "provenance", "base"}


def folder_of(path):
    """The folder of a source, `main` for a main, None for what no rule is about."""
    parts = path.parts
    if parts[0] == "node":
        return parts[1] if len(parts) > 2 else "main"
    if parts[0] in ("proto", "keys"):
        return parts[0]
    if parts[:2] == ("tests", "unit"):
        return parts[2]
    return None


class Layers:
    """The folders in their order with what each may include."""

    def __init__(self, names):
        self.names = names
        self.may = {"main": MAIN_MAY}
        for name in names:
            home = pathlib.Path(name if name in ("proto", "keys") else f"node/{name}")
            self.may[name] = set((home / "MAY_INCLUDE").read_text().split())

    def closure(self, name):
        seen = {name}
        for below in self.may[name]:
            seen |= {below} if below.endswith(".h") else self.closure(below)
        return seen

    def order_errors(self):
        for at, name in enumerate(self.names):
            for other in sorted({m.split("/")[0] for m in self.may[name]} - set(self.names[:at])):
                yield f"{name}/MAY_INCLUDE: {other} is no lower layer"

    def include_errors(self, path, text):
        folder = folder_of(path)
        if folder is None:
            return
        test = path.parts[0] == "tests"
        allowed = self.closure(folder) if test else self.may[folder] | {folder}
        for kind, target in INCLUDE.findall(text):
            if kind == "<":
                for pattern, homes in HOMES.items():
                    if not test and re.fullmatch(pattern, target) and folder not in homes:
                        yield f"{path}: <{target}> is at home in {', '.join(sorted(homes))}"
            elif "/" not in target:
                if not test and not (folder == "proto" and target.endswith(".pb.h")):
                    yield f'{path}: "{target}" names no folder'
            elif target not in allowed and target.split("/")[0] not in allowed and not (
                    test and target.startswith(("lib/", "sim/", f"unit/{folder}/"))):
                yield f'{path}: {folder} may not include "{target}"'

    @staticmethod
    def purity_errors(path, code):
        if path.parts[0] == "tests" or folder_of(path) not in PURE:
            return
        for match in IMPURE.finditer(code):
            if match[1] in PURE_BUT.get(folder_of(path), ()):
                continue
            line = code.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match[1]}() in a folder that is to stay pure"
