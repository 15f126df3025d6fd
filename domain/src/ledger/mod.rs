//! From a decided bank line to the ledger.
//!
//! Pure. Each bank line posts its own half: an internal transfer waits on
//! 461-VIR for its other line, a cheque, a card payment and a direct debit are
//! known before the bank knows them and wait on their own account of 461. A
//! line in review posts nothing. Entries are never changed: [`reversal`] takes
//! one back.
//!
//! | allocation | debit | credit |
//! | --- | --- | --- |
//! | receivable; owner's advance | 512 | 450-x; 450-1 |
//! | owner's refund | 450-1 | 512 |
//! | supplier bill (wages, social charges); credit note; advance | 401 (421, 431); 512; 409 | 512; 401; 512 |
//! | cheque received; its slip; cheque returned | 461-CHQ; 512; 450-x | 450-x; 461-CHQ; 512 |
//! | card payment known; its payout | 461-PSP; 512 and 662 | 450-x; 461-PSP |
//! | direct debit collected; its line; returned | 461-SDD; 512; 450-x | 450-x; 461-SDD; 512 |
//! | credit transfer file | 401 × n | 512 |
//! | internal transfer | 461-VIR, then 502 | 512, then 461-VIR |
//! | fee; interest | 662; 512 | 512; 716 |
//! | duplicate import | – | – |
//! | unknown, said by a person | 512; 471 | 472; 512 |
//!
//! On the savings account 502 stands for 512.

mod account;
mod answer;
mod entry;
mod follow;
mod items;
mod line;
mod reverse;
#[cfg(test)]
mod tests;

pub use account::Account;
pub use answer::{AnswerError, check_answer};
pub use entry::{Cause, Entry, EntryLine, Item, Party};
pub use follow::{FollowError, Followed, Posted, Review, confirm, follow, held};
pub use items::Items;
pub use line::{Ledger, LedgerError};
pub use reverse::reversal;
