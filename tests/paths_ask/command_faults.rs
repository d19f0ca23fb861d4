//! A program that fails in every way: what it answered is kept, the rest is unknown, and the side says why.

use std::time::{Duration, Instant};

use recon::path::ask::AskSource;

use crate::asking::{Came, Place, ask};
use crate::command::EACH;

/// Answers ids 1 to 3 and then does `then`, in Python.
fn three_and_then(then: &str) -> Came {
    let place = Place::new();
    let text = format!(
        "{}    sys.stdout.flush()\n    if record[\"id\"] == 3:\n        {then}\n",
        EACH.trim_end().to_owned() + "\n"
    );
    let mut settings = place.python(&format!("import os, signal, time\n{text}"));
    settings.timeout = Duration::from_secs(2);
    ask(&mut AskSource::command(place.records(10), settings))
}

const REST: [u64; 7] = [4, 5, 6, 7, 8, 9, 10];

#[test]
fn an_exit_code_keeps_the_answers_until_then() {
    let came = three_and_then("print('no contract\\nfor 4', file=sys.stderr); sys.exit(3)");
    came.exactly_unknown(10, &REST);
    assert!(
        came.reason("4").contains("gave no answer for this key; it ended with exit code 3"),
        "{}",
        came.reason("4")
    );
    assert!(came.error().contains("ended with exit code 3 (answers until then: 3)"), "{}", came.error());
    assert!(came.error().contains("its last lines on stderr: no contract | for 4"), "{}", came.error());
}

#[test]
fn an_exit_code_after_the_last_answer_is_an_error_too() {
    let place = Place::new();
    let came = ask(&mut AskSource::command(place.records(3), place.python(&format!("{EACH}\nsys.exit(1)"))));
    came.exactly_unknown(3, &[]);
    assert!(came.error().contains("exit code 1"), "{}", came.error());
}

#[test]
fn a_signal_is_named() {
    let came = three_and_then("os.kill(os.getpid(), signal.SIGKILL)");
    came.exactly_unknown(10, &REST);
    assert!(came.error().contains("ended with signal 9 SIGKILL"), "{}", came.error());
}

#[test]
fn a_hang_is_ended_together_with_what_the_program_started() {
    let place = Place::new();
    let pid = place.path().join("pid");
    let mut settings = place.shell(&format!(
        "head -n 1 | sed 's/\"gross\":\"\\(.*\\)\"/\"net\":\\1/'; sleep 600 & echo $! > {}; wait",
        pid.display()
    ));
    settings.timeout = Duration::from_millis(700);
    let start = Instant::now();
    let came = ask(&mut AskSource::command(place.records(3), settings));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    came.exactly_unknown(3, &[2, 3]);
    assert!(came.error().contains("neither took a record nor gave an answer for 700 ms"), "{}", came.error());
    let child = std::fs::read_to_string(pid).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "still there: {state}");
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    let place = Place::new();
    let mut settings = place.shell("while true; do echo; echo '{\"id\":1,\"net\":1.50}'; sleep 0.05; done");
    settings.run_timeout = Duration::from_millis(600);
    let start = Instant::now();
    let came = ask(&mut AskSource::command(place.records(1), settings));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert!(came.error().contains("the run's time of 600 ms was over"), "{}", came.error());
    assert!(came.rows.len() > 1, "every answer for a key is kept: a duplicate is a finding");
}

#[test]
fn a_half_written_last_line_is_no_answer() {
    let came = three_and_then("sys.stdout.write('{\"id\":4,\"net\":4.5'); sys.stdout.flush(); os._exit(0)");
    came.exactly_unknown(10, &REST);
    assert!(
        came.error().contains("line 4 of its output: `{\"id\":4,\"net\":4.5` is no JSON object"),
        "{}",
        came.error()
    );
}

#[test]
fn garbage_between_answers_is_named_and_the_rest_goes_on() {
    let place = Place::new();
    let text = EACH.replace("    print", "    if record['id'] in (2, 4): print('DEBUG here')\n    print");
    let came = ask(&mut AskSource::command(place.records(5), place.python(&text)));
    came.exactly_unknown(5, &[]);
    assert!(
        came.error().contains("2 answers cannot be assigned to a key, the first: line 2 of its output: `DEBUG here"),
        "{}",
        came.error()
    );
}

#[test]
fn output_that_is_no_text_is_named() {
    let place = Place::new();
    let came = ask(&mut AskSource::command(
        place.records(2),
        place.shell("cat >/dev/null; printf '{\"id\":1,\"net\":1.50}\\n{\"id\":2,\"net\":\"\\377\"}\\n'"),
    ));
    came.exactly_unknown(2, &[2]);
    assert!(came.error().contains("line 2 of its output is not valid UTF-8"), "{}", came.error());
}

