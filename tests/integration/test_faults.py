#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A bad place to live: a disk that fills, fails, is read-only; a clock that steps by years. The
daemon refuses first, says so, loses nothing that it had announced, and goes on when it can. Real
daemons behind a shim (fault_shim.c) that fails their writes, and, for root, on small disks."""
import errno
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import Faults, needs_shim, publish  # noqa: E402
from federation import BIN, PATIENCE, Failed, Federation, run_tests, stays, until  # noqa: E402

YEARS = 10 * 365 * 86400


def alarm(node, rule):
    return [a for a in node.status()["alarms"] if a["rule"] == rule]


def refuses(fr, de, tag):
    """Nothing is taken, from anybody, and everybody is told."""
    status = until(lambda: fr.status() if fr.status()["refuses"] else None, 10, "it refuses")
    if [a["severity"] for a in status["alarms"] if a["rule"] == "store-trouble"] != ["page"]:
        raise Failed(str(status["alarms"]))
    answer = publish(fr, tag, 3, status=5)
    if "takes nothing for now" not in answer.json["error"]:
        raise Failed(answer.out)
    before = fr.held(de, "green")
    publish(de, tag, 3)
    stays(lambda: fr.held(de, "green") == before, 1, "entries are taken while it refuses")
    if status["mute"] or de.status()["alarms"]:
        raise Failed(f"{status} {de.status()['alarms']}")


def goes_on(fr, de, tag):
    until(lambda: not fr.status()["refuses"], 15, f"it takes again: {fr.status()['alarms']}")
    if alarm(fr, "store-trouble"):
        raise Failed(str(fr.status()["alarms"]))
    publish(fr, tag, 5)
    de.wait_held(fr, "green", fr.held(fr, "green"))
    fr.wait_held(de, "green", de.held(de, "green"))
    if fr.feed(fr, "green")["root"] != de.feed(fr, "green")["root"]:
        raise Failed("roots differ")


def pair(fed):
    fr, de = fed.add("fr", "de")
    fed.agree("fr", "de")
    faults = Faults(fed, fr)
    faults.start()
    de.start()
    fed.wait_connected()
    publish(fr, "first", 100)
    publish(de, "theirs", 100)
    de.wait_held(fr, "green", 100)
    fr.wait_held(de, "green", 100)
    return fr, de, faults


def fails_and_mends(**fault):
    with Federation() as fed:
        fr, de, faults = pair(fed)
        faults.set(**fault)
        publish(fr, "lost", 100, status=5)
        announced = de.feed(fr, "green")["size"]
        refuses(fr, de, "refused")
        if de.feed(fr, "green")["size"] != announced or fr.held(fr, "green") < announced:
            raise Failed("something was announced that could not be written")
        faults.set(**dict.fromkeys(fault, 0))
        goes_on(fr, de, "again")
        # A crash while it fails: whatever was announced is there.
        faults.set(**fault)
        publish(fr, "more", 100, status=5)
        announced = de.feed(fr, "green")["size"]
        fr.kill()
        faults.set(**dict.fromkeys(fault, 0))
        faults.start()
        if fr.held(fr, "green") < announced or fr.status()["mute"]:
            raise Failed(f"{announced} were announced, {fr.held(fr, 'green')} are here")
        until(lambda: fr.connected("de"), 20, "connected")
        goes_on(fr, de, "after")
        if len(fr.find("first0.bad-example-zone.net")) != 1:
            raise Failed("an old value is gone")
        fr.stop()
        de.stop()


@needs_shim
def test_a_sync_that_fails_is_believed_in_nothing():
    fails_and_mends(sync=errno.EIO)


@needs_shim
def test_what_was_told_and_cannot_be_synced_behind_is_done_again_by_a_restart():
    """The journal is on the disk, the commit is not: the daemon ends, and goes on when that works."""
    with Federation() as fed:
        fr, de, faults = pair(fed)
        publish(fr, "before", 1)
        faults.set(behind=errno.EIO)
        # What the journal alone has made durable may be told or not before the daemon ends.
        told = publish(fr, "told", 1, status=None).status == 0
        if (code := fr.ended()) != 5:
            raise Failed(f"ended with {code}")
        faults.start(wait=False)
        if (code := fr.ended()) != 5:
            raise Failed(f"began upon what is not on the disk, and ended with {code}: {fr.tail()}")
        faults.set(behind=0)
        faults.start()
        for name in ["before", *(["told"] if told else [])]:
            if len(fr.find(f"{name}0.bad-example-zone.net")) != 1 or fr.status()["mute"]:
                raise Failed(f"{name}: something told is lost")
        until(lambda: fr.connected("de"), 20, "connected")
        goes_on(fr, de, "again")
        fr.stop()
        de.stop()


@needs_shim
def test_a_file_system_that_became_read_only_is_waited_for():
    fails_and_mends(write=errno.EROFS)


@needs_shim
def test_what_was_asked_is_not_lost_where_the_disk_fails_at_the_stop():
    with Federation() as fed:
        fr, = fed.add("fr")
        faults = Faults(fed, fr)
        faults.start()
        fr.run("find", "asked.bad-example-zone.net", status=None)
        faults.set(sync=errno.EIO)
        fr.stop()
        faults.set(sync=0)
        faults.start()
        until(lambda: [a for a in fr.json("log") if a["act"] == "queried" and a["count"] == 1], 10,
              "what was asked is entered")
        fr.stop()


@needs_shim
def test_a_stop_waits_for_no_name_server():
    """Nor does the change of keys, which is a stop and a start in one process."""
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        with open(os.path.join(fr.home, "entente.conf"), "a", encoding="utf-8") as f:
            f.write(f"endpoint {de.id} de.invalid:7466\n")
        faults = Faults(fed, fr)
        faults.set(names=600)
        faults.start()
        time.sleep(1)
        fr.run("card", "rotate-keys")
        until(lambda: fr.tail(99).count("new keys are in use") == 1 and fr.ready(), 20, "new keys")
        time.sleep(1)
        fr.stop()
        acts = [a["act"] for a in fr.json("log")]
        if acts.count("stopped") != 2:
            raise Failed(f"it did not stop by itself: {acts}")


@needs_shim
def test_a_store_that_lmdb_has_given_up_is_opened_anew_by_a_restart():
    with Federation() as fed:
        fr, de, faults = pair(fed)
        faults.set(commit=errno.EIO)
        publish(fr, "lost", 10, status=None)
        if (code := fr.ended()) != 5:
            raise Failed(f"ended with {code}")
        if "opened anew" not in fr.tail(50):
            raise Failed(fr.tail(50))
        announced = de.feed(fr, "green")["size"]
        faults.set(commit=0)
        faults.start()
        if fr.held(fr, "green") < announced or fr.status()["mute"]:
            raise Failed("something announced is lost")
        until(lambda: fr.connected("de"), 20, "connected")
        goes_on(fr, de, "again")
        fr.stop()
        de.stop()


@needs_shim
def test_a_clock_that_steps_by_ten_years_both_ways():
    with Federation() as fed:
        fr, de, faults = pair(fed)
        def steps():
            return [a for a in fr.json("log") if a["act"] == "clock-step"]

        turns = ((YEARS, "future"), (0, "back"), (-YEARS, "past"), (0, "now"))
        for turn, (step, tag) in enumerate(turns):
            faults.set(clock=step)
            until(lambda n=turn: len(steps()) > n, 10, "the act clock-step")
            if not alarm(fr, "clock-step"):
                raise Failed(str(fr.status()["alarms"]))
            # It lives, publishes, and has lost nothing.
            publish(fr, tag, 3)
            if not fr.find("first0.bad-example-zone.net") or fr.status()["mute"]:
                raise Failed(f"after a step to {step}: {fr.status()}")
            if fr.held(de, "green") < 100:
                raise Failed("entries are gone")
        if len(steps()) != len(turns):
            raise Failed(str(steps()))
        # Timers do not follow the wall clock: the daemon still ticks, stops and starts.
        fr.stop()
        faults.start()
        if fr.held(fr, "green") != 112 or fr.held(de, "green") < 100:
            raise Failed(f"{fr.held(fr, 'green')} {fr.held(de, 'green')}")
        fr.stop()
        de.stop()
        fed.audit()


# --- small disks, for root ------------------------------------------------------------------------

class Disk:
    """A tmpfs over a node's directory."""
    def __init__(self, path, size):
        self.path, self.ballast = path, os.path.join(path, "ballast")
        os.makedirs(path, exist_ok=True)
        self.mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path],
            capture_output=True, check=False).returncode == 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=False)

    def fill(self, leave):
        with open(self.ballast, "ab") as f:
            while True:
                fs = os.statvfs(self.path)
                try:
                    os.posix_fallocate(f.fileno(), 0, fs.f_bavail * fs.f_frsize - leave)
                    return
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise  # else the node has written something in between

    def free(self):
        os.remove(self.ballast)


