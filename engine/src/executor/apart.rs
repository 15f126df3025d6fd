//! Inputs and outputs too large for their record: put apart when it is sealed,
//! read again when the run needs them.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use serde_json::Value;

use crate::crypto::{DataKey, Kind};
use crate::engine::{Engine, EngineError};
use crate::graph::Plan;
use crate::ids::{RunId, TenantId, VersionId};
use crate::node::{NodeError, NodeResult};
use crate::run::{Apart as Names, Body, Payload, Stored, wanted};
use crate::store::payloads::PayloadRow;
use crate::text;

/// Above so many bytes of JSON a value is stored apart.
pub(crate) const LARGE: usize = 256 << 10;
/// Bytes of large values that one run may have.
const MOST: usize = 256 << 20;

/// The large values of a run.
#[derive(Default)]
pub(super) struct Apart {
    /// Those in memory, and how they are stored: an input that is recorded with
    /// an intent and again with its outcome is stored once.
    known: Vec<(Weak<Value>, Payload)>,
    /// How many bytes are stored.
    bytes: usize,
    /// Whether any may be stored.
    pub(super) any: bool,
}

impl Apart {
    /// Those of these records, of which some have been read.
    pub(super) fn of(stored: &[Stored]) -> Self {
        let mut apart = Self::default();
        let mut ids = BTreeSet::new();
        for body in stored.iter().map(|record| &record.body) {
            let values = [
                (&body.input, body.apart.input),
                (&body.output, body.apart.output),
            ];
            for (value, payload) in values {
                let Some(payload) = payload else { continue };
                apart.any = true;
                if ids.insert(payload.id) {
                    apart.bytes += payload.bytes;
                }
                if let Some(value) = value {
                    apart.known.push((Arc::downgrade(value), payload));
                }
            }
        }
        apart
    }

    /// The same of a run of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self {
            any: true,
            ..Self::default()
        }
    }

    /// Refuses a large value too many.
    pub(super) fn room_for(&self, bytes: usize) -> NodeResult<()> {
        if bytes <= LARGE || self.bytes + bytes <= MOST {
            return Ok(());
        }
        Err(NodeError::fail(
            "engine.run_too_large",
            text!(
                "the large values of the run are more than {most} MiB in all: keep what is large \
                 in a table or a file and give its id",
                most = MOST >> 20
            ),
        ))
    }

    /// The body with its large values named, and those that are not stored yet.
    pub(super) fn split(&mut self, body: &Body, seal: &Seal<'_>) -> (Body, Vec<PayloadRow>) {
        let mut body = body.clone();
        let mut rows = Vec::new();
        let Names { input, output } = body.apart;
        body.apart.input = self.put(&mut body.input, input, seal, &mut rows);
        body.apart.output = self.put(&mut body.output, output, seal, &mut rows);
        (body, rows)
    }

    fn put(
        &mut self,
        place: &mut Option<Arc<Value>>,
        stored: Option<Payload>,
        seal: &Seal<'_>,
        rows: &mut Vec<PayloadRow>,
    ) -> Option<Payload> {
        let Some(value) = place.take() else {
            return stored;
        };
        if crate::run::fits(&value, LARGE) {
            *place = Some(value);
            return None;
        }
        self.any = true;
        self.known.retain(|(known, _)| known.strong_count() > 0);
        let same = |known: &Weak<Value>| std::ptr::eq(known.as_ptr(), Arc::as_ptr(&value));
        if let Some((_, payload)) = self.known.iter().find(|(known, _)| same(known)) {
            return Some(*payload);
        }
        let plain = serde_json::to_vec(&value).unwrap_or_default();
        let payload = Payload {
            id: VersionId::new(seal.now).0,
            bytes: plain.len(),
        };
        self.bytes += payload.bytes;
        self.known.push((Arc::downgrade(&value), payload));
        rows.push(PayloadRow {
            id: payload.id,
            step: seal.step.to_owned(),
            attempt: seal.attempt,
            data: seal
                .key
                .seal(seal.tenant, Kind::Payload, payload.id, &plain),
        });
        Some(payload)
    }
}

/// By what a large value is sealed, and whose it is.
pub(super) struct Seal<'a> {
    pub key: &'a DataKey,
    pub tenant: TenantId,
    pub step: &'a str,
    pub attempt: Option<i32>,
    pub now: chrono::DateTime<chrono::Utc>,
}

/// Reads those large values that an open run needs to go on.
pub(super) async fn fetch(
    engine: &Engine,
    key: &DataKey,
    (tenant, run): (TenantId, RunId),
    plan: &Plan,
    stored: &mut [Stored],
) -> Result<(), EngineError> {
    if stored.iter().all(|record| record.body.apart.is_empty()) {
        return Ok(());
    }
    let wants = wanted(plan, stored);
    let mut read: Vec<(Payload, Arc<Value>)> = Vec::new();
    for (record, want) in stored.iter_mut().zip(wants) {
        let body = &mut record.body;
        let places = [
            (&mut body.input, body.apart.input.filter(|_| want.input)),
            (&mut body.output, body.apart.output.filter(|_| want.output)),
        ];
        for (place, payload) in places {
            let Some(payload) = payload else { continue };
            let known = read.iter().find(|(known, _)| *known == payload);
            let value = match known {
                Some((_, value)) => Arc::clone(value),
                None => {
                    let value = engine
                        .open_payload(key, tenant, run, payload.id, None)
                        .await?;
                    let value = Arc::new(value);
                    read.push((payload, Arc::clone(&value)));
                    value
                }
            };
            *place = Some(value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_so_many_large_values_and_no_more() {
        let mut apart = Apart::default();
        assert!(apart.room_for(MOST).is_ok());
        apart.bytes = MOST - LARGE;
        let refused = apart.room_for(LARGE + 1).unwrap_err();
        assert_eq!(refused.code, "engine.run_too_large");
        assert!(apart.room_for(LARGE).is_ok(), "it is none of them");
    }
}
