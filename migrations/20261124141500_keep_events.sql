-- Events that were dispatched, for steps that begin to wait later: `wait.event`
-- and `cancel_on` see what has happened since their run started.
--
-- Whoever dispatches an event holds the lock of its name, writes it here, then
-- looks who waits; whoever begins to wait shares that lock, writes its wait,
-- then looks in here. Of the two the second sees the first: what comes at that
-- very moment is heard, and once.
--
-- A row is deleted when no open run began before it.
create table engine.events (
    tenant_id uuid not null,
    id uuid not null,
    -- The order in which events of one name were dispatched.
    position bigint generated always as identity,
    name text not null,
    -- A digest, for a key may name a person.
    key text,
    emitted_at timestamptz not null,
    data bytea not null,
    constraint events_pkey primary key (tenant_id, id)
) with (autovacuum_vacuum_scale_factor = 0.02);

create index events_name_idx on engine.events (tenant_id, name, key, emitted_at);

alter table engine.events alter column data set storage external;
alter table engine.events enable row level security, force row level security;
create policy tenant on engine.events to copro_app
    using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid));
create policy maintenance on engine.events to copro_owner
    using (current_setting('app.maintenance', true) = 'on')
    with check (current_setting('app.maintenance', true) = 'on');
create policy engine on engine.events to copro_engine using (true) with check (true);

grant select, insert on engine.events to copro_app;
grant select, delete on engine.events to copro_engine;
