//! `openapi.json` is what the binary serves, and its documentation is served too.

use std::fs;

use database::testing::TestDb;
use serde_json::Value;

use crate::server::Server;
use crate::support::{Copro, root};

#[test]
fn the_committed_contract_is_what_the_code_says() {
    let now = Copro::alone().call(&["openapi"]).well();
    let path = root().join("api/openapi.json");
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        now == committed,
        "run `copro openapi > api/openapi.json`, then `npm run api` in ui/"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_and_its_page_are_served() {
    let db = TestDb::new().await;
    let server = Server::start(&Copro::on(&db));
    let served = server.send("GET", "/api/v1/openapi.json", &[], "").json();
    let committed = fs::read_to_string(root().join("api/openapi.json")).unwrap();
    let committed: Value = serde_json::from_str(&committed).unwrap();
    assert_eq!(served, committed);
    let page = server.send("GET", "/docs/", &[], "");
    assert_eq!(page.status, 200);
    assert!(page.head.contains("text/html"), "{page:?}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_is_told_in_the_callers_language() {
    let db = TestDb::new().await;
    let server = Server::start(&Copro::on(&db));
    let path = "/api/v1/runs/x";
    let french = server.send("GET", path, &[("accept-language", "fr-FR,fr;q=0.9")], "");
    assert_eq!(french.status, 401);
    assert_eq!(
        french.json()["title"],
        "La requête ne prouve pas d'où elle vient"
    );
    let english = server.send("GET", path, &[], "").json();
    assert_eq!(
        english["title"],
        "The request does not prove where it comes from"
    );
    assert_eq!(server.stop(), Some(0));
}
