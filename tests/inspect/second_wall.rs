//! The store's own wall: the same attacks past the examination of the text. Nothing is written all the same.

use recon::stores::inspect::InspectError;

use crate::scene::Scene;

/// Runs each text unexamined; whatever comes of it, nothing is written.
fn nothing_is_written(scene: &Scene, texts: &[&str]) {
    let before = scene.content();
    for text in texts {
        let ran = scene.run_unexamined(&scene.inspection(text));
        if let Ok(rows) = &ran {
            // What ran can only have been read.
            assert!(rows.rows.len() <= 3, "{text}: {:?}", rows.shown());
        }
        scene.is_untouched(&before, &format!("{text}: {ran:?}"));
    }
}

#[test]
fn mysql_writes_nothing_for_a_check() {
    nothing_is_written(
        &Scene::mysql(),
        &[
            "INSERT INTO spent VALUES ('spent')",
            "INSERT INTO spent VALUES ('spent') RETURNING what",
            "DELETE FROM payout RETURNING id",
            "UPDATE payout SET net = 0",
            "REPLACE INTO investor (id) VALUES (1)",
            "TRUNCATE TABLE payout",
            "DROP TABLE payout",
            "CREATE TABLE stolen AS SELECT * FROM payout",
            "CREATE TEMPORARY TABLE stolen AS SELECT * FROM payout",
            "ALTER TABLE payout ADD COLUMN x INTEGER",
            "CREATE USER thief",
            "SET GLOBAL max_error_count = 65",
            "SET SESSION TRANSACTION READ WRITE",
            "SET STATEMENT max_statement_time = 0 FOR INSERT INTO spent VALUES ('spent')",
            "CALL spend_all()",
            "SELECT spend(1)",
            "SELECT id FROM payout WHERE spend(id) > 0",
            "SELECT NEXTVAL(receipt)",
            "SELECT SETVAL(receipt, 100)",
            "SELECT 1; INSERT INTO spent VALUES ('spent')",
            "SELECT * FROM payout INTO OUTFILE '{out}'",
            "SELECT 'x' INTO DUMPFILE '{out}'",
            "SELECT id FROM payout LIMIT 1 INTO @a",
            "LOAD DATA INFILE '{canary}' INTO TABLE spent",
            "SELECT id FROM payout FOR UPDATE",
            "COMMIT",
            "EXECUTE IMMEDIATE 'INSERT INTO spent VALUES (1)'",
            "LOCK TABLES payout WRITE",
        ],
    );
}

#[test]
fn postgres_writes_nothing_for_a_check() {
    nothing_is_written(
        &Scene::postgres(),
        &[
            "INSERT INTO spent VALUES ('spent')",
            "INSERT INTO spent VALUES ('spent') RETURNING what",
            "DELETE FROM payout RETURNING id",
            "UPDATE payout SET net = 0 RETURNING id",
            "WITH gone AS (DELETE FROM payout RETURNING id) SELECT * FROM gone",
            "TRUNCATE payout",
            "DROP TABLE payout",
            "CREATE TABLE stolen AS SELECT * FROM payout",
            "SELECT * INTO stolen FROM payout",
            "ALTER TABLE payout ADD COLUMN x INTEGER",
            "ALTER SYSTEM SET work_mem = '5MB'",
            "CREATE ROLE thief",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
            "CALL spend_all()",
            "DO $$ BEGIN INSERT INTO spent VALUES ('spent'); END $$",
            "SELECT spend(1)",
            "SELECT id FROM payout WHERE spend(id) > 0",
            "SELECT set_config('transaction_read_only', 'off', false), spend(1)",
            "SELECT set_config('transaction_read_only', 'off', true) FROM generate_series(1, 2), spend(1)",
            "SELECT nextval('receipt')",
            "SELECT setval('receipt', 100)",
            "SELECT 1; INSERT INTO spent VALUES ('spent')",
            "SELECT 1) AS q (c1); INSERT INTO spent VALUES ('spent'); --",
            "COPY payout TO '{out}'",
            "COPY (SELECT 1) TO PROGRAM 'touch {out}'",
            "SELECT lo_import('{canary}', 4711)",
            "SELECT lo_from_bytea(4711, 'x')",
            "SELECT query_to_xml('INSERT INTO spent VALUES (1) RETURNING 1', true, true, '')",
            "SELECT pg_notify('a', 'b')",
            "SELECT pg_advisory_lock(1)",
            "EXPLAIN ANALYZE INSERT INTO spent VALUES ('spent')",
            "PREPARE p AS INSERT INTO spent VALUES ('spent')",
            "COMMIT",
            "VACUUM payout",
            "SELECT id FROM payout FOR UPDATE",
        ],
    );
}

#[test]
fn sqlite_writes_nothing_for_a_check() {
    nothing_is_written(
        &Scene::sqlite(),
        &[
            "INSERT INTO spent VALUES ('spent')",
            "INSERT INTO spent VALUES ('spent') RETURNING what",
            "DELETE FROM payout",
            "DROP TABLE payout",
            "CREATE TABLE stolen AS SELECT * FROM payout",
            "CREATE TEMP TABLE stolen AS SELECT * FROM payout",
            "ATTACH '{out}' AS x",
            "ATTACH 'file:{out}?mode=rwc' AS x",
            "VACUUM INTO '{out}'",
            "SELECT 1; VACUUM INTO '{out}'",
            "SELECT 1; DELETE FROM payout",
            "SELECT 1; COMMIT; DELETE FROM payout",
            "PRAGMA user_version = 7",
            "PRAGMA query_only = OFF",
            "PRAGMA journal_mode = WAL",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "PRAGMA writable_schema = ON",
            "REINDEX",
            "ANALYZE",
            "COMMIT",
            "SELECT load_extension('{canary}')",
        ],
    );
}

#[test]
fn mongodb_writes_nothing_and_runs_no_code_for_a_check() {
    let scene = Scene::mongo();
    scene.mongo_run(async |database| {
        let code =
            mongodb::bson::doc! { "$function": { "body": "function() { return 1; }", "args": [], "lang": "js" } };
        let view = mongodb::bson::doc! {
            "create": "coded", "viewOn": "payout", "pipeline": [{ "$project": { "x": code } }],
        };
        database.run_command(view).await.expect("a view with code in it");
    });
    nothing_is_written(
        &scene,
        &[
            r#"[{"$match": {}}]"#,
            // The text's own reader refuses these before the server is asked, and the server's word does so again.
            r#"[{"$out": "stolen"}]"#,
            r#"[{"$merge": "stolen"}]"#,
            r#"[{"$lookup": {"from": "investor", "pipeline": [{"$out": "stolen"}], "as": "x"}}]"#,
        ],
    );
    // No text shows this; the server does.
    for text in [
        r#"{"collection": "coded", "pipeline": []}"#,
        r#"[{"$unionWith": "coded"}]"#,
        r#"[{"$lookup": {"from": "coded", "pipeline": [], "as": "x"}}]"#,
    ] {
        let mut inspection = scene.inspection(text);
        inspection.store = recon::stores::Locator::parse(&scene.url).expect("a locator");
        if text.starts_with('[') {
            inspection.store = inspection.store.with_table("payout".to_owned());
        }
        match crate::scene::taken(|each| recon::stores::inspect::inspect(&inspection, each)) {
            Err(InspectError::Refused(refusal)) => assert!(refusal.what.contains("$function"), "{text}: {refusal}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}
