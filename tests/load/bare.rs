//! What the figures are held against: a server that does nothing, one that does nothing but sign one
//! ES256 token, and one that reads a question and writes an answer in JSON.

use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use bailiwick_domain::Env;
use bailiwick_domain::application::SigningAlg;
use bailiwick_protocol::jose::SigningKey;
use bailiwick_protocol::tokens::AccessTokenClaims;

/// What the endpoint that reads and writes JSON is asked: the same as a decision point.
#[derive(serde::Deserialize)]
struct Question {
    subject: Named,
    #[expect(dead_code, reason = "it is read, as a decision point would")]
    action: Action,
    resource: Named,
}

#[derive(serde::Deserialize)]
struct Named {
    #[serde(rename = "type")]
    #[expect(dead_code, reason = "it is read, as a decision point would")]
    kind: String,
    id: String,
}

#[derive(serde::Deserialize)]
struct Action {
    #[expect(dead_code, reason = "it is read, as a decision point would")]
    name: String,
}

#[derive(serde::Serialize)]
struct Answer {
    decision: bool,
    id: String,
}

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
                let echo = |question: web::Json<Question>| {
                    let id = question.resource.id.clone();
                    let answer = Answer { decision: question.subject.id == id, id };
                    std::future::ready(HttpResponse::Ok().json(answer))
                };
                App::new()
                    .route("/json", web::post().to(echo))
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
    let (aud, iat) = (vec!["https://api.example.com".into()], now.as_secs());
    let issuer = "https://id.example.com/t/load";
    let times = (iat, iat + 600);
    let claims = AccessTokenClaims::of_client(issuer, "machine", aud, times, env.token::<16>());
    let scope = bailiwick_domain::ScopeSet::parse("orders.read").expect("a scope");
    AccessTokenClaims { scope, ..claims }
}
