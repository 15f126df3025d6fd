//! From drafts to a plan: shapes follow the order of the graph, and every read is checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::diagnostic::Report;
use super::document::{LoopDoc, OnErrorDoc, RetryDoc};
use super::draft::{Compiled, Draft, item_name};
use super::links::{Places, link};
use super::scope::{Env, Here, Known, check_paths};
use super::values::Placed;
use crate::expr::{Expression, Shape, Template};
use crate::graph::{Body, Level, Loop, OnError, OnItemError, RateLimit, Retry, Step};
use crate::node::Registered;
use crate::text;

/// Keyword of an output schema: the output is the config itself.
const OUTPUT_IS_CONFIG: &str = "x-output-is-config";

/// The level of these steps. `env` is what stands around; what the level's own
/// steps give is added to it. The level is whole only when nothing is wrong.
pub(super) fn level<'n>(
    report: &mut Report<'_>,
    places: &Places<'n>,
    drafts: &[Draft<'n>],
    around: &[&'n str],
    env: &mut Env<'_>,
    here: Here,
) -> Level {
    let links = link(report, places, drafts, around);
    let mut built: Vec<Option<Step>> = drafts.iter().map(|_| None).collect();
    for &at in &links.order {
        let draft = &drafts[at];
        let here = Here {
            error: here.error || links.handles[at].is_some(),
            ..here
        };
        let builder = Builder {
            places,
            around,
            env,
            here,
        };
        let made = builder.step(report, draft);
        let needs = &links.needs[at];
        let all_needs_may_be_skipped = !needs.is_empty()
            && needs.iter().all(|need| {
                env.steps
                    .get(drafts[*need].doc.id)
                    .is_some_and(|known| known.may_be_skipped)
            });
        let may_be_skipped = draft.doc.condition.is_some()
            || links.handles[at].is_some()
            || !links.cases[at].is_empty()
            || all_needs_may_be_skipped;
        let mut shape = made.shape.clone();
        if matches!(draft.doc.on_error, OnErrorDoc::Continue) {
            shape = Shape::one_of([shape, failure()]);
        }
        if let Some(handled) = links.handles[at]
            && let Some(known) = env.steps.get_mut(drafts[handled].doc.id)
        {
            known.shape = Shape::one_of([known.shape.clone(), shape.clone()]);
        }
        let known = Known {
            shape: shape.clone(),
            may_be_skipped,
        };
        env.steps.insert(draft.doc.id.to_owned(), known);
        built[at] = made.body.map(|body| Step {
            id: draft.doc.id.into(),
            line: draft.doc.at.line,
            needs: needs.iter().copied().collect(),
            reads_outside: reads_outside(draft, drafts, places, around),
            condition: draft.condition.value.clone(),
            cases: links.cases[at]
                .iter()
                .map(|(switch, names)| {
                    (
                        *switch,
                        names.iter().map(|name| name.as_str().into()).collect(),
                    )
                })
                .collect(),
            for_each: made.for_each,
            body,
            conditions: draft.conditions(),
            retry: draft
                .doc
                .retry
                .as_ref()
                .map(|retry| policy(retry, &draft.retry_if)),
            timeout: draft.doc.timeout,
            rate_limit: draft.doc.rate_limit.as_ref().map(|rate| RateLimit {
                key: draft.rate_key.value.clone(),
                limit: rate.limit,
                per: rate.per,
            }),
            on_error: match draft.doc.on_error {
                OnErrorDoc::Fail => OnError::Fail,
                OnErrorDoc::Continue => OnError::Continue,
                OnErrorDoc::Step(_) => links.stand_in[at].map_or(OnError::Fail, OnError::Step),
            },
            handles: links.handles[at],
            may_be_skipped,
            output: shape,
        });
    }
    let steps: Vec<Step> = built.into_iter().flatten().collect();
    if steps.len() == drafts.len() {
        Level::new(steps, links.order, &links.waits)
    } else {
        // Something is wrong and told: the level is not used.
        Level::default()
    }
}

/// `{ error: { code, message } }`, the value of a failure that its step lets pass.
fn failure() -> Shape {
    let text = |name: &str| (name.to_owned(), Shape::Text);
    Shape::object([(
        "error".to_owned(),
        Shape::object([text("code"), text("message")]),
    )])
}

fn policy(doc: &RetryDoc<'_>, condition: &Compiled<'_, Option<Expression>>) -> Retry {
    Retry {
        max_attempts: doc.max_attempts,
        delay: doc.delay,
        backoff: doc.backoff,
        max_delay: doc.max_delay,
        jitter: doc.jitter,
        condition: condition.value.clone(),
    }
}

fn reads_outside(
    draft: &Draft<'_>,
    drafts: &[Draft<'_>],
    places: &Places<'_>,
    around: &[&str],
) -> Vec<Arc<str>> {
    let mut reads = Vec::new();
    draft.reads(&mut reads);
    let outside: BTreeSet<String> = reads
        .into_iter()
        .filter(|id| !drafts.iter().any(|draft| draft.doc.id == id))
        .filter(|id| {
            places
                .get(id.as_str())
                .is_some_and(|place| place.inside.is_none_or(|inside| around.contains(&inside)))
        })
        .collect();
    outside.into_iter().map(Into::into).collect()
}

struct Builder<'b, 'e, 'n> {
    places: &'b Places<'n>,
    around: &'b [&'n str],
    env: &'b Env<'e>,
    here: Here,
}

/// What a draft became.
struct Made {
    for_each: Option<Loop>,
    body: Option<Body>,
    shape: Shape,
}

