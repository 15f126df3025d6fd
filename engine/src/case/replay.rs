//! A recorded run on another version, what it did to the world and read from it
//! answered by its records: what would have been different.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::run::{CaseError, Playing, play_with};
use super::stub::{Answer, Answers};
use crate::clock::SharedClock;
use crate::engine::{RunView, StepView};
use crate::node::Registry;
use crate::store::Pool;
use crate::text;
use crate::text::Text;

/// Longest value that is shown whole, characters.
const LONGEST: usize = 160;

/// One thing that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: `status`, `steps.pay.input`, `outputs`.
    pub place: String,
    /// What the record says.
    pub was: Text,
    /// What the version does.
    pub is: Text,
}

impl From<&Difference> for Text {
    fn from(difference: &Difference) -> Self {
        text!(
            "{place}: was {was}, is {is}",
            place = &difference.place,
            was = &difference.was,
            is = &difference.is
        )
    }
}

/// Runs the workflow with the inputs of a recorded run. Pure steps compute;
/// all others answer as they did, and fail with `replay.unrecorded` where the
/// recorded run did nothing of the kind: as for any failure, what still ran
/// beside it is cut off, and told as such. Nothing outside is touched.
///
/// `pool` leads to a database where no other worker works.
///
/// # Errors
/// [`CaseError`]: the run could not be replayed.
pub async fn replay(
    pool: Pool,
    registry: &Registry,
    clock: SharedClock,
    workflow: &str,
    recorded: &RunView,
) -> Result<Vec<Difference>, CaseError> {
    let answers = Answers::Recorded(answers_of(recorded));
    let playing = Playing {
        workflow,
        inputs: &recorded.inputs,
        answers,
    };
    let run = play_with(pool, registry, clock, playing).await?;
    Ok(differences(recorded, &run))
}

/// What each attempt came to, by path.
fn answers_of(recorded: &RunView) -> BTreeMap<String, Vec<Answer>> {
    let mut answers = BTreeMap::new();
    for step in &recorded.steps {
        let attempts = step.attempts.iter().filter_map(|attempt| {
            let output = || attempt.output.clone().map(Answer::Output);
            let error = || attempt.error.clone().map(Answer::Error);
            output().or_else(error)
        });
        answers.insert(step.path.clone(), attempts.collect());
    }
    answers
}

fn differences(recorded: &RunView, run: &RunView) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |place: String, was: Text, is: Text| {
        if was != is {
            found.push(Difference { place, was, is });
        }
    };
    let code = |run: &RunView| match &run.error {
        Some(error) => Text::verbatim(format!("{} ({})", run.status, error.code)),
        None => Text::verbatim(run.status),
    };
    compare("status".to_owned(), code(recorded), code(run));
    let mut paths: Vec<&str> = recorded
        .steps
        .iter()
        .map(|step| step.path.as_str())
        .collect();
    let known: BTreeSet<&str> = paths.iter().copied().collect();
    let new = run.steps.iter().map(|step| step.path.as_str());
    paths.extend(new.filter(|path| !known.contains(path)));
    for path in paths {
        let place = format!("steps.{path}");
        match (recorded.step(path), run.step(path)) {
            (Some(was), Some(is)) => {
                compare(
                    place.clone(),
                    Text::verbatim(was.status),
                    Text::verbatim(is.status),
                );
                let (input, output) = (format!("{place}.input"), format!("{place}.output"));
                values(&mut compare, input, last(was).0, last(is).0);
                values(&mut compare, output, last(was).1, last(is).1);
            }
            (was, is) => {
                let status = |step: Option<&StepView>| match step {
                    Some(step) => Text::verbatim(step.status),
                    None => text!("none"),
                };
                compare(place, status(was), status(is));
            }
        }
    }
    let outputs = (recorded.outputs.as_ref(), run.outputs.as_ref());
    values(&mut compare, "outputs".to_owned(), outputs.0, outputs.1);
    found
}

/// Values are compared whole, and shown short.
fn values(
    compare: &mut impl FnMut(String, Text, Text),
    place: String,
    was: Option<&Value>,
    is: Option<&Value>,
) {
    if was == is {
        return;
    }
    match (shown(was), shown(is)) {
        (was, is) if was == is => compare(place, was, text!("the same at first, then not")),
        (was, is) => compare(place, was, is),
    }
}

/// What the last attempt was given, and gave.
fn last(step: &StepView) -> (Option<&Value>, Option<&Value>) {
    let attempt = step.attempts.last();
    (
        attempt.and_then(|it| it.input.as_ref()),
        attempt.and_then(|it| it.output.as_ref()),
    )
}

fn shown(value: Option<&Value>) -> Text {
    let Some(value) = value else {
        return text!("none");
    };
    let json = value.to_string();
    Text::verbatim(match json.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    })
}
