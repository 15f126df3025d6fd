-- What a condominium manager's books hold, and the reconciliation of bank
-- transactions with them. Every key starts with the tenant; row-level security
-- is forced at the end of this file for every table of the schema.
--
-- Conventions: money is numeric(14,2); days end in _on, instants in _at;
-- `external_ref` is the id in the source the row was read from, unique per
-- tenant; a constraint is named after its rule, because errors are mapped by
-- name. A partial unique index does not begin with the tenant: before the first
-- statistics the planner takes it for nearly empty and would scan it whole.

-- The tenant of the current transaction; none when it is not set.
create function copro.current_tenant() returns uuid
language sql stable parallel safe
return nullif(current_setting('app.tenant', true), '')::uuid;

grant execute on function copro.current_tenant() to copro_app, copro_owner;

-- Whether the owner of the schema sees rows at all.
create function copro.under_maintenance() returns boolean
language sql stable parallel safe
return coalesce(current_setting('app.maintenance', true), '') = 'on';

grant execute on function copro.under_maintenance() to copro_app, copro_owner;

-- A step fails with the name of the rule that refused it.
create function copro.refuse(rule text, message text) returns void
language plpgsql
as $$
begin
    raise exception using errcode = 'check_violation', constraint = rule, message = message;
end
$$;

grant execute on function copro.refuse(text, text) to copro_app, copro_owner;

-- ------------------------------------------------------------------ the people

create table copro.tenants (
    tenant_id uuid not null,
    name text not null,
    -- Made for a trial and thrown away whole; see copro.erase_tenant.
    disposable boolean not null default false,
    created_at timestamptz not null default now(),
    constraint tenants_pkey primary key (tenant_id)
);

create table copro.condominiums (
    tenant_id uuid not null,
    id uuid not null,
    external_ref text not null,
    name text not null,
    legal_name text not null,
    address text not null,
    postal_code text,
    city text,
    total_shares bigint,
    fiscal_year_starts_on date,
    creditor_identifier text,
    -- Off until the manager trusts it: then sure lines are posted without a person.
    automatic_posting boolean not null default false,
    constraint condominiums_pkey primary key (tenant_id, id),
    constraint condominiums_external_ref_once unique (tenant_id, external_ref),
    constraint condominiums_of_a_tenant foreign key (tenant_id) references copro.tenants
);

create table copro.bank_accounts (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    external_ref text not null,
    kind text not null,
    iban text,
    bic text,
    bank_family text,
    constraint bank_accounts_pkey primary key (tenant_id, id),
    constraint bank_accounts_external_ref_once unique (tenant_id, external_ref),
    constraint bank_accounts_in_their_condominium unique (tenant_id, condominium_id, id),
    constraint bank_accounts_kind check (kind in ('current', 'savings')),
    constraint bank_accounts_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums
);

create table copro.owners (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    external_ref text not null,
    account_code text not null,
    kind text not null,
    display_name text not null,
    email text,
    constraint owners_pkey primary key (tenant_id, id),
    constraint owners_external_ref_once unique (tenant_id, external_ref),
    constraint owners_account_code_once unique (tenant_id, condominium_id, account_code),
    constraint owners_in_their_condominium unique (tenant_id, condominium_id, id),
    constraint owners_kind
        check (kind in ('individual', 'couple', 'sci', 'company', 'indivision', 'other')),
    constraint owners_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums
);

-- Everyone who stands behind an owner account, and so may pay for it.
create table copro.owner_persons (
    tenant_id uuid not null,
    owner_id uuid not null,
    position smallint not null,
    role text not null,
    civility text,
    last_name text,
    first_name text,
    birth_name text,
    name text not null,
    constraint owner_persons_pkey primary key (tenant_id, owner_id, position),
    constraint owner_persons_role
        check (role in ('holder', 'spouse', 'co_holder', 'tenant', 'company', 'representative')),
    constraint owner_persons_of_an_owner foreign key (tenant_id, owner_id) references copro.owners
);

create table copro.mandates (
    tenant_id uuid not null,
    owner_id uuid not null,
    reference text not null,
    iban_last4 text,
    signed_on date,
    constraint mandates_pkey primary key (tenant_id, owner_id, reference),
    constraint mandates_of_an_owner foreign key (tenant_id, owner_id) references copro.owners
);

