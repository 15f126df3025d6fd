//! `http.request` against a server that speaks HTTP on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod server;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use engine::node::{Effect, ErrorKind, NodeError, UnknownOutcome};
use engine::testing::{NodeTest, RunTest};
use engine::{RunEvent, StepStatus};
use futures::future::BoxFuture;
use nodes::clients::Clients;
use nodes::clients::http::{Guard, HttpClient, Resolver, SystemResolver};
use nodes::http::request::HttpRequest;
use serde_json::{Value, json};

use crate::server::{Reply, Server};

/// To loopback only because the test allows it.
fn client(allowed: &[&str], resolver: Arc<dyn Resolver>) -> HttpClient {
    let networks = allowed.iter().map(|network| network.parse().unwrap());
    HttpClient::new(Guard::new(networks.collect()), resolver)
}

fn node(config: Value) -> NodeTest {
    let client = client(&["127.0.0.1"], Arc::new(SystemResolver));
    NodeTest::new(HttpRequest { client }).with_value(config)
}

async fn error(config: Value) -> NodeError {
    node(config).run().await.unwrap_err()
}

/// The kind of an error, and its code.
fn told(error: &NodeError) -> (ErrorKind, &str) {
    (error.kind, error.code.as_str())
}

#[tokio::test]
async fn a_get_reads_json_with_its_query_and_headers() {
    let server = Server::start(vec![Reply::json(r#"{"balance":"12.50"}"#)]).await;
    let test = node(json!({
        "url": server.url("/accounts?open=yes"),
        "query": { "page": 2, "name": "Été & co" },
        "headers": { "Authorization": "Bearer abc" },
    }));
    assert_eq!(test.effect().unwrap(), Effect::Read);
    let answer = test.run().await.unwrap();
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["body"], json!({ "balance": "12.50" }));
    assert_eq!(answer["headers"]["content-type"], "application/json");
    let asked = server.asked().await.remove(0);
    assert_eq!(
        asked.line,
        "GET /accounts?open=yes&name=%C3%89t%C3%A9+%26+co&page=2 HTTP/1.1"
    );
    assert_eq!(asked.header("authorization"), Some("Bearer abc"));
    assert_eq!(asked.header("idempotency-key"), None);
}

#[tokio::test]
async fn the_credential_of_the_step_is_sent_as_it_says() {
    for (auth, header, wanted) in [
        (json!(null), "authorization", "Bearer a:b"),
        (json!("bearer"), "authorization", "Bearer a:b"),
        (json!("basic"), "authorization", "Basic YTpi"),
        (json!({ "header": "X-Api-Key" }), "x-api-key", "a:b"),
    ] {
        let server = Server::start(vec![Reply::text("ok")]).await;
        let config = json!({ "url": server.url("/"), "auth": auth });
        let test = node(config.clone()).credential("a:b\nthe one before");
        test.run().await.unwrap();
        let asked = server.asked().await.remove(0);
        assert_eq!(asked.header(header), Some(wanted), "{auth}");
        if !auth.is_null() {
            let (kind, code) = (ErrorKind::Fail, "http.bad_config");
            assert_eq!(told(&error(config).await), (kind, code));
        }
    }
}

/// A step's input is recorded without the secret, which its node is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_reads_its_credential_and_nothing_keeps_it() {
    let client = client(&["127.0.0.1"], Arc::new(SystemResolver));
    let registry = engine::node::Registry::builder().node(HttpRequest { client });
    let test = RunTest::new(registry.build().unwrap()).await;
    let server = Server::start(vec![Reply::text("read"), Reply::text("done")]).await;
    let workflow = format!(
        "name: w\nsteps:\n  read: {{ uses: http.request, credential: bank, with: {{ url: '{url}' }} }}\n  \
         act: {{ uses: http.request, needs: [read], credential: bank, with: {{ url: '{url}', method: POST }} }}",
        url = server.url("/")
    );
    let lacking = test.run(&workflow, json!({})).await;
    assert_eq!(lacking.error.as_ref().unwrap().code, "engine.no_credential");
    let engine = &test.engine;
    engine
        .set_credential(test.tenant, "bank", "s3cr3t")
        .await
        .unwrap();
    let run = test.run(&workflow, json!({})).await;
    assert_eq!(run.error, None);
    assert!(!format!("{run:?}").contains("s3cr3t"));
    for asked in server.asked().await {
        assert_eq!(asked.header("authorization"), Some("Bearer s3cr3t"));
    }
}

#[tokio::test]
async fn a_post_is_external_and_carries_the_steps_key() {
    for (outcome, wanted) in [
        ("ask", UnknownOutcome::Ask),
        ("repeat", UnknownOutcome::Repeat),
    ] {
        let server = Server::start(vec![Reply::text("ok"), Reply::text("ok")]).await;
        let test = node(json!({
            "method": "POST",
            "url": server.url("/payments"),
            "body": { "json": { "amount": "12.50" } },
            "unknown_outcome": outcome,
        }));
        assert_eq!(test.effect().unwrap(), Effect::External(wanted));
        assert_eq!(test.run().await.unwrap()["body"], "ok");
        test.run().await.unwrap();
        let asked = server.asked().await;
        assert_eq!(asked[0].line, "POST /payments HTTP/1.1");
        assert_eq!(asked[0].header("content-type"), Some("application/json"));
        assert_eq!(asked[0].body, r#"{"amount":"12.50"}"#);
        let keys: Vec<_> = asked
            .iter()
            .map(|asked| asked.header("idempotency-key"))
            .collect();
        assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    }
}

#[tokio::test]
async fn a_form_and_a_text_are_sent_as_such() {
    let server = Server::start(vec![Reply::text(""), Reply::text("")]).await;
    let form = json!({ "method": "PUT", "url": server.url("/"), "body": { "form": { "a": "x y", "b": true } } });
    assert_eq!(node(form).run().await.unwrap()["body"], Value::Null);
    let text = json!({
        "method": "PATCH",
        "url": server.url("/"),
        "headers": { "content-type": "text/csv" },
        "body": { "text": "a;b" },
    });
    node(text).run().await.unwrap();
    let asked = server.asked().await;
    assert_eq!(asked[0].body, "a=x+y&b=true");
    assert_eq!(
        asked[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        (asked[1].body.as_str(), asked[1].header("content-type")),
        ("a;b", Some("text/csv"))
    );
}

#[tokio::test]
async fn an_answer_is_read_as_it_says_or_as_it_is_told() {
    let latin = Reply::raw("text/plain; charset=iso-8859-1", b"\xe9t\xe9");
    let replies = vec![
        Reply::json("[1]"),
        Reply::text("[1]"),
        Reply::json("oops"),
        latin,
    ];
    let server = Server::start(replies).await;
    let read = |reading: &str| node(json!({ "url": server.url("/"), "response": reading }));
    assert_eq!(read("text").run().await.unwrap()["body"], "[1]");
    assert_eq!(read("json").run().await.unwrap()["body"], json!([1]));
    let error = read("auto").run().await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Fail, "http.not_json"));
    assert_eq!(read("auto").run().await.unwrap()["body"], "été");
}

#[tokio::test]
async fn a_status_is_expected_or_says_what_may_be_done() {
    let later = "Thu, 01 Jan 1970 00:01:30 GMT";
    for (status, headers, read, sent) in [
        (
            429,
            "retry-after: 7\r\n".to_owned(),
            ErrorKind::Retry,
            ErrorKind::Retry,
        ),
        (
            503,
            format!("retry-after: {later}\r\n"),
            ErrorKind::Retry,
            ErrorKind::Retry,
        ),
        (502, String::new(), ErrorKind::Retry, ErrorKind::Unknown),
        (504, String::new(), ErrorKind::Retry, ErrorKind::Unknown),
        (500, String::new(), ErrorKind::Fail, ErrorKind::Fail),
        (404, String::new(), ErrorKind::Fail, ErrorKind::Fail),
    ] {
        let reply = Reply::status(status, &headers);
        let server = Server::start(vec![reply.clone(), reply.clone(), reply]).await;
        let url = server.url("/");
        let got = error(json!({ "url": url })).await;
        assert_eq!(got.kind, read, "GET {status}: {got}");
        let posted = node(json!({ "url": url, "method": "POST" })).at(DateTime::UNIX_EPOCH);
        let posted = posted.run().await.unwrap_err();
        assert_eq!(posted.kind, sent, "POST {status}: {posted}");
        let wait = match status {
            429 => Some(Duration::from_secs(7)),
            503 => Some(Duration::from_secs(90)),
            _ => None,
        };
        assert_eq!(posted.after, wait, "{status}");
        let expected = node(json!({ "url": url, "expect": [status] })).run().await;
        assert_eq!(expected.unwrap()["status"], status);
    }
}

#[tokio::test]
async fn what_was_not_sent_is_definite_and_what_was_cut_after_is_unknown() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/", unused.local_addr().unwrap());
    drop(unused);
    let post = |url: &str| json!({ "url": url, "method": "POST", "body": { "text": "x" } });
    let got = error(post(&nobody)).await;
    assert_eq!(told(&got), (ErrorKind::Retry, "http.unreachable"));
    for cut in [Reply::cut(), Reply::cut_in_the_body()] {
        let server = Server::start(vec![cut.clone(), cut]).await;
        let got = error(post(&server.url("/"))).await;
        assert_eq!(told(&got), (ErrorKind::Unknown, "http.cut"));
        let got = error(json!({ "url": server.url("/") })).await;
        assert_eq!(told(&got), (ErrorKind::Retry, "http.cut"));
    }
}

