-- What open runs wait for, indexed by what they wait for. A wait for nothing
-- but a time is no row here: the run's row in `timers` is enough.
--
-- Written in the checkpoint that records the step as waiting, deleted in the
-- one that records its end, or with the run.
create table engine.waits (
    tenant_id uuid not null,
    run_id uuid not null,
    -- The step, with the items around it.
    place text not null,
    attempt integer not null,
    kind text not null,
    -- What an event or a delivery is matched by.
    topic text,
    since timestamptz not null,
    -- What is asked, sealed.
    data bytea not null,
    -- What people have said so far, sealed.
    heard bytea,
    constraint waits_pkey primary key (tenant_id, run_id, place),
    constraint waits_kind_is_known check (kind in ('answer', 'approval', 'event', 'webhook'))
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);

create index waits_people_idx on engine.waits (tenant_id, since, run_id, place) where kind in ('answer', 'approval');
create index waits_topic_idx on engine.waits (tenant_id, topic, kind) where topic is not null;

alter table engine.waits alter column data set storage external, alter column heard set storage external;
alter table engine.waits enable row level security, force row level security;
create policy tenant on engine.waits to copro_app
    using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid));
create policy maintenance on engine.waits to copro_owner
    using (current_setting('app.maintenance', true) = 'on')
    with check (current_setting('app.maintenance', true) = 'on');
create policy engine on engine.waits to copro_engine using (true) with check (true);

grant select, insert, update, delete on engine.waits to copro_app, copro_engine;
