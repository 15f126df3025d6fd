//! How the words of the domain stand in the database.

use rust_decimal::Decimal;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};
use uuid::Uuid;

use super::bank_transactions::State;
use crate::ids::{
    AliasId, BankAccountId, BatchEntryId, BatchId, ChargeId, ChequeId, CondominiumId, InvoiceId,
    JournalEntryId, LotId, MatchId, OwnerId, PayoutId, ProposalId, ReceivableId, SlipId,
    SupplierId, TenantId, TransactionId,
};
use crate::matching::{
    AccountKind, AllocationKind, Band, BatchKind, Decider, DocumentKind, LineKind, OwnerKind,
    PaymentMode, PersonRole, ReceivableKind,
};
use crate::money::Money;

impl Type<Postgres> for Money {
    fn type_info() -> PgTypeInfo {
        <Decimal as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Money {
    fn array_type_info() -> PgTypeInfo {
        <Decimal as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Money {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.decimal().encode_by_ref(buffer)
    }
}

impl Decode<'_, Postgres> for Money {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self::try_from(Decimal::decode(value)?)?)
    }
}

macro_rules! ids {
    ($($id:ty),* $(,)?) => {$(
        impl Type<Postgres> for $id {
            fn type_info() -> PgTypeInfo {
                <Uuid as Type<Postgres>>::type_info()
            }
        }

        impl PgHasArrayType for $id {
            fn array_type_info() -> PgTypeInfo {
                <Uuid as PgHasArrayType>::array_type_info()
            }
        }

        impl Encode<'_, Postgres> for $id {
            fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.0.encode_by_ref(buffer)
            }
        }

        impl Decode<'_, Postgres> for $id {
            fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
                Uuid::decode(value).map(Self)
            }
        }
    )*};
}

ids! {
    AliasId, BankAccountId, BatchEntryId, BatchId, ChargeId, ChequeId, CondominiumId, InvoiceId, JournalEntryId,
    LotId, MatchId, OwnerId, PayoutId, ProposalId, ReceivableId, SlipId, SupplierId, TenantId, TransactionId,
}

/// Words of a closed set, stored as text and held by a check constraint.
macro_rules! words {
    ($($kind:ty { $($variant:ident = $text:literal),* $(,)? })*) => {$(
        impl $kind {
            /// The word in the database.
            pub(super) const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl Type<Postgres> for $kind {
            fn type_info() -> PgTypeInfo {
                <str as Type<Postgres>>::type_info()
            }

            fn compatible(ty: &PgTypeInfo) -> bool {
                <str as Type<Postgres>>::compatible(ty)
            }
        }

        impl PgHasArrayType for $kind {
            fn array_type_info() -> PgTypeInfo {
                <String as PgHasArrayType>::array_type_info()
            }
        }

        impl Encode<'_, Postgres> for $kind {
            fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.word().encode_by_ref(buffer)
            }
        }

        impl Decode<'_, Postgres> for $kind {
            fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
                match <&str as Decode<'_, Postgres>>::decode(value)? {
                    $($text => Ok(Self::$variant),)*
                    other => Err(format!("`{other}` is no {}", stringify!($kind)).into()),
                }
            }
        }
    )*};
}

words! {
    AccountKind { Current = "current", Savings = "savings" }
    Band { Auto = "auto", Suggest = "suggest", Manual = "manual", Wait = "wait" }
    BatchKind { DirectDebit = "direct_debit", CreditTransfer = "credit_transfer" }
    Decider { Auto = "auto", Person = "person" }
    DocumentKind {
        Invoice = "invoice", CreditNote = "credit_note", Payroll = "payroll", SocialCharges = "social_charges",
    }
    LineKind {
        Transfer = "transfer", Order = "order", Check = "check", Deposit = "deposit", Bank = "bank",
        Payback = "payback", Unknown = "unknown",
    }
    OwnerKind {
        Individual = "individual", Couple = "couple", Sci = "sci", Company = "company",
        Indivision = "indivision", Other = "other",
    }
    PaymentMode { Transfer = "transfer", DirectDebit = "direct_debit", Cheque = "cheque", Other = "other" }
    PersonRole {
        Holder = "holder", Spouse = "spouse", CoHolder = "co_holder", Tenant = "tenant", Company = "company",
        Representative = "representative",
    }
    State { New = "new", Waiting = "waiting", Review = "review", Posted = "posted" }
    ReceivableKind {
        Charges = "charges", Works = "works", ReminderFee = "reminder_fee",
        StateDatedFee = "state_dated_fee", CarryOver = "carry_over",
    }
}

impl Type<Postgres> for AllocationKind {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(ty)
    }
}

impl PgHasArrayType for AllocationKind {
    fn array_type_info() -> PgTypeInfo {
        <String as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for AllocationKind {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.as_str().encode_by_ref(buffer)
    }
}

impl Decode<'_, Postgres> for AllocationKind {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let name = <&str as Decode<'_, Postgres>>::decode(value)?;
        Self::parse(name).ok_or_else(|| format!("`{name}` is no kind of allocation").into())
    }
}
