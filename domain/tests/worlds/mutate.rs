//! Unseen worlds made of seen ones: other names, other reference forms, the
//! label grammars of other banks, other words for the same motif.
//!
//! The truth stays what it is: nothing but words changes.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::grammar::{Translator, alien, motifs};
use super::load::Files;

/// The label grammar of an unseen bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Words only: `VIREMENT DE DUPONT JEAN CHARGES T2`.
    Words,
    /// As short as can be: `VIR INST DUPONT JEAN - CHARGES T2`.
    Short,
    /// Tags: `VRT RECU /FRM DUPONT JEAN /EID NOTPROVIDED /RNF CHARGES T2`.
    Tags,
    /// Words no French bank is known to use: `MOUVT CREDITEUR DUPONT JEAN CHARGES T2 OPE 123`.
    Alien,
}

/// What is changed in a world.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// Another grammar for every bank.
    pub grammar: Option<Grammar>,
    /// Other surnames and first names.
    pub names: bool,
    /// Another form of payment references.
    pub references: bool,
    /// Other words for motifs and fees.
    pub motifs: bool,
}

/// Changes a world.
pub fn mutate(files: &mut Files, mutation: Mutation) {
    if mutation.names {
        rename(files);
    }
    if mutation.references {
        references(files);
    }
    let grammar = mutation.grammar.map(Translator::new);
    for row in files.rows_mut("transactions") {
        let mut label = row["original_wording"]
            .as_str()
            .expect("a label")
            .to_owned();
        if mutation.motifs {
            label = motifs(&label);
        }
        if let Some(translator) = &grammar {
            label = translator.translate(&label);
            if translator.grammar == Grammar::Alien {
                label = alien(&label);
            }
        }
        row["original_wording"] = Value::String(label.clone());
        row["wording"] = Value::String(label);
    }
}

const SURNAMES: [&str; 74] = [
    "Kowalczyk",
    "Delacroix-Meunier",
    "Van den Berghe",
    "Oliveira Santos",
    "Boulanger",
    "Traoré",
    "Nguyen Thi",
    "Lecoq",
    "De Kerangal",
    "Haddouche",
    "Pasquier",
    "Vasseur",
    "Legrand-Roussel",
    "Cissé",
    "Marchetti",
    "Perrot",
    "Guichard",
    "Lemoine",
    "Da Costa",
    "Rousselot",
    "Bertin",
    "Chauveau",
    "Le Floch",
    "Tessèdre",
    "O'Connor",
    "Ziani",
    "Aubert",
    "Besnard",
    "Collet",
    "Didier",
    "Etienne",
    "Fournier",
    "Gillet",
    "Hamel",
    "Imbert",
    "Jacquet",
    "Klein",
    "Lebrun",
    "Mallet",
    "Navarro",
    "Ollivier",
    "Pichot",
    "Quéré",
    "Rey",
    "Schmitt",
    "Tanguy",
    "Ursini",
    "Vallet",
    "Weber",
    "Xavier-Lopez",
    "Yilmaz",
    "Zimmermann",
    "Amiot",
    "Barre",
    "Carpentier",
    "Denoyer",
    "Evrard",
    "Ferrand",
    "Grosjean",
    "Huet",
    "Jourdan",
    "Kessler",
    "Lacombe",
    "Maurin",
    "Noiret",
    "Pottier",
    "Renault",
    "Salmon",
    "Texier",
    "Vigneron",
    "Wagner",
    "Bonhomme",
    "Cartier",
    "Du Bellay",
];

