//! `GET` and `POST /account/delete`: the end of the account, after a while in which it can be kept.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::{EventKind, JobId};
use bailiwick_protocol::Params;
use bailiwick_store::jobs::{self, JobKind, NewJob};
use bailiwick_store::{Error as StoreError, TenantTx, users};

use super::{Me, Needs};
use crate::cx::Cx;
use crate::flow::cut_off::{cut_off, tell};
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, Show, answer, show};
use crate::pages::{Content, Delete, Done, LetterKind, Notice, NoticeKind, Page, Tab};

/// The form.
#[utoipa::path(
    get,
    path = "/account/delete",
    tag = "Account",
    operation_id = "account_delete",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/delete")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = async {
        let me = Me::of(&cx, &request, (Tab::Delete, Needs::Fresh)).await?;
        let at = me.person.delete_at;
        let days = cx.view.tenant.settings.accounts.deletion_days;
        let content = Delete { at: at.map(bailiwick_domain::Timestamp::to_rfc3339), days };
        Ok(me.show(&Content::Delete(content)))
    };
    let done = done.await;
    answer(&cx, done)
}

/// Plans the end, which signs out everywhere and takes all access away at once; or keeps the
/// account after all.
#[utoipa::path(
    post,
    path = "/account/delete",
    tag = "Account",
    operation_id = "account_delete_post",
    responses(
        (status = 200, description = "A page: it will be deleted"),
        (status = 303, description = "It is kept"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/account/delete")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = async {
        let params = submitted.0?;
        let me = Me::sent(&cx, &request, &params, (Tab::Delete, Needs::Fresh)).await?;
        if keeps(&params)? { keep(&me).await } else { plan(&me).await }
    };
    let done = done.await;
    answer(&cx, done)
}

fn keeps(params: &Params) -> Result<bool, PageError> {
    Ok(params.get("keep")? == Some("1"))
}

async fn plan(me: &Me<'_>) -> Result<HttpResponse, PageError> {
    let (cx, user) = (me.cx, me.user());
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let days = cx.view.tenant.settings.accounts.deletion_days;
    let at = now.plus_secs(days.saturating_mul(86_400));
    let day = at.to_rfc3339().get(..10).map(str::to_owned);
    let news = me.news(me.event(EventKind::DeletionPlanned), LetterKind::DeletionPlanned, day);
    let id: JobId = cx.env().id();
    let payload = serde_json::json!({ "user": user });
    let job = NewJob { id, kind: JobKind::DeleteAccount, payload, run_at: at };
    let write = move |tx: TenantTx| async move {
        // Asked for twice, the first time counts.
        if !users::delete_at(&tx, (tenant, user), Some(at), now).await? {
            return Ok(Vec::new());
        }
        jobs::enqueue(&tx, tenant, &job, now).await?;
        news.put(&tx, tenant).await?;
        cut_off(&tx, tenant, user, now).await
    };
    let revoked = cx.store().write::<_, StoreError, _, _>(tenant, write).await?;
    tell(cx, revoked).await;
    let done = Notice { kind: NoticeKind::DeletionPlanned, email: None, back: None };
    let how = Show { locale: Some(me.locale), ..Show::default() };
    Ok(show(cx, &Page::Notice(done), how))
}

async fn keep(me: &Me<'_>) -> Result<HttpResponse, PageError> {
    let (cx, user) = (me.cx, me.user());
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let news = me.event(EventKind::DeletionCancelled);
    let write = move |tx: TenantTx| async move {
        if users::delete_at(&tx, (tenant, user), None, now).await? {
            bailiwick_store::audit::append(&tx, &[news]).await?;
        }
        Ok::<_, StoreError>(())
    };
    cx.store().write(tenant, write).await?;
    Ok(me.go(Tab::Overview, Done::AccountKept))
}
