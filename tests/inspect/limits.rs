//! What takes too long, returns too much or is cancelled ends, on the server too, and soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use recon::domain::Value;
use recon::stores::Locator;
use recon::stores::inspect::{Examined, InspectError, Inspection, StoreKind, inspect, run};
use sqlx::{Connection, Executor};

use crate::scene::{Scene, taken};

/// Far less than what the queries below would take, far more than what ending them takes.
const SOON: Duration = Duration::from_secs(20);

/// Queries that take minutes or for ever.
fn endless(kind: StoreKind) -> Vec<&'static str> {
    match kind {
        StoreKind::MySql => vec![
            "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
            "SELECT MAX(SHA2(CONCAT(a.seq, b.seq), 512)) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
            "SELECT a.seq, COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b GROUP BY a.seq + b.seq ORDER BY 2",
            "SELECT * FROM payout WHERE (SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b) > 0",
        ],
        StoreKind::Postgres => vec![
            "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
            "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 - 1 FROM r) SELECT count(*) FROM r",
            "SELECT max(md5(a::text || b::text)) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
            "SELECT a, count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b GROUP BY a ORDER BY 2",
        ],
        StoreKind::Sqlite => vec![
            "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
            "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 100000) SELECT count(*) FROM r a, r b, r c",
            "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r WHERE n < 0",
        ],
        StoreKind::Mongo => vec![
            r#"[{"$lookup": {"from": "big", "pipeline": [], "as": "a"}}, {"$unwind": "$a"}, {"$lookup": {"from": "big", "pipeline": [], "as": "b"}}, {"$unwind": "$b"}, {"$lookup": {"from": "big", "pipeline": [], "as": "c"}}, {"$unwind": "$c"}, {"$count": "n"}]"#,
            r#"[{"$lookup": {"from": "big", "pipeline": [], "as": "a"}}, {"$unwind": "$a"}, {"$lookup": {"from": "big", "pipeline": [], "as": "b"}}, {"$unwind": "$b"}, {"$lookup": {"from": "big", "pipeline": [], "as": "c"}}, {"$unwind": "$c"}, {"$group": {"_id": "$c._id", "n": {"$sum": "$b._id"}}}]"#,
        ],
    }
}

/// Queries that send rows without end.
fn flood(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::MySql => "SELECT a.seq, b.seq FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
        StoreKind::Postgres => {
            "SELECT a, b FROM generate_series(1, 1000) a, generate_series(1, 1000) b, generate_series(1, 1000) c"
        }
        StoreKind::Sqlite => "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n, n FROM r",
        StoreKind::Mongo => {
            r#"[{"$lookup": {"from": "big", "pipeline": [], "as": "a"}}, {"$unwind": "$a"}, {"$lookup": {"from": "big", "pipeline": [], "as": "b"}}, {"$unwind": "$b"}, {"$project": {"_id": 0, "a": "$a._id", "b": "$b._id"}}]"#
        }
    }
}

fn scenes() -> Vec<Scene> {
    let scenes = Scene::every();
    for scene in &scenes {
        if scene.kind == StoreKind::Mongo {
            scene.mongo_run(async |database| {
                let many = (0..1_000).map(|id| mongodb::bson::doc! { "_id": id });
                database.collection::<mongodb::bson::Document>("big").insert_many(many).await.expect("inserts");
            });
        }
    }
    scenes
}

/// With an account that may only read: ending its own query must need no more than that.
fn inspection(scene: &Scene, text: &str) -> Inspection {
    let fragment = if scene.kind == StoreKind::Mongo { "#payout" } else { "" };
    let mut inspection = scene.inspection(text);
    inspection.store = Locator::parse(&format!("{}{fragment}", scene.reader())).expect("a locator");
    inspection
}

#[test]
fn what_takes_too_long_ends_on_the_server() {
    for scene in scenes() {
        let before = scene.content();
        for text in endless(scene.kind) {
            let mut inspection = inspection(&scene, text);
            inspection.limits.time = Duration::from_secs(1);
            let started = Instant::now();
            let ended = taken(|each| inspect(&inspection, each));
            let took = started.elapsed();
            eprintln!("{:?}: {took:?} for a limit of 1 s: {text}", scene.kind);
            match ended {
                Err(InspectError::TimedOut { limit, ended: true, .. }) => assert_eq!(limit, Duration::from_secs(1)),
                other => panic!("{:?} {text}: {other:?}", scene.kind),
            }
            assert!(took < SOON, "{took:?}: {text}");
            scene.is_untouched(&before, text);
        }
    }
}

