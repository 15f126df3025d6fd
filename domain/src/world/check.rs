//! What no single record can say: references lead somewhere, totals add up.

use std::collections::BTreeMap;

use super::World;
use super::error::WorldProblem;
use super::path::FieldPath;
use super::reader::Source;
use super::record::BatchParty;
use crate::money::Money;

/// Places of the files in [`World::FILES`].
const CONDOMINIUMS: usize = 0;
const OWNERS: usize = 1;
const LOTS: usize = 2;
const RECEIVABLES: usize = 3;
const SUPPLIERS: usize = 4;
const INVOICES: usize = 5;
const BATCHES: usize = 6;
const SLIPS: usize = 7;
const PAYOUTS: usize = 8;
const TRANSACTIONS: usize = 9;

/// Reports duplicate ids, references that lead nowhere and totals that do not add up.
///
/// A record that could not be read gives no further problem, and a file that
/// could not be read is no ground to call a reference into it unknown.
pub(super) fn references_and_totals(world: &World, sources: &mut [Source<'_>]) {
    let mut check = Check { sources };
    check.unique_values(world);
    let known = Known::of(world, check.sources);
    check.people_and_lots(world, &known);
    check.items(world, &known);
    check.batches(world, &known);
    check.slips(world, &known);
    check.payouts(world, &known);
    check.accounts(world);
}

/// The ids of a file and the condominium each belongs to.
struct Index<'w> {
    kind: &'static str,
    readable: bool,
    ids: BTreeMap<&'w str, &'w str>,
}

struct Known<'w> {
    condominiums: Index<'w>,
    owners: Index<'w>,
    lots: Index<'w>,
    receivables: Index<'w>,
    suppliers: Index<'w>,
    invoices: Index<'w>,
}

impl<'w> Known<'w> {
    fn of(world: &'w World, sources: &[Source<'_>]) -> Self {
        let index = |kind, file: usize, ids: Vec<(&'w str, &'w str)>| Index {
            kind,
            readable: !sources[file].is_unreadable(),
            ids: ids.into_iter().collect(),
        };
        Self {
            condominiums: index(
                "condominium",
                CONDOMINIUMS,
                world
                    .condominiums
                    .iter()
                    .map(|c| (c.id.as_str(), c.id.as_str()))
                    .collect(),
            ),
            owners: index(
                "owner",
                OWNERS,
                world
                    .owners
                    .iter()
                    .map(|o| (o.id.as_str(), &*o.condominium))
                    .collect(),
            ),
            lots: index(
                "lot",
                LOTS,
                world
                    .lots
                    .iter()
                    .map(|l| (l.id.as_str(), &*l.condominium))
                    .collect(),
            ),
            receivables: index(
                "receivable",
                RECEIVABLES,
                world
                    .receivables
                    .iter()
                    .map(|r| (r.id.as_str(), &*r.condominium))
                    .collect(),
            ),
            suppliers: index(
                "supplier",
                SUPPLIERS,
                world
                    .suppliers
                    .iter()
                    .map(|s| (s.id.as_str(), ""))
                    .collect(),
            ),
            invoices: index(
                "invoice",
                INVOICES,
                world
                    .invoices
                    .iter()
                    .map(|i| (i.id.as_str(), &*i.condominium))
                    .collect(),
            ),
        }
    }
}

struct Check<'s, 'a> {
    sources: &'s mut [Source<'a>],
}

impl Check<'_, '_> {
    fn report(&mut self, file: usize, index: usize, field: FieldPath, problem: WorldProblem) {
        if !self.sources[file].is_broken(index) {
            self.sources[file].report(index, field, problem);
        }
    }

    /// `id` must be a record of the world; with `home`, one of that condominium.
    fn refers(
        &mut self,
        at: (usize, usize, FieldPath),
        index: &Index<'_>,
        id: &str,
        home: Option<&str>,
    ) {
        let (file, record, field) = at;
        match (index.ids.get(id), home) {
            (None, _) if index.readable => {
                let problem = WorldProblem::UnknownReference {
                    kind: index.kind,
                    id: id.to_owned(),
                };
                self.report(file, record, field, problem);
            }
            (Some(found), Some(home))
                if *found != home && !found.is_empty() && !home.is_empty() =>
            {
                let problem = WorldProblem::OtherCondominium {
                    kind: index.kind,
                    id: id.to_owned(),
                };
                self.report(file, record, field, problem);
            }
            _ => {}
        }
    }

    fn adds_up(&mut self, at: (usize, usize, FieldPath), stated: Money, computed: Money) {
        let (file, record, field) = at;
        if stated != computed {
            self.report(
                file,
                record,
                field,
                WorldProblem::DoesNotAddUp { stated, computed },
            );
        }
    }

    /// Reports every value that an earlier record has already.
    fn unique<K: Ord + ToString>(
        &mut self,
        file: usize,
        values: impl IntoIterator<Item = (usize, FieldPath, K)>,
    ) {
        let mut seen: BTreeMap<K, usize> = BTreeMap::new();
        for (record, field, value) in values {
            if let Some(first) = seen.get(&value) {
                let problem = WorldProblem::Duplicate {
                    value: value.to_string(),
                    first: first + 1,
                };
                self.report(file, record, field, problem);
            } else if !self.sources[file].is_broken(record) {
                seen.insert(value, record);
            }
        }
    }

