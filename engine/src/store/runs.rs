//! Runs of one tenant: started here, read here.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId, VersionId};
use crate::store::cross_tenant::checkpoint::Birth;

/// How many runs hold this key, as committed.
pub(crate) async fn taken(
    connection: &mut PgConnection,
    tenant: TenantId,
    key: Uuid,
) -> Result<i32, sqlx::Error> {
    let taken = sqlx::query_scalar!(
        r#"select taken from engine.limits where tenant_id = $1 and key = $2"#,
        tenant.0,
        key,
    )
    .fetch_optional(connection)
    .await?;
    Ok(taken.unwrap_or(0))
}

/// Inserts a run, its labels and its place in the queue; false when another version is published.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: RunId,
    run: &Birth,
) -> Result<bool, sqlx::Error> {
    let load = run.load.as_deref().cloned().unwrap_or_default();
    let (names, values): (Vec<_>, Vec<_>) = run.labels.iter().cloned().unzip();
    let rows = guarded!(
        "runs.insert",
        sqlx::query_scalar!(
            r#"
            with started as (
                insert into engine.runs (
                    tenant_id, id, version_id, workflow, created_at, data, priority, parent_id, kin,
                    limited, retention, status)
                select $1, $2, $3, $4, $5, $6, $10, $15::uuid, $21::jsonb,
                    $11::uuid is not null or $18::uuid is not null, $16,
                    case when $17::timestamptz is null then 'queued' else 'waiting' end
                where not $9 or exists (
                    select from engine.workflows where tenant_id = $1 and name = $4 and published = $3
                )
                returning tenant_id, id, version_id, priority
            ),
            shared as (
                update engine.slots set hold = true
                where tenant_id = $1 and run_id = $15 and key = $11
                returning key
            ),
            limited as (
                insert into engine.slots (tenant_id, run_id, key, capacity, policy, hold, held, shared)
                select s.tenant_id, s.id, $11, $12, $13, $14 or p.shared, p.shared, p.shared
                from started s, (select exists (select from shared) as shared) p
                where $11::uuid is not null
            ),
            labelled as (
                insert into engine.labels (tenant_id, name, value, run_id)
                select s.tenant_id, l.name, l.value, s.id
                from started s, unnest($7::text[], $8::text[]) as l (name, value)
            ),
            queued as (
                insert into engine.ready (tenant_id, run_id, version_id, priority)
                select tenant_id, id, version_id, priority from started where $17 is null
            ),
            timed as (
                insert into engine.timers (tenant_id, run_id, due_at)
                select tenant_id, id, $17 from started where $17 is not null
            ),
            paced as (
                insert into engine.paced (tenant_id, run_id, key, most, per_us)
                select tenant_id, id, $18, $19, $20 from started where $18 is not null
            )
            select count(*) as "count!" from started
            "#,
            tenant.0,
            id.0,
            run.version.0,
            &*run.workflow,
            run.created_at,
            run.data,
            &names,
            &values,
            run.if_published,
            run.priority,
            load.slot.map(|slot| slot.key),
            load.slot.map_or(0, |slot| slot.capacity),
            load.slot.map_or("queue", |slot| slot.policy),
            load.slot.is_some_and(|slot| slot.hold),
            run.parent.map(|parent| parent.0),
            load.retention.as_str(),
            load.due_at,
            load.pace.map(|pace| pace.key),
            load.pace.map_or(0, |pace| pace.most),
            load.pace.map_or(0, |pace| pace.per_us),
            run.kin.as_ref(),
        )
        .fetch_one(connection)
    )?;
    Ok(rows > 0)
}

/// A run as it is stored, open or ended.
#[derive(Debug)]
pub(crate) struct RunRow {
    pub id: RunId,
    pub version: VersionId,
    pub workflow: String,
    pub status: String,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_on: Option<NaiveDate>,
    pub parent: Option<RunId>,
    pub data: Vec<u8>,
    pub result: Option<Vec<u8>>,
}

/// A run, open or ended: one statement, so that a run that ends meanwhile is not missed.
pub(crate) async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
) -> Result<Option<RunRow>, sqlx::Error> {
    sqlx::query_as!(
        RunRow,
        r#"
        select id as "id!: RunId", version_id as "version!: VersionId", workflow as "workflow!",
            status as "status!", created_at as "created_at!", started_at, ended_at, ended_on,
            parent_id as "parent: RunId", data as "data!", result
        from (
            select id, version_id, workflow, status, created_at, started_at,
                null::timestamptz as ended_at, null::date as ended_on, parent_id, data, null::bytea as result
            from engine.runs
            where tenant_id = $1 and id = $2
            union all
            select id, version_id, workflow, status, created_at, started_at, ended_at, ended_on, parent_id, data, result
            from engine.run_history
            where tenant_id = $1 and id = $2
        ) found
        "#,
        tenant.0,
        run.0,
    )
    .fetch_optional(connection)
    .await
}

