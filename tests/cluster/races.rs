//! Two nodes get the same thing at the same time.

use futures_util::future::join_all;
use harness::Cluster;

use super::{code, dies, exchange, is_active, manifest, on_a_cluster, refresh, signed_in, text};

on_a_cluster!(the_same_code, the_same_refresh_token);

const LANES: usize = 8;
const TIMES: usize = 1_000;

/// A code at both nodes at once: one exchange, and the other kills what it gave.
async fn the_same_code() {
    let cluster = &Cluster::start(&manifest()).await;
    let [one, two] = &cluster.nodes;
    let lane = async || {
        let mut browser = signed_in(cluster).await;
        let mut tokens = Vec::new();
        for _ in 0..TIMES / LANES {
            let code = code(cluster, &mut browser, "web").await;
            let (a, b) = tokio::join!(
                exchange(cluster, &one.base, "web", &code),
                exchange(cluster, &two.base, "web", &code),
            );
            let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
            lost.refused(400, "invalid_grant");
            tokens.push(won.ok());
        }
        for tokens in &tokens {
            dies(cluster, "web", &tokens["access_token"]).await;
            let refresh = refresh(cluster, &two.base, "web", text(tokens, "refresh_token")).await;
            refresh.refused(400, "invalid_grant");
        }
    };
    join_all((0..LANES).map(|_| lane())).await;
    let given = cluster.number("SELECT COUNT(*) FROM refresh_families").await;
    assert_eq!(given, i64::try_from(TIMES).expect("small"), "one family a code");
}

/// A refresh token at both nodes at once. With grace: both get the same successor. Without: one
/// exchange, and the other is a replay that kills the family.
async fn the_same_refresh_token() {
    let cluster = &Cluster::start(&manifest()).await;
    let [one, two] = &cluster.nodes;
    let lane = async || {
        let mut browser = signed_in(cluster).await;
        let code_of_chain = code(cluster, &mut browser, "web").await;
        let mut tokens = exchange(cluster, &one.base, "web", &code_of_chain).await.ok();
        for _ in 0..TIMES / LANES {
            let token = text(&tokens, "refresh_token").to_owned();
            let (a, b) = tokio::join!(
                refresh(cluster, &one.base, "web", &token),
                refresh(cluster, &two.base, "web", &token),
            );
            let (a, b) = (a.ok(), b.ok());
            assert_eq!(a["refresh_token"], b["refresh_token"], "one successor");
            tokens = a;

            let code = code(cluster, &mut browser, "nograce").await;
            let strict = exchange(cluster, &two.base, "nograce", &code).await.ok();
            let token = text(&strict, "refresh_token");
            let (a, b) = tokio::join!(
                refresh(cluster, &one.base, "nograce", token),
                refresh(cluster, &two.base, "nograce", token),
            );
            let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
            lost.refused(400, "invalid_grant");
            let won = won.ok();
            let dead = refresh(cluster, &one.base, "nograce", text(&won, "refresh_token")).await;
            dead.refused(400, "invalid_grant");
        }
        assert!(is_active(cluster, &two.base, "web", &tokens["access_token"]).await);
    };
    join_all((0..LANES).map(|_| lane())).await;
    let alive = "SELECT COUNT(*) FROM refresh_families WHERE revoked_at IS NULL";
    assert_eq!(cluster.number(alive).await, i64::try_from(LANES).expect("small"));
}
