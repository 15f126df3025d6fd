//! `timeout` of a run.

use chrono::TimeDelta;

use super::*;
use crate::node::Wait;

const WORKS: &str = r"
name: w
timeout: 1h
steps:
  a: { uses: do, with: { value: 1 } }
  beside: { uses: do, with: { value: 1 } }
  rest: { uses: do, needs: [a, beside], with: { value: 1 } }
  b: { uses: do, needs: [rest], with: { value: 1 } }
finally:
  close: { uses: do, with: { value: '${{ error?.code }}' } }
";

/// An attempt that began and ended at these minutes.
fn worked(start: &Start, from: i64, to: i64, result: Waited<Value>) -> Event {
    Event::Attempted(Box::new(Attempted {
        key: start.key.clone(),
        effect: Effect::Pure,
        input: None,
        idempotency: None,
        started_at: at(from),
        ended_at: at(to),
        logs: Vec::new(),
        result: Ok(result),
        dice: 0,
        usage: crate::node::Usage::default(),
    }))
}

fn at(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

#[test]
fn a_timeout_counts_what_works_once_and_no_wait() {
    let inputs = || Typed::any(json!({}));
    let done = || Waited::Done(json!({ "value": 1 }));
    let mut run = Run::new(plan(WORKS), Sandbox::default(), &facts(), inputs());
    let mut records = run.begin(now()).records;
    let both = [run.next_start().unwrap(), run.next_start().unwrap()];
    assert_eq!(run.next_due(), Some(at(60)));
    for start in &both {
        records.extend(run.apply(worked(start, 0, 30, done()), at(30)).records);
    }
    let rest = run.next_start().unwrap();
    let wait = Waited::For(Wait::until(at(600)));
    records.extend(run.apply(worked(&rest, 30, 30, wait), at(30)).records);
    assert_eq!(run.next_due(), Some(at(600)), "a wait does not count");
    records.extend(run.apply(worked(&rest, 30, 600, done()), at(600)).records);
    let (again, _) = Run::recover(
        plan(WORKS),
        Sandbox::default(),
        &facts(),
        inputs(),
        stored(&records),
        at(600),
    );
    for mut run in [run, again] {
        let slow = run.next_start().unwrap();
        assert_eq!(run.next_due(), Some(at(630)));
        let applied = run.apply(Event::Due(at(630)), at(630));
        assert!(!applied.abort.is_empty());
        let applied = run.apply(Event::Aborted(slow.key, at(630)), at(630));
        let told = drive(run, applied.records, &|_, input| Ok(input.clone()));
        let Outlook::TimedOut(error) = &told.outlook else {
            panic!("{:?}", told.outlook);
        };
        assert_eq!(error.code, "engine.timed_out");
        assert_eq!(told.started, ["close"]);
    }
}
