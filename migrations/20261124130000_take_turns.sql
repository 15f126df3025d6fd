-- Claims take turns between tenants: the order of ready runs is kept by tenant,
-- and what a tenant is worth stands beside it.

-- What an operator has set for a tenant; a tenant without a row has the defaults.
create table engine.tenants (
    tenant_id uuid primary key,
    weight integer not null default 1,
    updated_at timestamptz not null,
    constraint tenants_weight_is_positive check (weight between 1 and 1000)
);

alter table engine.tenants enable row level security, force row level security;
create policy tenant on engine.tenants to copro_app
    using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid));
create policy maintenance on engine.tenants to copro_owner
    using (current_setting('app.maintenance', true) = 'on')
    with check (current_setting('app.maintenance', true) = 'on');
create policy engine on engine.tenants to copro_engine using (true) with check (true);
grant select, insert, update on engine.tenants to copro_app;
grant select on engine.tenants to copro_engine;

-- Within a tenant: the more urgent first, then the older.
alter table engine.runs add column priority smallint not null default 0;
alter table engine.ready add column priority smallint not null default 0;

create index ready_turn_idx on engine.ready (tenant_id, priority desc, position) where not alone;
drop index engine.ready_order_idx;
