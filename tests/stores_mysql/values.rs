//! Every type, down to the last digit; what cannot be decoded is unknown.

use super::*;

#[test]
fn numbers_keep_every_digit() {
    let database = Database::new(&format!(
        "CREATE TABLE n (id INT PRIMARY KEY, d DECIMAL(65,30), m DECIMAL(18,4), t TINYINT, tu TINYINT UNSIGNED, b BOOL, \
         bu TINYINT(1) UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED, me MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, \
         iu INT UNSIGNED, bi BIGINT, ub BIGINT UNSIGNED, bits BIT(64), bit1 BIT(3), y YEAR, f FLOAT, db DOUBLE, z DECIMAL(9,2) ZEROFILL, zi INT ZEROFILL);
         INSERT INTO n VALUES
         (1, -{nines}.{nines30}, -99999999999999.9999, -128, 255, 7, 200, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295,
          -9223372036854775808, 18446744073709551615, b'{ones}', b'101', 2155, 0.1, 0.1, 12.5, 7),
         (2, 0, -0.00, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 16777216, 1e300, 0, 0),
         (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        nines = "9".repeat(35),
        nines30 = "9".repeat(30),
        ones = "1".repeat(64),
    ));
    let columns = [
        "id", "d", "m", "t", "tu", "b", "bu", "s", "su", "me", "mu", "i", "iu", "bi", "ub", "bits", "bit1", "y", "f",
        "db", "z", "zi",
    ];
    let mut source = database.source("n");
    let opened = open(&mut source).expect("opens");
    assert!(opened.columns.iter().all(|column| column.kind == ColumnKind::Number), "{:?}", opened.columns);
    let (rows, end) = read(&mut source, &request(&columns, 1));
    end.expect("ends");
    let row = |at: usize| rows[at].iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(
        row(0),
        format!(
            "1 -{}.{} -99999999999999.9999 -128 255 7 200 -32768 65535 -8388608 16777215 -2147483648 4294967295 \
             -9223372036854775808 18446744073709551615 18446744073709551615 5 2155 0.1 0.1 12.50 7",
            "9".repeat(35),
            "9".repeat(30)
        )
    );
    assert!(rows[1][2].amount().expect("amount").is_zero());
    assert_eq!(rows[1][18].to_string(), "16777216");
    assert!(rows[1][19].amount().expect("amount").same_value(&Amount::parse("1e300").expect("amount")));
    assert!(rows[2][1..].iter().all(|value| matches!(value, Value::Null)), "{:?}", rows[2]);
    let form = |at: usize| match &rows[0][at] {
        Value::Number { form, .. } => *form,
        other => panic!("{other:?}"),
    };
    assert_eq!((form(1), form(5), form(15), form(18), form(19)), {
        use NumberForm::{Decimal, Double, Integer};
        (Decimal, Integer, Integer, Double, Double)
    });
}

#[test]
fn texts_bytes_and_documents() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, c CHAR(5), v VARCHAR(9), cb CHAR(9) COLLATE utf8mb4_bin, l VARCHAR(9) CHARACTER SET latin1,
           tx TEXT, mt MEDIUMTEXT, lt LONGTEXT, e ENUM('z','a'), s SET('y','x'), b BINARY(3), vb VARBINARY(9), bl BLOB, j JSON, g POINT);
         INSERT INTO t VALUES (1, 'é ', 'a  ', 'B', 'ü€', '😀', '', 'x\n', 'a', 'x,y', x'00ff', x'c3', x'', '{\"a\": 1.50}', POINT(1, 2))",
    );
    let mut source = database.source("t");
    let opened = open(&mut source).expect("opens");
    let kind = |name: &str| opened.columns.iter().find(|c| c.name == name).expect("column").kind;
    assert_eq!(["c", "cb", "l", "lt", "e", "s"].map(kind), [ColumnKind::Text; 6]);
    assert_eq!(["b", "vb", "bl", "g"].map(kind), [ColumnKind::Bytes; 4]);
    let columns = ["id", "c", "v", "cb", "l", "tx", "mt", "lt", "e", "s", "b", "vb", "bl", "j", "g"];
    let (rows, end) = read(&mut source, &request(&columns, 1));
    end.expect("ends");
    let row: Vec<String> = rows[0].iter().map(ToString::to_string).collect();
    assert_eq!(
        &row[..13],
        ["1", "é", "a  ", "B", "ü€", "😀", "", "x\n", "a", "y,x", "0x00ff00", "0xc3", "0x"].map(str::to_owned)
    );
    assert!(matches!(rows[0][13], Value::Document(_) | Value::Text { .. }), "{:?}", rows[0][13]);
    assert!(matches!(&rows[0][14], Value::Bytes(bytes) if bytes.len() == 25));
}

