"""Turns what benches/measure.py measured into benches/RESULTS.md: tables, and the targets with what was reached."""

import os
import subprocess
from statistics import median


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def verdict(wrong):
    return "yes" if not wrong else f"**no**: {wrong[0]}"


def mid(runs, value):
    return median(getattr(run, value) for run in runs)


def machine():
    with open("/proc/cpuinfo") as info:
        cpu = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown processor")
    with open("/proc/meminfo") as info:
        memory = int(next(info).split()[1]) / 1024 / 1024
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GB of memory, Linux {os.uname().release.split('-')[0]}"


def render(measured, versions, arguments):
    """The text, and every wrong answer in a sentence."""
    targets, wrong, parts = [], [], []
    for make in (stores, all_differ, practice, files, start_up):
        part = make(measured, targets)
        if part:
            text, faults = part
            parts.append(text)
            wrong += faults
    date = subprocess.run(["date"], capture_output=True, text=True).stdout.strip()
    shown = " ".join(a for i, a in enumerate(arguments) if a != "--work" and (i == 0 or arguments[i - 1] != "--work"))
    head = [
        "# What the benchmark measured\n",
        f"Written by `benches/run{' ' + shown if shown else ''}`: {date}.\n",
        f"- Machine: {machine()}",
        *(f"- {name}: {version}" for name, version in versions.items()),
        "",
        "Each record has 10 columns, four of them amounts; one in a thousand is faulty. Figures are medians of interleaved rounds;",
        "ratios are medians of the ratios within a round. A run counts only when it found exactly the seeded faults.\n",
        "## Targets\n",
        table(["target", "wanted", "measured", "met"], targets),
    ]
    return "\n".join(head) + "\n" + "\n".join(parts), wrong


def target(targets, name, wanted, measured, limit, least=False, unit="", wrong=()):
    """Adds a line to the targets. A wrong answer meets none, however fast it came."""
    met = (measured >= limit if least else measured <= limit) and not wrong
    shown = f"{measured:.2f}{unit}" if measured < 10 else f"{measured:.0f}{unit}"
    targets.append([name, wanted, "wrong answer" if wrong else shown, "yes" if met else "**no**"])


def stores(measured, targets):
    rows, wrong, walls = [], [], []
    for size in measured["sizes"]:
        records, rounds = size["records"], size["rounds"]
        diffs = [diff for _, _, diff in rounds]
        over_scan = median(diff.wall / max(mariadb.wall, mongo.wall) for mariadb, mongo, diff in rounds)
        over_servers = median(diff.cpu / max(diff.server_cpu, 0.01) for diff in diffs)
        # The stores' price of one ordered scan a side; recon may get its records for less (a collection as it lies).
        over_scans = median(diff.cpu / max(mariadb.server_cpu + mongo.server_cpu, 0.01) for mariadb, mongo, diff in rounds)
        rss = max(diff.rss_mb for diff in diffs)
        rows.append([
            f"{records:,}", f"{mid([r[0] for r in rounds], 'wall'):.2f}", f"{mid([r[1] for r in rounds], 'wall'):.2f}",
            f"{mid(diffs, 'wall'):.2f}", f"{over_scan:.2f}", f"{mid(diffs, 'cpu'):.2f}", f"{mid(diffs, 'server_cpu'):.2f}",
            f"{over_servers:.2f}", f"{median(mariadb.server_cpu + mongo.server_cpu for mariadb, mongo, _ in rounds):.2f}", f"{rss:.0f}", f"{size['faults']:,}", verdict(size["wrong"]),
        ])  # fmt: skip
        wrong += size["wrong"]
        walls.append((records, mid(diffs, "wall")))
        target(targets, f"client CPU / server CPU of the ordered scans, {records:,}", "<= 0.45", over_scans, 0.45, wrong=size["wrong"])
        target(targets, f"wall / slower store's scan, {records:,}", "<= 1.15", over_scan, 1.15, wrong=size["wrong"])
        target(targets, f"peak memory, {records:,}", "<= 48 MB", rss, 48, unit=" MB", wrong=size["wrong"])
    for (few, fast), (many, slow) in zip(walls, walls[1:]):
        growth = slow / fast / (many / few)
        target(targets, f"cost per record, {many:,} against {few:,}", "<= 1.15", growth, 1.15, wrong=wrong)
    head = ["records", "MariaDB scan s", "MongoDB scan s", "diff s", "diff / slower scan", "client CPU s", "server CPU s",
            "client / server", "server CPU s of the scans", "peak MB", "seeded faults", "found exactly"]  # fmt: skip
    return "## MariaDB × MongoDB\n\nA scan is one ordered read by a client that only takes the bytes. The documents lie in key order, so recon\nreads them as they lie, for less than such a scan costs the server.\n\n" + table(head, rows), wrong


