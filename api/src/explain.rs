//! A decision on the screen: the line, its candidates, their reasons.

use domain::matching::{Band, Candidate, Snapshot};
use domain::store::book;
use domain::store::results::Explained;
use engine::ids::TenantId;

use crate::app::App;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table, cut};
use crate::words::Words;
use crate::{portfolio, reasons};

/// Reasons and candidates shown for a decision.
const REASONS: usize = 5;
const CANDIDATES: usize = 3;

/// Widest label shown.
const LABEL: usize = 76;

/// The books of the condominium of a line.
///
/// # Errors
/// When the database does not answer.
pub async fn books_of(
    app: &App,
    tenant: TenantId,
    line: &Explained,
) -> Result<Option<Snapshot>, Failure> {
    let condominiums = portfolio::condominiums(app, tenant).await?;
    let Some(home) = condominiums
        .into_iter()
        .find(|condominium| condominium.name == line.condominium)
    else {
        return Ok(None);
    };
    let mut transaction = app.begin(tenant).await?;
    let mut tx = transaction.tx();
    Ok(book::load(&mut nodes::tx::tenant(&mut tx), home.id).await?)
}

/// Prints a line, its candidates and their reasons, under a title.
pub fn decision(title: &str, line: &Explained, books: &Snapshot, screen: &Screen, words: &Words) {
    screen.line(&format!(
        "  {}  {}  {}  {}",
        screen.paint(style_of(line.band), title),
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
