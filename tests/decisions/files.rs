//! Decisions in CSV and Parquet files.

use std::path::{Path, PathBuf};

use recon::decide::Taken;
use recon::decisions::{Place, Ticket};
use recon::domain::Value;
use recon::stores::{ErrorClass, Settings, StoreError};

use crate::given::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn place(path: &Path) -> Place {
    Place::file(path, &[("payout_date".into(), date("2026-11-13"))], &Settings::default()).expect("a place")
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const ENDINGS: [&str; 2] = ["csv", "parquet"];

fn each_kind(test: impl Fn(PathBuf)) {
    for ending in ENDINGS {
        let folder = folder();
        test(folder.path().join(format!("decisions.{ending}")));
    }
}

#[test]
fn values_come_back() {
    each_kind(|path| {
        let decisions = vec![
            held(Value::Null, 6),
            decision(
                text(""),
                vec![
                    number("0"),
                    text(""),
                    date("2026-11-05"),
                    instant("2026-11-05T10:00:00.123456Z"),
                    Value::Bool(true),
                    integer(1),
                ],
            ),
            decision(
                text("10"),
                vec![
                    number("-0.05"),
                    text("it's \"x\",\r\n\ty;\\ \u{1f4b0}\0"),
                    date("0001-01-01"),
                    Value::Null,
                    Value::Bool(false),
                    integer(i64::MIN as i128),
                ],
            ),
            decision(
                text("9"),
                vec![
                    number("99999999999999999999999999999999999.99"),
                    text(" NULL "),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    integer(0),
                ],
            ),
            decision(
                text("PO_2"),
                vec![number("-12.5"), text("NULL"), Value::Null, Value::Null, Value::Null, Value::Null],
            ),
            decision(text("po_2"), vec![Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Null]),
            decision(
                text("po_2 "),
                vec![number("1"), text("1.50"), Value::Null, Value::Null, Value::Null, Value::Null],
            ),
        ];
        let mut layout = layout(&["id"], &["net", "memo", "day", "at", "flag", "n"], &decisions);
        layout.columns[5].whole_digits = 18;
        let mut place = place(&path);
        let (ticket, (key, columns)) = (ticket("payout payout_date=2026-11-13", 1), names(&layout));
        place.check(&ticket, &key, &columns).expect("nothing in the way");
        let back = round(&mut place, &ticket, &layout, &decisions);
        assert_eq!((back.of(Taken::Candidate), back.of(Taken::Held)), (6, 1));
        assert_eq!(back.totals[0].to_string(), "99999999999999999999999999999999988.44");
        // Again, and by a later run.
        assert_eq!(round(&mut place, &ticket, &layout, &decisions).hash, back.hash);
        assert_eq!(
            round(&mut place, &crate::given::ticket("payout payout_date=2026-11-13", 2), &layout, &decisions).hash,
            back.hash
        );
    });
}

#[test]
fn csv_is_written_as_the_contract_says() {
    let folder = folder();
    let path = folder.path().join("out/decisions-{payout_date}.csv");
    let decisions = vec![decision(integer(7), vec![number("1.50"), text("")]), held(text("a,b"), 2)];
    let layout = layout(&["id"], &["net", "the memo"], &decisions);
    let mut place = place(&path);
    write(&mut place, &ticket("payout d=1", 1), &layout, &decisions).expect("written");
    let path = folder.path().join("out/decisions-2026-11-13.csv");
    assert_eq!(
        std::fs::read_to_string(&path).expect("written"),
        "id,net,the memo,recon_source,recon_reason,recon_cycle,recon_run,recon_snapshot\n\
         7,1.50,\"\",candidate,agree,payout d=1,12-1,5ad1\n\
         \"a,b\",,,held,unknown,payout d=1,12-1,5ad1\n"
    );
    assert_eq!(place.label(), path.display().to_string());
    assert!(place.files().contains(&path.as_path()));
    assert_eq!(entries(path.parent().expect("a folder")), ["decisions-2026-11-13.csv", "decisions-2026-11-13.csv.run"]);
}

#[test]
fn names_with_parameters() {
    let of = |name: &str, value: &str| {
        Place::file(Path::new(name), &[("p".into(), text(value))], &Settings::default())
            .map(|place| place.label().to_owned())
    };
    assert_eq!(of("out/{p}-{p}.csv", "x").expect("fits"), "out/x-x.csv");
    for (name, value) in [
        ("{q}.csv", "x"),
        ("{p.csv", "x"),
        ("{p}.csv", "../x"),
        ("{p}.csv", "a/b"),
        ("{p}.csv", ""),
        ("a.txt", "x"),
        ("a", "x"),
        ("{p}", "x"),
    ] {
        assert_eq!(of(name, value).expect_err(name).class, ErrorClass::Usage, "{name} {value}");
    }
}

#[test]
fn another_cycles_file_is_never_overwritten() {
    each_kind(|path| {
        let (layout, decisions) = plain(5);
        let (key, columns) = names(&layout);
        let mut place = place(&path);
        write(&mut place, &ticket("payout d=1", 1), &layout, &decisions).expect("written");
        let before = std::fs::read(&path).expect("written");
        let other = ticket("payout d=2", 1);
        for error in [
            place.check(&other, &key, &columns).expect_err("another cycle's"),
            write(&mut place, &other, &layout, &decisions).expect_err("another cycle's"),
        ] {
            assert_eq!(error.class, ErrorClass::Usage);
            assert!(error.what.contains("`payout d=1`") && error.hint.expect("a hint").contains("{payout_date}"));
        }
        assert_eq!(std::fs::read(&path).expect("there"), before);
    });
}

#[test]
fn what_is_no_file_of_decisions_is_left_alone() {
    for (ending, content) in
        [("csv", "id,net\n1,2\n"), ("csv", "\"broken"), ("csv", ""), ("parquet", "PAR1 no"), ("parquet", "")]
    {
        let folder = folder();
        let path = folder.path().join(format!("d.{ending}"));
        std::fs::write(&path, content).expect("written");
        let (layout, decisions) = plain(5);
        let error = write(&mut place(&path), &ticket("c", 1), &layout, &decisions).expect_err(content);
        assert_eq!(error.class, ErrorClass::Usage, "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), content);
    }
}

#[test]
fn releasing_marks_the_file() {
    each_kind(|path| {
        let (layout, decisions) = plain(5);
        let (mut place, first) = (place(&path), ticket("payout d=1", 1));
        let back = round(&mut place, &first, &layout, &decisions);
        assert!(!place.is_published(&first).expect("asked"));
        for _ in 0..2 {
            publish(&mut place, &first, &back.hash, &layout).expect("published");
            assert!(place.is_published(&first).expect("asked"));
        }
        assert!(publish(&mut place, &first, "another", &layout).is_err());
        let marker = PathBuf::from(format!("{}.released", path.display()));
        let released: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&marker).expect("a marker")).expect("JSON");
        assert_eq!(
            (released["cycle"].as_str(), released["run"].as_str(), released["hash"].as_str()),
            (Some("payout d=1"), Some("12-1"), Some(back.hash.as_str()))
        );
        let foreign = Ticket { origin: "ledger-b".into(), run: "1-1".into(), ..first.clone() };
        for other in [ticket("payout d=1", 2), foreign] {
            assert!(
                write(&mut place, &other, &layout, &decisions).expect_err("released").what.contains("released already")
            );
        }
        // Moved away by its owner, the file may serve the next cycle; what says that it is released goes.
        std::fs::rename(&path, path.with_extension("old")).expect("moved");
        let next = ticket("payout d=2", 1);
        write(&mut place, &next, &layout, &decisions).expect("written");
        assert!(!marker.exists() && !place.is_published(&next).expect("asked"));
    });
}

