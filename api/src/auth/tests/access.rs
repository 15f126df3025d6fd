//! The table of permissions, held against the router: every route, called as
//! everyone, with what is there and with what is not.

use engine::StartRun;
use engine::ids::TenantId;
use serde_json::json;
use uuid::Uuid;

use super::support::{Reply, World};
use crate::auth::Role;
use crate::auth::permissions::{Access, ROUTES};

/// In everything that the tenant has; nobody else may ever read it.
const MARK: &str = "platane-secret";
const NOTES: &str = "
name: platane-secret
inputs: { note: { type: string, required: true } }
steps:
  keep: { uses: set, with: { note: '${{ inputs.note }}' } }
";

/// What stands in the paths and bodies of requests.
struct Ids {
    run: Uuid,
    session: Uuid,
    tenant: Uuid,
    workflow: String,
}

/// What exists nowhere, in the same shape.
fn nothing() -> Ids {
    Ids {
        run: Uuid::from_u128(1 << 100),
        session: Uuid::from_u128(2 << 100),
        tenant: Uuid::from_u128(3 << 100),
        workflow: "nothing-secret".to_owned(),
    }
}

impl Ids {
    fn path(&self, route: &str) -> String {
        let id = match route.split('/').nth(3) {
            Some("runs") => self.run,
            Some("sessions") => self.session,
            _ => self.tenant,
        };
        let path = route
            .replace("{tenant}", &self.tenant.to_string())
            .replace("{*path}", "notes")
            .replace("{value}", &self.session.to_string())
            .replace("{name}", &self.workflow)
            .replace("{id}", &id.to_string())
            .replace("{number}", "1");
        assert!(!path.contains('{'), "what stands here? {route}");
        path
    }

    fn body(&self, method: &str, route: &str) -> String {
        let body = match (method, route) {
            ("GET" | "DELETE", _) => return String::new(),
            ("POST", "/api/v1/runs/bulk") => json!({
                "action": "cancel", "operation": Uuid::from_u128(7), "status": "queued",
                "workflow": self.workflow, "before": self.run,
            }),
            ("POST", "/api/v1/runs/{id}/cancel") => return String::new(),
            ("PUT", "/api/v1/session/tenant") => json!({ "tenant": self.tenant }),
            ("POST", "/api/v1/workflows/{name}/runs") => json!({ "inputs": { "note": "x" } }),
            _ => json!({}),
        };
        body.to_string()
    }
}

/// What an answer says, without what only repeats the question.
fn said(reply: &Reply, ids: &Ids) -> (u16, String) {
    let text = reply
        .text
        .replace(&ids.run.to_string(), "RUN")
        .replace(&ids.session.to_string(), "SESSION")
        .replace(&ids.tenant.to_string(), "TENANT")
        .replace(&ids.workflow, "WORKFLOW");
    (reply.status, text)
}

struct Scene {
    world: World,
    tenant: TenantId,
    ids: Ids,
}

impl Scene {
    /// A tenant with a run, a workflow, a session.
    async fn new() -> Self {
        let world = World::new().await;
        let tenant = world.tenant(MARK).await;
        world
            .person("admin@mark.example", &[(tenant, Role::Admin)])
            .await;
        let cookie = world.sign_in("admin@mark.example").await;
        let sessions = world
            .as_(&cookie, "GET", "/api/v1/sessions", "")
            .await
            .json();
        let saved = world.engine.save(tenant, NOTES).await.unwrap();
        world.engine.publish(tenant, saved.id).await.unwrap();
        let start = StartRun::new(MARK, json!({ "note": MARK }));
        let run = world.engine.start(tenant, &start).await.unwrap().run;
        let ids = Ids {
            run: run.0,
            session: sessions[0]["id"].as_str().unwrap().parse().unwrap(),
            tenant: tenant.0,
            workflow: MARK.to_owned(),
        };
        Self { world, tenant, ids }
    }

    async fn call(&self, row: (&str, &str), ids: &Ids, headers: &[(&str, &str)]) -> Reply {
        let method = if row.0 == "*" { "GET" } else { row.0 };
        let (path, body) = (ids.path(row.1), ids.body(method, row.1));
        self.world.call(method, &path, headers, &body).await
    }
}

