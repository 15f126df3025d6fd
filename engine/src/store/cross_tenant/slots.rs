//! `concurrency`: slots of keys, held by runs, handed on in line.
//!
//! Whoever takes, gives back or hands on a slot of a key locks the key's row in
//! `engine.limits` first, all keys of its transaction at once and in order.
//! What is held and who waits is read after that, and so is as it stands.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::RunId;

/// A key of a tenant.
pub(crate) type Key = (Uuid, Uuid);

/// What a claimed run needs to be at work.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub tenant: Uuid,
    pub run: Uuid,
    pub key: Uuid,
    pub capacity: i32,
    pub policy: String,
    pub held: bool,
    pub had: bool,
}

/// What these runs need, that of the tenant itself excepted.
pub(crate) async fn wants(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<Want>, sqlx::Error> {
    sqlx::query_as!(
        Want,
        r#"
        select s.tenant_id as tenant, s.run_id as run, s.key, s.capacity, s.policy, s.held, s.had
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
        join engine.slots s on s.tenant_id = w.tenant_id and s.run_id = w.run_id
        "#,
        tenants,
        runs,
    )
    .fetch_all(connection)
    .await
}

/// Locks keys and tells how many hold each. Keys come sorted: two that lock take turns.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    keys: &[Uuid],
) -> Result<BTreeMap<Key, i32>, sqlx::Error> {
    let rows = guarded!(
        "slots.lock",
        sqlx::query!(
            r#"
            insert into engine.limits (tenant_id, key)
            select tenant_id, key from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, key)
            order by tenant_id, key
            on conflict (tenant_id, key) do update set taken = engine.limits.taken
            returning tenant_id, key, taken
            "#,
            tenants,
            keys,
        )
        .fetch_all(connection)
    )?;
    let locked = rows.into_iter();
    Ok(locked
        .map(|row| ((row.tenant_id, row.key), row.taken))
        .collect())
}

