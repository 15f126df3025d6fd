//! `approval` — asks people to approve, and waits until they have decided.
//!
//! Effect: `read`. Distinct people are counted; one refusal decides. What
//! people answer is checked when it is taken, and again when it is worked in.
//! After `escalate.after`, others may answer too; at the `deadline` the step
//! fails. A refusal is no failure: the workflow goes on with `approved: false`.
//!
//! Errors: `approval.expired` (final): nobody decided before the deadline.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use engine::node::{
    Ctx, Decided, Effect, NodeError, NodeResult, NodeSpec, On, Problem, Question, Wait, Waited,
    WaitingNode, Wake,
};
use engine::text;
use engine::text::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::length::{Length, too_long};

/// The word that stands for who started the run.
const REQUESTER: &str = "requester";

/// Asks people to approve.
pub struct Approval;

/// What is to be approved, and by whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalConfig {
    /// What it is about, for people.
    pub title: String,
    /// JSON Schema of what an approval fills in.
    pub form: Option<Map<String, Value>>,
    /// Who may answer has one of these roles; anyone when there are none.
    #[serde(default)]
    pub roles: Vec<String>,
    /// How many people must approve.
    #[serde(default = "one")]
    pub count: NonZeroU32,
    /// Names of people who may not answer; `requester` is who started the run.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// After how long it is too late: `10d`, `5 working_days`.
    pub deadline: Option<Length>,
    /// Who may answer too when it takes long.
    pub escalate: Option<Escalate>,
}

/// Who may answer too when it takes long.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalate {
    /// After how long.
    pub after: Length,
    /// Who, by role.
    #[schemars(length(min = 1))]
    pub roles: Vec<String>,
}

const fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// What people decided.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Outcome {
    /// Whether enough people approved.
    pub approved: bool,
    /// Who decided, what and when.
    pub decisions: Vec<Decided>,
}

/// What is kept in mind between wakes.
#[derive(Default, Serialize, Deserialize)]
struct Memo {
    decisions: Vec<Decided>,
    deadline: Option<DateTime<Utc>>,
    escalates: Option<DateTime<Utc>>,
}

impl WaitingNode for Approval {
    const SPEC: NodeSpec = NodeSpec::new("approval", Effect::Read);
    type Config = ApprovalConfig;
    type Output = Outcome;

    fn check(&self, config: &Value) -> Vec<Problem> {
        let length = |value: &Value| Length::parse(value.as_str()?);
        let time = |length: Length| length.after(DateTime::UNIX_EPOCH);
        let deadline = config.get("deadline").and_then(length).and_then(time);
        let after = config
            .pointer("/escalate/after")
            .and_then(length)
            .and_then(time);
        match (after, deadline) {
            (Some(after), Some(deadline)) if after >= deadline => vec![Problem {
                pointer: "/escalate/after".into(),
                offset: None,
                message: text!("it escalates when the deadline has passed"),
                fix: text!("escalate earlier, or take `escalate` away"),
            }],
            _ => Vec::new(),
        }
    }

    fn begin(&self, ctx: &Ctx, config: ApprovalConfig) -> NodeResult<Waited<Outcome>> {
        let memo = Memo {
            decisions: Vec::new(),
            deadline: at(ctx, config.deadline)?,
            escalates: at(ctx, config.escalate.as_ref().map(|it| it.after))?,
        };
        wait(ctx, config, &memo)
    }

    fn wake(
        &self,
        ctx: &Ctx,
        config: ApprovalConfig,
        waited: &Wait,
        wake: Wake,
    ) -> NodeResult<Waited<Outcome>> {
        let mut memo: Memo =
            serde_json::from_value(waited.memo.clone()).map_err(|error| unreadable(&error))?;
        let On::People(question) = &waited.on else {
            return Ok(Waited::For(waited.clone()));
        };
        match wake {
            Wake::Decided(decided) => memo.decisions.push(decided),
            Wake::Due if memo.deadline.is_some_and(|deadline| deadline <= ctx.now) => {
                return Err(NodeError::fail(
                    "approval.expired",
                    text!("nobody decided in time: {title}", title = &question.title),
                ));
            }
            _ => {}
        }
        if let Some(approved) = question.verdict(&memo.decisions) {
            return Ok(Waited::Done(Outcome {
                approved,
                decisions: memo.decisions,
            }));
        }
        wait(ctx, config, &memo)
    }
}

