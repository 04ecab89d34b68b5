//! `GET` and `POST /account/totp`: an authenticator app.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::acr::Factor;
use bailiwick_protocol::Params;
use bailiwick_protocol::totp::readable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::{Me, Needs, one};
use crate::cx::Cx;
use crate::factors::{self, Ceremony, Proof, totp};
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::pages::{Content, FormProblem, Tab, Totp, TotpNew};

const WHAT: &str = "totp.add";

/// The app that is set up, or what a new one needs.
#[utoipa::path(
    get,
    path = "/account/totp",
    tag = "Account",
    operation_id = "account_totp",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/totp")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::Totp, Needs::FreshToSetUp)).await?;
        let secret = totp::secret(&cx);
        page(&me, secret.as_slice(), None).await
    };
    let done = done.await;
    answer(&cx, done)
}

/// Sets the app up once it has shown a right code, or removes it.
#[utoipa::path(
    post,
    path = "/account/totp",
    tag = "Account",
    operation_id = "account_totp_post",
    responses(
        (status = 303, description = "Done"),
        (status = 400, description = "The form again: the code is not right"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/account/totp")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::Totp, Needs::FreshToSetUp)).await?;
        match params.get("remove")? {
            Some(_) => one::remove(&me, Factor::Totp).await,
            None => set_up(&me, &request, &params).await,
        }
    };
    let done = done.await;
    answer(&cx, done)
}

async fn page(
    me: &Me<'_>,
    secret: &[u8],
    problem: Option<FormProblem>,
) -> Result<HttpResponse, PageError> {
    let mine = factors::of_user(me.cx, me.user()).await?;
    let present = mine.iter().find(|c| c.factor == Factor::Totp);
    let allowed = me.cx.offers(Factor::Totp);
    let app = totp::app(me.cx, secret, me.identifier()).filter(|_| present.is_none() && allowed);
    let uri = app.map(|app| app.uri());
    let code = uri.as_ref().and_then(|uri| qr(uri));
    let (text, kept) = (readable(secret), Zeroizing::new(STANDARD_NO_PAD.encode(secret)));
    let ceremony = Ceremony::seal(me.cx, &me.browser, (WHAT, Some(me.user())), kept.to_string());
    let content = Totp {
        since: present.map(|c| c.created_at.to_rfc3339()),
        used: present.and_then(|c| c.last_used_at).map(bailiwick_domain::Timestamp::to_rfc3339),
        new: uri.as_ref().map(|uri| TotpNew {
            qr: code.as_deref(),
            uri: uri.as_str(),
            secret: text.as_str(),
            ceremony: &ceremony,
        }),
    };
    Ok(me.again(&Content::Totp(content), problem.map(|p| (p, None))))
}

/// The QR code as SVG.
fn qr(text: &str) -> Option<String> {
    use qrcode::render::svg;
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
    let mut drawn = code.render::<svg::Color<'_>>();
    let drawn = drawn.min_dimensions(208, 208).quiet_zone(true);
    let drawn = drawn.dark_color(svg::Color("#000000")).light_color(svg::Color("#ffffff")).build();
    // Without the XML declaration, which has no place inside a page.
    drawn.find("<svg").and_then(|at| drawn.get(at..)).map(str::to_owned)
}

async fn set_up(
    me: &Me<'_>,
    request: &HttpRequest,
    params: &Params,
) -> Result<HttpResponse, PageError> {
    let cx = me.cx;
    let sealed = params.require("ceremony")?;
    let opened = Ceremony::open(cx, &me.browser, (WHAT, Some(me.user())), sealed);
    let secret = opened.and_then(|c| STANDARD_NO_PAD.decode(c.state).ok()).map(Zeroizing::new);
    let Some(secret) = secret else {
        return page(me, totp::secret(cx).as_slice(), Some(FormProblem::Stale)).await;
    };
    let code = params.get("code")?.unwrap_or_default();
    let app = totp::app(cx, &secret, me.identifier());
    let Some(step) = app.and_then(|app| app.step_of(code, cx.now)) else {
        return page(me, &secret, Some(FormProblem::WrongCode)).await;
    };
    // The code of this step is used here, and proves the sign-in as well.
    let new = totp::credential(cx, &secret, step - 1);
    let proof = Proof::Totp { credential: new.id, step };
    match one::add(me, request, (new, proof)).await? {
        Some(done) => Ok(done),
        // Set up in another tab: the page says so.
        None => page(me, &secret, None).await,
    }
}
