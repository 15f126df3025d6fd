//! Why a run ends although nothing of it failed and nobody asked for it.

use crate::text;
use crate::text::Text;

/// Why a run ends, `cancelled`, for the sake of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `policy: drop`: another was at work when it was to start.
    Dropped,
    /// `policy: replace`: a newer one takes its place.
    Replaced,
    /// `policy: latest`, `debounce`: a newer one came before it could start.
    Superseded,
}

impl Refusal {
    /// The word, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Replaced => "replaced",
            Self::Superseded => "superseded",
        }
    }

    /// The refusal of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Dropped, Self::Replaced, Self::Superseded]
            .into_iter()
            .find(|it| it.as_str() == word)
    }

    /// Stable code of the run's error.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Dropped => "run.dropped",
            Self::Replaced => "run.replaced",
            Self::Superseded => "run.superseded",
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub fn message(self) -> Text {
        match self {
            Self::Dropped => {
                text!(
                    "another run held the `concurrency` key, and the policy is to drop the new one"
                )
            }
            Self::Replaced => {
                text!(
                    "a newer run took its `concurrency` key, and the policy is to replace the older one"
                )
            }
            Self::Superseded => {
                text!("a newer run came before it could start, and only the newest counts")
            }
        }
    }
}
