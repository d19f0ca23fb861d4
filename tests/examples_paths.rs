//! The worked settlements: legacy SQL on SQLite and MySQL, and what the documents hold, against a third computation
//! straight from the rules; every planted fault and quirk is found, and nothing else.
#![allow(clippy::expect_used, clippy::panic)]

mod examples_stores;
mod sides;
mod support;
mod third;

use examples_stores::{check_planted, differences, fill_sqlite, mysql, quirks, sqlite};
use recon::domain::{NumberForm, Value};
use recon::examples::merchant::{
    Merchant,
    calculator::{Holidays, settle_lines},
};
use recon::examples::{Example, Scale, p2p::P2p, royalty::Royalty};
use sqlx::{Connection, Row};
use third::Results;

fn scales() -> Vec<Scale> {
    let sizes = [(1, 1), (2, 21), (3, 400), (4, 2_500)];
    sizes.into_iter().map(|(seed, records)| Scale { seed, ..Scale::of(records) }).collect()
}

fn full(records: u64, seed: u64) -> Scale {
    Scale { records, seed, faults: 20_000, quirks: true }
}

const PAYOUT: [&str; 6] = third::p2p::COLUMNS;

#[test]
fn p2p_sqlite_gives_what_the_rules_say() {
    for scale in scales().into_iter().chain([full(3_000, 9)]) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.db");
        fill_sqlite(&path, &P2p, scale);
        let found = sqlite(&path, &P2p, "legacy.sqlite.sql", &["investor_id"], &PAYOUT);
        let expected = third::p2p::from_tables(&P2p.tables(scale));
        assert_eq!(found, expected, "{scale:?}");
        assert!(scale.records < 100 || !found.is_empty());
    }
}

#[test]
fn p2p_mysql_gives_what_the_rules_say() {
    let scale = full(2_500, 5);
    let found = mysql(&P2p, scale, &[("legacy.mysql.sql", &["investor_id"], &PAYOUT)]);
    assert_eq!(found, [third::p2p::from_tables(&P2p.tables(scale))]);
}

#[test]
fn p2p_documents_agree_with_tables_but_for_what_was_planted() {
    for scale in scales() {
        let legacy = third::p2p::from_tables(&P2p.tables(scale));
        let candidate = third::p2p::from_documents(&P2p.collections(scale)[0]);
        assert_eq!(legacy, candidate, "{scale:?}");
    }
    for scale in [full(500, 1), full(4_000, 2), Scale { quirks: false, faults: 1_000_000, ..full(300, 3) }] {
        let legacy = third::p2p::from_tables(&P2p.tables(scale));
        let candidate = third::p2p::from_documents(&P2p.collections(scale)[0]);
        let found = differences("payout", &legacy, &candidate);
        check_planted(&P2p, scale, "payout", &found);
    }
}

#[test]
fn p2p_quirks_are_as_written_down() {
    let scale = Scale { quirks: true, ..Scale::of(200) };
    let legacy = third::p2p::from_tables(&P2p.tables(scale));
    let candidate = third::p2p::from_documents(&P2p.collections(scale)[0]);
    let mut written = quirks(include_str!("../fixtures/p2p/quirks.csv"));
    written.sort();
    assert_eq!(differences("payout", &legacy, &candidate), written);
}

const ROYALTY: [(&str, &[&str], &[&str]); 2] =
    [("legacy", &["holder_id"], &third::royalty::PAYOUT), ("residual", &["plan", "role"], &third::royalty::RESIDUAL)];

fn royalty_legacy(scale: Scale) -> (Results, Results) {
    third::royalty::compute(&third::royalty::from_tables(&Royalty.tables(scale)))
}

fn royalty_candidate(scale: Scale) -> (Results, Results) {
    third::royalty::compute(&third::royalty::from_lake(&Royalty.files(scale), &Royalty.collections(scale)[0]))
}

