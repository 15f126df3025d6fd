//! `concurrency`: who of the claimed runs may be at work, who waits in line,
//! and who is next when a slot comes free.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::crypto::Kind;
use crate::engine::{Engine, EngineError, Message};
use crate::ids::{RunId, TenantId};
use crate::run::Refusal;
use crate::store::cross_tenant::claim::Claimed;
use crate::store::cross_tenant::slots::{self, Key, Waiting, Want};
use crate::store::{self, Connection, StoreError};

/// The key of a tenant's own limit.
const TENANT: Uuid = Uuid::nil();
/// Runs called from one line at once.
const CALLED: i64 = 64;

/// Of claimed runs, those that may be at work; the others are in line by then.
/// True when a run at work was told to make room.
pub(super) async fn admit(
    engine: &Engine,
    tx: &mut Connection,
    claimed: Vec<Claimed>,
) -> Result<(Vec<Claimed>, bool), EngineError> {
    let (asking, mut admitted): (Vec<_>, Vec<_>) = claimed
        .into_iter()
        .partition(|run| run.refused.is_none() && run.is_limited());
    if asking.is_empty() {
        return Ok((admitted, false));
    }
    let (tenants, runs) = ids(&asking);
    let cancelled = slots::cancelled(tx, &tenants, &runs).await?;
    // They need neither time nor slot to end.
    let (mut ending, asking): (Vec<_>, Vec<_>) = asking
        .into_iter()
        .partition(|run| cancelled.contains(&run.run.0));
    admitted.append(&mut ending);
    let mut asking = super::pace::begin(engine, tx, asking).await?;
    let (tenants, runs) = ids(&asking);
    let keys = unheld(&asking, &slots::wants(tx, &tenants, &runs).await?);
    if keys.is_empty() {
        admitted.append(&mut asking);
        return Ok((admitted, false));
    }
    let (of, locked): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    let taken = slots::lock(tx, &of, &locked).await?;
    // Read again: nothing of these keys changes from here on.
    let wants = slots::wants(tx, &tenants, &runs).await?;
    let choosy = wants
        .iter()
        .any(|want| !want.held && want.policy != "queue");
    let lines = match choosy {
        true => slots::first_in_line(tx, &taken, CALLED).await?,
        false => Vec::new(),
    };
    let mut table = Table {
        taken,
        lines,
        ..Table::default()
    };
    asking.sort_by_key(|run| (std::cmp::Reverse(run.priority), run.position));
    for run in asking {
        table.seat(run, &wants);
    }
    let told = table.write(engine, tx).await?;
    admitted.append(&mut table.admitted);
    Ok((admitted, told))
}

/// Keys of which some of these runs hold no slot yet.
fn unheld(asking: &[Claimed], wants: &[Want]) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    for run in asking {
        let mut own = run.most_running.is_some();
        for want in wants.iter().filter(|want| want.run == run.run.0) {
            own &= !(want.key == TENANT && want.held);
            if !want.held {
                keys.insert((want.tenant, want.key));
            }
        }
        if own {
            keys.insert((run.tenant.0, TENANT));
        }
    }
    keys
}

pub(super) fn ids(runs: &[Claimed]) -> (Vec<Uuid>, Vec<Uuid>) {
    runs.iter().map(|run| (run.tenant.0, run.run.0)).unzip()
}

/// How the slots of some keys stand, and what is to be done.
#[derive(Default)]
struct Table {
    taken: BTreeMap<Key, i32>,
    /// Who waits, as stored.
    lines: Vec<Waiting>,
    admitted: Vec<Claimed>,
    held: Vec<Want>,
    /// Claimed runs that go in line.
    waiting: Vec<(Waiting, Claimed)>,
    /// Runs of `lines` that end instead.
    refused: Vec<(Waiting, Refusal)>,
    /// Keys whose oldest holder is to make room.
    replaced: BTreeSet<Key>,
}

impl Table {
    /// Gives a run the slots it needs, its tenant's last: whoever waits for that
    /// one holds all others, so no two wait for each other.
    fn seat(&mut self, mut run: Claimed, wants: &[Want]) {
        let mut needs: Vec<Want> = wants
            .iter()
            .filter(|want| want.tenant == run.tenant.0 && want.run == run.run.0)
            .cloned()
            .collect();
        needs.sort_by_key(|want| std::cmp::Reverse(want.key));
        if let Some(most) = run.most_running {
            match needs.last_mut().filter(|want| want.key == TENANT) {
                Some(known) => known.capacity = most,
                None => needs.push(Want::of_tenant(&run, most)),
            }
        } else {
            // The limit was lifted meanwhile.
            needs.retain(|want| want.key != TENANT);
        }
        for want in needs.into_iter().filter(|want| !want.held) {
            let key = (want.tenant, want.key);
            let taken = self.taken.entry(key).or_default();
            if *taken < want.capacity {
                *taken += 1;
                self.held.push(want);
                continue;
            }
            let place = Waiting {
                tenant: want.tenant,
                key: want.key,
                run: want.run,
                back: want.had,
                priority: run.priority,
                position: run.position,
                capacity: want.capacity,
            };
            match (want.had, want.policy.as_str()) {
                (false, "drop") => run.refused = Some(Refusal::Dropped),
                (false, "latest") => run.refused = self.outlive(&place, Refusal::Superseded),
                (false, "replace") => {
                    run.refused = self.outlive(&place, Refusal::Replaced);
                    if run.refused.is_none() {
                        self.replaced.insert(key);
                    }
                }
                _ => {}
            }
            match run.refused {
                Some(_) => self.admitted.push(run),
                None => self.waiting.push((place, run)),
            }
            return;
        }
        self.admitted.push(run);
    }