create table copro.lots (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    external_ref text not null,
    number text not null,
    kind text,
    floor bigint,
    shares bigint,
    annex_of_id uuid,
    constraint lots_pkey primary key (tenant_id, id),
    constraint lots_external_ref_once unique (tenant_id, external_ref),
    constraint lots_number_once unique (tenant_id, condominium_id, number),
    constraint lots_shares_not_negative check (shares >= 0),
    constraint lots_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums,
    constraint lots_annex_of_a_lot
        foreign key (tenant_id, annex_of_id) references copro.lots deferrable initially deferred
);

-- Who owned a lot when; history is never overwritten.
create table copro.ownerships (
    tenant_id uuid not null,
    lot_id uuid not null,
    position smallint not null,
    owner_id uuid not null,
    starts_on date,
    ends_on date,
    constraint ownerships_pkey primary key (tenant_id, lot_id, position),
    constraint ownerships_end_after_start check (ends_on >= starts_on),
    constraint ownerships_of_a_lot foreign key (tenant_id, lot_id) references copro.lots,
    constraint ownerships_by_an_owner foreign key (tenant_id, owner_id) references copro.owners
);

create index ownerships_owner_idx on copro.ownerships (tenant_id, owner_id);

-- ------------------------------------------------------- what is owed, both ways

create table copro.receivables (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    owner_id uuid not null,
    external_ref text not null,
    kind text not null,
    period text not null,
    label text not null,
    issued_on date not null,
    due_on date not null,
    amount numeric(14, 2) not null,
    -- Moved only by entry lines that settle the receivable or open it again.
    open_amount numeric(14, 2) not null,
    payment_reference text not null,
    constraint receivables_pkey primary key (tenant_id, id),
    constraint receivables_external_ref_once unique (tenant_id, external_ref),
    constraint receivables_kind
        check (kind in ('charges', 'works', 'reminder_fee', 'state_dated_fee', 'carry_over')),
    constraint receivables_amount_positive check (amount > 0),
    constraint receivables_open_never_below_zero check (open_amount >= 0),
    constraint receivables_open_never_above_amount check (open_amount <= amount),
    constraint receivables_of_an_owner foreign key (tenant_id, condominium_id, owner_id)
        references copro.owners (tenant_id, condominium_id, id)
);

create index receivables_condominium_idx on copro.receivables (tenant_id, condominium_id);
create index receivables_owner_idx on copro.receivables (tenant_id, owner_id);

create table copro.receivable_lots (
    tenant_id uuid not null,
    receivable_id uuid not null,
    lot_id uuid not null,
    constraint receivable_lots_pkey primary key (tenant_id, receivable_id, lot_id),
    constraint receivable_lots_of_a_receivable
        foreign key (tenant_id, receivable_id) references copro.receivables,
    constraint receivable_lots_lot foreign key (tenant_id, lot_id) references copro.lots
);

create table copro.suppliers (
    tenant_id uuid not null,
    id uuid not null,
    external_ref text not null,
    name text not null,
    category text not null,
    siret text,
    vat_number text,
    iban text,
    bic text,
    creditor_identifier text,
    constraint suppliers_pkey primary key (tenant_id, id),
    constraint suppliers_external_ref_once unique (tenant_id, external_ref),
    constraint suppliers_of_a_tenant foreign key (tenant_id) references copro.tenants
);

-- Bills, credit notes, payslips and social charges.
create table copro.supplier_invoices (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    supplier_id uuid not null,
    external_ref text not null,
    supplier_name text not null,
    document_type text not null,
    number text not null,
    issued_on date not null,
    due_on date not null,
    received_on date,
    description text not null,
    net_amount numeric(14, 2),
    vat_amount numeric(14, 2),
    gross_amount numeric(14, 2) not null,
    -- Due on the document: below gross when a retention is kept, negative for a credit note.
    amount numeric(14, 2) not null,
    -- Moved only by entry lines that settle the document or open it again.
    open_amount numeric(14, 2) not null,
    payment_mode text not null,
    iban text,
    cheque_number text,
    constraint supplier_invoices_pkey primary key (tenant_id, id),
    constraint supplier_invoices_external_ref_once unique (tenant_id, external_ref),
    constraint supplier_invoices_document_type
        check (document_type in ('invoice', 'credit_note', 'payroll', 'social_charges')),
    constraint supplier_invoices_payment_mode
        check (payment_mode in ('transfer', 'direct_debit', 'cheque', 'other')),
    constraint supplier_invoices_open_keeps_its_sign check (open_amount * sign(amount) >= 0),
    constraint supplier_invoices_open_never_above_amount check (abs(open_amount) <= abs(amount)),
    constraint supplier_invoices_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums,
    constraint supplier_invoices_by_a_supplier
        foreign key (tenant_id, supplier_id) references copro.suppliers
);

