//! `recon retry`: only records that were unknown or discrepant are computed again, and the decisions of the run before
//! are completed with them (T5). What that run decided stays in its own history.

use std::collections::HashMap;
use std::io;

use crate::checks::{Material, Stage};
use crate::cli::{Global, RetryArgs, VerifyArgs};
use crate::commands::checking::Checking;
use crate::commands::cycle::Named;
use crate::commands::diff::{Request, rules, settings};
use crate::commands::named::{both, definition};
use crate::commands::population::population;
use crate::commands::who::who;
use crate::commands::{Failure, canary, log as stderr, release};
use crate::compare::{Compared, Definition};
use crate::config::{Choice, ChoiceWithoutLegacy, Policy};
use crate::decide::{Decision, Evidence, Reason, Rule, Survey, Taken, decisions, exceeds, fold, judge};
use crate::decisions::{Kept, Layout, Place, ReadBack, Seen};
use crate::domain::{Amount, State, Total, Value};
use crate::exit::Exit;
use crate::ledger::{Begin, Begun, Ledger, Run, RunVerdict};
use crate::report::verification::{Bridged, Decided, Part, Verification};
use crate::report::{Counts, DiscrepancyKind, count};

use super::super::ours::not_ours;
use super::base::{Base, Unsettled, base, chosen, left, same_settings};
use super::keys::{asked, condition, name, names, shown};
use super::work::{Known, Work, end, log, read, state_of, temporary};
use super::written::{Again, written};
use super::{snapshot, told};

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
        json_log: args.json_log,
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
    if let Some(path) = &args.output {
        not_ours(path, Some(&named.project), place.files())?;
    }
    let mut ledger = named.ledger()?;
    let cycle = named.found(global, &mut ledger)?;
    let mut base = base(&mut ledger, &cycle, &mut place)?;
    // What was verified strictly is not completed laxly.
    let before = release::settings(&mut ledger, base.run.holder.run)?;
    verify.strict |= before.is_some_and(|settings| settings["flags"]["strict"] == true);
    let names: Vec<String> = named.reconciliation.key.iter().map(|key| key.legacy.clone()).collect();
    let text = |name: &String| {
        let column = named.reconciliation.column(name);
        column.and_then(|column| column.column_type) == Some(crate::domain::ColumnType::Text)
    };
    base.kept.read_as_text(names.iter().map(text).collect());
    let keys = chosen(&mut base, &asked(&names, args.keys.as_deref())?)?;
    if keys.is_empty() {
        let what = format!("{}: every record of run {} agrees: nothing to retry", cycle.key, base.run.holder.run);
        if !cycle.state.is_decided() {
            let hint = format!("it is {}: `{}` verifies it anew", cycle.state, named.command(global, "verify"));
            return Err(Failure { exit: Exit::Refused, what, hint: Some(hint) });
        }
        if !global.quiet {
            stderr::say(stderr::Level::Info, "notice", &what);
        }
        return super::found::report(global, &verify, format, &mut ledger, &cycle);
    }
    same_settings(&mut ledger, &named, &verify, &base)?;
    base.left = left(&mut ledger, &base)?;
    let percent = canary::in_force(&mut ledger, &named.reconciliation)?;
    let definition = Definition {
        rules: rules(&args.read, Default::default())?,
        filter: Some(condition(&names, &keys)?),
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
                Reason::Discrepancy(_) => found(anew, &decision.key).cloned().unwrap_or(decision),
                _ => decision,
            })
        });
        Ok(Box::new(completed))
    }
}

/// The new decision of a key that is stored, if it was made anew.
fn found<'a>(anew: &'a HashMap<String, Decision>, stored: &[Value]) -> Option<&'a Decision> {
    names(stored).iter().find_map(|name| anew.get(name))
}

/// What the completed decisions come to.
struct Sum {
    taken: [u64; 3],
    counts: Counts,
    /// Keys that were not computed again and that the legacy side has; and those of which their decision does not tell.
    legacy_keys: u64,
    maybe_legacy: u64,
    layout: Layout,
    /// Of each compared column: what was decided before and now for the keys that were computed again.
    before: Vec<Total>,
    now: Vec<Total>,
}

