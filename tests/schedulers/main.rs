//! The examples in `schedulers/`, each executed or validated by its own tool with the real `recon`, and what schedulers read
//! of it: JUnit XML, JSON lines. `tests/schedulers.sh` installs the tools; one that is missing is a failure.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod airflow;
mod github;
mod jenkins;
mod junit;
mod kubernetes;
mod log;
mod scene;
mod timers;
