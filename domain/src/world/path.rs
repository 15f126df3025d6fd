//! Where a value stands inside a record.

use std::fmt;

/// The way from a record to one of its values: `entries[3].receivable_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<Segment>);

/// One step of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field of an object.
    Field(&'static str),
    /// A place in a list, counted from 0.
    Index(usize),
}

impl FieldPath {
    /// One field of the record.
    #[must_use]
    pub fn field(name: &'static str) -> Self {
        Self::default().then(name)
    }

    /// A field below.
    #[must_use]
    pub fn then(&self, name: &'static str) -> Self {
        self.with(Segment::Field(name))
    }

    /// A place in the list, counted from 0.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    /// Whether it is the record itself.
    #[must_use]
    pub fn is_record(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if place == 0 => write!(f, "{name}")?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
