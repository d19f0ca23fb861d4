//! Values and names that look like personal data. Guesses only, and rather too many than too few: a field that is none is
//! ruled with `keep`. Must not keep or show a value.

use crate::domain::Value;

use super::folded::plain;
use super::numbers;

/// What something looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Looks {
    /// By the name of the field.
    Named,
    /// A date, by the name of the field: there is no mask for it but to leave it out.
    Birth,
    /// A document whose fields have names as people have.
    Fields,
    /// An address for mail.
    Email,
    /// A telephone number.
    Phone,
    /// The number of a payment card, with its check digit.
    Card,
    /// An IBAN, with its check digits.
    Iban,
    /// The number of a resident registration: six digits, a dash, seven.
    Resident,
    /// Groups of digits with dashes, as account numbers are written.
    Account,
}

impl Looks {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Looks::Named | Looks::Birth => "has a name like personal data",
            Looks::Fields => "has fields that are named as people are",
            Looks::Email => "holds what looks like an e-mail address",
            Looks::Phone => "holds what looks like a telephone number",
            Looks::Card => "holds what looks like a card number",
            Looks::Iban => "holds what looks like an IBAN",
            Looks::Resident => "holds what looks like a resident registration number",
            Looks::Account => "holds what looks like an account number",
        }
    }

    /// The mask that would do.
    pub fn mask(self, field: &str) -> &'static str {
        match self {
            Looks::Email => "email",
            Looks::Birth => "drop",
            Looks::Fields => "name",
            Looks::Phone | Looks::Card | Looks::Iban | Looks::Resident | Looks::Account => "digits",
            Looks::Named => {
                let words = words(field);
                let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
                match () {
                    () if has(&["email", "mail"]) => "email",
                    () if words.iter().any(|word| is_of(DIGITS, word) || IDENTITY.contains(&word.as_str())) => "digits",
                    () if has(&["address", "addr", "street", "memo"]) || words.iter().any(|word| is_birth(word)) => {
                        "text"
                    }
                    () => "name",
                }
            }
        }
    }
}

/// Words of names whose values are written with digits.
const DIGITS: &[&str] = &[
    "phone",
    "mobile",
    "tel",
    "telephone",
    "fax",
    "cell",
    "account",
    "acct",
    "iban",
    "card",
    "ssn",
    "rrn",
    "passport",
    "pan",
    "resident",
    "license",
    "전화",
    "휴대폰",
    "계좌",
    "카드",
];
/// Words of names whose values are personal.
const NAMES: &[&str] = &[
    "name",
    "names",
    "firstname",
    "lastname",
    "fullname",
    "surname",
    "username",
    "nickname",
    "holder",
    "owner",
    "payee",
    "payer",
    "beneficiary",
    "customer",
    "recipient",
    "guardian",
    "spouse",
    "heir",
    "nominee",
    "depositor",
    "remitter",
    "sender",
    "receiver",
    "email",
    "mail",
    "address",
    "addr",
    "street",
    "이름",
    "성명",
    "예금주",
    "주소",
    "보호자",
    "수취인",
    "이메일",
];

