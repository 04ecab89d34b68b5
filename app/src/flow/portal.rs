//! The account pages as an application: the same rules say who must sign in for them, and how. It
//! needs no tokens, because it is in the same browser: its answer is a redirect.

use std::sync::LazyLock;

use bailiwick_domain::application::ResponseType;
use bailiwick_domain::{Acr, Application, ApplicationId, ScopeSet, SessionId, Timestamp};
use bailiwick_protocol::authorize::{AuthorizationRequest, Prompt, ResponseMode, ReturnTo};
use bailiwick_protocol::claims::ClaimsRequest;
use bailiwick_store::applications::Stored;
use uuid::Uuid;

use crate::cx::Cx;

/// Nobody can register an application without a `client_id`.
const CLIENT_ID: &str = "";

static PORTAL: LazyLock<Stored> = LazyLock::new(|| {
    let spec = serde_json::json!({ "client_id": CLIENT_ID, "name": "", "type": "web", "first_party": true });
    let spec = serde_json::from_value(spec).expect("it has what an application must have");
    let (id, at) = (ApplicationId(Uuid::nil()), Timestamp::EPOCH);
    let application = Application { id, spec, version: 0, created_at: at, updated_at: at };
    Stored { application, secrets: Vec::new() }
});

/// The account pages, as an application.
#[must_use]
pub fn application() -> &'static Stored {
    &PORTAL
}

/// Whether a request is one for an account page.
#[must_use]
pub fn is_for(request: &AuthorizationRequest) -> bool {
    request.client_id == CLIENT_ID
}

/// A request for an account page, such as `/account/password`, with the greatest age of the
/// sign-in in seconds.
#[must_use]
pub fn request(
    cx: &Cx,
    page: &str,
    max_age: Option<u64>,
    prompt: Option<Prompt>,
) -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: CLIENT_ID.to_owned(),
        to: ReturnTo {
            redirect_uri: format!("{}{page}", cx.issuer()),
            response_mode: ResponseMode::Query,
            state: None,
        },
        redirect_uri_given: true,
        response_type: ResponseType::Code,
        scopes: ScopeSet::default(),
        nonce: None,
        code_challenge: None,
        prompts: prompt.into_iter().collect(),
        max_age,
        // What gives the account away is not for a password alone, whatever the browser.
        acr_values: max_age.map(|_| Acr::Two).into_iter().collect(),
        login_hint: None,
        hint_sub: None,
        ui_locale: None,
        claims: ClaimsRequest::default(),
        resources: Vec::new(),
        organization: None,
    }
}

/// Where the answer to such a request leads: the page, for that session.
#[must_use]
pub fn answer(request: &AuthorizationRequest, session: SessionId) -> String {
    format!("{}?session={session}", request.to.redirect_uri)
}
