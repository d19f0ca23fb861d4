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

/// Purchases (plan, revenue), plays (plan, track, seconds), rights (track, role, holder, share), all in October.
fn by_hand(purchases: &[(&str, i64)], plays: &[(&str, &str, &str)], rights: &[(&str, &str, &str, &str)]) -> Inputs {
    use recon::domain::Value;
    use recon::examples::{decimal, text};
    let day = || text("2026-10-15");
    let record = |fields: Vec<(&str, Value)>| Record(fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect());
    let number = |digits: &str| Value::from_json(digits);
    Inputs {
        purchases: purchases
            .iter()
            .map(|(plan, won)| {
                record(vec![("purchased_on", day()), ("plan", text(*plan)), ("net_revenue", decimal(*won, 0))])
            })
            .collect(),
        plays: plays
            .iter()
            .map(|(plan, track, seconds)| {
                let track = ("track_id", text(*track));
                record(vec![("played_on", day()), ("plan", text(*plan)), track, ("seconds", number(seconds))])
            })
            .collect(),
        rights: rights
            .iter()
            .map(|(track, role, holder, share)| {
                ((*track).to_owned(), (*role).to_owned(), (*holder).to_owned(), Ratio::parse(share))
            })
            .collect(),
    }
}

#[test]
fn royalties_worked_out_by_hand() {
    let of = |results: &Results, key: &[&str]| -> Vec<String> {
        let key: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
        results[&key].iter().map(|(name, value)| format!("{name} {value}")).collect()
    };
    // Producers' pool 10,000 × 0.4825 = 4,825. Track a has 2 of 3 plays (59.9 s does not count, 60 s does), two equal
    // holders of 0.5: 4,825 × 2 × 0.5 / 3 = 1,608.33333 → 1,608.3333 each. Track b: 4,825 / 3 = 1,608.3333.
    // Distributed 4,824.9999, residual 0.0001. Nobody has the other roles: their whole pools are left, 1,050 and 625.
    let inputs = by_hand(
        &[("p", 4_000), ("p", 6_000)],
        &[("p", "a", "60"), ("p", "a", "200.5"), ("p", "a", "59.9"), ("p", "b", "61")],
        &[("a", "producer", "1", "0.5"), ("a", "producer", "2", "0.5"), ("b", "producer", "1", "1")],
    );
    let (holders, pools) = compute(&inputs);
    assert_eq!(of(&holders, &["1"]), ["lines_total 3216.6666", "payment 3216", "remainder 0.6666"]);
    assert_eq!(of(&holders, &["2"]), ["lines_total 1608.3333", "payment 1608", "remainder 0.3333"]);
    assert_eq!(of(&pools, &["p", "producer"]), ["distributed 4824.9999", "pool 4825", "residual 0.0001"]);
    assert_eq!(of(&pools, &["p", "author"]), ["distributed 0", "pool 1050", "residual 1050"]);
    assert_eq!(of(&pools, &["p", "performer"]), ["distributed 0", "pool 625", "residual 625"]);

    // One division: 1 won × 0.0625 × 1 / 3 × 0.3333 = 0.00694375 → 0.0069. Truncating 0.0625 / 3 = 0.0208 first gives
    // 0.00693… → 0.0069 too, but with 7 plays of 9: 0.0625 × 7 / 9 × 0.9 = 0.04375 → 0.0437, and 0.0486 × 0.9 = 0.04374
    // → 0.0437; with a share of 0.9999 0.04860625 → 0.0486, where 0.0486 × 0.9999 = 0.04859514 → 0.0485.
    let mut plays = vec![("p", "a", "70"); 7];
    plays.extend([("p", "b", "70"); 2]);
    let inputs = by_hand(&[("p", 1)], &plays, &[("a", "performer", "1", "0.9999")]);
    let (holders, pools) = compute(&inputs);
    assert_eq!(of(&holders, &["1"]), ["lines_total 0.0486", "payment 0", "remainder 0.0486"]);
    assert_eq!(of(&pools, &["p", "performer"]), ["distributed 0.0486", "pool 0.0625", "residual 0.0139"]);

    // A plan that is bought and never played keeps its pools; one that is played and never bought pays nothing.
    let inputs = by_hand(&[("bought", 100)], &[("played", "a", "90")], &[("a", "producer", "1", "1")]);
    let (holders, pools) = compute(&inputs);
    assert!(holders.is_empty());
    assert_eq!(pools.len(), 3);
    assert_eq!(of(&pools, &["bought", "producer"]), ["distributed 0", "pool 48.25", "residual 48.25"]);

    // Two plans: 48.25 and 96.5 for the only producer; the sum 144.75 is truncated once.
    let inputs =
        by_hand(&[("p", 100), ("q", 200)], &[("p", "a", "90"), ("q", "a", "90")], &[("a", "producer", "1", "1")]);
    assert_eq!(of(&compute(&inputs).0, &["1"]), ["lines_total 144.75", "payment 144", "remainder 0.75"]);
}
