//! `GET /account/events`: what happened to the account lately.

use actix_web::{HttpRequest, HttpResponse, get};
use bailiwick_store::{Error as StoreError, audit};

use super::{Me, Needs};
use crate::cx::Cx;
use crate::flow::page::{PageError, answer};
use crate::pages::{Content, EventItem, Events, SHOWN_EVENTS, Tab};

const SHOWN: u64 = 50;

/// The last things that happened, the newest first.
#[utoipa::path(
    get,
    path = "/account/events",
    tag = "Account",
    operation_id = "account_events",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/events")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = list(&cx, &request).await;
    answer(&cx, done)
}

async fn list(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let me = Me::of(cx, request, (Tab::Events, Needs::SignIn)).await?;
    let (tenant, user) = (cx.tenant_id(), me.user());
    let read =
        move |tx| async move { audit::of_user(&tx, (tenant, user), SHOWN_EVENTS, SHOWN).await };
    let found = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let items = found.iter().map(|e| EventItem {
        kind: e.kind.name(),
        at: e.at.to_rfc3339(),
        how: e.data["amr"].as_array().into_iter().flatten().filter_map(|a| a.as_str()).collect(),
    });
    let content = Events { items: items.collect() };
    Ok(me.show(&Content::Events(content)))
}