create index supplier_invoices_condominium_idx
    on copro.supplier_invoices (tenant_id, condominium_id);
create index supplier_invoices_supplier_idx on copro.supplier_invoices (tenant_id, supplier_id);

-- ------------------------------------------------------------ means of payment

-- A file sent to the bank: owners are debited, or suppliers are paid.
create table copro.sepa_batches (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    external_ref text not null,
    kind text not null,
    scheme text,
    message_id text not null,
    collection_on date not null,
    total numeric(14, 2) not null,
    constraint sepa_batches_pkey primary key (tenant_id, id),
    constraint sepa_batches_external_ref_once unique (tenant_id, external_ref),
    constraint sepa_batches_kind check (kind in ('direct_debit', 'credit_transfer')),
    constraint sepa_batches_total_positive check (total > 0),
    constraint sepa_batches_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums
);

create index sepa_batches_condominium_idx on copro.sepa_batches (tenant_id, condominium_id);

create table copro.sepa_entries (
    tenant_id uuid not null,
    id uuid not null,
    batch_id uuid not null,
    position integer not null,
    end_to_end_id text not null,
    amount numeric(14, 2) not null,
    party_name text not null,
    owner_id uuid,
    receivable_id uuid,
    mandate_reference text,
    supplier_id uuid,
    invoice_id uuid,
    creditor_iban text,
    constraint sepa_entries_pkey primary key (tenant_id, id),
    constraint sepa_entries_end_to_end_id_once unique (tenant_id, batch_id, end_to_end_id),
    constraint sepa_entries_amount_positive check (amount > 0),
    constraint sepa_entries_one_party check (num_nonnulls(owner_id, supplier_id) = 1),
    constraint sepa_entries_of_a_batch foreign key (tenant_id, batch_id) references copro.sepa_batches,
    constraint sepa_entries_owner foreign key (tenant_id, owner_id) references copro.owners,
    constraint sepa_entries_receivable
        foreign key (tenant_id, receivable_id) references copro.receivables,
    constraint sepa_entries_supplier foreign key (tenant_id, supplier_id) references copro.suppliers,
    constraint sepa_entries_invoice
        foreign key (tenant_id, invoice_id) references copro.supplier_invoices
);

create table copro.cheque_slips (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    external_ref text not null,
    number text not null,
    deposited_on date not null,
    total numeric(14, 2) not null,
    constraint cheque_slips_pkey primary key (tenant_id, id),
    constraint cheque_slips_external_ref_once unique (tenant_id, external_ref),
    constraint cheque_slips_total_positive check (total > 0),
    constraint cheque_slips_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums
);

create index cheque_slips_condominium_idx on copro.cheque_slips (tenant_id, condominium_id);

create table copro.cheques (
    tenant_id uuid not null,
    id uuid not null,
    slip_id uuid not null,
    external_ref text not null,
    owner_id uuid not null,
    number text not null,
    drawer text not null,
    drawer_bank text,
    amount numeric(14, 2) not null,
    received_on date not null,
    constraint cheques_pkey primary key (tenant_id, id),
    constraint cheques_external_ref_once unique (tenant_id, external_ref),
    constraint cheques_amount_positive check (amount > 0),
    constraint cheques_on_a_slip foreign key (tenant_id, slip_id) references copro.cheque_slips,
    constraint cheques_for_an_owner foreign key (tenant_id, owner_id) references copro.owners
);

create index cheques_slip_idx on copro.cheques (tenant_id, slip_id);

-- What a cheque pays, as decided when it came in.
create table copro.cheque_allocations (
    tenant_id uuid not null,
    cheque_id uuid not null,
    position smallint not null,
    receivable_id uuid not null,
    amount numeric(14, 2) not null,
    constraint cheque_allocations_pkey primary key (tenant_id, cheque_id, position),
    constraint cheque_allocations_amount_positive check (amount > 0),
    constraint cheque_allocations_of_a_cheque
        foreign key (tenant_id, cheque_id) references copro.cheques,
    constraint cheque_allocations_receivable
        foreign key (tenant_id, receivable_id) references copro.receivables
);

