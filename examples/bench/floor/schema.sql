-- What the workloads and their floors write besides the engine's tables.
create schema bench;

create table bench.rows (
    tenant_id uuid not null,
    id uuid not null,
    n bigint not null,
    constraint rows_pkey primary key (tenant_id, id)
);

alter table bench.rows enable row level security, force row level security;
create policy tenant on bench.rows to copro_app
    using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid));

-- Named by the statement that takes the role, before it has it.
grant usage on schema bench to public;
grant insert on bench.rows to copro_app;

-- Ids that grow with time, as ours do.
create function bench.new_id() returns uuid
    language sql volatile
    return (
        lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15)
    )::uuid;
