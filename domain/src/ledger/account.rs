//! The accounts that reconciliation moves, from the chart of the *arrêté* of 14 March 2005.

use crate::matching::{AccountKind, DocumentKind, ReceivableKind};

/// An account of the chart, with our subdivisions of 461 for money on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// 401: supplier invoices received.
    Suppliers,
    /// 409: down payments to suppliers.
    SupplierAdvances,
    /// 421: wages due.
    Wages,
    /// 431: social security.
    SocialSecurity,
    /// 450-1: owner, budget; also what an owner paid in advance.
    OwnerBudget,
    /// 450-2: owner, works and exceptional operations.
    OwnerWorks,
    /// 461-CHQ: cheques received, not credited yet.
    Cheques,
    /// 461-PSP: card payments, not paid out yet.
    CardPayments,
    /// 461-SDD: direct debits collected, not credited yet.
    DirectDebits,
    /// 461-VIR: on its way between two accounts of the condominium.
    InternalTransfers,
    /// 471: debits that wait for an explanation.
    SuspenseDebit,
    /// 472: credits that wait for an explanation.
    SuspenseCredit,
    /// 502: the savings account.
    Savings,
    /// 512: the current account.
    Bank,
    /// 662: bank fees.
    BankFees,
    /// 716: interest.
    Interest,
}

impl Account {
    /// Every account.
    pub const ALL: [Self; 16] = [
        Self::Suppliers,
        Self::SupplierAdvances,
        Self::Wages,
        Self::SocialSecurity,
        Self::OwnerBudget,
        Self::OwnerWorks,
        Self::Cheques,
        Self::CardPayments,
        Self::DirectDebits,
        Self::InternalTransfers,
        Self::SuspenseDebit,
        Self::SuspenseCredit,
        Self::Savings,
        Self::Bank,
        Self::BankFees,
        Self::Interest,
    ];

    /// Its number in the chart.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Suppliers => "401",
            Self::SupplierAdvances => "409",
            Self::Wages => "421",
            Self::SocialSecurity => "431",
            Self::OwnerBudget => "450-1",
            Self::OwnerWorks => "450-2",
            Self::Cheques => "461-CHQ",
            Self::CardPayments => "461-PSP",
            Self::DirectDebits => "461-SDD",
            Self::InternalTransfers => "461-VIR",
            Self::SuspenseDebit => "471",
            Self::SuspenseCredit => "472",
            Self::Savings => "502",
            Self::Bank => "512",
            Self::BankFees => "662",
            Self::Interest => "716",
        }
    }

    /// The account of that number.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.code() == code)
    }

    /// Where a bank account stands.
    #[must_use]
    pub const fn of_bank(kind: AccountKind) -> Self {
        match kind {
            AccountKind::Current => Self::Bank,
            AccountKind::Savings => Self::Savings,
        }
    }

    /// Where an owner owes a receivable of this kind: works apart, all else
    /// (charges, fees charged on, a balance carried over) with the budget.
    #[must_use]
    pub const fn of_receivable(kind: ReceivableKind) -> Self {
        match kind {
            ReceivableKind::Works => Self::OwnerWorks,
            ReceivableKind::Charges
            | ReceivableKind::ReminderFee
            | ReceivableKind::StateDatedFee
            | ReceivableKind::CarryOver => Self::OwnerBudget,
        }
    }

    /// Where we owe a supplier document of this kind.
    #[must_use]
    pub const fn of_document(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::Invoice | DocumentKind::CreditNote => Self::Suppliers,
            DocumentKind::Payroll => Self::Wages,
            DocumentKind::SocialCharges => Self::SocialSecurity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_is_found_by_its_code() {
        for account in Account::ALL {
            assert_eq!(Account::of_code(account.code()), Some(account));
        }
    }
}