create table copro.card_payouts (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    external_ref text not null,
    arrives_on date not null,
    gross numeric(14, 2) not null,
    fee numeric(14, 2) not null,
    net numeric(14, 2) not null,
    constraint card_payouts_pkey primary key (tenant_id, id),
    constraint card_payouts_external_ref_once unique (tenant_id, external_ref),
    constraint card_payouts_net_is_gross_less_fee check (net = gross - fee),
    constraint card_payouts_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums
);

create index card_payouts_condominium_idx on copro.card_payouts (tenant_id, condominium_id);

create table copro.card_charges (
    tenant_id uuid not null,
    id uuid not null,
    payout_id uuid not null,
    external_ref text not null,
    created_on date not null,
    gross numeric(14, 2) not null,
    fee numeric(14, 2) not null,
    receivable_id uuid,
    customer_email text,
    description text,
    constraint card_charges_pkey primary key (tenant_id, id),
    constraint card_charges_external_ref_once unique (tenant_id, external_ref),
    constraint card_charges_gross_positive check (gross > 0),
    constraint card_charges_of_a_payout foreign key (tenant_id, payout_id) references copro.card_payouts,
    constraint card_charges_receivable
        foreign key (tenant_id, receivable_id) references copro.receivables
);

create index card_charges_payout_idx on copro.card_charges (tenant_id, payout_id);

-- ------------------------------------------------------------ bank transactions

-- A line as the bank gave it: immutable. A line that the feed changes or
-- deletes is a new version that supersedes the old one; both are kept.
create table copro.bank_transactions (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    bank_account_id uuid not null,
    source text not null,
    external_ref text not null,
    version integer not null default 1,
    -- Order in which the lines of one day came.
    sequence bigint generated always as identity,
    booked_on date not null,
    real_on date,
    value_on date,
    amount numeric(14, 2) not null,
    original_wording text not null,
    wording text not null,
    kind text not null,
    pending boolean not null,
    deleted_at timestamptz,
    -- What follows is where the line stands; everything above never changes.
    state text not null default 'new',
    -- Counts changes of state: two people cannot decide one line.
    revision integer not null default 0,
    superseded_by_id uuid,
    constraint bank_transactions_pkey primary key (tenant_id, id),
    constraint bank_transactions_in_their_condominium unique (tenant_id, condominium_id, id),
    constraint bank_transactions_version_once unique (tenant_id, source, external_ref, version),
    constraint bank_transactions_kind
        check (kind in ('transfer', 'order', 'check', 'deposit', 'bank', 'payback', 'unknown')),
    constraint bank_transactions_state check (state in ('new', 'waiting', 'review', 'posted')),
    constraint bank_transactions_on_an_account foreign key (tenant_id, condominium_id, bank_account_id)
        references copro.bank_accounts (tenant_id, condominium_id, id),
    constraint bank_transactions_superseded_by_a_line
        foreign key (tenant_id, superseded_by_id) references copro.bank_transactions
        deferrable initially deferred
);

create unique index bank_transactions_external_ref_once
    on copro.bank_transactions (external_ref, source, tenant_id) where superseded_by_id is null;
create index bank_transactions_order_idx
    on copro.bank_transactions (tenant_id, condominium_id, booked_on, sequence);
create index bank_transactions_undecided_idx
    on copro.bank_transactions (tenant_id, condominium_id, booked_on, sequence)
    where state in ('new', 'waiting') and superseded_by_id is null;

create function copro.keep_raw_line() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' and copro.under_maintenance() then
        return old;
    end if;
    if tg_op = 'DELETE'
        or to_jsonb(old) - '{state,revision,superseded_by_id}'::text[]
            <> to_jsonb(new) - '{state,revision,superseded_by_id}'::text[]
    then
        perform copro.refuse('bank_transactions_raw_line_never_changes',
            format('bank transaction %s is as the bank gave it: supersede it by a new version', old.id));
    end if;
    return new;
end
$$;

create trigger bank_transactions_keep_raw_line
    before update or delete on copro.bank_transactions
    for each row execute function copro.keep_raw_line();

-- ------------------------------------------------------------- reconciliation

