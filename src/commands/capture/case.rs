//! One case: its rows are found, run, masked and run again, and its expectation is written. Must not give the folder its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::capture::leak::Searcher;
use crate::capture::personal::{self, Looks};
use crate::capture::text::{CaseText, SuiteText};
use crate::capture::{Field, Masker};
use crate::cases::{Actual, SqliteDecimals, Suite, Update};
use crate::cli::{CaptureArgs, Global};
use crate::commands::Failure;
use crate::commands::test::passing;
use crate::config::{Origin, ParamType, Secret};
use crate::decide::{Reason, Taken};
use crate::domain::Value;
use crate::ledger::RunVerdict;
use crate::stores::Settings;

use super::draft::{self, Draft};
use super::held::{self, Against, Reasoned};
use super::looked::{params, slug, unruled};
use super::of_run::{Came, OfRun, key_name};
use super::plan::Plan;
use super::prove;
use super::refusal::verdict;
use super::rows::{self, Fetched};
use super::target::{Target, unwritable};
use super::telling::Telling;

/// How often keys that came along are taken in, each with what it needs.
const ROUNDS: usize = 8;

/// The folder that a case gets.
pub(super) enum Folder<'a> {
    /// This one.
    Of(&'a str),
    /// One below this, by the masked key; not one that these have.
    ByKey(&'a str, &'a [Proved]),
}

/// A case that was proved.
pub(super) struct Proved {
    /// Its folder's name.
    pub(super) name: String,
    pub(super) keys: usize,
    pub(super) along: usize,
    pub(super) rows: Vec<(String, usize, String)>,
    pub(super) verdict: RunVerdict,
    pub(super) discrepancies: usize,
}

/// A case that comes out as the run did, with its values.
struct Reproduced {
    /// Its keys, with what they came to.
    came: BTreeMap<String, Came>,
    /// The rows that lead there.
    fetched: Vec<Fetched>,
    /// What stands in for decimals in SQLite.
    decimals: Option<&'static str>,
    /// A side of it has no records at all.
    allow_empty: bool,
    verdict: RunVerdict,
}

/// What one case is made with.
pub(super) struct Capture<'a> {
    pub(super) global: &'a Global,
    pub(super) servers: &'a [(String, Secret)],
    pub(super) plan: &'a Plan,
    pub(super) settings: &'a Settings,
    pub(super) args: &'a CaptureArgs,
    pub(super) place: &'a Target,
    pub(super) telling: &'a Telling,
}