    /// Refuses those in line that came before; or tells that one came after.
    fn outlive(&mut self, place: &Waiting, refusal: Refusal) -> Option<Refusal> {
        let same = |it: &Waiting| !it.back && (it.tenant, it.key) == (place.tenant, place.key);
        let newer = |it: &Waiting| same(it) && it.position > place.position;
        let waiting = self.waiting.iter().map(|(it, _)| it);
        if self.lines.iter().chain(waiting).any(newer) {
            return Some(refusal);
        }
        let (older, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.lines).into_iter().partition(same);
        self.lines = others;
        self.refused
            .extend(older.into_iter().map(|it| (it, refusal)));
        let (older, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(it, _)| same(it));
        self.waiting = others;
        for (_, mut run) in older {
            run.refused = Some(refusal);
            self.admitted.push(run);
        }
        None
    }

    async fn write(&self, engine: &Engine, tx: &mut Connection) -> Result<bool, EngineError> {
        slots::count(tx, &self.taken).await?;
        if !self.held.is_empty() {
            slots::hold(tx, &self.held).await?;
        }
        if !self.waiting.is_empty() {
            let places: Vec<_> = self.waiting.iter().map(|(place, _)| place).collect();
            slots::line_up(tx, &places).await?;
        }
        for refusal in [Refusal::Replaced, Refusal::Superseded] {
            let these = self.refused.iter().filter(|(_, why)| *why == refusal);
            let these: Vec<_> = these.map(|(place, _)| place).collect();
            if !these.is_empty() {
                slots::call(tx, &these, Some(refusal.as_str())).await?;
            }
        }
        let mut told = !self.refused.is_empty();
        for key in &self.replaced {
            if let Some(oldest) = slots::holders(tx, *key).await?.first() {
                tell(engine, tx, TenantId(key.0), *oldest).await?;
                told = true;
            }
        }
        Ok(told)
    }
}

impl Want {
    fn of_tenant(run: &Claimed, most: i32) -> Self {
        Self {
            tenant: run.tenant.0,
            run: run.run.0,
            key: TENANT,
            capacity: most,
            policy: "queue".to_owned(),
            held: false,
            had: false,
        }
    }
}

async fn tell(
    engine: &Engine,
    tx: &mut Connection,
    tenant: TenantId,
    run: RunId,
) -> Result<(), EngineError> {
    let key = engine.data_key(tenant).await?;
    let plain = serde_json::to_vec(&Message::Replaced)?;
    let data = key.seal(tenant, Kind::Inbox, run.0, &plain);
    // It may end right now: then there is room.
    store::inbox::insert(tx, tenant, run, "cancel", engine.clock().now(), &data).await?;
    Ok(())
}

/// Gives back the slots of runs that wait or have ended, and hands them on.
/// True when somebody was next.
pub(super) async fn release(
    tx: &mut Connection,
    tenants: &[Uuid],
    runs: &[Uuid],
    ended: &[bool],
) -> Result<bool, StoreError> {
    let keys = slots::keys(tx, tenants, runs).await?;
    if keys.is_empty() {
        return Ok(false);
    }
    let (of, keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    let mut taken = slots::lock(tx, &of, &keys).await?;
    for key in slots::give_back(tx, tenants, runs, ended).await? {
        if let Some(taken) = taken.get_mut(&key) {
            *taken -= 1;
        }
    }
    hand_on(tx, taken).await
}

/// The limit of a tenant is another one: calls those who have room now.
pub(crate) async fn call_tenant(tx: &mut Connection, tenant: TenantId) -> Result<bool, StoreError> {
    let taken = slots::lock(tx, &[tenant.0], &[TENANT]).await?;
    hand_on(tx, taken).await
}

/// Calls who is first in line, as long as there is room.
async fn hand_on(tx: &mut Connection, mut taken: BTreeMap<Key, i32>) -> Result<bool, StoreError> {
    let limited: Vec<_> = taken
        .keys()
        .filter(|key| key.1 == TENANT)
        .map(|key| key.0)
        .collect();
    let most = match limited.as_slice() {
        [] => BTreeMap::new(),
        limited => slots::most_running(tx, limited).await?,
    };
    let mut any = false;
    loop {
        let first = slots::first_in_line(tx, &taken, CALLED).await?;
        let mut called = Vec::new();
        let mut full = BTreeSet::new();
        for next in &first {
            let key = (next.tenant, next.key);
            let capacity = match key.1 == TENANT {
                true => most.get(&key.0).copied().unwrap_or(i32::MAX),
                false => next.capacity,
            };
            let count = taken.entry(key).or_default();
            if full.contains(&key) || *count >= capacity {
                full.insert(key);
            } else {
                *count += 1;
                called.push(next);
            }
        }
        if called.is_empty() {
            break;
        }
        any = true;
        slots::call(tx, &called, None).await?;
        if i64::try_from(called.len()).unwrap_or(i64::MAX) < CALLED {
            break;
        }
    }
    slots::count(tx, &taken).await?;
    Ok(any)
}
