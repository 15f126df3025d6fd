//! Identities stand above the tenants: who reaches them, whatever it tries.

use engine::ids::TenantId;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use super::support::World;
use crate::auth::Role;

async fn become_role(
    world: &World,
    role: &str,
    tenant: TenantId,
) -> Transaction<'static, Postgres> {
    let mut tx = world.db.pool().begin().await.unwrap();
    sqlx::query("select set_config('role', $1, true), set_config('app.tenant', $2, true)")
        .bind(role)
        .bind(tenant.0.to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    tx
}

async fn refused(world: &World, role: &str, tenant: TenantId, statement: &str) -> String {
    let mut tx = become_role(world, role, tenant).await;
    let refused = sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut *tx)
        .await;
    refused.expect_err(statement).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_knows_its_own_people_by_name_and_nothing_else_of_anyone() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    let ours = world.person("ours@a.example", &[(a, Role::Admin)]).await;
    let theirs = world.person("theirs@b.example", &[(b, Role::Admin)]).await;
    world.sign_in("theirs@b.example").await;
    let mut tx = become_role(&world, "copro_app", a).await;
    let seen: Vec<String> = sqlx::query_scalar("select email from copro.identities")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    assert_eq!(seen, ["ours@a.example"]);
    let members: i64 = sqlx::query_scalar("select count(*) from copro.memberships")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(members, 1);
    drop(tx);
    for statement in [
        "select password_hash from copro.identities",
        "select * from copro.identities",
        "update copro.identities set name = 'x'",
        "select count(*) from copro.sessions",
        "delete from copro.sessions",
        "select count(*) from copro.sign_in_attempts",
        "update copro.memberships set role = 'admin'",
        // Whoever could make a member could read anyone's name.
        &format!(
            "insert into copro.memberships values ('{}', '{theirs}', 'reader', now())",
            a.0
        ),
        &format!(
            "insert into copro.memberships values ('{}', '{ours}', 'admin', now())",
            b.0
        ),
    ] {
        let error = refused(&world, "copro_app", a, statement).await;
        assert!(error.contains("permission denied"), "{statement}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_reaches_neither_books_nor_runs() {
    let world = World::new().await;
    let a = world.tenant("A").await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('engine', 'copro', 'migrations') and c.relkind in ('r', 'p', 'v')
           and has_any_column_privilege('copro_identity', c.oid, 'select, insert, update') order by 1",
    )
    .fetch_all(&world.db.owner_pool())
    .await
    .unwrap();
    let own = [
        "copro.identities",
        "copro.memberships",
        "copro.sessions",
        "copro.sign_in_attempts",
        "copro.tenants",
    ];
    assert_eq!(tables, own);
    for statement in [
        "select disposable from copro.tenants",
        "update copro.tenants set name = 'x'",
        "select count(*) from copro.owners",
        "select count(*) from engine.runs",
        "select copro.erase_tenant()",
    ] {
        let error = refused(&world, "copro_identity", a, statement).await;
        assert!(error.contains("permission denied"), "{statement}: {error}");
    }
    let error = refused(
        &world,
        "copro_engine",
        a,
        "select count(*) from copro.identities",
    )
    .await;
    assert!(error.contains("permission denied"), "{error}");
}
