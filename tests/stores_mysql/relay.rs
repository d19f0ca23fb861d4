//! A stream of packets that is cut, changed or silent at an exact place: between recon and the server stands a
//! relay that knows the packets. Only an end that the server says is an end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;

/// What rows of the table hold, so that the relay knows them.
const MARK: &[u8] = b"marked-";
const RECORDS: usize = 100;

/// What happens to the packets of the result.
#[derive(Clone, Debug)]
enum Fault {
    /// Everything passes.
    None,
    /// The connection ends in the middle of this row.
    CutInside(usize),
    /// It ends in the middle of the four bytes before this row.
    CutInHead(usize),
    /// It ends behind this row.
    CutBehind(usize),
    /// It ends behind the last row: only the word that this was the last is missing.
    CutBeforeEnd,
    /// The packet that ends the result is replaced.
    End(Vec<u8>),
    /// This row is left out.
    Drop(usize),
    /// This row comes twice.
    Repeat(usize),
    /// This row is replaced.
    Row(usize, fn(&[u8]) -> Vec<u8>),
    /// Nothing comes behind this row, and the connection stays.
    SilentBehind(usize),
    /// The number of columns is replaced.
    Columns(u8),
}

/// Starts a relay for one connection, and returns its port.
fn relay(server: &url::Url, fault: Fault) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let address = (server.host_str().expect("host").to_owned(), server.port().unwrap_or(3306));
    std::thread::spawn(move || {
        let (client, _) = listener.accept().expect("a client");
        client.set_nodelay(true).expect("a socket");
        let upstream = TcpStream::connect((address.0.as_str(), address.1)).expect("the server");
        let (mut from, mut to) = (client.try_clone().expect("a copy"), upstream.try_clone().expect("a copy"));
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut client = client;
        if answers(upstream, &mut client, &fault).is_err() || !matches!(fault, Fault::SilentBehind(_)) {
            let _ = client.shutdown(Shutdown::Both);
        }
    });
    port
}

/// Passes packets on until the fault says otherwise.
fn answers(mut from: TcpStream, to: &mut TcpStream, fault: &Fault) -> std::io::Result<()> {
    let mut rows = 0;
    loop {
        let mut head = [0; 4];
        from.read_exact(&mut head)?;
        let mut body = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16];
        from.read_exact(&mut body)?;
        let mut send = |body: &[u8]| {
            let mut packet = (body.len() as u32).to_le_bytes();
            packet[3] = head[3];
            to.write_all(&[&packet, body].concat())
        };
        let is_row = body.first() == Some(&0) && body.windows(MARK.len()).any(|part| part == MARK);
        rows += usize::from(is_row);
        let at_end = rows == RECORDS && body.first() == Some(&0xFE);
        match fault {
            Fault::CutInside(row) if is_row && *row == rows => {
                to.write_all(&head)?;
                return to.write_all(&body[..body.len() / 2]);
            }
            Fault::CutInHead(row) if is_row && *row == rows => return to.write_all(&head[..3]),
            Fault::CutBehind(row) | Fault::SilentBehind(row) if is_row && *row == rows => return send(&body),
            Fault::CutBeforeEnd if at_end => return Ok(()),
            Fault::End(end) if at_end => send(end)?,
            Fault::Drop(row) if is_row && *row == rows => {}
            Fault::Repeat(row) if is_row && *row == rows => {
                send(&body)?;
                send(&body)?;
            }
            Fault::Row(row, change) if is_row && *row == rows => send(&change(&body))?,
            // The answer to the execution of the one statement with three columns.
            Fault::Columns(count) if body == [3] => send(&[*count])?,
            _ => send(&body)?,
        }
    }
}

fn marked() -> Database {
    let rows: Vec<_> = (1..=RECORDS).map(|id| format!("({id}, 'marked-{id}', {id}.25)")).collect();
    Database::new(&format!(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), d DECIMAL(9,2)); INSERT INTO t VALUES {}",
        rows.join(", ")
    ))
}

/// The records that came, and how the read ended.
fn through(database: &Database, fault: Fault) -> (usize, Result<(), StoreError>) {
    let mut url = database.url();
    url.set_port(Some(relay(&database.server, fault))).expect("a port");
    url.set_query(Some("ssl-mode=disabled"));
    let target = Target { table: Some("t".into()), ..Target::default() };
    let settings = Settings { read_timeout: Duration::from_millis(500), ..Settings::default() };
    let mut source = MySqlSource::new(url, target, settings);
    open(&mut source).expect("opens");
    let (rows, end) = read(&mut source, &request(&["id", "v", "d"], 1));
    for (at, row) in rows.iter().enumerate() {
        let id = at + 1;
        let shown: Vec<_> = row.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [id.to_string(), format!("marked-{id}"), format!("{id}.25")], "nothing half or changed");
    }
    (rows.len(), end)
}