#[tokio::test]
async fn a_slow_body_is_given_up_in_time_and_its_outcome_is_unknown() {
    let server = Server::start(vec![Reply::endless()]).await;
    let post = json!({ "url": server.url("/"), "method": "POST", "timeout_seconds": 1 });
    let got = error(post).await;
    assert_eq!(told(&got), (ErrorKind::Unknown, "http.timed_out"));
}

#[tokio::test]
async fn a_large_answer_is_not_read_to_its_end() {
    let server = Server::start(vec![Reply::endless()]).await;
    let got = error(json!({ "url": server.url("/"), "most_bytes": 4 })).await;
    assert_eq!(told(&got), (ErrorKind::Fail, "http.too_large"));
}

#[tokio::test]
async fn redirects_are_followed_within_limits_and_secrets_stay_at_their_origin() {
    let other = Server::start(vec![Reply::text("there")]).await;
    let server = Server::start(vec![
        Reply::redirect(303, "/result"),
        Reply::redirect(302, &other.url("/elsewhere")),
    ])
    .await;
    let answer = node(json!({
        "url": server.url("/jobs"),
        "method": "POST",
        "headers": { "X-Api-Key": "s3cr3t", "Accept": "text/plain" },
        "body": { "text": "work" },
    }))
    .run()
    .await
    .unwrap();
    assert_eq!(answer["body"], "there");
    let asked = server.asked().await;
    assert_eq!(asked[1].line, "GET /result HTTP/1.1");
    assert_eq!(
        (asked[1].header("x-api-key"), asked[1].body.as_str()),
        (Some("s3cr3t"), "")
    );
    let elsewhere = other.asked().await.remove(0);
    assert_eq!(elsewhere.header("x-api-key"), None);
    assert_eq!(elsewhere.header("idempotency-key"), None);
    assert_eq!(elsewhere.header("accept"), Some("text/plain"));

    let round = Server::start(vec![Reply::redirect(307, "/"); 3]).await;
    let got = error(json!({ "url": round.url("/"), "redirects": 2 })).await;
    assert_eq!(told(&got), (ErrorKind::Fail, "http.bad_redirect"));
    let kept = Server::start(vec![Reply::redirect(302, "/x")]).await;
    let config = json!({ "url": kept.url("/"), "redirects": 0, "expect": [302] });
    assert_eq!(
        node(config).run().await.unwrap()["headers"]["location"],
        "/x"
    );
}

