use super::*;
use crate::testing::{World, id, on_every_database};
use crate::{SystemTx, TenantTx, sql, users};

#[test]
fn an_older_or_incompatible_schema_is_refused_with_what_to_do() {
    let state = |version, min_compatible| Some(State { version, min_compatible });
    assert!(check(state(LATEST, LATEST)).is_ok());
    assert!(check(state(LATEST + 3, LATEST)).is_ok());
    let why = |state| check(state).expect_err("refused").to_string();
    assert!(why(None).contains("bailiwick migrate"));
    assert!(why(state(LATEST - 1, 1)).contains("bailiwick migrate"));
    assert!(why(state(LATEST + 3, LATEST + 1)).contains("newer program"));
}

#[test]
fn a_url_that_cannot_work_is_refused_without_printing_it() {
    let secret = |s: &str| SecretString::from(s);
    let e = backend(&secret("mysql://root:hunter2@h/db")).expect_err("refused");
    assert!(!e.to_string().contains("hunter2"));
    assert_eq!(user(&secret("postgres://app:x@h/db")).expect("valid"), "app");
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable() {
    let cfg = StoreConfig {
        url: "postgres://a:b@127.0.0.1:1/c".into(),
        owner_url: None,
        system_url: None,
        max_connections: 1,
        redis_url: None,
    };
    let e = Store::open(&cfg, &Env::system()).await.expect_err("nobody listens there");
    assert!(matches!(e, Error::Unavailable(_)), "{e:?}");
}

async fn count(tx: &impl sea_orm::ConnectionTrait, sql: &str) -> Result<i64> {
    let row = sql::one(tx, sql, []).await?.expect("a count has a row");
    Ok(row.try_get_by_index(0)?)
}

#[tokio::test]
async fn row_level_security_holds_a_transaction_to_its_tenants() {
    on_every_database(async |a: World| {
        if a.store.inner.reader.get_database_backend() != DbBackend::Postgres {
            return;
        }
        let b = World::new(&a.store).await;
        let all = "SELECT count(*) FROM users WHERE tenant_id IS NOT NULL";
        let seen = |tenants: Vec<_>| {
            let read = move |tx: TenantTx| async move { count(&tx, all).await };
            a.store.read(tenants, read)
        };
        assert_eq!(seen(vec![]).await.unwrap(), 0);
        assert_eq!(seen(vec![a.tenant]).await.unwrap(), 1);
        assert_eq!(seen(vec![a.tenant, b.tenant]).await.unwrap(), 2);
        // Naming another tenant in the statement does not help.
        let other = b.tenant;
        let read = move |tx: TenantTx| async move { users::get(&tx, other, b.user).await };
        assert_eq!(a.store.read(a.tenant, read).await.unwrap(), None);
        let insert = move |tx: TenantTx| async move {
            let sql = "INSERT INTO assertion_jtis (tenant_id, application_id, jti_hash, expires_at) \
                       VALUES ($1, $1, $2, 0)";
            sql::exec(&tx, sql, [other.0.into(), vec![1_u8].into()]).await
        };
        let e = a.store.write(a.tenant, insert).await.expect_err("refused");
        assert!(e.to_string().contains("row-level security"), "{e}");
        let every = move |tx: SystemTx| async move { count(&tx, all).await };
        assert!(a.store.system(every).await.unwrap() >= 2);
        // A connection that was used for a tenant before shows nothing without one.
        assert_eq!(count(&a.store.inner.reader, all).await.unwrap(), 0);
        // The schema's state is read-only for both roles.
        let edit = "UPDATE schema_state SET version = 0";
        for role in [&a.store.inner.reader, &a.store.inner.system] {
            assert!(sql::exec(role, edit, []).await.is_err());
        }
    })
    .await;
}

#[tokio::test]
async fn every_table_with_a_tenant_is_under_both_policies() {
    on_every_database(async |w: World| {
        if w.store.inner.reader.get_database_backend() != DbBackend::Postgres {
            return;
        }
        let open = "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' \
             AND a.attname = 'tenant_id' AND c.relname <> 'addresses' \
             AND NOT (c.relrowsecurity AND c.relforcerowsecurity \
               AND (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) = 2)";
        assert_eq!(count(&w.store.inner.system, open).await.unwrap(), 0);
        let names = bailiwick_migration::tenant_tables().len();
        let closed = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() \
             AND rowsecurity";
        let closed = count(&w.store.inner.system, closed).await.unwrap();
        assert_eq!(usize::try_from(closed), Ok(names));
    })
    .await;
}

#[tokio::test]
async fn the_policy_checks_and_leaves_the_index_to_the_statement() {
    on_every_database(async |w: World| {
        if w.store.inner.reader.get_database_backend() != DbBackend::Postgres {
            return;
        }
        let tenant = w.tenant;
        let explain = move |tx: TenantTx| async move {
            let sql = "EXPLAIN SELECT * FROM users WHERE tenant_id = $1 AND id = $2";
            let rows = sql::all(&tx, sql, [tenant.0.into(), tenant.0.into()]).await?;
            rows.iter().map(|r| Ok(r.try_get_by_index(0)?)).collect::<Result<Vec<String>>>()
        };
        let plan = w.store.read(w.tenant, explain).await.unwrap().join("\n");
        let condition = plan.lines().find(|l| l.contains("Index Cond")).unwrap_or_default();
        assert!(condition.contains("tenant_id = ") && condition.contains("(id = "), "{plan}");
        assert!(!condition.contains("ANY") && plan.contains("IS TRUE"), "{plan}");
        assert!(plan.contains("InitPlan"), "once a statement: {plan}");
    })
    .await;
}

#[tokio::test]
async fn commits_are_seen_and_a_reader_cannot_write() {
    on_every_database(async |w: World| {
        let before = w.store.data_version().await.unwrap();
        assert_eq!(w.store.data_version().await.unwrap(), before);
        let insert = move |tx: TenantTx| async move {
            let tenant = tx.tenants().first().expect("one").0;
            let sql = "INSERT INTO assertion_jtis (tenant_id, application_id, jti_hash, expires_at) \
                       VALUES ($1, $2, $3, 0)";
            let args = [tenant.into(), id::<uuid::Uuid>().into(), vec![1_u8].into()];
            sql::exec(&tx, sql, args).await
        };
        assert!(w.store.read(w.tenant, insert).await.is_err());
        assert_eq!(w.store.write(w.tenant, insert).await.unwrap(), 1);
        let after = w.store.data_version().await.unwrap();
        assert_eq!(before.is_some(), w.store.inner.watcher.is_some());
        assert!(before.is_none() || after != before);
    })
    .await;
}

#[tokio::test]
async fn a_statement_without_the_tenant_fails() {
    on_every_database(async |w: World| {
        let forgot = |tx: TenantTx| async move { sql::all(&tx, "SELECT * FROM users", []).await };
        let e = w.write(forgot).await.expect_err("refused");
        assert!(e.to_string().contains("no tenant_id"), "{e}");
    })
    .await;
}
