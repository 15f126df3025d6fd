//! Schedules that are due, whoever's they are.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId, VersionId};

/// A schedule that this transaction looks at.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub tenant: TenantId,
    pub workflow: String,
    pub name: String,
    pub version: VersionId,
    pub due_at: DateTime<Utc>,
    pub pending: Vec<DateTime<Utc>>,
    pub last_run: Option<RunId>,
}

/// Locks one schedule that is to be looked at and that no other worker looks
/// at, but those of versions that this worker has no nodes for.
pub(crate) async fn lock_due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    refused: &[Uuid],
) -> Result<Option<Due>, sqlx::Error> {
    guarded!(
        "schedules.lock_due",
        sqlx::query_as!(
            Due,
            r#"
            select tenant_id as "tenant: TenantId", workflow, name, version_id as "version: VersionId",
                due_at, pending, last_run as "last_run: RunId"
            from engine.schedules
            where look_at <= $1 and version_id <> all ($2::uuid[])
            order by look_at
            limit 1
            for update skip locked
            "#,
            now,
            refused,
        )
        .fetch_optional(connection)
    )
}
