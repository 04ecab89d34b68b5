//! What the nodes stand on goes away and comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use harness::Cluster;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{
    code, dies, exchange, is_active, machine_token, manifest, on_a_cluster, post, refresh,
    refresh_at_last, signed_in, text,
};

on_a_cluster!(redis_goes_away, postgres_goes_away, both_stand_still, revocations_arrive);

/// Nothing that people or applications do needs Redis.
async fn redis_goes_away() {
    let cluster = &Cluster::start(&manifest()).await;
    cluster.until("with Redis", |health| health["redis"] == "up").await;
    cluster.redis.tell("stop");
    cluster.until("without Redis", |h| h["redis"] == "away" && h["status"] == "ready").await;
    let mut browser = signed_in(cluster).await;
    let code = code(cluster, &mut browser, "web").await;
    let tokens = exchange(cluster, &cluster.nodes[0].base, "web", &code).await.ok();
    let at = &cluster.nodes[1].base;
    let tokens = refresh(cluster, at, "web", text(&tokens, "refresh_token")).await.ok();
    let form = [("token", text(&tokens, "refresh_token"))];
    post(cluster, at, ("web", "/oauth/revoke"), &form).await.ok();
    dies(cluster, "web", &tokens["access_token"]).await;
    cluster.redis.tell("start");
    cluster.until("with Redis again", |health| health["redis"] == "up").await;
}

/// What is warm is answered, what must be written is refused at once, and nobody restarts anything.
async fn postgres_goes_away() {
    let cluster = &Cluster::start(&manifest()).await;
    let mut browser = signed_in(cluster).await;
    let code = code(cluster, &mut browser, "web").await;
    let tokens = exchange(cluster, &cluster.base, "web", &code).await.ok();
    let mut known = Vec::new();
    for node in &cluster.nodes {
        let token = machine_token(cluster, &node.base).await;
        assert!(is_active(cluster, &node.base, "worker", &token).await);
        known.push(token);
    }
    cluster.postgres.tell("stop");
    let down = async |node: &harness::cluster::Node, token| {
        for _ in 0..5 {
            machine_token(cluster, &node.base).await;
            assert!(is_active(cluster, &node.base, "worker", token).await);
            let jwks = format!("{}/t/acme/.well-known/jwks.json", node.base);
            assert_eq!(cluster.http.get(jwks).send().await.expect("answers").status(), 200);
            let refused = refresh(cluster, &node.base, "web", text(&tokens, "refresh_token")).await;
            assert_eq!(refused.status, 503, "{refused:?}");
            assert!(!refused.header("retry-after").is_empty());
        }
    };
    for (node, token) in cluster.nodes.iter().zip(&known) {
        down(node, token).await;
    }
    cluster.until("not ready", |h| h["status"] == "not ready" && h["database"] == "away").await;
    cluster.postgres.tell("start");
    cluster.until("ready again", |h| h["status"] == "ready" && h["database"] == "up").await;
    let tokens = refresh_at_last(cluster, text(&tokens, "refresh_token")).await;
    assert!(is_active(cluster, &cluster.base, "web", &tokens["access_token"]).await);
    // Usage that was counted meanwhile is in the ledger.
    let quantity = "SELECT COALESCE(SUM(quantity), 0)::bigint FROM receipts";
    for _ in 0..200 {
        if cluster.number(quantity).await >= 14 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("receipts were lost: {}", cluster.number(quantity).await);
}

/// A machine that stands still for seconds, as in a snapshot or a migration.
async fn both_stand_still() {
    let cluster = &Cluster::start(&manifest()).await;
    let over = &AtomicBool::new(false);
    let client = async || {
        let mut browser = signed_in(cluster).await;
        let code = code(cluster, &mut browser, "web").await;
        let mut tokens = exchange(cluster, &cluster.base, "web", &code).await.ok();
        while !over.load(Ordering::Relaxed) {
            tokens = refresh_at_last(cluster, text(&tokens, "refresh_token")).await;
        }
    };
    let pauses = async {
        for server in [&cluster.redis, &cluster.postgres] {
            tokio::time::sleep(Duration::from_millis(500)).await;
            server.tell("pause");
            tokio::time::sleep(Duration::from_secs(3)).await;
            server.tell("resume");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(join_all((0..4).map(|_| client())), pauses);
    let revoked = "SELECT COUNT(*) FROM refresh_families WHERE revoked_at IS NOT NULL";
    assert_eq!(cluster.number(revoked).await, 0);
    let well = |h: &serde_json::Value| h["status"] == "ready" && h["redis"] == "up";
    cluster.until("well", well).await;
}

/// A revocation reaches the other node, told through Redis or not.
async fn revocations_arrive() {
    let cluster = &Cluster::start(&manifest()).await;
    let [one, two] = &cluster.nodes;
    for told in [true, false] {
        if !told {
            redis_command(cluster, "ACL SETUSER default -publish").await;
        }
        for _ in 0..5 {
            let mut browser = signed_in(cluster).await;
            let code = code(cluster, &mut browser, "web").await;
            let tokens = exchange(cluster, &one.base, "web", &code).await.ok();
            let access = &tokens["access_token"];
            assert!(is_active(cluster, &two.base, "web", access).await);
            let form = [("token", text(&tokens, "refresh_token"))];
            post(cluster, &one.base, ("web", "/oauth/revoke"), &form).await.ok();
            assert!(!is_active(cluster, &one.base, "web", access).await, "here at once");
            dies(cluster, "web", access).await;
        }
    }
}

pub(super) async fn redis_command(cluster: &Cluster, command: &str) {
    let to = ("127.0.0.1", cluster.redis.port);
    let mut connection = TcpStream::connect(to).await.expect("Redis answers");
    connection.write_all(format!("{command}\r\n").as_bytes()).await.expect("written");
    let mut answer = [0; 5];
    connection.read_exact(&mut answer).await.expect("Redis answers");
    assert_eq!(&answer, b"+OK\r\n");
}