impl<'n> Builder<'_, '_, 'n> {
    fn step(&self, report: &mut Report<'_>, draft: &Draft<'n>) -> Made {
        check_paths(report, self.env, self.here, &draft.condition.placed);
        check_boolean(report, self.env, &draft.condition.placed);
        let Some((items, doc)) = draft.items.as_ref().zip(draft.doc.for_each.as_ref()) else {
            let (body, shape) = self.body(report, draft, self.env);
            return Made {
                for_each: None,
                body,
                shape,
            };
        };
        check_paths(report, self.env, self.here, &items.placed);
        let item = self.item(report, items, doc);
        let mut inner = self.env.inside();
        inner.names.insert(item_name(doc), item.clone());
        inner.names.insert("index".into(), Shape::Integer);
        let (body, result) = self.body(report, draft, &inner);
        Made {
            shape: Shape::list(result_of_item(doc.on_item_error, result)),
            body,
            for_each: Some(Loop {
                items: items.value.clone(),
                as_name: item_name(doc),
                concurrency: doc.concurrency,
                batch: doc.batch,
                on_item_error: doc.on_item_error,
                item,
            }),
        }
    }

    /// The shape of a loop's item; tells a list that is none.
    fn item(
        &self,
        report: &mut Report<'_>,
        items: &Compiled<'_, Template>,
        doc: &LoopDoc<'_>,
    ) -> Shape {
        let list = self.env.shape_of_template(&items.value);
        let cut = matches!(doc.items.value, super::yaml::Yaml::Cut);
        if list.is_list() == Some(false) && !cut && !has_unknown_expression(items, doc) {
            report.error(
                "workflow.not_a_list",
                doc.items.at,
                text!(
                    "`for_each` goes over a list, and this is {what}",
                    what = list.describe()
                ),
                text!("give a list, or an expression that gives one"),
            );
        }
        match doc.batch {
            Some(_) => Shape::list(list.item()),
            None => list.item(),
        }
    }

    fn body(
        &self,
        report: &mut Report<'_>,
        draft: &Draft<'n>,
        env: &Env<'_>,
    ) -> (Option<Body>, Shape) {
        let with = Here {
            attempt: true,
            ..self.here
        };
        let retry = Here {
            error: true,
            ..with
        };
        check_paths(report, env, with, &draft.with.placed);
        check_paths(report, env, retry, &draft.retry_if.placed);
        check_boolean(report, env, &draft.retry_if.placed);
        check_paths(report, env, self.here, &draft.rate_key.placed);
        for test in &draft.tests {
            let with = Here {
                event: test.extra.iter().any(|name| name == "event"),
                ..with
            };
            check_paths(report, env, with, std::slice::from_ref(&test.placed));
            check_boolean(report, env, std::slice::from_ref(&test.placed));
        }
        if let Some(body) = &draft.body {
            let mut around = self.around.to_vec();
            around.push(draft.doc.id);
            let mut inner = env.inside();
            let level = level(report, self.places, body, &around, &mut inner, self.here);
            let shape = Shape::object(inner.steps.into_iter().map(|(id, known)| {
                let shape = match known.may_be_skipped {
                    true => Shape::one_of([known.shape, Shape::Null]),
                    false => known.shape,
                };
                (id, shape)
            }));
            return (Some(Body::Steps(Arc::new(level))), shape);
        }
        let Some(node) = &draft.node else {
            return (None, Shape::Any);
        };
        let shape = match &draft.branches {
            Some(branches) => branches.shape(),
            None => output(node, &draft.with.value, env),
        };
        let body = Body::Node {
            node: node.clone(),
            with: draft.with.value.clone(),
        };
        (Some(body), shape)
    }
}

/// A condition that reads a text or a number as such is never true or false.
fn check_boolean(report: &mut Report<'_>, env: &Env<'_>, placed: &[Placed<'_>]) {
    for placed in placed {
        let shape = env.shape_of(&placed.expression);
        let may_be = match &shape {
            Shape::Any | Shape::Boolean => true,
            Shape::OneOf(shapes) => shapes.contains(&Shape::Boolean),
            _ => false,
        };
        if !may_be {
            let at = placed.mark(report.source, 0);
            let source = placed.expression.source();
            report.error(
                "expression.not_boolean",
                at,
                text!(
                    "`{expression}` is {what}, and a condition gives true or false",
                    expression = source,
                    what = shape.describe()
                ),
                text!("compare it with something"),
            );
        }
    }
}

/// An expression that did not compile left a null behind, and is told.
fn has_unknown_expression(items: &Compiled<'_, Template>, doc: &LoopDoc<'_>) -> bool {
    items.placed.is_empty() && doc.items.text().is_some_and(|text| text.contains("${{"))
}

fn output(node: &Registered, with: &Template, env: &Env<'_>) -> Shape {
    if node.output.get(OUTPUT_IS_CONFIG) == Some(&Value::Bool(true)) {
        return env.shape_of_template(with);
    }
    Shape::of_schema(&node.output)
}

fn result_of_item(on_error: OnItemError, result: Shape) -> Shape {
    match on_error {
        OnItemError::Fail => result,
        OnItemError::Skip => Shape::one_of([result, Shape::Null]),
        OnItemError::Collect => {
            let text = |name: &str| (name.to_owned(), Shape::Text);
            let error = Shape::object([text("code"), text("message")]);
            Shape::object([
                ("output".to_owned(), Shape::one_of([result, Shape::Null])),
                ("error".to_owned(), Shape::one_of([error, Shape::Null])),
            ])
        }
    }
}

/// Checks expressions that stand outside all steps.
pub(super) fn check_outside(
    report: &mut Report<'_>,
    places: &Places<'_>,
    env: &Env<'_>,
    here: Here,
    placed: &[Placed<'_>],
) {
    if here.steps {
        super::links::check_outside(report, places, placed);
    }
    check_paths(report, env, here, placed);
}
