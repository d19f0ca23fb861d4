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
            Looks::Named => "has a name like personal data",
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
            Looks::Phone | Looks::Card | Looks::Iban | Looks::Resident | Looks::Account => "digits",
            Looks::Named => {
                let words = words(field);
                let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
                match () {
                    () if has(&["email", "mail"]) => "email",
                    () if has(DIGITS) => "digits",
                    () if has(&["address", "addr", "street", "memo", "birth", "birthday", "birthdate", "dob"]) => {
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
    "email",
    "mail",
    "address",
    "addr",
    "street",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "이름",
    "성명",
    "예금주",
    "주소",
    "생년월일",
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

/// Whether a field is named like personal data: `holder_name`, `phone2`, `customer.birthDate`. A number that only tells one
/// from another (`account_id`) is not.
pub fn named(field: &str) -> bool {
    let words = words(field);
    if words.last().is_some_and(|last| ["id", "type", "kind", "code", "status", "count"].contains(&last.as_str())) {
        return false;
    }
    let known = |word: &String| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        NAMES.contains(&word) || DIGITS.contains(&word)
    };
    // 예금주명, 휴대폰번호: words run together.
    let inside = |word: &String| DIGITS.iter().chain(NAMES).any(|known| !known.is_ascii() && word.contains(known));
    words.iter().any(|word| known(word) || inside(word))
}

/// What a field of this name and with this value looks like; `None` for nothing personal. Field names inside documents are
/// the caller's to go through.
pub fn looks(field: &str, value: &Value) -> Option<Looks> {
    match value {
        Value::Text { text, .. } => content(text).or_else(|| {
            let says = text.chars().any(char::is_alphanumeric) && named(field);
            says.then_some(Looks::Named)
        }),
        // Amounts and numbers of records are no text; the number of an account or telephone may be held as one.
        Value::Number { amount, .. } if amount.is_integral() => {
            let digits: Vec<u32> = amount.to_string().chars().filter_map(|c| c.to_digit(10)).collect();
            let long =
                digits.len() >= 8 && words(field).iter().any(|word| DIGITS.contains(&word.as_str())) && named(field);
            long.then_some(Looks::Named)
        }
        _ => None,
    }
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
        ] {
            assert!(named(field), "{field}");
        }
        for field in ["amount", "holder_id", "account_type", "filename", "methods", "currency", "memo", "name.length"] {
            assert!(!named(field), "{field}");
        }
        let text = |text: &str| Value::Text { text: text.into(), untyped: false };
        assert_eq!(looks("holder", &text("x")), Some(Looks::Named));
        assert_eq!(looks("holder", &text("")), None);
        assert_eq!(looks("account_no", &Value::from_json("11023456789")), Some(Looks::Named));
        assert_eq!(looks("account_no", &Value::from_json("17")), None);
        assert_eq!(looks("amount", &Value::from_json("11023456789")), None);
        assert_eq!(Looks::Named.mask("phone_no"), "digits");
        assert_eq!(Looks::Named.mask("holder"), "name");
    }
}
