"""A thousand rules over a million records: `recon verify` with them beside `recon diff` and a verification without any.

Started by `benches/run rules`. No decisions are written, so that what is measured is comparing, keeping every record on
disk, deciding, and judging the rules. Every figure is of a whole process; a run counts only when each rule found exactly
the records that it must.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
from pathlib import Path

import measure
import results
from measure import HERE, MONGODB, MYSQL, RECON, load, mysql, say, wait_until_quiet

PROJECT = """
[stores.core]
url = "{mysql}/{database}"
[stores.docs]
url = "{mongodb}/{database}"
[ledger]
url = "sqlite:ledger.db"
[reconciliation.settlement]
key = ["id=_id"]
params = {{ run = "integer" }}
[reconciliation.settlement.legacy]
store = "core"
table = "settlement"
[reconciliation.settlement.candidate]
store = "docs"
collection = "settlement"
"""

HELD = {"where": {"ne": ["decision.source", {"text": "held"}]}}
FAR = 10**20  # beyond every amount
AMOUNTS = ["principal", "interest", "fee", "net"]


def rule(number):
    """One of several shapes, each with a constant of its own; none of them hits."""
    column, other = AMOUNTS[number % 4], AMOUNTS[(number + 1) % 4]
    shapes = [
        {"lt": [f"decision.{column}", -FAR - number]},
        {"gt": [{"sub": [f"decision.{column}", f"decision.{other}"]}, FAR + number]},
        {"all": [{"gt": [f"decision.{column}", FAR + number]}, {"eq": ["record.kind", {"text": "agree"}]}]},
        {"not": {"between": [f"decision.{column}", -FAR - number, FAR + number]}},
        {"gt": [f"decision.{column}", {"mul": [FAR + number, 10]}]},
    ]
    return {**HELD, "flag": shapes[number % 5]}


def rules(folder, count):
    subprocess.run([RECON, "ledger", "migrate"], cwd=folder, check=True, capture_output=True)
    ledger = sqlite3.connect(folder / "ledger.db")
    insert = "INSERT INTO recon_checks (name, kind, query, updated_by) VALUES (?, 'rule', ?, 'bench')"
    all_rules = [(f"rule{number:04}", json.dumps(rule(number))) for number in range(count)]
    if count:
        # One that must hit: every record that only one side has, or that differs.
        all_rules[0] = ("rule0000", json.dumps({"ne": ["record.kind", {"text": "agree"}]}))
    ledger.executemany(insert, all_rules)
    ledger.commit()
    ledger.close()


def verified(folder, turn, count, expected, wrong):
    words = [RECON, "verify", "settlement", "--config", folder / "recon.toml", "--param", f"run={turn}"]
    run = measure.measure([*words, "--format", "json", "--limit", "0"], servers=("mariadb", "mongod"))
    report = json.loads(run.stdout)
    outcomes = {check["name"]: check for check in report["checks"]}
    passed = sum(check["outcome"] == "pass" for check in outcomes.values())
    if len(outcomes) != count or passed != max(count - 1, 0):
        wrong.append(f"{len(outcomes)} of {count} rules, {passed} passed")
    if count and outcomes["rule0000"]["violations"] != len(expected["faults"]):
        wrong.append(f"{outcomes['rule0000']['violations']} violations instead of {len(expected['faults'])}")
    return run


def main():
    parser = argparse.ArgumentParser(prog="benches/run rules", description=__doc__)
    parser.add_argument("--work", required=True)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rules", default="0,100,1000")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--results", default=str(HERE / "RULES.md"))
    given = parser.parse_args()
    measure.WORK = given.work
    database, expected = load(given.records, 20261113)
    counts = [int(count) for count in given.rules.split(",")]
    folders, wrong = {}, []
    for count in counts:
        folders[count] = Path(given.work, f"rules-{count}")
        folders[count].mkdir()
        (folders[count] / "recon.toml").write_text(PROJECT.format(mysql=MYSQL, mongodb=MONGODB, database=database))
        rules(folders[count], count)
    taken = {name: [] for name in ("diff", *counts)}
    for turn in range(given.repeat):
        words = [RECON, "diff", "settlement", "--config", folders[counts[0]] / "recon.toml", "--param", f"run={turn}"]
        taken["diff"].append(measure.measure([*words, "--format", "json", "--limit", "0"], servers=("mariadb", "mongod")))
        for count in counts:
            taken[count].append(verified(folders[count], turn, count, expected, wrong))
        wait_until_quiet()
    mysql(f"DROP DATABASE {database}")
    diff = results.mid(taken["diff"], "wall")
    rows = [["`recon diff`", f"{diff:.1f} s", "1", f"{results.mid(taken['diff'], 'rss_mb'):.0f} MB", ""]]
    for count in counts:
        ratio = statistics.median(one.wall / other.wall for one, other in zip(taken[count], taken["diff"]))
        base = statistics.median(one.wall - other.wall for one, other in zip(taken[count], taken[counts[0]]))
        each = f"{base / count / given.records * 1e9:.1f} ns" if count else ""
        wall = results.mid(taken[count], "wall")
        rows.append([f"`recon verify`, {count:,} rules", f"{wall:.1f} s", f"{ratio:.1f}", f"{results.mid(taken[count], 'rss_mb'):.0f} MB", each])
    text = [
        "# Rules at speed",
        "",
        f"{given.records:,} records of MariaDB (legacy) and MongoDB (candidate), 10 columns, 0.1 % seeded faults; no decisions are written.",
        "",
        f"Machine: {results.machine()}; {measure.ENV['RECON_BENCH_BUILD']}.",
        "",
        results.table(["command", "wall", "× diff", "peak memory", "a rule and record"], rows),
        "",
        f"Each rule found exactly the records that it must: {results.verdict(wrong)}.",
        "",
        "What to expect: a thousand rules over a million records take up to 25 times the diff alone; a hundred up to 5 times.",
        "",
    ]
    Path(given.results).write_text("\n".join(text))
    say(f"written to {given.results}")
    if wrong:
        sys.exit("error: " + "; ".join(wrong))


main()