/// The words of a field's own name: `bankAccount_no` is bank, account, no.
fn words(field: &str) -> Vec<String> {
    let own = field.rsplit('.').next().unwrap_or(field);
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in own.chars() {
        if !c.is_alphanumeric() || (lower && c.is_uppercase()) {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Words of what tells one person from all others, whatever stands behind them: `passport_id`, `national_id`.
const IDENTITY: &[&str] =
    &["passport", "national", "resident", "citizen", "ssn", "rrn", "license", "licence", "pan", "iban"];
/// Words of a date of birth.
const BIRTH: &[&str] = &["birth", "birthday", "birthdate", "dob", "born", "dateofbirth", "생년월일", "생일"];

fn is_birth(word: &str) -> bool {
    BIRTH.iter().any(|known| word == *known || !known.is_ascii() && word.contains(known))
}

/// Whether a word is one of these: with a number behind it, run together with what it is (`phoneno`, `holdername`), or at the
/// end of another (`homephone`). 예금주명, 휴대폰번호: others run together too.
fn is_of(known: &[&str], word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = ["number", "name", "num", "nbr", "no", "nm"].iter().find_map(|end| word.strip_suffix(end));
    let end = ["phone", "email", "address", "account"].iter().any(|end| known.contains(end) && word.ends_with(end));
    let inside = known.iter().any(|known| !known.is_ascii() && word.contains(known));
    known.contains(&word) || stem.is_some_and(|stem| known.contains(&stem)) || end || inside
}

/// Whether a field is named like personal data: `holder_name`, `phone2`, `customer.birthDate`. A number that only tells one
/// from another (`account_id`) is not.
pub fn named(field: &str) -> bool {
    let words = words(field);
    let last = words.last().map_or("", String::as_str);
    if ["id", "code"].contains(&last) && words.iter().any(|word| IDENTITY.contains(&word.as_str())) {
        return true;
    }
    if ["id", "uuid", "guid", "type", "kind", "code", "status", "count"].contains(&last) {
        return false;
    }
    words.iter().any(|word| is_of(NAMES, word) || is_of(DIGITS, word) || is_birth(word))
}

/// What a field of this name and with this value looks like; `None` for nothing personal. Field names inside documents are
/// looked at with [`field_name`].
pub fn looks(field: &str, value: &Value) -> Option<Looks> {
    let born = || words(field).iter().any(|word| is_birth(word));
    match value {
        Value::Text { text, .. } => content(text).or_else(|| {
            let says = text.chars().any(char::is_alphanumeric) && named(field);
            says.then_some(Looks::Named)
        }),
        // Amounts and numbers of records are no text; the number of an account or telephone may be held as one.
        Value::Number { amount, .. } if amount.is_integral() => {
            let digits = amount.to_string().chars().filter(char::is_ascii_digit).count();
            let words = words(field);
            // The balance of an account is an amount, however many digits it has.
            let sum = words.iter().any(|word| AMOUNTS.contains(&word.as_str()));
            let number = digits >= 8 && !sum && words.iter().any(|word| is_of(DIGITS, word)) && named(field);
            (number || digits >= 6 && born()).then_some(Looks::Named)
        }
        // The day of a sale is no personal data, whoever's it is.
        Value::Date(_) | Value::Instant { .. } => born().then_some(Looks::Birth),
        Value::Bytes(bytes) => (!bytes.is_empty() && named(field)).then_some(Looks::Named),
        Value::Uuid(_) => named(field).then_some(Looks::Named),
        _ => None,
    }
}

/// Words of amounts.
const AMOUNTS: &[&str] =
    &["amount", "balance", "fee", "gross", "interest", "limit", "net", "price", "sum", "tax", "total", "value"];

/// Words of fields that have blanks in their names and are no people: `Sale Date`.
const ORDINARY: &[&str] = &[
    "account", "amount", "balance", "code", "count", "currency", "date", "day", "email", "fee", "id", "kind", "month",
    "name", "net", "no", "number", "of", "per", "phone", "price", "quantity", "rate", "status", "sum", "tax", "time",
    "total", "type", "unit", "value", "year",
];

/// What the name of a field looks like, where documents are kept under somebody's number, address or name.
pub fn field_name(name: &str) -> Option<Looks> {
    content(name).or_else(|| {
        let name = plain(name);
        let words: Vec<&str> = name.split_whitespace().collect();
        let letters = |word: &&str| word.chars().all(|c| c.is_alphabetic() || ".'-".contains(c));
        let ordinary = |word: &&str| ORDINARY.contains(&word.to_lowercase().as_str());
        let person = (2..=5).contains(&words.len()) && words.iter().all(letters) && !words.iter().any(ordinary);
        person.then_some(Looks::Fields)
    })
}

/// What a text looks like, whatever it is called.
pub fn content(text: &str) -> Option<Looks> {
    let text = plain(text);
    is_email(&text).then_some(Looks::Email).or_else(|| numbers::looks(&text))
}

fn is_email(text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    text.match_indices('@').any(|(at, _)| {
        let host = text[at + 1..].split(|c: char| !word(c)).next().unwrap_or_default();
        let top = host.rsplit('.').next().unwrap_or_default();
        text[..at].ends_with(word) && host.contains('.') && top.len() >= 2 && top.chars().all(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_personal_is_seen_and_what_does_not_is_left() {
        for (text, looks) in [
            ("kim@example.com", Looks::Email),
            ("write to Kim.Minsu+x@mail.example.co.kr today", Looks::Email),
            ("010-1234-5678", Looks::Phone),
            ("01012345678", Looks::Phone),
            ("+82 10 1234 5678", Looks::Phone),
            ("(02) 123-4567", Looks::Phone),
            ("call 02-1234-5678.", Looks::Phone),
            ("4111 1111 1111 1111", Looks::Card),
            ("4111111111111111", Looks::Card),
            ("5500-0000-0000-0004", Looks::Card),
            ("DE89370400440532013000", Looks::Iban),
            ("GB82 WEST 1234 5698 7654 32", Looks::Iban),
            ("900101-1234567", Looks::Resident),
            ("110-234-567890", Looks::Account),
            ("KB 123456-01-123456", Looks::Account),
            ("０１０－９８７６－５４３２", Looks::Phone),
            ("010\u{2011}9876\u{2013}5432", Looks::Phone),
            ("010·9876·5432", Looks::Phone),
            ("010\u{a0}9876\u{200b} 5432", Looks::Phone),
            ("kim＠example.com", Looks::Email),
        ] {
            assert_eq!(content(text), Some(looks), "{text}");
        }
        for text in [
            "2026-11-05",
            "2026-11-05 22:00:00",
            "2026-11-05T22:00:00Z",
            "card",
            "KRW",
            "1000.00",
            "12345678",
            "a-b-c",
            "@",
            "a@b",
            "4111111111111112",
            "DE89370400440532013001",
            "12-34",
            "1,234,567.89",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(content(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_fields() {
        for field in [
            "name",
            "holder_name",
            "bankAccountNo",
            "investor.phone",
            "phone2",
            "e_mail",
            "customerBirthDate",
            "예금주명",
            "HOLDER",
            "phoneno",
            "accountNo",
            "accountno",
            "telno",
            "homephone",
            "holdername",
            "passport_id",
            "national_id",
            "dateofbirth",
            "생년월일",
        ] {
            assert!(named(field), "{field}");
        }
        for field in [
            "amount",
            "holder_id",
            "account_type",
            "filename",
            "methods",
            "currency",
            "memo",
            "name.length",
            "customer_uuid",
            "code",
            "product_code",
            "kino",
            "casino",
        ] {
            assert!(!named(field), "{field}");
        }
        let text = |text: &str| Value::Text { text: text.into(), untyped: false };
        assert_eq!(looks("holder", &text("x")), Some(Looks::Named));
        assert_eq!(looks("holder", &text("")), None);
        assert_eq!(looks("account_no", &Value::from_json("11023456789")), Some(Looks::Named));
        assert_eq!(looks("account_no", &Value::from_json("17")), None);
        assert_eq!(looks("amount", &Value::from_json("11023456789")), None);
        assert_eq!(looks("account_balance", &Value::from_json("120000000")), None);
        assert_eq!(Looks::Named.mask("phone_no"), "digits");
        assert_eq!(Looks::Named.mask("holder"), "name");
        assert_eq!(Looks::Named.mask("telno"), "digits");
        for (field, json, found) in [
            ("birth_date", r#"{"$date":"1990-01-05T00:00:00Z"}"#, Some(Looks::Birth)),
            ("sold_at", r#"{"$date":"1990-01-05T00:00:00Z"}"#, None),
            ("customer_since", r#"{"$date":"1990-01-05T00:00:00Z"}"#, None),
            ("dob", "19900105", Some(Looks::Named)),
            ("birth_year", "1990", None),
            ("phone", r#"{"$uuid":"550e8400-e29b-41d4-a716-446655440000"}"#, Some(Looks::Named)),
            ("customer_id", r#"{"$uuid":"550e8400-e29b-41d4-a716-446655440000"}"#, None),
        ] {
            assert_eq!(looks(field, &Value::from_json(json)), found, "{field}");
        }
        assert_eq!(looks("birth_date", &Value::Date(7000)), Some(Looks::Birth));
        assert_eq!(looks("home_address", &Value::Bytes(vec![1])), Some(Looks::Named));
        assert_eq!(looks("seal", &Value::Bytes(vec![1])), None);
    }

    #[test]
    fn names_of_fields_that_are_somebodys() {
        for (name, looks) in [
            ("010-7777-0001", Looks::Phone),
            ("hong@example.com", Looks::Email),
            ("Hong Gildong", Looks::Fields),
            ("홍 길동", Looks::Fields),
        ] {
            assert_eq!(field_name(name), Some(looks), "{name}");
        }
        for name in ["phone", "2026-11-05", "Sale Date", "unit price", "KRW", "예금주명", "a_b", "1", "line 2"] {
            assert_eq!(field_name(name), None, "{name}");
        }
    }
}
