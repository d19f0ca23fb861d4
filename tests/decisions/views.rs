//! The view through which the payer reads: judged by what it reads, made again where it is gone, read before a release
//! is said to be one.

use recon::decisions::Ticket;
use recon::stores::ErrorClass;

use crate::given::*;

/// In which way MySQL compares the fences' texts with those of the table.
fn collate(fresh: &Fresh) -> String {
    let of = "SELECT CAST(collation_name AS CHAR) FROM information_schema.columns WHERE table_schema = DATABASE() \
              AND table_name = 'decision' AND column_name = 'recon_run'";
    match fresh.kind() {
        "mysql" => format!(" COLLATE {}", fresh.ask(of)[0]),
        _ => String::new(),
    }
}

/// recon's view as it was once made.
fn recons_join(fresh: &Fresh, table: &str) -> String {
    let collate = collate(fresh);
    format!(
        "FROM {table} d JOIN decision_runs r ON r.released_run{collate} = d.recon_run AND r.recon_cycle{collate} = d.recon_cycle"
    )
}

/// The table is renamed and begun anew, as at the end of a year: the view follows the table that was, and the index
/// stays with it.
fn a_table_that_is_begun_anew(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let mut place = fresh.place();
    let back = round(&mut place, &ticket("c 1", 1), &layout, &decisions);
    publish(&mut place, &ticket("c 1", 1), &back.hash, &layout).expect("published");
    fresh.sql("ALTER TABLE decision RENAME TO decision_2025");
    let next = Ticket { run: "13-1".into(), ..ticket("c 2", 1) };
    let (mut place, (key, columns)) = (fresh.place(), names(&layout));
    place.check(&next, &key, &columns).expect("nothing in the way");
    let back = round(&mut place, &next, &layout, &decisions[..3]);
    publish(&mut place, &next, &back.hash, &layout).expect("published");
    assert_eq!(fresh.ask("SELECT DISTINCT recon_cycle FROM decision_released"), ["c 2"]);
    assert_eq!((fresh.count("decision_released"), fresh.count("decision"), fresh.count("decision_2025")), (3, 3, 8));
    // One decision of a key and run, on this table, too.
    let twice = std::panic::catch_unwind(|| fresh.sql("INSERT INTO decision SELECT * FROM decision WHERE id = 1"));
    assert!(twice.is_err() && fresh.count("decision") == 3);
    let indexed = match fresh.kind() {
        "mysql" => return,
        "postgres" => "SELECT indexdef FROM pg_indexes WHERE tablename = 'decision' ORDER BY indexdef",
        _ => "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'decision'",
    };
    assert_eq!(fresh.ask(indexed).len(), 2, "{:?}", fresh.ask(indexed));
}

/// A view of somebody's own under that name is neither used nor replaced, and the payer is never said to see anything.
fn a_view_of_somebody_else(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let (key, columns) = names(&layout);
    let mut place = fresh.place();
    let back = round(&mut place, &ticket("c", 1), &layout, &decisions);
    let all =
        "SELECT d.id, d.net, d.memo, d.recon_source, d.recon_reason, d.recon_cycle, d.recon_run, d.recon_snapshot";
    let (bytes, join) = (collate(fresh), recons_join(fresh, "decision"));
    for foreign in [
        "SELECT * FROM decision".to_owned(),
        format!(
            "{all} FROM decision d JOIN decision_runs r ON r.written_run{bytes} = d.recon_run AND r.recon_cycle{bytes} = d.recon_cycle"
        ),
        format!("{all} {join} OR r.recon_cycle{bytes} = d.recon_cycle"),
        format!("{all} {join} WHERE d.id > 3"),
        format!("{} {join}", all.replace("d.net", "d.id AS net")),
    ] {
        fresh.sql(&format!("DROP VIEW decision_released; CREATE VIEW decision_released AS {foreign}"));
        let before = fresh.count("decision_released");
        for error in [
            write(&mut place, &ticket("c", 1), &layout, &decisions).expect_err(&foreign),
            place.check(&ticket("c", 1), &key, &columns).expect_err(&foreign),
        ] {
            assert_eq!(error.class, ErrorClass::Usage, "{error}");
            assert!(error.what.contains("reads something else"), "{error}");
        }
        let error = publish(&mut place, &ticket("c", 1), &back.hash, &layout).expect_err(&foreign);
        assert_eq!(error.class, ErrorClass::Failed, "{error}");
        assert!(error.what.contains("the payer does not see"), "{error}");
        assert!(!place.is_published(&ticket("c", 1)).expect("asked"));
        assert_eq!((fresh.count("decision_released"), fresh.count("decision")), (before, 8), "{foreign}");
    }
    fresh.sql("DROP VIEW decision_released");
    publish(&mut place, &ticket("c", 1), &back.hash, &layout).expect("made anew");
    assert_eq!(fresh.count("decision_released"), 8);
}

/// A view that is gone is made again: before a release, and by releasing again.
fn a_view_that_is_gone(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let mut place = fresh.place();
    let back = round(&mut place, &ticket("c", 1), &layout, &decisions);
    for _ in 0..2 {
        fresh.sql("DROP VIEW decision_released");
        assert!(!place.is_published(&ticket("c", 1)).expect("asked"));
        publish(&mut place, &ticket("c", 1), &back.hash, &layout).expect("published");
        assert!(place.is_published(&ticket("c", 1)).expect("asked"));
        assert_eq!(fresh.count("decision_released"), 8);
    }
}

/// recon's own view as it was made before, or of another table: replaced without a word.
fn a_view_of_recons_own_that_is_outdated(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let mut place = fresh.place();
    let back = round(&mut place, &ticket("c", 1), &layout, &decisions);
    let text = if fresh.kind() == "mysql" { "CHAR" } else { "TEXT" };
    let definition = match fresh.kind() {
        "mysql" => format!(
            "SELECT CAST(view_definition AS {text}) FROM information_schema.views WHERE table_schema = DATABASE()"
        ),
        "postgres" => "SELECT pg_get_viewdef('decision_released'::regclass)".to_owned(),
        _ => "SELECT sql FROM sqlite_schema WHERE type = 'view'".to_owned(),
    };
    let made = fresh.ask(&definition);
    write(&mut place, &ticket("c", 1), &layout, &decisions).expect("written");
    assert_eq!(fresh.ask(&definition), made);
    fresh.sql(&format!(
        "CREATE TABLE other AS SELECT * FROM decision; DROP VIEW decision_released; CREATE VIEW decision_released AS \
         SELECT d.id, d.recon_run {}",
        recons_join(fresh, "other")
    ));
    assert_ne!(fresh.ask(&definition), made);
    publish(&mut place, &ticket("c", 1), &back.hash, &layout).expect("published");
    assert_eq!(fresh.ask(&definition), made);
}

/// What the payer sees is what was released, or it is an error.
fn what_the_payer_sees_is_compared(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let mut place = fresh.place();
    let back = round(&mut place, &ticket("c", 1), &layout, &decisions);
    fresh.sql("DELETE FROM decision WHERE id = 3");
    let error = publish(&mut place, &ticket("c", 1), &back.hash, &layout).expect_err("one less");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("the payer does not see") && error.what.contains("shows 7 decisions"), "{error}");
}

on_every_engine!(
    a_table_that_is_begun_anew,
    a_view_of_somebody_else,
    a_view_that_is_gone,
    a_view_of_recons_own_that_is_outdated,
    what_the_payer_sees_is_compared,
);
