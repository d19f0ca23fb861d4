//! Answers, gathered in any order and joined with the keys that were asked: one outcome or more for each of them, in
//! key order, at constant memory. Must not ask, and must not judge whether an amount is right.

use serde_json::value::RawValue;

use crate::domain::{
    Batch, Cell, CellRef, JsonFields, NumberForm, cmp_keys, is_plain_literal, json_cell, json_fields, json_get, shorten,
};
use crate::stores::document::Sample;
use crate::stores::sort::Sorter;
use crate::stores::{Column, StoreError, Wish};

use super::input::Input;
use super::mask::Mask;
use super::spool::{Spool, SpoolWriter};
use super::wire::write_cell;

/// The field that says why a record could not be computed.
pub(super) const ERROR: &str = "error";
/// Records gathered before they go to the sorter.
const ROWS: usize = 1_000;
const BYTES: usize = 1 << 20;
/// Characters of a reason.
const REASON: usize = 500;

/// Gathers answers.
///
/// A gathered record is: the key as it is matched, 0 for an asked key or 1 for an answer, the key as it is, and the
/// answer's text or the reason why there is none.
pub(super) struct Answers {
    key: Vec<String>,
    sorter: Sorter,
    memory: usize,
    batch: Batch,
    scratch: Batch,
    /// Answers with a key.
    usable: u64,
    /// The first answer without one, and how many there were.
    faults: Option<(String, u64)>,
    /// What must not be shown of an answer that counts as none.
    mask: Mask,
}

/// What became of every key, in key order.
pub(super) struct Outcomes {
    /// The key's cells as the input has them; then the answer's text, or why it is unknown.
    pub(super) spool: Spool,
    /// The columns that a sample of the answers shows; empty when there is no answer.
    pub(super) columns: Vec<Column>,
    /// Keys without an answer to compare, and the first of them with its reason.
    pub(super) unknown: u64,
    pub(super) first_unknown: Option<String>,
}

/// An answer with its key.
pub(super) struct Answer<'a> {
    /// The key fields' values as they stand in the text.
    key: Vec<&'a RawValue>,
    /// Its text, or why it counts as none.
    outcome: Result<&'a str, String>,
}

impl<'a> Answer<'a> {
    /// The key fields' values as they stand in the text.
    pub(super) fn key(&self) -> &[&'a RawValue] {
        &self.key
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// Why nobody can say which key it is for.
    pub(super) fn read(text: &'a str, key: &[String], mask: &Mask) -> Result<Self, String> {
        let fields: JsonFields<'a> = serde_json::from_str(text).map_err(|e| {
            format!("`{}` is no JSON object: {}", shorten(&mask.hide(text), 80), mask.hide(&e.to_string()))
        })?;
        let named =
            |wanted: &str| fields.0.iter().filter(|(n, _)| n == wanted).map(|(_, raw)| *raw).collect::<Vec<_>>();
        let shown = || shorten(&mask.hide(text), 80);
        let mut keys = Vec::with_capacity(key.len());
        for name in key {
            let found = match named(name).as_slice() {
                [one] => *one,
                [] => below(text, name).ok_or_else(|| format!("`{}` has no key field `{name}`", shown()))?,
                _ => return Err(format!("the key field `{name}` stands twice in `{}`", shown())),
            };
            keys.push(found);
        }
        let mut names: Vec<&str> = fields.0.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        let error = named(ERROR).into_iter().find(|raw| raw.get() != "null");
        let outcome = match (error, twice) {
            (Some(raw), _) => Err(error_text(raw, mask)),
            // Either of the two could be the money.
            (None, Some(name)) => Err(mask.hide(&format!("malformed answer: the field `{name}` stands twice"))),
            (None, None) => Ok(text),
        };
        Ok(Answer { key: keys, outcome })
    }
}

fn below<'a>(text: &'a str, path: &str) -> Option<&'a RawValue> {
    if !path.contains('.') {
        return None;
    }
    let raw: &'a RawValue = serde_json::from_str(text).ok()?;
    json_get(raw, path).ok().flatten()
}

fn error_text(raw: &RawValue, mask: &Mask) -> String {
    let text = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    match text.trim() {
        "" => "the answer is an error without a text".to_owned(),
        text => shorten(&mask.hide(text), REASON),
    }
}

