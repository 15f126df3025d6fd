//! Three decisions with their reasons: a sure one, an ambiguous one, one without a candidate.

use domain::matching::{Band, Candidate};
use domain::money::Money;
use domain::store::results::{self, Explained};

use crate::app::App;
use crate::explain;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::tenancy::DEMO;
use crate::words::Words;

/// Lines of a band among which an example is chosen.
const CHOICE: i64 = 200;

/// Whether a line is a good example.
type Fits = fn(&Explained) -> bool;

/// Prints the three decisions.
///
/// # Errors
/// When the database does not answer.
pub async fn show(app: &App, screen: &Screen, words: &Words) -> Result<(), Failure> {
    screen.line("");
    screen.line(&screen.paint(Style::Bold, &words.say("demo.decisions")));
    let bands: [(Band, &str, Fits); 3] = [
        (Band::Auto, "demo.sure", is_plain),
        (Band::Suggest, "demo.ambiguous", is_ambiguous),
        (Band::Manual, "demo.without", is_a_riddle),
    ];
    for (band, key, fits) in bands {
        let mut transaction = app.begin(DEMO).await?;
        let mut tx = transaction.tx();
        let lines = results::explained(&mut nodes::tx::tenant(&mut tx), band, CHOICE).await?;
        let Some(line) = lines.iter().find(|line| fits(line)).or(lines.first()) else {
            continue;
        };
        drop(tx);
        drop(transaction);
        let Some(books) = explain::books_of(app, DEMO, line).await? else {
            continue;
        };
        screen.line("");
        explain::decision(&words.say(key), line, &books, screen, words);
    }
    Ok(())
}

/// Money from an owner, with several reasons and none against.
fn is_plain(line: &Explained) -> bool {
    let Some(best) = line.candidates.first() else {
        return false;
    };
    let several =
        best.evidence.len() >= 3 && best.evidence.iter().all(|evidence| evidence.weight >= 0.0);
    line.amount > Money::ZERO && several
}

/// Nothing at all explains it.
fn is_a_riddle(line: &Explained) -> bool {
    line.candidates
        .iter()
        .all(|candidate| candidate.is_unknown() && candidate.evidence.len() <= 1)
}

/// Two candidates that both may be right.
fn is_ambiguous(line: &Explained) -> bool {
    let known: Vec<&Candidate> = line
        .candidates
        .iter()
        .filter(|candidate| !candidate.is_unknown())
        .collect();
    matches!(known.as_slice(), [_, second, ..] if second.confidence >= 0.2)
}
