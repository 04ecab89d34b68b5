use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm_migration::sea_orm::Database;

use super::*;
use crate::table::{Table, platform, text};

const MORE: &[Table] = &[platform("more", &["name"], &[text("name")])];
const BROKEN: &[Table] = &[platform("most", &["name"], &[text("name")]), MORE[0]];
const TWO: &[Version] = &[
    Version { number: 1, min_compatible: 1, name: "one", tables: crate::v1::TABLES },
    Version { number: 2, min_compatible: 1, name: "two", tables: &[MORE] },
];
const THREE: &[Version] = &[
    Version { number: 1, min_compatible: 1, name: "one", tables: crate::v1::TABLES },
    Version { number: 2, min_compatible: 1, name: "two", tables: &[MORE] },
    Version { number: 3, min_compatible: 3, name: "three", tables: &[BROKEN] },
];

/// A database file in a folder that is removed when the test ends.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("migration-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn db(&self) -> PathBuf {
        self.0.join("it's.db")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn connect(file: &Path) -> DatabaseConnection {
    Database::connect(format!("sqlite:{}?mode=rwc", file.display())).await.unwrap()
}

async fn has(db: &DatabaseConnection, table: &str) -> bool {
    db.execute_unprepared(&format!("SELECT 1 FROM {table}")).await.is_ok()
}

#[tokio::test]
async fn an_empty_database_is_made_without_a_copy_and_once() {
    let files = Files::new();
    let db = connect(&files.db()).await;
    assert_eq!(state(&db).await.unwrap(), None);
    let report = run(&db, None, Some(&files.db()), 7).await.unwrap();
    assert_eq!((report.from, report.to, report.backup), (0, crate::LATEST, None));
    let report = run(&db, None, Some(&files.db()), 8).await.unwrap();
    assert_eq!((report.from, report.applied.len(), report.backup), (crate::LATEST, 0, None));
    for table in crate::tenant_tables() {
        assert!(has(&db, table).await, "{table}");
    }
    let roles = Roles { app: "a".into(), system: "s".into() };
    assert!(run(&db, Some(&roles), None, 9).await.is_err());
}

#[tokio::test]
async fn what_is_there_is_copied_before_it_changes() {
    let files = Files::new();
    let (file, db) = (files.db(), connect(&files.db()).await);
    run(&db, None, Some(&file), 7).await.unwrap();
    let row = "INSERT INTO addresses (address, tenant_id, canonical) VALUES ('slug:a', x'00', 1)";
    db.execute_unprepared(row).await.unwrap();
    // Left by an attempt that was cut off.
    std::fs::write(files.0.join("it's.db.before-v2.part"), b"half").unwrap();
    std::fs::write(files.0.join("it's.db.before-v2"), b"old").unwrap();
    let report = run_versions(TWO, &db, None, (Some(&file), 9)).await.unwrap();
    assert_eq!((report.from, report.to, &report.applied[..]), (1, 2, &["two"][..]));
    assert_eq!(state(&db).await.unwrap(), Some(State { version: 2, min_compatible: 1 }));
    assert!(has(&db, "more").await);
    let copy = connect(&report.backup.unwrap()).await;
    assert_eq!(state(&copy).await.unwrap().unwrap().version, 1);
    assert!(!has(&copy, "more").await);
    let sql = Statement::from_string(DbBackend::Sqlite, "SELECT address FROM addresses");
    assert!(copy.query_one_raw(sql).await.unwrap().is_some());
}

#[tokio::test]
async fn a_failing_version_changes_nothing() {
    let files = Files::new();
    let (file, db) = (files.db(), connect(&files.db()).await);
    run_versions(TWO, &db, None, (Some(&file), 7)).await.unwrap();
    run_versions(THREE, &db, None, (Some(&file), 8)).await.unwrap_err();
    assert_eq!(state(&db).await.unwrap(), Some(State { version: 2, min_compatible: 1 }));
    assert!(!has(&db, "most").await);
}

#[tokio::test]
async fn processes_that_start_together_migrate_once() {
    let files = Files::new();
    let (a, b) = (connect(&files.db()).await, connect(&files.db()).await);
    let (a, b) = tokio::join!(run(&a, None, None, 7), run(&b, None, None, 7));
    assert_eq!(a.unwrap().applied.len() + b.unwrap().applied.len(), 1);
}
