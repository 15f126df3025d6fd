-- A run of five transaction steps by hand: a commit a step, with its row and its outcome.
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true), bench.new_id() as run \gset
insert into engine.runs (tenant_id, id, version_id, workflow, status, owner, epoch, recorded, created_at, started_at, data)
values ('01970000-0000-7000-8000-000000000001', :run::uuid, '01970000-0000-7000-8000-000000000002', 'five-transaction', 'running', '01970000-0000-7000-8000-000000000002', 1, true, now(), now(), decode(repeat('5a', 40), 'hex'));
commit;
begin;
select set_config('role', 'copro_app', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
insert into bench.rows (tenant_id, id, n) values ('01970000-0000-7000-8000-000000000001', bench.new_id(), 1);
with owned as (
    update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid returning tenant_id, id)
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
select tenant_id, id, 'a', 1, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex') from owned;
commit;
begin;
select set_config('role', 'copro_app', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
insert into bench.rows (tenant_id, id, n) values ('01970000-0000-7000-8000-000000000001', bench.new_id(), 1);
with owned as (
    update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid returning tenant_id, id)
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
select tenant_id, id, 'b', 1, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex') from owned;
commit;
begin;
select set_config('role', 'copro_app', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
insert into bench.rows (tenant_id, id, n) values ('01970000-0000-7000-8000-000000000001', bench.new_id(), 1);
with owned as (
    update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid returning tenant_id, id)
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
select tenant_id, id, 'c', 1, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex') from owned;
commit;
begin;
select set_config('role', 'copro_app', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
insert into bench.rows (tenant_id, id, n) values ('01970000-0000-7000-8000-000000000001', bench.new_id(), 1);
with owned as (
    update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid returning tenant_id, id)
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
select tenant_id, id, 'd', 1, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex') from owned;
commit;
begin;
select set_config('role', 'copro_app', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
insert into bench.rows (tenant_id, id, n) values ('01970000-0000-7000-8000-000000000001', bench.new_id(), 1);
with owned as (
    update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid returning tenant_id, id)
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
select tenant_id, id, 'e', 1, 'succeeded', now(), now(), decode(repeat('5a', 90), 'hex') from owned;
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
delete from engine.runs where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
insert into engine.run_history (
    tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
    created_at, started_at, ended_at, data, result)
values (
    '01970000-0000-7000-8000-000000000001', :run::uuid, 'standard', current_date, '01970000-0000-7000-8000-000000000002', 'five-transaction', 'succeeded', 1, now(), now(), now(),
    decode(repeat('5a', 40), 'hex'), decode(repeat('5a', 60), 'hex'));
with moved as (
    delete from engine.steps where tenant_id = '01970000-0000-7000-8000-000000000001' and run_id = :run::uuid
    returning tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
insert into engine.step_history (tenant_id, run_id, step, attempt, retention, ended_on, status, started_at, ended_at, data)
select tenant_id, run_id, step, attempt, 'standard', current_date, status, started_at, ended_at, data from moved;
commit;
