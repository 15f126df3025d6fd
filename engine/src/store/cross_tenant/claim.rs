//! Taking ready runs, and what they need to go on.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId, VersionId, WorkerId};
use crate::run::Refusal;
use crate::store::steps::{StoredItems, StoredStep};

/// A run that is this worker's from now on.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub tenant: TenantId,
    pub run: RunId,
    pub version: VersionId,
    pub epoch: i32,
    /// Takeovers since its last progress.
    pub takeovers: i16,
    /// Whether there are attempts to load.
    pub recorded: bool,
    pub created_at: DateTime<Utc>,
    pub data: Vec<u8>,
    /// Its parent and the versions it calls: see [`crate::engine::Kin`].
    pub kin: Option<serde_json::Value>,
    /// Whether there are messages to load.
    pub mail: bool,
    pub priority: i16,
    /// Its place among the ready runs.
    pub position: i64,
    /// Whether it has slots, or waits for some.
    pub limited: bool,
    /// It ends without having started.
    pub refused: Option<Refusal>,
    /// How many runs its tenant may have at work.
    pub most_running: Option<i32>,
}

impl Claimed {
    /// Whether slots are given back when it is let go of.
    pub(crate) const fn is_limited(&self) -> bool {
        self.limited || self.most_running.is_some()
    }
}

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appetite<'a> {
    pub worker: WorkerId,
    pub limit: i64,
    /// Versions that this worker has no nodes for.
    pub refused: &'a [Uuid],
    pub now: DateTime<Utc>,
    /// Tenants that had more than their turn, and how much.
    pub ahead: (&'a [Uuid], &'a [i64]),
    /// The pass of all other tenants.
    pub floor: i64,
    /// The tenant after which to look.
    pub after: Uuid,
}

/// A tenant with ready runs, and what the claim gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub tenant: Uuid,
    /// What a run costs it: the inverse of its weight.
    pub stride: i64,
    /// Runs it was to get.
    pub share: i64,
    /// Runs it got.
    pub taken: i64,
}

/// What a claim took, and from whom.
#[derive(Debug, Default)]
pub(crate) struct Haul {
    pub claimed: Vec<Claimed>,
    pub seen: Vec<Seen>,
}

/// Tenants that one claim takes turns between; the next claim goes on after them.
const WINDOW: i64 = 64;
/// The stride of a tenant of weight 1.
const STRIDE: i64 = 1_000_000;