#[tokio::test]
async fn a_redirect_to_an_address_inside_is_refused_and_data_is_not_carried_elsewhere() {
    let inside = Server::start_at("127.0.0.2", vec![Reply::text("secret")]).await;
    for to in [
        inside.url("/"),
        "http://169.254.169.254/latest".into(),
        "http://[::1]/".into(),
    ] {
        let server = Server::start(vec![Reply::redirect(302, &to)]).await;
        let got = error(json!({ "url": server.url("/") })).await;
        assert_eq!(told(&got), (ErrorKind::Fail, "http.forbidden"), "{to}");
    }
    let other = Server::start(vec![]).await;
    let server = Server::start(vec![Reply::redirect(307, &other.url("/"))]).await;
    let got =
        error(json!({ "url": server.url("/"), "method": "POST", "body": { "text": "x" } })).await;
    assert_eq!(told(&got), (ErrorKind::Fail, "http.bad_redirect"));
    assert!(inside.asked().await.is_empty() && other.asked().await.is_empty());
}

#[tokio::test]
async fn no_way_of_writing_it_leads_inside() {
    let closed = || client(&[], Arc::new(SystemResolver));
    let port = Server::start(vec![]).await.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "0",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
    ] {
        let test = NodeTest::new(HttpRequest { client: closed() })
            .with_value(json!({ "url": format!("http://{host}:{port}/") }));
        let got = test.run().await.unwrap_err();
        assert_eq!(told(&got), (ErrorKind::Fail, "http.forbidden"), "{host}");
    }
    for url in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://user:word@example.org/",
        "nonsense",
    ] {
        let got = error(json!({ "url": url })).await;
        assert_eq!(told(&got), (ErrorKind::Fail, "http.bad_config"), "{url}");
    }
}

