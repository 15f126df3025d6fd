//! Identifiers, one type each: a lot cannot be passed where an owner is meant.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::{NoContext, Timestamp, Uuid};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier; UUIDv7, so identifiers are ordered by time.
            #[must_use]
            pub fn new(now: DateTime<Utc>) -> Self {
                let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
                Self(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos())))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A manager (*gestionnaire*): the tenant.
    TenantId;
    /// A condominium (*copropriété*).
    CondominiumId;
    /// A lot.
    LotId;
    /// An owner's account in one condominium (*compte copropriétaire*).
    OwnerId;
    /// What an owner owes: one line of a call (*créance*).
    ReceivableId;
    /// A supplier (*fournisseur*).
    SupplierId;
    /// A supplier invoice (*facture fournisseur*).
    InvoiceId;
    /// A SEPA file sent to the bank (*remise*).
    BatchId;
    /// One entry of a SEPA file.
    BatchEntryId;
    /// A cheque deposit slip (*bordereau*).
    SlipId;
    /// A cheque.
    ChequeId;
    /// A payout of the card processor.
    PayoutId;
    /// A card charge of a payout.
    ChargeId;
    /// A bank account of a condominium.
    BankAccountId;
    /// A bank transaction (*opération bancaire*).
    TransactionId;
    /// A proposal for a bank transaction.
    ProposalId;
    /// A decided bank transaction: its allocations and who decided.
    MatchId;
    /// A learnt payer alias.
    AliasId;
    /// A journal entry (*écriture*).
    JournalEntryId;
}
