//! Tells the program which versions of its libraries it was built with, for `recon --version`.

use std::fmt::Write;

/// The libraries that read, compute and write money; a fault of one of them is a fault of recon.
const SHOWN: [&str; 8] = ["polars", "parquet", "sqlx", "libsqlite3-sys", "mysql_common", "mongodb", "rustls", "jiff"];

fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-changed=build.rs");
    // Without the file, as a library of another program, nothing is known.
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let mut libraries = String::new();
    for name in SHOWN {
        let version = lock
            .split("[[package]]")
            .filter(|package| package.lines().any(|line| line == format!("name = \"{name}\"")))
            .find_map(|package| package.lines().find_map(|line| line.strip_prefix("version = ")));
        let version = version.map_or("unknown", |version| version.trim_matches('"'));
        let separator = if libraries.is_empty() { "" } else { ", " };
        let _ = write!(libraries, "{separator}{name} {version}");
    }
    println!("cargo:rustc-env=RECON_LIBRARIES={libraries}");
    for variable in ["TARGET", "PROFILE"] {
        println!("cargo:rustc-env=RECON_{variable}={}", std::env::var(variable).unwrap_or_default());
    }
}
