//! A database per test: fresh, migrated, alone.

use database::migrate;
use database::testing::TestDb;
use sqlx::{AssertSqlSafe, PgPool};

async fn schemas(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select nspname::text from pg_namespace where nspname in ('engine', 'copro') order by 1",
    )
    .fetch_all(pool)
    .await
    .expect("the catalogue answers")
}

#[tokio::test]
async fn a_test_database_is_migrated() {
    let db = TestDb::new().await;
    assert_eq!(schemas(&db.pool()).await, ["copro", "engine"]);
}

#[tokio::test]
async fn two_tests_do_not_see_each_other() {
    let (one, two) = tokio::join!(TestDb::new(), TestDb::new());
    sqlx::query("create table public.mark ()")
        .execute(&one.owner_pool())
        .await
        .unwrap();
    let found: Option<String> = sqlx::query_scalar("select to_regclass('public.mark')::text")
        .fetch_one(&two.owner_pool())
        .await
        .unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn many_tests_clone_the_template_at_once() {
    let clones = (0..8).map(|_| tokio::spawn(TestDb::new()));
    for clone in clones.collect::<Vec<_>>() {
        assert_eq!(schemas(&clone.await.unwrap().pool()).await.len(), 2);
    }
}

#[tokio::test]
async fn a_dropped_test_leaves_no_database() {
    let keeper = TestDb::new().await;
    let db = TestDb::new().await;
    let name: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&db.pool())
        .await
        .unwrap();
    drop(db);
    let left: i64 = sqlx::query_scalar("select count(*) from pg_database where datname = $1")
        .bind(name)
        .fetch_one(&keeper.owner_pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_login_has_no_right_before_it_takes_a_role() {
    let db = TestDb::new().await;
    let mut tx = db.pool().begin().await.unwrap();
    let usage: bool = sqlx::query_scalar("select has_schema_privilege('copro', 'usage')")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert!(!usage);
    for role in [migrate::APP, migrate::ENGINE] {
        sqlx::query("select set_config('role', $1, true)")
            .bind(role)
            .execute(&mut *tx)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_login_cannot_become_the_owner() {
    let db = TestDb::new().await;
    let refused = sqlx::query(AssertSqlSafe(format!("set role {}", migrate::OWNER)))
        .execute(&db.pool())
        .await
        .unwrap_err();
    let code = refused.as_database_error().unwrap().code().unwrap();
    assert_eq!(code, "42501");
}
