//! `recon impact`: what a changed query or check would change, over past cycles and every recorded case, before it is
//! adopted (F4). Reads only: nothing is written to a store, the ledger or a case.

mod by;
mod cases;
mod change;
mod check;
mod chosen;
mod cycle;
mod keys;
mod then;
mod versions;

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::{Global, ImpactArgs};
use crate::config::{Project, Reconciliation};
use crate::exit::Exit;
use crate::report::Format;
use crate::report::impact::{FORMATS, Impact, ImpactVerdict, Then, render};
use crate::stores::Settings;

use super::cycle::{looked_at, project};
use super::diff::settings;
use super::ours::not_ours;
use super::{Failure, output};
use by::Groups;
use change::Change;
use chosen::{Chosen, chosen};
use cycle::{Computed, Records};

/// What a run of the command works with.
struct Work<'a> {
    global: &'a Global,
    args: &'a ImpactArgs,
    project: &'a Project,
    reconciliation: &'a Reconciliation,
    settings: &'a Settings,
}

/// Runs the command.
///
/// # Errors
/// The change or a flag is wrong, or neither a cycle nor a case is there to look at.
pub fn run(global: &Global, args: &ImpactArgs) -> Result<Exit, Failure> {
    let format = format_of(args)?;
    if args.read.keep_inputs.is_some() {
        return Err(Failure::usage(
            "`--keep-inputs` does not go with `recon impact`: it would write the inputs of both versions",
        ));
    }
    let project = project(global)?;
    let reconciliation = project.reconciliation(&args.name)?.clone();
    let settings = settings(&args.read)?;
    if let Some(path) = &args.output {
        not_ours(path, Some(&project), args.check.as_deref())?;
    }
    let work = Work { global, args, project: &project, reconciliation: &reconciliation, settings: &settings };
    let mut ledger = looked_at(&project)?;
    let chosen = match &mut ledger {
        Some(ledger) => chosen(args, &reconciliation, ledger)?,
        None if args.run.is_empty() => Chosen::default(),
        None => return Err(Failure::usage("there is no ledger yet, so there is no run")),
    };
    if let Some(file) = &args.check {
        return check::run(&work, ledger.as_mut(), chosen, file, format);
    }
    let change = Change::of(args, &project, &reconciliation)?;
    if let Some(path) = &args.output {
        not_ours(path, None, change.file.as_deref().map(Path::new))?;
    }
    let mut impact = Impact {
        name: reconciliation.name.clone(),
        change: change.told(),
        reasons: Vec::new(),
        notices: Vec::new(),
        cycles: Vec::new(),
        left_out: chosen.left_out.clone(),
        by: None,
        cases: None,
        currencies: currencies(&reconciliation, &change),
    };
    let mut groups = args.by.as_deref().map(Groups::new);
    let mut records = Records::default();
    if let Some(ledger) = &mut ledger {
        for cycle in &chosen.cycles {
            let Computed { cycle, compared, notices } = work.cycle(&change, ledger, cycle, groups.as_mut())?;
            for notice in notices {
                if !impact.notices.contains(&notice) {
                    impact.notices.push(notice);
                }
            }
            impact.cycles.push(cycle);
            records.0.push(compared);
        }
    }
    let none = impact.cycles.is_empty();
    impact.notices.extend(groups.as_ref().and_then(Groups::is_beyond));
    impact.by = groups.map(|groups| groups.summed(&impact)).transpose()?;
    if !args.no_cases {
        impact.cases = work.cases(&change, none)?;
    }
    impact.reasons = reasons(&impact, args);
    let look = output::look(global, args.limit, args.output.as_deref());
    output::stream(args.output.as_deref(), &mut |out| render(&impact, &mut records, format, &look, out))?;
    if (args.output.is_some() || format == Format::Csv) && !global.quiet {
        let file = args.output.as_deref().map_or_else(String::new, |path| format!(" (report in {})", path.display()));
        eprintln!("{}{file}", impact.summary());
    }
    Ok(match impact.verdict() {
        ImpactVerdict::Same => Exit::Success,
        ImpactVerdict::Changes => Exit::Discrepancies,
        ImpactVerdict::Incomplete => Exit::Incomplete,
    })
}

