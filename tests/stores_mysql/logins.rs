//! Ways to a session: TLS in each of its modes, a socket file, and the ways to log in that a server may ask for.
//! Where no test server speaks one (MySQL's own), a script plays the server's part.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::support::PrivateServer;
use super::*;

fn certificate(name: &str) -> String {
    format!("{}/tests/certificates/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn first(url: &str) -> Result<Vec<String>, StoreError> {
    let query = "SELECT 1 AS id, VARIABLE_VALUE AS cipher FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'";
    let target = Target { query: Some(query.into()), ..Target::default() };
    let settings = Settings { connect_attempts: 1, ..Settings::default() };
    let mut source = MySqlSource::new(url::Url::parse(url).expect("a URL"), target, settings);
    open(&mut source)?;
    let (rows, end) = read(&mut source, &request(&["id", "cipher"], 1));
    end?;
    Ok(rows.iter().map(|row| row[1].to_string()).collect())
}

#[test]
fn a_private_server_with_tls_is_reached_in_every_mode() {
    // The server runs as another user, who may not read the project.
    let folder = tempfile::Builder::new().prefix("recon-tls-").tempdir().expect("a folder");
    let open_to_all = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(folder.path(), open_to_all(0o755)).expect("permissions");
    let option = |option: &str, name: &str| {
        let copy = folder.path().join(name);
        std::fs::copy(certificate(name), &copy).expect("copied");
        std::fs::set_permissions(&copy, open_to_all(0o644)).expect("permissions");
        format!("--{option}={}", copy.display())
    };
    let server = PrivateServer::mariadb_with(&[
        option("ssl-ca", "ca.pem"),
        option("ssl-cert", "server.pem"),
        option("ssl-key", "server.key"),
    ]);
    let at = |host: &str, options: &str| first(&format!("mysql://root@{host}:{}/mysql?{options}", server.port()));
    let (ca, host) = (certificate("ca.pem"), "127.0.0.1");
    let encrypted = |host: &str, options: &str| {
        let ciphers = at(host, options).unwrap_or_else(|error| panic!("{options}: {error}"));
        assert!(ciphers.len() == 1 && !ciphers[0].is_empty(), "{options}: {ciphers:?}");
    };
    encrypted(host, "");
    encrypted(host, "ssl-mode=required");
    encrypted(host, &format!("ssl-mode=verify_ca&ssl-ca={ca}"));
    encrypted(host, &format!("ssl-mode=verify_identity&ssl-ca={ca}"));
    // The certificate is made out to 127.0.0.1.
    encrypted("localhost", &format!("ssl-mode=verify_ca&ssl-ca={ca}"));
    assert_eq!(at(host, "ssl-mode=disabled").expect("plain"), [""]);
    for (host, options, says) in [
        ("localhost", format!("ssl-mode=verify_identity&ssl-ca={ca}"), "not valid for name"),
        (host, "ssl-mode=verify_ca".to_owned(), "UnknownIssuer"),
        (host, format!("ssl-mode=verify_ca&ssl-ca={}", certificate("client.pem")), "no TLS connection"),
    ] {
        let error = at(host, &options).expect_err(&options);
        assert!(error.class == ErrorClass::Failed && error.what.contains(says), "{options}: {error}");
        assert!(error.hint.expect("a hint").contains("ssl-mode"));
    }
    for (options, says) in [
        ("ssl-mode=verify_ca&ssl-ca=/nowhere.pem".to_owned(), "/nowhere.pem"),
        (format!("ssl-mode=verify_ca&ssl-ca={}", certificate("server.key")), "holds no certificate"),
        (format!("ssl-mode=required&ssl-cert={}", certificate("client.pem")), "belong together"),
        ("ssl-mode=maybe".to_owned(), "maybe"),
    ] {
        let error = at(host, &options).expect_err(&options);
        assert!(error.class == ErrorClass::Usage && error.what.contains(says), "{options}: {error}");
        assert!(error.hint.is_some(), "{options}: {error}");
    }

    // An account that must show a certificate.
    let admin = Database { server: url::Url::parse(&server.url()).expect("url"), name: String::new() };
    admin.run_at(&admin.server, "CREATE USER shown REQUIRE X509; GRANT ALL ON *.* TO shown");
    std::mem::forget(admin);
    let shown = |options: &str| first(&format!("mysql://shown@127.0.0.1:{}/mysql?{options}", server.port()));
    let (cert, key) = (certificate("client.pem"), certificate("client.key"));
    assert!(!shown(&format!("ssl-mode=required&ssl-cert={cert}&ssl-key={key}")).expect("shown")[0].is_empty());
    assert_eq!(shown("ssl-mode=required").expect_err("not shown").class, ErrorClass::Failed);

    // The socket file needs no TLS, and can have it.
    let socket = server.socket();
    let through = |options: &str| {
        first(&format!("mysql://root@localhost/mysql?socket={}&{options}", socket.display())).expect("a socket file")
    };
    assert_eq!(through(""), [""]);
    assert!(!through("ssl-mode=required")[0].is_empty());
    let error = first("mysql://root@localhost/mysql?socket=/nowhere.sock").expect_err("nowhere");
    assert!(error.what.contains("/nowhere.sock") && error.hint.is_some(), "{error}");
}

#[test]
fn tls_that_is_asked_for_and_not_offered_is_a_failure() {
    let database = Database::new("SELECT 1");
    let mut url = database.url();
    url.set_query(Some("ssl-mode=disabled"));
    first(url.as_str()).expect("without TLS");
    let greeted = played(vec![Step::Send(0, greeting("mysql_native_password", NO_TLS))]);
    let error = first(&format!("mysql://root:s3cret@127.0.0.1:{greeted}/x?ssl-mode=required")).expect_err("no TLS");
    assert!(error.class == ErrorClass::Failed && error.what.contains("does not offer TLS"), "{error}");
}

/// What a played server does next.
enum Step {
    /// Sends a packet of this number.
    Send(u8, Vec<u8>),
    /// Takes a packet and looks at it.
    Take(fn(&[u8]) -> bool),
}

/// A server that plays a login for one connection; returns its port.
fn played(steps: Vec<Step>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send(number, body) => send(&mut client, number, &body),
                Step::Take(is_right) => {
                    let body = take(&mut client);
                    if !is_right(&body) {
                        send(&mut client, 9, format!("\u{1}step {at}").as_bytes());
                        return;
                    }
                }
            }
        }
    });
    port
}

