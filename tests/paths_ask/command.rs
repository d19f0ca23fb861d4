//! A program that works: what it is given, in which order it may answer, what is kept.

use std::os::unix::fs::PermissionsExt;

use recon::domain::Value;
use recon::path::ask::{AskSource, Reference};

use crate::asking::{Place, ask, refused, rows};

/// Answers each line as it comes.
pub const EACH: &str = r#"
import json, sys
for line in sys.stdin:
    record = json.loads(line)
    print('{"id":%d,"net":%s}' % (record["id"], record["gross"]))
"#;

#[test]
fn every_key_gets_its_answer_and_the_program_runs_once() {
    let place = Place::new();
    let settings = place.shell("echo run >> \"$0.runs\"; sed 's/\"gross\":\"\\(.*\\)\"/\"net\":\\1/'");
    let mut source = AskSource::command(place.records(3_000), settings);
    let came = ask(&mut source);
    came.exactly_unknown(3_000, &[]);
    came.end.as_ref().expect("all is well");
    assert!(came.opened.snapshot.how.starts_with("computed by a program"));
    assert_eq!(rows(&mut source, "id"), (came.rows, Ok(())));
    assert_eq!(std::fs::read_to_string(place.path().join("calc.sh.runs")).unwrap(), "run\n");
}

#[test]
fn answers_may_come_in_any_order() {
    let place = Place::new();
    let text = r#"
import json, random, sys
records = [json.loads(line) for line in sys.stdin]
random.Random(7).shuffle(records)
for record in records:
    print('\n{"net":%s,"id":"%d"}  ' % (record["gross"], record["id"]))
sys.stdout.write("")
"#;
    // So little memory that everything goes through the disk.
    let mut input = place.records(5_000);
    input.memory = 1 << 18;
    let came = ask(&mut AskSource::command(input, place.python(text)));
    came.exactly_unknown(5_000, &[]);
    came.end.expect("all is well");
}

#[test]
fn a_last_line_needs_no_newline() {
    let place = Place::new();
    let came =
        ask(&mut AskSource::command(place.records(1), place.shell("cat >/dev/null; printf '{\"id\":1,\"net\":1.50}'")));
    came.exactly_unknown(1, &[]);
    came.end.expect("all is well");
}

#[test]
fn params_and_reference_tables_are_handed_on() {
    let place = Place::new();
    let text = r#"
import json, os, stat, sys
sys.stdin.read()
holidays = os.environ["RECON_INPUT_HOLIDAYS_2026"]
mode = stat.S_IMODE(os.stat(os.path.dirname(holidays)).st_mode)
print(json.dumps({"id": 1, "net": [
    json.loads(os.environ["RECON_PARAMS"]), os.environ["RECON_PARAM_PAYOUT_DATE"], os.environ["RECON_PARAM_NOTE"],
    os.environ["RECON_INPUT_HOLIDAYS_2026_HASH"], [json.loads(line) for line in open(holidays)], oct(mode),
    "PATH" in os.environ, os.getcwd(),
]}, ensure_ascii=False))
print(holidays, file=open("where", "w"))
"#;
    let mut input = place.records(1);
    let text_of = |text: &str| Value::Text { text: text.into(), untyped: false };
    input.params = vec![("payout_date".into(), Value::Date(20_000)), ("note".into(), text_of("a \"b\" é"))];
    input.reference = vec![Reference {
        name: "holidays 2026".into(),
        label: String::new(),
        rows: (0..2).map(|n| Value::Document(vec![("day".into(), Value::Date(20_001 + n))])).collect(),
        hash: "abc".into(),
    }];
    let mut settings = place.python(text);
    settings.folder = Some(place.path().to_owned());
    let came = ask(&mut AskSource::command(input, settings));
    came.end.as_ref().expect("all is well");
    let folder = place.path().canonicalize().unwrap();
    assert_eq!(
        came.rows[0].1,
        format!(
            "array [{{\"payout_date\":\"2024-10-04\",\"note\":\"a \\\"b\\\" é\"}},\"2024-10-04\",\"a \\\"b\\\" é\",\"abc\",\
             [{{\"day\":\"2024-10-05\"}},{{\"day\":\"2024-10-06\"}}],\"0o700\",true,\"{}\"]",
            folder.display()
        )
    );
    let table = std::fs::read_to_string(place.path().join("where")).unwrap();
    assert!(!std::path::Path::new(table.trim()).exists(), "the tables go with the program");
}

