//! Whose turn it is: how a worker shares its slots between tenants.
//!
//! Each tenant has a pass, which grows by its stride with each of its runs
//! that the worker starts; the lowest pass is next. A stride is the inverse of
//! a weight. Passes are each worker's own: a worker that takes turns between
//! what it sees needs no state in common, and the bound of one worker adds up
//! to that of all, `n + S + b`.

use std::collections::HashMap;

use uuid::Uuid;

use crate::store::cross_tenant::claim::Seen;

/// Whose turn it is, as this worker knows.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The pass of a tenant that is not in `ahead`.
    floor: i64,
    /// Tenants that had more than their turn.
    ahead: HashMap<Uuid, i64>,
    /// The last tenant seen: a claim sees so many only, and goes round.
    after: Uuid,
    /// Claims in a row that took nothing.
    fruitless: usize,
}

impl Turns {
    /// The pass of those who are not among [`Self::ahead`].
    pub(super) const fn floor(&self) -> i64 {
        self.floor
    }

    /// The tenant after which the next claim looks.
    pub(super) const fn after(&self) -> Uuid {
        self.after
    }

    /// Tenants and passes above the floor.
    pub(super) fn ahead(&self) -> (Vec<Uuid>, Vec<i64>) {
        self.ahead
            .iter()
            .map(|(tenant, pass)| (*tenant, *pass))
            .unzip()
    }

    /// Counts what a claim took; true when there is more to claim right now.
    pub(super) fn settle(&mut self, seen: &[Seen]) -> bool {
        let mut lowest: Option<i64> = None;
        let mut more = false;
        let mut took = false;
        for tenant in seen {
            let pass = self.ahead.get(&tenant.tenant).copied();
            // What nobody could take costs a turn: another is next.
            let turns = match tenant.share {
                0 => 0,
                _ => tenant.taken.max(1),
            };
            let pass = pass
                .unwrap_or(self.floor)
                .saturating_add(turns * tenant.stride);
            self.ahead.insert(tenant.tenant, pass);
            took |= tenant.taken > 0;
            if tenant.taken == tenant.share {
                more = true;
                lowest = Some(lowest.map_or(pass, |known| known.min(pass)));
            }
        }
        match lowest {
            Some(lowest) => {
                self.floor = self.floor.max(lowest);
                let floor = self.floor;
                self.ahead.retain(|_, pass| *pass > floor);
            }
            // Nobody waits: nobody is ahead of anybody.
            None => self.ahead.clear(),
        }
        self.after = seen.last().map_or_else(Uuid::nil, |last| last.tenant);
        self.fruitless = if took { 0 } else { self.fruitless + 1 };
        more && self.fruitless <= seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);
    const REFUSED: Uuid = Uuid::from_u128(3);

    /// A claim as the statement makes it.
    fn claim(turns: &mut Turns, ready: &mut [(Uuid, i64, i64)], limit: usize) -> (Vec<Uuid>, bool) {
        let mut drawn = Vec::new();
        for (tenant, stride, left) in ready.iter().filter(|it| it.2 > 0) {
            let (ahead, passes) = turns.ahead();
            let at = ahead.iter().position(|known| known == tenant);
            let pass = at.map_or(turns.floor(), |at| passes[at]);
            drawn.extend((1..=limit as i64).map(|turn| (pass + turn * stride, *tenant)));
            assert!(*left > 0);
        }
        drawn.sort_unstable();
        drawn.truncate(limit);
        let mut started = Vec::new();
        let mut seen = Vec::new();
        for (tenant, stride, left) in ready.iter_mut().filter(|it| it.2 > 0) {
            let share = drawn.iter().filter(|it| it.1 == *tenant).count() as i64;
            let taken = if *tenant == REFUSED {
                0
            } else {
                share.min(*left)
            };
            *left -= taken;
            started.extend((0..taken).map(|_| *tenant));
            let (tenant, stride) = (*tenant, *stride);
            seen.push(Seen {
                tenant,
                stride,
                share,
                taken,
            });
        }
        (started, turns.settle(&seen))
    }

    #[test]
    fn one_slot_goes_from_tenant_to_tenant() {
        let mut turns = Turns::default();
        let mut ready = [(A, 10, 100), (B, 10, 100)];
        let order: Vec<_> = (0..8)
            .flat_map(|_| claim(&mut turns, &mut ready, 1).0)
            .collect();
        assert_eq!(order, [A, B, A, B, A, B, A, B]);
    }

    #[test]
    fn who_comes_late_starts_at_once_and_has_no_arrears() {
        let mut turns = Turns::default();
        let mut ready = [(A, 10, 1000), (B, 10, 0)];
        claim(&mut turns, &mut ready, 64);
        ready[1].2 = 10;
        let (order, more) = claim(&mut turns, &mut ready, 64);
        assert_eq!(order.iter().filter(|it| **it == B).count(), 10);
        assert!(more, "A has more");
        ready[1].2 = 100;
        let (order, _) = claim(&mut turns, &mut ready, 64);
        assert_eq!(order.iter().filter(|it| **it == B).count(), 32);
    }

    #[test]
    fn a_weight_is_a_share() {
        let mut turns = Turns::default();
        let mut ready = [(A, 10, 1000), (B, 30, 1000)];
        let order: Vec<_> = (0..80)
            .flat_map(|_| claim(&mut turns, &mut ready, 1).0)
            .collect();
        assert_eq!(order.iter().filter(|it| **it == B).count(), 20);
    }

    #[test]
    fn runs_that_this_worker_may_not_take_hold_nobody_up() {
        let mut turns = Turns::default();
        let mut ready = [(A, 10, 3), (REFUSED, 10, 100)];
        let mut order = Vec::new();
        while {
            let (started, more) = claim(&mut turns, &mut ready, 1);
            order.extend(started);
            more
        } {}
        assert_eq!(order, [A, A, A]);
    }
}
