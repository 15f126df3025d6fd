//! What an expression may read where it stands, and whether it is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::Report;
use super::links::Section;
use super::values::Placed;
use crate::expr::{Expression, Found, Key, Path, Segment, Shape, Template};
use crate::text;
use crate::text::Text;

/// A step that later steps may read.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub shape: Shape,
    pub may_be_skipped: bool,
}

/// What is known of the values around an expression, level by level.
#[derive(Debug, Default)]
pub(super) struct Env<'a> {
    pub outer: Option<&'a Env<'a>>,
    /// Whether the run's steps have ended, and each of those around may never have run.
    closing: bool,
    pub steps: BTreeMap<String, Known>,
    /// Items of loops, `index`, `inputs`…
    pub names: BTreeMap<Arc<str>, Shape>,
}

/// What only some places can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Here {
    pub steps: bool,
    pub attempt: bool,
    pub error: bool,
    pub event: bool,
    pub section: Section,
}

impl Here {
    /// At the start of a run: labels, keys.
    pub const START: Self = Self {
        steps: false,
        attempt: false,
        error: false,
        event: false,
        section: Section::Main,
    };
    /// In a trigger.
    pub const TRIGGER: Self = Self {
        event: true,
        ..Self::START
    };
    /// In a step, or in the outputs.
    pub const STEP: Self = Self {
        steps: true,
        ..Self::START
    };
    /// In a step of `on_failure` or `finally`.
    pub const fn after(section: Section) -> Self {
        Self {
            error: true,
            section,
            ..Self::STEP
        }
    }

    /// Before there is a run.
    fn is_trigger(self) -> bool {
        self == Self::TRIGGER
    }
}

impl<'a> Env<'a> {
    /// The outermost: a run's own facts.
    pub fn of_run(inputs: Shape) -> Self {
        let text = |names: &[&str]| {
            Shape::object(names.iter().map(|name| ((*name).to_owned(), Shape::Text)))
        };
        let names = [
            ("inputs", inputs),
            ("run", text(&["id", "workflow"])),
            ("tenant", text(&["id"])),
            ("now", Shape::Text),
            ("attempt", Shape::Integer),
            ("error", text(&["code", "message"])),
            ("event", Shape::Any),
            ("trigger", Shape::Any),
        ];
        Self {
            names: names.map(|(name, shape)| (name.into(), shape)).into(),
            ..Self::default()
        }
    }

    /// A level inside this one.
    pub fn inside(&'a self) -> Self {
        Self {
            outer: Some(self),
            ..Self::default()
        }
    }

    /// What runs when all that stands around has ended, or never will.
    pub fn closing(&'a self) -> Self {
        Self {
            closing: true,
            ..self.inside()
        }
    }

    /// Where a run may also have ended well: `error` may be nothing.
    pub fn error_may_be_nothing(&mut self) {
        if let Some(error) = self.name("error").cloned() {
            let shape = Shape::one_of([error, Shape::Null]);
            self.names.insert("error".into(), shape);
        }
    }

    fn name(&self, name: &str) -> Option<&Shape> {
        self.names
            .get(name)
            .or_else(|| self.outer.and_then(|outer| outer.name(name)))
    }

    fn step(&self, id: &str) -> Option<Known> {
        let own = self.steps.get(id).cloned();
        own.or_else(|| {
            let known = self.outer?.step(id)?;
            Some(Known {
                may_be_skipped: known.may_be_skipped || self.closing,
                ..known
            })
        })
    }

    /// The shape of an expression, as far as it can be told.
    pub fn shape_of(&self, expression: &Expression) -> Shape {
        let Some(path) = expression.as_path() else {
            return Shape::Any;
        };
        let (mut shape, segments) = match (path.step(), path.step_record()) {
            (Some((id, rest)), _) => match self.step(id) {
                Some(known) if known.may_be_skipped => {
                    (Shape::one_of([known.shape, Shape::Null]), rest)
                }
                Some(known) => (known.shape, rest),
                None => return Shape::Any,
            },
            (_, Some(_)) => return Shape::Any,
            _ => match self.name(&path.root) {
                Some(shape) => (shape.clone(), path.segments.as_slice()),
                None => return Shape::Any,
            },
        };
        let mut null = false;
        for segment in segments {
            null |= segment.optional;
            shape = match shape.get(&segment.key) {
                Found::Always(shape) => shape,
                Found::No => return Shape::Any,
                Found::Optional(shape) | Found::Partial(shape) => {
                    null = true;
                    shape
                }
            };
        }
        if null {
            return Shape::one_of([shape, Shape::Null]);
        }
        shape
    }

    /// The shape of a template.
    pub fn shape_of_template(&self, template: &Template) -> Shape {
        template.shape(&|expression| self.shape_of(expression))
    }
}

/// Checks all that some expressions read.
pub(super) fn check_paths(
    report: &mut Report<'_>,
    env: &Env<'_>,
    here: Here,
    placed: &[Placed<'_>],
) {
    for placed in placed {
        for path in placed.expression.paths() {
            let mut check = Check {
                report,
                env,
                here,
                placed,
            };
            check.path(path);
        }
    }
}

struct Check<'c, 'r, 's> {
    report: &'c mut Report<'s>,
    env: &'c Env<'r>,
    here: Here,
    placed: &'c Placed<'c>,
}

