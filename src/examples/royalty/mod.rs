//! The royalty settlement of a music streaming service: what every rights holder is paid for one month's plays.
//! Rules in fixtures/royalty/README.md. Must not compute a royalty.

mod facts;
mod quirks;

use std::collections::{BTreeMap, BTreeSet};

use self::facts::{Fault, LOST_SHARE, PLANS, Play, Purchase, Right, Role, STRANGER};
use self::quirks::Side;
use super::data::document;
use super::{
    Collection, Column, DataFile, Documents, Example, Kind, Planted, PlantedKind, ProjectFile, Rows, Scale, Table,
    decimal, int, text,
};
use crate::domain::Value;

/// The example `royalty`.
pub struct Royalty;

impl Example for Royalty {
    fn name(&self) -> &'static str {
        "royalty"
    }

    fn about(&self) -> [&'static str; 3] {
        [
            "what every rights holder of a music service is paid for one month's plays",
            "one SQL query over purchases, plays and holders",
            "Parquet files of plays and purchases, and documents of tracks, through exact SQL",
        ]
    }

    fn reconciliations(&self) -> &'static [&'static str] {
        &["royalty", "residual"]
    }

    fn params(&self) -> &'static [(&'static str, &'static str)] {
        &[("month_from", "2026-10-01"), ("month_to", "2026-11-01")]
    }

    fn default_records(&self) -> u64 {
        20_000
    }

    fn tables(&self, scale: Scale) -> Vec<Table> {
        vec![
            Table::new("roles", ROLES, &["role"], &[], || {
                Box::new(Role::ALL.into_iter().map(|role| vec![text(role.name()), decimal(role.rate(), 4)]))
            }),
            Table::new("holders", HOLDERS, &["track_id", "role", "holder_id"], &[], move || -> Rows {
                let generated = (0..facts::tracks(scale)).flat_map(move |track| facts::rights(scale, track));
                Box::new(generated.chain(sides(scale).0.rights).map(right_row))
            }),
            Table::new("purchases", PURCHASES, &["purchase_id"], &[], move || purchases(scale, sides(scale).0)),
            Table::new("plays", PLAYS, &["play_id"], &[], move || plays(scale, sides(scale).0)),
        ]
    }

    fn collections(&self, scale: Scale) -> Vec<Collection> {
        vec![Collection::new("tracks", move || -> Documents {
            let generated = (0..facts::tracks(scale)).map(move |at| {
                let rights = facts::rights(scale, at);
                let rights: Vec<Right> = rights.into_iter().filter_map(|right| faulted(scale, right)).collect();
                track_document(at as i64 + 1, &rights)
            });
            let mut quirks: BTreeMap<i64, Vec<Right>> = BTreeMap::new();
            for right in sides(scale).1.rights {
                quirks.entry(right.track).or_default().push(right);
            }
            Box::new(generated.chain(quirks.into_iter().map(|(track, rights)| track_document(track, &rights))))
        })]
    }

    fn files(&self, scale: Scale) -> Vec<DataFile> {
        vec![
            DataFile::new("plays", PLAYS, move || plays(scale, sides(scale).1)),
            DataFile::new("purchases", PURCHASES, move || purchases(scale, sides(scale).1)),
        ]
    }

    fn project(&self) -> &'static [ProjectFile] {
        PROJECT
    }

    fn planted(&self, scale: Scale) -> Vec<Planted> {
        let mut planted = planted_faults(scale);
        if scale.quirks {
            // Generated numbers are below the quirks' ones, strangers' above.
            let quirks = super::quirks(include_str!("../../../fixtures/royalty/quirks.csv"));
            let (holders, rest): (Vec<_>, Vec<_>) = quirks.into_iter().partition(|p| p.reconciliation == "royalty");
            let after = |p: &Planted| p.reconciliation == "residual" || p.key[0].len() > 8;
            let at = planted.iter().position(after).unwrap_or(planted.len());
            planted.splice(at..at, holders);
            planted.extend(rest);
        }
        planted
    }
}

