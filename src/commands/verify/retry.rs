//! `recon retry`: only records that were unknown or discrepant are computed again, and the decisions of the run before
//! are completed with them (T5). What that run decided stays in its own history.

use std::collections::HashMap;
use std::io;

use serde_json::Value as Json;

use crate::cli::{Global, RetryArgs, VerifyArgs};
use crate::commands::cycle::Named;
use crate::commands::diff::{Request, rules, settings};
use crate::commands::named::{both, definition};
use crate::commands::who::who;
use crate::commands::{Failure, canary, print_lines, release};
use crate::compare::{Compared, Definition};
use crate::config::{Choice, ChoiceWithoutLegacy, Policy};
use crate::decide::{Decision, Evidence, Reason, Rule, Survey, Taken, decisions, exceeds, fold, judge};
use crate::decisions::{Kept, Layout, Place, ReadBack, Seen};
use crate::domain::{Amount, Filter, Literal, Operator, State, Total, Value, is_plain_literal};
use crate::exit::Exit;
use crate::ledger::{Begin, Begun, Cycle, Ledger, Logged, Run, RunRecord, RunVerdict};
use crate::report::verification::{Bridged, Decided, Part, Verification};
use crate::report::{Counts, DiscrepancyKind, count};

use super::work::{Known, Work, end, log, read, state_of, temporary};
use super::written::{Again, written};
use super::{exit_of, snapshot};

/// Keys that are asked for by name; of more, everything is computed again.
const MOST_KEYS: usize = 10_000;

/// The run that is completed.
pub(super) struct Base {
    run: RunRecord,
    kept: Kept,
    found: ReadBack,
    columns: (Vec<String>, Vec<String>),
    counts: Counts,
    /// What is computed again: each key's canonical text, and why it was not settled.
    retried: HashMap<String, Reason>,
    /// Discrepancies of that run that stay as they are.
    left: Vec<Logged>,
}

/// Runs the command.
///
/// # Errors
/// There is no run that could be completed, or as `recon verify`.
pub fn run(global: &Global, args: &RetryArgs) -> Result<Exit, Failure> {
    let mut verify = VerifyArgs {
        cycle: args.cycle.clone(),
        by: args.by.clone(),
        lock_timeout: args.lock_timeout,
        lease: args.lease,
        strict: args.strict,
        again: true,
        limit: args.limit,
        format: args.format,
        output: args.output.clone(),
        // Of a few keys one side may well have none.
        read: crate::cli::ReadArgs { allow_empty: true, ..args.read.clone() },
    };
    let format = super::format_of(&verify)?;
    let named = Named::load(global, &args.cycle)?;
    let who = who(args.by.as_deref())?;
    let settings = settings(&args.read)?;
    let texts = snapshot::texts(&named)?;
    let name = &named.reconciliation.name;
    let Some(decisions) = &named.reconciliation.decisions else {
        return Err(Failure::usage(format!("`{name}` has no [decisions]: there is nothing to complete"))
            .hint("`recon verify … --again` computes everything again"));
    };
    let mut place = Place::of(&named.project, decisions, &named.params, &settings)?;
    let mut ledger = named.ledger()?;
    let cycle = named.found(global, &mut ledger)?;
    let mut base = base(&mut ledger, &cycle, &mut place)?;
    // What was verified strictly is not completed laxly.
    let before = release::settings(&mut ledger, base.run.holder.run)?;
    verify.strict |= before.is_some_and(|settings| settings["flags"]["strict"] == true);
    let names: Vec<String> = named.reconciliation.key.iter().map(|key| key.legacy.clone()).collect();
    let keys = chosen(&mut base, &asked(&names, &args.keys)?)?;
    if keys.is_empty() {
        print_lines(&[format!("{}: every record of run {} agrees: nothing to retry", cycle.key, base.run.holder.run)]);
        return Ok(exit_of(base.run.verdict.unwrap_or(RunVerdict::Incomplete)));
    }
    base.left = left(&mut ledger, &base)?;
    let percent = canary::in_force(&mut ledger, &named.reconciliation)?;
    let definition = Definition {
        rules: rules(&args.read, Default::default())?,
        filter: condition(&names, &keys),
        ..definition(&named.reconciliation)
    };
    let request =
        both(&named.project, &named.reconciliation, &named.params, &settings, definition, &verify.read, true)?;
    let attempt = cycle.run.as_ref().map_or(0, |run| run.holder.run.attempt);
    let begin = Begin {
        lock_timeout: args.lock_timeout,
        lease: args.lease,
        again: true,
        continues: Some(base.run.holder.run.attempt),
        ..Begin::by(&who)
    };
    let run = match ledger.begin_run(&named.key, &begin)? {
        Begun::Started(run) => run,
        Begun::Found(_) => return Err(Failure::incomplete("the ledger did not begin a run that was asked for")),
    };
    if run.id().attempt != attempt + 1 {
        // Its decisions are not those that were read a moment ago. Dropping the run blocks the cycle, with a reason.
        return Err(Failure {
            exit: Exit::Refused,
            what: format!("another run of {} came between", cycle.key),
            hint: Some("look at `recon status`, and retry".into()),
        });
    }
    let work = Work { global, args: &verify, format, named: &named, settings: &settings, who: &who, texts, percent };
    work.run(&mut ledger, *run, request, Some(place), Some(base))
}