def test_a_disk_that_fills_is_refused_before_it_is_full():
    with Federation() as fed, Disk(os.path.join(fed.dir, "fr"), "96m") as disk:
        if not disk.mounted:
            return "cannot mount"
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        publish(fr, "first", 100)
        disk.fill(leave=20 << 20)
        refuses(fr, de, "refused")
        # What takes back is never refused for want of room.
        fr.run("retract", "first0.bad-example-zone.net")
        until(lambda: de.find("first0.bad-example-zone.net")[0]["retracted"], 10, "it arrives")
        fr.run("pause", "out")
        fr.run("resume")
        disk.free()
        goes_on(fr, de, "again")
        # A list that does not fit ends where the room begins that is kept for what takes back.
        disk.fill(leave=33 << 20)
        done = publish(fr, "long", 60000, status=5)
        if "not all was published: less than 32 MiB" not in done.json["error"]:
            raise Failed(done.out)
        fs = os.statvfs(disk.path)
        if fs.f_bavail * fs.f_frsize < 26 << 20:
            raise Failed("a long list has taken the room that is kept")
        disk.free()
        goes_on(fr, de, "room")
        done = publish(fr, "long", 60000).json
        if not done["unchanged"] or done["published"] + done["unchanged"] != 60000:
            raise Failed(f"it does not go on where it stopped: {done}")
        # To the last byte, suddenly.
        disk.fill(leave=0)
        publish(fr, "lost", 2000, status=5)
        announced = de.feed(fr, "green")["size"]
        fr.kill()
        disk.free()
        fr.start()
        if fr.held(fr, "green") < announced or fr.status()["mute"]:
            raise Failed("something announced is lost")
        until(lambda: fr.connected("de"), 20, "connected")
        goes_on(fr, de, "after")
        fr.stop()
        de.stop()
    return None