def all_differ(measured, targets):
    part = measured["all_differ"]
    if part is None:
        return None
    run = part["run"]
    target(targets, f"peak memory when every record differs, {part['records']:,}", "<= 48 MB", run.rss_mb, 48, unit=" MB", wrong=part["wrong"])
    text = f"{part['records']:,} records that all differ, written as NDJSON: {run.wall:.2f} s, {run.cpu:.2f} s of CPU, {run.rss_mb:.0f} MB; all in the file: {verdict(part['wrong'])}.\n"
    return text, part["wrong"]


def practice(measured, targets):
    part = measured["practice"]
    if part is None:
        return None
    rows = []
    for row in part["rows"]:
        run, recon = row["run"], mid(row["recon"], "wall")
        faster = run.wall / recon
        failed = run.code != 0 or "ERROR" in run.stderr
        if run.timed_out:
            state = "stopped at the limit"
        elif failed:
            state = f"{row['found']}; failed: {(run.stderr.strip().splitlines() or ['no message'])[-1][-120:]}"
        else:
            state = row["found"]
        rows.append([row["name"], row["stores"], f"{run.wall:.1f}", f"{run.cpu:.1f}", f"{run.rss_mb:.0f}", state,
                     f"{recon:.2f}", f"{max(r.rss_mb for r in row['recon']):.0f}", "" if failed and not run.timed_out else f"{faster:.0f} ×"])  # fmt: skip
        if row["least"] and (run.timed_out or not failed):
            target(targets, f"times the speed of {row['name']}", f">= {row['least']}", faster, row["least"], least=True, wrong=part["wrong"])
    head = ["today's practice", "stores", "wall s", "CPU s", "peak MB", "seeded faults", "recon wall s", "recon peak MB", "recon is faster"]
    text = f"## Beside today's practice, {part['records']:,} records\n\nTime limit {part['limit']} s. recon's answers were right: {verdict(part['wrong'])}.\n\n" + table(head, rows)
    return text, part["wrong"]


def files(measured, targets):
    part = measured["files"]
    if part is None:
        return None
    rows, wrong = [], []
    for kind in part["parts"]:
        queries = [float(duckdb.stdout) for duckdb, _ in kind["pairs"]]
        runs = [run for _, run in kind["pairs"]]
        ratio = median(run.wall / query for run, query in zip(runs, queries))
        rows.append([kind["kind"], f"{median(queries):.2f}", f"{max(d.rss_mb for d, _ in kind['pairs']):.0f}", kind["found"],
                     f"{mid(runs, 'wall'):.2f}", f"{mid(runs, 'cpu'):.2f}", f"{max(run.rss_mb for run in runs):.0f}", f"{ratio:.2f}", verdict(kind["wrong"])])  # fmt: skip
        wrong += kind["wrong"]
        target(targets, f"{kind['kind']} files / DuckDB's full outer join, {part['records']:,}", "<= 1.5", ratio, 1.5, wrong=kind["wrong"])
    head = ["files", "DuckDB s (query alone)", "DuckDB peak MB", "DuckDB found", "recon s (whole process)", "recon CPU s", "recon peak MB", "recon / DuckDB", "found exactly"]
    return f"## Files of {part['records']:,} records, in key order\n\n" + table(head, rows), wrong


def start_up(measured, targets):
    timings = measured["start_up"]
    for timing, limit in zip(timings[1:], (20, 50)):
        target(targets, timing["name"], f"< {limit} ms", timing["ms"], limit, unit=" ms", wrong=timing["wrong"])
    rows = [[timing["name"], f"{timing['ms']:.1f}"] for timing in timings]
    wrong = [sentence for timing in timings for sentence in timing["wrong"]]
    return "## Start-up, median of 20 runs\n\n" + table(["command", "ms"], rows), wrong
