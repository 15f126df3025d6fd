//! `copro workflow schema`: the JSON Schema of the language, for editors.

use engine::language;

use super::Done;
use crate::app::registry;
use crate::screen::Screen;

/// Prints the schema.
pub fn execute(screen: &Screen) -> Done {
    let schema = language::schema(&registry());
    screen.line(&format!("{schema:#}"));
    Done::Well
}
