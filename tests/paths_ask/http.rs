//! A calculation API that works: what it is sent, what becomes of its answers, how it is called.

use std::time::{Duration, Instant};

use recon::config::{Hidden, Secret};
use recon::domain::{Amount, NumberForm, Value};
use recon::path::ask::{AskInput, AskSource, HttpSettings, Reference};
use serde_json::json;

use crate::asking::{Place, ask, refused, rows};
use crate::service::{Call, Reply, Service};

pub fn settings(service: &Service) -> HttpSettings {
    HttpSettings { timeout: Duration::from_secs(5), ..HttpSettings::new(Secret::new(service.url())) }
}

pub fn http(input: AskInput, service: &Service) -> AskSource {
    AskSource::http(input, settings(service))
}

fn text(text: &str) -> Value {
    Value::Text { text: text.into(), untyped: false }
}

#[test]
fn every_key_gets_its_answer_and_nobody_is_asked_twice() {
    let place = Place::new();
    let service = Service::start(|call| call.right());
    let mut source = http(place.records(250), &service);
    let came = ask(&mut source);
    came.end.as_ref().expect("all is well");
    // As many keys, in key order, each with its own value.
    assert_eq!(came.rows.len(), 250);
    for (at, (key, net)) in came.rows.iter().enumerate() {
        assert_eq!((key.clone(), net.clone()), ((at + 1).to_string(), format!("text {}.50", at + 1)));
    }
    assert_eq!(service.calls(), 3);
    assert!(!came.opened.fixed_columns && came.opened.ordered && !came.opened.seeks && !came.opened.filters);
    assert!(came.opened.snapshot.how.starts_with("computed by a calculation API"), "{:?}", came.opened.snapshot);
    assert!(came.opened.snapshot.taken_at.is_some());
    assert_eq!(came.opened.estimated_records, Some(250));
    let names: Vec<&str> = came.opened.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["id", "net"]);
    let again = rows(&mut source, "id");
    assert_eq!((again.0, again.1), (came.rows, Ok(())));
    assert_eq!(service.calls(), 3, "reading again asks nobody");
}

#[test]
fn a_call_holds_records_params_and_reference_tables() {
    let place = Place::new();
    let service = Service::start(|_| Reply::Json(200, json!([{"id": 1, "net": 1}]).to_string()));
    let mut input = place.ndjson(
        "{\"id\":1,\"big\":9007199254740993,\"small\":-5,\"gross\":0.10,\"memo\":null,\"on\":true,\"inner\":{\"fee\":1.25,\"n\":[1]}}\n",
        &["id"],
    );
    let amount = |text: &str| Value::Number { amount: Amount::parse(text).unwrap(), form: NumberForm::Decimal };
    input.params = vec![("day".into(), Value::Date(20_000)), ("rate".into(), amount("0.154"))];
    input.reference = vec![Reference {
        name: "holidays".into(),
        label: String::new(),
        rows: vec![Value::Document(vec![("day".into(), Value::Date(20_001)), ("name".into(), text("Chuseok"))])],
        hash: "abc".into(),
    }];
    ask(&mut http(input, &service)).end.expect("all is well");
    assert_eq!(
        service.seen.lock().unwrap()[0],
        json!({
            "schema": "recon.ask/1",
            "params": {"day": "2024-10-04", "rate": "0.154"},
            "reference": {"holidays": [{"day": "2024-10-05", "name": "Chuseok"}]},
            "reference_hash": {"holidays": "abc"},
            "records": [{
                "id": 1, "big": "9007199254740993", "small": -5, "gross": "0.10", "memo": null, "on": true,
                "inner": {"fee": "1.25", "n": [1]},
            }],
        })
    );
}