-- What the matcher answered for a line, with its reasons. Never changed: a new
-- answer is a new row, the highest number is the one that holds.
create table copro.proposals (
    tenant_id uuid not null,
    id uuid not null,
    transaction_id uuid not null,
    number bigint generated always as identity,
    band text not null,
    confidence double precision not null,
    -- Ranked: allocations, confidence, evidence (code, weight, values, items).
    candidates jsonb not null,
    -- Learnt payers that the best candidate rests on.
    alias_ids uuid[] not null,
    -- Of band and candidates: the same answer is not stored twice in a row.
    fingerprint bigint not null,
    proposed_at timestamptz not null,
    constraint proposals_pkey primary key (tenant_id, id),
    constraint proposals_band check (band in ('auto', 'suggest', 'manual')),
    constraint proposals_confidence_is_a_probability check (confidence between 0 and 1),
    constraint proposals_candidates_are_a_list check (jsonb_typeof(candidates) = 'array'),
    constraint proposals_for_a_line
        foreign key (tenant_id, transaction_id) references copro.bank_transactions
);

create unique index proposals_latest_idx on copro.proposals (tenant_id, transaction_id, number);
create index proposals_alias_idx on copro.proposals using gin (alias_ids) where alias_ids <> '{}';

-- A decided line: by the matcher or by a person. Undone, never deleted.
create table copro.matches (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    transaction_id uuid not null,
    proposal_id uuid,
    -- The card payout that the line pays out, if it is one.
    payout_id uuid,
    decided_by text not null,
    -- Who: a person's name or address, none for the matcher.
    actor text,
    decided_at timestamptz not null,
    undone_at timestamptz,
    undone_by text,
    constraint matches_pkey primary key (tenant_id, id),
    constraint matches_decided_by check (decided_by in ('auto', 'person')),
    constraint matches_person_is_named check ((decided_by = 'person') = (actor is not null)),
    constraint matches_undone_by_someone check ((undone_at is null) = (undone_by is null)),
    constraint matches_of_a_line foreign key (tenant_id, condominium_id, transaction_id)
        references copro.bank_transactions (tenant_id, condominium_id, id),
    constraint matches_after_a_proposal foreign key (tenant_id, proposal_id) references copro.proposals,
    constraint matches_payout foreign key (tenant_id, payout_id) references copro.card_payouts
);

create unique index matches_line_posted_once
    on copro.matches (transaction_id, tenant_id) where undone_at is null;
create index matches_line_idx on copro.matches (tenant_id, transaction_id);
create index matches_condominium_idx on copro.matches (tenant_id, condominium_id);
create unique index matches_payout_booked_once
    on copro.matches (payout_id, tenant_id) where undone_at is null and payout_id is not null;

-- The parts of a decided line. One column per kind of target, so that each is
-- held by a foreign key of its own.
create table copro.allocations (
    tenant_id uuid not null,
    match_id uuid not null,
    position smallint not null,
    kind text not null,
    target_id uuid,
    amount numeric(14, 2) not null,
    receivable_id uuid generated always as (case when kind = 'receivable' then target_id end) stored,
    owner_id uuid generated always as
        (case when kind in ('owner_advance', 'owner_refund') then target_id end) stored,
    invoice_id uuid generated always as (case when kind = 'supplier_invoice' then target_id end) stored,
    supplier_id uuid generated always as (case when kind = 'supplier_advance' then target_id end) stored,
    batch_id uuid generated always as (case when kind = 'sepa_batch' then target_id end) stored,
    sepa_entry_id uuid generated always as (case when kind = 'sepa_reject' then target_id end) stored,
    slip_id uuid generated always as (case when kind = 'cheque_deposit' then target_id end) stored,
    cheque_id uuid generated always as (case when kind = 'cheque_reject' then target_id end) stored,
    bank_account_id uuid generated always as
        (case when kind = 'internal_transfer' then target_id end) stored,
    duplicate_of_id uuid generated always as
        (case when kind = 'duplicate_import' then target_id end) stored,
    constraint allocations_pkey primary key (tenant_id, match_id, position),
    constraint allocations_kind check (kind in (
        'receivable', 'owner_advance', 'owner_refund', 'supplier_invoice', 'supplier_advance',
        'sepa_batch', 'sepa_reject', 'cheque_deposit', 'cheque_reject', 'bank_fee',
        'internal_transfer', 'duplicate_import', 'unknown')),
    constraint allocations_target_where_the_kind_has_one
        check ((target_id is null) = (kind in ('bank_fee', 'unknown'))),
    constraint allocations_amount_not_zero check (amount <> 0),
    constraint allocations_position_from_zero check (position >= 0),
    constraint allocations_of_a_match foreign key (tenant_id, match_id) references copro.matches,
    constraint allocations_receivable
        foreign key (tenant_id, receivable_id) references copro.receivables,
    constraint allocations_owner foreign key (tenant_id, owner_id) references copro.owners,
    constraint allocations_invoice
        foreign key (tenant_id, invoice_id) references copro.supplier_invoices,
    constraint allocations_supplier foreign key (tenant_id, supplier_id) references copro.suppliers,
    constraint allocations_batch foreign key (tenant_id, batch_id) references copro.sepa_batches,
    constraint allocations_sepa_entry
        foreign key (tenant_id, sepa_entry_id) references copro.sepa_entries,
    constraint allocations_slip foreign key (tenant_id, slip_id) references copro.cheque_slips,
    constraint allocations_cheque foreign key (tenant_id, cheque_id) references copro.cheques,
    constraint allocations_bank_account
        foreign key (tenant_id, bank_account_id) references copro.bank_accounts,
    constraint allocations_duplicate_of
        foreign key (tenant_id, duplicate_of_id) references copro.bank_transactions
);

