//! `recon test` as a real process: shipped cases, packed cases, what is refused, what is rewritten, servers, mutations.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../third/mod.rs"]
mod third;

mod generated;
mod mutations;
mod packed;
mod refusals;
mod running;
mod servers;
mod updating;

use std::path::{Path, PathBuf};

use support::Place;

/// A place with the project and the cases of an example.
fn example(name: &str) -> Place {
    let place = Place::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name), &place.path());
    place
}

/// The project of the merchant settlement, its suite, and none of its cases but these.
fn merchant_with(cases: &[&str]) -> Place {
    let place = example("merchant");
    for entry in std::fs::read_dir(place.path().join("cases")).expect("cases") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if path.is_dir() && name != "inputs" && !cases.contains(&name.as_str()) {
            std::fs::remove_dir_all(&path).expect("removed");
        }
    }
    place
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target: PathBuf = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Replaces a text that must be there.
fn edit(place: &Place, file: &str, from: &str, to: &str) {
    let text = place.read(file);
    assert!(text.contains(from), "{file} has no `{from}`");
    place.write(file, text.replacen(from, to, 1));
}
