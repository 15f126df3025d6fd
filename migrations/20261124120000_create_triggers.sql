-- What starts runs by itself: triggers, the events that they hear, the keys
-- by which they fire once, and what went wrong with them.
--
-- `triggers` is filled from a workflow's file: stage `published` when a version
-- is published, stage `draft` (the test address of a webhook) when it is saved.
-- `subject` is what a trigger is found by: the name of an event, the workflow
-- whose failure it waits for, `POST /path` of a webhook; empty for a schedule.
create table engine.triggers (
    tenant_id uuid not null,
    workflow text not null,
    stage text not null,
    name text not null,
    kind text not null,
    subject text not null,
    version_id uuid not null,
    constraint triggers_pkey primary key (tenant_id, workflow, stage, name, subject),
    constraint triggers_belong_to_a_workflow
        foreign key (tenant_id, workflow) references engine.workflows (tenant_id, name) on delete cascade,
    constraint triggers_stage_is_known check (stage in ('draft', 'published')),
    constraint triggers_kind_is_known check (kind in ('webhook', 'schedule', 'event', 'failure_of'))
);

create index triggers_subject_idx on engine.triggers (tenant_id, kind, subject) where stage = 'published';
create unique index triggers_webhooks_have_one_owner on engine.triggers (tenant_id, subject)
    where kind = 'webhook' and stage = 'published';

-- An event until it is dispatched: rows are inserted and deleted. A `failure`
-- is a run that ended badly and that somebody waits for; its id is the run's.
create table engine.outbox (
    tenant_id uuid not null,
    id uuid not null,
    position bigint generated always as identity,
    kind text not null,
    name text not null,
    key text,
    emitted_at timestamptz not null,
    data bytea not null,
    constraint outbox_pkey primary key (tenant_id, id),
    constraint outbox_kind_is_known check (kind in ('event', 'failure'))
) with (autovacuum_vacuum_scale_factor = 0.01);

create index outbox_order_idx on engine.outbox (position);
alter table engine.outbox alter column data set storage external;

-- What a trigger has fired for, whatever the version: a digest of the key, for
-- a key may name a person. Apart from history, and kept longer or shorter.
create table engine.dedup (
    tenant_id uuid not null,
    workflow text not null,
    trigger_name text not null,
    key bytea not null,
    run_id uuid not null,
    made_at timestamptz not null,
    kept_until timestamptz not null,
    constraint dedup_pkey primary key (tenant_id, workflow, trigger_name, key)
);

create index dedup_kept_idx on engine.dedup (kept_until);

-- What a trigger could not do: its filter or a value of its `start` failed.
create table engine.trigger_faults (
    tenant_id uuid not null,
    id uuid not null,
    workflow text not null,
    trigger_name text not null,
    happened_at timestamptz not null,
    code text not null,
    data bytea not null,
    constraint trigger_faults_pkey primary key (tenant_id, id)
);

create index trigger_faults_trigger_idx on engine.trigger_faults (tenant_id, workflow, trigger_name, id);
create index trigger_faults_age_idx on engine.trigger_faults (happened_at);
alter table engine.trigger_faults alter column data set storage external;

do $$
declare
    it text;
begin
    foreach it in array array['triggers', 'outbox', 'dedup', 'trigger_faults'] loop
        execute format('alter table engine.%I enable row level security, force row level security', it);
        execute format(
            'create policy tenant on engine.%I to copro_app '
            'using (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid)) '
            'with check (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid))', it);
        execute format(
            'create policy maintenance on engine.%I to copro_owner '
            'using (current_setting(''app.maintenance'', true) = ''on'') '
            'with check (current_setting(''app.maintenance'', true) = ''on'')', it);
        execute format('create policy engine on engine.%I to copro_engine using (true) with check (true)', it);
    end loop;
end;
$$;

grant select, insert, delete on engine.triggers to copro_app;
grant select, insert on engine.outbox to copro_app;
grant select, insert, update (run_id, made_at, kept_until) on engine.dedup to copro_app;
grant select, insert, delete on engine.trigger_faults to copro_app;

-- The flush asks whether somebody waits for a failure; the outbox is emptied
-- and old keys and faults are swept across tenants. `update` is what `for
-- update` asks for.
grant select on engine.triggers to copro_engine;
grant select, insert, update, delete on engine.outbox to copro_engine;
grant select, delete on engine.dedup, engine.trigger_faults to copro_engine;

-- Forgets the tenant of the transaction: every table of this schema that has a
-- tenant, whichever migration made it. Definitions come last, as others name them.
create or replace function engine.erase_tenant() returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    name text;
    tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
begin
    perform set_config('app.maintenance', 'on', true);
    update engine.workflows set published = null where tenant_id = tenant;
    for name in
        select c.relname
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
        where n.nspname = 'engine' and c.relkind in ('r', 'p') and not c.relispartition
        order by c.relname = 'workflows', c.relname = 'versions', c.relname
    loop
        execute format('delete from engine.%I where tenant_id = $1', name) using tenant;
    end loop;
    perform set_config('app.maintenance', '', true);
end
$$;
