//! `GET /login/enrol`: who has nothing to prove more with sets something up first.

use actix_web::{HttpRequest, HttpResponse, get};
use bailiwick_domain::acr::Factor;
use bailiwick_protocol::authorize::interaction::Step;

use super::resume;
use crate::cx::Cx;
use crate::flow::input::pending_in_query;
use crate::flow::page::{PageError, Show, answer, show};
use crate::flow::proceed;
use crate::pages::{Enrol, Page};

/// Says why, and where.
#[utoipa::path(
    get,
    path = "/login/enrol",
    tag = "Hosted pages",
    operation_id = "login_enrol",
    params(("request" = String, Query, description = "The sealed pending request")),
    responses(
        (status = 200, description = "A page"),
        (status = 303, description = "There is nothing to set up: on to the next step"),
    )
)]
#[get("/login/enrol")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = offer(&cx, &request).await;
    answer(&cx, done)
}

async fn offer(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let (pending, browser) = pending_in_query(cx, request)?;
    let (step, _) = proceed::next(cx, &pending, &browser).await?;
    let Step::Enrol { session, acr } = step else {
        return Ok(resume::redirect(cx, &pending));
    };
    let sealed = pending.seal(cx);
    let place = |factor: Factor| {
        let page = match factor {
            Factor::Passkey => "passkeys",
            Factor::SmsCode => "phone",
            _ => "totp",
        };
        (factor, format!("{}/account/{page}?session={session}&request={sealed}", cx.issuer()))
    };
    let methods = &cx.view.tenant.settings.mfa.methods;
    let enough = |f: &&Factor| cx.offers(**f) && f.is_set_up() && f.reaches() >= acr;
    let offered = methods.iter().filter(enough);
    let offered: Vec<(Factor, String)> = offered.map(|factor| place(*factor)).collect();
    let page = Page::Enrol(Enrol {
        application: proceed::name(proceed::application(cx, &pending)?),
        offered: offered.iter().map(|(factor, url)| (*factor, url.as_str())).collect(),
    });
    let locale = pending.request.ui_locale;
    Ok(show(cx, &page, Show { browser: Some(&browser), locale, ..Show::default() }))
}
