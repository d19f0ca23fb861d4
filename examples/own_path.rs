//! A team's own Rust code as the candidate path: fees of card payments, computed from a file of transactions and
//! compared with what the legacy system wrote. Run it with `cargo run --example own_path`.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use recon::compare::{CompareError, Comparison, Definition, Recheck, SideInput, compare};
use recon::domain::{Amount, NumberForm, Value};
use recon::path::ask::{AskInput, AskSource, Calculation};
use recon::stores::csv::CsvSource;
use recon::stores::{Settings, Source, Wish};

/// What is paid to a merchant: the sum of the amounts, less a fee for each transaction.
struct Settlement;

impl Calculation for Settlement {
    fn calculate(&mut self, records: &[Value], params: &[(String, Value)]) -> Result<Vec<(String, Value)>, String> {
        let fee = params.iter().find(|(name, _)| name == "fee").and_then(|(_, fee)| fee.amount());
        let fee = fee.ok_or("the parameter `fee` is no amount")?;
        let mut net = Amount::ZERO;
        for record in records {
            let Value::Document(fields) = record else { return Err("a record is no document".into()) };
            let amount = fields.iter().find(|(name, _)| name == "amount").and_then(|(_, amount)| amount.amount());
            // A reason in place of an outcome: the merchant becomes unknown, and nobody takes it for equal.
            let amount = amount.ok_or("a transaction has no amount")?;
            net = net.plus(&amount).and_then(|sum| sum.minus(&fee)).ok_or("the sum cannot be held")?;
        }
        Ok(vec![("net".to_owned(), Value::Number { amount: net, form: NumberForm::Decimal })])
    }
}

/// Compares and prints; returns how many merchants agree.
pub fn run(folder: &Path, out: &mut dyn Write) -> Result<u64, Box<dyn Error>> {
    let transactions = folder.join("transactions.csv");
    std::fs::write(&transactions, "merchant,amount\nbakery,12.50\ncafe,3.20\nbakery,7.50\ncafe,4.10\nkiosk,\n")?;
    let legacy = folder.join("legacy.csv");
    std::fs::write(&legacy, "merchant,net\nbakery,19.80\ncafe,7.11\nkiosk,0.00\n")?;

    let csv =
        |path: PathBuf| move || Ok(Box::new(CsvSource::new(path.clone(), Settings::default())) as Box<dyn Source>);
    let mut input = AskInput::new(&["merchant"], Arc::new(csv(transactions)));
    input.params = vec![("fee".into(), Value::Number { amount: Amount::parse("0.10")?, form: NumberForm::Decimal })];
    let candidate = move || {
        let source = AskSource::calculation(input.clone(), Box::new(Settlement));
        Ok(Box::new(source) as Box<dyn Source>)
    };
    let comparison = Comparison {
        definition: Definition { key: vec![("merchant".into(), "merchant".into())], ..Definition::default() },
        legacy: SideInput {
            make: Arc::new(csv(legacy)),
            label: "legacy.csv".into(),
            wish: Wish::default(),
            progress: Arc::default(),
        },
        candidate: SideInput {
            make: Arc::new(candidate),
            label: "own code".into(),
            wish: Wish::default(),
            progress: Arc::default(),
        },
        partitions: 1,
        recheck: Recheck { rounds: 0, delay: Duration::ZERO },
        memory: 64 << 20,
        keep: false,
        allow_empty: false,
        name: Some("merchant settlement".into()),
        on_open: Box::new(|_, _| {}),
    };
    let mut compared = compare(&comparison).map_err(|error| match error {
        CompareError::Side(_, error) => error.to_string(),
        other => format!("{other:?}"),
    })?;
    writeln!(out, "verdict: {:?}", compared.report.verdict)?;
    for reason in &compared.report.reasons {
        writeln!(out, "  {reason}")?;
    }
    for found in compared.discrepancies() {
        let found = found?;
        let key: Vec<String> = found.key.iter().map(|(name, value)| format!("{name} {value}")).collect();
        writeln!(out, "{}: {:?} {}", key.join(", "), found.kind, found.reason.unwrap_or_default())?;
        for field in found.fields {
            let shown = |value: Option<Value>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
            writeln!(
                out,
                "  {}: {} by legacy, {} by own code",
                field.column,
                shown(field.legacy),
                shown(field.candidate)
            )?;
        }
    }
    Ok(compared.report.counts.matched)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    run(folder.path(), &mut std::io::stdout())?;
    Ok(())
}
