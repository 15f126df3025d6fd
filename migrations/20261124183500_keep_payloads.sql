-- Values too large for the record they belong to: inputs and outputs of steps
-- above 256 KiB, sealed apart. A record names them; they are read when they are
-- needed, and move to history with their run.
create table engine.payloads (
    tenant_id uuid not null,
    run_id uuid not null,
    id uuid not null,
    data bytea not null,
    constraint payloads_pkey primary key (tenant_id, run_id, id)
) with (autovacuum_vacuum_scale_factor = 0.02);

create table engine.payload_history (
    tenant_id uuid not null,
    run_id uuid not null,
    id uuid not null,
    retention text not null,
    ended_on date not null,
    data bytea not null,
    constraint payload_history_pkey primary key (tenant_id, run_id, id, retention, ended_on)
) partition by range (retention, ended_on);

create table engine.payload_history_default partition of engine.payload_history default;

alter table engine.payloads alter column data set storage external;
alter table engine.payload_history alter column data set storage external;
alter table engine.payload_history_default alter column data set storage external;

do $$
declare
    it text;
begin
    foreach it in array array['payloads', 'payload_history'] loop
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
alter table engine.payload_history_default enable row level security, force row level security;
create policy maintenance on engine.payload_history_default to copro_owner
    using (current_setting('app.maintenance', true) = 'on')
    with check (current_setting('app.maintenance', true) = 'on');

grant select, insert on engine.payloads to copro_app;
grant select on engine.payload_history to copro_app;
grant select, insert, delete on engine.payloads to copro_engine;
grant select, insert on engine.payload_history to copro_engine;

-- As before, for every table of history, whichever migration made it.
create or replace function engine.keep_history(today date, days_ahead integer)
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
    for family in
        select c.relname
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'ended_on'
        where n.nspname = 'engine' and c.relkind = 'p'
        order by c.oid
    loop
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
                    execute format('lock table engine.%I in access exclusive mode', family);
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

select engine.keep_history(current_date, 7);