/// The run whose decisions are completed, with those decisions, which must still be what it wrote.
fn base(ledger: &mut Ledger, cycle: &Cycle, place: &mut Place) -> Result<Base, Failure> {
    let verify = "`recon verify` computes the whole cycle";
    let refused = |what: String| Failure { exit: Exit::Refused, what, hint: Some(verify.into()) };
    if cycle.state.is_released() {
        let what = format!("{} is {}: what was released is not changed", cycle.key, cycle.state);
        return Err(Failure { exit: Exit::Refused, what, hint: None });
    }
    let id = match cycle.decided_run() {
        Some(run) => Some(run),
        None => cycle.run.as_ref().map(|run| run.holder.run),
    };
    let runs = ledger.runs(cycle.id)?;
    let run = runs.into_iter().find(|run| Some(run.holder.run) == id);
    let run = run.ok_or_else(|| refused(format!("{} was never verified: there is nothing to retry", cycle.key)))?;
    let id = run.holder.run;
    let figures: Option<Json> = run.figures.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let decided = figures.as_ref().and_then(|figures| {
        let number = |name: &str| figures["diff"]["counts"][name].as_u64();
        let counts = Counts {
            keys: number("keys")?,
            matched: number("matched")?,
            tolerated: number("tolerated")?,
            mismatched: number("mismatched")?,
            legacy_only: number("legacy_only")?,
            candidate_only: number("candidate_only")?,
            duplicate: number("duplicate")?,
            unknown: number("unknown")?,
        };
        Some((figures["decisions"]["hash"].as_str()?.to_owned(), whole(figures).unwrap_or(counts)))
    });
    let Some((hash, counts)) = decided else {
        return Err(refused(format!("run {id} of {} wrote no decisions: there is nothing to complete", cycle.key)));
    };
    let columns = release::columns(ledger, id)?;
    let found = place.read(&id.to_string(), &columns.0, &columns.1)?;
    if found.hash != hash {
        let what = format!("the decisions of run {id} in {} are not those that it wrote", place.label());
        return Err(refused(what));
    }
    let kept = place.keep(&id.to_string(), &columns.0, &columns.1)?;
    Ok(Base { run, kept, found, columns, counts, retried: HashMap::new(), left: Vec::new() })
}

/// The counts of the whole cycle that a retry has put together.
fn whole(figures: &Json) -> Option<Counts> {
    let number = |name: &str| figures["retry"]["counts"][name].as_u64();
    Some(Counts {
        keys: number("keys")?,
        matched: number("matched")?,
        tolerated: number("tolerated")?,
        mismatched: number("mismatched")?,
        legacy_only: number("legacy_only")?,
        candidate_only: number("candidate_only")?,
        duplicate: number("duplicate")?,
        unknown: number("unknown")?,
    })
}

