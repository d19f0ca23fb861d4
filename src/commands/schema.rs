//! `recon schema`: JSON Schema of the files that recon reads and the JSON that it writes. Must not read a project.

use std::borrow::Cow;

use crate::cli::SchemaArgs;
use crate::config::did_you_mean;
use crate::domain::rule::Rule;
use crate::exit::Exit;

use super::Failure;

/// A schema and what it describes.
struct Known {
    name: &'static str,
    what: &'static str,
    text: fn() -> Cow<'static, str>,
}

macro_rules! shipped {
    ($($name:literal => $what:literal,)*) => {
        [$(Known { name: $name, what: $what, text: || Cow::Borrowed(include_str!(concat!("../../schemas/", $name, ".json"))) },)*
         Known { name: "rule", what: "a rule of a check (kind `rule`), as JSON", text: rule }]
    };
}

const ALL: &[Known] = &shipped! {
    "recon.toml" => "the project file",
    "suite.toml" => "what the regression cases of a folder share",
    "case.toml" => "a regression case in a folder of its own",
    "case" => "a line of NAME.cases.ndjson: a packed regression case",
    "diff" => "recon diff --format json (recon.diff/1)",
    "verify" => "recon verify --format json (recon.verify/1)",
    "status" => "recon status --format json",
    "runs" => "recon runs list --format json",
    "run" => "recon runs show --format json",
    "audit" => "recon runs verify-audit --format json",
    "discrepancies" => "recon discrepancies list --format json",
    "discrepancy" => "recon discrepancies show --format json",
    "release" => "recon release --format json",
    "stage" => "recon stage --format json",
    "canary" => "recon canary --format json",
    "ledger" => "recon ledger status --format json",
    "calendar" => "recon calendar list and next --format json",
    "checks" => "recon checks list --format json",
    "check" => "recon checks show --format json",
    "check-history" => "recon checks history --format json",
    "checks_run" => "recon checks run --format json",
    "checks_try" => "recon checks try --format json",
    "impact" => "recon impact --format json (recon.impact/1)",
    "doctor" => "recon doctor --format json",
    "log" => "a line of --json-log (recon.log/1)",
};

fn rule() -> Cow<'static, str> {
    Cow::Owned(format!("{:#}\n", Rule::schema()))
}

/// Prints one schema, or the names of all.
///
/// # Errors
/// There is none of that name.
pub fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    let Some(name) = &args.name else {
        let width = ALL.iter().map(|known| known.name.len()).max().unwrap_or(0);
        let lines: Vec<String> = ALL.iter().map(|known| format!("{:width$}  {}", known.name, known.what)).collect();
        super::print_lines(&lines);
        return Ok(Exit::Success);
    };
    let wanted = name.strip_prefix("recon.").and_then(|rest| rest.strip_suffix("/1")).unwrap_or(name);
    let Some(known) = ALL.iter().find(|known| known.name == wanted) else {
        let names = || ALL.iter().map(|known| known.name);
        let hint = did_you_mean(wanted, names())
            .unwrap_or_else(|| format!("there are: {}", names().collect::<Vec<_>>().join(", ")));
        return Err(Failure::usage(format!("there is no schema `{name}`")).hint(hint));
    };
    super::print_lines(&[(known.text)().trim_end()]);
    Ok(Exit::Success)
}
