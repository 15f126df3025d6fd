-- The engine's tables.
--
-- Definitions (workflows, versions), keys, the queue (ready, timers, inbox),
-- open runs (runs, steps, items, labels) and history (the same four, apart,
-- by retention class and day of end). Open tables are narrow, carry no foreign
-- key, and no column that changes often is indexed, so that updates stay in
-- their page. What a run carries is in `data`, sealed with the tenant's key.

-- ---------------------------------------------------------------- definitions

create table engine.data_keys (
    tenant_id uuid primary key,
    sealed bytea not null,
    created_at timestamptz not null default clock_timestamp()
);

create table engine.workflows (
    tenant_id uuid not null,
    name text not null,
    published uuid,
    created_at timestamptz not null,
    constraint workflows_pkey primary key (tenant_id, name),
    constraint workflows_name_is_an_id check (name ~ '^[a-z][a-z0-9_-]{0,62}$')
);

create table engine.versions (
    tenant_id uuid not null,
    id uuid not null,
    workflow text not null,
    number integer not null,
    source text not null,
    digest bytea not null,
    created_at timestamptz not null,
    constraint versions_pkey primary key (tenant_id, id),
    constraint versions_are_numbered unique (tenant_id, workflow, number),
    constraint versions_belong_to_a_workflow
        foreign key (tenant_id, workflow) references engine.workflows (tenant_id, name) on delete cascade
);

alter table engine.workflows add constraint workflows_publish_a_version
    foreign key (tenant_id, published) references engine.versions (tenant_id, id);

-- ------------------------------------------------------------------ open runs

