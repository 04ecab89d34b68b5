//! The documented load run: a release server on each database, beside a bare endpoint and one that
//! only signs one ES256 token, in one run on one machine.
//!
//! `make bench` runs it (under ten minutes), `make bench-full` with 100 tenants and a million
//! stored sessions, too. Absolute figures depend on the machine; the ratios of one run count.

#![expect(clippy::panic, reason = "a run that cannot go on says why and ends")]

mod bare;
mod decisions;
mod sign_in;
mod site;
mod table;
mod target;
mod wrk;

use std::sync::Arc;

use harness::Browser;
use sign_in::Crowd;
use site::{BODY, CALLER};
use table::Table;
use target::Target;
use wrk::{CONNECTIONS, Load};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FIXED: &str = include_str!("lua/fixed.lua");
const LISTED: &str = include_str!("lua/listed.lua");
const MINT: &str = include_str!("lua/mint.lua");
const REFRESH: &str = include_str!("lua/refresh.lua");
const CODE: &str = include_str!("lua/code.lua");
const ZIPF: &str = include_str!("lua/zipf.lua");

/// People who sign in at once.
const CROWD: usize = 64;
/// Connections that exchange refresh tokens.
const REFRESHING: u32 = 128;
/// Families whose tokens are exchanged in turn: more than connections, so that none waits.
const FAMILIES: usize = 384;

/// What `LOAD_ONLY` may say: decisions alone.
const DECISIONS: &str = "decisions";
/// A question like those of the decision point.
const QUESTION: &str = r#"{"subject":{"type":"person","id":"7"},"action":{"name":"read"},"resource":{"type":"document","id":"7"}}"#;

fn main() {
    // `cargo test --benches` only checks that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let set = |name| std::env::var(name).ok().and_then(|s| s.parse::<u32>().ok());
    let seconds = set("LOAD_SECONDS").unwrap_or(5);
    let counts: &[usize] = if set("LOAD_FULL") == Some(1) { &[100, 10_000] } else { &[10_000] };
    let full = set("LOAD_FULL") == Some(1);
    let only = std::env::var("LOAD_ONLY").ok();
    let only = only.as_deref();
    let bare = bare::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let mut table = Table::new(seconds);
        let load = |name, method: &str, path: &str| Load {
            name,
            base: bare.clone(),
            script: FIXED,
            args: vec![method.into(), path.into(), BODY.into()],
            requests: 1,
            connections: CONNECTIONS,
        };
        table.measure(&load("bare endpoint", "GET", "/bare"));
        table.measure(&load("bare endpoint that signs one ES256 token", "POST", "/sign"));
        table.measure(&Load {
            args: vec!["POST".into(), "/json".into(), QUESTION.into()],
            ..load("bare endpoint that reads and writes JSON", "POST", "/json")
        });
        for postgres in [false, true] {
            let target = Arc::new(Target::start(postgres).await);
            let name = if postgres { "PostgreSQL + Redis" } else { "SQLite" };
            table.section(name, &format!("at rest {:.0} MB", target.memory() / 1024.0));
            if only != Some(DECISIONS) {
                one_tenant(&mut table, &target, full).await;
            }
            decisions::run(&mut table, &target).await;
            for count in counts.iter().filter(|_| only != Some(DECISIONS)) {
                many_tenants(&mut table, &target, *count);
            }
        }
        table.print();
    });
}

