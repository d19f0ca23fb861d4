//! BSON: every type, Decimal128 at its edges, hostile and broken documents.

use mongodb::bson::{Bson, Decimal128, Document, doc, oid::ObjectId};
use proptest::prelude::*;

use super::super::amount::Amount;
use super::*;

fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().expect("encodes")
}

fn value_of(kind: u8, value: &[u8]) -> Value {
    let mut batch = Batch::new(1);
    let row = batch.start_row();
    let cell = bson_cell(&Element { kind, name: b"x", value }, &mut batch);
    batch.set(row, 0, cell);
    Value::of(batch.at(row, 0))
}

fn decimal(bytes: [u8; 16]) -> Amount {
    match value_of(0x13, &bytes) {
        Value::Number { amount, form: NumberForm::Decimal } => amount,
        other => panic!("{other:?}"),
    }
}

/// A document of one field, written by hand.
fn one(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.push(kind);
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.extend_from_slice(value);
    out.push(0);
    let len = (out.len() as u32).to_le_bytes();
    out[..4].copy_from_slice(&len);
    out
}

#[test]
fn decimal128_holds_its_edges() {
    let cases = [
        ("9999999999999999999999999999999999", "9999999999999999999999999999999999"),
        ("-9999999999999999999999999999999999", "-9999999999999999999999999999999999"),
        ("9.999999999999999999999999999999999E+6144", "9.999999999999999999999999999999999E+6144"),
        ("1E-6176", "1E-6176"),
        ("-1E-6176", "-1E-6176"),
        ("1E+6111", "1E+6111"),
        ("0E-6176", "0E-6176"),
        ("1.50", "1.50"),
        ("0.00", "0.00"),
        ("-0", "-0"),
        ("-0.00", "-0.00"),
        ("12345678901234567.89", "12345678901234567.89"),
        ("1000000000.000000000000000000000001", "1000000000.000000000000000000000001"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
    ];
    for (text, shown) in cases {
        let stored: Decimal128 = text.parse().expect(text);
        assert_eq!(decimal(stored.bytes()).to_string(), shown, "{text}");
    }
    assert!(decimal("-0.00".parse::<Decimal128>().expect("zero").bytes()).is_zero());
}

#[test]
fn decimal128_in_forms_that_are_not_canonical_is_zero() {
    // A coefficient above 34 digits in the first form.
    let exponent = 6176u128 << 113;
    let too_large = exponent | 10u128.pow(34);
    assert_eq!(decimal(too_large.to_le_bytes()).to_string(), "0");
    let largest = exponent | (10u128.pow(34) - 1);
    assert_eq!(decimal(largest.to_le_bytes()).to_string(), "9".repeat(34));
    // The second form, whose coefficients all lie above 34 digits.
    let second = (0b11u128 << 125) | (6176u128 << 111) | 5;
    assert_eq!(decimal(second.to_le_bytes()).to_string(), "0");
    assert_eq!(decimal((second | (1 << 127)).to_le_bytes()).to_string(), "-0");
    // NaN and infinities whose other bits are not zero.
    assert_eq!(decimal(((0b11111u128 << 122) | 77).to_le_bytes()).to_string(), "NaN");
    assert_eq!(decimal(((0b111111u128 << 122) | 77).to_le_bytes()).to_string(), "NaN");
    assert_eq!(decimal(((0b11110u128 << 122) | 77).to_le_bytes()).to_string(), "Infinity");
    assert_eq!(decimal(((0b111110u128 << 122) | 77).to_le_bytes()).to_string(), "-Infinity");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The crate's own text of a Decimal128 names the same value, whatever the bits.
    #[test]
    fn decimal128_agrees_with_the_crate(bits in any::<u128>(), form in 0u8..4) {
        // A quarter each: any bits, first form below 34 digits, ordinary money, near the limits.
        let exponent = (bits >> 113) & 0x3fff;
        let bits = match form {
            0 => bits,
            1 => ((exponent % 12288) << 113) | ((bits & ((1 << 113) - 1)) % 10u128.pow(34)) | (bits & (1 << 127)),
            2 => ((6176 - exponent % 8) << 113) | (bits % 10u128.pow(18)),
            _ => ((12287 - exponent % 3) << 113) | (10u128.pow(34) - 1 - bits % 3),
        };
        let theirs = Decimal128::from_bytes(bits.to_le_bytes()).to_string();
        let ours = decimal(bits.to_le_bytes());
        if bits >> 125 & 3 != 3 && bits & ((1 << 113) - 1) >= 10u128.pow(34) {
            // Not canonical: zero by the standard.
            prop_assert!(ours.is_zero());
        } else {
            let theirs = Amount::parse(&theirs).map_err(|e| TestCaseError::fail(format!("{theirs}: {e}")))?;
            prop_assert!(ours.same_value(&theirs), "{ours} {theirs}");
        }
    }

    /// No bytes whatever make the walker panic or run over.
    #[test]
    fn any_bytes_are_walked_safely(mut junk in proptest::collection::vec(any::<u8>(), 5..200), kinds in any::<[u8; 8]>()) {
        let len = junk.len();
        junk[..4].copy_from_slice(&(len as u32).to_le_bytes());
        junk[len - 1] = 0;
        for (at, kind) in kinds.iter().enumerate() {
            if let Some(byte) = junk.get_mut(4 + at * 9) {
                *byte = kind % 0x14;
            }
        }
        let _ = bson_value(&junk, false);
        let _ = bson_get(&junk, "a.b.0");
    }

    /// A document cut anywhere is an error, never a shorter document.
    #[test]
    fn a_cut_document_is_an_error(cut in 0usize..60) {
        let whole = bytes(&doc! { "a": 1, "text": "some text", "amount": { "net": 5i64 } });
        if cut < whole.len() {
            prop_assert!(Elements::of(&whole[..cut]).is_err());
        }
    }
}

#[test]
fn every_type_is_read() {
    let oid = ObjectId::parse_str("507f1f77bcf86cd799439011").expect("oid");
    let uuid = mongodb::bson::Uuid::parse_str("550e8400-e29b-41d4-a716-446655440000").expect("uuid");
    let document = doc! {
        "int32": -5i32, "int64": i64::MIN, "double": 0.1, "text": "po_2 ", "null": null, "bool": true, "oid": oid,
        "date": mongodb::bson::DateTime::from_millis(-1), "uuid": uuid,
        "bytes": mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes: vec![1, 255] },
        "old": mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::BinaryOld, bytes: vec![1, 2] },
        "document": { "b": 1, "a": [1, null] }, "symbol": Bson::Symbol("s".into()),
        "timestamp": mongodb::bson::Timestamp { time: 7, increment: 9 },
        "regex": mongodb::bson::Regex { pattern: "a".try_into().expect("cstr"), options: "i".try_into().expect("cstr") },
        "code": Bson::JavaScriptCode("1".into()),
        "scoped": Bson::JavaScriptCodeWithScope(mongodb::bson::JavaScriptCodeWithScope { code: "1".into(), scope: doc! {} }),
        "min": Bson::MinKey, "max": Bson::MaxKey, "undefined": Bson::Undefined,
    };
    let Value::Document(fields) = bson_value(&bytes(&document), false) else { panic!("not a document") };
    let shown = |name: &str| {
        let (_, value) = fields.iter().find(|(n, _)| n == name).expect(name);
        format!("{} {value}", value.type_name())
    };
    for (name, expected) in [
        ("int32", "integer -5"),
        ("int64", "integer -9223372036854775808"),
        ("double", "double 0.1"),
        ("text", "text po_2 "),
        ("null", "null NULL"),
        ("bool", "boolean true"),
        ("oid", "objectid 507f1f77bcf86cd799439011"),
        ("date", "instant 1969-12-31T23:59:59.999Z"),
        ("uuid", "uuid 550e8400-e29b-41d4-a716-446655440000"),
        ("bytes", "bytes 0x01ff"),
        ("old", "bytes 0x0102"),
        ("document", "document {\"b\":1,\"a\":[1,null]}"),
        ("symbol", "text s"),
        ("timestamp", "text Timestamp(7, 9)"),
        ("regex", "unknown (unknown: a BSON regular expression is not a value)"),
        ("code", "unknown (unknown: BSON code is not a value)"),
        ("scoped", "unknown (unknown: BSON code is not a value)"),
        ("min", "unknown (unknown: BSON MinKey is not a value)"),
        ("max", "unknown (unknown: BSON MaxKey is not a value)"),
        ("undefined", "unknown (unknown: BSON `undefined`, a type that is no longer in use)"),
    ] {
        assert_eq!(shown(name), expected);
    }
}

