//! A table of the user's own serves when it holds everything exactly; otherwise nothing is written.

use recon::stores::ErrorClass;

use crate::given::*;

pub const OWN: &str = "recon_source VARCHAR(20) NOT NULL, recon_reason VARCHAR(40) NOT NULL, recon_cycle VARCHAR(500) NOT NULL, \
                   recon_run VARCHAR(100) NOT NULL, recon_snapshot VARCHAR(100) NOT NULL";

/// For each engine: the columns of a table, and what the message must name.
fn refused_at_write(fresh: &Fresh) {
    let cases: &[(&str, &str)] = match fresh.kind() {
        "sqlite" => &[
            ("id INTEGER, net REAL, memo TEXT", "`net` is REAL"),
            ("id INTEGER, net NUMERIC, memo TEXT", "`net` is NUMERIC"),
            ("id INTEGER, net DECIMAL(10,2), memo TEXT", "`net` is DECIMAL(10,2)"),
            ("id INTEGER, net INTEGER, memo TEXT", "`net` is INTEGER"),
            ("id INTEGER, net TEXT, memo DATE", "`memo` is DATE"),
        ],
        "mysql" => &[
            ("id BIGINT, net DOUBLE, memo TEXT", "`net` is double"),
            ("id BIGINT, net FLOAT, memo TEXT", "`net` is float"),
            ("id BIGINT, net DECIMAL(10,1), memo TEXT", "`net` is decimal(10,1)"),
            ("id BIGINT, net DECIMAL(4,2), memo TEXT", "3 digits before the point"),
            ("id BIGINT, net BIGINT, memo TEXT", "`net` is bigint"),
            ("id TINYINT, net DECIMAL(20,2), memo VARCHAR(1)", "`memo` is varchar(1)"),
            ("id BIGINT, net DECIMAL(20,2), memo DATE", "`memo` is date"),
            ("id BIGINT, net DECIMAL(20,2), memo VARCHAR(50) CHARACTER SET latin1", "latin1"),
            ("id BIGINT, net DECIMAL(20,2), memo CHAR(50)", "`memo` is char(50)"),
            ("id DATE, net DECIMAL(20,2), memo TEXT", "`id` is date"),
        ],
        _ => &[
            ("id bigint, net double precision, memo text", "`net` is double precision"),
            ("id bigint, net real, memo text", "`net` is real"),
            ("id bigint, net numeric(10,1), memo text", "`net` is numeric(10,1)"),
            ("id bigint, net numeric(4,2), memo text", "3 digits before the point"),
            ("id bigint, net bigint, memo text", "`net` is bigint"),
            ("id bigint, net numeric, memo varchar(1)", "`memo` is character varying(1)"),
            ("id bigint, net numeric, memo date", "`memo` is date"),
            ("id bigint, net numeric, memo char(50)", "`memo` is character(50)"),
            ("id date, net numeric, memo text", "`id` is date"),
        ],
    };
    let (layout, decisions) = plain(12);
    for (at, (columns, told)) in cases.iter().enumerate() {
        let name = format!("t{at}");
        fresh.sql(&format!("CREATE TABLE {name} ({columns}, {OWN})"));
        let error = write(&mut fresh.table(&name), &ticket("c", 1), &layout, &decisions).expect_err(columns);
        assert_eq!(error.class, ErrorClass::Usage, "{error}");
        assert!(error.what.contains(told), "{columns}: {error}");
        assert!(error.hint.is_some());
        assert_eq!(fresh.count(&name), 0);
    }
}

