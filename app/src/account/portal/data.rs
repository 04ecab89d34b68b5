//! `GET /account/data`: everything that is kept of the person, to take along (GDPR 15 and 20).

use actix_web::{HttpRequest, HttpResponse, get};
use bailiwick_domain::EventKind;
use bailiwick_store::{Error as StoreError, audit, consents, credentials, grants, sessions};
use serde_json::json;

use super::{Me, Needs};
use crate::cx::Cx;
use crate::flow::device::Device;
use crate::flow::page::{PageError, answer};
use crate::pages::Tab;

/// As many of a kind.
const MOST: u64 = 1_000;

/// The data as JSON, to be saved as a file. No secret is among it.
#[utoipa::path(
    get,
    path = "/account/data",
    tag = "Account",
    operation_id = "account_data",
    responses(
        (status = 200, description = "A file", content_type = "application/json"),
        (status = 303, description = "To sign in"),
    )
)]
#[get("/account/data")]
pub async fn get(cx: Cx, request: HttpRequest) -> HttpResponse {
    let done = export(&cx, &request).await;
    answer(&cx, done)
}

async fn export(cx: &Cx, request: &HttpRequest) -> Result<HttpResponse, PageError> {
    let me = Me::of(cx, request, (Tab::Data, Needs::Fresh)).await?;
    let person = &me.person;
    let (tenant, user, now) = (cx.tenant_id(), me.user(), cx.now);
    let event = me.event(EventKind::DataExported);
    let write = move |tx| async move {
        let who = (tenant, user);
        audit::append(&tx, &[event]).await?;
        let mine = credentials::of_user(&tx, tenant, user).await?;
        let open = sessions::of_user(&tx, who, now, MOST).await?;
        let connected = grants::connected(&tx, who, now).await?;
        let allowed = consents::list_of_user(&tx, tenant, user).await?;
        let events = audit::of_user(&tx, who, EventKind::ALL, MOST).await?;
        Ok::<_, StoreError>((mine, open, connected, allowed, events))
    };
    let (mine, open, connected, allowed, events) = cx.store().write(tenant, write).await?;
    let application = |id| {
        let app = cx.view.applications.by_id(id);
        json!({ "id": id, "name": app.map(|a| a.application.spec.name.as_str()) })
    };
    let file = json!({
        "tenant": cx.view.tenant.name,
        "issuer": cx.issuer(),
        "exported_at": now.to_rfc3339(),
        "profile": {
            "sub": person.sub,
            "email": person.email,
            "email_verified": person.email_verified,
            "name": person.name,
            "claims": person.claims,
            "created_at": person.created_at.to_rfc3339(),
            "updated_at": person.updated_at.to_rfc3339(),
        },
        "sign_in_methods": mine.iter().map(|c| json!({
            "method": c.factor,
            "name": c.name,
            "created_at": c.created_at.to_rfc3339(),
            "last_used_at": c.last_used_at.map(bailiwick_domain::Timestamp::to_rfc3339),
        })).collect::<Vec<_>>(),
        "sessions": open.iter().map(|s| {
            let device = Device::open(cx, s.id, s.device.as_deref());
            json!({
                "id": s.id,
                "device": device.name(),
                "address": device.address,
                "started_at": s.created_at.to_rfc3339(),
                "last_used_at": s.last_used_at.to_rfc3339(),
            })
        }).collect::<Vec<_>>(),
        "applications": connected.iter().map(|c| json!({
            "application": application(c.application),
            "since": c.since.to_rfc3339(),
            "scopes": c.scopes,
        })).collect::<Vec<_>>(),
        "consents": allowed.iter().map(|c| json!({
            "application": application(c.parties.application),
            "scopes": c.scopes,
            "given_at": c.created_at.to_rfc3339(),
        })).collect::<Vec<_>>(),
        "events": events.iter().map(|e| json!({
            "kind": e.kind,
            "at": e.at.to_rfc3339(),
            "details": e.data,
        })).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&file).unwrap_or_default();
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("content-disposition", "attachment; filename=\"account.json\""))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(text))
}
