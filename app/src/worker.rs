//! The background worker: durable jobs, signing keys that are due, and the cleaning of what has
//! expired.

use std::time::Duration;

use bailiwick_actors::Platform;
use bailiwick_domain::{ApplicationId, Timestamp, UserId};
use bailiwick_store::Error as StoreError;
use bailiwick_store::jobs::{self, Deleted, Job, JobKind};
use tokio::sync::watch;

use crate::mails::send::{self, Post};

mod keys;

const POLL: Duration = Duration::from_millis(500);
/// How long a claimed job is nobody else's.
const LEASE: Duration = Duration::from_secs(60);
const CLEAN: Duration = Duration::from_secs(60);
/// How often to ask whose signing keys are due.
const ROTATE: Duration = Duration::from_secs(60);
/// Rows of one table that one transaction removes.
const BATCH: u64 = 500;
const CLAIM: u64 = 16;

/// The running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: actix_web::rt::task::JoinHandle<()>,
}

impl Worker {
    /// Lets the job at hand finish, and stops.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Starts the worker.
#[must_use]
pub fn start(platform: &Platform, post: &Post) -> Worker {
    let (stop, mut stopped) = watch::channel(false);
    let (platform, post) = (platform.clone(), post.clone());
    let task = actix_web::rt::spawn(async move {
        let (mut cleaned_at, mut rotated_at) = (platform.env().now(), Timestamp::EPOCH);
        loop {
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                _ = stopped.changed() => return,
            }
            if let Err(e) = run_due(&platform, &post).await {
                tracing::warn!(error = %e, "jobs could not be claimed");
            }
            if platform.env().now().since(rotated_at) >= ROTATE {
                match keys::rotate_due(&platform).await {
                    // There may be more: go on after the jobs that came meanwhile.
                    Ok(n) if n > 0 => {}
                    Ok(_) => rotated_at = platform.env().now(),
                    Err(e) => tracing::warn!(error = %e, "signing keys could not be rotated"),
                }
            }
            if platform.env().now().since(cleaned_at) >= CLEAN {
                cleaned_at = platform.env().now();
                if let Err(e) = clean(&platform).await {
                    tracing::warn!(error = %e, "expired rows could not be removed");
                }
            }
        }
    });
    Worker { stop, task }
}

async fn run_due(platform: &Platform, post: &Post) -> Result<(), StoreError> {
    let now = platform.env().now();
    let claim = move |tx| async move { jobs::claim(&tx, now, now.plus(LEASE), CLAIM).await };
    let claimed: Vec<Job> = platform.store().system(claim).await?;
    for job in claimed {
        let done = run(platform, post, &job).await;
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
        platform.store().write::<_, StoreError, _, _>(tenant, settle).await?;
    }
    Ok(())
}

/// Runs a job; `false` when it has to go on.
async fn run(platform: &Platform, post: &Post, job: &Job) -> Result<bool, StoreError> {
    match job.kind {
        JobKind::PurgeDeleted => {
            let id = |name: &str| job.payload.get(name).and_then(serde_json::Value::as_str);
            let user = id("user").and_then(|id| id.parse::<UserId>().ok()).map(Deleted::User);
            let application = id("application").and_then(|id| id.parse::<ApplicationId>().ok());
            let what = user.or(application.map(Deleted::Application));
            let what = what.ok_or(StoreError::Corrupt("job"))?;
            let tenant = job.tenant;
            let purge =
                move |tx| async move { jobs::purge_deleted(&tx, tenant, what, BATCH).await };
            platform.store().write(tenant, purge).await
        }
        JobKind::SendMail => send::run(platform, post, job).await,
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
