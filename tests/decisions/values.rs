//! Every value comes back as it was decided.

use recon::decide::{Decision, Taken};
use recon::domain::{Amount, Value};

use crate::given::*;

fn hard_values(fresh: &Fresh) {
    let nines = "9".repeat(35);
    let thirty = "0.000000000000000000000000000001";
    let nasty = "it's a \"quote\", a \\ and\r\n\ta line; \u{1f4b0} ünï";
    let decisions = vec![
        held(Value::Unknown("no number".into()), 7),
        decision(
            text(""),
            vec![
                number("0"),
                text(""),
                date("2026-11-05"),
                instant("2026-11-05T10:00:00.123456Z"),
                Value::Bool(true),
                text("1.50"),
                integer(1),
            ],
        ),
        decision(
            text("10"),
            vec![
                number("-0.00"),
                text(nasty),
                date("1000-01-01"),
                instant("1999-12-31T23:59:59Z"),
                Value::Bool(false),
                text("007"),
                integer(-7),
            ],
        ),
        decision(
            text("9"),
            vec![
                number(&format!("-{nines}.99")),
                text(" lead and trail "),
                Value::Null,
                Value::Null,
                Value::Null,
                text("NULL"),
                integer(i128::from(u64::MAX)),
            ],
        ),
        decision(
            text("PO_2"),
            vec![
                number(&nines),
                text("NULL"),
                date("9999-12-31"),
                instant("2026-11-05T10:00:00Z"),
                Value::Bool(true),
                Value::Null,
                integer(0),
            ],
        ),
        decision(
            text("po_2"),
            vec![number(thirty), Value::Null, Value::Null, Value::Null, Value::Null, text("x"), integer(5)],
        ),
        decision(
            text("po_2 "),
            vec![
                number("-1.5"),
                text("'"),
                Value::Null,
                Value::Null,
                Value::Null,
                text("\\'); DROP TABLE decision; --"),
                Value::Null,
            ],
        ),
        decision(
            text("ünï"),
            vec![Value::Null, text("\\"), Value::Null, Value::Null, Value::Null, text("{\"a\":1}"), Value::Null],
        ),
    ];
    let columns = ["net", "memo", "Day", "at", "flag", "code", "big id"];
    let layout = layout(&["order id"], &columns, &decisions);
    let mut place = fresh.place();
    let ticket = ticket("payout payout_date=2026-11-13", 3);
    let (key, names) = names(&layout);
    place.check(&ticket, &key, &names).expect("nothing in the way");
    let back = round(&mut place, &ticket, &layout, &decisions);
    assert_eq!((back.of(Taken::Candidate), back.of(Taken::Legacy), back.of(Taken::Held)), (7, 0, 1));
    let sum = Amount::parse("-2.489999999999999999999999999999").expect("sum");
    assert!(back.totals[0].same_value(&sum), "{}", back.totals[0]);
    assert_eq!(back.totals[6].to_string(), "18446744073709551614");
    // Written once more by a process of its own, which did not see how it was written.
    let mut other = fresh.place();
    assert_eq!(verify(&mut other, &ticket, &layout, &decisions).expect("verified").hash, back.hash);
}

fn numbers_as_keys_come_back_in_their_order(fresh: &Fresh) {
    let keys = ["-12.5", "-1", "0", "0.001", "2", "10", "10.5", "9999999999999999999999999999.01"];
    let decisions: Vec<Decision> = keys.iter().map(|key| decision(number(key), vec![integer(1)])).collect();
    let layout = layout(&["id"], &["n"], &decisions);
    let back = round(&mut fresh.place(), &ticket("c", 1), &layout, &decisions);
    assert_eq!(back.totals[0].to_string(), "8");
}

fn keys_of_several_kinds(fresh: &Fresh) {
    let two = |a: Value, b: Value| Decision { key: vec![a, b], ..decision(Value::Null, vec![number("1.10")]) };
    let decisions = vec![
        two(Value::Null, text("KRW")),
        two(integer(9), date("2026-01-01")),
        two(integer(10), Value::Bool(true)),
        two(text("a"), instant("2026-01-01T00:00:00.5Z")),
        two(Value::Uuid([7; 16]), Value::ObjectId([1; 12])),
    ];
    let layout = layout(&["id", "what"], &["net"], &decisions);
    let back = round(&mut fresh.place(), &ticket("c", 1), &layout, &decisions);
    assert_eq!(back.totals[0].to_string(), "5.50");
}

fn several_keys_that_nobody_could_read(fresh: &Fresh) {
    let unknown = |why: &str| held(Value::Unknown(why.into()), 1);
    let decisions = vec![
        decision(Value::Null, vec![number("3")]),
        decision(integer(7), vec![number("1")]),
        unknown("a"),
        unknown("b"),
    ];
    let layout = layout(&["id"], &["net"], &decisions);
    let back = round(&mut fresh.place(), &ticket("c", 1), &layout, &decisions);
    assert_eq!(back.of(Taken::Held), 2);
}

fn no_decision_at_all(fresh: &Fresh) {
    let (layout, _) = plain(1);
    let back = round(&mut fresh.place(), &ticket("c", 1), &layout, &[]);
    assert_eq!(back.taken, [0; 3]);
}

fn many_chunks(fresh: &Fresh) {
    let (layout, decisions) = plain(30_000);
    let mut asked = Vec::new();
    let mut place = fresh.place();
    let ticket = ticket("c", 1);
    let count = place.write(&ticket, &layout, &mut each(&decisions), &mut |count| {
        asked.push(count);
        Ok(())
    });
    assert_eq!(count.expect("written"), 30_000);
    assert!(asked.len() > 2 && asked[0] == 0 && asked.is_sorted(), "{asked:?}");
    let back = verify(&mut place, &ticket, &layout, &decisions).expect("verified");
    assert_eq!(back.totals[0].to_string(), "4500150000.00");
}

fn a_value_that_does_not_fit_is_refused(fresh: &Fresh) {
    let (layout, mut decisions) = plain(3);
    decisions[1].values[0] = Value::Unknown("12 bytes that are no decimal".into());
    let error = write(&mut fresh.place(), &ticket("c", 1), &layout, &decisions).expect_err("unknown");
    assert!(error.what.contains("`net`") && error.what.contains("12 bytes"), "{error}");
    let nanos = vec![decision(integer(1), vec![instant("2026-11-05T10:00:00.123456789Z")])];
    let finer = crate::given::layout(&["id"], &["at"], &nanos);
    let mut place = fresh.table("finer");
    let written = write(&mut place, &ticket("c", 1), &finer, &nanos);
    match fresh.kind() {
        // As text every digit is kept.
        "sqlite" => assert!(verify(&mut place, &ticket("c", 1), &finer, &nanos).is_ok()),
        _ => assert!(written.expect_err("too fine").what.contains("more than 6 digits")),
    }
}

on_every_engine!(
    hard_values,
    numbers_as_keys_come_back_in_their_order,
    keys_of_several_kinds,
    several_keys_that_nobody_could_read,
    no_decision_at_all,
    many_chunks,
    a_value_that_does_not_fit_is_refused,
);
