"""Today's practice, as teams write it by hand: read both sides into pandas, join, compare column by column.

pandas_diff.py MYSQL_PORT MONGODB_URL DATABASE OUTPUT writes what it found as JSON lines. Amounts stay Decimal,
and a missing field counts as NULL: it is meant to be right, as far as a script of this size is.
"""

import json
import sys

import pandas
import pymongo
import pymysql

AMOUNTS = ["principal", "interest", "fee", "net"]
COLUMNS = ["investor", *AMOUNTS, "status", "updated", "units", "memo"]


def legacy(port, database):
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", database=database)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM settlement")
        return pandas.DataFrame(list(cursor.fetchall()), columns=[column[0] for column in cursor.description])


def candidate(url, database):
    frame = pandas.DataFrame(list(pymongo.MongoClient(url)[database].settlement.find()))
    for amount in AMOUNTS:
        frame[amount] = frame[amount].map(lambda value: value.to_decimal())
    return frame.rename(columns={"_id": "id"})


def main(port, url, database, output):
    sides = legacy(int(port), database).merge(
        candidate(url, database), on="id", how="outer", suffixes=("_legacy", "_candidate"), indicator=True
    )
    with open(output, "w") as found:
        for kind, side in (("legacy_only", "left_only"), ("candidate_only", "right_only")):
            for key in sides.loc[sides["_merge"] == side, "id"]:
                found.write(json.dumps({"id": str(key), "kind": kind}) + "\n")
        both = sides[sides["_merge"] == "both"]
        differing = {}
        for column in COLUMNS:
            left, right = both[f"{column}_legacy"], both[f"{column}_candidate"]
            differs = (left != right) & ~(left.isna() & right.isna())
            for key in both.loc[differs, "id"]:
                differing.setdefault(key, []).append(column)
        for key, columns in differing.items():
            found.write(json.dumps({"id": str(key), "kind": "mismatch", "columns": columns}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