const PROJECT: &[ProjectFile] = &[
    ProjectFile { name: "recon.toml", text: include_str!("../../../fixtures/royalty/recon.toml") },
    ProjectFile { name: "legacy.mysql.sql", text: include_str!("../../../fixtures/royalty/legacy.mysql.sql") },
    ProjectFile { name: "legacy.postgres.sql", text: include_str!("../../../fixtures/royalty/legacy.postgres.sql") },
    ProjectFile { name: "legacy.sqlite.sql", text: include_str!("../../../fixtures/royalty/legacy.sqlite.sql") },
    ProjectFile { name: "candidate.sql", text: include_str!("../../../fixtures/royalty/candidate.sql") },
    ProjectFile { name: "residual.mysql.sql", text: include_str!("../../../fixtures/royalty/residual.mysql.sql") },
    ProjectFile {
        name: "residual.postgres.sql",
        text: include_str!("../../../fixtures/royalty/residual.postgres.sql"),
    },
    ProjectFile { name: "residual.sqlite.sql", text: include_str!("../../../fixtures/royalty/residual.sqlite.sql") },
    ProjectFile {
        name: "residual.candidate.sql",
        text: include_str!("../../../fixtures/royalty/residual.candidate.sql"),
    },
    ProjectFile { name: "README.md", text: include_str!("../../../fixtures/royalty/README.md") },
    ProjectFile { name: "quirks.md", text: include_str!("../../../fixtures/royalty/quirks.md") },
    ProjectFile { name: "quirks.csv", text: include_str!("../../../fixtures/royalty/quirks.csv") },
    ProjectFile {
        name: "checks/paid_within_the_pools.sql",
        text: include_str!("../../../checks/royalty/paid_within_the_pools.sql"),
    },
    ProjectFile {
        name: "checks/payment_is_whole_won.json",
        text: include_str!("../../../checks/royalty/payment_is_whole_won.json"),
    },
    ProjectFile {
        name: "checks/residual_within_bounds.json",
        text: include_str!("../../../checks/royalty/residual_within_bounds.json"),
    },
    ProjectFile {
        name: "checks/shares_sum_to_one.sql",
        text: include_str!("../../../checks/royalty/shares_sum_to_one.sql"),
    },
];

const ROLES: &[Column] =
    &[Column::new("role", Kind::Text(12)), Column::new("rate", Kind::Decimal { digits: 5, scale: 4 })];
const HOLDERS: &[Column] = &[
    Column::new("track_id", Kind::Integer),
    Column::new("role", Kind::Text(12)),
    Column::new("holder_id", Kind::Integer),
    Column::new("share", Kind::Decimal { digits: 5, scale: 4 }),
];
const PURCHASES: &[Column] = &[
    Column::new("purchase_id", Kind::Integer),
    Column::new("purchased_on", Kind::Date),
    Column::new("plan", Kind::Text(12)),
    Column::new("net_revenue", Kind::Decimal { digits: 18, scale: 0 }),
    Column::nullable("cancelled_on", Kind::Date),
];
const PLAYS: &[Column] = &[
    Column::new("play_id", Kind::Integer),
    Column::new("played_on", Kind::Date),
    Column::new("plan", Kind::Text(12)),
    Column::new("track_id", Kind::Integer),
    Column::new("seconds", Kind::Decimal { digits: 6, scale: 1 }),
];

fn sides(scale: Scale) -> (Side, Side) {
    if scale.quirks { quirks::sides() } else { Default::default() }
}

fn purchases(scale: Scale, quirks: Side) -> Rows {
    let row = |p: Purchase| {
        vec![
            int(p.id),
            Value::Date(p.on),
            text(p.plan),
            decimal(p.net_revenue, 0),
            p.cancelled_on.map_or(Value::Null, Value::Date),
        ]
    };
    let generated = (0..facts::purchases(scale)).map(move |at| facts::purchase(scale, at));
    Box::new(generated.chain(quirks.purchases).map(row))
}

