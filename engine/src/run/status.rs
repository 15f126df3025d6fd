//! The words for how runs and steps stand.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$each])* $variant,)* }

        impl $name {
            /// The word, as stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The status of this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// How a run stands.
    RunStatus {
        /// Accepted; nobody has begun it, or nobody goes on with it yet.
        Queued = "queued",
        /// A worker has it.
        Running = "running",
        /// Nobody has it: it waits for a time or for an answer.
        Waiting = "waiting",
        /// Ended well.
        Succeeded = "succeeded",
        /// A step failed and nothing handled it.
        Failed = "failed",
        /// Someone cancelled it.
        Cancelled = "cancelled",
        /// Its time was over.
        TimedOut = "timed_out",
    }
}

words! {
    /// How an attempt of a step stands.
    StepStatus {
        /// Begun: the intent of an effect, or a loop.
        Running = "running",
        /// A person is asked what became of it.
        Waiting = "waiting",
        /// Ended with an output.
        Succeeded = "succeeded",
        /// Ended with an error.
        Failed = "failed",
        /// Aborted because its run was.
        Cancelled = "cancelled",
        /// Its time was over.
        TimedOut = "timed_out",
        /// Its condition was false, or all it needs was skipped.
        Skipped = "skipped",
    }
}

impl RunStatus {
    /// Whether the run has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Waiting)
    }
}

impl StepStatus {
    /// Whether the attempt has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Running | Self::Waiting)
    }
}