/// Takes ready runs that no other worker is taking: tenants in turn, within a
/// tenant the more urgent first, then the older.
///
/// `tenants` jumps from tenant to tenant through the index and never walks a
/// backlog; `shares` deals the limit out, by pass and stride; each share is
/// locked in a CTE, so that the limit holds whatever the plan. A row of a run
/// that has an owner already is dropped: its wake-up came while it ran, and
/// its owner reads the inbox itself.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    appetite: Appetite<'_>,
) -> Result<Haul, sqlx::Error> {
    let rows = guarded!(
        "claim.claim",
        sqlx::query!(
            r#"
            with recursive tenants as (
                select f.tenant_id, f.tenant_id as first_id, 1 as number
                from (
                    select coalesce(
                        (
                            select tenant_id from engine.ready
                            where not alone and tenant_id > $8 order by tenant_id limit 1
                        ),
                        (select tenant_id from engine.ready where not alone order by tenant_id limit 1)
                    ) as tenant_id
                ) f
                where f.tenant_id is not null
                union all
                select n.tenant_id, n.first_id, n.number
                from (
                    select coalesce(
                        (
                            select r.tenant_id from engine.ready r
                            where not r.alone and r.tenant_id > t.tenant_id order by r.tenant_id limit 1
                        ),
                        (select r.tenant_id from engine.ready r where not r.alone order by r.tenant_id limit 1)
                    ) as tenant_id, t.first_id, t.number + 1 as number
                    from tenants t
                ) n
                where n.tenant_id <> n.first_id and n.number <= $9::bigint
            ),
            turns as materialized (
                select t.tenant_id, t.number, s.max_running, $10::bigint / coalesce(s.weight, 1) as stride,
                    coalesce(a.pass, $7) as pass
                from tenants t
                left join engine.tenants s on s.tenant_id = t.tenant_id
                left join unnest($5::uuid[], $6::bigint[]) as a (tenant_id, pass) on a.tenant_id = t.tenant_id
            ),
            shares as materialized (
                select tenant_id, count(*) as share
                from (
                    select t.tenant_id
                    from turns t
                    cross join generate_series(1, $2::bigint) as turn
                    order by t.pass + turn * t.stride, t.tenant_id
                    limit $2::bigint
                ) drawn
                group by tenant_id
            ),
            due as (
                select d.tenant_id, d.run_id
                from shares s
                cross join lateral (
                    select r.tenant_id, r.run_id
                    from engine.ready r
                    where r.tenant_id = s.tenant_id and not r.alone and r.version_id <> all ($3::uuid[])
                    order by r.priority desc, r.position
                    limit s.share
                    for update skip locked
                ) d
            ),
            taken as (
                delete from engine.ready r
                using due d
                where r.tenant_id = d.tenant_id and r.run_id = d.run_id
                returning r.tenant_id, r.run_id, r.position
            ),
            spent as (
                delete from engine.timers t
                using taken d
                where t.tenant_id = d.tenant_id and t.run_id = d.run_id
            ),
            mine as (
                update engine.runs r
                set owner = $1, epoch = r.epoch + 1, status = 'running', started_at = coalesce(r.started_at, $4)
                from taken t
                where r.tenant_id = t.tenant_id and r.id = t.run_id and r.owner is null
                returning r.tenant_id, r.id, r.version_id, r.epoch, r.takeovers, r.recorded, r.created_at, r.data,
                    r.kin, r.mail, r.priority, t.position, r.limited, r.refused
            )
            select t.tenant_id as "tenant!: TenantId", t.stride as "stride!", coalesce(s.share, 0) as "share!",
                m.id as "run?: RunId", m.version_id as "version?: VersionId", m.epoch as "epoch?",
                m.takeovers as "takeovers?", m.recorded as "recorded?", m.created_at as "created_at?",
                m.data as "data?", m.kin, m.mail as "mail?", m.priority as "priority?", m.position as "position?",
                m.limited as "limited?", m.refused as "refused?", t.max_running as "most_running?"
            from turns t
            left join shares s on s.tenant_id = t.tenant_id
            left join mine m on m.tenant_id = t.tenant_id
            order by t.number
            "#,
            appetite.worker.0,
            appetite.limit,
            appetite.refused,
            appetite.now,
            appetite.ahead.0,
            appetite.ahead.1,
            appetite.floor,
            appetite.after,
            WINDOW,
            STRIDE,
        )
        .fetch_all(connection)
    )?;
    let mut haul = Haul::default();
    for row in rows {
        let known = haul
            .seen
            .last()
            .is_some_and(|seen| seen.tenant == row.tenant.0);
        if !known {
            haul.seen.push(Seen {
                tenant: row.tenant.0,
                stride: row.stride,
                share: row.share,
                taken: 0,
            });
        }
        let (Some(run), Some(version), Some(epoch), Some(created_at), Some(data)) =
            (row.run, row.version, row.epoch, row.created_at, row.data)
        else {
            continue;
        };
        if let Some(seen) = haul.seen.last_mut() {
            seen.taken += 1;
        }
        haul.claimed.push(Claimed {
            tenant: row.tenant,
            run,
            version,
            epoch,
            takeovers: row.takeovers.unwrap_or_default(),
            recorded: row.recorded.unwrap_or_default(),
            created_at,
            data,
            kin: row.kin,
            mail: row.mail.unwrap_or_default(),
            priority: row.priority.unwrap_or_default(),
            position: row.position.unwrap_or_default(),
            limited: row.limited.unwrap_or_default(),
            refused: row.refused.as_deref().and_then(Refusal::parse),
            most_running: row.most_running,
        });
    }
    Ok(haul)
}

