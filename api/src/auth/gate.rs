//! Before every route: who calls, and whether the table lets them.
//!
//! A stranger is told so before anything is looked up, and so is who may not:
//! neither answer depends on what exists.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use engine::ids::TenantId;

use super::permissions::{self, Access, Permission};
use super::{Auth, Caller, Person, Role, session};
use crate::error::{Answer, Problem};
use crate::router::Doors;
use crate::store::sessions;

/// Lets a request through, and tells the route who calls.
///
/// # Errors
/// `unauthorized`, `forbidden`, `tenant_not_chosen`; `method_not_allowed` for
/// what is not in the table.
pub async fn gate(
    State(doors): State<Doors>,
    mut request: Request,
    next: Next,
) -> Answer<Response> {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map(MatchedPath::as_str).unwrap_or_default();
    let Some(access) = permissions::access(request.method(), path) else {
        return Err(Problem::new("method_not_allowed").detail(request.method().to_string()));
    };
    if access == Access::Open {
        return Ok(next.run(request).await);
    }
    let known = identify(&doors, request.headers()).await?;
    match (access, known) {
        (Access::Person, Known::Person(person)) => {
            request.extensions_mut().insert(person);
        }
        (Access::May(permission), known) => {
            let (caller, person) = known.in_tenant()?;
            caller.require(permission)?;
            request.extensions_mut().insert(caller);
            if let Some(person) = person {
                request.extensions_mut().insert(person);
            }
        }
        // A machine is nobody.
        (Access::Person, Known::Machine(_)) => return Err(Problem::new("forbidden")),
        (Access::Open, _) => {}
    }
    Ok(next.run(request).await)
}

enum Known {
    Person(Person),
    Machine(Caller),
}

impl Known {
    fn in_tenant(self) -> Answer<(Caller, Option<Person>)> {
        match self {
            Self::Machine(caller) => Ok((caller, None)),
            Self::Person(person) => {
                let (tenant, role) = person
                    .standing
                    .ok_or_else(|| Problem::new("tenant_not_chosen"))?;
                Ok((Caller::person(&person, tenant, role), Some(person)))
            }
        }
    }
}

/// Who calls. A token that is sent is what counts: a wrong one is not made good by a cookie.
async fn identify(doors: &Doors, headers: &HeaderMap) -> Answer<Known> {
    let unknown = || Problem::new("unauthorized");
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let token = authorization
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let bearer = doors.engine.bearer(token.ok_or_else(unknown)?).await?;
        let bearer = bearer.ok_or_else(unknown)?;
        let machine = Caller::machine(bearer.tenant, &bearer.name, Permission::MACHINE);
        return Ok(Known::Machine(machine));
    }
    let person = doors.auth.person(headers).await?;
    person.map(Known::Person).ok_or_else(unknown)
}

impl Auth {
    /// The person whose session the browser presents, if it counts.
    async fn person(&self, headers: &HeaderMap) -> Answer<Option<Person>> {
        match session::presented(self, headers) {
            Some(digest) => self.person_of(&digest).await,
            None => Ok(None),
        }
    }

    /// The person whose session has this digest, if it counts.
    pub(super) async fn person_of(&self, digest: &[u8]) -> Answer<Option<Person>> {
        let now = self.clock.now();
        let mut tx = self.identities.begin().await?;
        let bounds = session::bounds(now);
        let open = sessions::find(&mut tx, digest, bounds, self.settings.demo).await?;
        let Some(open) = open else {
            return Ok(None);
        };
        if session::is_due(open.seen_at, now) {
            sessions::see(&mut tx, open.session, now).await?;
            tx.commit().await?;
        }
        let role = open.role.as_deref().and_then(Role::named);
        Ok(Some(Person {
            session: open.session,
            identity: open.identity,
            email: open.email,
            name: open.name,
            platform_admin: open.platform_admin,
            standing: open.stands_in.map(TenantId).zip(role),
        }))
    }
}
