//! The Rust crate `openidconnect`, over the harness' HTTP client.

use ::openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse, CoreUserInfoClaims,
};
use ::openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthorizationCode, ClientId,
    ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IntrospectionUrl, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PostLogoutRedirectUrl, ProviderMetadata, RedirectUrl, RequestTokenError,
    RevocationUrl, Scope, TokenIntrospectionResponse as _, TokenResponse as _,
    core::CoreAuthPrompt, core::CoreErrorResponseType,
};
use harness::{Browser, Server};
use serde::{Deserialize, Serialize};

use super::{EMAIL, PASSWORD, POST_LOGOUT_URI, REDIRECT_URI, Role};

/// What discovery says beyond OpenID Connect Discovery 1.0 itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoints {
    introspection_endpoint: IntrospectionUrl,
    revocation_endpoint: RevocationUrl,
    end_session_endpoint: ::openidconnect::EndSessionUrl,
}

impl AdditionalProviderMetadata for Endpoints {}

type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
/// Authorization, device, introspection, revocation, token and userinfo endpoints.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointSet,
    EndpointSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A client with a browser in front of it.
struct App<'s> {
    server: &'s Server,
    client: Client,
    browser: Browser,
}

pub(super) async fn act(server: &Server, role: Role) {
    let http = |request| fetch(server, request);
    let issuer = IssuerUrl::new(server.issuer("clients")).expect("an issuer is a URL");
    let metadata = Metadata::discover_async(issuer, &http).await.expect("discovery");
    let endpoints = metadata.additional_metadata().clone();
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(role.client_id.into()),
        role.secret.map(|s| ClientSecret::new(s.into())),
    )
    .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.into()).expect("a URL"))
    .set_introspection_url(endpoints.introspection_endpoint)
    .set_revocation_url(secure(&endpoints.revocation_endpoint));
    let mut app = App { server, client, browser: Browser::new(server) };

    let (tokens, subject) = app.sign_in(&[]).await.expect("signs in");
    let (again, same) = app.sign_in(&[CoreAuthPrompt::None]).await.expect("without a page");
    assert_eq!(subject, same);

    let me = app.userinfo(tokens.access_token()).await;
    assert_eq!(me.subject().as_str(), subject);
    assert_eq!(me.email().map(|e| e.as_str()), Some(EMAIL));

    let old = tokens.refresh_token().expect("offline_access gives one");
    let refresh = app.client.exchange_refresh_token(old).expect("the endpoint is known");
    let fresh = refresh.request_async(&http).await.expect("refreshes");
    let new = fresh.refresh_token().expect("it is rotated").clone();
    assert_ne!(new.secret(), old.secret());
    app.userinfo(fresh.access_token()).await;

    if role.secret.is_some() {
        let seen = app.client.introspect(fresh.access_token()).request_async(&http).await;
        let seen = seen.expect("introspects");
        assert!(seen.active());
        assert_eq!(seen.client_id().map(|c| c.as_str()), Some(role.client_id));
        assert_eq!(seen.sub(), Some(subject.as_str()));
    }

    let revoke = app.client.revoke_token(new.clone().into()).expect("the endpoint is known");
    revoke.request_async(&http).await.expect("revokes");
    let refused =
        app.client.exchange_refresh_token(&new).expect("known").request_async(&http).await;
    let Err(RequestTokenError::ServerResponse(error)) = refused else {
        panic!("a revoked refresh token was not refused in the RFC's way: {refused:?}")
    };
    assert_eq!(error.error(), &CoreErrorResponseType::InvalidGrant);
    if role.secret.is_some() {
        let seen = app.client.introspect(fresh.access_token()).request_async(&http).await;
        assert!(!seen.expect("introspects").active(), "the grant's access tokens go along");
    }

    app.log_out(endpoints.end_session_endpoint, id_token(&again)).await;
    let refused = app.sign_in(&[CoreAuthPrompt::None]).await;
    assert_eq!(refused.expect_err("nobody is signed in"), "login_required");
}

impl App<'_> {
    /// Signs in and redeems the code: the tokens and the verified subject, or the error that the
    /// application is called back with.
    async fn sign_in(
        &mut self,
        prompts: &[CoreAuthPrompt],
    ) -> Result<(CoreTokenResponse, String), String> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = self
            .client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in ["profile", "email", "offline_access"] {
            request = request.add_scope(Scope::new(scope.into()));
        }
        for prompt in prompts {
            request = request.add_prompt(prompt.clone());
        }
        let (url, state, nonce) = request.url();
        let back = if prompts.is_empty() {
            self.browser.authorize(url.as_str(), EMAIL, PASSWORD).await
        } else {
            self.browser.open(url.as_str()).await.left()
        };
        let given = |wanted: &str| {
            back.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        assert!(back.as_str().starts_with(REDIRECT_URI), "{back}");
        assert_eq!(given("state").as_ref(), Some(state.secret()));
        if let Some(error) = given("error") {
            return Err(error);
        }
        let code = AuthorizationCode::new(given("code").expect("a code or an error"));
        let http = |request| fetch(self.server, request);
        let tokens = self
            .client
            .exchange_code(code)
            .expect("the endpoint is known")
            .set_pkce_verifier(verifier)
            .request_async(&http)
            .await
            .expect("the code is good");
        let verifier = self.client.id_token_verifier();
        let subject = verify(&verifier, &tokens, &nonce);
        Ok((tokens, subject))
    }

    async fn userinfo(&self, token: &AccessToken) -> CoreUserInfoClaims {
        let http = |request| fetch(self.server, request);
        let request = self.client.user_info(token.clone(), None).expect("the endpoint is known");
        request.request_async(&http).await.expect("userinfo")
    }

    async fn log_out(&mut self, endpoint: ::openidconnect::EndSessionUrl, hint: &CoreIdToken) {
        let state = CsrfToken::new_random();
        let url = LogoutRequest::from(endpoint)
            .set_id_token_hint(hint)
            .set_post_logout_redirect_uri(
                PostLogoutRedirectUrl::new(POST_LOGOUT_URI.into()).expect("a URL"),
            )
            .set_state(state.clone())
            .http_get_url();
        let gone = self.browser.open(url.as_str()).await.left();
        assert_eq!(gone.as_str(), format!("{POST_LOGOUT_URI}?state={}", state.secret()));
    }
}

fn id_token(tokens: &CoreTokenResponse) -> &CoreIdToken {
    tokens.id_token().expect("scope openid gives one")
}

/// Checks signature, issuer, audience, times and nonce by the published keys, and `at_hash`.
fn verify(verifier: &CoreIdTokenVerifier<'_>, tokens: &CoreTokenResponse, nonce: &Nonce) -> String {
    let token = id_token(tokens);
    let claims = token.claims(verifier, nonce).expect("the ID token verifies");
    if let Some(expected) = claims.access_token_hash() {
        let alg = token.signing_alg().expect("it names its algorithm");
        let key = token.signing_key(verifier).expect("and its key");
        let actual = AccessTokenHash::from_token(tokens.access_token(), alg, key);
        assert_eq!(&actual.expect("it can be hashed"), expected);
    }
    claims.subject().to_string()
}

/// The crate revokes over https only, on loopback too: [`fetch`] takes it back.
fn secure(url: &RevocationUrl) -> RevocationUrl {
    RevocationUrl::new(url.replacen("http://", "https://", 1)).expect("a URL")
}

async fn fetch(server: &Server, mut request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let plain = request.uri().to_string().replacen("https://", "http://", 1);
    *request.uri_mut() = plain.parse().expect("a URI");
    let answer = server.http.execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.into();
    Ok(response)
}
