-- Runs that another run started and waits for.
--
-- `parent_id` is what people follow; `kin` holds what the engine needs: where
-- in the parent it waits, how deep, and the versions of the workflows that the
-- run itself calls, fixed when it started. Ids and names only: no data.
alter table engine.runs add column parent_id uuid, add column kin jsonb;
alter table engine.run_history add column parent_id uuid;

alter table engine.inbox drop constraint inbox_kind_is_known;
alter table engine.inbox add constraint inbox_kind_is_known
    check (kind in ('cancel', 'answer', 'child', 'decision', 'event', 'webhook'));

-- A checkpoint leaves messages to the run's parent and children.
grant insert on engine.inbox to copro_engine;
