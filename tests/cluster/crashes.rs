//! Nodes die, stop, lose answers, and have wrong clocks.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use harness::Cluster;
use serde_json::Value;

use super::{
    authorize_url, code, exchange, is_active, machine_token, manifest, on_a_cluster, refresh,
    refresh_at_last, signed_in, text, try_post,
};
use crate::oauth::support::{claims, part};

on_a_cluster!(
    nodes_are_killed_under_load,
    a_node_stops_in_order,
    the_answer_of_a_commit_is_lost,
    clocks_are_wrong,
    the_schema_is_ahead,
    keys_rotate_under_load,
);

/// A family of refresh tokens for Ada.
async fn family(cluster: &Cluster) -> Value {
    let mut browser = signed_in(cluster).await;
    let code = code(cluster, &mut browser, "web").await;
    exchange(cluster, &cluster.base, "web", &code).await.ok()
}

/// Every family goes on, once, however its refreshes were cut off; people get signed in.
async fn nodes_are_killed_under_load() {
    const LANES: usize = 8;
    let cluster = &Cluster::start(&manifest()).await;
    let (over, refreshed) = (&AtomicBool::new(false), &AtomicU32::new(0));
    let families = join_all((0..LANES).map(|_| family(cluster))).await;
    let client = async |mut tokens: Value| {
        while !over.load(Ordering::Relaxed) {
            tokens = refresh_at_last(cluster, text(&tokens, "refresh_token")).await;
            refreshed.fetch_add(1, Ordering::Relaxed);
        }
        let last = refresh_at_last(cluster, text(&tokens, "refresh_token")).await;
        assert!(is_active(cluster, &cluster.base, "web", &last["access_token"]).await);
    };
    let people = async || {
        let mut signed = 0;
        while !over.load(Ordering::Relaxed) {
            signed += u32::from(sign_in_by_hand(cluster).await);
        }
        assert!(signed > 0, "nobody got in");
    };
    let killer = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for node in cluster.nodes.iter().cycle().take(4) {
            node.kill();
            tokio::time::sleep(Duration::from_millis(300)).await;
            node.start();
            node.ready(&cluster.http).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(join_all(families.into_iter().map(client)), people(), killer);
    let lanes = i64::try_from(LANES).expect("small");
    assert_eq!(cluster.number("SELECT COUNT(*) FROM refresh_families").await, lanes);
    let revoked = "SELECT COUNT(*) FROM refresh_families WHERE revoked_at IS NOT NULL";
    assert_eq!(cluster.number(revoked).await, 0, "nobody replayed anything");
    let generations = "SELECT SUM(generation)::bigint FROM refresh_families";
    // A refresh whose answer was cut off is one generation; its retry within grace is none.
    let refreshed = i64::from(refreshed.load(Ordering::Relaxed)) + lanes;
    assert_eq!(cluster.number(generations).await, refreshed, "none twice, none lost");
    let orphans = "SELECT COUNT(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM browsers b \
         WHERE b.tenant_id = s.tenant_id AND b.id = s.browser_id)";
    assert_eq!(cluster.number(orphans).await, 0, "no half-written sign-in");
}

/// A sign-in whose connection may break at any step; whether it got through.
async fn sign_in_by_hand(cluster: &Cluster) -> bool {
    let url = authorize_url(&cluster.base, "web");
    let (base, http) = (cluster.base.clone(), cluster.http.clone());
    let attempt = tokio::spawn(async move {
        let mut browser = harness::Browser::at(&base, &http);
        let (email, password) = crate::oauth::support::ADA;
        browser.sign_in(&url, email, password).await.left();
    });
    // The browser panics when the node that it talks to is killed.
    attempt.await.is_ok()
}

/// Everything that a stopping node has accepted is answered.
async fn a_node_stops_in_order() {
    let cluster = &Cluster::start(&manifest()).await;
    let node = &cluster.nodes[0];
    let form = [("grant_type", "client_credentials")];
    let before = "SELECT COALESCE(SUM(quantity), 0)::bigint FROM receipts";
    let counted = cluster.number(before).await;
    let answered = &AtomicU32::new(0);
    let client = async || {
        for _ in 0..2_000 {
            match try_post(cluster, &node.base, ("worker", "/oauth/token"), &form).await {
                Some(answer) => {
                    answer.ok();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                None => return, // It listens no longer.
            }
        }
    };
    let stop = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(node.stop().await, "it ends well");
    };
    tokio::join!(join_all((0..4).map(|_| client())), stop);
    let answered = i64::from(answered.load(Ordering::Relaxed));
    assert!(answered > 0);
    let now = cluster.number(before).await - counted;
    assert!(now >= answered, "{answered} tokens were answered, {now} are in the receipts");
    machine_token(cluster, &cluster.nodes[1].base).await;
}

/// The node finds out that its commit arrived: the client gets its tokens, and is no replayer.
async fn the_answer_of_a_commit_is_lost() {
    let cluster = &Cluster::start(&manifest()).await;
    let mut tokens = family(cluster).await;
    let mut lost = 0;
    for _ in 0..10 {
        cluster.line.lose_the_next_commit();
        let answer = refresh(cluster, &cluster.base, "web", text(&tokens, "refresh_token")).await;
        lost += u32::from(cluster.line.has_lost_it());
        tokens = answer.ok();
    }
    assert!(lost > 5, "most of the lost commits were those of refreshes");
    assert_eq!(cluster.number("SELECT MAX(generation) FROM refresh_families").await, 10);
}

/// Nodes run on the time of the database.
async fn clocks_are_wrong() {
    let cluster = &Cluster::with_clocks(&manifest(), [Some("-45s"), Some("+45s")]).await;
    let [one, two] = &cluster.nodes;
    let mut browser = signed_in(cluster).await;
    for (issues, redeems) in [(one, two), (two, one)] {
        let token = machine_token(cluster, &issues.base).await;
        assert!(is_active(cluster, &redeems.base, "worker", &token).await);
        let truth = cluster.number("SELECT extract(epoch FROM now())::bigint").await;
        let issued_at = claims(&token)["iat"].as_i64().expect("a time");
        assert!((truth - issued_at).abs() <= 5, "issued at {issued_at}, it was {truth}");
        let code = code(cluster, &mut browser, "web").await;
        let tokens = exchange(cluster, &redeems.base, "web", &code).await.ok();
        let next = refresh(cluster, &issues.base, "web", text(&tokens, "refresh_token")).await;
        let again = refresh(cluster, &redeems.base, "web", text(&tokens, "refresh_token")).await;
        assert_eq!(next.ok()["refresh_token"], again.ok()["refresh_token"], "within grace");
    }
}

/// A newer version has added to the schema: this one serves on, and starts.
async fn the_schema_is_ahead() {
    let cluster = &Cluster::start(&manifest()).await;
    let tokens = family(cluster).await;
    let next = "UPDATE schema_state SET version = version + 1; \
         ALTER TABLE users ADD COLUMN later bigint NULL; \
         ALTER TABLE refresh_families ADD COLUMN later text NULL; \
         INSERT INTO jobs (tenant_id, id, kind, payload, run_at, attempts, created_at) \
         SELECT tenant_id, gen_random_uuid(), 'of_a_newer_version', '{}', 0, 0, 0 FROM tenants; \
         INSERT INTO changes (tenant_id, topic, key, version, at) \
         SELECT tenant_id, 'of_a_newer_version', '', 1, \
         (extract(epoch FROM now()) * 1000000)::bigint FROM tenants";
    cluster.execute(next).await;
    let mut tokens = refresh(cluster, &cluster.base, "web", text(&tokens, "refresh_token")).await;
    for node in &cluster.nodes {
        node.kill();
        node.start();
        node.ready(&cluster.http).await;
        let token = tokens.ok();
        tokens = refresh(cluster, &node.base, "web", text(&token, "refresh_token")).await;
    }
    family(cluster).await;
    let waiting = "SELECT COUNT(*) FROM jobs WHERE attempts > 0 OR finished_at IS NOT NULL";
    assert_eq!(cluster.number(waiting).await, 0, "nobody claims what it does not know");
}

/// Keys are replaced while tokens are issued: every token verifies at both nodes, always.
async fn keys_rotate_under_load() {
    let cluster = &Cluster::start(&manifest()).await;
    let over = &AtomicBool::new(false);
    let client = async |n: usize| {
        let mut kids = std::collections::BTreeSet::new();
        while !over.load(Ordering::Relaxed) {
            let [here, there] = [0, 1].map(|m| &cluster.nodes[(n + m) % 2].base);
            let token = machine_token(cluster, here).await;
            assert!(is_active(cluster, there, "worker", &token).await, "at the other node");
            kids.insert(part(&token, 0)["kid"].to_string());
        }
        kids.len()
    };
    let rotations = async {
        for _ in 0..2 {
            let rotate = ["keys", "rotate", "--tenant", "acme", "--alg", "ES256", "--now"];
            harness::clients::succeed(cluster.command(&rotate)).await;
            tokio::time::sleep(Duration::from_secs(6)).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let (kids, ()) = tokio::join!(join_all((0..4).map(client)), rotations);
    assert!(kids.iter().all(|n| *n == 3), "tokens of three keys: {kids:?}");
}