/// Answers otherwise each time it is asked.
struct Rebinding(Mutex<VecDeque<Vec<&'static str>>>);

impl Rebinding {
    fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        Arc::new(Self(Mutex::new(answers)))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolver for Rebinding {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let answer = self.0.lock().unwrap().pop_front().unwrap_or_default();
        let found = answer
            .into_iter()
            .map(|address| address.parse().unwrap())
            .collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}

#[tokio::test]
async fn a_name_that_is_rebound_leads_nowhere_but_to_what_was_checked() {
    let server = Server::start(vec![Reply::redirect(302, "/again")]).await;
    let port = server.port();
    let inside = Server::start_on("127.0.0.2", port, vec![Reply::text("secret")]).await;
    // Checked once, connected to that very answer; asked anew for the next hop.
    let rebinding = Rebinding::new(&[&["127.0.0.2", "127.0.0.1"], &["127.0.0.2"]]);
    let client = client(&["127.0.0.1"], rebinding.clone());
    let test = NodeTest::new(HttpRequest { client })
        .with_value(json!({ "url": format!("http://rebound.example:{port}/") }));
    let got = test.run().await.unwrap_err();
    assert_eq!(told(&got), (ErrorKind::Fail, "http.forbidden"));
    assert_eq!(rebinding.left(), 0);
    assert_eq!(server.asked().await.len(), 1);
    assert!(
        inside.asked().await.is_empty(),
        "the address inside was reached"
    );
    let got = test.run().await.unwrap_err();
    assert_eq!(told(&got), (ErrorKind::Retry, "http.unresolved"));
}

#[tokio::test]
async fn no_error_tells_a_path_a_query_or_a_header() {
    let secret = "s3cr3t";
    let server = Server::start(vec![Reply::status(500, ""), Reply::cut()]).await;
    let config = json!({
        "url": server.url(&format!("/hooks/{secret}?token={secret}")),
        "method": "POST",
        "headers": { "Authorization": secret },
        "body": { "text": secret },
    });
    for _ in 0..2 {
        let got = error(config.clone()).await;
        assert!(!got.to_string().contains(secret), "{got}");
        assert!(got.to_string().contains("127.0.0.1"), "{got}");
    }
}

#[test]
fn a_config_is_checked_before_it_is_saved() {
    let problems = |config: Value| -> Vec<String> {
        let found = node(config).check().into_iter();
        found
            .map(|problem| format!("{}: {}", problem.pointer, problem.message))
            .collect()
    };
    assert!(problems(json!({ "url": null, "method": null, "body": { "text": null } })).is_empty());
    assert!(
        problems(json!({ "url": "https://example.org/", "headers": { "X-Key": null } })).is_empty()
    );
    assert_eq!(
        problems(json!({
            "url": "ftp://example.org/",
            "headers": { "Idempotency-Key": "x", "a b": "c" },
            "body": { "text": "x" },
        })),
        [
            "/url: a URL starts with https:// or http://",
            "/headers/Idempotency-Key: the header `Idempotency-Key` is made by the request itself",
            "/headers/a b: `a b` is no name of a header",
            "/body: a GET or HEAD sends no body",
        ]
    );
}

/// A run of one request whose first connection is cut after it was sent.
async fn cut_once(outcome: &str) -> (RunTest, Server, String) {
    let server = Server::start(vec![Reply::cut(), Reply::text("paid")]).await;
    let http = client(&["127.0.0.1"], Arc::new(SystemResolver));
    let test = RunTest::new(nodes::catalogue_with(Clients { http }).unwrap()).await;
    let url = server.url("/payments");
    let yaml = format!(
        "name: pays\nsteps:\n  pay:\n    uses: http.request\n    with: {{ method: POST, url: '{url}', unknown_outcome: {outcome} }}\noutputs: {{ answer: '${{{{ steps.pay.body }}}}' }}\n"
    );
    let workflow = test.publish(&yaml).await;
    (test, server, workflow)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_cut_is_repeated_with_its_key_when_the_service_honours_it() {
    let (test, server, workflow) = cut_once("repeat").await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    let run = test.finished(run).await;
    assert_eq!(run.outputs, Some(json!({ "answer": "paid" })));
    let keys: Vec<_> = server.asked().await;
    let keys: Vec<_> = keys
        .iter()
        .map(|asked| asked.header("idempotency-key"))
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_cut_waits_for_a_person_by_default() {
    let (test, server, workflow) = cut_once("ask").await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    let mut watch = test.engine.watch(test.tenant, run);
    loop {
        let event = watch.next().await.unwrap().expect("the run does not end");
        if let RunEvent::Step { status, .. } = event
            && status == StepStatus::Waiting
        {
            break;
        }
    }
    assert_eq!(
        server.asked().await.len(),
        1,
        "nobody said that it may be repeated"
    );
}
