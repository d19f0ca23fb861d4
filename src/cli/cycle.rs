//! What is said to the commands around one cycle: which cycle, and who it is that says it. Must do nothing.

use clap::Args;

/// A cycle: a reconciliation and its parameters.
#[derive(Clone, Debug, Args)]
pub struct CycleArgs {
    /// The reconciliation's name in recon.toml.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A parameter of the reconciliation: `payout_date=2026-11-13`.
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
}
