//! The state of a browser (OpenID Connect Session Management 1.0 4.2): a cookie that our frame in an
//! application's page reads, and that is another when other accounts are signed in.

use actix_web::HttpResponse;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use bailiwick_store::sessions::SessionRow;
use bailiwick_store::vault::Label;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::browser::{Browser, LIFETIME, is_secure};
use crate::cx::Cx;

/// The state of a browser with these sessions: always the same for the same ones.
#[must_use]
pub fn of(cx: &Cx, sessions: &[SessionRow]) -> String {
    let mut ids: Vec<_> = sessions.iter().map(|s| s.id.0.into_bytes()).collect();
    ids.sort_unstable();
    URL_SAFE_NO_PAD.encode(&cx.view.vault.mac(Label::BrowserState, &ids.concat())[..16])
}

/// Tells the browser its state, where that is news to it. One in which nobody has signed in is told
/// nothing.
pub fn keep(cx: &Cx, browser: &Browser, sessions: &[SessionRow], answer: &mut HttpResponse) {
    let state = of(cx, sessions);
    let nobody = sessions.is_empty() && browser.state.is_none();
    if nobody || browser.state.as_ref() == Some(&state) {
        return;
    }
    let secure = is_secure(cx);
    let seconds = i64::try_from(LIFETIME.as_secs()).unwrap_or(i64::MAX);
    let cookie = Cookie::build(name(cx), state)
        .path("/")
        // For the script of the frame, which is inside of another site's page.
        .http_only(false)
        .secure(secure)
        // Without https there is no None; the development machine is one site.
        .same_site(if secure { SameSite::None } else { SameSite::Lax })
        .max_age(Duration::seconds(seconds));
    // It cannot fail for a cookie that we made.
    let _ = answer.add_cookie(&cookie.finish());
}

/// The name of the cookie.
#[must_use]
pub fn name(cx: &Cx) -> String {
    let prefix = if is_secure(cx) { "__Host-" } else { "" };
    format!("{prefix}bs-{}", cx.view.tenant.short_id)
}
