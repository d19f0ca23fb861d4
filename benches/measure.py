"""Runs the benchmark against servers that benches/run has started, and writes the table.

Standard library only. Every figure is of a whole process: wall time; CPU (user + system) from wait4; the servers' CPU
from /proc before and after; peak memory as VmHWM, read while the process runs (wait4's figure would start at ours).
Runs are interleaved, and ratios are taken within a round, so that a slow spell of the machine hits both sides.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import results

ENV = os.environ
RECON, LOAD = ENV["RECON_BENCH_RECON"], ENV["RECON_BENCH_LOAD"]
PYTHON, RELADIFF = ENV["RECON_BENCH_PYTHON"], ENV["RECON_BENCH_RELADIFF"]
ENGINE = ENV["RECON_BENCH_ENGINE"]  # Python with the polars whose engine the crate has
MYSQL, POSTGRES, MONGODB = (ENV[f"RECON_TEST_{kind}_URL"] for kind in ("MYSQL", "POSTGRES", "MONGODB"))
MYSQL_PORT, POSTGRES_PORT = MYSQL.rsplit(":", 1)[1], POSTGRES.rsplit(":", 1)[1]
PSQL = f"{ENV['RECON_TEST_POSTGRES_BIN']}/psql"
PIDS = {name: int(pid) for name, pid in (pair.split("=") for pair in ENV["RECON_BENCH_PIDS"].split())}
HERE = Path(__file__).parent
AMOUNTS = {"principal", "interest", "fee", "net"}
BUSY = []  # what others used of the machine before each part
COLUMNS = ["id", "investor", "principal", "interest", "fee", "net", "status", "updated", "units", "memo"]

TABLE = """CREATE TABLE settlement (
  id BIGINT PRIMARY KEY, investor VARCHAR(40) NOT NULL,
  principal DECIMAL(18,4) NOT NULL, interest DECIMAL(18,4) NOT NULL, fee DECIMAL(18,4) NOT NULL, net DECIMAL(18,4) NOT NULL,
  status VARCHAR(20) NOT NULL, updated {instant} NOT NULL, units INT NOT NULL, memo VARCHAR(80) NULL)"""


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


# ---- measuring ---------------------------------------------------------------------------------------------


@dataclass
class Measured:
    wall: float
    cpu: float
    rss_mb: float
    server_cpu: float
    code: int
    stdout: str
    stderr: str
    timed_out: bool = False


def server_cpu(names):
    """CPU seconds of the servers so far, those of PostgreSQL's finished backends included."""
    ticks = 0
    for name in names:
        fields = Path(f"/proc/{PIDS[name]}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def watch_memory(pid, peak, done):
    while not done.wait(0.01):
        try:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak[0] = max(peak[0], int(line.split()[1]) / 1024)
        except OSError:
            return


def measure(command, servers=(), limit=900):
    """Runs a command to its end, at most `limit` seconds."""
    out, err = Path(WORK, "stdout"), Path(WORK, "stderr")
    peak, done = [0.0], threading.Event()
    before = server_cpu(servers)
    with out.open("wb") as stdout, err.open("wb") as stderr:
        started = time.perf_counter()
        words = [str(word) for word in command]
        # A width without end: some tools fold what they print, JSON too.
        environment = {**ENV, "COLUMNS": "100000"}
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment)
        watcher = threading.Thread(target=watch_memory, args=(process.pid, peak, done))
        watcher.start()
        killer = threading.Timer(limit, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    done.set()
    killer.cancel()
    watcher.join()
    return Measured(
        wall, usage.ru_utime + usage.ru_stime, peak[0], server_cpu(servers) - before, process.returncode,
        out.read_text(errors="replace"), err.read_text(errors="replace"), timed_out=wall >= limit,
    )  # fmt: skip


def must(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"error: {command[0]} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def wait_until_quiet():
    """Servers write out what was loaded for a while; measuring starts after that."""
    for _ in range(120):
        before = server_cpu(PIDS)
        time.sleep(1)
        if server_cpu(PIDS) - before < 0.04:
            break
    else:
        say("the servers do not come to rest; measuring all the same")
    BUSY.append(others_busy())


def others_busy():
    """Share of the machine's cores that is in use while nothing of ours runs, in percent."""

    def used():
        times = [int(ticks) for ticks in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return sum(times) - times[3] - times[4], sum(times)

    before = used()
    time.sleep(2)
    after = used()
    return 100 * (after[0] - before[0]) / max(after[1] - before[1], 1)


# ---- loading -----------------------------------------------------------------------------------------------


def mysql(sql, database=""):
    client = ["mariadb", "--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", MYSQL_PORT, "-u", "root"]
    return must([*client, "--local-infile=1", "-N", "-e", sql, *([database] if database else [])])


def psql(*commands, database="postgres"):
    client = [PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", POSTGRES_PORT, "-U", "postgres"]
    return must([*client, "-d", database, *(word for command in commands for word in ("-c", command))])


def load(records, seed):
    """Both sides of one size; returns the database's name and what a comparison must find."""
    database = f"recon_{records}"
    say(f"making and loading {records:,} records")
    must([LOAD, "files", WORK, records, seed])
    mysql(f"CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; {TABLE.format(instant='DATETIME(6)')}")
    mysql(
        f"LOAD DATA LOCAL INFILE '{WORK}/legacy.csv' INTO TABLE settlement FIELDS TERMINATED BY ',' IGNORE 1 LINES"
        " (id, investor, principal, interest, fee, net, status, updated, units, @memo) SET memo = NULLIF(@memo, '')",
        database,
    )
    must([LOAD, "mongo", MONGODB, database, records, seed])
    expected = json.loads(Path(WORK, "expected.json").read_text())
    for name, rows in (("mysql", expected["legacy_rows"]), ("mongo", expected["candidate_rows"])):
        found = int(measure(scan_command(name, database)).stdout or 0)  # warms the cache too
        if found != rows:
            sys.exit(f"error: {name} holds {found} records after loading, not {rows}")
    wait_until_quiet()
    return database, expected


def load_postgres(database):
    psql(f"CREATE DATABASE {database}")
    psql(
        TABLE.format(instant="TIMESTAMP(6)"),
        f"\\copy settlement FROM '{WORK}/candidate.csv' (FORMAT csv, HEADER)",
        "VACUUM (ANALYZE) settlement",
        database=database,
    )
    wait_until_quiet()


def scan_command(store, database):
    if store == "mysql":
        return [LOAD, "scan-mysql", f"127.0.0.1:{MYSQL_PORT}", database]
    return [LOAD, "scan-mongo", MONGODB, database]


# ---- judging what was found --------------------------------------------------------------------------------


def same(column, wanted, found):
    if wanted is None or found is None:
        return wanted is None and found is None
    return Decimal(wanted) == Decimal(str(found)) if column in AMOUNTS else wanted == found


def judge(path, expected):
    """What is wrong with recon's answer, in sentences: nothing when exactly the seeded faults were found."""
    wrong, missing, summary = [], {fault["id"]: fault for fault in expected["faults"]}, None
    for line in Path(path).open():
        said = json.loads(line)
        if "counts" in said:
            summary = said
            continue
        key = str(next(iter(said["key"].values())))
        fault = missing.pop(key, None)
        if fault is None or fault["kind"] != said["kind"]:
            wrong.append(f"{key} is {said['kind']}, but should be {fault and fault['kind']}")
            continue
        if said["kind"] == "mismatch":
            fields = [(f["column"], f.get("legacy"), f.get("candidate")) for f in said["fields"]]
            column = fault["column"]
            if len(fields) != 1 or fields[0][0] != column or not all(
                same(column, fault[side], value) for side, value in zip(("legacy", "candidate"), fields[0][1:])
            ):
                wrong.append(f"{key}: {fields}, but should be {fault}")
    wrong += [f"{key} was not found: {fault['kind']}" for key, fault in missing.items()]
    if summary is None:
        return [*wrong, "no summary line"]
    kinds = Counter(fault["kind"] for fault in expected["faults"])
    keys = expected["legacy_rows"] + kinds["candidate_only"]
    counts = {
        "keys": keys, "matched": keys - len(expected["faults"]), "mismatched": kinds["mismatch"],
        "legacy_only": kinds["legacy_only"], "candidate_only": kinds["candidate_only"], "duplicate": 0, "unknown": 0,
    }  # fmt: skip
    wrong += [f"counts.{name} is {summary['counts'].get(name)}, not {n}" for name, n in counts.items() if summary["counts"].get(name) != n]
    for side in ("legacy", "candidate"):
        if summary["rows"][side] != expected[f"{side}_rows"]:
            wrong.append(f"rows.{side} is {summary['rows'][side]}, not {expected[f'{side}_rows']}")
    if summary["verdict"] != "differ":
        wrong.append(f"the verdict is {summary['verdict']}")
    return wrong


def recon_diff(legacy, candidate, expected, *options, servers=()):
    """One run and the faults of its answer."""
    output = Path(WORK, "found.ndjson")
    output.unlink(missing_ok=True)
    command = [RECON, "diff", legacy, candidate, *options, "--format", "ndjson", "--output", output]
    run = measure(command, servers)
    if run.code != 1:
        return run, [f"exit code {run.code}: {' '.join(run.stderr.split())[:300]}"]
    return run, judge(output, expected) if expected else []


def found_faults(pairs, expected):
    """How well another tool did, in words. `pairs` are the ids it named, with a kind where it says one."""
    wanted = {fault["id"]: fault["kind"] for fault in expected["faults"]}
    found = dict(pairs)
    missed = len(wanted.keys() - found.keys())
    extra = len(found.keys() - wanted.keys())
    other = sum(1 for key in wanted.keys() & found.keys() if found[key] not in (None, wanted[key]))
    if not (missed or extra or other):
        return "exactly"
    return f"missed {missed:,}, false {extra:,}" + (f", wrong kind {other:,}" if other else "")


def json_lines(path):
    return [json.loads(line) for line in Path(path).open()] if Path(path).exists() else []


# ---- the parts ---------------------------------------------------------------------------------------------


def stores(database, expected, repeat):
    """MariaDB x MongoDB at one size."""
    legacy, candidate = f"{MYSQL}/{database}#settlement", f"{MONGODB}/{database}#settlement"
    rounds, wrong = [], []
    for at in range(repeat):
        mariadb = measure(scan_command("mysql", database), ["mariadb"])
        mongo = measure(scan_command("mongo", database), ["mongod"])
        diff, faults = recon_diff(legacy, candidate, expected, "--key", "id=_id", servers=["mariadb", "mongod"])
        wrong += faults
        rounds.append((mariadb, mongo, diff))
        say(f"  round {at + 1}: scans {mariadb.wall:.2f} s and {mongo.wall:.2f} s, diff {diff.wall:.2f} s, {len(faults)} wrong")
    return {"records": expected["records"], "rounds": rounds, "faults": len(expected["faults"]), "wrong": wrong}


def everything_differs(database, expected):
    """Each pair of records differs: what is found must not gather in memory."""
    say("every record differs")
    query = "SELECT id, investor, principal, interest, fee, net + 0.0001 AS net, status, updated, units, memo FROM settlement"
    run, wrong = recon_diff(
        f"{MYSQL}/{database}", f"{MONGODB}/{database}#settlement", None,
        "--key", "id=_id", "--legacy-query", query,
    )  # fmt: skip
    output = Path(WORK, "found.ndjson")
    lines = sum(1 for _ in output.open()) - 1 if output.exists() else 0
    # A candidate amount that was off by +0.0001 now agrees.
    agree = sum(
        1 for f in expected["faults"]
        if f.get("column") == "net" and Decimal(f["candidate"]) - Decimal(f["legacy"]) == Decimal("0.0001")
    )  # fmt: skip
    wanted = expected["legacy_rows"] + sum(f["kind"] == "candidate_only" for f in expected["faults"]) - agree
    if not wrong and lines != wanted:
        wrong = [f"{lines} discrepancies in the file, not {wanted}"]
    return {"records": expected["records"], "run": run, "wrong": wrong}


def practice(database, expected, limit, repeat):
    """The pandas script and reladiff beside recon, on the same data in the same run."""
    say("today's practice")
    load_postgres(database)
    rows = []
    found = Path(WORK, "pandas.jsonl")
    on_mongo, on_postgres, wrong = [], [], []

    def recon():
        # Before and after every other tool, so that all see the same spells of the machine.
        legacy = f"{MYSQL}/{database}#settlement"
        for runs, candidate, key in (
            (on_mongo, f"{MONGODB}/{database}#settlement", "id=_id"),
            (on_postgres, f"{POSTGRES}/{database}#public.settlement", "id"),
        ):
            for _ in range(repeat):
                run, faults = recon_diff(legacy, candidate, expected, "--key", key)
                runs.append(run)
                wrong.extend(faults)

    recon()
    run = measure([PYTHON, HERE / "pandas_diff.py", MYSQL_PORT, MONGODB, database, found], limit=limit)
    named = [(line["id"], line["kind"]) for line in json_lines(found)]
    rows.append({"name": "pandas script", "stores": "MariaDB × MongoDB", "run": run, "recon": on_mongo,
                 "found": found_faults(named, expected), "least": 40})  # fmt: skip
    say(f"  pandas {run.wall:.1f} s")
    recon()
    # It stops with an error at a NULL against a text, so it is measured without the column that holds them too.
    no_memo = {**expected, "faults": [fault for fault in expected["faults"] if fault.get("column") != "memo"]}
    for name, columns, wanted, least in (
        ("reladiff", ["%"], expected, None),
        ("reladiff without memo", [column for column in COLUMNS if column not in ("id", "memo")], no_memo, 20),
    ):
        run = measure(
            [RELADIFF, MYSQL.replace("root@", "root:@") + f"/{database}", "settlement",
             f"postgresql://postgres@127.0.0.1:{POSTGRES_PORT}/{database}", "settlement",
             "-k", "id", *(word for column in columns for word in ("-c", column)), "--json"],
            limit=limit,
        )  # fmt: skip
        named = {}
        for line in run.stdout.splitlines():
            if line.startswith("["):
                sign, row = json.loads(line)
                key = str(row[0])
                named[key] = "mismatch" if key in named else {"-": "legacy_only", "+": "candidate_only"}[sign]
        rows.append({"name": name, "stores": "MariaDB × PostgreSQL", "run": run, "recon": on_postgres,
                     "found": found_faults(named.items(), wanted), "least": least})  # fmt: skip
        say(f"  {name} {run.wall:.1f} s")
    recon()
    return {"records": expected["records"], "rows": rows, "wrong": wrong, "limit": limit}


def files(records, seed, repeat):
    """CSV and Parquet, in key order, beside DuckDB's full outer join."""
    say(f"files of {records:,} records")
    must([LOAD, "files", WORK, records, seed])
    must([PYTHON, HERE / "duckdb_files.py", "parquet", WORK])
    expected = json.loads(Path(WORK, "expected.json").read_text())
    parts = []
    for kind in ("csv", "parquet"):
        pairs, wrong, found = [], [], Path(WORK, "duckdb.jsonl")
        for at in range(repeat + 1):
            duckdb = measure([PYTHON, HERE / "duckdb_files.py", "join", kind, WORK, found])
            run, faults = recon_diff(f"{WORK}/legacy.{kind}", f"{WORK}/candidate.{kind}", expected, "--key", "id")
            if at > 0:  # the first round reads the files into the cache
                pairs.append((duckdb, run))
                wrong += faults
                say(f"  {kind}: DuckDB {duckdb.stdout.strip()[:5]} s, recon {run.wall:.2f} s, {len(faults)} wrong")
        named = [(line["id"], line["kind"]) for line in json_lines(found)]
        parts.append({"kind": kind, "pairs": pairs, "wrong": wrong, "found": found_faults(named, expected)})
    return {"records": records, "parts": parts}


def start_up():
    say("start-up")
    BUSY.append(others_busy())
    for side, net in (("legacy", "10.50"), ("candidate", "10.5")):
        lines = ["id,net", *(f"{key},{net}" for key in range(1, 11))]
        Path(WORK, f"small-{side}.csv").write_text("\n".join(lines) + "\n")
    small = [RECON, "diff", f"{WORK}/small-legacy.csv", f"{WORK}/small-candidate.csv", "--key", "id"]
    wanted = {"true (the floor of this measurement)": (["true"], 0), "recon --help": ([RECON, "--help"], 0), "recon diff of two 10-line files": (small, 0)}
    timings = []
    for name, (command, code) in wanted.items():
        runs = [measure(command) for _ in range(20)]
        wrong = [f"{name}: exit code {run.code}" for run in runs if run.code != code]
        timings.append({"name": name, "ms": statistics.median(run.wall for run in runs) * 1000, "wrong": wrong[:1]})
    return timings


def main():
    parser = argparse.ArgumentParser(prog="benches/run")
    parser.add_argument("--records", default="1000000,5000000", help="sizes, separated by commas")
    parser.add_argument("--repeat", type=int, default=3, help="rounds at each size")
    parser.add_argument("--seed", type=int, default=20260701)
    parser.add_argument("--limit", type=int, default=600, help="seconds a competitor may take")
    parser.add_argument("--no-competitors", action="store_true")
    parser.add_argument("--no-files", action="store_true")
    parser.add_argument("--results", default=str(HERE / "RESULTS.md"))
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    global WORK
    WORK = options.work
    sizes = sorted(int(size) for size in options.records.split(","))
    small = max([size for size in sizes if size <= 1_000_000], default=sizes[0])

    measured = {"start_up": start_up(), "sizes": [], "all_differ": None, "practice": None, "files": None}
    for size in sizes:
        database, expected = load(size, options.seed)
        measured["sizes"].append(stores(database, expected, options.repeat))
        if size == small:
            measured["all_differ"] = everything_differs(database, expected)
            if not options.no_competitors:
                measured["practice"] = practice(database, expected, options.limit, options.repeat)
        mysql(f"DROP DATABASE {database}")
    if not options.no_files:
        measured["files"] = files(max([s for s in sizes if s <= 5_000_000], default=sizes[0]), options.seed, options.repeat)

    versions = {
        "recon": f"{must([RECON, '--version']).splitlines()[0].strip() or 'unknown'}, commit {must(['git', 'describe', '--always', '--dirty'], cwd=HERE).strip()}, {ENV['RECON_BENCH_BUILD']}",
        "MariaDB": mysql("SELECT VERSION()").strip(),
        "PostgreSQL": psql("SHOW server_version").strip(),
        "MongoDB": must([ENV["RECON_TEST_MONGOD"], "--version"]).split()[2],
        "in use by others before each part": ", ".join(f"{busy:.0f} %" for busy in BUSY) + " of the cores",
        "compared with": ENV["RECON_BENCH_PRACTICE"].replace("==", " ").replace(" [", "["),
    }
    text, wrong = results.render(measured, versions, sys.argv[1:])
    Path(options.results).write_text(text)
    say(f"written to {options.results}")
    print(text)
    for sentence in wrong[:20]:
        print(f"wrong: {sentence}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
