//! What a backtest writes: a row for every line of the folder.

use std::collections::HashMap;

use domain::matching::{Allocation, AllocationKind, Decider};
use domain::money::Money;
use domain::store::results::LineResult;
use domain::world::Transaction;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// The first suggestion for a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The id in the folder.
    pub line: i64,
    /// Whether it was posted without a person.
    pub auto: bool,
    /// How probable it is that the suggestion is right; none without suggestion.
    pub confidence: Option<f64>,
    /// What the line is for.
    pub parts: Vec<Part>,
}

/// A part of a suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub kind: AllocationKind,
    /// The id in the folder; none for fees and the unknown.
    pub target: Option<String>,
    /// Signed amount.
    pub amount: Money,
}

/// A row for each line, in the order of the file.
#[must_use]
pub fn of(lines: &[Transaction], results: &[LineResult], ids: &HashMap<Uuid, String>) -> Vec<Row> {
    let by_ref: HashMap<&str, &LineResult> = results
        .iter()
        .map(|result| (result.external_ref.as_str(), result))
        .collect();
    lines
        .iter()
        .map(|line| row(line, by_ref.get(line.id.to_string().as_str()).copied(), ids))
        .collect()
}

fn row(line: &Transaction, result: Option<&LineResult>, ids: &HashMap<Uuid, String>) -> Row {
    let best = result.and_then(|result| result.candidates.first());
    let parts = match best {
        Some(best) => best
            .allocations
            .iter()
            .map(|allocation| part(allocation, ids))
            .collect(),
        None => vec![Part {
            kind: AllocationKind::Unknown,
            target: None,
            amount: line.amount,
        }],
    };
    Row {
        line: line.id,
        auto: result.is_some_and(|result| result.decided_by == Some(Decider::Auto)),
        confidence: best.map(|best| best.confidence),
        parts,
    }
}

fn part(allocation: &Allocation, ids: &HashMap<Uuid, String>) -> Part {
    let target = allocation
        .cause
        .target()
        .map(|id| ids.get(&id).cloned().unwrap_or_else(|| id.to_string()));
    Part {
        kind: allocation.cause.kind(),
        target,
        amount: allocation.amount,
    }
}

#[derive(Serialize)]
struct Written<'a> {
    transaction_id: i64,
    decision: &'static str,
    confidence: Option<f64>,
    allocations: Vec<WrittenPart<'a>>,
}

#[derive(Serialize)]
struct WrittenPart<'a> {
    kind: AllocationKind,
    target_id: Option<&'a str>,
    amount: Box<RawValue>,
}

/// The list as JSON, a row a line.
#[must_use]
pub fn render(rows: &[Row]) -> String {
    let lines: Vec<String> = rows.iter().map(render_row).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn render_row(row: &Row) -> String {
    let written = Written {
        transaction_id: row.line,
        decision: if row.auto { "auto" } else { "review" },
        confidence: row.confidence,
        allocations: row
            .parts
            .iter()
            .map(|part| WrittenPart {
                kind: part.kind,
                target_id: part.target.as_deref(),
                // Two decimals as they are: a number that no float has touched.
                amount: RawValue::from_string(part.amount.to_string())
                    .expect("an amount is a JSON number"),
            })
            .collect(),
    };
    serde_json::to_string(&written).expect("a row has only keys of text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_of_two_decimals_and_ids_those_of_the_folder() {
        let part = |kind, target: Option<&str>, cents| Part {
            kind,
            target: target.map(str::to_owned),
            amount: Money::from_cents(cents),
        };
        let rows = [
            Row {
                line: 410_000_708,
                auto: true,
                confidence: Some(0.998),
                parts: vec![part(
                    AllocationKind::InternalTransfer,
                    Some("51002"),
                    -120_000,
                )],
            },
            Row {
                line: 2,
                auto: false,
                confidence: None,
                parts: vec![part(AllocationKind::Unknown, None, 5)],
            },
        ];
        assert_eq!(
            render(&rows),
            concat!(
                "[\n",
                r#"{"transaction_id":410000708,"decision":"auto","confidence":0.998,"#,
                r#""allocations":[{"kind":"internal_transfer","target_id":"51002","amount":-1200.00}]},"#,
                "\n",
                r#"{"transaction_id":2,"decision":"review","confidence":null,"#,
                r#""allocations":[{"kind":"unknown","target_id":null,"amount":0.05}]}"#,
                "\n]\n",
            )
        );
    }
}
