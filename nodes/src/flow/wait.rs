//! `wait` — waits for a length of time, or until an instant.
//!
//! Effect: `read`: it looks at the clock once, and what it saw is recorded. The
//! wait is a row: the run holds no worker meanwhile, and other branches go on.
//!
//! Errors: `wait.too_long` (final): the end of the wait is past the end of time.

use chrono::{DateTime, Utc};
use engine::node::{
    Ctx, Effect, NodeResult, NodeSpec, Problem, Wait as Waiting, Waited, WaitingNode, Wake,
};
use engine::text;
use engine::text::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::length::{Calendar, Length, too_long};

/// Waits for a length of time, or until an instant.
pub struct Wait;

/// For how long.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitConfig {
    /// How long: `30m`, `60d`, `5 working_days`.
    #[serde(rename = "for")]
    pub length: Option<Length>,
    /// Until when; an instant that has passed is waited for no more.
    pub until: Option<DateTime<Utc>>,
    /// Whose working days are counted.
    pub calendar: Option<Calendar>,
}

/// When the wait was over.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Over {
    /// The instant.
    pub at: DateTime<Utc>,
}

impl WaitingNode for Wait {
    const SPEC: NodeSpec = NodeSpec::new("wait", Effect::Read);
    type Config = WaitConfig;
    type Output = Over;

    fn check(&self, config: &Value) -> Vec<Problem> {
        let problem = |pointer: &str, message: Text, fix: Text| {
            vec![Problem {
                pointer: pointer.into(),
                offset: None,
                message,
                fix,
            }]
        };
        let working_days = match (config.get("for"), config.get("until")) {
            (None, None) => {
                return problem(
                    "",
                    text!("`wait` says not how long"),
                    text!("add `for: 30m`, or `until` with an instant"),
                );
            }
            (Some(_), Some(_)) => {
                return problem(
                    "/until",
                    text!("`wait` has both `for` and `until`"),
                    text!("keep one of them"),
                );
            }
            (Some(Value::String(text)), None) => match Length::parse(text) {
                Some(length) => Some(matches!(length, Length::WorkingDays(_))),
                // Its schema says so.
                None => return Vec::new(),
            },
            (Some(_), None) => None,
            (None, Some(_)) => Some(false),
        };
        match (working_days, config.get("calendar")) {
            (Some(true), None) => problem(
                "/for",
                text!("working days are those of a calendar"),
                text!("add `calendar: fr`"),
            ),
            (Some(false), Some(_)) => problem(
                "/calendar",
                text!("`calendar` counts working days, and there are none"),
                text!("write `for: 5 working_days`, or take `calendar` away"),
            ),
            _ => Vec::new(),
        }
    }

    fn begin(&self, ctx: &Ctx, config: WaitConfig) -> NodeResult<Waited<Over>> {
        let until = match (config.length, config.until) {
            (Some(length), _) => length.after(ctx.now),
            (None, until) => until,
        };
        let until = until.ok_or_else(too_long)?;
        Ok(over_or(ctx, until))
    }

    fn wake(
        &self,
        ctx: &Ctx,
        _config: WaitConfig,
        wait: &Waiting,
        _wake: Wake,
    ) -> NodeResult<Waited<Over>> {
        Ok(over_or(ctx, wait.until.unwrap_or(ctx.now)))
    }
}

fn over_or(ctx: &Ctx, until: DateTime<Utc>) -> Waited<Over> {
    if until <= ctx.now {
        Waited::Done(Over { at: ctx.now })
    } else {
        Waited::For(Waiting::until(until))
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::NodeTest;
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn five_working_days_over_easter_are_a_week() {
        let test = NodeTest::waiting(Wait)
            .with("{ for: 5 working_days, calendar: fr }")
            .at(at("2026-04-02T10:00:00Z"));
        let Ok(Waited::For(wait)) = test.begin() else {
            panic!("it waits");
        };
        assert_eq!(wait, Waiting::until(at("2026-04-10T10:00:00Z")));
        let woken = test.at(at("2026-04-10T10:00:05Z")).wake(&wait, Wake::Due);
        assert_eq!(
            woken,
            Ok(Waited::Done(json!({ "at": "2026-04-10T10:00:05Z" })))
        );
    }

    #[test]
    fn an_instant_that_has_passed_is_not_waited_for() {
        let test = NodeTest::waiting(Wait)
            .with("{ until: '2026-01-01T00:00:00Z' }")
            .at(at("2026-04-02T10:00:00Z"));
        assert!(matches!(test.begin(), Ok(Waited::Done(_))));
    }

    #[test]
    fn what_is_missing_or_too_much_is_found_before_it_is_saved() {
        let told = |with: &str| {
            let problems = NodeTest::waiting(Wait).with(with).check();
            let fixes: Vec<_> = problems
                .into_iter()
                .map(|it| (it.pointer, it.fix.to_string()))
                .collect();
            fixes
        };
        assert_eq!(told("{}")[0].0, "");
        assert_eq!(told("{ for: 1h, until: null }")[0].0, "/until");
        assert_eq!(told("{ for: 5 working_days }")[0].1, "add `calendar: fr`");
        assert_eq!(told("{ for: 1h, calendar: fr }")[0].0, "/calendar");
        assert_eq!(told("{ for: 5 working_days, calendar: fr }"), []);
        assert_eq!(told("{ for: null, calendar: fr }"), []);
    }
}
