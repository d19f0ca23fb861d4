//! What goes wrong: wrong requests, lost connections, silence; and the snapshot.

use super::*;

#[test]
fn a_wrong_request_is_told_from_a_failing_store() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY)");
    let settings = Settings { connect_timeout: Duration::from_secs(2), ..Settings::default() };
    let target = Target { table: Some("t".into()), ..Target::default() };
    let fails = |url: &url::Url, target: &Target| {
        let error = open(&mut MySqlSource::new(url.clone(), target.clone(), settings.clone())).expect_err("fails");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        assert!(error.hint.is_some(), "{error:?}");
        error
    };

    let mut url = database.url();
    url.set_username("recon_nobody").expect("user");
    url.set_password(Some("s3cret")).expect("password");
    let start = Instant::now();
    let denied = fails(&url, &target);
    assert_eq!(denied.class, ErrorClass::Failed);
    assert!(denied.what.contains("recon_nobody") && !denied.what.contains("attempts"), "{denied}");
    assert!(start.elapsed() < Duration::from_millis(900), "a wrong password is not tried again");

    let mut url = database.url();
    url.set_path("recon_no_such_database");
    let unknown = fails(&url, &target);
    assert_eq!(unknown.class, ErrorClass::Usage);
    assert!(unknown.what.contains("recon_no_such_database"));

    let nothing = Target { table: Some("nothing".into()), ..Target::default() };
    let table = fails(&database.url(), &nothing);
    assert_eq!(table.class, ErrorClass::Usage);
    assert!(table.what.contains("nothing"));
    assert_eq!(fails(&database.url(), &Target::default()).class, ErrorClass::Usage);

    // A port that nobody listens on: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
    let url = url::Url::parse(&format!("mysql://root:s3cret@127.0.0.1:{free}/x")).expect("url");
    let start = Instant::now();
    let unreachable = fails(&url, &target);
    assert_eq!(unreachable.class, ErrorClass::Failed);
    assert!(unreachable.what.contains("3 attempts") && unreachable.what.contains(&free.to_string()), "{unreachable}");
    assert!(start.elapsed() >= Duration::from_millis(500), "it waits between attempts");

    // A server that says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = silent.local_addr().expect("address").port();
    let url = url::Url::parse(&format!("mysql://root:s3cret@127.0.0.1:{port}/x")).expect("url");
    let settings = Settings { connect_timeout: Duration::from_millis(200), connect_attempts: 1, ..Settings::default() };
    let error = open(&mut MySqlSource::new(url, target.clone(), settings)).expect_err("silent");
    assert!(error.class == ErrorClass::Failed && error.what.contains("0.2 s"), "{error}");

    let mut source = database.source("t");
    open(&mut source).expect("opens");
    let (_, end) = read(&mut source, &request(&["id", "nope"], 1));
    let error = end.expect_err("no such column");
    assert_eq!(error.class, ErrorClass::Usage);
    assert!(error.hint.expect("hint").contains("id"));
}

#[test]
fn a_password_in_the_url_may_hold_any_character() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    let account = format!("'{}'@'%', '{0}'@'localhost', '{0}'@'127.0.0.1'", database.name);
    let with = account.replace(", ", " IDENTIFIED BY 'p@ss/#:%é', ") + " IDENTIFIED BY 'p@ss/#:%é'";
    database.run(&format!("CREATE USER {with}; GRANT SELECT ON {}.* TO {account}", database.name));
    let mut url = database.url();
    url.set_username(&database.name).expect("user");
    url.set_password(Some("p@ss/#:%é")).expect("password");
    let target = Target { table: Some("t".into()), ..Target::default() };
    let opened = open(&mut MySqlSource::new(url.clone(), target, Settings::default()));
    let elsewhere = Target { table: Some("mysql.user".into()), ..Target::default() };
    let denied = open(&mut MySqlSource::new(url, elsewhere, Settings::default()));
    database.run(&format!("DROP USER {account}"));
    opened.expect("opens");
    assert_eq!(denied.expect_err("no grant").class, ErrorClass::Failed);
}

