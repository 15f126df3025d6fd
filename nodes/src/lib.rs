//! What a step can do: one file a node, and the sorted list of them all.

pub mod clients;
pub mod flow;
pub mod http;
pub mod reconcile;
pub mod tx;
pub mod wait;

use engine::node::{CatalogueError, Registry};

use crate::clients::Clients;
use crate::flow::approval::Approval;
use crate::flow::emit::Emit;
use crate::flow::fail::Fail;
use crate::flow::log::Log;
use crate::flow::respond::Respond;
use crate::flow::script::Script;
use crate::flow::set::Set;
use crate::flow::switch::Switch;
use crate::flow::token::Token;
use crate::flow::wait::Wait;
use crate::flow::workflow::Workflow;
use crate::http::request::HttpRequest;
use crate::reconcile::confirm::ReconcileConfirm;
use crate::reconcile::post::ReconcilePost;
use crate::reconcile::propose::ReconcilePropose;
use crate::reconcile::undo::ReconcileUndo;
use crate::wait::event::WaitEvent;
use crate::wait::webhook::WaitWebhook;

/// Every node, sorted by name, with clients that reach the public internet alone.
///
/// # Errors
/// When two nodes have one name and version, or the list is not sorted.
pub fn catalogue() -> Result<Registry, CatalogueError> {
    catalogue_with(Clients::default())
}

/// Every node, sorted by name.
///
/// # Errors
/// When two nodes have one name and version, or the list is not sorted.
pub fn catalogue_with(clients: Clients) -> Result<Registry, CatalogueError> {
    Registry::builder()
        .waiting(Approval)
        .transaction(Emit)
        .node(Fail)
        .node(HttpRequest {
            client: clients.http,
        })
        .node(Log)
        .transaction(ReconcileConfirm)
        .transaction(ReconcilePost)
        .transaction(ReconcilePropose)
        .transaction(ReconcileUndo)
        .node(Respond)
        .node(Script::default())
        .node(Set)
        .node(Switch)
        .node(Token)
        .waiting(Wait)
        .waiting(WaitEvent)
        .waiting(WaitWebhook)
        .waiting(Workflow)
        .build()
}
