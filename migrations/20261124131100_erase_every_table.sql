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
