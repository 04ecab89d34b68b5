//! `GET /.well-known/jwks.json` (RFC 7517 5).

use std::collections::BTreeSet;

use harness::{Server, both};

use super::support::{Acme, Answer, part};

both!(has_only_public_keys_and_all_that_sign);

async fn has_only_public_keys_and_all_that_sign(server: &Server) {
    let acme = Acme::new(server).await;
    let answer = Answer::of(server.get("/t/acme/.well-known/jwks.json").await).await;
    assert!(answer.header("cache-control").contains("max-age="));
    let head = server.http.head(server.url("/t/acme/.well-known/jwks.json")).send().await;
    let head = Answer::of(head.expect("the server answers")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""), "GET without its body");
    assert_eq!(head.header("content-length"), answer.text.len().to_string());
    let body = answer.ok();
    let keys = body["keys"].as_array().expect("keys").clone();
    let mut kids = BTreeSet::new();
    let mut algs = BTreeSet::new();
    for key in &keys {
        let members = key.as_object().expect("a JWK");
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(!members.contains_key(private), "{private} is published");
        }
        assert_eq!(key["use"], "sig");
        assert!(kids.insert(key["kid"].as_str().expect("a kid").to_owned()));
        algs.insert(key["alg"].as_str().expect("an alg").to_owned());
    }
    let wanted = ["ES256", "EdDSA", "PS256", "RS256"].map(str::to_owned);
    assert_eq!(algs, BTreeSet::from(wanted));
    for (client, alg) in
        [("web", "RS256"), ("es256", "ES256"), ("ps256", "PS256"), ("eddsa", "EdDSA")]
    {
        let tokens = acme.tokens(client, "openid").await;
        for (token, alg, typ) in
            [(&tokens["access_token"], "ES256", "at+jwt"), (&tokens["id_token"], alg, "JWT")]
        {
            let header = part(token, 0);
            assert_eq!((&header["alg"], &header["typ"]), (&alg.into(), &typ.into()));
            assert!(kids.contains(header["kid"].as_str().expect("every token has a kid")));
        }
    }
    // Another tenant's keys are its own.
    let theirs = Answer::of(server.get("/t/other/.well-known/jwks.json").await).await.ok();
    for key in theirs["keys"].as_array().expect("keys") {
        assert!(!kids.contains(key["kid"].as_str().expect("a kid")));
    }
}