-- `owner` and `epoch` fence its writer; `takeovers` counts those without
-- progress since; `recorded` says that there is something to load.
create table engine.runs (
    tenant_id uuid not null,
    id uuid not null,
    version_id uuid not null,
    workflow text not null,
    status text not null default 'queued',
    owner uuid,
    epoch integer not null default 0,
    takeovers smallint not null default 0,
    recorded boolean not null default false,
    retention text not null default 'standard',
    created_at timestamptz not null,
    started_at timestamptz,
    data bytea not null,
    constraint runs_pkey primary key (tenant_id, id),
    constraint runs_status_is_open check (status in ('queued', 'running', 'waiting')),
    constraint runs_retention_is_known check (retention in ('brief', 'standard'))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- One row an attempt of a step outside of loops.
create table engine.steps (
    tenant_id uuid not null,
    run_id uuid not null,
    step text not null,
    attempt integer not null,
    status text not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    data bytea not null,
    constraint steps_pkey primary key (tenant_id, run_id, step, attempt),
    constraint steps_status_is_known check (status in
        ('running', 'waiting', 'succeeded', 'failed', 'cancelled', 'timed_out', 'skipped'))
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);

-- Attempts of steps inside of a loop, many in a row.
create table engine.items (
    tenant_id uuid not null,
    run_id uuid not null,
    step text not null,
    chunk integer not null,
    data bytea not null,
    constraint items_pkey primary key (tenant_id, run_id, step, chunk)
) with (autovacuum_vacuum_scale_factor = 0.02);

create table engine.labels (
    tenant_id uuid not null,
    name text not null,
    value text not null,
    run_id uuid not null,
    constraint labels_pkey primary key (tenant_id, name, value, run_id)
) with (autovacuum_vacuum_scale_factor = 0.02);

create index labels_run_idx on engine.labels (tenant_id, run_id);

-- ---------------------------------------------------------------------- queue

-- A row while a run is ready and nobody's; inserted and deleted, never updated.
-- `alone`: its owners died three times, it must not take others down with it.
create table engine.ready (
    tenant_id uuid not null,
    run_id uuid not null,
    version_id uuid not null,
    alone boolean not null default false,
    position bigint generated always as identity,
    constraint ready_pkey primary key (tenant_id, run_id)
) with (autovacuum_vacuum_scale_factor = 0.01);

create index ready_order_idx on engine.ready (position) where not alone;
create index ready_alone_idx on engine.ready (position) where alone;

-- When a waiting run is ready again; one row a run.
create table engine.timers (
    tenant_id uuid not null,
    run_id uuid not null,
    due_at timestamptz not null,
    constraint timers_pkey primary key (tenant_id, run_id)
);

create index timers_due_idx on engine.timers (due_at);

-- What comes to a run from outside; consumed in its owner's checkpoint.
create table engine.inbox (
    tenant_id uuid not null,
    run_id uuid not null,
    id bigint generated always as identity,
    kind text not null,
    sent_at timestamptz not null,
    data bytea not null,
    constraint inbox_pkey primary key (tenant_id, run_id, id),
    constraint inbox_kind_is_known check (kind in ('cancel', 'answer'))
);

-- One heartbeat row a worker; leases are by the database's clock.
create table engine.workers (
    id uuid primary key,
    name text not null,
    started_at timestamptz not null default clock_timestamp(),
    beat_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- -------------------------------------------------------------------- history

create table engine.run_history (
    tenant_id uuid not null,
    id uuid not null,
    retention text not null,
    ended_on date not null,
    version_id uuid not null,
    workflow text not null,
    status text not null,
    epoch integer not null,
    created_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz not null,
    data bytea not null,
    result bytea not null,
    constraint run_history_pkey primary key (tenant_id, id, retention, ended_on),
    constraint run_history_status_is_final check (status in ('succeeded', 'failed', 'cancelled', 'timed_out'))
) partition by range (retention, ended_on);

create table engine.step_history (
    tenant_id uuid not null,
    run_id uuid not null,
    step text not null,
    attempt integer not null,
    retention text not null,
    ended_on date not null,
    status text not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    data bytea not null,
    constraint step_history_pkey primary key (tenant_id, run_id, step, attempt, retention, ended_on)
) partition by range (retention, ended_on);

create table engine.item_history (
    tenant_id uuid not null,
    run_id uuid not null,
    step text not null,
    chunk integer not null,
    retention text not null,
    ended_on date not null,
    data bytea not null,
    constraint item_history_pkey primary key (tenant_id, run_id, step, chunk, retention, ended_on)
) partition by range (retention, ended_on);

create table engine.label_history (
    tenant_id uuid not null,
    name text not null,
    value text not null,
    run_id uuid not null,
    retention text not null,
    ended_on date not null,
    constraint label_history_pkey primary key (tenant_id, name, value, run_id, retention, ended_on)
) partition by range (retention, ended_on);

-- A day that nobody made a partition for is kept all the same.
create table engine.run_history_default partition of engine.run_history default;
create table engine.step_history_default partition of engine.step_history default;
create table engine.item_history_default partition of engine.item_history default;
create table engine.label_history_default partition of engine.label_history default;

-- Sealed bytes do not compress: no attempt is made to.
alter table engine.runs alter column data set storage external;
alter table engine.steps alter column data set storage external;
alter table engine.items alter column data set storage external;
alter table engine.inbox alter column data set storage external;
alter table engine.run_history alter column data set storage external, alter column result set storage external;
alter table engine.step_history alter column data set storage external;
alter table engine.item_history alter column data set storage external;
alter table engine.run_history_default alter column data set storage external, alter column result set storage external;
alter table engine.step_history_default alter column data set storage external;
alter table engine.item_history_default alter column data set storage external;

-- ------------------------------------------------------------------ isolation

-- Partitions are reached through their parent only: row-level security is on
-- and no policy opens them, nor does any grant.
do $$
declare
    it text;
begin
    foreach it in array array[
        'data_keys', 'workflows', 'versions', 'runs', 'steps', 'items', 'labels', 'ready', 'timers', 'inbox',
        'run_history', 'step_history', 'item_history', 'label_history'
    ] loop
        execute format('alter table engine.%I enable row level security, force row level security', it);
        execute format(
            'create policy tenant on engine.%I to copro_app '
            'using (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid)) '
            'with check (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid))', it);
        execute format(
            'create policy maintenance on engine.%I to copro_owner '
            'using (current_setting(''app.maintenance'', true) = ''on'') '
            'with check (current_setting(''app.maintenance'', true) = ''on'')', it);
    end loop;
    foreach it in array array[
        'runs', 'steps', 'items', 'labels', 'ready', 'timers', 'inbox',
        'run_history', 'step_history', 'item_history', 'label_history'
    ] loop
        execute format('create policy engine on engine.%I to copro_engine using (true) with check (true)', it);
    end loop;
    foreach it in array array[
        'run_history_default', 'step_history_default', 'item_history_default', 'label_history_default'
    ] loop
        execute format('alter table engine.%I enable row level security, force row level security', it);
        execute format(
            'create policy maintenance on engine.%I to copro_owner '
            'using (current_setting(''app.maintenance'', true) = ''on'') '
            'with check (current_setting(''app.maintenance'', true) = ''on'')', it);
    end loop;
end;
$$;

-- Requests and steps: one tenant.
grant select, insert on engine.data_keys to copro_app;
grant select, insert, update (published) on engine.workflows to copro_app;
grant select, insert on engine.versions to copro_app;
grant select, insert, update (status, takeovers, recorded) on engine.runs to copro_app;
grant select, insert, update on engine.steps to copro_app;
grant select, insert on engine.items, engine.labels, engine.ready to copro_app;
grant select, insert, delete on engine.inbox to copro_app;
grant select on engine.timers to copro_app;
grant select on engine.run_history, engine.step_history, engine.item_history, engine.label_history to copro_app;

-- Claim and flush: all tenants, queue and checkpoint tables only.
grant select, insert, update, delete on engine.runs, engine.steps, engine.items to copro_engine;
grant select, delete on engine.labels to copro_engine;
-- `update` is what `for update` asks for; rows are never updated.
grant select, insert, update, delete on engine.ready, engine.timers to copro_engine;
grant select, delete on engine.inbox to copro_engine;
grant select, insert, update, delete on engine.workers to copro_engine;
grant select on engine.workers to copro_app;
grant select, insert on
    engine.run_history, engine.step_history, engine.item_history, engine.label_history to copro_engine;

-- ------------------------------------------------------------------ retention

-- How long a class of runs is kept.
create function engine.kept_days(class text) returns integer
    language sql immutable
    return case class when 'brief' then 7 else 90 end;

-- Makes the partitions of the days from yesterday to `days_ahead` and drops
-- those past their class. Returns how many it made and dropped. One at a time:
-- two workers that meet do the work once.
create function engine.keep_history(today date, days_ahead integer)
    returns table (made integer, dropped integer)
    language plpgsql
    security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    family text;
    class text;
    day date;
    part text;
    gone record;
    stray boolean;
begin
    made := 0;
    dropped := 0;
    perform pg_advisory_xact_lock(hashtext('engine.keep_history'));
    perform set_config('app.maintenance', 'on', true);
    foreach family in array array['run_history', 'step_history', 'item_history', 'label_history'] loop
        foreach class in array array['brief', 'standard'] loop
            for day in select generate_series(today - 1, today + days_ahead, interval '1 day')::date loop
                part := format('%s_%s_%s', family, class, to_char(day, 'YYYYMMDD'));
                continue when to_regclass('engine.' || part) is not null;
                execute format('create table engine.%I (like engine.%I including defaults including constraints including storage)', part, family);
                execute format('alter table engine.%I enable row level security, force row level security', part);
                execute format(
                    'create policy maintenance on engine.%I to copro_owner '
                    'using (current_setting(''app.maintenance'', true) = ''on'') '
                    'with check (current_setting(''app.maintenance'', true) = ''on'')', part);
                execute format('select exists (select from engine.%I where retention = $1 and ended_on = $2)', family || '_default')
                    into stray using class, day;
                if stray then
                    execute format(
                        'with strays as (delete from engine.%I where retention = $1 and ended_on = $2 returning *) '
                        'insert into engine.%I select * from strays', family || '_default', part)
                        using class, day;
                end if;
                execute format(
                    'alter table engine.%I attach partition engine.%I for values from (%L, %L) to (%L, %L)',
                    family, part, class, day, class, day + 1);
                made := made + 1;
            end loop;
            for gone in
                select c.relname as name
                from pg_inherits i
                join pg_class c on c.oid = i.inhrelid
                where i.inhparent = to_regclass('engine.' || family)
                  and c.relname like family || '\_' || class || '\_%'
                  and right(c.relname, 8) collate "C" < to_char(today - engine.kept_days(class), 'YYYYMMDD')
            loop
                execute format('drop table engine.%I', gone.name);
                dropped := dropped + 1;
            end loop;
        end loop;
    end loop;
    perform set_config('app.maintenance', '', true);
    return next;
end;
$$;

grant execute on function engine.keep_history(date, integer) to copro_engine;

select engine.keep_history(current_date, 7);
