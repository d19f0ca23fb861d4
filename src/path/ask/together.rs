//! One call of a program for the records of several verifications, as `recon test` makes it: a process for each of
//! thousands of cases would cost more than everything else.
//!
//! What the program sees is what it always sees: records in key order, the records of a key together, then the end of
//! its input. Only verifications that give it the same parameters and reference tables and that share no key go into
//! one call, so that every answer belongs to one of them. Whatever is not as it should be (an answer that is for nobody,
//! an exit code, silence) makes the whole call void: then each is asked alone, where errors are told as always.
//! Must not judge answers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::domain::{Batch, Value, cmp_keys, is_plain_literal, shortest_literal};

use super::answers::Answer;
use super::command::Program;
use super::input::{Input, OpenInput};
use super::mask::Mask;
use super::wire::{write_fields, write_record, write_value};
use super::{AskInput, CommandSettings};

/// Bytes of records in one call: they and their answers are held in memory.
const LARGEST: usize = 16 << 20;

/// What a program answered about the records of one verification.
#[derive(Clone)]
pub struct Told {
    pub(super) input: Input,
    pub(super) lines: Vec<String>,
    pub(super) program: String,
}

/// The records of one verification, read and ready to be sent.
pub struct Prepared {
    asked: AskInput,
    input: Input,
    /// Each key's first record, and the lines of all its records.
    groups: Vec<(Batch, Vec<u8>)>,
    keys: Vec<String>,
    bytes: usize,
    /// What the program is told beside the records.
    told: Vec<u8>,
}

/// Asks a program about the records of several verifications, in as few calls as can be. What was asked comes back with
/// its answers; `None` where one must be asked alone.
pub fn ask_together(settings: &CommandSettings, prepared: Vec<Option<Prepared>>) -> Vec<Option<(AskInput, Told)>> {
    let mut answers: Vec<Option<(AskInput, Told)>> = prepared.iter().map(|_| None).collect();
    let mut left: Vec<(usize, Prepared)> =
        prepared.into_iter().enumerate().filter_map(|(at, one)| Some((at, one?))).collect();
    while let Some((_, first)) = left.first() {
        let mut owners: HashMap<String, usize> = HashMap::new();
        let (told, mut bytes) = (first.told.clone(), 0);
        let (call, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(at, one)| {
            let fits = bytes == 0 || bytes + one.bytes <= LARGEST;
            let joins = fits && one.told == told && one.keys.iter().all(|key| !owners.contains_key(key));
            if joins {
                bytes += one.bytes;
                owners.extend(one.keys.iter().map(|key| (key.clone(), *at)));
            }
            joins
        });
        left = rest;
        let lines = one_call(settings, &call, &owners);
        for (at, one) in call {
            let lines = lines.as_ref().map(|lines| lines.get(&at).cloned().unwrap_or_default());
            let program = settings.arguments.first().cloned().unwrap_or_default();
            if let Some(place) = answers.get_mut(at) {
                *place = lines.map(|lines| (one.asked, Told { input: one.input, lines, program }));
            }
        }
    }
    answers
}

impl Prepared {
    /// Reads the records; `None` when they cannot be read or sent as they should.
    pub fn read(asked: AskInput) -> Option<Prepared> {
        let input = OpenInput::open(&asked).ok()?.read(&asked).ok()?;
        let width = asked.key.len();
        let told = told(&asked)?;
        let mut ready = Prepared { asked, input, groups: Vec::new(), keys: Vec::new(), bytes: 0, told };
        let mut groups = ready.input.groups();
        while let Some(group) = groups.next().ok()? {
            let mut lines = Vec::new();
            let write = |batch: &Batch| {
                (0..batch.rows()).try_for_each(|row| {
                    write_record(batch, row, &ready.input.columns, &mut lines)?;
                    lines.push(b'\n');
                    Ok(())
                })
            };
            group.written(write).ok()?;
            let cells = (0..width).map(|column| Value::of(group.records.at(0, column)));
            ready.keys.push(matched(cells)?);
            ready.bytes += lines.len();
            if ready.bytes > LARGEST {
                return None;
            }
            ready.groups.push((group.records, lines));
        }
        Some(ready)
    }
}

/// Parameters and reference tables, to the letter.
fn told(asked: &AskInput) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    write_fields(&asked.params, &mut all).ok()?;
    for table in &asked.reference {
        all.extend_from_slice(format!("\n{:?} {}\n", table.name, table.hash).as_bytes());
        for row in &table.rows {
            write_value(row, &mut all).ok()?;
            all.push(b'\n');
        }
    }
    all.extend_from_slice(format!("{:?}", asked.key).as_bytes());
    Some(all)
}

/// One text for every way in which a program may write the same key. Different keys may share one: they only end up in
/// different calls.
fn matched(key: impl Iterator<Item = Value>) -> Option<String> {
    let mut text = String::new();
    for value in key {
        let part = match &value {
            Value::Null | Value::Absent => "null".to_owned(),
            Value::Unknown(_) | Value::Document(_) | Value::Array(_) => return None,
            Value::Text { text, .. } if !is_plain_literal(text.as_bytes()) => text.clone(),
            value => value.amount().map_or_else(|| value.to_string(), |amount| shortest_literal(&amount.to_string())),
        };
        text.push_str(&format!("{}:{part};", part.len()));
    }
    Some(text)
}

/// Every answer by whose it is; `None` when the call is void.
fn one_call(
    settings: &CommandSettings,
    call: &[(usize, Prepared)],
    owners: &HashMap<String, usize>,
) -> Option<HashMap<usize, Vec<String>>> {
    let environment = &call.first()?.1.asked;
    let mut groups: Vec<&(Batch, Vec<u8>)> = call.iter().flat_map(|(_, one)| &one.groups).collect();
    let width = environment.key.len();
    groups.sort_by(|one, other| cmp_keys(&one.0, 0, &other.0, 0, width));
    let records = groups.iter().flat_map(|group| group.1.iter().copied()).collect();
    let output = Program::start(settings, environment).ok()?.tell(records)?;
    let output = String::from_utf8(output).ok()?;
    let mut lines: HashMap<usize, Vec<String>> = HashMap::new();
    for line in output.lines().filter(|line| !line.trim().is_empty()) {
        let answer = Answer::read(line, &environment.key, &Mask::default()).ok()?;
        let key = matched(answer.key().iter().map(|raw| Value::from_json(raw.get())))?;
        match lines.entry(*owners.get(&key)?) {
            Entry::Occupied(mut there) => there.get_mut().push(line.to_owned()),
            Entry::Vacant(free) => drop(free.insert(vec![line.to_owned()])),
        }
    }
    Some(lines)
}
