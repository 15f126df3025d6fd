//! Reading and checking a file of cases against its workflow.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stub::Answer;
use crate::graph::{Body, Level, Plan};
use crate::language::Diagnostic;
use crate::language::diagnostic::Report;
use crate::language::fields::{At, Fields, map, text};
use crate::language::yaml::{self, Mark, Node, Yaml};
use crate::nearest::nearest;
use crate::node::{NodeError, Registered, Registry, misfit, validator};
use crate::run::{RunStatus, StepStatus};
use crate::text;
use crate::text::Text;

/// What a file of cases holds.
#[derive(Debug)]
pub struct Cases {
    /// In file order; only when there is no error.
    pub cases: Vec<Case>,
    /// Every problem, in file order.
    pub diagnostics: Vec<Diagnostic>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows, a sentence.
    pub name: String,
    /// 1-based line in the file.
    pub line: u32,
    /// What the run is given.
    pub inputs: Value,
    /// Answers by step id or node name, one a call; the last one stays.
    pub stubs: BTreeMap<String, Vec<Answer>>,
    /// How the run must end.
    pub status: RunStatus,
    /// The code of the run's error, when it must have one.
    pub error: Option<String>,
    /// How steps must end, by path: `pay`, `pay[0]`, `pay[0].send`.
    pub steps: BTreeMap<String, ExpectedStep>,
    /// What the run must give; fields not named are free.
    pub outputs: Option<Value>,
}

/// How a step must end; what is not said is free.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedStep {
    /// It never began: the run ended before.
    pub not_run: bool,
    /// How it stands at the end.
    pub status: Option<StepStatus>,
    /// What it gives; fields not named are free.
    pub output: Option<Value>,
    /// The code of its last error.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: Option<usize>,
}

const CASE: &[&str] = &[
    "name", "inputs", "stubs", "status", "error", "steps", "outputs",
];
const STUB: &[&str] = &["output", "error"];
const STUB_ERROR: &[&str] = &["code", "message", "kind"];
const STEP: &[&str] = &["status", "output", "error", "attempts"];
const RUN_STATUSES: [(&str, RunStatus); 4] = [
    ("succeeded", RunStatus::Succeeded),
    ("failed", RunStatus::Failed),
    ("cancelled", RunStatus::Cancelled),
    ("timed_out", RunStatus::TimedOut),
];
const STEP_STATUSES: [(&str, StepStatus); 5] = [
    ("succeeded", StepStatus::Succeeded),
    ("failed", StepStatus::Failed),
    ("skipped", StepStatus::Skipped),
    ("cancelled", StepStatus::Cancelled),
    ("timed_out", StepStatus::TimedOut),
];

/// Which error a stub makes.
#[derive(Clone, Copy)]
enum Kind {
    Fail,
    Retry,
    Unknown,
}