impl Work<'_> {
    /// Computes again what was not settled, completes the decisions, and proves that they follow from those before.
    pub(super) fn retry(
        &self,
        ledger: &mut Ledger,
        run: &mut Run,
        request: Request,
        place: &mut Place,
        known: &mut Known,
        base: &mut Base,
    ) -> Result<(Compared, Verification, RunVerdict), Failure> {
        self.keep_settings(run, known)?;
        let mut checking = self.checking(ledger, run)?;
        checking.run(&[Stage::Registered], None, None);
        checking.keep(run)?;
        let mut compared = self.compare(run, request)?;
        told::advance(run, &State::Computed, Some(&format!("{} again", read(&compared))))?;
        told::advance(run, &State::Compared, Some(&compared.report.summary()))?;
        if !compared.doubts.is_empty() {
            let what = format!("not everything could be computed again: {}", compared.doubts.join("; "));
            return Err(Failure::incomplete(what).hint("the decisions before stay as they are; retry, or verify anew"));
        }
        let rate = self.named.reconciliation.canary.max_discrepancy_rate.as_ref();
        let policy = self.named.reconciliation.policy;
        let mut rule = Rule { percent: self.percent, policy, fallback: false };
        let mut anew = self.anew(&mut compared, &rule, base)?;
        let (before, mut sum) = self.summed(base, &anew)?;
        rule.fallback = rate.is_some_and(|rate| exceeds(&sum.counts, rate));
        if rule.fallback {
            // What falls back to legacy is decided so; what it counts as stays the same.
            anew = self.anew(&mut compared, &rule, base)?;
            sum = self.summed(base, &anew)?.1;
        }
        run.record_discrepancies(&mut std::mem::take(&mut base.left).into_iter())?;
        log(run, &mut compared)?;
        known.expected =
            population(&self.named.project, &self.named.reconciliation, &self.named.params, self.settings)?;
        let mut survey = self.survey(&mut compared, &rule)?;
        survey.legacy_keys += sum.legacy_keys;
        let mut doubts = left_over(base, &policy, &mut survey)?;
        if known.expected.is_some() && sum.maybe_legacy > 0 {
            doubts.push(format!(
                "whether legacy has {} records that were not computed again is not known, so the population cannot be told",
                sum.maybe_legacy
            ));
        }
        let keys = sum.counts.keys;
        let ticket = known.ticket.clone();
        let layout = sum.layout.clone();
        let check = |checking: &mut Checking<'_>, stages: &[Stage], kept: &mut Kept| {
            let mut completed = Completed { kept, anew: &anew };
            let mut each = |take: &mut dyn FnMut(&Decision)| {
                completed.again()?.try_for_each(|decision| decision.map(|decision| take(&decision)))
            };
            // Of the records only some were computed again; the decisions are all there.
            let material = Material {
                compared: None,
                decisions: Some(&mut each),
                layout: &layout,
                ticket: &ticket,
                previous: None,
            };
            checking.run(stages, Some(material), Some(keys));
        };
        let (before_writing, after_writing) = self.stages();
        check(&mut checking, before_writing, &mut base.kept);
        checking.keep(run)?;
        let expected = known.expected;
        let judged = |unproved: &[String], checking: &Checking<'_>| {
            judge(&Evidence {
                counts: &sum.counts,
                survey: Some(&survey),
                doubts: &[unproved, doubts.as_slice()].concat(),
                expected,
                max_discrepancy_rate: rate,
                strict: self.args.strict,
                allow_empty: false,
                checks: &checking.said(),
            })
        };
        told::advance(run, &State::Checked, checking.summary().as_deref())?;
        let mut judgement = judged(&[], &checking);
        let settled = anew.values().filter(|decision| !matches!(decision.reason, Reason::Discrepancy(_))).count();
        known.notices.push(format!(
            "{} of {} unsettled records of run {} were computed again; {} of them agree now",
            count(base.retried.len() as u64),
            count(before.discrepancies()),
            base.run.holder.run,
            count(settled as u64)
        ));
        let (mut found, mut unproved) = (None, Vec::new());
        if self.is_written(judgement.verdict) {
            let mut completed = Completed { kept: &mut base.kept, anew: &anew };
            let there =
                written(run, place, (&known.ticket, &sum.layout), sum.taken, &mut completed, self.global.quiet)?;
            let bridges = self.bridges(base, &sum, &there.read_back);
            let mut reasons = there.reasons;
            reasons.extend(bridges.iter().filter(|bridge| !bridge.residual.is_zero()).map(|bridge| {
                format!("the decisions of `{}` do not tie: residual {}", bridge.column, bridge.residual)
            }));
            unproved = reasons;
            found = Some((there.read_back, bridges));
        } else {
            let what = judgement.verdict.name();
            known.notices.push(format!("{} was not written: the run is {what}", place.label()));
        }
        check(&mut checking, after_writing, &mut base.kept);
        checking.keep(run)?;
        judgement = judged(&unproved, &checking);
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
        verification.take(&checking);
        verification.completes = Some((base.run.holder.run.to_string(), sum.counts));
        verification.canary.fallback = rule.fallback;
        self.cut_back(ledger, &verification)?;
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
        let mut anew: HashMap<String, Decision> = HashMap::new();
        let whole = "`recon verify … --again` computes the whole cycle";
        for decision in decisions(compared, *rule, &survey.layout).map_err(|error| temporary(&error))? {
            let decision = decision.map_err(|error| temporary(&error))?;
            let shown = shown(&decision.key);
            if anew.insert(name(&decision.key), decision).is_some() {
                return Err(
                    Failure::incomplete(format!("two records have a key that is stored as `{shown}`")).hint(whole)
                );
            }
        }
        let mut used = 0;
        for Unsettled { key, reason: before } in base.retried.values() {
            let one_sided = |reason: &Reason| {
                let kinds = [DiscrepancyKind::LegacyOnly, DiscrepancyKind::CandidateOnly];
                kinds.into_iter().any(|kind| *reason == Reason::Discrepancy(kind))
            };
            let why = match found(&anew, key) {
                None => "is on neither side any more",
                // What both sides had and one has lost may be a key that this store cannot be asked for.
                Some(now) if *before == Reason::Discrepancy(DiscrepancyKind::Mismatch) && one_sided(&now.reason) => {
                    "was on both sides and is on one only now"
                }
                Some(_) => {
                    used += 1;
                    continue;
                }
            };
            return Err(Failure::incomplete(format!("the record `{}` {why}", shown(key))).hint(whole));
        }
        // Each is asked for and comes back once: nothing that was settled is decided anew, and nothing twice.
        if used != anew.len() || anew.len() != base.retried.len() {
            return Err(Failure::incomplete(format!(
                "{} records were asked for by their keys, and {} came back",
                base.retried.len(),
                anew.len()
            ))
            .hint(whole));
        }
        Ok(anew)
    }

    fn bridges(&self, base: &Base, sum: &Sum, there: &ReadBack) -> Vec<Bridged> {
        let columns = sum.layout.columns.iter().enumerate();
        columns
            .filter(|(_, seen)| seen.numbers + seen.literals > 0 && seen.texts + seen.others == 0)
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

/// Counts one more decision.
fn counted(counts: &mut Counts, reason: Reason) {
    counts.keys += 1;
    match reason {
        Reason::Discrepancy(DiscrepancyKind::Mismatch) => counts.mismatched += 1,
        Reason::Discrepancy(DiscrepancyKind::LegacyOnly) => counts.legacy_only += 1,
        Reason::Discrepancy(DiscrepancyKind::CandidateOnly) => counts.candidate_only += 1,
        Reason::Discrepancy(DiscrepancyKind::DuplicateKey) => counts.duplicate += 1,
        Reason::Discrepancy(DiscrepancyKind::Unknown) => counts.unknown += 1,
        Reason::Tolerated => {
            counts.matched += 1;
            counts.tolerated += 1;
        }
        Reason::Agree | Reason::NotEnrolled => counts.matched += 1,
    }
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
        // Why the run before was incomplete is not in its decisions: whatever it held may be the reason.
        let held = decision.taken == Taken::Held && kind != DiscrepancyKind::CandidateOnly;
        unknown += u64::from(incomplete && held);
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
            DiscrepancyKind::Unknown => (policy.candidate_unknown == Choice::Block).then_some("candidate_unknown"),
        };
        if let Some(name) = block {
            *survey.blocks.entry(name).or_default() += 1;
        }
    }
    Ok(match unknown {
        0 => Vec::new(),
        unknown => {
            vec![format!("the run before was incomplete, and {unknown} records that it held were not computed again")]
        }
    })
}

