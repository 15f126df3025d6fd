//! What waits for a person, and the answers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::node::{Decision, Person};
use engine::{Pending, PendingFilter, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Page, page_size};
use crate::auth::Caller;
use crate::error::{Answer, NotWritten, Problem, Refused};
use crate::extract::{Body, Path, Query};
use crate::router::Doors;

/// Something that waits for a person.
#[derive(Serialize, ToSchema)]
pub struct Approval {
    /// The run.
    run: Uuid,
    /// Its workflow.
    workflow: String,
    /// The step, as an answer names it.
    step: String,
    /// Since when.
    since: DateTime<Utc>,
    /// What happens by itself at the latest.
    until: Option<DateTime<Utc>>,
    /// What is to be approved; none when it is asked what became of an attempt.
    question: Option<QuestionView>,
    /// Who has approved so far.
    heard: Vec<HeardView>,
    #[serde(skip)]
    cursor: String,
}

/// What people are asked to approve.
#[derive(Serialize, ToSchema)]
pub struct QuestionView {
    /// What it is about.
    title: String,
    /// JSON Schema of what an approval fills in.
    form: Option<Value>,
    /// Who may answer has one of these roles; anyone when there are none.
    roles: Vec<String>,
    /// How many people must approve.
    count: u32,
    /// People who may not answer.
    exclude: Vec<String>,
}

/// An approval that counts.
#[derive(Serialize, ToSchema)]
pub struct HeardView {
    /// Who.
    by: String,
    /// When.
    at: DateTime<Utc>,
}

impl From<Pending> for Approval {
    fn from(pending: Pending) -> Self {
        let heard = pending.heard.into_iter();
        Self {
            run: pending.run.0,
            workflow: pending.workflow,
            step: pending.step,
            since: pending.since,
            until: pending.until,
            question: pending.question.map(|question| QuestionView {
                title: question.title,
                form: question.form,
                roles: question.roles,
                count: question.count,
                exclude: question.exclude,
            }),
            heard: heard
                .map(|heard| HeardView {
                    by: heard.by,
                    at: heard.at,
                })
                .collect(),
            cursor: pending.cursor.to_string(),
        }
    }
}

/// Which page of what waits.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApprovalsAsked {
    /// Only what one with this role may answer.
    role: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

/// Lists what waits for a person, oldest first.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(ApprovalsAsked),
    responses((status = 200, description = "A page", body = Page<Approval>), Refused))]
pub async fn list_approvals(
    State(doors): State<Doors>,
    caller: Caller,
    Query(asked): Query<ApprovalsAsked>,
) -> Answer<Json<Page<Approval>>> {
    let limit = page_size(asked.limit);
    let after = asked.after.map(|after| after.parse()).transpose();
    let filter = PendingFilter {
        roles: asked.role.into_iter().collect(),
        after: after.map_err(|_| Problem::new("bad_request").detail("after"))?,
        limit,
    };
    let pending = doors
        .engine
        .pending_approvals(caller.tenant(), &filter)
        .await?;
    let items = pending.into_iter().map(Approval::from).collect();
    Ok(Json(Page::of(items, limit, |it| it.cursor.clone())))
}

/// A person's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// The step, as the list names it.
    step: String,
    /// Approved or refused.
    approved: bool,
    /// What the form asks for.
    #[serde(default)]
    form: Value,
    /// For whom a machine answers; a person answers for themselves.
    by: Option<String>,
    /// The roles of whom a machine answers for.
    #[serde(default)]
    roles: Vec<String>,
}

/// What an answer came to.
#[derive(Serialize, ToSchema)]
pub struct Answered {
    /// What it is now.
    verdict: VerdictWord,
    /// How many more people must approve.
    more: u32,
}

/// What an approval came to so far.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// More people must approve.
    Open,
    /// It is approved.
    Approved,
    /// It is refused.
    Refused,
}

/// Counts a person's answer to an approval.
#[utoipa::path(post, path = "/api/v1/runs/{id}/answers", tag = "approvals",
    params(("id" = Uuid, Path, description = "The run")), request_body = AnswerBody,
    responses((status = 200, description = "It counts", body = Answered), Refused, NotWritten))]
pub async fn answer_approval(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<AnswerBody>,
) -> Answer<Json<Answered>> {
    let person = Person {
        name: caller.on_behalf(body.by),
        roles: caller.roles(body.roles),
    };
    let decision = Decision {
        approved: body.approved,
        form: body.form,
    };
    let verdict = doors
        .engine
        .decide(caller.tenant(), RunId(id), &body.step, &person, decision)
        .await?;
    let (verdict, more) = match verdict {
        Verdict::More(more) => (VerdictWord::Open, more),
        Verdict::Approved => (VerdictWord::Approved, 0),
        Verdict::Refused => (VerdictWord::Refused, 0),
    };
    Ok(Json(Answered { verdict, more }))
}

/// What became of an attempt whose outcome was unknown.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeBody {
    /// The step, as the list names it.
    step: String,
    /// What became of it.
    outcome: Outcome,
    /// What it gave, when it happened.
    #[serde(default)]
    output: Value,
    /// Why it failed, when it did not happen.
    #[serde(default)]
    reason: String,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It happened.
    Done,
    /// It did not happen and shall not.
    Failed,
    /// It is tried again with the same key.
    TryAgain,
}

/// Says what became of an attempt whose outcome is unknown.
#[utoipa::path(post, path = "/api/v1/runs/{id}/outcomes", tag = "approvals",
    params(("id" = Uuid, Path, description = "The run")), request_body = OutcomeBody,
    responses((status = 202, description = "The run goes on"), Refused, NotWritten))]
pub async fn answer_outcome(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<OutcomeBody>,
) -> Answer<StatusCode> {
    let answer = match body.outcome {
        Outcome::Done => engine::Answer::Done(body.output),
        Outcome::Failed => engine::Answer::Failed(body.reason),
        Outcome::TryAgain => engine::Answer::TryAgain,
    };
    doors
        .engine
        .answer(caller.tenant(), RunId(id), &body.step, answer)
        .await?;
    Ok(StatusCode::ACCEPTED)
}
