-- Who signs in. An identity stands above the tenants: it may belong to several,
-- with a role in each. What a stranger could use (digests, addresses, attempts)
-- is seen by one role alone, `copro_identity`: what sign-in becomes, and nothing
-- else. That role has no right on the books nor on the engine, and requests and
-- steps of a tenant (`copro_app`) see of identities the names of their own.

grant usage on schema copro to copro_identity;

create table copro.identities (
    id uuid not null,
    email text not null,
    name text not null,
    -- Argon2id, as PHC writes it; none when the identity signs in otherwise.
    password_hash text,
    -- Opens and closes tenants; sees nothing in them.
    platform_admin boolean not null default false,
    -- Its password is public: it signs in only where the demo is served.
    demo boolean not null default false,
    created_at timestamptz not null,
    disabled_at timestamptz,
    constraint identities_pkey primary key (id),
    constraint identities_email_once unique (email),
    constraint identities_email_is_lower check (email = lower(email) and email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    constraint identities_demo_has_no_power check (not (demo and platform_admin))
);

create table copro.memberships (
    tenant_id uuid not null,
    identity_id uuid not null,
    role text not null,
    created_at timestamptz not null,
    constraint memberships_pkey primary key (tenant_id, identity_id),
    constraint memberships_role_is_known
        check (role in ('admin', 'accountant', 'assistant', 'reader', 'owner', 'council')),
    constraint memberships_of_a_tenant foreign key (tenant_id) references copro.tenants on delete cascade,
    constraint memberships_of_an_identity foreign key (identity_id) references copro.identities on delete cascade
);

create index memberships_identity_idx on copro.memberships (identity_id);

create table copro.sessions (
    id uuid not null,
    identity_id uuid not null,
    -- SHA-256 of the cookie's 256 bits; replaced when rights change.
    digest bytea not null,
    -- The tenant whose work it does; a membership is looked for each time.
    stands_in uuid,
    address text not null,
    agent text not null,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    constraint sessions_pkey primary key (id),
    constraint sessions_digest_once unique (digest),
    constraint sessions_digest_is_whole check (octet_length(digest) = 32),
    constraint sessions_of_an_identity foreign key (identity_id) references copro.identities on delete cascade
) with (fillfactor = 70);

create index sessions_identity_idx on copro.sessions (identity_id);

-- Attempts to sign in, counted before they are looked at: by digest of what was
-- tried (an e-mail, an address, both).
create table copro.sign_in_attempts (
    subject bytea not null,
    attempts integer not null,
    since timestamptz not null,
    constraint sign_in_attempts_pkey primary key (subject)
) with (fillfactor = 70);

create index sign_in_attempts_since_idx on copro.sign_in_attempts (since);

do $$
declare
    name text;
begin
    foreach name in array array['identities', 'memberships', 'sessions', 'sign_in_attempts'] loop
        execute format('alter table copro.%I enable row level security, force row level security', name);
        execute format('create policy sign_in on copro.%I to copro_identity using (true) with check (true)', name);
        execute format(
            'create policy maintenance on copro.%I to copro_owner
                using (copro.under_maintenance())
                with check (copro.under_maintenance())', name);
    end loop;
end
$$;

create policy one_tenant on copro.memberships to copro_app
    using (tenant_id = (select copro.current_tenant()))
    with check (tenant_id = (select copro.current_tenant()));

-- A tenant knows its own people by name, and nobody else.
create policy one_tenant on copro.identities for select to copro_app
    using (exists (
        select from copro.memberships m
        where m.identity_id = identities.id and m.tenant_id = (select copro.current_tenant())
    ));

create policy sign_in on copro.tenants for select to copro_identity using (true);

grant select (tenant_id, name) on copro.tenants to copro_identity;
grant select, insert, update on copro.identities to copro_identity;
grant select, insert, delete, update (role) on copro.memberships to copro_identity;
grant select, insert, delete, update (digest, stands_in, seen_at) on copro.sessions to copro_identity;
grant select, insert, update, delete on copro.sign_in_attempts to copro_identity;

grant select on copro.memberships to copro_app;
grant select (id, email, name) on copro.identities to copro_app;