impl Answers {
    /// For a key of these columns; `memory` bytes are used before the disk.
    pub(super) fn new(key: &[String], memory: usize) -> Self {
        let width = width(key.len());
        Answers {
            key: key.to_vec(),
            sorter: Sorter::new(width, key.len() + 1, memory / 2),
            memory,
            batch: Batch::new(width),
            scratch: Batch::new(key.len()),
            usable: 0,
            faults: None,
            mask: Mask::default(),
        }
    }

    /// What is said of answers from here on shows nothing of these secrets.
    pub(super) fn hide(&mut self, mask: Mask) {
        self.mask = mask;
    }

    /// Answers with a key so far.
    pub(super) fn usable(&self) -> u64 {
        self.usable
    }

    /// Takes an answer's text; `place` says where it stood. What nobody can assign to a key is remembered as a fault.
    pub(super) fn take(&mut self, text: &str, place: impl FnOnce() -> String) -> Result<(), StoreError> {
        self.take_if(text, place, |_, _| true)
    }

    /// As [`Answers::take`]; an answer whose key `asked` does not know counts as one that was never asked for. `asked`
    /// is given a row of keys as they are matched.
    pub(super) fn take_if(
        &mut self,
        text: &str,
        place: impl FnOnce() -> String,
        asked: impl FnOnce(&Batch, usize) -> bool,
    ) -> Result<(), StoreError> {
        let key = self.key.len();
        let answer = match Answer::read(text, &self.key, &self.mask) {
            Ok(answer) => answer,
            Err(why) => {
                self.fault(&format!("{}: {why}", place()));
                return Ok(());
            }
        };
        let row = self.batch.start_row();
        for (at, raw) in answer.key.iter().enumerate() {
            let cell = json_cell(raw, &mut self.batch);
            // A number keeps its text: a text key is matched letter by letter.
            let own = match cell {
                Cell::Number { form, .. } if !raw.get().starts_with('{') => {
                    Cell::Wide { text: self.batch.store(raw.get().as_bytes()), form }
                }
                Cell::Json(_) | Cell::Unknown(_) => {
                    self.batch.undo_row();
                    self.fault(&format!(
                        "{}: the key field `{}` is no key: `{}`",
                        place(),
                        self.key[at],
                        shorten(&self.mask.hide(raw.get()), 80)
                    ));
                    return Ok(());
                }
                other => other,
            };
            self.batch.set(row, key + 1 + at, own);
            self.set_match(row, at, cell);
        }
        self.batch.set(row, key, tag(1));
        let expected = asked(&self.batch, row);
        let payload = match answer.outcome {
            _ if !expected => self.batch.unknown("the answer came in a call that did not ask for this key"),
            Ok(text) => Cell::Json(self.batch.store(text.as_bytes())),
            Err(why) => self.batch.unknown(&why),
        };
        self.batch.set(row, 2 * key + 1, payload);
        self.usable += 1;
        self.flush_if_full()
    }

    /// Notes that an asked key has no answer, and why.
    pub(super) fn unknown(&mut self, keys: &Batch, at: usize, reason: &str) -> Result<(), StoreError> {
        let payload = |batch: &mut Batch| batch.unknown(reason);
        self.asked_row(keys, at, 1, payload)
    }

    /// The outcome of an asked key as the text of an answer, from own code.
    pub(super) fn computed(&mut self, keys: &Batch, at: usize, text: &[u8]) -> Result<(), StoreError> {
        let checked = std::str::from_utf8(text).map_err(|e| e.to_string());
        match checked.and_then(|text| json_fields(text).map(|_| ()).map_err(|e| e.what)) {
            Ok(()) => self.asked_row(keys, at, 1, |batch| Cell::Json(batch.store(text))),
            Err(why) => self.unknown(keys, at, &format!("malformed outcome: {why}")),
        }
    }

    fn asked_row(
        &mut self,
        keys: &Batch,
        at: usize,
        tagged: i128,
        payload: impl FnOnce(&mut Batch) -> Cell,
    ) -> Result<(), StoreError> {
        let key = self.key.len();
        let row = self.batch.start_row();
        for column in 0..key {
            let cell = self.batch.copy_cell(keys.at(at, column));
            self.batch.set(row, key + 1 + column, cell);
            self.set_match(row, column, cell);
        }
        self.batch.set(row, key, tag(tagged));
        let payload = payload(&mut self.batch);
        self.batch.set(row, 2 * key + 1, payload);
        self.flush_if_full()
    }

