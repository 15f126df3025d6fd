-- Schedules of published versions: when the next instant of each is due.
--
-- `look_at` is when a worker looks at it: at `due_at`, or sooner while instants
-- wait (`pending`) for the run before them (`last_run`) to end. A row is locked
-- by who looks at it, and moved on in the transaction that starts its run.
create table engine.schedules (
    tenant_id uuid not null,
    workflow text not null,
    name text not null,
    version_id uuid not null,
    spec text not null,
    due_at timestamptz not null,
    look_at timestamptz not null,
    pending timestamptz[] not null default '{}',
    last_run uuid,
    constraint schedules_pkey primary key (tenant_id, workflow, name),
    constraint schedules_belong_to_a_workflow
        foreign key (tenant_id, workflow) references engine.workflows (tenant_id, name) on delete cascade
);

create index schedules_look_idx on engine.schedules (look_at);

alter table engine.schedules enable row level security, force row level security;
create policy tenant on engine.schedules to copro_app
    using (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant', true), '')::uuid));
create policy maintenance on engine.schedules to copro_owner
    using (current_setting('app.maintenance', true) = 'on')
    with check (current_setting('app.maintenance', true) = 'on');
create policy engine on engine.schedules to copro_engine using (true) with check (true);

grant select, insert, update, delete on engine.schedules to copro_app;
-- `update` is what `for update` asks for.
grant select, update on engine.schedules to copro_engine;
