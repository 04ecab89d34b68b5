//! The OpenAPI document: collected from the handlers, completed here.

use serde::Serialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::{ServerBuilder, ServerVariableBuilder};
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi};
use utoipa::{Modify, ToSchema};

/// The body of a token request. Which members are needed depends on `grant_type`.
#[derive(Serialize, ToSchema)]
pub struct TokenForm {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    #[schema(example = "client_credentials")]
    pub grant_type: String,
    /// RFC 6749 4.1.3.
    pub code: Option<String>,
    /// RFC 6749 4.1.3: as in the authorization request.
    pub redirect_uri: Option<String>,
    /// RFC 7636 4.5.
    pub code_verifier: Option<String>,
    /// RFC 6749 6.
    pub refresh_token: Option<String>,
    /// Space-separated scopes.
    #[schema(example = "orders.read")]
    pub scope: Option<String>,
    /// RFC 8707 2.2; may be repeated.
    pub resource: Option<String>,
    /// For clients that do not authenticate with the Authorization header.
    pub client_id: Option<String>,
    /// `client_secret_post`.
    pub client_secret: Option<String>,
    /// `private_key_jwt` (RFC 7523 2.2).
    pub client_assertion: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    pub client_assertion_type: Option<String>,
}

/// The answer to a token request (RFC 6749 5.1).
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// The access token, a JWT (RFC 9068).
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: String,
    /// Seconds.
    #[schema(example = 600)]
    pub expires_in: u32,
    /// Space-separated scopes.
    pub scope: Option<String>,
    /// Given with the scope `offline_access`.
    pub refresh_token: Option<String>,
    /// Given with the scope `openid`.
    pub id_token: Option<String>,
}

/// An OAuth error (RFC 6749 5.2).
#[derive(Serialize, ToSchema)]
pub struct OAuthErrorBody {
    /// The registered code.
    #[schema(example = "invalid_grant")]
    pub error: String,
    /// For developers.
    pub error_description: Option<String>,
}

/// A token, and what kind it probably is (RFC 7009 2.1, RFC 7662 2.1).
#[derive(Serialize, ToSchema)]
pub struct TokenParameter {
    /// The token.
    pub token: String,
    /// `access_token` or `refresh_token`: only a hint.
    pub token_type_hint: Option<String>,
    /// For clients that do not authenticate with the Authorization header.
    pub client_id: Option<String>,
    /// `client_secret_post`.
    pub client_secret: Option<String>,
}

/// The whole document.
#[must_use]
pub fn document() -> OpenApi {
    crate::routes::document()
}

/// What every document starts with: title, servers, ways to authenticate.
#[must_use]
pub fn base() -> OpenApi {
    let mut doc = OpenApi::default();
    doc.info = InfoBuilder::new()
        .title("Bailiwick")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Multi-tenant identity: OAuth 2, OpenID Connect and the management API. Paths are \
             below the issuer of a tenant, except those tagged Platform.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT").build()))
        .contact(Some(ContactBuilder::new().name(Some("Bailiwick")).build()))
        .build();
    let variable = |value: &str| ServerVariableBuilder::new().default_value(value).build();
    let server = ServerBuilder::new()
        .url("{public_url}/t/{tenant}")
        .description(Some("The issuer of a tenant"))
        .parameter("public_url", variable("http://localhost:8080"))
        .parameter("tenant", variable("demo"))
        .build();
    doc.servers = Some(vec![server]);
    Security.modify(&mut doc);
    doc
}

struct Security;

impl Modify for Security {
    fn modify(&self, doc: &mut OpenApi) {
        let components = doc.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
        components.add_security_scheme("client", SecurityScheme::Http(basic));
        let key = ApiKey::Header(ApiKeyValue::new("Authorization"));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(key));
    }
}