/// What a file of stubs alone holds.
#[derive(Debug)]
pub struct Stubs {
    /// Answers by step id or node name; only when there is no error.
    pub stubs: BTreeMap<String, Vec<Answer>>,
    /// Every problem, in file order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a file of cases, all problems in one pass.
#[must_use]
pub fn read(source: &str, plan: &Plan, registry: &Registry) -> Cases {
    let (cases, diagnostics) = read_with(source, plan, registry, |reader, root| reader.cases(root));
    Cases { cases, diagnostics }
}

/// Reads a file that holds what `stubs` of a case holds, all problems in one pass.
#[must_use]
pub fn read_stubs(source: &str, plan: &Plan, registry: &Registry) -> Stubs {
    let (stubs, diagnostics) = read_with(source, plan, registry, |reader, root| {
        reader.stubs(Some(root))
    });
    Stubs { stubs, diagnostics }
}

fn read_with<T: Default>(
    source: &str,
    plan: &Plan,
    registry: &Registry,
    read: impl FnOnce(&mut Reader<'_, '_>, &Node) -> T,
) -> (T, Vec<Diagnostic>) {
    let mut report = Report::new(source);
    let parsed = yaml::parse(source);
    for fault in parsed.faults {
        report.fault(fault);
    }
    let levels = [
        Some(&plan.steps),
        plan.on_failure.as_ref(),
        plan.finally.as_ref(),
    ];
    let mut reader = Reader {
        report: &mut report,
        registry,
        plan,
        nodes: levels
            .into_iter()
            .flatten()
            .flat_map(|level| nodes_of(level))
            .collect(),
    };
    let found = parsed.root.map(|root| read(&mut reader, &root));
    let found = found.filter(|_| !report.has_errors());
    (found.unwrap_or_default(), report.finish())
}

/// The steps of all levels, with the node of each.
fn nodes_of(level: &Level) -> BTreeMap<String, Option<Registered>> {
    let mut all = BTreeMap::new();
    for step in level.steps.iter().chain(&level.compensations) {
        let node = match &step.body {
            Body::Node { node, .. } => Some(node.clone()),
            Body::Steps(inner) => {
                all.append(&mut nodes_of(inner));
                None
            }
        };
        all.insert(step.id.to_string(), node);
    }
    all
}

struct Reader<'r, 's> {
    report: &'r mut Report<'s>,
    registry: &'r Registry,
    plan: &'r Plan,
    nodes: BTreeMap<String, Option<Registered>>,
}

impl Reader<'_, '_> {
    fn cases(&mut self, root: &Node) -> Vec<Case> {
        let Yaml::List(items) = &root.value else {
            self.report.wrong_type(
                root.at,
                text!("the file"),
                root.kind(),
                text!("a list of cases: `- name: …`"),
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| self.case(item)).collect()
    }

    fn case(&mut self, node: &Node) -> Option<Case> {
        let fields = Fields::read(self.report, node, text!("a case"), CASE, &[])?;
        fields.need(self.report, node.at, "name");
        let name = fields.text(self.report, "name");
        let status = fields.choice(self.report, "status", &RUN_STATUSES);
        let error = fields.text(self.report, "error");
        let inputs = fields.get("inputs").map_or(Value::Null, Node::to_json);
        if let Err(problems) = self.plan.inputs.accept(inputs.clone()) {
            for problem in problems {
                let place = fields
                    .get("inputs")
                    .map(|inputs| inputs.nearest(&problem.pointer));
                self.report.error(
                    "case.inputs",
                    place.map_or(node.at, |place| place.at),
                    text!(
                        "the workflow refuses these inputs: {problem}",
                        problem = Text::from(&problem)
                    ),
                    text!("give the inputs that the workflow declares"),
                );
            }
        }
        Some(Case {
            line: node.at.line,
            inputs,
            stubs: self.stubs(fields.get("stubs")),
            status: status.unwrap_or(match &error {
                Some(_) => RunStatus::Failed,
                None => RunStatus::Succeeded,
            }),
            error: error.map(|error| error.value.to_owned()),
            steps: self.steps(fields.get("steps")),
            outputs: fields.get("outputs").map(Node::to_json),
            name: name?.value.to_owned(),
        })
    }

    fn stubs(&mut self, node: Option<&Node>) -> BTreeMap<String, Vec<Answer>> {
        let mut stubs = BTreeMap::new();
        let entries = node.and_then(|node| map(self.report, node, Text::name("stubs")));
        for entry in entries.unwrap_or(&[]) {
            let stubbed = match self.nodes.get(&entry.key) {
                Some(node) => node.clone(),
                None => self.node_used(&entry.key),
            };
            let Some(stubbed) = stubbed else {
                let names = self.nodes.keys().map(String::as_str);
                let used = self.nodes.values().flatten().map(|node| node.spec.name);
                let fix = match nearest(&entry.key, names.chain(used)) {
                    Some(near) => text!("did you mean `{near}`?", near),
                    None => text!("name a step of the workflow, or a node that it uses"),
                };
                let message = text!("no step or node `{name}` to answer for", name = &entry.key);
                self.report
                    .error("case.unknown_stub", entry.at, message, fix);
                continue;
            };
            let answers = match &entry.value.value {
                Yaml::List(items) => items
                    .iter()
                    .filter_map(|item| self.answer(item, &stubbed))
                    .collect(),
                _ => self.answer(&entry.value, &stubbed).into_iter().collect(),
            };
            stubs.insert(entry.key.clone(), answers);
        }
        stubs
    }

    /// The node of this name, when the workflow uses it.
    fn node_used(&self, name: &str) -> Option<Registered> {
        let used = self
            .nodes
            .values()
            .flatten()
            .find(|node| node.spec.name == name)?;
        self.registry.get(name, used.spec.version).cloned()
    }

    fn answer(&mut self, node: &Node, stubbed: &Registered) -> Option<Answer> {
        let fields = Fields::read(self.report, node, text!("a stub"), STUB, &[])?;
        match (fields.get("output"), fields.get("error")) {
            (Some(output), None) => {
                let value = output.to_json();
                self.check_output(output, &value, stubbed);
                Some(Answer::Output(value))
            }
            (None, Some(error)) => self.stub_error(error).map(Answer::Error),
            _ => {
                self.report.error(
                    "case.stub",
                    node.at,
                    text!("a stub answers with an output or with an error"),
                    text!("write { output: … } or { error: { code, message } }"),
                );
                None
            }
        }
    }

    /// A stub gives what its node could give.
    fn check_output(&mut self, node: &Node, value: &Value, stubbed: &Registered) {
        let Some(validator) = validator(&stubbed.output) else {
            return;
        };
        for error in validator.iter_errors(value) {
            let at = node.nearest(error.instance_path().as_str()).at;
            self.report.error(
                "case.stub_output",
                at,
                text!(
                    "`{node}` cannot give this: {problem}",
                    node = stubbed.spec.name,
                    problem = misfit(&error)
                ),
                text!("give an output of the node's type"),
            );
        }
    }

    fn stub_error(&mut self, node: &Node) -> Option<NodeError> {
        let fields = Fields::read(self.report, node, Text::name("error"), STUB_ERROR, &[])?;
        fields.need(self.report, node.at, "code");
        let code = fields.text(self.report, "code")?.value;
        let message = fields
            .text(self.report, "message")
            .map_or(code, |m| m.value);
        let message = Text::verbatim(message);
        let kinds = [
            ("fail", Kind::Fail),
            ("retry", Kind::Retry),
            ("unknown", Kind::Unknown),
        ];
        let kind = fields.choice(self.report, "kind", &kinds);
        Some(match kind.unwrap_or(Kind::Fail) {
            Kind::Fail => NodeError::fail(code, message),
            Kind::Retry => NodeError::retry(code, message),
            Kind::Unknown => NodeError::unknown(code, message),
        })
    }

    fn steps(&mut self, node: Option<&Node>) -> BTreeMap<String, ExpectedStep> {
        let mut steps = BTreeMap::new();
        let entries = node.and_then(|node| map(self.report, node, Text::name("steps")));
        for entry in entries.unwrap_or(&[]) {
            self.check_path(&entry.key, entry.at);
            let step = match &entry.value.value {
                Yaml::Map(_) => self.step(&entry.value),
                _ => text(self.report, &entry.value, text!("a step"))
                    .and_then(|word| self.word(&word)),
            };
            if let Some(step) = step {
                steps.insert(entry.key.clone(), step);
            }
        }
        steps
    }

    /// `succeeded`, `skipped`, `not_run`…: all that is said of a step.
    fn word(&mut self, word: &At<&str>) -> Option<ExpectedStep> {
        let mut step = ExpectedStep {
            not_run: word.value == "not_run",
            ..ExpectedStep::default()
        };
        if !step.not_run {
            let known = STEP_STATUSES.iter().find(|(known, _)| *known == word.value);
            let Some((_, status)) = known else {
                self.report.error(
                    "workflow.unknown_value",
                    word.at,
                    text!("a step does not end as `{value}`", value = word.value),
                    text!(
                        "write one of: {words}",
                        words = "succeeded, failed, skipped, cancelled, timed_out, not_run"
                    ),
                );
                return None;
            };
            step.status = Some(*status);
        }
        Some(step)
    }

    fn step(&mut self, node: &Node) -> Option<ExpectedStep> {
        let fields = Fields::read(self.report, node, text!("an expected step"), STEP, &[])?;
        Some(ExpectedStep {
            not_run: false,
            status: fields.choice(self.report, "status", &STEP_STATUSES),
            output: fields.get("output").map(Node::to_json),
            error: fields
                .text(self.report, "error")
                .map(|code| code.value.to_owned()),
            attempts: fields.count(self.report, "attempts").map(Into::into),
        })
    }

    /// A path names a step of the workflow: `pay[3].send` is step `send`.
    fn check_path(&mut self, path: &str, at: Mark) {
        let mut before: Option<String> = None;
        for part in path.split('.') {
            let name = part.split('[').next().unwrap_or(part);
            // What follows a step outside of its items is its compensation.
            let id = match before.take() {
                Some(step) => format!("{step}.{name}"),
                None => name.to_owned(),
            };
            if self.nodes.contains_key(&id) {
                before = (!part.contains('[')).then_some(id);
                continue;
            }
            let fix = match nearest(&id, self.nodes.keys().map(String::as_str)) {
                Some(near) => text!("did you mean `{near}`?", near),
                None => text!("name a step of the workflow"),
            };
            let message = text!("the workflow has no step `{step}`", step = id);
            self.report.error("workflow.unknown_step", at, message, fix);
        }
    }
}
