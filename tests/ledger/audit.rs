//! The audit trail shows every later change.

use recon::ledger::Chain;
use serde_json::json;

use crate::engine::*;

on_each_engine! {
    fn tampering_is_found_where_it_was_done(fresh: Fresh) {
        let mut ledger = fresh.open();
        decided(&mut ledger, &key(1), "kim", "d1");
        ledger.release(&key(1), "lee", "d1", 1).expect("released");
        for n in 0..2_100 {
            if n % 100 == 0 {
                ledger.audit("kim", "noted", &json!({"text": "a \"quote\", 한글 and \0", "n": n})).expect("noted");
            }
        }
        let Ok(Chain::Intact { entries, head }) = ledger.verify_audit() else { panic!("{:?}", ledger.verify_audit()) };
        assert!(entries > 25 && head.len() == 64);
        let broken = |ledger: &mut recon::ledger::Ledger| match ledger.verify_audit().expect("read") {
            Chain::Broken { sequence, .. } => sequence,
            Chain::Intact { .. } => 0,
        };
        for (tamper, undo, at) in [
            ("UPDATE recon_audit SET who = 'lee' WHERE sequence = 3", "UPDATE recon_audit SET who = 'kim' WHERE sequence = 3", 3),
            ("UPDATE recon_audit SET at = '2000-01-01T00:00:00.000Z', what = 'x' WHERE sequence = 5", "", 5),
            ("DELETE FROM recon_audit WHERE sequence = 4", "", 4),
            ("UPDATE recon_audit SET previous = hash WHERE sequence = 2", "", 2),
            ("UPDATE recon_audit SET hash = previous WHERE sequence = 1", "", 1),
        ] {
            fresh.sql(tamper);
            assert_eq!(broken(&mut ledger), at, "{tamper}");
            if !undo.is_empty() {
                fresh.sql(undo);
                assert_eq!(broken(&mut ledger), 0, "{undo}");
            }
        }
    }

    fn a_cut_end_is_found(fresh: Fresh) {
        let mut ledger = fresh.open();
        decided(&mut ledger, &key(1), "kim", "d1");
        let Ok(Chain::Intact { entries, .. }) = ledger.verify_audit() else { panic!("{:?}", ledger.verify_audit()) };
        fresh.sql(&format!("DELETE FROM recon_audit WHERE sequence = {entries}"));
        assert!(matches!(ledger.verify_audit(), Ok(Chain::Broken { sequence, .. }) if sequence == entries));
    }

    fn what_fails_leaves_no_trace_in_the_trail(fresh: Fresh) {
        let mut ledger = fresh.open();
        decided(&mut ledger, &key(1), "kim", "d1");
        let before = ledger.verify_audit().expect("read");
        ledger.release(&key(1), "kim", "d1", 1).expect_err("own work");
        ledger.release(&key(1), "lee", "other", 1).expect_err("changed");
        assert_eq!(ledger.verify_audit().expect("read"), before);
    }
}
