-- As five-pure: what waits beside costs the floor nothing either.
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true), bench.new_id() as run \gset
insert into engine.run_history (
    tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
    created_at, started_at, ended_at, data, result)
values (
    '01970000-0000-7000-8000-000000000001', :run::uuid, 'standard', current_date, '01970000-0000-7000-8000-000000000002',
    'waiting-million', 'succeeded', 1, now(), now(), now(), decode(repeat('5a', 40), 'hex'), decode(repeat('5a', 60), 'hex'));
insert into engine.step_history (
    tenant_id, run_id, step, attempt, retention, ended_on, status, started_at, ended_at, data)
values
    ('01970000-0000-7000-8000-000000000001', :run::uuid, 'a', 1, 'standard', current_date, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex')),
    ('01970000-0000-7000-8000-000000000001', :run::uuid, 'b', 1, 'standard', current_date, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex')),
    ('01970000-0000-7000-8000-000000000001', :run::uuid, 'c', 1, 'standard', current_date, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex')),
    ('01970000-0000-7000-8000-000000000001', :run::uuid, 'd', 1, 'standard', current_date, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex')),
    ('01970000-0000-7000-8000-000000000001', :run::uuid, 'e', 1, 'standard', current_date, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex'));
commit;
