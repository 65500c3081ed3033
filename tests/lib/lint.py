#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The rules of the house that a program can check. Prints `ok CHECK` or `not ok CHECK` for each,
what is wrong where, and `N passed, N failed` at the end."""

import argparse
import concurrent.futures
import glob
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import lint_includes

COLUMNS = 100
COLUMNS_PYTHON = 112  # what a test says of a failure stands on one line
LINES_MAX = 900

BANNED = {
    "strcpy": "memcpy with a length, or snprintf", "strcat": "snprintf", "strncpy": "memcpy",
    "strncat": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets",
    "strtok": "text_word_next", "strtok_r": "text_word_next", "atoi": "text_u64_parse",
    "atol": "text_u64_parse", "atoll": "text_u64_parse", "atof": "strtod", "sscanf": "text.h",
    "scanf": "text.h", "fscanf": "text.h", "rand": "struct env_rng", "srand": "struct env_rng",
    "random": "struct env_rng", "drand48": "struct env_rng", "system": "nothing",
    "popen": "nothing", "alloca": "an arena", "tmpnam": "mkstemp", "tempnam": "mkstemp",
    "mktemp": "mkstemp", "ctime": "text_time_s", "asctime": "text_time_s", "gmtime": "gmtime_r",
    "localtime": "gmtime_r", "inet_aton": "inet_pton", "inet_addr": "inet_pton",
    "usleep": "a condition", "sleep": "a condition",
}
# Tests may start a tool and may wait a little before they look again.
TESTS_MAY = {"popen", "usleep"}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_only(text):
    """The text with comments and literals blanked out, line for line."""
    def blank(match):
        token = match[0]
        if token[0] == '"':
            return '""'
        return "\n" * token.count("\n") or " "
    return TOKEN.sub(blank, text)


def columns(line):
    return len(line.expandtabs(8))


class Sources:
    """What git tracks or would track, and what it says."""

    def __init__(self):
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True,
                               capture_output=True, text=True).stdout.split("\n")
        self.paths = [pathlib.Path(n) for n in sorted(names)
                      if n and os.path.isfile(n) and not n.startswith(".")]
        self.c = [p for p in self.paths if p.suffix in (".c", ".h")]
        self.scripts = [p for p in self.paths if p.suffix in (".py", ".sh") or p.name == "Makefile"]
        self.protos = [p for p in self.paths if p.suffix == ".proto"]
        self.text = {p: p.read_text(encoding="utf-8")
                     for p in self.c + self.scripts + self.protos}
        self.code = {p: code_only(self.text[p]) for p in self.c}
        self.product = [p for p in self.c if p.parts[0] in ("node", "proto", "keys")]


def check_spdx(sources, _):
    for path, text in sources.text.items():
        if "SPDX-License-Identifier: EUPL-1.2" not in "\n".join(text.split("\n")[:2]):
            yield f"{path}: no SPDX line at its head"


def check_lines(sources, _):
    for path, text in sources.text.items():
        lines = text.split("\n")
        if len(lines) - 1 > LINES_MAX:
            yield f"{path}: {len(lines) - 1} lines, more than {LINES_MAX}"
        for number, line in enumerate(lines, 1):
            limit = COLUMNS_PYTHON if str(path).endswith(".py") else COLUMNS
            if columns(line) > limit:
                yield f"{path}:{number}: {columns(line)} columns, more than {limit}"
            if line != line.rstrip():
                yield f"{path}:{number}: white space at the end"


def check_open_work(sources, _):
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    for path, text in sources.text.items():
        for number, line in enumerate(text.split("\n"), 1):
            if words.search(line):
                yield f"{path}:{number}: work left open: {line.strip()}"


def check_banned(sources, _):
    for path in sources.c:
        for number, line in enumerate(sources.code[path].split("\n"), 1):
            for name in BANNED_CALL.findall(line):
                if path.parts[0] == "tests" and name in TESTS_MAY:
                    continue
                yield f"{path}:{number}: {name}() is banned; use {BANNED[name]}"


def check_layers(sources, options):
    layers = lint_includes.Layers(options.layers.split())
    yield from layers.order_errors()
    for path in sources.c:
        yield from layers.include_errors(path, sources.text[path])
        yield from layers.purity_errors(path, sources.code[path])


def check_guards(sources, _):
    for path in sources.c:
        if path.suffix == ".h" and "#pragma once" not in sources.text[path]:
            yield f"{path}: no #pragma once"


def check_compiled(sources, options):
    """Every source belongs to a folder that the Makefile builds, or is a main or a test program."""
    folders = set(options.layers.split())
    for path in sources.c:
        if path.suffix != ".c":
            continue
        folder = lint_includes.folder_of(path)
        test = path.parts[0] == "tests" and (
            path.parts[1] in ("lib", "fuzz", "bench", "sim", "integration") or path.name.startswith("test_"))
        if not test and folder != "main" and (folder not in folders or path.parts[0] == "tests"):
            yield f"{path}: no target compiles it"


def tool(command, **options):
    """The lines that a tool prints when it is not content."""
    if not shutil.which(command[0]):
        return [f"{command[0]} is not installed (tests/lib/setup.sh lint)"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode == 0:
        return []
    lines = [line for line in done.stdout.split("\n") if line.strip()]
    return lines or [f"{command[0]} ended with status {done.returncode}"]


def check_clang(_, options):
    """The second compiler; what it generates clang-tidy uses."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    lines = tool(["make", "--no-print-directory", "--keep-going", f"-j{options.jobs}",
                  "VARIANT=clang", "CC=clang", "WERROR=1", "all", "unit"], env=environment)
    return [line for line in lines if not re.match(r"  [A-Z]+ +build/", line)]


