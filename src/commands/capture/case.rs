//! One case: its rows are found, run, masked and run again, and its expectation is written. Must not give the folder its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::capture::personal::{self, Looks};
use crate::capture::text::{CaseText, SuiteText};
use crate::capture::{Field, Mask, Masker};
use crate::cases::{Actual, Suite, Update};
use crate::cli::{CaptureArgs, Global};
use crate::commands::Failure;
use crate::commands::test::passing;
use crate::commands::verify::keys;
use crate::config::Secret;
use crate::decide::{Reason, Taken};
use crate::domain::Value;
use crate::ledger::RunVerdict;
use crate::stores::Settings;

use super::NAMED;
use super::draft::{self, Draft};
use super::looked::{params, unruled};
use super::of_run::{Came, OfRun, key_name};
use super::plan::Plan;
use super::rows::{self, Fetched};
use super::target::{Target, unwritable};
use super::{held, prove};

/// How often keys that came along are taken in, each with what it needs.
const ROUNDS: usize = 8;

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

/// Keys with what the run came to for them, the rows that lead there, and what stands in for decimals in SQLite.
type Reproduced = (BTreeMap<String, Came>, Vec<Fetched>, Option<&'static str>);

/// What one case is made with.
pub(super) struct Capture<'a> {
    pub(super) global: &'a Global,
    pub(super) servers: &'a [(String, Secret)],
    pub(super) plan: &'a Plan,
    pub(super) settings: &'a Settings,
    pub(super) args: &'a CaptureArgs,
    pub(super) place: &'a Target,
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
        name: &str,
        suspects: &mut BTreeMap<String, Looks>,
    ) -> Result<Proved, Failure> {
        let first = asked.len();
        let (came, fetched, decimals) = self.reproduced(of_run, asked)?;
        let draft = Draft::of(&fetched, Some(masker))?;
        for (field, looks) in &draft.suspects {
            suspects.entry(field.clone()).or_insert(*looks);
        }
        let (params, more) = params(of_run, masker)?;
        suspects.extend(more);
        // A rule that is missing may be why the masked case comes out otherwise: it is said before.
        unruled(suspects)?;
        let why = self.why(of_run, &came, first, &params, masker)?;
        let redacted =
            self.args.why.as_deref().map(|why| masker.redacted(why)).transpose().map_err(Failure::incomplete)?;
        if let Some(looks) = redacted.as_deref().and_then(personal::content) {
            return Err(Failure::usage(format!("the text of --why {}; nothing was written", looks.words()))
                .hint("say it without personal data: what broke, or which rule it holds"));
        }
        let folder = temp.join(name);
        // The first case of a new suite declares its tables; what others have otherwise they say themselves.
        let begun = temp.join("suite.toml").exists();
        let suite = if begun { Some(Suite::read(temp)?) } else { None };
        if !begun {
            self.suite(of_run, &draft, decimals, temp)?;
        }
        let suite = suite.as_ref().or(self.place.suite.as_ref());
        let mut case = self.case_text(of_run, suite, &draft, why, params);
        draft.write(&folder, &case)?;
        let actual = prove::outcome(self.global, self.servers, &folder)?;
        let mut other = self.against(of_run, &came, &actual, masker)?;
        // Who is enrolled is told by a hash of the key, and that is another one now.
        if !other.is_empty()
            && let Some(percent) = enrolled(&came)
        {
            case.percent = Some(percent);
            draft::put(&folder.join("case.toml"), &case.render())?;
            let actual = prove::outcome(self.global, self.servers, &folder)?;
            other = self.against(of_run, &came, &actual, masker)?;
        }
        if !other.is_empty() {
            return Err(self.masked_otherwise(of_run, &other, masker));
        }
        let actual = prove::outcome(self.global, self.servers, &folder)?;
        case.verdict = actual.verdict.name().to_owned();
        self.expectation(of_run, &actual, &folder, &case, masker, suspects)?;
        let rows = fetched.iter().map(|one| (one.readable.label(), one.picked.rows.len(), one.how.clone())).collect();
        Ok(Proved {
            name: name.to_owned(),
            keys: first,
            along: came.len() - first,
            rows,
            verdict: actual.verdict,
            discrepancies: actual.discrepancies.len(),
        })
    }

    /// The rows with which the keys come out as the run logged them, and those keys that came along.
    fn reproduced(&self, of_run: &mut OfRun, mut came: BTreeMap<String, Came>) -> Result<Reproduced, Failure> {
        let project = of_run.named.project.clone();
        let of = of_run.named.reconciliation.clone();
        let sql: BTreeSet<String> = project
            .stores
            .values()
            .filter(|store| draft::dialect(store.kind).is_some())
            .map(|store| store.name.clone())
            .collect();
        let mut round = 0;
        loop {
            round += 1;
            let keys: Vec<Vec<Value>> = came.values().map(|came| came.key.clone()).collect();
            let fetched = rows::rows(self.plan, &of.captured, &of.key, &keys, project.capture.limit, self.settings)?;
            let draft = Draft::of(&fetched, None)?;
            let ways: Vec<Option<&'static str>> = match (&self.place.suite, draft.has_decimals(&sql)) {
                (Some(suite), true) if suite.sqlite_decimals.is_none() => {
                    return Err(Failure::usage(format!(
                        "{}/suite.toml does not say what stands in for decimals in SQLite",
                        self.place.folder.display()
                    ))
                    .hint("add sqlite_decimals = \"scaled\" or \"text\", as its query for SQLite computes"));
                }
                (Some(_), _) | (None, false) => vec![None],
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
                let case = self.case_text(of_run, suite, &draft, "unmasked".to_owned(), params);
                self.suite(of_run, &draft, decimals, temp.path())?;
                let folder = temp.path().join("case");
                draft.write(&folder, &case)?;
                let actual = match prove::outcome(self.global, self.servers, &folder) {
                    Ok(actual) => actual,
                    Err(failure) => {
                        last = Some(Err(failure));
                        continue;
                    }
                };
                let mut same = |_: &str, text: &str| Ok(text.to_owned());
                let found =
                    held::held(&came, &actual, &of_run.key, &of_run.columns, &mut same).map_err(Failure::usage)?;
                let extra: BTreeSet<String> = found.extra.iter().map(|key| key_name(key)).collect();
                let more = of_run.came(&extra)?;
                let settled =
                    held::held(&more, &actual, &of_run.key, &of_run.columns, &mut same).map_err(Failure::usage)?;
                let unknown = extra.iter().any(|name| !more.contains_key(name));
                if found.other.is_empty() && settled.other.is_empty() && !unknown {
                    verdict(of_run, &actual)?;
                    came.extend(more);
                    return Ok((came, fetched, decimals));
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
        let mut with = |numbers: bool| {
            let mut mapped = |column: &str, text: &str| masker.text(column, text, numbers);
            held::held(came, actual, &of_run.key, &of_run.columns, &mut mapped).map_err(Failure::usage)
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
            return masker.prose(why).map_err(Failure::incomplete);
        }
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for came in came.values() {
            let kind = came.logged.first().map_or("agree", |logged| logged.kind.as_str());
            *kinds.entry(kind).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let params: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cycle = format!("{} {}", of_run.named.reconciliation.name, params.join(" "));
        let along = if came.len() > asked { " (with what came along)" } else { "" };
        Ok(format!("captured from run {} of {}: {}{along}", of_run.id(), cycle.trim(), kinds.join(", ")))
    }

    /// The expectation that the case meets, into its files.
    fn expectation(
        &self,
        of_run: &OfRun,
        actual: &Actual,
        folder: &Path,
        case: &CaseText,
        masker: &mut Masker<'_>,
        suspects: &mut BTreeMap<String, Looks>,
    ) -> Result<(), Failure> {
        let _ = of_run;
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
                look.look(&Some(masker), &Field { table: None, path: name }, &value);
            }
        }
        suspects.extend(look.suspects);
        Ok(())
    }

    fn not_reproduced(
        &self,
        of_run: &OfRun,
        came: &BTreeMap<String, Came>,
        other: &BTreeMap<String, String>,
        along: usize,
        fetched: &[Fetched],
    ) -> Failure {
        let id = of_run.id();
        let moved = prove::moved(of_run, came).filter(|moved| !moved.is_empty());
        if let Some(moved) = moved {
            let named = self.named(of_run, came, &moved);
            return Failure::incomplete(format!(
                "the inputs have moved since run {id}: computed again from the stores, {named}; nothing was written"
            ))
            .hint("verify the cycle again and capture that run, or capture against stores as they were then");
        }
        let taken: Vec<String> = fetched
            .iter()
            .map(|one| format!("{} {} ({})", one.readable.label(), one.picked.rows.len(), one.how))
            .collect();
        let what = match other.is_empty() {
            false => format!(
                "the rows that were found do not lead to what run {id} logged: {}",
                self.named(of_run, came, other)
            ),
            true => format!("the rows that were found lead to {along} more keys, and always to further ones"),
        };
        let name = &of_run.named.reconciliation.name;
        Failure::incomplete(format!("{what}; nothing was written")).hint(format!(
            "taken were {}. Say which rows a key needs where the query does not show it: \
             [reconciliation.{name}.capture.tables] \"STORE.TABLE\" = [\"{}\"], or \"whole\"",
            taken.join(", "),
            of_run.key.join("\", \"")
        ))
    }

    fn masked_otherwise(&self, of_run: &OfRun, other: &BTreeMap<String, String>, masker: &Masker<'_>) -> Failure {
        let used: Vec<String> =
            masker.used().keys().map(|(field, mask)| format!("{field} ({})", mask.name())).collect();
        let how = other.values().next().cloned().unwrap_or_default();
        Failure::incomplete(format!(
            "with its values the case comes out as run {} logged it, masked it does not: {how}; nothing was written",
            of_run.id()
        ))
        .hint(format!("one of the masks changes what a path computes with: {}", used.join(", ")))
    }

    /// Keys by their names, where those may be shown, and how they came out.
    fn named(&self, of_run: &OfRun, came: &BTreeMap<String, Came>, other: &BTreeMap<String, String>) -> String {
        let rules = &of_run.named.project.capture.masks;
        let masked = |name: &String| {
            let mask = rules.of(&Field { table: None, path: name });
            mask.is_some_and(|mask| mask != Mask::Keep)
        };
        let hidden = of_run.key.iter().any(masked);
        let one = |(name, how): (&String, &String)| match came.get(name) {
            Some(came) if !hidden => format!("key {}: {how}", keys::shown(&came.key)),
            _ => format!("a key: {how}"),
        };
        let more = other.len().saturating_sub(NAMED);
        let mut lines: Vec<String> = other.iter().take(NAMED).map(one).collect();
        lines.extend((more > 0).then(|| format!("and {more} more")));
        lines.join("; ")
    }
}

/// The verdict of the few keys must not be worse than that of the whole run.
fn verdict(of_run: &OfRun, actual: &Actual) -> Result<(), Failure> {
    let run = of_run.listed.run.verdict;
    let settled = matches!(run, Some(RunVerdict::Clean | RunVerdict::Warned));
    let worse = match actual.verdict {
        RunVerdict::Incomplete => run != Some(RunVerdict::Incomplete),
        RunVerdict::Blocked => settled,
        RunVerdict::Clean | RunVerdict::Warned => false,
    };
    if !worse {
        return Ok(());
    }
    Err(Failure::incomplete(format!(
        "each key comes out as run {} logged it, but the case as a whole is {}: {}; nothing was written",
        of_run.id(),
        actual.verdict.name(),
        actual.reasons.join("; ")
    ))
    .hint("the population must count the case's own records: see docs/testing.md, Capturing"))
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