/// The keys that are computed again: every one that was not settled, or those of them that were asked for.
fn chosen(base: &mut Base, asked: &[String]) -> Result<Vec<Vec<Value>>, Failure> {
    let mut wanted: HashMap<String, &String> = asked.iter().map(|text| (canonical(text.split('/')), text)).collect();
    let mut keys = Vec::new();
    for decision in base.kept.decisions().map_err(|error| temporary(&error))? {
        let decision = decision.map_err(|error| temporary(&error))?;
        let Reason::Discrepancy(_) = decision.reason else { continue };
        let name = name(&decision.key);
        if asked.is_empty() || wanted.remove(&name).is_some() {
            base.retried.insert(name, decision.reason);
            keys.push(decision.key);
        }
    }
    if let Some(unknown) = wanted.values().next() {
        let run = base.run.holder.run;
        return Err(Failure::usage(format!(
            "`--keys {unknown}`: run {run} has no unknown or discrepant record of that key"
        ))
        .hint(format!("`recon discrepancies list --run {run}` shows them; parts of a key are separated by `/`")));
    }
    Ok(keys)
}

/// The keys that were asked for, their parts separated by `/`: also as they are listed, `id=17` or `id=17,currency=KRW`.
fn asked(names: &[String], given: &[String]) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    let mut parts: Vec<String> = Vec::new();
    for item in given {
        let next = names.get(parts.len()).map(|name| format!("{name}="));
        match next.and_then(|prefix| item.strip_prefix(&prefix)) {
            Some(part) => parts.push(part.to_owned()),
            None if parts.is_empty() => keys.push(item.clone()),
            None => break,
        }
        if parts.len() == names.len() {
            keys.push(std::mem::take(&mut parts).join("/"));
        }
    }
    if parts.is_empty() {
        return Ok(keys);
    }
    Err(Failure::usage(format!("`--keys {}` does not name every part of a key", given.join(",")))
        .hint(format!("the key is ({}): write its values separated by `/`, several keys by commas", names.join(", "))))
}

/// A key as one text that is the same however a store holds it.
fn name(key: &[Value]) -> String {
    let parts: Vec<String> =
        key.iter().map(|value| if value.is_missing() { "\u{0}".into() } else { value.to_string() }).collect();
    canonical(parts.iter().map(String::as_str))
}

fn canonical<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let plain = |part: &'a str| match is_plain_literal(part.as_bytes()) && part.contains('.') {
        true => part.trim_end_matches('0').trim_end_matches('.'),
        false => part,
    };
    parts.map(plain).collect::<Vec<_>>().join("\u{1f}")
}

/// Only these keys, as a condition that every store understands; `None` where it cannot be said: then everything is
/// computed again, and only these are decided anew.
fn condition(names: &[String], keys: &[Vec<Value>]) -> Option<Filter> {
    if keys.len() > MOST_KEYS {
        return None;
    }
    let literal = |value: &Value| match value {
        Value::Number { .. } | Value::Text { .. } => Literal::of(value),
        _ => None,
    };
    if let [name] = names {
        let literals: Option<Vec<Literal>> = keys.iter().map(|key| literal(key.first()?)).collect();
        return Some(Filter::In { column: name.clone(), literals: literals? });
    }
    let one = |key: &Vec<Value>| -> Option<Filter> {
        let parts = names.iter().zip(key).map(|(name, value)| {
            Some(Filter::Compare { column: name.clone(), operator: Operator::Equal, literal: literal(value)? })
        });
        Some(Filter::All(parts.collect::<Option<Vec<_>>>()?))
    };
    Some(Filter::Any(keys.iter().map(one).collect::<Option<Vec<_>>>()?))
}

/// What the run before logged of keys that are not computed again.
fn left(ledger: &mut Ledger, base: &Base) -> Result<Vec<Logged>, Failure> {
    let mut left = Vec::new();
    let mut from = 0;
    loop {
        let rows = ledger.discrepancies(base.run.holder.run, from, 1_000)?;
        if rows.is_empty() {
            return Ok(left);
        }
        from += rows.len() as u64;
        left.extend(rows.into_iter().filter(|row| !base.retried.contains_key(&logged_name(row))));
    }
}

fn logged_name(row: &Logged) -> String {
    let key: Option<serde_json::Map<String, Json>> = serde_json::from_str(&row.key).ok();
    let key = key.unwrap_or_default();
    canonical(key.values().map(|part| part.as_str().unwrap_or("\u{0}")))
}

/// The decisions of the run before, some of them made anew.
struct Completed<'a> {
    kept: &'a mut Kept,
    anew: &'a HashMap<String, Decision>,
}