#[test]
fn what_is_broken_inside_a_value_is_unknown() {
    let unknown = |kind: u8, value: &[u8]| matches!(value_of(kind, value), Value::Unknown(_));
    assert!(unknown(0x02, b"\x02\0\0\0\xff\0"), "not UTF-8");
    assert!(unknown(0x02, b"\x02\0\0\0ab"), "no closing zero");
    assert!(unknown(0x02, b"\0\0\0\0"), "no room for the closing zero");
    assert!(!unknown(0x02, b"\x01\0\0\0\0"), "empty text");
    assert!(unknown(0x08, &[2]), "neither true nor false");
    assert!(unknown(0x05, b"\x05\0\0\0\x02\x09\0\0\0a"), "two lengths that disagree");
    assert!(unknown(0x03, &one(0x02, "a", b"\x09\0\0\0ab\0")), "a length beyond the document");
    assert!(unknown(0x03, &one(0x14, "a", &[])), "a type nobody knows");
    assert!(unknown(0x03, &one(0x03, "a", &[4, 0, 0, 0])), "a frame shorter than a frame");
}

#[test]
fn a_field_that_stands_twice_is_unknown() {
    let twice = bytes(&doc! { "a": 1, "b": 1 }).iter().map(|b| if *b == b'b' { b'a' } else { *b }).collect::<Vec<_>>();
    assert!(matches!(value_of(0x03, &twice), Value::Unknown(reason) if reason.contains("`a` stands twice")));
    assert_eq!(bson_get(&one(0x03, "x", &twice), "x.a").expect_err("twice"), BsonError::Twice("a".into()));
    let mut wide = Document::new();
    (0..100).for_each(|n| {
        wide.insert(format!("f{n:03}"), n);
    });
    let wide = bytes(&wide);
    assert!(matches!(value_of(0x03, &wide), Value::Document(fields) if fields.len() == 100));
    let at = wide.windows(4).position(|w| w == b"f099").expect("there");
    let mut changed = wide.clone();
    changed[at..at + 4].copy_from_slice(b"f007");
    assert!(matches!(value_of(0x03, &changed), Value::Unknown(_)));
}

