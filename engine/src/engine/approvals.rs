//! What waits for a person, and the answers.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::control::Message;
use super::error::unhindered;
use super::{Engine, EngineError};
use crate::crypto::{DataKey, Kind};
use crate::ids::{RunId, TenantId};
use crate::node::{Decided, Decision, On, Person, Question, Token, Wait, Wake};
use crate::run::{path_of, place_of_path};
use crate::store::waits::{Asked, From};
use crate::store::{self, Role, StoreError};

/// The most that is delivered at once, as JSON.
const LARGEST_DELIVERY: usize = 256 << 10;

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pending {
    /// The run.
    pub run: RunId,
    /// Its workflow.
    pub workflow: String,
    /// The step, as [`Engine::decide`] and [`Engine::answer`] take it.
    pub step: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What happens by itself at the latest.
    pub until: Option<DateTime<Utc>>,
    /// What is to be approved; none when it is asked what became of an attempt.
    pub question: Option<Question>,
    /// Who has approved so far.
    pub heard: Vec<Decided>,
    /// For the next page.
    #[serde(skip)]
    pub cursor: PendingCursor,
}

/// Where a page ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCursor {
    since: DateTime<Utc>,
    run: RunId,
    place: String,
}

impl fmt::Display for PendingCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.timestamp_micros();
        write!(f, "{since}~{}~{}", self.run, self.place)
    }
}

impl FromStr for PendingCursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let mut parts = text.splitn(3, '~');
        let since = parts.next().and_then(|part| part.parse().ok());
        let since = since.and_then(DateTime::from_timestamp_micros);
        let run = parts.next().and_then(|part| part.parse().ok());
        match (since, run, parts.next()) {
            (Some(since), Some(run), Some(place)) => Ok(Self {
                since,
                run,
                place: place.to_owned(),
            }),
            _ => Err(BadCursor),
        }
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCursor;

/// Which to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingFilter {
    /// Only what one with these roles may answer; all when none are given.
    pub roles: Vec<String>,
    /// Only those after this one: the last of the page before.
    pub after: Option<PendingCursor>,
    /// At most so many; 50 when zero, never more than 500.
    pub limit: u32,
}

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// So many more people must approve.
    More(u32),
    /// It is approved.
    Approved,
    /// It is refused.
    Refused,
}

