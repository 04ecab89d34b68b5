use sea_orm::Value as Param;

use super::*;
use crate::testing::{NOW, World, id, on_every_database};
use crate::{applications, users};

/// Jobs are claimed and rows are purged over all tenants: these tests take turns on a database.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl World {
    async fn give(&self, job: &NewJob) {
        let (tenant, job) = (self.tenant, job.clone());
        self.write(move |tx| async move { enqueue(&tx, tenant, &job, NOW).await }).await.unwrap();
    }

    async fn claim_all(&self, now: Timestamp) -> Vec<Job> {
        let claim = move |tx| async move { claim(&tx, now, now.plus_secs(60), 1_000).await };
        self.store.system::<_, Error, _, _>(claim).await.unwrap()
    }

    async fn claim(&self, now: Timestamp) -> Vec<JobId> {
        let own = |job: &Job| job.tenant == self.tenant;
        self.claim_all(now).await.iter().filter(|j| own(j)).map(|j| j.id).collect()
    }

    async fn exec(&self, sql: &'static str, args: Vec<Param>) -> u64 {
        self.write(move |tx| async move { sql::exec(&tx, sql, args).await }).await.unwrap()
    }

    async fn rows(&self, table: &'static str) -> i64 {
        let sql = format!("SELECT count(*) AS n FROM {table} WHERE tenant_id = $1");
        let tenant = self.tenant.0;
        let count = move |tx| async move { sql::one(&tx, &sql, [tenant.into()]).await };
        self.write(count).await.unwrap().unwrap().value("n").unwrap()
    }
}

fn job(run_at: Timestamp) -> NewJob {
    let payload = serde_json::json!({"user": "x"});
    NewJob { id: id(), kind: JobKind::PurgeDeleted, payload, run_at }
}

