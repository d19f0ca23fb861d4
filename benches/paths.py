"""The worked settlements at size, on real servers and on files, and exact SQL over Parquet against Python polars.

Started by `benches/run paths`. Every figure is of a whole process, as in measure.py; a run counts only when it found
exactly what was planted.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import measure
import results
from measure import ENGINE, ENV, HERE, MONGODB, MYSQL, PYTHON, RECON, must, mysql, say, wait_until_quiet

P2P = ["--param", "window_from=2026-10-25", "--param", "window_to=2026-11-05"]
ROYALTY = ["--param", "month_from=2026-10-01", "--param", "month_to=2026-11-01"]

PROJECT = """[stores.lake]
url = "file:."
[reconciliation.query]
key = {key}
[reconciliation.query.legacy]
store = "lake"
file = "python.parquet"
[reconciliation.query.candidate]
sql = "query.sql"
[reconciliation.query.candidate.inputs.t]
store = "lake"
file = "{file}"
"""

# The same text for both. Python polars keeps four digits of a product, so its sum of products is only timed.
QUERIES = [
    ("count by two keys, filtered", "plays.parquet", ["plan", "track_id"],
     "SELECT plan, track_id, COUNT(*) AS plays FROM t WHERE seconds >= 60 GROUP BY plan, track_id", True),
    ("sums of integers", "plays.parquet", ["track_id"],
     "SELECT track_id, SUM(seconds) AS total, MAX(seconds) AS longest FROM t GROUP BY track_id", True),
    ("sums of decimals", "amounts.parquet", ["grp"],
     "SELECT grp, SUM(amount) AS total, MIN(amount) AS least, COUNT(*) AS n FROM t GROUP BY grp", True),
    ("sums of products of decimals", "amounts.parquet", ["grp"],
     "SELECT grp, SUM(amount * rate) AS total FROM t GROUP BY grp", False),
]  # fmt: skip

AMOUNTS = """
import sys, polars as pl
rows = int(sys.argv[1])
i = pl.int_range(rows, eager=True)
cents = (i * 7919 % 1_000_000_007).cast(pl.Decimal(18, 0))
pl.DataFrame({
    "grp": i * 31 % 1000,
    "amount": ((i * 7919 % 1_000_000_007).cast(pl.Decimal(28, 4)) / pl.Series([10000]).cast(pl.Decimal(28, 4))).cast(pl.Decimal(18, 4)),
    "rate": ((i * 104_729 % 9_999).cast(pl.Decimal(28, 4)) / pl.Series([10000]).cast(pl.Decimal(28, 4))).cast(pl.Decimal(9, 4)),
}).write_parquet(sys.argv[2])
"""

PYTHON_QUERY = """
import sys, polars as pl
file, sql, out = sys.argv[1:4]
frame = pl.SQLContext(t=pl.scan_parquet(file)).execute(sql).collect(engine="streaming")
frame.write_parquet(out)
"""


SORT = "import sys, polars as pl; pl.read_parquet(sys.argv[1]).sort(sys.argv[3:]).write_parquet(sys.argv[2])"


def differing(run):
    report = json.loads(run.stdout)
    return report["verdict"], report["counts"]["keys"] - report["counts"]["matched"]


def planted(output, reconciliation):
    for line in output.splitlines():
        words = line.split()
        if words[:2] == ["planted", f"{reconciliation}:"]:
            return int(words[2].replace(",", ""))
    sys.exit(f"error: `recon load` does not say what it planted in {reconciliation}:\n{output}")


def p2p(records, repeat):
    """One holding a document and a row; legacy in MariaDB, candidate from MongoDB through exact SQL."""
    say(f"p2p: {records:,} holdings")
    project = Path(measure.WORK, "p2p")
    must([RECON, "demo", "p2p", "--keep", project, "--no-quirks"])
    mysql("CREATE DATABASE p2p")
    ENV["RECON_MYSQL_URL"], ENV["RECON_MONGO_URL"] = f"{MYSQL}/p2p", f"{MONGODB}/p2p"
    recon = [RECON, "--config", project / "recon.toml", "--profile", "servers"]
    loading = measure.measure([*recon, "load", "p2p", "--records", records, "--faults", "0.1%", "--no-quirks"])
    wanted = planted(loading.stdout, "payout")
    mysql("ANALYZE TABLE loans, investors, holdings, repayments", "p2p")
    wait_until_quiet()
    runs, wrong, legacy = [], [], []
    for _ in range(repeat):
        run = measure.measure([*recon, "diff", "payout", *P2P, "--format", "json"], servers=("mariadb", "mongod"))
        runs.append(run)
        found = differing(run) if run.code in (0, 1) else run.stderr or run.stdout[:400]
        if found != ("differ", wanted):
            wrong.append(f"p2p: {found} instead of {wanted} discrepancies")
        text = Path(project, "legacy.mysql.sql").read_text()
        for name, value in (("window_from", "2026-10-25"), ("window_to", "2026-11-05")):
            text = text.replace(f":{name}", f"DATE '{value}'")
        started = time.perf_counter()
        mysql(text, "p2p")
        legacy.append(time.perf_counter() - started)
    mysql("DROP DATABASE p2p")
    rows = [
        ["`recon load` into both servers", f"{loading.wall:.1f} s", f"{records / loading.wall:,.0f} holdings a second"],
        ["the legacy SQL alone (mariadb client)", f"{statistics.median(legacy):.2f} s", ""],
        ["`recon diff payout`", f"{results.mid(runs, 'wall'):.2f} s", f"client CPU {results.mid(runs, 'cpu'):.2f} s, servers' CPU {results.mid(runs, 'server_cpu'):.2f} s"],
        ["its peak memory", f"{results.mid(runs, 'rss_mb'):.0f} MB", f"{wanted:,} planted discrepancies, found: {results.verdict(wrong)}"],
    ]  # fmt: skip
    return f"## p2p: {records:,} holdings, MariaDB × MongoDB\n\n" + results.table(["what", "measured", "besides"], rows), wrong


def royalty(plays, repeat):
    """Legacy one query over SQLite, candidate from Parquet through exact SQL."""
    say(f"royalty: {plays:,} plays")
    project = Path(measure.WORK, "royalty")
    made = measure.measure([RECON, "demo", "royalty", "--keep", project, "--records", plays, "--no-quirks"], limit=3600)
    if made.code != 0:
        sys.exit(f"error: the demo ended with {made.code}: {made.stderr}")
    runs, wrong, legacy = [], [], []
    for _ in range(repeat):
        run = measure.measure([RECON, "--config", project / "recon.toml", "diff", "royalty", *ROYALTY, "--format", "json"])
        runs.append(run)
        found = differing(run) if run.code in (0, 1) else run.stderr or run.stdout[:400]
        if found != ("agree", 0):
            wrong.append(f"royalty: {found}, but the paths agree")
        started = time.perf_counter()
        must([PYTHON, "-c", SQLITE, project / "core.db", project / "legacy.sqlite.sql"])
        legacy.append(time.perf_counter() - started)
    size = sum(path.stat().st_size for path in Path(project, "lake").iterdir()) / 1e6
    rows = [
        ["made and computed once (`recon demo royalty`)", f"{made.wall:.1f} s", f"{plays / made.wall:,.0f} plays a second"],
        ["the legacy SQL alone (SQLite)", f"{statistics.median(legacy):.2f} s", ""],
        ["`recon diff royalty`", f"{results.mid(runs, 'wall'):.2f} s", f"CPU of both paths {results.mid(runs, 'cpu'):.2f} s"],
        ["its peak memory", f"{results.mid(runs, 'rss_mb'):.0f} MB", f"{size:.0f} MB of Parquet; both paths agree: {results.verdict(wrong)}"],
    ]  # fmt: skip
    return f"## royalty: {plays:,} plays, SQLite × Parquet files\n\n" + results.table(["what", "measured", "besides"], rows), wrong


SQLITE = """
import sqlite3, sys
sql = open(sys.argv[2]).read()
rows = sqlite3.connect(sys.argv[1]).execute(sql, {"month_from": "2026-10-01", "month_to": "2026-11-01"}).fetchall()
"""


def polars(repeat):
    """The same SQL on the same Parquet, whole process against whole process.

    Python's imports polars, computes and writes the result. recon's hashes the file, computes, sorts, and compares every
    record with Python's result, put in key order beforehand. Measured beside two Pythons: the newest, whose engine is
    ahead of every polars crate, and the last one with the engine that the crate has."""
    lake = Path(measure.WORK, "royalty", "lake")
    must([PYTHON, "-c", AMOUNTS, 5_000_000, lake / "amounts.parquet"])
    rows, wrong, targets = [], [], []
    for name, file, key, sql, exact in QUERIES:
        Path(lake, "recon.toml").write_text(PROJECT.format(key=json.dumps(key), file=file))
        Path(lake, "query.sql").write_text(sql + "\n")
        ours, theirs, ratios, memory = [], {PYTHON: [], ENGINE: []}, {PYTHON: [], ENGINE: []}, []
        for _ in range(max(repeat, 5)):
            for python in theirs:
                run = measure.measure([python, "-c", PYTHON_QUERY, lake / file, sql, lake / "unsorted.parquet"])
                if run.code != 0:
                    sys.exit(f"error: Python polars: {run.stderr}")
                theirs[python].append(run.wall)
            must([PYTHON, "-c", SORT, lake / "unsorted.parquet", lake / "python.parquet", *key])
            run = measure.measure([RECON, "--config", lake / "recon.toml", "diff", "query", "--format", "json"])
            if exact and (run.code != 0 or differing(run) != ("agree", 0)):
                wrong.append(f"{name}: {run.stderr or run.stdout[:300]}")
            ours.append(run.wall)
            memory.append(run.rss_mb)
            for python, walls in theirs.items():
                ratios[python].append(run.wall / walls[-1])
        for python in theirs:
            ratio = statistics.median(ratios[python])
            results.target(targets, f"5 {name}, polars {version(python)}", "≤ 1.2", ratio, 1.2, unit=" ×", wrong=wrong)
        beside = [cell for python in theirs for cell in (f"{statistics.median(theirs[python]):.2f} s", f"{statistics.median(ratios[python]):.2f} ×")]  # fmt: skip
        rows.append([name, f"{statistics.median(ours):.2f} s", *beside, f"{statistics.median(memory):.0f} MB"])
    head = ["query", "recon", f"Python polars {version(PYTHON)}", "ratio", f"{version(ENGINE)}", "ratio", "recon's peak memory"]
    text = (
        "## Exact SQL against Python polars, the same Parquet\n\n"
        "Whole processes. recon's hashes the file, computes exactly, sorts, and compares every record with Python's result;\n"
        f"Python's imports polars, computes and writes the result. polars {version(PYTHON)} groups by an engine that no polars crate has yet;\n"
        f"{version(ENGINE)} has the engine of the crate that recon is built with.\n\n" + results.table(head, rows)
    )
    return text, wrong, targets


def version(python):
    return must([python, "-c", "import polars; print(polars.__version__)"]).strip()


def main():
    parser = argparse.ArgumentParser(prog="benches/run paths")
    parser.add_argument("--holdings", type=int, default=1_000_000)
    parser.add_argument("--plays", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--results", default=str(HERE / "PATHS.md"))
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    measure.WORK = options.work
    parts = [p2p(options.holdings, options.repeat), royalty(options.plays, options.repeat)]
    text, wrong, targets = polars(options.repeat)
    parts.append((text, wrong))
    wrong = [sentence for _, sentences in parts for sentence in sentences]
    shown = " ".join(a for i, a in enumerate(sys.argv[1:]) if a != "--work" and (i == 0 or sys.argv[i] != "--work"))
    date = must(["date"]).strip()
    program = must([RECON, "--version"]).splitlines()[0].strip()
    commit = must(["git", "describe", "--always", "--dirty"], cwd=HERE).strip()
    polars_version = version(PYTHON)
    head = [
        "# What the benchmark of computing paths measured\n",
        f"Written by `benches/run paths{' ' + shown if shown else ''}`: {date}.\n",
        f"- Machine: {results.machine()}",
        f"- {program}, commit {commit}, {ENV['RECON_BENCH_BUILD']}",
        f"- MariaDB {mysql('SELECT VERSION()').strip()}, MongoDB {must([ENV['RECON_TEST_MONGOD'], '--version']).split()[2]}, Python polars {polars_version}",
        f"- In use by others before measuring: {', '.join(f'{busy:.0f} %' for busy in measure.BUSY)} of the cores\n",
        "Medians of the rounds; a run counts only when it found exactly what was planted.\n",
        results.table(["target", "wanted", "measured", "met"], targets),
    ]
    text = "\n".join(head) + "\n" + "\n".join(part for part, _ in parts)
    Path(options.results).write_text(text)
    say(f"written to {options.results}")
    print(text)
    for sentence in wrong[:20]:
        print(f"wrong: {sentence}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
