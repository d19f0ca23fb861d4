//! `--format table`: one screen. The verdict first, then every cycle on a line, money, the totals by a column, the first
//! records with both values, and the cases. Must read well without colour; amounts are never cut.

use std::io::{self, Write};

use super::super::Look;
use super::super::layout::{Align, Grid, GridCell, Paint, Style, fit, wrapped};
use super::super::shown::Shown;
use super::super::table::records as write_records;
use super::super::visible::{show, show_key, visible};
use super::super::voice::Voice;
use super::super::words::{count, counted, signed};
use super::{Case, CaseEnd, Impact, ImpactVerdict, Touched, words};
use crate::cases::Mark;

/// Records and groups that are shown when nobody says how many.
pub(super) const SHOWN: u64 = 5;
/// Groups of the table by a column.
const GROUPS: u64 = 10;
/// Cases and keys that are named.
const NAMED: usize = 5;
/// Lines of one case's difference.
const LINES: usize = 8;

/// Two versions of one path.
pub(super) const VOICE: Voice = Voice {
    sides: ["current", "changed"],
    kind: words::kind,
    kind_name: words::kind,
    noun: ["record that would change", "records that would change"],
};

pub(super) fn render(impact: &Impact, records: &mut dyn Touched, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { impact, paint: Paint(look.color), width: look.width.max(40), look };
    page.verdict(out)?;
    page.cycles(out)?;
    page.money(out)?;
    page.by(out)?;
    page.against(out)?;
    page.records(records, out)?;
    page.cases(out)?;
    page.notes(out)
}

struct Page<'a> {
    impact: &'a Impact,
    paint: Paint,
    width: usize,
    look: &'a Look,
}

