//! stub
use std::time::Instant;
use super::definition::Definition;
use super::over::Material;
use super::run::{Ran, Settings, timed};

pub(super) fn run(checks: &[&Definition], _material: &mut Material<'_>, settings: &Settings<'_>, began: Instant) -> Vec<Ran> {
    checks.iter().map(|_| timed(began, settings, |_| Err("not built yet".into()))).collect()
}