impl Again for Completed<'_> {
    fn again(&mut self) -> io::Result<Box<dyn Iterator<Item = io::Result<Decision>> + '_>> {
        let anew = self.anew;
        let completed = self.kept.decisions()?.map(move |decision| {
            let decision = decision?;
            Ok(match decision.reason {
                Reason::Discrepancy(_) => anew.get(&name(&decision.key)).cloned().unwrap_or(decision),
                _ => decision,
            })
        });
        Ok(Box::new(completed))
    }
}

/// What the completed decisions come to.
struct Sum {
    taken: [u64; 3],
    layout: Layout,
    /// Of each compared column: what was decided before and now for the keys that were computed again.
    before: Vec<Total>,
    now: Vec<Total>,
}

impl Work<'_> {
    /// Computes again what was not settled, completes the decisions, and proves that they follow from those before.
    pub(super) fn retry(
        &self,
        run: &mut Run,
        request: Request,
        place: &mut Place,
        known: &mut Known,
        base: &mut Base,
    ) -> Result<(Compared, Verification, RunVerdict), Failure> {
        self.keep_settings(run, known)?;
        let mut compared = self.compare(run, request)?;
        run.advance(&State::Computed, Some(&format!("{} again", read(&compared))))?;
        run.advance(&State::Compared, Some(&compared.report.summary()))?;
        if !compared.doubts.is_empty() {
            let what = format!("not everything could be computed again: {}", compared.doubts.join("; "));
            return Err(Failure::incomplete(what).hint("the decisions before stay as they are; retry, or verify anew"));
        }
        let rate = self.named.reconciliation.canary.max_discrepancy_rate.as_ref();
        let policy = self.named.reconciliation.policy;
        let mut rule = Rule { percent: self.percent, policy, fallback: false };
        let anew = self.anew(&mut compared, &rule, base)?;
        let counts = merged(base, &anew);
        rule.fallback = rate.is_some_and(|rate| exceeds(&counts, rate));
        run.record_discrepancies(&mut std::mem::take(&mut base.left).into_iter())?;
        log(run, &mut compared)?;
        known.expected = self.population()?;
        let mut survey = self.survey(&mut compared, &rule)?;
        let doubts = left_over(base, &policy, &mut survey)?;
        let mut judgement = judge(&Evidence {
            counts: &counts,
            survey: Some(&survey),
            doubts: &doubts,
            expected: known.expected,
            max_discrepancy_rate: rate,
            strict: self.args.strict,
        });
        run.advance(&State::Checked, None)?;
        let settled = anew.values().filter(|decision| !matches!(decision.reason, Reason::Discrepancy(_))).count();
        known.notices.push(format!(
            "{} of {} unsettled records of run {} were computed again; {} of them agree now",
            count(base.retried.len() as u64),
            count(base.counts.discrepancies()),
            base.run.holder.run,
            count(settled as u64)
        ));
        let sum = summed(base, &anew, &|name| self.named.reconciliation.column(name).and_then(|c| c.column_type))?;
        let mut found = None;
        if self.is_written(judgement.verdict) {
            let mut completed = Completed { kept: &mut base.kept, anew: &anew };
            let there =
                written(run, place, (&known.ticket, &sum.layout), sum.taken, &mut completed, self.global.quiet)?;
            let bridges = self.bridges(base, &sum, &there.read_back);
            let mut reasons = there.reasons;
            reasons.extend(bridges.iter().filter(|bridge| !bridge.residual.is_zero()).map(|bridge| {
                format!("the decisions of `{}` do not tie: residual {}", bridge.column, bridge.residual)
            }));
            if !reasons.is_empty() {
                judgement.verdict = RunVerdict::Incomplete;
                judgement.reasons.splice(0..0, reasons);
            }
            found = Some((there.read_back, bridges));
        } else {
            let what = judgement.verdict.name();
            known.notices.push(format!("{} was not written: the run is {what}", place.label()));
        }
        run.confirm()?;
        let verdict = judgement.verdict;
        let mut verification = self.blank(known, &judgement, Some(compared.report.clone()), &state_of(verdict));
        let of = |taken: Taken| found.as_ref().map_or(sum.taken[taken as usize], |(there, _)| there.of(taken));
        verification.decisions = Some(Decided {
            candidate: of(Taken::Candidate),
            legacy: of(Taken::Legacy),
            held: of(Taken::Held),
            place: found.is_some().then(|| place.label().to_owned()),
            hash: found.as_ref().map(|(there, _)| there.hash.clone()),
            totals: found.map(|(_, bridges)| bridges).unwrap_or_default(),
        });
        verification.completes = Some((base.run.holder.run.to_string(), counts));
        end(run, verdict, &verification)?;
        Ok((compared, verification, verdict))
    }

    /// The new decisions of the keys that are computed again. Every one of them must be there.
    fn anew(&self, compared: &mut Compared, rule: &Rule, base: &Base) -> Result<HashMap<String, Decision>, Failure> {
        let survey = self.survey(compared, rule)?;
        let columns: Vec<&String> = survey.layout.columns.iter().map(|seen| &seen.name).collect();
        if columns != base.columns.1.iter().collect::<Vec<_>>() {
            return Err(Failure::incomplete("the paths have other columns now than when they were verified")
                .hint("`recon verify … --again` computes the whole cycle"));
        }
        let mut anew = HashMap::new();
        for decision in decisions(compared, *rule, &survey.layout).map_err(|error| temporary(&error))? {
            let decision = decision.map_err(|error| temporary(&error))?;
            let name = name(&decision.key);
            if base.retried.contains_key(&name) {
                anew.insert(name, decision);
            }
        }
        for (key, before) in &base.retried {
            let one_sided = |reason: &Reason| {
                let kinds = [DiscrepancyKind::LegacyOnly, DiscrepancyKind::CandidateOnly];
                kinds.into_iter().any(|kind| *reason == Reason::Discrepancy(kind))
            };
            let shown = key.replace('\u{1f}', "/");
            let why = match anew.get(key) {
                None => "is on neither side any more",
                // What both sides had and one has lost may be a key that this store cannot be asked for.
                Some(now) if *before == Reason::Discrepancy(DiscrepancyKind::Mismatch) && one_sided(&now.reason) => {
                    "was on both sides and is on one only now"
                }
                Some(_) => continue,
            };
            return Err(Failure::incomplete(format!("the record `{shown}` {why}"))
                .hint("`recon verify … --again` computes the whole cycle"));
        }
        Ok(anew)
    }

    fn bridges(&self, base: &Base, sum: &Sum, there: &ReadBack) -> Vec<Bridged> {
        let columns = sum.layout.columns.iter().enumerate();
        columns
            .filter(|(_, seen)| seen.numbers > 0)
            .filter_map(|(at, seen)| {
                let (before, decided) = (base.found.totals.get(at)?, there.totals.get(at)?);
                let (was, now) = (sum.before[at].amount(), sum.now[at].amount());
                let expected = before.minus(&was)?.plus(&now)?;
                let part = |name, minus, amount: &Amount| Part { name, minus, amount: amount.clone() };
                Some(Bridged {
                    column: seen.name.clone(),
                    currency: self.named.reconciliation.column(&seen.name).and_then(|column| column.currency.clone()),
                    parts: vec![
                        part("before", false, before),
                        part("retried_before", true, &was),
                        part("retried", false, &now),
                    ],
                    residual: decided.minus(&expected).unwrap_or(Amount::NAN),
                    decided: if decided.same_value(&expected) { expected } else { decided.clone() },
                })
            })
            .collect()
    }
}

