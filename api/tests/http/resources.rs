//! What the screens ask: workflows, runs, approvals, triggers, bank transactions.

use database::testing::TestDb;
use serde_json::{Value, json};

use crate::server::{Answer, Server};
use crate::support::Copro;

const LEAVE: &str = "
name: leave
title: Congés
triggers:
  asked: { webhook: { path: /leave, methods: [POST] } }
inputs: { who: { type: string, default: Camille } }
labels: { who: '${{ inputs.who }}' }
steps:
  agreed:
    uses: approval
    with: { title: 'Congés de ${{ inputs.who }}' }
outputs: { approved: '${{ steps.agreed.approved }}' }
";

/// A client with a token of one tenant.
struct Client<'a> {
    server: &'a Server,
    bearer: String,
}

impl<'a> Client<'a> {
    fn new(server: &'a Server, copro: &Copro, arguments: &[&str]) -> Self {
        let arguments = [&["token", "create", "test"], arguments].concat();
        let token = copro.call(&arguments).well();
        let bearer = format!("Bearer {}", token.trim());
        Self { server, bearer }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [
            &[
                ("authorization", self.bearer.as_str()),
                ("content-type", "application/json"),
                ("accept-language", "fr"),
            ],
            headers,
        ]
        .concat();
        let path = format!("/api/v1{path}");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.server.send(method, &path, &headers, &body)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &[], &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value, status: u16) -> Value {
        let answer = self.ask("POST", path, &[], body);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer.json()
    }

