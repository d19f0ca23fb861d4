//! `recon ledger migrate|status|prune`.

use crate::support::Place;

#[test]
fn migrate_status_and_prune() {
    let place = Place::new();
    place.write("recon.toml", "");
    let before = place.recon(&["ledger", "status"]);
    assert!(before.code == Some(0) && before.stdout.contains("no schema yet"), "{before}");
    let migrated = place.recon(&["ledger", "migrate"]);
    assert!(migrated.code == Some(0) && migrated.stdout.contains("migrated from schema 0 to 4"), "{migrated}");
    let after = place.recon(&["ledger", "status"]);
    assert!(after.stdout.contains("schema 4, the newest") && after.stdout.contains("audit trail empty"), "{after}");
    let json = place.recon(&["ledger", "status", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&json["version"], &json["audit"]["intact"]), (&4.into(), &true.into()));
    let pruned = place.recon(&["ledger", "prune", "--before", "2020-01-01", "--by", "kim"]);
    assert!(pruned.code == Some(0) && pruned.stdout.contains("deleted 0 discrepancies"), "{pruned}");
    let wrong = place.recon(&["ledger", "prune", "--before", "then", "--by", "kim"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("`then` is no date"), "{wrong}");
    crate::support::sqlite(
        &place.path().join("recon.db"),
        "INSERT INTO recon_audit VALUES (1, '', 'x', 'x', '{}', '', ''); UPDATE recon_audit_head SET sequence = 1",
    );
    let broken = place.recon(&["ledger", "status"]);
    assert!(broken.code == Some(1) && broken.stdout.contains("audit trail BROKEN at entry 1"), "{broken}");
}

#[test]
fn a_ledger_that_cannot_be_reached() {
    let place = Place::new();
    place.write("recon.toml", "[ledger]\nurl = \"postgres://recon:hunter2@127.0.0.1:1/ledger\"\n");
    for action in ["migrate", "status"] {
        let outcome = place.recon(&["ledger", action]);
        assert!(outcome.code == Some(3) && outcome.stderr.contains("cannot be reached"), "{outcome}");
        assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
    }
}
