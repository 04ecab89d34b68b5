//! `GET /account`: the account at a glance.

use actix_web::{HttpRequest, HttpResponse, get};
use bailiwick_domain::acr::Factor;
use bailiwick_store::{Error as StoreError, credentials, grants, sessions};

use super::{Me, Needs};
use crate::cx::Cx;
use crate::flow::page::{PageError, answer};
use crate::pages::{Content, Overview, Tab};

/// More are not counted.
const COUNTED: u64 = 1_000;

/// The account at a glance. Who is not signed in is sent to sign in first.
#[utoipa::path(
    get,
    path = "/account",
    tag = "Account",
    operation_id = "account",
    params(("session" = Option<String>, Query, description = "Which of the browser's accounts")),
    responses(
        (status = 200, description = "A page"),
        (status = 303, description = "To sign in"),
    )
)]
#[get("/account")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = overview(&cx, &request).await;
    answer(&cx, done)
}

async fn overview(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let me = Me::of(cx, request, (Tab::Overview, Needs::SignIn)).await?;
    let (tenant, user, now) = (cx.tenant_id(), me.user(), cx.now);
    let read = move |tx| async move {
        let mine = credentials::of_user(&tx, tenant, user).await?;
        let open = sessions::of_user(&tx, (tenant, user), now, COUNTED).await?.len();
        let connected = grants::connected(&tx, (tenant, user), now).await?.len();
        Ok::<_, StoreError>((mine, open, connected))
    };
    let (mine, sessions, applications) = cx.store().read(tenant, read).await?;
    let count = |factor| mine.iter().filter(|c| c.factor == factor).count();
    let overview = Overview {
        delete_at: me.person.delete_at.map(bailiwick_domain::Timestamp::to_rfc3339),
        phone: count(Factor::SmsCode),
        email_verified: me.session.email_verified,
        passkeys: count(Factor::Passkey),
        totp: count(Factor::Totp),
        recovery_codes: count(Factor::RecoveryCode),
        sessions,
        applications,
    };
    Ok(me.show(&Content::Overview(overview)))
}
