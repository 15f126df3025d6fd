//! The one permission table: what each route asks for, and what each role may.
//!
//! A route that is not here answers nobody ([`super::gate`]); a test calls each
//! of them as each role, as a stranger and as another tenant's admin.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::Role;

/// Something that a caller may do in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Sees workflows, their versions, triggers and the node catalogue.
    ReadWorkflows,
    /// Saves, checks, tests and publishes workflows, and rolls them back.
    EditWorkflows,
    /// Sees runs with all that they carry.
    ReadRuns,
    /// Starts, cancels, retries and runs again; publishes events.
    OperateRuns,
    /// Answers what waits for a person.
    DecideApprovals,
    /// Sees the books: condominiums, owners, receivables, invoices, bank transactions.
    ReadBooks,
    /// Decides and undoes a reconciliation, and teaches names.
    DecideReconciliation,
    /// Sets and forgets credentials; none is ever shown.
    ManageCredentials,
    /// Invites people, changes what they are, sends them away.
    ManageMembers,
    /// Makes and revokes the tokens of machines.
    ManageTokens,
    /// Reads who did what.
    ReadAudit,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ReadWorkflows,
        Self::EditWorkflows,
        Self::ReadRuns,
        Self::OperateRuns,
        Self::DecideApprovals,
        Self::ReadBooks,
        Self::DecideReconciliation,
        Self::ManageCredentials,
        Self::ManageMembers,
        Self::ManageTokens,
        Self::ReadAudit,
    ];

    /// What a machine may with a token that names no scope.
    pub const MACHINE: &'static [Self] = &[
        Self::ReadWorkflows,
        Self::EditWorkflows,
        Self::ReadRuns,
        Self::OperateRuns,
        Self::DecideApprovals,
        Self::ReadBooks,
        Self::DecideReconciliation,
    ];
}

impl Role {
    /// What it may in its tenant.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Admin => &P::ALL,
            Self::Accountant => &[
                P::ReadWorkflows,
                P::ReadRuns,
                P::OperateRuns,
                P::DecideApprovals,
                P::ReadBooks,
                P::DecideReconciliation,
            ],
            Self::Assistant => &[
                P::ReadWorkflows,
                P::ReadRuns,
                P::OperateRuns,
                P::DecideApprovals,
                P::ReadBooks,
            ],
            Self::Reader => &[P::ReadWorkflows, P::ReadRuns, P::ReadBooks],
            // Their portal shows what is theirs; the back office shows nothing.
            Self::Owner | Self::Council => &[],
        }
    }
}

/// Who a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone; what it does is guarded in it, or public.
    Open,
    /// A person who has signed in, wherever they stand.
    Person,
    /// Who may this in the tenant where they stand.
    May(Permission),
}

/// A route: its method (`*` for any), its path as axum writes it, whom it answers.
type Row = (&'static str, &'static str, Access);

/// Every route, sorted by path.
pub const ROUTES: &[Row] = &[
    ("GET", "/api/v1/approvals", May(DecideApprovals)),
    ("GET", "/api/v1/condominiums", May(ReadBooks)),
    ("GET", "/api/v1/condominiums/{id}/invoices", May(ReadBooks)),
    ("GET", "/api/v1/condominiums/{id}/lots", May(ReadBooks)),
    ("GET", "/api/v1/condominiums/{id}/owners", May(ReadBooks)),
    (
        "GET",
        "/api/v1/condominiums/{id}/receivables",
        May(ReadBooks),
    ),
    ("GET", "/api/v1/demo/accounts", Access::Open),
    ("POST", "/api/v1/events", May(OperateRuns)),
    ("GET", "/api/v1/gallery", May(ReadWorkflows)),
    ("POST", "/api/v1/gallery/{name}/enable", May(EditWorkflows)),
    ("GET", "/api/v1/language", May(ReadWorkflows)),
    ("GET", "/api/v1/nodes", May(ReadWorkflows)),
    ("GET", "/api/v1/reconciliation/totals", May(ReadBooks)),
    ("GET", "/api/v1/reconciliation/transactions", May(ReadBooks)),
    (
        "GET",
        "/api/v1/reconciliation/transactions/{id}",
        May(ReadBooks),
    ),
    (
        "POST",
        "/api/v1/reconciliation/transactions/{id}/decide",
        May(DecideReconciliation),
    ),
    (
        "POST",
        "/api/v1/reconciliation/transactions/{id}/undo",
        May(DecideReconciliation),
    ),
    ("GET", "/api/v1/runs", May(ReadRuns)),
    ("POST", "/api/v1/runs/bulk", May(OperateRuns)),
    ("GET", "/api/v1/runs/{id}", May(ReadRuns)),
    ("POST", "/api/v1/runs/{id}/answers", May(DecideApprovals)),
    ("POST", "/api/v1/runs/{id}/cancel", May(OperateRuns)),
    ("GET", "/api/v1/runs/{id}/events", May(ReadRuns)),
    ("POST", "/api/v1/runs/{id}/outcomes", May(DecideApprovals)),
    ("POST", "/api/v1/runs/{id}/rerun", May(OperateRuns)),
    ("POST", "/api/v1/runs/{id}/retry", May(OperateRuns)),
    ("GET", "/api/v1/runs/{id}/values/{value}", May(ReadRuns)),
    ("POST", "/api/v1/session", Access::Open),
    ("GET", "/api/v1/session", Access::Person),
    ("DELETE", "/api/v1/session", Access::Person),
    ("PUT", "/api/v1/session/password", Access::Person),
    ("PUT", "/api/v1/session/tenant", Access::Person),
    ("GET", "/api/v1/sessions", Access::Person),
    ("DELETE", "/api/v1/sessions", Access::Person),
    ("DELETE", "/api/v1/sessions/{id}", Access::Person),
    ("GET", "/api/v1/triggers", May(ReadWorkflows)),
    ("GET", "/api/v1/triggers/faults", May(ReadRuns)),
    ("GET", "/api/v1/workflows", May(ReadWorkflows)),
    ("POST", "/api/v1/workflows/check", May(EditWorkflows)),
    ("GET", "/api/v1/workflows/{name}", May(ReadWorkflows)),
    ("PUT", "/api/v1/workflows/{name}", May(EditWorkflows)),
    ("GET", "/api/v1/workflows/{name}/diff", May(ReadWorkflows)),
    (
        "POST",
        "/api/v1/workflows/{name}/publish",
        May(EditWorkflows),
    ),
    ("POST", "/api/v1/workflows/{name}/runs", May(OperateRuns)),
    (
        "GET",
        "/api/v1/workflows/{name}/versions",
        May(ReadWorkflows),
    ),
    (
        "GET",
        "/api/v1/workflows/{name}/versions/{number}",
        May(ReadWorkflows),
    ),
    ("GET", "/health", Access::Open),
    ("*", "/hooks-test/{tenant}/{*path}", Access::Open),
    ("*", "/hooks/{tenant}/{*path}", Access::Open),
    ("GET", "/ready", Access::Open),
];

use Access::May;
use Permission::{
    DecideApprovals, DecideReconciliation, EditWorkflows, OperateRuns, ReadBooks, ReadRuns,
    ReadWorkflows,
};

/// Whom the route answers; none when it is not in the table.
#[must_use]
pub fn access(method: &Method, path: &str) -> Option<Access> {
    let method = match *method {
        Method::HEAD => "GET",
        ref method => method.as_str(),
    };
    let row = ROUTES
        .iter()
        .find(|(its, at, _)| *at == path && (*its == "*" || *its == method));
    row.map(|(_, _, access)| *access)
}