/// Past the first wall a query may ask for a rest: it gets none beyond its limit.
#[test]
fn what_sleeps_is_woken() {
    for (scene, text) in [
        (Scene::mysql(), "SELECT SLEEP(600)"),
        (Scene::mysql(), "SELECT id FROM payout WHERE SLEEP(600) = 0"),
        (Scene::mysql(), "SELECT BENCHMARK(1000000000000, SHA2('x', 512))"),
        (Scene::mysql(), "SELECT GET_LOCK('held', 600)"),
        (Scene::postgres(), "SELECT pg_sleep(600)"),
        (Scene::postgres(), "SELECT set_config('statement_timeout', '0', false), pg_sleep(600)"),
    ] {
        let held = (text.contains("held")).then(|| holding(&scene.url, "SELECT GET_LOCK('held', 1)"));
        let before = scene.content();
        let mut inspection = scene.inspection(text);
        inspection.limits.time = Duration::from_secs(1);
        let started = Instant::now();
        match scene.run_unexamined(&inspection) {
            Err(InspectError::TimedOut { ended: true, .. }) => {}
            // MySQL's SLEEP and GET_LOCK say that they were interrupted by returning.
            Ok(rows) if scene.kind == StoreKind::MySql => assert!(rows.rows.len() <= 3, "{text}: {:?}", rows.shown()),
            other => panic!("{text}: {other:?}"),
        }
        eprintln!("{:?}: {:?} for a limit of 1 s: {text}", scene.kind, started.elapsed());
        assert!(started.elapsed() < SOON, "{text}");
        drop(held);
        scene.is_untouched(&before, text);
    }
}

/// A session that holds something until it is dropped.
fn holding(url: &str, sql: &'static str) -> (tokio::runtime::Runtime, Box<dyn std::any::Any>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let held: Box<dyn std::any::Any> = runtime.block_on(async {
        if url.starts_with("mysql") {
            let mut connection = sqlx::MySqlConnection::connect(url).await.expect("connects");
            connection.execute(sqlx::raw_sql(sql)).await.expect("holds");
            Box::new(connection) as Box<dyn std::any::Any>
        } else {
            let mut connection = sqlx::PgConnection::connect(url).await.expect("connects");
            connection.execute(sqlx::raw_sql(sql)).await.expect("holds");
            Box::new(connection)
        }
    });
    (runtime, held)
}

/// Somebody changes a table and leaves it locked.
#[test]
fn a_lock_is_not_waited_for_longer_than_the_limit() {
    for (scene, lock) in [
        (Scene::mysql(), "LOCK TABLES payout WRITE"),
        (Scene::postgres(), "BEGIN; LOCK TABLE payout IN ACCESS EXCLUSIVE MODE"),
    ] {
        let mut inspection = inspection(&scene, "SELECT COUNT(*) FROM payout");
        inspection.limits.time = Duration::from_secs(1);
        let held = holding(&scene.url, lock);
        let started = Instant::now();
        match taken(|each| inspect(&inspection, each)) {
            Err(InspectError::TimedOut { ended: true, .. }) => {}
            other => panic!("{lock}: {other:?}"),
        }
        assert!(started.elapsed() < SOON);
        drop(held);
        assert_eq!(scene.busy(), Vec::<String>::new());
    }
}

#[test]
fn whoever_takes_the_rows_slowly_does_not_keep_the_query() {
    for scene in scenes() {
        let mut inspection = inspection(&scene, flood(scene.kind));
        inspection.limits.time = Duration::from_secs(1);
        inspection.limits.rows = u64::MAX;
        let mut rows = 0_u64;
        let started = Instant::now();
        let ended = inspect(&inspection, &mut |_, _| {
            rows += 1;
            std::thread::sleep(Duration::from_millis(1));
        });
        match ended {
            Err(InspectError::TimedOut { ended: true, rows: told, .. }) => assert_eq!(told, rows, "{:?}", scene.kind),
            other => panic!("{:?}: {other:?}", scene.kind),
        }
        assert!(rows > 10 && started.elapsed() < SOON, "{:?}: {rows} rows", scene.kind);
        assert_eq!(scene.busy(), Vec::<String>::new(), "{:?}", scene.kind);
    }
}

