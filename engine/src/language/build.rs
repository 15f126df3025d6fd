//! From drafts to a plan: shapes follow the order of the graph, and every read is checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::diagnostic::Report;
use super::document::{LoopDoc, OnErrorDoc, RetryDoc};
use super::draft::{Compiled, Draft, item_name};
use super::links::{Places, link};
use super::scope::{Env, Here, Known, check_paths};
use super::types;
use super::values::Placed;
use crate::expr::{Expression, Shape, Template};
use crate::graph::{Body, Join, Level, Loop, OnError, OnItemError, RateLimit, Repeat, Retry, Step};
use crate::node::{Effect, Registered};
use crate::text;
use crate::text::Text;

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
    let links = link(report, places, drafts, around, here.section);
    let mut built: Vec<Option<Step>> = drafts.iter().map(|_| None).collect();
    let mut skips = vec![false; drafts.len()];
    let mut given: Vec<Given> = drafts.iter().map(|_| Given::default()).collect();
    let joins: Vec<_> = (drafts.iter().zip(&links.among))
        .map(|(draft, among)| join(draft, among))
        .collect();
    let cancelled: BTreeSet<usize> = (joins.iter().flatten())
        .filter(|join| join.cancel_rest)
        .flat_map(|join| join.among.iter().copied())
        .collect();
    for &at in &links.order {
        let draft = &drafts[at];
        let here = Here {
            error: here.error || links.handles[at].is_some(),
            ..here
        };
        let needs = &links.needs[at];
        let counted = joins[at].as_ref().map_or(needs, |_| &links.among[at]);
        // What a join cancels itself does not skip it.
        let cancels = joins[at].as_ref().is_some_and(|join| join.cancel_rest);
        let all_needs_may_be_skipped = !counted.is_empty()
            && (counted.iter()).all(|need| skips[*need] || !cancels && cancelled.contains(need));
        let joined = joins[at].as_ref().map(|join| losers(env, drafts, join));
        let builder = Builder {
            places,
            around,
            env: joined.as_ref().unwrap_or(env),
            here,
        };
        let made = builder.step(report, draft);
        drop(joined);
        let may_be_skipped = draft.doc.condition.is_some()
            || links.handles[at].is_some()
            || !links.cases[at].is_empty()
            || all_needs_may_be_skipped;
        skips[at] = may_be_skipped;
        let may_be_skipped = may_be_skipped || cancelled.contains(&at);
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
        given[at] = made.given;
        built[at] = made.body.map(|body| Step {
            id: draft.doc.id.into(),
            line: draft.doc.at.line,
            needs: needs.iter().copied().collect(),
            reads_outside: reads_outside(draft, drafts, places, around),
            condition: draft.condition.value.clone(),
            join: joins[at].clone(),
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
            repeat: made.repeat,
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
            deadline: draft.doc.deadline,
            idempotency_key: draft.key.value.clone(),
            credential: draft.credential(),
            on_error: match draft.doc.on_error {
                OnErrorDoc::Fail => OnError::Fail,
                OnErrorDoc::Continue => OnError::Continue,
                OnErrorDoc::Step(_) => links.stand_in[at].map_or(OnError::Fail, OnError::Step),
            },
            handles: links.handles[at],
            compensate: None,
            may_be_skipped,
            output: shape,
            given: given[at].shape.clone(),
        });
    }
    let mut compensations = Vec::new();
    for (at, given) in given.into_iter().enumerate() {
        let builder = Builder {
            places,
            around,
            env,
            here,
        };
        let undo = builder.compensation(report, &drafts[at], given);
        if let (Some(undo), Some(step)) = (undo, &mut built[at]) {
            step.compensate = Some(drafts.len() + compensations.len());
            compensations.push(undo);
        }
    }
    let steps: Vec<Step> = built.into_iter().flatten().collect();
    if steps.len() == drafts.len() {
        let mut level = Level::new(steps, links.order, &links.waits);
        level.compensations = compensations;
        level
    } else {
        // Something is wrong and told: the level is not used.
        Level::default()
    }
}

/// `join`, when it is a count.
fn join(draft: &Draft<'_>, among: &BTreeSet<usize>) -> Option<Join> {
    let join = draft.doc.join.as_ref()?;
    Some(Join {
        among: among.iter().copied().collect(),
        count: join.count,
        cancel_rest: join.cancel_rest,
    })
}

/// What a step sees that starts before all it counts have ended: each of them may be nothing.
fn losers<'e>(env: &'e Env<'_>, drafts: &[Draft<'_>], join: &Join) -> Env<'e> {
    let mut inner = env.inside();
    for need in &join.among {
        let id = drafts[*need].doc.id;
        if let Some(known) = env.steps.get(id) {
            let known = Known {
                shape: known.shape.clone(),
                may_be_skipped: true,
            };
            inner.steps.insert(id.to_owned(), known);
        }
    }
    inner
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

/// What one attempt of a step gives, and what it sees of its loop.
#[derive(Default)]
struct Given {
    shape: Shape,
    names: Vec<(Arc<str>, Shape)>,
}

/// What a draft became.
struct Made {
    given: Given,
    for_each: Option<Loop>,
    repeat: Option<Repeat>,
    body: Option<Body>,
    shape: Shape,
}

