"""DuckDB on the same files.

duckdb_files.py parquet DIR                      makes legacy.parquet and candidate.parquet from the CSV files
duckdb_files.py join csv|parquet DIR OUTPUT      full outer join; what differs as JSON lines; prints the query's seconds

Each column has its declared type, so that CSV is parsed once and amounts compare as decimals.
"""

import sys
import time

import duckdb

TYPES = {
    "id": "BIGINT",
    "investor": "VARCHAR",
    **{amount: "DECIMAL(18,4)" for amount in ("principal", "interest", "fee", "net")},
    "status": "VARCHAR",
    "updated": "TIMESTAMP",
    "units": "INTEGER",
    "memo": "VARCHAR",
}


def source(directory, side, kind):
    path = f"{directory}/{side}.{kind}"
    return f"read_csv('{path}', header = true, columns = {TYPES})" if kind == "csv" else f"'{path}'"


def parquet(directory):
    for side in ("legacy", "candidate"):
        # In file order, which is key order.
        duckdb.sql(f"COPY (SELECT * FROM {source(directory, side, 'csv')}) TO '{directory}/{side}.parquet' (FORMAT parquet)")


def join(kind, directory, output):
    columns = [column for column in TYPES if column != "id"]
    differs = " OR ".join(f"l.{column} IS DISTINCT FROM c.{column}" for column in columns)
    started = time.perf_counter()
    duckdb.sql(
        f"""COPY (
            SELECT coalesce(l.id, c.id)::VARCHAR AS id,
                   CASE WHEN c.id IS NULL THEN 'legacy_only' WHEN l.id IS NULL THEN 'candidate_only'
                        ELSE 'mismatch' END AS kind
            FROM {source(directory, 'legacy', kind)} l
            FULL OUTER JOIN {source(directory, 'candidate', kind)} c ON l.id = c.id
            WHERE l.id IS NULL OR c.id IS NULL OR {differs}
        ) TO '{output}' (FORMAT json)"""
    )
    print(time.perf_counter() - started)


if __name__ == "__main__":
    {"parquet": parquet, "join": join}[sys.argv[1]](*sys.argv[2:])