def test_on_a_read_only_disk_it_says_so_and_commands_read():
    with Federation() as fed, Disk(os.path.join(fed.dir, "fr"), "96m") as disk:
        if not disk.mounted:
            return "cannot mount"
        fr, = fed.add("fr")
        fr.start()
        publish(fr, "first", 10)
        fr.stop()
        subprocess.run(["mount", "-o", "remount,ro", disk.path], check=True)
        fr.start(wait=False)
        if (code := fr.ended()) != 5:
            raise Failed(f"entented ended with {code}")
        if "Read-only file system" not in fr.tail():
            raise Failed(fr.tail())
        if not fr.find("first0.bad-example-zone.net") or fr.status()["records"] != 10:
            raise Failed("commands cannot read a read-only store")
        subprocess.run(["mount", "-o", "remount,rw", disk.path], check=True)
        fr.start()
        publish(fr, "again", 10)
        fr.stop()
    return None


def test_a_store_that_was_cut_short_is_said_to_be():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, "first", 3000)
        fr.stop()
        path = os.path.join(fr.home, "data", "log", "data.mdb")
        os.truncate(path, os.path.getsize(path) // 8 // 4096 * 4096)  # the rest of a page is zeros
        fr.start(wait=False)
        if (code := fr.ended()) != 5 or "cut short" not in fr.tail():
            raise Failed(f"entented ended with {code}: {fr.tail()}")
        if "cut short" not in fr.run("doctor", status=5).err:
            raise Failed("doctor does not say it")


def test_reindex_goes_on_when_its_daemon_stops():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, "many", 30000)
        command = subprocess.Popen([os.path.join(BIN, "entente"), "reindex", "--json", "--home",
                                    fr.home], stdout=subprocess.PIPE, text=True)
        time.sleep(0.05)
        fr.process.send_signal(signal.SIGTERM)
        out, _ = command.communicate(timeout=60 * PATIENCE)
        if command.returncode != 0 or '"records":30000' not in out.replace(" ", ""):
            raise Failed(f"{command.returncode} {out}")
        fr.ended()


if __name__ == "__main__":
    run_tests([test_a_sync_that_fails_is_believed_in_nothing,
               test_a_stop_waits_for_no_name_server,
               test_a_file_system_that_became_read_only_is_waited_for,
               test_what_was_told_and_cannot_be_synced_behind_is_done_again_by_a_restart,
               test_a_store_that_lmdb_has_given_up_is_opened_anew_by_a_restart,
               test_what_was_asked_is_not_lost_where_the_disk_fails_at_the_stop,
               test_a_clock_that_steps_by_ten_years_both_ways,
               test_a_disk_that_fills_is_refused_before_it_is_full,
               test_on_a_read_only_disk_it_says_so_and_commands_read,
               test_a_store_that_was_cut_short_is_said_to_be,
               test_reindex_goes_on_when_its_daemon_stops])
