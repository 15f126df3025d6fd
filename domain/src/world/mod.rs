//! A world: one manager's portfolio over a year, as an export folder gives it.
//!
//! Ten JSON files become one [`World`]. Pure: the caller reads the folder.
//! Every problem of every file is found in one pass, each with its file, line,
//! record and field; a world with a problem is not returned at all, so that
//! nothing of it can be half loaded. Amounts go from the text of the number to
//! cents, never through a float. What an export says beyond what we read is
//! ignored.

mod check;
mod error;
mod path;
mod reader;
mod record;
mod records;
#[cfg(test)]
mod tests;
mod unique;

use std::collections::BTreeMap;

pub use error::{RecordId, WorldError, WorldProblem};
pub use path::FieldPath;
pub use record::{
    Bank, Batch, BatchEntry, BatchParty, Charge, Cheque, ChequePart, Condominium, Invoice, Lot,
    Mandate, Owner, Ownership, Payout, Receivable, Slip, Spouse, Supplier, Transaction,
};

use reader::Source;

/// One manager's portfolio: what the agent's software and the bank know.
///
/// References between records are ids of the export; [`World::parse`] has
/// checked that each leads to a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Condominiums with their two bank accounts.
    pub condominiums: Vec<Condominium>,
    /// Owner accounts.
    pub owners: Vec<Owner>,
    /// Lots with their dated ownership.
    pub lots: Vec<Lot>,
    /// What owners owe.
    pub receivables: Vec<Receivable>,
    /// Suppliers of the manager.
    pub suppliers: Vec<Supplier>,
    /// Bills, credit notes, payslips and social charges.
    pub invoices: Vec<Invoice>,
    /// SEPA files sent to the bank.
    pub batches: Vec<Batch>,
    /// Cheque deposit slips.
    pub slips: Vec<Slip>,
    /// Payouts of the card processor.
    pub payouts: Vec<Payout>,
    /// Bank lines in file order.
    pub transactions: Vec<Transaction>,
}

impl World {
    /// The files of a world, in the order in which they are read.
    pub const FILES: [&str; 10] = [
        "condominiums.json",
        "owners.json",
        "lots.json",
        "receivables.json",
        "suppliers.json",
        "invoices.json",
        "sepa_batches.json",
        "cheque_deposits.json",
        "card_payouts.json",
        "transactions.json",
    ];

    /// Reads the ten files, given as name → text; other names are ignored.
    ///
    /// # Errors
    /// Every problem found, in the order of the files and of their records.
    pub fn parse(files: &BTreeMap<String, String>) -> Result<Self, Vec<WorldError>> {
        let mut sources: Vec<Source<'_>> = Self::FILES
            .iter()
            .map(|name| Source::open(name, files.get(*name).map(String::as_str)))
            .collect();
        let world = {
            let mut next = sources.iter_mut();
            let mut source = || next.next().expect("one source a file of `FILES`");
            Self {
                condominiums: source().records(records::condominium),
                owners: source().records(records::owner),
                lots: source().records(records::lot),
                receivables: source().records(records::receivable),
                suppliers: source().records(records::supplier),
                invoices: source().records(records::invoice),
                batches: source().records(records::batch),
                slips: source().records(records::slip),
                payouts: source().records(records::payout),
                transactions: source().records(records::transaction),
            }
        };
        check::references_and_totals(&world, &mut sources);
        let errors: Vec<WorldError> = sources.into_iter().flat_map(Source::errors).collect();
        if errors.is_empty() {
            Ok(world)
        } else {
            Err(errors)
        }
    }
}