create index allocations_target_idx on copro.allocations (tenant_id, target_id)
    where target_id is not null;

-- The parts of a line add up to its amount, when the transaction ends.
create function copro.check_allocations_add_up() returns trigger
language plpgsql
as $$
declare
    the_match uuid;
    line uuid;
    expected numeric;
    found_sum numeric;
begin
    if tg_table_name = 'matches' then
        the_match := new.id;
        line := new.transaction_id;
    else
        the_match := new.match_id;
        select m.transaction_id into line
        from copro.matches m where m.tenant_id = new.tenant_id and m.id = the_match;
    end if;
    select t.amount into expected
    from copro.bank_transactions t where t.tenant_id = new.tenant_id and t.id = line;
    select coalesce(sum(a.amount), 0) into found_sum
    from copro.allocations a
    where a.tenant_id = new.tenant_id and a.match_id = the_match;
    if found_sum is distinct from expected then
        perform copro.refuse('allocations_add_up_to_the_line',
            format('the allocations of match %s add up to %s, the line is of %s',
                the_match, found_sum, expected));
    end if;
    return null;
end
$$;

-- The first part is checked with its match; more parts are checked one by one,
-- so that none joins a match that stands already.
create constraint trigger matches_add_up after insert on copro.matches
    deferrable initially deferred for each row execute function copro.check_allocations_add_up();
create constraint trigger allocations_add_up after insert on copro.allocations
    deferrable initially deferred for each row
    when (new.position > 0) execute function copro.check_allocations_add_up();

-- What the candidates of a line in review would consume: kept for its answer.
create table copro.holds (
    tenant_id uuid not null,
    transaction_id uuid not null,
    kind text not null,
    target_id uuid not null,
    held_at timestamptz not null,
    constraint holds_pkey primary key (tenant_id, transaction_id, kind, target_id),
    constraint holds_for_a_line
        foreign key (tenant_id, transaction_id) references copro.bank_transactions
);

create index holds_target_idx on copro.holds (tenant_id, target_id);

-- A payer's name that a person tied to an owner account by confirming a line.
create table copro.payer_aliases (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    owner_id uuid not null,
    payer text not null,
    taught_by_match_id uuid not null,
    learnt_at timestamptz not null,
    unlearnt_at timestamptz,
    constraint payer_aliases_pkey primary key (tenant_id, id),
    constraint payer_aliases_payer_not_empty check (payer <> ''),
    constraint payer_aliases_of_an_owner foreign key (tenant_id, condominium_id, owner_id)
        references copro.owners (tenant_id, condominium_id, id),
    constraint payer_aliases_taught_by_a_match
        foreign key (tenant_id, taught_by_match_id) references copro.matches
);

create index payer_aliases_condominium_idx
    on copro.payer_aliases (tenant_id, condominium_id) where unlearnt_at is null;
create unique index payer_aliases_taught_once
    on copro.payer_aliases (tenant_id, taught_by_match_id, owner_id, payer);

-- ---------------------------------------------------------------------- ledger

