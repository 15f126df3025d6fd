//! What someone who mistyped a name may have meant.

/// The known name nearest to this one, when one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().max(candidate.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let known = ["bank.fetch", "llm.choose", "set"];
        assert_eq!(nearest("bank.fecth", known), Some("bank.fetch"));
        assert_eq!(nearest("sett", known), Some("set"));
        assert_eq!(nearest("approval", known), None);
    }
}