#[test]
fn royalty_sqlite_gives_what_the_rules_say() {
    for scale in scales().into_iter().chain([full(6_000, 9)]) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.db");
        fill_sqlite(&path, &Royalty, scale);
        let [holders, pools] =
            ROYALTY.map(|(name, key, columns)| sqlite(&path, &Royalty, &format!("{name}.sqlite.sql"), key, columns));
        let expected = royalty_legacy(scale);
        assert_eq!(holders, expected.0, "{scale:?}");
        assert_eq!(pools, expected.1, "{scale:?}");
        assert!(scale.records < 100 || !holders.is_empty());
    }
}

#[test]
fn royalty_mysql_gives_what_the_rules_say() {
    let scale = full(3_000, 5);
    let queries: [(&str, &[&str], &[&str]); 2] =
        [("legacy.mysql.sql", ROYALTY[0].1, ROYALTY[0].2), ("residual.mysql.sql", ROYALTY[1].1, ROYALTY[1].2)];
    let expected = royalty_legacy(scale);
    assert_eq!(mysql(&Royalty, scale, &queries), [expected.0, expected.1]);
}

#[test]
fn royalty_lake_agrees_with_tables_but_for_what_was_planted() {
    for scale in scales() {
        assert_eq!(royalty_legacy(scale), royalty_candidate(scale), "{scale:?}");
    }
    for scale in [full(2_000, 1), full(20_000, 2), Scale { quirks: false, faults: 1_000_000, ..full(900, 3) }] {
        let (legacy, candidate) = (royalty_legacy(scale), royalty_candidate(scale));
        check_planted(&Royalty, scale, "royalty", &differences("royalty", &legacy.0, &candidate.0));
        check_planted(&Royalty, scale, "residual", &differences("residual", &legacy.1, &candidate.1));
    }
}

#[test]
fn royalty_quirks_are_as_written_down() {
    let scale = Scale { quirks: true, ..Scale::of(500) };
    let (legacy, candidate) = (royalty_legacy(scale), royalty_candidate(scale));
    let mut found = differences("royalty", &legacy.0, &candidate.0);
    found.extend(differences("residual", &legacy.1, &candidate.1));
    found.sort();
    let mut written = quirks(include_str!("../fixtures/royalty/quirks.csv"));
    written.sort();
    assert_eq!(found, written, "{}", found.iter().map(|f| f.join(",")).collect::<Vec<_>>().join("\n"));
}

/// The legacy query splits its one division so that SQLite's 64-bit integers suffice. The expression of the file itself,
/// against big integers, up to the limits that the file names; beyond them it must fail.
#[test]
fn royalty_sqlite_line_is_exact_up_to_its_limits() {
    let sql = examples_stores::file(&Royalty, "legacy.sqlite.sql");
    let between = |from: &str, to: &str| {
        let start = sql.find(from).expect(from) + from.len();
        sql[start..start + sql[start..].find(to).expect(to)].to_owned()
    };
    let line = between("SELECT p.plan, p.role, h.holder_id,", " AS line");
    let pool = between("SELECT r.plan, o.role,", " AS pool");
    let divisor = between(" AS pool,", " AS divisor");
    let with = |text: &str, values: &[(&str, i64)]| {
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, &value.to_string()))
    };
    let mut draw = recon::examples::Draw::at(7, 7, 7);
    examples_stores::block_on(async {
        let mut memory = sqlx::SqliteConnection::connect("sqlite::memory:").await.expect("opens");
        for at in 0..2_000 {
            let extreme = at % 10 == 0;
            let plan_plays = if extreme { 30_000_000 } else { draw.between(1, 30_000_000) };
            let plays = if extreme { plan_plays - draw.between(0, 3) } else { draw.between(1, plan_plays) };
            let revenue = if extreme { 1_000_000_000_000_000 } else { draw.between(0, 1_000_000_000_000_000) };
            let (rate, share) = (draw.between(1, 4_825), draw.between(1, 10_000));
            let pool = with(&pool, &[("r.revenue", revenue), ("o.rate", rate)]);
            let divisor = with(&divisor, &[("p.plays", plan_plays)]);
            let names = [("t.plays", plays), ("h.share", share)];
            let line = with(&line, &names).replace("p.pool", "pool").replace("p.divisor", "divisor");
            let query = format!("SELECT {line} FROM (SELECT {pool} AS pool, {divisor} AS divisor)");
            let found: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut memory).await.expect("a line");
            let product = num_bigint::BigInt::from(revenue) * rate * plays * share;
            assert_eq!(
                num_bigint::BigInt::from(found),
                product / 10_000 / plan_plays,
                "{revenue} {rate} {plays} {share}"
            );
        }
        for beyond in [
            with(&divisor, &[("p.plays", 30_000_001)]),
            with(&pool, &[("r.revenue", 1_000_000_000_000_001), ("o.rate", 1)]),
        ] {
            let query = sqlx::AssertSqlSafe(format!("SELECT {beyond}"));
            let error = sqlx::query_scalar::<_, i64>(query).fetch_one(&mut memory).await.expect_err("beyond the limit");
            assert!(error.to_string().contains("integer overflow"), "{error}");
        }
    });
}

