-- What a manager's paid steps have cost in a month. Counted in the transaction
-- that records them: one row, locked, a manager and a month.
create table engine.spending (
    tenant_id uuid not null,
    month date not null,
    cost numeric not null,
    tokens bigint not null,
    millis bigint not null,
    constraint spending_pkey primary key (tenant_id, month)
) with (fillfactor = 50);

alter table engine.spending enable row level security, force row level security;
create policy tenant on engine.spending to copro_app
    using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid));
create policy maintenance on engine.spending to copro_owner
    using (current_setting('app.maintenance', true) = 'on')
    with check (current_setting('app.maintenance', true) = 'on');
create policy engine on engine.spending to copro_engine using (true) with check (true);

grant select, insert, update on engine.spending to copro_app, copro_engine;

-- What it may cost; without, as much as it does.
alter table engine.tenants
    add column max_cost numeric,
    add column max_tokens bigint,
    add column max_millis bigint;
