//! Reads a bank label: words, fields, and the words that name the payer.
//!
//! Banks glue the payer, the motif and references into one text, each in its
//! own grammar. Nothing here knows a bank: markers (`/DE`, `MOTIF:`, `ECH/`)
//! open a field, separators are remembered, everything is upper-case ASCII.

use super::names::similar;
use super::vocabulary::{is_civility, is_motif, is_operator};

/// A bank label, read.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// Its words in order.
    pub words: Vec<Word>,
}

/// A run of letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// `A-Z0-9` only.
    pub text: String,
    /// Attached to the word before by `-`, `/`, `'` or `.`, without a space.
    pub glued: bool,
    /// The field it stands in.
    pub field: Field,
}

/// What part of a label a word stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Before the first marker.
    Head,
    /// After a marker such as `/DE` or `POUR:`.
    Party,
    /// After a marker such as `/MOTIF` or `LIB:`.
    Motif,
    /// After a marker of a technical reference.
    Reference,
}

impl Word {
    /// Only digits.
    pub fn is_number(&self) -> bool {
        self.text.bytes().all(|b| b.is_ascii_digit())
    }

    /// Only letters.
    pub fn is_alphabetic(&self) -> bool {
        self.text.bytes().all(|b| b.is_ascii_alphabetic())
    }
}

impl Label {
    /// Reads a label as the bank gives it.
    pub fn read(text: &str) -> Self {
        let mut words = Vec::new();
        let mut field = Field::Head;
        let mut party_seen = false;
        let text = deunicode::deunicode(text).to_uppercase();
        for chunk in text.split_whitespace() {
            let chunk = match marker(chunk) {
                Some((next, rest)) => {
                    field = next.unwrap_or(if party_seen {
                        Field::Motif
                    } else {
                        Field::Party
                    });
                    party_seen |= field == Field::Party;
                    rest
                }
                None => {
                    if words.last().is_some_and(|w: &Word| opens_party(&words, w)) && chunk == "DE"
                    {
                        field = Field::Party;
                        party_seen = true;
                        continue;
                    }
                    chunk
                }
            };
            if let Some(initials) = initials(chunk) {
                words.push(Word {
                    text: initials,
                    glued: false,
                    field,
                });
                continue;
            }
            let mut glued = false;
            for piece in chunk.split(|c: char| !c.is_ascii_alphanumeric()) {
                if !piece.is_empty() {
                    words.push(Word {
                        text: piece.to_owned(),
                        glued,
                        field,
                    });
                    glued = true;
                }
            }
        }
        Self { words }
    }

    /// The words that name the payer or beneficiary, civilities included.
    pub fn party(&self) -> Vec<&Word> {
        let named: Vec<&Word> = self
            .words
            .iter()
            .filter(|w| w.field == Field::Party)
            .collect();
        let source: Vec<&Word> = if named.is_empty() {
            self.words
                .iter()
                .filter(|w| w.field == Field::Head)
                .collect()
        } else {
            named
        };
        let mut start = 0;
        while start < source.len()
            && (is_operator(&source[start].text) || has_digit(&source[start].text))
        {
            start += 1;
        }
        let mut party: Vec<&Word> = Vec::new();
        for word in &source[start..] {
            if has_digit(&word.text) || is_motif(&word.text) {
                break;
            }
            party.push(word);
        }
        party
    }

    /// The payer as a key: the party's words joined by one space.
    pub fn party_key(&self) -> String {
        let party = self.party();
        let words: Vec<&str> = party.iter().map(|w| w.text.as_str()).collect();
        words.join(" ")
    }

    /// All words joined by one space.
    pub fn joined(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|w| w.text.as_str()).collect();
        words.join(" ")
    }

    /// Whether one of the words is in `list`.
    pub fn has_any(&self, list: &[&str]) -> bool {
        self.words.iter().any(|w| list.contains(&w.text.as_str()))
    }

    /// Whether a word starts with one of `stems`.
    pub fn has_stem(&self, stems: &[&str]) -> bool {
        self.words
            .iter()
            .any(|w| stems.iter().any(|s| w.text.starts_with(s)))
    }
}

/// Whether two party keys name the same payer.
///
/// Every word alike, typing errors apart; or one key begins the other with at
/// least two names, because in labels without markers some words of the motif
/// may follow the payer. Words that `common` knows to stand next to any name
/// are passed over; what is left must name somebody.
pub(super) fn same_party(a: &str, b: &str, common: &dyn Fn(&str) -> bool) -> bool {
    let telling = |word: &&str| !common(word);
    let (mut left, mut right) = (a.split(' ').filter(telling), b.split(' ').filter(telling));
    let (mut names, mut letters) = (0, 0);
    loop {
        match (left.next(), right.next()) {
            (Some(x), Some(y)) if x == y || similar(x, y) => {
                if !is_civility(x) && x.len() > 1 {
                    names += 1;
                    letters += x.len();
                }
            }
            (Some(x), Some(y)) => {
                let cut = left.next().is_none() && y.starts_with(x)
                    || right.next().is_none() && x.starts_with(y);
                return cut && x.len().min(y.len()) >= 3 && names >= 1 && letters >= 5;
            }
            (None, None) => return letters >= 3,
            _ => return names >= 2 && letters >= 9,
        }
    }
}

