//! What changed between two texts of a workflow, in words.
//!
//! Fields are compared as they are written; what a step waits for, as the graph
//! has it: an expression that reads another step changes that too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::yaml;
use crate::graph::{Body, Level, Plan};
use crate::text;
use crate::text::Text;

/// Longest value that is shown whole, characters.
const LONGEST: usize = 120;
/// Keywords of a workflow whose fields are steps.
const SECTIONS: [&str; 3] = ["steps", "on_failure", "finally"];

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What became of it.
    pub kind: ChangeKind,
    /// The sentence.
    pub text: Text,
}

/// What became of a part of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is different.
    Changed,
}

/// A text that passed the check, and its plan.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The YAML text.
    pub source: &'a str,
    /// The checked workflow.
    pub plan: &'a Plan,
}

/// What is different in `new`: the workflow's own keywords, its triggers, its steps.
#[must_use]
pub fn diff(old: Side<'_>, new: Side<'_>) -> Vec<Change> {
    let (old_parts, new_parts) = (Parts::of(old), Parts::of(new));
    let mut found = Changes::default();
    let nothing = Value::Object(Map::new());
    let triggers = |parts: &Parts| parts.root.get("triggers").cloned();
    found.fields(&Subject::Workflow, &old_parts.own(), &new_parts.own());
    found.triggers(
        &triggers(&old_parts).unwrap_or_else(|| nothing.clone()),
        &triggers(&new_parts).unwrap_or(nothing),
    );
    found.steps(&old_parts, &new_parts);
    found.0
}

/// A workflow taken apart.
struct Parts {
    root: Map<String, Value>,
    /// In file order.
    steps: Vec<(String, Part)>,
}

/// A step without the steps inside it.
#[derive(Clone)]
struct Part {
    /// The loop around it, or the section it stands in.
    around: String,
    fields: Value,
    facts: Facts,
}

/// What the graph knows of a step.
#[derive(Clone, Default)]
struct Facts {
    line: u32,
    waits_for: BTreeSet<String>,
}

impl Parts {
    fn of(side: Side<'_>) -> Self {
        let root = yaml::parse(side.source)
            .root
            .map(|root| root.to_json())
            .and_then(|root| match root {
                Value::Object(fields) => Some(fields),
                _ => None,
            })
            .unwrap_or_default();
        let mut known = BTreeMap::new();
        facts_of(&side.plan.steps, &mut known);
        let mut steps = Vec::new();
        for section in SECTIONS {
            if let Some(Value::Object(inside)) = root.get(section) {
                take_steps(section, inside, &known, &mut steps);
            }
        }
        steps.sort_by_key(|(_, part)| part.facts.line);
        Self { root, steps }
    }

    /// The keywords of the workflow itself.
    fn own(&self) -> Value {
        let own = |name: &&String| *name != "triggers" && !SECTIONS.contains(&name.as_str());
        let fields = self.root.iter().filter(|(name, _)| own(name));
        Value::Object(fields.map(|(n, v)| (n.clone(), v.clone())).collect())
    }

    fn find(&self, id: &str) -> Option<&Part> {
        let found = self.steps.iter().find(|(known, _)| known == id);
        found.map(|(_, part)| part)
    }
}

fn take_steps(
    around: &str,
    inside: &Map<String, Value>,
    known: &BTreeMap<Arc<str>, Facts>,
    steps: &mut Vec<(String, Part)>,
) {
    for (id, step) in inside {
        let mut fields = step.clone();
        let inner = fields.as_object_mut().and_then(|it| it.remove("steps"));
        let part = Part {
            around: around.to_owned(),
            fields,
            facts: known.get(id.as_str()).cloned().unwrap_or_default(),
        };
        steps.push((id.clone(), part));
        if let Some(Value::Object(inner)) = inner {
            take_steps(id, &inner, known, steps);
        }
    }
}

/// What the graph knows of each step, by id.
fn facts_of(level: &Level, known: &mut BTreeMap<Arc<str>, Facts>) {
    for step in &level.steps {
        let needs = step.needs.iter();
        let facts = Facts {
            line: step.line,
            waits_for: needs
                .map(|need| level.steps[*need].id.to_string())
                .collect(),
        };
        known.insert(Arc::clone(&step.id), facts);
        if let Body::Steps(inner) = &step.body {
            facts_of(inner, known);
        }
    }
}

