//! `--format json`: one document, schema `recon.impact/1`. Amounts are texts with every digit.

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use super::super::json::discrepancy_in;
use super::super::shown::Shown;
use super::super::{Format, Look};
use super::table::VOICE;
use super::words;
use super::{By, Case, CaseEnd, Cases, Counts, Cycle, Effect, Group, Impact, Keys, Stand, Then, Touched};
use crate::cases::Mark;
use crate::domain::{Amount, Value};

pub(super) fn render(impact: &Impact, records: &mut dyn Touched, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let limit = look.limit.or(Format::Json.default_limit()).unwrap_or(u64::MAX);
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut cycles = Vec::with_capacity(impact.cycles.len());
    for (at, cycle) in impact.cycles.iter().enumerate() {
        cycles.push(cycle_object(impact, cycle, at, records, limit)?);
    }
    let money = impact.money().into_iter().map(|money| {
        json!({
            "column": money.column, "currency": impact.currencies.get(&money.column), "records": money.records,
            "current_total": text(&money.current.amount()), "changed_total": text(&money.changed.amount()),
            "net": text(&money.net.amount()), "gross": text(&money.gross.amount()),
            "over": text(&money.over.amount()), "under": text(&money.under.amount()),
        })
    });
    let paid = impact.paid().into_iter().map(|(column, before, after)| {
        let difference = after.minus(&before).unwrap_or(Amount::NAN);
        json!({
            "column": column, "currency": impact.currencies.get(&column), "before": text(&before), "after": text(&after),
            "difference": text(&difference),
        })
    });
    let document = json!({
        "schema": "recon.impact/1",
        "verdict": impact.verdict().name(),
        "reasons": impact.reasons,
        "notices": impact.notices,
        "name": impact.name,
        "change": { "what": impact.change.what, "from": impact.change.from, "side": impact.change.side },
        "records": counts(&impact.counts()),
        "money": money.collect::<Vec<Json>>(),
        "paid": paid.collect::<Vec<Json>>(),
        "by": impact.by.as_ref().map(|by| by_object(by, shown)),
        "cycles": cycles,
        "left_out": impact.left_out.iter().map(|(cycle, why)| json!({ "cycle": cycle, "why": why })).collect::<Vec<Json>>(),
        "cases": impact.cases.as_ref().map(cases_object),
    });
    writeln!(out, "{document:#}")
}

fn text(amount: &Amount) -> String {
    amount.to_string()
}

fn counts(counts: &Counts) -> Json {
    let name = |word: &str| if word == "records" { "keys".to_owned() } else { word.to_owned() };
    Json::Object(words::counts(counts).into_iter().map(|(word, number)| (name(word), json!(number))).collect())
}

fn cycle_object(impact: &Impact, cycle: &Cycle, at: usize, records: &mut dyn Touched, limit: u64) -> io::Result<Json> {
    let then = cycle.then.as_ref().map(|then| match then {
        Then::Same { every } => json!({ "same": true, "by": if *every { "decisions" } else { "totals" }, "why": [] }),
        Then::Moved(why) => json!({ "same": false, "by": null, "why": why }),
        Then::Unknown(why) => json!({ "same": null, "by": null, "why": [why] }),
    });
    let mut object =
        json!({ "cycle": cycle.cycle, "run": cycle.run, "state": cycle.state, "then": then, "error": null });
    match &cycle.effect {
        Err(why) => {
            object["error"] = json!(why);
            object["effect"] = Json::Null;
        }
        Ok(effect) => {
            let mut all = records.of(at);
            let mut shown = Shown::new(&mut *all, limit, effect.counts.touched() + effect.counts.unknown);
            let mut first = Vec::new();
            while let Some(record) = shown.next()? {
                first.push(discrepancy_in(&effect.report, &record, &VOICE));
            }
            object["effect"] = effect_object(impact, effect, (first, limit), shown.left_out() > 0);
        }
    }
    Ok(object)
}

