//! How an amount is spread over open items: the convention of the product.
//!
//! The items of one owner (or one supplier) come oldest due date first, then
//! smaller source id; some of them may be *named* by the label. The first rule
//! that fits decides; see [`Rule`].

use crate::money::Money;

/// An open item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// What is still to be paid; negative for a credit note.
    pub open: Money,
    /// The label names it.
    pub named: bool,
}

/// The rule that spread an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// 1. The named items sum to the amount.
    Named,
    /// 2. One open item of exactly that amount.
    Single,
    /// 3. All open items.
    All,
    /// 4. The oldest open items.
    Oldest,
    /// 5. Within one euro of the named items or of the only item.
    Near,
    /// 6. Some items are named, not all: named items first, then the others.
    NamedFirst,
    /// 7. The only subset of two, three or four open items.
    Subset,
    /// 8. Oldest first, the last one in part, the rest an advance.
    InOrder,
}

/// An amount spread over items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    /// Position of the item and the part it takes.
    pub parts: Vec<(usize, Money)>,
    /// What no item took.
    pub rest: Money,
    /// The rule that decided.
    pub rule: Rule,
    /// How many open items fitted equally well (rule 2 only; 1 otherwise).
    pub equals: usize,
    /// Named items decided although another set of items sums to the amount.
    pub contested: bool,
}

/// Differences up to this are a rounding.
const NEAR: Money = Money::from_cents(100);

/// Subsets are looked for among this many oldest items.
const SUBSET_ITEMS: usize = 24;

/// Spreads a positive amount.
pub(super) fn spread(items: &[Item], amount: Money) -> Spread {
    let all: Vec<usize> = (0..items.len()).collect();
    let named: Vec<usize> = all.iter().copied().filter(|&i| items[i].named).collect();
    let sum = |set: &[usize]| set.iter().map(|&i| items[i].open).sum::<Money>();
    let whole = |set: &[usize], rule, equals| Spread {
        parts: set.iter().map(|&i| (i, items[i].open)).collect(),
        rest: Money::ZERO,
        rule,
        equals,
        contested: false,
    };

    if !named.is_empty() && sum(&named) == amount {
        return whole(&named, Rule::Named, 1);
    }
    let equal: Vec<usize> = all
        .iter()
        .copied()
        .filter(|&i| items[i].open == amount)
        .collect();
    if let Some(&first) = equal.first() {
        return whole(&[first], Rule::Single, equal.len());
    }
    if !all.is_empty() && sum(&all) == amount {
        return whole(&all, Rule::All, 1);
    }
    let mut total = Money::ZERO;
    for k in 0..items.len() {
        total += items[k].open;
        if total == amount {
            return whole(&all[..=k], Rule::Oldest, 1);
        }
    }
    if let Some(spread) = near(items, &named, amount) {
        return spread;
    }
    let subset = only_subset(items, amount);
    if !named.is_empty() && named.len() < items.len() {
        let others = all.iter().copied().filter(|i| !items[*i].named);
        let order: Vec<usize> = named.iter().copied().chain(others).collect();
        return Spread {
            contested: subset.is_some(),
            ..in_order(items, &order, amount, Rule::NamedFirst)
        };
    }
    if let Some(set) = subset {
        return whole(&set, Rule::Subset, 1);
    }
    in_order(items, &all, amount, Rule::InOrder)
}

/// Rule 5: a rounding of the named items, else of the only item that near.
fn near(items: &[Item], named: &[usize], amount: Money) -> Option<Spread> {
    let named_sum: Money = named.iter().map(|&i| items[i].open).sum();
    if !named.is_empty() && (named_sum - amount).abs() <= NEAR {
        return Some(in_order(items, named, amount, Rule::Near));
    }
    let mut close = (0..items.len()).filter(|&i| (items[i].open - amount).abs() <= NEAR);
    let first = close.next()?;
    close
        .next()
        .is_none()
        .then(|| in_order(items, &[first], amount, Rule::Near))
}

/// The items in that order until the amount is used up.
fn in_order(items: &[Item], order: &[usize], amount: Money, rule: Rule) -> Spread {
    let mut rest = amount;
    let mut parts = Vec::new();
    for &i in order {
        let part = items[i].open.min(rest);
        if part > Money::ZERO {
            parts.push((i, part));
            rest -= part;
        }
    }
    Spread {
        parts,
        rest,
        rule,
        equals: 1,
        contested: false,
    }
}

