//! What was captured, for people. Must not name a value.

use std::path::Path;

use crate::capture::Masker;
use crate::cli::Global;
use crate::commands::shown::{Line, aligned};
use crate::commands::{print_lines, table};
use crate::config::mask_url;
use crate::report::count;

use super::case::Proved;
use super::looked::told;
use super::of_run::OfRun;

/// Cases whose rows are listed.
const LISTED: usize = 10;

/// Prints it.
pub(super) fn print(
    (global, stores): (&Global, &[String]),
    of_run: &OfRun,
    out: &Path,
    name: &str,
    all: &[Proved],
    masker: &Masker<'_>,
    ambiguous: usize,
) {
    let sum = |number: &dyn Fn(&Proved) -> usize| count(all.iter().map(number).sum::<usize>() as u64);
    let mut lines: Vec<Line> = vec![
        ("run", format!("{}, {}", of_run.id(), of_run.named.reconciliation.name)),
        ("cases", count(all.len() as u64)),
        ("keys", sum(&|one| one.keys)),
    ];
    if all.iter().any(|one| one.along > 0) {
        let along = sum(&|one| one.along);
        let noun = if along == "1" { "key that hangs" } else { "keys that hang" };
        lines.push(("along", format!("{along} {noun} on these, as the run had them")));
    }
    if let [one] = all {
        lines.push(("verdict", format!("{}, {} discrepancies", one.verdict.name(), one.discrepancies)));
    }
    if !of_run.has_decisions() {
        lines.push((
            "note",
            "the run's decisions are not kept any more: only its discrepancies were held against".to_owned(),
        ));
    }
    let unmet = masker.unmet();
    if !unmet.is_empty() {
        lines.push(("note", format!("no field here has the name of a rule of [capture.mask]: {}", unmet.join(", "))));
    }
    if ambiguous > 0 {
        let values = count(ambiguous as u64);
        lines.push((
            "note",
            format!("{values} originals are also the pseudonym of another one, and were not searched for"),
        ));
    }
    let mut printed = aligned(&lines);
    let rows: Vec<Vec<String>> = all
        .iter()
        .take(LISTED)
        .flat_map(|one| {
            one.rows.iter().map(|(label, rows, how)| {
                let case = one.name.rsplit('/').next().unwrap_or_default().to_owned();
                vec![case, label.clone(), count(*rows as u64), how.clone()]
            })
        })
        .collect();
    printed.push(String::new());
    printed.extend(table::lines(&["case", "from", "rows", "found"], &rows));
    if all.len() > LISTED {
        printed.push(format!("… and {} cases more", all.len() - LISTED));
    }
    if let (false, Ok(searcher)) = (masker.used().is_empty(), &masker.searcher()) {
        let rows: Vec<Vec<String>> = masker
            .used()
            .iter()
            .map(|((field, mask), values)| vec![told(field, searcher), mask.name().to_owned(), count(*values)])
            .collect();
        printed.push(String::new());
        printed.extend(table::lines(&["masked", "as", "values"], &rows));
    }
    printed.push(String::new());
    let folder = out.join(name);
    printed.push(format!("written to {}; searched for every original, none is there", folder.display()));
    let mut words = vec!["recon".to_owned()];
    words.extend(global.profile.iter().flat_map(|profile| ["--profile".to_owned(), profile.clone()]));
    words.extend(["test".to_owned(), folder.display().to_string()]);
    // What was proved on a server runs on one.
    for store in stores {
        let (name, url) = store.split_once('=').unwrap_or((store, ""));
        words.extend(["--store".to_owned(), format!("{name}={}", mask_url(url))]);
    }
    printed.push(format!("$ {}", words.join(" ")));
    print_lines(&printed);
}
