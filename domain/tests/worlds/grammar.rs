//! How other banks would write the same line.

use regex::Regex;

use super::mutate::Grammar;

/// Other words for the same motif.
pub fn motifs(label: &str) -> String {
    const WORDS: [(&str, &str); 30] = [
        ("REGLEMENT APPEL", "REGLT AF"),
        ("APPEL DE FONDS", "AP FDS"),
        ("CHARGES COPROPRIETE", "CHGES COPRO"),
        ("CHARGES COPRO", "CH COPRO"),
        ("CHARGES IMMEUBLE", "CHARGES RESIDENCE"),
        ("CHARGES RETARD", "RETARD CHGES"),
        ("SYNDIC ", "GESTION "),
        ("PAIEMENT", "VERST"),
        ("APPARTEMENT", "MON APPART"),
        ("LOGEMENT", "APP"),
        ("PORTE", "PTE"),
        ("APPT", "APP"),
        ("PROVISIONS", "PROVIS"),
        ("APPEL TRAVAUX", "QP TRAVAUX"),
        ("REMBOURSEMENT TROP PERCU", "REMBOURST TROP VERSE"),
        ("REMB DOUBLE PAIEMENT", "RBT DOUBLE VERSEMENT"),
        ("TROP PERCU CHARGES", "TROP PERCU SUR CHARGES"),
        ("VOTRE FACTURE DU", "VTRE FACT DU"),
        ("SALAIRE", "REMUNERATION"),
        ("FRAIS DE TENUE DE COMPTE", "FRAIS GESTION COMPTE"),
        ("ABONNEMENT BNP NET ENTREPRISES", "FORFAIT BANQUE EN LIGNE"),
        ("ABONNEMENT SOGECASH NET", "FORFAIT EBICS T"),
        ("COTISATION COMPTE A COMPOSER PRO", "OFFRE PRO MENSUELLE"),
        ("ABON LCL ACCESS", "SERVICE BANQUE A DISTANCE"),
        ("ABON LCL A LA CARTE PRO", "FORMULE PRO"),
        ("COTISATION CA EDI WEB", "FACTURATION TELETRANSMISSION"),
        ("TRAIT. REMISE PRLV SEPA", "TRAITEMENT FICHIER PRELEVEMENTS"),
        ("INTERETS CREDITEURS", "INTERETS ACQUIS"),
        ("REMUNERATION NETTE COMPTE EPARGNE", "INTERETS NETS LIVRET"),
        ("CPTE TRAVAUX ALUR", "EPARGNE TRAVAUX LOI ALUR"),
    ];
    let mut label = label.split_whitespace().collect::<Vec<_>>().join(" ");
    for (old, new) in WORDS {
        label = label.replace(old, new);
    }
    label
}

/// Which of the three forms a grammar starts from.
fn form_of(grammar: Grammar) -> usize {
    if grammar == Grammar::Alien {
        0
    } else {
        grammar as usize
    }
}

/// Words that no list of ours holds.
pub fn alien(label: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("VIREMENT INSTANTANE DE ", "MOUVT INSTANTT ENTREE "),
        ("VIREMENT PERMANENT ", "MOUVT REGULIER "),
        ("VIREMENT DE ", "MOUVT CREDITEUR "),
        ("VIREMENT POUR ", "MOUVT DEBITEUR "),
        ("VIREMENT ", "MOUVT "),
        (" REFERENCE : ", " OPE "),
        ("PRELEVEMENT DE ", "PRELEVT CREANCIER "),
        ("REMISE DE CHEQUES N ", "DEPOT CHEQUES "),
        ("PRELEVEMENT REJETE ", "REJET PRELEVT "),
    ];
    WORDS.iter().fold(label.to_owned(), |label, (old, new)| {
        label.replace(old, new)
    })
}

/// Writes lines as another bank would.
pub struct Translator {
    pub grammar: Grammar,
    rules: Vec<(Regex, &'static str)>,
}

impl Translator {
    /// Prepares the forms of a grammar.
    pub fn new(grammar: Grammar) -> Self {
        let rules = RULES
            .iter()
            .map(|(p, forms)| (Regex::new(p).expect("a pattern"), forms[form_of(grammar)]))
            .collect();
        Self { grammar, rules }
    }