#[test]
fn names_that_would_become_one_variable_are_refused() {
    let place = Place::new();
    let mut input = place.records(1);
    input.params = vec![("a-b".into(), Value::Null), ("a_b".into(), Value::Null)];
    refused(&mut AskSource::command(input, place.shell("cat")), "`RECON_PARAM_A_B`");
}

#[test]
fn a_program_that_is_not_there_is_refused_before_anything_is_read() {
    let place = Place::new();
    let command = |name: &str| recon::path::ask::CommandSettings::new(vec![name.to_owned()]);
    refused(
        &mut AskSource::command(place.records(1), command("no-such-program-of-recon")),
        "`no-such-program-of-recon`",
    );
    refused(&mut AskSource::command(place.records(1), command("")), "empty");
    let path = place.write("calc", "#!/bin/sh\ncat\n");
    let error =
        refused(&mut AskSource::command(place.records(1), command(path.to_str().unwrap())), "could not be started");
    assert!(error.hint.unwrap().contains("executable"));
    // A relative path is one below the folder.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(&path, "#!/bin/sh\nsed 's/gross/net/'\n").unwrap();
    let mut settings = command("./calc");
    settings.folder = Some(place.path().to_owned());
    let came = ask(&mut AskSource::command(place.records(2), settings));
    assert_eq!(came.rows, [("1", "text 1.50"), ("2", "text 2.50")].map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[test]
fn a_program_may_answer_before_it_has_read_everything() {
    let place = Place::new();
    // More output than any pipe holds, before a single record is read; then more input than any pipe holds.
    let text = format!(
        "{}\n{}",
        "import sys\nfor id in range(1, 20001): print('{\"id\":%d,\"net\":%d.50,\"pad\":\"%s\"}' % (id, id, 'x' * 200))",
        "sys.stdout.flush()\nsys.stdin.read()"
    );
    let came = ask(&mut AskSource::command(place.records(20_000), place.python(&text)));
    came.exactly_unknown(20_000, &[]);
    came.end.expect("all is well");
}

#[test]
fn a_program_that_answers_slowly_but_steadily_does_not_hang() {
    let place = Place::new();
    let mut settings = place
        .shell("while read -r line; do sleep 0.1; echo \"$line\" | sed 's/\"gross\":\"\\(.*\\)\"/\"net\":\\1/'; done");
    settings.timeout = std::time::Duration::from_secs(1);
    let came = ask(&mut AskSource::command(place.records(20), settings));
    came.exactly_unknown(20, &[]);
    came.end.expect("all is well");
}

#[test]
fn the_program_in_the_documentation_works() {
    let place = Place::new();
    let documentation = include_str!("../../docs/asking.md");
    let program =
        documentation.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
    let lines = "{\"merchant\":\"bakery\",\"amount\":12.50}\n{\"merchant\":\"kiosk\",\"amount\":null}\n{\"merchant\":\"bakery\",\"amount\":7.50}\n";
    let mut input = place.ndjson(lines, &["merchant"]);
    input.params = vec![("rate".into(), Value::Text { text: "0.01".into(), untyped: false })];
    let mut source = AskSource::command(input, place.python(program));
    recon::stores::Source::open(&mut source, &Default::default()).expect("opens");
    let (rows, end) = rows(&mut source, "merchant");
    end.expect("all is well");
    assert_eq!(rows[0], ("bakery".to_owned(), "text 19.79".to_owned()));
    assert!(rows[1].1.starts_with("unknown TypeError: "), "{rows:?}");
}

/// Highest memory of this process so far, in KiB. nextest runs every test in a process of its own.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn memory_does_not_grow_with_the_records() {
    let place = Place::new();
    let run = |count: u64| {
        let mut input = place.records(0);
        let path = place.path().join("input.ndjson");
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        for id in 1..=count {
            use std::io::Write;
            writeln!(file, "{{\"id\":{id},\"gross\":{id}.50,\"memo\":\"{}\"}}", "x".repeat(100)).unwrap();
        }
        drop(file);
        input.memory = 1 << 20;
        let mut source = AskSource::command(input, place.shell("exec cat"));
        recon::stores::Source::open(&mut source, &Default::default()).expect("opens");
        peak()
    };
    let (few, many) = (run(15_000), run(60_000));
    assert!(many < few + 4_000, "{few} KiB for 15,000 records, {many} KiB for 60,000");
}