const SETTLEMENT: [&str; 5] = third::merchant::COLUMNS;

fn merchant_legacy(scale: Scale) -> Results {
    third::merchant::from_tables(&Merchant.tables(scale))
}

fn merchant_candidate(scale: Scale) -> Results {
    let collections = Merchant.collections(scale);
    third::merchant::from_documents(&collections[0], &collections[1])
}

#[test]
fn merchant_sqlite_gives_what_the_rules_say() {
    for scale in scales().into_iter().chain([full(6_000, 9)]) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.db");
        fill_sqlite(&path, &Merchant, scale);
        let found = sqlite(&path, &Merchant, "legacy.sqlite.sql", &["transaction_id"], &SETTLEMENT);
        assert_eq!(found, merchant_legacy(scale), "{scale:?}");
        assert!(scale.records < 100 || !found.is_empty());
    }
}

#[test]
fn merchant_mysql_gives_what_the_rules_say() {
    let scale = full(4_000, 5);
    let found = mysql(&Merchant, scale, &[("legacy.mysql.sql", &["transaction_id"], &SETTLEMENT)]);
    assert_eq!(found, [merchant_legacy(scale)]);
}

#[test]
fn merchant_documents_agree_with_tables_but_for_what_was_planted() {
    for scale in scales() {
        assert_eq!(merchant_legacy(scale), merchant_candidate(scale), "{scale:?}");
    }
    for scale in [full(500, 1), full(8_000, 2), Scale { quirks: false, faults: 1_000_000, ..full(300, 3) }] {
        let found = differences("settlement", &merchant_legacy(scale), &merchant_candidate(scale));
        check_planted(&Merchant, scale, "settlement", &found);
    }
}

#[test]
fn merchant_quirks_are_as_written_down() {
    let scale = Scale { quirks: true, ..Scale::of(300) };
    let found = differences("settlement", &merchant_legacy(scale), &merchant_candidate(scale));
    let mut written = quirks(include_str!("../fixtures/merchant/quirks.csv"));
    written.sort();
    assert_eq!(found, written, "{}", found.iter().map(|f| f.join(",")).collect::<Vec<_>>().join("\n"));
}