#[test]
fn the_option_file_gives_what_the_url_leaves_out() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    let file = tempfile::NamedTempFile::new().expect("file");
    let port = database.server.port().unwrap_or(3306);
    let host = database.server.host_str().expect("host");
    let (user, password) = (database.server.username(), database.server.password().unwrap_or(""));
    let text = format!("[client]\nhost={host}\nport={port}\nuser={user}\npassword=\"{password}\"\n");
    std::fs::write(file.path(), text).expect("writes");
    let url = format!("mysql:///{}?defaults-file={}", database.name, file.path().display());
    let target = Target { table: Some("t".into()), ..Target::default() };
    let mut source = MySqlSource::new(url::Url::parse(&url).expect("url"), target, Settings::default());
    open(&mut source).expect("opens");
    assert_eq!(shown(&mut source, &request(&["id"], 1)), ["1"]);
}

#[test]
fn the_snapshot_holds_until_a_fresh_one_is_asked_for() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 10), (2, 20)");
    let mut source = database.source("t");
    let opened = open(&mut source).expect("opens");
    assert!(opened.snapshot.consistent && opened.notices.is_empty());
    let now = jiff::Timestamp::now().as_nanosecond();
    assert!((now - opened.snapshot.taken_at.expect("moment")).abs() < 60_000_000_000);
    database.run("UPDATE t SET n = 11 WHERE id = 1; INSERT INTO t VALUES (3, 30)");
    let plain = request(&["id", "n"], 1);
    assert_eq!(shown(&mut source, &plain), ["1|10", "2|20"]);
    let fresh = ReadRequest { fresh: true, keys: Some(vec![vec![number("1")], vec![number("3")]]), ..plain.clone() };
    assert_eq!(shown(&mut source, &fresh), ["1|11", "3|30"]);
    database.run("UPDATE t SET n = 12 WHERE id = 1");
    assert_eq!(shown(&mut source, &plain)[0], "1|11");
}

#[test]
fn a_table_without_transactions_is_reported() {
    let database = Database::new(
        "CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM; CREATE TABLE i (id INT PRIMARY KEY); CREATE VIEW v AS SELECT m.id FROM m JOIN i ON m.id = i.id",
    );
    for mut source in [database.source("m"), database.source("v"), database.query("SELECT id FROM `m`", &[])] {
        let opened = open(&mut source).expect("opens");
        assert!(!opened.snapshot.consistent);
        assert!(opened.notices[0].contains("m (MyISAM)"), "{:?}", opened.notices);
    }
    assert!(open(&mut database.source("i")).expect("opens").snapshot.consistent);
}

fn many(database: &Database, records: u32) {
    // Not from information_schema, which tests beside this one change meanwhile.
    let digits = (1..10).fold("SELECT 0 AS d".to_owned(), |sql, digit| format!("{sql} UNION ALL SELECT {digit}"));
    let number = "1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d";
    let from = ["a", "b", "c", "e", "f", "g"].map(|name| format!("({digits}) AS {name}")).join(", ");
    database.run(&format!(
        "CREATE TABLE big (id INT PRIMARY KEY, filler VARCHAR(200));
         INSERT INTO big SELECT {number}, REPEAT('x', 200) FROM {from} WHERE {number} <= {records}"
    ));
}

