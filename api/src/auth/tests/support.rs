//! A world of tenants and people, and requests to its router.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use chrono::DateTime;
use database::testing::TestDb;
use domain::store::tenants;
use engine::Engine;
use engine::clock::SharedClock;
use engine::crypto::MasterKey;
use engine::ids::TenantId;
use engine::testing::FakeClock;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;
use uuid::Uuid;

use crate::auth::{Auth, Role, Settings, password};
use crate::router::{Doors, router};
use crate::store::{Identities, identities, memberships};

/// Everybody's password.
pub const PASSWORD: &str = "trois vieux platanes";
static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD).unwrap());

/// Tenants and people, and the router that answers them.
pub struct World {
    pub engine: Engine,
    pub identities: Identities,
    clock: Arc<FakeClock>,
    router: Router,
    _closed: watch::Sender<bool>,
    // Last: the database goes when all that use it have gone.
    pub db: TestDb,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The whole `Set-Cookie`.
    pub fn set_cookie(&self) -> &str {
        self.headers[header::SET_COOKIE].to_str().unwrap()
    }

    /// What the browser sends back.
    pub fn cookie(&self) -> String {
        self.set_cookie().split(';').next().unwrap().to_owned()
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let db = TestDb::new().await;
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = Arc::new(FakeClock::at(start));
        let shared: SharedClock = clock.clone();
        let nodes = crate::app::registry();
        let engine = Engine::new(db.pool(), nodes, MasterKey::generate(), shared.clone());
        let identities = Identities::new(db.pool());
        let (closed, closing) = watch::channel(false);
        let router = router(Doors {
            engine: engine.clone(),
            auth: Auth::new(identities.clone(), shared, settings),
            closing,
        });
        Self {
            engine,
            identities,
            clock,
            router,
            _closed: closed,
            db,
        }
    }

    pub fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub async fn tenant(&self, name: &str) -> TenantId {
        let tenant = TenantId::new(self.engine.clock().now());
        let mut transaction = self.engine.begin(tenant).await.unwrap();
        let mut tx = transaction.tx();
        let mut tx = nodes::tx::tenant(&mut tx);
        tenants::create(&mut tx, name, true).await.unwrap();
        transaction.commit().await.unwrap();
        tenant
    }

    /// A person with [`PASSWORD`], and what they are where.
    pub async fn person(&self, email: &str, places: &[(TenantId, Role)]) -> Uuid {
        self.identity(email, false, places).await
    }

    pub async fn identity(&self, email: &str, demo: bool, places: &[(TenantId, Role)]) -> Uuid {
        let now = self.engine.clock().now();
        let mut tx = self.identities.begin().await.unwrap();
        let new = identities::New {
            id: TenantId::new(now).0,
            email,
            name: "Somebody",
            password_hash: Some(&HASH),
            demo,
        };
        let id = identities::ensure(&mut tx, &new, now).await.unwrap();
        for (tenant, role) in places {
            let made = memberships::ensure(&mut tx, tenant.0, id, role.as_str(), now).await;
            made.unwrap();
        }
        tx.commit().await.unwrap();
        id
    }

    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, "copro.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        // A stream goes on as long as what it shows: its head is enough.
        let kind = head.headers.get(header::CONTENT_TYPE);
        let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let bytes = match streams {
            true => Vec::new(),
            false => body.collect().await.unwrap().to_bytes().to_vec(),
        };
        Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(bytes).unwrap(),
        }
    }

    /// Calls as a browser that holds this cookie.
    pub async fn as_(&self, cookie: &str, method: &str, path: &str, body: &str) -> Reply {
        self.call(method, path, &[("cookie", cookie)], body).await
    }

    pub async fn try_to_sign_in(&self, email: &str, password: &str) -> Reply {
        let body = serde_json::json!({ "email": email, "password": password }).to_string();
        self.call("POST", "/api/v1/session", &[], &body).await
    }

    /// Signs in, and gives the cookie.
    pub async fn sign_in(&self, email: &str) -> String {
        let reply = self.try_to_sign_in(email, PASSWORD).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.cookie()
    }
}