/// What the calculator is asked: the fields of recon.toml, decimals as text.
fn asked(scale: Scale) -> Vec<String> {
    let record = |document: Value| {
        let flat = third::flat(&document);
        let mut fields = serde_json::Map::new();
        for (name, path) in [
            ("transaction_id", "_id"),
            ("kind", "kind"),
            ("amount", "amount"),
            ("trade_day", "trade_day"),
            ("fx_rate", "fx_rate"),
            ("rate", "contract.rate"),
            ("min_fee", "contract.min_fee"),
            ("settle_days", "contract.settle_days"),
            ("original_amount", "original.amount"),
            ("cancelled_before", "original.cancelled_before"),
        ] {
            let value = match flat.0.get(path) {
                None => serde_json::Value::Null,
                Some(Value::Number { amount, form: NumberForm::Integer }) => {
                    amount.to_string().parse::<i64>().expect("an integer").into()
                }
                Some(other) => other.to_string().into(),
            };
            fields.insert(name.to_owned(), value);
        }
        (flat.text("trade_day").starts_with("2026-10-")).then(|| serde_json::Value::Object(fields).to_string())
    };
    Merchant.collections(scale)[0].documents().filter_map(record).collect()
}

fn holidays(scale: Scale) -> String {
    Merchant.collections(scale)[1].documents().map(|d| format!("{d}\n")).collect()
}

fn answers(lines: impl Iterator<Item = serde_json::Value>) -> Results {
    let answer = |line: serde_json::Value| {
        assert!(line.get("error").is_none(), "{line}");
        let value = |c: &str| (c.to_owned(), line[c].as_str().expect(c).to_owned());
        (vec![line["transaction_id"].to_string()], SETTLEMENT.into_iter().map(value).collect())
    };
    lines.map(answer).collect()
}

#[test]
fn merchant_calculator_gives_what_the_rules_say() {
    for scale in scales().into_iter().chain([full(6_000, 9)]) {
        let known = Holidays::from_lines(holidays(scale).as_bytes()).expect("holidays");
        let mut output = Vec::new();
        settle_lines(asked(scale).join("\n").as_bytes(), &mut output, &known).expect("settles");
        let lines = String::from_utf8(output).expect("text");
        let found = answers(lines.lines().map(|line| serde_json::from_str(line).expect(line)));
        assert_eq!(found, merchant_candidate(scale), "{scale:?}");
    }
}

#[test]
fn merchant_service_gives_what_the_rules_say() {
    let scale = full(2_000, 4);
    let days: Vec<serde_json::Value> =
        holidays(scale).lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let records: Vec<serde_json::Value> =
        asked(scale).iter().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let request =
        serde_json::json!({"schema": "recon.ask/1", "params": {}, "reference": {"holidays": days}, "records": records});
    let address = calculator_service();
    let post = |body: &serde_json::Value| {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let agent = ureq::Agent::new_with_config(config);
        let mut answer = agent.post(format!("http://{address}/settle")).send_json(body).expect("an answer");
        let body: serde_json::Value = answer.body_mut().with_config().limit(64 << 20).read_json().expect("JSON");
        (answer.status().as_u16(), body)
    };
    let (status, body) = post(&request);
    assert_eq!(status, 200);
    let lines = body["records"].as_array().expect("records").clone();
    assert_eq!(answers(lines.into_iter()), merchant_candidate(scale));
    for (part, says) in [("schema", "recon.ask/1"), ("reference", "holidays"), ("records", "records")] {
        let mut wrong = request.clone();
        wrong.as_object_mut().expect("an object").remove(part);
        let (status, body) = post(&wrong);
        assert_eq!(status, 400, "{body}");
        assert!(body["error"].as_str().expect("an error").contains(says), "{body}");
    }
}

fn calculator_service() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        examples_stores::block_on(async {
            recon::examples::merchant::calculator::serve(tokio::net::TcpListener::from_std(listener)?).await
        })
    });
    address
}

