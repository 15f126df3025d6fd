//! What holds of entries whatever happens.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::super::*;
use super::*;

fn any_cause() -> impl Strategy<Value = matching::Cause> {
    use matching::Cause as For;
    prop::sample::select(vec![
        For::Receivable(CHARGES),
        For::Receivable(WORKS),
        For::OwnerAdvance(OWNER),
        For::OwnerRefund(OWNER),
        For::SupplierInvoice(BILL),
        For::SupplierInvoice(CREDIT_NOTE),
        For::SupplierInvoice(PAYSLIP),
        For::SupplierAdvance(SUPPLIER),
        For::SepaBatch(DEBITS),
        For::SepaReject(DEBIT),
        For::ChequeDeposit(SLIP),
        For::ChequeReject(CHEQUE),
        For::BankFee,
        For::InternalTransfer(SAVINGS),
        For::DuplicateImport(OTHER_LINE),
        For::Unknown,
    ])
}

fn any_allocation() -> impl Strategy<Value = Allocation> {
    (any_cause(), -30_000_i64..30_000)
        .prop_filter("a part is of something", |(_, cents)| *cents != 0)
        .prop_map(|(cause, cents)| Allocation::new(cause, Money::from_cents(cents)))
}

fn any_fact() -> impl Strategy<Value = Fact> {
    prop::sample::select(vec![
        Fact::ChequeReceived {
            cheque: CHEQUE,
            on: day(),
            allocations: Vec::new(),
        },
        Fact::DebitsCollected {
            batch: DEBITS,
            on: day(),
            entries: Vec::new(),
        },
        Fact::CardPaid {
            charge: TOLD,
            on: day(),
            receivable: CHARGES,
            amount: euros(30),
        },
        Fact::CardPaid {
            charge: UNTOLD,
            on: day(),
            receivable: WORKS,
            amount: euros(30),
        },
    ])
}

#[derive(Clone, Debug)]
enum Event {
    Fact(Fact),
    Line(Vec<Allocation>, bool),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any_fact().prop_map(Event::Fact),
        (prop::collection::vec(any_allocation(), 1..5), any::<bool>())
            .prop_map(|(a, payout)| Event::Line(a, payout)),
    ]
}

/// What the bank moves by: the parts of the line, duplicates apart.
fn moved(allocations: &[Allocation]) -> Money {
    let real = |a: &&Allocation| !matches!(a.cause, matching::Cause::DuplicateImport(_));
    allocations.iter().filter(real).map(|a| a.amount).sum()
}

fn check(ledger: &Ledger, entry: &Entry) {
    assert_eq!(entry.difference(), Money::ZERO, "{entry:?}");
    assert!(
        entry.lines.iter().all(|line| !line.amount.is_zero()),
        "{entry:?}"
    );
    for (id, amount) in [(CHARGES, euros(100)), (WORKS, euros(60))] {
        let open = ledger.items().open(Item::Receivable(id)).unwrap();
        assert!(open >= Money::ZERO && open <= amount, "{open} of {amount}");
    }
    let open = ledger.items().open(Item::Invoice(CREDIT_NOTE)).unwrap();
    assert!(
        open <= Money::ZERO && open >= euros(-50),
        "{open} of a credit note"
    );
}

proptest! {
    #[test]
    fn whatever_happens_entries_balance_and_nothing_is_settled_twice(
        events in prop::collection::vec(any_event(), 1..12),
    ) {
        let mut ledger = Ledger::new(&condominium());
        for event in events {
            match event {
                Event::Fact(fact) => {
                    if let Some(entry) = ledger.fact(&fact) {
                        check(&ledger, &entry);
                    }
                }
                Event::Line(allocations, payout) => {
                    let line = line_on(CURRENT, &allocations);
                    let payout = payout.then_some(PAYOUT);
                    let entry = ledger.line(MatchId(Uuid::nil()), &line, &allocations, payout).unwrap();
                    let bank = entry.as_ref().map(Entry::movements).unwrap_or_default();
                    let bank = bank.get(&(Account::Bank, Some(Party::Bank(CURRENT)))).copied().unwrap_or_default();
                    prop_assert_eq!(bank, moved(&allocations));
                    if let Some(entry) = entry {
                        check(&ledger, &entry);
                    }
                }
            }
        }
    }

    #[test]
    fn an_entry_and_its_reversal_net_to_zero(
        before in prop::collection::vec(any_allocation(), 1..5),
        allocations in prop::collection::vec(any_allocation(), 1..5),
        after in prop::collection::vec(any_allocation(), 1..5),
    ) {
        let mut ledger = Ledger::new(&condominium());
        let mut post = |allocations: &[Allocation]| {
            ledger.line(MatchId(Uuid::nil()), &line_on(CURRENT, allocations), allocations, None).unwrap()
        };
        post(&before);
        let entry = post(&allocations);
        post(&after);
        if let Some(entry) = entry {
            let back = reversal(ledger.items_mut(), &entry, day());
            check(&ledger, &back);
            let mut sums: BTreeMap<_, Money> = entry.movements();
            for (account, amount) in back.movements() {
                *sums.entry(account).or_default() += amount;
            }
            prop_assert!(sums.values().all(|sum| sum.is_zero()), "{:?}", sums);
        }
    }

    #[test]
    fn an_entry_taken_back_at_once_leaves_everything_open_as_before(
        allocations in prop::collection::vec(any_allocation(), 1..5),
    ) {
        let mut ledger = Ledger::new(&condominium());
        let items = [Item::Receivable(CHARGES), Item::Receivable(WORKS), Item::Invoice(BILL)];
        let before = items.map(|item| ledger.items().open(item));
        let line = line_on(CURRENT, &allocations);
        if let Some(entry) = ledger.line(MatchId(Uuid::nil()), &line, &allocations, None).unwrap() {
            let back = reversal(ledger.items_mut(), &entry, day());
            check(&ledger, &back);
        }
        prop_assert_eq!(items.map(|item| ledger.items().open(item)), before);
    }
}