impl<'n> Builder<'_, '_, 'n> {
    fn step(&self, report: &mut Report<'_>, draft: &Draft<'n>) -> Made {
        check_paths(report, self.env, self.here, &draft.condition.placed);
        check_boolean(report, self.env, &draft.condition.placed);
        if let Some(doc) = &draft.doc.repeat {
            let mut inner = self.env.inside();
            inner.names.insert("index".into(), Shape::Integer);
            let before = Known {
                shape: before(draft),
                may_be_skipped: true,
            };
            inner.steps.insert(draft.doc.id.to_owned(), before);
            let (body, shape) = self.body(report, draft, &inner);
            let until = draft.until.value.clone();
            return Made {
                given: Given {
                    shape: shape.clone(),
                    names: vec![("index".into(), Shape::Integer)],
                },
                for_each: None,
                repeat: until.map(|until| Repeat {
                    until,
                    max_iterations: doc.max_iterations,
                    delay: doc.delay,
                }),
                body,
                shape,
            };
        }
        let Some((items, doc)) = draft.items.as_ref().zip(draft.doc.for_each.as_ref()) else {
            let (body, shape) = self.body(report, draft, self.env);
            return Made {
                given: Given {
                    shape: shape.clone(),
                    names: Vec::new(),
                },
                for_each: None,
                repeat: None,
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
            given: Given {
                shape: result.clone(),
                names: vec![
                    (item_name(doc), item.clone()),
                    ("index".into(), Shape::Integer),
                ],
            },
            shape: Shape::list(result_of_item(doc.on_item_error, result)),
            body,
            repeat: None,
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
        check_paths(report, env, with, &draft.key.placed);
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
            let shape = Shape::object(inner.steps.iter().map(|(id, known)| {
                let shape = known.shape.clone();
                let shape = match known.may_be_skipped {
                    true => Shape::one_of([shape, Shape::Null]),
                    false => shape,
                };
                (id.clone(), shape)
            }));
            self.until(report, draft, &inner, &shape);
            return (Some(Body::Steps(Arc::new(level))), shape);
        }
        let Some(node) = &draft.node else {
            return (None, Shape::Any);
        };
        if let Some(with) = draft.doc.with {
            let expected = Shape::of_schema(&node.config);
            types::check(report, env, &expected, with, &draft.with.value);
        }
        if let Some(key) = draft.doc.idempotency_key.zip(draft.key.value.as_ref()) {
            let expected = Shape::one_of([Shape::Text, Shape::Integer]);
            types::check_at(report, env, &expected, key, &Text::name("idempotency_key"));
        }
        let shape = match &draft.branches {
            Some(branches) => branches.shape(),
            None => output(node, &draft.with.value, env),
        };
        self.until(report, draft, env, &shape);
        let body = Body::Node {
            node: node.clone(),
            with: draft.with.value.clone(),
        };
        (Some(body), shape)
    }

    /// What undoes a step: it sees what one attempt gave, and why the run ends.
    fn compensation(
        &self,
        report: &mut Report<'_>,
        draft: &Draft<'n>,
        given: Given,
    ) -> Option<Step> {
        let undo = draft.compensate.as_deref()?;
        let effect = draft.node.as_ref().map(|node| node.spec.effect);
        let mut env = self.env.closing();
        env.names.extend(given.names);
        let own = Known {
            shape: given.shape,
            // An effect whose outcome is unknown is undone too.
            may_be_skipped: matches!(effect, Some(Effect::External(_))),
        };
        env.steps.insert(draft.doc.id.to_owned(), own);
        let here = Here {
            error: true,
            ..self.here
        };
        let builder = Builder {
            env: &env,
            here,
            places: self.places,
            around: self.around,
        };
        let (body, shape) = builder.body(report, undo, &env);
        let retry = undo.doc.retry.as_ref();
        Some(Step {
            id: format!("{}.{}", draft.doc.id, undo.doc.id).into(),
            line: undo.doc.at.line,
            needs: Vec::new(),
            reads_outside: Vec::new(),
            condition: None,
            join: None,
            cases: Vec::new(),
            for_each: None,
            repeat: None,
            body: body?,
            conditions: undo.conditions(),
            retry: retry.map(|retry| policy(retry, &undo.retry_if)),
            timeout: undo.doc.timeout,
            rate_limit: None,
            deadline: None,
            idempotency_key: undo.key.value.clone(),
            credential: undo.credential(),
            on_error: OnError::Continue,
            compensate: None,
            handles: None,
            may_be_skipped: false,
            output: shape.clone(),
            given: shape,
        })
    }

    /// Checks `until`, which sees what the iteration gave.
    fn until(&self, report: &mut Report<'_>, draft: &Draft<'n>, env: &Env<'_>, shape: &Shape) {
        let mut inner = env.inside();
        let given = Known {
            shape: shape.clone(),
            may_be_skipped: false,
        };
        inner.steps.insert(draft.doc.id.to_owned(), given);
        check_paths(report, &inner, self.here, &draft.until.placed);
        check_boolean(report, &inner, &draft.until.placed);
    }
}

/// The shape of what a repeated step gave before, as far as it is known before the step is.
fn before(draft: &Draft<'_>) -> Shape {
    match &draft.node {
        Some(node) if node.output.get(OUTPUT_IS_CONFIG).is_none() => Shape::of_schema(&node.output),
        _ => Shape::Any,
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
