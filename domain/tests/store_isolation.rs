//! A tenant sees its own rows and nothing else, whatever it tries.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use database::testing::TestDb;
use domain::ids::TransactionId;
use domain::store::testing::{STRANGER, TENANT, begin, load, now, small};
use domain::store::{
    StoreError, TenantTx, bank_transactions, book, condominiums, results, tenants,
};
use sqlx::{AssertSqlSafe, Row};

/// A database in which the small portfolio is loaded.
async fn loaded() -> TestDb {
    let db = TestDb::new().await;
    load(&db.pool(), TENANT, &small()).await.unwrap();
    db
}

/// Tables that belong to no tenant; anything else must be isolated.
const SHARED: &[&str] = &[
    "copro.identities",
    "copro.sessions",
    "copro.sign_in_attempts",
    "engine.workers",
];

/// A table of one of our schemas, as the catalogue describes it.
struct Table {
    name: String,
    isolated: bool,
    forced: bool,
    key: Vec<String>,
    policies: Vec<String>,
}

async fn tables(db: &TestDb) -> Vec<Table> {
    let rows = sqlx::query(
        "select n.nspname || '.' || c.relname as name, c.relrowsecurity as isolated, c.relforcerowsecurity as forced,
            coalesce((
                select array_agg(a.attname::text order by k.position)
                from pg_index i
                cross join lateral unnest(i.indkey::int2[]) with ordinality k (attnum, position)
                join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                where i.indrelid = c.oid and i.indisprimary
            ), '{}') as key,
            coalesce((
                select array_agg(pg_get_expr(p.polqual, p.polrelid)) from pg_policy p
                where p.polrelid = c.oid and 'copro_app'::regrole = any(p.polroles)
            ), '{}') as policies
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('engine', 'copro') and c.relkind in ('r', 'p')
        order by 1",
    )
    .fetch_all(&db.owner_pool())
    .await
    .unwrap();
    let table = |row: &sqlx::postgres::PgRow| Table {
        name: row.get("name"),
        isolated: row.get("isolated"),
        forced: row.get("forced"),
        key: row.get("key"),
        policies: row.get("policies"),
    };
    rows.iter().map(table).collect()
}

