//! `recon`: two independent computations of every amount, compared record by record with exact decimals.

pub mod capture;
pub mod cases;
pub mod checks;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod config;
pub mod decide;
pub mod decisions;
pub mod domain;
pub mod examples;
pub mod exit;
pub mod ledger;
pub mod path;
pub mod report;
pub mod stores;
