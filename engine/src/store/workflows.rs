//! Definitions: each save of a workflow is a version, one of which is published.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::{TenantId, VersionId};

/// A version as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct VersionRow {
    pub id: VersionId,
    pub workflow: String,
    pub number: i32,
    pub source: String,
}

/// Makes sure that the workflow exists, and locks it: versions are numbered one after the other.
pub(crate) async fn upsert(
    connection: &mut PgConnection,
    tenant: TenantId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "workflows.upsert",
        sqlx::query!(
            r#"
            insert into engine.workflows (tenant_id, name, created_at)
            values ($1, $2, $3)
            on conflict (tenant_id, name) do update set published = workflows.published
            "#,
            tenant.0,
            name,
            now,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Saves a text as the workflow's next version; the same text again is the newest version itself.
pub(crate) async fn insert_version(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: VersionId,
    name: &str,
    source: &str,
    digest: &[u8],
    now: DateTime<Utc>,
) -> Result<(VersionId, i32), sqlx::Error> {
    let row = guarded!(
        "workflows.insert_version",
        sqlx::query!(
            r#"
            with newest as (
                select id, number, digest
                from engine.versions
                where tenant_id = $1 and workflow = $3
                order by number desc
                limit 1
            ),
            saved as (
                insert into engine.versions (tenant_id, id, workflow, number, source, digest, created_at)
                select $1, $2, $3, coalesce((select number from newest), 0) + 1, $4, $5, $6
                where not exists (select from newest where digest = $5)
                returning id, number
            )
            select id as "id!", number as "number!" from saved
            union all
            select id, number from newest where digest = $5
            "#,
            tenant.0,
            id.0,
            name,
            source,
            digest,
            now,
        )
        .fetch_one(connection)
    )?;
    Ok((VersionId(row.id), row.number))
}

/// Makes a version the one that new runs execute, and locks its workflow.
pub(crate) async fn publish(
    connection: &mut PgConnection,
    tenant: TenantId,
    version: VersionId,
) -> Result<(), sqlx::Error> {
    guarded!(
        "workflows.publish",
        sqlx::query!(
            r#"
            update engine.workflows w
            set published = v.id
            from engine.versions v
            where v.tenant_id = $1 and v.id = $2
              and w.tenant_id = v.tenant_id and w.name = v.workflow
            "#,
            tenant.0,
            version.0,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// The version that new runs of this workflow execute.
pub(crate) async fn published(
    connection: &mut PgConnection,
    tenant: TenantId,
    name: &str,
) -> Result<Option<VersionId>, sqlx::Error> {
    let id = sqlx::query_scalar!(
        r#"select published from engine.workflows where tenant_id = $1 and name = $2"#,
        tenant.0,
        name,
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.flatten().map(VersionId))
}

/// The version of this number.
pub(crate) async fn numbered(
    connection: &mut PgConnection,
    tenant: TenantId,
    name: &str,
    number: i32,
) -> Result<Option<VersionId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select id as "id: VersionId"
        from engine.versions
        where tenant_id = $1 and workflow = $2 and number = $3
        "#,
        tenant.0,
        name,
        number,
    )
    .fetch_optional(connection)
    .await
}

/// One version.
pub(crate) async fn version(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: VersionId,
) -> Result<Option<VersionRow>, sqlx::Error> {
    sqlx::query_as!(
        VersionRow,
        r#"
        select id as "id: VersionId", workflow, number, source
        from engine.versions
        where tenant_id = $1 and id = $2
        "#,
        tenant.0,
        id.0,
    )
    .fetch_optional(connection)
    .await
}

/// A workflow in a list.
#[derive(Clone, Debug)]
pub(crate) struct WorkflowLine {
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub published: Option<i32>,
    pub newest: i32,
    pub newest_id: VersionId,
    pub saved_at: DateTime<Utc>,
}

/// Workflows by name, those after a name; or the one of a name.
pub(crate) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    one: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<WorkflowLine>, sqlx::Error> {
    sqlx::query_as!(
        WorkflowLine,
        r#"
        select w.name, w.created_at, p.number as "published?", n.number as newest,
            n.id as "newest_id: VersionId", n.created_at as saved_at
        from engine.workflows w
        left join engine.versions p on p.tenant_id = w.tenant_id and p.id = w.published
        join lateral (
            select v.id, v.number, v.created_at
            from engine.versions v
            where v.tenant_id = w.tenant_id and v.workflow = w.name
            order by v.number desc
            limit 1
        ) n on true
        where w.tenant_id = $1 and w.name > $3 and ($2::text is null or w.name = $2)
        order by w.name
        limit $4
        "#,
        tenant.0,
        one,
        after,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// A version in a list.
#[derive(Clone, Debug)]
pub(crate) struct VersionLine {
    pub id: VersionId,
    pub number: i32,
    pub saved_at: DateTime<Utc>,
    pub published: bool,
}

/// Versions of a workflow before a number, newest first.
pub(crate) async fn versions(
    connection: &mut PgConnection,
    tenant: TenantId,
    workflow: &str,
    before: i32,
    limit: i64,
) -> Result<Vec<VersionLine>, sqlx::Error> {
    sqlx::query_as!(
        VersionLine,
        r#"
        select v.id as "id: VersionId", v.number, v.created_at as saved_at,
            coalesce(w.published = v.id, false) as "published!"
        from engine.versions v
        join engine.workflows w on w.tenant_id = v.tenant_id and w.name = v.workflow
        where v.tenant_id = $1 and v.workflow = $2 and v.number < $3
        order by v.number desc
        limit $4
        "#,
        tenant.0,
        workflow,
        before,
        limit,
    )
    .fetch_all(connection)
    .await
}
