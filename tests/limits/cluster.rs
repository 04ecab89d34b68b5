//! Limits that two nodes share through Redis, and what is left of them without it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use futures_util::future::join_all;
use harness::throwaway::Throwaway;
use harness::{Backend, Options, Server, redis};

use super::support::{Caller, SignIn, manifest};

const AT: &str = "192.0.2.1";

/// Runs a test on PostgreSQL with a Redis. Each needs a seed of its own: the keys in a Redis that
/// is shared follow from it.
fn run(seed: u64, redis: &str, test: impl AsyncFnOnce(&Server)) {
    let options = Options { seed, ..super::options() }.with("BAILIWICK_REDIS_URL", redis);
    harness::run(Backend::Postgres, options, test);
}

/// Somebody who waits while a node asks for its next slice.
fn patient(server: &Server, base: &str) -> Caller {
    Caller::new(server, base, "acme", AT).patient(true)
}

/// Sends a command to a Redis, and gives the lines of its answer.
fn ask(url: &str, command: &str) -> Vec<String> {
    let address = url.strip_prefix("redis://").expect("a redis address");
    let mut connection = TcpStream::connect(address).expect("it listens");
    write!(connection, "{command}\r\nQUIT\r\n").expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers and ends");
    answer.lines().map(str::to_owned).collect()
}

#[test]
fn two_nodes_share_a_limit() {
    run(31, &redis::url(), async |server| {
        server.apply(&manifest("acme", "client_per_minute: 80, address_burst: 40")).await;
        let peer = server.peer().await;
        let callers = [&server.base, &peer.base].map(|base| patient(server, base));
        // A slice is an eighth, and each node may go over by one.
        let mut tokens = 0;
        for n in 0..240 {
            tokens += callers[n % 2].tokens("worker", 1).await;
        }
        assert!((80..=100).contains(&tokens), "{tokens} tokens");
        let mut pages = 0;
        for n in 0..120 {
            pages += callers[n % 2].authorizations(1).await;
        }
        assert!((40..=50).contains(&pages), "{pages} pages");
        // All at once is no way around it.
        let callers = callers.map(|caller| caller.patient(false));
        let flood = (0..300).map(|n| callers[n % 2].tokens("other", 1));
        let tokens: usize = join_all(flood).await.into_iter().sum();
        assert!((20..=100).contains(&tokens), "{tokens} tokens at once");
        peer.stop().await;
    });
}

#[test]
fn two_nodes_count_failures_exactly() {
    run(32, &redis::url(), async |server| {
        server.apply(&manifest("acme", "")).await;
        let peer = server.peer().await;
        let form = SignIn::open(server, "acme").await;
        let bases = [&server.base, &peer.base];
        let tries = (0..40).map(|n| {
            let (form, wrong) = (&form, format!("wrong password {n}"));
            let base = bases[n % 2];
            async move { form.send_to(base, AT, ("ada@example.com", &wrong)).await.status }
        });
        let answers = join_all(tries).await;
        let checked = answers.iter().filter(|status| **status == 401).count();
        assert_eq!(checked, 5, "{answers:?}");
        // A success on one node begins anew on both.
        server.advance(Duration::from_secs(900)).await;
        for base in bases {
            for _ in 0..2 {
                let wrong = form.send_to(base, AT, ("ada@example.com", "a wrong password")).await;
                assert_eq!(wrong.status, 401);
            }
        }
        let right = ("ada@example.com", super::PASSWORD);
        assert_eq!(form.send_to(&peer.base, AT, right).await.status, 303);
        let form = SignIn::open(server, "acme").await;
        assert_eq!(form.wrong(AT, "ada@example.com", 6).await, [401, 401, 401, 401, 401, 429]);
        // What it remembers tells of nobody, and ends by itself.
        let keys = ask(&redis::url(), "KEYS bw:[fk]:*");
        let keys: Vec<_> = keys.iter().filter(|line| line.starts_with("bw:")).collect();
        assert!(keys.len() >= 4, "{keys:?}");
        for key in keys {
            let digits = key.split(':').next_back().expect("a last part");
            assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
            let left = ask(&redis::url(), &format!("PTTL {key}"));
            assert!(left.first().is_some_and(|l| l.starts_with(':') && l != ":-1"), "{left:?}");
        }
        peer.stop().await;
    });
}

#[test]
fn a_node_without_its_redis_goes_on_with_half_and_comes_back() {
    let own = Throwaway::start("redis");
    run(33, &format!("redis://127.0.0.1:{}", own.port), async |server| {
        server.apply(&manifest("acme", "client_per_minute: 80")).await;
        let caller = patient(server, &server.base);
        assert_eq!(caller.tokens("worker", 120).await, 80);
        own.tell("stop");
        // The first ask that fails is what it learns from.
        assert!(caller.tokens("other", 120).await < 80);
        server.advance(Duration::from_secs(180)).await;
        assert_eq!(caller.tokens("worker", 120).await, 40);
        let form = SignIn::open(server, "acme").await;
        let tries = form.wrong(AT, "ada@example.com", 4).await;
        assert_eq!(tries, [401, 401, 401, 429], "half, rounded up");
        own.tell("start");
        let mut allowed = 0;
        for _ in 0..100 {
            server.advance(Duration::from_secs(180)).await;
            allowed = caller.tokens("worker", 100).await;
            if allowed == 80 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(allowed, 80, "it does not come back");
    });
}
