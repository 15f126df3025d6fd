//! The review of bank transactions: what each may be for, and the decisions.
//!
//! A decision is a run of a shipped workflow; it is answered when the run has
//! ended, so that the next line sees it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::ids::{CondominiumId, TransactionId};
use domain::matching::{Allocation, Candidate, Decider, Snapshot};
use domain::store::bank_transactions::State as Stand;
use domain::store::reviews::{self, Reviewed, Wanted};
use domain::store::{book, condominiums, results};
use engine::{EngineError, RunStatus, StartRun};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::runs::once_of;
use super::workflows::enable;
use super::{Listed, Page, page_size};
use crate::auth::Caller;
use crate::error::{Answer, NotWritten, Problem, Refused};
use crate::extract::{Body, Path, Query, Tongue};
use crate::reasons;
use crate::router::Doors;
use crate::shipped::{RECONCILIATION_DECIDE, RECONCILIATION_UNDO, Shipped};
use crate::words::Words;

/// How long a decision is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

mirror! {
    /// What is to be done with a line.
    Band of domain::matching::Band {
        /// Posted without a person.
        Auto,
        /// A person chooses between candidates.
        Suggest,
        /// A person looks: nothing explains it.
        Manual,
        /// It waits for its booked line.
        Wait,
    }
}

mirror! {
    /// Where a line stands.
    TransactionState of Stand {
        /// Not looked at yet.
        New,
        /// It waits for its booked line.
        Waiting,
        /// A person has to decide.
        Review,
        /// It is in the ledger.
        Posted,
    }
}

/// A bank transaction in a list.
#[derive(Serialize, ToSchema)]
pub struct TransactionLine {
    /// Its id.
    id: Uuid,
    /// The condominium.
    condominium_id: Uuid,
    /// Its usual name.
    condominium: String,
    /// Booking date.
    booked_on: chrono::NaiveDate,
    /// Signed amount.
    #[schema(format = "decimal", example = "-84.45")]
    amount: String,
    /// The bank's label.
    wording: String,
    /// Where it stands.
    state: TransactionState,
    /// Counts its changes of state: a decision names the one it saw.
    revision: i32,
    /// What is to be done; none while nothing has looked at it.
    band: Option<Band>,
    /// How many explanations there are.
    candidates: usize,
    /// How sure the best one is, in the caller's language: `99,8 %`.
    confidence: Option<String>,
    /// Why, in the caller's language, strongest first.
    reasons: Vec<String>,
    /// Who decided it; `auto` when nobody had to.
    decided_by: Option<String>,
    #[serde(skip)]
    sequence: i64,
}

impl TransactionLine {
    fn of(line: &Reviewed, words: &Words) -> Self {
        let best = line.candidates.first();
        let evidence = best.map(|best| best.evidence.as_slice());
        let reasons = evidence.unwrap_or_default().iter().take(3);
        Self {
            id: line.id.0,
            condominium_id: line.condominium.0,
            condominium: line.condominium_name.clone(),
            booked_on: line.booked_on,
            amount: line.amount.to_string(),
            wording: line.original_wording.clone(),
            state: line.state.into(),
            revision: line.revision,
            band: line.band.map(Into::into),
            candidates: line.candidates.len(),
            confidence: best.map(|best| reasons::confidence(best, words)),
            reasons: reasons.map(|it| reasons::sentence(it, words)).collect(),
            decided_by: match line.decided_by {
                Some(Decider::Auto) => Some("auto".to_owned()),
                Some(Decider::Person) => line.actor.clone(),
                None => None,
            },
            sequence: line.sequence,
        }
    }
}

/// Which transactions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TransactionsAsked {
    /// Only those of this condominium.
    condominium: Option<Uuid>,
    /// Only those of this band.
    band: Option<Band>,
    /// Only those that stand there.
    state: Option<TransactionState>,
    /// Only those whose label holds this text.
    text: Option<String>,
    /// `next` of the page before.
    after: Option<i64>,
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

/// Lists bank transactions in the order in which they came.
#[utoipa::path(get, path = "/api/v1/reconciliation/transactions", tag = "reconciliation", params(TransactionsAsked),
    responses((status = 200, description = "A page", body = Page<TransactionLine>), Refused))]
pub async fn list_transactions(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Query(asked): Query<TransactionsAsked>,
) -> Answer<Json<Page<TransactionLine>>> {
    let limit = page_size(asked.limit);
    let wanted = Wanted {
        condominium: asked.condominium.map(CondominiumId),
        band: asked.band.map(Into::into),
        state: asked.state.map(Into::into),
        text: asked.text.filter(|text| !text.is_empty()),
        id: None,
        after: asked.after.unwrap_or_default(),
        limit: i64::from(limit),
    };
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let lines = reviews::list(&mut nodes::tx::tenant(&mut tx), &wanted).await?;
    let lines = lines.iter().map(|line| TransactionLine::of(line, &words));
    let sequence = |line: &TransactionLine| line.sequence.to_string();
    Ok(Json(Page::of(lines.collect(), limit, sequence)))
}

