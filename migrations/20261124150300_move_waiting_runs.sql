-- `copro workflow move`: a waiting run goes on with another version.
grant update (version_id) on engine.runs to copro_app;