/// Takes one run whose owners died again and again; this worker runs nothing else meanwhile.
pub(crate) async fn claim_alone(
    connection: &mut PgConnection,
    worker: WorkerId,
    refused: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let rows = guarded!(
        "claim.claim_alone",
        sqlx::query!(
            r#"
            with due as (
                select tenant_id, run_id
                from engine.ready
                where alone and version_id <> all ($2::uuid[])
                order by position
                limit 1
                for update skip locked
            ),
            taken as (
                delete from engine.ready r
                using due d
                where r.tenant_id = d.tenant_id and r.run_id = d.run_id
                returning r.tenant_id, r.run_id, r.position
            )
            update engine.runs r
            set owner = $1, epoch = r.epoch + 1, status = 'running', started_at = coalesce(r.started_at, $3)
            from taken t
            where r.tenant_id = t.tenant_id and r.id = t.run_id and r.owner is null
            returning r.tenant_id as "tenant: TenantId", r.id as "run: RunId", r.version_id as "version: VersionId",
                r.epoch, r.takeovers, r.recorded, r.created_at, r.data, r.kin,
                r.mail, r.priority, t.position, r.limited, r.refused
            "#,
            worker.0,
            refused,
            now,
        )
        .fetch_all(connection)
    )?;
    let claimed = rows.into_iter().map(|row| Claimed {
        tenant: row.tenant,
        run: row.run,
        version: row.version,
        epoch: row.epoch,
        takeovers: row.takeovers,
        recorded: row.recorded,
        created_at: row.created_at,
        data: row.data,
        kin: row.kin,
        mail: row.mail,
        priority: row.priority,
        position: row.position,
        limited: row.limited,
        refused: row.refused.as_deref().and_then(Refusal::parse),
        // It was at work: what it holds, it has.
        most_running: None,
    });
    Ok(claimed.collect())
}

/// Whether a run waits to be run alone.
pub(crate) async fn any_alone(
    connection: &mut PgConnection,
    refused: &[Uuid],
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select from engine.ready where alone and version_id <> all ($1::uuid[])
        ) as "any!"
        "#,
        refused,
    )
    .fetch_one(connection)
    .await
}

/// Gives a claimed run back as it is recorded. `blamed` counts as a takeover:
/// it broke its worker's task, and must not do so for ever.
pub(crate) async fn give_back(
    connection: &mut PgConnection,
    worker: WorkerId,
    tenant: TenantId,
    run: RunId,
    epoch: i32,
    blamed: bool,
) -> Result<(), sqlx::Error> {
    guarded!(
        "claim.give_back",
        sqlx::query!(
            r#"
            with freed as (
                update engine.runs
                set owner = null, status = 'queued', takeovers = takeovers + $5::boolean::integer::smallint
                where tenant_id = $1 and id = $2 and owner = $3 and epoch = $4
                returning tenant_id, id, version_id, priority, takeovers
            )
            insert into engine.ready (tenant_id, run_id, version_id, priority, alone)
            select tenant_id, id, version_id, priority, takeovers >= 3 from freed
            on conflict (tenant_id, run_id) do nothing
            "#,
            tenant.0,
            run.0,
            worker.0,
            epoch,
            blamed,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Attempts of these runs.
pub(crate) async fn steps(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<StoredStep>, sqlx::Error> {
    sqlx::query_as!(
        StoredStep,
        r#"
        select s.tenant_id, s.run_id, s.step, s.attempt, s.status, s.started_at, s.ended_at, s.data
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
        join engine.steps s on s.tenant_id = w.tenant_id and s.run_id = w.run_id
        order by s.tenant_id, s.run_id, s.step, s.attempt
        "#,
        tenants,
        runs,
    )
    .fetch_all(connection)
    .await
}

/// Chunks of these runs' loops.
pub(crate) async fn items(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<StoredItems>, sqlx::Error> {
    sqlx::query_as!(
        StoredItems,
        r#"
        select i.tenant_id, i.run_id, i.step, i.chunk, i.data
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
        join engine.items i on i.tenant_id = w.tenant_id and i.run_id = w.run_id
        order by i.tenant_id, i.run_id, i.step, i.chunk
        "#,
        tenants,
        runs,
    )
    .fetch_all(connection)
    .await
}

/// A message to a run.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub tenant: TenantId,
    pub run: RunId,
    pub id: i64,
    pub kind: String,
    pub sent_at: DateTime<Utc>,
    pub data: Vec<u8>,
}

/// Messages to the runs that this worker owns, in the order they were sent.
pub(crate) async fn mail(
    connection: &mut PgConnection,
    worker: WorkerId,
) -> Result<Vec<Mail>, sqlx::Error> {
    sqlx::query_as!(
        Mail,
        r#"
        select i.tenant_id as "tenant: TenantId", i.run_id as "run: RunId", i.id, i.kind, i.sent_at, i.data
        from engine.inbox i
        join engine.runs r on r.tenant_id = i.tenant_id and r.id = i.run_id
        where r.owner = $1
        order by i.id
        "#,
        worker.0,
    )
    .fetch_all(connection)
    .await
}