/// `S.C.I.` is one word.
fn initials(chunk: &str) -> Option<String> {
    let pieces: Vec<&str> = chunk.split('.').filter(|p| !p.is_empty()).collect();
    let single = pieces
        .iter()
        .all(|p| p.len() == 1 && p.bytes().all(|b| b.is_ascii_alphabetic()));
    (pieces.len() >= 3 && single).then(|| pieces.concat())
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// `DE` opens the payer only behind the words of the operation itself.
fn opens_party(words: &[Word], last: &Word) -> bool {
    last.field == Field::Head
        && words
            .iter()
            .all(|w| is_operator(&w.text) || has_digit(&w.text))
}

/// The field a chunk opens, and what of the chunk belongs to that field.
///
/// A marker that is not known opens a field all the same (`None`): the party
/// comes first, then the motif.
fn marker(chunk: &str) -> Option<(Option<Field>, &str)> {
    let (key, rest) = if let Some(key) = chunk.strip_prefix('/') {
        key.split_once(['/', ':']).unwrap_or((key, ""))
    } else {
        chunk.split_once(':').or_else(|| chunk.split_once('/'))?
    };
    let slashed = !chunk.starts_with('/') && !chunk.contains(':');
    let field = field_of(key);
    let unknown = field.is_none()
        && (key.len() < 2 || !key.bytes().all(|b| b.is_ascii_uppercase()) || !rest.is_empty());
    if slashed && field.is_none_or(|f| f == Field::Party) || unknown {
        return None;
    }
    Some((field, rest))
}

fn field_of(key: &str) -> Option<Field> {
    Some(match key {
        "DE" | "FRM" | "FROM" | "EMETTEUR" | "DO" | "DORD" | "DONNEUR" | "ORD" | "POUR" | "BEN"
        | "BENEF" | "BENEFICIAIRE" | "VERS" | "TO" | "DEBITEUR" | "CREANCIER" | "NOM" | "TIERS"
        | "PAYEUR" | "BNF" | "NPY" | "NBE" | "CRED" | "DBTR" => Field::Party,
        "MOTIF" | "LIB" | "LIBELLE" | "OBJET" | "INFO" | "INFOS" | "COMMUNICATION" | "COM"
        | "RMT" | "MSG" | "DETAIL" | "MESSAGE" | "TXT" | "RNF" => Field::Motif,
        "REF" | "REFDO" | "REFBEN" | "REFERENCE" | "ID" | "E2E" | "EREF" | "MANDAT" | "MDT"
        | "RUM" | "ICS" | "CPT" | "CHEZ" | "BQ" | "DATE" | "EID" | "RCN" | "IPY" | "ECH" | "NB"
        | "NBRE" | "NO" | "NUM" | "IBAN" | "BIC" | "LE" | "DU" => Field::Reference,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payer_is_read_in_the_grammar_of_each_bank() {
        for (text, payer) in [
            (
                "VIR SEPA RECU /DE M OU MME DUBOIS /MOTIF LOGEMENT 42 /REF NOTPROVIDED",
                "M OU MME DUBOIS",
            ),
            (
                "VIR RECU 1149521584Z DE: M COHEN MOTIF: CHARGES REF: NOTPROVIDED",
                "M COHEN",
            ),
            (
                "VIREMENT EN VOTRE FAVEUR VIR INST de KARIM LAMBERT APF25T1-0019",
                "KARIM LAMBERT",
            ),
            (
                "VIR SEPA BEN YOUSSEF P CHARGES 1207 0011 10",
                "BEN YOUSSEF P",
            ),
            ("VIR.PERMANENT MR BAILLY MANUEL C0027", "MR BAILLY MANUEL"),
            (
                "VRT RECU /XYZ NGUYEN-LACOMBE LOIC /EID 123 /RNF T2",
                "NGUYEN LACOMBE LOIC",
            ),
            ("VIREMENT DE S.C.I. COHEN APPEL T2", "SCI COHEN"),
        ] {
            assert_eq!(Label::read(text).party_key(), payer, "{text}");
        }
    }

    #[test]
    fn the_same_payer_is_known_through_typing_errors_and_cuts() {
        let none: &dyn Fn(&str) -> bool = &|_| false;
        assert!(same_party("M ET MME GAILLLARD", "M ET MME GAILLARD", none));
        assert!(same_party(
            "PREVOST MARIE CLA",
            "PREVOST MARIE CLAUDE",
            none
        ));
        assert!(same_party(
            "PHILIPPE DUPUIS",
            "PHILIPPE DUPUIS CHAUDIERE",
            none
        ));
        assert!(!same_party("M OU MME LAMBERT", "MME LAMBERT", none));
        assert!(!same_party("DUPUIS", "DUPUIS JEAN", none));
        assert!(!same_party("", "", none));
    }

    #[test]
    fn words_next_to_any_name_make_no_payer() {
        let common: &dyn Fn(&str) -> bool = &|word| matches!(word, "MOUVT" | "CREDITEUR");
        assert!(!same_party(
            "MOUVT CREDITEUR",
            "MOUVT CREDITEUR DUPUIS JEAN",
            common
        ));
        assert!(same_party(
            "MOUVT CREDITEUR DUPUIS JEAN",
            "DUPUIS JEAN",
            common
        ));
    }
}