/// The only subset of two, three or four items that sums to the amount, fewest items first.
fn only_subset(items: &[Item], amount: Money) -> Option<Vec<usize>> {
    let items = &items[..items.len().min(SUBSET_ITEMS)];
    for size in 2..=4 {
        let mut found: Vec<Vec<usize>> = Vec::new();
        subsets(items, amount, 0, size, &mut Vec::new(), &mut found);
        match found.len() {
            0 => {}
            1 => return found.pop(),
            _ => return None,
        }
    }
    None
}

/// Collects at most two subsets of `size` more items from `from` that sum to `left`.
fn subsets(
    items: &[Item],
    left: Money,
    from: usize,
    size: usize,
    taken: &mut Vec<usize>,
    found: &mut Vec<Vec<usize>>,
) {
    if size == 0 {
        if left.is_zero() {
            found.push(taken.clone());
        }
        return;
    }
    for i in from..items.len() {
        if found.len() > 1 {
            return;
        }
        taken.push(i);
        subsets(items, left - items[i].open, i + 1, size - 1, taken, found);
        taken.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(open: &[i64], named: &[usize]) -> Vec<Item> {
        let item = |(i, &cents): (usize, &i64)| Item {
            open: Money::from_cents(cents),
            named: named.contains(&i),
        };
        open.iter().enumerate().map(item).collect()
    }

    fn spread_of(open: &[i64], named: &[usize], amount: i64) -> (Rule, Vec<(usize, i64)>, i64) {
        let spread = spread(&items(open, named), Money::from_cents(amount));
        (
            spread.rule,
            spread
                .parts
                .iter()
                .map(|(i, part)| (*i, part.cents()))
                .collect(),
            spread.rest.cents(),
        )
    }

    #[test]
    fn named_items_that_fit_come_before_an_equal_item() {
        assert_eq!(
            spread_of(&[300, 100, 200], &[1, 2], 300),
            (Rule::Named, vec![(1, 100), (2, 200)], 0)
        );
    }

    #[test]
    fn the_oldest_of_equal_items_is_paid() {
        assert_eq!(
            spread_of(&[300, 300], &[], 300),
            (Rule::Single, vec![(0, 300)], 0)
        );
    }

    #[test]
    fn all_items_then_the_oldest_ones() {
        assert_eq!(spread_of(&[100, 250, 70], &[], 420).0, Rule::All);
        assert_eq!(
            spread_of(&[100, 250, 70], &[], 350),
            (Rule::Oldest, vec![(0, 100), (1, 250)], 0)
        );
    }

    #[test]
    fn a_rounding_goes_to_the_advance_or_stays_open() {
        assert_eq!(
            spread_of(&[71_811, 5_000], &[0], 71_900),
            (Rule::Near, vec![(0, 71_811)], 89)
        );
        assert_eq!(
            spread_of(&[71_811], &[], 71_800),
            (Rule::Near, vec![(0, 71_800)], 0)
        );
    }

    #[test]
    fn what_is_named_is_paid_before_what_is_older() {
        assert_eq!(
            spread_of(&[30_000, 50_000], &[1], 60_000),
            (Rule::NamedFirst, vec![(1, 50_000), (0, 10_000)], 0)
        );
    }

    #[test]
    fn naming_everything_names_nothing() {
        let all = spread_of(&[1_000, 2_000, 4_000, 9_000], &[0, 1, 2, 3], 11_000);
        assert_eq!(all, (Rule::Subset, vec![(1, 2_000), (3, 9_000)], 0));
    }

    #[test]
    fn two_subsets_that_fit_decide_nothing() {
        assert_eq!(
            spread_of(&[1_500, 5_000, 3_000, 4_000, 7_777], &[], 7_000).0,
            Rule::Subset
        );
        assert_eq!(
            spread_of(&[2_500, 4_000, 3_000, 3_000, 7_777], &[], 7_000).0,
            Rule::InOrder
        );
    }

    #[test]
    fn what_no_item_takes_is_left_over() {
        assert_eq!(
            spread_of(&[100], &[], 5_000),
            (Rule::InOrder, vec![(0, 100)], 4_900)
        );
        assert_eq!(spread_of(&[], &[], 5_000), (Rule::InOrder, vec![], 5_000));
    }
}
