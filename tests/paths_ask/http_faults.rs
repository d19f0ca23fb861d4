//! A calculation API that fails in every way: exactly the affected records are unknown, and the run ends in time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use recon::path::ask::AskSource;
use serde_json::json;

use crate::asking::{Came, Place, ask};
use crate::http::{http, settings};
use crate::service::{Call, Reply, Service};

/// About 3 % of the ids from 1 to `count`.
fn bad(count: u64) -> Vec<u64> {
    (1..=count).filter(|id| is_bad(*id)).collect()
}

fn is_bad(id: u64) -> bool {
    id % 33 == 7
}

/// The right answer with numbers, as the shared check wants it.
fn right(call: &Call) -> Reply {
    Reply::Json(200, format!("{{\"records\":[{}]}}", elements(call).join(",")))
}

fn elements(call: &Call) -> Vec<String> {
    call.ids().iter().map(|id| format!("{{\"id\":{id},\"net\":{id}.50}}")).collect()
}

/// Asks about 200 records; calls that hold a bad record get `reply`.
fn with_bad_records(reply: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Came {
    let place = Place::new();
    let service =
        Service::start(move |call| if call.ids().into_iter().any(is_bad) { reply(call) } else { right(call) });
    let mut settings = settings(&service);
    (settings.batch, settings.retries, settings.timeout) = (50, 1, Duration::from_millis(400));
    let came = ask(&mut AskSource::http(place.records(200), settings));
    came.exactly_unknown(200, &bad(200));
    came.end.as_ref().expect("every record has its outcome");
    came
}

#[test]
fn a_record_that_the_service_refuses_spoils_no_neighbour() {
    let came = with_bad_records(|_| Reply::Json(422, "{\"detail\":\"unknown\tmerchant\"}".into()));
    assert_eq!(came.reason("7"), "the API answered 422: {\"detail\":\"unknown merchant\"}");
}

#[test]
fn a_record_that_breaks_the_service_spoils_no_neighbour() {
    let came = with_bad_records(|_| Reply::Json(500, String::new()));
    assert_eq!(came.reason("7"), "the API answered 500 (tried 2 times)");
}

#[test]
fn garbage_spoils_no_neighbour() {
    let came = with_bad_records(|_| Reply::Json(200, "<html>busy</html>".into()));
    assert!(
        came.reason("7").contains("neither {\"records\":[…]} nor an array: `<html>busy</html>`"),
        "{}",
        came.reason("7")
    );
    with_bad_records(|_| Reply::Json(200, "{\"result\":[]}".into()));
    with_bad_records(|_| Reply::Json(200, "[{\"id\":7,\"net\":1".into()));
    with_bad_records(|_| Reply::Json(204, String::new()));
}

#[test]
fn an_answer_that_is_no_text_spoils_no_neighbour() {
    // The last byte of a two-byte letter is cut off by the length that is said.
    let came = with_bad_records(|_| Reply::With(200, "[\"é\"]".into(), "content-length: 3\r\n".into()));
    assert!(came.reason("7").contains("not valid UTF-8") || came.reason("7").contains("HTTP"), "{}", came.reason("7"));
}

#[test]
fn a_connection_that_closes_spoils_no_neighbour() {
    let came = with_bad_records(|_| Reply::Close);
    assert!(came.reason("7").contains("broke off"), "{}", came.reason("7"));
    let came = with_bad_records(|call| Reply::Half(format!("[{}]", elements(call).join(","))));
    assert!(came.reason("7").contains("broke off"), "{}", came.reason("7"));
}

#[test]
fn a_record_that_takes_for_ever_spoils_no_neighbour() {
    let came = with_bad_records(|call| Reply::Slow(Duration::from_secs(2), Box::new(right(call))));
    assert_eq!(came.reason("7"), "no answer within 400 ms");
}

#[test]
fn what_passes_when_tried_again_is_tried_again() {
    let place = Place::new();
    let service = Service::start(|call| match call.number {
        1 => Reply::Json(500, String::new()),
        2 => Reply::Close,
        3 => Reply::Json(503, String::new()),
        _ => right(call),
    });
    let came = ask(&mut http(place.records(100), &service));
    came.exactly_unknown(100, &[]);
    assert_eq!(service.calls(), 4);
}

#[test]
fn a_service_that_asks_for_a_pause_gets_it() {
    let place = Place::new();
    let service = Service::start(|call| match call.number {
        1 => Reply::With(429, String::new(), "retry-after: 1\r\n".into()),
        _ => right(call),
    });
    let start = Instant::now();
    ask(&mut http(place.records(10), &service)).exactly_unknown(10, &[]);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(service.calls(), 2);
}

#[test]
fn a_refusal_is_not_tried_again() {
    let place = Place::new();
    let service = Service::start(|_| Reply::Json(400, String::new()));
    ask(&mut http(place.records(1), &service)).exactly_unknown(1, &[1]);
    assert_eq!(service.calls(), 1);
}

#[test]
fn errors_missing_and_several_answers_are_told_apart() {
    let place = Place::new();
    let service = Service::start(|_| {
        let body = json!([
            {"id": 1, "net": 1},
            {"id": 2, "error": "contract ended"},
            {"id": 4, "net": 4}, {"id": 4, "net": 4},
            {"id": 5, "net": 5, "error": null},
            {"id": 6, "error": ""},
            {"id": 7, "error": {"code": 3}},
            {"id": 99, "net": 99},
        ]);
        let body = body.to_string().replace("{\"id\":1,", "{\"id\":8,\"net\":1,\"net\":2},{\"id\":1,");
        Reply::Json(200, body)
    });
    let came = ask(&mut http(place.records(8), &service));
    came.end.as_ref().expect("every key has its outcome");
    let expected = [
        ("1", "integer 1"),
        ("2", "unknown contract ended"),
        ("3", "unknown the API's answer does not hold this key"),
        ("4", "integer 4"),
        ("4", "integer 4"),
        ("5", "integer 5"),
        ("6", "unknown the answer is an error without a text"),
        ("7", "unknown {\"code\":3}"),
        ("8", "unknown malformed answer: the field `net` stands twice"),
        ("99", "unknown an answer came for this key, which was never asked for"),
    ];
    assert_eq!(came.rows, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    assert!(came.opened.columns.iter().all(|c| c.name != "error"));
}

#[test]
fn an_answer_without_a_key_ends_the_side_with_an_error() {
    for (element, part) in [
        ("{\"net\":1}", "has no key field `id`"),
        ("17", "is no JSON object"),
        ("{\"id\":{\"a\":1},\"net\":1}", "is no key"),
        ("{\"id\":1,\"id\":2,\"net\":1}", "the key field `id` stands twice"),
    ] {
        let place = Place::new();
        let body = format!("[{{\"id\":1,\"net\":1.50}},{element}]");
        let service = Service::start(move |_| Reply::Json(200, body.clone()));
        let came = ask(&mut http(place.records(2), &service));
        came.exactly_unknown(2, &[2]);
        assert!(came.error().contains("element 2 of an answer: ") && came.error().contains(part), "{}", came.error());
    }
}

#[test]
fn an_answer_in_the_wrong_call_is_not_taken_for_the_right_one() {
    let place = Place::new();
    // The first call is answered with the key of the second, the second with nothing.
    let service = Service::start(|call| match call.ids()[..] {
        [1] => Reply::Json(200, "[{\"id\":1,\"net\":1.50},{\"id\":2,\"net\":1.50}]".into()),
        _ => Reply::Json(200, "[]".into()),
    });
    let mut settings = settings(&service);
    settings.batch = 1;
    let came = ask(&mut AskSource::http(place.records(2), settings));
    came.exactly_unknown(2, &[2]);
    assert!(came.reason("2").contains("did not ask for this key"), "{}", came.reason("2"));
}

#[test]
fn a_service_that_dies_leaves_the_rest_unknown_and_the_run_ends() {
    let place = Place::new();
    let service = Service::start(|call| if call.number <= 3 { right(call) } else { Reply::Die });
    let mut settings = settings(&service);
    (settings.batch, settings.concurrency) = (10, 1);
    let start = Instant::now();
    let came = ask(&mut AskSource::http(place.records(5_000), settings));
    came.exactly_unknown(5_000, &(31..=5_000).collect::<Vec<_>>());
    assert!(came.reason("5000").starts_with("not asked: 20 records in a row got no answer"), "{}", came.reason("5000"));
    assert!(came.error().contains("gives no usable answers"), "{}", came.error());
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn a_service_that_was_never_there_is_unknown_throughout() {
    let place = Place::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings =
        recon::path::ask::HttpSettings::new(recon::config::Secret::new(format!("http://127.0.0.1:{port}")));
    settings.retries = 1;
    let came = ask(&mut AskSource::http(place.records(1_000), settings));
    came.exactly_unknown(1_000, &(1..=1_000).collect::<Vec<_>>());
    assert!(came.error().contains("refused the connection"), "{}", came.error());
    // Nothing is known of the columns: the other side's are then compared with nothing but unknown values.
    assert!(came.opened.columns.is_empty());
}

#[test]
fn a_run_ends_within_its_time() {
    let place = Place::new();
    let service = Service::start(|call| Reply::Slow(Duration::from_millis(300), Box::new(right(call))));
    let mut settings = settings(&service);
    (settings.batch, settings.concurrency, settings.run_timeout) = (10, 2, Duration::from_secs(1));
    let start = Instant::now();
    let came = ask(&mut AskSource::http(place.records(1_000), settings));
    assert!(start.elapsed() < Duration::from_millis(1_800), "{:?}", start.elapsed());
    let unknown = came.unknown().len();
    assert!((900..1_000).contains(&unknown), "{unknown}");
    assert!(came.reason("1000").contains("the run's time of 1 s was over"), "{}", came.reason("1000"));
    assert!(came.error().contains("the run's time of 1 s was over"), "{}", came.error());
    assert!(came.rows.iter().all(|(key, net)| net == &format!("decimal {key}.50") || net.starts_with("unknown ")));
}

#[test]
fn a_user_who_interrupts_is_heard() {
    let place = Place::new();
    let service = Service::start(|call| Reply::Slow(Duration::from_millis(50), Box::new(right(call))));
    let mut settings = settings(&service);
    settings.batch = 1;
    let input = place.records(1_000);
    let stop = input.stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stop.stop.store(true, Ordering::SeqCst);
    });
    let start = Instant::now();
    let error =
        recon::stores::Source::open(&mut AskSource::http(input, settings), &Default::default()).expect_err("stops");
    assert_eq!(error.class, recon::stores::ErrorClass::Stopped);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn an_input_value_that_cannot_be_read_is_not_computed_from() {
    let place = Place::new();
    let service = Service::start(|call| {
        let answers: Vec<_> = call.ids().iter().map(|id| json!({"id": id, "net": 1})).collect();
        Reply::Json(200, json!(answers).to_string())
    });
    let lines = "{\"id\":1,\"gross\":1}\n{\"id\":2,\"gross\":{\"$numberDecimal\":\"x\"}}\n{\"id\":3,\"gross\":[{\"$minKey\":1}]}\n";
    let came = ask(&mut http(place.ndjson(lines, &["id"]), &service));
    came.end.as_ref().expect("every key has its outcome");
    assert_eq!(came.unknown(), ["2", "3"]);
    assert!(
        came.reason("2").starts_with("not asked: the input field `gross` could not be read:"),
        "{}",
        came.reason("2")
    );
    assert_eq!(service.seen.lock().unwrap()[0]["records"].as_array().unwrap().len(), 1);
}

#[test]
fn an_input_that_cannot_be_read_to_its_end_is_not_computed_from() {
    let place = Place::new();
    let service = Service::start(right);
    let mut source = http(place.ndjson("{\"id\":1,\"gross\":1.5}\n{\"id\":2,\"gr", &["id"]), &service);
    let error = recon::stores::Source::open(&mut source, &Default::default()).expect_err("fails");
    assert!(error.what.contains("nothing was asked") && error.what.contains("input.ndjson:2"), "{error}");
    assert_eq!(service.calls(), 0);
}
