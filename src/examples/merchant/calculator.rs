//! The new settlement program of the example, as a team would write it: one transaction in, one outcome out. It is run
//! as a program ([`run_stdio`]) or as a service ([`serve`]).
//!
//! It stands for somebody else's code, so it shares nothing with recon's own arithmetic: decimals are read from text
//! into 128-bit integers, every operation is checked, and what cannot be computed exactly is an error of that record.
//! Must not read stores or keep anything between records but the holidays.

mod exact;
mod service;

use std::collections::HashSet;
use std::io::{self, BufRead, Write};

use serde_json::{Map, Value, json};

use self::exact::{Decimal, divide_half_up};
pub use self::service::serve;
use crate::domain::{format_date, parse_date};

/// Names the file of holidays: one JSON object a line, with `"holiday": "2026-10-05"`.
pub const HOLIDAYS_VARIABLE: &str = "RECON_INPUT_HOLIDAYS";

/// Days on which nothing is settled, besides Saturdays and Sundays. In days since 1970-01-01.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays(HashSet<i32>);

impl Holidays {
    /// Reads one JSON object a line.
    ///
    /// # Errors
    /// When a line is no such object.
    pub fn from_lines(lines: impl BufRead) -> io::Result<Holidays> {
        let mut rows = Vec::new();
        for line in lines.lines() {
            let line = line?;
            if !line.trim().is_empty() {
                rows.push(serde_json::from_str(&line).map_err(|e| invalid(format!("a holiday is no JSON: {e}")))?);
            }
        }
        Holidays::from_rows(&rows).map_err(invalid)
    }

    /// Takes the field `holiday` of each object.
    ///
    /// # Errors
    /// Which one has no day.
    pub fn from_rows(rows: &[Value]) -> Result<Holidays, String> {
        let day = |row: &Value| {
            let day = row.get("holiday").and_then(Value::as_str).and_then(parse_date);
            day.ok_or_else(|| format!("a holiday without a day (`\"holiday\": \"2026-10-05\"`): {row}"))
        };
        Ok(Holidays(rows.iter().map(day).collect::<Result<_, _>>()?))
    }

    /// The day that lies `business_days` business days after `day`.
    fn after(&self, day: i32, business_days: u32) -> Result<i32, String> {
        let mut day = day;
        let mut left = business_days;
        while left > 0 {
            day = day.checked_add(1).ok_or("the settlement day is out of range")?;
            // 1970-01-01 was a Thursday.
            let weekend = matches!((i64::from(day) + 4).rem_euclid(7), 0 | 6);
            if !weekend && !self.0.contains(&day) {
                left -= 1;
            }
        }
        Ok(day)
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Settles one record. The answer has its `transaction_id` and either the outcome or `error`.
pub fn answer(record: &Value, holidays: &Holidays) -> Value {
    let Some(fields) = record.as_object() else {
        return json!({"error": "a record is a JSON object"});
    };
    let key = fields.get("transaction_id").cloned().unwrap_or(Value::Null);
    match settle(fields, holidays) {
        Ok(outcome) => json!({
            "transaction_id": key,
            "amount_krw": outcome.amount_krw.to_string(),
            "fee": outcome.fee.to_string(),
            "vat": outcome.vat.to_string(),
            "net": outcome.net.to_string(),
            "settlement_day": format_date(outcome.settlement_day),
        }),
        Err(error) => json!({"transaction_id": key, "error": error}),
    }
}

/// What a transaction comes to, in whole won; negative for a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    amount_krw: i128,
    fee: i128,
    vat: i128,
    net: i128,
    settlement_day: i32,
}

fn settle(record: &Map<String, Value>, holidays: &Holidays) -> Result<Outcome, String> {
    let kind = text(record, "kind")?;
    let amount = decimal(record, "amount")?;
    let trade_day = text(record, "trade_day")?;
    let trade_day = parse_date(trade_day).ok_or_else(|| format!("`trade_day` is no day: {trade_day}"))?;
    let settle_days = count(record, "settle_days")?;
    // What part of the sale this is, in cumulated amounts: all of it for the sale itself.
    let (sale, before, after) = match kind {
        "sale" => (amount, None, amount),
        "cancel" | "partial_cancel" => {
            let before = decimal(record, "cancelled_before")?;
            (decimal(record, "original_amount")?, Some(before), before.plus(amount)?)
        }
        other => return Err(format!("`kind` is neither sale, cancel nor partial_cancel: {other}")),
    };
    for (name, part) in [("amount", Some(amount)), ("cancelled_before", before)] {
        if part.is_some_and(Decimal::is_negative) {
            return Err(format!("`{name}` is negative"));
        }
    }
    if after.above(sale)? {
        return Err("more is cancelled than was sold".to_owned());
    }

    // The sale, at its own day's rate and its own contract.
    let amount_krw = sale.times(decimal(record, "fx_rate")?)?.round_half_up()?;
    let fee = Decimal::whole(amount_krw).times(decimal(record, "rate")?)?.round_half_up()?;
    let fee = fee.max(decimal(record, "min_fee")?.to_whole().ok_or("`min_fee` is not in whole won")?);
    let vat = Decimal::whole(fee).times(Decimal::new(10, 2))?.floor()?;

    let (amount_krw, fee, vat) = match before {
        None => (amount_krw, fee, vat),
        Some(before) => {
            let reversed = |whole: i128| -> Result<i128, String> {
                let part = |of: Decimal| divide_half_up(Decimal::whole(whole).times(of)?, sale);
                Ok(-(part(after)? - part(before)?))
            };
            (reversed(amount_krw)?, reversed(fee)?, reversed(vat)?)
        }
    };
    let settlement_day = holidays.after(trade_day, settle_days)?;
    Ok(Outcome { amount_krw, fee, vat, net: amount_krw - fee - vat, settlement_day })
}

fn text<'a>(record: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match record.get(name) {
        None | Some(Value::Null) => Err(format!("`{name}` is missing")),
        Some(value) => value.as_str().ok_or_else(|| format!("`{name}` is no text: {value}")),
    }
}