fn refused_before_anything_is_computed(fresh: &Fresh) {
    let null = OWN.replace("recon_run VARCHAR(100) NOT NULL", "recon_run VARCHAR(100)");
    let own = [
        (format!("CREATE TABLE t0 (id BIGINT, memo VARCHAR(9), {OWN})"), "no column `net`"),
        ("CREATE TABLE t1 (id BIGINT, net DECIMAL(20,2), memo VARCHAR(9))".to_owned(), "no column `recon_source`"),
        (
            format!("CREATE TABLE t2 (id BIGINT, net DECIMAL(20,2), memo VARCHAR(9), other BIGINT NOT NULL, {OWN})"),
            "`other`",
        ),
        (
            format!("CREATE TABLE t3 (id BIGINT, net DECIMAL(20,2) NOT NULL, memo VARCHAR(9), {OWN})"),
            "`net` must not be NULL",
        ),
        (format!("CREATE TABLE t4 (id BIGINT, net DECIMAL(20,2), memo VARCHAR(9), {null})"), "`recon_run` may be NULL"),
        (
            format!(
                "CREATE TABLE b5 (id BIGINT, net DECIMAL(20,2), memo VARCHAR(9), {OWN}); CREATE VIEW t5 AS SELECT * FROM b5"
            ),
            "is a view",
        ),
        ("CREATE TABLE t6_runs (a BIGINT)".to_owned(), "`t6_runs`"),
    ];
    let (key, columns) = names(&plain(1).0);
    for (at, (sql, told)) in own.iter().enumerate() {
        fresh.sql(sql);
        let error = fresh.table(&format!("t{at}")).check(&ticket("c", 1), &key, &columns).expect_err(sql);
        assert_eq!(error.class, ErrorClass::Usage, "{error}");
        assert!(error.what.contains(told), "{sql}: {error}");
    }
    let mut place = fresh.place();
    for names in [["recon_run", "net"], ["Recon_Source", "net"], ["net", "NET"]] {
        let names = names.map(str::to_owned);
        assert_eq!(place.check(&ticket("c", 1), &key, &names).expect_err("a name of recon's").class, ErrorClass::Usage);
    }
    let long = ticket(&"c".repeat(501), 1);
    assert!(place.check(&long, &key, &columns).expect_err("long").what.contains("500"));
}

fn a_table_of_the_users_own_serves(fresh: &Fresh) {
    let made = match fresh.kind() {
        "mysql" => "made_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, no BIGINT AUTO_INCREMENT PRIMARY KEY, note TEXT",
        "postgres" => "made_at timestamptz NOT NULL DEFAULT now(), no bigserial PRIMARY KEY, note text",
        _ => "made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, no INTEGER PRIMARY KEY, note TEXT",
    };
    let net = if fresh.kind() == "sqlite" { "TEXT" } else { "DECIMAL(20,4)" };
    fresh.sql(&format!("CREATE TABLE decision ({made}, id BIGINT NOT NULL, net {net}, memo VARCHAR(20), {OWN})"));
    let (layout, decisions) = plain(40);
    let (key, columns) = names(&layout);
    let mut place = fresh.place();
    place.check(&ticket("c", 1), &key, &columns).expect("nothing in the way");
    round(&mut place, &ticket("c", 1), &layout, &decisions);
    let back = round(&mut place, &ticket("c", 2), &layout, &decisions);
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (40, 40));
    publish(&mut place, &ticket("c", 2), &back.hash, &layout).expect("published");
    assert_eq!(fresh.count("decision_released"), 40);
}

fn the_types_that_are_made(fresh: &Fresh) {
    let decisions = vec![decision(
        text("k"),
        vec![
            integer(1),
            number("1.50"),
            text("x"),
            date("2026-11-05"),
            instant("2026-11-05T10:00:00Z"),
            recon::domain::Value::Bool(true),
        ],
    )];
    let layout = layout(&["id"], &["n", "net", "memo", "day", "at", "flag"], &decisions);
    write(&mut fresh.place(), &ticket("c", 1), &layout, &decisions).expect("written");
    let (sql, types) = match fresh.kind() {
        "mysql" => (
            "SELECT column_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'decision' ORDER BY ordinal_position LIMIT 7",
            ["varchar(255)", "bigint(20)", "decimal(65,10)", "longtext", "date", "datetime(6)", "tinyint(1)"],
        ),
        "postgres" => (
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'decision'::regclass AND attnum > 0 ORDER BY attnum LIMIT 7",
            ["text", "bigint", "numeric", "text", "date", "timestamp with time zone", "boolean"],
        ),
        _ => (
            "SELECT type FROM pragma_table_xinfo('decision') LIMIT 7",
            ["TEXT", "INTEGER", "TEXT", "TEXT", "TEXT", "TEXT", "BOOLEAN"],
        ),
    };
    assert_eq!(fresh.ask(sql), types);
}

fn a_table_of_another_schema() {
    let fresh = Fresh::postgres();
    fresh.sql("CREATE SCHEMA pay");
    let (layout, decisions) = plain(5);
    let mut place = fresh.table("pay.decision");
    round(&mut place, &ticket("c", 1), &layout, &decisions);
    round(&mut place, &ticket("c", 2), &layout, &decisions);
    assert_eq!(
        (fresh.count("pay.decision"), fresh.count("pay.decision_history"), fresh.count("pay.decision_released")),
        (5, 5, 0)
    );
}

