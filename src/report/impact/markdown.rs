//! `--format markdown`: for the pull request that changes the query.

use std::io::{self, Write};

use super::super::Look;
use super::super::markdown::{code, plain};
use super::super::shown::Shown;
use super::super::visible::{show, show_key};
use super::super::words::{count, counted, signed};
use super::table::turned;
use super::{CaseEnd, Impact, ImpactVerdict, Touched, words};
use crate::domain::Amount;

/// Records, groups and cases that are shown when nobody says how many.
const SHOWN: u64 = 20;

pub(super) fn render(impact: &Impact, records: &mut dyn Touched, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let (mark, word) = match impact.verdict() {
        ImpactVerdict::Same => ("✅", "SAME"),
        ImpactVerdict::Changes => ("❌", "CHANGES"),
        ImpactVerdict::Incomplete => ("⚠️", "INCOMPLETE"),
    };
    writeln!(out, "## {mark} {word}: {}: {}\n", code(&impact.name), plain(&words::sentence(impact)))?;
    let mut notes: Vec<String> = impact.reasons.clone();
    notes.push(format!("{} from {}; nothing was written", impact.change.what, impact.change.from));
    notes.extend(impact.cycles.iter().flat_map(words::then_sentences));
    notes.extend(impact.cycles.iter().filter_map(|cycle| match &cycle.effect {
        Err(why) => Some(format!("{}: {why}", cycle.cycle)),
        Ok(effect) => {
            effect.after.as_ref().err().map(|why| format!("{}: a verification would be refused: {why}", cycle.cycle))
        }
    }));
    notes.extend(impact.notices.iter().cloned());
    notes.extend(impact.left_out.iter().map(|(cycle, why)| format!("left out: {cycle} ({why})")));
    for note in notes {
        writeln!(out, "- {}", plain(&note))?;
    }
    writeln!(out)?;
    cycles(impact, out)?;
    money(impact, look, out)?;
    first(impact, records, look, out)?;
    cases(impact, look, out)
}

fn cycles(impact: &Impact, out: &mut dyn Write) -> io::Result<()> {
    if impact.cycles.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "| cycle | run | inputs | records | equal | changed | added | removed | unknown | discrepancies | verdict | columns |"
    )?;
    writeln!(out, "|---|---|---|--:|--:|--:|--:|--:|--:|---|---|---|")?;
    for cycle in &impact.cycles {
        let head = format!("| {} | {} | {} |", code(&cycle.cycle), cycle.run, words::then(cycle));
        let Ok(effect) = &cycle.effect else {
            writeln!(out, "{head} | | | | | | | not computed | |")?;
            continue;
        };
        let numbers: Vec<String> = words::counts(&effect.counts).iter().map(|(_, number)| count(*number)).collect();
        let after = effect.after.as_ref().ok();
        let discrepancies = turned(
            &count(effect.before.discrepancies),
            &after.map_or_else(|| "?".to_owned(), |after| count(after.discrepancies)),
        );
        let verdict = turned(effect.before.verdict, after.map_or("refused", |after| after.verdict));
        let (gone, new) = effect.columns();
        let columns: Vec<String> = gone
            .iter()
            .map(|name| format!("{} gone", code(name)))
            .chain(new.iter().map(|name| format!("{} new", code(name))))
            .collect();
        writeln!(out, "{head} {} | {discrepancies} | {verdict} | {} |", numbers.join(" | "), columns.join(", "))?;
    }
    writeln!(out)
}

