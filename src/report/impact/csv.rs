//! `--format csv`: one row per field that would change, data only, the newest cycle first.

use std::io::{self, Write};

use super::super::Look;
use super::super::csv::{Row, write_discrepancy};
use super::super::shown::Shown;
use super::table::VOICE;
use super::{Impact, Touched};

pub(super) fn render(impact: &Impact, records: &mut dyn Touched, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let mut row = Row::default();
    let effects =
        || impact.cycles.iter().enumerate().filter_map(|(at, cycle)| Some((at, cycle, cycle.effect.as_deref().ok()?)));
    let key = effects().next().map_or(&[] as &[String], |(_, _, effect)| &effect.report.key);
    row.text("cycle");
    key.iter().for_each(|name| row.text(name));
    for name in ["kind", "column", "current", "changed", "difference", "reason", "copy"] {
        row.text(name);
    }
    row.end(out)?;
    for (at, cycle, effect) in effects() {
        let counted = effect.counts.touched() + effect.counts.unknown;
        let mut all = records.of(at);
        let mut shown = Shown::new(&mut *all, look.limit.unwrap_or(u64::MAX), counted);
        while let Some(record) = shown.next()? {
            write_discrepancy(&effect.report, &record, (Some(&cycle.cycle), &VOICE), &mut row, out)?;
        }
        // A column that comes or goes changes every record.
        let (gone, new) = effect.columns();
        for (word, column) in
            gone.iter().map(|name| ("column_gone", name)).chain(new.iter().map(|name| ("column_new", name)))
        {
            row.text(&cycle.cycle);
            key.iter().for_each(|_| row.empty());
            row.text(word);
            row.text(column);
            (0..5).for_each(|_| row.empty());
            row.end(out)?;
        }
    }
    Ok(())
}
