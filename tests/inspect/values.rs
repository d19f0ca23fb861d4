//! Ordinary queries run, by an account that may only read, and their values are exact.

use recon::domain::{Amount, NumberForm, Value, parse_date};
use recon::stores::Locator;
use recon::stores::inspect::{InspectError, StoreKind, inspect};

use crate::ordinary::{MONGO, MYSQL, POSTGRES, SQLITE, texts};
use crate::scene::{Scene, taken};

#[test]
fn ordinary_queries_run() {
    for (scene, file) in
        [(Scene::mysql(), MYSQL), (Scene::postgres(), POSTGRES), (Scene::sqlite(), SQLITE), (Scene::mongo(), MONGO)]
    {
        let before = scene.content();
        let reader = scene.reader();
        let fragment = if scene.kind == StoreKind::Mongo { "#payout" } else { "" };
        let mut failed = Vec::new();
        for text in texts(file) {
            let mut inspection = scene.inspection(text);
            let whole = text.starts_with('{');
            inspection.store =
                Locator::parse(&format!("{reader}{}", if whole { "" } else { fragment })).expect("a locator");
            if let Err(error) = taken(|each| inspect(&inspection, each)) {
                failed.push(format!("{text}\n    {error}"));
            }
        }
        assert!(failed.is_empty(), "{:?}: {} failed:\n{}", scene.kind, failed.len(), failed.join("\n"));
        scene.is_untouched(&before, "ordinary queries");
    }
}

#[test]
fn columns_need_no_names_and_rows_no_key() {
    for scene in [Scene::mysql(), Scene::postgres(), Scene::sqlite()] {
        let rows = scene.run("SELECT COUNT(*) FROM payout").expect("runs");
        assert_eq!((rows.shown(), rows.answer.columns.len()), (vec!["3".to_owned()], 1), "{:?}", scene.kind);
        let rows = scene.run("SELECT 1, 1, 1, NULL, 'a' AS a, 'b' AS a").expect("runs");
        assert_eq!(rows.shown(), ["1 1 1 NULL a b"], "{:?}", scene.kind);
        assert_eq!(rows.answer.columns[4..], ["a", "a"]);
        let rows = scene.run("SELECT id, net FROM payout WHERE 1 = 0").expect("runs");
        assert_eq!((rows.answer.rows, rows.answer.columns.as_slice()), (0, &["id".to_owned(), "net".to_owned()][..]));
        let ordered = scene.run("SELECT id FROM payout ORDER BY id DESC").expect("runs");
        assert_eq!(ordered.shown(), ["3", "2", "1"], "{:?}", scene.kind);
    }
}

#[test]
fn amounts_are_exact() {
    let long = "12345678901234567890123456789012345.123456789012345678901234567890";
    for scene in [Scene::mysql(), Scene::postgres()] {
        let rows = scene
            .run(&format!("SELECT CAST('{long}' AS DECIMAL(65,30)), 0.1 + 0.2, net FROM payout WHERE id = 3"))
            .expect("runs");
        let expected = [long, "0.3", "0.10"].map(|text| Amount::parse(text).expect("amount"));
        for (value, expected) in rows.rows[0].iter().zip(&expected) {
            let Value::Number { amount, form: NumberForm::Decimal } = value else { panic!("{value:?}") };
            assert!(amount.same_value(expected), "{:?}: {amount} is not {expected}", scene.kind);
        }
    }
    let scene = Scene::mongo();
    let rows = scene.run(r#"[{"$group": {"_id": null, "total": {"$sum": "$net"}}}]"#).expect("runs");
    assert_eq!(rows.rows[0][1].to_string(), "-83.90");
    assert_eq!(rows.answer.columns, ["_id", "total"]);
}

#[test]
fn what_has_no_form_of_its_own_comes_as_its_text() {
    let scene = Scene::postgres();
    let rows = scene
        .run(
            "SELECT '1 day 02:00'::interval, ARRAY[1, 2], '127.0.0.1'::inet, 'paid'::payout_status, 'x'::char(5), \
             ROW(1, 'a'), '[1,5)'::int4range, B'101', '2026-11-13'::date, '10:00'::time, true, '{\"a\": 1.50}'::jsonb",
        )
        .expect("runs");
    assert_eq!(
        rows.rows[0].iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "P1DT2H",
            "{1,2}",
            "127.0.0.1/32",
            "paid",
            "x",
            "(1,a)",
            "[1,5)",
            "101",
            "2026-11-13",
            "10:00:00",
            "true",
            "{\"a\":1.50}"
        ]
    );
}

