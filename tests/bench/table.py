# SPDX-License-Identifier: EUPL-1.2
"""The rows of a benchmark: printed as they are measured, beside what is wanted and what was recorded
last, and written as JSON (CLI.md, "make")."""
import json
import os
import signal
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FOLDER = os.path.join(ROOT, "build", "bench")
RECORDED = os.path.join(ROOT, "tests", "bench", "recorded.json")
ROWS = []
BEGAN = time.monotonic()


def recorded():
    """{name: value} of the last recorded run, {} when there is none."""
    try:
        with open(RECORDED, encoding="utf-8") as f:
            return {name: r["value"] for name, r in json.load(f)["rows"].items()}
    except (OSError, ValueError, KeyError):
        return {}


LAST = recorded()


def number(value):
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def verdict(value, must, aim, better):
    if value is None or must is None:
        return ""

    def reaches(wanted):
        return value >= wanted if better == "higher" else value <= wanted
    if not reaches(must):
        return "BELOW"
    return "ok" if aim is None else "aim" if reaches(aim) else "must"


def head():
    print(f"{'':66} {'measured':>10} {'':10} {'must':>8} {'aim':>8} {'last':>10}  reached")


def row(name, value, unit, must=None, better="lower", aim=None, why=None, floor=None):
    ROWS.append({"name": name, "value": value, "unit": unit, "must": must, "aim": aim,
                 "better": better, "floor": floor, "why": why})
    if value is None:
        print(f"{name:66} {'-':>10} {why}", flush=True)
        return
    print(f"{name:66} {number(value):>10} {unit:10} {number(must):>8} {number(aim):>8}"
          f" {number(LAST.get(name)):>10}  {verdict(value, must, aim, better)}", flush=True)
    if why:
        note(why)


def note(text):
    print("    " + text, flush=True)


def section(text):
    print(f"\n[{time.monotonic() - BEGAN:4.0f} s] {text}", flush=True)


def write(name, what=None):
    """build/bench/NAME; the rows, unless told otherwise."""
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(ROWS if what is None else what, f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)
    return os.path.relpath(path, ROOT)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        text = f.read()
    model = next((line.split(": ", 1)[1] for line in text.splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    sha = "with" if " sha_ni " in text else "without"
    return f"{os.cpu_count()} CPUs ({model}, {sha} SHA instructions), {memory:.0f} GB"


def main(measure):
    """Runs a benchmark's main so that it cleans up after itself however it is ended."""
    def end(number, _):
        sys.exit(128 + number)
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, end)
    print(f"machine: {machine()}; load before: {os.getloadavg()[0]:.1f}"
          + ("" if os.getloadavg()[0] < 0.6 else ": other programs run, times are too long"))
    sys.exit(measure())