#[test]
fn the_overtaken_run_leaves_the_file_alone() {
    each_kind(|path| {
        let (layout, decisions) = plain(20_000);
        let fewer = plain(10).1;
        // In the middle, and at the very end.
        for (round, at) in [(1, 5_000), (2, 20_000)] {
            let cycle = "payout d=1";
            let (mut done, early, late) = (false, ticket(cycle, 2 * round), ticket(cycle, 2 * round + 1));
            let error = place(&path).write(&early, &layout, &mut each(&decisions), &mut |count| {
                if count >= at && !done {
                    done = true;
                    write(&mut place(&path), &late, &layout, &fewer).expect("written");
                }
                Ok(())
            });
            let error = error.expect_err("overtaken");
            assert!(error.what.contains("overtaken") && error.what.contains(&late.run), "{error}");
            verify(&mut place(&path), &late, &layout, &fewer).expect("the later run's");
            assert!(
                write(&mut place(&path), &early, &layout, &decisions).expect_err("too late").what.contains("overtaken")
            );
            assert!(publish(&mut place(&path), &early, "x", &layout).is_err());
        }
        assert_eq!(entries(path.parent().expect("a folder")).len(), 2);
    });
}

#[test]
fn what_a_later_run_did_not_finish_is_not_released_in_its_name() {
    each_kind(|path| {
        let (layout, decisions) = plain(10);
        write(&mut place(&path), &ticket("c", 1), &layout, &decisions).expect("written");
        let ended = place(&path)
            .write(&ticket("c", 2), &layout, &mut each(&decisions), &mut |_| Err(StoreError::failed("ended")));
        assert_eq!(ended.expect_err("ended").what, "ended");
        let error = publish(&mut place(&path), &ticket("c", 2), "x", &layout).expect_err("the earlier run's");
        assert!(error.what.contains("does not hold the decisions of run 12-2"), "{error}");
        assert!(verify(&mut place(&path), &ticket("c", 2), &layout, &decisions).is_err());
        assert!(
            publish(&mut place(&path), &ticket("c", 1), "x", &layout)
                .expect_err("overtaken")
                .what
                .contains("overtaken")
        );
    });
}