fn send(client: &mut TcpStream, number: u8, body: &[u8]) {
    let mut packet = (body.len() as u32).to_le_bytes().to_vec();
    packet[3] = number;
    packet.extend_from_slice(body);
    let _ = client.write_all(&packet);
}

fn take(client: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    if client.read_exact(&mut head).is_err() {
        return Vec::new();
    }
    let mut body = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16];
    let _ = client.read_exact(&mut body);
    body
}

const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";

fn greeting(plugin: &str, capabilities: u16) -> Vec<u8> {
    let mut body = vec![10];
    body.extend_from_slice(b"8.4.0\0");
    body.extend_from_slice(&7_u32.to_le_bytes());
    body.extend_from_slice(&NONCE[..8]);
    body.push(0);
    body.extend_from_slice(&capabilities.to_le_bytes());
    body.push(45);
    body.extend_from_slice(&2_u16.to_le_bytes());
    body.extend_from_slice(&0x003F_u16.to_le_bytes()); // plugins, their data with a length
    body.push(21);
    body.extend_from_slice(&[0; 10]);
    body.extend_from_slice(&NONCE[8..]);
    body.push(0);
    body.extend_from_slice(plugin.as_bytes());
    body.push(0);
    body
}

fn switch(plugin: &str, nonce: &[u8]) -> Vec<u8> {
    [&[0xFE], plugin.as_bytes(), &[0], nonce].concat()
}

const NO_TLS: u16 = 0xF7FF;

/// Logs in at a played server; what it says when it is asked its version shows that the login went through.
fn login(mut steps: Vec<Step>, last: u8) -> StoreError {
    steps.push(Step::Send(last, vec![0, 0, 0, 2, 0, 0, 0]));
    steps.push(Step::Take(|body| body == b"\x16SELECT VERSION()"));
    steps.push(Step::Send(1, b"\xFF\x51\x04#HY000logged in".to_vec()));
    let port = played(steps);
    first(&format!("mysql://someone:s3cret@127.0.0.1:{port}/shop")).expect_err("a played server")
}

