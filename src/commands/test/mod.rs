//! `recon test`: regression cases, run against both paths before a change of either reaches money.

mod scratch;
mod show;
mod update;
mod work;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use crate::cases::{CaseError, Found, Walk, shard_of};
use crate::cli::{Global, TestArgs, TestFormat};
use crate::config::{Secret, StoreKind};
use crate::exit::Exit;

use super::Failure;
use show::{Gathered, Progress};
use work::{Done, Ended};

pub(super) use scratch::{clear, passing};
pub(super) use work::{Stopped, Worker, actual};

/// Cases that a worker takes at once; where they share the calls of a program, as many as a call is worth.
const TAKEN: usize = 8;
const TOGETHER: usize = 250;

impl From<CaseError> for Failure {
    fn from(error: CaseError) -> Failure {
        Failure { hint: error.hint, ..Failure::usage(error.what) }
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Failure {
        match stopped {
            Stopped::Case(error) => error.into(),
            Stopped::Failure(failure) => failure,
        }
    }
}

/// Variables by which CI servers are known: most, Azure, Jenkins, TeamCity, CodeBuild.
const CI: [&str; 5] = ["CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION", "CODEBUILD_BUILD_ID"];

/// Runs the command.
///
/// # Errors
/// A case or flag is wrong, none ran, or a store could not be used.
pub fn run(global: &Global, args: &TestArgs) -> Result<Exit, Failure> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false");
    if let Some(name) = CI.iter().find(|name| args.update && is_set(name)) {
        return Err(Failure::usage(format!(
            "`--update` does not work where the variable {name} is set: nothing was run or written",
        ))
        .hint("an expectation is changed by somebody who looks at it: run it at your desk and commit the change"));
    }
    if let (TestFormat::Json | TestFormat::Junit, true) = (args.format, args.update) {
        return Err(Failure::usage("`--update` shows what changes as a table"));
    }
    let shard = args.shard.as_deref().map(shard).transpose()?;
    let servers = args.store.iter().map(|text| server(text)).collect::<Result<Vec<_>, Failure>>()?;
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => global.config.parent().unwrap_or(std::path::Path::new("")).join("cases"),
    };
    let walk = Walk::new(&folder)?;
    let total = walk.total;
    // Two for each processor: a case is handed from thread to thread, and waits most of its time.
    let usual = || std::thread::available_parallelism().map_or(1, |processors| 2 * processors.get());
    let jobs = args.jobs.map_or_else(usual, usize::from);
    let stop = AtomicBool::new(false);
    let mut gathered = Gathered::new(args)?;
    let mut stopped: Option<Stopped> = None;
    let feeder = Feeder { filter: args.filter.as_deref(), tags: &args.tag, shard, stop: &stop };
    std::thread::scope(|scope| {
        let (feed, work) = sync_channel::<Result<Vec<Found>, CaseError>>(2 * jobs);
        let (tell, told) = sync_channel::<Result<Vec<Done>, Stopped>>(4 * jobs);
        let work = Arc::new(Mutex::new(work));
        scope.spawn(|| feeder.feed(walk, feed));
        for _ in 0..jobs {
            let (work, tell, servers, stop) = (Arc::clone(&work), tell.clone(), &servers, &stop);
            scope.spawn(move || worker(global, servers, &work, &tell, stop));
        }
        drop((work, tell));
        let mut progress = Progress::new(global.quiet, total);
        for done in told {
            match done {
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    stopped = stopped.take().or(Some(error));
                }
                Ok(all) => {
                    for done in all {
                        if args.fail_fast && !matches!(done.ended, Ended::Passed) {
                            stop.store(true, Ordering::Relaxed);
                        }
                        gathered.take(done)?;
                    }
                    progress.at(&gathered);
                }
            }
        }
        Ok::<(), Failure>(())
    })?;
    if let Some(stopped) = stopped {
        return Err(stopped.into());
    }
    if gathered.run() == 0 {
        return Err(nothing(args, &folder, total));
    }
    let updates = if args.update { gathered.updates() } else { Vec::new() };
    gathered.show(global, args)?;
    if args.update {
        return update::write(&updates, gathered.left(&updates));
    }
    Ok(if gathered.all_passed() { Exit::Success } else { Exit::Discrepancies })
}

