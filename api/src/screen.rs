//! The terminal: colours, aligned tables, a line that is written over.

use std::io::{self, IsTerminal, Write};

use crate::config;

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// A heading, a figure that matters.
    Bold,
    /// What may be skipped.
    Dim,
    /// Done, sure.
    Green,
    /// A person has to look.
    Yellow,
    /// Failed.
    Red,
    /// A name to hold on to.
    Cyan,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Green => "\x1b[32m",
            Self::Yellow => "\x1b[33m",
            Self::Red => "\x1b[31m",
            Self::Cyan => "\x1b[36m",
        }
    }
}

/// Which side of its column a cell leans on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Figures.
    Right,
}

/// Where output goes: standard output, with colours when it is a terminal.
#[derive(Clone, Debug)]
pub struct Screen {
    color: bool,
    live: bool,
}

impl Screen {
    /// Standard output as it is.
    #[must_use]
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            color: terminal && !config::no_color(),
            live: terminal,
        }
    }

    /// Standard error, for what went wrong.
    #[must_use]
    pub fn stderr() -> Self {
        Self {
            color: io::stderr().is_terminal() && !config::no_color(),
            live: false,
        }
    }

    /// One line on standard error.
    pub fn line_to_stderr(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Text in a style.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        if !self.color || style == Style::Plain || text.is_empty() {
            return text.to_owned();
        }
        format!("{}{text}\x1b[0m", style.code())
    }

    /// One line; the end of the reader (`| head`) is no error.
    pub fn line(&self, text: &str) {
        let _ = writeln!(io::stdout(), "{text}");
    }

    /// A line that the next one writes over; nothing when it is no terminal.
    pub fn passing(&self, text: &str) {
        if self.live {
            let mut out = io::stdout();
            let _ = write!(out, "\r\x1b[2K{text}");
            let _ = out.flush();
        }
    }

    /// Ends a passing line by one that stays.
    pub fn settled(&self, text: &str) {
        if self.live {
            let _ = write!(io::stdout(), "\r\x1b[2K");
        }
        self.line(text);
    }

    /// Whether a line can be written over.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }
}

/// A table whose columns are as wide as their widest cell.
#[derive(Clone, Debug)]
pub struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// An empty table with these columns.
    #[must_use]
    pub fn new(sides: impl Into<Vec<Side>>) -> Self {
        Self {
            sides: sides.into(),
            rows: vec![],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (Style, String)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a row in one style.
    pub fn plain<T: Into<String>>(&mut self, style: Style, cells: impl IntoIterator<Item = T>) {
        self.row(cells.into_iter().map(|cell| (style, cell.into())));
    }

    /// The lines, each after `indent` spaces; no trailing spaces.
    #[must_use]
    pub fn render(&self, screen: &Screen, indent: usize) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|(_, text)| text.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.sides.len()).map(width).collect();
        let line = |row: &Vec<(Style, String)>| {
            let mut line = " ".repeat(indent);
            for (column, (style, text)) in row.iter().enumerate() {
                if column > 0 {
                    line.push_str("  ");
                }
                let space = " ".repeat(widths[column].saturating_sub(text.chars().count()));
                let painted = screen.paint(*style, text);
                match self.sides[column] {
                    Side::Right => line.extend([space, painted]),
                    Side::Left if column + 1 == row.len() => line.push_str(&painted),
                    Side::Left => line.extend([painted, space]),
                }
            }
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Prints the table.
    pub fn print(&self, screen: &Screen, indent: usize) {
        for line in self.render(screen, indent) {
            screen.line(&line);
        }
    }
}

/// The text cut to so many characters, with `…` where it was cut.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_figures_lean_right() {
        let screen = Screen {
            color: false,
            live: false,
        };
        let mut table = Table::new([Side::Left, Side::Right, Side::Left]);
        table.plain(Style::Plain, ["Été", "7", "a"]);
        table.plain(Style::Bold, ["Résidence", "1234", "b"]);
        assert_eq!(
            table.render(&screen, 1),
            [" Été           7  a", " Résidence  1234  b"]
        );
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(cut("VIREMENT SEPA", 8), "VIREMEN…");
        assert_eq!(cut("VIR", 8), "VIR");
    }
}
