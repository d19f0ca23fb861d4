//! The change by the values of a column: how many records, and how much money. Every amount enters a group once, and all
//! groups are held against the control totals of the comparison before anything is told.

use std::collections::BTreeMap;
use std::io;

use crate::commands::Failure;
use crate::commands::verify::keys::name;
use crate::compare::{Compared, Copies, Outcome, Plan, Record, amount_of};
use crate::config::did_you_mean;
use crate::domain::{Amount, Total, Value};
use crate::report::impact::{By, Group, Impact};

use super::cycle::values;
use super::versions::same_copies;

/// Values that are told apart; what comes after them is one group.
const MOST: usize = 100_000;
/// Groups that a report may show.
const KEPT: usize = 10_000;

/// Groups by value, over cycles.
pub(super) struct Groups {
    column: String,
    columns: Vec<String>,
    groups: BTreeMap<String, Summed>,
    beyond: bool,
    moved: u64,
}

#[derive(Default)]
struct Summed {
    value: Option<Value>,
    records: u64,
    net: Vec<Total>,
    gross: Vec<Total>,
}

impl Groups {
    pub(super) fn new(column: &str) -> Groups {
        Groups { column: column.to_owned(), columns: Vec::new(), groups: BTreeMap::new(), beyond: false, moved: 0 }
    }

    /// Adds the records of a cycle that would change.
    ///
    /// # Errors
    /// The path has no such column; a temporary file cannot be read.
    pub(super) fn add(&mut self, compared: &mut Compared) -> Result<(), Failure> {
        let plan = compared.plan();
        let names = || plan.key.iter().chain(plan.columns.iter().map(|column| &column.legacy));
        let Some(at) = names().position(|name| *name == self.column) else {
            let known = names().map(String::as_str);
            let what = format!("`--by {}`: both versions of the path have no such column", self.column);
            let known: Vec<&str> = known.collect();
            let hint = did_you_mean(&self.column, known.iter().copied());
            return Err(Failure::usage(what)
                .hint(hint.unwrap_or_else(|| format!("the columns of both are: {}", known.join(", ")))));
        };
        let key = plan.judge.key;
        let mut amounts: Vec<(usize, usize)> = Vec::new();
        for (place, column) in compared.report.columns.iter().enumerate() {
            if column.totals.is_some() && column.name != self.column {
                amounts.push((key + place, self.place(&column.name)));
            }
        }
        self.walk(compared, at, &amounts).map_err(|error| crate::commands::recomputed::gone(&error))
    }

    /// Where an amount column's sums stand.
    fn place(&mut self, column: &str) -> usize {
        self.columns.iter().position(|known| known == column).unwrap_or_else(|| {
            self.columns.push(column.to_owned());
            self.columns.len() - 1
        })
    }

