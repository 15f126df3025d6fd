-- Forgets the tenant of the transaction: its keys, definitions, runs and
-- history. Without its key, nothing that a copy elsewhere holds can be read.
-- Who may call it has checked that the tenant may be thrown away.
create function engine.erase_tenant() returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    name text;
    tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
begin
    perform set_config('app.maintenance', 'on', true);
    update engine.workflows set published = null where tenant_id = tenant;
    foreach name in array array[
        'data_keys', 'ready', 'timers', 'inbox', 'labels', 'items', 'steps', 'runs',
        'label_history', 'item_history', 'step_history', 'run_history', 'versions', 'workflows'
    ] loop
        execute format('delete from engine.%I where tenant_id = $1', name) using tenant;
    end loop;
    perform set_config('app.maintenance', '', true);
end
$$;

grant execute on function engine.erase_tenant() to copro_app;