#[test]
fn a_schema_of_postgres() {
    a_table_of_another_schema();
}

#[test]
fn places_that_are_none() {
    use recon::decisions::Place;
    use recon::stores::Settings;
    for (url, table) in [
        ("mongodb://h/d", "t"),
        ("sqlite:x.db", "a.b"),
        ("mysql://h/d", "a.b.c"),
        ("mysql://h/d", ""),
        ("postgres://h/d", &"t".repeat(60)),
    ] {
        let place = Place::table(url, table, &Settings::default()).map(|_| ());
        assert_eq!(place.expect_err(table).class, ErrorClass::Usage);
    }
    let secret = Place::table("postgres://u:s3cr3t@127.0.0.1:1/d", "t", &Settings::default()).expect("parses");
    let mut secret = secret;
    let error = secret.check(&ticket("c", 1), &["id".into()], &[]).expect_err("nobody there");
    assert!(!format!("{error:?} {}", secret.label()).contains("s3cr3t"), "{error}");
}

on_every_engine!(
    refused_at_write,
    refused_before_anything_is_computed,
    a_table_of_the_users_own_serves,
    the_types_that_are_made,
    everything_that_does_not_fit_is_told,
);

/// Everything that does not fit is told at once, with the table that recon would make.
fn everything_that_does_not_fit_is_told(fresh: &Fresh) {
    let net = if fresh.kind() == "sqlite" { "REAL" } else { "DOUBLE PRECISION" };
    fresh.sql(&format!(
        "CREATE TABLE decision (id DATE, net {net}, recon_source VARCHAR(20) NOT NULL, other INT NOT NULL)"
    ));
    let (layout, decisions) = plain(3);
    let (key, columns) = names(&layout);
    let mut place = fresh.place();
    let early = place.check(&ticket("c", 1), &key, &columns).expect_err("unfit");
    for told in ["`memo`", "`recon_reason`", "`recon_cycle`", "`recon_run`", "`recon_snapshot`", "`other`"] {
        assert!(early.what.contains(told), "{told}: {early}");
    }
    let hint = early.hint.expect("a hint");
    assert!(hint.contains("CREATE TABLE") && hint.contains("recon_snapshot"), "{hint}");
    let late = write(&mut place, &ticket("c", 1), &layout, &decisions).expect_err("unfit");
    let id = if fresh.kind() == "sqlite" { "`id` is DATE" } else { "`id` is date" };
    for told in ["`memo`", "`recon_run`", "`other`", "`net` is", id] {
        assert!(late.what.contains(told), "{told}: {late}");
    }
    // What is told to be made can be made, and serves.
    let hint = late.hint.expect("a hint");
    let made = &hint[hint.find("CREATE TABLE").expect("the statement")..];
    fresh.sql(&format!("DROP TABLE decision; {made}"));
    round(&mut place, &ticket("c", 1), &layout, &decisions);
}

/// A later run has more digits than the table that the first one made: the refusal names the statement that mends it.
#[test]
fn more_digits_than_before_in_mysql() {
    let fresh = Fresh::mysql();
    let with = |net: &str| vec![decision(integer(1), vec![number(net), text("ok")])];
    let of = |decisions: &[recon::decide::Decision]| crate::given::layout(&["id"], &["net", "memo"], decisions);
    let mut place = fresh.place();
    let (few, many) = (with("10.5"), with("10.123456789012"));
    round(&mut place, &ticket("c", 1), &of(&few), &few);
    assert_eq!(fresh.ask("SELECT CAST(net AS CHAR) FROM decision"), ["10.5000000000"]);
    let error = write(&mut place, &ticket("c", 2), &of(&many), &many).expect_err("more digits");
    let (mend, of_history) = (
        "ALTER TABLE `decision` MODIFY `net` DECIMAL(65,12)",
        "ALTER TABLE `decision_history` MODIFY `net` decimal(65,12)",
    );
    assert!(error.hint.as_deref().expect("a hint").contains(mend), "{error:?}");
    fresh.sql(mend);
    let error = write(&mut place, &ticket("c", 2), &of(&many), &many).expect_err("the history, too");
    assert!(error.hint.as_deref().expect("a hint").contains(of_history), "{error:?}");
    fresh.sql(of_history);
    round(&mut place, &ticket("c", 2), &of(&many), &many);
}
