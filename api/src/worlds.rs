//! Portfolios: from a folder, or the sample that the binary carries.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use domain::world::{World, WorldError};

use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words::Words;

/// Problems that are shown one by one.
const SHOWN: usize = 20;

/// The sample portfolio, embedded so that the demo runs anywhere.
const SAMPLE: [(&str, &str); 10] = [
    (
        "card_payouts.json",
        include_str!("../../examples/demo/card_payouts.json"),
    ),
    (
        "cheque_deposits.json",
        include_str!("../../examples/demo/cheque_deposits.json"),
    ),
    (
        "condominiums.json",
        include_str!("../../examples/demo/condominiums.json"),
    ),
    (
        "invoices.json",
        include_str!("../../examples/demo/invoices.json"),
    ),
    ("lots.json", include_str!("../../examples/demo/lots.json")),
    (
        "owners.json",
        include_str!("../../examples/demo/owners.json"),
    ),
    (
        "receivables.json",
        include_str!("../../examples/demo/receivables.json"),
    ),
    (
        "sepa_batches.json",
        include_str!("../../examples/demo/sepa_batches.json"),
    ),
    (
        "suppliers.json",
        include_str!("../../examples/demo/suppliers.json"),
    ),
    (
        "transactions.json",
        include_str!("../../examples/demo/transactions.json"),
    ),
];

/// The sample portfolio.
#[must_use]
pub fn sample() -> World {
    let files = SAMPLE
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    World::parse(&files).expect("the sample is checked by a test")
}

/// The portfolio in a folder; its problems are printed, all of them counted.
///
/// Opens the ten files of a world and no other.
///
/// # Errors
/// When the folder or a file cannot be read, or something in them is wrong.
pub fn read(folder: &Path, words: &Words) -> Result<World, Failure> {
    if !folder.is_dir() {
        return Err(Failure::new("world_folder").with("path", folder.display()));
    }
    let mut files = BTreeMap::new();
    for name in World::FILES {
        let path = folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => {
                files.insert(name.to_owned(), text);
            }
            // Reported with the other problems.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::io("read", &path, error)),
        }
    }
    World::parse(&files).map_err(|problems| {
        let screen = Screen::stderr();
        for problem in problems.iter().take(SHOWN) {
            screen.line_to_stderr(&render(problem, &screen, words));
        }
        if problems.len() > SHOWN {
            let more = words.count(problems.len() - SHOWN);
            screen.line_to_stderr(&words.text("world.more", &[("count", &more)]));
        }
        Failure::new("bad_world")
            .with("path", folder.display())
            .with("count", problems.len())
    })
}

fn render(error: &WorldError, screen: &Screen, words: &Words) -> String {
    let mut place = error.file.to_owned();
    for number in [error.line, error.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    let mut text = format!("{}: ", screen.paint(Style::Bold, &place));
    if let Some(record) = &error.record {
        let number = record.number.to_string();
        text.push_str(&match &record.id {
            Some(id) => words.text("world.at_id", &[("number", &number), ("id", id)]),
            None => words.text("world.at", &[("number", &number)]),
        });
        text.push_str(if error.field.is_record() { ": " } else { ", " });
    }
    if !error.field.is_record() {
        text.push_str(&format!(
            "{}: ",
            screen.paint(Style::Cyan, &error.field.to_string())
        ));
    }
    let mut values = error.problem.values();
    if let Some(kind) = values.get_mut("kind") {
        *kind = words.say(&format!("world.kind.{kind}"));
    }
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    text.push_str(&words.text(&format!("world.problem.{}", error.problem.code()), &values));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_sound() {
        assert_eq!(sample().condominiums.len(), 3);
        assert_eq!(sample().transactions.len(), 858);
    }
}