/// The counts of the whole cycle: those of the run before, with what was computed again taken out and put in anew.
fn merged(base: &Base, anew: &HashMap<String, Decision>) -> Counts {
    let mut counts = base.counts;
    let slot = |counts: &mut Counts, reason: Reason, by: i64| {
        let count = match reason {
            Reason::Discrepancy(DiscrepancyKind::Mismatch) => &mut counts.mismatched,
            Reason::Discrepancy(DiscrepancyKind::LegacyOnly) => &mut counts.legacy_only,
            Reason::Discrepancy(DiscrepancyKind::CandidateOnly) => &mut counts.candidate_only,
            Reason::Discrepancy(DiscrepancyKind::DuplicateKey) => &mut counts.duplicate,
            Reason::Discrepancy(DiscrepancyKind::Unknown) => &mut counts.unknown,
            Reason::Agree | Reason::NotEnrolled | Reason::Tolerated => &mut counts.matched,
        };
        *count = count.saturating_add_signed(by);
        if reason == Reason::Tolerated {
            counts.tolerated = counts.tolerated.saturating_add_signed(by);
        }
    };
    base.retried.values().for_each(|reason| slot(&mut counts, *reason, -1));
    anew.values().for_each(|decision| slot(&mut counts, decision.reason, 1));
    counts
}

