//! Requests that may be sent again (`Idempotency-Key`): what was created is answered once more,
//! and nothing is created twice.

use std::future::Future;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use bailiwick_domain::TenantId;
use bailiwick_store::Error as StoreError;
use bailiwick_store::idempotency::{self, Answer, Begun, Call};
use bailiwick_store::vault::{Label, Place};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::auth::{Permission, Permit};
use super::json::Body;
use super::problem::{Problem, Reason};
use super::{BASE, versions};
use crate::crypto::sha256;
use crate::cx::Cx;

const HEADER: &str = "idempotency-key";
/// How long an answer is given again.
const KEPT: Duration = Duration::from_secs(86_400);
/// How long a request that never ended blocks its key.
const LEASE: Duration = Duration::from_secs(60);

/// Something that was created.
#[derive(Serialize, Deserialize)]
pub struct Created {
    /// Its path below the API.
    pub path: String,
    /// Its version.
    pub version: i64,
    /// It, as it is shown.
    pub body: Value,
}

impl Created {
    /// The answer.
    fn answer(&self, cx: &Cx) -> HttpResponse {
        HttpResponse::Created()
            .insert_header((header::LOCATION, format!("{}{BASE}{}", cx.issuer(), self.path)))
            .insert_header((header::ETAG, versions::etag(self.version)))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(&self.body)
    }
}

/// Creates something, or answers again what this request has created before. Once it is begun it
/// runs to its end, even when the caller goes away.
///
/// # Errors
/// Those of `work`; 409 while the same request is under way; 422 when the key was used for another.
pub async fn once<P: Permission, F>(
    permit: &Permit<P>,
    body: &Body,
    work: F,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<Created, Problem>> + 'static,
{
    let cx = permit.cx.clone();
    let Some(call) = call(permit, body)? else {
        return Ok(run(work).await?.answer(&cx));
    };
    let (tenant, now) = (cx.tenant_id(), cx.now);
    let begin =
        move |tx| async move { idempotency::begin(&tx, tenant, &call, now, now.plus(LEASE)).await };
    match cx.store().write::<_, StoreError, _, _>(tenant, begin).await? {
        Begun::Fresh => {
            let done = {
                let cx = cx.clone();
                run(async move {
                    let done = work.await;
                    settle(&cx, tenant, call.key_hash, &done).await?;
                    done
                })
            };
            Ok(done.await?.answer(&cx))
        }
        Begun::Replay { body, .. } => {
            let opened = cx.view.vault.open(&place(&call.key_hash), &body.unwrap_or_default())?;
            let created: Created = serde_json::from_slice(&opened)
                .map_err(|_| StoreError::Corrupt("idempotent answer"))?;
            Ok(created.answer(&cx))
        }
        Begun::Different => {
            let detail = "this Idempotency-Key was sent with another request: use a new one";
            Err(Problem::new(Reason::KeyReused, detail))
        }
        Begun::InProgress => {
            Err(Problem::new(Reason::InProgress, "the first request is not done yet"))
        }
    }
}

/// Runs in a task of its own, which nobody cancels.
async fn run(
    work: impl Future<Output = Result<Created, Problem>> + 'static,
) -> Result<Created, Problem> {
    let broken = |_| Problem::new(Reason::Internal, "give us the request id");
    actix_web::rt::spawn(work).await.map_err(broken)?
}

/// Keeps the answer, sealed: it may hold a secret. A refusal is not kept, since nothing was done.
async fn settle(
    cx: &Cx,
    tenant: TenantId,
    key: [u8; 32],
    done: &Result<Created, Problem>,
) -> Result<(), Problem> {
    let answer = done.as_ref().ok().map(|created| {
        let plain = serde_json::to_vec(created).unwrap_or_default();
        let sealed = cx.view.vault.seal(&place(&key), &plain, cx.env());
        Answer { status: 201, body: Some(sealed), expires: cx.now.plus(KEPT) }
    });
    let write = move |tx| async move {
        match answer {
            Some(answer) => idempotency::finish(&tx, tenant, &key, answer).await,
            None => idempotency::forget(&tx, tenant, &key).await,
        }
    };
    Ok(cx.store().write::<_, StoreError, _, _>(tenant, write).await?)
}

fn place(key: &[u8; 32]) -> Place<'_> {
    Place { table: "idempotency_keys", column: "body", row: key.as_slice().into() }
}

/// The call that a request is; `None` without a key. A key is its caller's alone.
fn call<P>(permit: &Permit<P>, body: &Body) -> Result<Option<Call>, Problem> {
    let Some(key) = key(&permit.request)? else { return Ok(None) };
    let actor = &permit.actor;
    let (home, id) = (actor.tenant.0.into_bytes(), actor.id.unwrap_or_default().into_bytes());
    let named = [home.as_slice(), id.as_slice(), key.as_bytes()].concat();
    let key_hash = permit.cx.view.vault.mac(Label::Idempotency, &named);
    let what = [permit.request.path().as_bytes(), b"\0", &body.hash].concat();
    Ok(Some(Call { key_hash, request_hash: sha256(&what) }))
}

fn key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let key = value.to_str().ok().filter(|k| (1..=255).contains(&k.len()));
    let wrong =
        || Problem::mistake("Idempotency-Key", "must be 1 to 255 printable ASCII characters");
    Ok(Some(key.ok_or_else(wrong)?.to_owned()))
}
