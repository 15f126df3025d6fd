//! The common words of French bank labels.
//!
//! Short lists of the words every bank and payer uses; they only tell where a
//! name ends. A word that is missing costs a review, never a wrong posting.

/// Words of the operation itself, before the payer.
pub(super) fn is_operator(word: &str) -> bool {
    matches!(
        word,
        "VIR" | "VIRT" | "VRT" | "VIREMENT" | "VIREMENTS" | "SEPA" | "SCT" | "INST" | "INSTANTANE" | "INSTANT" | "RECU"
            | "RECUE" | "RECUS" | "RECEPTION" | "EMIS" | "EMISE" | "EMISSION" | "EN" | "VOTRE" | "NOTRE" | "FAVEUR"
            | "PERM" | "PERMANENT" | "EUROPEEN" | "LOGITEL" | "WEB" | "CREDIT" | "DEBIT" | "ORDRE" | "RE" | "PRLV"
            | "PRLVT" | "PRELEVEMENT" | "PRELVT" | "PRELEVT" | "PRV" | "CORE" | "B2B" | "SDD" | "TRANSFERT" | "VERSEMENT"
            | "ENCAISSEMENT" | "ENC" | "ENCAISST" | "VERST" | "VRST" | "IMMEDIAT" | "FROM" | "OF" | "ENTRANT" | "SORTANT" | "EXTERNE" | "ORIGINE" | "PROVENANCE" | "DEPUIS" | "INTERNET" | "TELETRANSMIS"
            | "EBICS" | "CPTE" | "A" | "DE" | "DU" | "POUR" | "VERS" | "PAR" | "LA" | "TRF"
    )
}

/// Civilities and the words that join two persons.
pub(super) fn is_civility(word: &str) -> bool {
    matches!(
        word,
        "M" | "MR" | "MONSIEUR" | "MME" | "MADAME" | "MLLE" | "MLE" | "MADEMOISELLE" | "MM" | "OU" | "ET" | "EP"
            | "EPOUSE" | "NEE" | "VEUVE" | "VVE" | "ME" | "MAITRE" | "DR"
    )
}

/// Legal forms and kinds of owner groups.
pub(super) fn is_legal_form(word: &str) -> bool {
    matches!(
        word,
        "SCI" | "SARL" | "SAS" | "SASU" | "EURL" | "SA" | "SNC" | "SCP" | "SELARL" | "SCS" | "ASSOCIATION" | "ASS"
            | "INDIVISION" | "INDIV" | "SUCCESSION" | "STE" | "SOCIETE" | "ETS" | "CIE" | "LTD" | "GMBH"
    )
}

/// Particles of names.
pub(super) fn is_particle(word: &str) -> bool {
    matches!(word, "DE" | "DU" | "DES" | "LA" | "LE" | "LES" | "D" | "L" | "AUX" | "VAN" | "VON" | "DA" | "DI" | "DEL" | "EL")
}

/// Words of a motif: why one pays, never who.
pub(super) fn is_motif(word: &str) -> bool {
    matches!(
        word,
        "CHARGE" | "CHARGES" | "CHG" | "CHGS" | "CHARG" | "APPEL" | "APPELS" | "APL" | "ADF" | "FONDS" | "PROVISION"
            | "PROVISIONS" | "PROV" | "COPRO" | "COPROPRIETE" | "COPROP" | "SYNDIC" | "SYNDICAT" | "IMMEUBLE" | "LOT"
            | "LOTS" | "LT" | "APPT" | "APT" | "APPARTEMENT" | "APPART" | "LOGEMENT" | "PORTE" | "BAT" | "BATIMENT"
            | "ESC" | "ESCALIER" | "ETAGE" | "REF" | "REFERENCE" | "COMPTE" | "CPTE" | "CPT" | "NO" | "NUM" | "NUMERO"
            | "REGLEMENT" | "REGL" | "RGLT" | "PAIEMENT" | "PAIEMENTS" | "PMT" | "PAYMENT" | "VIR" | "VIREMENT" | "VRT"
            | "TRAVAUX" | "TVX" | "TRIM" | "TRIMESTRE" | "TRIMESTRIEL" | "LOYER" | "LOYERS" | "CRG" | "SOLDE" | "REGUL"
            | "REGULARISATION" | "RELANCE" | "FACTURE" | "FACTURES" | "FACT" | "FAC" | "FRAIS" | "NOTPROVIDED" | "NON"
            | "RENSEIGNE" | "NONREF" | "VENTE" | "VTE" | "MUTATION" | "REMBOURSEMENT" | "REMBT" | "REMB" | "TROP"
            | "PERCU" | "AVOIR" | "RELEVE" | "SALAIRE" | "PAIE" | "PAYE" | "MENSUALITE" | "ECHEANCE" | "PLAN" | "JANVIER"
            | "JANV" | "JAN" | "FEVRIER" | "FEV" | "FEVR" | "MARS" | "AVRIL" | "AVR" | "MAI" | "JUIN" | "JUILLET"
            | "JUIL" | "AOUT" | "SEPTEMBRE" | "SEPT" | "OCTOBRE" | "OCT" | "NOVEMBRE" | "NOV" | "DECEMBRE" | "DEC"
            | "APP" | "PTE" | "CH" | "CHGES" | "CHRGES" | "CHARGS" | "AF" | "AP" | "FDS" | "QP" | "VERST" | "VERSEMENT" | "VERSMT" | "REGLT"
            | "REGLMT" | "REGLEMENTS" | "RGT" | "RETARD" | "GESTION" | "PROVIS" | "TRIMESTRIELLE" | "TRIMESTRIELLES" | "MENSUEL" | "MENSUELLE"
            | "MERCI" | "CORDIALEMENT" | "SUR" | "RAPPEL" | "ARRIERE" | "ARRIERES" | "IMPAYES" | "PREMIER" | "DEUXIEME"
            | "TROISIEME" | "QUATRIEME" | "RBT" | "REMBOURST" | "MOTIF" | "COTISATION" | "QUOTE" | "PART" | "BUDGET" | "ACOMPTE" | "AVANCE" | "ANNEE" | "MOIS" | "RESIDENCE"
            | "OPPOSITION" | "REMISE" | "CHEZ" | "MANDAT" | "DATE" | "ICS" | "RUM" | "ECH" | "IMPAYE" | "REJET"
    )
}

/// Words in the names of many companies: they tell none of them apart.
pub(super) fn is_generic(word: &str) -> bool {
    matches!(
        word,
        "FRANCE" | "GROUPE" | "SERVICE" | "SERVICES" | "ENTREPRISE" | "ENTREPRISES" | "SOCIETE" | "CABINET" | "AGENCE"
            | "COMPAGNIE" | "GENERALE" | "EXPRESS" | "NATIONAL" | "EUROPE" | "CLIENTS" | "FILS" | "PERE"
    )
}
