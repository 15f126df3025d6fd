//! Reconciliation: what each bank transaction is for, with its reasons.
//!
//! Pure: no I/O, no clock, the same answer for the same input.

mod allocation;
mod bank;
mod book;
mod cards;
mod cheques;
mod decide;
mod decision;
mod duplicates;
mod evidence;
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
    Account, AccountKind, Alias, Batch, BatchEntry, BatchKind, Charge, Cheque, Condominium, Decider, DocumentKind,
    EntryParty, Invoice, Line, LineKind, Lot, Mandate, Neighbour, NeighbourInvoice, NeighbourOwner, Outcome, Owner,
    OwnerKind, Ownership, PastLine, PaymentMode, Payout, Person, PersonRole, Receivable, ReceivableKind, Slip,
    Snapshot, Supplier,
};
pub use decide::{decide, decide_late};
pub use decision::{Band, Candidate, Decision};
pub use evidence::{Evidence, EvidenceCode};
pub use run::{Waiting, announced_by, decide_all};
pub use state::{Book, Fact};