    /// Sets the cell by which a key cell is matched; its bytes lie in the batch.
    fn set_match(&mut self, row: usize, column: usize, cell: Cell) {
        self.scratch.reset(1);
        let scratch = self.scratch.start_row();
        let matched = match_cell(CellRef { cell, arena: self.batch.arena() }, &mut self.scratch);
        self.scratch.set(scratch, 0, matched);
        let matched = self.batch.copy_cell(self.scratch.at(scratch, 0));
        self.batch.set(row, column, matched);
    }

    fn fault(&mut self, what: &str) {
        match &mut self.faults {
            Some((_, count)) => *count += 1,
            None => self.faults = Some((what.to_owned(), 1)),
        }
    }

    /// The answers that are for no key, in one sentence.
    pub(super) fn faults(&self) -> Option<String> {
        self.faults.as_ref().map(|(first, count)| match count {
            1 => format!("an answer cannot be assigned to a key: {first}"),
            _ => format!("{count} answers cannot be assigned to a key, the first: {first}"),
        })
    }

    fn flush_if_full(&mut self) -> Result<(), StoreError> {
        if self.batch.rows() >= ROWS || self.batch.arena_len() >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let pushed = self.sorter.push(&self.batch);
        self.batch.reset(width(self.key.len()));
        pushed
    }

    /// Joins the answers with the input's keys; `silent` is the reason of keys that nothing was said about.
    pub(super) fn join(mut self, input: &Input, wish: &Wish, silent: &str) -> Result<Outcomes, StoreError> {
        let key = self.key.len();
        let mut groups = input.groups();
        while let Some(group) = groups.next()? {
            self.asked_row(&group.records, 0, 0, |_| Cell::Absent)?;
        }
        self.flush()?;
        let mut sorted = self.sorter.finish()?;
        let mut out = Joined::new(key, self.memory / 2);
        let mut asked = Asked { rows: Batch::new(width(key)), answered: Vec::new() };
        let mut row = Batch::new(width(key));
        loop {
            row.reset(width(key));
            let more = sorted.next_into(&mut row)?;
            if asked.rows.rows() > 0 && (!more || cmp_keys(&asked.rows, 0, &row, 0, key) != std::cmp::Ordering::Equal) {
                asked.end(key, silent, &mut out)?;
            }
            if !more {
                break;
            }
            if matches!(row.at(0, key).cell, Cell::Number { coefficient: 0, .. }) {
                asked.rows.copy_row(&row, 0);
                asked.answered.push(false);
            } else {
                asked.answer(&row, key, &mut out)?;
            }
        }
        out.finish(&self.key, input, wish)
    }
}

/// Cells of a gathered record.
fn width(key: usize) -> usize {
    2 * key + 2
}

fn tag(value: i128) -> Cell {
    Cell::Number { coefficient: value, scale: 0, form: NumberForm::Integer }
}

/// The cell by which a key cell is matched: what the JSON says that it is written as, and a text that is a plain number
/// as that number, because programs turn the one into the other.
pub(super) fn match_cell(at: CellRef<'_>, batch: &mut Batch) -> Cell {
    match at.cell {
        Cell::Null | Cell::Absent => return Cell::Null,
        Cell::Number { .. } => return at.cell,
        Cell::Wide { .. } | Cell::Unknown(_) => return batch.copy_cell(at),
        _ => {}
    }
    let mut json = Vec::new();
    let text = match at.cell {
        Cell::Text(span) | Cell::Untyped(span) => at.bytes(span),
        _ => match write_cell(at, &mut json) {
            Ok(()) => json.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(&json),
            Err(why) => return batch.unknown(&why),
        },
    };
    if is_plain_literal(text)
        && let Some(number) = batch.digits(text, NumberForm::Decimal)
    {
        return number;
    }
    Cell::Text(batch.store(text))
}

/// Asked keys that are matched alike, and whether each was answered. Nearly always one.
struct Asked {
    rows: Batch,
    answered: Vec<bool>,
}