#[test]
fn dates_and_times_down_to_the_microsecond() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATE, dt DATETIME, d3 DATETIME(3), d6 DATETIME(6), ts TIMESTAMP(6) NULL, ti TIME, t6 TIME(6));
         SET time_zone = '+09:00';
         INSERT INTO t VALUES
          (1, '2026-11-05', '2026-11-05 10:00:00', '2026-11-05 10:00:00.5', '9999-12-31 23:59:59.999999', '2026-11-05 09:00:00.000001', '-838:59:59', '22:00:00.000001'),
          (2, '1000-01-01', '1969-12-31 23:59:59', '1000-01-01', '1000-01-01', NULL, '00:00:00', '-00:00:00.5')",
    );
    let columns = ["id", "d", "dt", "d3", "d6", "ts", "ti", "t6"];
    assert_eq!(
        table(&database, "t", &columns, 1),
        [
            "1|2026-11-05|2026-11-05T10:00:00Z|2026-11-05T10:00:00.500Z|9999-12-31T23:59:59.999999Z|2026-11-05T00:00:00.000001Z|-838:59:59|22:00:00.000001",
            "2|1000-01-01|1969-12-31T23:59:59Z|1000-01-01T00:00:00Z|1000-01-01T00:00:00Z|NULL|00:00:00|-00:00:00.500000",
        ]
    );
    let mut source = database.source("t");
    open(&mut source).expect("opens");
    let (rows, _) = read(&mut source, &request(&columns, 1));
    let digits: Vec<u8> = rows[0]
        .iter()
        .filter_map(|value| match value {
            Value::Instant { digits, .. } | Value::Time { digits, .. } => Some(*digits),
            _ => None,
        })
        .collect();
    assert_eq!(digits, [0, 3, 6, 6, 0, 6]);
}

#[test]
fn a_local_time_is_taken_in_the_zone_and_unknown_when_it_is_not_one_moment() {
    let database = Database::new(
        "CREATE TABLE t (at DATETIME PRIMARY KEY, ts TIMESTAMP NULL); SET time_zone = '+00:00';
         INSERT INTO t VALUES ('2026-07-01 12:00:00', '2026-07-01 12:00:00'), ('2026-10-25 02:30:00', NULL), ('2026-12-01 12:00:00', NULL)",
    );
    let settings = Settings { zone: TimeZone::get("Europe/Berlin").expect("zone"), ..Settings::default() };
    let mut source = database.with(Target { table: Some("t".into()), ..Target::default() }, settings);
    open(&mut source).expect("opens");
    let (rows, end) = read(&mut source, &request(&["ts", "at"], 0));
    end.expect("ends");
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    rows.sort();
    assert_eq!(rows[0], "2026-07-01T12:00:00Z 2026-07-01T10:00:00Z");
    assert!(rows[2].starts_with("NULL 2026-12-01T11:00:00Z") || rows[1].contains("2026-12-01T11:00:00Z"), "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("unknown") && row.contains("2026-10-25T02:30:00")), "{rows:?}");
    // A key read back is looked for as the local time it was.
    let noon = Value::Instant { nanos: 1_782_900_000_000_000_000, digits: 0 };
    let wanted = ReadRequest { keys: Some(vec![vec![noon]]), ..request(&["at"], 1) };
    assert_eq!(shown(&mut source, &wanted), ["2026-07-01T10:00:00Z"]);
}

#[test]
fn zero_dates_are_unknown_and_never_null() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATE, dt DATETIME(6), ts TIMESTAMP NULL);
         SET sql_mode = 'ALLOW_INVALID_DATES';
         INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00'), (2, '2026-00-00', '2026-11-00', NULL), (3, '2026-02-30', '2026-02-30 01:00:00', NULL)",
    );
    let mut source = database.source("t");
    open(&mut source).expect("opens");
    let (rows, end) = read(&mut source, &request(&["id", "d", "dt", "ts"], 1));
    end.expect("ends");
    let unknown = |value: &Value| matches!(value, Value::Unknown(why) if why.contains("does not exist"));
    assert!(rows.iter().all(|row| unknown(&row[1]) && unknown(&row[2])), "{rows:?}");
    assert!(unknown(&rows[0][3]) && matches!(rows[1][3], Value::Null), "{rows:?}");
}

#[test]
fn mariadb_types_that_travel_as_text() {
    let database = Database::new("SELECT 1");
    if !is_mariadb(&database) {
        return;
    }
    database.run(
        "CREATE TABLE t (u UUID PRIMARY KEY, i INET6);
         INSERT INTO t VALUES ('ff000000-0000-1000-8000-000000000001', '::1'), ('00000000-0000-4fff-8000-000000000002', '1.2.3.4'), ('00000001-0000-1000-8000-000000000003', NULL)",
    );
    let mut source = database.source("t");
    let opened = open(&mut source).expect("opens");
    assert_eq!(opened.columns[0].kind, ColumnKind::Uuid);
    let (rows, end) = read(&mut source, &request(&["u", "i"], 1));
    end.expect("ends");
    assert!(rows.iter().all(|row| matches!(row[0], Value::Uuid(_))), "{rows:?}");
    let keys: Vec<String> = rows.iter().map(|row| row[0].to_string()).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let wanted = ReadRequest { keys: Some(vec![vec![rows[1][0].clone()]]), ..request(&["u"], 1) };
    assert_eq!(shown(&mut source, &wanted), [keys[1].clone()]);
    let mut query = database.query("SELECT u AS k, 1 AS one FROM t", &[]);
    assert_eq!(open(&mut query).expect("opens").columns[0].kind, ColumnKind::Uuid);
    assert_eq!(shown(&mut query, &request(&["k"], 1)), keys);
}
