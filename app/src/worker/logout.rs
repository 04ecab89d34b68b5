//! A session has ended: each application that it was used for is told, and one that is slow or away
//! holds up no other (OpenID Connect Back-Channel Logout 1.0).

use bailiwick_actors::{Error, Platform};
use bailiwick_domain::{ApplicationId, EventKind, SessionId};
use bailiwick_outbound::{Fetcher, LogoutError};
use bailiwick_protocol::logout::LogoutToken;
use bailiwick_store::Error as StoreError;
use bailiwick_store::audit::{self, Actor, AuditEvent};
use bailiwick_store::jobs::{self, Job, JobKind, NewJob};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::flow::tokens::{sub_in, with_key};
use crate::mails::send::unavailable;

/// After so many tries, over about two hours, an application is given up.
const TRIES: i64 = 12;

/// What the store leaves when a session ends.
#[derive(Deserialize)]
struct Ended {
    session: SessionId,
    sub: String,
    applications: Vec<ApplicationId>,
}

/// What one application is told.
#[derive(Serialize, Deserialize)]
struct Notice {
    session: SessionId,
    /// The user's own `sub`; the application may see another.
    sub: String,
    application: ApplicationId,
}

fn payload<T: DeserializeOwned>(job: &Job) -> Result<T, StoreError> {
    T::deserialize(&job.payload).map_err(|_| StoreError::Corrupt("job"))
}

/// Gives each application a job of its own. Run twice, it tells them twice, which says nothing new.
pub(super) async fn fan_out(platform: &Platform, job: &Job) -> Result<bool, StoreError> {
    let Ended { session, sub, applications } = payload(job)?;
    let (env, tenant, now) = (platform.env().clone(), job.tenant, platform.env().now());
    let give = move |tx| async move {
        for application in applications {
            let notice = Notice { session, sub: sub.clone(), application };
            let payload = serde_json::json!(notice);
            let kind = JobKind::BackchannelLogout;
            let job = NewJob { id: env.id(), kind, payload, run_at: now };
            jobs::enqueue(&tx, tenant, &job, now).await?;
        }
        Ok::<_, StoreError>(true)
    };
    platform.store().write(tenant, give).await
}

/// Tells one application. The token is signed now, so that it is fresh however late it leaves.
pub(super) async fn tell(
    platform: &Platform,
    fetcher: &Fetcher,
    job: &Job,
) -> Result<bool, StoreError> {
    let notice: Notice = payload(job)?;
    let tenant = platform.tenant(job.tenant).await.map_err(unavailable)?;
    let Some(tenant) = tenant else { return Ok(true) };
    let (view, now) = (tenant.view(), platform.env().now());
    let Some(app) = view.applications.by_id(notice.application) else { return Ok(true) };
    let spec = &app.application.spec;
    let Some(uri) = &spec.backchannel_logout_uri else { return Ok(true) };
    let alg = spec.id_token_alg();
    let signing = with_key(&tenant, &view, alg, now).await.map_err(unavailable)?;
    let missing = || unavailable(Error::Key("no key for the logout token".into()));
    let key = signing.keys.signing_key(alg, now).ok_or_else(missing)?;
    let token = LogoutToken {
        iss: &view.tenant.issuer,
        client_id: &spec.client_id,
        sub: &sub_in(&view, app, &notice.sub),
        sid: notice.session,
        iat: now.as_secs(),
        jti: &platform.env().token::<16>(),
    };
    let token = token.sign(key).map_err(|e| unavailable(Error::Key(e.to_string())))?;
    let outcome = |name| metrics::counter!("bailiwick_logouts_total", "outcome" => name);
    match fetcher.logout(uri, &token).await {
        Ok(()) => {
            outcome("told").increment(1);
            Ok(true)
        }
        Err(LogoutError::Unavailable(why)) if job.attempts < TRIES => {
            outcome("retried").increment(1);
            Err(StoreError::Unavailable(why))
        }
        Err(e) => {
            outcome("failed").increment(1);
            tracing::warn!(job = %job.id, error = %e, "an application was not told of a logout");
            gave_up(platform, job, &notice, &e).await?;
            Ok(true)
        }
    }
}

async fn gave_up(
    platform: &Platform,
    job: &Job,
    notice: &Notice,
    error: &LogoutError,
) -> Result<(), StoreError> {
    let (env, tenant) = (platform.env(), job.tenant);
    let reason = match error {
        LogoutError::Refused(_) => "refused",
        LogoutError::Unavailable(_) => "unavailable",
    };
    let event = AuditEvent::new(env, tenant, EventKind::LogoutFailed, Actor::system(tenant))
        .on("application", notice.application.0)
        .with(serde_json::json!({ "session": notice.session, "reason": reason }));
    let write = move |tx| async move { audit::append(&tx, &[event]).await };
    platform.store().write(tenant, write).await
}
