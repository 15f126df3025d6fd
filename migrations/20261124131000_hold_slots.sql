-- `concurrency`: what runs hold, what they wait for, and who is next.

-- `limited`: it has rows in `engine.slots`. `refused`: it ends without having
-- started, and why.
alter table engine.runs
    add column limited boolean not null default false,
    add column refused text;
grant update (refused) on engine.runs to copro_app;

-- How many runs a tenant may have at work at once; no limit when null.
alter table engine.tenants
    add column max_running integer,
    add constraint tenants_run_something check (max_running >= 1);

-- How many hold a key: the row that is locked, so that no claim ever counts.
-- The nil key is that of the tenant itself.
create table engine.limits (
    tenant_id uuid not null,
    key uuid not null,
    taken integer not null default 0,
    constraint limits_pkey primary key (tenant_id, key),
    constraint limits_are_not_overdrawn check (taken >= 0)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- What a run needs to be at work. `had`: it held it before, so it is first in
-- line when it comes back. `shared`: it is under its parent's, and is not counted.
create table engine.slots (
    tenant_id uuid not null,
    run_id uuid not null,
    key uuid not null,
    capacity integer not null,
    policy text not null,
    hold boolean not null,
    held boolean not null default false,
    had boolean not null default false,
    shared boolean not null default false,
    constraint slots_pkey primary key (tenant_id, run_id, key),
    constraint slots_policy_is_known check (policy in ('queue', 'drop', 'replace', 'latest'))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

create index slots_held_idx on engine.slots (tenant_id, key) where held and not shared;

-- Runs that wait for a slot; inserted and deleted, never updated.
create table engine.lines (
    tenant_id uuid not null,
    key uuid not null,
    run_id uuid not null,
    back boolean not null,
    priority smallint not null,
    position bigint not null,
    capacity integer not null,
    constraint lines_pkey primary key (tenant_id, key, run_id)
) with (autovacuum_vacuum_scale_factor = 0.02);

create index lines_order_idx on engine.lines (tenant_id, key, back desc, priority desc, position);

do $$
declare
    it text;
begin
    foreach it in array array['limits', 'slots', 'lines'] loop
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

grant select, insert, update (hold) on engine.slots to copro_app;
grant select on engine.limits, engine.lines to copro_app;
-- A claim tells a run to make room for another.
grant insert on engine.inbox to copro_engine;
grant select, insert, update, delete on engine.limits, engine.slots, engine.lines to copro_engine;