#[tokio::test]
async fn one_job_of_each_tenant_is_claimed_oldest_first() {
    let _turn = TURN.lock().await;
    on_every_database(async |a: World| {
        let b = World::new(&a.store).await;
        let (old, new, other) = (job(NOW), job(NOW.plus_secs(1)), job(NOW.plus_secs(2)));
        let later = job(NOW.plus_secs(100));
        for given in [&new, &old, &later] {
            a.give(given).await;
        }
        b.give(&other).await;
        let now = NOW.plus_secs(10);
        let claimed = a.claim_all(now).await;
        let found = |id| claimed.iter().find(|j| j.id == id);
        assert_eq!(found(old.id).map(|j| (&j.payload, j.attempts)), Some((&old.payload, 1)));
        assert!(found(other.id).is_some() && found(new.id).is_none());
        // What is claimed is not claimed again while its claim holds.
        assert_eq!(a.claim(now).await, [new.id]);
        assert_eq!(a.claim(now).await, []);
        assert_eq!(a.claim(NOW.plus_secs(71)).await, [old.id]);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_four_jobs_running_at_most() {
    let _turn = TURN.lock().await;
    on_every_database(async |a: World| {
        let b = World::new(&a.store).await;
        for _ in 0..6 {
            a.give(&job(NOW)).await;
        }
        for _ in 0..4 {
            assert_eq!(a.claim(NOW).await.len(), 1);
        }
        assert_eq!(a.claim(NOW).await, []);
        let (other, tenant) = (job(NOW.plus_secs(1)), a.tenant);
        b.give(&other).await;
        assert_eq!(b.claim(NOW.plus_secs(1)).await, [other.id], "others go on");
        let sql =
            "UPDATE jobs SET finished_at = 1 WHERE tenant_id = $1 AND locked_until IS NOT NULL";
        assert_eq!(a.exec(sql, vec![tenant.0.into()]).await, 4);
        assert_eq!(a.claim(NOW).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_failed_job_comes_again_and_a_finished_one_does_not() {
    let _turn = TURN.lock().await;
    on_every_database(async |w: World| {
        let (given, tenant) = (job(NOW), w.tenant);
        let id = given.id;
        w.give(&given).await;
        assert_eq!(w.claim(NOW).await, [id]);
        let retry = NOW.plus_secs(5);
        w.write(move |tx| async move { fail(&tx, tenant, id, "why", retry).await }).await.unwrap();
        assert_eq!(w.claim(NOW).await, []);
        assert_eq!(w.claim(retry).await, [id]);
        let done = move |tx| async move { finish(&tx, tenant, id, retry).await };
        w.write(done).await.unwrap();
        assert!(matches!(w.write(done).await, Err(Error::Stale("job"))));
        assert_eq!(w.claim(NOW.plus_secs(1_000)).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_kind_of_a_newer_version_is_left_to_it() {
    let _turn = TURN.lock().await;
    on_every_database(async |w: World| {
        let given = job(NOW);
        w.give(&given).await;
        let rename = "UPDATE jobs SET kind = 'newer' WHERE tenant_id = $1";
        w.exec(rename, vec![w.tenant.0.into()]).await;
        assert_eq!(w.claim(NOW).await, []);
        let pending = |tx| async move { pending_count(&tx).await };
        assert!(w.store.system::<_, Error, _, _>(pending).await.unwrap() >= 1);
        w.exec("DELETE FROM jobs WHERE tenant_id = $1", vec![w.tenant.0.into()]).await;
    })
    .await;
}

#[tokio::test]
async fn what_has_expired_is_removed_in_batches() {
    let _turn = TURN.lock().await;
    on_every_database(async |w: World| {
        for n in 0..5_u8 {
            let sql = "INSERT INTO assertion_jtis \
                 (tenant_id, application_id, jti_hash, expires_at) VALUES ($1, $2, $3, $4)";
            let at = if n == 4 { NOW.0 } else { 0 };
            let args = [w.tenant.0.into(), w.application.0.into(), vec![n].into(), at.into()];
            w.exec(sql, args.to_vec()).await;
        }
        let now = Timestamp::from_secs(1_000);
        let purge = move |tx| async move { purge_expired(&tx, now, 3).await };
        let mut batches = 0;
        while w.store.system::<_, Error, _, _>(purge).await.unwrap() > 0 {
            batches += 1;
        }
        assert!(batches >= 2);
        assert_eq!((w.rows("assertion_jtis").await, w.rows("sessions").await), (1, 1));
        // A browser takes its sessions along, and nobody takes a user.
        let expire = "UPDATE browsers SET expires_at = 0 WHERE tenant_id = $1";
        w.exec(expire, vec![w.tenant.0.into()]).await;
        let now = Timestamp::from_secs(2 * 86_400);
        let purge = move |tx| async move { purge_expired(&tx, now, 1_000).await };
        assert!(w.store.system::<_, Error, _, _>(purge).await.unwrap() > 0);
        for table in ["sessions", "browsers"] {
            assert_eq!(w.rows(table).await, 0, "{table}");
        }
        assert_eq!((w.rows("users").await, w.rows("applications").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_ended_session_is_removed_before_it_would_expire() {
    let _turn = TURN.lock().await;
    on_every_database(async |w: World| {
        let sql = "UPDATE sessions SET ended_at = $2, expires_at = $3 WHERE tenant_id = $1";
        w.exec(sql, vec![w.tenant.0.into(), 0_i64.into(), i64::MAX.into()]).await;
        let now = Timestamp::from_secs(2 * 86_400);
        let purge = move |tx| async move { purge_expired(&tx, now, 1_000).await };
        w.store.system::<_, Error, _, _>(purge).await.unwrap();
        assert_eq!(w.rows("sessions").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_signing_key_that_is_gone_leaves_with_its_private_half() {
    let _turn = TURN.lock().await;
    on_every_database(async |w: World| {
        for gone_at in [None, Some(20), Some(30)] {
            let sql = "INSERT INTO signing_keys (tenant_id, id, alg, public_jwk, private_sealed, \
                 published_at, signs_from, gone_at, created_at) \
                 VALUES ($1, $2, 'ES256', $3, $4, 0, 0, $5, 0)";
            let jwk = serde_json::json!({}).into();
            let id = id::<uuid::Uuid>().into();
            let gone_at: Option<i64> = gone_at;
            let args = vec![w.tenant.0.into(), id, jwk, vec![1_u8].into(), gone_at.into()];
            w.exec(sql, args).await;
        }
        for (now, left) in [(20, 3), (21, 2), (31, 1), (1_000, 1)] {
            let purge = move |tx| async move { purge_expired(&tx, Timestamp(now), 9).await };
            w.store.system::<_, Error, _, _>(purge).await.unwrap();
            assert_eq!(w.rows("signing_keys").await, left, "{now}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_what_was_removed_is_erased_and_with_all_that_is_its_own() {
    let _turn = TURN.lock().await;
    on_every_database(async |w: World| {
        let (tenant, user, application) = (w.tenant, w.user, w.application);
        let store = &w.store;
        let erase = async |what, limit| {
            let erase = move |tx| async move { purge_deleted(&tx, tenant, what, limit).await };
            store.write::<_, Error, _, _>(tenant, erase).await
        };
        assert!(erase(Deleted::User(user), 10).await.unwrap());
        assert_eq!(w.rows("users").await, 1);
        let remove = "UPDATE users SET deleted_at = 1 WHERE tenant_id = $1";
        w.exec(remove, vec![tenant.0.into()]).await;
        assert!(!erase(Deleted::User(user), 1).await.unwrap(), "one session is the whole batch");
        assert!(erase(Deleted::User(user), 10).await.unwrap());
        for table in ["users", "user_identifiers", "credentials", "sessions"] {
            assert_eq!(w.rows(table).await, 0, "{table}");
        }
        let get = move |tx| async move { users::get(&tx, tenant, user).await };
        assert_eq!(w.write(get).await.unwrap(), None);
        let remove = "UPDATE applications SET deleted_at = 1 WHERE tenant_id = $1";
        w.exec(remove, vec![tenant.0.into()]).await;
        assert!(erase(Deleted::Application(application), 10).await.unwrap());
        let list = move |tx| async move { applications::list(&tx, tenant).await };
        assert!(w.write(list).await.unwrap().is_empty());
        assert_eq!(w.rows("applications").await, 0);
    })
    .await;
}
