//! Workflows: saved, checked, compared, published; and those that ship.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use engine::EngineError;
use engine::language::{self, ChangeKind, Side, diff};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Listed, Page, page_size};
use crate::auth::Caller;
use crate::error::{Answer, Fault, NotWritten, Problem, Refused};
use crate::extract::{Body, Path, Query, Tongue};
use crate::router::Doors;
use crate::shipped::{self, Shipped};

/// A workflow of the caller's.
#[derive(Serialize, ToSchema)]
pub struct WorkflowLine {
    /// Its name.
    name: String,
    /// What people call it.
    title: Option<String>,
    /// When it was first saved.
    created_at: DateTime<Utc>,
    /// The number of the version that new runs execute.
    published: Option<i32>,
    /// The number of the version that was saved last.
    newest: i32,
    /// When that was.
    saved_at: DateTime<Utc>,
}

impl From<engine::WorkflowView> for WorkflowLine {
    fn from(view: engine::WorkflowView) -> Self {
        Self {
            name: view.name,
            title: view.title,
            created_at: view.created_at,
            published: view.published,
            newest: view.newest,
            saved_at: view.saved_at,
        }
    }
}

/// Which page of workflows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WorkflowsAsked {
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

/// Lists workflows by name.
#[utoipa::path(get, path = "/api/v1/workflows", tag = "workflows", params(WorkflowsAsked),
    responses((status = 200, description = "A page", body = Page<WorkflowLine>), Refused))]
pub async fn list_workflows(
    State(doors): State<Doors>,
    caller: Caller,
    Query(asked): Query<WorkflowsAsked>,
) -> Answer<Json<Page<WorkflowLine>>> {
    let (after, limit) = (asked.after.unwrap_or_default(), page_size(asked.limit));
    let views = doors
        .engine
        .workflows(caller.tenant(), &after, limit)
        .await?;
    let lines = views.into_iter().map(WorkflowLine::from).collect();
    Ok(Json(Page::of(lines, limit, |line| line.name.clone())))
}

/// A workflow with the text that was saved last.
#[derive(Serialize, ToSchema)]
pub struct Workflow {
    /// How it stands.
    #[serde(flatten)]
    line: WorkflowLine,
    /// The YAML text of its newest version.
    source: String,
}

/// Tells a workflow with its newest text; its `ETag` is what `If-Match` takes.
#[utoipa::path(get, path = "/api/v1/workflows/{name}", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")),
    responses((status = 200, description = "The workflow", body = Workflow, headers(("ETag" = String))), Refused))]
pub async fn get_workflow(
    State(doors): State<Doors>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Response> {
    let view = doors.engine.workflow(caller.tenant(), &name).await?;
    let newest = view.newest;
    let (_, source) = doors.engine.source(caller.tenant(), &name, newest).await?;
    let workflow = Workflow {
        line: view.into(),
        source,
    };
    Ok(([tag(newest)], Json(workflow)).into_response())
}

fn tag(number: i32) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{number}\""))
}

/// The text of a workflow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceBody {
    /// YAML.
    source: String,
}

/// A saved version.
#[derive(Serialize, ToSchema)]
pub struct SavedVersion {
    /// Its number; a text that is the newest version already keeps its number.
    number: i32,
    /// What there is to know about it.
    notes: Vec<Fault>,
}

/// Saves a text as the workflow's next version: a draft, until it is published.
///
/// `If-Match` names the version that the text comes from, 0 before the first;
/// when another was saved meanwhile, nothing is written.
#[utoipa::path(put, path = "/api/v1/workflows/{name}", tag = "workflows",
    params(
        ("name" = String, Path, description = "The workflow's name, as in the text"),
        ("If-Match" = String, Header, description = "The `ETag` of the version seen; `\"0\"` for a new workflow"),
    ),
    request_body = SourceBody,
    responses((status = 200, description = "Saved", body = SavedVersion, headers(("ETag" = String))), Refused, NotWritten))]
pub async fn save_workflow(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(body): Body<SourceBody>,
) -> Answer<Response> {
    let seen = headers
        .get(header::IF_MATCH)
        .ok_or_else(|| Problem::new("version_required"))?;
    let seen = seen.to_str().ok();
    let seen = seen.and_then(|seen| seen.trim_matches('"').parse::<i32>().ok());
    let seen = seen.ok_or_else(|| Problem::new("bad_request").detail("If-Match"))?;
    let checked = language::check(&body.source, doors.engine.registry());
    match &checked.plan {
        None => return Err(Problem::faults(&checked.diagnostics)),
        Some(plan) if plan.name != name => {
            return Err(Problem::new("workflow_name_differs").detail(plan.name.as_str()));
        }
        Some(_) => {}
    }
    let saved = doors
        .engine
        .save_over(caller.tenant(), &body.source, Some(seen))
        .await
        .map_err(refused)?;
    let view = SavedVersion {
        number: saved.number,
        notes: saved.notes.iter().map(|it| Fault::of(it, &words)).collect(),
    };
    Ok(([tag(saved.number)], Json(view)).into_response())
}