-- An entry (*écriture*) comes from one thing: a decided line, or a payment that
-- our own books know before the bank does. It is never changed; it is reversed.
create table copro.journal_entries (
    tenant_id uuid not null,
    id uuid not null,
    condominium_id uuid not null,
    number bigint generated always as identity,
    posted_on date not null,
    match_id uuid,
    -- Known payments, each posted once.
    cheque_id uuid,
    charge_id uuid,
    batch_id uuid,
    reverses_id uuid,
    created_at timestamptz not null,
    -- Lines may only come with their entry.
    created_in xid8 not null default pg_current_xact_id(),
    constraint journal_entries_pkey primary key (tenant_id, id),
    constraint journal_entries_one_cause check (num_nonnulls(match_id, cheque_id, charge_id, batch_id) = 1),
    constraint journal_entries_reversed_once unique (tenant_id, reverses_id),
    constraint journal_entries_no_reversal_of_itself check (reverses_id <> id),
    constraint journal_entries_of_a_condominium
        foreign key (tenant_id, condominium_id) references copro.condominiums,
    constraint journal_entries_of_a_match foreign key (tenant_id, match_id) references copro.matches,
    constraint journal_entries_cheque foreign key (tenant_id, cheque_id) references copro.cheques,
    constraint journal_entries_charge foreign key (tenant_id, charge_id) references copro.card_charges,
    constraint journal_entries_batch foreign key (tenant_id, batch_id) references copro.sepa_batches,
    constraint journal_entries_reverses_an_entry
        foreign key (tenant_id, reverses_id) references copro.journal_entries
);

create index journal_entries_condominium_idx
    on copro.journal_entries (tenant_id, condominium_id, posted_on);
create unique index journal_entries_match_posted_once
    on copro.journal_entries (match_id, tenant_id) where match_id is not null and reverses_id is null;
create unique index journal_entries_cheque_posted_once
    on copro.journal_entries (cheque_id, tenant_id) where cheque_id is not null and reverses_id is null;
create unique index journal_entries_charge_posted_once
    on copro.journal_entries (charge_id, tenant_id) where charge_id is not null and reverses_id is null;
create unique index journal_entries_batch_posted_once
    on copro.journal_entries (batch_id, tenant_id) where batch_id is not null and reverses_id is null;

create table copro.entry_lines (
    tenant_id uuid not null,
    entry_id uuid not null,
    position smallint not null,
    account text not null,
    -- Auxiliary: whose account it is.
    owner_id uuid,
    supplier_id uuid,
    bank_account_id uuid,
    -- The item that the line settles, or opens again.
    receivable_id uuid,
    invoice_id uuid,
    debit numeric(14, 2) not null,
    credit numeric(14, 2) not null,
    constraint entry_lines_pkey primary key (tenant_id, entry_id, position),
    constraint entry_lines_one_side
        check (debit >= 0 and credit >= 0 and (debit = 0) <> (credit = 0)),
    constraint entry_lines_one_item check (num_nonnulls(receivable_id, invoice_id) <= 1),
    constraint entry_lines_of_an_entry foreign key (tenant_id, entry_id) references copro.journal_entries,
    constraint entry_lines_owner foreign key (tenant_id, owner_id) references copro.owners,
    constraint entry_lines_supplier foreign key (tenant_id, supplier_id) references copro.suppliers,
    constraint entry_lines_bank_account
        foreign key (tenant_id, bank_account_id) references copro.bank_accounts,
    constraint entry_lines_receivable
        foreign key (tenant_id, receivable_id) references copro.receivables,
    constraint entry_lines_invoice
        foreign key (tenant_id, invoice_id) references copro.supplier_invoices
);

create index entry_lines_owner_idx on copro.entry_lines (owner_id, tenant_id) where owner_id is not null;

-- Debits equal credits, when the transaction ends.
create function copro.check_entry_balances() returns trigger
language plpgsql
as $$
declare
    lines bigint;
    difference numeric;
begin
    select count(*), coalesce(sum(l.debit - l.credit), 0) into lines, difference
    from copro.entry_lines l
    where l.tenant_id = new.tenant_id and l.entry_id = new.id;
    if lines < 2 or difference <> 0 then
        perform copro.refuse('journal_entries_balanced',
            format('journal entry %s has %s lines and is out by %s', new.id, lines, difference));
    end if;
    return null;
end
$$;

create constraint trigger journal_entries_balanced after insert on copro.journal_entries
    deferrable initially deferred for each row execute function copro.check_entry_balances();

