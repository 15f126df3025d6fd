-- The two rooms of the one database. Their owner is `copro_owner`, who also
-- runs each migration; the roles exist before the first one (database crate).
--
-- Nobody gets anything by default: each later migration grants, table by
-- table, exactly what `copro_app` (requests and steps, one tenant) and
-- `copro_engine` (claim and flush, queue and checkpoint tables only) need.

create schema engine;
create schema copro;

grant usage on schema engine to copro_app, copro_engine;
grant usage on schema copro to copro_app;

alter default privileges revoke execute on functions from public;
