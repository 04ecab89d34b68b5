//! `GET` and `POST /account/sessions`: where the account is signed in.

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_domain::{EventKind, SessionId};
use bailiwick_protocol::Params;
use bailiwick_store::audit::{self, AuditEvent};
use bailiwick_store::{Error as StoreError, remembered, sessions};

use super::{Me, Needs, ended};
use crate::cx::Cx;
use crate::flow::device::Device;
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::pages::{Content, Done, Problem, SessionItem, Sessions, Tab};

/// As many as are shown; one user has at most a thousand.
const SHOWN: u64 = 1_000;

/// The sessions of the account, this one first.
#[utoipa::path(
    get,
    path = "/account/sessions",
    tag = "Account",
    operation_id = "account_sessions",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/sessions")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = list(&cx, &request).await;
    answer(&cx, done)
}

async fn list(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let me = Me::of(cx, request, (Tab::Sessions, Needs::SignIn)).await?;
    let (tenant, user, now) = (cx.tenant_id(), me.user(), cx.now);
    let read = move |tx| async move {
        let open = sessions::of_user(&tx, (tenant, user), now, SHOWN).await?;
        let remembered = remembered::count(&tx, (tenant, user), now).await?;
        Ok::<_, StoreError>((open, remembered))
    };
    let (mut open, remembered) = cx.store().read(tenant, read).await?;
    open.sort_by_key(|s| s.id != me.session.id);
    let items = open.iter().map(|s| {
        let device = Device::open(cx, s.id, s.device.as_deref());
        SessionItem {
            id: s.id.to_string(),
            device: device.name(),
            place: device.address.as_deref().and_then(|a| cx.state.places.name(a)),
            address: device.address,
            here: s.id == me.session.id,
            started: s.created_at.to_rfc3339(),
            used: s.last_used_at.to_rfc3339(),
        }
    });
    let content = Sessions { items: items.collect(), remembered };
    Ok(me.show(&Content::Sessions(content)))
}

/// Ends one session, or all others; or forgets every remembered browser.
#[utoipa::path(
    post,
    path = "/account/sessions",
    tag = "Account",
    operation_id = "account_sessions_post",
    responses(
        (status = 303, description = "Back to the page"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/account/sessions")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = end(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

async fn end(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let me = Me::sent(cx, request, &params, (Tab::Sessions, Needs::SignIn)).await?;
    let what = params.require("end")?;
    if what == "remembered" {
        forget(&me).await?;
        return Ok(me.go(Tab::Sessions, Done::BrowsersForgotten));
    }
    let one = match what {
        "others" => None,
        id => {
            let unknown = |_| PageError::new(Problem::BadRequest, "invalid_request");
            Some(id.parse::<SessionId>().map_err(unknown)?)
        }
    };
    let (tenant, user, now, here) = (cx.tenant_id(), me.user(), cx.now, me.session.id);
    let event = |kind| me.event(kind);
    let template = event(EventKind::SignedOut);
    let env = cx.env().clone();
    let write = move |tx| async move {
        // Only those of this user: an id in a form may be anybody's.
        let mine = sessions::of_user(&tx, (tenant, user), now, SHOWN).await?;
        let wanted: Vec<SessionId> = mine
            .into_iter()
            .map(|s| s.id)
            .filter(|id| one.map_or(*id != here, |one| one == *id))
            .collect();
        let gone = sessions::end(&tx, tenant, &wanted, now).await?;
        let told: Vec<AuditEvent> = gone
            .iter()
            .map(|id| AuditEvent { id: env.id(), ..template.clone() }.on("session", id.0))
            .collect();
        audit::append(&tx, &told).await?;
        Ok::<_, StoreError>(gone)
    };
    let gone = cx.store().write(tenant, write).await?;
    ended(cx, gone).await;
    Ok(me.go(Tab::Sessions, Done::SessionsEnded))
}

async fn forget(me: &Me<'_>) -> Result<(), PageError> {
    let (tenant, user) = (me.cx.tenant_id(), me.user());
    let event = me.event(EventKind::BrowsersForgotten);
    let write = move |tx| async move {
        remembered::forget(&tx, tenant, user).await?;
        audit::append(&tx, &[event]).await
    };
    Ok(me.cx.store().write::<_, StoreError, _, _>(tenant, write).await?)
}
