//! What a run keeps of the settings in force, so that its decisions can be explained and made again (T4).

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::cli::VerifyArgs;
use crate::commands::Failure;
use crate::commands::cycle::Named;
use crate::config::{ParamType, mask_url};
use crate::path;

/// A text that a run keeps.
pub(in crate::commands) struct Text {
    pub(super) kind: &'static str,
    pub(in crate::commands) name: String,
    pub(in crate::commands) text: String,
}

/// The texts that both paths and the population compute by.
pub(in crate::commands) fn texts(named: &Named) -> Result<Vec<Text>, Failure> {
    let mut all = Vec::new();
    for (side, path) in [("legacy", &named.reconciliation.legacy), ("candidate", &named.reconciliation.candidate)] {
        for (name, text) in path::texts(&named.project, path)? {
            all.push(Text { kind: "query", name: format!("{side} {name}"), text });
        }
    }
    if let Some(population) = &named.reconciliation.population {
        let kind = named.project.store(&population.store)?.kind;
        let text = population.query.of(kind)?.read()?;
        all.push(Text { kind: "query", name: "population".into(), text });
    }
    Ok(all)
}

/// Everything else that decides: the reconciliation as the project file says it, the stores it means, the flags, and
/// what the texts are, by their hashes.
pub(super) fn settings(named: &Named, args: &VerifyArgs, texts: &[Text], percent: u8) -> String {
    let mut of_project = Map::new();
    let file: Option<toml::Table> = toml::from_str(&named.project.text).ok();
    if let Some(mine) = file
        .as_ref()
        .and_then(|file| file.get("reconciliation")?.get(&named.reconciliation.name))
        .and_then(|mine| serde_json::to_value(mine).ok())
    {
        of_project.insert("reconciliation".into(), mine);
    }
    let stores: Map<String, Json> =
        named.project.stores.iter().map(|(name, store)| (name.clone(), json!(mask_url(store.url.expose())))).collect();
    let params: Map<String, Json> = named
        .params
        .iter()
        .map(|(name, value)| {
            let kind = named.reconciliation.params.iter().find(|(n, _)| n == name).map(|(_, kind)| kind_name(*kind));
            (name.clone(), json!({ "type": kind, "value": value.to_string() }))
        })
        .collect();
    let hashes: Map<String, Json> = texts.iter().map(|text| (text.name.clone(), json!(sha256(&text.text)))).collect();
    of_project.insert("name".into(), json!(named.reconciliation.name));
    of_project.insert("profile".into(), json!(named.project.profile));
    of_project.insert("stores".into(), Json::Object(stores));
    of_project.insert("params".into(), Json::Object(params));
    of_project.insert("texts".into(), Json::Object(hashes));
    of_project.insert("percent".into(), json!(percent));
    of_project.insert(
        "flags".into(),
        json!({
            "strict": args.strict,
            "missing": args.read.missing.map(|rule| format!("{rule:?}").to_lowercase()),
            "types": args.read.types.map(|rule| format!("{rule:?}").to_lowercase()),
            "timezone": args.read.timezone,
            "allow_empty": args.read.allow_empty,
            "recheck": args.read.recheck,
        }),
    );
    of_project.insert("recon".into(), json!(env!("CARGO_PKG_VERSION")));
    Json::Object(of_project).to_string()
}

fn kind_name(kind: ParamType) -> &'static str {
    crate::commands::named::kind_name(kind)
}

fn sha256(text: &str) -> String {
    crate::domain::hex(&Sha256::digest(text.as_bytes()))
}
