//! What the processes of a scene do.

use std::sync::{Arc, Mutex};

use engine::node::{Decision, Person, Registry};
use engine::testing::faults;
use engine::{
    Answer, Delivered, Delivery, Engine, EngineError, PendingFilter, RunFilter, StartRun,
    StepStatus, Worker, WorkerOptions,
};
use nodes::clients::http::{Guard, HttpClient, SystemResolver};
use nodes::flow::{
    approval::Approval, emit::Emit, fail::Fail, log::Log, respond::Respond, script::Script,
    set::Set, switch::Switch, token::Token, wait::Wait, workflow::Workflow,
};
use nodes::http::request::HttpRequest;
use nodes::wait::{event::WaitEvent, webhook::WaitWebhook};
use serde_json::json;

use crate::corpus::{SCENES, Scene, yaml};
use crate::support::scene::{self, told};
use crate::support::{Ask, Bad, Counts, Find, Outside, Read, Send, Write_};

/// The nodes of the language, and some that leave traces.
fn registry(outside: &Outside) -> Registry {
    let guard = Guard::new(vec!["127.0.0.1".parse().unwrap()]);
    let client = HttpClient::new(guard, Arc::new(SystemResolver));
    let counts = Counts::default();
    Registry::builder()
        .waiting(Approval)
        .transaction(Emit)
        .node(Fail)
        .node(HttpRequest { client })
        .node(Log)
        .node(Respond)
        .node(Script::default())
        .node(Set)
        .node(Switch)
        .node(Ask(outside.clone(), counts.clone()))
        .node(Bad)
        .node(Find(outside.clone(), counts.clone()))
        .node(Read(outside.clone(), counts.clone()))
        .node(Send(outside.clone(), counts.clone()))
        .transaction(Write_(outside.clone(), counts))
        .node(Token)
        .waiting(Wait)
        .waiting(WaitEvent)
        .waiting(WaitWebhook)
        .waiting(Workflow)
        .build()
        .unwrap()
}

fn engine(stage: &scene::Scene, life: &str) -> Engine {
    stage.engine_with(registry(&Outside::at(&stage.outside, life)))
}

/// Publishes the workflows of a scene and begins it; nobody works yet.
pub async fn prepare(stage: &scene::Scene, scene: &Scene, url: &str) -> Engine {
    let (engine, tenant) = (engine(stage, "0"), stage.tenant);
    engine
        .set_credential(tenant, "bank", "a secret")
        .await
        .unwrap();
    for name in scene.with.iter().chain([&scene.name]) {
        let saved = engine.save(tenant, &yaml(name)).await.unwrap();
        engine.publish(tenant, saved.id).await.unwrap();
    }
    for _ in 0..scene.starts {
        if scene.name == "ordered" {
            let Ok(Delivered::Run(_)) = engine.receive(tenant, &order()).await else {
                unreachable!("the address takes it");
            };
            continue;
        }
        let inputs = match scene.name {
            "requests" => json!({ "url": url }),
            _ => json!({}),
        };
        let start = StartRun::new(scene.name, inputs);
        engine.start(tenant, &start).await.unwrap();
    }
    engine
}

fn order() -> Delivery {
    Delivery {
        method: "POST".to_owned(),
        path: "/orders".to_owned(),
        query: String::new(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: br#"{ "order": "a7" }"#.to_vec(),
        test: false,
    }
}

/// Not a test of its own: the process that is killed.
#[test]
fn plays() {
    let Some((stage, part, life)) = scene::Scene::played() else {
        return;
    };
    let scene = SCENES.iter().find(|scene| scene.name == part).unwrap();
    let passed = Arc::new(Mutex::new(Vec::new()));
    if told("SCENE_POINT").is_none() {
        for point in faults::failpoints() {
            let (passed, name) = (Arc::clone(&passed), point.clone());
            let note = move || passed.lock().unwrap().push(name.clone());
            fail::cfg_callback(point, note).unwrap();
        }
    }
    scene::play(work(&stage, scene, &life));
    let passed = passed.lock().unwrap().join("\n");
    std::fs::write(stage.outside.with_extension("passed"), passed).unwrap();
}

/// Works until all runs have ended, and does what people and services do meanwhile.
async fn work(stage: &scene::Scene, scene: &Scene, life: &str) {
    let (engine, tenant) = (engine(stage, life), stage.tenant);
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    loop {
        let runs = engine.runs(tenant, &RunFilter::default()).await.unwrap();
        let ended = runs.iter().filter(|run| run.status.is_final()).count();
        if runs.len() == scene.runs && ended == runs.len() {
            break;
        }
        for pending in engine
            .pending_approvals(tenant, &PendingFilter::default())
            .await
            .unwrap()
        {
            if pending.question.is_none() {
                let answer = Answer::Done(json!({ "key": "a person looked it up" }));
                let answered = engine.answer(tenant, pending.run, &pending.step, answer);
                may_be_late(answered.await);
                continue;
            }
            for name in ["Ada", "Bob"] {
                let person = Person {
                    name: name.to_owned(),
                    roles: vec!["council".to_owned()],
                };
                let decision = Decision {
                    approved: true,
                    form: json!({ "reason": "due" }),
                };
                let decided = engine.decide(tenant, pending.run, &pending.step, &person, decision);
                may_be_late(decided.await.map(|_| ()));
            }
        }
        if scene.name == "hook" {
            deliver(&engine, stage, runs[0].id).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    worker.stop().await;
}

/// Brings what the run waits for to the token that it sent out.
async fn deliver(engine: &Engine, stage: &scene::Scene, run: engine::ids::RunId) {
    let view = engine.run(stage.tenant, run).await.unwrap();
    let waits = view.step("delivered").map(|step| step.status) == Some(StepStatus::Waiting);
    let Some(made) = view.step("made").filter(|_| waits) else {
        return;
    };
    let output = made.attempts.last().unwrap().output.as_ref().unwrap();
    let token = output["token"].as_str().unwrap();
    may_be_late(engine.deliver(token, json!({ "n": 7 })).await);
}

/// Whoever answers twice is told so.
fn may_be_late(answered: Result<(), EngineError>) {
    assert!(
        matches!(
            answered,
            Ok(())
                | Err(EngineError::NoQuestion(_)
                    | EngineError::Ended(_)
                    | EngineError::Refused(_)
                    | EngineError::UnknownToken)
        ),
        "{answered:?}"
    );
}
