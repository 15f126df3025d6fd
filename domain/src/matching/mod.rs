//! Reconciliation: what each bank transaction is for, with its reasons.
//!
//! Pure: no I/O, no clock, the same answer for the same input.
//!
//! A [`Snapshot`] holds what is known of one condominium; [`Book`] is the
//! working state opened from it. [`Book::advance`] applies what the manager
//! knew before the bank (cheques, cards, direct debits), [`decide`] weighs
//! every explanation of a line against every other, [`Book::record`] applies
//! what became of it. [`decide_all`] does so in booking order.
//!
//! How a decision is made: `label` reads words and fields, `marks` what they
//! name, `names` whom. Each family of explanations (`payer`, `suppliers`,
//! `refunds`, `sepa`, `cheques`, `cards`, `bank`, `duplicates`) gives scored
//! candidates: log-odds against "nothing on file explains it". `decide` shares
//! out probability, `spread` holds the product's convention, `holds` what open
//! reviews may still change. A word list tells at most where a name ends: banks
//! and payers teach the rest (`names::NameIndex::learn`).

mod allocation;
mod apply;
mod bank;
mod book;
mod cards;
mod cheques;
mod decide;
mod decision;
mod duplicates;
mod evidence;
mod facts;
mod history;
mod holds;
mod label;
mod marks;
mod names;
mod owners;
mod payer;
mod periods;
mod references;
mod refunds;
mod run;
mod sepa;
mod spread;
mod state;
mod suppliers;
mod vocabulary;

pub use allocation::{Allocation, AllocationKind, Cause};
pub use book::{
    Account, AccountKind, Alias, Batch, BatchEntry, BatchKind, Charge, Cheque, Condominium,
    Decider, DocumentKind, EntryParty, Invoice, Line, LineKind, Lot, Mandate, Neighbour,
    NeighbourInvoice, NeighbourOwner, Outcome, Owner, OwnerKind, Ownership, PastLine, PaymentMode,
    Payout, Person, PersonRole, Receivable, ReceivableKind, Slip, Snapshot, Supplier,
};
pub use decide::{decide, decide_late};
pub use decision::{Band, Candidate, Decision};
pub use evidence::{Evidence, EvidenceCode};
pub use facts::Fact;
pub use run::{Waiting, announced_by, decide_all};
pub use state::Book;