impl Check<'_, '_, '_> {
    fn path(&mut self, path: &Path) {
        for segment in &path.segments {
            if let Key::By(inner) = &segment.key {
                self.path(inner);
            }
        }
        if let Some((_, rest)) = path.step_record() {
            if !self.here.steps {
                self.not_here(path, text!("steps have not run yet here"));
                return;
            }
            let text = |name: &str| (name.to_owned(), Shape::Text);
            let error = Shape::object([text("code"), text("message")]);
            let record = Shape::object([
                text("status"),
                ("error".to_owned(), Shape::one_of([error, Shape::Null])),
            ]);
            self.walk(path, rest, record, None);
            return;
        }
        if let Some((id, rest)) = path.step() {
            if !self.here.steps {
                self.not_here(path, text!("steps have not run yet here"));
                return;
            }
            // An unknown step is told where the graph is made.
            if let Some(known) = self.env.step(id) {
                let skipped = known.may_be_skipped.then_some(id);
                self.walk(path, rest, known.shape, skipped);
            }
            return;
        }
        let available = match &*path.root {
            "attempt" => self.here.attempt,
            "error" => self.here.error,
            "event" | "trigger" => self.here.event,
            "inputs" | "run" => !self.here.is_trigger(),
            _ => true,
        };
        match self.env.name(&path.root).cloned() {
            Some(shape) if available => self.walk(path, &path.segments, shape, None),
            _ if self.here.is_trigger() => self.not_here(path, text!("there is no run yet")),
            _ => self.not_here(path, why_not(&path.root)),
        }
    }

    fn not_here(&mut self, path: &Path, why: Text) {
        let at = self.placed.mark(self.report.source, path.offset);
        self.report.error(
            "expression.not_in_scope",
            at,
            text!("`{name}` has no value here: {why}", name = &path.root, why),
            text!("read something else, or move the expression"),
        );
    }

    /// Follows a path through shapes; `skipped` is the step that may be skipped.
    fn walk(&mut self, path: &Path, segments: &[Segment], start: Shape, skipped: Option<&str>) {
        let mut shape = start;
        let mut nothing = skipped.is_some() || shape.may_be_null();
        if let (Some(id), [], false) = (skipped, segments, path.defaulted) {
            self.unguarded(path, path.offset, may_be_skipped(id), "??");
        }
        for (place, segment) in segments.iter().enumerate() {
            if nothing && !segment.optional && !path.defaulted {
                let what = match skipped {
                    Some(id) if place == 0 => may_be_skipped(id),
                    _ => text!(
                        "what stands before {key} may be nothing",
                        key = Text::from(&segment.key)
                    ),
                };
                self.unguarded(path, segment.offset, what, "?.");
            }
            let guarded =
                path.defaulted || segments.get(place + 1).is_some_and(|next| next.optional);
            nothing = false;
            shape = match shape.get(&segment.key) {
                Found::Always(shape) => shape,
                Found::Optional(shape) => {
                    nothing = true;
                    shape
                }
                Found::Partial(shape) => {
                    if !guarded {
                        let what = text!(
                            "{key} is there in some cases only",
                            key = Text::from(&segment.key)
                        );
                        self.unguarded(path, segment.offset, what, "??");
                    }
                    nothing = true;
                    shape
                }
                Found::No => {
                    self.unknown(path, segment, &shape);
                    return;
                }
            };
            nothing |= shape.may_be_null();
        }
    }

    fn unguarded(&mut self, path: &Path, offset: usize, what: Text, guard: &str) {
        let at = self.placed.mark(self.report.source, offset);
        let path = path.to_string();
        let fix = match guard {
            "?." => text!(
                "write `?.` there, or `{path} ?? …` with what stands in",
                path = &path
            ),
            _ => text!(
                "write `{path} ?? …` with what stands in, or `?? ()`",
                path = &path
            ),
        };
        self.report.error(
            "expression.unguarded",
            at,
            text!("`{path}`: {what}, and the read is not guarded", path, what),
            fix,
        );
    }

    fn unknown(&mut self, path: &Path, segment: &Segment, shape: &Shape) {
        let at = self.placed.mark(self.report.source, segment.offset);
        let names = shape.field_names();
        let fix = match &segment.key {
            Key::Field(name) if &**name == "len" => text!("call it: `.len()`"),
            Key::Field(name) => match crate::nearest::nearest(name, names.iter().copied()) {
                Some(near) => text!("did you mean `{near}`?", near),
                None if names.is_empty() => text!("read the value itself"),
                None => text!("it has: {fields}", fields = names.join(", ")),
            },
            _ => text!("read a field by its name"),
        };
        let message = text!(
            "`{path}`: {what} has no {key}",
            path = path.to_string(),
            what = shape.describe(),
            key = Text::from(&segment.key)
        );
        self.report
            .error("expression.unknown_field", at, message, fix);
    }
}

fn may_be_skipped(step: &str) -> Text {
    text!("step `{step}` may be skipped", step)
}

fn why_not(root: &str) -> Text {
    match root {
        "item" | "index" => text!("no loop calls its item so around this place"),
        "error" => {
            text!("it belongs to `retry.if` and to a step that stands in for a failed one")
        }
        "attempt" => text!("it belongs to `with` and `retry.if`"),
        "event" | "trigger" => {
            text!("it belongs to `triggers`; give the run its values as inputs")
        }
        _ => text!("nothing gives it"),
    }
}
