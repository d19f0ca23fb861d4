//! A store of the project: can it be reached, what is it, what may its accounts do.

use std::path::Path;

use crate::config::{Secret, Store, StoreKind};
use crate::stores::about::{About, about};
use crate::stores::{Locator, Settings, StoreError};

use super::account;
use super::finding::Finding;
use super::place::clock;

/// Versions that recon's own tests run against.
const TESTED: [(&str, &str); 3] = [("MariaDB", "10.11"), ("PostgreSQL", "15"), ("MongoDB", "6.0")];

pub(super) fn look(store: &Store, settings: &Settings) -> Vec<Finding> {
    let place = format!("store {}", store.name);
    if store.kind == StoreKind::Files {
        return vec![folder(place, store.url.expose())];
    }
    let (locator, found) = match asked(&store.url, settings) {
        Ok(found) => found,
        Err(finding) => return vec![finding.at(place)],
    };
    let mut findings = vec![Finding::ok(place.clone(), reached(&locator, &found))];
    findings.extend(version(&place, &found));
    findings.extend(found.clock.and_then(|at| clock(&place, at)));
    if let Some(why) = &found.no_snapshot {
        findings.push(Finding::note(
            place.clone(),
            format!("reads show no single moment: {why}"),
            "make it a replica set (one member is enough), or verify when nothing changes it; `--recheck` reads what differs again",
        ));
    }
    let place = format!("{place}, checks");
    match &store.check_url {
        None => findings.extend(account::of(&place, &locator, &found, None, settings)),
        Some(url) => match asked(url, settings) {
            Err(finding) => findings.push(finding.at(place)),
            Ok((checks, its)) => {
                findings.push(Finding::ok(place.clone(), reached(&checks, &its)));
                findings.extend(account::of(&place, &checks, &its, Some(&found), settings));
            }
        },
    }
    findings
}

fn asked(url: &Secret, settings: &Settings) -> Result<(Locator, About), Finding> {
    let locator = Locator::parse(url.expose()).map_err(|error| Finding::of("", error))?;
    let found = about(&locator, settings).map_err(|error| Finding::of("", of_encoding(url.expose(), error)))?;
    Ok((locator, found))
}

/// A password that holds a `%` may be another one than was meant: what a server that denies it cannot know.
fn of_encoding(url: &str, error: StoreError) -> StoreError {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map_or("", |(_, word)| word);
    let message = error.what.to_lowercase();
    let is_denied = ["denied", "authentication failed"].iter().any(|word| message.contains(word));
    if !is_denied || !password.contains('%') {
        return error;
    }
    let before = error.hint.as_ref().map_or_else(String::new, |hint| format!("{hint}; "));
    error.hint(format!(
        "{before}the password holds a `%`: in a URL it is percent-encoded, and `%` itself is written %25"
    ))
}

fn reached(locator: &Locator, found: &About) -> String {
    let mut what = format!("{} {} at {}", found.product, found.version, locator.label());
    if let Some(account) = &found.account {
        what.push_str(&format!(" as {account}"));
    }
    what
}

/// Told when recon's tests do not run against this version. SQLite comes with recon.
fn version(place: &str, found: &About) -> Option<Finding> {
    let tested = TESTED.iter().find(|(product, _)| *product == found.product);
    let (what, mend) = match tested {
        _ if found.product == "SQLite" => return None,
        Some((_, tested)) if is_version(&found.version, tested) => return None,
        Some((product, tested)) => (
            format!("recon is tested with {product} {tested}, not with this version"),
            format!("compare a cycle whose result is known before money depends on it, or use {product} {tested}"),
        ),
        None => (
            format!("recon is not tested with {}", found.product),
            "compare a cycle whose result is known before money depends on it".to_owned(),
        ),
    };
    Some(Finding::note(place, what, mend))
}

/// `10.11.6-MariaDB` is a 10.11; `10.110` is none.
fn is_version(version: &str, tested: &str) -> bool {
    version.strip_prefix(tested).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn folder(place: String, url: &str) -> Finding {
    let path = url.strip_prefix("file:").map_or(url, |path| path.strip_prefix("//").unwrap_or(path));
    let folder = if path.is_empty() { Path::new(".") } else { Path::new(path) };
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            let files = entries.filter_map(Result::ok).filter(|entry| entry.path().is_file()).count();
            let counted = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
            Finding::ok(place, format!("folder {} with {counted}", folder.display()))
        }
        Err(error) => {
            let mend = "relative folders are taken from the folder of the project file: make it, or correct `url`";
            let what = format!("the folder {} cannot be read: {error}", folder.display());
            match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                    Finding::usage(place, what, Some(mend.to_owned()))
                }
                _ => Finding::failed(place, what, Some("check its owner and permissions".to_owned())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Grade;

    #[test]
    fn a_version_that_is_not_tested_is_told() {
        let told = |product: &'static str, version: &str| {
            let about = About {
                product,
                version: version.to_owned(),
                account: None,
                database: None,
                clock: None,
                no_snapshot: None,
            };
            super::version("store x", &about).map(|finding| (finding.grade, finding.what))
        };
        for (product, version) in [
            ("MariaDB", "10.11.6-MariaDB-0+deb12u1"),
            ("PostgreSQL", "15.5 (Debian 15.5-0+deb12u1)"),
            ("MongoDB", "6.0.5"),
            ("SQLite", "3.50.2"),
        ] {
            assert_eq!(told(product, version), None, "{product} {version}");
        }
        for (product, version) in [
            ("MariaDB", "10.110.1"),
            ("MariaDB", "11.4.2"),
            ("PostgreSQL", "151"),
            ("MongoDB", "7.0.1"),
            ("MySQL", "8.0.36"),
        ] {
            assert_eq!(told(product, version).map(|(grade, _)| grade), Some(Grade::Note), "{product} {version}");
        }
        assert_eq!(told("MySQL", "8.0.36").expect("told").1, "recon is not tested with MySQL");
    }
}
