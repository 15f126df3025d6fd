//! Why a candidate is proposed: codes with weights and values, never sentences.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A piece of evidence for or against a candidate.
///
/// The sentence stands in the catalogue under `evidence.<code>`, with
/// [`Evidence::values`] as its placeholders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What kind of evidence.
    pub code: EvidenceCode,
    /// Log-odds it adds; negative when it speaks against.
    pub weight: f64,
    /// Values for the sentence.
    pub values: BTreeMap<String, String>,
    /// Items it is about.
    pub items: Vec<Uuid>,
}

impl Evidence {
    /// Evidence without values.
    pub(super) fn new(code: EvidenceCode, weight: f64) -> Self {
        Self {
            code,
            weight,
            values: BTreeMap::new(),
            items: Vec::new(),
        }
    }

    /// With a value for the sentence.
    pub(super) fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.values.insert(key.to_owned(), value.to_string());
        self
    }

    /// About these items.
    pub(super) fn about(mut self, items: impl IntoIterator<Item = Uuid>) -> Self {
        self.items.extend(items);
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal;)*) => {
        /// The kinds of evidence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum EvidenceCode {
            $($(#[$doc])* $name,)*
        }

        impl EvidenceCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The key below `evidence` in the catalogue.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// A whole payment reference stands in the label.
    Reference => "reference";
    /// What the bank left of a reference fits.
    ReferenceRemains => "reference_remains";
    /// The owner's account code stands in the label.
    AccountCode => "account_code";
    /// A lot of the owner stands in the label.
    LotNumber => "lot_number";
    /// The payer is named in full.
    NameWhole => "name_whole";
    /// The payer's name is nearly whole.
    NameNear => "name_near";
    /// The surname alone.
    NameSurname => "name_surname";
    /// The surname with another first name.
    NameOther => "name_other";
    /// This payer was posted to another owner before.
    PayerElsewhere => "payer_elsewhere";
    /// A person confirmed this payer.
    AliasLearnt => "alias_learnt";
    /// Earlier lines of this payer were posted there.
    PayerHistory => "payer_history";
    /// The amount equals open items.
    AmountExact => "amount_exact";
    /// The amount is within one euro of open items.
    AmountNear => "amount_near";
    /// The only subset of open items that sums to the amount.
    AmountSubset => "amount_subset";
    /// The amount pays a part.
    AmountPartial => "amount_partial";
    /// The amount is above what is open.
    AmountAbove => "amount_above";
    /// The same amount came at this rhythm before.
    Rhythm => "rhythm";
    /// The label names a period, works or lot that is open.
    NamedItems => "named_items";
    /// Another owner has the same name.
    Homonym => "homonym";
    /// The reference and the name point to different owners.
    Conflict => "conflict";
    /// The message id of a SEPA file.
    BatchMessage => "batch_message";
    /// The total of a SEPA file.
    BatchTotal => "batch_total";
    /// The total of a SEPA file less returned entries.
    BatchNet => "batch_net";
    /// An end-to-end id.
    EndToEnd => "end_to_end";
    /// A direct debit of that debtor and amount.
    DebitReturned => "debit_returned";
    /// The bank kept a fee on the return.
    ReturnFee => "return_fee";
    /// A deposit slip number.
    SlipNumber => "slip_number";
    /// The total of a slip.
    SlipTotal => "slip_total";
    /// The bank credited another amount than the slip's total.
    SlipDiffers => "slip_differs";
    /// A cheque number.
    ChequeNumber => "cheque_number";
    /// A card payout net of its fees.
    PayoutNet => "payout_net";
    /// Words of a bank's own operation.
    BankOperation => "bank_operation";
    /// The same operation came before.
    BankRecurrent => "bank_recurrent";
    /// Words for the savings account.
    SavingsWords => "savings_words";
    /// The line stands on the savings account.
    SavingsAccount => "savings_account";
    /// The condominium's own name.
    OwnName => "own_name";
    /// The other half stands on the other account.
    TransferPair => "transfer_pair";
    /// The same line stands in the statement already.
    SameLine => "same_line";
    /// The booked line of a pending one.
    BookedLine => "booked_line";
    /// The supplier is named.
    SupplierName => "supplier_name";
    /// The creditor identifier of a direct debit.
    CreditorIdentifier => "creditor_identifier";
    /// A bill number.
    BillNumber => "bill_number";
    /// The amount equals open bills.
    BillAmount => "bill_amount";
    /// No bill is open.
    NoOpenBill => "no_open_bill";
    /// The owner's advance covers a refund.
    AdvanceRefunded => "advance_refunded";
    /// Another condominium of the manager explains the line better.
    OtherCondominium => "other_condominium";
    /// Nothing on file explains the line.
    Unexplained => "unexplained";
    /// An open review may change the answer.
    HeldItem => "held_item";
}
