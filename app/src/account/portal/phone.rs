//! `GET` and `POST /account/phone`: a number that codes are sent to as text messages.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_actors::Error as ActorError;
use bailiwick_domain::acr::Factor;
use bailiwick_domain::{EventKind, Kind};
use bailiwick_protocol::Params;
use bailiwick_store::{Error as StoreError, credentials};

use super::{Me, Needs, recovery_codes};
use crate::cx::Cx;
use crate::factors::{self, Proof, sent_code, sms};
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::flow::start::{Started, strengthen};
use crate::mails::{Wish, leave};
use crate::pages::{Content, Done, FormProblem, LetterKind, Phone, PhoneItem, Problem, Tab};

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
            return remove(&me).await;
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
    let data = serde_json::json!({ "factor": Factor::SmsCode });
    let news = me.news(me.event(EventKind::FactorAdded).with(data), LetterKind::FactorAdded, None);
    let (tenant, user, credential) = (cx.tenant_id(), me.user(), new.id);
    let allowed = cx.offers(Factor::SmsCode);
    let write = move |tx| async move {
        let mine = credentials::of_user(&tx, tenant, user).await?;
        if !allowed || mine.iter().any(|c| c.factor == Factor::SmsCode) {
            return Err(StoreError::Taken("phone"));
        }
        credentials::add(&tx, (tenant, user), &[new]).await?;
        news.put(&tx, tenant).await
    };
    match cx.store().write(tenant, write).await {
        // Set up in another tab: the page says so.
        Err(StoreError::Taken(_)) => return page(me, &Asked::default(), None).await,
        other => other?,
    }
    // The code that set it up proves the sign-in as well.
    let proof = Proof::SmsCode { credential, ceremony };
    let used = strengthen(cx, (&me.browser, request), &me.session, (proof, false)).await;
    let browser = match used {
        Ok(Started { browser, .. }) => Some(browser),
        Err(ActorError::Store(StoreError::NotFound(_))) => None,
        Err(e) => return Err(e.into()),
    };
    Ok(recovery_codes::after_adding(me, browser.as_ref()))
}

async fn remove(me: &Me<'_>) -> Result<HttpResponse, PageError> {
    let (tenant, user) = (me.cx.tenant_id(), me.user());
    let data = serde_json::json!({ "factor": Factor::SmsCode });
    let event = me.event(EventKind::FactorRemoved).with(data);
    let news = me.news(event, LetterKind::FactorRemoved, None);
    let write = move |tx| async move {
        credentials::remove_all(&tx, (tenant, user), Factor::SmsCode).await?;
        news.put(&tx, tenant).await
    };
    me.cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    Ok(me.go(Tab::Phone, Done::FactorRemoved))
}