/// A text with errors is its author's matter.
fn refused(error: EngineError) -> Problem {
    match error {
        EngineError::BadWorkflow(faults) => Problem::faults(&faults),
        other => other.into(),
    }
}

/// What the checker found.
#[derive(Serialize, ToSchema)]
pub struct CheckedWorkflow {
    /// Whether it can be saved.
    sound: bool,
    /// Its name, when it can be saved.
    name: Option<String>,
    /// Every error and note, in file order.
    faults: Vec<Fault>,
}

/// Checks a text: every problem in one pass, in the caller's language.
#[utoipa::path(post, path = "/api/v1/workflows/check", tag = "workflows", request_body = SourceBody,
    responses((status = 200, description = "What was found", body = CheckedWorkflow), Refused, NotWritten))]
pub async fn check_workflow(
    State(doors): State<Doors>,
    _caller: Caller,
    Tongue(words): Tongue,
    Body(body): Body<SourceBody>,
) -> Answer<Json<CheckedWorkflow>> {
    let checked = language::check(&body.source, doors.engine.registry());
    let faults = checked.diagnostics.iter().map(|it| Fault::of(it, &words));
    Ok(Json(CheckedWorkflow {
        sound: checked.plan.is_some(),
        name: checked.plan.as_ref().map(|plan| plan.name.clone()),
        faults: faults.collect(),
    }))
}

/// Gives the JSON Schema of the workflow language, for editors.
#[utoipa::path(get, path = "/api/v1/language", tag = "workflows",
    responses((status = 200, description = "JSON Schema", body = Value), Refused))]
pub async fn get_language(State(doors): State<Doors>, _caller: Caller) -> Answer<Json<Value>> {
    Ok(Json(language::schema(doors.engine.registry())))
}

/// A version in a list.
#[derive(Serialize, ToSchema)]
pub struct VersionLine {
    /// Its id, as runs name it.
    id: uuid::Uuid,
    /// 1 for the first save.
    number: i32,
    /// When it was saved.
    saved_at: DateTime<Utc>,
    /// Whether new runs execute it.
    published: bool,
}

/// Which page of versions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionsAsked {
    /// `next` of the page before.
    before: Option<i32>,
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

/// Lists the versions of a workflow, newest first.
#[utoipa::path(get, path = "/api/v1/workflows/{name}/versions", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name"), VersionsAsked),
    responses((status = 200, description = "A page", body = Page<VersionLine>), Refused))]
pub async fn list_versions(
    State(doors): State<Doors>,
    caller: Caller,
    Path(name): Path<String>,
    Query(asked): Query<VersionsAsked>,
) -> Answer<Json<Page<VersionLine>>> {
    let (tenant, limit) = (caller.tenant(), page_size(asked.limit));
    doors.engine.workflow(tenant, &name).await?;
    let versions = doors
        .engine
        .versions(tenant, &name, asked.before, limit)
        .await?;
    let lines = versions.into_iter().map(|version| VersionLine {
        id: version.id.0,
        number: version.number,
        saved_at: version.saved_at,
        published: version.published,
    });
    let number = |line: &VersionLine| line.number.to_string();
    Ok(Json(Page::of(lines.collect(), limit, number)))
}

/// The text of a version.
#[derive(Serialize, ToSchema)]
pub struct VersionText {
    /// Its number.
    number: i32,
    /// YAML.
    source: String,
}

/// Gives the text of a version.
#[utoipa::path(get, path = "/api/v1/workflows/{name}/versions/{number}", tag = "workflows",
    params(
        ("name" = String, Path, description = "The workflow's name"),
        ("number" = i32, Path, description = "The version's number"),
    ),
    responses((status = 200, description = "The text", body = VersionText), Refused))]
pub async fn get_version(
    State(doors): State<Doors>,
    caller: Caller,
    Path((name, number)): Path<(String, i32)>,
) -> Answer<Json<VersionText>> {
    let (_, source) = doors.engine.source(caller.tenant(), &name, number).await?;
    Ok(Json(VersionText { number, source }))
}

/// Which two versions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffAsked {
    /// The number of the old one.
    from: i32,
    /// The number of the new one.
    to: i32,
}

