-- What HTTP doors need: the secrets that webhooks are signed with, and the
-- bearer tokens of a tenant's machines, of which only a digest is kept.
create table engine.credentials (
    tenant_id uuid not null,
    name text not null,
    id uuid not null,
    updated_at timestamptz not null,
    data bytea not null,
    constraint credentials_pkey primary key (tenant_id, name),
    constraint credentials_name_is_an_id check (name ~ '^[a-z][a-z0-9_]{0,62}$')
);

alter table engine.credentials alter column data set storage external;

create table engine.tokens (
    tenant_id uuid not null,
    id uuid not null,
    name text not null,
    digest bytea not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    constraint tokens_pkey primary key (tenant_id, id),
    constraint tokens_digest_is_unique unique (tenant_id, digest)
);

do $$
declare
    it text;
begin
    foreach it in array array['credentials', 'tokens'] loop
        execute format('alter table engine.%I enable row level security, force row level security', it);
        execute format(
            'create policy tenant on engine.%I to copro_app '
            'using (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid)) '
            'with check (tenant_id = (select nullif(current_setting(''app.tenant'', true), '''')::uuid))', it);
        execute format(
            'create policy maintenance on engine.%I to copro_owner '
            'using (current_setting(''app.maintenance'', true) = ''on'') '
            'with check (current_setting(''app.maintenance'', true) = ''on'')', it);
    end loop;
end;
$$;

grant select, insert, delete, update (id, updated_at, data) on engine.credentials to copro_app;
grant select, insert, update (revoked_at) on engine.tokens to copro_app;