    #[track_caller]
    fn save(&self, seen: &[(&str, &str)], source: &str) -> (u16, Value) {
        let body = json!({ "source": source });
        let answer = self.ask("PUT", "/workflows/leave", seen, &body);
        (answer.status, answer.json())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_checked_saved_compared_and_published() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let server = Server::start(&copro);
    let client = Client::new(&server, &copro, &[]);
    let nodes = client.get("/nodes");
    let names = nodes["items"].as_array().unwrap().iter();
    assert!(names.clone().any(|node| node["name"] == "http.request"));
    let broken = LEAVE.replace("inputs.who }}' }\n", "inputs.whom }}' }\n");
    let checked = client.post("/workflows/check", &json!({ "source": broken }), 200);
    assert_eq!(checked["sound"], false);
    let fault = &checked["faults"][0];
    assert!(
        fault["line"].as_u64().is_some_and(|line| line > 1),
        "{fault}"
    );

    assert_eq!(client.save(&[], LEAVE).0, 428);
    let (status, refused) = client.save(&[("if-match", "\"0\"")], &broken);
    assert_eq!(
        (status, &refused["code"]),
        (422, &json!("workflow_refused"))
    );
    assert_eq!(refused["faults"], checked["faults"]);
    let (status, saved) = client.save(&[("if-match", "\"0\"")], LEAVE);
    assert_eq!((status, &saved["number"]), (200, &json!(1)), "{saved}");
    let (status, stale) = client.save(&[("if-match", "\"0\"")], &LEAVE.replace("Congés", "Repos"));
    assert_eq!((status, &stale["code"]), (412, &json!("workflow_changed")));
    let edited = LEAVE.replace("title: Congés", "title: Repos");
    assert_eq!(
        client.save(&[("if-match", "\"1\"")], &edited).1["number"],
        2
    );

    let versions = client.get("/workflows/leave/versions");
    let numbers: Vec<_> = versions["items"].as_array().unwrap().iter().collect();
    assert_eq!((&numbers[0]["number"], numbers.len()), (&json!(2), 2));
    let changes = client.get("/workflows/leave/diff?from=1&to=2");
    assert_eq!(changes["items"][0]["kind"], "changed", "{changes}");
    let published = client.post("/workflows/leave/publish", &json!({ "number": 1 }), 200);
    assert_eq!(
        (&published["published"], &published["newest"]),
        (&json!(1), &json!(2))
    );
    let one = client.get("/workflows/leave");
    assert_eq!(
        (&one["title"], &one["source"]),
        (&json!("Repos"), &json!(edited))
    );
    assert_eq!(client.get("/workflows?limit=1")["next"], "leave");
    let page = client.get("/workflows?after=leave");
    assert_eq!(page["items"], json!([]));

    let enabled = client.post("/gallery/bank-reconciliation/enable", &json!({}), 200);
    assert_eq!(enabled["published"], 1);
    client.post("/gallery/nothing/enable", &json!({}), 404);
    let other = uuid::Uuid::from_u128(7).to_string();
    let stranger = Client::new(&server, &copro, &["--tenant", &other]);
    assert_eq!(stranger.get("/workflows")["items"], json!([]));
    let hidden = stranger.ask("GET", "/workflows/leave", &[], &Value::Null);
    assert_eq!(hidden.json()["code"], "workflow_unknown");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_and_what_waits_is_answered() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let server = Server::start(&copro);
    let client = Client::new(&server, &copro, &[]);
    client.save(&[("if-match", "\"0\"")], LEAVE);
    client.post("/workflows/leave/publish", &json!({ "number": 1 }), 200);
    let triggers = client.get("/triggers");
    let address = triggers["items"][0]["test_address"].as_str().unwrap();
    assert!(address.starts_with("/hooks-test/"), "{triggers}");
    assert!(address.ends_with("/leave"), "{triggers}");
    assert_eq!(client.get("/triggers/faults")["items"], json!([]));
    let event = json!({ "name": "bank.synced", "data": { "n": 1 } });
    assert!(client.post("/events", &event, 202)["id"].is_string());
    let refused = client.post("/events", &json!({ "name": "No!" }), 422);
    assert_eq!(refused["code"], "event_refused");

    let start = |who: &str| {
        let body = json!({ "inputs": { "who": who } });
        client.post("/workflows/leave/runs", &body, 202)["run"].clone()
    };
    let (first, second) = (start("Ada"), start("Bob"));
    let ids = |path: &str| -> Vec<Value> {
        let page = client.get(path);
        let items = page["items"].as_array().unwrap().iter();
        items.map(|run| run["id"].clone()).collect()
    };
    assert_eq!(ids("/runs"), [second.clone(), first.clone()]);
    assert_eq!(ids("/runs?label=who%3DAda"), std::slice::from_ref(&first));
    assert_eq!(ids("/runs?text=Bob"), std::slice::from_ref(&second));
    assert_eq!(
        ids(&format!("/runs?text={}", first.as_str().unwrap())),
        std::slice::from_ref(&first)
    );
    assert_eq!(ids("/runs?workflow=other"), [] as [Value; 0]);
    assert_eq!(ids("/runs?status=failed"), [] as [Value; 0]);
    assert_eq!(ids("/runs?until=2001-01-01T00:00:00Z"), [] as [Value; 0]);
    assert_eq!(ids("/runs?since=2001-01-01T00:00:00Z").len(), 2);
    let page = client.get("/runs?limit=1");
    let next = format!("/runs?limit=1&before={}", page["next"].as_str().unwrap());
    assert_eq!(ids(&next), std::slice::from_ref(&first));

    // The worker asks soon; a stream tells when.
    let waiting = loop {
        let page = client.get("/approvals");
        if page["items"].as_array().unwrap().len() == 2 {
            break page;
        }
        std::thread::yield_now();
    };
    let asked = waiting["items"].as_array().unwrap().iter();
    let mut titles: Vec<_> = asked.map(|it| it["question"]["title"].as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, [Some("Congés de Ada"), Some("Congés de Bob")]);
    let half = client.get("/approvals?limit=1");
    let after = half["next"].as_str().unwrap();
    let rest = client.get(&format!("/approvals?after={after}"));
    assert_eq!(rest["items"][0]["run"], waiting["items"][1]["run"]);
    let path = format!("/runs/{}/answers", first.as_str().unwrap());
    let answer = json!({ "step": "agreed", "approved": true, "by": "Camille" });
    assert_eq!(client.post(&path, &answer, 200)["verdict"], "approved");
    let run = format!("/runs/{}", first.as_str().unwrap());
    let events = client.ask("GET", &format!("{run}/events"), &[], &Value::Null);
    assert!(events.body.contains("id: ended"), "{events:?}");
    let seen = [("last-event-id", "ended")];
    let nothing = client.ask("GET", &format!("{run}/events"), &seen, &Value::Null);
    assert_eq!(nothing.status, 204);
    assert_eq!(client.get(&run)["outputs"], json!({ "approved": true }));
    let twice = client.ask("POST", &path, &[], &answer);
    assert_eq!(twice.json()["code"], "run_ended");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_transaction_is_explained_decided_and_taken_back() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    copro.call(&["demo"]).well();
    let server = Server::start(&copro);
    let client = Client::new(&server, &copro, &[]);
    let totals = client.get("/reconciliation/totals");
    assert!(totals["items"].as_array().unwrap().len() > 3, "{totals}");
    let asked = "/reconciliation/transactions?state=review&band=suggest&limit=2";
    let page = client.get(asked);
    let line = &page["items"][0];
    assert!(line["reasons"][0].is_string(), "{line}");
    let next = page["next"].as_str().unwrap();
    let second = client.get(&format!("{asked}&after={next}"));
    assert_ne!(second["items"][0]["id"], *line);

    let path = format!(
        "/reconciliation/transactions/{}",
        line["id"].as_str().unwrap()
    );
    let whole = client.get(&path);
    let best = whole["explanations"].as_array().unwrap();
    let best = best
        .iter()
        .find(|it| it["parts"][0]["target_id"].is_string());
    let parts: Vec<Value> = best.unwrap()["parts"].as_array().unwrap().iter().map(|part| {
        json!({ "kind": part["kind"], "target_id": part["target_id"], "amount": part["amount"] })
    }).collect();
    let wrong = json!({ "parts": [{ "kind": "unknown", "amount": "0.01" }], "by": "Camille" });
    let refused = client.post(&format!("{path}/decide"), &wrong, 422);
    assert_eq!(refused["code"], "decision_refused");
    let body = json!({ "parts": parts, "by": "Camille", "revision": whole["revision"] });
    let decided = client.post(&format!("{path}/decide"), &body, 200);
    let now = &decided["transaction"];
    assert_eq!(
        (&now["state"], &now["decided_by"]),
        (&json!("posted"), &json!("Camille"))
    );
    let late = client.post(&format!("{path}/decide"), &body, 422);
    assert_eq!(late["code"], "decision_refused");
    let undone = client.post(&format!("{path}/undo"), &json!({ "by": "Camille" }), 200);
    assert_eq!(undone["transaction"]["state"], "review");

    let home = line["condominium_id"].as_str().unwrap();
    for list in ["lots", "owners", "receivables", "invoices"] {
        let page = client.get(&format!("/condominiums/{home}/{list}?limit=1"));
        let after = page["next"].as_str().unwrap();
        let rest = client.get(&format!(
            "/condominiums/{home}/{list}?limit=1&after={after}"
        ));
        assert_ne!(rest["items"][0]["id"], page["items"][0]["id"], "{list}");
    }
    let other = uuid::Uuid::from_u128(7).to_string();
    let stranger = Client::new(&server, &copro, &["--tenant", &other]);
    let hidden = stranger.ask("GET", &path, &[], &Value::Null);
    assert_eq!(hidden.json()["code"], "transaction_unknown");
    assert_eq!(stranger.get("/condominiums")["items"], json!([]));
    let empty = stranger.get(&format!("/condominiums/{home}/owners"));
    assert_eq!(empty["items"], json!([]));
    assert_eq!(server.stop(), Some(0));
}
