-- A run of five external steps by hand: a commit for each intent and each outcome.
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true), bench.new_id() as run \gset
insert into engine.runs (tenant_id, id, version_id, workflow, status, owner, epoch, recorded, created_at, started_at, data)
values ('01970000-0000-7000-8000-000000000001', :run::uuid, '01970000-0000-7000-8000-000000000002', 'five-external', 'running', '01970000-0000-7000-8000-000000000002', 1, true, now(), now(), decode(repeat('5a', 40), 'hex'));
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, data)
values ('01970000-0000-7000-8000-000000000001', :run::uuid, 'a', 1, 'running', now(), decode(repeat('5a', 110), 'hex'));
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
update engine.steps set status = 'succeeded', ended_at = now(), data = decode(repeat('5a', 140), 'hex')
where tenant_id = '01970000-0000-7000-8000-000000000001' and run_id = :run::uuid and step = 'a' and attempt = 1;
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, data)
values ('01970000-0000-7000-8000-000000000001', :run::uuid, 'b', 1, 'running', now(), decode(repeat('5a', 110), 'hex'));
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
update engine.steps set status = 'succeeded', ended_at = now(), data = decode(repeat('5a', 140), 'hex')
where tenant_id = '01970000-0000-7000-8000-000000000001' and run_id = :run::uuid and step = 'b' and attempt = 1;
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, data)
values ('01970000-0000-7000-8000-000000000001', :run::uuid, 'c', 1, 'running', now(), decode(repeat('5a', 110), 'hex'));
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
update engine.steps set status = 'succeeded', ended_at = now(), data = decode(repeat('5a', 140), 'hex')
where tenant_id = '01970000-0000-7000-8000-000000000001' and run_id = :run::uuid and step = 'c' and attempt = 1;
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, data)
values ('01970000-0000-7000-8000-000000000001', :run::uuid, 'd', 1, 'running', now(), decode(repeat('5a', 110), 'hex'));
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
update engine.steps set status = 'succeeded', ended_at = now(), data = decode(repeat('5a', 140), 'hex')
where tenant_id = '01970000-0000-7000-8000-000000000001' and run_id = :run::uuid and step = 'd' and attempt = 1;
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, data)
values ('01970000-0000-7000-8000-000000000001', :run::uuid, 'e', 1, 'running', now(), decode(repeat('5a', 110), 'hex'));
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
update engine.runs set takeovers = 0 where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
update engine.steps set status = 'succeeded', ended_at = now(), data = decode(repeat('5a', 140), 'hex')
where tenant_id = '01970000-0000-7000-8000-000000000001' and run_id = :run::uuid and step = 'e' and attempt = 1;
commit;
begin;
select set_config('role', 'copro_engine', true), set_config('app.tenant', '01970000-0000-7000-8000-000000000001', true);
delete from engine.runs where tenant_id = '01970000-0000-7000-8000-000000000001' and id = :run::uuid and owner = '01970000-0000-7000-8000-000000000002' and epoch = 1;
insert into engine.run_history (
    tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
    created_at, started_at, ended_at, data, result)
values (
    '01970000-0000-7000-8000-000000000001', :run::uuid, 'standard', current_date, '01970000-0000-7000-8000-000000000002', 'five-external', 'succeeded', 1, now(), now(), now(),
    decode(repeat('5a', 40), 'hex'), decode(repeat('5a', 60), 'hex'));
with moved as (
    delete from engine.steps where tenant_id = '01970000-0000-7000-8000-000000000001' and run_id = :run::uuid
    returning tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
insert into engine.step_history (tenant_id, run_id, step, attempt, retention, ended_on, status, started_at, ended_at, data)
select tenant_id, run_id, step, attempt, 'standard', current_date, status, started_at, ended_at, data from moved;
commit;
