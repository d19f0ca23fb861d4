//! `recon`: two independent computations of every amount, compared record by record with exact decimals.

pub mod config;
pub mod domain;
pub mod report;
pub mod stores;