/// A decimal stands as text, an integer as a number. A number with a fraction has been through binary floating point.
fn decimal(record: &Map<String, Value>, name: &str) -> Result<Decimal, String> {
    match record.get(name) {
        None | Some(Value::Null) => Err(format!("`{name}` is missing")),
        Some(Value::String(digits)) => {
            Decimal::parse(digits).ok_or_else(|| format!("`{name}` is no decimal: {digits}"))
        }
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Decimal::parse(&number.to_string()).ok_or_else(|| format!("`{name}` is out of range: {number}"))
        }
        Some(other) => Err(format!("`{name}` must be a text of digits or an integer: {other}")),
    }
}

/// Business days: from 0 to 1,000.
fn count(record: &Map<String, Value>, name: &str) -> Result<u32, String> {
    let whole = decimal(record, name)?.to_whole().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 1_000);
    whole.ok_or_else(|| format!("`{name}` is no number of days from 0 to 1000"))
}

/// Settles one record a line, in their order; the holidays come from the file that [`HOLIDAYS_VARIABLE`] names.
///
/// # Errors
/// When the holidays cannot be read, or input or output fail. A record that cannot be settled is answered with `error`.
pub fn run_stdio(input: impl BufRead, output: impl Write) -> io::Result<()> {
    let path = std::env::var_os(HOLIDAYS_VARIABLE)
        .ok_or_else(|| invalid(format!("{HOLIDAYS_VARIABLE} is not set: it names the file of holidays")))?;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = std::fs::File::open(&path).map_err(named)?;
    let holidays = Holidays::from_lines(io::BufReader::new(file)).map_err(named)?;
    settle_lines(input, output, &holidays)
}

/// [`run_stdio`] with the holidays given.
///
/// # Errors
/// When input or output fail.
pub fn settle_lines(input: impl BufRead, output: impl Write, holidays: &Holidays) -> io::Result<()> {
    let mut output = io::BufWriter::new(output);
    for line in input.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(record) => answer(&record, holidays),
            Err(error) => json!({"error": format!("a line is no JSON: {error}")}),
        };
        writeln!(output, "{answer}")?;
    }
    output.flush()
}