#[test]
fn amounts_of_answers_keep_every_digit() {
    let place = Place::new();
    let service = Service::start(|_| {
        let body = "[{\"id\":1,\"net\":12345678901234567890.123456789012345678},{\"id\":\"2\",\"net\":\"0.10\"},{\"id\":3.0,\"net\":1e2}]";
        Reply::Json(200, body.into())
    });
    let came = ask(&mut http(place.records(3), &service));
    came.end.expect("all is well");
    let expected = [("1", "decimal 12345678901234567890.123456789012345678"), ("2", "text 0.10"), ("3", "decimal 100")];
    assert_eq!(came.rows, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[test]
fn records_of_one_key_go_in_one_call() {
    let place = Place::new();
    let service = Service::start(|call| {
        let mut sums = std::collections::BTreeMap::<u64, usize>::new();
        call.ids().into_iter().for_each(|id| *sums.entry(id).or_default() += 1);
        let answers: Vec<_> = sums.iter().map(|(id, count)| json!({"id": id, "net": count})).collect();
        Reply::Json(200, json!(answers).to_string())
    });
    // Out of order, so that they must be sorted first; 7 records a key, 3 records a call.
    let lines: String = (0..70).map(|n| format!("{{\"id\":{},\"line\":{n}}}\n", n * 3 % 10)).collect();
    let mut settings = settings(&service);
    settings.batch = 3;
    let came = ask(&mut AskSource::http(place.ndjson(&lines, &["id"]), settings));
    came.end.expect("all is well");
    assert_eq!(came.rows, (0..10).map(|id| (id.to_string(), "integer 7".to_owned())).collect::<Vec<_>>());
    assert_eq!(service.calls(), 10);
}

#[test]
fn no_more_calls_at_a_time_than_asked_for() {
    let place = Place::new();
    let service = Service::start(|call| Reply::Slow(Duration::from_millis(50), Box::new(call.right())));
    let mut settings = settings(&service);
    (settings.batch, settings.concurrency) = (5, 3);
    let start = Instant::now();
    let came = ask(&mut AskSource::http(place.records(300), settings));
    came.end.expect("all is well");
    assert_eq!(came.rows.len(), 300);
    assert_eq!(service.most.load(std::sync::atomic::Ordering::SeqCst), 3);
    // 60 calls of 50 ms one after another would take 3 s.
    assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
}

#[test]
fn text_keys_are_told_apart_letter_by_letter() {
    let place = Place::new();
    let service = Service::start(|call| {
        let records = call.body["records"].as_array().unwrap();
        let answers = records.iter().map(|r| json!({"id": r["id"], "net": r["id"]}));
        // In the wrong order, and one as the number that it looks like.
        let mut answers: Vec<_> = answers.rev().collect();
        answers.iter_mut().filter(|a| a["id"] == "7").for_each(|a| a["id"] = json!(7));
        Reply::Json(200, json!(answers).to_string())
    });
    let keys = ["007", "7", "7.0", "7.00", "é", "a b"];
    let lines: String = keys.iter().map(|key| format!("{{\"id\":\"{key}\"}}\n")).collect();
    let came = ask(&mut http(place.ndjson(&lines, &["id"]), &service));
    came.end.as_ref().expect("all is well");
    let by_key = came.by_key();
    assert_eq!(by_key.len(), keys.len());
    for key in keys {
        assert_eq!(by_key[key], format!("text {key}"));
    }
}

#[test]
fn a_key_of_several_columns_and_of_a_csv_file() {
    let place = Place::new();
    let service = Service::start(|call| {
        let records = call.body["records"].as_array().unwrap();
        let answers = records.iter().map(|r| json!({"currency": r["currency"], "id": r["id"], "net": r["gross"]}));
        Reply::Json(200, json!(answers.collect::<Vec<_>>()).to_string())
    });
    let input = place.csv("gross,currency,id\n1.50,KRW,10\n2.50,USD,10\n3.50,KRW,9\n", &["id", "currency"]);
    let mut source = http(input, &service);
    let opened = recon::stores::Source::open(&mut source, &Default::default()).expect("opens");
    assert_eq!(opened.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "currency", "net"]);
    let reading = crate::reading::read(&mut source, &crate::reading::request(&["id", "currency", "net"], 2));
    assert_eq!(reading.texts(), [["9", "KRW", "3.50"], ["10", "KRW", "1.50"], ["10", "USD", "2.50"]]);
    assert_eq!(service.seen.lock().unwrap()[0]["records"][0], json!({"id": "9", "currency": "KRW", "gross": "3.50"}));
}

#[test]
fn a_field_that_turns_up_late_is_sent_too() {
    let place = Place::new();
    let service = Service::start(|call| {
        let answers: Vec<_> =
            call.body["records"].as_array().unwrap().iter().map(|r| json!({"id": r["id"], "net": r["late"]})).collect();
        Reply::Json(200, json!(answers).to_string())
    });
    let mut lines: String = (1..=1_500).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    lines.push_str("{\"id\":1501,\"late\":5}\n");
    let came = ask(&mut http(place.ndjson(&lines, &["id"]), &service));
    came.end.as_ref().expect("all is well");
    assert_eq!(came.by_key()["1501"], "integer 5");
}

#[test]
fn an_input_without_records_asks_nothing() {
    let place = Place::new();
    let service = Service::start(|call| call.right());
    let came = ask(&mut http(place.ndjson("", &["id"]), &service));
    came.end.expect("all is well");
    assert_eq!((came.rows.len(), service.calls()), (0, 0));
}

#[test]
fn an_input_without_the_key_is_refused() {
    let place = Place::new();
    let service = Service::start(|call| call.right());
    let mut input = place.records(3);
    input.key = vec!["investor_id".into()];
    let error = refused(&mut http(input, &service), "`investor_id`");
    assert!(error.hint.unwrap().contains("id, gross"));
    assert_eq!(service.calls(), 0);
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let place = Place::new();
    for (url, part) in [("ftp://host/x", "http://"), ("settle", "`url`"), ("http://", "`url`")] {
        let settings = HttpSettings::new(Secret::new(url));
        refused(&mut AskSource::http(place.records(1), settings), part);
    }
}

#[test]
fn user_and_password_are_sent_but_never_shown() {
    for (status, part) in [(403, "the API answered 403"), (200, "neither")] {
        quoted(status, part);
    }
}

fn with_headers(service: &Service, headers: &[(&str, &str)]) -> HttpSettings {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Hidden::new(*value))).collect();
    HttpSettings { retries: 0, headers, ..settings(service) }
}