/// New first names keep the initial: payers who sign with it still do.
const FIRST_NAMES: [&str; 56] = [
    "Amandine",
    "Arnaud",
    "Anne-Sophie",
    "Aïcha",
    "Apolline",
    "Basile",
    "Béatrice",
    "Blandine",
    "Cédric",
    "Clotilde",
    "Capucine",
    "Corentin",
    "Célestin",
    "Clémence",
    "Cyprien",
    "Coline",
    "Delphine",
    "Damien",
    "Edouard",
    "Estelle",
    "Eulalie",
    "Fanny",
    "Fabrice",
    "Félicité",
    "Gaël",
    "Gwenaëlle",
    "Grégoire",
    "Hortense",
    "Henri",
    "Ingrid",
    "Ismaël",
    "Jocelyne",
    "Joachim",
    "Jean-Baptiste",
    "Joséphine",
    "Jérémie",
    "Jules",
    "Judith",
    "Karine",
    "Ludovic",
    "Léonard",
    "Ludivine",
    "Lison",
    "Margaux",
    "Mireille",
    "Mathurin",
    "Malika",
    "Modeste",
    "Mélanie",
    "Marius",
    "Noémie",
    "Octave",
    "Perrine",
    "Quentin",
    "Ségolène",
    "Stéphane",
];

/// Upper-case ASCII, as banks write.
fn plain(name: &str) -> String {
    deunicode::deunicode(name).to_uppercase()
}

/// New names for old: whole, and word by word for what banks cut and payers mistype.
struct Renaming {
    whole: Vec<(String, String)>,
    /// Each name in every case and spelling it may stand in, longest first.
    forms: Vec<(String, String)>,
    /// Words of suppliers' names: no typing errors of ours.
    suppliers: Vec<String>,
}