/// A record that cannot be settled says why, and its neighbours are settled.
#[test]
fn merchant_calculator_answers_every_record() {
    let good = r#"{"transaction_id":1,"kind":"sale","amount":"100.00","trade_day":"2026-10-02","fx_rate":"1.0000","rate":"0.0250","min_fee":"0","settle_days":1}"#;
    let cases = [
        (good.replace("\"100.00\"", "100.5"), "`amount` must be a text"),
        (good.replace("\"100.00\"", "\"1e2\""), "`amount` is no decimal"),
        (good.replace("\"100.00\"", "\"-1\""), "`amount` is negative"),
        (good.replace("\"100.00\"", "null"), "`amount` is missing"),
        (
            good.replace("\"100.00\"", &format!("\"{}\"", "9".repeat(30))).replace("1.0000", &"9".repeat(30)),
            "too large",
        ),
        (good.replace("sale", "refund"), "`kind` is neither"),
        (good.replace("sale", "cancel"), "`cancelled_before` is missing"),
        (good.replace("\"0\"", "\"0.5\""), "`min_fee` is not in whole won"),
        (good.replace("2026-10-02", "2026-02-30"), "`trade_day` is no day"),
        (good.replace("\"settle_days\":1", "\"settle_days\":-1"), "`settle_days` is no number of days"),
        (
            good.replace("sale", "cancel")
                .replace("\"kind\"", "\"original_amount\":\"99.99\",\"cancelled_before\":\"0\",\"kind\""),
            "more is cancelled than was sold",
        ),
        ("{".to_owned(), "a line is no JSON"),
        ("[]".to_owned(), "a record is a JSON object"),
    ];
    let known = Holidays::from_lines(&b"{\"holiday\":\"2026-10-05\"}\n"[..]).expect("holidays");
    for (case, says) in cases {
        let mut output = Vec::new();
        settle_lines(format!("{good}\n{case}\n{good}\n").as_bytes(), &mut output, &known).expect("settles");
        let lines = String::from_utf8(output).expect("text");
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 3, "{case}");
        for good in [lines[0], lines[2]] {
            assert_eq!(
                good,
                r#"{"transaction_id":1,"amount_krw":"100","fee":"3","vat":"0","net":"97","settlement_day":"2026-10-06"}"#
            );
        }
        let answer: serde_json::Value = serde_json::from_str(lines[1]).expect("JSON");
        assert!(answer["error"].as_str().expect(lines[1]).contains(says), "{case}: {answer}");
    }
    assert!(Holidays::from_lines(&b"{\"day\":\"2026-10-05\"}\n"[..]).is_err());
}

/// The MySQL queries rest on this: DIV drops the fraction of the true quotient of DECIMALs, and never rounds it first.
/// Quotients just below a whole number, where a rounded one would be one too high.
#[test]
fn mysql_div_is_the_floor_of_the_true_quotient() {
    let mut draw = recon::examples::Draw::at(8, 8, 8);
    let mut cases = Vec::new();
    for _ in 0..500 {
        let divisor = draw.between(3, 900_000_000_000_000);
        let quotient = draw.between(0, 9_000_000_000_000_000_000 / 1_000);
        // dividend = quotient × divisor + divisor - 1, written as a product of a DECIMAL with four decimals.
        let dividend = num_bigint::BigInt::from(quotient) * divisor + (divisor - 1);
        cases.push((
            format!("(CAST('{dividend}' AS DECIMAL(40,0)) * CAST(0.0001 AS DECIMAL(5,4)) * 10000) DIV {divisor}"),
            quotient,
        ));
    }
    examples_stores::block_on(async {
        let mut server = sqlx::MySqlConnection::connect(&support::server_url("MYSQL")).await.expect("connects");
        for cases in cases.chunks(50) {
            let columns: Vec<String> = cases.iter().map(|(e, _)| format!("CAST({e} AS SIGNED)")).collect();
            let query = sqlx::AssertSqlSafe(format!("SELECT {}", columns.join(", ")));
            let row = sqlx::query(query).fetch_one(&mut server).await.expect("quotients");
            for (at, (expression, quotient)) in cases.iter().enumerate() {
                assert_eq!(row.get::<i64, _>(at), *quotient, "{expression}");
            }
        }
    });
}
