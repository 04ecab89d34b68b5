//! What may be set in a user, and the rules for it.

use bailiwick_domain::application::Mistake;
use bailiwick_domain::text::is_display_name;
use bailiwick_domain::user::check_claims;
use bailiwick_store::users::Email;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::admin::problem::Problem;
use crate::cx::Cx;
use crate::password::choice::is_breached;
use crate::password::{ACCEPTED, MAX_PASSWORD, is_password_hash, is_short};

/// What may be set in a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserMembers {
    /// The e-mail address, unique in the tenant.
    #[schema(example = "ada@example.com")]
    pub email: Option<String>,
    /// Whether the address is known to be the user's; `false` for a new address.
    #[serde(default)]
    pub email_verified: bool,
    /// The display name.
    #[schema(example = "Ada Lovelace")]
    pub name: Option<String>,
    /// Further claims, by their names in OpenID Connect Core 5.1 or the tenant's own.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"given_name": "Ada"}))]
    pub claims: Map<String, Value>,
    /// `false`: may not sign in, and nothing issued to it works. New users are active.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub active: bool,
    /// A new password: as many characters as the tenant asks for (8), at most 1,024 bytes. Sessions and tokens of the old one end.
    #[schema(value_type = Option<String>, write_only, example = "correct horse battery")]
    pub password: Option<SecretString>,
    /// Instead of a password: its hash, from another system too. Argon2, scrypt
    /// (`$scrypt$ln=15,r=8,p=1$...`) and PBKDF2 (`$pbkdf2-sha256$i=600000$...`, also `sha512`) in
    /// PHC form, bcrypt (`$2b$...`), Django's `pbkdf2_sha256$...`, Firebase's
    /// `$fbscrypt$v=1,n=14,r=8,p=1,ss=...,sk=...$salt$hash`. The next sign-in replaces it by
    /// Argon2id.
    #[schema(value_type = Option<String>, write_only)]
    pub password_hash: Option<SecretString>,
}

const fn yes() -> bool {
    true
}

impl UserMembers {
    /// The address to store, when every rule holds.
    ///
    /// # Errors
    /// Every mistake.
    pub fn check(&self, cx: &Cx) -> Result<Option<Email>, Problem> {
        let mut mistakes = Vec::new();
        let mut wrong = |path: &str, message: &str| mistakes.push(Mistake::new(path, message));
        let email = self.email.as_deref().map(|e| Email::new(e, self.email_verified));
        if matches!(email, Some(None)) {
            wrong("email", "must be an e-mail address");
        }
        if self.email.is_none() && self.email_verified {
            wrong("email_verified", "there is no address to be verified");
        }
        if self.name.as_deref().is_some_and(|name| !is_display_name(name)) {
            wrong("name", "must be 1 to 200 bytes without control characters");
        }
        if let Err(message) = check_claims(&self.claims) {
            wrong("claims", &message);
        }
        let least = cx.view.tenant.settings.passwords.min_length;
        let bad = |p: &str| is_short(p, least) || p.len() > MAX_PASSWORD;
        if self.password.as_ref().is_some_and(|p| bad(p.expose_secret())) {
            let message =
                format!("must have {least} characters or more, {MAX_PASSWORD} bytes at most");
            wrong("password", &message);
        }
        if self.password_hash.as_ref().is_some_and(|h| !is_password_hash(h.expose_secret())) {
            wrong("password_hash", ACCEPTED);
        }
        if self.password.is_some() && self.password_hash.is_some() {
            wrong("password_hash", "give password or password_hash, not both");
        }
        if mistakes.is_empty() { Ok(email.flatten()) } else { Err(Problem::mistakes(mistakes)) }
    }

    /// The hash of the password to store, if one is set.
    ///
    /// # Errors
    /// 400 for one that is known from a breach, 503 when too many passwords are being hashed.
    pub async fn hash(self, cx: &Cx) -> Result<Option<String>, Problem> {
        Ok(match (self.password, self.password_hash) {
            (Some(password), _) if is_breached(cx, &password).await => {
                return Err(Problem::mistake("password", "is known from a breach"));
            }
            (Some(password), _) => Some(cx.state.passwords.hash(password).await?),
            (None, hash) => hash.map(|h| h.expose_secret().to_owned()),
        })
    }
}