    fn walk(&mut self, compared: &mut Compared, at: usize, amounts: &[(usize, usize)]) -> io::Result<()> {
        let mut records = compared.records()?;
        let plan = records.plan();
        while let Some(record) = records.next_record()? {
            if !is_same(&record, plan) {
                self.record(&record, at, amounts);
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, at: usize, amounts: &[(usize, usize)]) {
        let of = |copies: Option<Copies<'_>>| copies.map(|copies| Value::of(copies.at(at)));
        let (current, changed) = (of(record.legacy), of(record.candidate));
        let home = current.as_ref().or(changed.as_ref()).cloned().unwrap_or(Value::Null);
        let other = changed.as_ref().filter(|changed| named(changed) != named(&home));
        self.moved += u64::from(current.is_some() && other.is_some());
        self.group(&home).records += 1;
        let one_to_one = record.outcome == Outcome::Mismatched && other.is_none();
        for (column, place) in amounts {
            let amount = |copies: Copies<'_>, row: usize| amount_of(copies.batch.at(row, *column));
            if let (true, Some(current), Some(changed)) = (one_to_one, record.legacy, record.candidate) {
                let zero = || Amount::ZERO;
                let (before, after) = (amount(current, current.first), amount(changed, changed.first));
                let difference = after.unwrap_or_else(zero).minus(&before.unwrap_or_else(zero));
                if let Some(difference) = difference {
                    self.group(&home).add(*place, &difference);
                }
                continue;
            }
            // Copies may stand in several groups: each goes where its own value says.
            for (copies, sign) in [(record.legacy, false), (record.candidate, true)] {
                let Some(copies) = copies else { continue };
                for row in copies.rows() {
                    let Some(amount) = amount(copies, row) else { continue };
                    let amount = if sign { amount } else { amount.negated() };
                    self.group(&Value::of(copies.batch.at(row, at))).add(*place, &amount);
                }
            }
        }
    }

    fn group(&mut self, value: &Value) -> &mut Summed {
        let mut name = named(value);
        let mut value = Some(value);
        if self.groups.len() >= MOST && !self.groups.contains_key(&name) {
            self.beyond = true;
            (name, value) = (String::new(), None);
        }
        self.groups.entry(name).or_insert_with(|| Summed { value: value.cloned(), ..Summed::default() })
    }

    /// Whether there were more values than are told apart.
    pub(super) fn is_beyond(&self) -> Option<String> {
        self.beyond.then(|| {
            format!("`{}` has more than {MOST} values: those after them stand together in the rest", self.column)
        })
    }

    /// The table, the greatest changes first.
    ///
    /// # Errors
    /// The groups do not add up to the control totals: nothing is told then.
    pub(super) fn summed(self, impact: &Impact) -> Result<By, Failure> {
        let money = impact.money();
        let changes: Vec<(usize, String)> = (self.columns.iter().cloned().enumerate())
            .filter(|(_, name)| money.iter().any(|money| money.column == *name))
            .collect();
        let at = |totals: &[Total], place: usize| totals.get(place).map_or(Amount::ZERO, Total::amount);
        let group = |summed: &Summed| Group {
            value: summed.value.clone().unwrap_or(Value::Null),
            records: summed.records,
            net: changes.iter().map(|(place, _)| at(&summed.net, *place)).collect(),
        };
        let mut total = Summed::default();
        for summed in self.groups.values() {
            total.records += summed.records;
            for (place, _) in &changes {
                total.add(*place, &at(&summed.net, *place));
            }
        }
        let total = group(&total);
        for ((_, column), sum) in changes.iter().zip(&total.net) {
            let net = money.iter().find(|money| money.column == *column).map(|money| money.net.amount());
            if !net.is_some_and(|net| net.same_value(sum)) {
                return Err(Failure::incomplete(format!(
                    "the groups by `{}` do not add up to the change of `{column}`, so nothing is reported",
                    self.column
                ))
                .hint("this is a fault of recon; please report it with the command you ran"));
            }
        }
        // By the column with the greatest change of all.
        let leading = money.iter().max_by(|one, other| one.gross.amount().total_cmp(&other.gross.amount()));
        let leading = leading.and_then(|leading| self.columns.iter().position(|name| *name == leading.column));
        let values = self.groups.len() as u64;
        let mut groups: Vec<(Amount, String, Summed)> = (self.groups.into_iter())
            .map(|(name, summed)| (leading.map_or(Amount::ZERO, |place| at(&summed.gross, place)), name, summed))
            .collect();
        groups.sort_by(|(gross, name, one), (other_gross, other_name, other)| {
            other_gross.total_cmp(gross).then(other.records.cmp(&one.records)).then(name.cmp(other_name))
        });
        // What was too much to be told apart is no value: it is left for the rest.
        let told = groups.iter().map(|(.., summed)| summed).filter(|summed| summed.value.is_some());
        let groups = told.take(KEPT).map(group).collect();
        let columns = changes.iter().map(|(_, name)| name.clone()).collect();
        Ok(By { column: self.column, columns, groups, values, total, moved: self.moved })
    }
}

impl Summed {
    fn add(&mut self, place: usize, amount: &Amount) {
        if self.net.len() <= place {
            self.net.resize(place + 1, Total::default());
            self.gross.resize(place + 1, Total::default());
        }
        if let (Some(net), Some(gross)) = (self.net.get_mut(place), self.gross.get_mut(place)) {
            net.add(amount);
            gross.add(&amount.magnitude());
        }
    }
}

/// A value's name: the same whatever its scale, and never that of another kind of value.
fn named(value: &Value) -> String {
    match value {
        Value::Unknown(_) => "u".to_owned(),
        value => name(std::slice::from_ref(value)),
    }
}

/// A key that stands several times with the same copies changes nothing.
fn is_same(record: &Record<'_>, plan: &Plan) -> bool {
    if record.outcome != Outcome::Duplicate {
        return false;
    }
    let columns: Vec<usize> = (0..plan.columns.len()).map(|column| plan.judge.key + column).collect();
    let (current, changed) = (values(record.legacy, &columns), values(record.candidate, &columns));
    same_copies(&current, &changed, &plan.judge.rules) == Some(true)
}
