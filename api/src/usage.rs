//! What was typed wrongly, said in the language of the screen.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ValueEnum;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::screen::{Screen, Style};
use crate::words::{Language, Words};

/// The exit code of a command that was not understood.
const MISUSED: u8 = 2;

/// The language that `--lang` asks for, before anything is parsed: help and
/// complaints are in it too.
pub fn language_asked(arguments: impl IntoIterator<Item = OsString>) -> Option<Language> {
    let mut arguments = arguments.into_iter().skip(1);
    while let Some(argument) = arguments.next() {
        let argument = argument.to_string_lossy();
        let value = match argument.strip_prefix("--lang") {
            Some("") => arguments.next()?.to_string_lossy().into_owned(),
            Some(rest) => rest.strip_prefix('=')?.to_owned(),
            None => continue,
        };
        return Language::from_str(&value, true).ok();
    }
    None
}

/// Prints help, or what is wrong with the command; returns the exit code.
pub fn explain(error: &clap::Error, words: &Words) -> ExitCode {
    let wanted = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if wanted || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return if wanted {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(MISUSED)
        };
    }
    let get = |kind| error.get(kind).map(shown).unwrap_or_default();
    let (argument, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
    let text = match error.kind() {
        ErrorKind::UnknownArgument => {
            words.text("cli.bad.unknown_argument", &[("found", &argument)])
        }
        ErrorKind::InvalidSubcommand => words.text(
            "cli.bad.unknown_command",
            &[("found", &get(ContextKind::InvalidSubcommand))],
        ),
        ErrorKind::MissingRequiredArgument => {
            words.text("cli.bad.missing", &[("found", &argument)])
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if value.is_empty() => {
            words.text("cli.bad.missing", &[("found", &argument)])
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            words.text("cli.bad.value", &[("found", &value), ("arg", &argument)])
        }
        _ => words.say("cli.bad.other"),
    };
    let near = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .map(get)
    .find(|near| !near.is_empty());
    let screen = Screen::stderr();
    screen.line_to_stderr(&format!(
        "{} {text}",
        screen.paint(Style::Red, &words.say("error_mark"))
    ));
    if let Some(near) = near {
        screen.line_to_stderr(&format!(
            "→ {}",
            words.text("cli.bad.near", &[("near", &near)])
        ));
    }
    screen.line_to_stderr(&format!(
        "→ {}",
        words.text("cli.bad.see", &[("command", "copro")])
    ));
    ExitCode::from(MISUSED)
}

fn shown(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(values) => values.join(", "),
        ContextValue::None => String::new(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Option<Language> {
        language_asked(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_language_is_known_before_the_command_is() {
        assert_eq!(
            asked(&["copro", "nonsense", "--lang=en"]),
            Some(Language::English)
        );
        assert_eq!(
            asked(&["copro", "--lang", "FR", "demo"]),
            Some(Language::French)
        );
        assert_eq!(asked(&["copro", "demo"]), None);
    }
}