#[tokio::test]
async fn every_table_is_isolated_or_on_the_list_of_shared_ones() {
    let db = loaded().await;
    let tables = tables(&db).await;
    assert!(tables.iter().any(|table| table.name == "copro.receivables"));
    let mut faults = Vec::new();
    for table in tables
        .iter()
        .filter(|table| !SHARED.contains(&table.name.as_str()))
    {
        if !(table.isolated && table.forced) {
            faults.push(format!("{}: row-level security is not forced", table.name));
        }
        if table.key.first().map(String::as_str) != Some("tenant_id") {
            faults.push(format!(
                "{}: its key starts with {:?}, not with tenant_id",
                table.name,
                table.key.first()
            ));
        }
        if table
            .policies
            .iter()
            .any(|policy| !policy.contains("tenant"))
        {
            faults.push(format!(
                "{}: a policy for requests does not ask for the tenant",
                table.name
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn every_reference_between_tables_of_the_books_carries_the_tenant() {
    let db = loaded().await;
    let rows = sqlx::query(
        "select k.conname::text as name from pg_constraint k
         where k.contype = 'f' and k.connamespace = 'copro'::regnamespace
            -- Identities have no tenant.
            and k.confrelid <> 'copro.identities'::regclass
            and not exists (
                select from unnest(k.conkey) u
                join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u and a.attname = 'tenant_id'
            )",
    )
    .fetch_all(&db.owner_pool())
    .await
    .unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    assert!(names.is_empty(), "references without tenant_id: {names:?}");
}

#[tokio::test]
async fn no_role_of_the_application_passes_by_isolation() {
    let db = loaded().await;
    let bypass: i64 = sqlx::query_scalar(
        "select count(*) from pg_roles
         where rolname in ('copro', 'copro_app', 'copro_engine', 'copro_owner') and (rolsuper or rolbypassrls)",
    )
    .fetch_one(&db.owner_pool())
    .await
    .unwrap();
    assert_eq!(bypass, 0);
    let engine: i64 = sqlx::query_scalar(
        "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'copro' and c.relkind in ('r', 'p', 'v')
            and has_table_privilege('copro_engine', c.oid, 'select, insert, update, delete')",
    )
    .fetch_one(&db.owner_pool())
    .await
    .unwrap();
    assert_eq!(engine, 0, "the claim and the flush have nothing on copro.*");
}

#[tokio::test]
async fn another_tenant_sees_none_of_the_rows() {
    let db = loaded().await;
    let tables = tables(&db).await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    TenantTx::enter(&mut transaction, STRANGER).await.unwrap();
    for table in tables
        .iter()
        .filter(|table| table.name.starts_with("copro.") && !SHARED.contains(&table.name.as_str()))
    {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "select count(*) from {}",
            table.name
        )))
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
        assert_eq!(rows, 0, "{} shows rows of another tenant", table.name);
    }
}

#[tokio::test]
async fn without_a_tenant_nothing_is_seen_and_nothing_can_be_written() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    sqlx::query("select set_config('role', 'copro_app', true)")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from copro.owners")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    let refused =
        sqlx::query("insert into copro.tenants (tenant_id, name) values (gen_random_uuid(), 'x')")
            .execute(&mut *transaction)
            .await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_row_cannot_be_written_for_another_tenant() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    TenantTx::enter(&mut transaction, STRANGER).await.unwrap();
    let refused = sqlx::query("insert into copro.tenants (tenant_id, name) values ($1, 'mine')")
        .bind(TENANT.0)
        .execute(&mut *transaction)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("row-level security"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_row_cannot_refer_to_another_tenants_row() {
    let db = loaded().await;
    let condominium: sqlx::types::Uuid =
        sqlx::query_scalar("select id from copro.condominiums limit 1")
            .fetch_one(&db.owner_pool())
            .await
            .unwrap();
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, STRANGER).await.unwrap();
    tenants::create(&mut tx, "A stranger", false).await.unwrap();
    let refused = sqlx::query(
        "insert into copro.lots (tenant_id, id, condominium_id, external_ref, number)
         values ($1, gen_random_uuid(), $2, 'x', '1')",
    )
    .bind(STRANGER.0)
    .bind(condominium)
    .execute(&mut *transaction)
    .await
    .unwrap_err();
    assert!(
        refused.to_string().contains("lots_of_a_condominium"),
        "{refused}"
    );
}

#[tokio::test]
async fn the_store_finds_nothing_of_another_tenant() -> Result<(), StoreError> {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await?;
    let mine = condominiums::list(&mut tx).await?.remove(0).id;
    let line = results::lines(&mut tx).await?.remove(0).id;
    transaction.rollback().await.unwrap();

    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, STRANGER).await?;
    assert!(book::load(&mut tx, mine).await?.is_none());
    assert!(bank_transactions::find(&mut tx, line).await?.is_none());
    assert!(!condominiums::lock(&mut tx, mine).await?);
    assert!(!condominiums::set_automatic_posting(&mut tx, mine, true).await?);
    bank_transactions::set_states(&mut tx, &[(line, bank_transactions::State::Posted)]).await?;
    transaction.commit().await.unwrap();

    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await?;
    let found = bank_transactions::find(&mut tx, line)
        .await?
        .expect("the line is there");
    assert_eq!((found.line.id, found.revision), (TransactionId(line.0), 0));
    Ok(())
}

#[tokio::test]
async fn the_owner_of_the_tables_sees_nothing_outside_maintenance() {
    let db = loaded().await;
    let mut transaction = db.owner_pool().begin().await.unwrap();
    sqlx::query("set local role copro_owner")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let count = "select count(*) from copro.owners";
    let rows: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    sqlx::query("set local app.maintenance = 'on'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let rows: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert!(rows > 0);
}

#[tokio::test]
async fn only_a_disposable_tenant_can_be_erased() -> Result<(), StoreError> {
    let (db, world) = (loaded().await, small());
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await?;
    assert!(!tenants::erase(&mut tx).await?, "a real tenant stays");
    assert!(!condominiums::list(&mut tx).await?.is_empty());
    transaction.rollback().await.unwrap();

    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, STRANGER).await?;
    tenants::create(&mut tx, "A trial", true).await?;
    domain::store::world::load(&mut tx, &world).await?;
    bank_transactions::import(&mut tx, "import", &world.transactions, now()).await?;
    assert!(tenants::erase(&mut tx).await?);
    assert!(condominiums::list(&mut tx).await?.is_empty());
    transaction.commit().await.unwrap();

    let owners: i64 = sqlx::query_scalar("select count(*) from copro.owners where tenant_id = $1")
        .bind(TENANT.0)
        .fetch_one(&db.owner_pool())
        .await
        .unwrap();
    assert_eq!(owners, 7, "the other tenant has everything it had");
    Ok(())
}