/// A bank transaction with all that may explain it.
#[derive(Serialize, ToSchema)]
pub struct Transaction {
    /// As in a list.
    #[serde(flatten)]
    line: TransactionLine,
    /// Explanations, most probable first.
    explanations: Vec<Explanation>,
}

/// What a transaction may be for.
#[derive(Serialize, ToSchema)]
pub struct Explanation {
    /// How sure, in the caller's language: `99,8 %`.
    confidence: String,
    /// What it would be posted as; adds up to the transaction's amount.
    parts: Vec<Part>,
    /// Why, strongest first.
    evidence: Vec<EvidenceLine>,
}

/// A part of a transaction and what it is for.
#[derive(Serialize, ToSchema)]
pub struct Part {
    /// What it is for, in the caller's language.
    text: String,
    /// What kind of target.
    kind: String,
    /// The target, when the kind has one.
    target_id: Option<Uuid>,
    /// Signed amount.
    #[schema(format = "decimal", example = "84.45")]
    amount: String,
}

/// A reason for or against.
#[derive(Serialize, ToSchema)]
pub struct EvidenceLine {
    /// Stable code.
    code: &'static str,
    /// One sentence, in the caller's language.
    text: String,
    /// Whether it speaks against.
    against: bool,
}

impl Explanation {
    fn of(candidate: &Candidate, books: &Snapshot, words: &Words) -> Self {
        let parts = candidate.allocations.iter();
        let evidence = candidate.evidence.iter();
        Self {
            confidence: reasons::confidence(candidate, words),
            parts: parts.map(|part| Part::of(part, books, words)).collect(),
            evidence: evidence
                .map(|it| EvidenceLine {
                    code: it.code.as_str(),
                    text: reasons::sentence(it, words),
                    against: it.weight < 0.0,
                })
                .collect(),
        }
    }
}

impl Part {
    fn of(part: &Allocation, books: &Snapshot, words: &Words) -> Self {
        // `kind` and `target_id`, as a decision takes them.
        let written = json!(part);
        let target = written["target_id"].as_str();
        Self {
            text: reasons::target(part.cause, part.amount, books, words),
            kind: written["kind"].as_str().unwrap_or_default().to_owned(),
            target_id: target.and_then(|id| id.parse().ok()),
            amount: part.amount.to_string(),
        }
    }
}

async fn transaction(
    doors: &Doors,
    caller: &Caller,
    id: Uuid,
    words: &Words,
) -> Answer<Transaction> {
    let wanted = Wanted {
        id: Some(TransactionId(id)),
        after: -1,
        limit: 1,
        ..Wanted::default()
    };
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let mut tx = nodes::tx::tenant(&mut tx);
    let found = reviews::list(&mut tx, &wanted).await?;
    let line = found
        .first()
        .ok_or_else(|| Problem::new("transaction_unknown"))?;
    let books = book::load(&mut tx, line.condominium).await?;
    let explanations = books.iter().flat_map(|books| {
        let candidates = line.candidates.iter();
        candidates.map(|candidate| Explanation::of(candidate, books, words))
    });
    Ok(Transaction {
        line: TransactionLine::of(line, words),
        explanations: explanations.collect(),
    })
}

/// Tells a bank transaction with all that may explain it.
#[utoipa::path(get, path = "/api/v1/reconciliation/transactions/{id}", tag = "reconciliation",
    params(("id" = Uuid, Path, description = "The transaction")),
    responses((status = 200, description = "The transaction", body = Transaction), Refused))]
pub async fn get_transaction(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Path(id): Path<Uuid>,
) -> Answer<Json<Transaction>> {
    Ok(Json(transaction(&doors, &caller, id, &words).await?))
}

/// A part of a decision.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecidedPart {
    /// What kind of target, as explanations name it; `unknown` posts it to be looked into.
    kind: String,
    /// The target, when the kind has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_id: Option<Uuid>,
    /// Signed amount; all parts add up to the transaction's.
    #[schema(format = "decimal", example = "84.45")]
    amount: String,
}

/// What a transaction is for, as a person says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideBody {
    /// Its parts, over as many items as there are.
    #[schema(min_items = 1)]
    parts: Vec<DecidedPart>,
    /// For whom a machine decides; a person decides for themselves.
    by: Option<String>,
    /// The revision that the person saw; a newer one refuses the decision.
    revision: Option<i32>,
}

/// What a decision came to.
#[derive(Serialize, ToSchema)]
pub struct Decided {
    /// The run that did it.
    run: Uuid,
    /// The transaction as it stands now.
    transaction: Transaction,
    /// What the workflow gave: the entry, the payer that was learnt or unlearnt.
    outputs: Option<Value>,
}