#[test]
fn every_way_to_log_in_is_spoken_to_its_end() {
    const HIDDEN: fn(&[u8]) -> bool = |body| body.len() == 256;
    let rsa = std::fs::read(certificate("login.pem")).expect("a public key");
    let sha2 = || Step::Send(0, greeting("caching_sha2_password", NO_TLS));
    let response: fn(&[u8]) -> bool = |body| {
        let has = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
        has(b"someone\0\x20") && has(b"shop\0caching_sha2_password\0") && !has(b"s3cret")
    };
    for (name, steps, last) in [
        ("the server remembers the password", vec![sha2(), Step::Take(response), Step::Send(2, vec![1, 3])], 3),
        (
            "it does not, and sends its key",
            vec![
                sha2(),
                Step::Take(response),
                Step::Send(2, vec![1, 4]),
                Step::Take(|body| body == [2]),
                Step::Send(4, [&[1], &rsa[..]].concat()),
                Step::Take(HIDDEN),
            ],
            6,
        ),
        (
            "another plugin is wanted",
            vec![
                Step::Send(0, greeting("dialog", NO_TLS)),
                Step::Take(|body| body.ends_with(b"mysql_native_password\0")),
                Step::Send(2, switch("mysql_native_password", &[&NONCE[..], &[0]].concat())),
                Step::Take(|body| body.len() == 20),
            ],
            4,
        ),
        (
            "MariaDB's signatures",
            vec![
                Step::Send(0, greeting("mysql_native_password", NO_TLS)),
                Step::Take(|_| true),
                Step::Send(2, switch("client_ed25519", &[7; 32])),
                Step::Take(|body| body.len() == 64),
            ],
            4,
        ),
        (
            "MySQL's other hash",
            vec![
                Step::Send(0, greeting("sha256_password", NO_TLS)),
                Step::Take(|_| true),
                Step::Send(2, switch("sha256_password", &[&NONCE[..], &[0]].concat())),
                Step::Take(|body| body == [1]),
                Step::Send(4, [&[1], &rsa[..]].concat()),
                Step::Take(HIDDEN),
            ],
            6,
        ),
    ] {
        let error = login(steps, last);
        assert!(error.what.contains("logged in (error 1105)"), "{name}: {error}");
    }
}

#[test]
fn a_server_that_speaks_otherwise_gets_no_password() {
    let native = || Step::Send(0, greeting("mysql_native_password", NO_TLS));
    for (steps, says) in [
        (
            vec![native(), Step::Take(|_| true), Step::Send(2, switch("mysql_clear_password", b""))],
            "mysql_clear_password",
        ),
        (vec![native(), Step::Take(|_| true), Step::Send(2, vec![0xFE])], "mysql_old_password"),
        (vec![native(), Step::Take(|_| true), Step::Send(2, switch("dialog", b"PIN?"))], "dialog"),
        (vec![native(), Step::Take(|_| true), Step::Send(2, switch("parsec", &[7; 32]))], "parsec"),
        (vec![native(), Step::Take(|_| true), Step::Send(3, vec![0])], "packet 2 was due and 3 came"),
        (vec![native(), Step::Take(|_| true), Step::Send(2, vec![0xFE, b'x'])], "does not answer as MySQL"),
        (
            vec![native(), Step::Take(|_| true), Step::Send(2, switch("mysql_native_password", b"short"))],
            "does not answer",
        ),
        // An error before the login has no SQL state.
        (vec![Step::Send(0, b"\xFF\x10\x04Too many connections".to_vec())], "Too many connections (error 1040)"),
        (vec![Step::Send(0, b"\x09ancient".to_vec())], "does not answer as MySQL"),
        (vec![Step::Send(0, b"\x0A8.0\0cut".to_vec())], "does not answer as MySQL"),
        (vec![Step::Send(0, greeting("mysql_native_password", 0))], "older than MySQL 4.1"),
        (vec![Step::Send(0, Vec::new())], "does not answer as MySQL"),
        (vec![], "cannot be reached"),
    ] {
        let port = played(steps);
        let error = first(&format!("mysql://someone:s3cret@127.0.0.1:{port}/shop")).expect_err(says);
        assert!(error.class == ErrorClass::Failed && error.what.contains(says), "{says}: {error}");
        assert!(error.hint.is_some() && !format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    // Another service on that port.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let _ = client.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
        std::thread::sleep(Duration::from_secs(1));
    });
    let error = first(&format!("mysql://someone:s3cret@127.0.0.1:{port}/shop")).expect_err("no MySQL");
    assert!(error.what.contains("does not answer as MySQL or MariaDB"), "{error}");
}
