//! A check's query can read and do nothing else: examined as text, and attacked on real servers with an account that may
//! do everything, so that only recon's own walls stand.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod documented;
mod limits;
mod ordinary;
mod privileges;
mod refused;
mod scene;
mod second_wall;
mod values;