#[test]
fn an_interrupted_write_leaves_what_was_there() {
    each_kind(|path| {
        let (layout, decisions) = plain(20_000);
        let ticket = ticket("c", 1);
        let stop = |count: u64| if count > 5_000 { Err(StoreError::failed("interrupted")) } else { Ok(()) };
        let error = place(&path).write(&ticket, &layout, &mut each(&decisions), &mut |count| stop(count));
        assert_eq!(error.expect_err("interrupted").what, "interrupted");
        assert!(!path.exists());
        assert_eq!(entries(path.parent().expect("a folder")).len(), 1);
        round(&mut place(&path), &ticket, &layout, &decisions);
    });
}

#[test]
fn every_change_of_a_csv_is_found() {
    let folder = folder();
    let path = folder.path().join("d.csv");
    let (layout, decisions) = plain(9);
    let (key, columns) = names(&layout);
    let (mut place, ticket) = (place(&path), ticket("c", 1));
    let back = round(&mut place, &ticket, &layout, &decisions);
    let good = std::fs::read_to_string(&path).expect("written");
    let line = |at: usize| format!("{}\n", good.lines().nth(at).expect("a line"));
    let swapped = good.replace(&line(2), "#").replace(&line(3), &line(2)).replace('#', &line(3));
    let changes = [
        good.replace("30.00", "30.01"),
        good.replace("30.00", "30.0"),
        good.replace("30.00", "@").replace("40.00", "30.00").replace('@', "40.00"),
        good.replace("30.00", ""),
        good.replace(",ok,candidate,agree,c,12-1,5ad1\n5", ",OK,candidate,agree,c,12-1,5ad1\n5"),
        good.replacen("candidate", "legacy", 1),
        good.replacen("agree", "tolerated", 1),
        good.replacen("12-1", "12-2", 1),
        good.replace(&line(5), ""),
        good.replace(&line(9), ""),
        format!("{good}{}", line(9)),
        swapped,
    ];
    for bad in changes {
        assert_ne!(bad, good);
        std::fs::write(&path, &bad).expect("written");
        assert!(verify(&mut place, &ticket, &layout, &decisions).is_err(), "{bad}");
        if let Ok(read) = place.read(&ticket.run, &key, &columns) {
            assert_ne!(read.hash, back.hash, "{bad}");
        }
    }
}

#[test]
fn what_parquet_cannot_hold_is_refused() {
    let folder = folder();
    let path = folder.path().join("d.parquet");
    for amount in ["1234567890123456789012345678901234567.123", "NaN"] {
        let decisions = vec![decision(integer(1), vec![number(amount)])];
        let layout = layout(&["id"], &["net"], &decisions);
        let error = write(&mut place(&path), &ticket("c", 1), &layout, &decisions).expect_err(amount);
        assert_eq!(error.class, ErrorClass::Usage);
        assert!(error.hint.expect("a hint").contains(".csv"));
        assert!(!path.exists());
    }
}

#[test]
fn a_folder_that_cannot_be_written_to() {
    let folder = folder();
    std::fs::write(folder.path().join("taken"), "").expect("written");
    let path = folder.path().join("taken/d.csv");
    let error = place(&path).check(&ticket("c", 1), &["id".into()], &[]).expect_err("no folder");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("taken"), "{error}");
}
