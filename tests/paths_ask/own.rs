//! Own code as a path, and a whole comparison with a path that asks.

use std::sync::Arc;
use std::time::Duration;

use recon::compare::{Comparison, Definition, Recheck, SideInput, compare};
use recon::domain::{Amount, NumberForm, Rules, Value};
use recon::path::ask::{AskInput, AskSource, Calculation, HttpSettings};
use recon::report::Verdict;
use recon::stores::csv::CsvSource;
use recon::stores::{Settings, Source, StoreError, Wish};

use crate::asking::{Place, ask};
use crate::service::{Reply, Service};

/// Sums `gross` over the records of a key; refuses key 3, panics at key `panics`.
struct Sum {
    panics: Option<u64>,
}

impl Calculation for Sum {
    fn calculate(&mut self, records: &[Value], params: &[(String, Value)]) -> Result<Vec<(String, Value)>, String> {
        let field = |record: &Value, name: &str| match record {
            Value::Document(fields) => fields.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.amount()),
            _ => None,
        };
        let mut net = params[0].1.amount().ok_or("no start")?;
        for record in records {
            let id = field(record, "id").ok_or("no id")?.to_string();
            assert_ne!(Some(id.clone()), self.panics.map(|p| p.to_string()), "planned");
            if id == "3" {
                return Err("no contract".into());
            }
            net = field(record, "gross").and_then(|gross| net.plus(&gross)).ok_or("no gross")?;
        }
        Ok(vec![("net".into(), Value::Number { amount: net, form: NumberForm::Decimal })])
    }
}

fn input(place: &Place) -> AskInput {
    let mut input = place.csv("id,gross\n1,0.10\n1,0.20\n2,1.00\n3,1.00\n4,12345678901234567890.01\n", &["id"]);
    input.params = vec![("start".into(), Value::Number { amount: Amount::ZERO, form: NumberForm::Integer })];
    input
}

fn expect(rows: &[(String, String)], expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    assert_eq!(rows, expected);
}

#[test]
fn own_code_is_given_the_records_of_one_key_at_a_time() {
    let place = Place::new();
    let came = ask(&mut AskSource::calculation(input(&place), Box::new(Sum { panics: None })));
    came.end.as_ref().expect("every key has its outcome");
    expect(
        &came.rows,
        &[
            ("1", "decimal 0.30"),
            ("2", "decimal 1.00"),
            ("3", "unknown no contract"),
            ("4", "decimal 12345678901234567890.01"),
        ],
    );
}

#[test]
fn own_code_that_panics_is_not_asked_again() {
    let place = Place::new();
    let came = ask(&mut AskSource::calculation(input(&place), Box::new(Sum { panics: Some(2) })));
    assert_eq!(came.error(), "the calculation panicked at key `2`");
    assert_eq!(came.unknown(), ["2", "3", "4"]);
    assert_eq!(came.by_key()["1"], "decimal 0.30");
}

fn side(make: impl Fn() -> Result<Box<dyn Source>, StoreError> + Send + Sync + 'static) -> SideInput {
    SideInput { make: Arc::new(make), label: "side".into(), wish: Wish::default(), progress: Arc::default() }
}

fn compared(place: &Place, legacy: &str, service: &Service) -> recon::report::Report {
    let legacy = place.write("legacy.csv", legacy);
    let input = place.records(100);
    let settings = HttpSettings { retries: 0, ..HttpSettings::new(recon::config::Secret::new(service.url())) };
    let comparison = Comparison {
        definition: Definition { key: vec![("id".into(), "id".into())], rules: Rules::default(), ..Default::default() },
        legacy: side(move || Ok(Box::new(CsvSource::new(legacy.clone(), Settings::default())))),
        candidate: side(move || Ok(Box::new(AskSource::http(input.clone(), settings.clone())))),
        partitions: 1,
        recheck: Recheck { rounds: 0, delay: Duration::ZERO },
        memory: 1 << 20,
        keep: false,
        allow_empty: false,
        name: None,
        on_open: Box::new(|_, _| {}),
    };
    compare(&comparison).expect("compares").report
}

#[test]
fn a_comparison_counts_exactly_the_affected_records_as_unknown() {
    let place = Place::new();
    let legacy: String = (1..=100).map(|id| format!("{id},{id}.50\n")).collect();
    let legacy = format!("id,net\n{legacy}");
    let good = Service::start(|call| call.right());
    let report = compared(&place, &legacy, &good);
    assert_eq!((report.verdict, report.counts.matched), (Verdict::Agree, 100), "{:?}", report.reasons);
    assert_eq!(good.calls(), 1);

    let partly = Service::start(|call| match call.ids().iter().any(|id| [7, 40, 73].contains(id)) {
        true => Reply::Json(500, String::new()),
        false => call.right(),
    });
    let report = compared(&place, &legacy, &partly);
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert_eq!(
        (report.counts.matched, report.counts.unknown, report.counts.keys),
        (97, 3, 100),
        "{:?}",
        report.reasons
    );

    let dead = Service::start(|_| Reply::Close);
    let report = compared(&place, &legacy, &dead);
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert_eq!((report.counts.matched, report.counts.unknown), (0, 100), "{:?}", report.reasons);
}

#[path = "../../examples/own_path.rs"]
#[allow(dead_code)]
mod example;

#[test]
fn the_example_finds_what_it_says() {
    let place = Place::new();
    let mut out = Vec::new();
    assert_eq!(example::run(place.path(), &mut out).expect("runs"), 1);
    let expected = "\
verdict: Incomplete
  1 key has values that could not be judged (unknown)
  2 of 3 keys do not agree: 1 mismatched, 1 unknown
merchant cafe: Mismatch\x20
  net: 7.11 by legacy, 7.10 by own code
merchant kiosk: Unknown candidate column `net`: a transaction has no amount
  net: 0.00 by legacy, (unknown: a transaction has no amount) by own code
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