#[test]
fn a_connection_killed_in_the_middle_is_a_failure() {
    let database = Database::new("SELECT 1");
    many(&database, 200_000);
    let mut source = database.source("big");
    open(&mut source).expect("opens");
    let request = request(&["id", "filler"], 1);
    let (mut out, batches, give_back) = channel(&request, &Rules::default(), Arc::new(Progress::default()), None, None);
    let (records, end) = std::thread::scope(|scope| {
        let (source, request) = (&mut source, &request);
        scope.spawn(move || {
            let end = source.read(request, &mut out);
            out.finish(end);
        });
        let Received::Batch(first) = batches.recv().expect("a batch") else { panic!("ended at once") };
        let mut records = first.rows();
        database.session(&database.url(), async |connection| {
            let sql = format!(
                "SELECT id FROM information_schema.processlist WHERE db = '{}' AND id <> CONNECTION_ID()",
                database.name
            );
            for row in connection.fetch_all(AssertSqlSafe(sql)).await.expect("list") {
                let id = row.get_unchecked::<u64, _>(0);
                connection.execute(AssertSqlSafe(format!("KILL {id}"))).await.expect("kills");
            }
        });
        loop {
            match batches.recv().expect("an end") {
                Received::Batch(batch) => {
                    records += batch.rows();
                    let _ = give_back.send(batch);
                }
                Received::End(end) => return (records, end),
            }
        }
    });
    let error = end.expect_err("must not look complete");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!((2_000..200_000).contains(&records), "{records}");
    assert!(error.what.contains(&format!("after {records} records")) && error.hint.is_some(), "{error} {records}");
    // The snapshot is gone: only a fresh one may be read.
    let (_, again) = read(&mut source, &request);
    assert_eq!(again.expect_err("no snapshot").class, ErrorClass::Failed);
    let one = ReadRequest { fresh: true, keys: Some(vec![vec![number("7")]]), ..request };
    assert_eq!(read(&mut source, &one).0.len(), 1);
}

#[test]
fn silence_ends_a_read_and_a_wish_to_stop_is_heard() {
    let database = Database::new("SELECT 1");
    let target = Target { query: Some("SELECT 1 AS id, SLEEP(3) AS s".into()), ..Target::default() };
    let settings = Settings { read_timeout: Duration::from_millis(300), ..Settings::default() };
    let mut source = database.with(target.clone(), settings);
    open(&mut source).expect("opens");
    let start = Instant::now();
    let (_, end) = read(&mut source, &request(&["id", "s"], 1));
    let error = end.expect_err("too slow");
    assert!(error.class == ErrorClass::Failed && error.what.contains("0.3 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));

    let mut source = database.with(target, Settings::default());
    open(&mut source).expect("opens");
    let wanted = request(&["id", "s"], 1);
    let progress = Arc::new(Progress::default());
    progress.stop.store(true, Ordering::Relaxed);
    let (mut out, _batches, _) = channel(&wanted, &Rules::default(), progress, None, None);
    let start = Instant::now();
    assert_eq!(source.read(&wanted, &mut out).expect_err("stopped").class, ErrorClass::Stopped);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_slow_merge_does_not_count_as_silence() {
    let database = Database::new("SELECT 1");
    many(&database, 60_000);
    let target = Target { table: Some("big".into()), ..Target::default() };
    let settings = Settings { read_timeout: Duration::from_millis(300), ..Settings::default() };
    let mut source = database.with(target, settings);
    open(&mut source).expect("opens");
    let wanted = request(&["id", "filler"], 1);
    let (mut out, batches, _give_back) = channel(&wanted, &Rules::default(), Arc::new(Progress::default()), None, None);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let end = source.read(&wanted, &mut out);
            out.finish(end);
        });
        std::thread::sleep(Duration::from_millis(900));
        let mut records = 0;
        loop {
            match batches.recv().expect("an end") {
                Received::Batch(batch) => records += batch.rows(),
                Received::End(end) => {
                    end.expect("reads on");
                    assert_eq!(records, 60_000);
                    return;
                }
            }
        }
    });
}

#[test]
fn a_private_server_that_limits_every_select_is_read_whole() {
    let server = super::support::PrivateServer::mariadb();
    let url = url::Url::parse(&format!("{}/mysql", server.url())).expect("a URL");
    let query = |sql: &str| Target { query: Some(sql.into()), ..Target::default() };
    let mut before =
        MySqlSource::new(url.clone(), query("SELECT seq AS id FROM mysql.seq_1_to_5"), Settings::default());
    let limited = Database { server: url, name: "mysql".into() };
    limited.run("SET GLOBAL sql_select_limit = 2");
    std::mem::forget(limited);
    open(&mut before).expect("opens");
    assert_eq!(shown(&mut before, &request(&["id"], 1)), ["1", "2", "3", "4", "5"]);
}
