//! The workflows that ship with the binary.

/// A workflow that ships with the binary.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// Its YAML text.
    pub source: &'static str,
}

/// Reconciles the bank transactions of a condominium.
pub const BANK_RECONCILIATION: Shipped = Shipped {
    name: "bank-reconciliation",
    source: include_str!("../../workflows/bank-reconciliation.yaml"),
};

/// Gives a person's answer for a bank transaction.
pub const RECONCILIATION_DECIDE: Shipped = Shipped {
    name: "reconciliation-decide",
    source: include_str!("../../workflows/reconciliation-decide.yaml"),
};

/// Takes a decision back.
pub const RECONCILIATION_UNDO: Shipped = Shipped {
    name: "reconciliation-undo",
    source: include_str!("../../workflows/reconciliation-undo.yaml"),
};

/// All of them, by name.
pub const ALL: [Shipped; 3] = [
    BANK_RECONCILIATION,
    RECONCILIATION_DECIDE,
    RECONCILIATION_UNDO,
];

/// The one of this name.
#[must_use]
pub fn find(name: &str) -> Option<Shipped> {
    ALL.into_iter().find(|shipped| shipped.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_workflow_is_sound_and_has_the_name_of_its_file() {
        for shipped in ALL {
            let checked = engine::language::check(shipped.source, &crate::app::registry());
            let plan = checked
                .plan
                .unwrap_or_else(|| panic!("{}: {:?}", shipped.name, checked.diagnostics));
            assert_eq!(plan.name, shipped.name);
        }
    }
}