/// Writes how many hold each locked key; the row of a key that nobody holds goes.
pub(crate) async fn count(
    connection: &mut PgConnection,
    taken: &BTreeMap<Key, i32>,
) -> Result<(), sqlx::Error> {
    let tenants: Vec<_> = taken.keys().map(|key| key.0).collect();
    let keys: Vec<_> = taken.keys().map(|key| key.1).collect();
    let counts: Vec<_> = taken.values().copied().collect();
    guarded!(
        "slots.count",
        sqlx::query!(
            r#"
            with counted as (
                select * from unnest($1::uuid[], $2::uuid[], $3::integer[]) as c (tenant_id, key, taken)
            ),
            gone as (
                delete from engine.limits l
                using counted c
                where l.tenant_id = c.tenant_id and l.key = c.key and c.taken = 0
            )
            update engine.limits l
            set taken = c.taken
            from counted c
            where l.tenant_id = c.tenant_id and l.key = c.key and c.taken > 0 and l.taken <> c.taken
            "#,
            &tenants,
            &keys,
            &counts,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// A run that waits in the line of a key.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub tenant: Uuid,
    pub key: Uuid,
    pub run: Uuid,
    pub back: bool,
    pub priority: i16,
    pub position: i64,
    pub capacity: i32,
}

/// Gives slots of locked keys to runs, and takes those out of their lines.
pub(crate) async fn hold(connection: &mut PgConnection, wants: &[Want]) -> Result<(), sqlx::Error> {
    let tenants: Vec<_> = wants.iter().map(|want| want.tenant).collect();
    let runs: Vec<_> = wants.iter().map(|want| want.run).collect();
    let keys: Vec<_> = wants.iter().map(|want| want.key).collect();
    let capacities: Vec<_> = wants.iter().map(|want| want.capacity).collect();
    guarded!(
        "slots.hold",
        sqlx::query!(
            r#"
            with held as (
                select *
                from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[])
                    as h (tenant_id, run_id, key, capacity)
            ),
            left_line as (
                delete from engine.lines l
                using held h
                where l.tenant_id = h.tenant_id and l.key = h.key and l.run_id = h.run_id
            ),
            marked as (
                update engine.runs r
                set limited = true
                from held h
                where r.tenant_id = h.tenant_id and r.id = h.run_id and not r.limited
            )
            insert into engine.slots (tenant_id, run_id, key, capacity, policy, hold, held, had)
            select tenant_id, run_id, key, capacity, 'queue', false, true, true from held
            on conflict (tenant_id, run_id, key) do update set held = true, had = true
            "#,
            &tenants,
            &runs,
            &keys,
            &capacities,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Puts claimed runs in line instead: their worker lets go of them.
pub(crate) async fn line_up(
    connection: &mut PgConnection,
    waiting: &[&Waiting],
) -> Result<(), sqlx::Error> {
    let tenants: Vec<_> = waiting.iter().map(|it| it.tenant).collect();
    let keys: Vec<_> = waiting.iter().map(|it| it.key).collect();
    let runs: Vec<_> = waiting.iter().map(|it| it.run).collect();
    let back: Vec<_> = waiting.iter().map(|it| it.back).collect();
    let priorities: Vec<_> = waiting.iter().map(|it| it.priority).collect();
    let positions: Vec<_> = waiting.iter().map(|it| it.position).collect();
    let capacities: Vec<_> = waiting.iter().map(|it| it.capacity).collect();
    guarded!(
        "slots.line_up",
        sqlx::query!(
            r#"
            with waiting as (
                select *
                from unnest(
                    $1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::smallint[], $6::bigint[], $7::integer[]
                ) as w (tenant_id, key, run_id, back, priority, position, capacity)
            ),
            wanted as (
                insert into engine.slots (tenant_id, run_id, key, capacity, policy, hold)
                select tenant_id, run_id, key, capacity, 'queue', false from waiting
                on conflict (tenant_id, run_id, key) do nothing
            ),
            let_go as (
                update engine.runs r
                set owner = null, status = 'queued', limited = true,
                    started_at = case when w.back then r.started_at end
                from waiting w
                where r.tenant_id = w.tenant_id and r.id = w.run_id
            )
            insert into engine.lines (tenant_id, key, run_id, back, priority, position, capacity)
            select tenant_id, key, run_id, back, priority, position, capacity from waiting
            on conflict (tenant_id, key, run_id) do nothing
            "#,
            &tenants,
            &keys,
            &runs,
            &back,
            &priorities,
            &positions,
            &capacities,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// The first in line of each of these locked keys, at most `most` a key.
pub(crate) async fn first_in_line(
    connection: &mut PgConnection,
    keys: &BTreeMap<Key, i32>,
    most: i64,
) -> Result<Vec<Waiting>, sqlx::Error> {
    let tenants: Vec<_> = keys.keys().map(|key| key.0).collect();
    let keys: Vec<_> = keys.keys().map(|key| key.1).collect();
    sqlx::query_as!(
        Waiting,
        r#"
        select l.tenant_id as tenant, l.key, l.run_id as run, l.back, l.priority, l.position, l.capacity
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, key)
        cross join lateral (
            select *
            from engine.lines l
            where l.tenant_id = w.tenant_id and l.key = w.key
            order by l.back desc, l.priority desc, l.position
            limit $3
        ) l
        "#,
        &tenants,
        &keys,
        most,
    )
    .fetch_all(connection)
    .await
}

/// Makes runs ready that waited in line: with a slot, or refused for this reason.
pub(crate) async fn call(
    connection: &mut PgConnection,
    called: &[&Waiting],
    refused: Option<&str>,
) -> Result<(), sqlx::Error> {
    let tenants: Vec<_> = called.iter().map(|it| it.tenant).collect();
    let keys: Vec<_> = called.iter().map(|it| it.key).collect();
    let runs: Vec<_> = called.iter().map(|it| it.run).collect();
    guarded!(
        "slots.call",
        sqlx::query!(
            r#"
            with called as (
                select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as c (tenant_id, key, run_id)
            ),
            left_line as (
                delete from engine.lines l
                using called c
                where l.tenant_id = c.tenant_id and l.key = c.key and l.run_id = c.run_id
            ),
            held as (
                insert into engine.slots (tenant_id, run_id, key, capacity, policy, hold, held, had)
                select tenant_id, run_id, key, 1, 'queue', false, true, true from called where $4::text is null
                on conflict (tenant_id, run_id, key) do update set held = true, had = true
            ),
            marked as (
                update engine.runs r
                set refused = coalesce($4, r.refused), limited = true
                from called c
                where r.tenant_id = c.tenant_id and r.id = c.run_id
                returning r.tenant_id, r.id, r.version_id, r.priority, r.owner
            )
            insert into engine.ready (tenant_id, run_id, version_id, priority)
            select tenant_id, id, version_id, priority from marked where owner is null
            on conflict (tenant_id, run_id) do nothing
            "#,
            &tenants,
            &keys,
            &runs,
            refused,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Runs that hold a locked key, oldest first.
pub(crate) async fn holders(
    connection: &mut PgConnection,
    key: Key,
) -> Result<Vec<RunId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select run_id as "run: RunId"
        from engine.slots
        where tenant_id = $1 and key = $2 and held and not shared
        order by run_id
        "#,
        key.0,
        key.1,
    )
    .fetch_all(connection)
    .await
}

/// Of these runs, those that someone cancelled: they need no slot to end.
pub(crate) async fn cancelled(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select w.run_id as "run!"
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
        where exists (
            select from engine.inbox i
            where i.tenant_id = w.tenant_id and i.run_id = w.run_id and i.kind = 'cancel'
        )
        "#,
        tenants,
        runs,
    )
    .fetch_all(connection)
    .await
}

/// Keys that these runs hold or wait for.
pub(crate) async fn keys(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<Key>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select distinct s.tenant_id, s.key
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
        join engine.slots s on s.tenant_id = w.tenant_id and s.run_id = w.run_id
        order by s.tenant_id, s.key
        "#,
        tenants,
        runs,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant_id, row.key))
        .collect())
}

/// Gives back the slots of runs that wait or have ended, their keys being
/// locked; tells of which keys, one entry a slot.
pub(crate) async fn give_back(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
    ended: &[bool],
) -> Result<Vec<Key>, sqlx::Error> {
    let rows = guarded!(
        "slots.give_back",
        sqlx::query!(
            r#"
            with given as (
                select * from unnest($1::uuid[], $2::uuid[], $3::boolean[]) as w (tenant_id, run_id, ended)
            ),
            gone as (
                delete from engine.slots s
                using given g
                where s.tenant_id = g.tenant_id and s.run_id = g.run_id and g.ended
                returning s.tenant_id, s.key, s.held and not s.shared as free, s.run_id
            ),
            resting as (
                update engine.slots s
                set held = false
                from given g
                where s.tenant_id = g.tenant_id and s.run_id = g.run_id and not g.ended
                  and s.held and not s.hold and not s.shared
                returning s.tenant_id, s.key
            ),
            left_line as (
                delete from engine.lines l
                using gone g
                where l.tenant_id = g.tenant_id and l.key = g.key and l.run_id = g.run_id
            )
            select tenant_id as "tenant!", key as "key!" from gone where free
            union all
            select tenant_id, key from resting
            "#,
            tenants,
            runs,
            ended,
        )
        .fetch_all(connection)
    )?;
    Ok(rows.into_iter().map(|row| (row.tenant, row.key)).collect())
}

/// How many runs tenants may have at work at once, where that is limited.
pub(crate) async fn most_running(
    connection: &mut PgConnection,
    tenants: &[Uuid],
) -> Result<BTreeMap<Uuid, i32>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select tenant_id, max_running as "most!"
        from engine.tenants
        where tenant_id = any ($1::uuid[]) and max_running is not null
        "#,
        tenants,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant_id, row.most))
        .collect())
}
