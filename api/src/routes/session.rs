//! The session of whoever calls: opened, read, moved to another tenant, ended.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::permissions::Permission;
use crate::auth::{Client, Person, Role, clearing_cookie, cookie};
use crate::error::{Answer, NotWritten, Refused};
use crate::extract::Body;
use crate::router::Doors;

/// With what a person signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInBody {
    /// Their e-mail; capital letters do not matter.
    email: String,
    /// Their password.
    password: String,
}

/// A password in place of another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The one they have.
    present: String,
    /// The one they want.
    new: String,
}

/// Where a person wants to stand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandBody {
    /// One of their tenants.
    tenant: Uuid,
}

/// Who is signed in, and where they stand.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// Who it is.
    person: PersonView,
    /// The tenants they belong to, by name.
    tenants: Vec<PlaceView>,
    /// The one whose work they do; none until they choose.
    tenant: Option<PlaceView>,
    /// What they may do there.
    permissions: Vec<Permission>,
}

/// A person.
#[derive(Serialize, ToSchema)]
pub struct PersonView {
    /// Their id.
    id: Uuid,
    /// Their e-mail.
    email: String,
    /// Their name.
    name: String,
    /// Whether they open and close tenants.
    platform_admin: bool,
}

/// A tenant that a person belongs to.
#[derive(Clone, Serialize, ToSchema)]
pub struct PlaceView {
    /// The tenant.
    id: Uuid,
    /// What people call it.
    name: String,
    /// What the person is there.
    role: Role,
}

async fn view(doors: &Doors, person: Person) -> Answer<SessionView> {
    let places = doors.auth.places(person.identity).await?;
    let tenants: Vec<_> = places
        .into_iter()
        .map(|place| PlaceView {
            id: place.tenant.0,
            name: place.name,
            role: place.role,
        })
        .collect();
    let stands = |it: &&PlaceView| person.standing.is_some_and(|(tenant, _)| tenant.0 == it.id);
    let tenant = tenants.iter().find(stands).cloned();
    let permissions = tenant.as_ref().map(|it| it.role.permissions());
    Ok(SessionView {
        permissions: permissions.unwrap_or_default().to_vec(),
        person: PersonView {
            id: person.identity,
            email: person.email,
            name: person.name,
            platform_admin: person.platform_admin,
        },
        tenants,
        tenant,
    })
}

/// Signs in with a password.
///
/// The session is a cookie that scripts cannot read; one that was open in this
/// browser ends. What is wrong is not told, and takes as long.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    tag = "session",
    request_body = SignInBody,
    responses(
        (status = 200, description = "Signed in; the cookie is set", body = SessionView),
        Refused,
        NotWritten,
    ),
)]
pub async fn sign_in(
    State(doors): State<Doors>,
    client: Client,
    headers: HeaderMap,
    Body(body): Body<SignInBody>,
) -> Answer<impl IntoResponse> {
    let auth = &doors.auth;
    let key = auth
        .sign_in(&body.email, &body.password, &client, &headers)
        .await?;
    let person = auth.opened(&key).await?;
    let set = AppendHeaders([(header::SET_COOKIE, cookie(auth, key))]);
    Ok((set, Json(view(&doors, person).await?)))
}

/// Who is signed in: their tenants, what they may do, where they stand.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "session",
    security(("session" = [])),
    responses(
        (status = 200, description = "Who is signed in", body = SessionView),
        Refused,
    ),
)]
pub async fn get_session(State(doors): State<Doors>, person: Person) -> Answer<Json<SessionView>> {
    Ok(Json(view(&doors, person).await?))
}

/// Stands in another of one's tenants.
///
/// The session's key changes with the rights: the cookie before is worth nothing.
#[utoipa::path(
    put,
    path = "/api/v1/session/tenant",
    tag = "session",
    request_body = StandBody,
    security(("session" = [])),
    responses(
        (status = 200, description = "Stands there; the cookie is set anew", body = SessionView),
        Refused,
        NotWritten,
    ),
)]
pub async fn stand(
    State(doors): State<Doors>,
    person: Person,
    Body(body): Body<StandBody>,
) -> Answer<impl IntoResponse> {
    let auth = &doors.auth;
    let key = auth.stand(&person, body.tenant).await?;
    let person = auth.opened(&key).await?;
    let set = AppendHeaders([(header::SET_COOKIE, cookie(auth, key))]);
    Ok((set, Json(view(&doors, person).await?)))
}

/// Changes one's password; all one's sessions end, and this browser has a new one.
#[utoipa::path(
    put,
    path = "/api/v1/session/password",
    tag = "session",
    request_body = PasswordBody,
    security(("session" = [])),
    responses(
        (status = 200, description = "Changed; the cookie is set anew", body = SessionView),
        Refused,
        NotWritten,
    ),
)]
pub async fn change_password(
    State(doors): State<Doors>,
    person: Person,
    client: Client,
    headers: HeaderMap,
    Body(body): Body<PasswordBody>,
) -> Answer<impl IntoResponse> {
    let auth = &doors.auth;
    let key = auth
        .change_password(&person, &body.present, &body.new, &client, &headers)
        .await?;
    let person = auth.opened(&key).await?;
    let set = AppendHeaders([(header::SET_COOKIE, cookie(auth, key))]);
    Ok((set, Json(view(&doors, person).await?)))
}

/// Signs out of this browser.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    tag = "session",
    security(("session" = [])),
    responses(
        (status = 204, description = "Signed out; the cookie is gone"),
        Refused,
    ),
)]
pub async fn sign_out(State(doors): State<Doors>, person: Person) -> Answer<impl IntoResponse> {
    doors.auth.end(&person, person.session).await?;
    Ok(gone(&doors))
}

/// Nothing to say, and no cookie any more.
pub(super) fn gone(doors: &Doors) -> impl IntoResponse + use<> {
    let clear = AppendHeaders([(header::SET_COOKIE, clearing_cookie(&doors.auth))]);
    (StatusCode::NO_CONTENT, clear)
}