fn at(ctx: &Ctx, length: Option<Length>) -> NodeResult<Option<DateTime<Utc>>> {
    let Some(length) = length else {
        return Ok(None);
    };
    let at = length.after(ctx.now);
    let at = at.ok_or_else(too_long)?;
    Ok(Some(at))
}

fn unreadable(error: &serde_json::Error) -> NodeError {
    NodeError::fail("approval.unreadable", Text::verbatim(error))
}

/// The question as it stands now: after a while, to more people.
fn wait(ctx: &Ctx, config: ApprovalConfig, memo: &Memo) -> NodeResult<Waited<Outcome>> {
    let mut roles = config.roles;
    let coming = memo.escalates.filter(|at| *at > ctx.now);
    // Where anyone may answer, there are no others to add.
    if let Some(escalate) = config.escalate
        && coming.is_none()
        && !roles.is_empty()
    {
        roles.extend(escalate.roles);
    }
    let exclude = config.exclude.into_iter().filter_map(|name| {
        if name == REQUESTER {
            ctx.requester.clone()
        } else {
            Some(name)
        }
    });
    let question = Question {
        title: config.title,
        form: config.form.map(Value::Object),
        roles,
        count: config.count.get(),
        exclude: exclude.collect(),
    };
    let memo_value = serde_json::to_value(memo).map_err(|error| unreadable(&error))?;
    Ok(Waited::For(Wait {
        until: [coming, memo.deadline].into_iter().flatten().min(),
        on: On::People(question),
        memo: memo_value,
    }))
}

#[cfg(test)]
mod tests {
    use engine::testing::NodeTest;
    use serde_json::json;

    use super::*;

    fn instant(day: u32) -> DateTime<Utc> {
        format!("2026-03-{day:02}T10:00:00Z")
            .parse()
            .expect("an instant")
    }

    fn asked(test: &NodeTest) -> Wait {
        match test.begin() {
            Ok(Waited::For(wait)) => wait,
            other => panic!("{other:?}"),
        }
    }

    fn decided(by: &str, approved: bool) -> Wake {
        Wake::Decided(Decided {
            by: by.to_owned(),
            approved,
            at: instant(1),
            form: Value::Null,
        })
    }

    fn roles(wait: &Wait) -> Vec<String> {
        match &wait.on {
            On::People(question) => question.roles.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_people_approve() {
        let test = NodeTest::waiting(Approval).with("{ title: Pay, count: 2 }");
        let first = asked(&test);
        let Ok(Waited::For(second)) = test.wake(&first, decided("Ada", true)) else {
            panic!("one is not enough");
        };
        let Ok(Waited::Done(outcome)) = test.wake(&second, decided("Bob", true)) else {
            panic!("two are enough");
        };
        assert_eq!(outcome["approved"], json!(true));
        assert_eq!(outcome["decisions"][1]["by"], json!("Bob"));
    }

    #[test]
    fn a_refusal_is_an_outcome() {
        let test = NodeTest::waiting(Approval).with("{ title: Pay, count: 2 }");
        let Ok(Waited::Done(outcome)) = test.wake(&asked(&test), decided("Ada", false)) else {
            panic!("one refusal decides");
        };
        assert_eq!(outcome["approved"], json!(false));
    }

    #[test]
    fn it_escalates_then_expires() {
        let test = NodeTest::waiting(Approval)
            .with("{ title: Pay, roles: [council], deadline: 5d, escalate: { after: 2d, roles: [manager] } }")
            .at(instant(1));
        let wait = asked(&test);
        assert_eq!(
            (wait.until, roles(&wait)),
            (Some(instant(3)), vec!["council".to_owned()])
        );
        let test = test.at(instant(3));
        let Ok(Waited::For(wider)) = test.wake(&wait, Wake::Due) else {
            panic!("it waits on");
        };
        assert_eq!(wider.until, Some(instant(6)));
        assert_eq!(roles(&wider), ["council", "manager"]);
        let error = test.at(instant(6)).wake(&wider, Wake::Due).unwrap_err();
        assert_eq!(error.code, "approval.expired");
    }

    #[test]
    fn an_escalation_past_the_deadline_is_found_before_it_is_saved() {
        let test = NodeTest::waiting(Approval)
            .with("{ title: Pay, deadline: 2d, escalate: { after: 2d, roles: [manager] } }");
        assert_eq!(test.check()[0].pointer, "/escalate/after");
    }
}
