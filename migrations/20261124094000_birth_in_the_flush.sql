-- A worker may write a run for the first time with its first checkpoint: with
-- its labels, and only while its version is the published one.
grant insert on engine.labels to copro_engine;
grant select (tenant_id, name, published) on engine.workflows to copro_engine;

create policy engine on engine.workflows for select to copro_engine using (true);
