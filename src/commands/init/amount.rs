//! Whether a column looks like an amount of money, from what it is called and how it is declared. Pure: it only says what is
//! asked and warned about, and never what is equal.

use crate::stores::{Column, ColumnKind};

/// Words that amounts are called by.
const MONEY: [&str; 53] = [
    "amount",
    "amounts",
    "amt",
    "balance",
    "bonus",
    "cash",
    "charge",
    "charges",
    "commission",
    "cost",
    "costs",
    "credit",
    "debit",
    "deduction",
    "deductions",
    "discount",
    "earning",
    "earnings",
    "eur",
    "fee",
    "fees",
    "gross",
    "income",
    "interest",
    "jpy",
    "krw",
    "loss",
    "margin",
    "money",
    "net",
    "paid",
    "payable",
    "payment",
    "payout",
    "price",
    "principal",
    "proceeds",
    "profit",
    "refund",
    "refunds",
    "revenue",
    "royalty",
    "salary",
    "settled",
    "settlement",
    "subtotal",
    "sum",
    "tax",
    "taxes",
    "total",
    "usd",
    "vat",
    "withheld",
];
/// The same in Korean, anywhere in the name.
const MONEY_KOREAN: [&str; 6] = ["금액", "액", "수수료", "세금", "이자", "원금"];
/// A name that ends so is of something else: `paid_at`, `fee_rate`, `payout_id`.
const OTHER: [&str; 30] = [
    "at", "by", "code", "cnt", "count", "counts", "currency", "date", "day", "days", "flag", "id", "index", "key",
    "memo", "method", "month", "name", "no", "note", "nr", "number", "on", "percent", "rate", "ratio", "status",
    "time", "type", "year",
];

/// A name's words, in small letters: `netAmount`, `NET_AMT`, `amount.net`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_small = false;
    for c in name.chars() {
        let is_end = !c.is_alphanumeric() || (c.is_uppercase() && before_is_small);
        if is_end {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        before_is_small = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether the name is of something that is no amount although it holds a number: an identifier, a rate, a point in time.
pub(super) fn is_other(name: &str) -> bool {
    words(name).last().is_some_and(|last| OTHER.contains(&last.as_str()))
}

/// Whether a column looks like an amount; `declared`: its table declares a decimal.
pub(super) fn looks(column: &Column, declared: bool) -> bool {
    let may_hold =
        matches!(column.kind, ColumnKind::Number | ColumnKind::Untyped | ColumnKind::Text | ColumnKind::Mixed);
    if !may_hold || is_other(&column.name) {
        return false;
    }
    let plain = |word: &str| MONEY.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()));
    let called = words(&column.name).iter().any(|word| plain(word))
        || MONEY_KOREAN.iter().any(|word| column.name.contains(word));
    called || declared
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColumnKind::{Instant, Number, Text};

    #[test]
    fn amounts_are_known_by_their_names_and_declarations() {
        let looks = |name: &str, kind, declared| super::looks(&Column { name: name.to_owned(), kind }, declared);
        for name in ["net", "NET_AMT", "netAmount", "amount.net", "total2", "지급액", "feeKRW", "tax_10"] {
            assert!(looks(name, Number, false), "{name}");
        }
        // A number that was saved as a text is one all the same.
        assert!(looks("net", Text, false));
        assert!(looks("x", Number, true));
        for name in ["plays", "magnet", "network", "paid_at", "feeRate", "payout_id", "count", "month"] {
            assert!(!looks(name, Number, false), "{name}");
        }
        assert!(!looks("fee_rate", Number, true));
        assert!(!looks("paid", Instant, false));
    }
}
