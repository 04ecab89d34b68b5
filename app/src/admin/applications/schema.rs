//! The members of an application as the OpenAPI document describes them. Only a description: what
//! is accepted is `domain::ApplicationSpec`, and a test compares the two.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What an application is registered with.
#[derive(Serialize, ToSchema)]
pub struct ApplicationMembers {
    /// The OAuth `client_id`, unique in the tenant.
    #[schema(example = "shop")]
    client_id: String,
    /// Shown to users when they consent.
    #[schema(example = "The shop")]
    name: String,
    /// `web`, `spa`, `native` or `machine`.
    #[schema(example = "web")]
    r#type: String,
    /// Matched exactly; loopback addresses of native applications match with any port.
    #[schema(example = json!(["https://shop.example.com/callback"]))]
    redirect_uris: Option<Vec<String>>,
    /// Matched exactly.
    post_logout_redirect_uris: Option<Vec<String>>,
    /// `authorization_code`, `refresh_token`, `client_credentials`, `implicit`.
    #[schema(example = json!(["authorization_code", "refresh_token"]))]
    grant_types: Option<Vec<String>>,
    /// `code` and the others of OAuth 2.0 Multiple Response Types.
    #[schema(example = json!(["code"]))]
    response_types: Option<Vec<String>>,
    /// The scopes that it may ask for.
    #[schema(example = json!(["openid", "profile", "offline_access"]))]
    scopes: Option<Vec<String>>,
    /// `none`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
    #[schema(example = "client_secret_basic")]
    token_endpoint_auth_method: Option<String>,
    /// Public keys of `private_key_jwt`, as a JWK Set.
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// Where the public keys are; not together with `jwks`.
    jwks_uri: Option<String>,
    /// `RS256`, `ES256`, `EdDSA` or `PS256`.
    #[schema(example = "RS256")]
    id_token_signed_response_alg: Option<String>,
    /// An application of the tenant itself: users are not asked for consent.
    first_party: Option<bool>,
    /// Lifetimes of what it is given.
    lifetimes: Option<LifetimesMembers>,
    /// Origins whose scripts may call the token, userinfo and revocation endpoints.
    allowed_origins: Option<Vec<String>>,
    /// Where it is told that a session has ended (OpenID Connect Back-Channel Logout).
    #[schema(example = "https://shop.example.com/backchannel-logout")]
    backchannel_logout_uri: Option<String>,
    /// Whether it needs the session's `sid` there; it is always told.
    backchannel_logout_session_required: Option<bool>,
    /// What a hidden frame of the sign-out page opens (OpenID Connect Front-Channel Logout); of the
    /// origin of a redirect URI.
    #[schema(example = "https://shop.example.com/frontchannel-logout")]
    frontchannel_logout_uri: Option<String>,
    /// Whether `iss` and `sid` are added to it.
    frontchannel_logout_session_required: Option<bool>,
    /// What its access tokens say of what their subject may do: `roles`, `permissions`.
    #[schema(example = json!(["roles"]))]
    access_token_claims: Option<Vec<String>>,
    /// The resources that its tokens may be for.
    audiences: Option<Vec<String>>,
    /// `public` or `pairwise`.
    #[schema(example = "public")]
    subject_type: Option<String>,
}

/// Lifetimes in whole seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = Lifetimes)]
pub struct LifetimesMembers {
    /// Of an authorization code.
    #[schema(example = 60)]
    code: Option<u32>,
    /// Of an access token.
    #[schema(example = 600)]
    access_token: Option<u32>,
    /// Of an ID token.
    #[schema(example = 600)]
    id_token: Option<u32>,
    /// Of a family of refresh tokens.
    #[schema(example = 2_592_000)]
    refresh_token: Option<u32>,
    /// How long the previous refresh token still gives the same successor.
    #[schema(example = 10)]
    refresh_token_grace: Option<u32>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bailiwick_domain::ApplicationSpec;
    use serde_json::{Value, json};
    use utoipa::PartialSchema as _;

    use super::{ApplicationMembers, LifetimesMembers};

    fn names(schema: &impl serde::Serialize) -> BTreeSet<String> {
        let schema = serde_json::to_value(schema).expect("a schema is JSON");
        let properties = schema["properties"].as_object().expect("an object's schema");
        properties.keys().cloned().collect()
    }

    #[test]
    fn the_description_has_the_members_that_are_accepted() {
        let full = json!({
            "client_id": "a", "name": "A", "type": "web", "redirect_uris": ["x"],
            "post_logout_redirect_uris": ["x"], "token_endpoint_auth_method": "none",
            "jwks": {}, "jwks_uri": "x", "id_token_signed_response_alg": "ES256",
            "allowed_origins": ["x"], "backchannel_logout_uri": "x",
            "frontchannel_logout_uri": "x", "audiences": ["x"], "access_token_claims": ["roles"],
        });
        let spec: ApplicationSpec = serde_json::from_value(full).expect("every optional member");
        let Value::Object(spec) = serde_json::to_value(spec).expect("JSON") else { unreachable!() };
        let lifetimes = spec["lifetimes"].as_object().expect("an object").keys().cloned().collect();
        assert_eq!(names(&ApplicationMembers::schema()), spec.keys().cloned().collect());
        assert_eq!(names(&LifetimesMembers::schema()), lifetimes);
    }
}
