//! `POST /api/v1/applications`: registers an application.

use actix_web::{HttpResponse, post, web};
use bailiwick_actors::{Change, Changed};
use bailiwick_domain::ApplicationSpec;
use bailiwick_store::audit::Actor;
use bailiwick_store::vault::Label;

use super::{ApplicationBody, ApplicationMembers};
use crate::admin::auth::{CreateApplication, Permit};
use crate::admin::idempotency::{self, Created};
use crate::admin::json::{self, JSON};
use crate::admin::problem::{Problem, ProblemBody, Reason};
use crate::cx::Cx;

/// What client secrets start with, so that scanners of leaked secrets know them.
const SECRET_PREFIX: &str = "bws_";

/// Registers an application. The answer holds the `client_secret` of one that authenticates by a
/// secret: keep it, it is not shown again.
///
/// # Errors
/// 400, 401, 403, 409, 413, 415, 422.
#[utoipa::path(
    post,
    path = "/applications",
    tag = "Management",
    operation_id = "applications_create",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same answer for the same request for 24 hours")),
    request_body(content = ApplicationMembers, content_type = "application/json"),
    responses(
        (status = 201, description = "It is registered", body = ApplicationBody<'_>,
            headers(("ETag" = String, description = "Its version"),
                ("Location" = String, description = "Its address"))),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "Your roles do not allow it", body = ProblemBody),
        (status = 409, description = "Another one has this `client_id`", body = ProblemBody),
        (status = 413, description = "More than 512 KiB", body = ProblemBody),
        (status = 415, description = "Not `application/json`", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request",
            body = ProblemBody),
    ),
    security(("api_key" = []), ("bearer" = []))
)]
#[post("/applications")]
pub async fn handler(
    permit: Permit<CreateApplication>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = json::read(&permit.request, payload, JSON).await?;
    let spec: ApplicationSpec = json::typed(body.value.clone())?;
    let development = permit.cx.platform().options().development;
    let spec = spec.settle(development).map_err(Problem::mistakes)?;
    let work = create(permit.cx.clone(), permit.actor, spec);
    idempotency::once(&permit, &body, work).await
}

async fn create(cx: Cx, actor: Actor, spec: ApplicationSpec) -> Result<Created, Problem> {
    let secret = spec
        .auth_method()
        .uses_secret()
        .then(|| format!("{SECRET_PREFIX}{}", cx.env().token::<32>()));
    let mac = secret.as_ref().map(|s| cx.view.vault.mac(Label::ClientSecret, s.as_bytes()));
    let change = Change::CreateApplication { spec, secret: mac };
    let Changed::Application(app) = cx.tenant.change(change, actor).await? else {
        return Err(Problem::new(Reason::Internal, "give us the request id"));
    };
    let body = ApplicationBody { client_secret: secret.as_deref(), ..ApplicationBody::from(&app) };
    let body = serde_json::json!(body);
    Ok(Created { path: format!("/applications/{}", app.id), version: app.version, body })
}