-- An entry is whole when its transaction ends: no line comes later. What the
-- lines settle is no longer open; what a reversal takes back is open again.
create function copro.settle_items() returns trigger
language plpgsql
as $$
begin
    if exists (
        select from new_lines l
        join copro.journal_entries e on e.tenant_id = l.tenant_id and e.id = l.entry_id
        where e.created_in <> pg_current_xact_id()
    ) then
        perform copro.refuse('journal_entries_never_change',
            'a journal entry is whole: correct it by a reversal');
    end if;
    update copro.receivables r
    set open_amount = r.open_amount - s.settled
    from (
        select tenant_id, receivable_id, sum(credit - debit) as settled
        from new_lines where receivable_id is not null group by tenant_id, receivable_id
    ) s
    where r.tenant_id = s.tenant_id and r.id = s.receivable_id and s.settled <> 0;
    update copro.supplier_invoices i
    set open_amount = i.open_amount - s.settled
    from (
        select tenant_id, invoice_id, sum(debit - credit) as settled
        from new_lines where invoice_id is not null group by tenant_id, invoice_id
    ) s
    where i.tenant_id = s.tenant_id and i.id = s.invoice_id and s.settled <> 0;
    return null;
end
$$;

create trigger entry_lines_settle_items after insert on copro.entry_lines
    referencing new table as new_lines
    for each statement execute function copro.settle_items();

create function copro.keep_entries() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' and copro.under_maintenance() then
        return old;
    end if;
    perform copro.refuse('journal_entries_never_change',
        'a journal entry is never changed or deleted: correct it by a reversal');
    return null;
end
$$;

create trigger journal_entries_never_change before update or delete on copro.journal_entries
    for each row execute function copro.keep_entries();
create trigger entry_lines_never_change before update or delete on copro.entry_lines
    for each row execute function copro.keep_entries();

-- ------------------------------------------------------- isolation and grants

-- The tenant is read once a statement, not once a row: hence the sub-select.
do $$
declare
    name text;
begin
    for name in select tablename from pg_tables where schemaname = 'copro' loop
        execute format('alter table copro.%I enable row level security', name);
        execute format('alter table copro.%I force row level security', name);
        execute format(
            'create policy one_tenant on copro.%I to copro_app
                using (tenant_id = (select copro.current_tenant()))
                with check (tenant_id = (select copro.current_tenant()))', name);
        execute format(
            'create policy maintenance on copro.%I to copro_owner
                using (copro.under_maintenance())
                with check (copro.under_maintenance())', name);
        execute format('grant select, insert on copro.%I to copro_app', name);
    end loop;
end
$$;

-- What a request or a step may change; all else is only added.
grant update (automatic_posting) on copro.condominiums to copro_app;
grant update (open_amount) on copro.receivables to copro_app;
grant update (open_amount) on copro.supplier_invoices to copro_app;
grant update (state, revision, superseded_by_id) on copro.bank_transactions to copro_app;
grant update (undone_at, undone_by) on copro.matches to copro_app;
grant update (unlearnt_at) on copro.payer_aliases to copro_app;
grant delete on copro.holds to copro_app;

-- Throws away the tenant of the transaction, if it was made for that. The only
-- way rows of the ledger ever leave.
create function copro.erase_tenant() returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
    name text;
    tenant uuid := copro.current_tenant();
    erased boolean := false;
begin
    perform set_config('app.maintenance', 'on', true);
    if exists (select from copro.tenants t where t.tenant_id = tenant and t.disposable) then
        foreach name in array array[
            'entry_lines', 'journal_entries', 'payer_aliases', 'holds', 'allocations', 'matches', 'proposals',
            'bank_transactions', 'card_charges', 'card_payouts', 'cheque_allocations', 'cheques', 'cheque_slips',
            'sepa_entries', 'sepa_batches', 'supplier_invoices', 'suppliers', 'receivable_lots', 'receivables',
            'ownerships', 'lots', 'mandates', 'owner_persons', 'owners', 'bank_accounts', 'condominiums', 'tenants']
        loop
            execute format('delete from copro.%I where tenant_id = $1', name) using tenant;
        end loop;
        erased := true;
    end if;
    perform set_config('app.maintenance', '', true);
    return erased;
end
$$;

grant execute on function copro.erase_tenant() to copro_app;