def check_format(sources, _):
    return tool(["clang-format", "--dry-run", "-Werror", "--ferror-limit=3", *map(str, sources.c)])


def check_python(sources, _):
    for path in sources.scripts:
        if path.suffix == ".py":
            try:
                compile(sources.text[path], str(path), "exec")
            except SyntaxError as error:
                yield f"{path}:{error.lineno}: {error.msg}"


def check_cppcheck(sources, options):
    files = [str(p) for p in sources.product if p.suffix == ".c"]
    # cppcheck sees no system headers and stumbles over the loop macros of these two. What is
    # uninitialised the compilers tell more truly, and what leaks the sanitisers.
    headers = glob.glob("/usr/include/*/sys/queue.h") + glob.glob("/usr/include/jansson.h")
    return tool(["cppcheck", "--quiet", f"-j{options.jobs}", "--std=c11", "--error-exitcode=1",
                 "--enable=warning", "--inline-suppr", "--max-configs=1", "--library=posix,gnu",
                 "--suppress=missingInclude", "--suppress=uninitvar", "--suppress=memleak",
                 *(f"--include={p}" for p in headers), "-I.", "-Inode", "-D__GNUC__=12", *files])


def check_tidy(sources, options):
    flags = [f for f in shlex.split(options.flags) if f not in ("-Werror", "-MMD", "-MP")]
    files = [str(p) for p in sources.product if p.suffix == ".c"]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda f: tool(["clang-tidy", "--quiet", "--warnings-as-errors=*", f,
                                           "--", *flags, "-w"]), files)
        for lines in results:
            yield from (line for line in lines if "warnings generated" not in line)


def check_man(sources, _):
    pages = [str(p) for p in sources.paths if p.parts[:2] == ("docs", "man")]
    lines = tool(["mandoc", "-T", "lint", "-W", "style", *pages]) if pages else []
    # Ours are not installed, and those of the libraries need not be.
    return [line for line in lines if "referenced manual not found" not in line]


def check_limits(sources, _):
    """Whatever a peer, a file or an operator can reach has a reason beside it, and a test that
    names it: a limit that nothing stands at is a hope."""
    limits = pathlib.Path("proto/limits.h")
    tests = "\n".join(text for path, text in sources.text.items()
                      if path.parts[0] == "tests" and path.name != "lint.py")
    for number, line in enumerate(sources.text[limits].split("\n"), 1):
        name = re.match(r"#define\s+([A-Z_]+)\s", line)
        if name and not re.search(rf"\b{name[1]}\b", tests):
            yield f"{limits}:{number}: no test names {name[1]}"


def check_threats(sources, _):
    """Whatever docs/THREATS.md says holds is held by a test of that name, or by that liar."""
    page = pathlib.Path("docs/THREATS.md")
    tests = {}
    for path, text in sources.text.items():
        if path.parts[0] == "tests":
            tests[str(path.with_suffix("")).replace("tests/unit/", "").replace("tests/", "")] = text
    liars = sources.text[pathlib.Path("tests/sim/liars.c")]
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        for name in re.findall(r'(?<=[ ,;|])"([a-z ]+)"', line if line.startswith("| T") else ""):
            if f'{{"{name}", ' not in liars:
                yield f"{page}:{number}: no liar \"{name}\""
        place = None
        for word in re.findall(r"[a-z]+/test_[a-z_]+|`[a-z0-9_]+`", line):
            if word[0] != "`":
                place = word
            elif place and word.count("_") > 1 and word.strip("`") not in tests.get(place, ""):
                yield f"{page}:{number}: {place} has no {word}"


SLOW = ("clang-compiles-without-warnings", "cppcheck", "clang-tidy")
CHECKS = [
    ("every-source-names-its-licence", check_spdx),
    ("lines-and-files-are-short", check_lines),
    ("no-work-is-left-open", check_open_work),
    ("headers-are-guarded", check_guards),
    ("a-test-stands-at-every-limit", check_limits),
    ("threats-are-held-by-tests-that-are-there", check_threats),
    ("layers-hold", check_layers),
    ("no-banned-functions", check_banned),
    ("every-source-is-compiled", check_compiled),
    ("python-compiles", check_python),
    ("man-pages-are-clean", check_man),
    ("clang-compiles-without-warnings", check_clang),
    ("clang-format", check_format),
    ("cppcheck", check_cppcheck),
    ("clang-tidy", check_tidy),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", required=True, help="folders, lowest first")
    parser.add_argument("--flags", default="", help="of the compiler")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--only", action="append", help="run this check alone (repeatable)")
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    options = parser.parse_args()

    sources = Sources()
    passed = failed = 0
    for name, check in CHECKS:
        if options.only and name not in options.only or options.quick and name in SLOW:
            continue
        errors = list(check(sources, options))
        for error in errors:
            print(error)
        print(("not ok " if errors else "ok ") + name, flush=True)
        passed, failed = passed + (not errors), failed + bool(errors)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
