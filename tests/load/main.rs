//! The documented load run: client_credentials against a real server, beside a bare endpoint that
//! only signs one ES256 token, in one run on one machine.
//!
//! `cargo bench -p bailiwick-tests --bench load` (or `make bench`). Absolute figures depend on the
//! machine; the ratio to the bare signer of the same run is what counts.

use std::process::Command;
use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use bailiwick_domain::Env;
use bailiwick_domain::application::SigningAlg;
use bailiwick_protocol::jose::SigningKey;
use bailiwick_protocol::tokens::AccessTokenClaims;
use harness::{Backend, Options, Server};

const MANIFEST: &str = "
tenant: {slug: load, name: Load, settings: {limits: {enabled: false}}}
applications:
  - client_id: machine
    name: Machine
    type: machine
    client_secret: a-secret-of-thirty-two-characters
    token_endpoint_auth_method: client_secret_post
    scopes: [orders.read]
    audiences: [https://api.example.com]
";

const BODY: &str = "grant_type=client_credentials&client_id=machine\
     &client_secret=a-secret-of-thirty-two-characters&scope=orders.read";

/// What one row of the table says.
struct Measured {
    name: &'static str,
    per_second: f64,
    p50: String,
    p99: String,
    errors: u64,
}

fn main() {
    // `cargo test --benches` only checks that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let seconds = std::env::var("LOAD_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(8);
    let bare = bare_server();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let options = Options::real_time().with("BAILIWICK_LOG", "warn");
        let server = Server::start(Backend::Sqlite, options).await;
        server.apply(MANIFEST).await;
        let issuer = server.issuer("load");
        let token = token(&server, &issuer).await;
        let introspect = format!(
            "token={token}&client_id=machine&client_secret=a-secret-of-thirty-two-characters"
        );
        let runs: [(&'static str, String, Option<&str>); 5] = [
            ("bare endpoint", format!("{bare}/bare"), None),
            ("bare endpoint, signs one ES256 token", format!("{bare}/sign"), Some(BODY)),
            ("client_credentials (ES256)", format!("{issuer}/oauth/token"), Some(BODY)),
            ("introspection", format!("{issuer}/oauth/introspect"), Some(&introspect)),
            ("JWKS", format!("{issuer}/.well-known/jwks.json"), None),
        ];
        let mut rows = Vec::new();
        for (name, url, body) in runs {
            let body = body.map(str::to_owned);
            let measure = move || wrk(name, &url, body.as_deref(), seconds);
            rows.push(tokio::task::spawn_blocking(measure).await.expect("wrk runs"));
        }
        print(&rows);
    });
}

async fn token(server: &Server, issuer: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "a-secret-of-thirty-two-characters"),
    ];
    let answer = server.post(&format!("{}/oauth/token", path(issuer)), &form).await;
    let json: serde_json::Value = answer.json().await.expect("JSON");
    json["access_token"].as_str().expect("a token").to_owned()
}

fn path(issuer: &str) -> &str {
    let rest = issuer.split_once("://").expect("an address").1;
    &rest[rest.find('/').expect("a path")..]
}

/// A server that does nothing, and one that does nothing but sign.
fn bare_server() -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let made = SigningKey::generate(SigningAlg::ES256).expect("a key");
            let key =
                SigningKey::from_pkcs8("bare", SigningAlg::ES256, &made.pkcs8).expect("a key");
            let (key, env) = (Arc::new(key), Env::system());
            let server = HttpServer::new(move || {
                let (key, env) = (Arc::clone(&key), env.clone());
                let sign = move |_: web::Bytes| {
                    let token = claims(&env).sign(&key).expect("signs");
                    std::future::ready(HttpResponse::Ok().body(token))
                };
                App::new()
                    .route("/bare", web::get().to(|| std::future::ready(HttpResponse::Ok())))
                    .route("/sign", web::post().to(sign))
            })
            .bind("127.0.0.1:0")
            .expect("a free port");
            tell.send(format!("http://{}", server.addrs()[0])).expect("told");
            server.run().await.expect("serves");
        });
    });
    told.recv().expect("the bare server starts")
}

fn claims(env: &Env) -> AccessTokenClaims {
    let now = env.now();
    AccessTokenClaims {
        iss: "https://id.example.com/t/load".into(),
        sub: "machine".into(),
        aud: vec!["https://api.example.com".into()],
        exp: now.plus_secs(600).as_secs(),
        iat: now.as_secs(),
        jti: env.token::<16>(),
        client_id: "machine".into(),
        scope: bailiwick_domain::ScopeSet::parse("orders.read").expect("a scope"),
        auth_time: None,
        acr: None,
        amr: Vec::new(),
        org_id: None,
        sid: None,
        grant_id: None,
        claims: None,
    }
}

fn wrk(name: &'static str, url: &str, body: Option<&str>, seconds: u32) -> Measured {
    let script = tempfile::NamedTempFile::with_suffix(".lua").expect("a file");
    let lua = body.map_or_else(String::new, |body| {
        format!(
            "wrk.method = 'POST'\nwrk.body = '{body}'\n\
             wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'\n"
        )
    });
    std::fs::write(script.path(), lua).expect("written");
    let output = Command::new("wrk")
        .args(["-t1", "-c32", &format!("-d{seconds}s"), "--latency", "-s"])
        .arg(script.path())
        .arg(url)
        .output()
        .expect("wrk is installed: scripts/setup.sh bench");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let after = |label: &str| {
        let line = text.lines().map(str::trim).find(|l| l.starts_with(label));
        line.map(|l| l[label.len()..].trim().to_owned())
    };
    let errors = after("Non-2xx or 3xx responses:").and_then(|n| n.parse().ok()).unwrap_or(0);
    Measured {
        name,
        per_second: after("Requests/sec:").and_then(|n| n.parse().ok()).expect(&text),
        p50: after("50%").unwrap_or_default(),
        p99: after("99%").unwrap_or_default(),
        errors,
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn print(rows: &[Measured]) {
    let rate = |i: usize| rows.get(i).map_or(f64::NAN, |r| r.per_second);
    let (bare, signer) = (rate(0), rate(1));
    println!(
        "{:<38} {:>10} {:>9} {:>9} {:>8} {:>8}",
        "", "requests/s", "p50", "p99", "to bare", "to signer"
    );
    for row in rows {
        println!(
            "{:<38} {:>10.0} {:>9} {:>9} {:>8.2} {:>8.2}{}",
            row.name,
            row.per_second,
            row.p50,
            row.p99,
            row.per_second / bare,
            row.per_second / signer,
            if row.errors > 0 { format!("  {} ERRORS", row.errors) } else { String::new() }
        );
    }
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = memory.lines().find(|l| l.starts_with("VmRSS")) {
        println!("resident memory of this process, both servers in it: {}", line[6..].trim());
    }
}