    /// The same line as the other bank would write it.
    pub fn translate(&self, label: &str) -> String {
        let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
        for (pattern, form) in &self.rules {
            if pattern.is_match(&label) {
                let done = pattern.replace(&label, *form).into_owned();
                return done
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .trim_end_matches(" -")
                    .to_owned();
            }
        }
        for (old, forms) in PREFIXES {
            if let Some(rest) = label.strip_prefix(old) {
                return format!("{}{rest}", forms[form_of(self.grammar)]);
            }
        }
        label
    }
}

const RULES: [(&str, [&str; 3]); 22] = [
    (
        r"^VIR(?:EMENT)? SEPA RECU /DE (?P<p>.*?) /MOTIF ?(?P<m>.*?) /REF ?(?P<r>.*)$",
        [
            "VIREMENT DE $p $m REFERENCE : $r",
            "VIR $p - $m",
            "VRT RECU /FRM $p /EID $r /RNF $m",
        ],
    ),
    (
        r"^VIR(?:EMENT)? SEPA INST RECU /DE (?P<p>.*?) /REF ?(?P<r>.*?) ?/MOTIF ?(?P<m>.*)$",
        [
            "VIREMENT INSTANTANE DE $p $m REFERENCE : $r",
            "VIR INST $p - $m",
            "VRT INST RECU /FRM $p /EID $r /RNF $m",
        ],
    ),
    (
        r"^VIR INST RE (?P<n>\d+) DE: (?P<p>.*?) DATE: (?P<d>\S+) \S+(?: MOTIF: (?P<m>.*?))?(?: REF: (?P<r>.*))?$",
        [
            "VIREMENT INSTANTANE DE $p $m",
            "VIR INST $p - $m",
            "VRT INST RECU /FRM $p /EID $n /RNF $m",
        ],
    ),
    (
        r"^VIR RECU (?P<n>\d+[A-Z]) DE: (?P<p>.*?)(?: MOTIF: (?P<m>.*?))?(?: REF: (?P<r>.*))?$",
        [
            "VIREMENT DE $p $m REFERENCE : $n",
            "VIR $p - $m $r",
            "VRT RECU /FRM $p /EID $n /RNF $m $r",
        ],
    ),
    (
        r"^VIREMENT EN VOTRE FAVEUR VIR INST de ",
        [
            "VIREMENT INSTANTANE DE ",
            "VIR INST ",
            "VRT INST RECU /FRM ",
        ],
    ),
    (
        r"^VIREMENT EN VOTRE FAVEUR ",
        ["VIREMENT DE ", "VIR ", "VRT RECU /FRM "],
    ),
    (
        r"^VIR SEPA EMIS REMISE /REF (?P<r>\S+) /NB (?P<n>\d+)$",
        [
            "VIREMENT REMISE $r $n OPERATIONS",
            "VIR REMISE $r",
            "VRT EMIS FICHIER /EID $r /NBR $n",
        ],
    ),
    (
        r"^\d+ VIR EUROPEEN EMIS REMISE REF: (?P<r>\S+) NBRE: (?P<n>\d+)$",
        [
            "VIREMENT REMISE $r $n OPERATIONS",
            "VIR REMISE $r",
            "VRT EMIS FICHIER /EID $r /NBR $n",
        ],
    ),
    (
        r"^VIR SEPA EMIS /MOTIF ?(?P<m>.*?) /BEN (?P<p>.*?) /REFDO ?(?P<r>.*?) ?/REFBEN.*$",
        [
            "VIREMENT POUR $p $m",
            "VIR $p - $m",
            "VRT EMIS /BNF $p /EID $r /RNF $m",
        ],
    ),
    (
        r"^\d+ VIR EUROPEEN EMIS LOGITEL POUR: (?P<p>.*?) \d\d \d\d BQ \d+ CPT \S+ REF: (?P<r>\S+) MOTIF: ?(?P<m>.*?) CHEZ: \S+$",
        [
            "VIREMENT POUR $p $m",
            "VIR $p - $m",
            "VRT EMIS /BNF $p /EID $r /RNF $m",
        ],
    ),
    (
        r"^VIREMENT EMIS WEB ",
        ["VIREMENT POUR ", "VIR ", "VRT EMIS /BNF "],
    ),
    (
        r"^VIR CPTE A CPTE EMIS ",
        ["VIREMENT POUR ", "VIR VERS ", "VRT INTERNE EMIS /BNF "],
    ),
    (
        r"^VIR CPTE A CPTE RECU ",
        ["VIREMENT DE ", "VIR DE ", "VRT INTERNE RECU /FRM "],
    ),
    (
        r"^\d+ VIR PERM POUR: (?P<p>.*?) MOTIF: .*$",
        [
            "VIREMENT PERMANENT POUR $p",
            "VIR PERM $p",
            "VRT PERM EMIS /BNF $p",
        ],
    ),
    (
        r"^PRLV SEPA (?P<p>.*?) ECH/\S+ ID EMETTEUR/(?P<i>\S+) MDT/(?P<d>\S+) REF/(?P<r>\S+) LIB/(?P<m>.*)$",
        [
            "PRELEVEMENT DE $p $m REF : $r",
            "PRLV $p $m",
            "PRLV CORE /CRED $p /ICS $i /MDT $d /RNF $m",
        ],
    ),
    (
        r"^PRELEVEMENT EUROPEEN \d+ DE: (?P<p>.*?) ID: (?P<i>\S+) MOTIF: ?(?P<m>.*?) REF: (?P<r>\S+) MANDAT (?P<d>\S+)$",
        [
            "PRELEVEMENT DE $p $m REF : $r",
            "PRLV $p $m",
            "PRLV CORE /CRED $p /ICS $i /MDT $d /RNF $m",
        ],
    ),
    (
        r"^PRLV SEPA IMPAYE /DE (?P<p>.*?) /MOTIF (?P<m>.*?) /REF (?P<r>.*)$",
        [
            "PRELEVEMENT REJETE $p $m $r",
            "REJET PRLV $p $r",
            "RETOUR PRLV /DBTR $p /RSN $m /EID $r",
        ],
    ),
    (
        r"^IMPAYE PRELEVEMENT EUROPEEN DE: (?P<p>.*?) MOTIF: (?P<m>.*?) REF: (?P<r>.*)$",
        [
            "PRELEVEMENT REJETE $p $m $r",
            "REJET PRLV $p $r",
            "RETOUR PRLV /DBTR $p /RSN $m /EID $r",
        ],
    ),
    (
        r"^REMISE CHEQUES? BORDEREAU (?P<r>\d+)(?: DE \d+ CHQ)?$",
        [
            "REMISE DE CHEQUES N $r",
            "REM CHQ $r",
            "VERSEMENT CHEQUES /REM $r",
        ],
    ),
    (
        r"^REMISE (?:DE )?CHEQUE (?P<r>\d+) .*$",
        [
            "REMISE DE CHEQUES N $r",
            "REM CHQ $r",
            "VERSEMENT CHEQUES /REM $r",
        ],
    ),
    (
        r"^CREDIT REMISE PRELEVEMENTS SEPA CORE (?P<n>\d+) OP$",
        [
            "REMISE DE PRELEVEMENTS $n OPERATIONS",
            "REM PRLV $n",
            "REMISE PRLV CORE /NBR $n",
        ],
    ),
    (
        r"^(?:REMISE PRLV SEPA /REF|REMISE PRELEVEMENT EUROPEEN|REMISE PRELEVEMENTS|REM PRLV SEPA) (?P<r>[A-Z]+\d+).*$",
        [
            "REMISE DE PRELEVEMENTS $r",
            "REM PRLV $r",
            "REMISE PRLV CORE /EID $r",
        ],
    ),
];

const PREFIXES: [(&str, [&str; 3]); 5] = [
    (
        "VIR SEPA RECU /DE ",
        ["VIREMENT DE ", "VIR ", "VRT RECU /FRM "],
    ),
    (
        "VIR INST ",
        [
            "VIREMENT INSTANTANE DE ",
            "VIR INST ",
            "VRT INST RECU /FRM ",
        ],
    ),
    (
        "VIR.PERMANENT ",
        ["VIREMENT PERMANENT DE ", "VIR PERM ", "VRT PERM /FRM "],
    ),
    ("VIR SEPA ", ["VIREMENT ", "VIR ", "VRT "]),
    ("PRLV SEPA ", ["PRELEVEMENT ", "PRLV ", "PRLV CORE "]),
];