/// What the run before left unsettled and was not computed again counts on: policies that block, values not known.
fn left_over(base: &mut Base, policy: &Policy, survey: &mut Survey) -> Result<Vec<String>, Failure> {
    let mut unknown = 0u64;
    let incomplete = base.run.verdict == Some(RunVerdict::Incomplete);
    for decision in base.kept.decisions().map_err(|error| temporary(&error))? {
        let decision = decision.map_err(|error| temporary(&error))?;
        let Reason::Discrepancy(kind) = decision.reason else { continue };
        if base.retried.contains_key(&name(&decision.key)) {
            continue;
        }
        let block = match kind {
            DiscrepancyKind::Mismatch => (policy.mismatch == Choice::Block).then_some("mismatch"),
            DiscrepancyKind::LegacyOnly => (policy.legacy_only == Choice::Block).then_some("legacy_only"),
            DiscrepancyKind::CandidateOnly => {
                (policy.candidate_only == ChoiceWithoutLegacy::Block).then_some("candidate_only")
            }
            // Which side had it twice is not in the decision: where either policy blocks, it blocks.
            DiscrepancyKind::DuplicateKey => [
                (policy.legacy_duplicate == ChoiceWithoutLegacy::Block).then_some("legacy_duplicate"),
                (policy.candidate_duplicate == Choice::Block).then_some("candidate_duplicate"),
            ]
            .into_iter()
            .flatten()
            .next(),
            DiscrepancyKind::Unknown => {
                unknown += u64::from(incomplete && decision.taken == Taken::Held);
                (policy.candidate_unknown == Choice::Block).then_some("candidate_unknown")
            }
        };
        if let Some(name) = block {
            *survey.blocks.entry(name).or_default() += 1;
        }
    }
    Ok(match unknown {
        0 => Vec::new(),
        unknown => vec![format!("{unknown} records that could not be determined were not computed again")],
    })
}

fn summed(
    base: &mut Base,
    anew: &HashMap<String, Decision>,
    configured: &dyn Fn(&str) -> Option<crate::domain::ColumnType>,
) -> Result<Sum, Failure> {
    let seen = |names: &[String]| names.iter().map(|name| Seen::of(name, configured(name))).collect::<Vec<_>>();
    let width = base.columns.1.len();
    let mut sum = Sum {
        taken: [0; 3],
        layout: Layout { key: seen(&base.columns.0), columns: seen(&base.columns.1) },
        before: vec![Total::default(); width],
        now: vec![Total::default(); width],
    };
    let add = |totals: &mut [Total], values: &[Value]| {
        for (total, value) in totals.iter_mut().zip(values) {
            let amount = match value {
                Value::Bool(truth) => Some(Amount::new(i128::from(*truth), 0)),
                value => value.amount(),
            };
            amount.iter().for_each(|amount| {
                total.add(amount);
            });
        }
    };
    for decision in base.kept.decisions().map_err(|error| temporary(&error))? {
        let before = decision.map_err(|error| temporary(&error))?;
        let retried = matches!(before.reason, Reason::Discrepancy(_)).then(|| anew.get(&name(&before.key))).flatten();
        if let Some(now) = retried {
            add(&mut sum.before, &before.values);
            add(&mut sum.now, &now.values);
        }
        let decision = retried.unwrap_or(&before);
        sum.taken[decision.taken as usize] += 1;
        sum.layout.key.iter_mut().zip(&decision.key).for_each(|(seen, value)| seen.note(value));
        sum.layout.columns.iter_mut().zip(&decision.values).for_each(|(seen, value)| seen.note(value));
    }
    sum.layout.key.iter_mut().chain(&mut sum.layout.columns).for_each(fold);
    Ok(sum)
}
