//! `Project`: the whole project file, read and validated. Reads that file alone; opens no connection and no query.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::calendar::{self, Calendar};
use super::capture::Capture;
use super::checks::Checks;
use super::error::{ConfigError, SourceText, did_you_mean, listed};
use super::expand::{expand, overlay};
use super::raw::{RawProfile, RawProject};
use super::reconciliation::Reconciliation;
use super::secret::{Secret, mask_url};
use super::validate;

/// A project file, for one profile.
#[derive(Clone, Debug)]
pub struct Project {
    /// The file.
    pub path: PathBuf,
    /// The profile in force.
    pub profile: Option<String>,
    /// Stores by name.
    pub stores: BTreeMap<String, Store>,
    /// The ledger's URL.
    pub ledger: Secret,
    /// `[checks]`
    pub checks: Checks,
    /// `[capture]`
    pub capture: Capture,
    /// The file's text, its variables not yet replaced, and an API's headers and passwords masked: what settings were in
    /// force can be told without a secret.
    pub text: String,
    reconciliations: BTreeMap<String, Reconciliation>,
    calendars: BTreeMap<String, Calendar>,
}

/// One store of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: StoreKind,
    /// Where it is; a relative file is taken from the project file's folder.
    pub url: Secret,
    /// The account that checks run under.
    pub check_url: Option<Secret>,
}

/// Kinds of store, and so dialects of queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// MongoDB.
    MongoDb,
    /// A folder of files.
    Files,
}

impl StoreKind {
    /// Every kind.
    pub const ALL: [StoreKind; 5] =
        [StoreKind::MySql, StoreKind::Postgres, StoreKind::Sqlite, StoreKind::MongoDb, StoreKind::Files];

    /// The name that queries per dialect are listed under.
    pub fn name(self) -> &'static str {
        match self {
            StoreKind::MySql => "mysql",
            StoreKind::Postgres => "postgres",
            StoreKind::Sqlite => "sqlite",
            StoreKind::MongoDb => "mongodb",
            StoreKind::Files => "file",
        }
    }

    /// By the scheme of a URL.
    pub fn of_url(url: &str) -> Option<StoreKind> {
        let (scheme, _) = url.split_once(':')?;
        Some(match scheme {
            "mysql" | "mariadb" => StoreKind::MySql,
            "postgres" | "postgresql" => StoreKind::Postgres,
            "sqlite" => StoreKind::Sqlite,
            "mongodb" | "mongodb+srv" => StoreKind::MongoDb,
            "file" => StoreKind::Files,
            _ => return None,
        })
    }
}

/// The ledger when none is configured.
const DEFAULT_LEDGER: &str = "sqlite:recon.db";

