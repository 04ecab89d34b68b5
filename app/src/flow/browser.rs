//! The browser at the other end: one cookie, which names a row that may hold several sessions.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use bailiwick_actors::Error;
use bailiwick_store::sessions::{BrowserMac, SessionRow};
use bailiwick_store::vault::Label;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::browser_state;
use crate::cx::Cx;

/// How long the cookie of a browser lives.
pub const LIFETIME: std::time::Duration = std::time::Duration::from_secs(400 * 86_400);
/// 32 bytes as base64url.
const VALUE: usize = 43;

/// A browser, by the secret in its cookie. Before the first sign-in there is no row for it: the
/// secret then only binds forms and pending requests.
#[derive(Clone)]
pub struct Browser {
    secret: String,
    /// The cookie has to be set: it is new.
    pub is_new: bool,
    /// What it was last told of its sessions: see [`browser_state`].
    pub(super) state: Option<String>,
}

impl Browser {
    /// The browser that sent the request, or a new one.
    #[must_use]
    pub fn of(cx: &Cx, request: &HttpRequest) -> Self {
        let cookie = request.cookie(&name(cx));
        let known = cookie
            .filter(|c| c.value().len() == VALUE && URL_SAFE_NO_PAD.decode(c.value()).is_ok());
        let state = request.cookie(&browser_state::name(cx)).map(|c| c.value().to_owned());
        match known {
            Some(cookie) => Self { secret: cookie.value().to_owned(), is_new: false, state },
            None => Self { state, ..Self::fresh(cx) },
        }
    }

    /// A browser with a new secret: at every sign-in, so that a planted cookie is worth nothing.
    #[must_use]
    pub fn fresh(cx: &Cx) -> Self {
        Self { secret: cx.env().token::<32>(), is_new: true, state: None }
    }

    /// What the row of the browser is found by.
    #[must_use]
    pub fn mac(&self, cx: &Cx) -> [u8; 32] {
        cx.view.vault.mac(Label::Browser, self.secret.as_bytes())
    }

    /// What ties a pending request to this browser.
    #[must_use]
    pub fn binding(&self, cx: &Cx) -> String {
        let label = [self.secret.as_bytes(), b" pending"].concat();
        URL_SAFE_NO_PAD.encode(&cx.view.vault.mac(Label::Browser, &label)[..16])
    }

    /// The token that every form of this browser carries.
    #[must_use]
    pub fn csrf(&self, cx: &Cx) -> String {
        URL_SAFE_NO_PAD.encode(cx.view.vault.mac(Label::Csrf, self.secret.as_bytes()))
    }

    /// Whether a form comes from a page that we gave to this browser. Compared in constant time.
    #[must_use]
    pub fn owns(&self, cx: &Cx, csrf: &str, request: &HttpRequest) -> bool {
        let site = request.headers().get("sec-fetch-site").map(|v| v.as_bytes());
        let same_site = matches!(site, None | Some(b"same-origin" | b"none"));
        let mac = URL_SAFE_NO_PAD.decode(csrf).unwrap_or_default();
        same_site && !self.is_new && cx.view.vault.verify(Label::Csrf, self.secret.as_bytes(), &mac)
    }

    /// The cookie to set.
    #[must_use]
    pub fn cookie(&self, cx: &Cx) -> Cookie<'static> {
        let seconds = i64::try_from(LIFETIME.as_secs()).unwrap_or(i64::MAX);
        Cookie::build(name(cx), self.secret.clone())
            // With `__Host-` the path must be `/`; the name carries the tenant instead.
            .path("/")
            .http_only(true)
            .secure(is_secure(cx))
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(seconds))
            .finish()
    }

    /// The live sessions of this browser, newest first.
    ///
    /// # Errors
    /// Those of [`bailiwick_actors::TenantHandle::look_up`].
    pub async fn sessions(&self, cx: &Cx) -> Result<Vec<SessionRow>, Error> {
        if self.is_new {
            return Ok(Vec::new());
        }
        cx.must_vouch()?;
        cx.tenant.look_up(BrowserMac(self.mac(cx))).await
    }
}

/// Whether the issuer is https.
#[must_use]
pub fn is_secure(cx: &Cx) -> bool {
    cx.issuer().starts_with("https://")
}

fn name(cx: &Cx) -> String {
    let prefix = if is_secure(cx) { "__Host-" } else { "" };
    format!("{prefix}bw-{}", cx.view.tenant.short_id)
}
