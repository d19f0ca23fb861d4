//! The royalty settlement, straight from the rules.

use std::collections::BTreeMap;

use recon::examples::{Collection, DataFile, Table};

use super::{Ratio, Record, Results, add, flat, items, rows_of, shown, table};

pub const PAYOUT: [&str; 3] = ["payment", "lines_total", "remainder"];
pub const RESIDUAL: [&str; 3] = ["pool", "distributed", "residual"];

/// What a path is given.
pub struct Inputs {
    pub purchases: Vec<Record>,
    pub plays: Vec<Record>,
    /// track, role, holder, share
    pub rights: Vec<(String, String, String, Ratio)>,
}

pub fn from_tables(tables: &[Table]) -> Inputs {
    let right = |r: Record| (r.text("track_id"), r.text("role"), r.text("holder_id"), r.ratio("share"));
    Inputs {
        purchases: table(tables, "purchases"),
        plays: table(tables, "plays"),
        rights: table(tables, "holders").into_iter().map(right).collect(),
    }
}

pub fn from_lake(files: &[DataFile], tracks: &Collection) -> Inputs {
    let file = |name: &str| {
        let file = files.iter().find(|f| f.name == name).expect(name);
        rows_of(file.columns, file.rows())
    };
    let rights = tracks.documents().flat_map(|document| {
        let track = flat(&document);
        let right = |r: Record| (track.text("_id"), r.text("role"), r.text("holder"), r.ratio("share"));
        items(&track, "rights").into_iter().map(right).collect::<Vec<_>>()
    });
    Inputs { purchases: file("purchases"), plays: file("plays"), rights: rights.collect() }
}

fn rate(role: &str) -> Ratio {
    Ratio::parse(match role {
        "producer" => "0.4825",
        "author" => "0.105",
        "performer" => "0.0625",
        other => panic!("no rate for {other}"),
    })
}

fn in_october(day: &str) -> bool {
    day.starts_with("2026-10-")
}

/// By holder, and by plan and role.
pub fn compute(inputs: &Inputs) -> (Results, Results) {
    let mut revenue: BTreeMap<String, Ratio> = BTreeMap::new();
    for p in &inputs.purchases {
        if in_october(&p.text("purchased_on")) && p.optional("cancelled_on").is_none() {
            let plan = revenue.entry(p.text("plan")).or_insert(Ratio::whole(0));
            *plan = plan.clone() + p.ratio("net_revenue");
        }
    }
    let mut plays: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut of_plan: BTreeMap<String, i64> = BTreeMap::new();
    for p in &inputs.plays {
        let long_enough = !(p.ratio("seconds") - Ratio::whole(60)).is_negative();
        if in_october(&p.text("played_on")) && long_enough {
            *plays.entry((p.text("plan"), p.text("track_id"))).or_default() += 1;
            *of_plan.entry(p.text("plan")).or_default() += 1;
        }
    }
    let mut lines = BTreeMap::new();
    let mut pools = BTreeMap::new();
    for (plan, revenue) in &revenue {
        for role in ["producer", "author", "performer"] {
            let pool = revenue.clone() * rate(role);
            let key = [plan.clone(), role.to_owned()];
            add(&mut pools, &key, "pool", pool.clone());
            add(&mut pools, &key, "distributed", Ratio::whole(0));
            for (track, of, holder, share) in &inputs.rights {
                let count = plays.get(&(plan.clone(), track.clone())).copied().unwrap_or(0);
                if of != role || count == 0 {
                    continue;
                }
                let of_plays = Ratio::whole(count) / Ratio::whole(of_plan[plan]);
                let line = (pool.clone() * of_plays * share.clone()).truncated(4);
                add(&mut lines, std::slice::from_ref(holder), "lines_total", line.clone());
                add(&mut pools, &key, "distributed", line);
            }
        }
    }
    for columns in lines.values_mut() {
        let total = columns["lines_total"].clone();
        columns.insert("payment".to_owned(), total.floor());
        columns.insert("remainder".to_owned(), total.clone() - total.floor());
    }
    for columns in pools.values_mut() {
        let residual = columns["pool"].clone() - columns["distributed"].clone();
        assert!(!residual.is_negative(), "more was distributed than there is");
        columns.insert("residual".to_owned(), residual);
    }
    (shown(lines), shown(pools))
}
