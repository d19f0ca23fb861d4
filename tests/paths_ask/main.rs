//! Paths that ask: a program, a calculation API, own code. Real processes, real sockets, every fault they can have.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod asking;
mod command;
mod command_faults;
mod http;
mod http_faults;
mod own;
#[path = "../reading/mod.rs"]
mod reading;
mod service;
