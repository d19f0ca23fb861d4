//! `recon checks run`: the checks of a cycle now, on what is in the stores now. Decides nothing, and keeps no result.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::checks::Stage;
use crate::cli::{ChecksRunArgs, CycleArgs, Global, ListFormat};
use crate::commands::checking::{Checking, RUN};
use crate::commands::cycle::Named;
use crate::commands::diff::settings;
use crate::commands::{Failure, output};
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{Cycle, Ledger};
use crate::report::verification::{check_object, render_checks};

use super::again::Again;

/// Runs the command.
///
/// # Errors
/// There is no such check or cycle, the ledger fails, or nothing could be computed.
pub(super) fn run(global: &Global, project: &Project, args: &ChecksRunArgs) -> Result<Exit, Failure> {
    let name = super::reconciliation(project, args.reconciliation.as_deref())?;
    let named = Named::load(global, &CycleArgs { name, param: args.param.clone() })?;
    let settings = settings(&args.read)?;
    let mut ledger = named.ledger()?;
    let cycle = ledger.status(&named.key)?;
    let run = written(&mut ledger, cycle.as_ref())?;
    let text = named.key.to_string();
    let mut names = vec![("recon_cycle", text.as_str())];
    // Where no run wrote decisions there is nothing to look at, and a check that wants to is told so.
    names.extend(run.as_deref().map(|run| (RUN, run)));
    let name = &named.reconciliation.name;
    let mut checking =
        Checking::load(&mut ledger, &named.project, name, &named.params, &names, &settings, Arc::default())?;
    checking.choose(&args.names)?;
    let mut again = match checking.needs_records() {
        true => Some(Again::compute(global, &named, &args.read, &settings, &mut ledger)?),
        false => None,
    };
    let population = match &again {
        Some(again) => again.population(),
        None => population(&mut ledger, cycle.as_ref())?,
    };
    checking.run(&Stage::ALL, again.as_mut().and_then(Again::material), population);
    let doubts = again.as_ref().map(|again| again.doubts().to_vec()).unwrap_or_default();
    let checks = checking.report();
    let format = args.format;
    let text = match format {
        ListFormat::Json => {
            let all: Vec<Json> = checks.iter().map(check_object).collect();
            let json = json!({
                "schema": "recon.checks_run/1", "cycle": named.key.to_string(), "checks": all,
                "notices": checking.notices, "doubts": doubts,
            });
            format!("{json}\n")
        }
        ListFormat::Table => {
            let mut text = render_checks(&checks, &output::look(global, None, None));
            if let Some(run) = &run {
                text.push_str(&format!("notice  `:{RUN}` is {run}, the last run of the cycle that wrote decisions\n"));
            }
            for notice in checking.notices.iter().chain(&doubts) {
                text.push_str(&format!("notice  {notice}\n"));
            }
            text
        }
    };
    output::text(&text, None)?;
    Ok(checking.exit())
}

/// The last run of the cycle that wrote decisions.
fn written(ledger: &mut Ledger, cycle: Option<&Cycle>) -> Result<Option<String>, Failure> {
    let Some(cycle) = cycle else { return Ok(None) };
    let wrote = |figures: &String| {
        let json: Option<Json> = serde_json::from_str(figures).ok();
        json.is_some_and(|json| json["decisions"]["hash"].is_string())
    };
    let runs = ledger.runs(cycle.id)?;
    let last = runs.into_iter().rev().find(|run| run.figures.as_ref().is_some_and(wrote));
    Ok(last.map(|run| run.holder.run.to_string()))
}

/// Distinct keys of the cycle's last run, as the ledger has them.
pub(super) fn population(ledger: &mut Ledger, cycle: Option<&Cycle>) -> Result<Option<u64>, Failure> {
    let Some(cycle) = cycle else { return Ok(None) };
    let figures = ledger.runs(cycle.id)?.into_iter().rev().find_map(|run| run.figures);
    let json: Option<Json> = figures.and_then(|text| serde_json::from_str(&text).ok());
    Ok(json.and_then(|json| json["coverage"]["read"].as_u64()))
}