#[test]
fn a_result_is_complete_only_when_the_server_says_so() {
    let database = marked();
    let warnings = vec![0xFE, 7, 0, 2, 0];
    for fault in [Fault::None, Fault::End(warnings)] {
        let (records, end) = through(&database, fault.clone());
        end.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(records, RECORDS);
    }
    let killed = [&[0xFF, 0x87, 0x07][..], b"#70100Connection was killed"].concat();
    let too_long = [&[0xFF, 0xB1, 0x07][..], b"#70100Query execution was interrupted (max_statement_time exceeded)"];
    for (fault, came, says) in [
        (Fault::CutInside(40), 39, "after 39 records"),
        (Fault::CutInHead(40), 39, "after 39 records"),
        (Fault::CutBehind(40), 40, "after 40 records"),
        (Fault::CutInside(1), 0, "after 0 records"),
        (Fault::CutBehind(RECORDS), RECORDS, "after 100 records"),
        (Fault::CutBeforeEnd, RECORDS, "after 100 records"),
        (Fault::SilentBehind(40), 40, "nothing arrived for 0.5 s, after 40 records"),
        (Fault::SilentBehind(RECORDS), RECORDS, "nothing arrived"),
        (Fault::Drop(40), 39, "packet"),
        (Fault::Drop(RECORDS), RECORDS - 1, "packet"),
        (Fault::Repeat(40), 40, "packet"),
        // An error in place of the end, a second result, an end that is none, a success that no query has.
        (Fault::End(killed), RECORDS, "killed"),
        (Fault::End(too_long.concat()), RECORDS, "max_statement_time"),
        (Fault::End(vec![0xFE, 0, 0, 8, 0]), RECORDS, "second result"),
        (Fault::End(vec![0xFE]), RECORDS, "an end cannot be read"),
        (Fault::End(vec![0xFE, 0, 0, 2, 0, 0]), RECORDS, "an end cannot be read"),
        (Fault::End(vec![0, 0, 0, 2, 0, 0, 0]), RECORDS, "form of its columns"),
        (Fault::End(vec![]), RECORDS, "a row cannot be read"),
        (Fault::End(vec![0xFB, b'/', b'e']), RECORDS, "a row cannot be read"),
        // Rows that do not have the form of their columns.
        (Fault::Row(40, |row| row[..row.len() - 1].to_vec()), 39, "form of its columns"),
        (Fault::Row(40, |row| row[..1].to_vec()), 39, "form of its columns"),
        (Fault::Row(40, |row| [row, &[0]].concat()), 39, "form of its columns"),
        (Fault::Columns(2), 0, "the end of the columns"),
        (Fault::Columns(4), 0, "a column's definition"),
        (Fault::Columns(0), 0, "the answer to a query"),
        (Fault::Columns(0xFB), 0, "the answer to a query"),
    ] {
        let (records, end) = through(&database, fault.clone());
        let error = end.err().unwrap_or_else(|| panic!("{fault:?} looks complete"));
        assert_eq!((error.class, records), (ErrorClass::Failed, came), "{fault:?}: {error}");
        assert!(error.what.contains(says) && error.hint.is_some(), "{fault:?}: {error}");
    }
}

#[test]
fn rows_longer_than_a_packet_are_read_whole() {
    let database = Database::new("SELECT 1");
    let sized = |length: usize| {
        // A row before and one behind: the long one must end where it ends.
        let sql = format!(
            "SELECT 1 AS id, 'a' AS t UNION ALL SELECT 2, CONCAT(REPEAT('x', {} - 3), 'end') UNION ALL SELECT 3, 'b'",
            length
        );
        let mut source = database.query(&sql, &[]);
        open(&mut source).expect("opens");
        let (rows, end) = read(&mut source, &request(&["id", "t"], 1));
        end.unwrap_or_else(|error| panic!("{length}: {error}"));
        let texts: Vec<_> = rows.iter().map(|row| row[1].to_string()).collect();
        assert_eq!((texts.len(), texts[0].as_str(), texts[2].as_str()), (3, "a", "b"), "{length}");
        assert!(texts[1].len() == length && texts[1].ends_with("xend"), "{length}: {}", texts[1].len());
    };
    // The second row's packet is as long as the longest, one byte around it, and takes three.
    for length in
        [130_000, 16_777_200, 16_777_201, 16_777_202, 16_777_203, 16_777_204, 16_777_205, 16_777_206, 40_000_000]
    {
        sized(length);
    }
}
