//! The functions that every record goes through, one by one: `cargo bench --bench hot`. No test asserts a time; this is
//! for whoever changes one of them.
#![allow(clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mongodb::bson::{Bson, Decimal128, doc};
use recon::domain::rule::{Reference, RuleSet, Scope, Truth, parse};
use recon::domain::{
    Amount, Batch, Cell, Elements, NumberForm, Rules, Total, bson_put, compare_cells, plain_literal, same_cells,
};

/// Amounts as stores send them: short, with trailing zeros, at the edge of 128 bits, and beyond.
const AMOUNTS: [&str; 6] =
    ["10.50", "-0.0001", "1234567890.1200", "99999999999999.9999", "0", "12345678901234567890123456789012345678"];
const WIDE: &str = "-123456789012345678901234567890123456789012345678901234567890.12345";

fn amounts(c: &mut Criterion) {
    let mut group = c.benchmark_group("amount");
    group.throughput(Throughput::Elements(AMOUNTS.len() as u64));
    group.bench_function("plain_literal", |b| {
        b.iter(|| AMOUNTS.map(|text| plain_literal(black_box(text.as_bytes()))));
    });
    group.bench_function("parse", |b| b.iter(|| AMOUNTS.map(|text| Amount::parse(black_box(text)).ok())));
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse_wide", |b| b.iter(|| Amount::parse(black_box(WIDE)).ok()));
    group.bench_function("total_add", |b| {
        let mut total = Total::default();
        b.iter(|| total.add_small(black_box(123_456), black_box(4)));
    });
    group.finish();
}

/// Two records of one shape: a key, four amounts, two texts, an instant.
fn record(net: i128) -> Batch {
    let mut batch = Batch::new(8);
    let row = batch.start_row();
    batch.set(row, 0, Cell::Number { coefficient: 4711, scale: 0, form: NumberForm::Integer });
    for column in 1..5 {
        batch.set(row, column, Cell::Number { coefficient: net, scale: 4, form: NumberForm::Decimal });
    }
    for (column, text) in [(5, "KRW"), (6, "settled by the nightly run")] {
        let span = batch.store(text.as_bytes());
        batch.set(row, column, Cell::Text(span));
    }
    batch.set(row, 7, Cell::Instant { nanos: 1_762_000_000_000_000_000, digits: 6 });
    batch
}

fn records(c: &mut Criterion) {
    let (legacy, same, other) = (record(105_000), record(105_000), record(105_001));
    let rules = Rules::default();
    let mut group = c.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    group.bench_function("the_same_at_a_glance", |b| {
        b.iter(|| {
            let (one, two) = (black_box(&legacy), black_box(&same));
            let cells = one.row(0).iter().zip(two.row(0));
            cells.filter(|(a, b)| same_cells(a, one.arena(), b, two.arena())).count()
        });
    });
    group.bench_function("compared_cell_by_cell", |b| {
        b.iter(|| {
            (0..8).map(|at| compare_cells(legacy.at(0, at), black_box(&other).at(0, at), &rules)).collect::<Vec<_>>()
        });
    });
    group.finish();
}

fn documents(c: &mut Criterion) {
    let decimal = |text: &str| Bson::Decimal128(text.parse::<Decimal128>().expect("a decimal"));
    let document = doc! {
        "_id": 4711_i64, "investor": "inv-4711", "principal": decimal("1234567.8900"), "interest": decimal("12.3400"),
        "fee": decimal("0.0100"), "net": decimal("1234580.2200"), "status": "paid", "units": 12_i32,
        "updated": mongodb::bson::DateTime::from_millis(1_762_000_000_000), "memo": Bson::Null,
    };
    let bytes = document.to_vec().expect("a document");
    let mut group = c.benchmark_group("bson");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("walk_and_decode", |b| {
        let mut batch = Batch::new(10);
        b.iter(|| {
            batch.reset(10);
            let row = batch.start_row();
            for (column, element) in Elements::of(black_box(&bytes)).expect("a frame").enumerate() {
                let place = batch.place(row, column);
                bson_put(&element.expect("an element"), &mut batch, place);
            }
            batch.rows()
        });
    });
    group.finish();
}

const FORMS: [&str; 5] =
    ["amount_and_literal", "two_amounts", "text_and_amount", "shared_arithmetic", "own_arithmetic"];

/// The text of one of a thousand rules of a form.
fn rule_text(form: &str, at: usize) -> String {
    let columns = ["net", "fee", "tax", "interest"];
    let (column, other) = (columns[at % 4], columns[at / 4 % 4]);
    match form {
        "amount_and_literal" => format!(r#"{{"gt":["legacy.{column}",{}.5]}}"#, 900_000 + at),
        "two_amounts" => format!(r#"{{"gt":["legacy.{column}","candidate.{other}"]}}"#),
        "text_and_amount" => {
            let kind = r#"{"eq":["record.kind",{"text":"mismatch"}]}"#;
            format!(r#"{{"all":[{kind},{{"lt":["legacy.{column}",{at}]}}]}}"#)
        }
        "shared_arithmetic" => {
            let tax = r#"{"round":{"percent":[14,"legacy.interest"]},"scale":0,"mode":"down"}"#;
            format!(r#"{{"gt":[{{"abs":{{"sub":["legacy.tax",{tax}]}}}},{at}]}}"#)
        }
        _ => format!(r#"{{"gt":["legacy.{column}",{{"mul":["previous.net",{at}]}}]}}"#),
    }
}

fn thousand(form: &str) -> RuleSet {
    let rules: Vec<_> = (0..1000).map(|at| parse(&rule_text(form, at)).expect("a rule")).collect();
    let sides = [Scope::Legacy, Scope::Candidate, Scope::Previous];
    let columns = ["net", "fee", "tax", "interest"];
    let mut names: Vec<Reference> =
        sides.iter().flat_map(|side| columns.map(|column| Reference::new(*side, column))).collect();
    names.push(Reference::new(Scope::Record, "kind"));
    RuleSet::bind(&rules.iter().collect::<Vec<_>>(), &names, &[]).expect("every name is there")
}

fn rules(c: &mut Criterion) {
    let mut group = c.benchmark_group("rules");
    group.throughput(Throughput::Elements(1000));
    for form in FORMS {
        let mut set = thousand(form);
        let mut batch = Batch::new(set.slots().len());
        let row = batch.start_row();
        for at in 0..set.slots().len() {
            let cell = match set.slots()[at].scope {
                Scope::Record => Cell::Text(batch.store(b"mismatch")),
                _ => Cell::Number { coefficient: 105_000 + at as i128, scale: 4, form: NumberForm::Decimal },
            };
            batch.set(row, at, cell);
        }
        let record: Vec<_> = (0..set.slots().len()).map(|at| batch.at(row, at)).collect();
        group.bench_function(form, |b| {
            b.iter(|| {
                let mut hits = 0_u32;
                set.evaluate(black_box(&record), &mut |_, truth| hits += u32::from(truth == Truth::True));
                hits
            });
        });
    }
    group.finish();
}

criterion_group!(hot, amounts, records, documents, rules);
criterion_main!(hot);
