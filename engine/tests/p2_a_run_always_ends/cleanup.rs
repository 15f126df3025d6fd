//! A run that fails is undone once, whatever is killed in the middle of it.

use std::collections::{BTreeMap, BTreeSet};

use engine::RunStatus;
use engine::testing::faults;
use serde_json::json;

use super::scene::{accepted_of, child};
use super::support::scene::{declare_dead, recorded, stage};
use super::support::{Outside, notes};

/// Undone in nested loops, reported, closed; a join and a repetition on the way.
const WORKFLOW: &str = r"
name: cleanup
steps:
  base:
    uses: test.write
    with: { value: base }
    compensate: { uses: test.write, with: { value: 'undo ${{ steps.base.value }}' } }
  first:
    uses: test.echo
    needs: [base, other]
    join: any
    with: { value: '${{ [steps.base?.value, steps.other?.value] }}' }
  other: { uses: test.echo, with: { value: 1 } }
  turns:
    uses: test.send
    repeat: { until: index == 1, max_iterations: 3 }
    needs: [first]
    with: { value: '${{ index }}' }
  each:
    for_each: '${{ [1, 2] }}'
    as: row
    needs: [turns]
    steps:
      inner:
        for_each: '${{ [1] }}'
        as: cell
        steps:
          ship:
            uses: test.send
            with: { value: '${{ row }}' }
            compensate: { uses: test.write, with: { value: 'unship ${{ row }}' } }
  broken: { uses: test.bad, needs: [each], with: { how: fail } }
on_failure:
  report: { uses: test.write, with: { value: 'report ${{ error.code }}' } }
finally:
  close: { uses: test.send, with: { value: '${{ error?.code }}' } }
  closed: { uses: test.write, needs: [close], with: { value: closed } }
";

/// In this order: what ended last is undone first.
const WRITTEN: [&str; 6] = [
    "base",
    "unship 2",
    "unship 1",
    "undo base",
    "report test.failed",
    "closed",
];

/// Killed at the nth hit of a point, then worked to the end; false when it was not hit so often.
async fn crash(point: &str, hit: u32) -> bool {
    let stage = stage().await;
    let (engine, run) = accepted_of(&stage, WORKFLOW, json!({})).await;
    let kill = Some((point, hit));
    let killed = !child(&stage.scene, "work", "1", kill).await.success();
    let tenant = stage.scene.tenant;
    let before = recorded(&engine.run(tenant, run).await.unwrap());
    if killed {
        declare_dead(&stage.db).await;
        assert!(child(&stage.scene, "work", "2", None).await.success());
    }
    let case = format!("{point}, hit {hit}");
    let view = engine.run(tenant, run).await.unwrap();
    assert_eq!(view.status, RunStatus::Failed, "{case}: {view:#?}");
    assert_eq!(view.error.as_ref().unwrap().code, "test.failed", "{case}");
    assert!(view.cleanup.is_empty(), "{case}: {:?}", view.cleanup);
    let written = notes(&stage.db.owner_pool()).await;
    let written: Vec<_> = written.into_iter().map(|(_, value)| value).collect();
    assert_eq!(written, WRITTEN, "{case}");
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for call in Outside::at(&stage.scene.outside, "").calls() {
        let again = call.life == "2" && before.contains(&(call.step.clone(), call.attempt));
        assert!(!again, "{case}: a recorded step ran again: {call:?}");
        if call.what == "send" {
            keys.entry(call.step).or_default().insert(call.key);
        }
    }
    assert_eq!(
        keys.len(),
        5,
        "{case}: two turns, two ships, close: {keys:?}"
    );
    assert!(
        keys.values().all(|keys| keys.len() == 1),
        "{case}: {keys:?}"
    );
    killed
}

async fn every_hit(point: String) -> u32 {
    let mut hit = 1;
    while crash(&point, hit).await {
        hit += 1;
        assert!(hit < super::MOST_HITS, "{point} is hit without end");
    }
    hit - 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_while_a_run_is_undone_costs_nothing() {
    let points = faults::failpoints()
        .filter(|point| {
            ["checkpoint.commit", "external.act", "steps.commit"]
                .iter()
                .any(|name| point.starts_with(name))
        })
        .map(every_hit);
    let kills = futures::stream::iter(points);
    let kills = futures::stream::StreamExt::buffer_unordered(kills, 4);
    let kills: Vec<u32> = futures::stream::StreamExt::collect(kills).await;
    assert!(kills.iter().all(|kills| *kills > 2), "{kills:?}");
    println!("{} crashes", kills.iter().sum::<u32>());
}
