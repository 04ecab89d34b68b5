//! What the figures are held against: a server that does nothing, and one that does nothing but
//! sign one ES256 token.

use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use bailiwick_domain::Env;
use bailiwick_domain::application::SigningAlg;
use bailiwick_protocol::jose::SigningKey;
use bailiwick_protocol::tokens::AccessTokenClaims;

/// Starts it; gives its address.
pub(crate) fn start() -> String {
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