/// Whether a run has not ended.
pub(crate) async fn is_open(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from engine.runs where tenant_id = $1 and id = $2) as "open!""#,
        tenant.0,
        run.0,
    )
    .fetch_one(connection)
    .await
}

/// Which runs to list.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub status: Option<&'a str>,
    pub workflow: Option<&'a str>,
    pub label: Option<(&'a str, &'a str)>,
    pub before: Option<RunId>,
    /// Ids from one to the other, both included.
    pub between: (Option<Uuid>, Option<Uuid>),
    /// A value of some label.
    pub labelled: Option<&'a str>,
    pub limit: i64,
}

/// A line of a list of runs.
#[derive(Debug)]
pub(crate) struct RunLine {
    pub id: RunId,
    pub workflow: String,
    pub status: String,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Runs, newest first. Each part walks its key backwards and stops at the limit.
pub(crate) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    wanted: &Wanted<'_>,
) -> Result<Vec<RunLine>, sqlx::Error> {
    let (name, value) = wanted.label.unzip();
    sqlx::query_as!(
        RunLine,
        r#"
        select id as "id!: RunId", workflow as "workflow!", status as "status!",
            created_at as "created_at!", started_at, ended_at
        from (
            (
                select id, workflow, status, created_at, started_at, null::timestamptz as ended_at
                from engine.runs r
                where tenant_id = $1
                  and ($2::uuid is null or id < $2)
                  and ($3::text is null or status = $3)
                  and ($4::text is null or workflow = $4)
                  and ($5::text is null or exists (
                      select from engine.labels l
                      where l.tenant_id = $1 and l.name = $5 and l.value = $6 and l.run_id = r.id))
                  and ($8::uuid is null or id >= $8)
                  and ($9::uuid is null or id <= $9)
                  and ($10::text is null or id in (
                      select l.run_id from engine.labels l where l.tenant_id = $1 and l.value = $10))
                order by id desc
                limit $7
            )
            union all
            (
                select id, workflow, status, created_at, started_at, ended_at
                from engine.run_history r
                where tenant_id = $1
                  and ($2::uuid is null or id < $2)
                  and ($3::text is null or status = $3)
                  and ($4::text is null or workflow = $4)
                  and ($5::text is null or exists (
                      select from engine.label_history l
                      where l.tenant_id = $1 and l.name = $5 and l.value = $6 and l.run_id = r.id
                        and l.retention = r.retention and l.ended_on = r.ended_on))
                  and ($8::uuid is null or id >= $8)
                  and ($9::uuid is null or id <= $9)
                  and ($10::text is null or id in (
                      select l.run_id from engine.label_history l where l.tenant_id = $1 and l.value = $10))
                order by id desc
                limit $7
            )
        ) found
        order by id desc
        limit $7
        "#,
        tenant.0,
        wanted.before.map(|run| run.0),
        wanted.status,
        wanted.workflow,
        name,
        value,
        wanted.limit,
        wanted.between.0,
        wanted.between.1,
        wanted.labelled,
    )
    .fetch_all(connection)
    .await
}

/// When the first timer of a tenant goes off; none while a run of it does not
/// wait, or is about to hear of something.
pub(crate) async fn next_timer(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select min(due_at)
        from engine.timers
        where tenant_id = $1
          and not exists (select from engine.runs where tenant_id = $1 and (status <> 'waiting' or mail))
          and not exists (select from engine.outbox where tenant_id = $1)
        "#,
        tenant.0,
    )
    .fetch_one(connection)
    .await
}

/// Moves a waiting run to another version; false when it waits no more. Who
/// claims it next reads the version from its row.
pub(crate) async fn set_version(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    from: VersionId,
    to: VersionId,
) -> Result<bool, sqlx::Error> {
    let moved = guarded!(
        "runs.set_version",
        sqlx::query!(
            r#"
            update engine.runs
            set version_id = $4
            where tenant_id = $1 and id = $2 and version_id = $3 and status = 'waiting' and owner is null
            "#,
            tenant.0,
            run.0,
            from.0,
            to.0,
        )
        .execute(connection)
    )?;
    Ok(moved.rows_affected() > 0)
}
