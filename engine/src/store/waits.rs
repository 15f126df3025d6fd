//! What runs of one tenant wait for, and answers to it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::{RunId, TenantId, VersionId};

/// Takes the question of a step whose outcome is unknown away, so that one
/// answer counts; false when nothing is asked.
pub(crate) async fn take_question(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    place: &str,
) -> Result<bool, sqlx::Error> {
    let done = guarded!(
        "waits.take_question",
        sqlx::query!(
            r#"
            delete from engine.waits
            where tenant_id = $1 and run_id = $2 and place = $3 and kind = 'answer'
            "#,
            tenant.0,
            run.0,
            place,
        )
        .execute(connection)
    )?;
    Ok(done.rows_affected() > 0)
}

/// Locks an open run, before what it waits for; false when there is no such open run.
pub(crate) async fn lock_run(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
) -> Result<bool, sqlx::Error> {
    let found = guarded!(
        "waits.lock_run",
        sqlx::query!(
            r#"select id from engine.runs where tenant_id = $1 and id = $2 for no key update"#,
            tenant.0,
            run.0,
        )
        .fetch_optional(connection)
    )?;
    Ok(found.is_some())
}

/// A question to people, and what they have said.
#[derive(Debug)]
pub(crate) struct Approval {
    pub attempt: i32,
    pub data: Vec<u8>,
    pub heard: Option<Vec<u8>>,
}

/// What a step asks people to approve.
pub(crate) async fn approval(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    place: &str,
) -> Result<Option<Approval>, sqlx::Error> {
    sqlx::query_as!(
        Approval,
        r#"
        select attempt, data, heard
        from engine.waits
        where tenant_id = $1 and run_id = $2 and place = $3 and kind = 'approval'
        "#,
        tenant.0,
        run.0,
        place,
    )
    .fetch_optional(connection)
    .await
}

/// Keeps what people have said to a question, under the lock of its run.
pub(crate) async fn hear(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    place: &str,
    heard: &[u8],
) -> Result<(), sqlx::Error> {
    guarded!(
        "waits.hear",
        sqlx::query!(
            r#"update engine.waits set heard = $4 where tenant_id = $1 and run_id = $2 and place = $3"#,
            tenant.0,
            run.0,
            place,
            heard,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Something that waits for a person.
#[derive(Debug)]
pub(crate) struct Asked {
    pub run: RunId,
    pub version: VersionId,
    pub workflow: String,
    pub place: String,
    pub since: DateTime<Utc>,
    pub data: Vec<u8>,
    pub heard: Option<Vec<u8>>,
}

/// Where a page begins: after this one.
#[derive(Debug)]
pub(crate) struct From<'a> {
    pub since: DateTime<Utc>,
    pub run: RunId,
    pub place: &'a str,
}

/// What waits for a person, oldest first. Walks `waits_people_idx`.
pub(crate) async fn asked(
    connection: &mut PgConnection,
    tenant: TenantId,
    from: Option<&From<'_>>,
    limit: i64,
) -> Result<Vec<Asked>, sqlx::Error> {
    sqlx::query_as!(
        Asked,
        r#"
        select w.run_id as "run: RunId", r.version_id as "version: VersionId", r.workflow, w.place, w.since,
            w.data, w.heard
        from engine.waits w
        join engine.runs r on r.tenant_id = w.tenant_id and r.id = w.run_id
        where w.tenant_id = $1 and w.kind in ('answer', 'approval')
          and (w.since, w.run_id, w.place) > ($2, $3, $4)
        order by w.since, w.run_id, w.place
        limit $5
        "#,
        tenant.0,
        from.map_or(DateTime::UNIX_EPOCH, |from| from.since),
        from.map_or(uuid::Uuid::nil(), |from| from.run.0),
        from.map_or("", |from| from.place),
        limit,
    )
    .fetch_all(connection)
    .await
}

/// A step that waits for a delivery.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub run: RunId,
    pub place: String,
    pub attempt: i32,
}

/// The step that waits for a delivery of this topic. Served by `waits_topic_idx`.
pub(crate) async fn delivery(
    connection: &mut PgConnection,
    tenant: TenantId,
    topic: &str,
) -> Result<Option<Delivery>, sqlx::Error> {
    sqlx::query_as!(
        Delivery,
        r#"
        select run_id as "run: RunId", place, attempt
        from engine.waits
        where tenant_id = $1 and topic = $2 and kind = 'webhook'
        order by since
        limit 1
        "#,
        tenant.0,
        topic,
    )
    .fetch_optional(connection)
    .await
}

/// Takes a wait for a delivery away, under the lock of its run: one counts.
pub(crate) async fn take_delivery(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    place: &str,
) -> Result<bool, sqlx::Error> {
    let done = guarded!(
        "waits.take_delivery",
        sqlx::query!(
            r#"
            delete from engine.waits
            where tenant_id = $1 and run_id = $2 and place = $3 and kind = 'webhook'
            "#,
            tenant.0,
            run.0,
            place,
        )
        .execute(connection)
    )?;
    Ok(done.rows_affected() > 0)
}
