//! Values that stand once: ids, account codes, lot numbers.

use std::collections::BTreeMap;

use super::World;
use super::check::{
    BATCHES, CONDOMINIUMS, Check, INVOICES, LOTS, OWNERS, PAYOUTS, RECEIVABLES, SLIPS, SUPPLIERS,
    TRANSACTIONS,
};
use super::error::WorldProblem;
use super::path::FieldPath;

impl Check<'_, '_> {
    fn unique_ids<'w>(&mut self, file: usize, ids: impl IntoIterator<Item = &'w String>) {
        self.unique(
            file,
            ids.into_iter()
                .enumerate()
                .map(|(record, id)| (record, FieldPath::field("id"), id)),
        );
    }

    /// Reports ids and other values that an earlier record has already.
    pub(super) fn unique_values(&mut self, world: &World) {
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
                let code = Within {
                    group: &owner.condominium,
                    value: &owner.account_code,
                };
                (record, FieldPath::field("account_code"), code)
            }),
        );
        self.unique(
            LOTS,
            world.lots.iter().enumerate().map(|(record, lot)| {
                let number = Within {
                    group: &lot.condominium,
                    value: &lot.number,
                };
                (record, FieldPath::field("number"), number)
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
                            Within {
                                group: &batch.id,
                                value: &entry.end_to_end_id,
                            },
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
}

/// A value that is unique inside its group: a condominium, a file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Within<'w> {
    group: &'w str,
    value: &'w str,
}

impl std::fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.value)
    }
}