#[test]
fn a_line_without_end_is_bounded() {
    let place = Place::new();
    let text = "import sys\nsys.stdin.read()\nprint('{\"id\":1,\"net\":1.50}')\nsys.stdout.write('x' * (40 << 20))\nprint()\nprint('{\"id\":2,\"net\":2.50}')";
    let came = ask(&mut AskSource::command(place.records(2), place.python(text)));
    came.exactly_unknown(2, &[]);
    assert!(came.error().contains("line 2 of its output is longer than 16 MiB"), "{}", came.error());
}

#[test]
fn a_program_that_does_not_read_its_input() {
    let place = Place::new();
    // More than a pipe holds, so that the writing is refused.
    let came =
        ask(&mut AskSource::command(place.records(20_000), place.shell("exec 0<&-; echo '{\"id\":1,\"net\":1.50}'")));
    came.exactly_unknown(20_000, &(2..=20_000).collect::<Vec<_>>());
    assert!(came.error().contains("stopped reading after about"), "{}", came.error());
    // Less than a pipe holds: nobody notices, but nobody answers either.
    let came = ask(&mut AskSource::command(place.records(2), place.shell("true")));
    came.exactly_unknown(2, &[1, 2]);
    assert!(came.reason("1").contains("gave no answer for this key; it ended in good order"), "{}", came.reason("1"));
}

#[test]
fn a_program_that_answers_everything_without_reading_it_all_has_not_computed_it() {
    let place = Place::new();
    let text = "for i in $(seq 1 20000); do echo \"{\\\"id\\\":$i,\\\"net\\\":$i.50}\"; done; exec 0<&-";
    let came = ask(&mut AskSource::command(place.records(20_000), place.shell(text)));
    came.exactly_unknown(20_000, &[]);
    assert!(came.error().contains("stopped reading"), "{}", came.error());
}

#[test]
fn missing_repeated_and_unasked_answers() {
    let place = Place::new();
    let text = r#"
import json, sys
for line in sys.stdin:
    id = json.loads(line)["id"]
    if id == 2: continue
    if id == 3: print('{"id":3,"error":"no contract at 2026-05-01"}'); continue
    print('{"id":%d,"net":%d.50}' % (id, id))
    if id == 4: print('{"id":4,"net":0}')
    if id == 5: print('{"id":55,"net":55.50}')
"#;
    let came = ask(&mut AskSource::command(place.records(6), place.python(text)));
    came.end.as_ref().expect("every key has its outcome");
    let expected = [
        ("1", "decimal 1.50"),
        ("2", "unknown `python3` gave no answer for this key; it ended in good order"),
        ("3", "unknown no contract at 2026-05-01"),
        ("4", "decimal 4.50"),
        ("4", "integer 0"),
        ("5", "decimal 5.50"),
        ("6", "decimal 6.50"),
        ("55", "unknown an answer came for this key, which was never asked for"),
    ];
    assert_eq!(came.rows, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[test]
fn a_process_left_behind_does_not_hold_the_run() {
    let place = Place::new();
    let start = Instant::now();
    let came = ask(&mut AskSource::command(
        place.records(1),
        place.shell("sed 's/\"gross\":\"\\(.*\\)\"/\"net\":\\1/'; sleep 600 &"),
    ));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    came.exactly_unknown(1, &[]);
}

#[test]
fn stderr_keeps_its_last_lines_only() {
    let place = Place::new();
    let came = ask(&mut AskSource::command(
        place.records(1),
        place.shell("for i in $(seq 1 5000); do echo \"line $i of the log\" >&2; done; exit 9"),
    ));
    came.exactly_unknown(1, &[1]);
    let said = came.error();
    assert!(said.contains("line 4981 of the log") && said.contains("line 5000 of the log"), "{said}");
    assert!(!said.contains("line 4980 of the log"), "{said}");
}

#[test]
fn a_user_who_interrupts_is_heard() {
    let place = Place::new();
    let pid = place.path().join("pid");
    let input = place.records(1);
    let stop = input.stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        stop.stop.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    let settings = place.shell(&format!("echo $$ > {}; sleep 600", pid.display()));
    let start = Instant::now();
    let error =
        recon::stores::Source::open(&mut AskSource::command(input, settings), &Default::default()).expect_err("stops");
    assert_eq!(error.class, recon::stores::ErrorClass::Stopped);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let child = std::fs::read_to_string(pid).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", child.trim())).exists(), "it was stopped too");
}
