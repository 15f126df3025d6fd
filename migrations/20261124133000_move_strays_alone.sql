-- Makes the partitions of the days from yesterday to `days_ahead` and drops
-- those past their class. Returns how many it made and dropped. One at a time:
-- two workers that meet do the work once.
--
-- Rows of a day that had no partition move to its own. A statement that was
-- planned without it and reads after the move would miss them: who reads
-- finishes first, and who comes waits and plans anew.
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