fn plays(scale: Scale, quirks: Side) -> Rows {
    let row = |p: Play| vec![int(p.id), Value::Date(p.on), text(p.plan), int(p.track), decimal(p.tenths, 1)];
    let generated = (0..scale.records).map(move |at| facts::play(scale, at));
    Box::new(generated.chain(quirks.plays).map(row))
}

fn right_row(right: Right) -> Vec<Value> {
    vec![int(right.track), text(right.role.name()), int(right.holder), decimal(right.share, 4)]
}

/// A generated right as the documents hold it.
fn faulted(scale: Scale, right: Right) -> Option<Right> {
    match facts::fault(scale, right.holder) {
        None => Some(right),
        Some(Fault::Missing) => None,
        Some(Fault::Stranger) => Some(Right { holder: right.holder + STRANGER, ..right }),
        Some(Fault::Share) => Some(Right { share: right.share - LOST_SHARE, ..right }),
    }
}

fn track_document(track: i64, rights: &[Right]) -> Value {
    let right = |r: &Right| {
        document([("role", text(r.role.name())), ("holder", int(r.holder)), ("share", decimal(r.share, 4))])
    };
    document([
        ("_id", int(track)),
        ("title", text(format!("Track {track}"))),
        ("rights", Value::Array(rights.iter().map(right).collect())),
    ])
}

/// What the faults show: holders whose tracks were played, and the pools that their lines come from.
fn planted_faults(scale: Scale) -> Vec<Planted> {
    if scale.faults == 0 {
        return Vec::new();
    }
    let plan_of = |plan: &str| PLANS.iter().position(|p| *p == plan).unwrap_or(0);
    let mut played = vec![[false; PLANS.len()]; facts::tracks(scale) as usize];
    for play in (0..scale.records).map(|at| facts::play(scale, at)).filter(Play::counts) {
        played[play.track as usize - 1][plan_of(play.plan)] = true;
    }
    let mut holders: BTreeMap<i64, (PlantedKind, &str)> = BTreeMap::new();
    let mut pools: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (track, plans) in played.iter().enumerate() {
        let plans: Vec<&str> = PLANS.iter().zip(plans).filter(|(_, played)| **played).map(|(plan, _)| *plan).collect();
        if plans.is_empty() {
            continue;
        }
        for right in facts::rights(scale, track as u64) {
            let Some(fault) = facts::fault(scale, right.holder) else { continue };
            let (kind, why) = match fault {
                Fault::Missing => (PlantedKind::LegacyOnly, "the holder's rights are missing in the documents"),
                Fault::Share => (PlantedKind::Mismatch, "the holder's shares are lower by 0.01 in the documents"),
                Fault::Stranger => {
                    let why = "rights of a known holder stand under this number in the documents";
                    holders.insert(right.holder + STRANGER, (PlantedKind::CandidateOnly, why));
                    (PlantedKind::LegacyOnly, "the holder's rights stand under a stranger's number in the documents")
                }
            };
            holders.insert(right.holder, (kind, why));
            if fault != Fault::Stranger {
                pools.extend(plans.iter().map(|plan| (*plan, right.role.name())));
            }
        }
    }
    let of_holder = |(holder, (kind, why)): (i64, (PlantedKind, &str))| {
        let columns = if kind == PlantedKind::Mismatch { vec!["lines_total".to_owned()] } else { Vec::new() };
        Planted { reconciliation: "royalty", key: vec![holder.to_string()], kind, columns, why: why.to_owned() }
    };
    let of_pool = |(plan, role): (&str, &str)| Planted {
        reconciliation: "residual",
        key: vec![plan.to_owned(), role.to_owned()],
        kind: PlantedKind::Mismatch,
        columns: vec!["distributed".to_owned(), "residual".to_owned()],
        why: "rights are missing or lower in the documents".to_owned(),
    };
    holders.into_iter().map(of_holder).chain(pools.into_iter().map(of_pool)).collect()
}
