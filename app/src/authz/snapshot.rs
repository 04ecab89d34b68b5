//! `POST /authz/snapshot`: what an application needs to decide by itself, signed.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, post, web};
use bailiwick_actors::Error as OwnerError;
use bailiwick_actors::authz::Offline;
use bailiwick_domain::DecisionId;
use bailiwick_domain::application::SigningAlg;
use bailiwick_domain::authz::AuthzMode;
use bailiwick_policy::{Export, Uid};
use bailiwick_protocol::jose::Typ;
use serde::{Deserialize, Serialize};

use crate::cx::Cx;
use crate::decisions::question::{self, Entity};
use crate::decisions::{Caller, Failure};
use crate::flow::tokens::with_key;
use crate::http::problem::{Problem, ProblemBody};

/// The most resources of one snapshot.
const RESOURCES: usize = 100;
/// Small, fast, and what every JOSE library verifies.
const ALG: SigningAlg = SigningAlg::ES256;

/// The request.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    principal: Entity,
    resources: Vec<Entity>,
}

/// What is signed. Times are whole seconds since the Unix epoch.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    /// The application that may decide by it.
    aud: &'a str,
    iat: i64,
    /// Nothing is decided by it from then on.
    exp: i64,
    /// Names it in its receipt.
    jti: DecisionId,
    /// As `snapshot_version` of a decision.
    snapshot_version: i64,
    mode: AuthzMode,
    principal: &'a Uid,
    #[serde(flatten)]
    export: &'a Export,
}

/// Gives the policies that hold and what they look at of a principal and of resources, for an
/// application that decides with a Cedar library of its own. It counts as one decision.
///
/// # Errors
/// 400, 401, 403, 413, 429, 503.
#[utoipa::path(
    post,
    path = "/snapshot",
    tag = "Authorization",
    operation_id = "authz_snapshot",
    request_body(content = serde_json::Value, content_type = "application/json",
        example = json!({
            "principal": {"type": "User", "id": "usr_0195f3c2a1b07c3d8e4f5a6b7c8d9e0f"},
            "resources": [{"type": "Document", "id": "7"}],
        })),
    responses(
        (status = 200, description = "A JWT of the type `authz-snapshot+jwt`: `policies`, `schema` \
            and `entities` are in the JSON formats of Cedar's libraries",
            body = String, content_type = "application/jwt"),
        (status = 400, description = "What is wrong, and where", body = ProblemBody),
        (status = 401, description = "Nobody known is asking", body = ProblemBody),
        (status = 403, description = "The application lacks the scope `authz`",
            body = ProblemBody),
        (status = 413, description = "More than 1 MiB", body = ProblemBody),
        (status = 429, description = "Too many requests", body = ProblemBody),
    ),
    security(("client_secret_basic" = []), ("bearer" = []))
)]
#[post("/snapshot")]
pub async fn handler(
    cx: Cx,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let token = snapshot(cx, &request, payload).await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer.content_type("application/jwt").body(token))
}

async fn snapshot(cx: Cx, request: &HttpRequest, payload: web::Payload) -> Result<String, Failure> {
    let caller = Caller::of(cx, request).await?;
    let Body { principal, resources } = question::read(request, payload).await?;
    if resources.len() > RESOURCES {
        return Err(Failure::at("resources", format!("there are more than {RESOURCES}")));
    }
    let principal = principal.uid("principal").map_err(|fault| Failure::invalid(vec![fault]))?;
    let (mut named, mut faults) = (Vec::new(), Vec::new());
    for (n, resource) in resources.iter().enumerate() {
        match resource.uid(&format!("resources[{n}]")) {
            Ok(uid) => named.push(uid),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::invalid(faults));
    }
    let (cx, app) = (&caller.cx, &caller.app.application);
    let view = with_key(&cx.tenant, &cx.view, ALG, cx.now).await?;
    let policies = cx.tenant.policies(&view).await?;
    let Offline { id, snapshot, export } =
        cx.tenant.export_policies((&view, &policies), app.id, (&principal, &named)).await?;
    let settings = &view.tenant.settings.authz;
    let claims = Claims {
        iss: cx.issuer(),
        aud: &app.spec.client_id,
        iat: cx.now.as_secs(),
        exp: cx.now.plus_secs(settings.snapshot_seconds).as_secs(),
        jti: id,
        snapshot_version: snapshot,
        mode: policies.mode,
        principal: &principal,
        export: &export,
    };
    let missing = || OwnerError::Key("no key for snapshots".into());
    let key = view.keys.signing_key(ALG, cx.now).ok_or_else(missing)?;
    let unsigned = |e: bailiwick_protocol::jose::JoseError| OwnerError::Key(e.to_string());
    Ok(key.sign(Typ::AuthzSnapshot, &claims).map_err(unsigned)?)
}
