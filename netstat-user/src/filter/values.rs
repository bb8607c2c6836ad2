//! Plain values, any of which will do: process ids, user ids, namespaces.

use super::endpoint::Alternatives;

/// The values that one option lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values<T>(Vec<T>);

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for Values<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: Copy + PartialEq> Values<T> {
    /// Whether nothing was asked for, or this is one of the values.
    pub fn allow(&self, value: T) -> bool {
        self.0.is_empty() || self.0.contains(&value)
    }
}

impl<T: Copy + PartialEq> Alternatives for Values<T> {
    type Value = T;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, value: T) -> bool {
        self.0.contains(&value)
    }
}
