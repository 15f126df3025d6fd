//! Names inside statements that take no parameters.

use std::fmt;

/// An SQL identifier, quoted when displayed.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_inside_a_name_stays_inside() {
        assert_eq!(Name("a\"b").to_string(), "\"a\"\"b\"");
    }
}