impl Asked {
    /// Hands an answer on to the key that it is for.
    fn answer(&mut self, row: &Batch, key: usize, out: &mut Joined) -> Result<(), StoreError> {
        let payload = row.at(0, 2 * key + 1);
        let own = (0..self.rows.rows())
            .find(|at| (0..key).all(|c| same_key(self.rows.at(*at, key + 1 + c), row.at(0, key + 1 + c))));
        if let Some(own) = own {
            self.answered[own] = true;
            return out.push(&self.rows, own, payload, None);
        }
        let never = "an answer came for this key, which was never asked for";
        out.push(row, 0, payload, Some(never))
    }

    /// Says of the keys without an answer that there is none.
    fn end(&mut self, key: usize, silent: &str, out: &mut Joined) -> Result<(), StoreError> {
        for (at, answered) in self.answered.iter().enumerate() {
            if !answered {
                let payload = self.rows.at(at, 2 * key + 1);
                out.push(&self.rows, at, payload, Some(silent))?;
            }
        }
        self.rows.reset(width(key));
        self.answered.clear();
        Ok(())
    }
}

/// Whether an answer's key cell is the asked one, when both are matched alike: a text must be the same text.
fn same_key(asked: CellRef<'_>, answer: CellRef<'_>) -> bool {
    let (Cell::Text(span) | Cell::Untyped(span)) = asked.cell else { return true };
    match answer.cell {
        Cell::Text(own) | Cell::Untyped(own) | Cell::Wide { text: own, .. } => asked.bytes(span) == answer.bytes(own),
        _ => false,
    }
}

/// The outcomes on their way into key order.
struct Joined {
    key: usize,
    sorter: Sorter,
    batch: Batch,
    unknown: u64,
    first_unknown: Option<String>,
}

impl Joined {
    fn new(key: usize, memory: usize) -> Self {
        let sorter = Sorter::new(key + 1, key, memory);
        Joined { key, sorter, batch: Batch::new(key + 1), unknown: 0, first_unknown: None }
    }

    /// Adds an outcome: the key of a gathered record, and a payload, or a reason in its place.
    fn push(&mut self, from: &Batch, at: usize, payload: CellRef<'_>, reason: Option<&str>) -> Result<(), StoreError> {
        let row = self.batch.start_row();
        for column in 0..self.key {
            let own = from.at(at, self.key + 1 + column);
            let cell = match own.cell {
                // A number of an answer that was kept as its text.
                Cell::Wide { text, form } => {
                    self.batch.digits(own.bytes(text), form).unwrap_or_else(|| self.batch.copy_cell(own))
                }
                _ => self.batch.copy_cell(own),
            };
            self.batch.set(row, column, cell);
        }
        let cell = match reason {
            Some(reason) => self.batch.unknown(reason),
            None => self.batch.copy_cell(payload),
        };
        self.batch.set(row, self.key, cell);
        if let Cell::Unknown(span) = cell {
            self.unknown += 1;
            if self.first_unknown.is_none() {
                let why = self.batch.at(row, self.key).text(span).to_owned();
                self.first_unknown = Some(format!("`{}`: {why}", super::input::show_key(&self.batch, row, self.key)));
            }
        }
        if self.batch.rows() >= ROWS || self.batch.arena_len() >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let pushed = self.sorter.push(&self.batch);
        self.batch.reset(self.key + 1);
        pushed
    }

    fn finish(mut self, names: &[String], input: &Input, wish: &Wish) -> Result<Outcomes, StoreError> {
        self.flush()?;
        let mut sorted = self.sorter.finish()?;
        let mut spool = SpoolWriter::create(self.key + 1)?;
        let mut sample = Sample::new(wish);
        let mut answers = false;
        let mut batch = Batch::new(self.key + 1);
        while sorted.next_into(&mut batch)? {
            let payload = batch.at(0, self.key);
            if let Cell::Json(span) = payload.cell {
                answers = true;
                if !sample.is_full() && sample.json(payload.text(span)).is_err() {
                    return Err(StoreError::failed(
                        "an answer that was read could not be read again; this is a fault of recon",
                    ));
                }
            }
            spool.write(&batch, 0)?;
            batch.reset(self.key + 1);
        }
        let mut columns = Vec::new();
        if answers {
            columns.extend(input.key.iter().cloned());
            let others = sample.into_columns().into_iter();
            columns.extend(others.filter(|column| !names.contains(&column.name) && column.name != ERROR));
        }
        Ok(Outcomes { spool: spool.finish()?, columns, unknown: self.unknown, first_unknown: self.first_unknown })
    }
}