#[test]
fn headers_are_sent_with_every_call() {
    let place = Place::new();
    let service = Service::start(|call| {
        let sent = |line: &str| call.headers.iter().filter(|h| h.eq_ignore_ascii_case(line)).count();
        let right = sent("authorization: Bearer hunter2-token") == 1 && sent("X-Tenant: seoul \"1\"") == 1;
        if right && sent("content-type: application/json") == 1 {
            call.right()
        } else {
            Reply::Json(401, String::new())
        }
    });
    let headers = [("Authorization", "Bearer hunter2-token"), ("X-Tenant", "seoul \"1\"")];
    let came = ask(&mut AskSource::http(place.records(250), with_headers(&service, &headers)));
    came.end.as_ref().expect("all is well");
    assert_eq!((came.unknown().len(), service.calls()), (0, 3));
}

/// The header lines that hold secrets.
fn secret_lines(call: &Call) -> String {
    let lines = call.headers.iter().filter(|h| h.contains("hunter2") || h.contains("nantkey"));
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    assert_eq!(lines.len(), 2, "{:?}", call.headers);
    lines.join(" ")
}

#[test]
fn values_of_headers_are_never_shown() {
    let quoting: [fn(&Call) -> Reply; 6] = [
        |call| Reply::Json(403, secret_lines(call)),
        |call| Reply::Json(200, secret_lines(call)),
        // Where a record of its own says what it was sent, also at the place where a long text is cut.
        |call| Reply::Json(200, json!([{ "id": 1, "error": secret_lines(call) }]).to_string()),
        |_| Reply::Json(200, json!([{ "id": 1, "error": "x".repeat(488) + "Bearer hunter2-token" }]).to_string()),
        |call| Reply::Json(200, json!([{ "no": secret_lines(call) }]).to_string()),
        |call| Reply::Json(200, json!([secret_lines(call)]).to_string()),
    ];
    for (at, quote) in quoting.into_iter().enumerate() {
        let place = Place::new();
        let service = Service::start(quote);
        let headers = [("Authorization", "Bearer hunter2-token"), ("X-Tenant", "te\"nantkey\\worth")];
        let settings = with_headers(&service, &headers);
        assert!(
            !format!("{settings:?}").contains("hunter2") && !format!("{settings:?}").contains("nantkey"),
            "{settings:?}"
        );
        let came = ask(&mut AskSource::http(place.records(1), settings));
        let said = format!("{came:?}");
        for secret in ["hunt", "nantkey", "worth"] {
            assert!(!said.contains(secret), "{at}: {secret} in {said}");
        }
        assert!(said.contains("***") || said.contains("xxx"), "{at}: {said}");
    }
}

#[test]
fn headers_that_cannot_be_sent_are_refused() {
    let place = Place::new();
    let service = Service::start(|call| call.right());
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("", "hunter2")], "is no name of a header"),
        (&[("X Y", "hunter2")], "`X Y` is no name"),
        (&[("X:Y", "hunter2")], "`X:Y` is no name"),
        (&[("Content-Length", "5hunter2")], "recon's own"),
        (&[("X-A", "hunter2"), ("x-a", "hunter2")], "`x-a` stands twice"),
        (&[("X-A", " ")], "empty value"),
        (&[("X-A", "hunter2\r\nX-B: 1")], "cannot be sent"),
        (&[("X-A", "hunter2é")], "cannot be sent"),
        (&[("X-A", "hunter2 ")], "cannot be sent"),
    ];
    for (headers, part) in cases {
        let error = refused(&mut AskSource::http(place.records(1), with_headers(&service, headers)), part);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let both = HttpSettings {
        url: Secret::new(service.url().replace("127", "payer:pw@127")),
        ..with_headers(&service, &[("authorization", "Bearer hunter2")])
    };
    refused(&mut AskSource::http(place.records(1), both), "who asks");
    assert_eq!(service.calls(), 0);
}

/// A service that quotes what it was sent.
fn quoted(status: u16, part: &str) {
    let place = Place::new();
    let service = Service::start(move |call| {
        let body = format!("{} {} {:?}", call.path, call.headers.join(" "), "hunter2");
        Reply::Json(status, body)
    });
    let url = format!("http://payer:p%40ss&word@127.0.0.1:{}/settle?key=hunter2", service.port);
    let settings = HttpSettings { retries: 0, ..HttpSettings::new(Secret::new(url)) };
    let mut source = AskSource::http(place.records(2), settings);
    let came = ask(&mut source);
    let said = format!("{came:?}");
    assert!(said.contains(part), "{said}");
    let header =
        format!("Basic {}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "payer:p@ss&word"));
    for secret in ["hunter2", "p@ss&word", "p%40ss", &header] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    assert!(said.contains("/settle?***"), "{said}");
    assert!(status == 200 || said.contains("authorization: ***"), "it was sent: {said}");
}