/// One thing that changed.
#[derive(Serialize, ToSchema)]
pub struct ChangeLine {
    /// What became of it.
    kind: ChangeWord,
    /// One sentence, in the caller's language.
    text: String,
}

mirror! {
    /// What became of a part of a workflow.
    ChangeWord of ChangeKind {
        /// It is new.
        Added,
        /// It is gone.
        Removed,
        /// It is different.
        Changed,
    }
}

/// Tells in words what changed between two versions.
#[utoipa::path(get, path = "/api/v1/workflows/{name}/diff", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name"), DiffAsked),
    responses((status = 200, description = "What changed", body = Listed<ChangeLine>), Refused, NotWritten))]
pub async fn diff_workflow(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Path(name): Path<String>,
    Query(asked): Query<DiffAsked>,
) -> Answer<Json<Listed<ChangeLine>>> {
    let version = |number| {
        doors
            .engine
            .version_of(caller.tenant(), &name, Some(number))
    };
    let old = version(asked.from).await.map_err(refused)?;
    let new = version(asked.to).await.map_err(refused)?;
    let [old, new] = [&old, &new].map(|version| Side {
        source: &version.source,
        plan: &version.plan,
    });
    let changes = diff(old, new).into_iter().map(|change| ChangeLine {
        kind: change.kind.into(),
        text: words.told(&change.text),
    });
    Ok(Json(Listed {
        items: changes.collect(),
    }))
}

/// Which version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishBody {
    /// Its number; an older one rolls the workflow back.
    number: i32,
}

/// Makes a version the one that new runs execute, and whose triggers listen.
#[utoipa::path(post, path = "/api/v1/workflows/{name}/publish", tag = "workflows",
    params(("name" = String, Path, description = "The workflow's name")), request_body = PublishBody,
    responses((status = 200, description = "Published", body = WorkflowLine), Refused, NotWritten))]
pub async fn publish_workflow(
    State(doors): State<Doors>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<PublishBody>,
) -> Answer<Json<WorkflowLine>> {
    let (engine, tenant) = (&doors.engine, caller.tenant());
    let (id, _) = engine.source(tenant, &name, body.number).await?;
    engine.publish(tenant, id).await.map_err(refused)?;
    Ok(Json(engine.workflow(tenant, &name).await?.into()))
}

/// A workflow that ships with the application.
#[derive(Serialize, ToSchema)]
pub struct ShippedView {
    /// Its name.
    name: &'static str,
    /// What people call it.
    title: Option<String>,
    /// The YAML text.
    source: &'static str,
    /// The number of the version that the caller has published of it.
    published: Option<i32>,
}

/// Lists the workflows that ship with the application.
#[utoipa::path(get, path = "/api/v1/gallery", tag = "workflows",
    responses((status = 200, description = "All of them", body = Listed<ShippedView>), Refused))]
pub async fn list_gallery(
    State(doors): State<Doors>,
    caller: Caller,
) -> Answer<Json<Listed<ShippedView>>> {
    let mut items = Vec::with_capacity(shipped::ALL.len());
    for shipped in shipped::ALL {
        items.push(gallery_view(&doors, &caller, shipped).await?);
    }
    Ok(Json(Listed { items }))
}

async fn gallery_view(doors: &Doors, caller: &Caller, shipped: Shipped) -> Answer<ShippedView> {
    let checked = language::check(shipped.source, doors.engine.registry());
    let published = match doors.engine.workflow(caller.tenant(), shipped.name).await {
        Ok(view) => view.published,
        Err(EngineError::UnknownWorkflow(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(ShippedView {
        name: shipped.name,
        title: checked.plan.and_then(|plan| plan.title.clone()),
        source: shipped.source,
        published,
    })
}

/// Saves and publishes a shipped workflow; doing it twice is harmless.
#[utoipa::path(post, path = "/api/v1/gallery/{name}/enable", tag = "workflows",
    params(("name" = String, Path, description = "The shipped workflow's name")),
    responses((status = 200, description = "Enabled", body = ShippedView), Refused, NotWritten))]
pub async fn enable_shipped(
    State(doors): State<Doors>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Json<ShippedView>> {
    let found = shipped::find(&name).ok_or_else(|| Problem::new("workflow_unknown"))?;
    enable(&doors, &caller, found).await?;
    Ok(Json(gallery_view(&doors, &caller, found).await?))
}

pub(super) async fn enable(doors: &Doors, caller: &Caller, shipped: Shipped) -> Answer<()> {
    let saved = doors.engine.save(caller.tenant(), shipped.source).await?;
    doors.engine.publish(caller.tenant(), saved.id).await?;
    Ok(())
}
