//! Passwords: how strong they must be, and what is kept of them.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use zxcvbn::Score;

/// The longest that is worked on, in bytes.
pub const LONGEST: usize = 256;

/// What a password is compared with when there is none: the answer takes as long.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

/// Whether a password is hard to guess, for somebody with this e-mail and name.
#[must_use]
pub fn is_strong(password: &str, about: &[&str]) -> bool {
    if password.len() > LONGEST {
        return false;
    }
    let mut rest = password.to_lowercase();
    let known = about
        .iter()
        .flat_map(|it| it.split(|c: char| !c.is_alphanumeric()));
    // What is known of somebody makes nothing harder to guess.
    for word in known.filter(|word| word.chars().count() > 2) {
        rest = rest.replace(&word.to_lowercase(), "");
    }
    let strong = |text: &str| zxcvbn::zxcvbn(text, about).score() >= Score::Three;
    strong(password) && strong(&rest)
}

/// What is kept of a password: Argon2id, with a salt of its own. Takes a while.
///
/// # Errors
/// When the machine has no random numbers.
pub fn hash(password: &str) -> Result<String, Error> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

/// Whether this is the password that was kept; without one, it takes as long and is not.
#[must_use]
pub fn is_right(password: &str, kept: Option<&str>) -> bool {
    let against = kept.unwrap_or(&NOBODY);
    let Ok(hash) = PasswordHash::new(against) else {
        return false;
    };
    let right = Argon2::default().verify_password(password.as_bytes(), &hash);
    right.is_ok() && kept.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_is_nowhere_in_what_is_kept() {
        let kept = hash("trois vieux platanes").unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert!(!kept.contains("platanes"));
        assert_ne!(kept, hash("trois vieux platanes").unwrap());
        assert!(is_right("trois vieux platanes", Some(&kept)));
        assert!(!is_right("trois vieux platane", Some(&kept)));
        assert!(!is_right("nobody has this password", None));
        assert!(!is_right("anything", Some("not a hash")));
    }

    #[test]
    fn what_is_easily_guessed_is_refused() {
        let about = ["claire.martin@syndic.example", "Claire Martin"];
        for weak in [
            "",
            "password1",
            "azerty123",
            "claire.martin",
            "ClaireMartin75",
            "aaaaaaaaaaaa",
        ] {
            assert!(!is_strong(weak, &about), "{weak}");
        }
        assert!(is_strong("trois vieux platanes", &about));
        assert!(!is_strong(&"trois vieux platanes".repeat(20), &about));
    }
}
