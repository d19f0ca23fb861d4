//! What the tests of stores share: a side opened and read as the program does it, its values as texts.
#![allow(dead_code, clippy::expect_used)]

use std::sync::Arc;
use std::thread;

use recon::domain::{Amount, NumberForm, Rules, Value};
use recon::stores::{
    ErrorClass, KeyRange, Opened, Progress, ReadEnd, ReadRequest, Received, Source, StoreError, Wanted, Wish, channel,
};

pub fn request(columns: &[&str], key: usize) -> ReadRequest {
    ReadRequest {
        columns: columns.iter().map(|name| Wanted { name: (*name).into(), fix: None }).collect(),
        key,
        filter: None,
        range: KeyRange::default(),
        keys: None,
        fresh: false,
        natural: false,
    }
}

/// Reads on a thread of its own, as the program does.
pub fn read(source: &mut (dyn Source + '_), request: &ReadRequest) -> Result<Vec<Vec<Value>>, StoreError> {
    let (mut out, receiver, _back) = channel(request, &Rules::default(), Arc::new(Progress::default()), None, None);
    thread::scope(|scope| {
        scope.spawn(move || {
            let end: Result<ReadEnd, StoreError> = source.read(request, &mut out);
            out.finish(end);
        });
        let mut rows = Vec::new();
        loop {
            match receiver.recv().expect("an end") {
                Received::Batch(batch) => {
                    for row in 0..batch.rows() {
                        rows.push((0..batch.width()).map(|column| Value::of(batch.at(row, column))).collect());
                    }
                }
                Received::End(end) => return end.map(|_| rows),
            }
        }
    })
}

pub fn open(source: &mut (dyn Source + '_)) -> Opened {
    source.open(&Wish::default()).expect("opens")
}

pub fn shown(rows: &[Vec<Value>]) -> Vec<String> {
    rows.iter().map(|row| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|")).collect()
}

/// Opens and reads everything.
pub fn all(source: &mut (dyn Source + '_), columns: &[&str], key: usize) -> Vec<String> {
    open(source);
    shown(&read(source, &request(columns, key)).expect("reads"))
}

pub fn text(text: &str) -> Value {
    Value::Text { text: text.into(), untyped: false }
}

pub fn number(number: &str) -> Value {
    Value::Number { amount: Amount::parse(number).expect(number), form: NumberForm::Decimal }
}

pub fn usage(result: Result<Opened, StoreError>, part: &str) -> StoreError {
    let error = result.expect_err(part);
    assert_eq!(error.class, ErrorClass::Usage, "{error}");
    assert!(error.what.contains(part), "{error}");
    assert!(error.hint.is_some(), "{error}");
    error
}

/// A value with its type: `integer 10`, `text 10`.
pub fn typed(value: &Value) -> String {
    format!("{} {value}", value.type_name())
}
