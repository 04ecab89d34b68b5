//! `GET` and `POST /account/applications`: which applications may act for this person.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, get, post};
use bailiwick_actors::RevokedKey;
use bailiwick_domain::{ApplicationId, EventKind};
use bailiwick_protocol::Params;
use bailiwick_store::{Error as StoreError, audit, grants};

use super::{Me, Needs};
use crate::cx::Cx;
use crate::flow::cut_off::tell;
use crate::flow::input::Submitted;
use crate::flow::page::{PageError, answer};
use crate::pages::{Applications, ConnectedItem, Content, Done, Problem, Tab};

/// The applications that hold something of this person.
#[utoipa::path(
    get,
    path = "/account/applications",
    tag = "Account",
    operation_id = "account_applications",
    responses((status = 200, description = "A page"), (status = 303, description = "To sign in"))
)]
#[get("/account/applications")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = list(&cx, &request).await;
    answer(&cx, done)
}

async fn list(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let me = Me::of(cx, request, (Tab::Applications, Needs::SignIn)).await?;
    let (tenant, user, now) = (cx.tenant_id(), me.user(), cx.now);
    let read = move |tx| async move { grants::connected(&tx, (tenant, user), now).await };
    let found = cx.store().read::<_, StoreError, _, _>(tenant, read).await?;
    let items = found.iter().filter_map(|c| {
        let app = cx.view.applications.by_id(c.application)?;
        let scopes: BTreeSet<&str> = c.scopes.iter().flat_map(|set| set.iter()).collect();
        Some(ConnectedItem {
            id: c.application.to_string(),
            name: &app.application.spec.name,
            scopes: scopes.into_iter().collect(),
            since: c.since.to_rfc3339(),
            last: c.last.to_rfc3339(),
        })
    });
    let content = Applications { items: items.collect() };
    Ok(me.show(&Content::Applications(content)))
}

/// Takes back everything from one application: its tokens stop working at once.
#[utoipa::path(
    post,
    path = "/account/applications",
    tag = "Account",
    operation_id = "account_applications_post",
    responses(
        (status = 303, description = "Back to the page"),
        (status = 403, description = "A page: the form is not from this browser"),
    )
)]
#[post("/account/applications")]
pub async fn post(cx: Cx, request: HttpRequest, submitted: Submitted) -> HttpResponse {
    let done = revoke(&cx, &request, submitted.0).await;
    answer(&cx, done)
}

async fn revoke(
    cx: &Cx,
    request: &HttpRequest,
    params: Result<Params, PageError>,
) -> Result<HttpResponse, PageError> {
    let params = params?;
    let me = Me::sent(cx, request, &params, (Tab::Applications, Needs::SignIn)).await?;
    let unknown = |_| PageError::new(Problem::BadRequest, "invalid_request");
    let application: ApplicationId = params.require("application")?.parse().map_err(unknown)?;
    let (tenant, user, now) = (cx.tenant_id(), me.user(), cx.now);
    let event = me.event(EventKind::ConsentRevoked).on("application", application.0);
    let write = move |tx| async move {
        let who = (tenant, user);
        let revoked = grants::revoke_of_application(&tx, who, application, now).await?;
        audit::append(&tx, &[event]).await?;
        Ok::<_, StoreError>(revoked)
    };
    let revoked = cx.store().write(tenant, write).await?;
    tell(cx, revoked.into_iter().map(RevokedKey::Grant).collect()).await;
    Ok(me.go(Tab::Applications, Done::ApplicationRevoked))
}