#[test]
fn deep_nesting_is_bounded() {
    let nested = |levels: usize| (0..levels).fold(bytes(&doc! {}), |inner, _| one(0x03, "a", &inner));
    assert!(!bson_value(&nested(MAX_DEPTH - 1), false).to_string().contains("deeper"));
    let text = bson_value(&nested(MAX_DEPTH + 1), false).to_string();
    assert!(text.contains("nested deeper than 200 levels"), "{text}");
    // A file can nest far deeper than the stack is long.
    let text = bson_value(&nested(5_000), false).to_string();
    assert!(text.contains("nested deeper than 200 levels"));
}

#[test]
fn paths_find_fields_and_items() {
    let document = bytes(&doc! {
        "amount": { "net": 5, "tax.rate": 7 }, "a.b": 1, "a": { "b": 2, "c": 3 }, "due": [{ "on": 9 }, 4], "plain": 1, "nil": null
    });
    let get = |path: &str| bson_get(&document, path).map(|e| e.map(|e| e.value[0]));
    assert_eq!(get("amount.net"), Ok(Some(5)));
    assert_eq!(get("amount.tax.rate"), Ok(Some(7)));
    assert_eq!(get("a.b"), Ok(Some(1)), "a name with a dot comes before a path");
    assert_eq!(get("a.c"), Ok(Some(3)));
    assert_eq!(get("due.0.on"), Ok(Some(9)));
    assert_eq!(get("due.1"), Ok(Some(4)));
    assert_eq!(get("due.2"), Ok(None));
    assert_eq!(get("due.on"), Err(BsonError::Array("on".into())), "which item is not said");
    assert_eq!(get("plain.x"), Ok(None));
    assert_eq!(get("nil.x"), Ok(None));
    assert_eq!(get("nothing"), Ok(None));
}