impl Work<'_> {
    /// The counts of the run before, and what its decisions come to with those that were made anew.
    fn summed(&self, base: &mut Base, anew: &HashMap<String, Decision>) -> Result<(Counts, Sum), Failure> {
        let configured = |name: &str| self.named.reconciliation.column(name).and_then(|column| column.column_type);
        let seen = |names: &[String]| names.iter().map(|name| Seen::of(name, configured(name))).collect::<Vec<_>>();
        let width = base.columns.1.len();
        let mut before = Counts::default();
        let mut sum = Sum {
            taken: [0; 3],
            counts: Counts::default(),
            legacy_keys: 0,
            maybe_legacy: 0,
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
            let was = decision.map_err(|error| temporary(&error))?;
            counted(&mut before, was.reason);
            let retried = matches!(was.reason, Reason::Discrepancy(_)).then(|| found(anew, &was.key)).flatten();
            if retried.is_some() {
                add(&mut sum.before, &was.values);
            }
            let decision = retried.unwrap_or(&was);
            counted(&mut sum.counts, decision.reason);
            if retried.is_none() {
                match was.reason {
                    Reason::Discrepancy(DiscrepancyKind::CandidateOnly) => {}
                    Reason::Discrepancy(DiscrepancyKind::DuplicateKey | DiscrepancyKind::Unknown)
                        if was.taken == Taken::Held =>
                    {
                        sum.maybe_legacy += 1;
                    }
                    _ => sum.legacy_keys += 1,
                }
            }
            sum.taken[decision.taken as usize] += 1;
            sum.layout.key.iter_mut().zip(&decision.key).for_each(|(seen, value)| seen.note(value));
            sum.layout.columns.iter_mut().zip(&decision.values).for_each(|(seen, value)| seen.note(value));
        }
        // Summed by themselves: a decision that was used twice or not at all leaves something over.
        anew.values().for_each(|decision| add(&mut sum.now, &decision.values));
        sum.layout.key.iter_mut().chain(&mut sum.layout.columns).for_each(fold);
        Ok((before, sum))
    }
}
