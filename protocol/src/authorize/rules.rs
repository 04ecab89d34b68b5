//! The rules of an authorization request: a function for each, in the order in which they apply.

use bailiwick_domain::application::{
    ApplicationType, GrantType, ResponseType, redirect_uri_matches,
};
use bailiwick_domain::{Acr, ApplicationSpec, OrganizationId, ScopeSet, locale::Locale, scope};

use super::{AuthorizationRequest, Prompt, ResponseMode};
use crate::claims::ClaimsRequest;
use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;
use crate::pkce;

type Rule<T> = Result<T, OAuthError>;

fn invalid<T>(description: &'static str) -> Rule<T> {
    Err(OAuthError::invalid_request(description))
}

/// RFC 9700 2.1: "authorization servers MUST utilize exact string matching except for port numbers
/// in localhost redirection URIs of native apps". RFC 6749 3.1.2.4: "MUST NOT automatically
/// redirect the user-agent to the invalid redirection URI". Core 3.1.2.1 makes the parameter
/// REQUIRED; without `openid` it may be left out when one URI is registered (RFC 6749 3.1.2.3).
pub(super) fn redirect_uri(params: &Params, app: &ApplicationSpec) -> Rule<String> {
    let any_port = app.kind == ApplicationType::Native;
    if let Some(asked) = params.get("redirect_uri")? {
        return if app.redirect_uris.iter().any(|uri| redirect_uri_matches(uri, asked, any_port)) {
            Ok(asked.to_owned())
        } else {
            invalid("redirect_uri is not registered for this application")
        };
    }
    let openid = params.get("scope")?.is_some_and(|s| s.split(' ').any(|s| s == "openid"));
    match app.redirect_uris.as_slice() {
        [only] if !openid => Ok(only.clone()),
        _ => invalid("redirect_uri is missing"),
    }
}

/// RFC 6749 3.1: "Request and response parameters MUST NOT be included more than once." Those
/// that we do not know are ignored all the same, and `resource` may be repeated (RFC 8707 2).
pub(super) fn nothing_repeated(params: &Params) -> Rule<()> {
    const ONCE: [&str; 20] = [
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "ui_locales",
        "claims_locales",
        "acr_values",
        "display",
        "claims",
        "request",
        "request_uri",
        "registration",
        "organization",
    ];
    ONCE.iter().try_for_each(|name| params.get(name).map(drop))
}

/// Core 6.1, 6.2 and 7.2.1: parameters that would change the meaning of the others are refused,
/// each with its own error, and not ignored.
pub(super) fn nothing_unsupported(params: &Params) -> Rule<()> {
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ] {
        if params.get(name)?.is_some() {
            return Err(OAuthError::new(code, format!("{name} is not supported")));
        }
    }
    Ok(())
}

/// RFC 6749 3.1.1: a missing response type is an error of the request; one that we do not have is
/// `unsupported_response_type`; 4.1.2.1: one that the client may not use, `unauthorized_client`.
pub(super) fn response_type(params: &Params, app: &ApplicationSpec) -> Rule<ResponseType> {
    let unsupported = || {
        OAuthError::new(ErrorCode::UnsupportedResponseType, "response_type is not one that we have")
    };
    let response_type =
        ResponseType::parse(params.require("response_type")?).ok_or_else(unsupported)?;
    if app.response_types.contains(&response_type) {
        Ok(response_type)
    } else {
        Err(OAuthError::unauthorized_client("response_type is not registered for this application"))
    }
}

/// Multiple Response Type Encoding Practices 5: tokens in the query "MUST NOT" be. The mode itself
/// is settled by [`super::ReturnTo`], which the errors need as well.
pub(super) fn response_mode(params: &Params, response_type: ResponseType) -> Rule<()> {
    let front = response_type.has_id_token() || response_type.has_token();
    match params.get("response_mode")?.map(ResponseMode::parse) {
        Some(None) => invalid("response_mode is none of query, fragment and form_post"),
        Some(Some(ResponseMode::Query)) if front => {
            invalid("response_mode query cannot carry tokens")
        }
        _ => Ok(()),
    }
}

/// RFC 6749 3.3. With `openid`, other scopes that the application is not registered for are left
/// out (Core 3.1.2.1: "Scope values used that are not understood by an implementation SHOULD be
/// ignored"), and the token answer says what was given. Without `openid`, or when `openid` itself
/// is not registered, they are `invalid_scope` (RFC 6749 4.1.2.1). A request without any scope
/// gets the application's own scopes, none of those of OpenID Connect.
pub(super) fn scopes(
    params: &Params,
    app: &ApplicationSpec,
    response_type: ResponseType,
) -> Rule<ScopeSet> {
    let not_registered =
        || OAuthError::invalid_scope("a scope is not registered for this application");
    let asked = match params.get("scope")? {
        Some(text) => ScopeSet::parse(text)
            .map_err(|_| OAuthError::invalid_scope("scope is malformed or holds too many"))?,
        None => scope::STANDARD.iter().fold(app.scopes.clone(), |all, one| all.without(one)),
    };
    if asked.is_empty() {
        return Err(OAuthError::invalid_scope("scope is missing"));
    }
    let granted = asked.intersection(&app.scopes);
    if granted != asked && !granted.contains("openid") {
        return Err(not_registered());
    }
    // Core 3.2.2.1, 3.3.2.1: an ID token is only for those who ask for `openid`.
    if response_type.has_id_token() && !granted.contains("openid") {
        return invalid("this response_type needs the scope openid");
    }
    // Core 11: "The Authorization Server MUST ignore the offline_access request unless the Client
    // is using a response_type value that would result in an Authorization Code being returned".
    // Its demand for consent is met by the consent that every application but the tenant's own
    // needs anyway, once for each scope.
    let offline = response_type.has_code() && app.allows_grant(GrantType::RefreshToken);
    let granted = if offline { granted } else { granted.without("offline_access") };
    if granted.is_empty() {
        return Err(OAuthError::invalid_scope("no scope is left that can be granted"));
    }
    Ok(granted)
}