/// Of what a keyword is.
enum Subject<'a> {
    Workflow,
    Trigger(&'a str),
    Step(&'a str),
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, kind: ChangeKind, text: Text) {
        self.0.push(Change { kind, text });
    }

    fn triggers(&mut self, old: &Value, new: &Value) {
        for (name, trigger) in fields_of(old) {
            match new.get(name) {
                Some(now) => self.fields(&Subject::Trigger(name), trigger, now),
                None => self.add(ChangeKind::Removed, text!("trigger `{name}` is gone", name)),
            }
        }
        for (name, trigger) in fields_of(new).filter(|(name, _)| old.get(name.as_str()).is_none()) {
            let what = shown(trigger);
            let text = text!("trigger `{name}` is new: {what}", name, what);
            self.add(ChangeKind::Added, text);
        }
    }

    fn steps(&mut self, old: &Parts, new: &Parts) {
        let renamed = renamed(old, new);
        for (was, now) in &renamed {
            let text = text!("step `{was}` is now called `{now}`", was, now);
            self.add(ChangeKind::Changed, text);
        }
        for (id, part) in &old.steps {
            let now = renamed.get(id).unwrap_or(id);
            match new.find(now) {
                Some(new) => self.step(now, part, new, &renamed),
                None => self.add(ChangeKind::Removed, text!("step `{id}` is gone", id)),
            }
        }
        let known: BTreeSet<&String> = renamed.values().collect();
        let added = |id: &String| old.find(id).is_none() && !known.contains(id);
        for (id, part) in new.steps.iter().filter(|(id, _)| added(id)) {
            let node = part.fields.get("uses").map(shown);
            let text = match node {
                Some(node) => text!("step `{id}` is new, and uses {node}", id, node),
                None => text!("step `{id}` is new, with steps inside", id),
            };
            self.add(ChangeKind::Added, text);
        }
    }

    fn step(&mut self, id: &str, old: &Part, new: &Part, renamed: &BTreeMap<String, String>) {
        let around = renamed.get(&old.around).unwrap_or(&old.around);
        if *around != new.around {
            let text = text!(
                "step `{id}` stood in `{was}`, and stands in `{now}`",
                id,
                was = &old.around,
                now = &new.around
            );
            self.add(ChangeKind::Changed, text);
        }
        let was = with_new_names(&old.fields, renamed);
        self.fields(&Subject::Step(id), &was, &new.fields);
        let waited: BTreeSet<&String> = (old.facts.waits_for.iter())
            .map(|need| renamed.get(need).unwrap_or(need))
            .collect();
        let waits: BTreeSet<&String> = new.facts.waits_for.iter().collect();
        for need in waits.difference(&waited) {
            let text = text!("step `{id}` now waits for `{need}`", id, need = *need);
            self.add(ChangeKind::Changed, text);
        }
        for need in waited.difference(&waits) {
            let text = text!(
                "step `{id}` does not wait for `{need}` any more",
                id,
                need = *need
            );
            self.add(ChangeKind::Changed, text);
        }
    }

    fn fields(&mut self, subject: &Subject<'_>, old: &Value, new: &Value) {
        self.walk(subject, "", old, new);
    }

    fn walk(&mut self, subject: &Subject<'_>, path: &str, old: &Value, new: &Value) {
        if old == new {
            return;
        }
        let (Value::Object(was), Value::Object(now)) = (old, new) else {
            self.changed(subject, path, Some(old), Some(new));
            return;
        };
        let dot = if path.is_empty() { "" } else { "." };
        for (name, value) in was {
            let inner = format!("{path}{dot}{name}");
            match now.get(name) {
                Some(new) => self.walk(subject, &inner, value, new),
                None => self.changed(subject, &inner, Some(value), None),
            }
        }
        for (name, value) in now.iter().filter(|(name, _)| !was.contains_key(*name)) {
            self.changed(subject, &format!("{path}{dot}{name}"), None, Some(value));
        }
    }

    fn changed(
        &mut self,
        subject: &Subject<'_>,
        keyword: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        let what = match (old.map(shown), new.map(shown)) {
            (Some(was), Some(now)) => {
                text!("`{keyword}` was {was}, and is {now}", keyword, was, now)
            }
            (Some(was), None) => text!("`{keyword}` is gone, and was {was}", keyword, was),
            (None, Some(now)) => text!("`{keyword}` is new: {now}", keyword, now),
            (None, None) => return,
        };
        let text = match subject {
            Subject::Workflow => what,
            Subject::Trigger(name) => text!("trigger `{name}`: {what}", name = *name, what),
            Subject::Step(id) => text!("step `{id}`: {what}", id = *id, what),
        };
        self.add(ChangeKind::Changed, text);
    }
}

fn fields_of(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Steps with the same fields under another name, old to new.
fn renamed(old: &Parts, new: &Parts) -> BTreeMap<String, String> {
    let mut renamed = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (id, part) in old.steps.iter().filter(|(id, _)| new.find(id).is_none()) {
        let same = new.steps.iter().find(|(now, candidate)| {
            old.find(now).is_none()
                && !taken.contains(now)
                && with_new_names(&part.fields, &renamed) == candidate.fields
        });
        if let Some((now, _)) = same {
            taken.insert(now);
            renamed.insert(id.clone(), now.clone());
        }
    }
    renamed
}

/// The fields of a step as they would read had other steps their new names already.
fn with_new_names(fields: &Value, renamed: &BTreeMap<String, String>) -> Value {
    if renamed.is_empty() {
        return fields.clone();
    }
    let mut fields = fields.clone();
    reread(&mut fields, renamed);
    if let Some(needs) = fields.get_mut("needs") {
        rename_needs(needs, renamed);
    }
    if let Some(step) = fields.pointer_mut("/on_error/step") {
        rename_needs(step, renamed);
    }
    fields
}

/// `old` and `old.case`, alone or in a list.
fn rename_needs(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::String(need) => {
            let (id, case) = need
                .split_once('.')
                .map_or((&**need, ""), |(id, _)| (id, &need[id.len()..]));
            if let Some(now) = renamed.get(id) {
                *need = format!("{now}{case}");
            }
        }
        Value::Array(needs) => needs
            .iter_mut()
            .for_each(|need| rename_needs(need, renamed)),
        _ => {}
    }
}

/// `steps.old` in every text.
fn reread(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            for (was, now) in renamed {
                *text = renamed_in(text, was, now);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| reread(item, renamed)),
        Value::Object(fields) => fields.values_mut().for_each(|field| reread(field, renamed)),
        _ => {}
    }
}

fn renamed_in(text: &str, was: &str, now: &str) -> String {
    let path = format!("steps.{was}");
    let mut parts = text.split(path.as_str());
    let mut read = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let goes_on = part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        match goes_on {
            true => read.push_str(&path),
            false => read.push_str(&format!("steps.{now}")),
        }
        read.push_str(part);
    }
    read
}

/// A value on one line.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
