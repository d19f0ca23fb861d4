//! The tests' own ground: servers answer, a private server dies when it is killed, `recon` runs on its own.

// What is unexpected here fails the test: that is what a panic is for.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use std::net::TcpStream;

use mongodb::bson::{Document, doc};
use sqlx::{ConnectOptions, Connection};
use support::{Place, PrivateServer, database_url, server_url, unique_name};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

async fn hello(url: &str) -> Document {
    let client = mongodb::Client::with_uri_str(url).await.expect("a MongoDB URL");
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.expect("an answer");
    client.shutdown().await;
    hello
}

#[test]
fn mysql_answers_and_makes_databases() {
    let name = unique_name("harness");
    let url = server_url("MYSQL").parse::<sqlx::mysql::MySqlConnectOptions>().expect("a URL");
    block_on(async {
        let mut server = url.connect().await.expect("a connection");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut server).await.expect("made");
        let mut database = sqlx::MySqlConnection::connect(&database_url("MYSQL", &name)).await.expect("connected");
        let current: String = sqlx::query_scalar("SELECT DATABASE()").fetch_one(&mut database).await.expect("a row");
        assert_eq!(current, name);
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP DATABASE {name}")))
            .execute(&mut server)
            .await
            .expect("dropped");
    });
}

#[test]
fn postgres_answers() {
    let one: i32 = block_on(async {
        let mut server = sqlx::PgConnection::connect(&server_url("POSTGRES")).await.expect("a connection");
        sqlx::query_scalar("SELECT 1").fetch_one(&mut server).await.expect("a row")
    });
    assert_eq!(one, 1);
}

#[test]
fn mongodb_answers_as_a_replica_set_that_takes_writes() {
    let hello = block_on(hello(&server_url("MONGODB")));
    assert!(hello.get_str("setName").is_ok(), "{hello}");
    assert!(matches!(hello.get_bool("isWritablePrimary"), Ok(true)), "{hello}");
}

#[test]
fn private_server_mariadb_is_gone_when_killed() {
    let mut server = PrivateServer::mariadb();
    block_on(async {
        let mut connection = sqlx::MySqlConnection::connect(&server.url()).await.expect("a connection");
        server.kill();
        let answer = sqlx::query("SELECT 1").execute(&mut connection).await;
        assert!(answer.is_err(), "{answer:?}");
    });
}

#[test]
fn private_server_postgres_is_gone_when_killed() {
    let mut server = PrivateServer::postgres();
    block_on(async {
        let mut connection = sqlx::PgConnection::connect(&server.url()).await.expect("a connection");
        server.kill();
        let answer = sqlx::query("SELECT 1").execute(&mut connection).await;
        assert!(answer.is_err(), "{answer:?}");
    });
}

#[test]
fn private_server_mongod_is_gone_when_killed() {
    let mut server = PrivateServer::mongod();
    let hello = block_on(hello(&server.url()));
    assert!(matches!(hello.get_bool("isWritablePrimary"), Ok(true)), "{hello}");
    server.kill();
    // The port closes with the process, which takes a moment to be torn down.
    let gone = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        TcpStream::connect(("127.0.0.1", server.port())).is_err()
    });
    assert!(gone, "mongod still listens on {}", server.port());
}

#[test]
fn recon_sees_nothing_of_the_developers_environment() {
    let place = Place::new().env("RECON_GIVEN", "yes");
    let command = place.command();
    let names: Vec<String> =
        command.get_envs().filter_map(|(name, value)| value.map(|_| name.to_string_lossy().into_owned())).collect();
    assert_eq!(names, ["HOME", "PATH", "RECON_GIVEN"]);
    assert_eq!(command.get_current_dir(), Some(place.path().as_path()));
    assert_ne!(place.recon(&["--help"]).code, None);
}

/// Nothing else runs them between two measurements.
#[test]
fn the_scripts_of_the_benchmark_can_be_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let mut read = 0;
    for entry in std::fs::read_dir(&folder).expect("benches") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "py") {
            let parse = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
            let parsed =
                std::process::Command::new("python3").args(["-c", parse]).arg(&path).output().expect("python3");
            assert!(parsed.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&parsed.stderr));
            read += 1;
        }
    }
    assert!(read > 3);
    let bash = std::process::Command::new("bash").arg("-n").arg(folder.join("run")).status().expect("bash");
    assert!(bash.success());
}
