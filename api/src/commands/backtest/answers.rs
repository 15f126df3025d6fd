//! A person's answers, as a file gives them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use domain::matching::AllocationKind;
use domain::money::Money;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::failure::Failure;

/// Ids of this database by those of the folder.
pub type Targets = HashMap<String, Uuid>;

/// Answers by the id of their line.
#[derive(Debug)]
pub struct Answers(HashMap<i64, Vec<Part>>);

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub kind: AllocationKind,
    /// The id in the folder; none for fees and the unknown.
    pub target: Option<String>,
    /// Signed amount.
    pub amount: Money,
}

#[derive(Deserialize)]
struct RawAnswer<'a> {
    transaction_id: i64,
    #[serde(borrow)]
    allocations: Vec<RawPart<'a>>,
}

#[derive(Deserialize)]
struct RawPart<'a> {
    kind: AllocationKind,
    #[serde(default, borrow)]
    target_id: Option<&'a RawValue>,
    #[serde(borrow)]
    amount: &'a RawValue,
}

impl Answers {
    /// Reads a file of answers; fields beside the two that matter are ignored.
    ///
    /// # Errors
    /// When the file cannot be read, or is no list of answers.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| Failure::io("read", path, error))?;
        Self::parse(&text).map_err(|reason| {
            Failure::new("bad_answers")
                .with("path", path.display())
                .caused_by(reason)
        })
    }

    /// The answer for a line.
    #[must_use]
    pub fn of(&self, line: i64) -> Option<&[Part]> {
        self.0.get(&line).map(Vec::as_slice)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: Vec<RawAnswer<'_>> =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut answers = HashMap::with_capacity(raw.len());
        for answer in raw {
            let line = answer.transaction_id;
            let parts = answer
                .allocations
                .iter()
                .map(part)
                .collect::<Result<Vec<_>, _>>();
            let parts = parts.map_err(|reason| format!("transaction_id {line}: {reason}"))?;
            if answers.insert(line, parts).is_some() {
                return Err(format!("transaction_id {line}: two answers"));
            }
        }
        Ok(Self(answers))
    }
}

fn part(raw: &RawPart<'_>) -> Result<Part, String> {
    // The digits as written: no float comes between.
    let amount = raw
        .amount
        .get()
        .trim_matches('"')
        .parse()
        .map_err(|error| format!("amount: {error}"))?;
    let target = match raw.target_id.map(RawValue::get) {
        None | Some("null" | "\"\"") => None,
        Some(text) if text.starts_with('"') => {
            Some(serde_json::from_str(text).map_err(|error| format!("target_id: {error}"))?)
        }
        Some(number) => Some(number.to_owned()),
    };
    Ok(Part {
        kind: raw.kind,
        target,
        amount,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_the_cent_and_other_fields_are_ignored() {
        let answers = Answers::parse(
            r#"[{"transaction_id": 7, "case": "x", "allocations": [
                {"kind": "receivable", "target_id": "rec_1", "amount": 377.83},
                {"kind": "internal_transfer", "target_id": 51002, "amount": -0.1},
                {"kind": "bank_fee", "target_id": null, "amount": "-7.50"}]}]"#,
        )
        .unwrap();
        let parts = answers.of(7).unwrap();
        assert_eq!(parts[0].amount, Money::from_cents(37783));
        assert_eq!(parts[1].target.as_deref(), Some("51002"));
        assert_eq!(
            parts[2],
            Part {
                kind: AllocationKind::BankFee,
                target: None,
                amount: Money::from_cents(-750)
            }
        );
        assert_eq!(answers.of(8), None);
    }

    #[test]
    fn an_answer_that_cannot_be_meant_is_refused_with_its_line() {
        let parse = |text: &str| Answers::parse(text).unwrap_err();
        let three =
            r#"[{"transaction_id": 7, "allocations": [{"kind": "unknown", "amount": 1.005}]}]"#;
        assert!(
            parse(three)
                .starts_with("transaction_id 7: amount: `1.005` has more than two decimals")
        );
        assert!(
            parse(r#"[{"transaction_id": 7, "allocations": [{"kind": "gift", "amount": 1}]}]"#)
                .contains("gift")
        );
        assert!(parse(r#"{"transaction_id": 7}"#).contains("line 1"));
        let twice = r#"[{"transaction_id": 7, "allocations": []}, {"transaction_id": 7, "allocations": []}]"#;
        assert_eq!(parse(twice), "transaction_id 7: two answers");
    }
}