fn money(impact: &Impact, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let named = |column: &str| match impact.currencies.get(column) {
        Some(currency) => format!("{} ({})", code(column), plain(currency)),
        None => code(column),
    };
    let money = impact.money();
    if !money.is_empty() {
        writeln!(
            out,
            "| path total | current | changed | net | over | under | gross |\n|---|--:|--:|--:|--:|--:|--:|"
        )?;
        for one in &money {
            let amounts = [&one.current, &one.changed].map(|total| total.amount().to_string()).join(" | ");
            let others = [&one.over, &one.under, &one.gross].map(|total| total.amount().to_string()).join(" | ");
            writeln!(out, "| {} | {amounts} | {} | {others} |", named(&one.column), signed(&one.net.amount()))?;
        }
        writeln!(out)?;
    }
    let paid = impact.paid();
    if !paid.is_empty() {
        writeln!(out, "| to be paid | before | after | difference |\n|---|--:|--:|--:|")?;
        for (column, before, after) in &paid {
            let difference = after.minus(before).unwrap_or(Amount::NAN);
            writeln!(out, "| {} | {before} | {after} | {} |", named(column), signed(&difference))?;
        }
        writeln!(out)?;
    }
    let Some(by) = impact.by.as_ref().filter(|by| by.total.records > 0) else { return Ok(()) };
    let shown = usize::try_from(look.limit.unwrap_or(SHOWN)).unwrap_or(usize::MAX);
    let names: Vec<String> = by.columns.iter().map(|column| named(column)).collect();
    writeln!(out, "| {} | records | {} |", code(&by.column), names.join(" | "))?;
    writeln!(out, "|---|--:|{}", "--:|".repeat(by.columns.len()))?;
    let mut row = |first: &str, records: u64, net: &[Amount]| {
        let net: Vec<String> = net.iter().map(signed).collect();
        writeln!(out, "| {first} | {} | {} |", count(records), net.join(" | "))
    };
    for group in by.groups.iter().take(shown) {
        row(&code(&show(&group.value)), group.records, &group.net)?;
    }
    if let Some((values, rest)) = by.rest(shown) {
        row(&counted(values, "more value", "more values"), rest.records, &rest.net)?;
    }
    row("all", by.total.records, &by.total.net)?;
    writeln!(out)
}

fn first(impact: &Impact, records: &mut dyn Touched, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let mut left = look.limit.unwrap_or(SHOWN);
    let mut begun = false;
    for (at, cycle) in impact.cycles.iter().enumerate() {
        let Ok(effect) = &cycle.effect else { continue };
        let mut all = records.of(at);
        let mut shown = Shown::new(&mut *all, left, effect.counts.touched() + effect.counts.unknown);
        while let Some(record) = shown.next()? {
            if !std::mem::replace(&mut begun, true) {
                writeln!(
                    out,
                    "| cycle | record | | column | current | changed | difference |\n|---|---|---|---|--:|--:|--:|"
                )?;
            }
            left -= 1;
            let head =
                format!("| {} | {} | {}", code(&cycle.cycle), code(&show_key(&record.key)), words::kind(&record));
            if record.fields.is_empty() {
                writeln!(out, "{head} | | | | {} |", record.reason.as_deref().map(plain).unwrap_or_default())?;
            }
            for field in &record.fields {
                let value =
                    |value: &Option<crate::domain::Value>| value.as_ref().map(|v| code(&show(v))).unwrap_or_default();
                let difference = field.difference.as_ref().map(signed).unwrap_or_default();
                let (current, changed) = (value(&field.legacy), value(&field.candidate));
                writeln!(out, "{head} | {} | {current} | {changed} | {difference} |", code(&field.column))?;
            }
        }
    }
    if begun { writeln!(out) } else { Ok(()) }
}

fn cases(impact: &Impact, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let Some(cases) = &impact.cases else { return Ok(()) };
    if let Some((number, why)) = &cases.not_run {
        return writeln!(
            out,
            "{} in {} not run: {}",
            counted(*number, "case", "cases"),
            code(&cases.folder),
            plain(why)
        );
    }
    let of = counted(cases.run, "case", "cases");
    write!(out, "{} of {of} in {} would change.", count(cases.changed), code(&cases.folder))?;
    if cases.undecided > 0 {
        write!(out, " {} decide nothing in either version.", count(cases.undecided))?;
    }
    writeln!(out, "\n")?;
    let shown = usize::try_from(look.limit.unwrap_or(SHOWN)).unwrap_or(usize::MAX);
    for case in cases.first.iter().take(shown) {
        let what = match &case.ends {
            CaseEnd::Changes(differences) => {
                differences.iter().map(|difference| difference.what).collect::<Vec<_>>().join(", ")
            }
            CaseEnd::BrokenByChange(why) => format!("broken by the change: {}", plain(why)),
            CaseEnd::Broken(why) => format!("broken as it is: {}", plain(why)),
        };
        writeln!(out, "- {}: {what} ({})", code(&case.name), plain(case.why.trim()))?;
    }
    Ok(())
}