fn effect_object(impact: &Impact, effect: &Effect, (first, limit): (Vec<Json>, u64), truncated: bool) -> Json {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let column = |column: &super::super::ColumnReport| {
        let totals = column.totals.as_ref().map(|totals| {
            json!({
                "current": text(&totals.legacy), "changed": text(&totals.candidate), "net": text(&totals.net_difference),
                "gross": text(&totals.gross_difference), "over": text(&totals.overpaid), "under": text(&totals.underpaid),
            })
        });
        let drift: Map<String, Json> =
            column.drift.iter().map(|(drift, number)| (drift.name().to_owned(), json!(number))).collect();
        json!({
            "name": column.name, "type": column.kind, "currency": impact.currencies.get(&column.name),
            "changed": column.mismatched, "totals": totals, "drift": drift,
        })
    };
    let (gone, new) = effect.columns();
    json!({
        "records": counts(&effect.counts),
        "columns": effect.report.columns.iter().map(column).collect::<Vec<Json>>(),
        "columns_gone": gone,
        "columns_new": new,
        "before": stand(&effect.before),
        "after": effect.after.as_ref().ok().map(stand),
        "refused": effect.after.as_ref().err(),
        "keys": effect.keys.as_ref().map(|all| keys(all, most)),
        "first": first,
        "truncated": truncated,
    })
}

fn stand(stand: &Stand) -> Json {
    let paid = stand
        .paid
        .as_ref()
        .map(|paid| Json::Object(paid.iter().map(|(column, amount)| (column.clone(), json!(text(amount)))).collect()));
    json!({ "verdict": stand.verdict, "reasons": stand.reasons, "discrepancies": stand.discrepancies, "paid": paid })
}

fn keys(keys: &Keys, most: usize) -> Json {
    let first = keys.first.iter().take(most).map(|(kind, key)| {
        let key: Map<String, Json> = key.iter().map(|(name, value)| (name.clone(), scalar(value))).collect();
        json!({ "kind": kind, "key": key })
    });
    json!({
        "newly_agree": keys.newly_agree, "newly_disagree": keys.newly_disagree, "otherwise": keys.otherwise,
        "gone": keys.gone, "still": keys.still, "decisions": keys.decisions, "first": first.collect::<Vec<Json>>(),
    })
}

fn scalar(value: &Value) -> Json {
    if value.is_missing() || value.unknown().is_some() { Json::Null } else { json!(value.to_string()) }
}

fn by_object(by: &By, shown: usize) -> Json {
    let group = |group: &Group| {
        let net: Map<String, Json> =
            by.columns.iter().zip(&group.net).map(|(column, net)| (column.clone(), json!(text(net)))).collect();
        json!({ "value": scalar(&group.value), "unknown": group.value.unknown(), "records": group.records, "net": net })
    };
    let rest = by.rest(shown);
    json!({
        "column": by.column,
        "values": by.values,
        "groups": by.groups.iter().take(shown).map(group).collect::<Vec<Json>>(),
        "rest": rest.as_ref().map(|(values, rest)| json!({ "values": values, "records": rest.records, "net": group(rest)["net"] })),
        "total": { "records": by.total.records, "net": group(&by.total)["net"] },
        "moved": by.moved,
    })
}

fn cases_object(cases: &Cases) -> Json {
    let one = |case: &Case| {
        let (error, differences) = match &case.ends {
            CaseEnd::Changes(differences) => (None, differences.as_slice()),
            CaseEnd::BrokenByChange(why) | CaseEnd::Broken(why) => (Some(why), [].as_slice()),
        };
        let difference = |difference: &crate::cases::Difference| {
            let lines = |wanted: Mark| {
                let lines = difference.lines.iter().filter(|(mark, _)| *mark == wanted).map(|(_, line)| json!(line));
                lines.collect::<Vec<Json>>()
            };
            json!({ "what": difference.what, "current": lines(Mark::Expected), "changed": lines(Mark::Actual) })
        };
        json!({
            "name": case.name, "place": case.place, "why": case.why, "ends": words::case(&case.ends), "error": error,
            "differences": differences.iter().map(difference).collect::<Vec<Json>>(),
        })
    };
    json!({
        "folder": cases.folder, "run": cases.run, "same": cases.same, "changed": cases.changed, "broken": cases.broken,
        "undecided": cases.undecided, "others": cases.others,
        "not_run": cases.not_run.as_ref().map(|(number, why)| json!({ "cases": number, "why": why })),
        "first": cases.first.iter().map(one).collect::<Vec<Json>>(),
        "truncated": (cases.first.len() as u64) < cases.changed + cases.broken,
    })
}
