//! `GET` and `POST /account/recovery-codes`: codes for the day when the phone is lost.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::EventKind;
use bailiwick_domain::acr::Factor;
use bailiwick_store::{Error as StoreError, audit, credentials};

use super::{Me, Needs};
use crate::cx::Cx;
use crate::factors::{self, recovery};
use crate::flow::browser::Browser;
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer, see_other};
use crate::flow::pending::Pending;
use crate::pages::{Content, Done, FormProblem, RecoveryCodes, Tab};

/// How many codes are left.
#[utoipa::path(
    get,
    path = "/account/recovery-codes",
    tag = "Account",
    operation_id = "account_recovery_codes",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/recovery-codes")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::RecoveryCodes, Needs::Fresh)).await?;
        page(&me, None, None).await
    };
    let done = done.await;
    answer(&cx, done)
}

/// Makes new codes, which are shown once; the old ones stop working.
#[utoipa::path(
    post,
    path = "/account/recovery-codes",
    tag = "Account",
    operation_id = "account_recovery_codes_post",
    responses(
        (status = 200, description = "A page with the codes"),
        (status = 403, description = "A page: the form is not from this browser"),
        (status = 503, description = "The form again: too many codes wait to be hashed"),
    )
)]
#[post("/account/recovery-codes")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::RecoveryCodes, Needs::Fresh)).await?;
        make(&me).await
    };
    let done = done.await;
    answer(&cx, done)
}

async fn page(
    me: &Me<'_>,
    codes: Option<&[String]>,
    problem: Option<FormProblem>,
) -> Result<HttpResponse, PageError> {
    let mine = factors::of_user(me.cx, me.user()).await?;
    let count = |factor| mine.iter().filter(|c| c.factor == factor).count();
    let resume = me.waiting.as_ref();
    let resume = resume.map(|r| format!("{}/login/resume?request={r}", me.cx.issuer()));
    let content = RecoveryCodes {
        left: count(Factor::RecoveryCode),
        useful: mine.iter().any(|c| c.factor.is_set_up()),
        codes: codes.unwrap_or_default(),
        go_on: resume.as_deref(),
    };
    Ok(me.again(&Content::RecoveryCodes(content), problem.map(|p| (p, None))))
}

async fn make(me: &Me<'_>) -> Result<HttpResponse, PageError> {
    let (codes, stored) = match recovery::generate(me.cx).await {
        Ok(made) => made,
        Err(error) => {
            tracing::warn!(%error, "recovery codes were not made");
            return page(me, None, Some(FormProblem::Busy)).await;
        }
    };
    let (tenant, user) = (me.cx.tenant_id(), me.user());
    let event = me.event(EventKind::RecoveryCodesMade);
    let write = move |tx| async move {
        credentials::remove_all(&tx, (tenant, user), Factor::RecoveryCode).await?;
        credentials::add(&tx, (tenant, user), &stored).await?;
        audit::append(&tx, &[event]).await
    };
    me.cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    page(me, Some(&codes), None).await
}

/// Where to go once something is set up: to the codes, which stand in for it when it is lost; who
/// has some goes back to where they came from.
pub(super) fn after_adding(me: &Me<'_>, browser: Option<&Browser>) -> HttpResponse {
    let (cx, new) = (me.cx, browser.unwrap_or(&me.browser));
    let waiting = me.waiting.as_deref().and_then(|r| Pending::open(cx, r, &me.browser).ok());
    let waiting = waiting.map(|pending| pending.rebound(cx, new).seal(cx));
    let to = match (waiting, me.session.factors.contains(Factor::RecoveryCode)) {
        (Some(request), true) => format!("{}/login/resume?request={request}", cx.issuer()),
        (None, true) => format!("{}&done={}", me.link(me.tab), Done::FactorAdded.name()),
        (waiting, false) => {
            let request = waiting.map(|r| format!("&request={r}")).unwrap_or_default();
            format!("{}{request}&done={}", me.link(Tab::RecoveryCodes), Done::FactorAdded.name())
        }
    };
    let mut answer = see_other(&to);
    if let Some(browser) = browser {
        // It cannot fail for a cookie that we made.
        let _ = answer.add_cookie(&browser.cookie(cx));
    }
    answer
}
