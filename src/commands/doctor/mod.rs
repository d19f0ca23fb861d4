//! `recon doctor`: whether everything that the project file names can be worked with, before a payout depends on it.
//! Changes nothing anywhere; never shows a secret.

mod account;
mod checks;
mod finding;
mod machine;
mod place;
mod reconciliation;
mod store;

use std::time::Duration;

use serde_json::json;

use crate::cli::{DoctorArgs, Global, ListFormat};
use crate::config::Project;
use crate::exit::Exit;
use crate::stores::Settings;

use super::Failure;
use finding::{Finding, Grade, exit_of, lines};

/// Runs the command.
///
/// # Errors
/// The project file cannot be read or is wrong.
pub fn run(global: &Global, args: &DoctorArgs) -> Result<Exit, Failure> {
    let project = Project::load(&global.config, global.profile.as_deref(), &|name| std::env::var(name).ok())?;
    let settings = Settings {
        connect_timeout: args.timeout,
        connect_attempts: 1,
        read_timeout: args.timeout.max(Duration::from_secs(1)),
        ..Settings::default()
    };
    let findings = look(&project, &settings);
    let exit = exit_of(&findings);
    if args.format == ListFormat::Json {
        let shown: Vec<_> = findings.iter().map(Finding::json).collect();
        let count = |grade: Grade| findings.iter().filter(|finding| finding.grade == grade).count();
        let all = json!({
            "schema": "recon.doctor/1",
            "project": project.path.display().to_string(),
            "profile": project.profile,
            "counts": { "ok": count(Grade::Ok), "note": count(Grade::Note), "wrong": count(Grade::Wrong) },
            "findings": shown,
        });
        super::print_lines(&[all.to_string()]);
    } else {
        super::print_lines(&lines(&findings, super::output::look(global, None, None).color));
    }
    Ok(exit)
}

/// Everything that there is to look at. Stores are asked at the same time: one that does not answer delays no other.
fn look(project: &Project, settings: &Settings) -> Vec<Finding> {
    std::thread::scope(|scope| {
        let mut work = Vec::new();
        for store in project.stores.values() {
            work.push(scope.spawn(move || store::look(store, settings)));
        }
        work.push(scope.spawn(move || place::ledger(project)));
        work.push(scope.spawn(move || checks::look(project)));
        for reconciliation in project.reconciliations() {
            work.push(scope.spawn(move || reconciliation::look(project, reconciliation, settings)));
        }
        let mut findings = vec![summary(project)];
        for asked in work {
            match asked.join() {
                Ok(found) => findings.extend(found),
                // The panic has been told on stderr.
                Err(_) => findings.push(Finding::failed("recon", "a part of the look failed", None)),
            }
        }
        findings.extend(machine::look());
        findings
    })
}

fn summary(project: &Project) -> Finding {
    let reconciliations = project.reconciliations().count();
    let counted = |many: usize, what: &str| format!("{many} {what}{}", if many == 1 { "" } else { "s" });
    let stores = counted(project.stores.len(), "store");
    let mut what = format!("{stores}, {}", counted(reconciliations, "reconciliation"));
    if let Some(profile) = &project.profile {
        what.push_str(&format!(", profile {profile}"));
    }
    let place = project.path.display().to_string();
    match reconciliations {
        0 => Finding::note(place, what, "nothing can be compared by name: add a [reconciliation.NAME]"),
        _ => Finding::ok(place, what),
    }
}
