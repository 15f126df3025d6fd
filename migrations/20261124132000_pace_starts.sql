-- `rate_limit` and `debounce`: when a run may begin.

-- How many runs of a tenant may be ready before its doors refuse more.
alter table engine.tenants
    add column max_ready integer,
    add constraint tenants_accept_something check (max_ready >= 1);

-- When the last starts of a key were, microseconds, oldest first: as many as
-- its limit counts. The row that is locked.
create table engine.rates (
    tenant_id uuid not null,
    key uuid not null,
    starts bigint[] not null default '{}',
    constraint rates_pkey primary key (tenant_id, key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- A run that has yet to be given its time.
create table engine.paced (
    tenant_id uuid not null,
    run_id uuid not null,
    key uuid not null,
    most integer not null,
    per_us bigint not null,
    constraint paced_pkey primary key (tenant_id, run_id)
) with (autovacuum_vacuum_scale_factor = 0.02);

-- The newest run of a key that `debounce` holds back.
create table engine.debounced (
    tenant_id uuid not null,
    key uuid not null,
    run_id uuid not null,
    constraint debounced_pkey primary key (tenant_id, key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

do $$
declare
    it text;
begin
    foreach it in array array['rates', 'paced', 'debounced'] loop
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

grant select, insert, update on engine.rates to copro_app;
grant select, insert on engine.paced to copro_app;
grant select, insert, update on engine.debounced to copro_app;
-- A debounced run waits for its timer; one that a newer run supersedes has none.
grant insert, delete on engine.timers to copro_app;
grant select, insert, update, delete on engine.rates to copro_engine;
grant select, delete on engine.paced, engine.debounced to copro_engine;
