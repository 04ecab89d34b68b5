//! The harness keeps its own promises.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use bailiwick_domain::env::Clock as _;
use harness::postgres::Database;
use harness::{Page, TestClock, redis};
use reqwest::header::HeaderMap;
use sqlx::{Connection as _, PgConnection};

#[test]
fn a_still_clock_moves_only_by_hand() {
    let clock = TestClock::still();
    let before = clock.now();
    assert!(clock.now() > before, "two readings differ");
    let same = clock.clone();
    same.advance(Duration::from_secs(3_600));
    assert_eq!(clock.now().since(before).as_secs(), 3_600);
}

#[test]
fn databases_are_apart_and_their_roles_are_held_by_row_level_security() {
    if !harness::Backend::Postgres.is_wanted() {
        return;
    }
    harness::block_on(async {
        let one = Database::empty().await;
        let two = Database::empty().await;
        let mut owner = PgConnection::connect(&one.owner).await.expect("the owner may connect");
        sqlx::raw_sql("CREATE TABLE t (x int)").execute(&mut owner).await.expect("and make tables");
        owner.close().await.expect("an idle connection closes");
        let there = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
        let bypass = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
        for (url, tables) in [(&one.app, 1), (&one.system, 1), (&two.app, 0), (&two.system, 0)] {
            let mut role = PgConnection::connect(url).await.expect("the role may connect");
            let seen: i64 = sqlx::query_scalar(there).fetch_one(&mut role).await.expect("counts");
            assert_eq!(seen, tables, "{url}");
            let free: bool = sqlx::query_scalar(bypass).fetch_one(&mut role).await.expect("a role");
            assert!(!free, "{url}");
        }
        let url = one.app.clone();
        drop(one);
        assert!(PgConnection::connect(&url).await.is_err(), "a dropped database is gone");
    });
}

#[test]
fn every_test_gets_the_whole_schema_and_no_rows() {
    if !harness::Backend::Postgres.is_wanted() {
        return;
    }
    harness::block_on(async {
        for _ in 0..2 {
            let database = Database::migrated().await;
            let mut app = PgConnection::connect(&database.app).await.expect("the app may connect");
            let seen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM tenants")
                .fetch_one(&mut app)
                .await
                .expect("the app may read the table");
            assert_eq!(seen, 0);
            let held: bool = sqlx::query_scalar(
                "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'tenants'",
            )
            .fetch_one(&mut app)
            .await
            .expect("the table is there");
            assert!(held, "a copy of the template keeps its row-level security");
        }
    });
}

#[test]
fn redis_answers() {
    let url = redis::url();
    let address = url.strip_prefix("redis://").expect("a redis address");
    let mut connection = TcpStream::connect(address).expect("it listens");
    connection.write_all(b"PING\r\n").expect("it reads");
    let mut answer = [0; 7];
    connection.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn a_throw_away_server_ends_with_the_pipe_that_holds_it() {
    let port = harness::free_port();
    let mut script = Command::new("sh")
        .arg(harness::clients::root().join("tests/harness/throwaway.sh"))
        .args(["redis", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh is there");
    let mut line = String::new();
    let out = script.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut line).expect("a pipe can be read");
    assert_eq!(line, "ready\n");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    // What the end of the process that holds the pipe does, by whatever cause.
    drop(script.stdin.take());
    assert!(script.wait().expect("it ends").success());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let prefix = format!("bailiwick-test.{}.", script.id());
    let left = std::fs::read_dir("/tmp").expect("/tmp can be read").flatten();
    assert!(!left.into_iter().any(|e| e.file_name().to_string_lossy().starts_with(&prefix)));
}

#[test]
fn forms_are_read_as_a_browser_reads_them() {
    let page = Page {
        url: "http://127.0.0.1:1/t/demo/login?x=1".parse().expect("an address"),
        status: 200,
        headers: HeaderMap::new(),
        html: r#"<!doctype html><title>Sign in</title><p id="who"> Ada
            Lovelace</p><form method="post" action="/t/demo/login">
            <input type="hidden" name="csrf" value="a&quot;b"><input id="email" name="mail">
            <input type="checkbox" name="stay" value="yes"><input disabled name="off" value="1">
            <select name="lang"><option value="en">E</option><option selected>de</option></select>
            <button id="sign-in" name="do" value="sign-in">Go</button>
            <button id="other" name="do" value="other">No</button></form><form id="bare"></form>"#
            .to_owned(),
    };
    assert!(page.has("#sign-in") && !page.has("#allow"));
    assert_eq!(page.text("#who"), "Ada Lovelace");
    let form = page.form("#sign-in").fill("#email", "ada@example.com").fill("lang", "fr");
    assert_eq!(form.action.as_str(), "http://127.0.0.1:1/t/demo/login");
    assert_eq!(form.method, "post");
    let fields: Vec<_> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let wanted = [("csrf", "a\"b"), ("mail", "ada@example.com"), ("lang", "fr"), ("do", "sign-in")];
    assert_eq!(fields, wanted);
    assert_eq!(page.form("#bare").action, page.url);
}