/// Takes cases until there are none, and sends what became of them.
fn worker(
    global: &Global,
    servers: &[(String, Secret)],
    work: &Mutex<Receiver<Result<Vec<Found>, CaseError>>>,
    tell: &SyncSender<Result<Vec<Done>, Stopped>>,
    stop: &AtomicBool,
) {
    let mut worker = Worker::new(global, servers);
    loop {
        let next = match work.lock() {
            Ok(work) => work.recv(),
            Err(_) => return,
        };
        // What was handed out before somebody said stop is not run any more.
        let Ok(next) = next else { return };
        if stop.load(Ordering::Relaxed) {
            continue;
        }
        let done = next.map_err(Stopped::from).and_then(|found| worker.run(&found));
        if tell.send(done).is_err() {
            return;
        }
    }
}

/// Chooses cases and hands them out.
struct Feeder<'a> {
    filter: Option<&'a str>,
    tags: &'a [String],
    /// The shard from 0, and how many there are.
    shard: Option<(u64, u64)>,
    stop: &'a AtomicBool,
}

impl Feeder<'_> {
    fn feed(&self, walk: Walk, feed: SyncSender<Result<Vec<Found>, CaseError>>) {
        let mut taken: Vec<Found> = Vec::new();
        for found in walk {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let found = match found {
                Ok(found) if self.wants(&found) => found,
                Ok(_) => continue,
                Err(error) => {
                    let _ = feed.send(Err(error));
                    return;
                }
            };
            let full = |first: &Found| {
                let most = if first.suite.together { TOGETHER } else { TAKEN };
                first.suite.folder != found.suite.folder || taken.len() >= most
            };
            if taken.first().is_some_and(full) && feed.send(Ok(std::mem::take(&mut taken))).is_err() {
                return;
            }
            taken.push(found);
        }
        let _ = feed.send(Ok(taken));
    }

    fn wants(&self, found: &Found) -> bool {
        let named = match found.suite.label.as_str() {
            "" => found.name.clone(),
            label => format!("{label}/{}", found.name),
        };
        self.filter.is_none_or(|text| named.contains(text))
            && self.tags.iter().all(|tag| found.tags.contains(tag))
            && self.shard.is_none_or(|(shard, count)| shard_of(&found.name, count) == shard)
    }
}

fn nothing(args: &TestArgs, folder: &std::path::Path, total: u64) -> Failure {
    let folder = folder.display();
    if total == 0 {
        return Failure::incomplete(format!("no case ran: there is none below {folder}")).hint(
            "a case is a folder with case.toml, or a line of a file NAME.cases.ndjson; `recon capture` makes them of a real run",
        );
    }
    let mut by = Vec::new();
    by.extend(args.filter.iter().map(|text| format!("--filter {text}")));
    by.extend(args.tag.iter().map(|tag| format!("--tag {tag}")));
    by.extend(args.shard.iter().map(|shard| format!("--shard {shard}")));
    Failure::incomplete(format!("no case ran: of {total} below {folder} none is left by {}", by.join(" and ")))
        .hint("nothing that was not looked at is called a pass")
}

/// `1/4`: the shard from 0, and how many there are.
fn shard(text: &str) -> Result<(u64, u64), Failure> {
    let parts = text.split_once('/').and_then(|(at, of)| Some((at.parse::<u64>().ok()?, of.parse::<u64>().ok()?)));
    match parts {
        Some((at, of)) if at >= 1 && at <= of && of <= 100_000 => Ok((at - 1, of)),
        _ => Err(Failure::usage(format!("`--shard {text}` is no share of the cases"))
            .hint("write 1/4 for the first of four, up to 4/4")),
    }
}

/// `core=mysql://…`
pub(super) fn server(text: &str) -> Result<(String, Secret), Failure> {
    let form = "it is given as NAME=URL: --store core=mysql://user@127.0.0.1:3306";
    let Some((name, url)) = text.split_once('=').filter(|(name, _)| !name.contains(':')) else {
        return Err(Failure::usage("`--store` names no store").hint(form));
    };
    match StoreKind::of_url(url) {
        Some(StoreKind::MySql | StoreKind::Postgres | StoreKind::MongoDb) => Ok((name.to_owned(), Secret::new(url))),
        _ => Err(Failure::usage(format!("`--store {name}=…` is the URL of no server")).hint(form)),
    }
}

/// What a case's file is called on the way to its new text.
type Updated = (PathBuf, Option<u64>, Box<crate::cases::Update>);
