//! `GET` and `POST /account/phone`: a number that codes are sent to as text messages.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::Kind;
use bailiwick_domain::acr::Factor;
use bailiwick_protocol::Params;

use super::{Me, Needs, one};
use crate::cx::Cx;
use crate::factors::{self, Proof, sent_code, sms};
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::mails::{Wish, leave};
use crate::pages::{Content, FormProblem, Phone, PhoneItem, Problem, Tab};

const WHAT: &str = "phone.add";

/// The number, or the form for one.
#[utoipa::path(
    get,
    path = "/account/phone",
    tag = "Account",
    operation_id = "account_phone",
    responses(
        (status = 200, description = "A page"),
        (status = 303, description = "To sign in"),
        (status = 403, description = "A page: there are no codes by text message here"),
    )
)]
#[get("/account/phone")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::Phone, Needs::FreshToSetUp)).await?;
        page(&me, &Asked::default(), None).await
    };
    let done = done.await;
    answer(&cx, done)
}

/// Sends a code to a number; takes the number once the code is right; or removes it.
#[utoipa::path(
    post,
    path = "/account/phone",
    tag = "Account",
    operation_id = "account_phone_post",
    responses(
        (status = 200, description = "The form for the code"),
        (status = 303, description = "Done"),
        (status = 400, description = "The form again: the number or the code is not right"),
        (status = 403, description = "A page: not here, or the form is not from this browser"),
        (status = 429, description = "A page: too many tries"),
    )
)]
#[post("/account/phone")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::Phone, Needs::FreshToSetUp)).await?;
        if params.get("remove")?.is_some() {
            return one::remove(&me, Factor::SmsCode).await;
        }
        match params.get("ceremony")? {
            Some(ceremony) => set_up(&me, &request, (&params, ceremony)).await,
            None => send(&me, &params).await,
        }
    };
    let done = done.await;
    answer(&cx, done)
}

/// What the page asks for.
#[derive(Default)]
struct Asked {
    number: String,
    ceremony: Option<String>,
}

async fn page(
    me: &Me<'_>,
    asked: &Asked,
    problem: Option<FormProblem>,
) -> Result<HttpResponse, PageError> {
    if !me.cx.offers(Factor::SmsCode) {
        return Err(PageError::new(Problem::Forbidden, "sms_code_off").of_kind(Kind::Forbidden));
    }
    let mine = factors::of_user(me.cx, me.user()).await?;
    let present = mine.iter().find(|c| c.factor == Factor::SmsCode);
    let content = Phone {
        present: present.map(|c| PhoneItem {
            digits: c.name.as_deref().unwrap_or_default(),
            since: c.created_at.to_rfc3339(),
            used: c.last_used_at.map(bailiwick_domain::Timestamp::to_rfc3339),
        }),
        number: &asked.number,
        ceremony: asked.ceremony.as_deref(),
    };
    Ok(me.again(&Content::Phone(content), problem.map(|p| (p, None))))
}

async fn send(me: &Me<'_>, params: &Params) -> Result<HttpResponse, PageError> {
    let cx = me.cx;
    let typed = params.get("number")?.unwrap_or_default();
    let Some(number) = sms::number(typed) else {
        let asked = Asked { number: typed.chars().take(40).collect(), ceremony: None };
        return page(me, &asked, Some(FormProblem::Number)).await;
    };
    if !cx.offers(Factor::SmsCode) {
        return page(me, &Asked::default(), None).await;
    }
    // Text messages cost money: so many, whatever the numbers.
    cx.attempt("phone.send", &me.user().to_string()).await?.counted();
    let made = sent_code::make(cx, &me.browser, (WHAT, Some(me.user())), &number);
    leave(cx, (Wish::Text { to: number.clone(), code: made.code }, me.locale), None).await?;
    page(me, &Asked { number, ceremony: Some(made.ceremony) }, None).await
}

async fn set_up(
    me: &Me<'_>,
    request: &HttpRequest,
    (params, ceremony): (&Params, &str),
) -> Result<HttpResponse, PageError> {
    let cx = me.cx;
    let code = params.get("code")?.unwrap_or_default();
    let what = (WHAT, Some(me.user()));
    let Some(given) = sent_code::open(cx, &me.browser, what, (code, ceremony)) else {
        return page(me, &Asked::default(), Some(FormProblem::Stale)).await;
    };
    let attempt = cx.attempt("phone.code", &me.user().to_string()).await?;
    let asked = Asked { number: given.to.clone(), ceremony: Some(ceremony.to_owned()) };
    let Some((number, ceremony)) = given.right() else {
        attempt.failed(cx.now);
        return page(me, &asked, Some(FormProblem::SentCode)).await;
    };
    attempt.succeeded(cx.now).await;
    let new = sms::credential(cx, &number);
    // The code that set it up proves the sign-in as well.
    let proof = Proof::SmsCode { credential: new.id, ceremony };
    match one::add(me, request, (new, proof)).await? {
        Some(done) => Ok(done),
        // Set up in another tab: the page says so.
        None => page(me, &Asked::default(), None).await,
    }
}
