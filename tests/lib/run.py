#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Runs test programs, some at a time, each with a time limit, and counts their test cases.

A program says `ok NAME`, `not ok NAME` or `skip NAME` on lines of its own (unit tests say so in
TAP, which cmocka writes). One that dies, hangs, or reports nothing is a failure of its own. What
a failing program printed is shown. The last line is `N passed, N failed[, N skipped]`.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# cmocka: "ok 1 - name", "not ok 2 - name", "not ok 3 # SKIP name"; ours: the same without numbers.
RESULT = re.compile(r"^(?P<word>ok|not ok|skip)\b(?: \d+)?(?: -)?(?P<skip> # SKIP)? ?(?P<name>.*)$")


ROOM_IN_MEMORY = 8 << 30
SECONDS_FILE = os.path.join("build", "test-seconds.json")


class Outcome:
    """What one program reported."""

    def __init__(self, program):
        self.program = program
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.output = ""
        self.seconds = 0.0

    def read(self, output):
        self.output = output
        for line in output.splitlines():
            match = RESULT.match(line)
            if not match:
                continue
            if match["skip"] or match["word"] == "skip":
                self.skipped.append(match["name"])
            elif match["word"] == "ok":
                self.passed += 1
            else:
                self.failed.append(match["name"])

    def judge(self, status):
        """Adds the failures that no line tells of."""
        if status is None:
            self.failed.append("(took too long)")
        elif status < 0:
            self.failed.append(f"(died of {signal.Signals(-status).name})")
        elif status != 0 and not self.failed:
            self.failed.append(f"(ended with status {status})")
        elif not self.passed and not self.failed and not self.skipped:
            self.failed.append("(reported no results)")

    def summary(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        if self.skipped:
            text += f", {len(self.skipped)} skipped"
        return f"{self.program}: {text} ({self.seconds:.1f} s)"


def give_up(process):
    """A script that takes too long may say where it stands, and end its daemons (federation.py)."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass


def stop(process):
    """Ends the program with everything it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(program, timeout):
    outcome = Outcome(program)
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", PYTHONUNBUFFERED="1")
    command = [sys.executable, program] if program.endswith(".py") else [program]
    name = os.path.basename(program)
    if name.startswith("fuzz_"):
        command.append("tests/fuzz/corpus/" + name.removeprefix("fuzz_"))
    start = time.monotonic()
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, env=environment,
                                   start_new_session=True)
    except OSError as error:
        outcome.failed.append(f"(cannot be run: {error.strerror})")
        return outcome
    try:
        output, _ = process.communicate(timeout=timeout)
        status = process.returncode
    except subprocess.TimeoutExpired:
        give_up(process)
        stop(process)
        output, _ = process.communicate()
        status = None
    stop(process)
    outcome.seconds = time.monotonic() - start
    outcome.read(output.decode(errors="replace"))
    outcome.judge(status)
    return outcome


def stores_in_memory():
    """Most tests wait for a disk, thousands of times: in memory the same calls take no time. The long
    run keeps to the disk, as do machines with little room. Gives a folder to remove, or None."""
    room = "/dev/shm"
    if os.environ.get("ENTENTE_LONG") or os.environ.get("TMPDIR"):
        return None
    try:
        room_is_small = shutil.disk_usage(room).free < ROOM_IN_MEMORY
        # Some tests load a library that they have made in their folder.
        if room_is_small or os.statvfs(room).f_flag & os.ST_NOEXEC:
            return None
        folder = tempfile.mkdtemp(prefix="entente-check-", dir=room)
    except OSError:
        return None
    os.environ["TMPDIR"] = folder
    return folder


def seconds_read():
    """How long each program took the last time; nothing where that is not known."""
    try:
        with open(SECONDS_FILE, encoding="utf-8") as f:
            return {name: float(s) for name, s in json.load(f).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def seconds_write(seconds):
    try:
        with open(SECONDS_FILE + ".new", "w", encoding="utf-8") as f:
            json.dump(seconds, f, indent=1, sort_keys=True)
        os.replace(SECONDS_FILE + ".new", SECONDS_FILE)
    except OSError:
        pass  # it only tells the next run where to begin


def longest_first(programs, seconds):
    """So that no long one begins when the others have ended; what is not known may be long."""
    return sorted(programs, key=lambda p: -seconds.get(p, 60 if p.endswith(".py") else 0))


def run_all(options):
    passed = failed = skipped = 0
    seconds = seconds_read()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run, program, options.timeout)
                for program in longest_first(options.programs, seconds)]
        for done in concurrent.futures.as_completed(runs):
            outcome = done.result()
            passed += outcome.passed
            failed += len(outcome.failed)
            skipped += len(outcome.skipped)
            seconds[outcome.program] = round(outcome.seconds, 1)
            print(outcome.summary(), flush=True)
            if outcome.failed:
                print(outcome.output.rstrip())
                for name in outcome.failed:
                    print(f"FAILED {outcome.program}: {name}", flush=True)
    seconds_write(seconds)
    text = f"{passed} passed, {failed} failed"
    print(text + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # Most wait for each other's daemons more than they compute.
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--timeout", type=float, default=float(os.environ.get("TEST_TIMEOUT", 600)),
                        help="seconds for each program")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()

    # Less memory that is freed and not used again: half the time of sanitised programs is page faults.
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=16")
    folder = stores_in_memory()
    try:
        return run_all(options)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