impl Renaming {
    fn of(files: &Files) -> Self {
        let mut surnames: Vec<String> = Vec::new();
        let mut first_names: Vec<String> = Vec::new();
        let add = |list: &mut Vec<String>, value: &Value| {
            if let Some(name) = value.as_str().filter(|n| !n.is_empty())
                && !list.contains(&name.to_owned())
            {
                list.push(name.to_owned());
            }
        };
        let mut surnames_seen = Vec::new();
        let suppliers: Vec<String> = files
            .rows("suppliers")
            .iter()
            .filter_map(|s| s["name"].as_str())
            .flat_map(|n| plain(n).split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        for owner in files.rows("owners") {
            for person in [owner, &owner["spouse"]] {
                add(&mut surnames_seen, &person["last_name"]);
                add(&mut surnames_seen, &person["birth_name"]);
                add(&mut first_names, &person["first_name"]);
            }
        }
        surnames.append(&mut surnames_seen);
        surnames.sort_by_key(|n| (usize::MAX - n.len(), n.clone()));
        first_names.sort_by_key(|n| (usize::MAX - n.len(), n.clone()));
        let surnames = surnames
            .into_iter()
            .enumerate()
            .map(|(i, n)| (n, numbered(&SURNAMES, i)));
        let mut used: HashMap<char, usize> = HashMap::new();
        let first_names = first_names.into_iter().map(|old| {
            let initial = plain(&old).chars().next().unwrap_or('A');
            let same: Vec<&str> = FIRST_NAMES
                .iter()
                .copied()
                .filter(|n| plain(n).starts_with(initial))
                .collect();
            let turn = used.entry(initial).or_insert(0);
            let new = if same.is_empty() {
                format!("{initial}élim")
            } else {
                numbered(&same, *turn)
            };
            *turn += 1;
            (old, new)
        });
        let whole: Vec<(String, String)> = surnames.chain(first_names).collect();
        let forms = whole
            .iter()
            .flat_map(|(old, new)| {
                [
                    (old.clone(), new.clone()),
                    (old.to_uppercase(), new.to_uppercase()),
                    (plain(old), plain(new)),
                    (plain(old).replace('-', " "), plain(new).replace('-', " ")),
                ]
            })
            .collect();
        Self {
            whole,
            forms,
            suppliers,
        }
    }

    /// Replaces names in a text, in the case they stand in.
    fn apply(&self, text: &str) -> String {
        let mut done = text.to_owned();
        let mut slots: Vec<&str> = Vec::new();
        for (from, to) in &self.forms {
            while let Some(at) = word_at(&done, from) {
                let slot = format!("\u{0}{}\u{0}", slots.len());
                slots.push(to);
                done.replace_range(at..at + from.len(), &slot);
            }
        }
        for (i, slot) in slots.iter().enumerate() {
            done = done.replace(&format!("\u{0}{i}\u{0}"), slot);
        }
        done
    }

    /// Also words that a bank cut or a payer mistyped: the same accident befalls the new name.
    fn apply_label(&self, label: &str) -> String {
        let done = self.apply(label);
        let olds: Vec<(String, String)> = self
            .whole
            .iter()
            .map(|(o, n)| (plain(o), plain(n)))
            .collect();
        done.split(' ')
            .map(|word| {
                let replaced = olds
                    .iter()
                    .any(|(_, new)| new.split([' ', '-', '\'']).any(|piece| piece == word));
                if replaced
                    || self.suppliers.iter().any(|s| s == word)
                    || word.len() < 4
                    || !word.bytes().all(|b| b.is_ascii_uppercase())
                {
                    return word.to_owned();
                }
                for (old, new) in &olds {
                    if old.starts_with(word) && old.len() > word.len() && word.len() >= 4 {
                        return new.chars().take(word.len()).collect();
                    }
                    if old.len() >= 5
                        && old.len().abs_diff(word.len()) <= 1
                        && strsim::osa_distance(old, word) == 1
                    {
                        let mut letters: Vec<char> = new.chars().collect();
                        let at = letters.len() / 2;
                        letters.swap(at, at - 1);
                        return letters.into_iter().collect();
                    }
                }
                word.to_owned()
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Where `word` stands in `text` with no letter on either side.
fn word_at(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word).map(|(at, _)| at).find(|&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let open =
            |c: Option<char>| c.is_none_or(|c| !c.is_alphabetic() && c != '\u{0}' && c != '-');
        open(before) && open(after)
    })
}

fn numbered(list: &[&str], i: usize) -> String {
    let name = list[i % list.len()];
    match i / list.len() {
        0 => name.to_owned(),
        round => format!("{name}{}", ["", "-Blanc", "-Sorel", "-Aubry"][round.min(3)]),
    }
}

fn rename(files: &mut Files) {
    let renaming = Renaming::of(files);
    let mut texts: HashMap<&'static str, Vec<&'static str>> = HashMap::new();
    texts.insert(
        "owners",
        vec![
            "last_name",
            "first_name",
            "company_name",
            "legal_representative",
            "display_name",
        ],
    );
    for row in files.rows_mut("owners") {
        for key in &texts["owners"] {
            change(&mut row[*key], |t| renaming.apply(t));
        }
        for key in ["first_name", "last_name", "birth_name"] {
            if !row["spouse"].is_null() {
                change(&mut row["spouse"][key], |t| renaming.apply(t));
            }
        }
        for list in ["co_holders", "known_tenants"] {
            for name in row[list].as_array_mut().into_iter().flatten() {
                change(name, |t| renaming.apply(t));
            }
        }
    }
    let mails: HashMap<String, String> = files
        .rows("owners")
        .iter()
        .enumerate()
        .filter_map(|(i, o)| {
            o["email"]
                .as_str()
                .map(|m| (m.to_owned(), mail(&renaming, m, i)))
        })
        .collect();
    for row in files.rows_mut("owners") {
        change(&mut row["email"], |m| mails[m].clone());
    }
    for payout in files.rows_mut("card_payouts") {
        for charge in payout["charges"].as_array_mut().into_iter().flatten() {
            change(&mut charge["customer_email"], |m| {
                mails.get(m).cloned().unwrap_or_else(|| m.to_owned())
            });
        }
    }
    for batch in files.rows_mut("sepa_batches") {
        for entry in batch["entries"].as_array_mut().into_iter().flatten() {
            change(&mut entry["debtor_name"], |t| renaming.apply(t));
            change(&mut entry["creditor_name"], |t| renaming.apply(t));
        }
    }
    for row in files.rows_mut("suppliers") {
        change(&mut row["name"], |t| renaming.apply(t));
    }
    for row in files.rows_mut("invoices") {
        change(&mut row["supplier_name"], |t| renaming.apply(t));
    }
    for slip in files.rows_mut("cheque_deposits") {
        for cheque in slip["cheques"].as_array_mut().into_iter().flatten() {
            change(&mut cheque["drawer_name"], |t| renaming.apply(t));
        }
    }
    for row in files.rows_mut("transactions") {
        change(&mut row["original_wording"], |t| renaming.apply_label(t));
    }
}

/// `first.last@…` with the new names, or a nickname when the old one was none.
fn mail(renaming: &Renaming, old: &str, i: usize) -> String {
    let (local, host) = old.split_once('@').unwrap_or((old, "mail.example.test"));
    let squeeze = |n: &str| plain(n).to_lowercase().replace([' ', '\''], "");
    let new = |part: &str| {
        renaming
            .whole
            .iter()
            .find(|(o, _)| squeeze(o) == part)
            .map(|(_, n)| squeeze(n))
    };
    match local
        .split_once('.')
        .and_then(|(f, l)| Some((new(f)?, new(l)?)))
    {
        Some((first, last)) => format!("{first}.{last}@{host}"),
        None => format!("contact{i}@{host}"),
    }
}

fn change(value: &mut Value, with: impl FnOnce(&str) -> String) {
    if let Some(text) = value.as_str() {
        *value = Value::String(with(text));
    }
}

/// `APF25T1-0002` → `AF/2025/01/0002`, `1281 0002 85` → `85-0002/1281`, `L27/T2-23/C0024` → `CF23.2.0024.27`.
fn references(files: &mut Files) {
    for row in files.rows_mut("receivables") {
        change(&mut row["payment_reference"], reform);
    }
    for payout in files.rows_mut("card_payouts") {
        for charge in payout["charges"].as_array_mut().into_iter().flatten() {
            change(&mut charge["description"], reform);
        }
    }
    for row in files.rows_mut("transactions") {
        change(&mut row["original_wording"], reform);
    }
}

fn reform(text: &str) -> String {
    static PATTERNS: LazyLock<[Regex; 4]> = LazyLock::new(|| {
        [
            r"\bA([PE])F(F*)(\d\d)T(\d)([- ]?)(\d{4})\b",
            r"\bAPF(\d\d)T(\d)([- ])(\d{0,3})( |$)",
            r"\b(12\d\d)( ?)(\d{4})( ?)(\d\d)\b",
            r"\bL(\d+)([/ ]?)T(\d)([- ]?)(\d\d)([/ ]?)C(\d{4})\b",
        ]
        .map(|p| Regex::new(p).expect("a pattern"))
    });
    let [one, cut, two, three] = &*PATTERNS;
    let text = one.replace_all(text, |c: &Captures<'_>| {
        let glue = if &c[5] == "-" { "/" } else { &c[5] };
        let typo = if &c[1] == "E" { "AE" } else { "AF" };
        let typo = format!("{typo}{}", &c[2]);
        format!("{typo}{glue}20{}{glue}0{}{glue}{}", &c[3], &c[4], &c[6])
    });
    let text = cut.replace_all(&text, "AF/20$1/0$2/$4$5");
    let text = two.replace_all(&text, |c: &Captures<'_>| {
        if &c[2] == " " {
            format!("{}-{}/{}", &c[5], &c[3], &c[1])
        } else {
            format!("{}{}{}", &c[5], &c[3], &c[1])
        }
    });
    three
        .replace_all(&text, |c: &Captures<'_>| {
            let glue = if &c[2] == "/" { "." } else { &c[2] };
            format!(
                "CF{}{glue}{}{glue}{}{glue}{:0>3}",
                &c[5], &c[3], &c[7], &c[1]
            )
        })
        .into_owned()
}
