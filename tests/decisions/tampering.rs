//! What is changed after it was written is found, by comparing it and by its hash.

use crate::given::*;

fn every_change_is_found(fresh: &Fresh) {
    let (layout, decisions) = plain(9);
    let (key, columns) = names(&layout);
    let (mut place, ticket) = (fresh.place(), ticket("c", 1));
    let back = round(&mut place, &ticket, &layout, &decisions);
    let all = "id, net, memo, recon_source, recon_reason, recon_cycle, recon_run, recon_snapshot";
    let changes = [
        ("UPDATE decision SET net = '30.01' WHERE id = 3", "`net`"),
        // The sum stays.
        ("UPDATE decision SET net = CASE id WHEN 3 THEN '40.00' ELSE '30.00' END WHERE id IN (3, 4)", "`net`"),
        ("UPDATE decision SET net = NULL WHERE id = 9", "`net`"),
        ("UPDATE decision SET memo = 'OK' WHERE id = 1", "`memo`"),
        ("UPDATE decision SET memo = 'ok ' WHERE id = 1", "`memo`"),
        ("UPDATE decision SET recon_source = 'legacy' WHERE id = 2", "`recon_source`"),
        ("UPDATE decision SET recon_source = 'mine' WHERE id = 2", "`mine`"),
        ("UPDATE decision SET recon_reason = 'tolerated' WHERE id = 2", "`recon_reason`"),
        ("DELETE FROM decision WHERE id = 5", "key `5` is missing"),
        ("DELETE FROM decision WHERE id = 9", "key `9` is missing"),
        ("UPDATE decision SET id = 100 WHERE id = 2", "key `2` is missing"),
        ("UPDATE decision SET recon_run = '1-1' WHERE id = 2", "key `2` is missing"),
        ("UPDATE decision SET recon_cycle = 'd' WHERE id = 2", "key `2` is missing"),
        (
            "INSERT INTO decision (ALL) SELECT 77, net, memo, recon_source, recon_reason, recon_cycle, recon_run, recon_snapshot FROM decision WHERE id = 7",
            "key `77`",
        ),
        (
            "INSERT INTO decision (ALL) SELECT NULL, net, memo, recon_source, recon_reason, recon_cycle, recon_run, recon_snapshot FROM decision WHERE id = 7",
            "key `NULL`",
        ),
    ];
    for (change, told) in changes {
        let change = change.replace("ALL", all);
        let change = match fresh.kind() {
            "postgres" => change.replace("'30.01'", "30.01").replace("'40.00' ELSE '30.00'", "40.00 ELSE 30.00"),
            _ => change,
        };
        fresh.sql(&change);
        let error = verify(&mut place, &ticket, &layout, &decisions).expect_err(&change);
        assert!(error.what.contains(told), "{change}: {error}");
        if let Ok(read) = place.read(&ticket.run, &key, &columns) {
            assert_ne!(read.hash, back.hash, "{change}");
        }
        fresh.sql("DELETE FROM decision WHERE recon_cycle = 'd'");
        write(&mut place, &ticket, &layout, &decisions).expect("written again");
        assert_eq!(verify(&mut place, &ticket, &layout, &decisions).expect("as before").hash, back.hash);
    }
}

fn a_moment_that_is_off_by_less_than_was_written(fresh: &Fresh) {
    let decisions = vec![decision(integer(1), vec![instant("2026-11-05T10:00:00Z"), date("2026-11-05")])];
    let layout = layout(&["id"], &["at", "day"], &decisions);
    let (mut place, ticket) = (fresh.place(), ticket("c", 1));
    round(&mut place, &ticket, &layout, &decisions);
    fresh.sql("UPDATE decision SET at = '2026-11-05 10:00:00.5'");
    let error = verify(&mut place, &ticket, &layout, &decisions).expect_err("later");
    assert!(error.what.contains("`at`"), "{error}");
}

fn decisions_other_than_those_written_are_found(fresh: &Fresh) {
    let (layout, decisions) = plain(9);
    let (mut place, ticket) = (fresh.place(), ticket("c", 1));
    write(&mut place, &ticket, &layout, &decisions).expect("written");
    let more = plain(10).1;
    assert!(verify(&mut place, &ticket, &layout, &more).expect_err("more").what.contains("key `10` is missing"));
    assert!(verify(&mut place, &ticket, &layout, &decisions[..8]).expect_err("fewer").what.contains("`9`"));
    let mut place = fresh.place();
    assert!(verify(&mut place, &ticket, &layout, &decisions[1..]).expect_err("fewer").what.contains("`1`"));
}

on_every_engine!(
    every_change_is_found,
    a_moment_that_is_off_by_less_than_was_written,
    decisions_other_than_those_written_are_found,
);
