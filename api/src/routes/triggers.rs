//! Triggers, what they could not do, and events.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Listed, page_size};
use crate::auth::Caller;
use crate::error::{Answer, NotWritten, Refused};
use crate::extract::{Body, Query, Tongue};
use crate::router::Doors;

/// A trigger that listens.
#[derive(Serialize, ToSchema)]
pub struct Trigger {
    /// The workflow it starts.
    workflow: String,
    /// Its name in the workflow's text.
    name: String,
    /// `event`, `failure_of`, `schedule` or `webhook`.
    kind: String,
    /// What it listens for; of a webhook, method and path.
    subject: String,
    /// The next tick of a schedule.
    due_at: Option<DateTime<Utc>>,
    /// The address of a webhook.
    address: Option<String>,
    /// The address that starts the version that was saved last.
    test_address: Option<String>,
}

/// Lists the triggers that listen, by workflow and name.
#[utoipa::path(get, path = "/api/v1/triggers", tag = "triggers",
    responses((status = 200, description = "All of them", body = Listed<Trigger>), Refused))]
pub async fn list_triggers(
    State(doors): State<Doors>,
    caller: Caller,
) -> Answer<Json<Listed<Trigger>>> {
    let triggers = doors.engine.triggers(caller.tenant()).await?;
    let items = triggers.into_iter().map(|trigger| {
        let path = (trigger.kind == "webhook")
            .then(|| trigger.subject.find('/').map(|at| &trigger.subject[at..]))
            .flatten();
        let address = |door: &str| path.map(|path| format!("/{door}/{}{path}", caller.tenant()));
        Trigger {
            address: address("hooks"),
            test_address: address("hooks-test"),
            workflow: trigger.workflow,
            name: trigger.name,
            kind: trigger.kind,
            subject: trigger.subject,
            due_at: trigger.due_at,
        }
    });
    Ok(Json(Listed {
        items: items.collect(),
    }))
}

/// How many faults.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FaultsAsked {
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

/// What a trigger could not do: no run was made.
#[derive(Serialize, ToSchema)]
pub struct TriggerFault {
    /// The workflow it would have started; empty when no trigger came to it.
    workflow: String,
    /// Its name in the workflow's text.
    trigger: String,
    /// When.
    at: DateTime<Utc>,
    /// Stable code, `subject.what_happened`.
    code: String,
    /// One sentence, in the caller's language.
    message: String,
    /// What it had heard; nothing when that was very large.
    event: Value,
}

/// Lists what triggers could not do lately, newest first.
#[utoipa::path(get, path = "/api/v1/triggers/faults", tag = "triggers", params(FaultsAsked),
    responses((status = 200, description = "The newest", body = Listed<TriggerFault>), Refused))]
pub async fn list_faults(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Query(asked): Query<FaultsAsked>,
) -> Answer<Json<Listed<TriggerFault>>> {
    let limit = page_size(asked.limit);
    let faults = doors.engine.trigger_faults(caller.tenant(), limit).await?;
    let items = faults.into_iter().map(|fault| TriggerFault {
        workflow: fault.workflow,
        trigger: fault.trigger,
        at: fault.at,
        code: fault.code,
        message: words.told(&fault.message),
        event: fault.event,
    });
    Ok(Json(Listed {
        items: items.collect(),
    }))
}

/// Something that happened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventBody {
    /// Words with dots between.
    #[schema(example = "bank.synced")]
    name: String,
    /// What it happened to; steps wait for events of one key.
    #[serde(default)]
    key: Option<String>,
    /// What there is to say.
    #[serde(default)]
    data: Map<String, Value>,
}

/// An event that is durable.
#[derive(Serialize, ToSchema)]
pub struct EventAccepted {
    /// Its id.
    id: Uuid,
}

/// Publishes an event: it is heard by triggers and by steps that wait for it.
#[utoipa::path(post, path = "/api/v1/events", tag = "triggers", request_body = EventBody,
    responses((status = 202, description = "It is durable", body = EventAccepted), Refused, NotWritten))]
pub async fn publish_event(
    State(doors): State<Doors>,
    caller: Caller,
    Body(body): Body<EventBody>,
) -> Answer<(StatusCode, Json<EventAccepted>)> {
    let event = engine::Event {
        name: body.name,
        key: body.key,
        data: body.data,
    };
    let id = doors.engine.emit(caller.tenant(), &event).await?;
    Ok((StatusCode::ACCEPTED, Json(EventAccepted { id })))
}
