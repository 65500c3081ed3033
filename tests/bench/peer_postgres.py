# SPDX-License-Identifier: EUPL-1.2
"""PostgreSQL: logical replication of a table that has three indexes at the subscriber and none at the
publisher. Filled by COPY, 10,000 rows a transaction, so that the subscriber works at the same time. Done
when the subscriber has told that it has flushed all of it."""
import glob
import os
import shutil
import subprocess

from measure import Failed, until
from peer import LABELS, Peer, records

COLUMNS = "value text, confidence smallint, valid_from bigint, valid_until bigint, labels text[], object uuid"
ROWS = 10000


class Postgres(Peer):
    name = "PostgreSQL logical replication"
    programs = ("psql",)

    def begin(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: float(p.split("/")[4]))
        if not found:
            raise Failed("no server program below /usr/lib/postgresql")
        self.bin = found[-1]
        # It refuses to run as root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.dir, "postgres")
        self.clusters = []
        for i, name in enumerate(("first", "second")):
            data = os.path.join(self.dir, name)
            self.run("initdb", "-D", data, "-A", "trust", "-U", "bench", "--no-sync")
            self.clusters.append(data)
            self.run("pg_ctl", "-D", data, "-l", os.path.join(self.dir, name + ".log"), "-w", "-o",
                     f"-p {self.ports[i]} -k {self.dir} -c listen_addresses=127.0.0.1 -c wal_level=logical "
                     "-c shared_buffers=1GB -c max_wal_size=8GB", "start")
            self.sql(i, f"CREATE TABLE r ({COLUMNS})")
        for column in ("value", "object", "valid_until"):
            self.sql(1, f"CREATE INDEX ON r ({column})")
        self.sql(0, "CREATE PUBLICATION p FOR TABLE r")
        self.sql(1, f"CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port={self.ports[0]} user=bench "
                    "dbname=postgres' PUBLICATION p")
        until(lambda: self.sql(1, "SELECT srsubstate FROM pg_subscription_rel") == "r", 60,
              "the subscription is ready", 0.1)

    def end(self):
        for data in getattr(self, "clusters", ()):
            subprocess.run([*self.user, os.path.join(self.bin, "pg_ctl"), "-D", data, "-m", "immediate",
                            "stop"], capture_output=True, check=False, cwd="/")

    def run(self, name, *args):
        # What pg_ctl starts keeps the standard output open: it gets none.
        with open(os.path.join(self.dir, "log"), "ab") as log:
            done = subprocess.run([*self.user, os.path.join(self.bin, name), *args],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False, cwd="/")
        if done.returncode != 0:
            raise Failed(f"{name}: {self.tail()}")

    def psql(self, i, *args, **options):
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                               str(self.ports[i]), "-U", "bench", "-d", "postgres", *args],
                              capture_output=True, text=True, check=False, **options)
        if done.returncode != 0:
            raise Failed(f"psql: {done.stderr}")
        return done.stdout.strip()

    def sql(self, i, text):
        return self.psql(i, "-c", text)

    def prepare(self, path):
        count, labels = 0, "{" + ",".join(LABELS) + "}"
        with open(os.path.join(self.dir, "input"), "w", encoding="utf-8") as f:
            for value, object_id, since, until_ms in records(path):
                if count % ROWS == 0:
                    f.write(("\\.\n" if count else "") + "COPY r FROM stdin;\n")
                f.write(f"{value}\t80\t{since}\t{until_ms}\t{labels}\t{object_id}\n")
                count += 1
            f.write("\\.\n")
        return count

    def transfer(self, count):
        self.psql(0, "-f", os.path.join(self.dir, "input"))
        end = self.sql(0, "SELECT pg_current_wal_lsn()")
        until(lambda: self.sql(0, f"SELECT bool_and(flush_lsn >= '{end}') FROM pg_stat_replication") == "t",
              900, "the subscriber has flushed all", 0.02)
        if int(self.sql(1, "SELECT count(*) FROM r")) != count:
            raise Failed("rows are missing at the subscriber")
