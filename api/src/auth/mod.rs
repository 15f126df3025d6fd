//! Who calls: a bearer token speaks for its tenant.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use engine::ids::TenantId;

use crate::error::Problem;
use crate::router::Doors;

/// A machine with a token.
pub struct Caller {
    /// Whose data it reaches.
    pub tenant: TenantId,
}

impl FromRequestParts<Doors> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Problem> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let Some(token) = token else {
            return Err(Problem::new("unauthorized"));
        };
        match doors.engine.bearer(token).await? {
            Some(bearer) => Ok(Self {
                tenant: bearer.tenant,
            }),
            None => Err(Problem::new("unauthorized")),
        }
    }
}