/// Why not everything could be looked at. Nothing that was not looked at comes out as now.
fn reasons(impact: &Impact, args: &ImpactArgs) -> Vec<String> {
    let mut all = Vec::new();
    for cycle in &impact.cycles {
        match &cycle.effect {
            Err(_) => all.push(format!("{} could not be computed", cycle.cycle)),
            Ok(effect) if effect.counts.unknown > 0 => {
                let number = effect.counts.unknown;
                let noun = if number == 1 { "record is" } else { "records are" };
                all.push(format!("{}: {number} {noun} unknown", cycle.cycle));
            }
            Ok(effect) if effect.counts.keys == 0 && !args.read.allow_empty => all.push(format!(
                "{}: neither version has a record (say `--allow-empty` if that is as it should be)",
                cycle.cycle
            )),
            Ok(_) => {}
        }
    }
    if let Some(cases) = &impact.cases {
        if cases.broken > 0 {
            all.push(format!("{} of the cases cannot be run as the project stands", cases.broken));
        }
        if let Some((number, why)) = &cases.not_run {
            all.push(format!("{number} cases were not run: {why}"));
        }
    }
    if !all.is_empty() {
        return all;
    }
    let run = impact.cases.as_ref().map_or(0, |cases| cases.run);
    let told = impact.cases.as_ref().map_or(0, |cases| cases.run - cases.undecided);
    let moved = |cycle: &crate::report::impact::Cycle| matches!(cycle.then, Some(Then::Moved(_) | Then::Unknown(_)));
    if impact.cycles.is_empty() && run == 0 {
        all.push(
            "there was nothing to look at: no verified cycle and no case (`recon verify` makes cycles; `--cases DIR` names cases)"
                .to_owned(),
        );
    } else if impact.cycles.is_empty() && told == 0 {
        all.push(format!(
            "nothing can be told: {} in either version",
            if run == 1 { "the only case decides nothing" } else { "the cases decide nothing" }
        ));
    }
    if args.cases.is_some() && run == 0 && impact.cases.as_ref().is_some_and(|cases| cases.not_run.is_none()) {
        all.push(format!("no case below the folder of `--cases` is of `{}`", impact.name));
    }
    if impact.verdict() != ImpactVerdict::Same {
        return all;
    }
    // What changes is told whatever was not looked at. That nothing does is only said by who has looked.
    if impact.cycles.is_empty() && args.cycles > 0 && !impact.left_out.is_empty() {
        all.push("no past cycle could be looked at: each was left out".to_owned());
    } else if !impact.cycles.is_empty() && impact.cycles.iter().all(moved) {
        all.push(
            "none of the cycles is computed from what it was verified with: what the change would have done then cannot be told"
                .to_owned(),
        );
    }
    all
}

fn currencies(reconciliation: &Reconciliation, change: &Change) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for column in &reconciliation.columns {
        let Some(currency) = &column.currency else { continue };
        all.insert(change.own_name(&column.name).to_owned(), currency.clone());
        // What is paid stands under legacy's name.
        all.entry(column.name.legacy.clone()).or_insert_with(|| currency.clone());
    }
    all
}

fn format_of(args: &ImpactArgs) -> Result<Format, Failure> {
    let format = output::format_of(args.format, args.output.as_deref().map(Path::new))?;
    let fits = match args.check {
        Some(_) => matches!(format, Format::Table | Format::Json),
        None => FORMATS.contains(&format),
    };
    if fits {
        return Ok(format);
    }
    let formats = if args.check.is_some() { "table or json" } else { "table, json, csv or markdown" };
    Err(Failure::usage(format!("an impact is not written as {}", format.name()))
        .hint(format!("use --format {formats}")))
}
