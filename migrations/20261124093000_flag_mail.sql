-- Whether a run may have messages in its inbox: set with each message, by the
-- same statement, and cleared only by who holds the run's row and looked. Who
-- releases or ends a run reads it from the row it locks, and so looks into the
-- inbox of those runs only.
alter table engine.runs add column mail boolean not null default false;

grant update (mail) on engine.runs to copro_app;

update engine.runs r
set mail = true
where exists (select from engine.inbox i where i.tenant_id = r.tenant_id and i.run_id = r.id);
