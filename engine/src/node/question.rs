//! A question to people, and what their answers make of it: one rule, used by
//! who takes an answer and by the step that waits for it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::validator;
use crate::text;
use crate::text::Text;

/// What people are asked to approve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What it is about.
    pub title: String,
    /// JSON Schema of what an approval fills in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// Who may answer has one of these roles; anyone when there are none.
    pub roles: Vec<String>,
    /// How many people must approve.
    pub count: u32,
    /// People who may not answer.
    pub exclude: Vec<String>,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name by which people are told apart.
    pub name: String,
    /// The roles this person has.
    pub roles: Vec<String>,
}

/// What a person answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Approved or refused.
    pub approved: bool,
    /// What was filled in.
    pub form: Value,
}

/// A decision that counts: who, what and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// Approved or refused.
    pub approved: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// What was filled in.
    #[serde(default)]
    pub form: Value,
}

/// Why an answer does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Text::from(self))]
pub enum Refusal {
    /// It is decided already.
    Decided(String),
    /// This person has answered before.
    AlreadyAnswered(String),
    /// This person may not answer.
    Excluded(String),
    /// It takes another role.
    MissingRole {
        /// Who.
        name: String,
        /// The roles that may.
        roles: String,
    },
    /// The form is not filled in as it should.
    BadForm(Text),
}

impl From<&Refusal> for Text {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Decided(name) => text!("it was decided before, by {name}", name),
            Refusal::AlreadyAnswered(name) => {
                text!("{name} has answered before, and counts once", name)
            }
            Refusal::Excluded(name) => {
                text!("{name} may not answer: the step excludes this person", name)
            }
            Refusal::MissingRole { name, roles } => text!(
                "{name} may not answer: it takes one of these roles: {roles}",
                name,
                roles
            ),
            Refusal::BadForm(problems) => text!("the form does not fit: {problems}", problems),
        }
    }
}

impl Question {
    /// What it comes to: some answer, once there are enough.
    #[must_use]
    pub fn verdict(&self, heard: &[Decided]) -> Option<bool> {
        if heard.iter().any(|decided| !decided.approved) {
            return Some(false);
        }
        (heard.len() >= self.count as usize).then_some(true)
    }

    /// Whether this answer counts, after those that were heard.
    ///
    /// # Errors
    /// Why it does not.
    pub fn hear(
        &self,
        heard: &[Decided],
        person: &Person,
        decision: &Decision,
    ) -> Result<(), Refusal> {
        if let (Some(_), Some(last)) = (self.verdict(heard), heard.last()) {
            return Err(Refusal::Decided(last.by.clone()));
        }
        let name = || person.name.clone();
        if self.exclude.iter().any(|it| is_same(it, &person.name)) {
            return Err(Refusal::Excluded(name()));
        }
        let has_role = person.roles.iter().any(|role| self.roles.contains(role));
        if !self.roles.is_empty() && !has_role {
            return Err(Refusal::MissingRole {
                name: name(),
                roles: self.roles.join(", "),
            });
        }
        if heard.iter().any(|it| is_same(&it.by, &person.name)) {
            return Err(Refusal::AlreadyAnswered(name()));
        }
        match &self.form {
            Some(schema) if decision.approved || !decision.form.is_null() => {
                fits(schema, &decision.form)
            }
            _ => Ok(()),
        }
    }
}

/// Two spellings of one name: spaces around and case do not make another person.
fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

fn fits(schema: &Value, form: &Value) -> Result<(), Refusal> {
    let Some(validator) = validator(schema) else {
        return Err(Refusal::BadForm(text!("its schema cannot be used")));
    };
    let problems: Vec<_> = validator
        .iter_errors(form)
        .map(|error| match error.instance_path().as_str() {
            "" => error.to_string(),
            place => format!("{}: {error}", &place[1..]),
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Refusal::BadForm(Text::verbatim(problems.join("; "))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question() -> Question {
        Question {
            title: "Pay".to_owned(),
            form: Some(json!({
                "type": "object",
                "properties": { "reason": { "type": "string" } },
                "required": ["reason"],
            })),
            roles: vec!["council".to_owned()],
            count: 2,
            exclude: vec!["Ada".to_owned()],
        }
    }

    fn person(name: &str, role: &str) -> Person {
        Person {
            name: name.to_owned(),
            roles: vec![role.to_owned()],
        }
    }

    fn approval() -> Decision {
        Decision {
            approved: true,
            form: json!({ "reason": "due" }),
        }
    }

    fn by(name: &str, approved: bool) -> Decided {
        Decided {
            by: name.to_owned(),
            approved,
            at: DateTime::UNIX_EPOCH,
            form: Value::Null,
        }
    }

    #[test]
    fn distinct_people_are_counted() {
        let question = question();
        let one = [by("Bob", true)];
        assert_eq!(question.verdict(&one), None);
        let again = question.hear(&one, &person(" bob", "council"), &approval());
        assert!(matches!(again, Err(Refusal::AlreadyAnswered(_))));
        let other = question.hear(&one, &person("Eve", "council"), &approval());
        assert_eq!(other, Ok(()));
        let two = [by("Bob", true), by("Eve", true)];
        assert_eq!(question.verdict(&two), Some(true));
        let late = question.hear(&two, &person("Max", "council"), &approval());
        assert_eq!(late, Err(Refusal::Decided("Eve".to_owned())));
    }

    #[test]
    fn one_refusal_decides() {
        assert_eq!(question().verdict(&[by("Bob", false)]), Some(false));
    }

    #[test]
    fn who_may_not_answer_is_refused() {
        let question = question();
        let excluded = question.hear(&[], &person("ada", "council"), &approval());
        assert!(matches!(excluded, Err(Refusal::Excluded(_))));
        let other_role = question.hear(&[], &person("Bob", "owner"), &approval());
        assert!(matches!(other_role, Err(Refusal::MissingRole { .. })));
    }

    #[test]
    fn an_approval_fills_in_the_form_a_refusal_need_not() {
        let question = question();
        let answer = |approved| Decision {
            approved,
            form: Value::Null,
        };
        let bob = person("Bob", "council");
        let empty = question.hear(&[], &bob, &answer(true));
        assert!(matches!(empty, Err(Refusal::BadForm(_))), "{empty:?}");
        assert_eq!(question.hear(&[], &bob, &answer(false)), Ok(()));
    }
}