    fn unique_ids<'w>(&mut self, file: usize, ids: impl IntoIterator<Item = &'w String>) {
        self.unique(
            file,
            ids.into_iter()
                .enumerate()
                .map(|(record, id)| (record, FieldPath::field("id"), id)),
        );
    }

    fn unique_values(&mut self, world: &World) {
        self.unique_ids(CONDOMINIUMS, world.condominiums.iter().map(|c| &c.id));
        self.unique_ids(OWNERS, world.owners.iter().map(|o| &o.id));
        self.unique_ids(LOTS, world.lots.iter().map(|l| &l.id));
        self.unique_ids(RECEIVABLES, world.receivables.iter().map(|r| &r.id));
        self.unique_ids(SUPPLIERS, world.suppliers.iter().map(|s| &s.id));
        self.unique_ids(INVOICES, world.invoices.iter().map(|i| &i.id));
        self.unique_ids(BATCHES, world.batches.iter().map(|b| &b.id));
        self.unique_ids(SLIPS, world.slips.iter().map(|s| &s.id));
        self.unique_ids(PAYOUTS, world.payouts.iter().map(|p| &p.id));
        self.unique(
            TRANSACTIONS,
            world
                .transactions
                .iter()
                .enumerate()
                .map(|(record, line)| (record, FieldPath::field("id"), line.id)),
        );
        self.unique(
            CONDOMINIUMS,
            world
                .condominiums
                .iter()
                .enumerate()
                .flat_map(|(record, condominium)| {
                    let bank = FieldPath::field("bank");
                    [
                        ("id_account_current", condominium.bank.current),
                        ("id_account_savings", condominium.bank.savings),
                    ]
                    .map(|(field, account)| (record, bank.then(field), account))
                }),
        );
        self.unique(
            OWNERS,
            world.owners.iter().enumerate().map(|(record, owner)| {
                let code = InCondominium {
                    condominium: &owner.condominium,
                    value: &owner.account_code,
                };
                (record, FieldPath::field("account_code"), code)
            }),
        );
        self.unique(
            BATCHES,
            world
                .batches
                .iter()
                .enumerate()
                .flat_map(|(record, batch)| {
                    batch.entries.iter().enumerate().map(move |(place, entry)| {
                        (
                            record,
                            FieldPath::field("entries").at(place).then("end_to_end_id"),
                            &entry.end_to_end_id,
                        )
                    })
                }),
        );
        self.unique(
            SLIPS,
            world.slips.iter().enumerate().flat_map(|(record, slip)| {
                slip.cheques.iter().enumerate().map(move |(place, cheque)| {
                    (
                        record,
                        FieldPath::field("cheques").at(place).then("id"),
                        &cheque.id,
                    )
                })
            }),
        );
        self.unique(
            PAYOUTS,
            world
                .payouts
                .iter()
                .enumerate()
                .flat_map(|(record, payout)| {
                    payout
                        .charges
                        .iter()
                        .enumerate()
                        .map(move |(place, charge)| {
                            (
                                record,
                                FieldPath::field("charges").at(place).then("id"),
                                &charge.id,
                            )
                        })
                }),
        );
    }

    fn people_and_lots(&mut self, world: &World, known: &Known<'_>) {
        for (record, owner) in world.owners.iter().enumerate() {
            let field = FieldPath::field("condo_id");
            self.refers(
                (OWNERS, record, field),
                &known.condominiums,
                &owner.condominium,
                None,
            );
        }
        for (record, lot) in world.lots.iter().enumerate() {
            let home = Some(lot.condominium.as_str());
            self.refers(
                (LOTS, record, FieldPath::field("condo_id")),
                &known.condominiums,
                &lot.condominium,
                None,
            );
            if let Some(main) = &lot.annex_of {
                self.refers(
                    (LOTS, record, FieldPath::field("annex_of")),
                    &known.lots,
                    main,
                    home,
                );
            }
            for (place, ownership) in lot.ownership.iter().enumerate() {
                let field = FieldPath::field("ownership").at(place).then("owner_id");
                self.refers((LOTS, record, field), &known.owners, &ownership.owner, home);
            }
        }
    }

    fn items(&mut self, world: &World, known: &Known<'_>) {
        for (record, receivable) in world.receivables.iter().enumerate() {
            let home = Some(receivable.condominium.as_str());
            let at = |field| (RECEIVABLES, record, FieldPath::field(field));
            self.refers(
                at("condo_id"),
                &known.condominiums,
                &receivable.condominium,
                None,
            );
            self.refers(at("owner_id"), &known.owners, &receivable.owner, home);
            for (place, lot) in receivable.lots.iter().enumerate() {
                let field = FieldPath::field("lot_ids").at(place);
                self.refers((RECEIVABLES, record, field), &known.lots, lot, home);
            }
        }
        for (record, invoice) in world.invoices.iter().enumerate() {
            let at = |field| (INVOICES, record, FieldPath::field(field));
            self.refers(
                at("condo_id"),
                &known.condominiums,
                &invoice.condominium,
                None,
            );
            self.refers(at("supplier_id"), &known.suppliers, &invoice.supplier, None);
        }
    }

    fn batches(&mut self, world: &World, known: &Known<'_>) {
        for (record, batch) in world.batches.iter().enumerate() {
            let home = Some(batch.condominium.as_str());
            let at = |field| (BATCHES, record, FieldPath::field(field));
            self.refers(
                at("condo_id"),
                &known.condominiums,
                &batch.condominium,
                None,
            );
            self.adds_up(
                at("total"),
                batch.total,
                batch.entries.iter().map(|entry| entry.amount).sum(),
            );
            if usize::try_from(batch.count) != Ok(batch.entries.len()) {
                let problem = WorldProblem::WrongCount {
                    stated: batch.count,
                    counted: batch.entries.len(),
                };
                self.report(BATCHES, record, FieldPath::field("count"), problem);
            }
            for (place, entry) in batch.entries.iter().enumerate() {
                let at = |field| {
                    (
                        BATCHES,
                        record,
                        FieldPath::field("entries").at(place).then(field),
                    )
                };
                match &entry.party {
                    BatchParty::Owner {
                        owner, receivable, ..
                    } => {
                        self.refers(at("owner_id"), &known.owners, owner, home);
                        if let Some(receivable) = receivable {
                            self.refers(at("receivable_id"), &known.receivables, receivable, home);
                        }
                    }
                    BatchParty::Supplier {
                        supplier, invoice, ..
                    } => {
                        self.refers(at("supplier_id"), &known.suppliers, supplier, None);
                        if let Some(invoice) = invoice {
                            self.refers(at("supplier_invoice_id"), &known.invoices, invoice, home);
                        }
                    }
                }
            }
        }
    }

    fn slips(&mut self, world: &World, known: &Known<'_>) {
        for (record, slip) in world.slips.iter().enumerate() {
            let home = Some(slip.condominium.as_str());
            let at = |field| (SLIPS, record, FieldPath::field(field));
            self.refers(at("condo_id"), &known.condominiums, &slip.condominium, None);
            self.adds_up(
                at("total"),
                slip.total,
                slip.cheques.iter().map(|cheque| cheque.amount).sum(),
            );
            for (place, cheque) in slip.cheques.iter().enumerate() {
                let path = FieldPath::field("cheques").at(place);
                self.refers(
                    (SLIPS, record, path.then("owner_id")),
                    &known.owners,
                    &cheque.owner,
                    home,
                );
                let parts: Money = cheque.allocations.iter().map(|part| part.amount).sum();
                if parts > cheque.amount {
                    self.adds_up((SLIPS, record, path.then("amount")), cheque.amount, parts);
                }
                for (part, allocation) in cheque.allocations.iter().enumerate() {
                    let field = path.then("allocations").at(part).then("receivable_id");
                    self.refers(
                        (SLIPS, record, field),
                        &known.receivables,
                        &allocation.receivable,
                        home,
                    );
                }
            }
        }
    }

    fn payouts(&mut self, world: &World, known: &Known<'_>) {
        for (record, payout) in world.payouts.iter().enumerate() {
            let home = Some(payout.condominium.as_str());
            let at = |field| (PAYOUTS, record, FieldPath::field(field));
            self.refers(
                at("condo_id"),
                &known.condominiums,
                &payout.condominium,
                None,
            );
            self.adds_up(
                at("gross"),
                payout.gross,
                payout.charges.iter().map(|charge| charge.gross).sum(),
            );
            self.adds_up(
                at("fee"),
                payout.fee,
                payout.charges.iter().map(|charge| charge.fee).sum(),
            );
            self.adds_up(at("net"), payout.net, payout.gross - payout.fee);
            for (place, charge) in payout.charges.iter().enumerate() {
                if let Some(receivable) = &charge.receivable {
                    let field = FieldPath::field("charges").at(place).then("receivable_id");
                    self.refers(
                        (PAYOUTS, record, field),
                        &known.receivables,
                        receivable,
                        home,
                    );
                }
            }
        }
    }

    fn accounts(&mut self, world: &World) {
        let known: Vec<i64> = world
            .condominiums
            .iter()
            .flat_map(|c| [c.bank.current, c.bank.savings])
            .collect();
        if self.sources[CONDOMINIUMS].is_unreadable() {
            return;
        }
        for (record, line) in world.transactions.iter().enumerate() {
            if !known.contains(&line.account) {
                let problem = WorldProblem::UnknownReference {
                    kind: "bank_account",
                    id: line.account.to_string(),
                };
                self.report(
                    TRANSACTIONS,
                    record,
                    FieldPath::field("id_account"),
                    problem,
                );
            }
        }
    }
}

/// A value that is unique inside one condominium.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct InCondominium<'w> {
    condominium: &'w str,
    value: &'w str,
}

impl std::fmt::Display for InCondominium<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.value)
    }
}