async fn one_tenant(table: &mut Table, target: &Arc<Target>, full: bool) {
    target.apply(&site::manifest());
    let mut browser = site::signed_in(target).await;
    if full {
        store_sessions(target).await;
    }
    let load = |name, script, args: &[&str]| Load {
        name,
        base: target.base.clone(),
        script,
        args: args.iter().map(|a| (*a).to_owned()).collect(),
        requests: 1,
        connections: CONNECTIONS,
    };
    let (token, introspect) = ("/t/load/oauth/token", "/t/load/oauth/introspect");
    let minted = target.file("tokens");
    table.measure(&load("client_credentials (ES256)", FIXED, &["POST", token, BODY]));
    let fixed = site::post(target, "/oauth/token", None, BODY).await;
    let fixed = format!("{CALLER}&token={}", fixed["access_token"].as_str().expect("a token"));
    table.measure(&load("introspection, known token", FIXED, &["POST", introspect, &fixed]));
    load("", MINT, &[token, BODY, &minted]).peak(2 * table.seconds);
    let tokens = std::fs::read_to_string(&minted).expect("tokens were minted");
    let cold: Vec<String> =
        tokens.lines().map(|t| format!("{introspect} {CALLER}&token={t}")).collect();
    let listed = target.file("cold");
    std::fs::write(&listed, cold.join("\n")).expect("written");
    table.measure_once(&load("introspection, unknown token", LISTED, &[&listed]));
    table.measure(&load("JWKS", FIXED, &["GET", "/t/load/.well-known/jwks.json"]));
    let web = site::tokens(target, &mut browser, "es256").await;
    let bearer = format!("Bearer {}", web["access_token"].as_str().expect("a token"));
    let userinfo = ["GET", "/t/load/oauth/userinfo", "", bearer.as_str()];
    table.measure(&load("userinfo", FIXED, &userinfo));
    let basic = site::basic("es256");
    // A commit takes what waits: more wait at a time, more are committed together.
    let refresh = |families: String| Load {
        connections: REFRESHING,
        ..load("refresh rotation", REFRESH, &[token, &basic, &families])
    };
    let at_peak = refresh(families(target, &mut browser, "families").await);
    let at_half = refresh(families(target, &mut browser, "more-families").await);
    table.measure_both(&at_peak, &at_half);
    for (name, client) in [
        ("authorization code, end to end (ES256)", "es256"),
        ("authorization code, end to end (RS256)", "rs256"),
    ] {
        let cookies: Vec<String> =
            browser.cookies().iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        let (authorize, basic) = (site::authorize(client), site::basic(client));
        let args = [&authorize, &cookies.join("; "), token, &site::exchange(), &basic];
        table.measure(&Load { requests: 2, ..load(name, CODE, &args) });
    }
    table.add("sign-in with a password", site::sign_ins(target, 120).await, None);
    let (whole, hash) = sign_in::one_by_one(target, 60).await;
    table.note(&format!(
        "one sign-in at a time: {whole:.1} ms, of which its hash {hash:.1} ms, everything else {:.1} ms",
        whole - hash
    ));
    let crowd = Crowd::start(target, CROWD);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for other in [
        load("client_credentials, beside 64 sign-ins at once", FIXED, &["POST", token, BODY]),
        load("introspection, beside them", FIXED, &["POST", introspect, &fixed]),
        load("JWKS, beside them", FIXED, &["GET", "/t/load/.well-known/jwks.json"]),
    ] {
        let (other, seconds) = (Load { connections: 4, ..other }, table.seconds);
        let name = other.name;
        let run = tokio::task::spawn_blocking(move || other.paced(seconds, 10)).await;
        table.add(name, run.expect("it ran"), None);
    }
    let (each_second, refused) = crowd.so_far();
    drop(crowd);
    table.note(&format!(
        "the sign-ins beside them: {each_second:.0}/s, {refused} told to come again"
    ));
    table.note(&format!("resident memory after these runs: {:.0} MB", target.memory() / 1024.0));
}

/// A file of refresh tokens.
async fn families(target: &Target, browser: &mut Browser, name: &str) -> String {
    let mut list = Vec::new();
    for _ in 0..FAMILIES {
        let tokens = site::tokens(target, browser, "es256").await;
        list.push(tokens["refresh_token"].as_str().expect("a token").to_owned());
    }
    let file = target.file(name);
    std::fs::write(&file, list.join("\n")).expect("written");
    file
}

/// Every tenant is asked once, so that it is warm, then as many people as they have would.
fn many_tenants(table: &mut Table, target: &Target, count: usize) {
    target.apply(&site::many(count));
    let before = target.memory();
    let first: Vec<String> = (0..count).map(|n| format!("/t/t{n}/oauth/token {BODY}")).collect();
    let file = target.file("first");
    std::fs::write(&file, first.join("\n")).expect("written");
    let load = |name, script, args: Vec<String>| Load {
        name,
        base: target.base.clone(),
        script,
        args,
        requests: 1,
        connections: CONNECTIONS,
    };
    // Long enough for every one of them to be asked.
    let warming = load("", LISTED, vec![file]);
    let mut asked = 0.0;
    while asked < f64::from(u32::try_from(count).unwrap_or(u32::MAX)) {
        asked += warming.peak(5).per_second * 5.0;
    }
    let warm = target.memory();
    let each = (warm - before) * 1024.0 / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let (name, path) = (
        if count == 100 {
            "client_credentials, 100 tenants"
        } else {
            "client_credentials, 10,000 tenants"
        },
        "/t/t%d/oauth/token".to_owned(),
    );
    table.measure(&load(name, ZIPF, vec![count.to_string(), path, BODY.to_owned()]));
    table.note(&format!(
        "{count} warm tenants: {:.0} MB resident, {each:.0} bytes a warm tenant",
        target.memory() / 1024.0
    ));
}

/// A million sessions of the one user, in a thousand browsers.
async fn store_sessions(target: &Target) {
    let columns = "INSERT INTO sessions (tenant_id, id, browser_id, user_id, authentications, \
         auth_time, created_at, last_used_at, idle_expires_at, expires_at, risk)";
    let rest = "s.browser_id, s.user_id, s.authentications, s.auth_time, s.created_at, \
         s.last_used_at, s.idle_expires_at, s.expires_at, s.risk";
    let sqlite = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000000) \
         {columns} SELECT s.tenant_id, randomblob(16), {rest} FROM \
         (SELECT * FROM sessions LIMIT 1) s, n"
    );
    let postgres = format!(
        "{columns} SELECT s.tenant_id, gen_random_uuid(), {rest} FROM \
         (SELECT * FROM sessions LIMIT 1) s, generate_series(1, 1000000); ANALYZE"
    );
    // Ended, so that the one browser is not in all of them at once.
    let ended = "; UPDATE sessions SET ended_at = created_at WHERE id <> \
         (SELECT id FROM sessions ORDER BY created_at LIMIT 1)";
    target.execute(&format!("{sqlite}{ended}"), &format!("{postgres}{ended}")).await;
}
