//! Replays of decisions with a draft of policies, a bounded part at a time.

use bailiwick_actors::authz::Report;
use bailiwick_actors::{Error as OwnerError, Platform};
use bailiwick_domain::ReplayId;
use bailiwick_store::Error as StoreError;
use bailiwick_store::authz::{decisions, replays};
use bailiwick_store::jobs::Job;
use serde_json::json;

use crate::mails::send::unavailable;

/// Decisions of one step: then jobs of other tenants run.
const STEP: u64 = 1_000;

/// Goes on with a replay; `false` when there is more.
pub(super) async fn run(platform: &Platform, job: &Job) -> Result<bool, StoreError> {
    let id = job.payload.get("replay").and_then(serde_json::Value::as_str);
    let id: ReplayId = id.and_then(|id| id.parse().ok()).ok_or(StoreError::Corrupt("job"))?;
    let tenant = job.tenant;
    let read = move |tx| async move {
        let Some(replay) = replays::get(&tx, tenant, id).await? else { return Ok(None) };
        let window = (replay.from, replay.to);
        let page = decisions::page(&tx, tenant, window, replay.after, STEP).await?;
        Ok::<_, StoreError>(Some((replay, page)))
    };
    let found = platform.store().read(tenant, read).await?;
    let Some((mut replay, page)) = found.filter(|(r, _)| r.finished_at.is_none()) else {
        return Ok(true); // It has expired, or is done.
    };
    let Some(handle) = platform.tenant(tenant).await.map_err(unavailable)? else {
        return Ok(true);
    };
    let view = handle.view();
    let mut report: Report = serde_json::from_value(replay.report.clone()).unwrap_or_default();
    let tried = match handle.try_policies(&view, replay.scope, replay.bundle.clone()).await {
        Ok(trial) => handle.replay(&view, &trial, &page, &mut report).await,
        Err(e) => Err(e),
    };
    let before = replay.done;
    let last = match tried {
        Ok(()) => (page.len() as u64) < STEP,
        Err(OwnerError::Policies(findings)) => {
            // The schema or the roles changed since it has begun.
            let first = findings.first().map(ToString::to_string).unwrap_or_default();
            replay.error = Some(format!("the draft is not valid any more: {first}"));
            true
        }
        Err(e) => return Err(unavailable(e)),
    };
    replay.done += i64::try_from(page.len()).unwrap_or(0);
    replay.after = page.last().map(|d| (d.at, d.id)).or(replay.after);
    replay.report = json!(report);
    replay.finished_at = last.then(|| platform.env().now());
    let write = move |tx| async move { replays::advance(&tx, tenant, &replay, before).await };
    match platform.store().write::<_, StoreError, _, _>(tenant, write).await {
        // Another node went on with it: this part is done twice, and counted once.
        Err(StoreError::Stale(_)) => Ok(true),
        done => done.map(|()| last),
    }
}
