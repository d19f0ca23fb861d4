//! Each thing that a check must not do, tried on each store with an account that may do it. The same text, sent by a plain
//! client, does what it is meant to do: so it is recon that holds.

use recon::stores::inspect::{InspectError, StoreKind};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use crate::ordinary::texts;
use crate::refused;
use crate::scene::{CANARY, Scene};

/// Sends every text and holds that it is refused, that nothing changed and that nothing is left.
fn all_hold<'a>(scene: &Scene, texts: impl IntoIterator<Item = &'a str>) {
    let before = scene.content();
    let mut count = 0;
    for text in texts {
        match scene.run(text) {
            Err(InspectError::Refused(refusal)) => {
                assert!(!format!("{refusal} {:?}", refusal.hint).contains(CANARY), "{text}: {refusal}");
            }
            Err(other) => panic!("{text}: {other}"),
            Ok(rows) => panic!("{text} ran: {:?}", rows.shown()),
        }
        count += 1;
    }
    assert!(count > 0);
    scene.is_untouched(&before, "one of the attacks");
}

#[test]
fn what_is_refused_as_text_does_nothing_to_mysql() {
    let scene = Scene::mysql();
    all_hold(&scene, texts(refused::EVERY).into_iter().chain(texts(refused::MYSQL)));
    all_hold(
        &scene,
        [
            "SELECT LOAD_FILE('{canary}')",
            "SELECT * FROM payout INTO OUTFILE '{out}'",
            "SELECT 'x' INTO DUMPFILE '{out}'",
            "SELECT 'x' /*! INTO OUTFILE '{out}' */",
            "SELECT 'x' /*M! INTO OUTFILE '{out}' */",
            "SELECT spend(1)",
            "SELECT `spend`(1)",
            "SELECT {name}.spend(1)",
            "SELECT spend (1)",
            "SELECT id FROM payout WHERE spend(id) > 0",
            "CALL spend_all()",
            "SELECT NEXTVAL(receipt)",
            "SELECT NEXT VALUE FOR receipt",
            "INSERT INTO spent VALUES ('spent') RETURNING what",
            "DELETE FROM payout RETURNING id",
            "SELECT GET_LOCK('{name}', 0)",
        ],
    );
}

#[test]
fn what_is_refused_as_text_does_nothing_to_postgres() {
    let scene = Scene::postgres();
    all_hold(&scene, texts(refused::EVERY).into_iter().chain(texts(refused::POSTGRES)));
    all_hold(
        &scene,
        [
            "SELECT pg_read_file('{canary}')",
            "SELECT * FROM pg_read_file('{canary}') AS f(line)",
            "SELECT convert_from(pg_read_binary_file('{canary}'), 'UTF8')",
            "COPY payout TO '{out}'",
            "COPY (SELECT 1) TO PROGRAM 'touch {out}'",
            "SELECT lo_import('{canary}', 4711)",
            "SELECT lo_export(lo_from_bytea(4711, 'x'), '{out}')",
            "SELECT spend(1)",
            "SELECT public.spend(1)",
            "SELECT \"spend\"(1)",
            "SELECT id FROM payout WHERE spend(id) > 0",
            "CALL spend_all()",
            "SELECT nextval('receipt')",
            "SELECT setval('receipt', 100)",
            "INSERT INTO spent VALUES ('spent') RETURNING what",
            "WITH gone AS (DELETE FROM payout RETURNING id) SELECT count(*) FROM gone",
            "SELECT query_to_xml('INSERT INTO spent VALUES (1) RETURNING 1', true, true, '')",
            "SELECT pg_advisory_lock(1)",
            "SELECT * INTO stolen FROM payout",
        ],
    );
}

#[test]
fn what_is_refused_as_text_does_nothing_to_sqlite() {
    let scene = Scene::sqlite();
    all_hold(&scene, texts(refused::EVERY).into_iter().chain(texts(refused::SQLITE)));
    all_hold(
        &scene,
        [
            "ATTACH '{out}' AS x",
            "VACUUM INTO '{out}'",
            "SELECT readfile('{canary}')",
            "SELECT writefile('{out}', 'x')",
            "SELECT load_extension('{canary}')",
            "INSERT INTO spent VALUES ('spent') RETURNING what",
            "PRAGMA user_version = 7",
            "PRAGMA journal_mode = WAL",
        ],
    );
}

#[test]
fn what_is_refused_as_text_does_nothing_to_mongodb() {
    let scene = Scene::mongo();
    all_hold(&scene, texts(refused::MONGO));
}

/// Were the plain client not able to do it, the tests above would show nothing.
#[test]
fn a_plain_client_can_do_what_checks_cannot() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let scene = Scene::mysql();
    runtime.block_on(async {
        let mut connection = sqlx::MySqlConnection::connect(&scene.url).await.expect("connects");
        let read =
            connection.fetch_one(AssertSqlSafe(scene.text("SELECT LOAD_FILE('{canary}')"))).await.expect("reads");
        assert_eq!(
            read.get::<Option<Vec<u8>>, _>(0).as_deref(),
            Some(CANARY.as_bytes()),
            "the server can read the canary"
        );
        connection
            .execute(AssertSqlSafe(scene.text("SELECT id FROM payout INTO OUTFILE '{out}'")))
            .await
            .expect("writes");
        assert!(scene.out().join("stolen").exists());
        connection.execute("SELECT spend(1)").await.expect("spends");
    });
    assert!(scene.content().contains("spent"));
    let scene = Scene::postgres();
    runtime.block_on(async {
        let mut connection = sqlx::PgConnection::connect(&scene.url).await.expect("connects");
        let read =
            connection.fetch_one(AssertSqlSafe(scene.text("SELECT pg_read_file('{canary}')"))).await.expect("reads");
        assert_eq!(read.get::<String, _>(0), CANARY);
        connection.execute(AssertSqlSafe(scene.text("COPY payout TO '{out}'"))).await.expect("writes");
        assert!(scene.out().join("stolen").exists());
        connection.execute("SELECT spend(1)").await.expect("spends");
    });
    assert!(scene.content().contains("spent"));
}