impl Engine {
    /// What waits for a person, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending_approvals(
        &self,
        tenant: TenantId,
        filter: &PendingFilter,
    ) -> Result<Vec<Pending>, EngineError> {
        let limit = if filter.limit == 0 { 50 } else { filter.limit }.min(500);
        let key = self.data_key(tenant).await?;
        let mut found = Vec::new();
        let mut after = filter.after.clone();
        // What others may answer, or is decided and not worked in yet, is passed over.
        loop {
            let from = after.as_ref().map(|it| From {
                since: it.since,
                run: it.run,
                place: &it.place,
            });
            let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
            let rows =
                store::waits::asked(&mut tx, tenant, from.as_ref(), i64::from(limit)).await?;
            drop(tx);
            let last = rows.len() < limit as usize;
            for row in rows {
                let pending = self.pending(tenant, &key, row).await?;
                after = Some(pending.cursor.clone());
                if concerns(&pending, &filter.roles) {
                    found.push(pending);
                    if found.len() == limit as usize {
                        return Ok(found);
                    }
                }
            }
            if last {
                return Ok(found);
            }
        }
    }

    async fn pending(
        &self,
        tenant: TenantId,
        key: &DataKey,
        row: Asked,
    ) -> Result<Pending, EngineError> {
        let wait = open_wait(key, tenant, row.run, &row.data)?;
        let version = self.version(tenant, row.version).await.ok();
        let place = place_of_path(&row.place);
        let step = match (version, place) {
            (Some(version), Some(place)) => path_of(&version.plan, &place),
            _ => row.place.clone(),
        };
        Ok(Pending {
            run: row.run,
            workflow: row.workflow,
            step,
            since: row.since,
            until: wait.until,
            heard: open_heard(key, tenant, row.run, row.heard.as_deref())?,
            question: match wait.on {
                On::People(question) => Some(question),
                _ => None,
            },
            cursor: PendingCursor {
                since: row.since,
                run: row.run,
                place: row.place,
            },
        })
    }

    /// Brings a payload to the step that waits for a delivery to this token
    /// (`wait.webhook`). Whoever has the token may deliver once.
    ///
    /// # Errors
    /// [`EngineError::UnknownToken`] when nothing waits for it, or not any more.
    pub async fn deliver(&self, token: &str, payload: Value) -> Result<(), EngineError> {
        unhindered!(self.try_deliver(token, &payload))
    }

    async fn try_deliver(&self, token: &str, payload: &Value) -> Result<(), EngineError> {
        let token = Token::read(token).ok_or(EngineError::UnknownToken)?;
        let tenant = token.tenant();
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let found = store::waits::delivery(&mut tx, tenant, &token.topic()).await?;
        let found = found.ok_or(EngineError::UnknownToken)?;
        let place = place_of_path(&found.place).ok_or(EngineError::UnknownToken)?;
        let run = found.run;
        let message = Message::Wake {
            place,
            attempt: u32::try_from(found.attempt).unwrap_or_default(),
            wake: Wake::Delivered(payload.clone()),
        };
        let plain = serde_json::to_vec(&message)?;
        if plain.len() > LARGEST_DELIVERY {
            return Err(EngineError::InputTooLarge {
                limit: LARGEST_DELIVERY,
            });
        }
        let data = self
            .data_key(tenant)
            .await?
            .seal(tenant, Kind::Inbox, run.0, &plain);
        let at = self.clock().now();
        // The run's row first, as everyone does who writes a run.
        let open = store::inbox::insert(&mut tx, tenant, run, "webhook", at, &data).await?;
        if !open || !store::waits::take_delivery(&mut tx, tenant, run, &found.place).await? {
            return Err(EngineError::UnknownToken);
        }
        store::commit!("waits.deliver.commit", tx)?;
        self.announce();
        Ok(())
    }

    /// Counts a person's answer to an `approval`. Of two that come at once one
    /// counts first, and the other is judged after it.
    ///
    /// # Errors
    /// [`EngineError::NoQuestion`] when the step asks nobody,
    /// [`EngineError::Refused`] when the answer does not count.
    pub async fn decide(
        &self,
        tenant: TenantId,
        run: RunId,
        step: &str,
        person: &Person,
        decision: Decision,
    ) -> Result<Verdict, EngineError> {
        unhindered!(self.try_decide(tenant, run, step, person, &decision))
    }

    async fn try_decide(
        &self,
        tenant: TenantId,
        run: RunId,
        step: &str,
        person: &Person,
        decision: &Decision,
    ) -> Result<Verdict, EngineError> {
        let unasked = || EngineError::NoQuestion(step.to_owned());
        let place = place_of_path(step).ok_or_else(unasked)?;
        let name = place.to_string();
        let key = self.data_key(tenant).await?;
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        // The run's row first, as everyone does who writes a run.
        if !store::waits::lock_run(&mut tx, tenant, run).await? {
            return Err(match store::runs::get(&mut tx, tenant, run).await? {
                Some(_) => EngineError::Ended(run),
                None => EngineError::UnknownRun(run),
            });
        }
        let asked = store::waits::approval(&mut tx, tenant, run, &name).await?;
        let asked = asked.ok_or_else(unasked)?;
        let On::People(question) = open_wait(&key, tenant, run, &asked.data)?.on else {
            return Err(unasked());
        };
        let mut heard = open_heard(&key, tenant, run, asked.heard.as_deref())?;
        question.hear(&heard, person, decision)?;
        let at = self.clock().now();
        let decided = Decided {
            by: person.name.trim().to_owned(),
            approved: decision.approved,
            at,
            form: decision.form.clone(),
        };
        heard.push(decided.clone());
        let sealed = key.seal(tenant, Kind::Wait, run.0, &serde_json::to_vec(&heard)?);
        store::waits::hear(&mut tx, tenant, run, &name, &sealed).await?;
        let message = Message::Wake {
            place,
            attempt: u32::try_from(asked.attempt).unwrap_or_default(),
            wake: Wake::Decided(decided),
        };
        let data = key.seal(tenant, Kind::Inbox, run.0, &serde_json::to_vec(&message)?);
        store::inbox::insert(&mut tx, tenant, run, "decision", at, &data).await?;
        store::commit!("waits.decide.commit", tx)?;
        self.announce();
        Ok(match question.verdict(&heard) {
            Some(true) => Verdict::Approved,
            Some(false) => Verdict::Refused,
            None => {
                let so_far = u32::try_from(heard.len()).unwrap_or(u32::MAX);
                Verdict::More(question.count.saturating_sub(so_far))
            }
        })
    }
}

fn concerns(pending: &Pending, roles: &[String]) -> bool {
    match &pending.question {
        Some(question) if question.verdict(&pending.heard).is_some() => false,
        Some(question) if !roles.is_empty() && !question.roles.is_empty() => {
            roles.iter().any(|role| question.roles.contains(role))
        }
        _ => true,
    }
}

fn open_wait(key: &DataKey, tenant: TenantId, run: RunId, data: &[u8]) -> Result<Wait, StoreError> {
    let plain = key.open(tenant, Kind::Wait, run.0, data)?;
    Ok(serde_json::from_slice(&plain)?)
}

fn open_heard(
    key: &DataKey,
    tenant: TenantId,
    run: RunId,
    data: Option<&[u8]>,
) -> Result<Vec<Decided>, StoreError> {
    let Some(data) = data else {
        return Ok(Vec::new());
    };
    let plain = key.open(tenant, Kind::Wait, run.0, data)?;
    Ok(serde_json::from_slice(&plain)?)
}
