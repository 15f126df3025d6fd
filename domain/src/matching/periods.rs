//! Quarters named in a label: `T2`, `2EME TRIM`, `TRIM 2`, `4T25`, `AVRIL`, `AVR-JUIN`.

use super::label::Word;

/// A quarter, of any year unless the label says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quarter {
    /// 1 to 4, calendar.
    pub number: u8,
    /// Four digits, when written.
    pub year: Option<u16>,
}

impl Quarter {
    /// Whether a receivable's period (`2025-T2`) is this quarter.
    pub fn covers(self, period: &str) -> bool {
        let Some((year, quarter)) = period.split_once("-T") else {
            return false;
        };
        quarter.parse() == Ok(self.number) && self.year.is_none_or(|y| year.parse() == Ok(y))
    }
}

/// The quarters that `words` name; `taken` marks the words that belong to something else.
pub(super) fn quarters(words: &[Word], taken: &[bool]) -> Vec<Quarter> {
    let mut found: Vec<Quarter> = Vec::new();
    let mut add = |quarter: Quarter| {
        if !found.contains(&quarter) {
            found.push(quarter);
        }
    };
    let free = |i: usize| i < words.len() && !taken[i];
    let mut i = 0;
    while i < words.len() {
        if !free(i) || in_code(words, i) {
            i += 1;
            continue;
        }
        let text = words[i].text.as_str();
        if let Some((number, year)) = compact(text) {
            let next = if year.is_none() && free(i + 1) {
                year_of(&words[i + 1].text)
            } else {
                None
            };
            add(Quarter {
                number,
                year: year.or(next),
            });
        } else if let Some(number) = ordinal(text)
            && free(i + 1)
            && is_trimester(&words[i + 1].text)
        {
            add(Quarter {
                number,
                year: if free(i + 2) {
                    year_of(&words[i + 2].text)
                } else {
                    None
                },
            });
            i += 1;
        } else if is_trimester(text) && free(i + 1) {
            if let Some(number) = plain(&words[i + 1].text) {
                add(Quarter {
                    number,
                    year: if free(i + 2) {
                        year_of(&words[i + 2].text)
                    } else {
                        None
                    },
                });
                i += 1;
            }
        } else if let Some(month) = month(text) {
            let number = (month - 1) / 3 + 1;
            let mut last = i;
            if free(i + 1) && words[i + 1].glued && self::month(&words[i + 1].text).is_some() {
                last = i + 1;
            }
            add(Quarter {
                number,
                year: if free(last + 1) {
                    year_of(&words[last + 1].text)
                } else {
                    None
                },
            });
            i = last;
        }
        i += 1;
    }
    found
}

/// Part of a chunk such as `L8/T5-24/C0008`: a code, not a quarter.
fn in_code(words: &[Word], at: usize) -> bool {
    let mut start = at;
    while words[start].glued && start > 0 {
        start -= 1;
    }
    let mut end = at + 1;
    while end < words.len() && words[end].glued {
        end += 1;
    }
    words[start..end].iter().enumerate().any(|(k, w)| {
        start + k != at && w.text.bytes().any(|b| b.is_ascii_digit()) && year_of(&w.text).is_none()
    })
}

/// `T2`, `2T`, `Q2`, `T225`, `2T25`, `T22025`, `2T2025`, `TRIM2`.
fn compact(text: &str) -> Option<(u8, Option<u16>)> {
    let bytes = text.as_bytes();
    if bytes.len() < 2 {
        return None;
    }
    let rest = if matches!(bytes[0], b'T' | b'Q') && bytes[1].is_ascii_digit() {
        &text[1..]
    } else if bytes[0].is_ascii_digit()
        && bytes[1] == b'T'
        && !text[2..].bytes().any(|b| b.is_ascii_alphabetic())
    {
        let number = quarter_digit(bytes[0])?;
        return if bytes.len() == 2 {
            Some((number, None))
        } else {
            Some((number, Some(year_of(&text[2..])?)))
        };
    } else {
        text.strip_prefix("TRIM").filter(|r| r.len() == 1)?
    };
    let number = quarter_digit(*rest.as_bytes().first()?)?;
    if rest.len() == 1 {
        return Some((number, None));
    }
    Some((number, Some(year_of(&rest[1..])?)))
}

fn quarter_digit(byte: u8) -> Option<u8> {
    (b'1'..=b'4').contains(&byte).then(|| byte - b'0')
}

fn plain(text: &str) -> Option<u8> {
    (text.len() == 1)
        .then(|| quarter_digit(text.as_bytes()[0]))
        .flatten()
}

/// `2E`, `2EME`, `1ER`, `2ND`.
fn ordinal(text: &str) -> Option<u8> {
    let number = quarter_digit(*text.as_bytes().first()?)?;
    matches!(&text[1..], "" | "E" | "EME" | "ER" | "ERE" | "IEME" | "ND").then_some(number)
}

fn is_trimester(text: &str) -> bool {
    text.len() >= 4 && "TRIMESTRES".starts_with(text)
}

fn year_of(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    match text.len() {
        2 if (15..60).contains(&number) => Some(2000 + number),
        4 if (2015..2060).contains(&number) => Some(number),
        _ => None,
    }
}

fn month(text: &str) -> Option<u8> {
    const NAMES: [&str; 12] = [
        "JANVIER",
        "FEVRIER",
        "MARS",
        "AVRIL",
        "MAI",
        "JUIN",
        "JUILLET",
        "AOUT",
        "SEPTEMBRE",
        "OCTOBRE",
        "NOVEMBRE",
        "DECEMBRE",
    ];
    if text.len() < 3 || text == "JUI" || text == "MAR" {
        return None;
    }
    NAMES
        .iter()
        .position(|name| name.starts_with(text))
        .and_then(|i| u8::try_from(i + 1).ok())
}

#[cfg(test)]
mod tests {
    use super::super::label::Label;
    use super::*;

    fn read(text: &str) -> Vec<(u8, Option<u16>)> {
        let label = Label::read(text);
        let taken = vec![false; label.words.len()];
        quarters(&label.words, &taken)
            .into_iter()
            .map(|q| (q.number, q.year))
            .collect()
    }

    #[test]
    fn quarters_are_read_in_every_usual_form() {
        for (text, expected) in [
            ("CHARGES T2", (2, None)),
            ("CHARGES T2 2025", (2, Some(2025))),
            ("COPRO LOT 2 4T25", (4, Some(2025))),
            ("APPEL 2EME TRIMESTRE", (2, None)),
            ("CHARGES 3E TRIM", (3, None)),
            ("PROVISION TRIM 2", (2, None)),
            ("COPRO AVRIL", (2, None)),
            ("APPEL AVR-JUIN", (2, None)),
            ("1ER TRIM 24", (1, Some(2024))),
        ] {
            assert_eq!(read(text), vec![expected], "{text}");
        }
    }

    #[test]
    fn codes_names_and_cut_words_are_no_quarters() {
        for text in [
            "L8/T2-24/C0008",
            "M MARTIN",
            "MARIE MAILLARD",
            "T5",
            "APF25T2-0003",
            "5T",
            "JUI",
        ] {
            assert_eq!(read(text), vec![], "{text}");
        }
    }

    #[test]
    fn a_quarter_covers_its_period_of_any_year_unless_one_is_named() {
        assert!(
            Quarter {
                number: 2,
                year: None
            }
            .covers("2025-T2")
        );
        assert!(
            !Quarter {
                number: 2,
                year: Some(2024)
            }
            .covers("2025-T2")
        );
        assert!(
            !Quarter {
                number: 2,
                year: None
            }
            .covers("Interphone 2/3")
        );
    }
}
