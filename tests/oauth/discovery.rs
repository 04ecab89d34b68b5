//! Discovery (OpenID Connect Discovery 1.0 4, RFC 8414 3), and which tenant a path belongs to.

use std::collections::BTreeSet;

use harness::{Server, both};
use serde_json::Value;

use super::support::{Acme, Answer};

both!(
    every_form_of_the_address_gives_the_same,
    what_it_names_is_there,
    a_path_without_a_tenant_has_no_tenant_routes,
);

async fn every_form_of_the_address_gives_the_same(server: &Server) {
    let acme = Acme::new(server).await;
    let mut documents = Vec::new();
    for path in [
        "/t/acme/.well-known/openid-configuration",
        "/t/acme/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/t/acme",
    ] {
        let answer = Answer::of(server.get(path).await).await;
        assert!(answer.header("content-type").starts_with("application/json"));
        assert!(answer.header("cache-control").contains("max-age="));
        documents.push(answer.ok());
    }
    // Byte for byte, also with `iss` of tokens: there is one issuer.
    assert_eq!(documents[0]["issuer"], acme.issuer());
    assert_eq!(documents[0], documents[1]);
    assert_eq!(documents[0], documents[2]);
    let token = acme.token("worker", &[("grant_type", "client_credentials")]).await.ok();
    assert_eq!(super::support::claims(&token["access_token"])["iss"], documents[0]["issuer"]);
    let other = Answer::of(server.get("/t/other/.well-known/openid-configuration").await).await;
    assert_eq!(other.ok()["issuer"], server.issuer("other"));
    for missing in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/t/nobody",
        "/.well-known/oauth-authorization-server/t/acme/more",
        "/.well-known/oauth-authorization-server/acme",
        "/.well-known/openid-configuration",
    ] {
        assert_eq!(server.get(missing).await.status(), 404, "{missing}");
    }
}

async fn what_it_names_is_there(server: &Server) {
    let acme = Acme::new(server).await;
    let url = acme.url("/.well-known/openid-configuration");
    let answer = server.http.get(url).send().await.expect("answers");
    let document = Answer::of(answer).await.ok();
    let members = document.as_object().expect("an object");
    for (name, value) in members {
        match value {
            Value::Array(list) => {
                let distinct: BTreeSet<_> = list.iter().map(Value::to_string).collect();
                assert!(!list.is_empty() && distinct.len() == list.len(), "{name}");
            }
            Value::String(address) if name.ends_with("_endpoint") || name == "jwks_uri" => {
                assert!(address.starts_with(&acme.issuer()), "{name}");
                let status = server.http.get(address).send().await.expect("answers").status();
                assert_ne!(status, 404, "{name}");
            }
            _ => {}
        }
    }
    for (name, wanted) in [
        ("response_types_supported", "code"),
        ("response_types_supported", "code id_token token"),
        ("response_modes_supported", "form_post"),
        ("grant_types_supported", "client_credentials"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("token_endpoint_auth_methods_supported", "private_key_jwt"),
        ("code_challenge_methods_supported", "S256"),
        ("scopes_supported", "offline_access"),
        ("claims_supported", "phone_number_verified"),
        ("subject_types_supported", "pairwise"),
    ] {
        let list = document[name].as_array().unwrap_or_else(|| panic!("{name} is missing"));
        assert!(list.iter().any(|v| v == wanted), "{name} lacks {wanted}");
    }
    assert_eq!(document["code_challenge_methods_supported"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["claims_parameter_supported"], true);
    assert_eq!(document["request_uri_parameter_supported"], false);
}

async fn a_path_without_a_tenant_has_no_tenant_routes(server: &Server) {
    Acme::new(server).await;
    for prefix in ["", "/t/nobody", "/t/Acme", "/t/acme%2f..", "/t/acme/t/acme", "/t//", "/acme"] {
        let missing = server.get(&format!("{prefix}/oauth/authorize?client_id=web")).await;
        assert_eq!(missing.status(), 404, "{prefix}");
        let form = [("grant_type", "client_credentials")];
        let missing = server.post(&format!("{prefix}/oauth/token"), &form).await;
        assert_eq!(missing.status(), 404, "{prefix}");
    }
    // A tenant that was just made is seen, although its address was asked for before.
    let late = "/t/late/.well-known/openid-configuration";
    assert_eq!(server.get(late).await.status(), 404);
    server.apply("tenant: { slug: late, name: Late }").await;
    assert_eq!(server.get(late).await.status(), 200);
}
