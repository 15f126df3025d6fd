-- A million runs of this tenant that wait, with their step and their timer, due from tomorrow on.
create temporary table waiting as
select v.tenant_id, bench.new_id() as run_id, v.id as version_id, n
from (select tenant_id, id from engine.versions order by created_at desc limit 1) v,
    generate_series(1, 1000000) n;
insert into engine.runs (tenant_id, id, version_id, workflow, status, epoch, recorded, created_at, started_at, data)
select tenant_id, run_id, version_id, 'waiting-million', 'waiting', 1, true, now(), now(), decode(repeat('5a', 40), 'hex')
from waiting;
insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, data)
select tenant_id, run_id, 'a', 1, 'waiting', now(), decode(repeat('5a', 90), 'hex')
from waiting;
insert into engine.timers (tenant_id, run_id, due_at)
select tenant_id, run_id, now() + interval '1 day' + n * interval '1 second'
from waiting;
analyze engine.runs, engine.steps, engine.timers;