/// What somebody has made under a name of the store's own is not called in its place.
#[test]
fn functions_of_somebodys_own_are_not_taken_for_the_stores() {
    let scene = Scene::postgres();
    let writes = "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO spent VALUES ('spent'); RETURN 1; END $$;";
    crate::support::run_sql(
        &scene.url,
        &format!(
            "CREATE FUNCTION public.abs(a TEXT) RETURNS INTEGER {writes} \
             CREATE FUNCTION public.tax(a payout) RETURNS INTEGER {writes} \
             CREATE FUNCTION public.plus(a TEXT, b TEXT) RETURNS INTEGER {writes} \
             CREATE OPERATOR public.+ (LEFTARG = TEXT, RIGHTARG = TEXT, FUNCTION = public.plus); \
             CREATE FUNCTION public.positive(a INTEGER) RETURNS BOOLEAN LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO spent VALUES ('spent'); RETURN true; END $$; \
             CREATE DOMAIN public.sum_of_money AS INTEGER CHECK (public.positive(VALUE));"
        ),
    );
    let before = scene.content();
    for (text, part) in [
        ("SELECT abs('1'::text)", "public.abs is a function"),
        ("SELECT p.tax FROM payout p", "public.tax is a function"),
        ("SELECT (p).tax FROM payout p", "public.tax is a function"),
        ("SELECT 'a'::text + 'b'::text", "public.+ is an operator"),
        ("SELECT 1::sum_of_money", "public.sum_of_money is a type"),
        ("SELECT CAST(1 AS public.sum_of_money)", "public.sum_of_money is a type"),
        ("SELECT spend(1)", "not one of the PostgreSQL functions"),
    ] {
        match scene.run(text) {
            Err(InspectError::Refused(refusal)) => assert!(refusal.what.contains(part), "{text}: {refusal}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    // Named with its schema, it can only be the server's own.
    assert_eq!(scene.run("SELECT pg_catalog.abs(-1)").expect("runs").shown(), ["1"]);
    assert_eq!(scene.run("SELECT 'paid'::payout_status").expect("an enum runs nothing").shown(), ["paid"]);
    scene.is_untouched(&before, "functions of somebody's own");

    let scene = Scene::mysql();
    crate::support::run_sql(
        &scene.url,
        "CREATE FUNCTION any_value(a INTEGER) RETURNS INTEGER MODIFIES SQL DATA \
         BEGIN INSERT INTO spent VALUES ('spent'); RETURN a; END",
    );
    let before = scene.content();
    match scene.run("SELECT ANY_VALUE(1)") {
        Err(InspectError::Refused(refusal)) => assert!(refusal.what.contains("`any_value` is a function"), "{refusal}"),
        other => panic!("{other:?}"),
    }
    scene.is_untouched(&before, "a function of somebody's own");
}

/// A text that the server would read otherwise than we did is not sent.
#[test]
fn a_private_server_with_other_quotes_gets_no_doubtful_text() {
    let server =
        crate::support::PrivateServer::mariadb_with(&["--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES".to_owned()]);
    let url = format!("{}/mysql", server.url());
    let mut scene = Scene::sqlite();
    scene.kind = StoreKind::MySql;
    scene.url = url;
    for (text, part) in [("SELECT \"a\"", "ANSI_QUOTES"), (r"SELECT 'a\' , ', 1 -- '", "NO_BACKSLASH_ESCAPES")] {
        match scene.run(text) {
            Err(InspectError::Refused(refusal)) => assert!(refusal.what.contains(part), "{text}: {refusal}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(scene.run("SELECT 'a' AS `b`").expect("plain quotes mean the same everywhere").shown(), ["a"]);
    scene.kind = StoreKind::Sqlite;
}

/// Neither the refusal nor an error of the server's tells a password.
#[test]
fn no_message_tells_a_password() {
    for scene in [Scene::mysql(), Scene::postgres()] {
        let url = scene.reader();
        let mut inspection = scene.inspection("SELECT nothing FROM payout");
        let wrong = [
            url.clone(),
            url.replace("secret-word", "other-secret-word"),
            url.replace("127.0.0.1", "127.0.0.1:1/x?y=secret-word#"),
        ];
        for url in wrong {
            let Ok(store) = recon::stores::Locator::parse(&url) else { continue };
            inspection.store = store;
            let error = recon::stores::inspect::inspect(&inspection, &mut |_, _| ()).expect_err("fails");
            let told = format!("{error} {error:?}");
            assert!(!told.contains("secret-word"), "{told}");
        }
    }
}
