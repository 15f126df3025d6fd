//! Triggers of workflows: what they listen for, and in which version.

use sqlx::PgConnection;

use crate::ids::{TenantId, VersionId};

/// Which version's triggers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The version that was saved last: only its test address acts.
    Draft,
    /// The published version.
    Published,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
        }
    }
}

/// What a version listens for.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewTriggers {
    pub names: Vec<String>,
    pub kinds: Vec<String>,
    pub subjects: Vec<String>,
}

/// Forgets the triggers of a workflow's stage.
pub(crate) async fn clear(
    connection: &mut PgConnection,
    tenant: TenantId,
    workflow: &str,
    stage: Stage,
) -> Result<(), sqlx::Error> {
    guarded!(
        "triggers.clear",
        sqlx::query!(
            r#"delete from engine.triggers where tenant_id = $1 and workflow = $2 and stage = $3"#,
            tenant.0,
            workflow,
            stage.name(),
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Keeps the triggers of a version.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    workflow: &str,
    stage: Stage,
    version: VersionId,
    new: &NewTriggers,
) -> Result<(), sqlx::Error> {
    guarded!(
        "triggers.insert",
        sqlx::query!(
            r#"
            insert into engine.triggers (tenant_id, workflow, stage, version_id, name, kind, subject)
            select $1, $2, $3, $4, name, kind, subject
            from unnest($5::text[], $6::text[], $7::text[]) as t (name, kind, subject)
            "#,
            tenant.0,
            workflow,
            stage.name(),
            version.0,
            &new.names,
            &new.kinds,
            &new.subjects,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// A trigger that listens.
#[derive(Clone, Debug)]
pub(crate) struct TriggerRow {
    pub workflow: String,
    pub name: String,
    pub kind: String,
    pub subject: String,
    pub version: VersionId,
}

/// Published triggers that listen for these subjects.
pub(crate) async fn listening(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: &str,
    subjects: &[String],
) -> Result<Vec<TriggerRow>, sqlx::Error> {
    sqlx::query_as!(
        TriggerRow,
        r#"
        select workflow, name, kind, subject, version_id as "version: VersionId"
        from engine.triggers
        where tenant_id = $1 and kind = $2 and subject = any ($3) and stage = 'published'
        order by workflow, name
        "#,
        tenant.0,
        kind,
        subjects,
    )
    .fetch_all(connection)
    .await
}

/// Webhooks of a stage with these methods and paths; of a path that several
/// drafts have, those saved last come first.
pub(crate) async fn webhooks(
    connection: &mut PgConnection,
    tenant: TenantId,
    stage: Stage,
    subjects: &[String],
) -> Result<Vec<TriggerRow>, sqlx::Error> {
    sqlx::query_as!(
        TriggerRow,
        r#"
        select workflow, name, kind, subject, version_id as "version: VersionId"
        from engine.triggers
        where tenant_id = $1 and kind = 'webhook' and stage = $2 and subject = any ($3)
        order by version_id desc
        "#,
        tenant.0,
        stage.name(),
        subjects,
    )
    .fetch_all(connection)
    .await
}

/// All published triggers of a tenant.
pub(crate) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<TriggerRow>, sqlx::Error> {
    sqlx::query_as!(
        TriggerRow,
        r#"
        select workflow, name, kind, subject, version_id as "version: VersionId"
        from engine.triggers
        where tenant_id = $1 and stage = 'published'
        order by workflow, name, subject
        "#,
        tenant.0,
    )
    .fetch_all(connection)
    .await
}
