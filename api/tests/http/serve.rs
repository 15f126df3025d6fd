//! `copro serve`, through its socket: webhooks, runs, tokens, and a stop that loses nothing.

use std::io::Write;
use std::process::Stdio;

use database::testing::TestDb;
use serde_json::json;

use crate::server::Server;
use crate::support::Copro;

/// The tenant of commands that name none.
const TENANT: &str = "00000000-0000-8000-8000-000000000001";

const ORDERS: &str = "
name: orders
triggers:
  called:
    webhook: { path: /orders, answer: outputs, auth: { scheme: bearer, credential: shop } }
    start: { n: '${{ event.body.n }}' }
  greeted:
    webhook: { path: /hello, methods: [GET], answer: respond }
    start: { n: 1 }
inputs: { n: { type: integer, required: true } }
steps:
  double: { uses: set, with: { n: '${{ inputs.n * 2 }}' } }
  answer:
    uses: respond
    with: { status: 201, headers: { x-answer: 'yes' }, body: 'bonjour ${{ steps.double.n }}' }
outputs: { n: '${{ steps.double.n }}' }
";

/// A database with the workflow published, its secret set, and a token.
fn prepared(copro: &Copro) -> String {
    let file = copro.data.path().join("orders.yaml");
    std::fs::write(&file, ORDERS).unwrap();
    let out = copro
        .call(&["workflow", "push", file.to_str().unwrap()])
        .well();
    assert!(out.contains("orders"), "{out}");
    let mut set = copro
        .command(&["secret", "set", "shop"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    set.stdin.take().unwrap().write_all(b"s3cret\n").unwrap();
    assert!(set.wait().unwrap().success());
    let token = copro.call(&["token", "create", "test"]).well();
    token.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_a_hundred_times_in_parallel_makes_one_run_with_one_answer() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    prepared(&copro);
    let server = Server::start(&copro);
    let path = format!("/hooks/{TENANT}/orders");
    let headers = [
        ("authorization", "Bearer s3cret"),
        ("idempotency-key", "order 7"),
        ("content-type", "application/json"),
    ];
    let answers: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| server.send("POST", &path, &headers, r#"{"n": 21}"#)))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    for answer in answers {
        assert_eq!((answer.status, answer.json()), (200, json!({ "n": 42 })));
    }
    let runs: i64 = sqlx::query_scalar("select count(*) from engine.run_history")
        .fetch_one(&db.owner_pool())
        .await
        .unwrap();
    assert_eq!(runs, 1);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_answers_and_says_what_is_wrong() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    prepared(&copro);
    let server = Server::start(&copro);
    let hooks = format!("/hooks/{TENANT}");
    let hello = server.send("GET", &format!("{hooks}/hello"), &[], "");
    assert_eq!((hello.status, hello.body.as_str()), (201, "bonjour 2"));
    assert!(hello.head.contains("x-answer: yes"), "{hello:?}");
    let test = server.send("GET", &format!("/hooks-test/{TENANT}/hello"), &[], "");
    assert_eq!(test.status, 201);
    let signed = [("authorization", "Bearer s3cret")];
    let large = "x".repeat((1 << 20) + 1);
    let orders = format!("{hooks}/orders");
    for (answer, status, code) in [
        (server.send("POST", &orders, &[], "{}"), 401, "unauthorized"),
        (
            server.send("GET", &orders, &signed, ""),
            405,
            "method_not_allowed",
        ),
        (
            server.send("POST", &format!("{hooks}/other"), &signed, ""),
            404,
            "not_found",
        ),
        (
            server.send("POST", "/hooks/nobody/orders", &signed, ""),
            404,
            "not_found",
        ),
        (
            server.send("POST", &orders, &signed, r#"{"n": "x"}"#),
            422,
            "request_refused",
        ),
        (
            server.send("POST", &orders, &signed, &large),
            413,
            "too_large",
        ),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(
            answer.head.contains("application/problem+json"),
            "{answer:?}"
        );
        assert_eq!(answer.json()["code"], code);
    }
    let faults = copro.call(&["triggers"]).well();
    assert!(faults.contains("run.bad_inputs"), "{faults}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_a_token_starts_reads_watches_and_cancels_runs() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let token = prepared(&copro);
    let server = Server::start(&copro);
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "once"),
    ];
    let path = "/api/v1/workflows/orders/runs";
    let first = server.send("POST", path, &headers, r#"{"inputs": {"n": 4}}"#);
    assert_eq!(first.status, 202, "{first:?}");
    let again = server.send("POST", path, &headers, r#"{"inputs": {"n": 4}}"#);
    assert_eq!(first.json()["run"], again.json()["run"]);
    let run = first.json()["url"].as_str().unwrap().to_owned();
    let events = server.send("GET", &format!("{run}/events"), &headers, "");
    assert!(events.head.contains("text/event-stream"), "{events:?}");
    assert!(
        events.body.contains(r#""status":"succeeded""#),
        "it ends with the run: {events:?}"
    );
    let view = server.send("GET", &run, &headers, "").json();
    assert_eq!(view["outputs"], json!({ "n": 8 }));
    let ended = server.send("POST", &format!("{run}/cancel"), &headers, "");
    assert_eq!(
        (ended.status, ended.json()["code"].as_str()),
        (409, Some("run_ended"))
    );
    let unknown = format!("/api/v1/runs/{}", uuid::Uuid::nil());
    for (answer, status) in [
        (
            server.send("POST", path, &headers, r#"{"inputs": {}}"#),
            422,
        ),
        (server.send("POST", path, &headers, "{"), 400),
        (server.send("GET", &unknown, &headers, ""), 404),
        (server.send("GET", &run, &[], ""), 401),
        (
            server.send("GET", &run, &[("authorization", "Bearer copro_x")], ""),
            401,
        ),
        (server.send("GET", "/api/v1/nowhere", &[], ""), 404),
        (server.send("GET", "/health", &[], ""), 200),
        (server.send("GET", "/ready", &[], ""), 200),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let listed = copro.call(&["token", "list"]).well();
    let id = listed.split_whitespace().next().unwrap();
    copro.call(&["token", "revoke", id]).well();
    assert_eq!(server.send("GET", &run, &headers, "").status, 401);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_runs_runs_again_one_by_one_and_many_at_once() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let token = prepared(&copro);
    let server = Server::start(&copro);
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let start = "/api/v1/workflows/orders/runs";
    let first = server.send("POST", start, &headers, r#"{"inputs": {"n": 4}}"#);
    let (url, id) = (first.json()["url"].clone(), first.json()["run"].clone());
    let url = url.as_str().unwrap();
    server.send("GET", &format!("{url}/events"), &headers, "");
    let edited = r#"{"outputs": {"double": {"n": 5}}, "by": "Camille"}"#;
    let once = [&headers[..], &[("idempotency-key", "once")]].concat();
    let again = server.send("POST", &format!("{url}/rerun"), &once, edited);
    assert_eq!(again.status, 202, "{again:?}");
    let twice = server.send("POST", &format!("{url}/rerun"), &once, edited);
    assert_eq!(twice.json()["run"], again.json()["run"]);
    let new = again.json()["url"].as_str().unwrap().to_owned();
    server.send("GET", &format!("{new}/events"), &headers, "");
    let view = server.send("GET", &new, &headers, "").json();
    assert_eq!(
        (&view["origin"], &view["outputs"]),
        (&id, &json!({ "n": 5 }))
    );
    let refused = server.send("POST", &format!("{url}/retry"), &headers, "{}");
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (409, Some("run_not_again")),
        "{refused:?}"
    );
    let bulk = json!({ "action": "retry", "operation": uuid::Uuid::nil(), "status": "succeeded" });
    let page = server.send("POST", "/api/v1/runs/bulk", &headers, &bulk.to_string());
    let acted = page.json()["acted"].clone();
    assert_eq!(acted.as_array().map(Vec::len), Some(2), "{page:?}");
    assert!(acted[0]["refused"].is_string(), "{page:?}");
    assert_eq!(server.stop(), Some(0));
}
