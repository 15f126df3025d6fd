//! What no single record can say: references lead somewhere, totals add up.

use std::collections::BTreeMap;

use super::World;
use super::error::WorldProblem;
use super::path::FieldPath;
use super::reader::Source;
use super::record::BatchParty;
use crate::money::Money;

/// Places of the files in [`World::FILES`].
pub(super) const CONDOMINIUMS: usize = 0;
pub(super) const OWNERS: usize = 1;
pub(super) const LOTS: usize = 2;
pub(super) const RECEIVABLES: usize = 3;
pub(super) const SUPPLIERS: usize = 4;
pub(super) const INVOICES: usize = 5;
pub(super) const BATCHES: usize = 6;
pub(super) const SLIPS: usize = 7;
pub(super) const PAYOUTS: usize = 8;
pub(super) const TRANSACTIONS: usize = 9;

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

/// The checks of a world, over the files that take their problems.
pub(super) struct Check<'s, 'a> {
    pub(super) sources: &'s mut [Source<'a>],
}

impl Check<'_, '_> {
    pub(super) fn report(
        &mut self,
        file: usize,
        index: usize,
        field: FieldPath,
        problem: WorldProblem,
    ) {
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

    fn positive(&mut self, at: (usize, usize, FieldPath), amount: Money) {
        let (file, record, field) = at;
        if amount <= Money::ZERO {
            self.report(
                file,
                record,
                field,
                WorldProblem::NotPositive { found: amount },
            );
        }
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
                if ownership.to.is_some_and(|to| Some(to) < ownership.from) {
                    let field = FieldPath::field("ownership").at(place).then("to");
                    self.report(LOTS, record, field, WorldProblem::EndsBeforeStart);
                }
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
            self.positive(at("amount"), receivable.amount);
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
                self.positive(at("amount"), entry.amount);
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
                self.positive((SLIPS, record, path.then("amount")), cheque.amount);
                let parts: Money = cheque.allocations.iter().map(|part| part.amount).sum();
                if parts > cheque.amount {
                    self.adds_up((SLIPS, record, path.then("amount")), cheque.amount, parts);
                }
                for (part, allocation) in cheque.allocations.iter().enumerate() {
                    let path = path.then("allocations").at(part);
                    self.positive((SLIPS, record, path.then("amount")), allocation.amount);
                    self.refers(
                        (SLIPS, record, path.then("receivable_id")),
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
                let path = FieldPath::field("charges").at(place);
                self.positive((PAYOUTS, record, path.then("gross")), charge.gross);
                if let Some(receivable) = &charge.receivable {
                    self.refers(
                        (PAYOUTS, record, path.then("receivable_id")),
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