fn guarded() -> impl Iterator<Item = (&'static str, &'static str, Access)> {
    let rows = ROUTES.iter().copied();
    rows.filter(|(_, _, access)| *access != Access::Open)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_reaches_nothing_and_learns_nothing() {
    let scene = Scene::new().await;
    let token = format!("Bearer copro_{}{}", scene.tenant.0.simple(), "0".repeat(64));
    let strangers: [&[(&str, &str)]; 5] = [
        &[],
        &[(
            "cookie",
            "copro_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        )],
        &[("authorization", token.as_str())],
        &[("authorization", "Bearer nonsense")],
        &[("authorization", "Basic YTpi")],
    ];
    for (method, path, _) in guarded() {
        for headers in strangers {
            let there = scene.call((method, path), &scene.ids, headers).await;
            let absent = scene.call((method, path), &nothing(), headers).await;
            assert_eq!(there.code(), "unauthorized", "{method} {path}: {there:?}");
            assert_eq!(there, absent, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_reaches_what_the_table_says_and_is_told_the_same_of_all_else() {
    let scene = Scene::new().await;
    let mut allowed = 0;
    for role in Role::ALL {
        let email = format!("{}@mark.example", role.as_str());
        scene.world.person(&email, &[(scene.tenant, role)]).await;
        for (method, path, access) in guarded() {
            // Some of these calls end the session: each has its own.
            let cookie = scene.world.sign_in(&email).await;
            let headers = [("cookie", cookie.as_str())];
            let there = scene.call((method, path), &scene.ids, &headers).await;
            let what = format!("{method} {path} as {role:?}: {there:?}");
            let may = match access {
                Access::May(permission) => role.permissions().contains(&permission),
                _ => true,
            };
            if may {
                assert!(
                    !matches!(there.status, 401 | 405) && there.status < 500,
                    "{what}"
                );
                // The router knows the route: its fallback says the path.
                let path = scene.ids.path(path);
                assert!(
                    !there.text.contains(&format!("\"detail\":\"{path}")),
                    "{what}"
                );
                assert_ne!(there.status, 403, "{what}");
                allowed += 1;
            } else {
                assert_eq!(
                    (there.status, there.code().as_str()),
                    (403, "forbidden"),
                    "{what}"
                );
                let absent = scene.call((method, path), &nothing(), &headers).await;
                assert_eq!(there, absent, "{what}");
            }
        }
    }
    assert!(allowed > 20, "the table is read");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_admin_cannot_tell_what_is_there_from_what_is_not() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let other = world.tenant("Other").await;
    world
        .person("admin@other.example", &[(other, Role::Admin)])
        .await;
    let token = world.engine.create_token(other, "spy").await.unwrap();
    let bearer = format!("Bearer {}", token.as_str());
    for (method, path, access) in guarded() {
        let cookie = world.sign_in("admin@other.example").await;
        let mut doors = vec![("cookie", cookie.as_str())];
        if matches!(access, Access::May(_)) {
            doors.push(("authorization", bearer.as_str()));
        }
        for door in doors {
            let there = scene.call((method, path), &scene.ids, &[door]).await;
            assert!(
                !there
                    .text
                    .replace("/platane-secret/", "")
                    .contains(&format!("\"{MARK}")),
                "{method} {path}: {there:?}"
            );
            if door.0 == "cookie" && matches!(access, Access::Person) && there.status < 300 {
                continue; // Their own session.
            }
            let absent = scene.call((method, path), &nothing(), &[door]).await;
            assert_eq!(
                said(&there, &scene.ids),
                said(&absent, &nothing()),
                "{method} {path}"
            );
        }
    }
    let run = world
        .engine
        .run(scene.tenant, engine::ids::RunId(scene.ids.run))
        .await
        .unwrap();
    assert_eq!(run.status, engine::RunStatus::Queued, "nobody touched it");
    let runs = world
        .engine
        .runs(scene.tenant, &engine::RunFilter::default())
        .await
        .unwrap();
    assert_eq!(runs.len(), 1, "nobody added to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_nobody_and_has_no_session() {
    let scene = Scene::new().await;
    let token = scene
        .world
        .engine
        .create_token(scene.tenant, "machine")
        .await
        .unwrap();
    let bearer = format!("Bearer {}", token.as_str());
    for (method, path, access) in guarded() {
        let reply = scene
            .call((method, path), &scene.ids, &[("authorization", &bearer)])
            .await;
        match access {
            Access::Person => assert_eq!(reply.code(), "forbidden", "{method} {path}"),
            _ => assert!(
                !matches!(reply.status, 401 | 403),
                "{method} {path}: {reply:?}"
            ),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_in_the_table_answers_nobody() {
    let scene = Scene::new().await;
    let cookie = scene.world.sign_in("admin@mark.example").await;
    for (_, path, _) in guarded() {
        for method in ["PATCH", "OPTIONS", "TRACE"] {
            let path = scene.ids.path(path);
            let reply = scene.world.as_(&cookie, method, &path, "").await;
            assert_eq!(reply.status, 405, "{method} {path}");
        }
    }
}

#[test]
fn the_table_is_sorted_and_says_each_thing_once() {
    let rows: Vec<_> = ROUTES
        .iter()
        .map(|(method, path, _)| (*path, *method))
        .collect();
    for pair in rows.windows(2) {
        assert!(pair[0].0 <= pair[1].0, "{pair:?}");
    }
    let once: std::collections::BTreeSet<_> = rows.iter().collect();
    assert_eq!(once.len(), rows.len());
}