impl Project {
    /// Reads and validates a project file.
    ///
    /// `env` gives environment variables, so that tests need not change the process's own.
    ///
    /// # Errors
    /// The file cannot be read, is no valid TOML, holds an unknown key or a value that makes no sense, names a
    /// store that is not defined, uses a variable that is not set; or the profile does not exist.
    pub fn load(
        path: &Path,
        profile: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Project, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            file: path.display().to_string(),
            position: None,
            what: format!("cannot read the project file: {error}"),
            hint: Some("`--config FILE` names another; `recon init` begins one".into()),
        })?;
        Project::parse(path, text, profile, env)
    }

    /// As [`Project::load`], with the text given.
    ///
    /// # Errors
    /// As [`Project::load`].
    pub fn parse(
        path: &Path,
        text: String,
        profile: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Project, ConfigError> {
        let mut source = SourceText::new(path, text);
        let text = source.text.clone();
        let mut table = DeTable::parse(&text).map_err(|e| source.reworded(&e))?;
        apply_profile(table.get_mut(), profile, &source)?;
        expand(table.get_mut(), &mut source, env)?;
        let raw = RawProject::deserialize(toml::Deserializer::from(table)).map_err(|e| source.reworded(&e))?;
        let text = without_secrets(&text, &raw);
        let folder = path.parent().unwrap_or(Path::new(""));

        let mut stores = BTreeMap::new();
        for (name, raw) in raw.stores {
            let kind = store_kind(&raw.url, &source)?;
            let check_url = match raw.check_url {
                Some(url) if store_kind(&url, &source)? == kind => Some(located(url.into_inner(), kind, folder)),
                Some(url) => {
                    return Err(source.error(url.span(), "`check_url` must be another account of the same store"));
                }
                None => None,
            };
            let url = located(raw.url.into_inner(), kind, folder);
            stores.insert(name.clone(), Store { name, kind, url, check_url });
        }
        let capture = raw.capture.map(|raw| raw.capture(&source)).transpose()?.unwrap_or_default();
        let checks = raw.checks.map(|raw| raw.checks(&source)).transpose()?.unwrap_or_default();
        let ledger = match raw.ledger {
            Some(ledger) => match store_kind(&ledger.url, &source)? {
                StoreKind::MongoDb | StoreKind::Files => {
                    return Err(source
                        .error(ledger.url.span(), "the ledger must be a SQL database")
                        .hint("use a sqlite:, mysql: or postgres: URL"));
                }
                kind => located(ledger.url.into_inner(), kind, folder),
            },
            None => located(Secret::new(DEFAULT_LEDGER), StoreKind::Sqlite, folder),
        };
        let check = validate::Validator { source: &source, stores: &stores, folder };
        let mut reconciliations = BTreeMap::new();
        for (name, raw) in raw.reconciliation {
            reconciliations.insert(name.clone(), check.reconciliation(name, raw)?);
        }
        let mut calendars = BTreeMap::new();
        for (name, raw) in raw.calendar {
            calendars.insert(name.clone(), calendar::calendar(&check, name, raw, &reconciliations)?);
        }
        Ok(Project {
            path: path.to_owned(),
            profile: profile.map(str::to_owned),
            stores,
            ledger,
            checks,
            capture,
            text,
            reconciliations,
            calendars,
        })
    }

    /// The folder that relative names are taken from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// A reconciliation by name.
    ///
    /// # Errors
    /// There is none of that name; the message lists those there are.
    pub fn reconciliation(&self, name: &str) -> Result<&Reconciliation, ConfigError> {
        self.reconciliations.get(name).ok_or_else(|| {
            let known = || self.reconciliations.keys().map(String::as_str);
            ConfigError {
                file: self.path.display().to_string(),
                position: None,
                what: format!("there is no reconciliation `{name}`; there are: {}", listed(known())),
                hint: did_you_mean(name, known()),
            }
        })
    }

    /// The project with a reconciliation in place of the one of that name.
    #[must_use]
    pub fn with_reconciliation(&self, reconciliation: Reconciliation) -> Project {
        let mut project = self.clone();
        project.reconciliations.insert(reconciliation.name.clone(), reconciliation);
        project
    }

    /// Every reconciliation, by name.
    pub fn reconciliations(&self) -> impl Iterator<Item = &Reconciliation> {
        self.reconciliations.values()
    }

    /// A payout calendar by name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn calendar(&self, name: &str) -> Result<&Calendar, ConfigError> {
        self.calendars.get(name).ok_or_else(|| {
            let known = || self.calendars.keys().map(String::as_str);
            ConfigError {
                file: self.path.display().to_string(),
                position: None,
                what: format!("there is no calendar `{name}`; there are: {}", listed(known())),
                hint: did_you_mean(name, known()).or(Some(format!("define it: [calendar.{name}]"))),
            }
        })
    }

    /// A store by name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn store(&self, name: &str) -> Result<&Store, ConfigError> {
        self.stores.get(name).ok_or_else(|| {
            let known = || self.stores.keys().map(String::as_str);
            ConfigError {
                file: self.path.display().to_string(),
                position: None,
                what: format!("there is no store `{name}`; there are: {}", listed(known())),
                hint: did_you_mean(name, known()),
            }
        })
    }
}

