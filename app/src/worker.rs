//! The background worker: durable jobs, signing keys that are due, and the cleaning of what has
//! expired.

use std::time::Duration;

use bailiwick_actors::Platform;
use bailiwick_domain::{ApplicationId, Timestamp, UserId};
use bailiwick_outbound::Fetcher;
use bailiwick_store::Error as StoreError;
use bailiwick_store::jobs::{self, Deleted, Job, JobKind};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;

use crate::mails::send::{self, Post};

mod deletion;
mod keys;
mod logout;
mod replay;

const POLL: Duration = Duration::from_millis(500);
/// How long a claimed job is nobody else's.
const LEASE: Duration = Duration::from_secs(60);
const CLEAN: Duration = Duration::from_secs(60);
/// How often to ask whose signing keys are due.
const ROTATE: Duration = Duration::from_secs(60);
/// Rows of one table that one transaction removes.
const BATCH: u64 = 500;
/// Jobs that run at the same time: one that waits for somebody holds up no other.
const CLAIM: usize = 16;

/// The running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: actix_web::rt::task::JoinHandle<()>,
}

impl Worker {
    /// Lets the jobs at hand finish, and stops.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// What jobs take.
#[derive(Clone)]
struct Tools {
    platform: Platform,
    post: Post,
    fetcher: Fetcher,
}

/// Starts the worker.
#[must_use]
pub fn start(platform: &Platform, post: &Post, fetcher: Fetcher) -> Worker {
    let (stop, mut stopped) = watch::channel(false);
    let tools = Tools { platform: platform.clone(), post: post.clone(), fetcher };
    let task = actix_web::rt::spawn(async move {
        let platform = &tools.platform;
        let (mut cleaned_at, mut rotated_at) = (platform.env().now(), Timestamp::EPOCH);
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                // There is room for another.
                Some(()) = running.next() => {}
                _ = stopped.changed() => break,
            }
            match claim(platform, CLAIM.saturating_sub(running.len())).await {
                Ok(claimed) => running.extend(claimed.into_iter().map(|job| settle(&tools, job))),
                Err(e) => tracing::warn!(error = %e, "jobs could not be claimed"),
            }
            if platform.env().now().since(rotated_at) >= ROTATE {
                match keys::rotate_due(platform).await {
                    // There may be more: go on after the jobs that came meanwhile.
                    Ok(n) if n > 0 => {}
                    Ok(_) => rotated_at = platform.env().now(),
                    Err(e) => tracing::warn!(error = %e, "signing keys could not be rotated"),
                }
            }
            if platform.env().now().since(cleaned_at) >= CLEAN {
                cleaned_at = platform.env().now();
                if let Err(e) = clean(platform).await {
                    tracing::warn!(error = %e, "expired rows could not be removed");
                }
            }
        }
        while running.next().await.is_some() {}
    });
    Worker { stop, task }
}

async fn claim(platform: &Platform, room: usize) -> Result<Vec<Job>, StoreError> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let (now, room) = (platform.env().now(), room as u64);
    let claim = move |tx| async move { jobs::claim(&tx, now, now.plus(LEASE), room).await };
    platform.store().system(claim).await
}

/// Runs a job and notes what became of it.
async fn settle(tools: &Tools, job: Job) {
    let platform = &tools.platform;
    let done = run(tools, &job).await;
    let (id, tenant, now) = (job.id, job.tenant, platform.env().now());
    let settle = move |tx| async move {
        match done {
            Ok(true) => jobs::finish(&tx, tenant, id, now).await,
            // More is left to do: go on at once, and let other tenants' jobs in between.
            Ok(false) => jobs::fail(&tx, tenant, id, "", now).await,
            Err(e) => {
                let wait = Duration::from_secs(1 << job.attempts.clamp(0, 12));
                tracing::warn!(job = %id, %tenant, error = %e, "a job failed and is tried again");
                jobs::fail(&tx, tenant, id, &e.to_string(), now.plus(wait)).await
            }
        }
    };
    if let Err(e) = platform.store().write::<_, StoreError, _, _>(tenant, settle).await {
        // Its claim ends by itself.
        tracing::warn!(job = %id, %tenant, error = %e, "what became of a job could not be noted");
    }
}

/// Runs a job; `false` when it has to go on.
async fn run(tools: &Tools, job: &Job) -> Result<bool, StoreError> {
    let Tools { platform, post, fetcher } = tools;
    match job.kind {
        JobKind::PurgeDeleted => {
            let id = |name: &str| job.payload.get(name).and_then(serde_json::Value::as_str);
            let user = id("user").and_then(|id| id.parse::<UserId>().ok()).map(Deleted::User);
            let application = id("application").and_then(|id| id.parse::<ApplicationId>().ok());
            let organization = id("organization").and_then(|id| id.parse().ok());
            let organization = organization.map(Deleted::Organization);
            let what = user.or(application.map(Deleted::Application)).or(organization);
            let what = what.ok_or(StoreError::Corrupt("job"))?;
            let tenant = job.tenant;
            let purge =
                move |tx| async move { jobs::purge_deleted(&tx, tenant, what, BATCH).await };
            platform.store().write(tenant, purge).await
        }
        JobKind::DeleteAccount => deletion::run(platform, job).await,
        JobKind::SendMail => send::run(platform, post, job).await,
        JobKind::SessionEnded => logout::fan_out(platform, job).await,
        JobKind::BackchannelLogout => logout::tell(platform, fetcher, job).await,
        JobKind::ReplayPolicies => replay::run(platform, job).await,
    }
}

/// Removes what has expired, of every tenant, a bounded batch a transaction.
async fn clean(platform: &Platform) -> Result<(), StoreError> {
    for _ in 0..20 {
        let now = platform.env().now();
        let purge = move |tx| async move { jobs::purge_expired(&tx, now, BATCH).await };
        if platform.store().system::<_, StoreError, _, _>(purge).await? == 0 {
            break;
        }
    }
    Ok(())
}
