//! Schedules of one tenant: set at publish, moved on with the runs they start.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::{RunId, TenantId, VersionId};

/// A schedule of a version that is being published.
#[derive(Clone, Debug)]
pub(crate) struct NewSchedule<'a> {
    pub workflow: &'a str,
    pub name: &'a str,
    pub version: VersionId,
    /// Its fields and zone: a schedule that keeps them keeps what is due.
    pub spec: &'a str,
    pub due_at: DateTime<Utc>,
}

/// Sets a schedule; one of the same instants as before goes on where it stands.
pub(crate) async fn upsert(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &NewSchedule<'_>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "schedules.upsert",
        sqlx::query!(
            r#"
            insert into engine.schedules (tenant_id, workflow, name, version_id, spec, due_at, look_at)
            values ($1, $2, $3, $4, $5, $6, $6)
            on conflict (tenant_id, workflow, name) do update
            set version_id = excluded.version_id,
                spec = excluded.spec,
                due_at = case when schedules.spec = excluded.spec then schedules.due_at else excluded.due_at end,
                look_at = case when schedules.spec = excluded.spec then schedules.look_at else excluded.look_at end
            "#,
            tenant.0,
            new.workflow,
            new.name,
            new.version.0,
            new.spec,
            new.due_at,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Forgets the schedules of a workflow but these.
pub(crate) async fn keep_only(
    connection: &mut PgConnection,
    tenant: TenantId,
    workflow: &str,
    names: &[String],
) -> Result<(), sqlx::Error> {
    guarded!(
        "schedules.keep_only",
        sqlx::query!(
            r#"delete from engine.schedules where tenant_id = $1 and workflow = $2 and name <> all ($3)"#,
            tenant.0,
            workflow,
            names,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// How a schedule stands after it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Moved<'a> {
    pub due_at: DateTime<Utc>,
    pub look_at: DateTime<Utc>,
    pub pending: &'a [DateTime<Utc>],
    pub last_run: Option<RunId>,
}

/// Moves a schedule on.
pub(crate) async fn move_on(
    connection: &mut PgConnection,
    tenant: TenantId,
    workflow: &str,
    name: &str,
    moved: &Moved<'_>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "schedules.move_on",
        sqlx::query!(
            r#"
            update engine.schedules
            set due_at = $4, look_at = $5, pending = $6, last_run = $7
            where tenant_id = $1 and workflow = $2 and name = $3
            "#,
            tenant.0,
            workflow,
            name,
            moved.due_at,
            moved.look_at,
            moved.pending,
            moved.last_run.map(|run| run.0),
        )
        .execute(connection)
    )?;
    Ok(())
}

/// When the schedules of a tenant are due, by workflow and trigger.
pub(crate) async fn due(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<(String, String, DateTime<Utc>)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select workflow, name, due_at from engine.schedules where tenant_id = $1"#,
        tenant.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.workflow, row.name, row.due_at))
        .collect())
}
