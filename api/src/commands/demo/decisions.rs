//! Three decisions with their reasons: a sure one, an ambiguous one, one without a candidate.

use domain::matching::{Band, Candidate, Snapshot};
use domain::money::Money;
use domain::store::book;
use domain::store::results::{self, Explained};

use crate::app::App;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table, cut};
use crate::tenancy::DEMO;
use crate::words::Words;
use crate::{portfolio, reasons};

/// Lines of a band among which an example is chosen.
const CHOICE: i64 = 200;

/// Reasons and candidates shown for a decision.
const REASONS: usize = 5;
const CANDIDATES: usize = 3;

/// Widest label shown.
const LABEL: usize = 76;

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
        (Band::Manual, "demo.without", |line| {
            line.candidates.iter().all(Candidate::is_unknown)
        }),
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
        let Some(books) = books_of(app, line).await? else {
            continue;
        };
        decision(key, line, &books, screen, words);
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

/// Two candidates that both may be right.
fn is_ambiguous(line: &Explained) -> bool {
    let known: Vec<&Candidate> = line
        .candidates
        .iter()
        .filter(|candidate| !candidate.is_unknown())
        .collect();
    matches!(known.as_slice(), [_, second, ..] if second.confidence >= 0.2)
}

/// The books of the condominium of a line.
async fn books_of(app: &App, line: &Explained) -> Result<Option<Snapshot>, Failure> {
    let condominiums = portfolio::condominiums(app, DEMO).await?;
    let Some(home) = condominiums
        .into_iter()
        .find(|condominium| condominium.name == line.condominium)
    else {
        return Ok(None);
    };
    let mut transaction = app.begin(DEMO).await?;
    let mut tx = transaction.tx();
    Ok(book::load(&mut nodes::tx::tenant(&mut tx), home.id).await?)
}

fn decision(key: &str, line: &Explained, books: &Snapshot, screen: &Screen, words: &Words) {
    screen.line("");
    screen.line(&format!(
        "  {}  {}  {}  {}",
        screen.paint(style_of(line.band), &words.say(key)),
        words.day(line.booked_on),
        screen.paint(Style::Bold, &words.money(line.amount)),
        screen.paint(Style::Dim, &line.condominium),
    ));
    screen.line(&format!(
        "  {}",
        screen.paint(Style::Dim, &cut(&line.original_wording, LABEL))
    ));
    let several = line.band == Band::Suggest;
    let shown = if several { CANDIDATES } else { 1 };
    for candidate in line.candidates.iter().take(shown) {
        if candidate.is_unknown() && several {
            continue;
        }
        print_candidate(candidate, line.band, books, screen, words);
        let most = if several { 3 } else { REASONS };
        for evidence in candidate.evidence.iter().take(most) {
            let (mark, style) = if evidence.weight < 0.0 {
                ("−", Style::Yellow)
            } else {
                ("+", Style::Green)
            };
            screen.line(&format!(
                "      {} {}",
                screen.paint(style, mark),
                reasons::sentence(evidence, words)
            ));
        }
    }
    if line.candidates.is_empty() {
        screen.line(&format!("    {}", words.say("demo.nothing")));
    }
}

fn print_candidate(
    candidate: &Candidate,
    band: Band,
    books: &Snapshot,
    screen: &Screen,
    words: &Words,
) {
    let confidence = reasons::confidence(candidate, words);
    let mut table = Table::new([Side::Left, Side::Left, Side::Right, Side::Right]);
    let mut parts = reasons::parts(candidate, books, words);
    let more = parts.len().saturating_sub(CANDIDATES);
    parts.truncate(CANDIDATES);
    for (place, (target, amount)) in parts.into_iter().enumerate() {
        let first = place == 0;
        table.row([
            (
                style_of(band),
                if first {
                    "→".to_owned()
                } else {
                    String::new()
                },
            ),
            (Style::Plain, target),
            (Style::Plain, words.money(amount)),
            (
                Style::Dim,
                if first && !candidate.is_unknown() {
                    confidence.clone()
                } else {
                    String::new()
                },
            ),
        ]);
    }
    table.print(screen, 4);
    if more > 0 {
        screen.line(&format!(
            "       {}",
            words.text("demo.more_parts", &[("count", &words.count(more))])
        ));
    }
}

const fn style_of(band: Band) -> Style {
    match band {
        Band::Auto => Style::Green,
        Band::Suggest => Style::Yellow,
        Band::Manual => Style::Red,
        Band::Wait => Style::Dim,
    }
}