impl Capture<'_> {
    /// Makes a case of some keys, in a folder below `temp`.
    ///
    /// # Errors
    /// It does not come out as the run did, something looks personal and has no rule, or a store fails.
    pub(super) fn case(
        &self,
        of_run: &mut OfRun,
        asked: BTreeMap<String, Came>,
        masker: &mut Masker<'_>,
        temp: &Path,
        name: &Folder<'_>,
        suspects: &mut BTreeMap<String, Looks>,
    ) -> Result<Proved, Failure> {
        let first = asked.len();
        let own: Vec<Vec<Value>> = asked.values().map(|came| came.key.clone()).collect();
        // The first case of a new suite declares its tables; what others have otherwise they say themselves.
        let begun = temp.join("suite.toml").exists();
        let suite = if begun { Some(Suite::read(temp)?) } else { None };
        let known = suite.as_ref().filter(|_| self.place.suite.is_none()).and_then(|suite| suite.sqlite_decimals);
        let Reproduced { came, fetched, decimals, allow_empty, verdict } = self.reproduced(of_run, asked, known)?;
        let rules = &of_run.named.project.capture.masks;
        let draft = Draft::of(&fetched, Some(masker), rules)?;
        for (field, looks) in &draft.suspects {
            suspects.entry(field.clone()).or_insert(*looks);
        }
        let (params, more) = params(of_run, masker)?;
        suspects.extend(more);
        // A rule that is missing may be why the masked case comes out otherwise: it is said before.
        unruled(suspects, masker)?;
        let name = match name {
            Folder::Of(name) => (*name).to_owned(),
            Folder::ByKey(below, taken) => format!("{below}/{}", slug(&own, of_run, masker, taken)?),
        };
        let why = self.why(of_run, &came, first, &params, masker)?;
        let folder = temp.join(&name);
        match (begun, known, decimals) {
            (false, ..) => self.suite(of_run, &draft, decimals, temp)?,
            (true, None, Some(decimals)) => draft::with_decimals(temp, decimals)?,
            _ => {}
        }
        let suite = suite.as_ref().or(self.place.suite.as_ref());
        let mut case = self.case_text(of_run, suite, &draft, why, params);
        case.allow_empty = allow_empty;
        draft.write(&folder, &case)?;
        let mut actual = prove::outcome(self.global, self.servers, &folder)?;
        let mut other = self.against(of_run, &came, &actual, masker)?;
        // Who is enrolled is told by a hash of the key, and that is another one now.
        if !other.is_empty()
            && let Some(percent) = enrolled(&came)
        {
            case.percent = Some(percent);
            draft::put(&folder.join("case.toml"), &case.render())?;
            actual = prove::outcome(self.global, self.servers, &folder)?;
            other = self.against(of_run, &came, &actual, masker)?;
        }
        if let Some(how) = other.values().next() {
            return Err(self.masked_otherwise(of_run, how, masker));
        }
        if actual.verdict != verdict {
            let how = format!("the verdict was {} and is {}", verdict.name(), actual.verdict.name());
            return Err(self.masked_otherwise(of_run, &how, masker));
        }
        case.verdict = actual.verdict.name().to_owned();
        self.expectation(&actual, &folder, &case, masker, suspects)?;
        let rows = fetched.iter().map(|one| (one.readable.label(), one.picked.rows.len(), one.how.clone())).collect();
        Ok(Proved {
            name,
            keys: first,
            along: came.len() - first,
            rows,
            verdict: actual.verdict,
            discrepancies: actual.discrepancies.len(),
        })
    }

    /// The rows with which the keys come out as the run logged them, and those keys that came along.
    fn reproduced(
        &self,
        of_run: &mut OfRun,
        mut came: BTreeMap<String, Came>,
        known: Option<SqliteDecimals>,
    ) -> Result<Reproduced, Failure> {
        let project = of_run.named.project.clone();
        let of = of_run.named.reconciliation.clone();
        let sql: BTreeSet<String> = project
            .stores
            .values()
            .filter(|store| draft::dialect(store.kind).is_some())
            .map(|store| store.name.clone())
            .collect();
        // What a program or service says is the same wherever its records lie; a store has its own words.
        let asks = [&of_run.named.reconciliation.legacy, &of_run.named.reconciliation.candidate]
            .iter()
            .any(|path| matches!(path.origin, Origin::Command { .. } | Origin::Http { .. }));
        let (names, columns) = (of_run.key.clone(), of_run.columns.clone());
        let mut round = 0;
        loop {
            round += 1;
            let keys: Vec<Vec<Value>> = came.values().map(|came| came.key.clone()).collect();
            let fetched = rows::rows(self.plan, &of.captured, &of.key, &keys, project.capture.limit, self.settings)?;
            let draft = Draft::of(&fetched, None, &project.capture.masks)?;
            let ways: Vec<Option<&'static str>> = match (&self.place.suite, draft.has_decimals(&sql)) {
                (Some(suite), true) if suite.sqlite_decimals.is_none() => {
                    return Err(Failure::usage(format!(
                        "{}/suite.toml does not say what stands in for decimals in SQLite",
                        self.place.folder.display()
                    ))
                    .hint("add sqlite_decimals = \"scaled\" or \"text\", as its query for SQLite computes"));
                }
                (Some(_), _) | (None, false) => vec![None],
                // Cases of one suite agree on it: what the first ones found is tried first.
                (None, true) if known == Some(SqliteDecimals::Text) => vec![Some("text"), Some("scaled")],
                (None, true) => vec![Some("scaled"), Some("text")],
            };
            let mut last = None;
            for decimals in ways {
                let temp = tempfile::Builder::new().prefix("recon-capture-").tempdir().map_err(|error| {
                    Failure::incomplete(format!("no temporary folder could be made: {error}"))
                        .hint("set TMPDIR to a folder that can be written")
                })?;
                passing(temp.path());
                let params =
                    of_run.listed.key.params().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let suite = self.place.suite.as_ref();
                let mut case = self.case_text(of_run, suite, &draft, "unmasked".to_owned(), params);
                self.suite(of_run, &draft, decimals, temp.path())?;
                let folder = temp.path().join("case");
                draft.write(&folder, &case)?;
                let mut outcome = prove::outcome(self.global, self.servers, &folder);
                let judged = of_run.listed.run.verdict.is_some_and(|verdict| verdict != RunVerdict::Incomplete);
                if judged && matches!(&outcome, Ok(actual) if actual.verdict == RunVerdict::Incomplete) {
                    // The few records of a case may leave a side without any, which the whole run had.
                    case.allow_empty = true;
                    draft::put(&folder.join("case.toml"), &case.render())?;
                    outcome = prove::outcome(self.global, self.servers, &folder);
                }
                let actual = match outcome {
                    Ok(actual) => actual,
                    Err(failure) => {
                        last = Some(Err(failure));
                        continue;
                    }
                };
                let mut same = |_: &str, text: &str| Ok(text.to_owned());
                let mut held = |came: &BTreeMap<String, Came>, reasons: bool| {
                    let reason: Reasoned<'_> = &|text| Ok(text.to_owned());
                    let reason = reasons.then_some(reason);
                    let against = Against { names: &names, columns: &columns, amounts: self.telling.amounts(), reason };
                    held::held(came, &actual, &against, &mut same).map_err(Failure::usage)
                };
                let found = held(&came, asks)?;
                let extra: BTreeSet<String> = found.extra.iter().map(|key| key_name(key)).collect();
                let mut more = of_run.came(&extra)?;
                let settled = held(&more, asks)?;
                let unknown = extra.iter().any(|name| !more.contains_key(name));
                if found.other.is_empty() && settled.other.is_empty() && !unknown {
                    verdict(of_run, &actual)?;
                    if let (Some(known), Some(decimals)) = (known, decimals)
                        && draft::sqlite_decimals(decimals) != Some(known)
                    {
                        return Err(Failure::usage(
                            "the cases do not agree on what stands in for decimals in SQLite: this one comes out only with another \
                             `sqlite_decimals` than those before; nothing was written",
                        )
                        .hint("capture its key into a suite of its own: --keys KEY --out DIR"));
                    }
                    came.append(&mut more);
                    held::take_reasons(&mut came, &actual, &of_run.key);
                    let (allow_empty, verdict) = (case.allow_empty, actual.verdict);
                    return Ok(Reproduced { came, fetched, decimals, allow_empty, verdict });
                }
                last = Some(Ok((found.other, more, unknown)));
            }
            match last {
                Some(Err(failure)) => return Err(failure),
                Some(Ok((_, more, false))) if !more.is_empty() && round < ROUNDS => came.extend(more),
                Some(Ok((other, more, _))) => {
                    let other = if other.is_empty() { BTreeMap::new() } else { other };
                    return Err(self.not_reproduced(of_run, &came, &other, more.len(), &fetched));
                }
                None => return Err(Failure::incomplete("no case was run; this is a fault of recon")),
            }
        }
    }

    /// Keys that come out otherwise in the masked case, and how.
    fn against(
        &self,
        of_run: &OfRun,
        came: &BTreeMap<String, Came>,
        actual: &Actual,
        masker: &mut Masker<'_>,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let unknown = came.values().flat_map(|came| &came.logged).any(|logged| logged.reason.is_some());
        let searcher = if unknown { Some(masker.searcher().map_err(Failure::incomplete)?) } else { None };
        let reason = |text: &str| {
            let made = |searcher: &Searcher| searcher.replaced(text, &|pseudonym| pseudonym.map(str::to_owned));
            Ok(searcher.as_ref().map_or_else(|| text.to_owned(), made))
        };
        let mut with = |numbers: bool| {
            let mut mapped = |column: &str, text: &str| masker.text(column, text, numbers);
            let (names, columns) = (&of_run.key, &of_run.columns);
            let against = Against { names, columns, amounts: self.telling.amounts(), reason: Some(&reason) };
            held::held(came, actual, &against, &mut mapped).map_err(Failure::usage)
        };
        let (mut found, more) = (with(false)?, with(true)?);
        // A key that is a number may be masked under another name: either reading may be the right one, for all of it.
        if more.other.len() < found.other.len() {
            found = more;
        }
        let mut other = found.other;
        if let (true, Some(_)) = (other.is_empty(), found.extra.first()) {
            other.insert(String::new(), "a key came out that the run does not have".to_owned());
        }
        Ok(other)
    }

    fn case_text(
        &self,
        of_run: &OfRun,
        suite: Option<&Suite>,
        draft: &Draft,
        why: String,
        params: BTreeMap<String, String>,
    ) -> CaseText {
        let of = &of_run.named.reconciliation;
        let settled = matches!(of_run.listed.run.verdict, Some(RunVerdict::Clean | RunVerdict::Warned));
        // A share of discrepant keys says nothing about the few of a case.
        let rate = (settled && of.canary.max_discrepancy_rate.is_some()).then(|| "100%".to_owned());
        let mut tags = vec!["captured".to_owned()];
        tags.extend(self.args.tag.iter().cloned());
        CaseText {
            why,
            tags,
            reconciliation: suite
                .filter(|suite| suite.reconciliation.as_deref() != Some(&of.name))
                .map(|_| of.name.clone()),
            params,
            percent: of_run.percent,
            max_discrepancy_rate: rate,
            strict: of_run.strict,
            allow_empty: false,
            tables: suite.map(|suite| draft.beyond(suite)).unwrap_or_default(),
            verdict: "clean".to_owned(),
        }
    }

    /// `suite.toml` in a folder: the one that there is, or a new one.
    fn suite(
        &self,
        of_run: &OfRun,
        draft: &Draft,
        decimals: Option<&'static str>,
        folder: &Path,
    ) -> Result<(), Failure> {
        let of_project =
            std::path::absolute(&of_run.named.project.path).unwrap_or_else(|_| of_run.named.project.path.clone());
        // A folder elsewhere sees the project file under its whole name.
        let beside = folder.parent() == self.place.folder.parent();
        let project = if beside { self.place.project.clone() } else { of_project.display().to_string() };
        let Some(suite) = &self.place.suite else {
            let text = SuiteText {
                project,
                reconciliation: of_run.named.reconciliation.name.clone(),
                timezone: of_run.timezone.clone(),
                sqlite_decimals: decimals,
                tables: draft.tables.clone(),
            };
            return draft::suite_text(&text, folder);
        };
        let text = std::fs::read_to_string(suite.folder.join("suite.toml"));
        let text = text.map_err(|error| Failure::incomplete(format!("suite.toml cannot be read: {error}")))?;
        let text = match (beside, text.parse::<toml::Table>()) {
            (false, Ok(mut table)) => {
                table.insert("project".to_owned(), toml::Value::String(project));
                table.to_string()
            }
            _ => text,
        };
        draft::put(&folder.join("suite.toml"), &text)?;
        for input in &suite.shared {
            if let crate::cases::Content::File(path) = &input.content {
                let name = path.file_name().map(PathBuf::from).unwrap_or_default();
                let to = folder.join("inputs").join(&input.store);
                std::fs::create_dir_all(&to).map_err(|error| unwritable(&to, &error))?;
                std::fs::copy(path, to.join(name)).map_err(|error| unwritable(&to, &error))?;
            }
        }
        Ok(())
    }

    fn why(
        &self,
        of_run: &OfRun,
        came: &BTreeMap<String, Came>,
        asked: usize,
        params: &BTreeMap<String, String>,
        masker: &Masker<'_>,
    ) -> Result<String, Failure> {
        if let Some(why) = &self.args.why {
            let redacted = masker.redacted(why).map_err(Failure::incomplete)?;
            return match personal::content(&redacted) {
                None => masker.prose(why).map_err(Failure::incomplete),
                Some(looks) => Err(Failure::usage(format!("the text of --why {}; nothing was written", looks.words()))
                    .hint("say it without personal data: what broke, or which rule it holds")),
            };
        }
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for came in came.values() {
            let kind = came.logged.first().map_or("agree", |logged| logged.kind.as_str());
            *kinds.entry(kind).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        // A text that no rule names may be somebody's: the case has it where it is needed, and nowhere else.
        let of = &of_run.named.reconciliation;
        let text = |name: &str| of.params.iter().any(|(own, kind)| own == name && *kind == ParamType::Text);
        let rules = &of_run.named.project.capture.masks;
        let told = params.iter().filter(|(name, _)| !text(name) || rules.of(&Field::alone(name)).is_some());
        let params: Vec<String> = told.map(|(name, value)| format!("{name}={value}")).collect();
        let cycle = format!("{} {}", of_run.named.reconciliation.name, params.join(" "));
        let along = if came.len() > asked { " (with what came along)" } else { "" };
        Ok(format!("captured from run {} of {}: {}{along}", of_run.id(), cycle.trim(), kinds.join(", ")))
    }

    /// The expectation that the case meets, into its files.
    fn expectation(
        &self,
        actual: &Actual,
        folder: &Path,
        case: &CaseText,
        masker: &mut Masker<'_>,
        suspects: &mut BTreeMap<String, Looks>,
    ) -> Result<(), Failure> {
        let update = Update::of(actual, None);
        if let Some(text) = &update.decisions {
            draft::put(&folder.join("decisions.csv"), text)?;
        }
        if let Some(text) = &update.discrepancies {
            draft::put(&folder.join("discrepancies.ndjson"), text)?;
        }
        draft::put(&folder.join("case.toml"), &case.render())?;
        let mut look = Draft::default();
        let decided = actual.decisions.iter().flatten().filter(|(name, _)| !name.starts_with("recon_"));
        for (name, text) in decided.filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            let value = Value::Text { text: text.clone(), untyped: false };
            let number = actual.numeric.contains(name);
            if !number {
                look.look(&Some(masker), &Field::alone(name), &value);
            }
        }
        suspects.extend(look.suspects);
        Ok(())
    }
}

/// The share that enrols every agreeing key of the case as the run did; `None` where none does.
fn enrolled(came: &BTreeMap<String, Came>) -> Option<u8> {
    let mut shares: BTreeSet<u8> = BTreeSet::new();
    for decision in came.values().filter_map(|came| came.decision.as_ref()) {
        match (decision.reason, decision.taken) {
            (Reason::Agree, _) | (Reason::Tolerated, Taken::Candidate) => shares.insert(100),
            (Reason::NotEnrolled, _) | (Reason::Tolerated, _) => shares.insert(0),
            _ => false,
        };
    }
    let one = shares.pop_first()?;
    shares.is_empty().then_some(one)
}
