//! `recon ledger migrate|status|prune`: the ledger itself.

use serde_json::json;

use crate::cli::{Global, LedgerAction, LedgerArgs, ListFormat};
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{Chain, Ledger, LedgerError, NEWEST, Process};
use crate::report::count;

use super::Failure;

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Failure { exit: error.exit(), what: error.to_string(), hint: error.hint() }
    }
}

/// Runs the command.
///
/// # Errors
/// No project file, or a ledger that cannot be reached, changed or understood.
pub fn run(global: &Global, args: &LedgerArgs) -> Result<Exit, Failure> {
    let project = Project::load(&global.config, global.profile.as_deref(), &|name| std::env::var(name).ok())?;
    match &args.action {
        LedgerAction::Migrate => {
            let (place, from, to) = Ledger::migrate(&project.ledger)?;
            let line = match from == to {
                true => format!("{place} has schema {to}, the newest"),
                false => format!("{place} migrated from schema {from} to {to}"),
            };
            super::print_lines(&[line]);
        }
        LedgerAction::Status { format } => return status(&project, *format),
        LedgerAction::Prune { before, by } => {
            let mut ledger = Ledger::open(&project.ledger, Process::current())?;
            let pruned = ledger.prune(before, by)?;
            let line = format!(
                "deleted {} discrepancies and {} results of checks of {} runs, and {} snapshots, that ended before {before}",
                count(pruned.discrepancies),
                count(pruned.check_results),
                count(pruned.runs),
                count(pruned.snapshots)
            );
            super::print_lines(&[line]);
        }
    }
    Ok(Exit::Success)
}

fn status(project: &Project, format: ListFormat) -> Result<Exit, Failure> {
    let found = Ledger::inspect(&project.ledger)?;
    let chain = match found.version == NEWEST {
        true => Some(Ledger::open(&project.ledger, Process::current())?.verify_audit()?),
        false => None,
    };
    let exit = if matches!(chain, Some(Chain::Broken { .. })) { Exit::Discrepancies } else { Exit::Success };
    if format == ListFormat::Json {
        let audit = match &chain {
            None => json!(null),
            Some(Chain::Intact { entries, head }) => json!({"intact": true, "entries": entries, "head": head}),
            Some(Chain::Broken { sequence, why }) => json!({"intact": false, "entry": sequence, "why": why}),
        };
        let rows: serde_json::Map<_, _> =
            found.rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
        let all = json!({"schema": "recon.ledger/1", "place": found.place, "version": found.version, "newest": NEWEST, "rows": rows, "audit": audit});
        super::print_lines(&[all.to_string()]);
        return Ok(exit);
    }
    let mut lines = vec![found.place.clone()];
    lines.push(match found.version {
        0 => "no schema yet; it is made when the ledger is first used, or with `recon ledger migrate`".to_owned(),
        version if version == NEWEST => format!("schema {version}, the newest"),
        version => format!("schema {version}; this recon brings it to {NEWEST} when it opens it"),
    });
    lines.extend(
        found.rows.iter().map(|(table, rows)| format!("{table:26} {:>14}", count(u64::try_from(*rows).unwrap_or(0)))),
    );
    lines.extend(chain.map(|chain| match chain {
        Chain::Intact { entries: 0, .. } => "audit trail empty".to_owned(),
        Chain::Intact { entries, head } => {
            format!("audit trail intact: {} entries, newest {head}", count(u64::try_from(entries).unwrap_or(0)))
        }
        Chain::Broken { sequence, why } => format!("audit trail BROKEN at entry {sequence}: {why}"),
    }));
    super::print_lines(&lines);
    Ok(exit)
}