#[test]
fn parameters_are_bound_with_their_types() {
    let day = Value::Date(parse_date("2026-11-13").expect("date"));
    let text = |text: &str| Value::Text { text: text.to_owned(), untyped: false };
    for scene in [Scene::mysql(), Scene::postgres(), Scene::sqlite()] {
        let mut inspection = scene.inspection(
            "SELECT id /* :nothing */ FROM payout WHERE payout_date = :day AND name_is IS NULL OR ':day' = :odd -- :none",
        );
        inspection.text = inspection.text.replace("name_is IS NULL", "memo = :memo");
        let odd = "'; DROP TABLE payout; --";
        inspection.params = vec![
            ("day".to_owned(), day.clone()),
            ("memo".to_owned(), text("AB12")),
            ("odd".to_owned(), text(odd)),
            ("more".to_owned(), Value::Null),
        ];
        let rows = taken(|each| inspect(&inspection, each)).expect("runs");
        assert_eq!(rows.shown(), ["2"], "{:?}", scene.kind);
        inspection.params.retain(|(name, _)| name != "memo");
        match taken(|each| inspect(&inspection, each)) {
            Err(InspectError::Refused(refusal)) => {
                assert!(refusal.what.contains("`memo`") && refusal.hint.expect("a hint").contains("`day`"));
            }
            other => panic!("{other:?}"),
        }
    }
    let scene = Scene::mongo();
    let rows = scene
        .run(r#"[{"$match": {"payout_date": {"$param": "payout_date"}, "id": 1}}, {"$project": {"id": 1}}]"#)
        .expect("runs");
    assert_eq!(rows.shown(), ["1 1"]);
}

/// What the store says about a text is the definition's fault, what it says about itself is not.
#[test]
fn a_wrong_name_is_the_definitions_fault_and_a_missing_right_is_not() {
    for scene in [Scene::mysql(), Scene::postgres()] {
        for text in ["SELECT nothing FROM payout", "SELECT id FROM nowhere", "SELECT id FROM payout GROUP BY nothing"] {
            let error = scene.run(text).expect_err("no such name");
            assert!(matches!(error, InspectError::Refused(_)), "{:?} {text}: {error:?}", scene.kind);
        }
        let reader = scene.reader();
        let mut inspection = scene.inspection(match scene.kind {
            StoreKind::MySql => "SELECT user FROM mysql.global_priv",
            _ => "SELECT rolpassword FROM pg_authid",
        });
        inspection.store = Locator::parse(&reader).expect("a locator");
        let error = taken(|each| inspect(&inspection, each)).expect_err("not for a reader");
        assert!(matches!(error, InspectError::Failed(_)), "{:?}: {error:?}", scene.kind);
    }
    let scene = Scene::sqlite();
    assert!(matches!(scene.run("SELECT nothing FROM payout"), Err(InspectError::Refused(_))));
    let scene = Scene::mongo();
    assert!(matches!(scene.run(r#"[{"$project": {"a": {"$add": []}, "b": 0}}]"#), Err(InspectError::Refused(_))));
    let csv = Locator::parse("a.csv").expect("a locator");
    let inspection = recon::stores::inspect::Inspection { store: csv, ..scene.inspection("SELECT 1") };
    assert!(matches!(inspect(&inspection, &mut |_, _| ()), Err(InspectError::Refused(_))));
}

/// A view may hold what no text shows; what SQLite's schema calls is not trusted with more than computing.
#[test]
fn documents_have_fields_of_their_own() {
    let scene = Scene::mongo();
    scene.mongo_run(async |database| {
        let other = mongodb::bson::doc! { "_id": 4, "only_here": true };
        database.collection::<mongodb::bson::Document>("payout").insert_one(other).await.expect("inserts");
    });
    let mut names = Vec::new();
    let inspection = scene.inspection(r#"[{"$sort": {"_id": 1}}, {"$project": {"id": 1, "only_here": 1}}]"#);
    let answer = inspect(&inspection, &mut |columns, _| names.push(columns.to_vec())).expect("runs");
    assert_eq!(answer.columns, ["_id", "id", "only_here"]);
    assert_eq!(names[0], ["_id", "id"]);
    assert_eq!(names[3], ["_id", "only_here"]);
}