/// Checks every profile's shape and lays the chosen one over the file's own tables.
fn apply_profile(table: &mut DeTable<'_>, wanted: Option<&str>, source: &SourceText) -> Result<(), ConfigError> {
    let profiles = table.remove("profiles");
    let span = profiles.as_ref().map_or(0..0, Spanned::span);
    let profiles = match profiles.map(Spanned::into_inner) {
        Some(DeValue::Table(profiles)) => profiles,
        Some(other) => {
            let what = format!("`profiles` is a table of profiles, not {}", other.type_str());
            return Err(source.error(span, what));
        }
        None => DeTable::new(),
    };
    let mut chosen = None;
    let mut names = Vec::new();
    for (name, value) in profiles {
        let deserializer = toml::de::ValueDeserializer::from(value.clone());
        RawProfile::deserialize(deserializer).map_err(|e| source.reworded(&e))?;
        names.push(name.get_ref().to_string());
        if Some(name.get_ref().as_ref()) == wanted {
            chosen = Some(value.into_inner());
        }
    }
    match (wanted, chosen) {
        (Some(_), Some(DeValue::Table(over))) => {
            forget_accounts(table, &over);
            overlay(table, over);
        }
        (Some(wanted), _) => {
            let known = || names.iter().map(String::as_str);
            return Err(ConfigError {
                file: source.file.clone(),
                position: None,
                what: format!("there is no profile `{wanted}`; there are: {}", listed(known())),
                hint: did_you_mean(wanted, known()),
            });
        }
        (None, _) => {}
    }
    Ok(())
}

/// Another store has other accounts: where a profile replaces a store's `url`, the `check_url` of the old one goes.
fn forget_accounts(table: &mut DeTable<'_>, over: &DeTable<'_>) {
    let Some(DeValue::Table(replaced)) = over.get("stores").map(Spanned::get_ref) else { return };
    let Some(DeValue::Table(stores)) = table.get_mut("stores").map(Spanned::get_mut) else { return };
    for (name, store) in replaced {
        let DeValue::Table(with) = store.get_ref() else { continue };
        if let (true, Some(DeValue::Table(store))) =
            (with.contains_key("url"), stores.get_mut(name.get_ref().as_ref()).map(Spanned::get_mut))
        {
            store.remove("check_url");
        }
    }
}

/// The file's text without what was written into it in place of a variable for a calculation API: the values of its
/// headers, and user, password and query of its URL.
fn without_secrets(text: &str, raw: &RawProject) -> String {
    let paths = raw.reconciliation.values().flat_map(|one| [one.legacy.get_ref(), one.candidate.get_ref()]);
    let mut places: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    for http in paths.filter_map(|path| path.http.as_ref()) {
        places.extend(http.headers.values().map(|value| (value.span(), "\"***\"".to_owned())));
        let span = http.url.span();
        let quoted = text.get(span.clone()).unwrap_or_default();
        let masked = mask_url(quoted);
        let masked = match masked.split_once('?') {
            Some((before, _)) => format!("{before}?***{}", quoted.chars().next_back().unwrap_or('"')),
            None => masked,
        };
        places.push((span, masked));
    }
    // Pseudonyms could be guessed back with it.
    places.extend(raw.capture.iter().filter_map(|raw| Some((raw.secret.as_ref()?.span(), "\"***\"".to_owned()))));
    places.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = text.to_owned();
    for (span, instead) in places {
        if text.get(span.clone()).is_some() {
            text.replace_range(span, &instead);
        }
    }
    text
}

fn store_kind(url: &Spanned<Secret>, source: &SourceText) -> Result<StoreKind, ConfigError> {
    let text = url.get_ref().expose();
    let Some(kind) = StoreKind::of_url(text) else {
        return Err(source
            .error(url.span(), format!("`{}` is not the URL of a store", mask_url(text)))
            .hint("stores begin with mysql:, postgres:, sqlite:, mongodb: or file:"));
    };
    if text.contains('#') && kind != StoreKind::Files {
        return Err(source
            .error(url.span(), "a store's URL ends before `#`: tables are named where they are used")
            .hint("if the `#` is part of a password, write it as %23"));
    }
    Ok(kind)
}

/// A file's URL with its path taken from the project's folder.
fn located(url: Secret, kind: StoreKind, folder: &Path) -> Secret {
    let scheme = match kind {
        StoreKind::Sqlite => "sqlite:",
        StoreKind::Files => "file:",
        _ => return url,
    };
    let rest = url.expose().strip_prefix(scheme).unwrap_or_default();
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    if rest.is_empty() || rest.starts_with(['/', ':', '~']) || folder.as_os_str().is_empty() {
        return url;
    }
    Secret::new(format!("{scheme}{}", folder.join(rest).display()))
}