/// Core 3.2.2.1 and 3.3.2.11: REQUIRED when the front channel returns an ID token.
pub(super) fn nonce(params: &Params, response_type: ResponseType) -> Rule<Option<String>> {
    match params.get("nonce")? {
        None if response_type.has_id_token() => invalid("nonce is missing"),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

/// RFC 7636 4.3 and 4.4.1; RFC 9700 2.1.1: public clients MUST use it, and only S256 will do. An
/// absent method would mean `plain`.
pub(super) fn code_challenge(
    params: &Params,
    app: &ApplicationSpec,
    response_type: ResponseType,
) -> Rule<Option<String>> {
    let method = params.get("code_challenge_method")?;
    let Some(challenge) = params.get("code_challenge")? else {
        return if method.is_some() || (response_type.has_code() && !app.is_confidential()) {
            invalid("code_challenge is missing")
        } else {
            Ok(None)
        };
    };
    if method != Some(pkce::METHOD) {
        return invalid("code_challenge_method must be S256");
    }
    if !pkce::is_challenge(challenge) {
        return invalid("code_challenge must be the base64url of a SHA-256");
    }
    Ok(Some(challenge.to_owned()))
}

/// Core 3.1.2.1: "If this parameter contains none with any other value, an error is returned."
/// Initiating User Registration 1.0 4.1: a value that is not supported is `invalid_request`.
pub(super) fn prompts(params: &Params) -> Rule<Vec<Prompt>> {
    let text = params.get("prompt")?.unwrap_or_default();
    let mut prompts = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match Prompt::ALL.into_iter().find(|prompt| prompt.name() == word) {
            Some(prompt) if prompts.contains(&prompt) => {}
            Some(prompt) => prompts.push(prompt),
            None => return invalid("prompt has a value that we do not have"),
        }
    }
    if prompts.len() > 1 && prompts.contains(&Prompt::None) {
        return invalid("prompt none excludes the others");
    }
    Ok(prompts)
}

/// Core 3.1.2.1: whole seconds.
pub(super) fn max_age(params: &Params) -> Rule<Option<u64>> {
    let Some(text) = params.get("max_age")? else { return Ok(None) };
    // `parse` would take a plus sign.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits => Ok(Some(seconds)),
        _ => invalid("max_age must be a number of seconds"),
    }
}

/// Core 3.1.2.1: a hint, so that one that cannot be an identifier of ours is dropped.
pub(super) fn login_hint(params: &Params) -> Rule<Option<String>> {
    let possible = |hint: &&str| hint.len() <= 254 && !hint.chars().any(char::is_control);
    Ok(params.get("login_hint")?.filter(possible).map(str::to_owned))
}

/// Core 3.1.2.1: "An error SHOULD NOT result if some or all of the requested locales are not
/// supported".
pub(super) fn acr_values(params: &Params) -> Rule<Vec<Acr>> {
    let mut known: Vec<Acr> = params
        .get("acr_values")?
        .into_iter()
        .flat_map(str::split_whitespace)
        .filter_map(Acr::parse)
        .collect();
    known.sort_unstable();
    known.dedup();
    Ok(known)
}

pub(super) fn ui_locale(params: &Params) -> Rule<Option<Locale>> {
    Ok(params.get("ui_locales")?.and_then(Locale::choose))
}

/// Core 5.5; without `openid` the parameter has no meaning.
pub(super) fn claims(
    params: &Params,
    app: &ApplicationSpec,
    scopes: &ScopeSet,
) -> Rule<ClaimsRequest> {
    match params.get("claims")? {
        Some(text) if scopes.contains("openid") => {
            Ok(ClaimsRequest::parse(text)?.within(&app.scopes))
        }
        _ => Ok(ClaimsRequest::default()),
    }
}

/// RFC 8707 2: each must be one of the resources that the application's tokens may be for.
pub(super) fn resources(params: &Params, app: &ApplicationSpec) -> Rule<Vec<String>> {
    let mut resources = Vec::new();
    for asked in params.all("resource").filter(|asked| !asked.is_empty()) {
        if !app.audiences.iter().any(|audience| audience == asked) {
            return Err(OAuthError::invalid_target("resource is not one of this application's"));
        }
        if !resources.iter().any(|one| one == asked) {
            resources.push(asked.to_owned());
        }
    }
    Ok(resources)
}

/// A parameter of ours. Whether there is such an organization is told to nobody: see
/// [`super::interaction::Account::member`].
pub(super) fn organization(params: &Params) -> Rule<Option<OrganizationId>> {
    match params.get("organization")?.map(str::parse) {
        None => Ok(None),
        // What is kept for none.
        Some(Ok(OrganizationId(id))) if id.is_nil() => invalid("organization is nil"),
        Some(Ok(id)) => Ok(Some(id)),
        Some(Err(_)) => invalid("organization is not the id of an organization"),
    }
}

/// A bound of ours, on everything that travels sealed.
pub(super) fn size(request: &AuthorizationRequest) -> Rule<()> {
    match serde_json::to_vec(request) {
        Ok(json) if json.len() <= AuthorizationRequest::MAX_BYTES => Ok(()),
        _ => invalid("the request is too long"),
    }
}