impl Page<'_> {
    fn line(&self, text: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
        wrapped("  ", text, (self.paint, style), self.width, out)
    }

    fn verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let impact = self.impact;
        let (word, style) = match impact.verdict() {
            ImpactVerdict::Same => ("SAME", Style::Good),
            ImpactVerdict::Changes => ("CHANGES", Style::Bad),
            ImpactVerdict::Incomplete => ("INCOMPLETE", Style::Warning),
        };
        let sentence = self.paint.text(Style::Bold, &words::sentence(impact));
        writeln!(out, "{}  {}: {sentence}", self.paint.text(style, word), visible(&impact.name))?;
        for reason in &impact.reasons {
            self.line(reason, Style::Warning, out)?;
        }
        let change = &impact.change;
        let what = format!("{} from {}; nothing was written", change.what, change.from);
        self.line(&what, Style::Dim, out)
    }

    fn cycles(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.impact.cycles.is_empty() {
            return Ok(());
        }
        let right = Align::Right;
        let mut columns = vec![("cycle", Align::Left), ("run", Align::Left), ("inputs", Align::Left)];
        // What no cycle has takes no room.
        let all = words::counts(&self.impact.counts());
        let told: Vec<&str> = all
            .into_iter()
            .filter(|(word, number)| *number > 0 || matches!(*word, "records" | "equal" | "changed"))
            .map(|(word, _)| word)
            .collect();
        columns.extend(told.iter().map(|word| (*word, right)));
        columns.extend([("discrepancies", Align::Left), ("verdict", Align::Left)]);
        let mut grid = Grid::new(0, &columns);
        let plain = |text: String| GridCell::text(text, Style::Plain);
        let prefix = format!("{} ", self.impact.name);
        for cycle in &self.impact.cycles {
            let name = cycle.cycle.strip_prefix(&prefix).unwrap_or(&cycle.cycle);
            let then = words::then(cycle);
            let style = if matches!(then, "as decided" | "same totals" | "-") { Style::Plain } else { Style::Warning };
            let mut cells =
                vec![plain(visible(name).into_owned()), plain(cycle.run.clone()), GridCell::text(then, style)];
            match &cycle.effect {
                Err(_) => {
                    cells.extend(told.iter().map(|_| plain("-".to_owned())));
                    cells.extend([plain("-".to_owned()), GridCell::text("not computed", Style::Warning)]);
                }
                Ok(effect) => {
                    let counts = words::counts(&effect.counts);
                    for (word, number) in counts.into_iter().filter(|(word, _)| told.contains(word)) {
                        let style = match (word, number) {
                            ("records" | "equal", _) => Style::Plain,
                            (_, 0) => Style::Dim,
                            ("unknown", _) => Style::Warning,
                            _ => Style::Bad,
                        };
                        cells.push(GridCell::text(count(number), style));
                    }
                    let (before, after) = (&effect.before, effect.after.as_ref().ok());
                    cells.push(plain(turned(
                        &count(before.discrepancies),
                        &after.map_or_else(|| "?".to_owned(), |after| count(after.discrepancies)),
                    )));
                    cells.push(plain(turned(before.verdict, after.map_or("refused", |after| after.verdict))));
                }
            }
            grid.row(cells);
        }
        writeln!(out)?;
        grid.write(self.paint, out)?;
        for cycle in &self.impact.cycles {
            for sentence in words::then_sentences(cycle) {
                self.line(&sentence, Style::Warning, out)?;
            }
            match &cycle.effect {
                Err(why) => self.line(&format!("{}: {why}", cycle.cycle), Style::Warning, out)?,
                Ok(effect) => {
                    if let Err(why) = &effect.after {
                        self.line(
                            &format!("{}: a verification would be refused: {why}", cycle.cycle),
                            Style::Bad,
                            out,
                        )?;
                    }
                }
            }
        }
        for (word, pick) in [("gone", 0), ("new", 1)] {
            let mut names: Vec<&String> = Vec::new();
            for effect in self.impact.effects() {
                let all = if pick == 0 { effect.columns().0 } else { effect.columns().1 };
                all.iter().for_each(|name| {
                    if !names.contains(&name) {
                        names.push(name)
                    }
                });
            }
            if !names.is_empty() {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                let noun = if names.len() == 1 { "column" } else { "columns" };
                self.line(&format!("{noun} {word}: {}", names.join(", ")), Style::Bad, out)?;
            }
        }
        Ok(())
    }

    fn currency(&self, column: &str) -> String {
        let currency = self.impact.currencies.get(column);
        currency.map_or_else(|| visible(column).into_owned(), |currency| format!("{} ({currency})", visible(column)))
    }

    fn money(&self, out: &mut dyn Write) -> io::Result<()> {
        let money = self.impact.money();
        let paid = self.impact.paid();
        let number = |text: String, style| GridCell::number(text, style);
        if !money.is_empty() {
            let decimal = Align::Decimal;
            let head = [
                ("path total", Align::Left),
                ("current", decimal),
                ("changed", decimal),
                ("net", decimal),
                ("over", decimal),
                ("under", decimal),
                ("gross", decimal),
            ];
            let mut grid = Grid::new(0, &head);
            for one in &money {
                grid.row(vec![
                    GridCell::text(self.currency(&one.column), Style::Bold),
                    number(one.current.amount().to_string(), Style::Plain),
                    number(one.changed.amount().to_string(), Style::Plain),
                    number(signed(&one.net.amount()), Style::Bad),
                    number(one.over.amount().to_string(), Style::Plain),
                    number(one.under.amount().to_string(), Style::Plain),
                    number(one.gross.amount().to_string(), Style::Plain),
                ]);
            }
            writeln!(out)?;
            grid.write(self.paint, out)?;
        }
        if !paid.is_empty() {
            let decimal = Align::Decimal;
            let head = [("to be paid", Align::Left), ("before", decimal), ("after", decimal), ("difference", decimal)];
            let mut grid = Grid::new(0, &head);
            for (column, before, after) in &paid {
                let difference = after.minus(before).unwrap_or(crate::domain::Amount::NAN);
                grid.row(vec![
                    GridCell::text(self.currency(column), Style::Bold),
                    number(before.to_string(), Style::Plain),
                    number(after.to_string(), Style::Plain),
                    number(signed(&difference), Style::Bad),
                ]);
            }
            writeln!(out)?;
            grid.write(self.paint, out)?;
        }
        Ok(())
    }

    fn by(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(by) = self.impact.by.as_ref().filter(|by| by.total.records > 0) else { return Ok(()) };
        let shown = usize::try_from(self.look.limit.unwrap_or(GROUPS)).unwrap_or(usize::MAX);
        let name = visible(&by.column);
        let mut head = vec![(&*name, Align::Left), ("records", Align::Right)];
        let names: Vec<String> = by.columns.iter().map(|column| self.currency(column)).collect();
        head.extend(names.iter().map(|name| (name.as_str(), Align::Decimal)));
        let mut grid = Grid::new(0, &head);
        let mut row = |first: String, records: u64, net: &[crate::domain::Amount], style| {
            let mut cells = vec![GridCell::text(first, style), GridCell::text(count(records), style)];
            cells.extend(net.iter().map(|net| GridCell::number(signed(net), style)));
            grid.row(cells);
        };
        for group in by.groups.iter().take(shown) {
            row(fit(&show(&group.value), self.width / 3), group.records, &group.net, Style::Plain);
        }
        if let Some((values, rest)) = by.rest(shown) {
            row(counted(values, "more value", "more values"), rest.records, &rest.net, Style::Dim);
        }
        row("all".to_owned(), by.total.records, &by.total.net, Style::Bold);
        writeln!(out)?;
        grid.write(self.paint, out)?;
        if by.moved > 0 {
            let records = counted(by.moved, "record changes", "records change");
            self.line(&format!("{records} from one {name} to another"), Style::Plain, out)?;
        }
        Ok(())
    }

    /// Discrepancies and decisions, key by key.
    fn against(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut sums = [0; 5];
        let mut decisions = Some(0);
        let mut first: Vec<String> = Vec::new();
        let mut any = false;
        for keys in self.impact.effects().filter_map(|effect| effect.keys.as_ref()) {
            any = true;
            let parts = [keys.newly_agree, keys.newly_disagree, keys.otherwise, keys.gone, keys.still];
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            decisions = decisions.zip(keys.decisions).map(|(sum, more)| sum + more);
            first.extend(keys.first.iter().map(|(kind, key)| format!("{} {}", show_key(key), kind.replace('_', " "))));
        }
        if !any {
            return Ok(());
        }
        let words = ["newly agree", "newly disagree", "disagree otherwise", "are gone", "disagree as now"];
        let parts: Vec<String> = words
            .iter()
            .zip(sums)
            .filter(|(_, number)| *number > 0)
            .map(|(word, number)| format!("{} {word}", count(number)))
            .collect();
        let text = if parts.is_empty() { "none, before and after".to_owned() } else { parts.join(", ") };
        writeln!(out)?;
        let other = self.impact.change.other;
        wrapped("", &format!("discrepancies with the {other}: {text}"), (self.paint, Style::Plain), self.width, out)?;
        let text = match decisions {
            Some(0) => "decisions: the same".to_owned(),
            Some(number) => format!("decisions: {}", counted(number, "is another one", "are others")),
            None => "decisions: not known for every cycle".to_owned(),
        };
        wrapped("", &text, (self.paint, Style::Plain), self.width, out)?;
        if first.is_empty() {
            return Ok(());
        }
        let more = if first.len() > NAMED { ", …" } else { "" };
        self.line(
            &format!("{}{more}", first.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")),
            Style::Dim,
            out,
        )
    }

    fn records(&self, records: &mut dyn Touched, out: &mut dyn Write) -> io::Result<()> {
        let limit = self.look.limit.unwrap_or(SHOWN);
        let effects = self.impact.cycles.iter().enumerate();
        let found = effects.filter_map(|(at, cycle)| Some((at, cycle, cycle.effect.as_deref().ok()?)));
        let Some((at, cycle, effect)) = found.into_iter().find(|(_, _, effect)| touched(effect) > 0) else {
            return Ok(());
        };
        if limit == 0 {
            return Ok(());
        }
        let mut all = records.of(at);
        let mut shown = Shown::new(&mut *all, limit, touched(effect));
        write_records(&effect.report, &mut shown, VOICE, self.look, out)?;
        let elsewhere = self.impact.effects().filter(|effect| touched(effect) > 0).count() > 1;
        if elsewhere || shown.left_out() > 0 {
            let text = format!("of {}; `--format csv` holds every one", cycle.cycle);
            self.line(&text, Style::Dim, out)?;
        }
        Ok(())
    }

    fn cases(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(cases) = &self.impact.cases else { return Ok(()) };
        writeln!(out)?;
        let mut parts = vec![format!("{} come out as now", count(cases.same))];
        if cases.changed > 0 {
            parts.push(format!("{} would change", count(cases.changed)));
        }
        if cases.undecided > 0 {
            parts.push(format!("{} decide nothing in either version", count(cases.undecided)));
        }
        if cases.broken > 0 {
            parts.push(format!("{} cannot be run as the project stands", count(cases.broken)));
        }
        if let Some((number, why)) = &cases.not_run {
            parts = vec![format!("{} not run: {why}", count(*number))];
        }
        let folder = &cases.folder;
        let text = format!("cases in {folder}: {}", parts.join(", "));
        wrapped("", &text, (self.paint, Style::Plain), self.width, out)?;
        let limit = self.look.limit.map_or(NAMED, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        for case in cases.first.iter().take(limit) {
            self.case(case, out)?;
        }
        let more = (cases.changed + cases.broken).saturating_sub(cases.first.len().min(limit) as u64);
        if more > 0 {
            self.line(&format!("… and {}", counted(more, "more case", "more cases")), Style::Dim, out)?;
        }
        Ok(())
    }

    fn case(&self, case: &Case, out: &mut dyn Write) -> io::Result<()> {
        let word = match &case.ends {
            CaseEnd::Changes(_) => "changes",
            CaseEnd::BrokenByChange(_) => "broken by the change",
            CaseEnd::Broken(_) => "broken as it is",
        };
        writeln!(out, "  {}  {word}", self.paint.text(Style::Bold, &visible(&case.name)))?;
        wrapped("    why: ", case.why.trim(), (self.paint, Style::Dim), self.width, out)?;
        match &case.ends {
            CaseEnd::BrokenByChange(why) | CaseEnd::Broken(why) => {
                wrapped("    ", why, (self.paint, Style::Warning), self.width, out)
            }
            CaseEnd::Changes(differences) => {
                let lines: Vec<(Mark, String)> = differences
                    .iter()
                    .flat_map(|one| {
                        let title = (Mark::Same, format!("{} (- current, + changed)", one.what));
                        std::iter::once(title).chain(one.lines.iter().cloned())
                    })
                    .collect();
                for (mark, line) in lines.iter().take(LINES) {
                    let style = match mark {
                        Mark::Same => Style::Dim,
                        Mark::Expected => Style::Bad,
                        Mark::Actual => Style::Good,
                    };
                    writeln!(out, "    {}", self.paint.text(style, &format!("{} {}", mark.sign(), visible(line))))?;
                }
                match lines.len().saturating_sub(LINES) {
                    0 => Ok(()),
                    more => writeln!(out, "      … {}", counted(more as u64, "more line", "more lines")),
                }
            }
        }
    }

    fn notes(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut notes: Vec<String> = self.impact.notices.clone();
        if !self.impact.left_out.is_empty() {
            let shown = self.impact.left_out.iter().take(NAMED);
            let mut parts: Vec<String> = shown.map(|(cycle, why)| format!("{cycle} ({why})")).collect();
            let more = self.impact.left_out.len().saturating_sub(NAMED);
            if more > 0 {
                parts.push(format!("{} more", count(more as u64)));
            }
            notes.push(format!("left out: {}", parts.join(", ")));
        }
        if !notes.is_empty() {
            writeln!(out)?;
        }
        notes.iter().try_for_each(|note| wrapped("note  ", note, (self.paint, Style::Dim), self.width, out))
    }
}

fn touched(effect: &super::Effect) -> u64 {
    effect.counts.touched() + effect.counts.unknown
}

/// `3 -> 415`, or one of them where they are the same.
pub(super) fn turned(before: &str, after: &str) -> String {
    if before == after { before.to_owned() } else { format!("{before} -> {after}") }
}
