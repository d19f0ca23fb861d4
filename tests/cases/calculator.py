"""The merchant settlement once more, as a program that can be edited: the rules of fixtures/merchant/README.md.

The shipped cases must hold for it as they do for `recon calculator`, and must notice when a rule is broken.
"""
import json
import os
import sys
from datetime import date, timedelta
from fractions import Fraction

with open(os.environ["RECON_INPUT_HOLIDAYS"]) as lines:
    HOLIDAYS = {json.loads(line)["holiday"] for line in lines}


def half_up(value):
    return (value * 2 + 1) // 2


def settlement_day(day, days):
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < 5 and day.isoformat() not in HOLIDAYS:
            days -= 1
    return day


def settle(record):
    amount = Fraction(record["amount"])
    is_sale = record["kind"] == "sale"
    sale = amount if is_sale else Fraction(record["original_amount"])
    before = Fraction(0) if is_sale else Fraction(record["cancelled_before"])
    if before + amount > sale:
        raise ValueError("more is cancelled than was sold")
    amount_krw = half_up(sale * Fraction(record["fx_rate"]))
    fee = max(half_up(amount_krw * Fraction(record["rate"])), int(record["min_fee"]))
    vat = fee // 10
    if not is_sale:
        def part(whole):
            return -(half_up(whole * (before + amount) / sale) - half_up(whole * before / sale))
        amount_krw, fee, vat = part(amount_krw), part(fee), part(vat)
    day = settlement_day(date.fromisoformat(record["trade_day"]), int(record["settle_days"]))
    return {"amount_krw": str(amount_krw), "fee": str(fee), "vat": str(vat),
            "net": str(amount_krw - fee - vat), "settlement_day": day.isoformat()}


for line in sys.stdin:
    record = json.loads(line)
    answer = {"transaction_id": record["transaction_id"]}
    try:
        answer.update(settle(record))
    except Exception as error:
        answer["error"] = str(error)
    print(json.dumps(answer))