/// Decides what a transaction is for: one item, or split over several.
///
/// Answers when it is in the ledger; a decision for one owner teaches the
/// payer. The same `Idempotency-Key` again decides nothing twice.
#[utoipa::path(post, path = "/api/v1/reconciliation/transactions/{id}/decide", tag = "reconciliation",
    params(
        ("id" = Uuid, Path, description = "The transaction"),
        ("Idempotency-Key" = Option<String>, Header, description = "Decides at most once"),
    ),
    request_body = DecideBody,
    responses(
        (status = 200, description = "It is decided", body = Decided),
        Refused, NotWritten,
    ))]
pub async fn decide_transaction(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Body(body): Body<DecideBody>,
) -> Answer<Json<Decided>> {
    let by = caller.on_behalf(body.by);
    let mut inputs = json!({ "transaction_id": id, "allocations": body.parts, "by": by });
    if let Some(revision) = body.revision {
        inputs["revision"] = json!(revision);
    }
    let asked = Asked {
        id,
        inputs,
        headers,
    };
    asked
        .act(&doors, &caller, RECONCILIATION_DECIDE, &words)
        .await
}

/// Who takes a decision back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoBody {
    /// For whom a machine asks; a person asks for themselves.
    by: Option<String>,
}

/// Takes a decision back: by new entries, and what it taught is unlearnt.
#[utoipa::path(post, path = "/api/v1/reconciliation/transactions/{id}/undo", tag = "reconciliation",
    params(
        ("id" = Uuid, Path, description = "The transaction"),
        ("Idempotency-Key" = Option<String>, Header, description = "Takes back at most once"),
    ),
    request_body = UndoBody,
    responses((status = 200, description = "It is in review again", body = Decided), Refused, NotWritten))]
pub async fn undo_transaction(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Body(body): Body<UndoBody>,
) -> Answer<Json<Decided>> {
    let inputs = json!({ "transaction_id": id, "by": caller.on_behalf(body.by) });
    let asked = Asked {
        id,
        inputs,
        headers,
    };
    asked
        .act(&doors, &caller, RECONCILIATION_UNDO, &words)
        .await
}

/// What a person asks of a transaction.
struct Asked {
    id: Uuid,
    inputs: Value,
    headers: HeaderMap,
}

impl Asked {
    async fn act(
        self,
        doors: &Doors,
        caller: &Caller,
        workflow: Shipped,
        words: &Words,
    ) -> Answer<Json<Decided>> {
        // Told before a run is made.
        transaction(doors, caller, self.id, words).await?;
        let (engine, tenant) = (&doors.engine, caller.tenant());
        let start = StartRun {
            once: once_of(&self.headers),
            ..StartRun::new(workflow.name, self.inputs)
        };
        let started = match engine.start(tenant, &start).await {
            Err(EngineError::UnknownWorkflow(_)) => {
                enable(doors, caller, workflow).await?;
                engine.start(tenant, &start).await
            }
            started => started,
        }?;
        let ended = tokio::time::timeout(PATIENCE, engine.finished(tenant, started.run));
        let ended = ended.await.map_err(|_| Problem::new("unavailable"))??;
        if ended.status != RunStatus::Succeeded {
            let refused = Problem::new("decision_refused");
            return Err(match ended.error {
                Some(error) => refused.detail(error.message),
                None => refused,
            });
        }
        Ok(Json(Decided {
            run: started.run.0,
            transaction: transaction(doors, caller, self.id, words).await?,
            outputs: ended.outputs,
        }))
    }
}

/// How many transactions of a condominium stand where.
#[derive(Serialize, ToSchema)]
pub struct Total {
    /// The condominium.
    condominium_id: Uuid,
    /// Its usual name.
    condominium: String,
    /// Where they stand.
    state: TransactionState,
    /// Their band.
    band: Option<Band>,
    /// How many.
    count: i64,
    /// The sum of their amounts without sign.
    #[schema(format = "decimal", example = "1234.56")]
    amount: String,
}

/// Sums bank transactions by condominium, state and band.
#[utoipa::path(get, path = "/api/v1/reconciliation/totals", tag = "reconciliation",
    responses((status = 200, description = "All of them", body = Listed<Total>), Refused))]
pub async fn list_totals(
    State(doors): State<Doors>,
    caller: Caller,
) -> Answer<Json<Listed<Total>>> {
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let mut tx = nodes::tx::tenant(&mut tx);
    let mut items = Vec::new();
    for condominium in condominiums::list(&mut tx).await? {
        // One line a state and band, whoever decided.
        for share in results::shares(&mut tx, condominium.id).await? {
            items.push(Total {
                condominium_id: condominium.id.0,
                condominium: condominium.name.clone(),
                state: share.state.into(),
                band: share.band.map(Into::into),
                count: share.lines,
                amount: share.amount.to_string(),
            });
        }
    }
    Ok(Json(Listed { items }))
}