#[test]
fn a_guess_changes_nothing_but_speed() {
    let document = bytes(&doc! { "a": 1, "ab": 2, "b": 3 });
    for guesses in [["a", "ab", "b"], ["", "a", "bb"], ["x", "abc", "b"]] {
        let mut elements = Elements::of(&document).expect("whole");
        let mut names = Vec::new();
        for guess in guesses {
            let element = elements
                .next_guessed(guess.as_bytes())
                .unwrap_or_else(|| elements.next().expect("there").expect("sound"));
            names.push((element.name.to_vec(), element.value[0]));
        }
        assert_eq!(names, [(b"a".to_vec(), 1), (b"ab".to_vec(), 2), (b"b".to_vec(), 3)]);
        assert!(elements.next_guessed(b"c").is_none() && elements.next().is_none());
    }
}

#[test]
fn the_short_way_into_a_cell_ends_where_the_long_one_does() {
    use mongodb::bson::{Bson, DateTime, Decimal128};
    let decimal = |text: &str| Bson::Decimal128(text.parse::<Decimal128>().expect("decimal"));
    let limit = format!("{}E+6111", "9".repeat(34));
    let values = [
        decimal("0"),
        decimal("-0"),
        decimal("0.000"),
        decimal("-0E+6111"),
        decimal("1"),
        decimal("-12.3400"),
        decimal("1E-6176"),
        decimal("-1E+6111"),
        decimal(&limit),
        decimal("NaN"),
        decimal("Infinity"),
        decimal("-Infinity"),
        Bson::Int32(i32::MIN),
        Bson::Int64(i64::MIN),
        Bson::Int64(7),
        Bson::Double(-0.0),
        Bson::Double(f64::NAN),
        Bson::String(String::new()),
        Bson::String("po_2 ".into()),
        Bson::String("\u{e9}\0x".into()),
        Bson::Null,
        Bson::DateTime(DateTime::from_millis(-1)),
        Bson::DateTime(DateTime::from_millis(i64::MAX)),
        Bson::Boolean(true),
        Bson::Undefined,
        Bson::Array(vec![]),
    ];
    let mut wide = bytes(&doc! { "v": decimal("1") });
    let at = wide.len() - 17;
    let mut documents: Vec<Vec<u8>> = values.into_iter().map(|value| bytes(&doc! { "v": value })).collect();
    // Coefficients of 10^34 and more, and the second form: both are zero by the standard.
    for high in [0x3041_ED09_BEAD_87C0_u64, 0xB041_FFFF_FFFF_FFFF, 0x6C11_0000_0000_0001, 0xEC11_0000_0000_0001] {
        wide[at..at + 8].copy_from_slice(&0x378D_8E64_0000_0000_u64.to_le_bytes());
        wide[at + 8..at + 16].copy_from_slice(&high.to_le_bytes());
        documents.push(wide.clone());
    }
    // Text that is not UTF-8, and one whose last byte is not zero.
    let mut text = bytes(&doc! { "v": "abc" });
    let end = text.len() - 2;
    text[end - 1] = 0xFF;
    documents.push(text.clone());
    text[end - 1] = b'c';
    text[end] = b'd';
    documents.push(text);
    for document in documents {
        let element = Elements::of(&document).expect("whole").next().expect("one").expect("sound");
        let guessed = Elements::of(&document).expect("whole").next_guessed(b"v");
        assert!(guessed.is_none_or(|g| (g.kind, g.name, g.value) == (element.kind, element.name, element.value)));
        let mut batches = [Batch::new(1), Batch::new(1)];
        let row = batches[0].start_row();
        bson_put(&element, &mut batches[0], row);
        let row = batches[1].start_row();
        let cell = bson_cell(&element, &mut batches[1]);
        batches[1].set(row, 0, cell);
        let [short, long] = batches.each_ref().map(|batch| format!("{:?} {:?}", batch.at(0, 0).cell, batch.arena()));
        assert_eq!(short, long, "{document:?}");
    }
}

#[test]
fn a_guess_is_not_taken_from_a_cut_document() {
    let whole = bytes(&doc! { "amount": Bson::Decimal128("1.5".parse().expect("decimal")), "note": "abc" });
    for cut in 5..whole.len() {
        let mut part = whole[..cut].to_vec();
        part[..4].copy_from_slice(&(cut as u32).to_le_bytes());
        part[cut - 1] = 0;
        let Ok(mut guessing) = Elements::of(&part) else { continue };
        let mut plain = guessing;
        for guess in ["amount", "note"] {
            let guessed = guessing.next_guessed(guess.as_bytes()).map(Ok).or_else(|| guessing.next());
            assert_eq!(format!("{guessed:?}"), format!("{:?}", plain.next()), "{cut} bytes");
        }
    }
}