#[test]
fn what_is_cancelled_ends_on_the_server() {
    for scene in scenes() {
        for text in [endless(scene.kind)[0], flood(scene.kind)] {
            let mut inspection = inspection(&scene, text);
            inspection.limits.time = Duration::from_secs(600);
            inspection.limits.rows = u64::MAX;
            inspection.limits.bytes = u64::MAX;
            let cancel = Arc::clone(&inspection.cancel);
            let started = Instant::now();
            let ended = std::thread::scope(|scope| {
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(500));
                    cancel.store(true, Ordering::Relaxed);
                });
                inspect(&inspection, &mut |_, _| ())
            });
            match ended {
                Err(InspectError::Cancelled { ended: true, .. }) => {}
                other => panic!("{:?} {text}: {other:?}", scene.kind),
            }
            eprintln!("{:?}: {:?} after the flag at 0.5 s: {text}", scene.kind, started.elapsed());
            assert!(started.elapsed() < SOON, "{:?} {text}", scene.kind);
            assert_eq!(scene.busy(), Vec::<String>::new(), "{:?} {text}", scene.kind);
        }
        // What is cancelled before it begins does not begin.
        let mut inspection = inspection(&scene, flood(scene.kind));
        inspection.cancel = Arc::new(AtomicBool::new(true));
        let ended = inspect(&inspection, &mut |_, _| panic!("a row came"));
        assert!(matches!(ended, Err(InspectError::Cancelled { ended: true, .. })), "{ended:?}");
    }
}

#[test]
fn rows_and_bytes_beyond_the_limit_are_not_read() {
    for scene in scenes() {
        let mut inspection = inspection(&scene, flood(scene.kind));
        inspection.limits.rows = 5;
        let rows = taken(|each| inspect(&inspection, each)).expect("reads");
        assert_eq!((rows.rows.len(), rows.answer.rows), (5, 5), "{:?}", scene.kind);
        let why = rows.answer.truncated.expect("is not all");
        assert!(why.contains("more than 5 rows"), "{why}");
        assert_eq!(rows.answer.notices.iter().filter(|notice| notice.contains("not confirmed")).count(), 0);
        assert_eq!(scene.busy(), Vec::<String>::new(), "{:?}", scene.kind);

        inspection.limits.rows = u64::MAX;
        inspection.limits.bytes = 1_000;
        let rows = taken(|each| inspect(&inspection, each)).expect("reads");
        let why = rows.answer.truncated.expect("is not all");
        assert!(why.contains("1000 bytes"), "{why}");
        assert!(rows.answer.rows > 3 && rows.answer.rows < 500, "{:?}: {}", scene.kind, rows.answer.rows);
        assert_eq!(scene.busy(), Vec::<String>::new(), "{:?}", scene.kind);
    }
}

/// As many as are allowed, and not one more: that is all.
#[test]
fn exactly_as_many_rows_as_are_allowed_are_all() {
    for scene in scenes() {
        let text = match scene.kind {
            StoreKind::Mongo => r#"[{"$sort": {"_id": 1}}]"#,
            _ => "SELECT id FROM payout ORDER BY id",
        };
        let mut inspection = inspection(&scene, text);
        for (limit, all) in [(4, true), (3, true), (2, false), (0, false)] {
            inspection.limits.rows = limit;
            let rows = taken(|each| inspect(&inspection, each)).expect("reads");
            assert_eq!(rows.answer.rows, limit.min(3), "{:?}", scene.kind);
            assert_eq!(rows.answer.truncated.is_none(), all, "{:?} {limit}", scene.kind);
        }
    }
}

/// An examined text is run as often as one likes, with whatever limits.
#[test]
fn an_examined_text_is_for_its_kind_of_store() {
    for scene in Scene::every() {
        let text = if scene.kind == StoreKind::Mongo { "[]" } else { "SELECT id FROM payout" };
        let mut inspection = scene.inspection(text);
        (inspection.limits.time, inspection.limits.rows, inspection.limits.bytes) = (Duration::MAX, u64::MAX, u64::MAX);
        assert_eq!(taken(|each| inspect(&inspection, each)).expect("no limit").answer.rows, 3, "{:?}", scene.kind);
    }
    let (mysql, sqlite) = (Scene::mysql(), Scene::sqlite());
    let examined: Examined = recon::stores::inspect::examine(StoreKind::Mongo, "[]", Some("payout")).expect("passes");
    let error = run(&mysql.inspection(""), &examined, &mut |_, _| ()).expect_err("another kind");
    assert!(error.to_string().contains("another kind of store"), "{error}");
    let examined = recon::stores::inspect::examine(StoreKind::Sqlite, "SELECT 1", None).expect("passes");
    for _ in 0..2 {
        let mut seen: Vec<Value> = Vec::new();
        run(&sqlite.inspection(""), &examined, &mut |_, values| seen.extend(values.to_vec())).expect("runs");
        assert_eq!(seen.len(), 1);
    }
}
